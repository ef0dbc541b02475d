/* What step_pool promises: no lost wake-up, one thread at a time, blocked steps hold nobody up, an orderly
 * end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/thread.h"
#include "executor/step_pool_internal.h"
#include "support/eventually.h"

#define SOON_MS 10000

static char why[128];

struct counter {
    struct step_unit *unit;
    atomic_int steps, ended, inside;
    int again; /* so many times STEP_AGAIN, then wait */
    atomic_int end;
    int64_t delay_ms; /* of a wait; -1: no time */
};

static struct step_result counter_step(void *argument)
{
    struct counter *counter = argument;
    int steps = atomic_fetch_add(&counter->steps, 1) + 1;

    assert_int_equal(0, atomic_fetch_add(&counter->inside, 1));
    atomic_fetch_sub(&counter->inside, 1);
    if (atomic_load(&counter->end))
        return (struct step_result){.verdict = STEP_END};
    if (steps < counter->again)
        return (struct step_result){.verdict = STEP_AGAIN};
    return (struct step_result){
        .verdict = STEP_WAIT,
        .wake_at_ms = counter->delay_ms < 0 ? INT64_MAX : clock_monotonic_ms(NULL) + counter->delay_ms};
}

static void counter_end(void *argument)
{
    struct counter *counter = argument;

    atomic_fetch_add(&counter->ended, 1);
}

static struct step_pool *pool_of(size_t threads_max)
{
    struct step_pool *pool = step_pool_create(
        &(struct step_pool_setup){.threads_min = 0, .threads_max = threads_max, .idle_ms = 50}, why,
        sizeof(why));

    assert_non_null(pool);
    return pool;
}

static void counter_add(struct step_pool *pool, struct counter *counter, bool own_thread)
{
    counter->unit = step_pool_add(
        pool,
        &(struct step_unit_setup){
            .step = counter_step, .on_end = counter_end, .argument = counter, .own_thread = own_thread},
        why, sizeof(why));
    assert_non_null(counter->unit);
}

static void counter_finish(struct counter *counter)
{
    atomic_store(&counter->end, 1);
    step_unit_wake(counter->unit);
}

static void pool_finish(struct step_pool *pool)
{
    assert_true(step_pool_stop(pool, deadline_after_ms(SOON_MS)));
    step_pool_destroy(pool);
}

struct fact {
    atomic_int *value;
    int least;
};

static bool at_least(void *argument)
{
    struct fact *fact = argument;

    return atomic_load(fact->value) >= fact->least;
}

static void wait_for(atomic_int *value, int least)
{
    assert_true(eventually(SOON_MS, at_least, &(struct fact){value, least}));
}

static void a_unit_is_stepped_until_it_waits_and_again_when_woken(void **state)
{
    struct step_pool *pool = pool_of(2);
    struct counter counter = {.again = 5, .delay_ms = -1};

    (void)state;
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 5);
    step_unit_wake(counter.unit);
    wait_for(&counter.steps, 6);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(counter.unit);
    pool_finish(pool);
    assert_int_equal(7, atomic_load(&counter.steps));
}

static void a_wait_with_a_time_ends_by_itself(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct counter counter = {.delay_ms = 5};

    (void)state;
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 4);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(counter.unit);
    pool_finish(pool);
}

struct waking {
    struct counter *counters;
    int count, rounds;
};

static void *wake_many(void *argument)
{
    struct waking *waking = argument;

    for (int round = 0; round < waking->rounds; round++)
        step_unit_wake(waking->counters[round % waking->count].unit);
    return NULL;
}

static void no_wake_up_is_lost_among_many_wakers(void **state)
{
    enum { UNITS = 50, WAKERS = 4, ROUNDS = 20000 };
    static struct counter counters[UNITS];
    struct step_pool *pool = pool_of(2);
    pthread_t threads[WAKERS];
    struct waking waking = {counters, UNITS, ROUNDS};

    (void)state;
    for (int i = 0; i < UNITS; i++) {
        counters[i].delay_ms = -1;
        counter_add(pool, &counters[i], i % 10 == 0);
    }
    for (int i = 0; i < WAKERS; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, wake_many, &waking));
    for (int i = 0; i < WAKERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < UNITS; i++)
        counter_finish(&counters[i]); /* the last wake must bring the end, or this hangs */
    for (int i = 0; i < UNITS; i++) {
        wait_for(&counters[i].ended, 1);
        step_unit_drop(counters[i].unit);
    }
    pool_finish(pool);
}

