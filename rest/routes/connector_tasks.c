/* GET /connectors/{n}/tasks, /tasks/{t}/status; POST /tasks/{t}/restart. */
#include "json/connector_entity.h"
#include "json/status_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"
#include "store/status_store.h"

#include "base/bans.h"

static int32_t task_of(const struct http_exchange *exchange)
{
    return http_request_int_part(http_exchange_request(exchange), "task");
}

void connector_tasks_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    connector_tasks_write(&out, herder_loader(context->herder), snapshot, rest_name(exchange),
                          rest_hides_secrets(context, exchange, snapshot, rest_name(exchange)));
    config_snapshot_drop(snapshot);
    http_exchange_answer(exchange, &response);
}

static const struct task_status *find_task(const struct status_view *view, int32_t task)
{
    for (size_t i = 0; view != NULL && i < view->task_count; i++)
        if (task >= 0 && view->tasks[i].task == (uint32_t)task)
            return &view->tasks[i];
    return NULL;
}

void connector_task_status_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL)
        return;
    config_snapshot_drop(snapshot);
    struct status_view *view = status_store_view(herder_statuses(context->herder), rest_name(exchange));
    const struct task_status *task = find_task(view, task_of(exchange));
    if (task == NULL) {
        rest_answer_error(exchange, 404, "No status found for task %s-%d", rest_name(exchange), (int)task_of(exchange));
    } else {
        struct http_response response;
        struct json_out out;
        rest_response_init(&response, &out);
        task_status_write(&out, rest_name(exchange), task,
                          &(struct status_beyond){.idle_worker_id = herder_idle_worker_id(context->herder),
                                                  .more = task_health_is_asked(exchange) ? task_health_write : NULL,
                                                  .more_argument = context});
        http_exchange_answer(exchange, &response);
    }
    status_view_destroy(view);
}

/* No connector has a task below 0. */
static void refuse_negative(struct rest_context *context, struct http_exchange *exchange)
{
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL)
        return;
    if (config_snapshot_has(snapshot, rest_name(exchange)))
        rest_answer_error(exchange, 404, "Unknown task: %s-%d", rest_name(exchange), (int)task_of(exchange));
    else
        rest_answer_error(exchange, 404, "Unknown connector: %s", rest_name(exchange));
    config_snapshot_drop(snapshot);
}

void connector_task_restart(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    int32_t task = task_of(exchange);
    if (task < 0) {
        refuse_negative(context, exchange);
        return;
    }
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_restart_task(context->herder, rest_name(exchange), (uint32_t)task, rest_reply_without_body, pending);
}
