/* sink_task, stepped by hand: what is put, when, and how often; plugins that keep their records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"

/* --- put ---- */

static void a_retriable_put_gets_the_same_records_again_and_keeps_its_place(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    add(0, "a");
    add(0, "b");
    bench_run(task);
    add(0, "c");
    assert_string_equal("put[a b] ", script.calls);
    assert_in_range(bench.wake_at_ms - bench_now_ms(), SINK_RETRY_LEAST_MS * 3 / 4, SINK_RETRY_LEAST_MS);
    bench_advance_ms(task, bench.wake_at_ms - bench_now_ms());
    assert_string_equal("put[a b] put[a b] ", script.calls);
    assert_in_range(bench.wake_at_ms - bench_now_ms(), 2 * SINK_RETRY_LEAST_MS * 3 / 4, 2 * SINK_RETRY_LEAST_MS);
    bench_advance_ms(task, 60000);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    assert_null(strstr(script.calls, "put[c"));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1); /* the group is still served */
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("open[1=-1] ", script.calls);
    script.fails = NULL;
    bench_advance_ms(task, SINK_BREAKER_MOST_MS);
    assert_non_null(strstr(script.calls, "put[a b] put[c]"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void wish_for_300_ms(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    mr_sink_context_retry_after_ms(script.context, 300);
}

static void a_retry_comes_when_the_error_or_the_plugin_says(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.in_put = wish_for_300_ms;
    add(0, "a");
    bench_run(task);
    assert_int_equal(bench_now_ms() + 300, bench.wake_at_ms);
    script.retry_after_ms = 70;
    bench_advance_ms(task, 300);
    assert_int_equal(bench_now_ms() + 70, bench.wake_at_ms);
    int puts = script.puts;
    mr_waker_wake(mr_sink_context_waker(script.context)); /* or when the plugin wakes its task */
    bench_run(task);
    assert_int_equal(puts + 1, script.puts);
    finish(task);
}

static void records_of_revoked_partitions_are_not_put_again(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    add(0, "a");
    add(1, "b");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    script.calls[0] = '\0';
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_string_equal("close[0=0] put[b] ", strstr(script.calls, "close"));
    assert_int_equal(-1, fake_committed("t", 0));
    /* It comes back before the retry works: its records are read anew. */
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    script.fails = NULL;
    script.calls[0] = '\0';
    bench_advance_ms(task, 2 * SINK_RETRY_LEAST_MS);
    assert_string_equal("put[b] put[a] ", script.calls);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    finish(task);
}

static void when_nothing_is_left_to_retry_the_rest_goes_on(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.retry_after_ms = 100000;
    add(0, "a");
    bench_run(task);
    add(1, "b");
    script.fails = NULL;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    script.calls[0] = '\0';
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void a_failed_put_fails_the_task_and_commits_what_was_before(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.fails = "put";
    script.code = MR_ERR_DATA;
    add(0, "b");
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("put[b] pre_commit[0=1] close[0=1] stop destroy ", script.calls);
    assert_int_equal(1, fake_committed("t", 0));
    assert_string_equal("PREPARED RUNNING FAILED ", bench.states);
    assert_non_null(strstr(bench.trace, "Exiting sink task due to unrecoverable exception."));
    assert_non_null(strstr(bench.trace, "put went wrong"));
    assert_int_equal(CONSUMER_CLOSE_LEAVE, fake_consumer.close_mode);
    finish(task);
}

static void empty_puts_come_at_least_each_interval_and_when_woken(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    bench_advance_ms(task, 10 * FLUSH_INTERVAL_MS);
    assert_in_range(script.empty_puts, 9, 11);
    int before = script.empty_puts;
    mr_waker_wake(mr_sink_context_waker(script.context));
    bench_run(task);
    assert_int_equal(before + 1, script.empty_puts);
    script.in_put = wish_for_300_ms;
    mr_waker_wake(mr_sink_context_waker(script.context));
    bench_run(task);
    before = script.empty_puts;
    bench_advance_ms(task, 900);
    assert_int_equal(before + 3, script.empty_puts);
    finish(task);
}

static void one_put_gets_at_most_max_poll_records(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.max_poll_records = "3"}, 0);
    for (int i = 0; i < 7; i++)
        add(0, "x");
    bench_run(task);
    assert_string_equal("put[x x x] put[x x x] put[x] ", script.calls);
    finish(task);
}

static size_t most_at_once;
static void what_put_lets_go_at_once_wakes_nobody(void **state)
{
    struct task *task = start_plain(0);
    int wakes;

    (void)state;
    add(0, "a");
    wakes = bench.wakes;
    bench_run(task);
    assert_string_equal("put[a] ", script.calls);
    assert_int_equal(wakes, bench.wakes);
    script.keeps_batches = true;
    add(0, "b");
    bench_run(task);
    wakes = bench.wakes;
    drop_kept(); /* of a plugin: there may be room to read again */
    assert_int_equal(wakes + 1, bench.wakes);
    finish(task);
}

static void note_most(struct mr_record *const *records, size_t count)
{
    (void)records;
    most_at_once = count > most_at_once ? count : most_at_once;
}

static void large_records_are_read_few_at_a_time(void **state)
{
    static char large[10001];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    most_at_once = 0;
    script.in_put = note_most;
    struct task *task = start_assigned(&(struct sink_setup){.buffer_bytes_max = 100000}, 0);
    for (int i = 0; i < 200; i++)
        add(0, large);
    bench_run(task);
    assert_in_range(most_at_once, 7, 64);
    most_at_once = 0;
    for (int i = 0; i < 200; i++)
        add(0, large);
    bench_run(task);
    assert_in_range(most_at_once, 6, 7);
    finish(task);
}

/* --- plugins that keep records ---- */

static void a_plugin_that_keeps_too_much_is_asked_to_let_go(void **state)
{
    (void)state;
    script.keeps_batches = true;
    struct task *task = start_assigned(&(struct sink_setup){.buffer_bytes_max = 65536, .max_poll_records = "10"}, 0);
    static char value[1001];
    memset(value, 'x', sizeof(value) - 1);
    for (int i = 0; i < 200; i++)
        add(0, value);
    bench_run(task);
    assert_in_range(script.kept_count, 5, 6);
    assert_int_equal(1, fake_consumer.commits); /* asked for at once, and once */
    size_t kept = script.kept_count;
    bench_advance_ms(task, 500);
    assert_int_equal(kept, script.kept_count);
    int wakes = bench.wakes;
    drop_kept();
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_in_range(script.kept_count, 5, 6);
    finish(task);
}

static void put_batches(struct task *task, int count)
{
    for (int i = 0; i < count; i++) {
        add(0, "a");
        bench_run(task);
    }
}

#define PATIENCE 100 /* batches, in which a task has learned whether its plugin keeps them */

static void batches_are_copied_only_for_a_plugin_that_keeps_them(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    put_batches(task, 1);
    assert_false(fake_consumer.lets_go_soon); /* nothing is known yet */
    put_batches(task, PATIENCE);
    assert_true(fake_consumer.lets_go_soon);
    script.keeps_batches = true;
    put_batches(task, 2);
    assert_false(fake_consumer.lets_go_soon);
    script.keeps_batches = false;
    put_batches(task, 2);
    assert_false(fake_consumer.lets_go_soon);
    put_batches(task, PATIENCE);
    assert_true(fake_consumer.lets_go_soon);
    finish(task);
}

static void records_may_be_kept_over_rebalance_stop_and_end(void **state)
{
    (void)state;
    script.keeps_batches = true;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 1);
    bench_run(task);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
    bench_run(task);
    add(0, "b");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    task_destroy(task);
    assert_int_equal(0, bench.wake_references); /* nobody waits for the records */
    assert_int_equal(2, fake_consumer.batches_out);
    for (size_t i = 0; i < script.kept_count; i++) {
        struct mr_record *record = mr_batch_at(script.kept[i], 0);

        assert_string_equal("t", mr_record_origin_topic(record));
        assert_memory_equal(i == 0 ? "a" : "b", mr_record_origin_value(record).data, 1);
    }
    drop_kept();
    assert_int_equal(0, fake_consumer.batches_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_retriable_put_gets_the_same_records_again_and_keeps_its_place),
        TEST(a_retry_comes_when_the_error_or_the_plugin_says),
        TEST(records_of_revoked_partitions_are_not_put_again),
        TEST(when_nothing_is_left_to_retry_the_rest_goes_on),
        TEST(a_failed_put_fails_the_task_and_commits_what_was_before),
        TEST(empty_puts_come_at_least_each_interval_and_when_woken),
        TEST(one_put_gets_at_most_max_poll_records),
        TEST(what_put_lets_go_at_once_wakes_nobody),
        TEST(large_records_are_read_few_at_a_time),
        TEST(a_plugin_that_keeps_too_much_is_asked_to_let_go),
        TEST(batches_are_copied_only_for_a_plugin_that_keeps_them),
        TEST(records_may_be_kept_over_rebalance_stop_and_end),
    };
    RUN_TESTS(tests);
}
