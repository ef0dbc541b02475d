/* The sink plugins of tests/plugins under a sink task: what the public ABI promises to sinks, end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sdk/plugin_metrics.h"
#include "sink_bench.h"
#include "task/sink_task_internal.h"

#include <millrace/connector.h>

static int set_up(void **state)
{
    (void)state;
    bench_reset();
    fake_producer_reset();
    fake_consumer_reset();
    return 0;
}

static struct task *start_task(const char *class_name, const struct sink_setup *more)
{
    const struct loader_plugin *plugin = NULL;
    struct sink_setup setup = *more;

    assert_int_equal(0, loader_find_any(bench.loader, class_name, NULL, &plugin, NULL));
    setup.ops = plugin->sink->task;
    setup.config_def = plugin->config_def;
    struct task *task = sink_task_of_test(&setup);
    assert_non_null(task);
    task_request_start(task);
    bench_run(task);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    return task;
}

static struct task *start_buffering(void)
{
    return start_task("org.acme.BufferingSinkConnector",
                      &(struct sink_setup){.tolerate_all = true, .has_dead_letters = true});
}

static double metric(struct task *task, const char *name)
{
    const struct mr_metrics *metrics = SINK_TASK_OF(task)->context.metrics;

    for (size_t i = 0; i < plugin_metrics_count(metrics); i++)
        if (strcmp(plugin_metrics_read(metrics, i).name, name) == 0)
            return plugin_metrics_read(metrics, i).value;
    fail_msg("no metric %s", name);
    return 0;
}

static void add(int32_t partition, const char *value)
{
    fake_consumer_add("t", partition, value);
}

static void finish(struct task *task)
{
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    task_destroy(task);
    if (fake_producer.listener != NULL)
        fake_producer_end();
}

/* --- buffering_sink ---- */

static void only_what_it_has_written_is_committed(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    assert_true(metric(task, "prepares") == 1);
    assert_true(metric(task, "opens") == 2);
    add(0, "a");
    bench_run(task);
    add(0, "b");
    bench_run(task);
    assert_true(metric(task, "kept") == 2);
    assert_int_equal(2, fake_consumer.batches_out); /* kept over puts */
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_committed("t", 0));
    add(1, "c");
    bench_run(task);
    assert_true(metric(task, "written") == 3);
    assert_int_equal(0, fake_consumer.batches_out);
    add(0, "d");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    finish(task);
    assert_int_equal(2, fake_committed("t", 0));
    assert_int_equal(0, fake_consumer.batches_out);
}

static void kept_records_of_a_revoked_partition_come_again_to_the_next(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    add(0, "a");
    add(1, "b");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(-1, fake_committed("t", 0));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    add(1, "c");
    bench_run(task);
    assert_true(metric(task, "written") == 3); /* b, and a and c after a was read again */
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(2, fake_committed("t", 1));
    finish(task);
    assert_int_equal(0, fake_consumer.batches_out);
}

