/* What a task says of its failures, what the watch sees in one that runs, and how a rate and a failing target hold it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"
#include "task/sink_task_internal.h"

#define CALL_MS 10000
#define COMMIT_MS 5000

static const struct task_limits limits = {.call_ms = CALL_MS, .commit_ms = COMMIT_MS};
static int64_t since_ms;
static char words[160];

static enum task_stall look(const struct task *task)
{
    return task_look(task, &limits, &since_ms);
}

static const char *stall_words(const struct task *task)
{
    return task_stall_words(task, look(task), since_ms, words, sizeof(words));
}

/* --- stalls ---- */

static enum task_stall seen_inside;
static void take_long(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count == 0)
        return;
    fake_clock_advance_ms(&bench.clock, CALL_MS - 1);
    assert_int_equal(TASK_STALL_NONE, look(script.task));
    fake_clock_advance_ms(&bench.clock, 1);
    seen_inside = look(script.task);
    assert_string_equal("it has been inside the plugin's put for 10 s", stall_words(script.task));
}

static void a_call_that_does_not_come_back_is_seen(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.in_put = take_long;
    add(0, "a");
    bench_run(task);
    assert_int_equal(TASK_STALL_CALL, seen_inside);
    assert_int_equal(TASK_STALL_NONE, look(task)); /* it came back */
    finish(task);
}

static void records_without_a_commit_are_seen(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    for (int i = 0; i < COMMIT_MS / FLUSH_INTERVAL_MS; i++) {
        assert_int_equal(TASK_STALL_NONE, look(task));
        add(0, "a");
        bench_run(task);
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    }
    assert_int_equal(TASK_STALL_COMMIT, look(task));
    script.fails = NULL;
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static void an_idle_task_is_not_stalled(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    bench_advance_ms(task, 10 * CALL_MS);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static void a_consumer_that_lost_its_partitions_is_seen_until_it_has_some(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer_group(CONSUMER_LOST, "t", 0, 0);
    bench_run(task);
    bench_advance_ms(task, CALL_MS);
    assert_int_equal(TASK_STALL_GROUP, look(task));
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static void dead_letters_that_are_not_written_are_seen(void **state)
{
    static const char *const lines[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = lines, .tolerate_all = true, .has_dead_letters = true}, 0);
    add(0, "a");
    add(0, "bad");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_STALL_NONE, look(task));
    bench_advance_ms(task, CALL_MS);
    assert_int_equal(TASK_STALL_LETTERS, look(task));
    fake_producer_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static void letters_without_room_are_seen_before_a_commit(void **state)
{
    static const char *const lines[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = lines, .tolerate_all = true, .has_dead_letters = true}, 3);
    for (int i = 0; i < 6000; i++)
        add(i % 4, "bad");
    bench_run(task);
    assert_true(fake_producer.sent_count >= 5000 && fake_producer.sent_count < 6000); /* reading has stopped */
    fake_clock_advance_ms(&bench.clock, CALL_MS);
    assert_int_equal(TASK_STALL_LETTERS, look(task));
    while (fake_producer.sent_count > 0)
        fake_producer_return(PRODUCER_ACKED, NULL);
    bench_run(task);
    while (fake_producer.sent_count > 0)
        fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static enum task_stall seen_in_start;
static void start_long(void)
{
    fake_clock_advance_ms(&bench.clock, CALL_MS);
    seen_in_start = look(script.task);
    assert_string_equal("it has been inside the plugin's start for 10 s", stall_words(script.task));
}

static void a_start_that_does_not_come_back_is_seen(void **state)
{
    (void)state;
    script.in_start = start_long;
    struct task *task = start_plain(0);
    assert_int_equal(TASK_STALL_START, seen_in_start);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

/* Both are noted by the task while its pipeline runs. */
static void a_pipeline_that_hangs_is_seen_unless_it_is_retrying(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    task_pipeline_begin(task);
    fake_clock_advance_ms(&bench.clock, CALL_MS);
    assert_int_equal(TASK_STALL_CALL, look(task));
    assert_string_equal("it has been inside converters and transforms for 10 s", stall_words(task));
    task_pipeline_end(task);
    assert_int_equal(TASK_STALL_NONE, look(task));
    finish(task);
}

static enum task_stall seen_in_retry;
static void look_while_it_waits(void)
{
    fake_clock_advance_ms(&bench.clock, CALL_MS);
    seen_in_retry = look(script.task);
}

static void retries_take_as_long_as_the_policy_says(void **state)
{
    static const char *const lines[] = {"transforms=x", "transforms.x.type=org.acme.Failing", "transforms.x.times=1", NULL};
    (void)state;
    seen_in_retry = TASK_STALL_CALL;
    bench.in_pause = look_while_it_waits;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = lines, .tolerate_all = true, .retry_timeout_ms = 60000}, 0);
    add(0, "again");
    bench_run(task);
    assert_int_equal(TASK_STALL_NONE, seen_in_retry);
    finish(task);
}

/* --- failures ---- */

static void assert_range(int64_t first, int64_t last)
{
    assert_int_equal(1, bench.failure.range_count);
    assert_int_equal(failure_place("t", 0), bench.failure.ranges[0].where);
    assert_int_equal(first, bench.failure.ranges[0].first);
    assert_int_equal(last, bench.failure.ranges[0].last);
}

static void a_failed_put_is_told_with_its_records(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    script.fails = "put";
    script.code = MR_ERR_CONNECT;
    add(0, "b");
    add(0, "c");
    assert_true(bench_run(task));
    assert_int_equal(FAILURE_PLUGIN, bench.failure.kind);
    assert_true(bench.failure.has_progressed);
    assert_range(1, 2);
    assert_non_null(strstr(bench.trace, "put failed with 2 records of t-0 offsets 1 to 2"));
    finish(task);
}

static void the_code_says_what_kind_of_failure_it_is(void **state)
{
    static const struct {
        enum mr_error_code code;
        enum failure_kind kind;
    } cases[] = {{MR_ERR_DATA, FAILURE_RECORD},         {MR_ERR_CONFIG, FAILURE_CONFIG},
                 {MR_ERR_TIMEOUT, FAILURE_CONNECTION},  {MR_ERR_CONFLICT, FAILURE_FENCED},
                 {MR_ERR_NO_MEMORY, FAILURE_MEMORY},    {MR_ERR_NOT_SUPPORTED, FAILURE_CONFIG},
                 {MR_ERR_ILLEGAL_STATE, FAILURE_PLUGIN}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(state);
        struct task *task = start_plain(0);
        script.fails = "put";
        script.code = cases[i].code;
        add(0, "a");
        assert_true(bench_run(task));
        assert_int_equal(cases[i].kind, bench.failure.kind);
        assert_false(bench.failure.has_progressed);
        finish(task);
    }
}

static void a_record_that_fails_in_a_transform_is_at_fault(void **state)
{
    static const char *const lines[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.pipeline_lines = lines}, 0);
    add(0, "a");
    add(0, "bad");
    assert_true(bench_run(task));
    assert_int_equal(FAILURE_RECORD, bench.failure.kind);
    assert_range(1, 1);
    finish(task);
}

