/* sink_task, stepped by hand: what is committed, and what a plugin may wish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"

/* --- commits ---- */

static void lower_keep_and_invent(struct mr_offsets *offsets)
{
    assert_int_equal(0, mr_offsets_put(offsets, "t", 0, 1));     /* lower */
    mr_offsets_remove(offsets, "t", 1);                          /* hold back */
    assert_int_equal(0, mr_offsets_put(offsets, "t", 2, 100));   /* beyond what was delivered */
    assert_int_equal(0, mr_offsets_put(offsets, "other", 7, 1)); /* not ours */
}

static void pre_commit_decides_what_is_committed(void **state)
{
    (void)state;
    struct task *task = start_plain(3);
    for (int32_t partition = 0; partition < 4; partition++) {
        add(partition, "a");
        add(partition, "b");
    }
    script.in_pre_commit = lower_keep_and_invent;
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(-1, fake_committed("t", 1));
    assert_int_equal(-1, fake_committed("t", 2));
    assert_int_equal(2, fake_committed("t", 3));
    script.in_pre_commit = mr_offsets_clear;
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_consumer.commits);
    script.in_pre_commit = NULL;
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 2));
    int commits = fake_consumer.commits;
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS); /* nothing new: asked, but not committed again */
    assert_int_equal(commits, fake_consumer.commits);
    finish(task);
}

static void without_pre_commit_flush_vouches_for_all(void **state)
{
    struct mr_sink_task_ops flushing = ops;

    (void)state;
    flushing.pre_commit = NULL;
    struct task *task = start_assigned(&(struct sink_setup){.ops = &flushing}, 0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_non_null(strstr(script.calls, "flush[0=1]"));
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    flushing.flush = NULL;
    task = start_assigned(&(struct sink_setup){.ops = &flushing}, 0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static void a_failing_pre_commit_rewinds_to_what_was_committed(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    add(0, "b");
    add(0, "c");
    add(1, "x");
    bench_run(task);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.fails_times = 1;
    script.calls[0] = '\0';
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_string_equal("pre_commit[0=3 1=1] put[b c x] ", script.calls);
    assert_int_equal(TASK_RUNNING, task_state(task));
    assert_int_equal(1, fake_consumer.seeks);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    assert_int_equal(1, fake_committed("t", 1));
    finish(task);
}

static void commits_are_tried_again_and_late_answers_ignored(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer.holds_commits = true;
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_consumer.commits);
    fake_consumer_confirm("rebalance in progress");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_consumer.commits);
    uint64_t late = fake_consumer.held_token;
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS); /* no answer: given up */
    assert_true(fake_consumer.commits >= 3);
    fake_consumer_say(CONSUMER_COMMITTED, NULL);
    fake_consumer.events[0].event.token = late;
    bench_run(task);
    fake_consumer.commit_refusal = "not a member";
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_RUNNING, task_state(task));
    fake_consumer.commit_refusal = NULL;
    fake_consumer.holds_commits = false;
    bench_advance_ms(task, 2 * FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0));
    finish(task);
}

static void seek_to_the_start(struct mr_offsets *offsets)
{
    (void)offsets;
    assert_int_equal(0, mr_sink_context_seek(script.context, "t", 0, 0, NULL));
    script.in_pre_commit = NULL;
}

static void a_commit_under_way_does_not_undo_a_seek(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    fake_consumer.holds_commits = true;
    script.in_pre_commit = seek_to_the_start;
    add(0, "a");
    add(0, "b");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS); /* asks for 2, then seeks to 0: both come again */
    assert_string_equal("put[a b] pre_commit[0=2] put[a b] ", script.calls);
    fake_consumer.holds_commits = false;
    fake_consumer_confirm(NULL);
    bench_run(task);
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.fails_times = 1;
    script.calls[0] = '\0';
    bench_advance_ms(task, FLUSH_INTERVAL_MS); /* they were not made safe again: not from 2 on */
    assert_string_equal("pre_commit[0=2] put[a b] ", script.calls);
    finish(task);
}

static void a_failing_pre_commit_may_say_itself_where_to_go_on(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    add(0, "b");
    bench_run(task);
    script.in_pre_commit = seek_to_the_start;
    script.fails = "pre_commit";
    script.code = MR_ERR_CONNECT;
    script.fails_times = 1;
    script.calls[0] = '\0';
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_string_equal("pre_commit[0=2] put[a b] ", script.calls);
    finish(task);
}

static void answer_for_the_other(struct mr_offsets *offsets)
{
    if (mr_offsets_get(offsets, "t", 1) < 0) /* asked about one of the two */
        assert_int_equal(0, mr_offsets_put(offsets, "t", 1, 1));
    assert_int_equal(0, mr_sink_context_seek(script.context, "t", 1, 0, NULL));
    script.in_pre_commit = NULL;
}

