/*
 * sink_task_internal: the state of a sink task, shared by its files:
 *   sink_task.c           life: create, prepare, start, stop, the step
 *   sink_task_group.c     assignment: open, close, seeks and pauses
 *   sink_task_put.c       read, convert, put, retry
 *   sink_task_commit.c    pre_commit, commits, rewinds
 *   sink_task_context.c   what the plugin may ask
 *
 * The consumer belongs to the stepping thread, but for the time of a plugin call: then it is lent, and whoever abandons the
 * task takes and closes it, so that a hung plugin does not keep its partitions. After each call the task looks whether it
 * still has one.
 */
#ifndef TASK_SINK_TASK_INTERNAL_H
#define TASK_SINK_TASK_INTERNAL_H

#include "kafka/consumer.h"
#include "pipeline/sink_pipeline.h"
#include "sdk/collect.h"
#include "sdk/contexts.h"
#include "sdk/record_layout.h"
#include "task/sink_task.h"
#include "task/task_internal.h"

struct tolerance;

#define OFFSET_UNKNOWN (-1)

struct sink_partition {
    char *topic;
    int32_t partition;
    int64_t current;   /* next offset after what put has taken */
    int64_t committed; /* last committed, or where the assignment began */
    int64_t seek_to;   /* wished by the plugin; OFFSET_UNKNOWN: none */
    bool pause_wished, paused;
};

struct sink_task {
    struct task task; /* first: the ops cast */
    struct sink_task_setup setup;
    char **topics;
    char *topics_regex, *instance_id;
    struct mr_sink_context context;
    struct mr_errant_reporter errant;
    struct plugin_wake *plugin_wake;
    struct plugin_wake *released_wake; /* of released_waker; nobody looks whether it was woken */
    struct mr_waker *released_waker;   /* records were let go */

    struct consumer *consumer;
    struct consumer *_Atomic lent;
    struct sink_partition *partitions;
    size_t partition_count, partition_capacity;
    struct mr_offsets *assignment, *offsets; /* what the plugin sees; reused for each commit */

    struct batch_pool *pool;
    struct sink_output output;
    struct mr_batch *batch; /* being put; NULL: none. output belongs to it */
    bool put_again;         /* the batch waits for another try */
    uint32_t retry_ms;      /* the next backoff */
    int64_t retry_at_ms, empty_put_at_ms;
    uint64_t record_bytes; /* about the size of a record as read lately; 0: not known yet */
    bool over_budget;      /* the plugin keeps too much; nothing is read */
    bool read_again;       /* what may be read has changed, and nobody else says so */
    uint32_t wished_delay_ms; /* by the plugin, this round */
    bool delay_is_wished;

    int64_t commit_at_ms;
    bool commit_wished, commit_running;
    uint64_t commit_token;
    int64_t commit_started_ms;
    struct consumer_partition *committing; /* what the running commit will have committed */
    size_t committing_count;

    bool fenced;
};

#define SINK_TASK_OF(base) ((struct sink_task *)(void *)(base))

/* sink_task_context.c */
extern const struct sink_context_host sink_task_context_host;
extern const struct errant_reporter_host sink_task_errant_host;

/* sink_task_group.c */
struct sink_partition *sink_partition_find(struct sink_task *task, const char *topic, int32_t partition);
/* Serves what the group has to say. -1: the task must fail. A fenced task has `fenced` set. */
int sink_task_serve_group(struct sink_task *task, struct mr_error **error);
/* Carries out the seeks and pauses that the plugin wished. */
int sink_task_apply_wishes(struct sink_task *task, struct mr_error **error);
/* Gives up all partitions as on the way out: pre_commit and commit unless they are lost, close. */
void sink_task_close_all(struct sink_task *task, bool lost);
void sink_partitions_release(struct sink_task *task);
/* Counts partitions, and records delivered but not committed. */
void sink_task_count_open(struct sink_task *task);

/* sink_task_put.c */
/* Reads and puts once. *idle: nothing was there to do. -1: the task must fail. */
int sink_task_put(struct sink_task *task, bool paused, bool *idle, struct mr_error **error);
void sink_task_drop_batch(struct sink_task *task);
/* Takes the records of partitions that are no longer ours out of a batch that waits for another try. */
void sink_task_drop_records(struct sink_task *task, const struct consumer_partition *partitions, size_t count);

/* sink_task_commit.c */
/* Commits when it is due or wished; without waiting. -1: the task must fail (a dead letter could not be written). */
int sink_task_commit_if_due(struct sink_task *task, struct mr_error **error);
/* Before partitions go: pre_commit and a commit that is waited for. Errors are logged. */
void sink_task_commit_last(struct sink_task *task, const struct consumer_partition *partitions, size_t count);
void sink_task_committed(struct sink_task *task, const struct consumer_event *event);

#endif