static bool nobody_runs(void *argument)
{
    return step_pool_count(argument).running == 0;
}

struct blocker {
    sem_t gate;
    atomic_int inside;
};

static struct step_result blocker_step(void *argument)
{
    struct blocker *blocker = argument;

    atomic_fetch_add(&blocker->inside, 1);
    while (sem_wait(&blocker->gate) != 0)
        ;
    return (struct step_result){.verdict = STEP_END};
}

static void blocked_steps_do_not_hold_up_the_others(void **state)
{
    enum { BLOCKERS = 8 };
    struct step_pool *pool = pool_of(2);
    struct blocker blocker = {0};
    struct counter counter = {.again = 100, .delay_ms = -1};
    struct step_unit *units[BLOCKERS];

    (void)state;
    sem_init(&blocker.gate, 0, 0);
    for (int i = 0; i < BLOCKERS; i++)
        assert_non_null(units[i] = step_pool_add(
                            pool, &(struct step_unit_setup){.step = blocker_step, .argument = &blocker}, why,
                            sizeof(why)));
    counter_add(pool, &counter, false);
    wait_for(&blocker.inside, BLOCKERS);
    wait_for(&counter.steps, 100);
    assert_false(step_pool_stop(pool, deadline_after_ms(30)));
    for (int i = 0; i < BLOCKERS; i++)
        sem_post(&blocker.gate);
    counter_finish(&counter);
    for (int i = 0; i < BLOCKERS; i++)
        step_unit_drop(units[i]);
    step_unit_drop(counter.unit);
    pool_finish(pool);
    sem_destroy(&blocker.gate);
}

static void a_wake_up_finds_a_thread_although_all_are_blocked(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct blocker blocker = {0};
    struct counter counter = {.delay_ms = -1};

    (void)state;
    sem_init(&blocker.gate, 0, 0);
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 1);
    struct step_unit *unit = step_pool_add(pool, &(struct step_unit_setup){.step = blocker_step, .argument = &blocker}, why, sizeof(why));
    assert_non_null(unit);
    wait_for(&blocker.inside, 1);
    step_unit_wake(counter.unit);
    wait_for(&counter.steps, 2);
    sem_post(&blocker.gate);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(unit);
    step_unit_drop(counter.unit);
    pool_finish(pool);
    sem_destroy(&blocker.gate);
}

/* As under a foreign lock: the waker must not wait for the pool's. */
static void a_wake_up_while_the_pool_is_locked_waits_for_nobody_and_comes(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct counter counter = {.delay_ms = -1};

    (void)state;
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 1);
    mutex_lock(&pool->lock);
    step_unit_wake(counter.unit);
    step_unit_wake(counter.unit);
    mutex_unlock(&pool->lock);
    wait_for(&counter.steps, 2);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(counter.unit);
    pool_finish(pool);
}

static long scheduler_looks(struct step_pool *pool)
{
    mutex_lock(&pool->lock);
    long looks = (long)pool->look_count;
    mutex_unlock(&pool->lock);
    return looks;
}

#define ROUNDS 100

/* Two hops between threads for each wake-up would cost more than a small batch of records. */
static void what_an_idle_thread_takes_does_not_trouble_the_scheduler(void **state)
{
    struct step_pool *pool =
        step_pool_create(&(struct step_pool_setup){.threads_min = 1, .threads_max = 1, .idle_ms = SOON_MS}, why, sizeof(why));
    struct counter counter = {.delay_ms = SOON_MS};

    (void)state;
    assert_non_null(pool);
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 1);
    long before = scheduler_looks(pool);
    for (int i = 0; i < ROUNDS; i++) {
        assert_true(eventually(SOON_MS, nobody_runs, pool));
        step_unit_wake(counter.unit);
        wait_for(&counter.steps, i + 2);
    }
    assert_true(scheduler_looks(pool) - before < ROUNDS / 2); /* some wake-ups meet the lock held */
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(counter.unit);
    pool_finish(pool);
}

struct gated {
    sem_t *gate, *opens; /* of the first step; of the second */
    atomic_int steps;
};

