/*
 * sink_task_internal: the state of a sink task, shared by its files:
 *   sink_task.c           life: create, prepare, start, stop, the step
 *   sink_task_group.c     assignment: open, close, seeks and pauses
 *   sink_task_put.c       read, convert, put, retry
 *   sink_task_isolate.c   the records at fault in a batch that put refuses
 *   sink_task_failure.c   which records it failed at
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
#include "task/breaker_internal.h"
#include "task/rate_internal.h"
#include "task/sink_task.h"
#include "task/task_internal.h"

struct tolerance;

#define OFFSET_UNKNOWN (-1)
#define LAG_LOOK_MS 1000

struct sink_partition {
    char *topic;
    int32_t partition;
    int64_t current;   /* next offset after what put has taken */
    int64_t committed; /* where a rewind goes: last committed, or where the assignment began or the plugin sought to */
    int64_t in_group;  /* what the group has, or would begin at; OFFSET_UNKNOWN: a commit got no answer. The same is not committed again */
    int64_t seek_to;   /* wished by the plugin; OFFSET_UNKNOWN: none */
    bool sought_since; /* sought, or assigned, since the running commit began: that one does not move `committed` */
    bool pause_wished, paused;
};

/* Records of the batch at work that follow each other and are of one partition. */
struct sink_run {
    const char *topic; /* the batch's own text */
    int32_t partition;
    bool is_given_up; /* the partition went, or was rewound, before the put: its offsets do not move */
    uint32_t begin, end; /* entries of the batch */
    int64_t first, last; /* offsets */
};

#define ISOLATION_DEPTH_MAX 64

/* A batch that put refused, on its way in parts (millrace.errors.isolate). Indexes into the output's records; those before
 * `at` are settled. */
struct isolation {
    bool is_on;
    bool is_left; /* the part is one half of what was refused: if put takes it, the fault is in the other */
    size_t at, end; /* the part to be put */
    size_t ends[ISOLATION_DEPTH_MAX]; /* where the parts after it end, the nearest last */
    size_t depth;
    size_t puts, culprits;
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
    struct sink_pin *pin;   /* the batch's, which lives as long as it does */
    unsigned let_go_count;  /* batches in a row that the plugin has let go by the end of put */
    struct sink_run *runs;  /* of the batch; one for each partition it has records of, as a rule */
    size_t run_count, run_capacity;
    bool put_again;         /* the batch waits for another try */
    struct isolation isolation;
    struct breaker breaker; /* how long a target that fails is left alone */
    struct rate rate;
    bool lacks_room;        /* for dead letters: nothing is read */
    int64_t lag_at_ms;      /* when lags are looked at next */
    int64_t rate_at_ms;     /* nothing is read before; INT64_MAX: the rate holds nothing up */
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

    int64_t held_sum; /* of the offsets that dead letters hold back, when that was last looked at */
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

/* Offsets come as far as the records before `limit`, an entry of the batch; NULL: all of the batch. */
void sink_task_advance(struct sink_task *task, const struct mr_record *limit);

/* sink_task_isolate.c */
/* May a put that failed so for good have records at fault? NULL: it did not say why. */
bool sink_task_blames_records(const struct mr_error *why);
/* put refused for good what it was given. false: nothing is isolated here, the task fails. */
bool sink_task_may_isolate(const struct sink_task *task, const struct mr_error *why);
/* Begins to look for the records at fault, or narrows; gives one up that is found. Takes `why` over. -1: the task must fail, its
 * dead letter could not be written. */
int sink_task_isolate(struct sink_task *task, struct mr_error *why, struct mr_error **error);
/* put took the part. */
void sink_task_isolate_next(struct sink_task *task);
/* Records are taken out of the output: what stood at `from` stands at `to`. To be called in rising order, with the end last … */
void sink_task_isolate_move(struct sink_task *task, size_t from, size_t to);
/* … and then this. false: nothing is left to be put. */
bool sink_task_isolate_moved(struct sink_task *task);

/* sink_task_failure.c */
/* put failed for good with these: notes them, and names them in *error. */
void sink_task_blame_put(struct sink_task *task, struct mr_record *const *records, size_t count, struct mr_error **error);
/* A dead letter could not be written. */
void sink_task_blame_letters(struct sink_task *task);

/* sink_task_commit.c */
/* Commits when it is due or wished; without waiting. -1: the task must fail (a dead letter could not be written). */
int sink_task_commit_if_due(struct sink_task *task, struct mr_error **error);
/* Before partitions go: pre_commit and a commit that is waited for. Errors are logged. */
void sink_task_commit_last(struct sink_task *task, const struct consumer_partition *partitions, size_t count);
void sink_task_committed(struct sink_task *task, const struct consumer_event *event);

#endif
