/* sink_task, stepped by hand: its life, partitions that come and go, a paused target, and every lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"
#include "support/alloc_torture.h"

static const char *const failing[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};

/* --- life ---- */

static void a_task_opens_puts_commits_and_closes_in_order(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start ", script.calls);
    assert_memory_equal("open:connect-files-0-", fake_consumer.seen, strlen("open:connect-files-0-"));
    add(0, "a");
    add(0, "b");
    add(1, "c");
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 1);
    bench_run(task);
    assert_string_equal("create start open[0=-1 1=-1] put[a b c] ", script.calls);
    assert_string_equal("t ", bench.topics);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    script.calls[0] = fake_consumer.seen[0] = '\0';
    add(0, "d");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    assert_string_equal("put[d] pre_commit[0=3 1=1] close[0=3 1=1] stop destroy ", script.calls);
    assert_string_equal("commit:t-0=3 leave ", fake_consumer.seen);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    assert_int_equal(1, script.stops_requested);
    finish(task);
}

static void a_hand_over_closes_without_leaving(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
    bench_run(task);
    assert_int_equal(CONSUMER_CLOSE_STAY, fake_consumer.close_mode);
    finish(task);
}

static void a_task_that_begins_paused_waits_before_the_start(void **state)
{
    struct sink_setup setup = {.ops = &ops};

    (void)state;
    struct task *task = sink_task_of_test(&setup);
    task_request_pause(task);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create ", script.calls);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    assert_int_equal(0, fake_consumer.opens);
    task_request_resume(task);
    bench_run(task);
    assert_string_equal("create start ", script.calls);
    assert_string_equal("PREPARED PAUSED RUNNING ", bench.states);
    finish(task);
}

static void a_prepared_task_is_connected_and_no_member(void **state)
{
    struct sink_setup setup = {.ops = &ops};

    (void)state;
    fake_consumer.committed_refusal = "no coordinator";
    struct task *task = sink_task_of_test(&setup);
    task_request_prepare(task);
    bench_run(task);
    assert_string_equal("create ", script.calls);
    assert_int_equal(1, fake_consumer.opens);
    assert_false(fake_consumer.is_subscribed);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create start ", script.calls);
    assert_true(fake_consumer.is_subscribed);
    assert_int_equal(1, fake_consumer.opens);
    assert_string_equal("PREPARED RUNNING ", bench.states);
    finish(task);
}

static void a_prepared_task_that_is_not_needed_was_never_there(void **state)
{
    struct sink_setup setup = {.ops = &ops};

    (void)state;
    struct task *task = sink_task_of_test(&setup);
    task_request_prepare(task);
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
    assert_true(bench_run(task));
    assert_string_equal("create stop destroy ", script.calls);
    assert_false(fake_consumer.is_subscribed);
    assert_int_equal(CONSUMER_CLOSE_STAY, fake_consumer.close_mode);
    assert_string_equal("PREPARED STOPPED ", bench.states);
    finish(task);
}

static void abandon_in_start(void)
{
    task_abandon(script.task);
}

static void a_prepared_task_abandoned_in_its_start_opens_nothing_more(void **state)
{
    struct sink_setup setup = {.ops = &ops};

    (void)state;
    struct task *task = sink_task_of_test(&setup);
    script.task = task;
    task_request_prepare(task);
    bench_run(task);
    script.in_start = abandon_in_start;
    task_request_start(task);
    assert_true(bench_run(task));
    assert_int_equal(1, fake_consumer.opens);
    assert_false(fake_consumer.is_subscribed);
    finish(task);
}

static void a_failed_beginning_is_followed_by_stop_and_destroy(void **state)
{
    (void)state;
    script.fails = "start";
    script.code = MR_ERR_CONFIG;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start stop destroy ", script.calls);
    assert_string_equal("PREPARED FAILED ", bench.states);
    assert_int_equal(0, fake_consumer.opens);
    finish(task);
    set_up(NULL);
    script.fails = "create";
    task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create ", script.calls);
    assert_non_null(strstr(bench.trace, "create failed without a reason"));
    finish(task);
    set_up(NULL);
    fake_consumer.open_refusal = "no such trust store";
    task = start_with(&(struct sink_setup){.ops = NULL});
    assert_string_equal("create start stop destroy ", script.calls);
    assert_non_null(strstr(bench.trace, "no such trust store"));
    finish(task);
}

/* --- partitions ---- */

static void revoked_partitions_are_committed_and_closed_first(void **state)
{
    (void)state;
    struct task *task = start_plain(2);
    add(0, "a");
    add(1, "b");
    add(2, "c");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_REVOKED, "t", 1, 2);
    bench_run(task);
    assert_string_equal("pre_commit[1=1 2=1] close[1=1 2=1] ", script.calls);
    assert_string_equal("commit:t-1=1 commit:t-2=1 revoke ", fake_consumer.seen);
    assert_int_equal(1, mr_offsets_count(mr_sink_context_assignment(script.context)));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1);
    script.calls[0] = '\0';
    bench_run(task);
    assert_string_equal("open[1=1] ", script.calls);
    finish(task);
}

