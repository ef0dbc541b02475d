/* POST /connector-plugins/{plugin}/config/try (docs/dry-run.md). */
#include <stdio.h>
#include <string.h>

#include "base/string_map.h"
#include "json/try_body.h"
#include "routes/dispatch.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

static void reply_reports(void *argument, const struct herder_reply *reply)
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

static void refuse(struct rest_context *context, struct http_exchange *exchange, const struct try_body *body,
                   char why[ACCESS_WHY_SIZE])
{
    size_t length = strlen(why);
    if (!string_map_has(body->config, "name"))
        snprintf(why + length, ACCESS_WHY_SIZE - length, "; the configuration has no \"name\": give it that of its connector");
    dispatch_note_refusal(context, exchange, 403, why);
    rest_answer_error(exchange, 403, "%s", why);
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
        refuse(context, exchange, body, why);
    return may;
}

/* Records of a topic are for those with the right to see them, and who sees them is on record. false: answered. */
static bool may_look(struct rest_context *context, struct http_exchange *exchange, const struct try_body *body)
{
    char why[ACCESS_WHY_SIZE];
    struct route_asker asker;
    const char *connector = string_map_get(body->config, "name");
    route_asker_init(&asker, context, exchange);
    bool may = route_may_look(&asker, connector, body->topic, why);
    route_asker_release(&asker);
    if (!may) {
        refuse(context, exchange, body, why);
        return false;
    }
    if (route_audit_is_failing(context, why, sizeof(why))) {
        rest_answer_error(exchange, 503, "Nobody looks at records while that cannot be recorded: %s", why);
        return false;
    }
    route_audit_looked(context, exchange, connector, body->topic);
    return true;
}

static void try_it(struct rest_context *context, struct http_exchange *exchange, const struct try_body *body)
{
    if (!plugin_config_admit(context, exchange, body->config) || !may_try(context, exchange, body) ||
        (body->topic != NULL && !may_look(context, exchange, body)))
        return;
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
    herder_try(context->herder, &request, reply_reports, pending);
}

void plugin_config_try(void *argument, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct body_problem problem;
    struct try_body body;
    if (!try_body_read(&body, request->body, request->body_length, &problem)) {
        rest_answer_error(exchange, problem.status, "%s", problem.message);
        return;
    }
    try_it(argument, exchange, &body);
    try_body_release(&body);
}
