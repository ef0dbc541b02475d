/* GET /openapi.json, and how the document is put together. */
#include "routes/openapi.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "routes/openapi_internal.h"
#include "routes/routes_internal.h"

#include "base/bans.h"

/* ---- pieces ---- */

/* JSON that is written with ' for ", so that it can be read in the source. */
static void write_part(struct json_out *out, const char *json)
{
    json_out_raw(out, "", 0); /* the comma before it */
    for (const char *at = json; *at != '\0'; at++)
        str_buffer_append_char(out->text, *at == '\'' ? '"' : *at);
}

static void write_named_part(struct json_out *out, const char *name, const char *json)
{
    json_out_name(out, name);
    write_part(out, json);
}

static void open_named(struct json_out *out, const char *name, char bracket)
{
    json_out_name(out, name);
    json_out_open(out, bracket);
}

static void write_reference(struct json_out *out, const char *kind, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "#/components/%s/%s", kind, name);
    json_out_open(out, '{');
    json_out_pair(out, "$ref", path);
    json_out_close(out, '}');
}

static void write_content(struct json_out *out, const char *schema)
{
    open_named(out, "content", '{');
    open_named(out, "application/json", '{');
    json_out_name(out, "schema");
    write_reference(out, "schemas", schema);
    json_out_close(out, '}');
    json_out_close(out, '}');
}

/* The next of words with a blank between; false: there is no more. */
static bool next_word(const char **at, char *word, size_t size)
{
    size_t length = strcspn(*at, " ");
    if (length == 0)
        return false;
    assert(length < size);
    memcpy(word, *at, length);
    word[length] = '\0';
    *at += length + ((*at)[length] == ' ');
    return true;
}

/* ---- parameters ---- */

/* {name} and {name:int} of the pattern. */
static void write_path_parameters(struct json_out *out, const char *pattern)
{
    for (const char *part = strchr(pattern, '{'); part != NULL; part = strchr(part + 1, '{')) {
        size_t length = strcspn(part + 1, ":}");
        char name[64];
        assert(length < sizeof(name));
        memcpy(name, part + 1, length);
        name[length] = '\0';
        json_out_open(out, '{');
        json_out_pair(out, "name", name);
        json_out_pair(out, "in", "path");
        write_named_part(out, "required", "true");
        write_named_part(out, "schema", part[1 + length] == ':' ? "{'type':'integer','format':'int32'}" : "{'type':'string'}");
        json_out_close(out, '}');
    }
}

static void write_parameters(struct json_out *out, const struct route_doc *doc)
{
    const char *at = doc->parameters;
    char name[64];
    if (*at == '\0' && strchr(doc->pattern, '{') == NULL)
        return;
    open_named(out, "parameters", '[');
    write_path_parameters(out, doc->pattern);
    while (next_word(&at, name, sizeof(name)))
        write_reference(out, "parameters", name);
    json_out_close(out, ']');
}

/* ---- answers ---- */

static void write_answer(struct json_out *out, int status, const char *schema)
{
    char name[16];
    snprintf(name, sizeof(name), "%d", status);
    open_named(out, name, '{');
    json_out_pair(out, "description", http_status_words(status));
    if (status == 201)
        write_named_part(out, "headers", "{'Location':{'required':true,'schema':{'type':'string'}}}");
    if (schema == OPENAPI_METRICS)
        write_named_part(out, "content", "{'text/plain':{'schema':{'type':'string'}},"
                                         "'application/openmetrics-text':{'schema':{'type':'string'}}}");
    else if (schema != NO_BODY)
        write_content(out, schema);
    json_out_close(out, '}');
}

static void write_error(struct json_out *out, const char *status)
{
    json_out_name(out, status);
    write_reference(out, "responses", "Error");
}

static const struct http_route *route_of(const struct route_doc *doc)
{
    for (size_t i = 0; i < REST_ROUTE_COUNT; i++)
        if (REST_ROUTES[i].method == doc->method && strcmp(REST_ROUTES[i].pattern, doc->pattern) == 0)
            return &REST_ROUTES[i];
    return NULL;
}

/* Of a worker where people log in. */
static void write_refusals(struct json_out *out, const struct route_doc *doc)
{
    const struct http_route *route = route_of(doc);
    if (route == NULL || !route_needs_login(route))
        return;
    write_error(out, "401");
    write_error(out, "429");
    if (strstr(doc->errors, "403") == NULL)
        write_error(out, "403");
}

static void write_answers(struct json_out *out, const struct route_doc *doc)
{
    const char *at = doc->errors;
    char status[16];
    open_named(out, "responses", '{');
    for (size_t i = 0; i < ROUTE_ANSWERS_MAX && doc->answers[i].status != 0; i++)
        write_answer(out, doc->answers[i].status, doc->answers[i].schema);
    while (next_word(&at, status, sizeof(status)))
        write_error(out, status);
    write_refusals(out, doc);
    json_out_name(out, "default");
    write_reference(out, "responses", "Error");
    json_out_close(out, '}');
}

/* ---- paths ---- */

static const char *member_of(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "get";
    case HTTP_POST:
        return "post";
    case HTTP_PUT:
        return "put";
    case HTTP_PATCH:
        return "patch";
    default:
        assert(method == HTTP_DELETE);
        return "delete";
    }
}

/* Whoever may call it without a login where others need one. */
static void write_openness(struct json_out *out, const struct route_doc *doc)
{
    const struct http_route *route = route_of(doc);
    if (route != NULL && !route_needs_login(route))
        write_named_part(out, "security", "[]");
}

