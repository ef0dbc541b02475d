/*
 * POST /connectors/{n}/restart and /tasks/{t}/restart.
 *
 * Without flags only the connector restarts, and the answer waits for its start. With flags the wish goes through the config
 * topic and is carried out when it was read back (restart_plan_came); the answer says what will restart. A restart does not
 * change the target state.
 */
#include <millrace/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "herder/restart_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define UNKNOWN_CONNECTOR "Unknown connector: "

static bool connector_exists(const struct herder *herder, const char *name)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool exists = config_snapshot_has(snapshot, name);

    config_snapshot_drop(snapshot);
    return exists;
}

/* --- the connector alone ------------------------------------------------------------------------------------------ */

/* What was taken from this worker meanwhile restarts where it is now. false: answered. */
static bool is_here_still(struct herder *herder, struct herder_request *request, int32_t task)
{
    return duty_has(herder, request->name, task) || request_may_go_on(herder, request);
}

static void look_at_connector(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = request->connector;

    if (!connector_exists(herder, request->name))
        request_answer(herder, request, 404, UNKNOWN_CONNECTOR "%s", request->name);
    else if (!is_here_still(herder, request, UNIT_IS_CONNECTOR) || connector->restart)
        return;
    else if (connector->phase == CONNECTOR_UP)
        request_answer(herder, request, 204, NULL);
    else if (connector->phase == CONNECTOR_BROKEN)
        request_answer(herder, request, 500, "Failed to start connector: %s", request->name);
}

static void begin_connector(struct herder *herder, struct herder_request *request)
{
    request->doing = "restarting the connector";
    request->connector->restart = true;
    crash_notes_forgive(herder, request->name, -1, false);
    units_mark(herder, request->connector);
}

static const struct request_kind connector_kind = {
    .route = ROUTE_CONNECTOR,
    .doing = "restarting the connector",
    .unknown_before = UNKNOWN_CONNECTOR,
    .unknown_after = "",
    .begin = begin_connector,
    .look = look_at_connector,
};

/* --- a plan ------------------------------------------------------------------------------------------------------- */

static bool plan_has_connector(const struct herder_connector *connector, bool only_failed)
{
    return !only_failed || connector->phase == CONNECTOR_BROKEN || connector->has_too_many;
}

static bool plan_has_task(const struct herder_task *task, bool include_tasks, bool only_failed)
{
    if (!include_tasks || task->phase == TASK_PHASE_GONE)
        return false;
    return !only_failed || task->phase == TASK_PHASE_BROKEN;
}

static void plan_carry_out(struct herder *herder, const char *name, bool include_tasks, bool only_failed)
{
    struct herder_connector *connector = units_find(herder, name);

    if (connector == NULL || !herder_may_run(herder))
        return;
    log_info(HERDER_LOG, "restarting connector %s%s%s", name, include_tasks ? " with its tasks" : "",
             only_failed ? ", what has failed" : "");
    if (plan_has_connector(connector, only_failed))
        connector->restart = connector->announce = true;
    for (uint32_t i = 0; i < connector->task_count; i++)
        if (plan_has_task(&connector->tasks[i], include_tasks, only_failed))
            connector->tasks[i].restart = connector->tasks[i].announce = true;
    crash_notes_forgive(herder, name, -1, include_tasks);
    units_mark(herder, connector);
}

static void plan_answered(struct herder *herder, struct herder_request *request)
{
    if (request->has_come_back)
        plan_carry_out(herder, request->name, request->include_tasks, request->only_failed);
}

/* This worker's own request whose write is under way; NULL: the restart is somebody else's, or nobody waits any more. */
static struct herder_request *plan_request_of(const struct herder *herder, const char *name, bool include_tasks,
                                              bool only_failed)
{
    const struct herder_connector *connector = pointer_map_get(herder->connectors, name);
    struct herder_request *request = connector != NULL ? connector->first_request : NULL;
    bool is_own = request != NULL && request->kind->answered == plan_answered && request->has_job &&
                  !request->is_answered && request->include_tasks == include_tasks &&
                  request->only_failed == only_failed;

    return is_own ? request : NULL;
}

/* What is read back is here before the write is confirmed, and the answer shows what failed with its trace, which the restart
 * takes away. So whoever asked is answered first. */
void restart_plan_came(struct herder *herder, const char *name, bool include_tasks, bool only_failed)
{
    struct herder_request *request = plan_request_of(herder, name, include_tasks, only_failed);

    if (request != NULL)
        request->has_come_back = true;
    else
        plan_carry_out(herder, name, include_tasks, only_failed);
}

static void plan_run(struct herder_job *job)
{
    const struct herder_request *request = job->request;

    config_store_put_restart(job->herder->setup.configs, request->name, request->include_tasks, request->only_failed,
                             job_write_deadline_ms(job), &job->error);
}

/* Of a unit that runs on another worker its status tells. */
static bool status_is_in_plan(const struct unit_status *status, bool only_failed)
{
    if (status == NULL || status->state == UNIT_DESTROYED)
        return false;
    return !only_failed || status->state == UNIT_FAILED;
}

