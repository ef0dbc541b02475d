/* Metrics of a plugin instance, and mr_log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/thread.h"
#include "sdk/plugin_metrics.h"
#include "support/alloc_torture.h"

static int with_metrics(void **state)
{
    *state = plugin_metrics_create();
    return *state == NULL;
}

static int without_metrics(void **state)
{
    plugin_metrics_destroy(*state);
    return 0;
}

static void counters_rise_and_gauges_move(void **state)
{
    struct mr_metrics *metrics = *state;
    struct mr_metric *rows = mr_metric_counter(metrics, "rows", "Rows read");
    struct mr_metric *lag = mr_metric_gauge(metrics, "lag", NULL);
    mr_metric_add(rows, 2);
    mr_metric_add(rows, 0.5);
    mr_metric_add(rows, -1);
    mr_metric_set(rows, 100);
    mr_metric_set(lag, 7);
    mr_metric_add(lag, -9);
    assert_int_equal(plugin_metrics_count(metrics), 2);
    struct plugin_metric_reading first = plugin_metrics_read(metrics, 0), second = plugin_metrics_read(metrics, 1);
    assert_int_equal(first.kind, PLUGIN_METRIC_COUNTER);
    assert_string_equal(first.name, "rows");
    assert_string_equal(first.doc, "Rows read");
    assert_true(first.value == 2.5);
    assert_int_equal(second.kind, PLUGIN_METRIC_GAUGE);
    assert_string_equal(second.doc, "");
    assert_true(second.value == -2);
}

static void a_name_is_one_metric_of_one_kind(void **state)
{
    struct mr_metrics *metrics = *state;
    struct mr_metric *rows = mr_metric_counter(metrics, "rows", NULL);
    assert_ptr_equal(mr_metric_counter(metrics, "rows", "again"), rows);
    assert_null(mr_metric_gauge(metrics, "rows", NULL));
    assert_int_equal(plugin_metrics_count(metrics), 1);
}

static void what_is_too_much_is_refused_and_harmless(void **state)
{
    struct mr_metrics *metrics = *state;
    char name[PLUGIN_METRIC_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_null(mr_metric_gauge(metrics, name, NULL));
    assert_null(mr_metric_gauge(metrics, "", NULL));
    assert_null(mr_metric_gauge(metrics, NULL, NULL));
    assert_null(mr_metric_gauge(NULL, "x", NULL));
    for (int i = 0; i < MR_METRICS_MAX; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        assert_non_null(mr_metric_gauge(metrics, name, NULL));
    }
    assert_null(mr_metric_gauge(metrics, "one more", NULL));
    mr_metric_add(NULL, 1);
    mr_metric_set(NULL, 1);
    assert_int_equal(plugin_metrics_count(NULL), 0);
}

#define THREADS 4
#define ADDS 20000

static void *count_up(void *argument)
{
    struct mr_metrics *metrics = argument;
    for (int i = 0; i < ADDS; i++)
        mr_metric_add(mr_metric_counter(metrics, i % 1000 == 0 ? "thousands" : "others", NULL), 1);
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    struct mr_metrics *metrics = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        struct thread_setup setup = {.name = "count", .run = count_up, .argument = metrics};
        assert_true(thread_start(&threads[i], &setup, NULL, 0));
    }
    for (int i = 0; i < 1000; i++) {
        for (size_t m = 0; m < plugin_metrics_count(metrics); m++)
            assert_true(plugin_metrics_read(metrics, m).value >= 0);
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    double sum = plugin_metrics_read(metrics, 0).value + plugin_metrics_read(metrics, 1).value;
    assert_true(sum == (double)THREADS * ADDS);
}

static bool fill(void *argument)
{
    (void)argument;
    struct mr_metrics *metrics = plugin_metrics_create();
    bool worked = metrics != NULL && mr_metric_counter(metrics, "a", "doc") != NULL &&
                  mr_metric_gauge(metrics, "b", NULL) != NULL;
    plugin_metrics_destroy(metrics);
    return worked;
}

static void registering_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(fill, NULL);
}

/* mr_log ------------------------------------------------------------------------------------------------------- */

static char logged[16384];
static int log_lines;

static void keep_line(enum mr_log_level level, const char *logger, const char *text)
{
    snprintf(logged, sizeof(logged), "%d %s %s", (int)level, logger, text);
    log_lines++;
}

static bool is_at_least_info(enum mr_log_level level, const char *logger)
{
    (void)logger;
    return level <= MR_LOG_INFO;
}

static const struct mr_host host = {.size = sizeof(host), .log = keep_line, .log_is_on = is_at_least_info};

static void a_line_is_formatted_when_its_level_is_on(void **state)
{
    (void)state;
    log_lines = 0;
    mr_log(&host, MR_LOG_WARN, "org.acme.X", "%d of %s", 3, "four");
    assert_string_equal(logged, "2 org.acme.X 3 of four");
    mr_log(&host, MR_LOG_DEBUG, "org.acme.X", "hidden");
    mr_log(NULL, MR_LOG_ERROR, "org.acme.X", "nowhere");
    assert_int_equal(log_lines, 1);
}

static void a_long_line_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[9001];
    for (int i = 0; i < 9000; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[9000] = '\0';
    mr_log(&host, MR_LOG_INFO, "l", "%s", text);
    assert_int_equal(strlen(logged), 4 + 8190);
    assert_memory_equal(logged + strlen(logged) - 3, "\xe2\x82\xac", 3);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, with_metrics, without_metrics)
    const struct CMUnitTest tests[] = {
        WITH(counters_rise_and_gauges_move),
        WITH(a_name_is_one_metric_of_one_kind),
        WITH(what_is_too_much_is_refused_and_harmless),
        WITH(threads_lose_no_count),
        cmocka_unit_test(registering_survives_every_failing_allocation),
        cmocka_unit_test(a_line_is_formatted_when_its_level_is_on),
        cmocka_unit_test(a_long_line_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
