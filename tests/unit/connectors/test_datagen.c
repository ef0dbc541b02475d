/* DatagenSource: equal seeds make equal records, wherever a task begins; the pace is that of the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connector_test.h"
#include "datagen_plugin.h"
#include "models.h"

static void bench_start(struct source_bench *bench, const char *model, const char *more, int64_t sequence)
{
    char line[64];

    snprintf(line, sizeof(line), "model=%s", model);
    source_bench_init(bench, &datagen_source_plugin, (const char *const[]){"topic=t", line, more, NULL});
    if (sequence > 0)
        source_bench_store(bench, "sequence", sequence);
    source_bench_start(bench);
}

/* Takes `count` records; each is copied into `into`. */
static void take(struct source_bench *bench, struct mr_batch *into, size_t count)
{
    while (mr_batch_count(into) < count) {
        assert_int_equal(0, source_bench_poll(bench));
        for (size_t i = 0; i < mr_batch_count(bench->batch) && mr_batch_count(into) < count; i++)
            assert_non_null(mr_record_copy_into(into, mr_batch_at(bench->batch, i)));
    }
}

static void equal_seeds_make_equal_records_wherever_they_begin(void **state)
{
    (void)state;
    for (const char *const *model = model_names; *model != NULL; model++) {
        struct source_bench one, other;
        struct mr_batch *all = mr_batch_create(16 << 20), *rest = mr_batch_create(16 << 20);

        bench_start(&one, *model, "records.per.second=0", 0);
        bench_start(&other, *model, "records.per.second=0", 400);
        take(&one, all, 1000);
        take(&other, rest, 600);
        for (size_t i = 0; i < 600; i++) {
            struct mr_record *a = mr_batch_at(all, 400 + i), *b = mr_batch_at(rest, i);

            assert_true(mr_value_equals(mr_record_value(a), mr_record_value(b)));
            assert_true(mr_value_equals(mr_record_key(a), mr_record_key(b)));
            assert_true(mr_value_equals(mr_record_source_offset(a), mr_record_source_offset(b)));
            assert_int_equal(401 + i, mr_value_integer(mr_map_get(mr_record_source_offset(b), "sequence")));
        }
        source_bench_release(&one);
        source_bench_release(&other);
        mr_batch_drop(all);
        mr_batch_drop(rest);
    }
}

static void other_seeds_and_other_tasks_make_other_records(void **state)
{
    struct source_bench benches[3];
    struct mr_batch *batches[3];
    size_t equal = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        source_bench_init(&benches[i], &datagen_source_plugin,
                          (const char *const[]){"topic=t", "records.per.second=0", i == 1 ? "seed=2" : "seed=1", NULL});
        benches[i].context.task = i == 2;
        source_bench_start(&benches[i]);
        batches[i] = mr_batch_create(16 << 20);
        take(&benches[i], batches[i], 100);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t other = 1; other < 3; other++)
            equal += mr_value_equals(mr_record_value(mr_batch_at(batches[0], i)),
                                     mr_record_value(mr_batch_at(batches[other], i)));
    assert_true(equal < 5);
    for (size_t i = 0; i < 3; i++) {
        source_bench_release(&benches[i]);
        mr_batch_drop(batches[i]);
    }
}

static void every_model_fits_its_schema_and_names_its_source(void **state)
{
    (void)state;
    for (const char *const *model = model_names; *model != NULL; model++) {
        struct source_bench bench;

        bench_start(&bench, *model, "records.per.second=0", 0);
        assert_int_equal(0, source_bench_poll(&bench));
        assert_int_equal(1000, mr_batch_count(bench.batch));
        for (size_t i = 0; i < 1000; i++) {
            struct mr_record *record = mr_batch_at(bench.batch, i);

            assert_int_equal(0, mr_value_validate(mr_record_value_schema(record), mr_record_value(record), NULL, NULL));
            assert_int_equal(0, mr_value_validate(mr_record_key_schema(record), mr_record_key(record), NULL, NULL));
            assert_string_equal("t", mr_record_topic(record));
            assert_int_equal(host_wall_ms, mr_record_timestamp_ms(record));
        }
        assert_text(*model, mr_map_get(mr_record_source_partition(mr_batch_at(bench.batch, 0)), "model"));
        assert_int_equal(1, plugin_metrics_count(bench.context.metrics));
        assert_true(plugin_metrics_read(bench.context.metrics, 0).value == 1000);
        source_bench_release(&bench);
    }
}

