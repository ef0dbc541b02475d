/* A task unit being built: by a job; then it is stepped, unless it is wanted no more. */
#include "executor/task_unit_internal.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "errors/error_line.h"
#include "executor/quarantine.h"
#include "metrics/registry.h"

#include <millrace/error.h>

#include "base/bans.h"

#define BUILD_MARGIN_MS 1000       /* what waits for the cluster gives up before the build's own deadline */

/* Building ------------------------------------------------------------------------------------------------------------ */

static struct task *build(struct task_unit *unit, int64_t deadline_ms, struct mr_error **error)
{
    const struct executor_setup *setup = &unit->executor->setup;
    struct task_common_setup common = {
        .connector = unit->connector,
        .number = unit->number,
        .lease = setup->lease,
        .clock = setup->clock,
        .listener = &task_unit_listener,
        .listener_argument = unit,
        .wake = task_unit_wake,
        .wake_take = task_unit_wake_take,
        .wake_drop = task_unit_wake_drop,
        .wake_argument = unit,
        .offset_flush_interval_ms = setup->worker->offset_flush_interval_ms,
        .offset_flush_timeout_ms = setup->worker->offset_flush_timeout_ms,
        .buffer_bytes_max = setup->worker->task_buffer_bytes,
        .topics_epoch = setup->topics_epoch,
        .metrics = unit->metrics,
    };
    struct task_plan plan = {.executor = unit->executor,
                             .unit = unit,
                             .connector = unit->connector,
                             .number = unit->number,
                             .connector_config = unit->connector_config,
                             .task_config = unit->task_config,
                             .common = &common,
                             .tasks = unit->tasks,
                             .deadline_ms = deadline_ms - BUILD_MARGIN_MS};
    struct task_made made = task_build(&plan, error);
    mutex_lock(&unit->lock);
    unit->version = made.version;
    mutex_unlock(&unit->lock);
    unit->offsets = made.offsets;
    return made.task;
}

/* From building to stepping, unless it is wanted no more. */
static bool begin(struct task_unit *unit, struct task *task)
{
    mutex_lock(&unit->lock);
    bool is_wanted = unit->phase == UNIT_BUILDING && !unit->stop_asked, is_preparing = unit->is_preparing;
    if (is_wanted) {
        unit->phase = UNIT_STEPPING;
        unit->task = task;
        unit->users = 2; /* the pool, and whoever begins it */
        if (unit->paused)
            task_request_pause(task);
        if (unit->is_ousted)
            task_oust(task);
    }
    mutex_unlock(&unit->lock);
    if (is_wanted)
        (is_preparing ? task_request_prepare : task_request_start)(task);
    return is_wanted;
}

static void build_failed(struct task_unit *unit, const struct mr_error *error)
{
    size_t length = mr_error_trace(error, NULL, 0);
    char *trace = mem_alloc(length + 1), line[ERROR_LINE_MAX];
    if (trace != NULL)
        mr_error_trace(error, trace, length + 1);
    secrets_hide_text(trace);
    task_unit_tell_failed(unit, task_failure_kind(error, false), trace != NULL ? trace : mr_error_message(error), error_line(error, line, sizeof(line)));
    mem_free(trace);
}

static bool is_stop_asked(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    bool is_asked = unit->stop_asked;
    mutex_unlock(&unit->lock);
    return is_asked;
}

static void run_built(struct task_unit *unit, struct task *task)
{
    char why[256] = "";
    if (!begin(unit, task)) {
        task_unit_destroy_task(unit, task);
        task_unit_tell_last(unit, TASK_STOPPED, NULL);
        return;
    }
    bool is_stepped = task_unit_step_from_now(unit, task, why, sizeof(why));
    if (!is_stepped)
        task_unit_give_back(unit); /* in the pool's place */
    task_unit_give_back(unit);
    if (is_stepped)
        task_unit_post_stop(unit); /* one that came while it began */
    else
        task_unit_tell_failed(unit, FAILURE_MEMORY, why, why);
}

