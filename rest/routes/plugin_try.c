/* POST /connector-plugins/{plugin}/config/try (docs/dry-run.md). */
#include "base/mem.h"
#include "base/string_map.h"
#include "json/try_body.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

void rest_reply_json(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    json_out_raw(&out, reply->json, reply->json_length);
    rest_pending_answer(pending, &response);
}

/* Whoever may edit some connectors may try those. false: answered. */
static bool may_try(struct rest_context *context, struct http_exchange *exchange, const struct try_body *body)
{
    char why[ACCESS_WHY_SIZE];
    struct route_asker asker;
    if (string_map_has(body->config, "name")) /* plugin_config_admit has looked at it */
        return true;
    route_asker_init(&asker, context, exchange);
    bool may = route_may_try_nameless(&asker, why);
    route_asker_release(&asker);
    if (!may)
        rest_refuse(context, exchange, NULL, why);
    return may;
}

static void destroy_body(void *body)
{
    try_body_release(body);
    mem_free(body);
}

static void try_it(struct rest_context *context, struct http_exchange *exchange, void *argument)
{
    const struct try_body *body = argument;
    struct rest_pending *pending = rest_pending_create(context, exchange, NULL);
    if (pending == NULL)
        return;
    const struct herder_try request = {
        .config = body->config,
        .records = str_buffer_text(&body->records),
        .records_length = body->records.length,
        .topic = body->topic,
        .last = body->last,
    };
    herder_try(context->herder, &request, rest_reply_json, pending);
}

/* NULL: answered. */
static struct try_body *read_body(struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct body_problem problem;
    struct try_body *body = mem_alloc(sizeof(*body));
    if (body == NULL)
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
    else if (try_body_read(body, request->body, request->body_length, &problem))
        return body;
    else
        rest_answer_error(exchange, problem.status, "%s", problem.message);
    mem_free(body);
    return NULL;
}

void plugin_config_try(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct try_body *body = read_body(exchange);
    if (body == NULL)
        return;
    bool may = plugin_config_admit(context, exchange, body->config) && may_try(context, exchange, body);
    if (may && body->topic != NULL) {
        rest_look(context, exchange, &(struct rest_look){string_map_get(body->config, "name"), body->topic, try_it, destroy_body, body});
        return;
    }
    if (may)
        try_it(context, exchange, body);
    destroy_body(body);
}
