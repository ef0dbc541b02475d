/* sink_task, stepped by hand: without a lease, and abandoned inside any call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"

/* --- lease and abandoning ---- */

static void without_a_lease_nothing_is_put_or_committed_and_the_place_is_kept(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    lease_set(&bench.lease, 0);
    add(0, "b");
    script.calls[0] = '\0';
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    assert_string_equal("", script.calls);
    assert_int_equal(0, fake_consumer.commits);
    lease_set(&bench.lease, LEASE_FOR_EVER);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_non_null(strstr(script.calls, "put[b]"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    add(0, "c");
    bench_run(task);
    lease_set(&bench.lease, 0);
    script.calls[0] = '\0';
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    bench_run(task);
    assert_string_equal("close[0=3] stop destroy ", script.calls);
    assert_int_equal(2, fake_committed("t", 0));
    finish(task);
}

static void an_ousted_task_ends_without_a_commit_although_the_lease_is_back(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    add(0, "a");
    bench_run(task);
    task_oust(task);
    add(0, "b");
    script.calls[0] = '\0';
    bench_advance_ms(task, 5 * FLUSH_INTERVAL_MS);
    task_request_stop(task, TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
    bench_run(task);
    assert_string_equal("close[0=1] stop destroy ", script.calls);
    assert_int_equal(0, fake_consumer.commits);
    finish(task);
}

static void abandon_in_put(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count == 0)
        return;
    task_abandon(script.task);
    assert_false(fake_consumer.is_open); /* its partitions are free although put has not returned */
    assert_string_equal("put", task_inside(script.task));
}

static void an_abandoned_put_keeps_no_partitions(void **state)
{
    static const enum mr_error_code codes[] = {0, MR_ERR_RETRIABLE, MR_ERR_CONNECT};

    for (size_t i = 0; i < 3; i++) {
        set_up(state);
        script.keeps_batches = true;
        struct task *task = start_plain(0);
        script.in_put = abandon_in_put;
        script.fails = i == 0 ? NULL : "put";
        script.code = codes[i];
        add(0, "a");
        assert_true(bench_run(task));
        assert_string_equal("put[a] stop destroy ", script.calls);
        assert_string_equal("leave ", fake_consumer.seen);
        assert_string_equal("PREPARED RUNNING ", bench.states);
        assert_int_equal(TASK_STOPPED, task_state(task));
        assert_int_equal(1, fake_consumer.closes);
        finish(task);
    }
}

static void abandon_in_pre_commit(struct mr_offsets *offsets)
{
    (void)offsets;
    task_abandon(script.task);
}

static void abandon_in_open(void)
{
    task_abandon(script.task);
}

static void a_task_may_be_abandoned_in_any_call(void **state)
{
    (void)state;
    struct task *task = start_plain(0);
    script.in_pre_commit = abandon_in_pre_commit;
    add(0, "a");
    bench_run(task);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    script.in_pre_commit = abandon_in_pre_commit;
    add(0, "a");
    bench_run(task);
    fake_consumer_group(CONSUMER_REVOKED, "t", 0, 0);
    assert_true(bench_run(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    set_up(NULL);
    task = start_with(&(struct sink_setup){.ops = NULL});
    script.in_open = abandon_in_open;
    fake_consumer_group(CONSUMER_ASSIGNED, "t", 0, 0);
    assert_true(bench_run(task));
    finish(task);
    set_up(NULL);
    task = start_plain(0);
    task_abandon(task); /* between calls: the task closes its consumer itself */
    assert_true(fake_consumer.is_open);
    assert_true(bench_run(task));
    assert_int_equal(1, fake_consumer.closes);
    finish(task);
}

static struct hang {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_inside, may_go;
} hang;

static void hang_in_put(struct mr_record *const *records, size_t count)
{
    (void)records;
    if (count == 0)
        return;
    mutex_lock(&hang.lock);
    hang.is_inside = true;
    cond_broadcast(&hang.changed);
    while (!hang.may_go)
        cond_wait(&hang.changed, &hang.lock);
    mutex_unlock(&hang.lock);
}

static void *step_until_the_end(void *argument)
{
    bench_run(argument);
    return NULL;
}

static void a_put_that_hangs_is_abandoned_from_another_thread(void **state)
{
    pthread_t thread;
    char why[128];

    (void)state;
    mutex_init(&hang.lock);
    cond_init(&hang.changed);
    script.keeps_batches = true;
    struct task *task = start_plain(0);
    script.in_put = hang_in_put;
    add(0, "a");
    assert_true(thread_start(&thread,
                             &(struct thread_setup){.name = "step", .run = step_until_the_end, .argument = task}, why,
                             sizeof(why)));
    mutex_lock(&hang.lock);
    while (!hang.is_inside)
        cond_wait(&hang.changed, &hang.lock);
    mutex_unlock(&hang.lock);
    task_abandon(task);
    assert_false(fake_consumer.is_open);
    mutex_lock(&hang.lock);
    hang.may_go = true;
    cond_broadcast(&hang.changed);
    mutex_unlock(&hang.lock);
    thread_join(thread);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
    cond_destroy(&hang.changed);
    mutex_destroy(&hang.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_lease_nothing_is_put_or_committed_and_the_place_is_kept),
        TEST(an_ousted_task_ends_without_a_commit_although_the_lease_is_back),
        TEST(an_abandoned_put_keeps_no_partitions),
        TEST(a_task_may_be_abandoned_in_any_call),
        TEST(a_put_that_hangs_is_abandoned_from_another_thread),
    };
    RUN_TESTS(tests);
}