/* true: the unit must not be started, and was told FAILED. */
static bool is_held(struct task_unit *unit)
{
    char *reason = quarantine_reason(unit->executor->setup.quarantine, unit->connector, unit->number,
                                     unit->connector_config);
    if (reason == NULL)
        return false;
    task_unit_note_failure(unit, &(struct failure){.kind = FAILURE_HELD});
    if (task_unit_tell_last(unit, TASK_FAILED, reason))
        log_error(LOG_NAME, "task %s is not started: %s", unit->key, reason);
    mem_free(reason);
    return true;
}

static void build_run(void *argument)
{
    struct task_unit *unit = argument;
    struct log_context context;
    struct mr_error *error = NULL;
    if (is_stop_asked(unit)) {
        task_unit_tell_last(unit, TASK_STOPPED, NULL);
        return;
    }
    if (is_held(unit))
        return;
    log_context_push(&context, unit->connector, (int)unit->number);
    struct task *task = build(unit, clock_monotonic_ms(NULL) + EXECUTOR_BUILD_TIMEOUT_MS, &error);
    if (task == NULL)
        build_failed(unit, error);
    else
        run_built(unit, task);
    mr_error_drop(error);
    log_context_pop(&context);
}

static void build_outcome(void *argument, enum job_outcome outcome)
{
    static const char late[] = "The task could not be made in time: a plugin or the cluster did not answer";
    struct task_unit *unit = argument;
    if (outcome == JOB_DONE) {
        task_unit_drop(unit);
        return;
    }
    mutex_lock(&unit->lock);
    bool is_stopped = unit->stop_asked, is_building = unit->phase == UNIT_BUILDING;
    mutex_unlock(&unit->lock);
    if (is_building && is_stopped)
        task_unit_tell_last(unit, TASK_STOPPED, NULL);
    else if (is_building)
        task_unit_tell_failed(unit, FAILURE_TIMEOUT, late, late);
}

static void build_late(void *argument)
{
    task_unit_drop(argument);
}

bool task_unit_start(struct task_unit *unit)
{
    struct job job = {.run = build_run,
                      .on_outcome = build_outcome,
                      .on_late = build_late,
                      .argument = task_unit_take(unit),
                      .deadline_ms = clock_monotonic_ms(NULL) + EXECUTOR_BUILD_TIMEOUT_MS};
    if (job_post(unit->executor->setup.jobs, &job))
        return true;
    task_unit_drop(unit);
    return false;
}

/* What was prepared ---------------------------------------------------------------------------------------------------- */

bool task_unit_adopt(struct task_unit *unit, bool paused)
{
    mutex_lock(&unit->lock);
    assert(unit->is_preparing && "the former instance has ended");
    bool is_good = unit->phase != UNIT_GONE && !unit->stop_asked;
    if (is_good) {
        unit->is_preparing = false;
        unit->paused = paused;
        if (unit->task != NULL)
            (paused ? task_request_pause : task_request_resume)(unit->task);
    }
    mutex_unlock(&unit->lock);
    return is_good;
}

/* Held by now: the end is told, and what was made ends without a word. */
static void start_run(void *argument)
{
    struct task_unit *unit = argument;
    struct task *task = task_unit_borrow(unit);
    if (task == NULL)
        return; /* it failed while it was prepared, as was told */
    if (is_held(unit))
        task_request_stop(task, TASK_DEPARTURE_STAY, clock_monotonic_ms(NULL));
    else
        task_request_start(task);
    task_unit_give_back(unit);
}

static void start_outcome(void *argument, enum job_outcome outcome)
{
    assert(outcome == JOB_DONE); /* no deadline */
    (void)outcome;
    task_unit_drop(argument);
}

static bool post_start(struct task_unit *unit)
{
    struct job job = {.run = start_run,
                      .on_outcome = start_outcome,
                      .argument = task_unit_take(unit),
                      .deadline_ms = INT64_MAX};
    if (job_post(unit->executor->setup.jobs, &job))
        return true;
    task_unit_drop(unit);
    return false;
}

bool task_unit_start_adopted(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    bool is_building = unit->phase == UNIT_BUILDING; /* and starts when it is built */
    mutex_unlock(&unit->lock);
    if (is_building || post_start(unit)) {
        metrics_registry_show_task(unit->executor->setup.metrics, unit->connector, unit->number, unit->metrics);
        return true;
    }
    mutex_lock(&unit->lock);
    unit->is_preparing = true;
    mutex_unlock(&unit->lock);
    return false;
}
