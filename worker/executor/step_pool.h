/*
 * step_pool: many state machines on few threads.
 *
 * A unit is a function that does a bit of work and says what it wants next: again at once, later, or never
 * more. A unit that waits holds no thread. It is stepped by one thread at a time, not always the same one,
 * unless it was added with STEP_OWN_THREAD.
 *
 * Blocking: a step that is inside for longer than STEP_BLOCKED_MS while others are ready is taken for
 * blocked; another thread takes the rest. The unit is never moved: a plugin inside a call may hold
 * thread-local state. Blocked steps and threads of their own do not count against threads_max; all together
 * are bounded by STEP_THREADS_HARD_MAX. Past it, ready units wait their turn (a unit wanting its own thread
 * is refused).
 *
 * Fairness: who has lately been inside steps for less than STEP_QUIET_MS of STEP_WINDOW_MS goes before those that have been for longer, so
 * that a quiet unit waits for no more than the steps that are under way. Of STEP_QUIET_RUN + 1 steps one is of the others, if any are ready.
 *
 * Wake-ups: step_unit_wake() works from any thread and under foreign locks (librdkafka's queue callbacks) and waits for no lock: it
 * signals an idle thread, or, while somebody has the pool's lock or no thread is idle, leaves it to the scheduler by an embedded node and an
 * eventfd. A wake during a step causes one more step after it: none is lost.
 *
 * Life: step_pool_add gives a reference; whoever may still wake the unit holds one (step_unit_take). After
 * STEP_END the unit is never stepped again, `on_end` is called once, and waking is harmless.
 */
#ifndef EXECUTOR_STEP_POOL_H
#define EXECUTOR_STEP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEP_BLOCKED_MS 20
#define STEP_WINDOW_MS 100
#define STEP_QUIET_MS 10
#define STEP_QUIET_RUN 8
#define STEP_THREADS_HARD_MAX 4096
#define STEP_THREAD_STACK_BYTES (512u * 1024u)

struct step_pool;
struct step_unit;

enum step_verdict {
    STEP_AGAIN, /* behind those of its kind that are ready now */
    STEP_WAIT,  /* until wake_at_ms (clock_monotonic_ms; INT64_MAX: no time) or a wake-up */
    STEP_END
};

struct step_result {
    enum step_verdict verdict;
    int64_t wake_at_ms;
};

/* Runs on a pool thread, no lock held; may block, may wake any unit, may add units. */
typedef struct step_result step_fn(void *argument);
/* Runs on the thread of the last step, no lock held. */
typedef void step_end_fn(void *argument);

struct step_pool_setup {
    size_t threads_min; /* kept when idle; the rest leave, one each idle_ms while fewer would do */
    size_t threads_max; /* that run steps at the same time */
    uint32_t idle_ms;
};

struct step_unit_setup {
    step_fn *step;
    step_end_fn *on_end; /* may be NULL */
    void *argument;
    bool own_thread; /* STEP_OWN_THREAD: for plugins that declare that they block */
};

struct step_pool_counts {
    size_t units, ready, running, blocked, threads;
};

/* NULL: `why` says so (no memory, no thread). */
struct step_pool *step_pool_create(const struct step_pool_setup *setup, char *why, size_t why_size);
/* Waits until all units have ended and all threads have left. false: some step is still inside at the
 * deadline; the pool then goes on existing for it, and must not be destroyed. */
bool step_pool_stop(struct step_pool *pool, int64_t deadline_ms);
/* After a successful stop, with all references of units dropped. */
void step_pool_destroy(struct step_pool *pool);

/* Steps the unit for the first time soon. The reference is the caller's. NULL: no memory or no thread. */
struct step_unit *step_pool_add(struct step_pool *pool, const struct step_unit_setup *setup, char *why,
                                size_t why_size);
struct step_unit *step_unit_take(struct step_unit *unit);
void step_unit_drop(struct step_unit *unit);

/* thread: any. locks: none. */
void step_unit_wake(struct step_unit *unit);

/* How long the unit has been inside its present step; 0 when it is not. thread: any. */
int64_t step_unit_inside_ms(struct step_unit *unit);
struct step_pool_counts step_pool_count(struct step_pool *pool);

#endif
