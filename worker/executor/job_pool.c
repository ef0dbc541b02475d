#include "executor/job_pool.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/timer_heap.h"

#include "base/bans.h"

#define TURN_BUCKETS 1024

enum entry_state { ENTRY_WAITING, ENTRY_RUNNING, ENTRY_BLOCKED, ENTRY_LATE };

struct entry {
    struct job job;
    struct timer_entry timer; /* while running: when it counts as blocked, if that is before the deadline */
    enum entry_state state;
    bool telling; /* the watch is inside on_outcome: on_late has to wait */
    struct turn *turn;             /* of its serial; NULL: it has none */
    bool has_turn;                 /* it is the one of its serial that may run, or is inside */
    struct entry *next, *previous; /* in the one list it is in */
};

struct entry_list {
    struct entry *first, *last;
    size_t count;
};

/* Of one serial object, while a job of it is there. One entry has the turn, ready or inside; the others follow. */
struct turn {
    const void *serial;
    struct entry_list followers;
    struct turn *next; /* in its bucket */
};

struct job_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;               /* job threads */
    pthread_cond_t watch;              /* the watch thread: a nearer deadline, or leave */
    pthread_cond_t changed;            /* job_pool_stop */
    struct entry_list ready, inside;   /* ready: what may run now; inside: running, blocked and late */
    size_t waiting;                    /* ready, and followers of a turn */
    struct turn *turns[TURN_BUCKETS];
    struct timer_heap timers;
    const char *thread_name;
    size_t threads, threads_max, idle;
    uint32_t idle_ms;
    job_calm_fn *on_calm;
    size_t blocked, late; /* the late are among the blocked */
    bool stopping, has_watch;
};

static void list_append(struct entry_list *list, struct entry *entry)
{
    entry->next = NULL;
    entry->previous = list->last;
    if (list->last != NULL)
        list->last->next = entry;
    else
        list->first = entry;
    list->last = entry;
    list->count++;
}

static void list_remove(struct entry_list *list, struct entry *entry)
{
    if (entry->previous != NULL)
        entry->previous->next = entry->next;
    else
        list->first = entry->next;
    if (entry->next != NULL)
        entry->next->previous = entry->previous;
    else
        list->last = entry->previous;
    list->count--;
}

/* --- turns; locks: pool->lock held on entry and return ----------------------------------------------------- */

static struct turn **turn_place(struct job_pool *pool, const void *serial)
{
    struct turn **place = &pool->turns[((uintptr_t)serial >> 4) % TURN_BUCKETS];

    while (*place != NULL && (*place)->serial != serial)
        place = &(*place)->next;
    return place;
}

static void make_ready(struct job_pool *pool, struct entry *entry)
{
    entry->has_turn = true;
    list_append(&pool->ready, entry);
}

/* Waits from now on. false: no memory. */
static bool entry_queue(struct job_pool *pool, struct entry *entry)
{
    struct turn **place = entry->job.serial == NULL ? NULL : turn_place(pool, entry->job.serial);

    if (place != NULL && *place != NULL) {
        entry->turn = *place;
        list_append(&entry->turn->followers, entry);
    } else {
        if (place != NULL && (entry->turn = *place = mem_calloc(1, sizeof(**place))) == NULL)
            return false;
        if (place != NULL)
            entry->turn->serial = entry->job.serial;
        make_ready(pool, entry);
    }
    pool->waiting++;
    return true;
}

/* The next of its serial may run. */
static void turn_pass(struct job_pool *pool, struct entry *entry)
{
    struct turn *turn = entry->turn;
    struct entry *next = turn == NULL ? NULL : turn->followers.first;

    if (turn == NULL)
        return;
    if (next != NULL) {
        list_remove(&turn->followers, next);
        make_ready(pool, next);
        return;
    }
    *turn_place(pool, turn->serial) = turn->next;
    mem_free(turn);
}

static void entry_unqueue(struct job_pool *pool, struct entry *entry)
{
    pool->waiting--;
    list_remove(entry->has_turn ? &pool->ready : &entry->turn->followers, entry);
    if (entry->has_turn)
        turn_pass(pool, entry);
}

/* --- job threads; locks: pool->lock held on entry and return -----------------------------------------------
 */

static void add_thread_if_useful(struct job_pool *pool);
static bool watch_start(struct job_pool *pool);

/* Without memory or a watch it counts as one that never blocks. */
static void entry_time(struct job_pool *pool, struct entry *entry)
{
    int64_t blocked_ms = clock_monotonic_ms(NULL) + JOB_BLOCKED_MS;

    if (blocked_ms < entry->job.deadline_ms && watch_start(pool) && timer_heap_set(&pool->timers, &entry->timer, blocked_ms) &&
        timer_heap_next_ms(&pool->timers) == blocked_ms)
        cond_signal(&pool->watch);
}

