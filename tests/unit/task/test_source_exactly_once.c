/* source_task with exactly once, stepped by hand: what is one transaction, and what is committed with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "exactly_once_bench.h"

/* --- at every batch ---- */

static void a_batch_and_its_offsets_are_one_transaction(void **state)
{
    (void)state;
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_said("init ");
    add(0, "a");
    add(1, "b");
    add(0, "c");
    bench_advance_ms(task, 100);
    int polls = script.polls;
    assert_string_equal(sent_now(), "a b c ");
    assert_said("begin ");
    bench_advance_ms(task, 500);
    assert_int_equal(script.polls, polls); /* what comes next is not part of it */
    fake_land_all();
    assert_false(bench_run(task));
    assert_string_equal(sent_now(), "2 1 "); /* the offsets */
    assert_string_equal(script.committed, "");
    assert_true(fake_transactions_run());
    assert_said("commit(a b c |0=2 1=1 ) ");
    assert_string_equal(script.committed, "");
    assert_int_equal(fake_transactions.copies_sent, 0);
    bench_run(task);
    assert_int_equal(fake_transactions.copies_sent, 1); /* to the worker's offset topic */
    assert_string_equal(script.committed, "a@lines:-1:-1 c@lines:-1:-1 b@lines:-1:-1 "); /* in order for each source partition */
    assert_int_equal(script.commits, 1);
    assert_string_equal(bench.topics, "lines ");
    assert_int_equal(fake_store.puts, 0);
    end(task);
    assert_said("");
}

static void each_batch_is_a_transaction_of_its_own(void **state)
{
    (void)state;
    script.per_poll = 1;
    add(0, "a");
    add(0, "b");
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_said("init begin commit(a |0=1 ) begin commit(b |0=2 ) ");
    assert_int_equal(script.commits, 2);
    end(task);
}

static void what_brings_no_record_commits_its_offset(void **state)
{
    (void)state;
    add(0, NULL);
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_said("init begin commit(|0=1 ) ");
    end(task);
}

static void who_has_nothing_begins_nothing(void **state)
{
    (void)state;
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    for (int i = 0; i < 10; i++) {
        bench_advance_ms(task, INTERVAL_MS);
        fake_transactions_settle(task);
    }
    assert_said("init ");
    end(task);
    assert_said("");
}

/* --- at intervals ---- */

static void offsets_alone_are_committed_in_time(void **state)
{
    (void)state;
    add(0, NULL);
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_said("init ");
    bench_advance_ms(task, INTERVAL_MS);
    fake_transactions_settle(task);
    assert_said("begin commit(|0=1 ) ");
    end(task);
    assert_said("");
}

static void a_stop_commits_offsets_alone(void **state)
{
    (void)state;
    add(0, NULL);
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_said("init ");
    end(task);
    assert_said("begin commit(|0=1 ) ");
}

static void batches_of_an_interval_are_one_transaction(void **state)
{
    (void)state;
    script.per_poll = 1;
    add(0, "a");
    add(0, "b");
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_said("init begin ");
    assert_string_equal(script.committed, "");
    bench_advance_ms(task, INTERVAL_MS - 1000);
    fake_transactions_settle(task);
    assert_said("");
    bench_advance_ms(task, 1000);
    fake_transactions_settle(task);
    assert_said("commit(a b |0=2 ) ");
    assert_string_equal(script.committed, "a@lines:-1:-1 b@lines:-1:-1 ");
    end(task);
}

static void a_full_buffer_ends_the_transaction_early(void **state)
{
    (void)state;
    static char large[300 * 1024];
    memset(large, 'x', sizeof(large) - 1);
    script.per_poll = 1;
    for (int i = 0; i < 40; i++)
        add(0, large);
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_int_equal(script.at, 40);
    assert_true(script.commits >= 2 && script.commits < 40);
    assert_int_equal(TASK_RUNNING, task_state(task));
    end(task);
    assert_int_equal(script.commits >= 3, true);
}

static void a_pause_commits_first(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    assert_said("init begin ");
    task_request_pause(task);
    fake_transactions_settle(task);
    assert_said("commit(a |0=1 ) ");
    assert_int_equal(TASK_PAUSED, task_state(task));
    end(task);
}

/* --- where the connector says ---- */

static size_t commit_after = SIZE_MAX, abort_after = SIZE_MAX;
static bool commit_batch, abort_batch;

/* After the lines with these numbers. */
static void mark(struct mr_batch *batch, size_t first)
{
    struct mr_transaction *boundaries = mr_source_context_transaction(script.context);

    for (size_t i = 0; i < mr_batch_count(batch); i++) {
        if (first + i == commit_after)
            mr_transaction_commit_after(boundaries, mr_batch_at(batch, i));
        if (first + i == abort_after)
            mr_transaction_abort_after(boundaries, mr_batch_at(batch, i));
    }
    if (commit_batch)
        mr_transaction_commit_batch(boundaries);
    if (abort_batch)
        mr_transaction_abort_batch(boundaries);
}

static int set_up_marks(void **state)
{
    commit_after = abort_after = SIZE_MAX;
    commit_batch = abort_batch = false;
    script.after_poll = NULL;
    set_up_exact(state);
    script.after_poll = mark;
    return 0;
}

static void add_four(void)
{
    add(0, "a");
    add(0, "b");
    add(0, "c");
    add(0, "d");
}

static void a_connector_ends_a_transaction_within_a_batch(void **state)
{
    (void)state;
    add_four();
    commit_after = 1;
    struct task *task = start_exact(SOURCE_BOUNDARY_CONNECTOR);
    assert_said("init begin commit(a b |0=2 ) begin ");
    commit_after = 4;
    add(0, "e");
    bench_advance_ms(task, 100);
    fake_transactions_settle(task);
    assert_said("commit(c d e |0=5 ) ");
    end(task);
}

