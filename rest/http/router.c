#include "http/router.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/media_type.h"
#include "http/response.h"

#include "base/bans.h"

/* As Java's Integer.parseInt: an optional sign, digits, 32 bits. */
static bool is_int(const char *text)
{
    const char *digits = text + (*text == '+' || *text == '-');
    if (!isdigit((unsigned char)*digits))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 && value >= INT32_MIN && value <= INT32_MAX;
}

static bool part_fits(const char *part, size_t length, const char *segment)
{
    static const char INT_SUFFIX[] = ":int}";
    size_t suffix = sizeof(INT_SUFFIX) - 1;
    if (part[0] != '{')
        return strlen(segment) == length && memcmp(part, segment, length) == 0;
    return length < suffix || memcmp(part + length - suffix, INT_SUFFIX, suffix) != 0 || is_int(segment);
}

bool http_pattern_fits(const char *pattern, const char *const *segments, size_t segment_count)
{
    const char *at = pattern + 1; /* behind the first '/' */
    size_t i = 0;
    for (; *at != '\0' && i < segment_count; i++) {
        size_t length = strcspn(at, "/");
        if (strcmp(at, "{*}") == 0)
            return segment_count < HTTP_SEGMENTS_MAX;
        if (!part_fits(at, length, segments[i]))
            return false;
        at += length;
        at += *at == '/';
    }
    return (*at == '\0' || strcmp(at, "{*}") == 0) && i == segment_count;
}

static bool route_fits(const struct http_route *route, const struct http_request *request)
{
    return http_pattern_fits(route->pattern, request->target.segments, request->target.segment_count);
}

/* NULL past the end. */
static const struct http_route *route_at(const struct http_router *router, size_t i)
{
    if (i < router->route_count)
        return &router->routes[i];
    i -= router->route_count;
    return i < router->more_route_count ? &router->more_routes[i] : NULL;
}

const struct http_route *http_router_route_of(const struct http_router *router, enum http_method method,
                                              const struct http_target *target)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    const struct http_route *route;
    for (size_t i = 0; (route = route_at(router, i)) != NULL; i++) {
        if (route->method == wanted && http_pattern_fits(route->pattern, target->segments, target->segment_count))
            return route;
    }
    return NULL;
}

static void list_methods(const struct http_router *router, const struct http_request *request,
                         struct http_response *answer)
{
    answer->status = 200;
    answer->content = HTTP_CONTENT_TEXT;
    const struct http_route *route;
    for (size_t i = 0; (route = route_at(router, i)) != NULL; i++) {
        if (!route_fits(route, request))
            continue;
        str_buffer_append_text(&answer->body, http_method_name(route->method));
        str_buffer_append_text(&answer->body, route->method == HTTP_GET ? ",HEAD," : ",");
    }
    str_buffer_append_text(&answer->body, "OPTIONS");
    http_response_add_header(answer, "Allow", str_buffer_text(&answer->body));
}

/* Sets the route, or the refusal's status 404 or 405. */
static bool find_route(const struct http_router *router, struct http_request *request, struct http_response *refusal)
{
    bool path_known = false;
    request->route = http_router_route_of(router, request->method, &request->target);
    if (request->route != NULL)
        return true;
    for (size_t i = 0; !path_known && route_at(router, i) != NULL; i++)
        path_known = route_fits(route_at(router, i), request);
    if (path_known && request->method == HTTP_OPTIONS)
        list_methods(router, request, refusal);
    else
        http_response_set_refusal(refusal, path_known ? 405 : 404);
    return false;
}

static bool media_fits(const struct http_request *request, struct http_response *refusal)
{
    const char *type = http_request_header(request, "Content-Type");
    if (type == NULL && !request->has_body)
        return true;
    if (http_request_header_count(request, "Content-Type") > 1) {
        http_response_set_page(refusal, 400, "More than one Content-Type");
        return false;
    }
    enum http_media media = type == NULL ? HTTP_MEDIA_OTHER : http_media_of(type);
    if (media == HTTP_MEDIA_BROKEN)
        http_response_set_page(refusal, 400, "Content-Type cannot be read");
    else if (media == HTTP_MEDIA_OTHER)
        http_response_set_refusal(refusal, 415);
    return media == HTTP_MEDIA_JSON;
}

static bool answer_is_acceptable(const struct http_request *request, struct http_response *refusal)
{
    bool asked = false;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, "Accept") != 0)
            continue;
        if (http_media_accepts_json(request->headers[i].value))
            return true;
        asked = true;
    }
    if (asked)
        http_response_set_refusal(refusal, 406);
    return !asked;
}

static bool answers_text(const struct http_router *router, const struct http_request *request)
{
    return router->text_pattern != NULL && strcmp(request->route->pattern, router->text_pattern) == 0;
}

bool http_router_find(const struct http_router *router, struct http_request *request, struct http_response *refusal)
{
    return find_route(router, request, refusal) && media_fits(request, refusal) &&
           (answers_text(router, request) || answer_is_acceptable(request, refusal));
}
