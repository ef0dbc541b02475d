/*
 * executor_internal: what the files of the executor share.
 *
 *   executor.c            registry of connectors and tasks, commands, stop
 *   connector_instance.c  one connector: its calls on job threads, one after another
 *   connector_values.c    what its configuration refers to, and whether that has changed
 *   task_configs.c        what a connector's task_configs answers, made ready to be stored
 *   task_builder.c        from stored text to a task
 *   task_unit*.c          one task: built on a job thread, stepped by the pool, stopped or abandoned
 *   alter_offsets.c       a connector's say in a change of its offsets
 *   group_offsets.c       the offsets of a sink: its consumer group's
 *   task_questions.c      what tasks with exactly once ask of the cluster
 *   topic_maker.c         topics of source tasks, before anything is sent to them
 *   offset_stores.c, offset_recipe.c, take_offsets.c   the stores of connectors with an offsets topic of their own
 *   watch.c               offset commits of tasks inside a call; deadlines of stops
 *
 * Locks: executor->lock (registry), a unit's or instance's own lock; never two at once, none while calling out (but for a
 * task's pause and resume, which only write its mailbox).
 */
#ifndef EXECUTOR_EXECUTOR_INTERNAL_H
#define EXECUTOR_EXECUTOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/refcount.h"
#include "executor/executor.h"
#include "executor/job_pool.h"
#include "executor/step_pool.h"

#define LOG_NAME "millrace.executor"
#define TASK_KEY_MAX 1100 /* a connector's name and a number; longer names are refused */

struct connector_config;
struct connector_instance;
struct loader_plugin;
struct offset_stores;
struct pointer_map;
struct task_unit;

struct executor {
    struct executor_setup setup;
    pthread_mutex_t lock;
    pthread_cond_t changed;         /* something left the registry or was freed */
    struct pointer_map *connectors; /* name → instance, a reference each. lock */
    struct pointer_map *tasks;      /* "name-number" → unit, a reference each. lock */
    size_t alive;                   /* instances and units not freed yet. lock */
    bool stopping;                  /* no more starts. lock */
    bool is_stopped;                /* executor_stop has worked; its caller's */
    struct step_pool *pool;
    struct step_unit *watch;
    atomic_bool watch_ends;
    _Atomic uint64_t questions; /* asked so far, for their tokens */
    struct offset_stores *offset_stores; /* executor/offset_stores.h */
};

static inline const struct executor_listener *listener_of(const struct executor *executor)
{
    return executor->setup.listener;
}

/* executor.c: the registry. A reference for the caller, or NULL. */
struct connector_instance *executor_find_connector(struct executor *executor, const char *name);
struct task_unit *executor_find_task(struct executor *executor, const char *name, uint32_t number);
/* Takes it out if it is in; the registry's reference goes. */
void executor_forget_connector(struct executor *executor, struct connector_instance *instance);
void executor_forget_task(struct executor *executor, struct task_unit *unit);
/* All tasks at this moment: references in a block for mem_free; NULL with *count 0: none, or no memory. */
struct task_unit **executor_list_tasks(struct executor *executor, size_t *count);
struct connector_instance **executor_list_connectors(struct executor *executor, size_t *count);
/* Has the watch look at once, and find its next deadline. */
void executor_wake_watch(struct executor *executor);
void executor_born(struct executor *executor);
void executor_freed(struct executor *executor);

/* connector_instance.c */
struct connector_instance *connector_instance_create(struct executor *executor, const char *name,
                                                     const struct string_map *config, struct mr_error **error);
struct connector_instance *connector_instance_take(struct connector_instance *instance);
void connector_instance_drop(struct connector_instance *instance);
const char *connector_instance_name(const struct connector_instance *instance);
/* Each posts a job; false: it could not (no memory, queue full). */
bool connector_instance_start(struct connector_instance *instance, enum connector_target target);
bool connector_instance_set_target(struct connector_instance *instance, enum connector_target target);
bool connector_instance_ask_configs(struct connector_instance *instance, uint64_t token);
bool connector_instance_end(struct connector_instance *instance);
/* Outside of its turn: FAILED, with words; for commands that could not be posted. */
void connector_instance_fail(struct connector_instance *instance, const char *trace);

/* For the watch: looks whether a time to live is over. Lowers *wake_at_ms to the next one. */
void connector_instance_look(struct connector_instance *instance, int64_t now_ms, int64_t *wake_at_ms);

/* connector_values.c: life _create → _resolve → _end → _drop; the first two and _end in the connector's turn. */
struct connector_values;
struct connector_values *connector_values_create(struct executor *executor, const char *name, const struct string_map *raw);
/* The configuration with its values; from now on changes of them are told (on_values_changed). Calls plugin code. */
struct string_map *connector_values_resolve(struct connector_values *values, struct mr_error **error);
void connector_values_look(struct connector_values *values, int64_t now_ms, int64_t *wake_at_ms); /* thread: watch */
/* Nothing is told any more. May be called again. */
void connector_values_end(struct connector_values *values);
void connector_values_drop(struct connector_values *values);

/* task_configs.c */
struct task_configs_result {
    struct string_map **maps; /* NULL: failed */
    size_t count;
    bool is_too_many;
};
struct mr_task_configs;
/* `configs` as the connector filled it; `resolved` the connector's configuration, `raw` as stored. */
int task_configs_finish(struct task_configs_result *result, struct mr_task_configs *configs,
                        const struct connector_config *config, const char *task_class, const struct string_map *raw,
                        struct mr_error **error);
void task_configs_result_release(struct task_configs_result *result);

/* task_builder.c */
struct task_plan {
    struct executor *executor;
    struct task_unit *unit; /* whose questions and waiting calls a task with exactly once has */
    const char *connector;
    uint32_t number;
    const struct string_map *connector_config, *task_config; /* raw */
    const struct task_common_setup *common;
    uint32_t tasks; /* that the connector has; 1 or more */
    int64_t deadline_ms;
};
struct task_made {
    struct task *task;            /* NULL: failed */
    struct offset_store *offsets; /* of a source; to be dropped (offset_stores.h) when the task is destroyed. NULL: none */
    const char *version;          /* the plugin's, may be NULL; lives for ever */
};
/* Calls plugin code and waits for the cluster: job thread. */
struct task_made task_build(const struct task_plan *plan, struct mr_error **error);

/* task_unit.c, task_unit_build.c, task_unit_stop.c */
struct task_unit *task_unit_create(struct executor *executor, const struct executor_task *task, bool is_preparing,
                                   struct mr_error **error);
struct task_unit *task_unit_take(struct task_unit *unit);
void task_unit_drop(struct task_unit *unit);
const char *task_unit_key(const struct task_unit *unit);
bool task_key(char key[TASK_KEY_MAX], const char *connector, uint32_t number);
bool task_unit_start(struct task_unit *unit); /* false: could not be posted, nothing will be told */
/* What was prepared is to be started now, and told about. false: it has ended, or is to. */
bool task_unit_adopt(struct task_unit *unit, bool paused);
bool task_unit_start_adopted(struct task_unit *unit); /* false: could not be posted; it is only prepared again */
void task_unit_set_paused(struct task_unit *unit, bool paused);
void task_unit_oust(struct task_unit *unit);
void task_unit_stop(struct task_unit *unit, enum task_departure departure, int64_t deadline_ms);
/* For the watch: commits what is due; gives up what should have ended. Lowers *wake_at_ms to the next deadline. */
void task_unit_look(struct task_unit *unit, int64_t now_ms, int64_t *wake_at_ms);

/* watch.c */
struct step_result executor_watch(void *argument);

#endif
