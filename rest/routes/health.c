/*
 * GET /health, and /readyz, which is the same: goes through the herder's own loop, so that an answer shows that it turns.
 * GET /livez: the process answers.
 */
#include "routes/routes_internal.h"

#include "base/bans.h"

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

static void reply_health(void *argument, const struct herder_reply *reply)
{
    struct http_response response;
    http_response_init(&response, reply->status, HTTP_CONTENT_JSON);
    write_health(&response, reply->status, reply->message);
    rest_pending_answer(argument, &response);
}

void health_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending != NULL)
        herder_ask_health(context->herder, reply_health, pending);
}

void livez_get(void *argument, struct http_exchange *exchange)
{
    struct http_response response;
    (void)argument;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    write_health(&response, 200, "Worker process is running.");
    http_exchange_answer(exchange, &response);
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
