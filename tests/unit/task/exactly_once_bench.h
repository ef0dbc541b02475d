/* A source task with exactly once, stepped by hand. Part of test_source_exactly_once*.c; include after cmocka.h. */
#ifndef EXACTLY_ONCE_BENCH_H
#define EXACTLY_ONCE_BENCH_H

#include "source_script.h"
#include "task/source_task_internal.h"

#define INTERVAL_MS 5000

static inline int set_up_exact(void **state)
{
    fake_transactions_reset();
    return set_up(state);
}

static inline struct task *create_exact(enum source_boundary boundary)
{
    return create_with(&(struct source_setup){.exactly_once = {.run = fake_run, .ask = fake_ask, .boundary = boundary, .interval_ms = INTERVAL_MS,
                                                               .offsets_topic = "connect-offsets"}});
}

static inline struct task *start_exact(enum source_boundary boundary)
{
    struct task *task = create_exact(boundary);

    task_request_start(task);
    fake_transactions_settle(task);
    return task;
}

static inline void assert_said(const char *words)
{
    assert_string_equal(fake_transactions.said, words);
    fake_transactions.said[0] = '\0';
}

static inline void ask_to_stop(struct task *task, int64_t within_ms)
{
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + within_ms);
}

static inline void end(struct task *task)
{
    if (task_state(task) != TASK_STOPPED && task_state(task) != TASK_FAILED) {
        ask_to_stop(task, 10000);
        assert_true(fake_transactions_settle(task));
    }
    task_destroy(task);
    assert_int_equal(0, bench.wake_references);
}

/* Up to where the first record is with the producer. */
static inline struct task *start_sending(void)
{
    add(0, "a");
    struct task *task = create_exact(SOURCE_BOUNDARY_POLL);
    task_request_start(task);
    bench_run(task);
    fake_transactions_run();
    bench_run(task);
    return task;
}

#define EXACT(name) cmocka_unit_test_setup(name, set_up_exact)

#endif