/* A tenth that is not the nearest double would be printed with all of its noise. */
static void temperatures_have_one_digit_after_the_point(void **state)
{
    struct source_bench bench;

    (void)state;
    bench_start(&bench, "sensors", "records.per.second=0", 0);
    assert_int_equal(0, source_bench_poll(&bench));
    for (size_t i = 0; i < mr_batch_count(bench.batch); i++) {
        struct mr_record *record = mr_batch_at(bench.batch, i);
        double celsius = mr_value_float64(mr_struct_get(mr_record_value(record), "celsius"));
        char text[32];

        snprintf(text, sizeof(text), "%.1f", celsius);
        assert_true(strtod(text, NULL) == celsius);
    }
    source_bench_release(&bench);
}

/* How many records come while the clock goes on by `ms`, in steps as the source asks for them. */
static size_t records_within(struct source_bench *bench, int64_t ms)
{
    int64_t until_ms = host_monotonic_ms + ms;
    size_t count = 0;

    for (int polls = 0; host_monotonic_ms < until_ms; polls++) {
        assert_true(polls < 100000);
        assert_int_equal(0, source_bench_poll(bench));
        count += mr_batch_count(bench->batch);
        if (bench->poll_after_is_set)
            host_monotonic_ms += bench->poll_after_ms;
    }
    return count;
}

static void the_pace_is_kept(void **state)
{
    static const struct {
        const char *line;
        size_t per_second;
    } paces[] = {{"records.per.second=1", 1},
                 {"records.per.second=7", 7},
                 {"records.per.second=1000", 1000},
                 {"records.per.second=500000", 500000}}; /* more than one poll brings */
    (void)state;
    for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
        struct source_bench bench;
        size_t count;

        bench_start(&bench, "sensors", paces[i].line, 0);
        count = records_within(&bench, 10000);
        assert_in_range(count, paces[i].per_second * 10 * 98 / 100 - 1, paces[i].per_second * 10 + 1);
        source_bench_release(&bench);
    }
}

static void a_pace_that_was_lost_is_not_made_up_for(void **state)
{
    struct source_bench bench;
    size_t count = 0;

    (void)state;
    bench_start(&bench, "orders", "records.per.second=100", 0);
    records_within(&bench, 1000);
    host_monotonic_ms += 3600 * 1000; /* paused for an hour */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(0, source_bench_poll(&bench));
        count += mr_batch_count(bench.batch);
    }
    assert_in_range(count, 0, 1100);
    source_bench_release(&bench);
}

static void it_ends_after_records_max_and_stays_ended(void **state)
{
    struct source_bench bench;

    (void)state;
    source_bench_init(&bench, &datagen_source_plugin,
                      (const char *const[]){"topic=t", "records.per.second=0", "records.max=1500", NULL});
    source_bench_store(&bench, "sequence", 1200);
    source_bench_start(&bench);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(300, mr_batch_count(bench.batch));
    assert_int_equal(UINT32_MAX, bench.poll_after_ms);
    assert_int_equal(0, source_bench_poll(&bench));
    assert_int_equal(0, mr_batch_count(bench.batch));
    assert_int_equal(UINT32_MAX, bench.poll_after_ms);
    source_bench_release(&bench);
}

static void each_of_tasks_max_tasks_makes_records(void **state)
{
    const struct mr_source_connector_ops *ops = datagen_source_plugin.ops;
    struct mr_config *config = config_of(datagen_source_plugin.config_def, (const char *const[]){"topic=t", NULL});
    struct connector_context_host host = {.raise_error = NULL};
    struct mr_connector_context context = {.host = &host, .name = "test"};
    struct mr_task_configs *configs = task_configs_create();
    void *self = ops->create(&context, NULL);

    (void)state;
    assert_int_equal(0, ops->start(self, config, NULL));
    assert_int_equal(0, ops->task_configs(self, 4, configs, NULL));
    assert_int_equal(4, task_configs_count(configs));
    assert_int_equal(MR_SUPPORTED, ops->exactly_once_support(config));
    ops->stop(self);
    ops->destroy(self);
    task_configs_destroy(configs);
    mr_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_seeds_make_equal_records_wherever_they_begin),
        cmocka_unit_test(other_seeds_and_other_tasks_make_other_records),
        cmocka_unit_test(every_model_fits_its_schema_and_names_its_source),
        cmocka_unit_test(temperatures_have_one_digit_after_the_point),
        cmocka_unit_test(the_pace_is_kept),
        cmocka_unit_test(a_pace_that_was_lost_is_not_made_up_for),
        cmocka_unit_test(it_ends_after_records_max_and_stays_ended),
        cmocka_unit_test(each_of_tasks_max_tasks_makes_records),
    };
    mr_module_v1(&test_host);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
