/* What job_pool promises: one outcome each, deadlines hold for waiting and running jobs, serial order, hung
 * jobs cost a thread and nobody else's time. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "executor/job_pool.h"
#include "support/eventually.h"

#define SOON_MS 10000

static char why[128];

struct work {
    sem_t *gate; /* NULL: returns at once */
    atomic_int ran, done, timed_out, late;
    atomic_int *order;
    int seen_order;
};

static void work_run(void *argument)
{
    struct work *work = argument;

    if (work->gate != NULL)
        while (sem_wait(work->gate) != 0)
            ;
    if (work->order != NULL)
        work->seen_order = atomic_fetch_add(work->order, 1);
    atomic_fetch_add(&work->ran, 1);
}

static void work_outcome(void *argument, enum job_outcome outcome)
{
    struct work *work = argument;

    atomic_fetch_add(outcome == JOB_DONE ? &work->done : &work->timed_out, 1);
}

static void work_late(void *argument)
{
    struct work *work = argument;

    atomic_fetch_add(&work->late, 1);
}

static bool post(struct job_pool *pool, struct work *work, const void *serial, int64_t deadline_ms)
{
    return job_post(pool, &(struct job){.run = work_run,
                                        .on_outcome = work_outcome,
                                        .on_late = work_late,
                                        .argument = work,
                                        .serial = serial,
                                        .deadline_ms = deadline_ms});
}

static struct job_pool *pool_of(size_t threads_max)
{
    struct job_pool *pool = job_pool_create(
        &(struct job_pool_setup){.thread_name = "jobs", .threads_max = threads_max}, why, sizeof(why));

    assert_non_null(pool);
    return pool;
}

static void pool_finish(struct job_pool *pool)
{
    assert_true(job_pool_stop(pool, deadline_after_ms(SOON_MS)));
    job_pool_destroy(pool);
}

static bool is_one(void *argument)
{
    return atomic_load((atomic_int *)argument) == 1;
}

static void a_job_runs_and_tells_its_outcome_once(void **state)
{
    struct job_pool *pool = pool_of(2);
    struct work work = {0};

    (void)state;
    assert_true(post(pool, &work, NULL, INT64_MAX));
    pool_finish(pool);
    assert_int_equal(1, work.ran);
    assert_int_equal(1, work.done);
    assert_int_equal(0, work.timed_out + work.late);
}

static void a_hung_job_times_out_and_others_go_on(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct work hung = {0}, other = {0};
    sem_t gate;

    (void)state;
    sem_init(&gate, 0, 0);
    hung.gate = &gate;
    assert_true(post(pool, &hung, NULL, deadline_after_ms(20)));
    assert_true(post(pool, &other, NULL, INT64_MAX));
    assert_true(eventually(SOON_MS, is_one, &hung.timed_out));
    assert_true(eventually(SOON_MS, is_one, &other.done));
    assert_int_equal(1, job_pool_count(pool).written_off);
    assert_false(job_pool_stop(pool, deadline_after_ms(20)));
    sem_post(&gate);
    pool_finish(pool);
    assert_int_equal(1, hung.late);
    assert_int_equal(0, hung.done);
    sem_destroy(&gate);
}

static void jobs_that_block_hold_up_nobody_long_before_their_deadline(void **state)
{
    enum { HUNG = 20 };
    static struct work hung[HUNG];
    struct job_pool *pool = pool_of(2);
    struct work other = {0};
    sem_t gate;

    (void)state;
    sem_init(&gate, 0, 0);
    for (int i = 0; i < HUNG; i++) {
        hung[i].gate = &gate;
        assert_true(post(pool, &hung[i], NULL, i % 2 == 0 ? INT64_MAX : deadline_after_ms(60000)));
    }
    assert_true(post(pool, &other, NULL, INT64_MAX));
    assert_true(eventually(SOON_MS, is_one, &other.done));
    assert_int_equal(0, job_pool_count(pool).written_off);
    for (int i = 0; i < HUNG; i++)
        sem_post(&gate);
    pool_finish(pool);
    for (int i = 0; i < HUNG; i++)
        assert_int_equal(1, hung[i].done);
    sem_destroy(&gate);
}

