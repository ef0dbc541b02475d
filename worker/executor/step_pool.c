#include "executor/step_pool_internal.h"

#include <assert.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#include "base/bans.h"

struct step_pool *step_pool_create(const struct step_pool_setup *setup, char *why, size_t why_size)
{
    struct step_pool *pool = mem_calloc(1, sizeof(*pool));

    assert(setup->threads_max >= 1 && setup->threads_min <= setup->threads_max);
    if (pool == NULL) {
        snprintf(why, why_size, "no memory for the task pool");
        return NULL;
    }
    pool->threads_min = setup->threads_min;
    pool->threads_max = setup->threads_max;
    pool->idle_ms = setup->idle_ms;
    pool->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->event_fd < 0) {
        snprintf(why, why_size, "no event descriptor for the task pool (raise the limit of open files)");
        mem_free(pool);
        return NULL;
    }
    mutex_init(&pool->lock);
    cond_init(&pool->work);
    cond_init(&pool->changed);
    timer_heap_init(&pool->timers);
    mpsc_stack_init(&pool->woken);
    if (!thread_start(&pool->scheduler,
                      &(struct thread_setup){.name = "task-scheduler",
                                             .run = step_scheduler_run,
                                             .argument = pool,
                                             .stack_size = STEP_THREAD_STACK_BYTES},
                      why, why_size)) {
        pool->scheduler_leaves = true;
        step_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

bool step_pool_stop(struct step_pool *pool, int64_t deadline_ms)
{
    bool gone = true;

    mutex_lock(&pool->lock);
    pool->stopping = true;
    cond_broadcast(&pool->work);
    while (gone && (pool->units > 0 || pool->threads > 0 || pool->own_threads > 0)) {
        gone = cond_wait_until_ms(&pool->changed, &pool->lock, deadline_ms);
        cond_broadcast(&pool->work);
    }
    gone = pool->units == 0 && pool->threads == 0 && pool->own_threads == 0;
    if (gone)
        pool->scheduler_leaves = true;
    mutex_unlock(&pool->lock);
    if (!gone)
        return false;
    step_pool_kick(pool);
    thread_join(pool->scheduler);
    return true;
}

void step_pool_destroy(struct step_pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->scheduler_leaves && pool->threads == 0);
    mutex_lock(&pool->lock);
    step_free_dead(pool);
    mutex_unlock(&pool->lock);
    assert(pool->dead == NULL);
    timer_heap_release(&pool->timers);
    cond_destroy(&pool->changed);
    cond_destroy(&pool->work);
    mutex_destroy(&pool->lock);
    close(pool->event_fd);
    mem_free(pool);
}

static bool own_thread_start(struct step_pool *pool, struct step_unit *unit, char *why, size_t why_size)
{
    bool room;

    mutex_lock(&pool->lock);
    room = pool->threads + pool->own_threads < STEP_THREADS_HARD_MAX;
    if (room)
        pool->own_threads++;
    mutex_unlock(&pool->lock);
    if (!room) {
        snprintf(why, why_size, "more than %d threads", STEP_THREADS_HARD_MAX);
        return false;
    }
    if (step_thread_start(
            &(struct thread_setup){.name = "task-own", .run = step_own_thread_run, .argument = unit}, why,
            why_size))
        return true;
    mutex_lock(&pool->lock);
    pool->own_threads--;
    mutex_unlock(&pool->lock);
    return false;
}

struct step_unit *step_pool_add(struct step_pool *pool, const struct step_unit_setup *setup, char *why,
                                size_t why_size)
{
    struct step_unit *unit = mem_calloc(1, sizeof(*unit));
    pthread_cond_t *waiting;

    if (unit == NULL) {
        snprintf(why, why_size, "no memory for a task");
        return NULL;
    }
    mpsc_node_init(&unit->wake_node);
    timer_entry_init(&unit->timer, unit);
    unit->pool = pool;
    unit->step = setup->step;
    unit->on_end = setup->on_end;
    unit->argument = setup->argument;
    unit->own_thread = setup->own_thread;
    unit->state = UNIT_WAITING;
    atomic_init(&unit->inside_since_ms, 0);
    atomic_init(&unit->references, 2); /* the caller's and the pool's */
    if (unit->own_thread) {
        cond_init(&unit->own_cond);
        if (!own_thread_start(pool, unit, why, why_size)) {
            step_unit_free(unit);
            return NULL;
        }
    }
    mutex_lock(&pool->lock);
    assert(!pool->stopping);
    pool->units++;
    waiting = step_ready_push(pool, unit);
    mutex_unlock(&pool->lock);
    if (waiting != NULL)
        cond_signal(waiting);
    step_pool_kick(pool);
    return unit;
}

struct step_unit *step_unit_take(struct step_unit *unit)
{
    atomic_fetch_add_explicit(&unit->references, 1, memory_order_relaxed);
    return unit;
}

void step_unit_drop(struct step_unit *unit)
{
    struct step_pool *pool;

    if (unit == NULL || atomic_fetch_sub_explicit(&unit->references, 1, memory_order_acq_rel) != 1)
        return;
    pool = unit->pool;
    mutex_lock(&pool->lock);
    unit->next = pool->dead;
    pool->dead = unit;
    step_free_dead(pool);
    mutex_unlock(&pool->lock);
}

void step_unit_wake(struct step_unit *unit)
{
    struct step_pool *pool = unit->pool;
    pthread_cond_t *waiting;
    size_t ready;
    bool kicks;

    if (!mutex_try_lock(&pool->lock)) {
        if (mpsc_stack_push(&pool->woken, &unit->wake_node))
            step_pool_kick(pool);
        return;
    }
    ready = pool->ready;
    waiting = step_unit_wake_locked(pool, unit);
    kicks = pool->ready > ready && ready == pool->idle; /* one more than idle threads will take: the first such tells the scheduler */
    mutex_unlock(&pool->lock);
    if (waiting != NULL)
        cond_signal(waiting); /* not under the lock, which the woken one wants */
    if (kicks)
        step_pool_kick(pool);
}

int64_t step_unit_inside_ms(struct step_unit *unit)
{
    int64_t since_ms = atomic_load_explicit(&unit->inside_since_ms, memory_order_relaxed);

    return since_ms == 0 ? 0 : clock_monotonic_ms(NULL) - since_ms;
}

struct step_pool_counts step_pool_count(struct step_pool *pool)
{
    struct step_pool_counts counts;

    mutex_lock(&pool->lock);
    counts = (struct step_pool_counts){.units = pool->units,
                                       .ready = pool->ready,
                                       .running = pool->running,
                                       .blocked = pool->blocked,
                                       .threads = pool->threads + pool->own_threads};
    mutex_unlock(&pool->lock);
    return counts;
}
