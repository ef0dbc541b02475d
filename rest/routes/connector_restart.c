/* POST /connectors/{n}/restart: 204, or with includeTasks or onlyFailed 202 and what is about to restart. */
#include "routes/routes_internal.h"

#include "base/bans.h"

static void reply_plan(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    response.status = reply->status;
    if (reply->snapshot == NULL ||
        !connector_status_write(pending->context, &out, reply->snapshot, pending->name, reply->restart)) {
        struct str_buffer message;
        str_buffer_init(&message, HTTP_BODY_MAX);
        str_buffer_printf(&message, "Status for connector %s not found", pending->name);
        json_error_set(&response, 404, str_buffer_text(&message));
        str_buffer_release(&message);
    }
    rest_pending_answer(pending, &response);
}

void connector_restart(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const char *name = rest_name(exchange);
    bool include_tasks = rest_query_is_true(exchange, "includeTasks");
    bool only_failed = rest_query_is_true(exchange, "onlyFailed");
    struct rest_pending *pending = rest_pending_create(context, exchange, name);
    if (pending != NULL)
        herder_restart_connector(context->herder, name, include_tasks, only_failed,
                                 include_tasks || only_failed ? reply_plan : rest_reply_without_body, pending);
}
