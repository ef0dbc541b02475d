#include "executor/step_pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/mpsc_stack.h"
#include "base/thread.h"
#include "base/timer_heap.h"

#include "base/bans.h"

#define MONITOR_MS (STEP_BLOCKED_MS / 2)

enum unit_state { UNIT_WAITING, UNIT_READY, UNIT_RUNNING, UNIT_ENDED };

struct step_unit {
    struct mpsc_node wake_node;
    struct timer_entry timer;
    struct step_pool *pool;
    struct step_unit *next; /* in the ready queue or on the dead list */
    step_fn *step;
    step_end_fn *on_end;
    void *argument;
    enum unit_state state; /* locks: pool->lock */
    bool woken;            /* while running. locks: pool->lock */
    bool own_thread;
    bool counted_blocked;            /* locks: pool->lock */
    pthread_cond_t own_cond;         /* own_thread only */
    _Atomic int64_t inside_since_ms; /* 0: not in a step */
    atomic_size_t references;
};

struct runner {
    struct step_pool *pool;
    struct step_unit *unit; /* being stepped. locks: pool->lock */
    struct runner *next, *previous;
};

struct step_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* something is ready, or the pool stops */
    pthread_cond_t changed; /* a unit ended or a thread left: step_pool_stop waits */
    struct step_unit *ready_first, *ready_last;
    struct step_unit *dead; /* no references left: freed by the scheduler */
    struct timer_heap timers;
    struct runner *runners;
    size_t units, ready, threads, idle, running, blocked, own_threads;
    size_t threads_min, threads_max;
    uint32_t idle_ms;
    bool stopping, scheduler_leaves;
    struct mpsc_stack woken;
    int event_fd;
    pthread_t scheduler;
};

/* --- the ready queue; locks: pool->lock -------------------------------------------------------------------
 */

static void ready_push(struct step_pool *pool, struct step_unit *unit)
{
    unit->state = UNIT_READY;
    if (unit->own_thread) {
        cond_signal(&unit->own_cond);
        return;
    }
    unit->next = NULL;
    if (pool->ready_last != NULL)
        pool->ready_last->next = unit;
    else
        pool->ready_first = unit;
    pool->ready_last = unit;
    pool->ready++;
    if (pool->idle > 0)
        cond_signal(&pool->work);
}

static struct step_unit *ready_pop(struct step_pool *pool)
{
    struct step_unit *unit = pool->ready_first;

    if (unit == NULL)
        return NULL;
    pool->ready_first = unit->next;
    if (pool->ready_first == NULL)
        pool->ready_last = NULL;
    unit->next = NULL;
    pool->ready--;
    return unit;
}

static void unit_wake_locked(struct step_pool *pool, struct step_unit *unit)
{
    if (unit->state == UNIT_WAITING) {
        timer_heap_remove(&pool->timers, &unit->timer);
        ready_push(pool, unit);
    } else if (unit->state == UNIT_RUNNING) {
        unit->woken = true;
    }
}

static void take_woken(struct step_pool *pool)
{
    struct mpsc_list list = mpsc_stack_take_all(&pool->woken);
    struct mpsc_node *node;

    while ((node = mpsc_list_next(&list)) != NULL)
        unit_wake_locked(pool, MPSC_OWNER(node, struct step_unit, wake_node));
}

static void take_due(struct step_pool *pool)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct timer_entry *entry;

    while ((entry = timer_heap_pop_due(&pool->timers, now_ms)) != NULL)
        unit_wake_locked(pool, entry->item);
}

static void kick(struct step_pool *pool)
{
    uint64_t one = 1;
    ssize_t written;

    do
        written = write(pool->event_fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR);
}

/* --- stepping ----------------------------------------------------------------------------------------------
 */

static void unit_free(struct step_unit *unit)
{
    if (unit->own_thread)
        cond_destroy(&unit->own_cond);
    mem_free(unit);
}

/* A dead unit may still be in the woken stack; whoever empties it under the lock may then free. */
static void free_dead(struct step_pool *pool)
{
    struct step_unit **link = &pool->dead;

    take_woken(pool);
    while (*link != NULL) {
        struct step_unit *unit = *link;

        if (mpsc_node_is_queued(&unit->wake_node)) {
            link = &unit->next;
            continue;
        }
        *link = unit->next;
        unit_free(unit);
    }
}

/* Called and returns with the lock held. true: the unit has ended. */
static bool unit_step(struct step_pool *pool, struct step_unit *unit)
{
    struct step_result result;
    step_end_fn *on_end = unit->on_end;

    unit->state = UNIT_RUNNING;
    unit->woken = false;
    atomic_store_explicit(&unit->inside_since_ms, clock_monotonic_ms(NULL), memory_order_relaxed);
    mutex_unlock(&pool->lock);
    result = unit->step(unit->argument);
    mutex_lock(&pool->lock);
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
        ready_push(pool, unit);
    } else {
        unit->state = UNIT_WAITING;
        if (result.wake_at_ms != INT64_MAX) {
            int64_t next_ms = timer_heap_next_ms(&pool->timers);

            /* No memory for a timer: the unit stays ready, busy but alive. */
            if (!timer_heap_set(&pool->timers, &unit->timer, result.wake_at_ms))
                ready_push(pool, unit);
            else if (result.wake_at_ms < next_ms)
                kick(pool);
        }
    }
    return false;
}

