/* A task unit that is paused, stopped or given up. */
#include "executor/task_unit_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "metrics/task_metrics.h"
#include "metrics/unit_metrics.h"

#include "base/bans.h"

#define STOP_CALL_TIMEOUT_MS 10000 /* a plugin's request_stop, closing a consumer */
#define STALL_INTERVALS 3 /* of offset.flush.interval.ms without a commit, at least */
#define STOP_MARGIN_MS 1000        /* between a task's own deadline and its being abandoned */

/* Pausing and stopping -------------------------------------------------------------------------------------------------- */

void task_unit_set_paused(struct task_unit *unit, bool paused)
{
    mutex_lock(&unit->lock);
    unit->paused = paused;
    if (unit->task != NULL)
        (paused ? task_request_pause : task_request_resume)(unit->task);
    mutex_unlock(&unit->lock);
}

void task_unit_oust(struct task_unit *unit)
{
    mutex_lock(&unit->lock);
    unit->is_ousted = true;
    if (unit->task != NULL)
        task_oust(unit->task);
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
    struct task *task = task_unit_borrow(unit);
    if (task == NULL)
        return;
    task_request_stop(task, departure, before_abandoning_ms(deadline_ms));
    task_unit_give_back(unit);
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

void task_unit_post_stop(struct task_unit *unit)
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
    task_unit_post_stop(unit);
}

/* Giving up ------------------------------------------------------------------------------------------------------------- */

static void abandon_run(void *argument)
{
    struct task_unit *unit = argument;
    mutex_lock(&unit->lock);
    unit->abandon_begun = true;
    mutex_unlock(&unit->lock);
    struct task *task = task_unit_borrow(unit);
    if (task == NULL)
        return;
    log_error(LOG_NAME,
              "task %s did not stop in time%s%s; it is abandoned: it can do nothing outside any more, and what it had "
              "not committed "
              "comes again",
              unit->key, task_inside(task)[0] == '\0' ? "" : ": it is inside ", task_inside(task));
    task_abandon(task);
    task_unit_give_back(unit);
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
        task_unit_tell_last(unit, TASK_STOPPED, "abandoned");
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

/* Does it what it should? Told when that changes, not of one that ends. */
static void look_for_stall(struct task_unit *unit, const struct task *task)
{
    const struct executor *executor = unit->executor;
    const struct worker_config *worker = executor->setup.worker;
    uint64_t intervals_ms = (uint64_t)STALL_INTERVALS * worker->offset_flush_interval_ms;
    struct task_limits limits = {.call_ms = worker->task_stall_ms, .commit_ms = worker->task_stall_ms};
    struct task_metrics *cells = unit_metrics_cells(unit->metrics);
    int64_t since_ms = 0;
    char words[160];
    if (worker->task_stall_ms == 0)
        return;
    if (intervals_ms > limits.commit_ms)
        limits.commit_ms = intervals_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)intervals_ms;
    enum task_stall stall = task_look(task, &limits, &since_ms);
    if (stall == unit->stall)
        return;
    unit->stall = stall;
    if (cells != NULL) {
        atomic_store_explicit(&cells->health.stalled_since_ms, since_ms, memory_order_relaxed);
        atomic_store_explicit(&cells->health.stall, (int32_t)stall, memory_order_relaxed);
        if (stall != TASK_STALL_NONE)
            atomic_fetch_add_explicit(&cells->health.stalls, 1, memory_order_relaxed);
    }
    mutex_lock(&unit->lock);
    bool is_told = unit->phase == UNIT_STEPPING && !unit->is_preparing && !unit->stop_asked;
    mutex_unlock(&unit->lock);
    if (is_told && listener_of(executor)->on_task_stall != NULL)
        listener_of(executor)->on_task_stall(executor->setup.listener_argument, unit->connector, unit->number, stall,
                                             task_stall_words(task, stall, since_ms, words, sizeof(words)),
                                             task_has_progressed(task));
}

void task_unit_look(struct task_unit *unit, int64_t now_ms, int64_t *wake_at_ms)
{
    if (is_overdue(unit, now_ms, wake_at_ms) && !post(unit, abandon_run, abandon_outcome, abandon_late)) {
        mutex_lock(&unit->lock);
        unit->is_abandoning = false; /* at the next look */
        mutex_unlock(&unit->lock);
        return;
    }
    task_unit_post_stop(unit);
    struct task *task = task_unit_borrow(unit);
    if (task == NULL)
        return;
    task_tick(task);
    look_for_stall(unit, task);
    task_unit_give_back_aside(unit);
}
