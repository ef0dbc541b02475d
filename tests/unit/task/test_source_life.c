/* source_task, stepped by hand: its life, its states, and every lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source_script.h"
#include "support/alloc_torture.h"

static const char *const exploding[] = {"transforms=x", "transforms.x.type=org.acme.Exploding", NULL};

/* --- life ---- */

static void a_task_lives_from_prepare_to_stop(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    assert_false(bench_run(task));
    assert_string_equal("", script.calls);
    task_request_prepare(task);
    assert_false(bench_run(task));
    assert_string_equal("create prepare ", script.calls);
    assert_int_equal(0, script.polls);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create prepare start ", script.calls);
    assert_int_equal(TASK_RUNNING, task_state(task));
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    assert_int_equal(1, script.stops_requested);
    bench_run(task);
    close_producer(task);
    assert_string_equal("create prepare start stop destroy ", script.calls);
    assert_string_equal("PREPARED RUNNING STOPPED ", bench.states);
    finish(task);
}

static void a_task_that_was_never_started_ends_at_once(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
    assert_true(bench_run(task));
    assert_string_equal("", script.calls);
    finish(task);
    task = create_with(&(struct source_setup){.ops = NULL});
    task_destroy(task); /* never stepped */
}

static void a_failed_beginning_is_followed_by_stop_and_destroy(void **state)
{
    static const struct {
        const char *call, *calls;
    } cases[] = {{"create", "create "},
                 {"prepare", "create prepare stop destroy "},
                 {"start", "create prepare start stop destroy "}};

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(state);
        script.fails = cases[i / 2].call;
        script.code = i % 2 == 0 ? MR_ERR_CONFIG : 0;
        struct task *task = start_plain();
        close_producer(task);
        assert_string_equal(cases[i / 2].calls, script.calls);
        assert_int_equal(TASK_FAILED, task_state(task));
        assert_non_null(strstr(bench.trace, i % 2 == 0 ? "went wrong" : "without a reason"));
        assert_non_null(strstr(bench.trace, cases[i / 2].call));
        finish(task);
    }
}

static void a_producer_that_cannot_be_had_fails_the_task(void **state)
{
    (void)state;
    fake_producer.open_refusal = "no such key store";
    struct task *task = start_plain();
    assert_string_equal("FAILED ", bench.states);
    assert_non_null(strstr(bench.trace, "no such key store"));
    assert_string_equal("", script.calls);
    finish(task);
}

static void a_task_that_begins_paused_waits_before_the_start(void **state)
{
    struct task *task = create_with(&(struct source_setup){.ops = NULL});

    (void)state;
    task_request_pause(task);
    task_request_start(task);
    bench_run(task);
    assert_string_equal("create prepare ", script.calls);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    task_request_resume(task);
    bench_run(task);
    assert_string_equal("PREPARED PAUSED RUNNING ", bench.states);
    task_request_pause(task);
    bench_run(task);
    int polls = script.polls;
    bench_advance_ms(task, 5000);
    assert_int_equal(polls, script.polls);
    task_request_resume(task);
    bench_run(task);
    assert_true(script.polls > polls);
    assert_string_equal("PREPARED PAUSED RUNNING PAUSED RUNNING ", bench.states);
    finish(task);
}

static void the_start_waits_until_the_offsets_were_read(void **state)
{
    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    assert_int_equal(TASK_STARTING, task_state(task));
    assert_string_equal("create prepare ", script.calls);
    task_request_pause(task);
    bench_run(task);
    assert_string_equal("PREPARED PAUSED ", bench.states);
    task_request_resume(task);
    int wakes = bench.wakes;
    fake_store.refreshed(fake_store.refreshed_argument, NULL);
    assert_true(bench.wakes > wakes);
    bench_run(task);
    assert_int_equal(TASK_RUNNING, task_state(task));
    finish(task);
}

static void offsets_that_cannot_be_read_fail_the_start(void **state)
{
    struct mr_error *error = NULL;

    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    mr_error_set(&error, MR_ERR_TIMEOUT, "no broker");
    fake_store.refreshed(fake_store.refreshed_argument, error);
    mr_error_drop(error);
    bench_run(task);
    close_producer(task);
    assert_non_null(strstr(bench.trace, "could not be read"));
    assert_non_null(strstr(bench.trace, "no broker"));
    finish(task);
}

static void a_stop_does_not_wait_until_the_offsets_were_read(void **state)
{
    (void)state;
    fake_store.refresh_waits = true;
    struct task *task = start_plain();
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms());
    bench_run(task);
    fake_producer_end();
    assert_true(bench_run(task)); /* the answer may take minutes */
    assert_string_equal("create prepare stop destroy ", script.calls);
    finish(task);
    fake_store.refreshed(fake_store.refreshed_argument, NULL); /* and finds nobody */
}

/* --- states, flags, memory ---- */

static void states_move_as_the_table_says(void **state)
{
    (void)state;
    for (int from = TASK_NEW; from <= TASK_FAILED; from++)
        for (int to = TASK_NEW; to <= TASK_FAILED; to++)
            if (from >= TASK_STOPPED)
                assert_false(task_state_may_move(from, to));
            else if (from != TASK_STOPPING && to >= TASK_STOPPING)
                assert_true(task_state_may_move(from, to));
    assert_true(task_state_may_move(TASK_RUNNING, TASK_PAUSED));
    assert_true(task_state_may_move(TASK_PAUSED, TASK_RUNNING));
    assert_false(task_state_may_move(TASK_RUNNING, TASK_STARTING));
    assert_false(task_state_may_move(TASK_STOPPING, TASK_RUNNING));
    assert_string_equal("RUNNING", task_state_name(TASK_RUNNING));
}

static bool live_through(void *argument)
{
    struct source_setup setup = {.ops = &ops, .pipeline_lines = exploding};
    struct task *task;

    (void)argument;
    task = source_task_of_test(&setup);
    if (task == NULL)
        return false;
    script.at = 0;
    task_request_start(task);
    bench_run(task);
    for (int i = 0; i < 5 && task_state(task) == TASK_RUNNING; i++) {
        acknowledge_all();
        bench_run(task);
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    }
    bool worked = task_state(task) == TASK_RUNNING && fake_store.stored[0] == 50;
    acknowledge_all();
    finish(task);
    fake_producer_reset();
    return worked;
}

static void it_survives_every_lack_of_memory(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        add(0, "a");
    script.per_poll = 20;
    live_through(NULL); /* tables that live for ever are made now */
    fake_store_reset();
    alloc_torture(live_through, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task_lives_from_prepare_to_stop),
        TEST(a_task_that_was_never_started_ends_at_once),
        TEST(a_failed_beginning_is_followed_by_stop_and_destroy),
        TEST(a_producer_that_cannot_be_had_fails_the_task),
        TEST(a_task_that_begins_paused_waits_before_the_start),
        TEST(the_start_waits_until_the_offsets_were_read),
        TEST(offsets_that_cannot_be_read_fail_the_start),
        TEST(a_stop_does_not_wait_until_the_offsets_were_read),
        TEST(states_move_as_the_table_says),
        TEST(it_survives_every_lack_of_memory),
    };
    RUN_TESTS(tests);
}