static void a_consumer_that_fails_is_a_lost_connection(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer_say(CONSUMER_FAILED, "no such broker");
    assert_true(bench_run(task));
    assert_int_equal(FAILURE_CONNECTION, bench.failure.kind);
    assert_int_equal(0, bench.failure.range_count);
    finish(task);
}

/* --- what holds it up ---- */

/* Its first record is to be put again. */
static struct task *start_with_a_target_that_fails(void)
{
    struct task *task = start_plain(0);

    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    add(0, "a");
    bench_run(task);
    return task;
}

static void a_target_that_fails_is_left_alone_and_probed(void **state)
{
    (void)state;
    struct task *task = start_with_a_target_that_fails();
    const struct task_health *health = task->health;
    while (health->breaker != TASK_BREAKER_OPEN)
        bench_advance_ms(task, 10);
    assert_int_equal(SINK_BREAKER_FAILURES, script.puts);
    assert_int_equal(SINK_BREAKER_FAILURES, health->put_failures);
    assert_true(health->put_again_ms > bench_now_ms());
    bench_advance_ms(task, SINK_BREAKER_LEAST_MS / 2);
    assert_int_equal(SINK_BREAKER_FAILURES, script.puts);
    assert_int_equal(TASK_STALL_NONE, look(task)); /* it waits, that is all */
    script.fails = NULL;
    bench_advance_ms(task, SINK_BREAKER_LEAST_MS);
    assert_int_equal(TASK_BREAKER_CLOSED, health->breaker);
    assert_int_equal(0, health->put_failures);
    assert_int_equal(0, health->put_again_ms);
    assert_int_equal(SINK_BREAKER_FAILURES, health->put_retries);
    finish(task);
}

