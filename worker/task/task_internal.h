/*
 * task_internal: what source and sink tasks share behind the door. For files of this room alone.
 *
 *   task.c       states, commands, questions, wake-ups
 *   task_topics.c  which topics were told
 *   task_life.c  the plugin from create to destroy; failing and ending
 *   task_failure.c  what kind of failure it was
 *   task_watch.c    what a task that runs does not do, for the executor's watch
 *
 * The mailbox (`wish`) is the only part that other threads write; it has its own lock, held for a few stores. Everything
 * else belongs to the thread that steps the task.
 */
#ifndef TASK_TASK_INTERNAL_H
#define TASK_TASK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/failure.h"
#include "base/plugin_call.h"
#include "metrics/task_health.h"
#include "task/task.h"

struct mr_error;
struct mr_waker;
struct task_metrics;

#define LETTERS_GRACE_MS 1000 /* for dead letters under way when the task ends */
/* How often a task without a lease looks whether it has one again. */
#define LEASE_LOOK_MS 100

/* What the owner wants; the step compares it with what is. */
struct task_wish {
    bool prepared, started, paused, stopped;
    enum task_departure departure;
    int64_t stop_deadline_ms;
};

struct task_ops {
    enum task_step (*step)(struct task *task, const struct task_wish *wish, int64_t *wake_at_ms);
    /* Ends every wait and takes the clients away; NULL: nothing more than the interrupt. thread: any. */
    void (*abandon)(struct task *task);
    /* Ends waits that a stop need not go through; the plugin is told as well. NULL: there are none. thread: any. */
    void (*interrupt)(struct task *task);
    void *(*create)(struct task *task, struct mr_error **error); /* the plugin's, with its context */
    /* Around each plugin call; NULL: nothing changes hands. */
    void (*lend)(struct task *task);
    void (*take_back)(struct task *task);
    void (*tick)(struct task *task); /* NULL: nothing to do. thread: any */
    bool (*is_retrying)(const struct task *task); /* a failed operation, as the error policy says. NULL: no. thread: any */
    void (*destroy)(struct task *task);
};

/* The members that the tables of both kinds have, and the task's own configuration. Borrowed. */
struct task_plugin {
    const struct plugin_name *name; /* NULL: not known */
    const struct mr_config *config;
    int (*prepare)(void *self, const struct mr_config *config, struct mr_error **error); /* NULL: nothing */
    int (*start)(void *self, const struct mr_config *config, struct mr_error **error);
    void (*request_stop)(void *self); /* NULL: calls never block */
    void (*stop)(void *self);
    void (*destroy)(void *self);
};

/* For the tables of both kinds. */
#define TASK_PLUGIN_OF(setup)                                                                                          \
    {                                                                                                                  \
        .name = (setup)->common.plugin,                                                                                \
        .config = (setup)->config, .prepare = (setup)->plugin->prepare, .start = (setup)->plugin->start,               \
        .request_stop = (setup)->plugin->request_stop, .stop = (setup)->plugin->stop,                                  \
        .destroy = (setup)->plugin->destroy                                                                            \
    }

/* Since when something is overdue (clock_monotonic_ms); 0: nothing is. Written by the task, read by the watch. */
struct task_watched {
    _Atomic int64_t inside_ms;  /* the present plugin call */
    _Atomic int64_t owed_ms;    /* records were taken, and nothing was committed or acknowledged since */
    _Atomic int64_t lost_ms;    /* its partitions were taken away, and it has none since */
    _Atomic int64_t letters_ms; /* dead letters hold offsets back, and none of them is written */
};

struct task {
    const struct task_ops *ops;
    struct task_common_setup setup;
    char *connector;
    bool blocks;
    pthread_mutex_t lock; /* guards wish */
    struct task_wish wish;
    atomic_bool stopping; /* a stop was asked for, or the task was abandoned */
    atomic_bool abandoned;
    atomic_bool ousted; /* another worker runs it by now */
    atomic_int state; /* enum task_state */
    const char *_Atomic inside;
    atomic_bool is_in_pipeline; /* `inside` names no call of the plugin */
    struct plugin_call before; /* what the thread was inside of when the call began */

    struct task_plugin plugin;
    pthread_mutex_t plugin_lock; /* request_stop against the end of `self` */
    void *self;
    bool started;
    struct mr_error *failure; /* why the task fails; NULL: it stops */
    struct failure failed;    /* the same by kind, with the records that it met */
    bool is_plugins_fault;    /* the last failure that was noticed is that of a plugin's call */
    atomic_bool has_progressed;
    struct task_watched watched;
    struct task_health *health, own_health; /* that of `cells`, or its own */
    struct pointer_map *topics_told;
    uint32_t topics_epoch; /* of topics_told */
    struct task_metrics *cells; /* of setup.metrics; NULL: nobody counts */
};

