#include "config/reference_internal.h"

#include <string.h>

#include "base/bans.h"

static struct text_part part(const char *from, const char *to)
{
    return (struct text_part){from, (size_t)(to - from)};
}

/* `start` is at "${". false: no closing brace, or no colon before it. */
static bool read_at(const char *start, struct reference *reference)
{
    const char *body = start + 2, *end = strchr(body, '}');
    const char *colon = end == NULL ? NULL : memchr(body, ':', (size_t)(end - body));
    if (colon == NULL)
        return false;
    const char *second = memchr(colon + 1, ':', (size_t)(end - colon - 1));
    reference->whole = part(start, end + 1);
    reference->provider = part(body, colon);
    reference->path = second == NULL ? part(colon, colon) : part(colon + 1, second);
    reference->key = part(second == NULL ? colon + 1 : second + 1, end);
    return true;
}

bool reference_find(const char *text, struct reference *reference)
{
    for (const char *start = strstr(text, "${"); start != NULL; start = strstr(start + 2, "${")) {
        if (read_at(start, reference))
            return true;
    }
    return false;
}
