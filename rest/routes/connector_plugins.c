/* GET /connector-plugins. */
#include <strings.h>

#include "json/plugin_entity.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

/* Absent, empty and "true" mean true, everything else false. */
static bool connectors_only(const struct http_exchange *exchange)
{
    const char *value = http_request_query(http_exchange_request(exchange), "connectorsOnly");
    return value == NULL || *value == '\0' || strcasecmp(value, "true") == 0;
}

void connector_plugins_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    plugin_list_write(&out, herder_loader(context->herder), connectors_only(exchange));
    http_exchange_answer(exchange, &response);
}
