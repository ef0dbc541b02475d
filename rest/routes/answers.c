/* What handlers share: answers at once, answers when the herder replies. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "http/target.h"
#include "json/connector_entity.h"
#include "routes/dispatch.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define MESSAGE_MAX (1u << 20)
#define FORWARD_TIMEOUT_MS (HERDER_REQUEST_TIMEOUT_MS + 2000) /* the other worker speaks first; below HTTP_TIMEOUT_DEFAULT_MS */

/* ---- at once ---- */

void rest_response_init(struct http_response *response, struct json_out *out)
{
    http_response_init(response, 200, HTTP_CONTENT_JSON);
    json_out_init(out, &response->body);
}

void rest_answer_error(struct http_exchange *exchange, int status, const char *format, ...)
{
    struct str_buffer message;
    struct http_response response;
    va_list args;
    str_buffer_init(&message, MESSAGE_MAX);
    va_start(args, format);
    str_buffer_vprintf(&message, format, args);
    va_end(args);
    http_response_init(&response, status, HTTP_CONTENT_JSON);
    json_error_set(&response, status, str_buffer_text(&message));
    str_buffer_release(&message);
    http_exchange_answer(exchange, &response);
}

struct config_snapshot *rest_snapshot(struct rest_context *context, struct http_exchange *exchange)
{
    if (herder_is_ready(context->herder))
        return herder_configs(context->herder);
    rest_answer_error(exchange, 503, "The worker is still reading its topics. Try again in a moment.");
    return NULL;
}

struct config_snapshot *rest_snapshot_with_connector(struct rest_context *context, struct http_exchange *exchange)
{
    struct config_snapshot *snapshot = rest_snapshot(context, exchange);
    if (snapshot == NULL || config_snapshot_has(snapshot, rest_name(exchange)))
        return snapshot;
    config_snapshot_drop(snapshot);
    rest_answer_error(exchange, 404, "Connector %s not found", rest_name(exchange));
    return NULL;
}

void rest_refuse(struct rest_context *context, struct http_exchange *exchange, const char *connector, const char *why)
{
    char words[ACCESS_WHY_SIZE + 100];
    snprintf(words, sizeof(words), "%s%s", why,
             connector != NULL ? "" : "; the configuration has no \"name\": give it that of its connector");
    dispatch_note_refusal(context, exchange, 403, words);
    rest_answer_error(exchange, 403, "%s", words);
}

const struct identity *rest_caller(const struct http_exchange *exchange)
{
    return http_exchange_caller(exchange);
}

const char *rest_name(const struct http_exchange *exchange)
{
    return http_request_part(http_exchange_request(exchange), "name");
}

bool rest_hides_secrets(struct rest_context *context, struct http_exchange *exchange, const struct config_snapshot *snapshot,
                        const char *name)
{
    struct route_asker asker;
    route_asker_init(&asker, context, exchange);
    bool sees = route_sees_secrets(&asker, context, name, config_snapshot_config(snapshot, name));
    route_asker_release(&asker);
    return !sees;
}

bool rest_query_is_true(const struct http_exchange *exchange, const char *parameter)
{
    const char *value = http_request_query(http_exchange_request(exchange), parameter);
    return value != NULL && strcasecmp(value, "true") == 0;
}

/* ---- when the herder replies ---- */

struct rest_pending *rest_pending_create(struct rest_context *context, struct http_exchange *exchange, const char *name)
{
    return rest_pending_create_for(context, exchange, name, NULL);
}

