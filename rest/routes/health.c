/*
 * GET /health, as Kafka Connect's: goes through the herder's own loop, so that an answer shows that it turns. (Probes: probes.c.)
 */
#include <stdio.h>

#include "routes/route_audit.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

#define REASON_SIZE 512

static void write_health(struct http_response *response, int status, const char *message)
{
    struct json_out out;
    response->status = status;
    response->content = HTTP_CONTENT_JSON;
    json_out_init(&out, &response->body);
    json_out_open(&out, '{');
    json_out_pair(&out, "status", status == 200 ? "healthy" : status == 503 ? "starting" : "unhealthy");
    json_out_pair(&out, "message", message);
    json_out_close(&out, '}');
}

/* Records go on and so do reads: no reason to restart it, but one to look. false: changes are let through, nothing was written. */
static bool write_refusing(struct http_response *response, const struct rest_context *context, int status)
{
    char why[REASON_SIZE], message[REASON_SIZE + 100];
    if (status != 200 || !route_audit_is_failing(context, why, sizeof(why)))
        return false;
    snprintf(message, sizeof(message), "Worker runs and answers reads, but refuses changes: %s.", why);
    write_health(response, status, message);
    return true;
}

static void reply_health(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    struct http_response response;
    http_response_init(&response, reply->status, HTTP_CONTENT_JSON);
    if (!write_refusing(&response, pending->context, reply->status))
        write_health(&response, reply->status, reply->message);
    rest_pending_answer(pending, &response);
}

void health_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_ask_health(context->herder, reply_health, pending);
}

void health_timed_out(void *argument, const struct http_request *request, struct http_response *response)
{
    struct rest_context *context = argument;
    (void)request;
    if (herder_is_ready(context->herder))
        write_health(response, 500,
                     "Worker was unable to handle this request and may be unable to handle other requests.");
    else
        write_health(response, 503, "Worker is still starting up.");
}