static void at_a_revocation_only_what_goes_is_committed_and_seeks_of_the_rest_come_first(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    add(0, "a");
    add(1, "x");
    bench_run(task);
    script.in_pre_commit = answer_for_the_other;
    script.calls[0] = '\0';
    add(1, "y");
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    bench_run(task);
    assert_string_equal("pre_commit[0=1] close[0=1] put[x y] ", script.calls);
    assert_int_equal(1, fake_committed("t", 0));
    assert_int_equal(-1, fake_committed("t", 1));
    finish(task);
}

static void ask_for_a_commit(struct mr_record *const *records, size_t count)
{
    (void)records, (void)count;
    mr_sink_context_request_commit(script.context);
}

static void ask_again(struct mr_offsets *offsets)
{
    (void)offsets;
    mr_sink_context_request_commit(script.context);
}

static void a_plugin_may_ask_for_a_commit(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.in_put = ask_for_a_commit;
    script.in_pre_commit = ask_again; /* must not go round in circles */
    add(0, "a");
    bench_run(task);
    assert_int_equal(1, fake_committed("t", 0));
    script.calls[0] = '\0';
    mr_waker_wake(mr_sink_context_waker(script.context)); /* also from an empty put */
    bench_run(task);
    assert_string_equal("pre_commit[0=1] ", script.calls);
    finish(task);
}

/* --- wishes ---- */

static void seek_in_open(void)
{
    struct mr_error *error = NULL;

    assert_int_equal(0, mr_sink_context_seek(script.context, "t", 0, 2, NULL));
    assert_int_equal(-1, mr_sink_context_seek(script.context, "t", 9, 2, &error));
    assert_int_equal(MR_ERR_ILLEGAL_STATE, mr_error_code(error));
    mr_error_clear(&error);
    assert_int_equal(-1, mr_sink_context_seek(script.context, "t", 0, -2, &error));
    mr_error_clear(&error);
    assert_int_equal(-1, mr_sink_context_pause(script.context, "t", 9, &error));
    mr_error_clear(&error);
}

static void a_plugin_may_begin_where_it_wishes(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    add(0, "a");
    add(0, "b");
    add(0, "c");
    script.in_open = seek_in_open;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(script.calls, "put[c]"));
    assert_null(strstr(script.calls, "a"  " b"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void pause_then_resume(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count > 0)
        assert_int_equal(0, mr_sink_context_pause(script.context, "t", 0, NULL));
    else
        assert_int_equal(0, mr_sink_context_resume(script.context, "t", 0, NULL));
}

static void a_paused_partition_is_not_read(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.in_put = pause_then_resume;
    add(0, "a");
    bench_run(task);
    add(0, "b");
    add(1, "x");
    bench_run(task);
    assert_string_equal("put[a] put[x] ", script.calls);
    bench_advance_ms(task, FLUSH_INTERVAL_MS); /* an empty put resumes it */
    assert_non_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void seek_back_and_fail(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count > 1)
        assert_int_equal(0, mr_sink_context_seek(script.context, "t", 0, 0, NULL));
    script.in_put = NULL;
}

static void a_seek_during_a_retry_takes_its_records_out(void **state)
{
    (void)state;
    struct task *task = start_plain(1);
    script.in_put = seek_back_and_fail;
    script.fails = "put";
    script.code = MR_ERR_RETRIABLE;
    script.fails_times = 1;
    add(0, "a");
    add(1, "x");
    bench_run(task);
    bench_advance_ms(task, SINK_RETRY_LEAST_MS);
    assert_string_equal("put[a x] put[x] put[a] ", script.calls);
    finish(task);
}

static void a_seek_that_fails_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_with(&(struct sink_setup){.ops = NULL});
    script.in_open = seek_in_open;
    fake_consumer.seek_refusal = "timed out";
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    bench_run(task);
    assert_non_null(strstr(bench.trace, "cannot go to offset 2 of t-0"));
    finish(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pre_commit_decides_what_is_committed),
        TEST(without_pre_commit_flush_vouches_for_all),
        TEST(a_failing_pre_commit_rewinds_to_what_was_committed),
        TEST(commits_are_tried_again_and_late_answers_ignored),
        TEST(a_commit_under_way_does_not_undo_a_seek),
        TEST(a_failing_pre_commit_may_say_itself_where_to_go_on),
        TEST(at_a_revocation_only_what_goes_is_committed_and_seeks_of_the_rest_come_first),
        TEST(a_plugin_may_ask_for_a_commit),
        TEST(a_plugin_may_begin_where_it_wishes),
        TEST(a_paused_partition_is_not_read),
        TEST(a_seek_during_a_retry_takes_its_records_out),
        TEST(a_seek_that_fails_fails_the_task),
    };
    RUN_TESTS(tests);
}
