/* GET, PATCH and DELETE /connectors/{n}/offsets. */
#include <millrace/error.h>

#include "json/offsets_body.h"
#include "json/offsets_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

static void reply_offsets(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    struct mr_error *error = NULL;
    rest_response_init(&response, &out);
    if (offsets_entity_write(&out, reply->offsets, reply->offset_count, &error) != 0) {
        str_buffer_clear(&response.body);
        json_error_set(&response, 500, mr_error_message(error));
        mr_error_drop(error);
    }
    rest_pending_answer(pending, &response);
}

static void reply_changed(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    json_out_pair(&out, "message", reply->message);
    json_out_close(&out, '}');
    rest_pending_answer(pending, &response);
}

void connector_offsets_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return;
    config_snapshot_drop(snapshot);
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_read_offsets(context->herder, rest_name(exchange), reply_offsets, pending);
}

void connector_offsets_patch(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct offsets_body body;
    struct body_problem problem;
    if (!offsets_body_read(&body, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_alter_offsets(context->herder, rest_name(exchange), body.entries, body.count, rest_guard(context), reply_changed,
                             pending);
    offsets_body_release(&body);
}

void connector_offsets_delete(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_reset_offsets(context->herder, rest_name(exchange), rest_guard(context), reply_changed, pending);
}
