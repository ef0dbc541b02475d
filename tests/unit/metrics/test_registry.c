/* What runs here, how it is, and what it counts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/thread.h"
#include "metrics_test.h"

#define TASK(name) "kafka_connect_connector_task_" name "{connector=\"c\",task=\"0\"}"
#define SOURCE(name) "kafka_connect_source_task_" name "{connector=\"c\",task=\"0\"}"
#define SINK(name) "kafka_connect_sink_task_" name "{connector=\"c\",task=\"0\"}"
#define STATUS(word) "kafka_connect_connector_task_status{connector=\"c\",task=\"0\",status=\"" word "\"}"
#define WORKER(name) "kafka_connect_worker_" name

static struct unit_metrics *add_task(enum unit_kind kind)
{
    struct unit_metrics *unit = metrics_registry_add_task(bench.registry, "c", 0);

    assert_non_null(unit);
    unit_metrics_describe(unit, &(struct unit_description){.kind = kind,
                                                           .connector_class = "org.acme.C",
                                                           .connector_version = "1.5",
                                                           .task_class = "org.acme.T",
                                                           .key_converter = {"org.acme.K", "1.0"},
                                                           .value_converter = {"org.acme.V", NULL}});
    return unit;
}

static void set_task(enum unit_condition condition)
{
    metrics_registry_set_task(bench.registry, "c", 0, condition);
}

static void an_idle_worker_shows_itself_alone(void **state)
{
    (void)state;
    bench_expect(WORKER("connector_count"), "0");
    bench_expect(WORKER("task_count"), "0");
    bench_expect(WORKER("task_startup_attempts_total"), "0");
    bench_expect("millrace_build_info{version=\"0.1.0\",librdkafka=\"2.12.0\"}", "1");
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "kafka_connect_connector_"));
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "kafka_connect_worker_rebalance"));
}

static void a_task_made_ready_is_shown_when_it_starts(void **state)
{
    struct unit_metrics *unit = metrics_registry_make_task(bench.registry, "c", 0);

    (void)state;
    assert_non_null(unit_metrics_cells(unit));
    bench_expect(WORKER("task_count"), "0");
    metrics_registry_show_task(bench.registry, "c", 0, unit);
    bench_expect(WORKER("task_count"), "1");
    unit_metrics_drop(unit);
    metrics_registry_show_task(NULL, "c", 0, metrics_registry_make_task(NULL, "c", 0));
}

static void a_source_task_counts(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SOURCE);
    struct task_metrics *cells = unit_metrics_cells(unit);
    int64_t begun_us = bench_now_us();

    (void)state;
    set_task(CONDITION_RUNNING);
    fake_clock_advance_ms(&bench.clock, 10);
    task_metrics_polled(cells, 300, begun_us, bench_now_us());
    task_metrics_polled(cells, 100, bench_now_us(), bench_now_us());
    bench_expect(SOURCE("source_record_poll_total"), "400");
    bench_expect(SOURCE("source_record_active_count"), "400");
    bench_expect(SOURCE("poll_batch_avg_time_ms"), "5");
    bench_expect(SOURCE("poll_batch_max_time_ms"), "10");
    bench_expect(TASK("batch_size_avg"), "200");
    bench_expect(TASK("batch_size_max"), "300");
    task_metrics_written(cells, 300, 250, bench_now_us());
    bench_expect(SOURCE("source_record_write_total"), "250");
    bench_expect(SOURCE("source_record_active_count"), "100");
    bench_expect(SOURCE("source_record_active_count_max"), "400");
    bench_expect(SOURCE("source_record_active_count_avg"), "266.666666667");
    bench_expect(SOURCE("source_record_write_rate"), "8.33333333333");
    bench_expect(SINK("sink_record_read_total"), NULL);
    unit_metrics_drop(unit);
}

static void a_source_task_with_exactly_once_counts_its_transactions(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SOURCE);
    struct task_metrics *cells = unit_metrics_cells(unit);

    (void)state;
    bench_expect(SOURCE("transaction_size_max"), NULL); /* none so far: it may deliver at least once */
    task_metrics_transaction_committed(cells, 10, bench_now_us());
    task_metrics_transaction_committed(cells, 40, bench_now_us());
    task_metrics_transaction_aborted(cells);
    bench_expect(SOURCE("transaction_size_min"), "10");
    bench_expect(SOURCE("transaction_size_avg"), "25");
    bench_expect(SOURCE("transaction_size_max"), "40");
    bench_expect("millrace_task_transactions_total{connector=\"c\",task=\"0\"}", "2");
    bench_expect("millrace_task_transaction_aborts_total{connector=\"c\",task=\"0\"}", "1");
    unit_metrics_drop(unit);
}

