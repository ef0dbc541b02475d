/* What is new of an answer: its pieces, states, histograms, clients and their limits, and the REST API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "metrics/client_metrics.h"
#include "metrics/rest_metrics.h"
#include "metrics/unit_metrics.h"
#include "metrics_test.h"

#define TASKS 2000
/* A piece ends with the first series that reaches its size; the longest thing written at once is a histogram of one task. */
#define PIECE_MOST (METRICS_PIECE_BYTES + 4096)

static struct unit_metrics *add_task(uint32_t number, enum unit_kind kind)
{
    struct unit_metrics *unit = metrics_registry_add_task(bench.registry, "c", number);

    assert_non_null(unit);
    unit_metrics_describe(unit, &(struct unit_description){.kind = kind});
    metrics_registry_set_task(bench.registry, "c", number, CONDITION_RUNNING);
    return unit;
}

static void no_piece_is_large_and_together_they_are_the_whole(void **state)
{
    bool is_over = false;
    size_t pieces = 0;
    struct str_buffer piece, whole;
    struct metrics_stream *stream;

    (void)state;
    for (uint32_t i = 0; i < TASKS; i++) {
        struct unit_metrics *unit = add_task(i, i % 2 == 0 ? UNIT_KIND_SOURCE : UNIT_KIND_SINK);

        task_metrics_put(unit_metrics_cells(unit), 1, bench_now_us(), bench_now_us());
        task_metrics_polled(unit_metrics_cells(unit), 1, bench_now_us(), bench_now_us());
        unit_metrics_drop(unit);
    }
    stream = metrics_stream_begin(bench.registry, METRICS_OPENMETRICS);
    assert_non_null(stream);
    str_buffer_init(&piece, 64u << 20);
    str_buffer_init(&whole, 64u << 20);
    for (; !is_over; pieces++) {
        str_buffer_clear(&piece);
        assert_true(metrics_stream_next(stream, &piece, &is_over));
        assert_in_range(piece.length, 1, PIECE_MOST);
        str_buffer_append(&whole, str_buffer_text(&piece), piece.length);
    }
    metrics_stream_end(stream);
    assert_in_range(pieces, 100, 10000);
    assert_string_equal(str_buffer_text(&whole) + whole.length - 6, "# EOF\n");
    for (const char *family = str_buffer_text(&whole); (family = strstr(family, "# TYPE ")) != NULL;) { /* each once */
        char line[200];

        snprintf(line, sizeof(line), "%.*s", (int)strcspn(family, "\n") + 1, family);
        family += 7;
        assert_null(strstr(family, line));
    }
    str_buffer_release(&piece);
    str_buffer_release(&whole);
}

static void what_goes_in_the_middle_of_an_answer_is_read_to_its_end(void **state)
{
    bool is_over = false;
    struct metrics_stream *stream;

    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        unit_metrics_drop(add_task(i, UNIT_KIND_SINK));
    stream = metrics_stream_begin(bench.registry, METRICS_PROMETHEUS);
    str_buffer_clear(&bench.text);
    assert_true(metrics_stream_next(stream, &bench.text, &is_over));
    assert_false(is_over);
    metrics_registry_remove(bench.registry, "c");
    while (!is_over) {
        str_buffer_clear(&bench.text);
        assert_true(metrics_stream_next(stream, &bench.text, &is_over));
    }
    metrics_stream_end(stream);
    bench_expect("kafka_connect_worker_task_count", "0");
}

static void each_state_has_a_series_and_one_is_1(void **state)
{
    (void)state;
    unit_metrics_drop(add_task(0, UNIT_KIND_SINK));
    bench_expect("millrace_task_state{connector=\"c\",task=\"0\",state=\"failed\"}", "0");
    bench_expect("millrace_task_state{connector=\"c\",task=\"0\",state=\"running\"}", "1");
    metrics_registry_set_task(bench.registry, "c", 0, CONDITION_FAILED);
    bench_expect("millrace_task_state{connector=\"c\",task=\"0\",state=\"failed\"}", "1");
    bench_expect("millrace_task_state{connector=\"c\",task=\"0\",state=\"running\"}", "0");
}

