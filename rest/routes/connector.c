/* GET and DELETE /connectors/{n}. */
#include "json/connector_entity.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

void connector_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct config_snapshot *snapshot = rest_snapshot_with_connector(context, exchange);
    if (snapshot == NULL)
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    connector_entity_write(&out, herder_loader(context->herder), snapshot, rest_name(exchange), true,
                           rest_hides_secrets(context, exchange, snapshot, rest_name(exchange)));
    config_snapshot_drop(snapshot);
    http_exchange_answer(exchange, &response);
}

void connector_delete(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_delete_connector(context->herder, rest_name(exchange), rest_guard(context, exchange), rest_reply_without_body, pending);
}
