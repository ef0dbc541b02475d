#include "http/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/router.h"

#include "base/bans.h"

static const char *const METHOD_NAMES[] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_METHOD_OTHER] = "",
};

const char *http_method_name(enum http_method method)
{
    return METHOD_NAMES[method];
}

enum http_method http_method_of(const char *name)
{
    for (int method = 0; method < HTTP_METHOD_OTHER; method++)
        if (strcmp(METHOD_NAMES[method], name) == 0)
            return (enum http_method)method;
    return HTTP_METHOD_OTHER;
}

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text)
{
    static const char OTHERS[] = "!#$%&'*+-.^_`|~";
    const char *at = text;
    while ((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') ||
           (*at != '\0' && strchr(OTHERS, *at) != NULL))
        at++;
    return at != text && *at == '\0';
}

/* More than one length, or one that not everybody reads alike. */
static bool length_is_ambiguous(const struct http_request *request, bool is_1_1)
{
    size_t lengths = http_request_header_count(request, "Content-Length");
    size_t codings = http_request_header_count(request, "Transfer-Encoding");
    return lengths + codings > 1 ||
           (codings == 1 && (!is_1_1 || strcasecmp(http_request_header(request, "Transfer-Encoding"), "chunked") != 0));
}

const char *http_head_problem(const struct http_request *request, bool is_1_1)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (!is_token(request->headers[i].name))
            return "A header has a name that is none";
    if (length_is_ambiguous(request, is_1_1))
        return "The length of the body is not clear: give one Content-Length, or Transfer-Encoding: chunked";
    if (is_1_1 && http_request_header_count(request, "Host") != 1)
        return "An HTTP/1.1 request needs one Host header";
    return NULL;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

size_t http_request_header_count(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += strcasecmp(request->headers[i].name, name) == 0;
    return count;
}

/* Does the pattern's part at `at`, as "{name}" or "{name:int}", have that name? */
static bool part_is(const char *at, const char *name)
{
    size_t length = strlen(name);
    return *at == '{' && strncmp(at + 1, name, length) == 0 && (at[1 + length] == '}' || at[1 + length] == ':');
}

const char *http_request_part(const struct http_request *request, const char *name)
{
    const char *at = request->route->pattern;
    for (size_t i = 0; i < request->target.segment_count; i++) {
        at++; /* the '/' */
        if (part_is(at, name))
            return request->target.segments[i];
        at += strcspn(at, "/");
    }
    assert(!"the route has no such part");
    return NULL;
}

int32_t http_request_int_part(const struct http_request *request, const char *name)
{
    const char *text = http_request_part(request, name);
    return text == NULL ? 0 : (int32_t)strtol(text, NULL, 10);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->target.query_count; i++)
        if (strcmp(request->target.query[i].name, name) == 0)
            return request->target.query[i].value;
    return NULL;
}

bool http_request_query_has(const struct http_request *request, const char *name, const char *value)
{
    for (size_t i = 0; i < request->target.query_count; i++)
        if (strcmp(request->target.query[i].name, name) == 0 && strcmp(request->target.query[i].value, value) == 0)
            return true;
    return false;
}

size_t http_request_query_count(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->target.query_count; i++)
        count += strcmp(request->target.query[i].name, name) == 0;
    return count;
}