static void *own_thread_run(void *argument)
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

static bool may_run_more(const struct step_pool *pool)
{
    return pool->running - pool->blocked < pool->threads_max;
}

/* Waits for work. false: this thread should leave. */
static bool runner_wait(struct step_pool *pool)
{
    int64_t leave_at_ms = deadline_after_ms(pool->idle_ms);

    while (pool->ready == 0 || !may_run_more(pool)) {
        bool in_time;

        if (pool->stopping && pool->units == 0)
            return false;
        if (pool->ready > 0)
            kick(pool); /* nobody watches the steps of the others while the scheduler sleeps */
        pool->idle++;
        in_time = cond_wait_until_ms(&pool->work, &pool->lock, leave_at_ms);
        pool->idle--;
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

static bool thread_start_detached(const struct thread_setup *setup, char *why, size_t why_size)
{
    pthread_t thread;

    if (!thread_start(&thread, setup, why, why_size))
        return false;
    pthread_detach(thread);
    return true;
}

/* locks: pool->lock held */
static bool runner_start(struct step_pool *pool, char *why, size_t why_size)
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
    if (thread_start_detached(&(struct thread_setup){.name = "task-pool",
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

/* --- the scheduler: wake-ups, timers, blocked steps
 * ---------------------------------------------------------- */

static void note_blocked(struct step_pool *pool)
{
    int64_t now_ms = clock_monotonic_ms(NULL);

    for (struct runner *runner = pool->runners; runner != NULL; runner = runner->next) {
        struct step_unit *unit = runner->unit;
        int64_t since_ms;

        if (unit == NULL || unit->counted_blocked)
            continue;
        since_ms = atomic_load_explicit(&unit->inside_since_ms, memory_order_relaxed);
        if (since_ms == 0 || now_ms - since_ms < STEP_BLOCKED_MS)
            continue;
        unit->counted_blocked = true;
        pool->blocked++;
    }
}

/* The monitor adds a thread and never moves the unit: see the header. */
static void add_runners(struct step_pool *pool)
{
    char why[128];

    while (pool->ready > pool->idle && may_run_more(pool) &&
           pool->threads - pool->blocked < pool->threads_max &&
           pool->threads + pool->own_threads < STEP_THREADS_HARD_MAX) {
        if (!runner_start(pool, why, sizeof(why)))
            return; /* tried again at the next tick */
    }
    if (pool->ready > 0 && pool->idle > 0)
        cond_broadcast(&pool->work);
}

static int scheduler_timeout_ms(struct step_pool *pool)
{
    int64_t next_ms = timer_heap_next_ms(&pool->timers);
    int64_t left_ms;

    if (pool->ready > 0)
        return MONITOR_MS;
    if (next_ms == INT64_MAX)
        return -1;
    left_ms = next_ms - clock_monotonic_ms(NULL);
    if (left_ms < 0)
        left_ms = 0;
    return left_ms > 60000 ? 60000 : (int)left_ms;
}

static void *scheduler_run(void *argument)
{
    struct step_pool *pool = argument;
    struct pollfd poll_fd = {.fd = pool->event_fd, .events = POLLIN};
    uint64_t count;

    mutex_lock(&pool->lock);
    while (!pool->scheduler_leaves) {
        int timeout_ms;

        free_dead(pool); /* takes what was woken, too */
        take_due(pool);
        if (pool->ready > 0) {
            note_blocked(pool);
            add_runners(pool);
        }
        timeout_ms = scheduler_timeout_ms(pool);
        mutex_unlock(&pool->lock);
        if (poll(&poll_fd, 1, timeout_ms) > 0 && read(pool->event_fd, &count, sizeof(count)) < 0)
            assert(errno == EAGAIN || errno == EINTR);
        mutex_lock(&pool->lock);
    }
    mutex_unlock(&pool->lock);
    return NULL;
}

/* --- the door --------------------------------------------------------------------------------------------
 */

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
                                             .run = scheduler_run,
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
    kick(pool);
    thread_join(pool->scheduler);
    return true;
}

void step_pool_destroy(struct step_pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->scheduler_leaves && pool->threads == 0);
    mutex_lock(&pool->lock);
    free_dead(pool);
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
    if (thread_start_detached(
            &(struct thread_setup){.name = "task-own", .run = own_thread_run, .argument = unit}, why,
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
            unit_free(unit);
            return NULL;
        }
    }
    mutex_lock(&pool->lock);
    assert(!pool->stopping);
    pool->units++;
    ready_push(pool, unit);
    mutex_unlock(&pool->lock);
    kick(pool);
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
    free_dead(pool);
    mutex_unlock(&pool->lock);
}

void step_unit_wake(struct step_unit *unit)
{
    if (mpsc_stack_push(&unit->pool->woken, &unit->wake_node))
        kick(unit->pool);
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
