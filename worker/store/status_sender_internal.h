/*
 * status_sender: gets status records out without making anybody wait; see status_store_internal.h for the policy.
 *
 * thread: any. locks: its own, never while calling out. One thread of its own, started when something has to be sent
 * again for the first time.
 */
#ifndef STORE_STATUS_SENDER_INTERNAL_H
#define STORE_STATUS_SENDER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct mr_error;
struct status_log;
struct status_sender;
struct store_record;

/* What a record says about whom; texts are lent. */
struct status_message {
    const char *connector;
    bool is_task;
    uint32_t task;
    bool is_safe;            /* ask before every sending */
    const char *worker_id;   /* of a unit's status; NULL for a topic's */
    int32_t generation;
};

/* May this safe message still be written? Any thread, no lock held. */
typedef bool status_may_write_fn(void *argument, const struct status_message *message);

struct status_sender *status_sender_create(const struct status_log *log, void *log_argument,
                                           status_may_write_fn *may_write, void *argument);
/* What still waits to be sent again is given up. Everything sent must have been told of. NULL is fine. */
void status_sender_destroy(struct status_sender *sender);

/* Copies. false: no memory. */
bool status_sender_put(struct status_sender *sender, const struct store_record *record,
                       const struct status_message *message);
/* Waits until all that was put before is sent or given up. */
int status_sender_flush(struct status_sender *sender, int64_t deadline_ms, struct mr_error **error);

#endif
