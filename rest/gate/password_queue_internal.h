/*
 * password_queue: who waits for a password to be hashed, in the order they came, and the threads that do it. Limits: gate.h. Who has logged
 * in from there before has places of their own, which come first: strangers who fill the others keep nobody out.
 *
 * thread: any. locks: its own, not held while a password is checked.
 */
#ifndef GATE_PASSWORD_QUEUE_INTERNAL_H
#define GATE_PASSWORD_QUEUE_INTERNAL_H

#include <stdbool.h>

#include "access/basic.h"
#include "base/network.h"
#include "gate/gate.h"

struct mr_error;
struct password_queue;

struct password_job {
    struct password_job *next;
    struct basic_credentials credentials;
    char network[NETWORK_SIZE];
    bool has_kept_place; /* the queue's */
    gate_told_fn *told;
    void *argument;
};
void password_job_destroy(struct password_job *job);

/* Tells, and destroys the job. is_stopping: without looking at the password. */
typedef void password_run_fn(void *context, struct password_job *job, bool is_stopping);

/* NULL: MR_ERR_NO_MEMORY, MR_ERR_CONNECT. */
struct password_queue *password_queue_start(password_run_fn *run, void *context, struct mr_error **error);
void password_queue_stop(struct password_queue *queue); /* NULL is fine */

/* is_at_home: that user has logged in from that network before. false: too many wait, or it stops; the job stays the caller's. */
bool password_queue_push(struct password_queue *queue, struct password_job *job, bool is_at_home);

#endif
