/* GET, PUT and PATCH /connectors/{n}/config. */
#include "base/string_map.h"
#include "json/connector_body.h"
#include "json/connector_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

void connector_config_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    const struct string_map *config = config_snapshot_config(snapshot, rest_name(exchange));
    connector_config_write(&out, herder_loader(context->herder), config, config,
                           rest_hides_secrets(context, exchange, snapshot, rest_name(exchange)));
    config_snapshot_drop(snapshot);
    http_exchange_answer(exchange, &response);
}

void connector_config_put(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    const char *name = rest_name(exchange);
    struct body_problem problem;
    struct string_map *config = config_body_read(name, request->body, request->body_length, &problem);
    if (config == NULL) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    struct rest_pending *pending = rest_pending_create_for(context, exchange, name, config);
    if (pending != NULL)
        herder_put_connector(context->herder, &(struct herder_put_connector){.name = name, .config = config, .guard = rest_guard(context, exchange)},
                             rest_reply_connector, pending);
    string_map_destroy(config);
}

void connector_config_patch(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const struct http_request *request = http_exchange_request(exchange);
    struct body_problem problem;
    struct string_map *changes = options_body_read(request->body, request->body_length, &problem);
    if (changes == NULL) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    struct rest_pending *pending = rest_pending_create_for(context, exchange, rest_name(exchange), changes);
    if (pending != NULL)
        herder_patch_connector(context->herder, rest_name(exchange), changes, rest_guard(context, exchange), rest_reply_connector, pending);
    string_map_destroy(changes);
}
