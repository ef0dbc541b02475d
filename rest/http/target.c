#include "http/target.h"

#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/utf8.h"

#include "base/bans.h"

const char HTTP_TARGET_NO_MEMORY[] = "Out of memory";

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte that "%XY" stands for; -1: broken. Never reads past a NUL. */
static int escaped_byte(const char *text)
{
    int high = hex_value(text[1]);
    int low = high < 0 ? -1 : hex_value(text[2]);
    return low < 0 ? -1 : high * 16 + low;
}

/* What may stand unescaped in a path besides '/' and '%' (RFC 3986 pchar). */
static bool plain_in_path(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

/* Decodes the segment [from, to) to *out, closing it with a NUL; moves *out behind. NULL: fine. */
static const char *decode_segment(const char *from, const char *to, char **out)
{
    char *start = *out, *at = start;
    bool in_parameters = false; /* behind a ';': checked, not kept */
    while (from < to) {
        int byte = (unsigned char)*from;
        if (*from == '%') {
            byte = escaped_byte(from);
            if (byte < 0)
                return "Broken percent escape in the path";
            if (byte < 0x20 || byte == 0x7f)
                return "Control character in the path";
            from += 3;
        } else if (!plain_in_path(*from)) {
            return "Character in the path that must be percent-encoded";
        } else {
            in_parameters = in_parameters || *from == ';';
            from++;
        }
        if (!in_parameters)
            *at++ = (char)byte;
    }
    *at = '\0';
    *out = at + 1;
    if (!utf8_valid(start, (size_t)(at - start)))
        return "The path is not UTF-8";
    if (strcmp(start, ".") == 0 || strcmp(start, "..") == 0)
        return "Dot segment in the path";
    return NULL;
}

static const char *parse_path(struct http_target *target, const char *from, const char *to, char **out)
{
    while (from < to) {
        from++; /* the '/' */
        const char *end = memchr(from, '/', (size_t)(to - from));
        end = end == NULL ? to : end;
        const char *text = *out;
        const char *wrong = decode_segment(from, end, out);
        if (wrong != NULL)
            return wrong;
        if (*text == '\0') {
            if (end < to)
                return "Empty segment in the path";
            return NULL; /* one trailing slash */
        }
        if (target->segment_count < HTTP_SEGMENTS_MAX)
            target->segments[target->segment_count++] = text;
        from = end;
    }
    return NULL;
}

/* Decodes one side of a query pair; false: broken, to be ignored. */
static bool decode_query_text(const char *from, const char *to, char **out)
{
    char *start = *out, *at = start;
    while (from < to) {
        int byte = *from == '+' ? ' ' : (unsigned char)*from;
        if (*from == '%') {
            if (to - from < 3 || (byte = escaped_byte(from)) <= 0)
                return false;
            from += 2;
        }
        from++;
        *at++ = (char)byte;
    }
    *at = '\0';
    *out = at + 1;
    return utf8_valid(start, (size_t)(at - start));
}

static void parse_query(struct http_target *target, const char *from, char **out)
{
    while (*from != '\0' && target->query_count < HTTP_QUERY_MAX) {
        const char *end = from + strcspn(from, "&");
        const char *name_end = memchr(from, '=', (size_t)(end - from));
        name_end = name_end == NULL ? end : name_end;
        const char *value_from = name_end < end ? name_end + 1 : end;
        char *name = *out;
        if (decode_query_text(from, name_end, out)) {
            char *value = *out;
            if (decode_query_text(value_from, end, out))
                target->query[target->query_count++] = (struct http_pair){name, value};
        }
        from = *end == '\0' ? end : end + 1;
    }
}

/* "http://host:port/path" → "/path"; an origin form stays. NULL: neither. */
static const char *skip_authority(const char *raw)
{
    if (*raw == '/')
        return raw;
    const char *scheme_end = strstr(raw, "://");
    if (scheme_end == NULL || scheme_end - raw > 5 || strncmp(raw, "http", 4) != 0)
        return NULL;
    const char *path = strpbrk(scheme_end + 3, "/?");
    return path == NULL ? "/" : path;
}

const char *http_target_parse(struct http_target *target, const char *raw)
{
    *target = (struct http_target){.text = NULL};
    const char *path = skip_authority(raw);
    if (path == NULL)
        return "The request target is no path";
    /* Decoding never makes text longer; each part adds a NUL where a separator stood, a query pair at most two. */
    target->text = mem_alloc(strlen(path) + 2 * HTTP_QUERY_MAX + 2);
    if (target->text == NULL)
        return HTTP_TARGET_NO_MEMORY;
    char *out = target->text;
    const char *path_end = path + strcspn(path, "?");
    const char *wrong = parse_path(target, path, path_end, &out);
    if (wrong == NULL && *path_end == '?')
        parse_query(target, path_end + 1, &out);
    return wrong;
}

void http_target_release(struct http_target *target)
{
    mem_free(target->text);
    target->text = NULL;
}

void http_segment_append(struct str_buffer *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        /* A ';' would be taken for a matrix parameter. */
        if (*at != ';' && plain_in_path(*at))
            str_buffer_append_char(out, *at);
        else
            str_buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*at);
    }
}
