#include "executor/step_pool_internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"

#include "base/bans.h"

/* --- the ready queue ----------------------------------------------------------------------------------------------- */

static void queue_append(struct ready_queue *queue, struct step_unit *unit)
{
    unit->next = NULL;
    if (queue->last != NULL)
        queue->last->next = unit;
    else
        queue->first = unit;
    queue->last = unit;
}

static struct step_unit *queue_take(struct ready_queue *queue)
{
    struct step_unit *unit = queue->first;

    queue->first = unit->next;
    if (queue->first == NULL)
        queue->last = NULL;
    unit->next = NULL;
    return unit;
}

/* What it has used fades by half with each window that has gone by. */
static void account(struct step_unit *unit, int64_t from_ms, int64_t now_ms)
{
    int64_t windows = (from_ms - unit->window_ms) / STEP_WINDOW_MS;

    if (windows > 0) {
        unit->used_ms = windows < 16 ? unit->used_ms >> windows : 0;
        unit->window_ms = from_ms;
    }
    unit->used_ms += now_ms - from_ms;
}

static void ready_append(struct step_pool *pool, struct step_unit *unit)
{
    unit->state = UNIT_READY;
    queue_append(unit->used_ms < STEP_QUIET_MS ? &pool->quiet : &pool->busy, unit);
    pool->ready++;
}

pthread_cond_t *step_ready_push(struct step_pool *pool, struct step_unit *unit)
{
    if (unit->own_thread) {
        unit->state = UNIT_READY;
        return &unit->own_cond;
    }
    ready_append(pool, unit);
    return pool->idle > 0 ? &pool->work : NULL;
}

/* By the thread that has stepped it, which takes the first of the queue next: as many wait for others as before, so nobody is woken. */
static void ready_push_again(struct step_pool *pool, struct step_unit *unit)
{
    if (unit->own_thread)
        unit->state = UNIT_READY;
    else
        ready_append(pool, unit);
}

static struct step_unit *ready_pop(struct step_pool *pool)
{
    bool takes_quiet = pool->quiet.first != NULL && (pool->busy.first == NULL || pool->quiet_run < STEP_QUIET_RUN);

    if (!takes_quiet && pool->busy.first == NULL)
        return NULL;
    pool->quiet_run = takes_quiet && pool->busy.first != NULL ? pool->quiet_run + 1 : 0;
    pool->ready--;
    return queue_take(takes_quiet ? &pool->quiet : &pool->busy);
}

/* --- stepping ------------------------------------------------------------------------------------------------------ */

/* Called and returns with the lock held. true: the unit has ended. */
static bool unit_step(struct step_pool *pool, struct step_unit *unit)
{
    struct step_result result;
    step_end_fn *on_end = unit->on_end;
    int64_t from_ms = clock_monotonic_ms(NULL), now_ms;

    unit->state = UNIT_RUNNING;
    unit->woken = false;
    atomic_store_explicit(&unit->inside_since_ms, from_ms, memory_order_relaxed);
    mutex_unlock(&pool->lock);
    result = unit->step(unit->argument);
    now_ms = clock_monotonic_ms(NULL);
    mutex_lock(&pool->lock);
    account(unit, from_ms, now_ms);
    atomic_store_explicit(&unit->inside_since_ms, 0, memory_order_relaxed);
    if (unit->counted_blocked) {
        unit->counted_blocked = false;
        pool->blocked--;
    }
    if (result.verdict == STEP_END) {
        unit->state = UNIT_ENDED;
        mutex_unlock(&pool->lock);
        if (on_end != NULL)
            on_end(unit->argument);
        mutex_lock(&pool->lock);
        pool->units--;
        cond_broadcast(&pool->changed);
        return true;
    }
    if (result.verdict == STEP_AGAIN || unit->woken) {
        ready_push_again(pool, unit);
    } else {
        unit->state = UNIT_WAITING;
        if (result.wake_at_ms != INT64_MAX) {
            /* No memory for a timer: the unit stays ready, busy but alive. */
            if (!timer_heap_set(&pool->timers, &unit->timer, result.wake_at_ms))
                ready_push_again(pool, unit);
            else if (result.wake_at_ms < pool->scheduler_looks_at_ms)
                step_pool_kick(pool);
        }
    }
    return false;
}