static void what_a_connector_aborts_is_dropped_and_its_offsets_kept(void **state)
{
    (void)state;
    add_four();
    abort_after = 1;
    commit_batch = true;
    struct task *task = start_exact(SOURCE_BOUNDARY_CONNECTOR);
    assert_said("init begin abort(a b |) begin commit(|0=2 ) begin commit(c d |0=4 ) ");
    assert_string_equal(script.committed, "a@-:-1:-1 b@-:-1:-1 c@lines:-1:-1 d@lines:-1:-1 ");
    end(task);
}

static void a_whole_batch_may_be_aborted(void **state)
{
    (void)state;
    add_four();
    abort_batch = true;
    struct task *task = start_exact(SOURCE_BOUNDARY_CONNECTOR);
    assert_said("init begin abort(a b c d |) begin commit(|0=4 ) ");
    assert_int_equal(TASK_RUNNING, task_state(task));
    end(task);
}

static void what_a_connector_has_not_committed_is_undone_at_the_end(void **state)
{
    (void)state;
    add_four();
    commit_after = 1;
    struct task *task = start_exact(SOURCE_BOUNDARY_CONNECTOR);
    assert_said("init begin commit(a b |0=2 ) begin ");
    end(task);
    assert_said("abort(c d |) ");
    assert_string_equal(script.committed, "a@lines:-1:-1 b@lines:-1:-1 ");
}

static void both_for_one_transaction_fail_the_task(void **state)
{
    (void)state;
    add_four();
    commit_after = abort_after = 1;
    struct task *task = start_exact(SOURCE_BOUNDARY_CONNECTOR);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "both committed and aborted"));
    end(task);
    assert_said("init ");
}

static void boundaries_are_the_tasks_only_where_it_says_so(void **state)
{
    (void)state;
    struct task *task = start_exact(SOURCE_BOUNDARY_POLL);
    assert_null(mr_source_context_transaction(script.context));
    end(task);
}

/* --- the end ---- */

static void a_stop_commits_what_was_polled(void **state)
{
    (void)state;
    fake_producer.room = 1;
    add(0, "a");
    add(0, "b");
    struct task *task = create_exact(SOURCE_BOUNDARY_INTERVAL);
    task_request_start(task);
    bench_run(task);
    fake_transactions_run();
    bench_run(task);
    assert_string_equal(sent_now(), "a ");
    fake_producer.room = SIZE_MAX;
    end(task);
    assert_said("init begin commit(a b |0=2 ) ");
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
}

static void a_stop_without_time_undoes_it(void **state)
{
    (void)state;
    add(0, "a");
    struct task *task = create_exact(SOURCE_BOUNDARY_INTERVAL);
    task_request_start(task);
    bench_run(task);
    fake_transactions_run();
    bench_run(task);
    ask_to_stop(task, 0);
    assert_false(bench_run(task));
    assert_true(fake_transactions_run());
    assert_said("init begin abort(|) ");
    assert_true(fake_transactions_settle(task));
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_string_equal(script.committed, "");
    end(task);
}

static void a_failure_undoes_what_is_open(void **state)
{
    (void)state;
    script.per_poll = 1;
    add(0, "a");
    struct task *task = start_exact(SOURCE_BOUNDARY_INTERVAL);
    script.fails = "poll";
    script.code = MR_ERR_CONNECT;
    bench_advance_ms(task, 100);
    assert_true(fake_transactions_settle(task));
    assert_said("init begin abort(a |) ");
    assert_int_equal(TASK_FAILED, task_state(task));
    end(task);
}

static void a_stop_before_the_start_waits_for_the_job_alone(void **state)
{
    (void)state;
    struct task *task = create_exact(SOURCE_BOUNDARY_POLL);
    task_request_start(task);
    bench_run(task);
    ask_to_stop(task, 10000);
    assert_false(bench_run(task));
    fake_transactions.next = PRODUCER_TRANSACTION_AGAIN;
    assert_true(fake_transactions_settle(task));
    assert_said("init ");
    assert_null(strstr(script.calls, "start"));
    assert_int_equal(TASK_STOPPED, task_state(task));
    end(task);
}

int main(void)
{
#define MARKED(name) cmocka_unit_test_setup(name, set_up_marks)
    const struct CMUnitTest tests[] = {
        EXACT(a_batch_and_its_offsets_are_one_transaction),
        EXACT(each_batch_is_a_transaction_of_its_own),
        EXACT(what_brings_no_record_commits_its_offset),
        EXACT(who_has_nothing_begins_nothing),
        EXACT(offsets_alone_are_committed_in_time),
        EXACT(a_stop_commits_offsets_alone),
        EXACT(batches_of_an_interval_are_one_transaction),
        EXACT(a_full_buffer_ends_the_transaction_early),
        EXACT(a_pause_commits_first),
        MARKED(a_connector_ends_a_transaction_within_a_batch),
        MARKED(what_a_connector_aborts_is_dropped_and_its_offsets_kept),
        MARKED(a_whole_batch_may_be_aborted),
        MARKED(what_a_connector_has_not_committed_is_undone_at_the_end),
        MARKED(both_for_one_transaction_fail_the_task),
        EXACT(boundaries_are_the_tasks_only_where_it_says_so),
        EXACT(a_stop_commits_what_was_polled),
        EXACT(a_stop_without_time_undoes_it),
        EXACT(a_failure_undoes_what_is_open),
        EXACT(a_stop_before_the_start_waits_for_the_job_alone),
    };
    RUN_TESTS(tests);
}
