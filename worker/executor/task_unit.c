/*
 * A task unit: built by a job, then stepped by the pool until it ends. Commands that come while it is built are kept and
 * carried out after.
 *
 *   BUILDING → STEPPING → GONE        GONE: its end was told and the name is free
 *        └──────────────────┘
 *
 * The task object belongs to the unit and lives while somebody uses it (`users`): the pool, a job, the watch. An
 * abandoned unit is GONE at once and goes on being stepped until its plugin lets it end.
 */
#include "executor/executor_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "errors/error_line.h"
#include "executor/quarantine.h"
#include "task/task_listener.h"

#include <millrace/error.h>

#include "base/bans.h"

#define STOP_CALL_TIMEOUT_MS 10000 /* a plugin's request_stop, closing a consumer */
#define STOP_MARGIN_MS 1000        /* between a task's own deadline and its being abandoned */
#define BUILD_MARGIN_MS 1000       /* what waits for the cluster gives up before the build's own deadline */

enum unit_phase { UNIT_BUILDING, UNIT_STEPPING, UNIT_GONE };

struct task_unit {
    struct refcount references;
    struct executor *executor;
    char *connector;
    uint32_t number;
    char key[TASK_KEY_MAX];
    struct string_map *connector_config, *task_config; /* raw */
    struct step_unit *_Atomic step;                    /* a reference; NULL until the pool has it */

    pthread_mutex_t lock;
    enum unit_phase phase;
    struct task *task;   /* NULL: not built yet, or destroyed */
    size_t users;        /* of the task; the last destroys it */
    const char *version; /* the loader's */
    bool paused, stop_asked, stop_given, stop_begun, is_abandoning, abandon_begun;
    enum task_departure departure;
    int64_t stop_deadline_ms;
    enum task_state end; /* as the task said it: TASK_STOPPED or TASK_FAILED */
    char *end_trace;
};

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
    mem_free(unit->end_trace);
    mutex_destroy(&unit->lock);
    mem_free(unit->connector);
    mem_free(unit);
    executor_freed(executor);
}

struct task_unit *task_unit_create(struct executor *executor, const struct executor_task *task, struct mr_error **error)
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
    unit->connector = mem_strdup(task->connector);
    unit->connector_config = string_map_copy(task->connector_config);
    unit->task_config = string_map_copy(task->task_config);
    bool has_key = task_key(unit->key, task->connector, task->number);
    if (has_key && unit->connector != NULL && unit->connector_config != NULL && unit->task_config != NULL)
        return unit;
    mr_error_set(error, has_key ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG,
                 has_key ? "No memory for task %s-%u" : "The name of task %.64s…-%u is too long", task->connector,
                 task->number);
    task_unit_drop(unit);
    return NULL;
}

/* The task's users --------------------------------------------------------------------------------------------------- */

/* NULL: there is none (any more). Give it back with give_back. */
static struct task *borrow(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    struct task *task = unit->task;
    if (task != NULL)
        unit->users++;
    mutex_unlock(&unit->lock);
    return task;
}

static void give_back(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    assert(unit->users > 0);
    struct task *last = --unit->users == 0 ? unit->task : NULL;
    if (last != NULL)
        unit->task = NULL;
    mutex_unlock(&unit->lock);
    task_destroy(last);
}

/* What the task uses to be stepped; thread: any, lock-free. */

static void unit_wake(void *argument)
{
    struct task_unit *unit = argument;
    struct step_unit *step = atomic_load_explicit(&unit->step, memory_order_acquire);
    if (step != NULL)
        step_unit_wake(step);
}

static void unit_wake_take(void *argument)
{
    task_unit_take(argument);
}

static void unit_wake_drop(void *argument)
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

/* The end, once; the name is free before it is told. */
static bool tell_last(struct task_unit *unit, enum task_state state, const char *trace)
{
    mutex_lock(&unit->lock);
    bool was_gone = unit->phase == UNIT_GONE;
    unit->phase = UNIT_GONE;
    mutex_unlock(&unit->lock);
    if (was_gone)
        return false;
    executor_forget_task(unit->executor, unit);
    tell(unit, state, trace);
    return true;
}

