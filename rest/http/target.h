/*
 * target: the request target ("/connectors/a%20b/status?x=1") taken apart.
 *
 * Path: UTF-8, segments decoded one by one; "+" is literal. Refused (400): a broken escape, an escape that gives a control
 * character or no UTF-8, an empty segment in the middle, "." and ".." however written, characters that a URI does not
 * allow unescaped. %2F, %5C and %25 are fine: a name may hold them.
 * Query: "+" is a space; a pair with a broken escape or with more than HTTP_QUERY_MAX pairs before it is ignored.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_SEGMENTS_MAX 12 /* no route has as many; a longer path keeps this count and matches none */
#define HTTP_QUERY_MAX 64

struct http_pair {
    const char *name, *value;
};

struct http_target {
    char *text; /* owns what the members below point into */
    const char *segments[HTTP_SEGMENTS_MAX];
    size_t segment_count;
    struct http_pair query[HTTP_QUERY_MAX];
    size_t query_count;
};

/* NULL: fine. Else what is wrong, a literal for the page; HTTP_TARGET_NO_MEMORY for want of memory. The target is to be
 * released in either case. `raw`: origin form or absolute form. */
extern const char HTTP_TARGET_NO_MEMORY[];
const char *http_target_parse(struct http_target *target, const char *raw);
void http_target_release(struct http_target *target);

struct str_buffer;
/* Appends the text percent-encoded so that it is one path segment which decodes to the same text. */
void http_segment_append(struct str_buffer *out, const char *text);

#endif
