#include "executor/step_pool_internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#include "base/bans.h"

/* --- wake-ups ------------------------------------------------------------------------------------------------------ */

pthread_cond_t *step_unit_wake_locked(struct step_pool *pool, struct step_unit *unit)
{
    if (unit->state == UNIT_WAITING) {
        timer_heap_remove(&pool->timers, &unit->timer);
        return step_ready_push(pool, unit);
    }
    if (unit->state == UNIT_RUNNING)
        unit->woken = true;
    return NULL;
}

static void wake(struct step_pool *pool, struct step_unit *unit)
{
    pthread_cond_t *waiting = step_unit_wake_locked(pool, unit);

    if (waiting != NULL)
        cond_signal(waiting);
}

static void take_woken(struct step_pool *pool)
{
    struct mpsc_list list = mpsc_stack_take_all(&pool->woken);
    struct mpsc_node *node;

    while ((node = mpsc_list_next(&list)) != NULL)
        wake(pool, MPSC_OWNER(node, struct step_unit, wake_node));
}

static void take_due(struct step_pool *pool)
{
    int64_t now_ms = clock_monotonic_ms(NULL);
    struct timer_entry *entry;

    while ((entry = timer_heap_pop_due(&pool->timers, now_ms)) != NULL)
        wake(pool, entry->item);
}

void step_pool_kick(struct step_pool *pool)
{
    uint64_t one = 1;
    ssize_t written;

    do
        written = write(pool->event_fd, &one, sizeof(one));
    while (written < 0 && errno == EINTR);
}

void step_unit_free(struct step_unit *unit)
{
    if (unit->own_thread)
        cond_destroy(&unit->own_cond);
    mem_free(unit);
}

void step_free_dead(struct step_pool *pool)
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
        step_unit_free(unit);
    }
}

/* --- timers and blocked steps ------------------------------------------------------------------------------------- */

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

    while (pool->ready > pool->idle && step_may_run_more(pool) &&
           pool->threads - pool->blocked < pool->threads_max &&
           pool->threads + pool->own_threads < STEP_THREADS_HARD_MAX) {
        if (!step_runner_start(pool, why, sizeof(why)))
            return; /* tried again at the next tick */
    }
    if (pool->ready > 0 && pool->idle > 0)
        cond_broadcast(&pool->work);
}

int step_scheduler_timeout_ms(const struct step_pool *pool)
{
    int64_t next_ms = timer_heap_next_ms(&pool->timers), most_ms = pool->ready > 0 ? STEP_MONITOR_MS : 60000;
    int64_t left_ms;

    if (next_ms == INT64_MAX)
        return pool->ready > 0 ? STEP_MONITOR_MS : -1;
    left_ms = next_ms - clock_monotonic_ms(NULL);
    if (left_ms < 0)
        left_ms = 0;
    return (int)(left_ms > most_ms ? most_ms : left_ms);
}

void *step_scheduler_run(void *argument)
{
    struct step_pool *pool = argument;
    struct pollfd poll_fd = {.fd = pool->event_fd, .events = POLLIN};
    uint64_t count;

    mutex_lock(&pool->lock);
    while (!pool->scheduler_leaves) {
        int timeout_ms;

        pool->look_count++;
        step_free_dead(pool); /* takes what was woken, too */
        take_due(pool);
        if (pool->ready > 0) {
            note_blocked(pool);
            add_runners(pool);
        }
        timeout_ms = step_scheduler_timeout_ms(pool);
        pool->scheduler_looks_at_ms = timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms(NULL) + timeout_ms;
        mutex_unlock(&pool->lock);
        if (poll(&poll_fd, 1, timeout_ms) > 0 && read(pool->event_fd, &count, sizeof(count)) < 0)
            assert(errno == EAGAIN || errno == EINTR);
        mutex_lock(&pool->lock);
    }
    mutex_unlock(&pool->lock);
    return NULL;
}
