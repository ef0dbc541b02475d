/*
 * Requests that belong to another worker. A client's own is passed on with forward=true, one that came so with forward=false, and one
 * that came with that is answered 409: two hops at most (Kafka's HerderRequestHandler).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str_buffer.h"
#include "forwarding/signature.h"
#include "herder/leader_link.h"
#include "routes/route_audit.h"
#include "routes/routes_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define TARGET_MAX (3 * HTTP_REQUEST_LINE_MAX + 100)

/* What else the other worker needs to know. */
static const char *const PASSED_ON[] = {"includeTasks", "onlyFailed", "undo"};

enum forward { FORWARD_ABSENT, FORWARD_TRUE, FORWARD_FALSE };

static enum forward forward_of(const struct http_request *request)
{
    const char *value = http_request_query(request, "forward");

    if (value == NULL)
        return FORWARD_ABSENT;
    if (strcasecmp(value, "true") == 0)
        return FORWARD_TRUE;
    return strcasecmp(value, "false") == 0 ? FORWARD_FALSE : FORWARD_ABSENT;
}

bool rest_is_forsaken(struct http_exchange *exchange)
{
    return forward_of(http_exchange_request(exchange)) != FORWARD_ABSENT && http_exchange_is_forsaken(exchange);
}

void rest_add_config_offset(struct http_response *response, const struct rest_pending *pending)
{
    struct config_snapshot *snapshot;
    char offset[24];

    if (response->status >= 300 || forward_of(http_exchange_request(pending->exchange)) == FORWARD_ABSENT ||
        !herder_is_ready(pending->context->herder))
        return;
    snapshot = herder_configs(pending->context->herder);
    snprintf(offset, sizeof(offset), "%" PRId64, config_snapshot_offset(snapshot));
    config_snapshot_drop(snapshot);
    http_response_add_header(response, FORWARDING_OFFSET_HEADER, offset);
}

static void write_target(struct str_buffer *target, const struct http_exchange *exchange, enum forward forward)
{
    const struct http_request *request = http_exchange_request(exchange);

    for (size_t i = 0; i < request->target.segment_count; i++) {
        if (i > 0)
            str_buffer_append_char(target, '/');
        http_segment_append(target, request->target.segments[i]);
    }
    str_buffer_printf(target, "?forward=%s", forward == FORWARD_ABSENT ? "true" : "false");
    for (size_t i = 0; i < sizeof(PASSED_ON) / sizeof(PASSED_ON[0]); i++)
        if (http_request_query(request, PASSED_ON[i]) != NULL) {
            str_buffer_printf(target, "&%s=", PASSED_ON[i]);
            str_buffer_append_text(target, rest_query_is_true(exchange, PASSED_ON[i]) ? "true" : "false");
        }
    if (http_request_query(request, LEADER_LINK_MADE_FROM) != NULL) {
        str_buffer_append_text(target, "&" LEADER_LINK_MADE_FROM "=");
        http_segment_append(target, http_request_query(request, LEADER_LINK_MADE_FROM));
    }
}

static enum http_content content_of(const struct forwarding_answer *answer)
{
    const char *type = answer->content_type;

    if (type == NULL || answer->body_length == 0)
        return HTTP_CONTENT_NONE;
    if (strncasecmp(type, "application/json", 16) == 0)
        return HTTP_CONTENT_JSON;
    return strncasecmp(type, "text/html", 9) == 0 ? HTTP_CONTENT_HTML : HTTP_CONTENT_TEXT;
}

static void on_answer(void *argument, const struct forwarding_answer *answer)
{
    struct rest_pending *pending = argument;
    struct http_response response;

    http_response_init(&response, answer->status, content_of(answer));
    if (answer->message != NULL)
        json_error_set(&response, answer->status, answer->message);
    else
        str_buffer_append(&response.body, answer->body, answer->body_length);
    if (answer->status == 201 && pending->name != NULL)
        rest_add_location(&response, pending);
    rest_pending_answer(pending, &response);
}

bool rest_forward(struct rest_pending *pending, const struct herder_reply *reply)
{
    const struct http_request *request = http_exchange_request(pending->exchange);
    enum forward forward = forward_of(request);
    struct str_buffer target;

    if (reply->forward_url == NULL || forward == FORWARD_FALSE || pending->context->forwarding == NULL ||
        rest_is_forsaken(pending->exchange))
        return false;
    str_buffer_init(&target, TARGET_MAX);
    write_target(&target, pending->exchange, forward);
    if (str_buffer_failed(&target)) {
        str_buffer_release(&target);
        return false; /* no memory: the 409, after which a client tries again */
    }
    forwarding_send(pending->context->forwarding,
                    &(struct forwarding_request){
                        .url = reply->forward_url,
                        .method = http_method_name(request->method),
                        .target = str_buffer_text(&target),
                        .body = request->body_length > 0 ? request->body : NULL,
                        .body_length = request->body_length,
                        .authorization = http_request_header(request, "Authorization"),
                        .caller = rest_caller(pending->exchange),
                        .bindings = pending->asker.bindings,
                        .signature = http_request_header(request, SIGNATURE_HEADER),
                        .signature_algorithm = http_request_header(request, SIGNATURE_ALGORITHM_HEADER),
                        .request_id = request->id[0] != '\0' ? request->id : http_request_header(request, ROUTE_AUDIT_ID_HEADER),
                        .deadline_ms = pending->deadline_ms,
                    },
                    on_answer, pending);
    str_buffer_release(&target);
    return true;
}