static struct step_result gated_step(void *argument)
{
    struct gated *gated = argument;

    if (atomic_fetch_add(&gated->steps, 1) == 0) {
        while (sem_wait(gated->gate) != 0)
            ;
        return (struct step_result){.verdict = gated->opens == NULL ? STEP_END : STEP_AGAIN};
    }
    sem_post(gated->opens);
    return (struct step_result){.verdict = STEP_END};
}

struct quiet {
    struct step_pool *pool;
    int64_t since_ms;
};

static bool is_quiet(void *argument)
{
    struct quiet *quiet = argument;

    if (step_pool_count(quiet->pool).ready > 0)
        quiet->since_ms = clock_monotonic_ms(NULL);
    return clock_monotonic_ms(NULL) - quiet->since_ms > 3 * STEP_BLOCKED_MS;
}

/* It comes back to a full house: whoever took its place may block as well, and must be noticed. */
static void a_step_that_was_blocked_and_wants_more_is_not_forgotten(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct quiet quiet = {pool, clock_monotonic_ms(NULL)};
    struct step_unit *units[2];
    sem_t first_gate, second_gate;
    struct gated first = {.gate = &first_gate, .opens = &second_gate}, second = {.gate = &second_gate};

    (void)state;
    sem_init(&first_gate, 0, 0);
    sem_init(&second_gate, 0, 0);
    units[0] = step_pool_add(pool, &(struct step_unit_setup){.step = gated_step, .argument = &first}, why, sizeof(why));
    wait_for(&first.steps, 1);
    units[1] = step_pool_add(pool, &(struct step_unit_setup){.step = gated_step, .argument = &second}, why, sizeof(why));
    wait_for(&second.steps, 1);
    assert_true(eventually(SOON_MS, is_quiet, &quiet)); /* the scheduler sleeps */
    sem_post(&first_gate);
    wait_for(&first.steps, 2);
    step_unit_drop(units[0]);
    step_unit_drop(units[1]);
    pool_finish(pool);
    sem_destroy(&first_gate);
    sem_destroy(&second_gate);
}

static void a_unit_with_a_thread_of_its_own_keeps_that_thread(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct counter counter = {.again = 3, .delay_ms = 2};

    (void)state;
    counter_add(pool, &counter, true);
    wait_for(&counter.steps, 10);
    assert_int_equal(0, step_pool_count(pool).ready);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_drop(counter.unit);
    pool_finish(pool);
}

#define BUSY_STEPS 2000
#define BUSY_STEP_US 30 /* a thread that is woken has the time to look, and to sleep again */

static struct step_result busy_step(void *argument)
{
    atomic_int *steps = argument;
    int64_t until_us = clock_monotonic_us(NULL) + BUSY_STEP_US;

    while (clock_monotonic_us(NULL) < until_us)
        ;
    return (struct step_result){.verdict = atomic_fetch_add(steps, 1) + 1 < BUSY_STEPS ? STEP_AGAIN : STEP_END};
}