/* It could not be made: the one line in the log about that. A task that fails later logs it itself. */
static void tell_failed(struct task_unit *unit, const char *trace, const char *words)
{
    const char *class_name = string_map_get(unit->connector_config, "connector.class");
    if (tell_last(unit, TASK_FAILED, trace))
        log_error(LOG_NAME, "task %s (%s) failed, it could not be made: %s", unit->key,
                  class_name == NULL ? "no class" : class_name, words);
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
    bool is_gone = unit->phase == UNIT_GONE;
    mutex_unlock(&unit->lock);
    if (is_gone)
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

static const struct task_listener listener = {.on_state = on_state, .on_topic = on_topic};

/* Stepping ------------------------------------------------------------------------------------------------------------ */

static struct step_result step(void *argument)
{
    struct task_unit *unit = argument;
    struct step_result result = {.verdict = STEP_AGAIN};
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
    return result;
}

static void on_end(void *argument)
{
    struct task_unit *unit = argument;
    give_back(unit);
    tell_last(unit, unit->end == TASK_FAILED ? TASK_FAILED : TASK_STOPPED,
              unit->end == TASK_FAILED ? (unit->end_trace != NULL ? unit->end_trace : "no memory for the trace")
                                       : NULL);
    task_unit_drop(unit);
}

/* The pool holds a reference of the unit, and is a user of the task. */
static bool step_from_now(struct task_unit *unit, struct task *task, char *why, size_t why_size)
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

/* Building ------------------------------------------------------------------------------------------------------------ */

static struct task *build(struct task_unit *unit, int64_t deadline_ms, struct mr_error **error)
{
    const struct executor_setup *setup = &unit->executor->setup;
    const char *version = NULL;
    struct task_common_setup common = {
        .connector = unit->connector,
        .number = unit->number,
        .lease = setup->lease,
        .clock = setup->clock,
        .listener = &listener,
        .listener_argument = unit,
        .wake = unit_wake,
        .wake_take = unit_wake_take,
        .wake_drop = unit_wake_drop,
        .wake_argument = unit,
        .offset_flush_interval_ms = setup->worker->offset_flush_interval_ms,
        .offset_flush_timeout_ms = setup->worker->offset_flush_timeout_ms,
        .buffer_bytes_max = setup->worker->task_buffer_bytes,
        .topics_epoch = setup->topics_epoch,
    };
    struct task_plan plan = {.executor = unit->executor,
                             .connector = unit->connector,
                             .number = unit->number,
                             .connector_config = unit->connector_config,
                             .task_config = unit->task_config,
                             .common = &common,
                             .deadline_ms = deadline_ms - BUILD_MARGIN_MS};
    struct task *task = task_build(&plan, &version, error);
    mutex_lock(&unit->lock);
    unit->version = version;
    mutex_unlock(&unit->lock);
    return task;
}

/* From building to stepping, unless it is wanted no more. */
static bool begin(struct task_unit *unit, struct task *task)
{
    mutex_lock(&unit->lock);
    bool is_wanted = unit->phase == UNIT_BUILDING && !unit->stop_asked;
    if (is_wanted) {
        unit->phase = UNIT_STEPPING;
        unit->task = task;
        unit->users = 2; /* the pool, and whoever begins it */
        if (unit->paused)
            task_request_pause(task);
    }
    mutex_unlock(&unit->lock);
    if (is_wanted)
        task_request_start(task);
    return is_wanted;
}

static void build_failed(struct task_unit *unit, const struct mr_error *error)
{
    size_t length = mr_error_trace(error, NULL, 0);
    char *trace = mem_alloc(length + 1), line[ERROR_LINE_MAX];
    if (trace != NULL)
        mr_error_trace(error, trace, length + 1);
    tell_failed(unit, trace != NULL ? trace : mr_error_message(error), error_line(error, line, sizeof(line)));
    mem_free(trace);
}

static bool is_stop_asked(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    bool is_asked = unit->stop_asked;
    mutex_unlock(&unit->lock);
    return is_asked;
}

static void post_stop(struct task_unit *unit);

static void run_built(struct task_unit *unit, struct task *task)
{
    char why[256] = "";
    if (!begin(unit, task)) {
        task_destroy(task);
        tell_last(unit, TASK_STOPPED, NULL);
        return;
    }
    bool is_stepped = step_from_now(unit, task, why, sizeof(why));
    if (!is_stepped)
        give_back(unit); /* in the pool's place */
    give_back(unit);
    if (is_stepped)
        post_stop(unit); /* one that came while it began */
    else
        tell_failed(unit, why, why);
}

/* true: the unit must not be started, and was told FAILED. */
static bool is_held(struct task_unit *unit)
{
    char *reason = quarantine_reason(unit->executor->setup.quarantine, unit->connector, unit->number,
                                     unit->connector_config);
    if (reason == NULL)
        return false;
    log_error(LOG_NAME, "task %s is not started: %s", unit->key, reason);
    tell_last(unit, TASK_FAILED, reason);
    mem_free(reason);
    return true;
}

static void build_run(void *argument)
{
    struct task_unit *unit = argument;
    struct log_context context;
    struct mr_error *error = NULL;
    if (is_stop_asked(unit)) {
        tell_last(unit, TASK_STOPPED, NULL);
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
        tell_last(unit, TASK_STOPPED, NULL);
    else if (is_building)
        tell_failed(unit, late, late);
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

/* Pausing and stopping -------------------------------------------------------------------------------------------------- */

void task_unit_set_paused(struct task_unit *unit, bool paused)
{
    mutex_lock(&unit->lock);
    unit->paused = paused;
    if (unit->task != NULL)
        (paused ? task_request_pause : task_request_resume)(unit->task);
    mutex_unlock(&unit->lock);
}

/* A task that uses all of its time (an outage: nothing is acknowledged) is to have ended by itself before it would be given
 * up. */
static int64_t before_abandoning_ms(int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_monotonic_ms(NULL);

    return left_ms <= 0 ? deadline_ms : deadline_ms - (left_ms / 5 < STOP_MARGIN_MS ? left_ms / 5 : STOP_MARGIN_MS);
}

/* The plugin's request_stop may hang: jobs, with deadlines. One whose time was over before it was run comes again. */
static bool post(struct task_unit *unit, job_run_fn *run, job_outcome_fn *on_outcome, job_run_fn *on_late)
{
    struct job job = {.run = run,
                      .on_outcome = on_outcome,
                      .on_late = on_late,
                      .argument = task_unit_take(unit),
                      .deadline_ms = clock_monotonic_ms(NULL) + STOP_CALL_TIMEOUT_MS};
    if (job_post(unit->executor->setup.jobs, &job))
        return true;
    task_unit_drop(unit);
    return false;
}

static void stop_run(void *argument)
{
    struct task_unit *unit = argument;
    mutex_lock(&unit->lock);
    enum task_departure departure = unit->departure;
    int64_t deadline_ms = unit->stop_deadline_ms;
    unit->stop_begun = true;
    mutex_unlock(&unit->lock);
    struct task *task = borrow(unit);
    if (task == NULL)
        return;
    task_request_stop(task, departure, before_abandoning_ms(deadline_ms));
    give_back(unit);
}

static void stop_outcome(void *argument, enum job_outcome outcome)
{
    if (outcome == JOB_DONE)
        task_unit_drop(argument);
}

static void stop_late(void *argument)
{
    struct task_unit *unit = argument;
    mutex_lock(&unit->lock);
    unit->stop_given = unit->stop_begun;
    mutex_unlock(&unit->lock);
    task_unit_drop(unit);
}

/* Gives a stop on to the task when there is one to give; the watch tries again. */
static void post_stop(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    bool is_due = unit->stop_asked && !unit->stop_given && unit->task != NULL && unit->phase == UNIT_STEPPING;
    unit->stop_given = unit->stop_given || is_due;
    mutex_unlock(&unit->lock);
    if (!is_due || post(unit, stop_run, stop_outcome, stop_late))
        return;
    mutex_lock(&unit->lock);
    unit->stop_given = false;
    mutex_unlock(&unit->lock);
}

void task_unit_stop(struct task_unit *unit, enum task_departure departure, int64_t deadline_ms)
{
    mutex_lock(&unit->lock);
    if (!unit->stop_asked || deadline_ms < unit->stop_deadline_ms)
        unit->stop_deadline_ms = deadline_ms;
    unit->stop_asked = true;
    unit->departure = departure;
    mutex_unlock(&unit->lock);
    post_stop(unit);
}

/* Giving up ------------------------------------------------------------------------------------------------------------- */

static void abandon_run(void *argument)
{
    struct task_unit *unit = argument;
    mutex_lock(&unit->lock);
    unit->abandon_begun = true;
    mutex_unlock(&unit->lock);
    struct task *task = borrow(unit);
    if (task == NULL)
        return;
    log_error(LOG_NAME,
              "task %s did not stop in time%s%s; it is abandoned: it can do nothing outside any more, and what it had "
              "not committed "
              "comes again",
              unit->key, task_inside(task)[0] == '\0' ? "" : ": it is inside ", task_inside(task));
    task_abandon(task);
    give_back(unit);
}

/* Told when what the task may do is revoked, whether or not its clients could be closed in time. */
static void abandon_outcome(void *argument, enum job_outcome outcome)
{
    struct task_unit *unit = argument;
    mutex_lock(&unit->lock);
    bool has_begun = unit->abandon_begun;
    unit->is_abandoning = has_begun;
    mutex_unlock(&unit->lock);
    if (has_begun)
        tell_last(unit, TASK_STOPPED, NULL);
    if (outcome == JOB_DONE)
        task_unit_drop(unit);
}

static void abandon_late(void *argument)
{
    task_unit_drop(argument);
}

static bool is_overdue(struct task_unit *unit, int64_t now_ms, int64_t *wake_at_ms)
{
    mutex_lock(&unit->lock);
    bool is_waiting = unit->stop_asked && unit->phase != UNIT_GONE && !unit->is_abandoning;
    bool is_overdue = is_waiting && now_ms >= unit->stop_deadline_ms;
    if (is_waiting && !is_overdue && unit->stop_deadline_ms < *wake_at_ms)
        *wake_at_ms = unit->stop_deadline_ms;
    unit->is_abandoning = unit->is_abandoning || is_overdue;
    mutex_unlock(&unit->lock);
    return is_overdue;
}

void task_unit_look(struct task_unit *unit, int64_t now_ms, int64_t *wake_at_ms)
{
    if (is_overdue(unit, now_ms, wake_at_ms) && !post(unit, abandon_run, abandon_outcome, abandon_late)) {
        mutex_lock(&unit->lock);
        unit->is_abandoning = false; /* at the next look */
        mutex_unlock(&unit->lock);
        return;
    }
    post_stop(unit);
    struct task *task = borrow(unit);
    if (task == NULL)
        return;
    task_tick(task);
    give_back(unit);
}
