/* What both kinds of task do with their plugin, and how they end. */
#include <assert.h>
#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "base/thread.h"
#include "errors/error_line.h"
#include "task/task_internal.h"
#include "task/task_listener.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task"

/* --- calls ------------------------------------------------------------------------------------------------------- */

void task_call_begin(struct task *task, const char *call)
{
    watch_since(&task->watched.inside_ms, clock_monotonic_ms(task->setup.clock));
    atomic_store_explicit(&task->inside, call, memory_order_release);
    task->before = plugin_call_enter(task->plugin.name, call);
    if (task->ops->lend != NULL)
        task->ops->lend(task);
}

void task_call_end(struct task *task)
{
    if (task->ops->take_back != NULL)
        task->ops->take_back(task);
    plugin_call_leave(task->before);
    atomic_store_explicit(&task->inside, "", memory_order_release);
    watch_since(&task->watched.inside_ms, 0);
}

void task_pipeline_begin(struct task *task)
{
    atomic_store_explicit(&task->is_in_pipeline, true, memory_order_relaxed);
    atomic_store_explicit(&task->inside, "converters and transforms", memory_order_release);
    watch_since(&task->watched.inside_ms, clock_monotonic_ms(task->setup.clock));
}

void task_pipeline_end(struct task *task)
{
    atomic_store_explicit(&task->inside, "", memory_order_release);
    watch_since(&task->watched.inside_ms, 0);
    atomic_store_explicit(&task->is_in_pipeline, false, memory_order_relaxed);
}

int task_call_result(struct task *task, int status, const char *call, struct mr_error *why, struct mr_error **error)
{
    task_call_end(task);
    if (status == 0) {
        mr_error_drop(why);
        return 0;
    }
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "the plugin's %s failed without a reason", call);
    *error = why;
    task->is_plugins_fault = true;
    return -1;
}

/* --- from nothing to started --------------------------------------------------------------------------------------- */

static int create(struct task *task, struct mr_error **error)
{
    struct mr_error *why = NULL;
    void *self;

    task_call_begin(task, "create");
    self = task->ops->create(task, &why);
    if (task_call_result(task, self == NULL ? -1 : 0, "create", why, error) != 0)
        return -1;
    mutex_lock(&task->plugin_lock);
    task->self = self;
    mutex_unlock(&task->plugin_lock);
    return 0;
}

int task_plugin_prepare(struct task *task, struct mr_error **error)
{
    struct mr_error *why = NULL;
    int status;

    if (create(task, error) != 0)
        return -1;
    if (task->plugin.prepare != NULL && !task_is_stopping(task)) {
        task_call_begin(task, "prepare");
        status = task->plugin.prepare(task->self, task->plugin.config, &why);
        if (task_call_result(task, status, "prepare", why, error) != 0)
            return -1;
    }
    task_move(task, TASK_PREPARED, NULL);
    return 0;
}

int task_plugin_start(struct task *task, struct mr_error **error)
{
    struct mr_error *why = NULL;
    int status;

    task_call_begin(task, "start");
    status = task->plugin.start(task->self, task->plugin.config, &why);
    if (task_call_result(task, status, "start", why, error) != 0)
        return -1;
    task->started = true;
    return 0;
}

/* --- the end --------------------------------------------------------------------------------------------------------- */

void task_plugin_interrupt(struct task *task)
{
    const struct plugin_call before = plugin_call_enter(task->plugin.name, "request_stop");

    mutex_lock(&task->plugin_lock);
    if (task->self != NULL && task->plugin.request_stop != NULL)
        task->plugin.request_stop(task->self);
    plugin_call_leave(before);
    mutex_unlock(&task->plugin_lock);
}

void task_plugin_stop(struct task *task)
{
    void *self;

    mutex_lock(&task->plugin_lock); /* from here on no request_stop comes */
    self = task->self;
    task->self = NULL;
    mutex_unlock(&task->plugin_lock);
    if (self == NULL)
        return;
    task_call_begin(task, "stop");
    task->plugin.stop(self);
    task_call_end(task);
    task_call_begin(task, "destroy");
    task->plugin.destroy(self);
    task_call_end(task);
}

void task_fail(struct task *task, struct mr_error *error)
{
    char line[ERROR_LINE_MAX];

    assert(error != NULL && task->failure == NULL);
    log_error(LOG_NAME, "task " TASK_FORMAT " (%s) failed: %s", TASK_ARGS(task),
              task->plugin.name == NULL ? "" : task->plugin.name->class_name,
              error_line(error, line, sizeof(line)));
    task->failure = error;
    task_failure_judge(task, error);
}

enum task_step task_finish(struct task *task)
{
    char *trace;

    if (task->failure == NULL || task_is_abandoned(task)) {
        task_move(task, TASK_STOPPED, NULL);
        return TASK_STEP_ENDED;
    }
    trace = task_trace(task->failure);
    task->failed.has_progressed = task_has_progressed(task);
    if (task->setup.listener->on_failure != NULL)
        task->setup.listener->on_failure(task->setup.listener_argument, &task->failed);
    task_move(task, TASK_FAILED, trace == NULL ? mr_error_message(task->failure) : trace);
    mem_free(trace);
    return TASK_STEP_ENDED;
}

char *task_trace(const struct mr_error *error)
{
    size_t length = mr_error_trace(error, NULL, 0);
    char *trace = mem_alloc(length + 1);

    if (trace != NULL)
        mr_error_trace(error, trace, length + 1);
    secrets_hide_text(trace);
    return trace;
}