/* How often threads of this process have gone to sleep. */
static long sleeps(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

static bool two_are_idle(void *argument)
{
    struct step_pool_counts counts = step_pool_count(argument);

    return counts.threads == 2 && counts.running == 0;
}

static void a_busy_unit_wakes_no_idle_thread(void **state)
{
    struct step_pool *pool =
        step_pool_create(&(struct step_pool_setup){.threads_min = 2, .threads_max = 2, .idle_ms = SOON_MS}, why, sizeof(why));
    struct counter counters[2] = {{.again = 10000, .delay_ms = -1}, {.again = 10000, .delay_ms = -1}};
    atomic_int steps = 0;

    (void)state;
    for (int i = 0; i < 2; i++)
        counter_add(pool, &counters[i], false);
    assert_true(eventually(SOON_MS, two_are_idle, pool));
    long before = sleeps();
    struct step_unit *unit = step_pool_add(pool, &(struct step_unit_setup){.step = busy_step, .argument = &steps}, why, sizeof(why));
    wait_for(&steps, BUSY_STEPS);
    assert_true(sleeps() - before < BUSY_STEPS / 4);
    step_unit_drop(unit);
    for (int i = 0; i < 2; i++) {
        counter_finish(&counters[i]);
        wait_for(&counters[i].ended, 1);
        step_unit_drop(counters[i].unit);
    }
    pool_finish(pool);
}

/* --- fairness ------------------------------------------------------------------------------------------------------- */

#define BUSY_UNITS 8
#define QUIET_UNITS 40
#define WAKES 20

struct spinner {
    int64_t spin_ms;
    bool waits; /* for a wake-up after each step */
    atomic_int steps, end;
};

static struct step_result spinner_step(void *argument)
{
    struct spinner *spinner = argument;
    int64_t until_ms = clock_monotonic_ms(NULL) + spinner->spin_ms;

    while (clock_monotonic_ms(NULL) < until_ms)
        ;
    atomic_fetch_add(&spinner->steps, 1);
    if (atomic_load(&spinner->end))
        return (struct step_result){.verdict = STEP_END};
    return (struct step_result){.verdict = spinner->waits ? STEP_WAIT : STEP_AGAIN, .wake_at_ms = INT64_MAX};
}

static struct step_unit *spin(struct step_pool *pool, struct spinner *spinner)
{
    struct step_unit *unit = step_pool_add(pool, &(struct step_unit_setup){.step = spinner_step, .argument = spinner}, why, sizeof(why));

    assert_non_null(unit);
    return unit;
}

static void spin_end(struct spinner *spinner, struct step_unit *unit)
{
    atomic_store(&spinner->end, 1);
    step_unit_wake(unit);
    step_unit_drop(unit);
}

static int steps_of(struct spinner *spinners, size_t count)
{
    int steps = 0;

    for (size_t i = 0; i < count; i++)
        steps += atomic_load(&spinners[i].steps);
    return steps;
}

static void a_quiet_unit_goes_before_the_busy_ones(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct spinner busy[BUSY_UNITS] = {0}, quiet = {.waits = true};
    struct step_unit *units[BUSY_UNITS], *unit = spin(pool, &quiet);
    int overtaken = 0;

    (void)state;
    for (size_t i = 0; i < BUSY_UNITS; i++) {
        busy[i].spin_ms = 2;
        units[i] = spin(pool, &busy[i]);
    }
    for (size_t i = 0; i < BUSY_UNITS; i++)
        wait_for(&busy[i].steps, 2 * STEP_QUIET_MS);
    for (int i = 0; i < WAKES; i++) {
        int before = steps_of(busy, BUSY_UNITS), quiet_before = atomic_load(&quiet.steps);

        step_unit_wake(unit);
        wait_for(&quiet.steps, quiet_before + 1);
        overtaken += steps_of(busy, BUSY_UNITS) - before;
    }
    assert_in_range(overtaken, 0, WAKES * BUSY_UNITS / 2); /* in turn it is all of them each time */
    for (size_t i = 0; i < BUSY_UNITS; i++)
        spin_end(&busy[i], units[i]);
    spin_end(&quiet, unit);
    pool_finish(pool);
}

static void a_busy_unit_goes_on_beside_many_quiet_ones(void **state)
{
    struct step_pool *pool = pool_of(1);
    struct spinner busy = {.spin_ms = 2}, quiet[QUIET_UNITS] = {0};
    struct step_unit *units[QUIET_UNITS], *unit = spin(pool, &busy);

    (void)state;
    wait_for(&busy.steps, 2 * STEP_QUIET_MS);
    for (size_t i = 0; i < QUIET_UNITS; i++)
        units[i] = spin(pool, &quiet[i]);
    wait_for(&busy.steps, 4 * STEP_QUIET_MS);
    for (size_t i = 0; i < QUIET_UNITS; i++)
        spin_end(&quiet[i], units[i]);
    spin_end(&busy, unit);
    pool_finish(pool);
}

static bool no_threads(void *argument)
{
    return step_pool_count(argument).threads == 0;
}

static void idle_threads_leave_and_an_idle_unit_holds_none(void **state)
{
    struct step_pool *pool = pool_of(4);
    struct counter counter = {.delay_ms = -1};

    (void)state;
    counter_add(pool, &counter, false);
    wait_for(&counter.steps, 1);
    assert_true(eventually(SOON_MS, no_threads, pool));
    step_unit_wake(counter.unit);
    wait_for(&counter.steps, 2);
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    step_unit_wake(counter.unit); /* harmless after the end */
    step_unit_drop(counter.unit);
    pool_finish(pool);
}

static bool one_thread(void *argument)
{
    return step_pool_count(argument).threads == 1;
}

/* All of them are woken in turn, and none ever waits for long. */
static void a_trickle_of_work_keeps_no_more_threads_than_it_needs(void **state)
{
    enum { CROWD = 4 };
    struct step_pool *pool = step_pool_create(
        &(struct step_pool_setup){.threads_min = 1, .threads_max = CROWD, .idle_ms = 500}, why, sizeof(why));
    struct blocker blocker = {0};
    struct counter counter = {.delay_ms = 50};
    struct step_unit *units[CROWD];

    (void)state;
    assert_non_null(pool);
    sem_init(&blocker.gate, 0, 0);
    for (int i = 0; i < CROWD; i++)
        assert_non_null(units[i] = step_pool_add(
                            pool, &(struct step_unit_setup){.step = blocker_step, .argument = &blocker}, why,
                            sizeof(why)));
    wait_for(&blocker.inside, CROWD);
    counter_add(pool, &counter, false);
    for (int i = 0; i < CROWD; i++)
        sem_post(&blocker.gate);
    assert_true(eventually(4 * SOON_MS, one_thread, pool)); /* a window in which nobody was late */
    counter_finish(&counter);
    wait_for(&counter.ended, 1);
    for (int i = 0; i < CROWD; i++)
        step_unit_drop(units[i]);
    step_unit_drop(counter.unit);
    pool_finish(pool);
    sem_destroy(&blocker.gate);
}

static void no_time_is_late_because_others_are_ready(void **state)
{
    struct step_pool pool = {.ready = 0};
    struct timer_entry timer;

    (void)state;
    timer_heap_init(&pool.timers);
    timer_entry_init(&timer, NULL);
    assert_int_equal(-1, step_scheduler_timeout_ms(&pool));
    pool.ready = 1;
    assert_int_equal(STEP_MONITOR_MS, step_scheduler_timeout_ms(&pool));
    assert_true(timer_heap_set(&pool.timers, &timer, clock_monotonic_ms(NULL) + SOON_MS));
    assert_int_equal(STEP_MONITOR_MS, step_scheduler_timeout_ms(&pool));
    assert_true(timer_heap_set(&pool.timers, &timer, clock_monotonic_ms(NULL) + 2));
    assert_in_range(step_scheduler_timeout_ms(&pool), 0, 2);
    timer_heap_release(&pool.timers);
}

static void without_a_thread_the_pool_is_refused_in_words(void **state)
{
    (void)state;
    thread_fail_after(0);
    why[0] = '\0';
    assert_null(step_pool_create(&(struct step_pool_setup){.threads_max = 1}, why, sizeof(why)));
    thread_fail_after(INT64_MAX);
    assert_string_not_equal("", why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_is_stepped_until_it_waits_and_again_when_woken),
        cmocka_unit_test(a_wait_with_a_time_ends_by_itself),
        cmocka_unit_test(no_wake_up_is_lost_among_many_wakers),
        cmocka_unit_test(blocked_steps_do_not_hold_up_the_others),
        cmocka_unit_test(a_wake_up_finds_a_thread_although_all_are_blocked),
        cmocka_unit_test(a_wake_up_while_the_pool_is_locked_waits_for_nobody_and_comes),
        cmocka_unit_test(what_an_idle_thread_takes_does_not_trouble_the_scheduler),
        cmocka_unit_test(a_step_that_was_blocked_and_wants_more_is_not_forgotten),
        cmocka_unit_test(a_unit_with_a_thread_of_its_own_keeps_that_thread),
        cmocka_unit_test(a_busy_unit_wakes_no_idle_thread),
        cmocka_unit_test(a_quiet_unit_goes_before_the_busy_ones),
        cmocka_unit_test(a_busy_unit_goes_on_beside_many_quiet_ones),
        cmocka_unit_test(idle_threads_leave_and_an_idle_unit_holds_none),
        cmocka_unit_test(a_trickle_of_work_keeps_no_more_threads_than_it_needs),
        cmocka_unit_test(no_time_is_late_because_others_are_ready),
        cmocka_unit_test(without_a_thread_the_pool_is_refused_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
