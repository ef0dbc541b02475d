/* source_task, stepped by hand: how far offsets are stored, stopping, and what happens without a lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_script.h"

/* --- commits ---- */

static void a_plugin_hears_of_stored_offsets_and_its_errors_are_ignored(void **state)
{
    (void)state;
    script.fails = "commit_record";
    script.code = MR_ERR_CONNECT;
    add(0, "a");
    struct task *task = start_plain();
    assert_int_equal(0, script.commits);
    acknowledge_all();
    bench_run(task);
    script.fails = "commit";
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, script.commits);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static struct task *ticked;
static void tick_in_poll(void)
{
    if (script.polls < 2)
        return;
    assert_string_equal("poll", task_inside(ticked));
    acknowledge_all();
    fake_clock_advance_ms(&bench.clock, FLUSH_INTERVAL_MS);
    task_tick(ticked);
    assert_int_equal(1, fake_store.stored[0]);
}

static void offsets_are_stored_while_a_poll_is_inside(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = ticked = start_plain();
    script.in_poll = tick_in_poll;
    bench_advance_ms(task, 200);
    assert_int_equal(1, fake_store.stored[0]);
    assert_int_equal(1, script.commits);
    finish(task);
}

/* --- stopping ---- */

static void a_stop_waits_for_what_is_under_way(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    int polls = script.polls;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    assert_false(bench_run(task));
    assert_int_equal(polls, script.polls);
    acknowledge_all();
    assert_false(bench_run(task));
    assert_int_equal(2, fake_store.stored[0]);
    assert_string_equal("a@lines:-1:-1 b@lines:-1:-1 ", script.committed);
    close_producer(task);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_stop_sends_what_was_polled(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    fake_producer.room = 1;
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    fake_producer.room = SIZE_MAX;
    fake_producer_writable();
    bench_run(task);
    assert_string_equal("a b ", sent_now());
    acknowledge_all();
    bench_run(task);
    close_producer(task);
    assert_int_equal(2, fake_store.stored[0]);
    finish(task);
}

static void a_stop_gives_up_at_its_deadline(void **state)
{
    (void)state;
    add(0, "a");
    add(0, "b");
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 300);
    bench_run(task);
    acknowledge(1);
    bench_run(task);
    assert_false(fake_producer.is_closed);
    assert_int_equal(bench_now_ms() + 300, bench.wake_at_ms);
    bench_advance_ms(task, 300);
    assert_true(fake_producer.is_closed);
    assert_int_equal(1, fake_store.stored[0]);
    close_producer(task);
    assert_int_equal(1, fake_store.stored[0]);
    finish(task);
}

static void a_late_stop_shortens_the_end_of_a_failing_task(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    bench_advance_ms(task, 150);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10);
    bench_run(task);
    assert_int_equal(bench_now_ms() + 10, bench.wake_at_ms);
    bench_advance_ms(task, 10);
    close_producer(task);
    assert_string_equal("PREPARED RUNNING FAILED ", bench.states);
    finish(task);
}

static void the_last_flush_is_tried_again_after_an_older_failure(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    fake_store.mode = STORE_HOLDS;
    acknowledge_all();
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.held_count);
    fake_store_answer("no broker");
    fake_store.mode = STORE_CONFIRMS;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    assert_int_equal(1, fake_store.stored[0]);
    close_producer(task);
    finish(task);
}

static void a_store_that_never_answers_does_not_hold_the_stop(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    fake_store.mode = STORE_HOLDS;
    acknowledge_all();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    assert_false(fake_producer.is_closed);
    bench_advance_ms(task, FLUSH_TIMEOUT_MS + 1);
    assert_true(fake_producer.is_closed);
    close_producer(task);
    finish(task);
    while (fake_store.held_count > 0)
        fake_store_answer(NULL); /* after the task has gone */
}

static void stop_in_poll(void)
{
    if (script.polls == 2)
        task_request_stop(script.task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
}

static void a_stop_asked_for_inside_poll_reaches_the_plugin(void **state)
{
    (void)state;
    struct task *task = start_plain();
    script.in_poll = stop_in_poll;
    bench_advance_ms(task, 100);
    assert_int_equal(1, script.stops_requested);
    assert_int_equal(2, script.polls);
    assert_true(mr_source_context_is_stopping(script.context));
    close_producer(task);
    finish(task);
}

/* --- lease and abandoning ---- */

static void without_a_lease_nothing_leaves_and_nothing_is_stored(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    lease_set(&bench.lease, 0);
    acknowledge_all();
    add(0, "b");
    int polls = script.polls;
    bench_advance_ms(task, 10 * FLUSH_INTERVAL_MS);
    assert_int_equal(polls, script.polls);
    assert_int_equal(0, fake_store.puts);
    assert_int_equal(1, fake_producer.total);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[0]);
    assert_int_equal(2, fake_producer.total);
    lease_set(&bench.lease, 0);
    acknowledge_all();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 10000);
    bench_run(task);
    close_producer(task);
    assert_int_equal(1, fake_store.stored[0]);
    finish(task);
}

static void a_stop_without_a_lease_waits_for_no_acknowledgement(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    assert_int_equal(1, fake_producer.sent_count);
    lease_set(&bench.lease, 0);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 10000);
    bench_run(task);
    assert_true(fake_producer.is_closed); /* and purges what it holds, being told to hurry */
    fake_producer_return(PRODUCER_NOT_SENT, NULL);
    close_producer(task);
    assert_int_equal(0, fake_store.puts);
    finish(task);
}

static void a_task_without_lease_does_not_begin(void **state)
{
    (void)state;
    lease_set(&bench.lease, 0);
    struct task *task = start_plain();
    assert_string_equal("", script.calls);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, 200);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void an_abandoned_task_ends_without_touching_anything(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_plain();
    acknowledge_all();
    task_abandon(task);
    assert_int_equal(1, script.stops_requested);
    bench_run(task);
    close_producer(task);
    assert_int_equal(0, fake_store.puts);
    assert_int_equal(1, fake_producer.total);
    assert_string_equal("PREPARED RUNNING ", bench.states);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_non_null(strstr(script.calls, "stop destroy"));
    finish(task);
}

static void abandon_in_poll(void)
{
    if (script.polls == 2)
        task_abandon(script.task);
}

static void what_an_abandoned_poll_brings_counts_no_more(void **state)
{
    (void)state;
    struct task *task = start_plain();
    script.in_poll = abandon_in_poll;
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    add(0, "a");
    bench_advance_ms(task, 100);
    close_producer(task);
    assert_int_equal(0, fake_producer.total);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal("PREPARED RUNNING ", bench.states);
    finish(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plugin_hears_of_stored_offsets_and_its_errors_are_ignored),
        TEST(offsets_are_stored_while_a_poll_is_inside),
        TEST(a_stop_waits_for_what_is_under_way),
        TEST(a_stop_sends_what_was_polled),
        TEST(a_stop_gives_up_at_its_deadline),
        TEST(a_late_stop_shortens_the_end_of_a_failing_task),
        TEST(the_last_flush_is_tried_again_after_an_older_failure),
        TEST(a_store_that_never_answers_does_not_hold_the_stop),
        TEST(a_stop_asked_for_inside_poll_reaches_the_plugin),
        TEST(without_a_lease_nothing_leaves_and_nothing_is_stored),
        TEST(a_stop_without_a_lease_waits_for_no_acknowledgement),
        TEST(a_task_without_lease_does_not_begin),
        TEST(an_abandoned_task_ends_without_touching_anything),
        TEST(what_an_abandoned_poll_brings_counts_no_more),
    };
    RUN_TESTS(tests);
}
