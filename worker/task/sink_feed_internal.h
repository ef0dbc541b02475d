/*
 * sink_feed_internal: the state of a feed, shared by its files:
 *   sink_feed.c          life, what the plugin may ask, its partitions
 *   sink_feed_batch.c    records for the pipeline, and which of them fail
 *   sink_feed_put.c      put, its tries and parts; when records are safe
 */
#ifndef TASK_SINK_FEED_INTERNAL_H
#define TASK_SINK_FEED_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/plugin_call.h"
#include "pipeline/sink_pipeline.h"
#include "sdk/collect.h"
#include "sdk/contexts.h"
#include "task/sink_feed.h"

struct operation;

struct sink_feed {
    struct sink_feed_setup setup;
    char *connector;
    struct tolerance *tolerance;
    struct sink_pipeline *pipeline;
    struct batch_pool *pool;
    struct mr_sink_context context;
    struct mr_errant_reporter errant;
    struct mr_offsets *assignment, *offsets;
    uint32_t wished_delay_ms; /* by the plugin, this round; 0: none */

    atomic_bool is_interrupted;
    pthread_mutex_t plugin_lock; /* request_stop against the end of `self` */
    void *self;

    /* One call of _put. The lock guards the items' results and `batch`: reports come from any thread. */
    pthread_mutex_t lock;
    struct mr_batch *batch;
    struct sink_feed_item **items; /* by the entries of the batch */
    size_t count;
    struct mr_error *halt; /* a stage failed that may work later: no record's fault */
    struct sink_output output;
    size_t taken;     /* records of the output, from the first on, that put is done with */
    size_t put_count; /* items, from the first on, all of whose records are among those */
    int64_t deadline_ms;
};

/* Around a plugin call. */
static inline struct plugin_call feed_enter(const struct sink_feed *feed, const char *call)
{
    return plugin_call_enter(feed->setup.name, call);
}
/* After a plugin call that failed: with words in any case, and the call's name. */
int feed_failed(const char *call, struct mr_error *why, struct mr_error **error);
/* -1: somebody has given it up. */
int feed_may_go_on(const struct sink_feed *feed, struct mr_error **error);
/* Waits, until it is interrupted or the deadline. */
void feed_pause(const struct sink_feed *feed, int64_t duration_ms, int64_t deadline_ms);
/* Opens the partitions of the items that are not open yet. */
int feed_open_partitions(struct sink_feed *feed, struct mr_error **error);

/* ---- sink_feed_batch.c ---- */

/* Fills batch and output with what the pipeline makes of the items. -1: no record's fault. */
int feed_make_batch(struct sink_feed *feed, struct mr_error **error);
void feed_drop_batch(struct sink_feed *feed);
/* It is the record's own fault. Nothing happens to one that is known to have failed. thread: any. */
void feed_give_up(struct sink_feed *feed, const struct mr_record *record, const char *stage, const struct mr_error *why);
/* The policy's word about an operation that failed (tolerance.h). */
void feed_on_failed(void *feed, const struct operation *operation, const struct mr_error *why);
extern const struct errant_reporter_host feed_errant_host;

/* ---- sink_feed_put.c ---- */

int feed_put_batch(struct sink_feed *feed, struct mr_error **error);
/* Asks until all that put has taken is safe; also after a put that failed, for what it had taken by then. */
int feed_settle(struct sink_feed *feed, struct mr_error **error);

#endif