/* -1: no memory. The setup is copied, `connector` too. */
int task_init(struct task *task, const struct task_ops *ops, const struct task_common_setup *setup,
              const struct task_plugin *plugin, bool blocks, struct mr_error **error);
void task_release(struct task *task);

static inline bool task_is_abandoned(const struct task *task)
{
    return atomic_load_explicit(&task->abandoned, memory_order_acquire);
}

static inline bool task_is_stopping(const struct task *task)
{
    return atomic_load_explicit(&task->stopping, memory_order_acquire);
}

/* May the task do something outside now? Once per batch and plugin call. */
bool task_may_act(const struct task *task);

/* Moves and tells the listener (unless abandoned); asserts that the move is legal. `trace` with TASK_FAILED. */
void task_move(struct task *task, enum task_state to, const char *trace);

/* Around every plugin call: names it for "who hangs", puts connector and task into log lines. */
void task_call_begin(struct task *task, const char *call);
void task_call_end(struct task *task);
/* The same around converters and transforms, whose calls name themselves (base/plugin_call.h). */
void task_pipeline_begin(struct task *task);
void task_pipeline_end(struct task *task);
/* Ends the call; -1 with `why` or words made up. */
int task_call_result(struct task *task, int status, const char *call, struct mr_error *why, struct mr_error **error);

/* create and prepare; from PREPARING to PREPARED. -1: the task fails. */
int task_plugin_prepare(struct task *task, struct mr_error **error);
int task_plugin_start(struct task *task, struct mr_error **error);
/* request_stop. thread: any, also while a call is inside. */
void task_plugin_interrupt(struct task *task);
/* stop and destroy, if it was created. */
void task_plugin_stop(struct task *task);

/* Before topics of a batch are told: all count as new when setup.topics_epoch has changed. */
void task_topics_renew(struct task *task);
/* Tells the listener of the topic, once. */
void task_topics_tell(struct task *task, const char *topic);

/* Logs the one line there is about it, and keeps the error for the end. Takes it over. */
void task_fail(struct task *task, struct mr_error *error);
/* The last move: FAILED with the trace of what failed, else STOPPED. */
enum task_step task_finish(struct task *task);

/* ---- task_failure.c ---- */

/* Fills `failed`, unless somebody who knew better has. */
void task_failure_judge(struct task *task, const struct mr_error *error);

/* ---- task_watch.c ---- */

static inline void watch_since(_Atomic int64_t *since_ms, int64_t now_ms)
{
    atomic_store_explicit(since_ms, now_ms, memory_order_relaxed);
}
/* Since now, unless it was already. */
void watch_begin(const struct task *task, _Atomic int64_t *since_ms);
/* Something was acknowledged or committed. */
static inline void task_progressed(struct task *task)
{
    atomic_store_explicit(&task->has_progressed, true, memory_order_relaxed);
}

/* The full trace of an error, for the status; free with mem_free. NULL: no memory. */
char *task_trace(const struct mr_error *error);

int64_t task_now_us(const struct task *task); /* clock_monotonic_us of the task's clock */
/* The same moment on clock_monotonic_ms(NULL), for rooms that wait by the real clock. */
int64_t task_real_deadline_ms(const struct task *task, int64_t deadline_ms);

void task_wake(struct task *task);
/* Sets the flag that lets the task go on, then wakes it; the task may be gone in between. thread: any. */
void task_signal(struct task *task, atomic_bool *flag);

/* The wake-up a plugin owns (host.h), or the records it keeps: no hold on the task. The target outlives the task as long as a wake may be inside. */
struct plugin_wake {
    atomic_bool woken;
    void (*wake)(void *argument);
    void (*wake_drop)(void *argument);
    void *wake_argument;
};
/* NULL: no memory. `*target` is valid until plugin_wake_end. */
struct mr_waker *plugin_wake_create(const struct task *task, struct plugin_wake **target);
void plugin_wake_end(struct mr_waker *waker);
static inline bool plugin_wake_take(struct plugin_wake *target)
{
    return atomic_exchange_explicit(&target->woken, false, memory_order_acq_rel);
}
/* "connector NAME task N" for log lines. */
#define TASK_FORMAT "%s-%u"
#define TASK_ARGS(task) (task)->connector, (task)->setup.number

#endif
