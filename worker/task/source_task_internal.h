/*
 * source_task_internal: the state of a source task, shared by its files:
 *   source_task.c        life: create, prepare, start, stop, the step
 *   source_task_poll.c   poll and convert
 *   source_task_send.c   from converted to the producer: topics, flights, order
 *   source_task_acks.c   deliveries, commit_record, offsets
 *   source_task_letters.c  records that wait for their dead letters
 *   source_task_transaction.c  exactly once: where transactions end
 *   source_task_entry.c        exactly once: before the start, and when it is shut out
 */
#ifndef TASK_SOURCE_TASK_INTERNAL_H
#define TASK_SOURCE_TASK_INTERNAL_H

#include "pipeline/source_pipeline.h"
#include "sdk/contexts.h"
#include "sdk/record_layout.h"
#include "task/offset_commit_internal.h"
#include "task/rate_internal.h"
#include "task/source_batch_internal.h"
#include "task/source_task.h"
#include "task/task_internal.h"
#include "task/transaction_internal.h"

struct producer_topic;
struct producer_user;

/* Where the end of a task has come to. */
enum ending {
    ENDING_NOT,
    ENDING_DRAIN,  /* waiting for records under way */
    ENDING_COMMIT, /* the last offsets */
    ENDING_CLOSE,  /* plugin stopped; waiting for the producer to let go */
    ENDING_DONE
};

/* A record that was given up, until its dead letter is safe. */
struct letter_wait {
    struct mr_future *future; /* ours */
    struct mr_record *entry;
    struct flight *flight; /* refused by Kafka; NULL: was never sent */
    struct letter_wait *next;
};

/* FREE → DRAIN → COMMITTING → FREE, an abort: FREE → ABORTING → DRAIN, for its offsets. FREE or DRAIN → UNDOING: the task fails. */
enum source_stage { STAGE_FREE, STAGE_DRAIN, STAGE_COMMITTING, STAGE_ABORTING, STAGE_UNDOING };

/* What lies between the wish to start and the plugin's start. */
enum source_entry { ENTRY_ROUND, ENTRY_PRODUCER, ENTRY_OWNER, ENTRY_DONE };

/* Exactly once; unused without setup.run. */
struct source_exact {
    struct source_exactly_once setup; /* without offsets_topic */
    char *offsets_topic;
    struct transaction transaction;
    enum source_entry entry;
    struct mr_error *fenced; /* its producer was shut out: it asks by whom. NULL: no */
    struct mr_error *cause;  /* why the open transaction is being undone: the task fails for it. NULL: it is not */
    bool has_lost_lease;     /* since the last transaction began */
    bool is_outage;          /* its records were not taken in time, and are undone for that */
    bool is_emptied;         /* its records were aborted, their offsets remain */
    enum source_stage stage;
    enum source_cut cut;   /* the records up to the cursor are a transaction: it is to end */
    int64_t committed_ms;  /* when the last one did */
    atomic_bool gave_back; /* records of it came back unsent */
    atomic_bool awaits_offsets, gave_back_offsets; /* they are with the producer for a commit; they came back unsent then */
    bool is_undone;        /* at the task's end */
    struct mr_transaction boundaries;
    const struct mr_batch *polled; /* the last: wishes are about its records */
    enum source_cut batch_wish;
    const char *wish_mistake;
};

struct source_task {
    struct task task; /* first: the ops cast */
    struct source_task_setup setup;
    struct mr_source_context context;
    atomic_bool offsets_refreshed; /* the store has read everything written before our start */
    struct offset_refresh *refresh; /* asked for; NULL: not yet, or let go */
    struct plugin_wake *plugin_wake; /* poll now */
    char *_Atomic refresh_failure;   /* mem_strdup */

    struct batch_pool *pool;
    struct outgoing_list outgoing;

    struct mr_batch *unsent;       /* converted (into `outgoing`), waits for its topics; NULL: none */
    struct mr_error *unsent_error; /* fails the task after it; NULL: none */
    int64_t topics_at_ms;          /* ask for topics again */

    struct source_batch *first, *last; /* not yet let go, oldest first */
    struct source_batch *cursor;       /* the batch being handed to the producer; NULL: all is */
    uint32_t cursor_at;
    uint64_t held_bytes;               /* by all batches in the list */
    struct producer_user *user;
    atomic_bool swapped; /* the producer gave everything back: send again */
    atomic_uint refused; /* flights in state REFUSED */
    atomic_bool user_closed;

    struct letter_wait *first_letter, *last_letter; /* oldest first */

    struct offset_commit *commit;
    struct source_exact exact;
    struct rate rate;
    bool rate_waits;        /* it lets nothing be polled now */
    int64_t poll_at_ms;     /* not before */
    uint32_t poll_after_ms; /* the plugin's wish of this round; UINT32_MAX: until woken */
    bool poll_after_is_set;
    uint32_t idle_polls; /* in a row */
    bool is_lean;        /* idle, and what it used while busy is given back */

