/*
 * sink_feed: a sink plugin's task of its own, fed by its caller with records that were consumed before: no consumer, no group, no
 * offsets of anybody. For letters that go straight into the pipeline (dead_letters/).
 *
 * A call hands over some records: they pass the pipeline, are put in the order of topic, partition and offset, and then pre_commit
 * (or flush) says which are safe. Partitions are opened when their first record comes, and closed at the end. What the calls of the
 * plugin may expect is as in sink_task.h, but that
 *  - a record that fails is told, not reported: no dead letter, no log line; errors.tolerance is of no account. It fails in a stage of
 *    the pipeline, by the errant record reporter, or alone in a put that refuses it (`isolate`, as sink_task_isolate.c);
 *  - what is no record's fault (a retriable failure past its time, a put that refuses without `isolate`, pre_commit) ends the call;
 *  - nothing can be sought: MR_ERR_NOT_SUPPORTED. A pause is taken and without effect: the next records come when these are safe.
 *
 * Life: _create → _start → _put … → _destroy. Threads: one at a time, which may be blocked for as long as the plugin likes;
 * _interrupt from any.
 */
#ifndef TASK_SINK_FEED_H
#define TASK_SINK_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/record_layout.h"

struct mr_config;
struct mr_error;
struct mr_sink_task_ops;
struct plugin_name;
struct sink_feed;
struct sink_pipeline_setup;

#define SINK_FEED_RETRY_MOST_MS 10000 /* a stage that fails retriably is tried so long at most, whatever errors.retry.timeout says */
#define SINK_FEED_AGAIN_MOST_MS 10000 /* between two tries of a put, unless the plugin says so */
#define SINK_FEED_ARENA_MAX ((size_t)256 << 20) /* what converters and transforms may make of the records of a call */

struct sink_feed_setup {
    const char *connector;            /* copied */
    uint32_t number;                  /* of the task whose configuration it has */
    const struct plugin_name *name;   /* NULL: not known. Outlives the feed, as does the table */
    const struct mr_sink_task_ops *plugin; /* full-size table (loader) */
    struct mr_config *config;         /* the task's own, parsed; taken over, also on failure */
    const struct sink_pipeline_setup *pipeline; /* but for its tolerance, which is the feed's own; read by _create */
    int64_t retry_timeout_ms, retry_delay_max_ms; /* errors.retry.* */
    bool isolate;                     /* millrace.errors.isolate */
    uint32_t flush_timeout_ms;        /* so long the plugin may take to say that what it has taken is safe */
};

/* The plugin's task is not made yet; converters and transforms are. NULL: why not. */
struct sink_feed *sink_feed_create(const struct sink_feed_setup *setup, struct mr_error **error);
/* create, prepare and start. Once. */
int sink_feed_start(struct sink_feed *feed, struct mr_error **error);
/* close, stop and destroy of what was started. NULL is fine. */
void sink_feed_destroy(struct sink_feed *feed);
/* Nothing more is begun, waits end, and the plugin's request_stop is called, which may hang: for a job thread. thread: any. */
void sink_feed_interrupt(struct sink_feed *feed);

enum sink_feed_result {
    SINK_FEED_OPEN,    /* nothing is known of it: it has to come again */
    SINK_FEED_TAKEN,   /* put, and safe */
    SINK_FEED_DROPPED, /* by a transform */
    SINK_FEED_FAILED   /* the record's own fault */
};

#define SINK_FEED_WHY_MAX 512
struct sink_feed_item {
    const struct record_origin *origin; /* copied during the call */
    enum sink_feed_result result;       /* filled */
    const char *stage;                  /* of FAILED, a literal; else NULL */
    char why[SINK_FEED_WHY_MAX];        /* of FAILED, in words; cut */
};

/* -1: ended before all were settled; what the items say is so nevertheless. deadline_ms: of waits, on clock_monotonic_ms(NULL). */
int sink_feed_put(struct sink_feed *feed, struct sink_feed_item *items, size_t count, int64_t deadline_ms, struct mr_error **error);

#endif