struct rest_pending *rest_pending_create_for(struct rest_context *context, struct http_exchange *exchange, const char *name,
                                             const struct string_map *given)
{
    struct rest_pending *pending = mem_calloc(1, sizeof(*pending));
    char *copy = mem_strdup(name);
    bool needs_given = given != NULL && route_is_guarded(context);
    struct string_map *given_copy = needs_given ? string_map_copy(given) : NULL;
    if (pending == NULL || (name != NULL && copy == NULL) || (needs_given && given_copy == NULL)) {
        string_map_destroy(given_copy);
        mem_free(pending);
        mem_free(copy);
        rest_answer_error(exchange, 503, "Out of memory. Try again in a moment.");
        return NULL;
    }
    rest_context_take(context);
    *pending = (struct rest_pending){.context = context,
                                     .exchange = exchange,
                                     .name = copy,
                                     .given = given_copy,
                                     .deadline_ms = clock_monotonic_ms(NULL) + FORWARD_TIMEOUT_MS};
    route_asker_init(&pending->asker, context, exchange);
    return pending;
}

void rest_pending_answer(struct rest_pending *pending, struct http_response *response)
{
    rest_add_config_offset(response, pending);
    route_asker_release(&pending->asker); /* its identity is the exchange's */
    http_exchange_answer(pending->exchange, response);
    rest_context_drop(pending->context);
    string_map_destroy(pending->given);
    mem_free(pending->name);
    mem_free(pending);
}

bool rest_pending_refused(struct rest_pending *pending, const struct herder_reply *reply)
{
    if (reply->status < 400)
        return false;
    if (rest_forward(pending, reply))
        return true;
    struct http_response response;
    http_response_init(&response, reply->status, HTTP_CONTENT_JSON);
    json_error_set(&response, reply->status, reply->message);
    rest_pending_answer(pending, &response);
    return true;
}

/* Once more for a connector that was named only by the body. */
static bool may_do(void *argument, const struct string_map *present, const struct string_map *next, char why[HERDER_WHY_SIZE])
{
    const struct rest_pending *pending = argument;
    const struct route_change change = {.connector = pending->name != NULL ? pending->name : rest_name(pending->exchange),
                                        .present = present,
                                        .next = next,
                                        .given = pending->given};
    if (route_may_touch(&pending->asker, pending->context, &change, why))
        return true;
    dispatch_note_refusal(pending->context, pending->exchange, 403, why);
    return false;
}
_Static_assert(HERDER_WHY_SIZE >= ACCESS_WHY_SIZE, "the words fit");

herder_guard_fn *rest_guard(const struct rest_context *context, const struct http_exchange *exchange)
{
    return route_is_guarded(context) || rest_caller(exchange) != NULL ? may_do : NULL;
}

void rest_reply_without_body(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    http_response_init(&response, reply->status, HTTP_CONTENT_NONE);
    rest_pending_answer(pending, &response);
}

/* Absolute, as the client called us; leads to the connector whatever its name. */
void rest_add_location(struct http_response *response, const struct rest_pending *pending)
{
    struct str_buffer location;
    str_buffer_init(&location, MESSAGE_MAX);
    str_buffer_append_text(&location, http_exchange_request(pending->exchange)->origin);
    str_buffer_append_text(&location, "/connectors/");
    http_segment_append(&location, pending->name);
    http_response_add_header(response, "Location", str_buffer_failed(&location) ? NULL : str_buffer_text(&location));
    str_buffer_release(&location);
}

static bool hides_secrets(const struct rest_pending *pending, const struct config_snapshot *snapshot)
{
    return !route_sees_secrets(&pending->asker, pending->context, pending->name,
                               config_snapshot_config(snapshot, pending->name));
}

void rest_reply_connector(void *argument, const struct herder_reply *reply)
{
    struct rest_pending *pending = argument;
    if (rest_pending_refused(pending, reply))
        return;
    struct http_response response;
    struct json_out out;
    rest_response_init(&response, &out);
    response.status = reply->created ? 201 : 200;
    if (reply->snapshot == NULL || !config_snapshot_has(reply->snapshot, pending->name))
        json_error_set(&response, 409, "The connector was deleted meanwhile");
    else
        connector_entity_write(&out, herder_loader(pending->context->herder), reply->snapshot, pending->name,
                               !reply->created, hides_secrets(pending, reply->snapshot));
    if (response.status == 201)
        rest_add_location(&response, pending);
    rest_pending_answer(pending, &response);
}