static void a_sink_task_counts(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SINK);
    struct task_metrics *cells = unit_metrics_cells(unit);

    (void)state;
    task_metrics_set_partitions(cells, 3);
    task_metrics_read(cells, 500, bench_now_us());
    task_metrics_put(cells, 480, bench_now_us() - 2500, bench_now_us());
    task_metrics_put(cells, 0, bench_now_us(), bench_now_us());
    task_metrics_set_active(cells, 480, bench_now_us());
    task_metrics_commit_begun(cells);
    task_metrics_committed(cells, 3000, bench_now_us());
    task_metrics_set_active(cells, 0, bench_now_us());
    task_metrics_commit_skipped(cells, bench_now_us());
    bench_expect(SINK("partition_count"), "3");
    bench_expect(SINK("sink_record_read_total"), "500");
    bench_expect(SINK("sink_record_send_total"), "480");
    bench_expect(SINK("sink_record_active_count"), "0");
    bench_expect(SINK("sink_record_active_count_max"), "480");
    bench_expect(SINK("put_batch_max_time_ms"), "2.5");
    bench_expect(SINK("put_batch_avg_time_ms"), "1.25");
    bench_expect(SINK("offset_commit_seq_no"), "1");
    bench_expect(SINK("offset_commit_completion_total"), "1");
    bench_expect(SINK("offset_commit_skip_total"), "1");
    bench_expect(TASK("batch_size_avg"), "240");
    bench_expect(TASK("offset_commit_avg_time_ms"), "3");
    bench_expect(SOURCE("source_record_poll_total"), NULL);
    unit_metrics_drop(unit);
}

static void commits_have_shares_and_totals(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SOURCE);
    struct task_metrics *cells = unit_metrics_cells(unit);

    (void)state;
    bench_expect(TASK("offset_commit_success_percentage"), "0");
    bench_expect(TASK("offset_commit_avg_time_ms"), "NaN");
    task_metrics_committed(cells, 1000, bench_now_us());
    task_metrics_committed(cells, 2000, bench_now_us());
    task_metrics_committed(cells, 3000, bench_now_us());
    task_metrics_commit_failed(cells, bench_now_us());
    bench_expect(TASK("offset_commit_success_percentage"), "0.75");
    bench_expect(TASK("offset_commit_failure_percentage"), "0.25");
    bench_expect(TASK("offset_commit_avg_time_ms"), "2");
    bench_expect("millrace_task_offset_commits_total{connector=\"c\",task=\"0\"}", "3");
    bench_expect("millrace_task_offset_commit_failures_total{connector=\"c\",task=\"0\"}", "1");
    fake_clock_advance_ms(&bench.clock, 60000);
    bench_expect(TASK("offset_commit_success_percentage"), "0");
    bench_expect("millrace_task_offset_commits_total{connector=\"c\",task=\"0\"}", "3");
    unit_metrics_drop(unit);
}

static void errors_keep_their_names(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SINK);
    struct error_counters *errors = &unit_metrics_cells(unit)->errors;

    (void)state;
    errors->record_failures = 1;
    errors->record_errors = 2;
    errors->records_skipped = 3;
    errors->retries = 4;
    errors->errors_logged = 5;
    errors->dead_letter_requests = 6;
    errors->dead_letter_failures = 7;
    errors->last_error_ms = 1700000000123;