static void a_put_of_nothing_says_nothing_about_the_target(void **state)
{
    (void)state;
    struct task *task = start_with_a_target_that_fails();
    const struct task_health *health = task->health;
    while (health->breaker != TASK_BREAKER_OPEN)
        bench_advance_ms(task, 10);
    script.fails = NULL;
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0); /* its records go */
    bench_run(task);
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS);
    assert_true(script.empty_puts > 0);
    assert_int_not_equal(TASK_BREAKER_CLOSED, health->breaker);
    assert_int_equal(0, health->put_again_ms);
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_int_equal(TASK_BREAKER_CLOSED, health->breaker);
    finish(task);
}

static void assert_waits(struct task *task)
{
    bench_run(task); /* fails when it runs in circles */
    assert_true(bench.wake_at_ms > bench_now_ms());
}

static void a_rate_that_is_over_wakes_nobody_who_cannot_read(void **state)
{
    (void)state;
    bench.records_per_second = 1;
    struct task *task = start_plain(0);
    for (int i = 0; i < 10; i++)
        add(0, "a");
    bench_run(task);
    task_request_pause(task);
    bench_run(task);
    fake_clock_advance_ms(&bench.clock, 60);
    bench_advance_ms(task, 5000);
    assert_waits(task);
    task_request_resume(task);
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    bench_advance_ms(task, 5000);
    assert_waits(task);
    finish(task);
}

static void a_put_that_goes_on_at_once_says_nothing_against_the_target(void **state)
{
    (void)state;
    struct task *task = start_with_a_target_that_fails();
    const struct task_health *health = task->health;
    assert_int_equal(1, health->put_failures);
    script.retry_after_ms = SINK_RETRY_AT_ONCE_MS; /* the target is back, and slow */
    while (script.puts <= 2 * SINK_BREAKER_FAILURES)
        bench_advance_ms(task, SINK_RETRY_LEAST_MS / 10);
    assert_int_equal(TASK_BREAKER_CLOSED, health->breaker);
    assert_int_equal(0, health->put_failures);
    script.fails = NULL;
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_int_equal(0, health->put_again_ms);
    finish(task);
}

static void a_rate_is_kept_by_waiting_not_by_turning(void **state)
{
    (void)state;
    bench.records_per_second = 10;
    struct task *task = start_plain(0);
    for (int i = 0; i < 60; i++)
        add(0, "a");
    bench_run(task);
    assert_string_equal("put[a a a a a a a a a a] ", script.calls);
    assert_in_range(bench.wake_at_ms - bench_now_ms(), 1, 101);
    bench_advance_ms(task, 2500);
    size_t read = 0;
    for (const char *at = script.calls; (at = strstr(at, "a")) != NULL; at++)
        read++;
    assert_in_range(read, 10 + 24, 10 + 26);
    assert_true(task->health->rate_waits > 0);
    finish(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_does_not_come_back_is_seen),
        TEST(records_without_a_commit_are_seen),
        TEST(letters_without_room_are_seen_before_a_commit),
        TEST(a_start_that_does_not_come_back_is_seen),
        TEST(a_pipeline_that_hangs_is_seen_unless_it_is_retrying),
        TEST(retries_take_as_long_as_the_policy_says),
        TEST(a_rate_that_is_over_wakes_nobody_who_cannot_read),
        TEST(an_idle_task_is_not_stalled),
        TEST(a_consumer_that_lost_its_partitions_is_seen_until_it_has_some),
        TEST(dead_letters_that_are_not_written_are_seen),
        TEST(a_failed_put_is_told_with_its_records),
        TEST(the_code_says_what_kind_of_failure_it_is),
        TEST(a_record_that_fails_in_a_transform_is_at_fault),
        TEST(a_consumer_that_fails_is_a_lost_connection),
        TEST(a_target_that_fails_is_left_alone_and_probed),
        TEST(a_put_of_nothing_says_nothing_about_the_target),
        TEST(a_put_that_goes_on_at_once_says_nothing_against_the_target),
        TEST(a_rate_is_kept_by_waiting_not_by_turning),
    };
    RUN_TESTS(tests);
}
