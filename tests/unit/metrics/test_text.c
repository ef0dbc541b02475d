/* The text formats: escaping, numbers, what OpenMetrics wants; and metrics of plugins, whose names may be anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "metrics_test.h"
#include "sdk/plugin_metrics.h"

static void values_of_labels_may_be_anything(void **state)
{
    struct str_buffer labels;

    (void)state;
    str_buffer_init(&labels, 1000);
    metrics_text_append_label(&labels, "connector", "a\"b\\c\nd{e},=ü");
    metrics_text_append_label(&labels, "task", "");
    assert_string_equal(str_buffer_text(&labels), "connector=\"a\\\"b\\\\c\\nd{e},=ü\",task=\"\"");
    str_buffer_release(&labels);
    unit_metrics_drop(metrics_registry_add_connector(bench.registry, "x\n# TYPE evil counter\nevil 1"));
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "\nevil"));
}

static const char *number(double value)
{
    struct metrics_text text = {.out = &bench.text};
    const char *behind;

    str_buffer_clear(&bench.text);
    metrics_text_family(&text, "n", METRIC_GAUGE, NULL);
    metrics_text_sample(&text, NULL, NULL, value);
    behind = strstr(str_buffer_text(&bench.text), "\nn ");
    assert_non_null(behind);
    return behind + 3;
}

static void numbers_are_written_so_that_nothing_is_lost(void **state)
{
    (void)state;
    assert_string_equal(number(0), "0\n");
    assert_string_equal(number(-0.5), "-0.5\n");
    assert_string_equal(number(-12), "-12\n");
    assert_string_equal(number(1700000000123), "1700000000123\n");
    assert_string_equal(number(9007199254740992.0), "9007199254740992\n");
    assert_string_equal(number(1e300), "1e+300\n");
    assert_string_equal(number((double)NAN), "NaN\n");
    assert_string_equal(number((double)INFINITY), "+Inf\n");
    assert_string_equal(number(-(double)INFINITY), "-Inf\n");
}

static const char *family(enum metrics_format format, enum metric_type type, const char *name)
{
    struct metrics_text text = {.out = &bench.text, .format = format};

    str_buffer_clear(&bench.text);
    metrics_text_family(&text, name, type, "What \"it\" is\\\nreally.");
    metrics_text_sample(&text, "a=\"1\"", "b=\"2\"", 3);
    metrics_text_end(&text);
    return str_buffer_text(&bench.text);
}

static void families_are_named_as_their_format_wants(void **state)
{
    (void)state;
    assert_string_equal(family(METRICS_PROMETHEUS, METRIC_COUNTER, "x_total"),
                        "# HELP x_total What \"it\" is\\\\\\nreally.\n# TYPE x_total counter\nx_total{a=\"1\",b=\"2\"} 3\n");
    assert_string_equal(
        family(METRICS_OPENMETRICS, METRIC_COUNTER, "x_total"),
        "# HELP x What \\\"it\\\" is\\\\\\nreally.\n# TYPE x counter\nx_total{a=\"1\",b=\"2\"} 3\n# EOF\n");
    assert_non_null(strstr(family(METRICS_PROMETHEUS, METRIC_UNTYPED, "x"), "# TYPE x untyped\n"));
    assert_non_null(strstr(family(METRICS_OPENMETRICS, METRIC_UNTYPED, "x"), "# TYPE x unknown\n"));
}

/* --- metrics of plugins ---- */

struct plugins {
    struct unit_metrics *connector, *task;
    struct mr_metrics *of_connector, *of_task;
};

static void plugins_begin(struct plugins *plugins)
{
    plugins->connector = metrics_registry_add_connector(bench.registry, "c");
    plugins->task = metrics_registry_add_task(bench.registry, "c", 3);
    plugins->of_connector = plugin_metrics_create();
    plugins->of_task = plugin_metrics_create();
    unit_metrics_set_plugin(plugins->connector, plugins->of_connector);
    unit_metrics_set_plugin(plugins->task, plugins->of_task);
}