static void a_blocked_job_still_has_its_deadline(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct work hung = {0};
    sem_t gate;

    (void)state;
    sem_init(&gate, 0, 0);
    hung.gate = &gate;
    assert_true(post(pool, &hung, NULL, deadline_after_ms(JOB_BLOCKED_MS + 100)));
    assert_true(eventually(SOON_MS, is_one, &hung.timed_out));
    assert_int_equal(1, job_pool_count(pool).written_off);
    sem_post(&gate);
    pool_finish(pool);
    assert_int_equal(1, hung.late);
    assert_int_equal(0, hung.done);
    sem_destroy(&gate);
}

static void a_job_that_waited_too_long_is_never_run(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct work first = {0}, second = {0};
    int instance;
    sem_t gate;

    (void)state;
    sem_init(&gate, 0, 0);
    first.gate = &gate;
    assert_true(post(pool, &first, &instance, INT64_MAX));
    assert_true(post(pool, &second, &instance, deadline_after_ms(10)));
    assert_true(eventually(SOON_MS, is_one, &second.late));
    sem_post(&gate);
    pool_finish(pool);
    assert_int_equal(0, second.ran);
    assert_int_equal(1, second.timed_out);
    assert_int_equal(1, first.done);
    sem_destroy(&gate);
}

static void a_job_whose_turn_came_too_late_passes_it_on(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct work busy = {0}, too_late = {0}, next = {0}, last = {0};
    atomic_int order = 0;
    int instance;
    sem_t gate;

    (void)state;
    next.order = last.order = &order;
    sem_init(&gate, 0, 0);
    busy.gate = &gate;
    assert_true(post(pool, &busy, NULL, INT64_MAX));
    assert_true(post(pool, &too_late, &instance, clock_monotonic_ms(NULL)));
    assert_true(post(pool, &next, &instance, INT64_MAX));
    assert_true(post(pool, &last, &instance, INT64_MAX));
    assert_true(eventually(SOON_MS, is_one, &too_late.late));
    sem_post(&gate);
    pool_finish(pool);
    assert_int_equal(0, too_late.ran);
    assert_int_equal(0, next.seen_order);
    assert_int_equal(1, last.seen_order);
    assert_int_equal(1, last.done);
    sem_destroy(&gate);
}

static void jobs_of_one_instance_run_in_order_one_at_a_time(void **state)
{
    enum { JOBS = 200 };
    static struct work works[JOBS];
    struct job_pool *pool = pool_of(8);
    atomic_int order = 0;
    int instance;

    (void)state;
    for (int i = 0; i < JOBS; i++) {
        works[i].order = &order;
        assert_true(post(pool, &works[i], &instance, INT64_MAX));
    }
    pool_finish(pool);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(i, works[i].seen_order);
}

static bool is_at_rest(void *argument)
{
    struct job_pool_counts counts = job_pool_count(argument);

    return counts.running == 0 && counts.waiting == 0;
}

static bool post_gated(struct job_pool *pool, struct work *work, sem_t *gate)
{
    work->gate = gate;
    return post(pool, work, NULL, INT64_MAX);
}

/* More jobs than idle threads, posted before these have woken: none may have to wait for another, which may hang. */
static void idle_threads_keep_no_job_from_a_thread_of_its_own(void **state)
{
    enum { IDLE = 4, ROUNDS = 20 };

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct job_pool *pool = pool_of(IDLE + 1);
        struct work hung[2 * IDLE] = {0}, other = {0};
        sem_t gate;

        sem_init(&gate, 0, 0);
        for (int i = 0; i < IDLE; i++)
            assert_true(post_gated(pool, &hung[i], &gate));
        for (int i = 0; i < IDLE; i++)
            sem_post(&gate);
        assert_true(eventually(SOON_MS, is_at_rest, pool));
        for (int i = IDLE; i < 2 * IDLE; i++)
            assert_true(post_gated(pool, &hung[i], &gate));
        assert_true(post(pool, &other, NULL, INT64_MAX));
        assert_true(eventually(SOON_MS, is_one, &other.done));
        for (int i = 0; i < IDLE; i++)
            sem_post(&gate);
        pool_finish(pool);
        sem_destroy(&gate);
    }
}

struct telling {
    sem_t gate;
    atomic_int late, late_while_told, told;
};

static void telling_run(void *argument)
{
    struct telling *telling = argument;

    while (sem_wait(&telling->gate) != 0)
        ;
}