static void write_operation(struct json_out *out, const struct route_doc *doc)
{
    open_named(out, member_of(doc->method), '{');
    json_out_pair(out, "operationId", doc->id);
    json_out_pair(out, "summary", doc->summary);
    write_parameters(out, doc);
    if (doc->request != NO_BODY) {
        open_named(out, "requestBody", '{');
        write_named_part(out, "required", "true");
        write_content(out, doc->request);
        json_out_close(out, '}');
    }
    write_openness(out, doc);
    write_answers(out, doc);
    json_out_close(out, '}');
}

/* {task:int} is {task} there. */
static void write_path_name(struct json_out *out, const char *pattern)
{
    char path[200];
    size_t length = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == ':')
            at = strchr(at, '}');
        assert(length + 1 < sizeof(path));
        path[length++] = *at;
    }
    path[length] = '\0';
    json_out_name(out, path);
}

static bool is_first_of_path(const struct http_route *routes, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(routes[i].pattern, routes[at].pattern) == 0)
            return false;
    return true;
}

static void write_path(struct json_out *out, const struct http_route *routes, size_t count, const char *pattern)
{
    write_path_name(out, pattern);
    json_out_open(out, '{');
    for (size_t i = 0; i < count; i++) {
        const struct route_doc *doc = strcmp(routes[i].pattern, pattern) == 0 ? route_doc_find(&routes[i]) : NULL;
        if (doc != NULL)
            write_operation(out, doc);
    }
    json_out_close(out, '}');
}

/* ---- the document ---- */

static void write_parts(struct json_out *out, const char *kind, const struct openapi_part *parts, size_t count)
{
    open_named(out, kind, '{');
    for (size_t i = 0; i < count; i++)
        write_named_part(out, parts[i].name, parts[i].json);
    json_out_close(out, '}');
}

/* ---- ways to log in ---- */

static bool is_set(const char *text)
{
    return text != NULL && *text != '\0';
}

static bool takes_passwords(const struct rest_auth_config *auth)
{
    return auth == NULL || is_set(auth->passwords_file) || is_set(auth->jaas_file);
}

static bool takes_tokens(const struct rest_auth_config *auth)
{
    return auth == NULL || is_set(auth->issuer);
}

static bool takes_certificates(const struct rest_auth_config *auth)
{
    return auth == NULL || auth->certificates;
}

static void write_schemes(struct json_out *out, const struct rest_auth_config *auth)
{
    open_named(out, "securitySchemes", '{');
    if (takes_passwords(auth))
        write_named_part(out, "password", "{'type':'http','scheme':'basic'}");
    if (takes_tokens(auth))
        write_named_part(out, "token", "{'type':'http','scheme':'bearer','bearerFormat':'JWT'}");
    if (takes_certificates(auth))
        write_named_part(out, "certificate", "{'type':'mutualTLS'}");
    json_out_close(out, '}');
}

/* {}: without any. */
static void write_security(struct json_out *out, const struct rest_auth_config *auth)
{
    bool is_closed = auth != NULL && (takes_passwords(auth) || takes_tokens(auth) || takes_certificates(auth));
    open_named(out, "security", '[');
    if (takes_passwords(auth))
        write_part(out, "{'password':[]}");
    if (takes_tokens(auth))
        write_part(out, "{'token':[]}");
    if (takes_certificates(auth))
        write_part(out, "{'certificate':[]}");
    if (!is_closed)
        write_part(out, "{}");
    json_out_close(out, ']');
}

static void write_components(struct json_out *out, const struct rest_auth_config *auth)
{
    open_named(out, "components", '{');
    write_parts(out, "schemas", OPENAPI_SCHEMAS, OPENAPI_SCHEMA_COUNT);
    write_parts(out, "parameters", OPENAPI_PARAMETERS, OPENAPI_PARAMETER_COUNT);
    write_named_part(out, "responses",
                     "{'Error':{'description':'What is wrong, and what can be done','content':{"
                     "'application/json':{'schema':{'$ref':'#/components/schemas/Error'}},"
                     "'text/html':{'schema':{'type':'string'}}}}}");
    write_schemes(out, auth);
    json_out_close(out, '}');
}

static void write_info(struct json_out *out)
{
    open_named(out, "info", '{');
    json_out_pair(out, "title", "Millrace");
    json_out_pair(out, "version", MILLRACE_VERSION);
    json_out_pair(out, "description",
                  "The REST API of Kafka Connect " KAFKA_VERSION ", and what Millrace adds. Every GET is served as HEAD, too; "
                  "OPTIONS lists the methods of a path. A request with a body needs Content-Type: application/json.");
    json_out_close(out, '}');
}

bool openapi_write(struct str_buffer *out_text, bool with_admin, const struct rest_auth_config *auth)
{
    size_t count = with_admin ? REST_ROUTE_COUNT : REST_ROUTE_COUNT_WITHOUT_ADMIN;
    struct json_out out;
    json_out_init(&out, out_text);
    json_out_open(&out, '{');
    json_out_pair(&out, "openapi", "3.1.0");
    write_info(&out);
    open_named(&out, "paths", '{');
    for (size_t i = 0; i < count; i++)
        if (is_first_of_path(REST_ROUTES, i))
            write_path(&out, REST_ROUTES, count, REST_ROUTES[i].pattern);
    json_out_close(&out, '}');
    write_components(&out, auth);
    write_security(&out, auth);
    json_out_close(&out, '}');
    return !str_buffer_failed(out_text);
}

void openapi_get(void *argument, struct http_exchange *exchange)
{
    struct rest_context *context = argument;
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    str_buffer_append(&response.body, context->openapi.data, context->openapi.length);
    http_exchange_answer(exchange, &response);
}
