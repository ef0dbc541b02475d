/*
 * source_task_internal: the state of a source task, shared by its files:
 *   source_task.c        life: create, prepare, start, stop, the step
 *   source_task_poll.c   poll and convert
 *   source_task_send.c   from converted to the producer: topics, flights, order
 *   source_task_acks.c   deliveries, commit_record, offsets
 */
#ifndef TASK_SOURCE_TASK_INTERNAL_H
#define TASK_SOURCE_TASK_INTERNAL_H

#include "pipeline/source_pipeline.h"
#include "sdk/contexts.h"
#include "sdk/record_layout.h"
#include "task/offset_commit_internal.h"
#include "task/source_batch_internal.h"
#include "task/source_task.h"
#include "task/task_internal.h"

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

struct source_task {
    struct task task; /* first: the ops cast */
    struct source_task_setup setup;
    struct mr_source_context context;
    atomic_bool offsets_refreshed; /* the store has read everything written before our start */
    bool refresh_asked;
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

    struct offset_commit *commit;
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

/* source_task_send.c */
/* Takes over a batch that was polled and converted into `outgoing`; `failure` (may be NULL, taken over) ended that in the
 * middle: what came before goes its way, then the task fails. -1: it fails now. */
int source_task_accept(struct source_task *task, struct mr_batch *polled, struct mr_error *failure, struct mr_error **error);
/* Hands over what waits. -1: the task must fail. *all: nothing waits any more. */
int source_task_send(struct source_task *task, bool *all, struct mr_error **error);

/* source_task_poll.c */
/* One poll and what follows from it. *idle: the source had nothing. */
int source_task_poll(struct source_task *task, bool *idle, struct mr_error **error);
/* An idle task keeps no memory of its busy times. */
void source_task_be_lean(struct source_task *task);

#endif