    enum ending ending;
    int64_t ending_deadline_ms;
    bool may_flush_again;
};

#define SOURCE_TASK_OF(base) ((struct source_task *)(void *)(base))

/* source_task_acks.c */
extern const struct producer_user_listener source_task_producer_listener;
/* Brings home what is acknowledged: commit_record, release of batches, refusals. -1: the task must fail. */
int source_task_take_acks(struct source_task *task, struct mr_error **error);
/* Starts or follows an offset flush; calls the plugin's commit() when one was stored. */
enum flush_state source_task_flush(struct source_task *task, bool force);
/* Lets everything go whatever its state: at the very end, when the producer holds nothing. */
void source_task_forget(struct source_task *task);
/* Of batches that are still under way; before the producer is closed. */
void source_task_tell_topics(struct source_task *task);

/* The flight counts as home. thread: the producer's, or the task's for what the producer does not hold. */
void source_task_flight_acked(struct flight *flight);
/* Calls commit_record for what is due. */
void source_task_commit_records(struct source_task *task);

/* source_task_letters.c */
/* Takes the future over, also on failure. -1: no memory. */
int source_task_await_letter(struct source_task *task, const struct letter_wait *wanted, struct mr_error **error);
/* The next record whose letter is safe. `done->future` is not to be used. */
bool source_task_take_letter(struct source_task *task, struct letter_wait *done);
void source_task_forget_letters(struct source_task *task);
/* One could not be written: the task fails for it, or for one of those that wait. */
void source_task_blame_letters(struct source_task *task);

/* source_task_send.c */
/* Takes over a batch that was polled and converted into `outgoing`; `failure` (may be NULL, taken over) ended that in the
 * middle: what came before goes its way, then the task fails. -1: it fails now. */
int source_task_accept(struct source_task *task, struct mr_batch *polled, struct mr_error *failure, struct mr_error **error);
/* Hands over what waits. -1: the task must fail. *all: nothing waits any more. */
int source_task_send(struct source_task *task, bool *all, struct mr_error **error);

/* source_task_transaction.c; all but _is_exact only where it says so. */
static inline bool source_task_is_exact(const struct source_task *task)
{
    return task->exact.setup.run != NULL;
}
int source_task_prepare_transactions(struct source_task *task);
/* The plugin's wishes from here on are about this batch. */
void source_task_polls(struct source_task *task, const struct mr_batch *batch);
/* Gives the batch its cuts. */
int source_task_cut(struct source_task *task, struct source_batch *batch, struct mr_error **error);
/* At the cursor: true: nothing beyond it is sent before the transaction has ended. */
bool source_task_stops_here(struct source_task *task);
/* Before records are handed over: in a transaction. */
int source_task_may_send(struct source_task *task, struct mr_error **error);
/* Goes on with a transaction that is to end. *is_free: none is. -1: the task must fail. */
int source_task_transact(struct source_task *task, bool *is_free, int64_t *wake_at_ms, struct mr_error **error);
/* Ends the open one after what was sent; none: nothing. */
void source_task_cut_now(struct source_task *task);
/* The same when it is due and nothing waits to be sent. -1: it is too large. */
int source_task_cut_in_time(struct source_task *task, bool is_full, int64_t *wake_at_ms, struct mr_error **error);
/* Of a task that ends: commits what was polled, or undoes it (failed; is_over: there is no more time). true: done. */
bool source_task_end_transactions(struct source_task *task, bool is_over, int64_t *wake_at_ms);

/* Undoes the open transaction, which may tell that another producer is at fault; then the task fails for `cause` (taken over). */
void source_task_undo_for(struct source_task *task, struct mr_error *cause);
/* Its transaction is BROKEN: -1, with the reason. */
int source_task_is_broken(struct source_task *task, struct mr_error **error);

/* source_task_entry.c */
/* Shuts out earlier producers of the task, before its start, and sees that it is still the one to run. */
int source_task_enter(struct source_task *task, bool *is_waiting, int64_t *wake_at_ms, struct mr_error **error);
/* What becomes of a task for this error (taken over): VERDICT_WAITS until it is known who has shut it out (asked again with NULL),
 * VERDICT_ENDS: without a failure, to be built anew; VERDICT_FAILS: with *error. */
enum source_verdict { VERDICT_WAITS, VERDICT_ENDS, VERDICT_FAILS };
enum source_verdict source_task_judge(struct source_task *task, struct mr_error **error);
/* The lease is lost at this moment. */
void source_task_lease_is_lost(struct source_task *task);

/* source_task_poll.c */
/* One poll and what follows from it. *idle: the source had nothing. */
int source_task_poll(struct source_task *task, bool *idle, struct mr_error **error);
/* An idle task keeps no memory of its busy times. */
void source_task_be_lean(struct source_task *task);

#endif
