/* A task unit: life, the users of its task, telling, stepping. */
#include "executor/task_unit_internal.h"

#include <time.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "executor/offset_stores.h"
#include "executor/quarantine.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"
#include "task/task_listener.h"

#include <millrace/error.h>

#include "base/bans.h"

/* Life ------------------------------------------------------------------------------------------------------------- */

bool task_key(char key[TASK_KEY_MAX], const char *connector, uint32_t number)
{
    int length = snprintf(key, TASK_KEY_MAX, "%s-%u", connector, number);
    return length > 0 && length < TASK_KEY_MAX;
}

const char *task_unit_key(const struct task_unit *unit)
{
    return unit->key;
}

struct task_unit *task_unit_take(struct task_unit *unit)
{
    refcount_take(&unit->references);
    return unit;
}

void task_unit_drop(struct task_unit *unit)
{
    if (unit == NULL || !refcount_drop(&unit->references))
        return;
    struct executor *executor = unit->executor;
    struct step_unit *step = atomic_load(&unit->step);
    assert(unit->task == NULL);
    if (step != NULL)
        step_unit_drop(step);
    string_map_destroy(unit->connector_config);
    string_map_destroy(unit->task_config);
    unit_metrics_drop(unit->metrics);
    mem_free(unit->end_trace);
    mr_error_drop(unit->question.failure);
    mutex_destroy(&unit->lock);
    mem_free(unit->connector);
    mem_free(unit);
    executor_freed(executor);
}

struct task_unit *task_unit_create(struct executor *executor, const struct executor_task *task, bool is_preparing,
                                   struct mr_error **error)
{
    struct task_unit *unit = mem_calloc(1, sizeof(*unit));
    if (unit == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "No memory for task %s-%u", task->connector, task->number);
        return NULL;
    }
    refcount_init(&unit->references);
    mutex_init(&unit->lock);
    unit->executor = executor;
    executor_born(executor);
    unit->number = task->number;
    unit->paused = task->paused;
    unit->tasks = task->tasks > 0 ? task->tasks : 1;
    unit->is_preparing = is_preparing;
    unit->connector = mem_strdup(task->connector);
    unit->connector_config = string_map_copy(task->connector_config);
    unit->task_config = string_map_copy(task->task_config);
    bool has_key = task_key(unit->key, task->connector, task->number);
    if (has_key && unit->connector != NULL && unit->connector_config != NULL && unit->task_config != NULL) {
        unit->metrics = (is_preparing ? metrics_registry_make_task : metrics_registry_add_task)(
            executor->setup.metrics, task->connector, task->number);
        return unit;
    }
    mr_error_set(error, has_key ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG,
                 has_key ? "No memory for task %s-%u" : "The name of task %.64s…-%u is too long", task->connector,
                 task->number);
    task_unit_drop(unit);
    return NULL;
}

/* The task's users --------------------------------------------------------------------------------------------------- */

struct task *task_unit_borrow(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    struct task *task = unit->task;
    if (task != NULL)
        unit->users++;
    mutex_unlock(&unit->lock);
    return task;
}

void task_unit_destroy_task(struct task_unit *unit, struct task *task)
{
    task_destroy(task);
    offset_stores_drop(unit->executor->offset_stores, unit->offsets);
    unit->offsets = NULL;
}

void task_unit_give_back(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    assert(unit->users > 0);
    struct task *last = --unit->users == 0 ? unit->task : NULL;
    if (last != NULL)
        unit->task = NULL;
    mutex_unlock(&unit->lock);
    if (last != NULL)
        task_unit_destroy_task(unit, last);
}

static void give_back_run(void *argument)
{
    struct task_unit *unit = argument;
    struct log_context context;
    log_context_push(&context, unit->connector, (int)unit->number);
    task_unit_give_back(unit);
    log_context_pop(&context);
}

static void give_back_outcome(void *argument, enum job_outcome outcome)
{
    assert(outcome == JOB_DONE); /* no deadline */
    (void)outcome;
    task_unit_drop(argument);
}

void task_unit_give_back_aside(struct task_unit *unit)
{
    struct job job = {
        .run = give_back_run, .on_outcome = give_back_outcome, .argument = unit, .deadline_ms = INT64_MAX};
    mutex_lock(&unit->lock);
    bool is_last = unit->users == 1;
    if (!is_last)
        unit->users--;
    mutex_unlock(&unit->lock);
    if (!is_last)
        return;
    task_unit_take(unit);
    if (job_post(unit->executor->setup.jobs, &job))
        return;
    task_unit_drop(unit);
    task_unit_give_back(unit); /* no room for a job: better late than never */
}

void task_unit_wake(void *argument)
{
    struct task_unit *unit = argument;
    struct step_unit *step = atomic_load_explicit(&unit->step, memory_order_acquire);
    if (step != NULL)
        step_unit_wake(step);
}

void task_unit_wake_take(void *argument)
{
    task_unit_take(argument);
}

void task_unit_wake_drop(void *argument)
{
    task_unit_drop(argument);
}

/* Telling ------------------------------------------------------------------------------------------------------------ */

static void tell(struct task_unit *unit, enum task_state state, const char *trace)
{
    const struct executor *executor = unit->executor;
    mutex_lock(&unit->lock);
    const char *version = unit->version;
    mutex_unlock(&unit->lock);
    listener_of(executor)->on_task_state(executor->setup.listener_argument, unit->connector, unit->number, state, trace,
                                         version);
}