void *step_own_thread_run(void *argument)
{
    struct step_unit *unit = argument;
    struct step_pool *pool = unit->pool;
    bool ended = false;

    mutex_lock(&pool->lock);
    while (!ended) {
        while (unit->state != UNIT_READY)
            cond_wait(&unit->own_cond, &pool->lock);
        ended = unit_step(pool, unit);
    }
    mutex_unlock(&pool->lock);
    step_unit_drop(unit);
    mutex_lock(&pool->lock);
    pool->own_threads--;
    cond_broadcast(&pool->changed);
    mutex_unlock(&pool->lock);
    return NULL;
}

bool step_may_run_more(const struct step_pool *pool)
{
    return pool->running - pool->blocked < pool->threads_max;
}

/* Idle threads are woken in turn, so that a trickle of work lets none of them idle for long. What tells that there is one too many is
 * that there always was an idle one left over while the others worked. */
static bool is_one_too_many(struct step_pool *pool, int64_t now_ms)
{
    bool always_idle;

    if (now_ms < pool->count_until_ms)
        return false;
    always_idle = pool->count_until_ms != 0 && pool->least_idle > 0;
    pool->count_until_ms = now_ms + pool->idle_ms;
    pool->least_idle = SIZE_MAX;
    return always_idle && pool->ready == 0 && pool->threads > pool->threads_min;
}

/* Waits for work. false: this thread should leave. */
static bool runner_wait(struct step_pool *pool)
{
    int64_t now_ms = clock_monotonic_ms(NULL), leave_at_ms = now_ms + pool->idle_ms;

    if (is_one_too_many(pool, now_ms))
        return false;

    while (pool->ready == 0 || !step_may_run_more(pool)) {
        int64_t look_at_ms;
        bool in_time;

        if (pool->stopping && pool->units == 0)
            return false;
        if (pool->ready > 0)
            step_pool_kick(pool); /* nobody watches the steps of the others while the scheduler sleeps */
        pool->idle++;
        look_at_ms = deadline_after_ms(STEP_DOUBT_MS);
        cond_wait_until_ms(&pool->work, &pool->lock, look_at_ms < leave_at_ms ? look_at_ms : leave_at_ms);
        in_time = clock_monotonic_ms(NULL) < leave_at_ms;
        pool->idle--;
        if (pool->idle < pool->least_idle)
            pool->least_idle = pool->idle;
        if (!in_time && pool->ready == 0 && pool->threads > pool->threads_min)
            return false;
        if (!in_time)
            leave_at_ms = deadline_after_ms(pool->idle_ms);
    }
    return true;
}

static void *runner_run(void *argument)
{
    struct runner *runner = argument;
    struct step_pool *pool = runner->pool;

    mutex_lock(&pool->lock);
    while (runner_wait(pool)) {
        struct step_unit *unit = ready_pop(pool);
        bool ended;

        runner->unit = unit;
        pool->running++;
        ended = unit_step(pool, unit);
        runner->unit = NULL;
        pool->running--;
        if (ended) {
            mutex_unlock(&pool->lock);
            step_unit_drop(unit);
            mutex_lock(&pool->lock);
        }
    }
    if (runner->previous != NULL)
        runner->previous->next = runner->next;
    else
        pool->runners = runner->next;
    if (runner->next != NULL)
        runner->next->previous = runner->previous;
    pool->threads--;
    cond_broadcast(&pool->changed);
    mutex_unlock(&pool->lock);
    mem_free(runner);
    return NULL;
}

bool step_thread_start(const struct thread_setup *setup, char *why, size_t why_size)
{
    pthread_t thread;

    if (!thread_start(&thread, setup, why, why_size))
        return false;
    pthread_detach(thread);
    return true;
}

bool step_runner_start(struct step_pool *pool, char *why, size_t why_size)
{
    struct runner *runner = mem_calloc(1, sizeof(*runner));

    if (runner == NULL) {
        snprintf(why, why_size, "no memory for a pool thread");
        return false;
    }
    runner->pool = pool;
    runner->next = pool->runners;
    if (pool->runners != NULL)
        pool->runners->previous = runner;
    pool->runners = runner;
    pool->threads++;
    if (step_thread_start(&(struct thread_setup){.name = "task-pool",
                                                     .run = runner_run,
                                                     .argument = runner,
                                                     .stack_size = STEP_THREAD_STACK_BYTES},
                              why, why_size))
        return true;
    pool->threads--;
    pool->runners = runner->next;
    if (pool->runners != NULL)
        pool->runners->previous = NULL;
    mem_free(runner);
    return false;
}