static void entry_run(struct job_pool *pool, struct entry *entry)
{
    bool late;

    list_remove(&pool->ready, entry);
    pool->waiting--;
    list_append(&pool->inside, entry);
    entry->state = ENTRY_RUNNING;
    entry_time(pool, entry);
    add_thread_if_useful(pool); /* for a job that was posted for a thread idle then, maybe this one */
    mutex_unlock(&pool->lock);
    entry->job.run(entry->job.argument);
    mutex_lock(&pool->lock);
    while (entry->telling)
        cond_wait(&pool->changed, &pool->lock);
    timer_heap_remove(&pool->timers, &entry->timer);
    late = entry->state == ENTRY_LATE;
    mutex_unlock(&pool->lock);
    if (late && entry->job.on_late != NULL)
        entry->job.on_late(entry->job.argument);
    if (!late && entry->job.on_outcome != NULL)
        entry->job.on_outcome(entry->job.argument, JOB_DONE);
    mutex_lock(&pool->lock);
    pool->late -= late;
    pool->blocked -= entry->state != ENTRY_RUNNING;
    list_remove(&pool->inside, entry);
    turn_pass(pool, entry); /* only now may the next of its serial run */
    mem_free(entry);
    cond_broadcast(&pool->work);
    cond_broadcast(&pool->changed);
}

static bool is_surplus(const struct job_pool *pool)
{
    return pool->threads - pool->blocked > pool->threads_max;
}

/* Waits for work. false: it had none for long. */
static bool wait_for_work(struct job_pool *pool)
{
    bool in_time;

    pool->idle++;
    in_time = cond_wait_until_ms(&pool->work, &pool->lock, deadline_after_ms(pool->idle_ms));
    pool->idle--;
    return in_time || pool->ready.first != NULL;
}

/* The last that leaves says so; hung ones are not waited for. It still counts meanwhile, so that the pool outlives it. */
static void tell_calm(struct job_pool *pool)
{
    if (pool->on_calm == NULL || pool->threads - pool->inside.count != 1)
        return;
    mutex_unlock(&pool->lock);
    pool->on_calm();
    mutex_lock(&pool->lock);
}

static void *job_thread_run(void *argument)
{
    struct job_pool *pool = argument;

    mutex_lock(&pool->lock);
    for (;;) {
        struct entry *entry = is_surplus(pool) ? NULL : pool->ready.first;

        if (entry != NULL) {
            entry_run(pool, entry);
            continue;
        }
        if (is_surplus(pool) || (pool->stopping && pool->waiting == 0))
            break;
        if (wait_for_work(pool))
            continue;
        tell_calm(pool);
        if (pool->ready.first == NULL)
            break;
    }
    pool->threads--;
    cond_broadcast(&pool->changed);
    mutex_unlock(&pool->lock);
    return NULL;
}

static bool job_thread_start(struct job_pool *pool, char *why, size_t why_size)
{
    pthread_t thread;

    pool->threads++;
    if (!thread_start(
            &thread,
            &(struct thread_setup){.name = pool->thread_name, .run = job_thread_run, .argument = pool}, why,
            why_size)) {
        pool->threads--;
        return false;
    }
    pthread_detach(thread);
    return true;
}

static void add_thread_if_useful(struct job_pool *pool)
{
    char why[128];

    if (pool->idle == 0 && pool->ready.first != NULL && pool->threads - pool->blocked < pool->threads_max &&
        pool->threads < JOB_THREADS_HARD_MAX)
        job_thread_start(pool, why, sizeof(why)); /* without one, the jobs wait for the threads there are */
    cond_signal(&pool->work);
}

/* --- the watch thread --------------------------------------------------------------------------------------
 */

static void entry_block(struct job_pool *pool, struct entry *entry, enum entry_state state)
{
    pool->blocked += entry->state == ENTRY_RUNNING;
    entry->state = state;
    add_thread_if_useful(pool);
}

static void entry_time_out(struct job_pool *pool, struct entry *entry)
{
    struct job job = entry->job;
    bool was_waiting = entry->state == ENTRY_WAITING;

    if (was_waiting) {
        entry_unqueue(pool, entry);
        add_thread_if_useful(pool); /* for the next of its serial */
    } else {
        entry_block(pool, entry, ENTRY_LATE); /* its thread frees it, if it ever comes back */
        entry->telling = true;
        pool->late++;
    }
    mutex_unlock(&pool->lock);
    if (job.on_outcome != NULL)
        job.on_outcome(job.argument, JOB_TIMED_OUT);
    if (was_waiting && job.on_late != NULL)
        job.on_late(job.argument);
    mutex_lock(&pool->lock);
    if (was_waiting)
        mem_free(entry);
    else
        entry->telling = false;
    cond_broadcast(&pool->changed);
}

/* Its timer was just taken out, so setting it again needs no memory. */
static void entry_due(struct job_pool *pool, struct entry *entry, int64_t now_ms)
{
    if (now_ms >= entry->job.deadline_ms) {
        entry_time_out(pool, entry);
        return;
    }
    entry_block(pool, entry, ENTRY_BLOCKED);
    if (entry->job.deadline_ms != INT64_MAX)
        timer_heap_set(&pool->timers, &entry->timer, entry->job.deadline_ms);
}

