/* source_bench.h: a source task over a fake producer and a fake store. Include after cmocka.h. */
#ifndef SOURCE_BENCH_H
#define SOURCE_BENCH_H

#include "fake_store.h"
#include "pipeline/source_pipeline.h"
#include "support/fake_producer.h"
#include "task/source_task.h"
#include "task_bench.h"

#include <millrace/source_task.h>

#include "fake_transactions.h"

struct source_setup {
    const struct mr_source_task_ops *ops;
    const struct mr_config_def *config_def; /* NULL: none */
    const char *const *config_lines;        /* of the task */
    const char *const *pipeline_lines;      /* "name=value", NULL at the end */
    bool tolerate_all, has_dead_letters, has_context, log_enable;
    int64_t retry_timeout_ms;
    struct error_counters *counters; /* NULL: its own */
    uint64_t buffer_bytes_max; /* 0: BUFFER_BYTES */
    struct source_topics topics;
    struct source_exactly_once exactly_once;
};

/* NULL: no memory (only while the test makes that happen). */
static inline struct task *source_task_of_test(const struct source_setup *wanted)
{
    static const struct mr_config_def no_options = {.size = sizeof(no_options)};
    struct error_settings settings = ERROR_SETTINGS_DEFAULT;
    struct source_task_setup setup = {.common = bench_common(), .plugin = wanted->ops, .batch_records_max = 100,
                                      .topics = wanted->topics, .exactly_once = wanted->exactly_once};
    struct client_config *client = bench_client(CLIENT_PRODUCER, NULL, NULL);
    struct string_map *properties = bench_properties(wanted->pipeline_lines);
    struct string_map *options = bench_properties(wanted->config_lines);
    struct task *task = NULL;

    if (wanted->buffer_bytes_max > 0)
        setup.common.buffer_bytes_max = wanted->buffer_bytes_max;
    settings.tolerate_all = wanted->tolerate_all;
    setup.producer_config = client;
    settings.log_enable = wanted->log_enable;
    settings.retry_timeout_ms = wanted->retry_timeout_ms;
    settings.dead_letter_topic = wanted->has_dead_letters ? "letters" : NULL;
    settings.dead_letter_context = wanted->has_context;
    fake_letters_apart = true;
    setup.tolerance = client == NULL ? NULL
                                     : tolerance_create(&(struct tolerance_setup){.connector = "files",
                                                                                  .settings = &settings,
                                                                                  .clock = &bench.clock.clock,
                                                                                  .counters = wanted->counters,
                                                                                  .producers = (void *)&fake_producer,
                                                                                  .producer_config = client,
                                                                                  .wake = bench_wake,
                                                                                  .pause = bench_no_pause},
                                                        NULL);
    if (client != NULL && properties != NULL && options != NULL && setup.tolerance != NULL) {
        setup.pipeline = source_pipeline_create(
            &(struct source_pipeline_setup){
                .loader = bench.loader, .connector = properties, .tolerance = setup.tolerance},
            NULL);
        setup.config = config_create(wanted->config_def == NULL ? &no_options : wanted->config_def, options, NULL);
    }
    if (setup.pipeline != NULL && setup.config != NULL) {
        task = source_task_create(&setup, NULL);
    } else {
        source_pipeline_destroy(setup.pipeline);
        mr_config_destroy(setup.config);
        tolerance_destroy(setup.tolerance, 0);
    }
    string_map_destroy(properties);
    string_map_destroy(options);
    client_config_drop(client);
    return task;
}

/* What was sent and not answered yet: values, each followed by a blank. */
static inline const char *sent_now(void)
{
    static char text[8192];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < fake_producer.sent_count && used + 64 < sizeof(text); i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s ", (int)fake_producer.sent[i].value.size,
                                 (const char *)fake_producer.sent[i].value.data);
    return text;
}

static inline void acknowledge(size_t count)
{
    for (size_t i = 0; i < count; i++)
        fake_producer_return(PRODUCER_ACKED, NULL);
}

static inline void acknowledge_all(void)
{
    acknowledge(fake_producer.sent_count);
}

#endif