static void reported_records_have_futures_that_end_with_their_letters(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    assert_int_equal(1, fake_producer.sent_count);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_true(metric(task, "letters-safe") == 0);
    assert_int_equal(1, fake_committed("t", 0)); /* written up to 3, but a letter is under way */
    fake_producer_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_true(metric(task, "letters-safe") == 1);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void it_may_refuse_for_a_while(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    add(0, "again");
    bench_run(task);
    assert_true(metric(task, "kept") == 0);
    bench_advance_ms(task, 249);
    assert_true(metric(task, "kept") == 0);
    bench_advance_ms(task, 1);
    assert_true(metric(task, "kept") == 1);
    add(0, "later");
    bench_run(task);
    bench_advance_ms(task, 349);
    assert_true(metric(task, "kept") == 1);
    bench_advance_ms(task, 1);
    assert_true(metric(task, "kept") == 2);
    finish(task);
}

static void it_may_pause_resume_go_back_and_ask_for_commits(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    add(0, "hold");
    bench_run(task);
    add(0, "x");
    bench_run(task);
    assert_true(metric(task, "kept") == 1);
    add(1, "go");
    bench_run(task);
    assert_true(metric(task, "written") == 3);
    add(0, "a");
    add(0, "b");
    add(0, "commit");
    bench_run(task);
    assert_int_equal(5, fake_committed("t", 0)); /* at once */
    add(1, "back");
    bench_run(task);
    assert_non_null(strstr(fake_consumer.seen, "seek:t-1=0"));
    assert_true(metric(task, "written") + metric(task, "kept") == 6 + 1 + 2); /* go and back came again */
    finish(task);
}

static void copies_pin_nothing(void **state)
{
    static const char *const lines[] = {"copies=true", "write.records=4", NULL};

    (void)state;
    struct task *task = start_task("org.acme.BufferingSinkConnector",
                                   &(struct sink_setup){.tolerate_all = true, .config_lines = lines});
    add(0, "a");
    add(1, "b");
    bench_run(task);
    add(0, "c");
    bench_run(task);
    assert_true(metric(task, "kept") == 3);
    assert_int_equal(0, fake_consumer.batches_out);
    add(0, "d");
    bench_run(task);
    assert_true(metric(task, "written") == 4);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    add(0, "e");
    bench_run(task);
    finish(task);
}

static void it_may_wake_itself_for_an_empty_put(void **state)
{
    (void)state;
    struct task *task = start_buffering();
    int64_t before_ms = SINK_TASK_OF(task)->empty_put_at_ms;
    fake_clock_advance_ms(&bench.clock, 10);
    add(0, "wake");
    bench_run(task);
    assert_true(SINK_TASK_OF(task)->empty_put_at_ms > before_ms);
    assert_true(metric(task, "kept") == 1);
    finish(task);
}

/* --- keeping_sink ---- */

static void a_hoard_over_rebalance_stop_and_abandon_harms_nobody(void **state)
{
    (void)state;
    struct task *task = start_task("org.acme.KeepingSinkConnector", &(struct sink_setup){.tolerate_all = true});
    for (int i = 0; i < 5; i++) {
        add(0, "a");
        add(1, "b");
        bench_run(task);
        fake_consumer_group(i % 2 == 0 ? CONSUMER_REVOKED : CONSUMER_LOST, "t", 0, 1);
        fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
        bench_run(task);
    }
    double hoarded = metric(task, "batches");
    assert_true(hoarded >= 5);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(5, fake_committed("t", 0)); /* kept is not unsafe: it has no pre_commit */
    finish(task);
    assert_true(fake_consumer.batches_out >= 5);
    task = start_task("org.acme.KeepingSinkConnector", &(struct sink_setup){.tolerate_all = true});
    add(0, "c");
    bench_run(task);
    task_abandon(task);
    assert_true(bench_run(task));
    task_destroy(task);
    assert_false(fake_consumer.is_open);
    assert_true(fake_consumer.batches_out >= 6);
}

static void a_hoarder_stops_being_fed_at_its_budget(void **state)
{
    static char value[1001];

    (void)state;
    memset(value, 'x', sizeof(value) - 1);
    struct task *task = start_task("org.acme.KeepingSinkConnector",
                                   &(struct sink_setup){.buffer_bytes_max = 65536, .max_poll_records = "10"});
    for (int i = 0; i < 500; i++)
        add(0, value);
    bench_run(task);
    assert_in_range(fake_consumer.pinned_bytes, 49152, 49152 + 10000);
    bench_advance_ms(task, 10 * FLUSH_INTERVAL_MS);
    assert_in_range(fake_consumer.pinned_bytes, 49152, 49152 + 10000);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_it_has_written_is_committed),
        TEST(kept_records_of_a_revoked_partition_come_again_to_the_next),
        TEST(reported_records_have_futures_that_end_with_their_letters),
        TEST(it_may_refuse_for_a_while),
        TEST(it_may_pause_resume_go_back_and_ask_for_commits),
        TEST(copies_pin_nothing),
        TEST(it_may_wake_itself_for_an_empty_put),
        TEST(a_hoard_over_rebalance_stop_and_abandon_harms_nobody),
        TEST(a_hoarder_stops_being_fed_at_its_budget),
    };
    bench_load(MR_PLUGINS "/string_converter.so," MR_TEST_PLUGINS "/buffering_sink.so," MR_TEST_PLUGINS
                          "/keeping_sink.so");
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    /* The hoard stays: its plugin must not be unloaded under it. */
    return failures;
}