/* Leaves when there was nothing to watch for as long as an idle job thread waits. */
static void *watch_run(void *argument)
{
    struct job_pool *pool = argument;
    bool leaves = false;

    mutex_lock(&pool->lock);
    while (!leaves) {
        int64_t now_ms = clock_monotonic_ms(NULL), next_ms = timer_heap_next_ms(&pool->timers);
        struct timer_entry *due = timer_heap_pop_due(&pool->timers, now_ms);

        if (due != NULL)
            entry_due(pool, due->item, now_ms);
        else if (next_ms != INT64_MAX)
            cond_wait_until_ms(&pool->watch, &pool->lock, next_ms);
        else if (pool->stopping && pool->waiting + pool->inside.count == 0)
            leaves = true;
        else
            leaves = !cond_wait_until_ms(&pool->watch, &pool->lock, now_ms + pool->idle_ms) &&
                     timer_heap_next_ms(&pool->timers) == INT64_MAX;
    }
    pool->has_watch = false;
    cond_broadcast(&pool->changed);
    mutex_unlock(&pool->lock);
    return NULL;
}

/* locks: pool->lock. false: there is none, and none can be started. */
static bool watch_start(struct job_pool *pool)
{
    pthread_t thread;
    char why[128];

    if (pool->has_watch)
        return true;
    pool->has_watch = thread_start(
        &thread, &(struct thread_setup){.name = "job-watch", .run = watch_run, .argument = pool}, why, sizeof(why));
    if (pool->has_watch)
        pthread_detach(thread);
    return pool->has_watch;
}

/* --- the door ----------------------------------------------------------------------------------------------
 */

static void pool_free(struct job_pool *pool)
{
    timer_heap_release(&pool->timers);
    cond_destroy(&pool->changed);
    cond_destroy(&pool->watch);
    cond_destroy(&pool->work);
    mutex_destroy(&pool->lock);
    mem_free(pool);
}

struct job_pool *job_pool_create(const struct job_pool_setup *setup, char *why, size_t why_size)
{
    struct job_pool *pool = mem_calloc(1, sizeof(*pool));

    assert(setup->threads_max >= 1);
    if (pool == NULL) {
        snprintf(why, why_size, "no memory for the job pool");
        return NULL;
    }
    pool->thread_name = setup->thread_name;
    pool->threads_max = setup->threads_max;
    pool->idle_ms = setup->idle_ms == 0 ? JOB_IDLE_MS : setup->idle_ms;
    pool->on_calm = setup->on_calm;
    mutex_init(&pool->lock);
    cond_init(&pool->work);
    cond_init(&pool->watch);
    cond_init(&pool->changed);
    timer_heap_init(&pool->timers);
    return pool;
}

bool job_post(struct job_pool *pool, const struct job *job)
{
    struct entry *entry = mem_calloc(1, sizeof(*entry));
    char why[128];
    bool taken;

    if (entry == NULL)
        return false;
    entry->job = *job;
    timer_entry_init(&entry->timer, entry);
    mutex_lock(&pool->lock);
    taken = !pool->stopping && pool->waiting < JOB_QUEUE_MAX &&
            (pool->threads > 0 || job_thread_start(pool, why, sizeof(why))) &&
            (job->deadline_ms == INT64_MAX || (watch_start(pool) && timer_heap_set(&pool->timers, &entry->timer, job->deadline_ms)));
    if (taken && !entry_queue(pool, entry)) {
        timer_heap_remove(&pool->timers, &entry->timer);
        taken = false;
    }
    if (taken) {
        add_thread_if_useful(pool);
        if (timer_heap_next_ms(&pool->timers) == job->deadline_ms)
            cond_signal(&pool->watch);
    }
    mutex_unlock(&pool->lock);
    if (!taken)
        mem_free(entry);
    return taken;
}

bool job_pool_stop(struct job_pool *pool, int64_t deadline_ms)
{
    bool in_time = true, gone = false;

    mutex_lock(&pool->lock);
    pool->stopping = true;
    cond_broadcast(&pool->work);
    while (in_time && !gone) {
        cond_signal(&pool->watch);
        gone = pool->waiting + pool->inside.count + pool->threads == 0 && !pool->has_watch;
        if (!gone)
            in_time = cond_wait_until_ms(&pool->changed, &pool->lock, deadline_ms);
    }
    mutex_unlock(&pool->lock);
    return gone;
}

void job_pool_destroy(struct job_pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->stopping && !pool->has_watch && pool->threads == 0);
    pool_free(pool);
}

struct job_pool_counts job_pool_count(struct job_pool *pool)
{
    struct job_pool_counts counts;

    mutex_lock(&pool->lock);
    counts = (struct job_pool_counts){.waiting = pool->waiting,
                                      .running = pool->inside.count - pool->late,
                                      .written_off = pool->late,
                                      .threads = pool->threads};
    mutex_unlock(&pool->lock);
    return counts;
}
