/*
 * Whole requests as text: "METHOD target", a line for each header, an empty line, the body. The router chooses among the routes
 * of the REST API; whatever it lets through has its body read as the entity that the route takes. Refusals are 4xx with words;
 * what is accepted is UTF-8.
 */
#include <millrace/value.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/string_map.h"
#include "base/utf8.h"
#include "http/response.h"
#include "http/router.h"
#include "json/connector_body.h"
#include "json/logger_body.h"
#include "json/offsets_body.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static void no_handler(void *context, struct http_exchange *exchange)
{
    (void)context;
    (void)exchange;
}

#define ROUTE(verb, path) {.method = verb, .pattern = path, .handler = no_handler}
static const struct http_route routes[] = {
    ROUTE(HTTP_GET, "/"),
    ROUTE(HTTP_GET, "/connectors"),
    ROUTE(HTTP_POST, "/connectors"),
    ROUTE(HTTP_PUT, "/connectors/{name}/config"),
    ROUTE(HTTP_PATCH, "/connectors/{name}/config"),
    ROUTE(HTTP_PATCH, "/connectors/{name}/offsets"),
    ROUTE(HTTP_GET, "/connectors/{name}/tasks/{task:int}/status"),
    ROUTE(HTTP_PUT, "/connector-plugins/{plugin}/config/validate"),
    ROUTE(HTTP_PUT, "/admin/loggers/{logger}"),
};
static const struct http_router router = {.routes = routes, .route_count = sizeof(routes) / sizeof(routes[0])};

/* ---- bodies ---- */

static void is_refused_in_words(const struct body_problem *problem)
{
    must((problem->status == 400 || problem->status == 404) && *problem->message != '\0');
}

static void read_new_connector(const struct http_request *request)
{
    struct connector_body body;
    struct body_problem problem;
    if (!connector_body_read(&body, request->body, request->body_length, &problem)) {
        is_refused_in_words(&problem);
        return;
    }
    must(utf8_valid(body.name, strlen(body.name)) && string_map_has(body.config, "name"));
    connector_body_release(&body);
}

static void read_options(const struct http_request *request, const char *name)
{
    struct body_problem problem;
    struct string_map *options = name != NULL
                                     ? config_body_read(name, request->body, request->body_length, &problem)
                                     : options_body_read(request->body, request->body_length, &problem);
    if (options == NULL)
        is_refused_in_words(&problem);
    string_map_destroy(options);
}

static void read_offsets(const struct http_request *request)
{
    struct offsets_body body;
    struct body_problem problem;
    if (!offsets_body_read(&body, request->body, request->body_length, &problem)) {
        is_refused_in_words(&problem);
        return;
    }
    must(body.count > 0);
    for (size_t i = 0; i < body.count; i++)
        must((mr_value_kind(body.entries[i].partition) == MR_KIND_MAP || mr_value_is_null(body.entries[i].partition)) &&
             (mr_value_kind(body.entries[i].offset) == MR_KIND_MAP || mr_value_is_null(body.entries[i].offset)));
    offsets_body_release(&body);
}

static void read_level(const struct http_request *request)
{
    enum log_level level;
    struct body_problem problem;
    if (!logger_body_read(&level, request->body, request->body_length, &problem))
        is_refused_in_words(&problem);
    else
        must(log_level_name(level) != NULL);
}

static void read_body(const struct http_request *request)
{
    const char *pattern = request->route->pattern;
    if (request->method == HTTP_POST)
        read_new_connector(request);
    else if (strcmp(pattern, "/connectors/{name}/config") == 0)
        read_options(request, request->method == HTTP_PUT ? http_request_part(request, "name") : NULL);
    else if (strcmp(pattern, "/connectors/{name}/offsets") == 0)
        read_offsets(request);
    else if (strcmp(pattern, "/connector-plugins/{plugin}/config/validate") == 0)
        read_options(request, NULL);
    else if (strcmp(pattern, "/admin/loggers/{logger}") == 0)
        read_level(request);
    else if (strstr(pattern, "{task:int}") != NULL)
        http_request_int_part(request, "task");
}

/* ---- the request ---- */

static void serve(struct http_request *request)
{
    struct http_response refusal;
    http_response_init(&refusal, 500, HTTP_CONTENT_NONE);
    if (http_router_find(&router, request, &refusal))
        read_body(request);
    else
        must(refusal.status == 200 || (refusal.status >= 400 && refusal.status < 500));
    http_response_release(&refusal);
}

/* Cuts the next line off; the text's end when there is none. */
static char *cut_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    *rest = end == NULL ? line + strlen(line) : end + 1;
    if (end != NULL)
        *end = '\0';
    return line;
}

static void read_headers(struct http_request *request, char **rest)
{
    for (char *line = cut_line(rest); *line != '\0'; line = cut_line(rest)) {
        char *colon = strchr(line, ':');
        if (colon == NULL || request->header_count == HTTP_HEADER_COUNT_MAX)
            continue;
        *colon = '\0';
        request->headers[request->header_count++] = (struct http_pair){line, colon + 1 + strspn(colon + 1, " ")};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct http_request request;
    char *text = malloc(length + 1), *rest = text;
    must(text != NULL);
    memcpy(text, bytes, length);
    text[length] = '\0';
    request = (struct http_request){.origin = "http://h"};
    char *line = cut_line(&rest), *blank = strchr(line, ' ');
    if (blank != NULL)
        *blank = '\0';
    request.method = http_method_of(line);
    const char *wrong = http_target_parse(&request.target, blank != NULL ? blank + 1 : "");
    read_headers(&request, &rest);
    request.body = rest;
    request.body_length = (size_t)(text + length - rest);
    request.has_body = request.body_length > 0;
    if (wrong == NULL)
        serve(&request);
    else
        must(*wrong != '\0');
    http_target_release(&request.target);
    free(text);
    return 0;
}