static bool is_in_plan(const struct herder *herder, const struct herder_request *request, const struct status_view *view,
                       uint32_t task)
{
    const struct herder_connector *connector = request->connector;

    if (duty_has(herder, request->name, (int32_t)task))
        return task < connector->task_count &&
               plan_has_task(&connector->tasks[task], request->include_tasks, request->only_failed);
    return request->include_tasks && status_is_in_plan(status_view_task(view, task), request->only_failed);
}

static void plan_fill(const struct herder *herder, struct herder_request *request, const struct status_view *view,
                      uint32_t task_count)
{
    if (duty_has(herder, request->name, UNIT_IS_CONNECTOR))
        request->plan.connector = plan_has_connector(request->connector, request->only_failed);
    else
        request->plan.connector = status_is_in_plan(view->connector, request->only_failed);
    request->plan.tasks = request->plan_tasks;
    for (uint32_t i = 0; i < task_count; i++)
        if (is_in_plan(herder, request, view, i))
            request->plan_tasks[request->plan.task_count++] = i;
}

/* Before the write: what comes back from the topic may be carried out before the write is over. */
static bool plan_make(const struct herder *herder, struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    struct status_view *view = status_store_view(herder->setup.statuses, request->name);
    uint32_t task_count = config_snapshot_task_count(snapshot, request->name);
    bool is_made;

    if (task_count < request->connector->task_count)
        task_count = request->connector->task_count;
    request->plan_tasks = mem_calloc(task_count + 1, sizeof(*request->plan_tasks));
    is_made = view != NULL && request->plan_tasks != NULL;
    if (is_made)
        plan_fill(herder, request, view, task_count);
    request->plan.statuses = request->plan_statuses = view;
    config_snapshot_drop(snapshot);
    return is_made;
}

static void plan_done(struct herder *herder, struct herder_job *job)
{
    struct herder_request *request = job->request;
    struct config_snapshot *snapshot;

    if (job->error != NULL) {
        request_answer_error(herder, request, job->error);
        return;
    }
    snapshot = config_store_snapshot(herder->setup.configs);
    request_answer_reply(
        herder, request,
        &(struct herder_reply){.status = 202, .snapshot = snapshot, .restart = &request->plan});
    config_snapshot_drop(snapshot);
}

static void begin_plan(struct herder *herder, struct herder_request *request)
{
    if (!plan_make(herder, request))
        request_answer(herder, request, 503, "The worker has no memory left for this request");
    else
        request_post_write(herder, request, plan_run, plan_done);
}

static const struct request_kind plan_kind = {
    .doing = "restarting the connector",
    .unknown_before = UNKNOWN_CONNECTOR,
    .unknown_after = "",
    .begin = begin_plan,
    .answered = plan_answered,
};

void herder_restart_connector(struct herder *herder, const char *name, bool include_tasks, bool only_failed,
                              herder_reply_fn *reply, void *argument)
{
    struct herder_request *request =
        request_create(include_tasks || only_failed ? &plan_kind : &connector_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->include_tasks = include_tasks;
    request->only_failed = only_failed;
    request_post(herder, request);
}

/* --- one task ----------------------------------------------------------------------------------------------------- */

static bool task_exists(const struct herder *herder, const struct herder_request *request)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool exists = config_snapshot_target(snapshot, request->name) != TARGET_STOPPED &&
                  request->task < config_snapshot_task_count(snapshot, request->name);

    config_snapshot_drop(snapshot);
    return exists;
}

/* Answered once the new instance was handed to the executor; how it fares, its status tells. */
static void look_at_task(struct herder *herder, struct herder_request *request)
{
    const struct herder_connector *connector = request->connector;

    if (request->task >= connector->task_count || !task_exists(herder, request))
        request_answer(herder, request, 404, "Unknown task: %s-%u", request->name, request->task);
    else if (!is_here_still(herder, request, (int32_t)request->task))
        return;
    else if (!connector->tasks[request->task].restart && connector->tasks[request->task].phase == TASK_PHASE_UP)
        request_answer(herder, request, 204, NULL);
}

static void begin_task(struct herder *herder, struct herder_request *request)
{
    struct herder_connector *connector = request->connector;

    if (!task_exists(herder, request)) {
        request_answer(herder, request, 404, "Unknown task: %s-%u", request->name, request->task);
        return;
    }
    if (!units_have_tasks(connector, request->task + 1)) {
        request_answer(herder, request, 503, "The worker has no memory left for this request");
        return;
    }
    connector->tasks[request->task].restart = true;
    connector->tasks[request->task].not_before_ms = 0;
    crash_notes_forgive(herder, request->name, request->task, false);
    units_mark(herder, connector);
}

static const struct request_kind task_kind = {
    .route = ROUTE_TASK,
    .doing = "restarting the task",
    .unknown_before = UNKNOWN_CONNECTOR,
    .unknown_after = "",
    .begin = begin_task,
    .look = look_at_task,
};

void herder_restart_task(struct herder *herder, const char *name, uint32_t task, herder_reply_fn *reply,
                         void *argument)
{
    struct herder_request *request = request_create(&task_kind, name, reply, argument);

    if (request == NULL)
        return;
    request->task = task;
    request_post(herder, request);
}