static void plugins_end(struct plugins *plugins)
{
    unit_metrics_set_plugin(plugins->connector, NULL);
    unit_metrics_set_plugin(plugins->task, NULL);
    plugin_metrics_destroy(plugins->of_connector);
    plugin_metrics_destroy(plugins->of_task);
    unit_metrics_drop(plugins->connector);
    unit_metrics_drop(plugins->task);
}

static void plugins_show_their_own_metrics(void **state)
{
    struct plugins plugins;
    const char *text;

    (void)state;
    plugins_begin(&plugins);
    mr_metric_set(mr_metric_gauge(plugins.of_connector, "Open Files", "How many."), 4);
    mr_metric_add(mr_metric_counter(plugins.of_task, "lines-read", "Lines."), 7);
    mr_metric_add(mr_metric_counter(plugins.of_task, "bytes_total", NULL), 0.5);
    text = bench_write(METRICS_PROMETHEUS);
    assert_non_null(strstr(text, "# HELP kafka_connect_plugins_open_files How many.\n"
                                 "# TYPE kafka_connect_plugins_open_files gauge\n"
                                 "kafka_connect_plugins_open_files{connector=\"c\"} 4\n"));
    bench_expect("kafka_connect_plugins_lines_read_total{connector=\"c\",task=\"3\"}", "7");
    bench_expect("kafka_connect_plugins_bytes_total{connector=\"c\",task=\"3\"}", "0.5");
    plugins_end(&plugins);
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "kafka_connect_plugins_"));
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

static void names_of_plugins_that_collide_do_no_harm(void **state)
{
    struct plugins plugins;
    const char *text;

    (void)state;
    plugins_begin(&plugins);
    mr_metric_set(mr_metric_gauge(plugins.of_task, "a-b", "One."), 1);
    mr_metric_set(mr_metric_gauge(plugins.of_task, "a_b", "Two."), 2);
    mr_metric_set(mr_metric_gauge(plugins.of_connector, "n_total", "Here a gauge."), 3);
    mr_metric_add(mr_metric_counter(plugins.of_task, "n", "There a counter."), 4);
    mr_metric_set(mr_metric_gauge(plugins.of_task, "n", "x"), 5); /* refused: a counter */
    mr_metric_set(mr_metric_gauge(plugins.of_connector, "n", "x"), 6);
    text = bench_write(METRICS_PROMETHEUS);
    assert_int_equal(occurrences(text, "\nkafka_connect_plugins_a_b{"), 1);
    assert_int_equal(occurrences(text, "# TYPE kafka_connect_plugins_n_total untyped\n"), 1);
    assert_int_equal(occurrences(text, "# TYPE kafka_connect_plugins_n gauge\n"), 1);
    text = bench_write(METRICS_OPENMETRICS);
    assert_int_equal(occurrences(text, "# TYPE kafka_connect_plugins_n_total unknown\n"), 1);
    assert_int_equal(occurrences(text, "# TYPE kafka_connect_plugins_n gauge\n"), 1);
    plugins_end(&plugins);
}

static void the_process_is_shown(void **state)
{
    static const char *const names[] = {
        "process_cpu_seconds_total",  "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
        "process_start_time_seconds", "process_threads",               "process_max_fds"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = bench_series(names[i]);

        assert_non_null(value);
        assert_true(strtod(value, NULL) > 0);
    }
    assert_true(strtod(bench_series("process_start_time_seconds"), NULL) > 1.6e9);
    assert_true(strtod(bench_series("process_threads"), NULL) < 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(values_of_labels_may_be_anything),
        TEST(numbers_are_written_so_that_nothing_is_lost),
        TEST(families_are_named_as_their_format_wants),
        TEST(plugins_show_their_own_metrics),
        TEST(names_of_plugins_that_collide_do_no_harm),
        TEST(the_process_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