static void a_histogram_counts_what_is_at_most_its_bound(void **state)
{
    struct unit_metrics *unit = add_task(0, UNIT_KIND_SINK);
    struct task_metrics *cells = unit_metrics_cells(unit);
    int64_t now_us = bench_now_us();

    (void)state;
    bench_expect("millrace_task_put_duration_seconds_count{connector=\"c\",task=\"0\"}", NULL);
    task_metrics_put(cells, 1, now_us - 1000, now_us);
    task_metrics_put(cells, 1, now_us - 1001, now_us);
    task_metrics_put(cells, 1, now_us - 90000000, now_us);
    bench_expect("millrace_task_put_duration_seconds_bucket{connector=\"c\",task=\"0\",le=\"0.001\"}", "1");
    bench_expect("millrace_task_put_duration_seconds_bucket{connector=\"c\",task=\"0\",le=\"0.005\"}", "2");
    bench_expect("millrace_task_put_duration_seconds_bucket{connector=\"c\",task=\"0\",le=\"60.0\"}", "2");
    bench_expect("millrace_task_put_duration_seconds_bucket{connector=\"c\",task=\"0\",le=\"+Inf\"}", "3");
    bench_expect("millrace_task_put_duration_seconds_count{connector=\"c\",task=\"0\"}", "3");
    bench_expect("millrace_task_put_duration_seconds_sum{connector=\"c\",task=\"0\"}", "90.002001");
    unit_metrics_drop(unit);
}

static void what_a_task_uses_is_shown(void **state)
{
    struct unit_metrics *unit = add_task(0, UNIT_KIND_SINK);
    struct task_metrics *cells = unit_metrics_cells(unit);

    (void)state;
    task_metrics_used_cpu(cells, 1500000000);
    task_metrics_set_memory(cells, 4096);
    task_metrics_read_bytes(cells, 100);
    task_metrics_rebalanced(cells);
    bench_expect("millrace_task_cpu_seconds_total{connector=\"c\",task=\"0\"}", "1.5");
    bench_expect("millrace_task_memory_bytes{connector=\"c\",task=\"0\"}", "4096");
    bench_expect("millrace_task_bytes_in_total{connector=\"c\",task=\"0\"}", "100");
    bench_expect("millrace_task_rebalances_total{connector=\"c\",task=\"0\"}", "1");
    task_metrics_set_lag(cells, METRICS_UNKNOWN);
    bench_expect("millrace_task_consumer_lag_records{connector=\"c\",task=\"0\"}", NULL);
    task_metrics_set_lag(cells, 7);
    bench_expect("millrace_task_consumer_lag_records{connector=\"c\",task=\"0\"}", "7");
    atomic_fetch_add(&cells->errors.dead_letter_requests, 1);
    atomic_fetch_add(&cells->errors.letters[4][2], 1);
    bench_expect("millrace_task_dead_letters_total{connector=\"c\",task=\"0\",stage=\"VALUE_CONVERTER\",cause=\"data\"}", "1");
    unit_metrics_drop(unit);
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

#define LAG(partition) "kafka_consumer_fetch_manager_records_lag{clientid=\"me\",topic=\"t\",partition=\"" partition "\"}"

static void a_client_is_shown_until_it_is_closed_and_nothing_is_left_of_it(void **state)
{
    struct client_metrics *client = metrics_registry_add_client(bench.registry, CLIENT_METRICS_PRODUCER, "p");
    struct client_report report = {.values = {[CLIENT_TX_BYTES] = 99}, .topics = {{"t", 5, 50}}, .topic_count = 1};

    (void)state;
    bench_expect("kafka_producer_outgoing_byte_total{clientid=\"p\"}", NULL); /* it has not told yet */
    bench_expect("kafka_producer_version_info{clientid=\"p\",version=\"2.12.0\"}", "1");
    client_metrics_report(client, &report);
    bench_expect("kafka_producer_outgoing_byte_total{clientid=\"p\"}", "99");
    bench_expect("kafka_producer_topic_record_send_total{clientid=\"p\",topic=\"t\"}", "5");
    client_metrics_close(client);
    client_metrics_drop(client);
    bench_expect("kafka_producer_outgoing_byte_total{clientid=\"p\"}", NULL);
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "clientid"));
}

static void of_two_clients_with_one_id_the_newer_is_shown(void **state)
{
    struct client_metrics *old = metrics_registry_add_client(bench.registry, CLIENT_METRICS_PRODUCER, "p");
    struct client_metrics *new = metrics_registry_add_client(bench.registry, CLIENT_METRICS_PRODUCER, "p");

    (void)state;
    client_metrics_report(old, &(struct client_report){.values = {[CLIENT_TX_BYTES] = 1}});
    client_metrics_report(new, &(struct client_report){.values = {[CLIENT_TX_BYTES] = 2}});
    bench_expect("kafka_producer_outgoing_byte_total{clientid=\"p\"}", "2");
    client_metrics_close(new);
    bench_expect("kafka_producer_outgoing_byte_total{clientid=\"p\"}", "1");
    client_metrics_drop(old);
    client_metrics_drop(new);
}

