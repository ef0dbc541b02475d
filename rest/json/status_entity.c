#include "json/status_entity.h"

#include "herder/herder.h"
#include "json/json_out.h"
#include "store/status_store.h"

#include "base/bans.h"

/* The members that a connector and a task have in common. A trace stays with what has failed and is about to restart. */
static void write_unit(struct json_out *out, const struct unit_status *status, bool restarts)
{
    json_out_pair(out, "state", unit_state_name(restarts ? UNIT_RESTARTING : status->state));
    json_out_pair(out, "worker_id", status->worker_id);
    json_out_pair(out, "version", status->version);
    if (status->trace != NULL)
        json_out_pair(out, "trace", status->trace);
}

static void write_task(struct json_out *out, const struct task_status *task, bool restarts)
{
    json_out_open(out, '{');
    json_out_name(out, "id");
    json_out_int(out, task->task);
    write_unit(out, &task->status, restarts);
    json_out_close(out, '}');
}

void task_status_write(struct json_out *out, const struct task_status *task)
{
    write_task(out, task, false);
}

static bool plan_has_task(const struct herder_restart_plan *plan, uint32_t task)
{
    for (size_t i = 0; plan != NULL && i < plan->task_count; i++)
        if (plan->tasks[i] == task)
            return true;
    return false;
}

void status_entity_write(struct json_out *out, const char *name, const char *type, const struct status_view *view,
                         const struct herder_restart_plan *plan)
{
    json_out_open(out, '{');
    json_out_pair(out, "name", name);
    json_out_name(out, "connector");
    json_out_open(out, '{');
    write_unit(out, view->connector, plan != NULL && plan->connector);
    json_out_close(out, '}');
    json_out_name(out, "tasks");
    json_out_open(out, '[');
    for (size_t i = 0; i < view->task_count; i++)
        write_task(out, &view->tasks[i], plan_has_task(plan, view->tasks[i].task));
    json_out_close(out, ']');
    json_out_pair(out, "type", type);
    json_out_close(out, '}');
}
