/*
 * step_pool_internal: the inside of the step pool, for its files alone:
 *   step_pool.c       the door: life of the pool and of its units
 *   step_runner.c     the ready queue, and the threads that step
 *   step_scheduler.c  the one thread that looks after wake-ups, timers and blocked steps
 *
 * Locks: pool->lock, held by whoever calls what is declared here, unless said otherwise.
 */
#ifndef EXECUTOR_STEP_POOL_INTERNAL_H
#define EXECUTOR_STEP_POOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/mpsc_stack.h"
#include "base/thread.h"
#include "base/timer_heap.h"
#include "executor/step_pool.h"

#define STEP_MONITOR_MS (STEP_BLOCKED_MS / 2)
#define STEP_DOUBT_MS 1000 /* an idle thread looks by itself: glibc may lose a signal among waiters with a time (its bug 25847) */

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
    int64_t window_ms, used_ms;      /* since when used_ms counts, half of what was before with it. locks: pool->lock */
    pthread_cond_t own_cond;         /* own_thread only */
    _Atomic int64_t inside_since_ms; /* 0: not in a step */
    atomic_size_t references;
};

struct runner {
    struct step_pool *pool;
    struct step_unit *unit; /* being stepped. locks: pool->lock */
    struct runner *next, *previous;
};

struct ready_queue {
    struct step_unit *first, *last;
};

struct step_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* something is ready, or the pool stops */
    pthread_cond_t changed; /* a unit ended or a thread left: step_pool_stop waits */
    struct ready_queue quiet, busy; /* what is ready */
    size_t quiet_run;               /* taken of the quiet ones while busy ones were ready */
    struct step_unit *dead; /* no references left: freed by the scheduler */
    struct timer_heap timers;
    struct runner *runners;
    size_t units, ready, threads, idle, running, blocked, own_threads;
    size_t threads_min, threads_max;
    uint32_t idle_ms;
    size_t least_idle;      /* that were left over when one took work, since the count began */
    int64_t count_until_ms; /* 0: no count has begun */
    bool stopping, scheduler_leaves;
    uint64_t look_count;           /* how often the scheduler has looked */
    int64_t scheduler_looks_at_ms; /* by itself; a timer that is due before then needs a kick */
    struct mpsc_stack woken;
    int event_fd;
    pthread_t scheduler;
};

/* step_runner.c */
/* Whom to signal, now or when the lock is let go; NULL: nobody waits. */
pthread_cond_t *step_ready_push(struct step_pool *pool, struct step_unit *unit);
bool step_may_run_more(const struct step_pool *pool);
bool step_runner_start(struct step_pool *pool, char *why, size_t why_size);
bool step_thread_start(const struct thread_setup *setup, char *why, size_t why_size); /* locks: any */
void *step_own_thread_run(void *unit);                                                /* locks: none */

/* step_scheduler.c */
/* Whom to signal, now or when the lock is let go; NULL: nobody. */
pthread_cond_t *step_unit_wake_locked(struct step_pool *pool, struct step_unit *unit);
void step_pool_kick(struct step_pool *pool); /* locks: any */
void step_unit_free(struct step_unit *unit); /* locks: any */
/* A dead unit may still be in the woken stack; whoever empties it under the lock may then free. */
void step_free_dead(struct step_pool *pool);
/* How long the scheduler may sleep, if nobody kicks it; -1: for ever. While units are ready it looks after STEP_MONITOR_MS who is blocked,
 * and no timer is late for that. */
int step_scheduler_timeout_ms(const struct step_pool *pool);
void *step_scheduler_run(void *pool); /* locks: none */

#endif
