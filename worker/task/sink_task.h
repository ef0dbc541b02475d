/*
 * sink_task: a task that reads topics and hands records to a sink plugin.
 *
 * Its consumer is a static member of the connector's group (group.instance.id = GROUP-NUMBER-TOPICS): a successor takes the place at
 * once and fences this one, which is a clean stop. Hand-over and restart close without leaving; stop, delete and scale-down leave.
 *
 * Offsets are committed only for records that put has taken, at most as far as pre_commit answers and as dead letters are
 * safe. A put that fails for good ends the task, or (isolate) the records at fault are looked for. One that fails with a retriable error gets the same records again; meanwhile nothing is read, and the place in the
 * group is kept. A failing pre_commit rewinds to what was committed.
 *
 * Back-pressure is not reading: while the target is slow, while dead letters pile up, and while the plugin keeps more than
 * the task's byte budget (then a commit is asked for at once, so that it may let go).
 */
#ifndef TASK_SINK_TASK_H
#define TASK_SINK_TASK_H

#include "task/task.h"

struct client_config;
struct graveyard;
struct mr_config;
struct mr_error;
struct mr_sink_task_ops;
struct sink_pipeline;
struct tolerance;

struct sink_task_setup {
    struct task_common_setup common;
    const struct mr_sink_task_ops *plugin; /* full-size table (loader) */
    struct mr_config *config;              /* the task's own, parsed; taken over, also on failure */
    struct sink_pipeline *pipeline;        /* taken over, also on failure */
    struct tolerance *tolerance;           /* the pipeline's; taken over, also on failure */
    struct client_config *consumer_config; /* a reference is taken */
    struct graveyard *graveyard;
    const char *const *topics; /* these, or … ; copied */
    size_t topic_count;
    const char *topics_regex; /* … NULL: none; copied */
    bool isolate; /* a batch that put refuses is put in parts, to give up only the records at fault */
};

/* NULL: no memory. The plugin is not called yet. */
struct task *sink_task_create(const struct sink_task_setup *setup, struct mr_error **error);

#define SINK_RETRY_LEAST_MS 100  /* backoff of a failed put without a hint: doubles … */
#define SINK_BREAKER_FAILURES 5      /* … until so many have failed in a row: then the target is left alone … */
#define SINK_BREAKER_LEAST_MS 10000  /* … for so long, doubled from try to try … */
#define SINK_BREAKER_MOST_MS 60000   /* … up to here */
#define SINK_RETRY_AT_ONCE_MS 1  /* this hint says that put got on and goes on: no failure (error.h) */
#define SINK_EVENTS_MS 1000      /* the group is looked after at least this often */

#endif
