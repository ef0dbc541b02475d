/* connector_test.h: what stands in for worker and task around a connector that is compiled into the test: a host, a folder of its
 * own (support/plugin_bench.h) and contexts that note what was asked. Include after cmocka.h. */
#ifndef CONNECTOR_TEST_H
#define CONNECTOR_TEST_H

#include "sdk/collect.h"
#include "sdk/contexts.h"
#include "sdk/plugin_metrics.h"
#include "sdk/record_layout.h"
#include "support/plugin_bench.h"

/* --- a source task ---- */

struct source_bench {
    struct mr_source_context context;
    const struct mr_source_task_ops *ops;
    struct mr_config *config;
    void *self;
    struct mr_batch *batch;
    struct mr_arena *arena;
    const struct mr_value *stored; /* NULL: no offset; else a map */
    bool poll_after_is_set;
    uint32_t poll_after_ms;
    struct mr_error *error;
};

static inline const struct mr_value *bench_offset(void *owner, const struct mr_value *partition, struct mr_arena *arena,
                                                  struct mr_error **error)
{
    struct source_bench *bench = owner;

    (void)partition, (void)error;
    return bench->stored == NULL ? mr_null() : mr_value_copy(arena, bench->stored);
}

static inline void bench_poll_after_ms(void *owner, uint32_t delay_ms)
{
    struct source_bench *bench = owner;

    bench->poll_after_is_set = true;
    bench->poll_after_ms = delay_ms;
}

static const struct source_context_host bench_host = {.offset = bench_offset, .poll_after_ms = bench_poll_after_ms};

/* A stored offset {name: number}. */
static inline void source_bench_store(struct source_bench *bench, const char *name, int64_t number)
{
    struct mr_value *map = mr_map_create(bench->arena, 1);

    assert_int_equal(0, mr_map_put_text(bench->arena, map, name, mr_int64(bench->arena, number)));
    bench->stored = map;
}

static inline void source_bench_init(struct source_bench *bench, const struct mr_plugin *plugin,
                                     const char *const *lines)
{
    const struct mr_source_connector_ops *ops = plugin->ops;

    *bench = (struct source_bench){.ops = ops->task, .config = config_of(plugin->config_def, lines)};
    bench->batch = mr_batch_create(64 << 20);
    bench->arena = mr_arena_create(1 << 20);
    bench->context = (struct mr_source_context){
        .host = &bench_host, .owner = bench, .connector = "test", .batch_records_max = 100,
        .metrics = plugin_metrics_create()};
}

static inline void source_bench_start(struct source_bench *bench)
{
    bench->self = bench->ops->create(&bench->context, &bench->error);
    assert_non_null(bench->self);
    if (bench->ops->prepare != NULL)
        assert_int_equal(0, bench->ops->prepare(bench->self, bench->config, &bench->error));
    assert_int_equal(0, bench->ops->start(bench->self, bench->config, &bench->error));
}

/* Polls once into an empty batch; the answer of poll. */
static inline int source_bench_poll(struct source_bench *bench)
{
    batch_clear(bench->batch);
    bench->poll_after_is_set = false;
    mr_error_clear(&bench->error);
    return bench->ops->poll(bench->self, bench->batch, &bench->error);
}

static inline void source_bench_stop(struct source_bench *bench)
{
    if (bench->self == NULL)
        return;
    bench->ops->stop(bench->self);
    bench->ops->destroy(bench->self);
    bench->self = NULL;
}

static inline void source_bench_release(struct source_bench *bench)
{
    source_bench_stop(bench);
    mr_config_destroy(bench->config);
    mr_batch_drop(bench->batch);
    mr_arena_destroy(bench->arena);
    plugin_metrics_destroy(bench->context.metrics);
    mr_error_clear(&bench->error);
}

static inline void assert_text(const char *expected, const struct mr_value *value)
{
    struct mr_bytes text = mr_value_bytes(value);

    assert_int_equal(MR_KIND_STRING, mr_value_kind(value));
    assert_int_equal(strlen(expected), text.size);
    assert_memory_equal(expected, text.data, text.size);
}

#endif
