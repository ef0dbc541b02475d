/*
 * promise: one answer from another thread, for callers that wait with a deadline. Refcounted: a caller that gave up leaves
 * it to the thread that answers late.
 */
#ifndef KAFKA_PROMISE_INTERNAL_H
#define KAFKA_PROMISE_INTERNAL_H

#include <stdint.h>

struct mr_error;
struct promise;

struct promise *promise_create(void);              /* two references: the waiter's and the answerer's; NULL: no memory */
void promise_drop(struct promise *promise);
/* Answers and drops the answerer's reference. A compacted_log_done_fn. */
void promise_keep(void *promise, const struct mr_error *error);
/* Waits and drops the waiter's reference. -1: the answer's error, or MR_ERR_TIMEOUT with what. */
int promise_wait(struct promise *promise, int64_t deadline_ms, const char *what, struct mr_error **error);

#endif