#define ERROR(name) "kafka_connect_task_error_" name "{connector=\"c\",task=\"0\"}"
    bench_expect(ERROR("total_record_failures"), "1");
    bench_expect(ERROR("total_record_errors"), "2");
    bench_expect(ERROR("total_records_skipped"), "3");
    bench_expect(ERROR("total_retries"), "4");
    bench_expect(ERROR("total_errors_logged"), "5");
    bench_expect(ERROR("deadletterqueue_produce_requests"), "6");
    bench_expect(ERROR("deadletterqueue_produce_failures"), "7");
    bench_expect(ERROR("last_error_timestamp"), "1700000000123");
    unit_metrics_drop(unit);
}

static void a_status_has_one_series_and_shares_of_time(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SOURCE);

    (void)state;
    bench_expect(STATUS("unassigned"), "1");
    bench_expect(TASK("running_ratio"), "0");
    fake_clock_advance_ms(&bench.clock, 5000); /* nothing was said yet: it counts for nothing */
    set_task(CONDITION_RUNNING);
    fake_clock_advance_ms(&bench.clock, 3000);
    set_task(CONDITION_PAUSED);
    fake_clock_advance_ms(&bench.clock, 1000);
    bench_expect(STATUS("unassigned"), NULL);
    bench_expect(STATUS("running"), NULL);
    bench_expect(STATUS("paused"), "1");
    bench_expect(TASK("running_ratio"), "0.75");
    bench_expect(TASK("pause_ratio"), "0.25");
    bench_expect(WORKER("connector_paused_task_count{connector=\"c\"}"), "1");
    bench_expect(WORKER("connector_running_task_count{connector=\"c\"}"), "0");
    bench_expect("kafka_connect_connector_task_info{connector=\"c\",task=\"0\",connector_class=\"org.acme.C\","
                 "connector_type=\"source\",connector_version=\"1.5\",task_class=\"org.acme.T\",task_version=\"1.5\","
                 "key_converter_class=\"org.acme.K\",key_converter_version=\"1.0\",value_converter_class=\"org.acme.V\"}",
                 "1");
    unit_metrics_drop(unit);
}

static void transforms_and_predicates_have_a_series_each(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SINK);
    char alias[] = "old";
    const struct unit_stage stages[] = {
        {.alias = alias, .class_name = "org.acme.X", .version = "1.0"},
        {.alias = "holds", .class_name = "org.acme.P", .version = "2.0", .is_predicate = true},
        {.alias = "a \"quoted\" one", .class_name = "org.acme.Y"},
    };

    (void)state;
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "transform_info"));
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "predicate_info"));
    unit_metrics_set_stages(unit, stages, 3);
    alias[0] = 'X'; /* it was copied */
    bench_expect("kafka_connect_connector_transform_info{connector=\"c\",task=\"0\",transform=\"old\","
                 "transform_class=\"org.acme.X\",transform_version=\"1.0\"}", "1");
    bench_expect("kafka_connect_connector_transform_info{connector=\"c\",task=\"0\",transform=\"a \\\"quoted\\\" one\","
                 "transform_class=\"org.acme.Y\"}", "1");
    bench_expect("kafka_connect_connector_predicate_info{connector=\"c\",task=\"0\",predicate=\"holds\","
                 "predicate_class=\"org.acme.P\",predicate_version=\"2.0\"}", "1");
    unit_metrics_set_stages(unit, stages, 0);
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "transform_info"));
    unit_metrics_drop(unit);
}

