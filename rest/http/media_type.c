#include "http/media_type.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bans.h"

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Moves over a token; NULL: there is none. */
static const char *skip_token(const char *at)
{
    const char *start = at;
    while (is_token_char(*at))
        at++;
    return at == start ? NULL : at;
}

/* Moves over a quoted string; NULL: it does not end. */
static const char *skip_quoted(const char *at)
{
    for (at++; *at != '"'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

struct parameter {
    const char *name, *value; /* within the header; a quoted value begins at its quote */
    size_t name_length;
};

/* Reads one "; name=value" (the name may be missing: "a/b;"). NULL: broken. */
static const char *read_parameter(const char *at, struct parameter *parameter)
{
    *parameter = (struct parameter){.name = NULL};
    at = skip_blanks(at + 1);
    if (*at == '\0' || *at == ';' || *at == ',')
        return at;
    const char *name_end = skip_token(at);
    if (name_end == NULL || *name_end != '=')
        return NULL;
    *parameter = (struct parameter){at, name_end + 1, (size_t)(name_end - at)};
    const char *end = *parameter->value == '"' ? skip_quoted(parameter->value) : skip_token(parameter->value);
    return end == NULL ? NULL : skip_blanks(end);
}

struct media_range {
    const char *type, *subtype;
    size_t type_length, subtype_length;
    double quality;
};

/* Reads "type/subtype; a=b; q=0.5" up to a comma or the end. NULL: broken. */
static const char *read_range(const char *at, struct media_range *range)
{
    at = skip_blanks(at);
    const char *slash = skip_token(at);
    if (slash == NULL || *slash != '/')
        return NULL;
    const char *end = skip_token(slash + 1);
    if (end == NULL)
        return NULL;
    *range = (struct media_range){at, slash + 1, (size_t)(slash - at), (size_t)(end - slash - 1), 1.0};
    at = skip_blanks(end);
    while (*at == ';') {
        struct parameter parameter;
        at = read_parameter(at, &parameter);
        if (at == NULL)
            return NULL;
        if (parameter.name_length == 1 && (*parameter.name == 'q' || *parameter.name == 'Q'))
            range->quality = strtod(parameter.value, NULL);
    }
    return *at == '\0' || *at == ',' ? at : NULL;
}

static bool is_text(const char *text, size_t length, const char *wanted)
{
    return length == strlen(wanted) && strncasecmp(text, wanted, length) == 0;
}

enum http_media http_media_of(const char *content_type)
{
    struct media_range range;
    const char *end = read_range(content_type, &range);
    if (end == NULL || *end != '\0')
        return HTTP_MEDIA_BROKEN;
    bool is_json =
        is_text(range.type, range.type_length, "application") && is_text(range.subtype, range.subtype_length, "json");
    return is_json ? HTTP_MEDIA_JSON : HTTP_MEDIA_OTHER;
}

static bool range_names(const struct media_range *range, const char *type, const char *subtype)
{
    return is_text(range->type, range->type_length, type) && is_text(range->subtype, range->subtype_length, subtype);
}

static bool range_has(const struct media_range *range, const char *type, const char *subtype)
{
    return range_names(range, type, subtype) || range_names(range, type, "*") || range_names(range, "*", "*");
}

/* The next comma that is not inside quotes, or the end. */
static const char *next_comma(const char *at)
{
    while (*at != '\0' && *at != ',') {
        const char *end = *at == '"' ? skip_quoted(at) : at + 1;
        at = end == NULL ? at + strlen(at) : end;
    }
    return at;
}

typedef bool range_fits_fn(const struct media_range *range, const char *type, const char *subtype);

static bool any_range(const char *accept, range_fits_fn *fits, const char *type, const char *subtype)
{
    for (const char *at = accept; *at != '\0';) {
        struct media_range range;
        if (read_range(at, &range) != NULL && range.quality > 0 && fits(&range, type, subtype))
            return true;
        at = next_comma(at);
        at += *at == ',';
    }
    return false;
}

bool http_media_accepts_json(const char *accept)
{
    return any_range(accept, range_has, "application", "json");
}

bool http_media_names(const char *accept, const char *type, const char *subtype)
{
    return any_range(accept, range_names, type, subtype);
}
