/* GET and POST /connectors. */
#include "json/connector_body.h"
#include "json/connector_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

static void write_names(struct json_out *out, const struct config_snapshot *snapshot, const struct route_asker *asker)
{
    json_out_open(out, '[');
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        if (route_may_see(asker, config_snapshot_connector_at(snapshot, i)))
            json_out_text(out, config_snapshot_connector_at(snapshot, i));
    json_out_close(out, ']');
}

/* One entry with the parts asked for; false, and nothing written: a part is not known here yet. */
static bool write_expanded(struct rest_context *context, struct json_out *out, const struct config_snapshot *snapshot,
                           const char *name, const struct http_request *request, const struct route_asker *asker)
{
    struct json_out before = *out;
    size_t length = out->text->length;
    bool known = true;
    json_out_name(out, name);
    json_out_open(out, '{');
    if (http_request_query_has(request, "expand", "status")) {
        json_out_name(out, "status");
        known = connector_status_write(context, out, snapshot, name, NULL);
    }
    if (known && http_request_query_has(request, "expand", "info")) {
        json_out_name(out, "info");
        connector_entity_write(out, herder_loader(context->herder), snapshot, name, true,
                               !route_sees_secrets(asker, context, name, config_snapshot_config(snapshot, name)));
    }
    json_out_close(out, '}');
    if (!known && !str_buffer_failed(out->text)) {
        str_buffer_truncate(out->text, length);
        *out = before;
    }
    return known;
}

static void write_all_expanded(struct rest_context *context, struct json_out *out, const struct config_snapshot *snapshot,
                               const struct http_request *request, const struct route_asker *asker)
{
    json_out_open(out, '{');
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        if (route_may_see(asker, config_snapshot_connector_at(snapshot, i)))
            write_expanded(context, out, snapshot, config_snapshot_connector_at(snapshot, i), request, asker);
    json_out_close(out, '}');
}

void connectors_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    struct route_asker asker;
    route_asker_init(&asker, context, exchange);
    if (http_request_query_count(request, "expand") == 0)
        write_names(&out, snapshot, &asker);
    else
        write_all_expanded(context, &out, snapshot, request, &asker);
    route_asker_release(&asker);
    config_snapshot_drop(snapshot);
    http_exchange_answer(exchange, &response);
}

void connectors_post(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct connector_body body;
    struct body_problem problem;
    if (!connector_body_read(&body, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    struct rest_pending *pending = rest_pending_create_for(context, exchange, body.name, body.config);
    if (pending != NULL)
        herder_put_connector(
            context->herder,
            &(struct herder_put_connector){
                .name = body.name, .config = body.config, .initial_state = body.initial_state, .must_be_new = true,
                .guard = rest_guard(context, exchange)},
            rest_reply_connector, pending);
    connector_body_release(&body);
}