static void starts_are_counted_once_for_each_instance(void **state)
{
    (void)state;
    unit_metrics_drop(add_task(UNIT_KIND_SOURCE));
    set_task(CONDITION_RUNNING);
    set_task(CONDITION_PAUSED);
    set_task(CONDITION_FAILED); /* later on: no failed start */
    bench_expect(WORKER("task_startup_attempts_total"), "1");
    bench_expect(WORKER("task_startup_success_total"), "1");
    bench_expect(WORKER("task_startup_success_percentage"), "1");
    set_task(CONDITION_RESTARTING);
    unit_metrics_drop(add_task(UNIT_KIND_SOURCE));
    bench_expect(STATUS("restarting"), "1"); /* of the former instance, until the new one says more */
    set_task(CONDITION_FAILED);
    bench_expect(WORKER("task_startup_attempts_total"), "2");
    bench_expect(WORKER("task_startup_failure_total"), "1");
    bench_expect(WORKER("task_startup_failure_percentage"), "0.5");
    bench_expect(WORKER("connector_startup_attempts_total"), "0");
    metrics_registry_set_connector(bench.registry, "c", CONDITION_RUNNING);
    bench_expect(WORKER("connector_startup_success_total"), "1");
}

static void a_new_instance_counts_from_nothing(void **state)
{
    struct unit_metrics *former = add_task(UNIT_KIND_SOURCE), *unit;

    (void)state;
    task_metrics_polled(unit_metrics_cells(former), 5, bench_now_us(), bench_now_us());
    set_task(CONDITION_UNASSIGNED);
    bench_expect(SOURCE("source_record_poll_total"), NULL);
    unit = add_task(UNIT_KIND_SOURCE);
    bench_expect(SOURCE("source_record_poll_total"), "0");
    task_metrics_polled(unit_metrics_cells(former), 5, bench_now_us(), bench_now_us()); /* abandoned: counts for nobody */
    bench_expect(SOURCE("source_record_poll_total"), "0");
    unit_metrics_drop(former);
    unit_metrics_drop(unit);
}

static void a_failed_task_keeps_its_numbers_until_it_goes(void **state)
{
    struct unit_metrics *unit = add_task(UNIT_KIND_SINK);

    (void)state;
    unit_metrics_cells(unit)->errors.record_errors = 9;
    set_task(CONDITION_FAILED);
    unit_metrics_drop(unit);
    bench_expect("kafka_connect_task_error_total_record_errors{connector=\"c\",task=\"0\"}", "9");
    bench_expect(WORKER("connector_failed_task_count{connector=\"c\"}"), "1");
    set_task(CONDITION_DESTROYED);
    bench_expect(WORKER("task_count"), "0");
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "connector=\"c\""));
}

static void removing_a_connector_takes_its_tasks_and_no_others(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 12; i++) {
        unit_metrics_drop(metrics_registry_add_task(bench.registry, "c", i));
        unit_metrics_drop(metrics_registry_add_task(bench.registry, "cc", i));
    }
    unit_metrics_drop(metrics_registry_add_connector(bench.registry, "c"));
    unit_metrics_drop(metrics_registry_add_connector(bench.registry, "cc"));
    bench_expect(WORKER("connector_total_task_count{connector=\"c\"}"), "12");
    metrics_registry_remove(bench.registry, "c");
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "connector=\"c\""));
    bench_expect(WORKER("connector_total_task_count{connector=\"cc\"}"), "12");
    bench_expect(WORKER("connector_count"), "1");
    bench_expect(WORKER("task_count"), "12");
}

static void a_connector_says_what_it_is(void **state)
{
    struct unit_metrics *unit = metrics_registry_add_connector(bench.registry, "c");

    (void)state;
    bench_expect("kafka_connect_connector_status{connector=\"c\",status=\"unassigned\"}", "1");
    assert_null(strstr(bench_write(METRICS_PROMETHEUS), "kafka_connect_connector_connector_class{"));
    unit_metrics_describe(unit, &(struct unit_description){
                                    .kind = UNIT_KIND_SINK, .connector_class = "org.acme.C", .connector_version = "2"});
    metrics_registry_set_connector(bench.registry, "c", CONDITION_STOPPED);
    bench_expect("kafka_connect_connector_status{connector=\"c\",status=\"stopped\"}", "1");
    bench_expect("kafka_connect_connector_connector_class{connector=\"c\",connector_class=\"org.acme.C\"}", "1");
    bench_expect("kafka_connect_connector_connector_type{connector=\"c\",connector_type=\"sink\"}", "1");
    bench_expect("kafka_connect_connector_connector_version{connector=\"c\",connector_version=\"2\"}", "1");
    assert_null(unit_metrics_cells(unit));
    unit_metrics_drop(unit);
}

