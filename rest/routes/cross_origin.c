#include "routes/cross_origin.h"

#include <ctype.h>
#include <millrace/error.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/thread.h"
#include "http/request.h"
#include "http/response.h"
#include "regex/java_regex.h"

#include "base/bans.h"

#define ORIGIN_OPTION "access.control.allow.origin"
#define METHODS_OPTION "access.control.allow.methods"
#define METHODS_DEFAULT "GET,POST,HEAD"
#define METHODS_LENGTH_MAX 1024
#define PREFLIGHT_AGE_S "60"

/* ---- the options ---- */

/* The next piece of text up to `separator`, without blanks around it. NULL: there is no more. */
static const char *next_piece(const char **at, char separator, size_t *length)
{
    const char *begin = *at, *end;
    if (*begin == '\0')
        return NULL;
    end = strchr(begin, separator);
    end = end == NULL ? begin + strlen(begin) : end;
    *at = end + (*end != '\0');
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (end > begin && isspace((unsigned char)end[-1]))
        end--;
    *length = (size_t)(end - begin);
    return begin;
}

static int add_pattern(struct cross_origin *cross_origin, const char *text, size_t length, struct mr_error **error)
{
    char why[300];
    if (cross_origin->pattern_count == CROSS_ORIGIN_PATTERNS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, ORIGIN_OPTION ": at most %d origins can be listed",
                            CROSS_ORIGIN_PATTERNS_MAX);
    char *expression = mem_strndup(text, length);
    if (expression == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
    struct java_regex *pattern = java_regex_create(expression, why, sizeof(why));
    int status = 0;
    if (pattern == NULL && strncmp(why, "no memory", 9) == 0)
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
    else if (pattern == NULL)
        status = mr_error_set(error, MR_ERR_CONFIG, ORIGIN_OPTION ": '%.200s' is no regular expression: %s", expression, why);
    else
        cross_origin->patterns[cross_origin->pattern_count++] = pattern;
    mem_free(expression);
    return status;
}

/* Jetty reads no further than a `*`. */
static int read_origins(struct cross_origin *cross_origin, const char *origins, struct mr_error **error)
{
    const char *origin;
    size_t length;
    int status = 0;
    while (status == 0 && !cross_origin->allows_any && (origin = next_piece(&origins, ',', &length)) != NULL) {
        if (length == 1 && *origin == '*')
            cross_origin->allows_any = true;
        else if (length > 0)
            status = add_pattern(cross_origin, origin, length, error);
    }
    return status;
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n\f\v")] == '\0';
}

static int read_methods(struct cross_origin *cross_origin, const char *methods, struct mr_error **error)
{
    methods = is_blank(methods) ? METHODS_DEFAULT : methods;
    if (!http_header_value_is_fine(methods) || strlen(methods) > METHODS_LENGTH_MAX)
        return mr_error_set(error, MR_ERR_CONFIG,
                            METHODS_OPTION ": too long, or control characters in it. Set it to methods such as GET,PUT");
    cross_origin->methods = mem_strdup(methods);
    return cross_origin->methods != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
}

int cross_origin_init(struct cross_origin *cross_origin, const char *origins, const char *methods, struct mr_error **error)
{
    *cross_origin = (struct cross_origin){.is_on = !is_blank(origins)};
    if (!cross_origin->is_on)
        return 0;
    mutex_init(&cross_origin->lock);
    if (read_origins(cross_origin, origins, error) == 0 && read_methods(cross_origin, methods, error) == 0)
        return 0;
    cross_origin_release(cross_origin);
    return -1;
}

void cross_origin_release(struct cross_origin *cross_origin)
{
    if (!cross_origin->is_on)
        return;
    for (size_t i = 0; i < cross_origin->pattern_count; i++)
        java_regex_destroy(cross_origin->patterns[i]);
    mem_free(cross_origin->methods);
    mutex_destroy(&cross_origin->lock);
    *cross_origin = (struct cross_origin){.is_on = false};
}

/* ---- on an answer ---- */

static bool fits_a_pattern(struct cross_origin *cross_origin, const char *origin, size_t length)
{
    bool fits = false;
    mutex_lock(&cross_origin->lock);
    for (size_t i = 0; i < cross_origin->pattern_count && !fits; i++)
        fits = java_regex_matches(cross_origin->patterns[i], origin, length);
    mutex_unlock(&cross_origin->lock);
    return fits;
}

/* The header may list several; one that is allowed will do. */
static bool is_allowed(struct cross_origin *cross_origin, const char *origins)
{
    if (origins == NULL || strlen(origins) > CROSS_ORIGIN_LENGTH_MAX || !http_header_value_is_fine(origins))
        return false;
    const char *origin;
    size_t length;
    bool allowed = cross_origin->allows_any;
    while (!allowed && (origin = next_piece(&origins, ' ', &length)) != NULL)
        allowed = length > 0 && fits_a_pattern(cross_origin, origin, length);
    return allowed;
}

static bool is_preflight(const struct http_request *request)
{
    return request->method == HTTP_OPTIONS && http_request_header(request, "Access-Control-Request-Method") != NULL;
}

void cross_origin_apply(struct cross_origin *cross_origin, const struct http_request *request, struct http_response *response)
{
    if (!cross_origin->is_on)
        return;
    const char *origin = http_request_header(request, "Origin");
    http_response_add_header(response, "Vary", "Origin");
    if (!is_allowed(cross_origin, origin))
        return;
    http_response_add_header(response, "Access-Control-Allow-Origin", origin);
    if (!is_preflight(request))
        return;
    http_response_add_header(response, "Access-Control-Allow-Methods", cross_origin->methods);
    http_response_add_header(response, "Access-Control-Allow-Headers", "Content-Type");
    http_response_add_header(response, "Access-Control-Max-Age", PREFLIGHT_AGE_S);
}

/* ---- on a change ---- */

static bool is_named(struct cross_origin *cross_origin, const char *origin)
{
    return cross_origin->is_on && origin != NULL && strlen(origin) <= CROSS_ORIGIN_LENGTH_MAX &&
           fits_a_pattern(cross_origin, origin, strlen(origin));
}

/* The scheme may differ: a proxy in front of us may speak TLS. */
static bool is_ours(const char *origin, const char *our_origin)
{
    const char *host = strstr(origin, "://"), *our_host = strstr(our_origin, "://");
    return host != NULL && our_host != NULL && strcasecmp(host, our_host) == 0;
}

bool cross_origin_may_change(struct cross_origin *cross_origin, const struct http_request *request)
{
    const char *origin = http_request_header(request, "Origin"), *site = http_request_header(request, "Sec-Fetch-Site");
    bool is_own_page = origin == NULL || is_ours(origin, request->origin);
    if (site != NULL) /* pages cannot write it, and it knows of proxies that change the Host */
        is_own_page = strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    return is_own_page || is_named(cross_origin, origin);
}
