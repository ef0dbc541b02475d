/* What an extension says: kept only if it can be sent. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "extensions/extensions_internal.h"
#include "http/exchange.h"
#include "http/response.h"
#include "json/json_in.h"

#include "base/bans.h"

/* The first reason stays. Always -1. */
static int refuse(struct extension_answer *answer, const char *words)
{
    if (answer->why[0] == '\0')
        snprintf(answer->why, sizeof(answer->why), "%s", words);
    return -1;
}

static bool is_one_value(const char *json, size_t length)
{
    struct json_in in;
    json_in_init(&in, json, length);
    return json_in_skip(&in) && json_in_end(&in);
}

static bool status_has_no_body(int status)
{
    return status == 204 || status == 304;
}

static int set(void *owner, int status, const char *json)
{
    struct extension_answer *answer = owner;
    size_t length = json == NULL ? 0 : strnlen(json, MR_REST_BODY_MAX + 1);
    if (status < 200 || status > 599)
        return refuse(answer, "a status that is not from 200 to 599");
    if (length > MR_REST_BODY_MAX)
        return refuse(answer, "a body that is too large");
    if (json != NULL && (status_has_no_body(status) || !is_one_value(json, length)))
        return refuse(answer, "a body that is not one JSON value, or a status that has none");
    str_buffer_clear(&answer->body);
    if (!str_buffer_append(&answer->body, json == NULL ? "" : json, length))
        return refuse(answer, "a body for which there is no memory");
    answer->status = status;
    answer->has_body = json != NULL;
    return 0;
}

static int add_header(void *owner, const char *name, const char *value)
{
    struct extension_answer *answer = owner;
    if (name == NULL || value == NULL || !http_header_name_is_fine(name) || http_header_is_framing(name) ||
        !http_header_value_is_fine(value))
        return refuse(answer, "a header that cannot be sent");
    if (answer->header_count == MR_REST_HEADERS_MAX)
        return refuse(answer, "too many headers");
    struct extension_header header = {mem_strdup(name), mem_strdup(value)};
    if (header.name != NULL && header.value != NULL) {
        answer->headers[answer->header_count++] = header;
        return 0;
    }
    mem_free(header.name);
    mem_free(header.value);
    return refuse(answer, "a header for which there is no memory");
}

void extension_answer_init(struct extension_answer *answer)
{
    static const struct rest_answer_host host = {.set = set, .add_header = add_header};
    *answer = (struct extension_answer){.door = {&host, answer}};
    str_buffer_init(&answer->body, MR_REST_BODY_MAX);
}

void extension_answer_release(struct extension_answer *answer)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        mem_free(answer->headers[i].name);
        mem_free(answer->headers[i].value);
    }
    str_buffer_release(&answer->body);
}

void extension_answer_note_headers(const struct extension_answer *answer, struct http_exchange *exchange)
{
    for (size_t i = 0; i < answer->header_count; i++)
        http_exchange_note_header(exchange, answer->headers[i].name, answer->headers[i].value);
}

void extension_answer_fill(const struct extension_answer *answer, struct http_response *response)
{
    http_response_init(response, answer->status, answer->has_body ? HTTP_CONTENT_JSON : HTTP_CONTENT_NONE);
    str_buffer_append_text(&response->body, str_buffer_text(&answer->body));
}
