/* GET /connectors/{n}/status. */
#include "json/connector_entity.h"
#include "json/status_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"
#include "store/status_store.h"

#include "base/bans.h"

static bool write_status(struct rest_context *context, struct json_out *out, const struct config_snapshot *snapshot,
                         const char *name, const struct status_beyond *beyond)
{
    bool is_planned = beyond->plan != NULL && beyond->plan->statuses != NULL;
    struct status_view *read = is_planned ? NULL : status_store_view(herder_statuses(context->herder), name);
    const struct status_view *view = is_planned ? beyond->plan->statuses : read;
    bool known = view != NULL && view->connector != NULL;
    if (known)
        status_entity_write(out, name,
                            connector_type(herder_loader(context->herder), config_snapshot_config(snapshot, name)),
                            view, beyond);
    status_view_destroy(read);
    return known;
}

bool connector_status_write(struct rest_context *context, struct json_out *out, const struct config_snapshot *snapshot,
                            const char *name, const struct herder_restart_plan *plan)
{
    struct status_beyond beyond = {.plan = plan, .idle_worker_id = herder_idle_worker_id(context->herder)};
    return write_status(context, out, snapshot, name, &beyond);
}

void connector_status_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    struct status_beyond beyond = {.idle_worker_id = herder_idle_worker_id(context->herder),
                                   .more = task_health_is_asked(exchange) ? task_health_write : NULL,
                                   .more_argument = context};
    bool known = write_status(context, &out, snapshot, rest_name(exchange), &beyond);
    config_snapshot_drop(snapshot);
    if (known) {
        http_exchange_answer(exchange, &response);
        return;
    }
    http_response_release(&response);
    rest_answer_error(exchange, 404, "No status found for connector %s", rest_name(exchange));
}