static void rebalances_are_counted_and_timed(void **state)
{
#define GROUP(name) "kafka_connect_worker_rebalance_" name
    (void)state;
    metrics_registry_rebalance_began(bench.registry);
    bench_expect(GROUP("rebalancing"), "1");
    bench_expect(GROUP("time_since_last_rebalance_ms"), "+Inf");
    fake_clock_advance_ms(&bench.clock, 40);
    metrics_registry_rebalance_ended(bench.registry);
    fake_clock_advance_ms(&bench.clock, 2000);
    bench_expect(GROUP("rebalancing"), "0");
    bench_expect(GROUP("completed_rebalances_total"), "1");
    bench_expect(GROUP("rebalance_max_time_ms"), "40");
    bench_expect(GROUP("time_since_last_rebalance_ms"), "2000");
    metrics_registry_rebalance_ended(bench.registry); /* none was under way */
    bench_expect(GROUP("completed_rebalances_total"), "1");
    bench_expect(GROUP("time_since_last_rebalance_ms"), "2000");
    metrics_registry_rebalance_began(bench.registry);
    fake_clock_advance_ms(&bench.clock, 20);
    metrics_registry_rebalance_ended(bench.registry);
    bench_expect(GROUP("completed_rebalances_total"), "2");
    bench_expect(GROUP("rebalance_avg_time_ms"), "30");
    bench_expect(GROUP("rebalance_max_time_ms"), "40");
}

static void the_group_is_shown_as_it_is(void **state)
{
    (void)state;
    metrics_registry_set_group(bench.registry, 7, "http://a:1/");
    bench_expect(GROUP("epoch"), "7");
    bench_expect(GROUP("leader_name{leader_name=\"http://a:1/\"}"), "1");
    bench_expect(GROUP("connect_protocol{connect_protocol=\"SESSIONED\"}"), "1");
    bench_expect(GROUP("completed_rebalances_total"), "0");
    metrics_registry_set_group(bench.registry, 8, NULL);
    bench_expect(GROUP("epoch"), "8");
    bench_expect(GROUP("leader_name{leader_name=\"http://a:1/\"}"), NULL);
}

static void nobody_counts_without_a_registry(void **state)
{
    struct unit_metrics *unit = metrics_registry_add_task(NULL, "c", 0);

    (void)state;
    assert_null(unit);
    unit_metrics_describe(unit, &(struct unit_description){.kind = UNIT_KIND_SINK});
    unit_metrics_set_plugin(unit, NULL);
    task_metrics_polled(unit_metrics_cells(unit), 1, 1, 2);
    task_metrics_put(NULL, 1, 1, 2);
    metrics_registry_set_task(NULL, "c", 0, CONDITION_RUNNING);
    metrics_registry_remove(NULL, "c");
    metrics_registry_rebalance_began(NULL);
    metrics_registry_rebalance_ended(NULL);
    metrics_registry_set_group(NULL, 1, "u");
    unit_metrics_drop(unit_metrics_take(unit));
}

static void every_failed_allocation_leaves_things_whole(void **state)
{
    (void)state;
    unit_metrics_drop(add_task(UNIT_KIND_SOURCE));
    for (int64_t n = 0; n < 200; n++) {
        bool has_failed;

        mem_watch_start(n);
        unit_metrics_drop(metrics_registry_add_task(bench.registry, "d", 1));
        metrics_registry_set_connector(bench.registry, "d", CONDITION_RUNNING);
        metrics_registry_set_group(bench.registry, 1, "http://a/");
        str_buffer_clear(&bench.text);
        if (!metrics_write(bench.registry, METRICS_PROMETHEUS, &bench.text))
            assert_true(mem_failed() > 0);
        metrics_registry_remove(bench.registry, "d");
        has_failed = mem_failed() > 0;
        mem_watch_stop();
        str_buffer_release(&bench.text);
        if (!has_failed)
            return;
    }
    fail_msg("it never came through");
}