static void telling_outcome(void *argument, enum job_outcome outcome)
{
    struct telling *telling = argument;

    assert_int_equal(JOB_TIMED_OUT, outcome);
    sem_post(&telling->gate); /* now it returns, a little too late */
    atomic_store(&telling->late_while_told, eventually(100, is_one, &telling->late));
    atomic_store(&telling->told, 1);
}

static void telling_late(void *argument)
{
    atomic_store(&((struct telling *)argument)->late, 1);
}

/* on_late frees what on_outcome looks at. */
static void a_job_is_cleaned_up_after_its_time_out_was_told(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct telling telling = {0};

    (void)state;
    sem_init(&telling.gate, 0, 0);
    assert_true(job_post(pool, &(struct job){.run = telling_run,
                                             .on_outcome = telling_outcome,
                                             .on_late = telling_late,
                                             .argument = &telling,
                                             .deadline_ms = deadline_after_ms(10)}));
    assert_true(eventually(SOON_MS, is_one, &telling.told));
    assert_true(eventually(SOON_MS, is_one, &telling.late));
    assert_int_equal(0, telling.late_while_told);
    pool_finish(pool);
    sem_destroy(&telling.gate);
}

static bool has_four_threads(void *argument)
{
    return job_pool_count(argument).threads == 4;
}

static bool has_no_thread(void *argument)
{
    return job_pool_count(argument).threads == 0;
}

static atomic_int calm;

static void calm_told(void)
{
    atomic_fetch_add(&calm, 1);
}

static void threads_without_work_leave_and_the_last_one_says_so(void **state)
{
    struct job_pool *pool = job_pool_create(
        &(struct job_pool_setup){.thread_name = "jobs", .threads_max = 4, .idle_ms = 20, .on_calm = calm_told}, why, sizeof(why));
    struct work works[4] = {{0}}, later = {0};
    sem_t gate;

    (void)state;
    assert_non_null(pool);
    sem_init(&gate, 0, 0);
    for (size_t i = 0; i < 4; i++) {
        works[i].gate = &gate;
        assert_true(post(pool, &works[i], NULL, INT64_MAX));
    }
    assert_true(eventually(SOON_MS, has_four_threads, pool));
    for (size_t i = 0; i < 4; i++)
        sem_post(&gate);
    for (size_t i = 0; i < 4; i++)
        assert_true(eventually(SOON_MS, is_one, &works[i].done));
    assert_true(eventually(SOON_MS, has_no_thread, pool));
    assert_int_equal(1, atomic_load(&calm));
    assert_true(post(pool, &later, NULL, INT64_MAX));
    assert_true(eventually(SOON_MS, is_one, &later.done));
    pool_finish(pool);
    sem_destroy(&gate);
}

static void a_full_queue_and_a_stopping_pool_refuse(void **state)
{
    struct job_pool *pool = pool_of(1);
    struct work blocked = {0};
    static struct work waiting;
    sem_t gate;

    (void)state;
    sem_init(&gate, 0, 0);
    blocked.gate = &gate;
    assert_true(post(pool, &blocked, pool, INT64_MAX));
    for (int i = 0; i < JOB_QUEUE_MAX; i++)
        if (!post(pool, &waiting, pool, INT64_MAX))
            break;
    assert_false(post(pool, &waiting, pool, INT64_MAX));
    sem_post(&gate);
    pool_finish(pool);
    assert_true(waiting.ran >= JOB_QUEUE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_and_tells_its_outcome_once),
        cmocka_unit_test(a_hung_job_times_out_and_others_go_on),
        cmocka_unit_test(jobs_that_block_hold_up_nobody_long_before_their_deadline),
        cmocka_unit_test(a_blocked_job_still_has_its_deadline),
        cmocka_unit_test(a_job_that_waited_too_long_is_never_run),
        cmocka_unit_test(a_job_whose_turn_came_too_late_passes_it_on),
        cmocka_unit_test(jobs_of_one_instance_run_in_order_one_at_a_time),
        cmocka_unit_test(idle_threads_keep_no_job_from_a_thread_of_its_own),
        cmocka_unit_test(a_job_is_cleaned_up_after_its_time_out_was_told),
        cmocka_unit_test(threads_without_work_leave_and_the_last_one_says_so),
        cmocka_unit_test(a_full_queue_and_a_stopping_pool_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
