/*
 * source_task: a task that polls a source plugin, sends what it polled and stores how far it came.
 *
 * At least once, or exactly once (struct source_exactly_once). At least once: a source offset is stored only when every earlier record of the same source partition is acknowledged.
 * Records leave in the order polled; after the producer's handle was swapped everything not acknowledged is sent again, in
 * order. Nothing is polled while an earlier batch is not fully handed to the producer: that is the back-pressure.
 *
 * Where topics are created by the worker (struct source_topics), a batch waits until all of its topics are there: before that not
 * even their metadata is asked for, which could make the broker create them with its own settings.
 *
 * A failing or stopping task waits for its own records under way, at most the flush time-out (and the stop's deadline),
 * stores the offsets, then stops the plugin.
 */
#ifndef TASK_SOURCE_TASK_H
#define TASK_SOURCE_TASK_H

#include "task/task.h"

struct client_config;
struct mr_error;
struct mr_source_task_ops;
struct offset_store;
struct producer_pool;
struct source_pipeline;
struct tolerance;
struct mr_config;

/* Who sees to it that a topic exists before the first record of it is sent (KIP-158). thread: the task's. */
enum source_topic { SOURCE_TOPIC_THERE, SOURCE_TOPIC_WAITS, SOURCE_TOPIC_FAILED };
struct source_topics {
    /* Never waits. WAITS: the task is woken when there is more to say; or asks again at *again_at_ms (clock_monotonic_ms of the
     * task's clock), which is lowered. FAILED: *error; the same answer each time. NULL: topics are the broker's business. */
    enum source_topic (*want)(void *argument, const char *topic, int64_t *again_at_ms, struct mr_error **error);
    void (*end)(void *argument); /* the last call, once */
    void *argument;
};

/* With exactly once (KIP-618, docs/decisions/0012) records and offsets go in transactions of a producer of the task's own, whose
 * configuration has the transactional id; offsets are written by that producer. */
enum source_boundary { SOURCE_BOUNDARY_POLL, SOURCE_BOUNDARY_INTERVAL, SOURCE_BOUNDARY_CONNECTOR };
enum source_answer { SOURCE_ANSWER_PENDING, SOURCE_ANSWER_YES, SOURCE_ANSWER_FAILED };
struct source_exactly_once {
    /* Has `call` run on a thread that may wait for brokers; false: none is free now. NULL: at least once. thread: the task's. */
    bool (*run)(void *argument, void (*call)(void *), void *call_argument);
    /* Asks the cluster, and again until it is answered. Never waits; PENDING: the task is woken when there is more to say. FAILED:
     * *error. Another question takes the place of the former. thread: the task's. */
    enum source_answer (*ask)(void *argument, enum task_question question, struct mr_error **error);
    void *argument; /* of both */
    enum source_boundary boundary;
    uint32_t interval_ms;      /* of INTERVAL */
    const char *offsets_topic; /* copied */
};

struct source_task_setup {
    struct task_common_setup common;
    const struct mr_source_task_ops *plugin; /* full-size table (loader) */
    struct mr_config *config;                /* the task's own, parsed; taken over, also on failure */
    struct source_pipeline *pipeline;        /* taken over, also on failure */
    struct tolerance *tolerance;             /* the pipeline's; taken over, also on failure */
    struct offset_store *offsets;
    struct producer_pool *producers;
    struct client_config *producer_config; /* a reference is taken */
    size_t batch_records_max;              /* advice to the plugin */
    struct source_topics topics;           /* taken over, also on failure */
    struct source_exactly_once exactly_once;
};

/* NULL: no memory. The plugin is not called yet. */
struct task *source_task_create(const struct source_task_setup *setup, struct mr_error **error);

/* Under way at the same time; more wait. Two requests of as many records as librdkafka puts into one: more of small records cost memory that
 * is cold when they are acknowledged (docs/performance.md). */
#define SOURCE_TASK_RECORDS_MAX 20000
/* Batches that wait for one record that Kafka does not acknowledge may hold so many times buffer_bytes_max; then nothing is
 * polled. */
#define SOURCE_TASK_HELD_FACTOR 4

#endif