/* --- read while tasks come, count and go ---- */

#define ROUNDS 400

static atomic_bool over;

static void *come_and_go(void *argument)
{
    uint32_t number = *(const uint32_t *)argument;

    for (int i = 0; i < ROUNDS; i++) {
        struct unit_metrics *unit = metrics_registry_add_task(bench.registry, "c", number);
        struct task_metrics *cells = unit_metrics_cells(unit);

        unit_metrics_describe(unit, &(struct unit_description){.kind = UNIT_KIND_SOURCE, .connector_class = "C"});
        metrics_registry_set_task(bench.registry, "c", number, CONDITION_RUNNING);
        for (int j = 0; j < 20; j++) {
            task_metrics_polled(cells, 10, bench_now_us(), bench_now_us());
            task_metrics_written(cells, 10, 10, bench_now_us());
            task_metrics_committed(cells, 5, bench_now_us());
        }
        if (i % 3 == 0)
            metrics_registry_remove(bench.registry, "c");
        else
            metrics_registry_set_task(bench.registry, "c", number, CONDITION_UNASSIGNED);
        task_metrics_polled(cells, 10, bench_now_us(), bench_now_us());
        unit_metrics_drop(unit);
    }
    atomic_store(&over, true);
    return NULL;
}

static void it_is_read_while_tasks_come_and_go(void **state)
{
    static const uint32_t numbers[] = {0, 1};
    pthread_t threads[2];
    char why[160];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_true(thread_start(&threads[i],
                                 &(struct thread_setup){.name = "task", .run = come_and_go, .argument = (void *)&numbers[i]},
                                 why, sizeof(why)));
    while (!atomic_load(&over)) {
        bench_write(METRICS_OPENMETRICS);
        assert_non_null(strstr(str_buffer_text(&bench.text), "# EOF\n"));
    }
    for (int i = 0; i < 2; i++)
        thread_join(threads[i]);
    bench_expect(WORKER("task_count"), "0");
}

static void files_of_access_are_shown_where_there_are_some(void **state)
{
    (void)state;
    assert_null(bench_series("millrace_access_file_failing"));
    assert_null(bench_series("millrace_certificate_expires_timestamp_seconds"));
    metrics_registry_set_access(bench.registry, &(struct access_reading){.has_logins = true, .is_failing = true});
    assert_string_equal(bench_series("millrace_access_file_failing"), "1");
    assert_null(bench_series("millrace_certificate_file_failing"));
    metrics_registry_set_access(bench.registry,
                                &(struct access_reading){.has_certificate = true, .certificate_expires_s = 1800000000});
    assert_string_equal(bench_series("millrace_certificate_file_failing"), "0");
    assert_int_equal(strtod(bench_series("millrace_certificate_expires_timestamp_seconds"), NULL), 1800000000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_idle_worker_shows_itself_alone),
        TEST(a_task_made_ready_is_shown_when_it_starts),
        TEST(a_source_task_counts),
        TEST(a_source_task_with_exactly_once_counts_its_transactions),
        TEST(a_sink_task_counts),
        TEST(commits_have_shares_and_totals),
        TEST(errors_keep_their_names),
        TEST(a_status_has_one_series_and_shares_of_time),
        TEST(transforms_and_predicates_have_a_series_each),
        TEST(starts_are_counted_once_for_each_instance),
        TEST(a_new_instance_counts_from_nothing),
        TEST(a_failed_task_keeps_its_numbers_until_it_goes),
        TEST(removing_a_connector_takes_its_tasks_and_no_others),
        TEST(a_connector_says_what_it_is),
        TEST(rebalances_are_counted_and_timed),
        TEST(the_group_is_shown_as_it_is),
        TEST(files_of_access_are_shown_where_there_are_some),
        TEST(nobody_counts_without_a_registry),
        TEST(every_failed_allocation_leaves_things_whole),
        TEST(it_is_read_while_tasks_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
