#include "json/status_entity.h"

#include <stdbool.h>
#include <string.h>

#include "herder/herder.h"
#include "json/json_out.h"
#include "store/status_store.h"

#include "base/bans.h"

static bool is_said_to_live(const struct unit_status *status)
{
    return status->state == UNIT_RUNNING || status->state == UNIT_PAUSED || status->state == UNIT_RESTARTING;
}

enum unit_state status_state_shown(const struct unit_status *status, bool restarts, const char *idle_worker_id)
{
    if (restarts)
        return UNIT_RESTARTING;
    if (idle_worker_id != NULL && is_said_to_live(status) && strcmp(status->worker_id, idle_worker_id) == 0)
        return UNIT_UNASSIGNED;
    return status->state;
}

/* The members that a connector and a task have in common. A trace stays with what has failed and is about to restart. */
static void write_unit(struct json_out *out, const struct unit_status *status, bool restarts,
                       const char *idle_worker_id)
{
    json_out_pair(out, "state", unit_state_name(status_state_shown(status, restarts, idle_worker_id)));
    json_out_pair(out, "worker_id", status->worker_id);
    json_out_pair(out, "version", status->version);
    if (status->trace != NULL)
        json_out_pair(out, "trace", status->trace);
}

static bool plan_has_task(const struct herder_restart_plan *plan, uint32_t task)
{
    for (size_t i = 0; plan != NULL && i < plan->task_count; i++)
        if (plan->tasks[i] == task)
            return true;
    return false;
}

void task_status_write(struct json_out *out, const char *connector, const struct task_status *task,
                       const struct status_beyond *beyond)
{
    json_out_open(out, '{');
    json_out_name(out, "id");
    json_out_int(out, task->task);
    write_unit(out, &task->status, plan_has_task(beyond->plan, task->task), beyond->idle_worker_id);
    if (beyond->more != NULL)
        beyond->more(beyond->more_argument, out, connector, task->task);
    json_out_close(out, '}');
}

void status_entity_write(struct json_out *out, const char *name, const char *type, const struct status_view *view,
                         const struct status_beyond *beyond)
{
    json_out_open(out, '{');
    json_out_pair(out, "name", name);
    json_out_name(out, "connector");
    json_out_open(out, '{');
    write_unit(out, view->connector, beyond->plan != NULL && beyond->plan->connector, beyond->idle_worker_id);
    json_out_close(out, '}');
    json_out_name(out, "tasks");
    json_out_open(out, '[');
    for (size_t i = 0; i < view->task_count; i++)
        task_status_write(out, name, &view->tasks[i], beyond);
    json_out_close(out, ']');
    json_out_pair(out, "type", type);
    json_out_close(out, '}');
}