static void tell_failure(struct task_unit *unit)
{
    const struct executor *executor = unit->executor;
    if (listener_of(executor)->on_failure != NULL)
        listener_of(executor)->on_failure(executor->setup.listener_argument, unit->connector, unit->number, &unit->failure);
}

/* Only while nobody has asked for its start. */
static void tell_prepared(struct task_unit *unit)
{
    const struct executor *executor = unit->executor;
    mutex_lock(&unit->lock);
    bool is_told = unit->is_preparing && !unit->is_prepared;
    unit->is_prepared = true;
    mutex_unlock(&unit->lock);
    if (is_told)
        listener_of(executor)->on_task_prepared(executor->setup.listener_argument, unit->connector, unit->number);
}

void task_unit_note_failure(struct task_unit *unit, const struct failure *failure)
{
    mutex_lock(&unit->lock);
    if (unit->phase != UNIT_GONE)
        unit->failure = *failure;
    mutex_unlock(&unit->lock);
}

bool task_unit_tell_last(struct task_unit *unit, enum task_state state, const char *trace)
{
    mutex_lock(&unit->lock);
    bool was_gone = unit->phase == UNIT_GONE, is_told = !was_gone && !unit->is_preparing;
    unit->phase = UNIT_GONE;
    mutex_unlock(&unit->lock);
    if (!was_gone)
        executor_forget_task(unit->executor, unit);
    if (is_told && state == TASK_FAILED)
        tell_failure(unit);
    if (is_told)
        tell(unit, state, trace);
    else if (!was_gone)
        tell_prepared(unit);
    return is_told;
}

void task_unit_tell_failed(struct task_unit *unit, enum failure_kind kind, const char *trace, const char *words)
{
    task_unit_note_failure(unit, &(struct failure){.kind = kind});
    const char *class_name = string_map_get(unit->connector_config, "connector.class");
    if (task_unit_tell_last(unit, TASK_FAILED, trace))
        log_error(LOG_NAME, "task %s (%s) failed, it could not be made: %s", unit->key,
                  class_name == NULL ? "no class" : class_name, words);
}

static void on_failure(void *argument, const struct failure *failure)
{
    task_unit_note_failure(argument, failure);
}

/* An end is kept until the pool has let go of the task: a successor may be started as soon as it is told. */
static void on_state(void *argument, enum task_state state, const char *trace)
{
    struct task_unit *unit = argument;
    if (state == TASK_STOPPED || state == TASK_FAILED) {
        unit->end = state;
        unit->end_trace = mem_strdup(trace);
        return;
    }
    mutex_lock(&unit->lock);
    bool is_silent = unit->phase == UNIT_GONE || unit->is_preparing;
    mutex_unlock(&unit->lock);
    if (state == TASK_PREPARED)
        tell_prepared(unit);
    if (is_silent)
        return;
    char *note = state == TASK_RUNNING
                     ? quarantine_take_note(unit->executor->setup.quarantine, unit->connector, unit->number)
                     : NULL;
    tell(unit, state, note);
    mem_free(note);
}

static void on_topic(void *argument, const char *topic)
{
    struct task_unit *unit = argument;
    const struct executor *executor = unit->executor;
    listener_of(executor)->on_topic(executor->setup.listener_argument, unit->connector, unit->number, topic);
}

const struct task_listener task_unit_listener = {.on_failure = on_failure, .on_state = on_state, .on_topic = on_topic};

/* Stepping ------------------------------------------------------------------------------------------------------------ */

static int64_t thread_cpu_ns(void)
{
    struct timespec used;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0 ? (int64_t)used.tv_sec * 1000000000 + used.tv_nsec : 0;
}

static struct step_result step(void *argument)
{
    struct task_unit *unit = argument;
    struct step_result result = {.verdict = STEP_AGAIN};
    int64_t before_ns = thread_cpu_ns();
    switch (task_step(unit->task, &result.wake_at_ms)) {
    case TASK_STEP_AGAIN:
        break;
    case TASK_STEP_WAIT:
        result.verdict = STEP_WAIT;
        break;
    case TASK_STEP_ENDED:
        result.verdict = STEP_END;
        break;
    }
    task_metrics_used_cpu(unit_metrics_cells(unit->metrics), thread_cpu_ns() - before_ns);
    return result;
}

static void on_end(void *argument)
{
    struct task_unit *unit = argument;
    task_unit_give_back(unit);
    task_unit_tell_last(unit, unit->end == TASK_FAILED ? TASK_FAILED : TASK_STOPPED,
              unit->end == TASK_FAILED ? (unit->end_trace != NULL ? unit->end_trace : "no memory for the trace")
                                       : NULL);
    task_unit_drop(unit);
}

bool task_unit_step_from_now(struct task_unit *unit, struct task *task, char *why, size_t why_size)
{
    struct step_unit_setup setup = {
        .step = step, .on_end = on_end, .argument = task_unit_take(unit), .own_thread = task_blocks(task)};
    struct step_unit *added = step_pool_add(unit->executor->pool, &setup, why, why_size);
    if (added == NULL) {
        task_unit_drop(unit);
        return false;
    }
    atomic_store_explicit(&unit->step, added, memory_order_release);
    step_unit_wake(added); /* whoever woke it before found no address */
    return true;
}
