/* sink_bench.h: a sink task over a fake consumer; dead letters go to the fake producer. Include after cmocka.h. */
#ifndef SINK_BENCH_H
#define SINK_BENCH_H

#include "pipeline/sink_pipeline.h"
#include "sdk/config_host.h"
#include "support/fake_consumer.h"
#include "support/fake_producer.h"
#include "task/sink_task.h"
#include "task_bench.h"

#include <millrace/sink_task.h>

struct sink_setup {
    const struct mr_sink_task_ops *ops;
    const struct mr_config_def *config_def; /* NULL: none */
    const char *const *config_lines;        /* of the task */
    const char *const *pipeline_lines;      /* "name=value", NULL at the end */
    bool tolerate_all, has_dead_letters, log_enable, isolate;
    int64_t retry_timeout_ms;
    struct error_counters *counters; /* NULL: its own */
    uint64_t buffer_bytes_max; /* 0: BUFFER_BYTES */
    const char *max_poll_records; /* NULL: the default */
};

/* NULL: no memory (only while the test makes that happen). */
static inline struct task *sink_task_of_test(const struct sink_setup *wanted)
{
    static const struct mr_config_def no_options = {.size = sizeof(no_options)};
    static const char *const topics[] = {"t"};
    struct error_settings settings = ERROR_SETTINGS_DEFAULT;
    struct sink_task_setup setup = {
        .common = bench_common(), .plugin = wanted->ops, .topics = topics, .topic_count = 1};
    struct client_config *client =
        bench_client(CLIENT_CONSUMER, wanted->max_poll_records == NULL ? NULL : "max.poll.records",
                     wanted->max_poll_records);
    struct client_config *letters = bench_client(CLIENT_PRODUCER, NULL, NULL);
    struct string_map *properties = bench_properties(wanted->pipeline_lines);
    struct string_map *options = bench_properties(wanted->config_lines);
    struct task *task = NULL;

    if (wanted->buffer_bytes_max > 0)
        setup.common.buffer_bytes_max = wanted->buffer_bytes_max;
    settings.tolerate_all = wanted->tolerate_all;
    settings.log_enable = wanted->log_enable;
    settings.retry_timeout_ms = wanted->retry_timeout_ms;
    settings.dead_letter_topic = wanted->has_dead_letters ? "letters" : NULL;
    setup.isolate = wanted->isolate;
    setup.consumer_config = client;
    if (letters != NULL)
        setup.tolerance = tolerance_create(&(struct tolerance_setup){.connector = "files",
                                                                     .settings = &settings,
                                                                     .clock = &bench.clock.clock,
                                                                     .counters = wanted->counters,
                                                                     .producers = (void *)&fake_producer,
                                                                     .producer_config = letters,
                                                                     .wake = bench_wake,
                                                                     .pause = bench_no_pause},
                                           NULL);
    if (client != NULL && properties != NULL && options != NULL && setup.tolerance != NULL) {
        setup.pipeline = sink_pipeline_create(
            &(struct sink_pipeline_setup){
                .loader = bench.loader, .connector = properties, .tolerance = setup.tolerance},
            NULL);
        setup.config = config_create(wanted->config_def == NULL ? &no_options : wanted->config_def, options, NULL);
    }
    if (setup.pipeline != NULL && setup.config != NULL) {
        task = sink_task_create(&setup, NULL);
    } else {
        sink_pipeline_destroy(setup.pipeline);
        mr_config_destroy(setup.config);
        tolerance_destroy(setup.tolerance, 0);
    }
    string_map_destroy(properties);
    string_map_destroy(options);
    client_config_drop(client);
    client_config_drop(letters);
    return task;
}

#endif