static void lost_partitions_are_closed_without_a_commit(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_LOST, "t", 0, 1);
    bench_run(task);
    assert_string_equal("close[0=1 1=-1] ", script.calls);
    assert_string_equal("revoke ", fake_consumer.seen);
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
}

static void a_failing_pre_commit_does_not_keep_a_revoked_partition(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.calls[0] = '\0';
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_string_equal("pre_commit[0=1] close[0=1] ", script.calls);
    assert_string_equal("revoke ", fake_consumer.seen);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void a_failing_open_or_close_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    script.fails = "open";
    script.code = MR_ERR_CONNECT;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(CONSUMER_CLOSE_LEAVE, fake_consumer.close_mode);
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    script.fails = "close";
    script.fails_times = 1;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "close failed without a reason"));
    finish(task);
    set_up(NULL);
    task = start_with(&(struct sink_setup){.ops = NULL});
    fake_consumer.committed_refusal = "no coordinator";
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(bench.trace, "committed offsets could not be read"));
    finish(task);
}

static void a_fenced_task_stops_cleanly_and_commits_nothing(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    script.calls[0] = '\0';
    fake_consumer_say(CONSUMER_FENCED, NULL);
    assert_true(bench_run(task));
    assert_string_equal("close[0=1] stop destroy ", script.calls);
    assert_string_equal("stay ", fake_consumer.seen); /* the place is its successor's */
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_failed_consumer_fails_the_task_and_trouble_does_not(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer_say(CONSUMER_TROUBLE, "all brokers are down");
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    fake_consumer_say(CONSUMER_FAILED, "not authorized");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "not authorized"));
    finish(task);
}

/* --- a paused target ---- */

static void a_pause_commits_at_once_and_reads_nothing(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    task_request_pause(task);
    bench_run(task);
    assert_int_equal(1, fake_committed("t", 0));
    add(0, "b");
    bench_advance_ms(task, 3 * FLUSH_INTERVAL_MS);
    assert_null(strstr(script.calls, "put[b]"));
    assert_true(script.empty_puts > 0);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 1, 1);
    bench_run(task);
    assert_non_null(strstr(script.calls, "open[1=-1]"));
    task_request_resume(task);
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[b]"));
    assert_string_equal("PREPARED RUNNING PAUSED RUNNING ", bench.states);
    finish(task);
}

/* --- memory ---- */

static bool live_through(void *argument)
{
    struct sink_setup setup = {.ops = &ops, .pipeline_lines = failing, .tolerate_all = true};
    struct task *task;

    (void)argument;
    memset(&script, 0, sizeof(script));
    bench.states[0] = '\0';
    task = sink_task_of_test(&setup);
    if (task == NULL) {
        fake_consumer_reset();
        return false;
    }
    add(0, "a");
    add(1, "bad");
    add(1, "c");
    task_request_start(task);
    bench_run(task);
    if (task_state(task) == TASK_RUNNING) {
        fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 2);
        bench_run(task);
    }
    for (int i = 0; i < 3 && task_state(task) == TASK_RUNNING; i++)
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    if (task_state(task) == TASK_RUNNING) {
        fake_consumer_group(CONSUMER_REVOKED, "t", 0, 1);
        bench_run(task);
    }
    bool worked = task_state(task) == TASK_RUNNING && fake_committed("t", 0) == 1 && fake_committed("t", 1) == 2;
    finish(task);
    return worked;
}

static void it_survives_every_lack_of_memory(void **state)
{
    (void)state;
    live_through(NULL); /* tables that live for ever are made now */
    alloc_torture(live_through, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_opens_puts_commits_and_closes_in_order),
        TEST(a_hand_over_closes_without_leaving),
        TEST(a_task_that_begins_paused_waits_before_the_start),
        TEST(a_prepared_task_is_connected_and_no_member),
        TEST(a_prepared_task_that_is_not_needed_was_never_there),
        TEST(a_prepared_task_abandoned_in_its_start_opens_nothing_more),
        TEST(a_failed_beginning_is_followed_by_stop_and_destroy),
        TEST(revoked_partitions_are_committed_and_closed_first),
        TEST(lost_partitions_are_closed_without_a_commit),
        TEST(a_failing_pre_commit_does_not_keep_a_revoked_partition),
        TEST(a_failing_open_or_close_fails_the_task),
        TEST(a_fenced_task_stops_cleanly_and_commits_nothing),
        TEST(a_failed_consumer_fails_the_task_and_trouble_does_not),
        TEST(a_pause_commits_at_once_and_reads_nothing),
        TEST(it_survives_every_lack_of_memory),
    };
    RUN_TESTS(tests);
}
