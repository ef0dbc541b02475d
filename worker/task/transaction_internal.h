/*
 * transaction: the transactions of a source task that delivers exactly once, one after another (KIP-618, docs/decisions/0012). The task
 * hands its records to the producer itself; offsets come by _put; what waits for brokers is a job, in slices, so that no thread is held by
 * a broker that does not answer.
 *
 *   SHUT ── _init ──▶ BUSY ──▶ NONE ── _begin ──▶ OPEN ── _commit, _abort ──▶ BUSY ──▶ NONE
 *                       └──────────────── the brokers will not ────────────────▶ BROKEN ── _abort ──▶ BUSY ──▶ BROKEN
 *
 * What a job has asked and got no answer to is asked again, until it is given up: then nobody can tell whether it was committed before
 * the next producer of the id has shut this one out; records and offsets go the same way.
 *
 * BROKEN is for good: the task fails, after an _abort where that helps (needs_abort), so that readers need not wait for the brokers'.
 *
 * Life: _create → _init … → _destroy, not while BUSY. thread: the task's, but for jobs, which touch nothing but the producer.
 */
#ifndef TASK_TRANSACTION_INTERNAL_H
#define TASK_TRANSACTION_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/producer_transaction.h"
#include "store/offset_store.h"

struct mr_arena;
struct mr_error;
struct producer_record;
struct producer_topic;
struct producer_user;
struct task;

#define TRANSACTION_SLICE_MS 1000 /* a job waits so long at most, then for its next turn */
#define TRANSACTION_RETRY_MS 100  /* no thread was free */

/* Has `call` run on a thread that may wait. false: not now; it is asked again soon. */
typedef bool transaction_run_fn(void *argument, void (*call)(void *), void *call_argument);

enum transaction_state { TRANSACTION_SHUT, TRANSACTION_NONE, TRANSACTION_OPEN, TRANSACTION_BUSY, TRANSACTION_BROKEN };

struct transaction_setup {
    struct task *task; /* woken when there is something to _follow */
    struct producer_user *user;
    struct offset_store *store;
    const char *offsets_topic;
    transaction_run_fn *run;
    void *run_argument;
};

typedef enum producer_transaction transaction_call_fn(struct producer_user *user, int64_t deadline_ms, struct mr_error **error);

struct transaction {
    struct transaction_setup setup;
    enum transaction_state state, was; /* was: before it was BUSY */
    bool needs_abort;
    bool is_fenced;
    bool is_given_up; /* set by the task: its time is over */
    struct mr_error *why; /* of BROKEN */

    transaction_call_fn *call; /* what a job is to do; NULL: nothing */
    bool is_posted;
    int64_t post_at_ms; /* INT64_MAX: no need */
    enum producer_transaction result;
    struct mr_error *result_error;
    atomic_bool job_ended;

    struct mr_arena *arena; /* of the offset records under way; NULL: none */
    struct producer_record *offsets;
    size_t offset_count, offsets_sent;
    struct offset_copy *copy; /* for after the commit; NULL: none */
    struct forgetting *forgetting; /* in the store below, before the commit; NULL: nothing */
    offset_done_fn *done; /* of the put; NULL: none */
    void *done_argument;
};

void transaction_init(struct transaction *transaction, const struct transaction_setup *setup);
void transaction_release(struct transaction *transaction);

/* Each but _begin and _put leads to BUSY. */
void transaction_shut_out_others(struct transaction *transaction);
int transaction_begin(struct transaction *transaction, struct mr_error **error); /* NONE → OPEN */
void transaction_commit(struct transaction *transaction);                       /* OPEN; what _put brought goes first */
void transaction_abort(struct transaction *transaction);                        /* OPEN, or BROKEN with needs_abort */

/* For offset_commit: as offset_store_put. `done` is told when the transaction is committed, or not. `argument`: the transaction, OPEN, or
 * NONE: then it begins. -1: it is BROKEN. */
int transaction_put(void *argument, const char *connector, const struct offset_entry *entries, size_t count,
                    offset_done_fn *done, void *done_argument, struct mr_error **error);

/* Goes on with what is BUSY. *wake_at_ms is lowered to when it wants to be called again, at the latest. */
enum transaction_state transaction_follow(struct transaction *transaction, int64_t *wake_at_ms);

#endif
