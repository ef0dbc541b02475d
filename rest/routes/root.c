/* GET /: what this worker is. */
#include "herder/leader_link.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

void root_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    const char *cluster_id = herder_cluster_id(context->herder);
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_open(&out, '{');
    json_out_pair(&out, "version", KAFKA_VERSION);
    json_out_pair(&out, "commit", KAFKA_COMMIT);
    json_out_pair(&out, "kafka_cluster_id", cluster_id == NULL || *cluster_id == '\0' ? NULL : cluster_id);
    json_out_close(&out, '}');
    if (herder_boot_id(context->herder) != NULL)
        http_response_add_header(&response, LEADER_LINK_BOOT_HEADER, herder_boot_id(context->herder));
    http_exchange_answer(exchange, &response);
}