static void lags_are_shown_by_partition_with_their_past(void **state)
{
    struct unit_metrics *unit = add_task(0, UNIT_KIND_SINK);
    struct client_metrics *client = unit_metrics_add_client(unit, "me");
    const struct client_lag before[] = {{"t", 0, 10}, {"t", 1, 4}}, after[] = {{"t", 1, 2}, {"t", 2, -1}};

    (void)state;
    client_metrics_set_lags(client, before, 2, 0, clock_monotonic_ms(&bench.clock.clock));
    bench_expect(LAG("0"), "10");
    bench_expect("millrace_task_partition_lag_records{connector=\"c\",task=\"0\",topic=\"t\",partition=\"1\"}", "4");
    client_metrics_set_lags(client, after, 2, 0, clock_monotonic_ms(&bench.clock.clock));
    bench_expect(LAG("0"), NULL);
    bench_expect(LAG("1"), "2");
    bench_expect(LAG("2"), NULL); /* not known */
    bench_expect("kafka_consumer_fetch_manager_records_lag_max{clientid=\"me\",topic=\"t\",partition=\"1\"}", "4");
    bench_expect("kafka_consumer_fetch_manager_records_lag_avg{clientid=\"me\",topic=\"t\",partition=\"1\"}", "3");
    metrics_registry_remove(bench.registry, "c");
    bench_expect(LAG("1"), NULL);
    client_metrics_drop(client);
    unit_metrics_drop(unit);
}

static void beyond_the_limits_series_are_left_out_and_counted(void **state)
{
    static struct client_lag lags[METRICS_PARTITIONS_MAX];
    const uint32_t clients = METRICS_PARTITIONS_SHOWN_MAX / METRICS_PARTITIONS_MAX + 1;
    size_t shown = 0;

    (void)state;
    for (int32_t i = 0; i < METRICS_PARTITIONS_MAX; i++)
        lags[i] = (struct client_lag){"t", i, 1};
    bench_expect("millrace_metrics_series_omitted", "0");
    for (uint32_t i = 0; i < clients; i++) {
        struct unit_metrics *unit = add_task(i, UNIT_KIND_SINK);
        char id[20];

        snprintf(id, sizeof(id), "consumer-%u", (unsigned)i);
        struct client_metrics *client = unit_metrics_add_client(unit, id);
        client_metrics_set_lags(client, lags, METRICS_PARTITIONS_MAX, 3, clock_monotonic_ms(&bench.clock.clock));
        client_metrics_drop(client);
        unit_metrics_drop(unit);
    }
    for (const char *at = bench_write(METRICS_PROMETHEUS); (at = strstr(at, "\nmillrace_task_partition_lag_records{")) != NULL; at++)
        shown++;
    assert_int_equal(shown, METRICS_PARTITIONS_SHOWN_MAX);
    assert_int_equal(strtod(bench_series("millrace_metrics_series_omitted"), NULL),
                     clients * (METRICS_PARTITIONS_MAX + 3) - METRICS_PARTITIONS_SHOWN_MAX);
}

static void answers_of_the_api_are_counted_by_route_and_class(void **state)
{
    static const struct rest_route_name routes[] = {{"GET", "/connectors/{name}"}, {"POST", "/connectors"}};
    struct rest_metrics *metrics = metrics_registry_add_rest(bench.registry, routes, 2);

    (void)state;
    rest_metrics_note(metrics, 0, 200, 700);
    rest_metrics_note(metrics, 0, 404, 700);
    rest_metrics_note(metrics, 7, 200, 700); /* no such route */
    bench_expect("millrace_rest_requests_total{method=\"GET\",route=\"/connectors/{name}\",code=\"2xx\"}", "1");
    bench_expect("millrace_rest_requests_total{method=\"GET\",route=\"/connectors/{name}\",code=\"4xx\"}", "1");
    bench_expect("millrace_rest_request_duration_seconds_count{method=\"GET\",route=\"/connectors/{name}\"}", "2");
    bench_expect("millrace_rest_request_duration_seconds_count{method=\"POST\",route=\"/connectors\"}", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_piece_is_large_and_together_they_are_the_whole),
        TEST(what_goes_in_the_middle_of_an_answer_is_read_to_its_end),
        TEST(each_state_has_a_series_and_one_is_1),
        TEST(a_histogram_counts_what_is_at_most_its_bound),
        TEST(what_a_task_uses_is_shown),
        TEST(a_client_is_shown_until_it_is_closed_and_nothing_is_left_of_it),
        TEST(of_two_clients_with_one_id_the_newer_is_shown),
        TEST(lags_are_shown_by_partition_with_their_past),
        TEST(beyond_the_limits_series_are_left_out_and_counted),
        TEST(answers_of_the_api_are_counted_by_route_and_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
