/* Where Kafka Connect walks a java.util.HashMap, its answers have that map's order: by the low bits of the spread hash of the
 * key, then by insertion. Clients see it, so it is the same here. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "config/connector_report_internal.h"

#include "base/bans.h"

struct place {
    uint32_t bucket;
    size_t index;
};

/* String.hashCode: over UTF-16 units. */
static uint32_t java_hash(const char *text)
{
    uint32_t hash = 0;
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t code_point = 0xfffd;
        size_t length = utf8_decode(text, (size_t)(end - text), &code_point);
        if (code_point > 0xffff) {
            code_point -= 0x10000;
            hash = 31 * hash + 0xd800 + (code_point >> 10);
            code_point = 0xdc00 + (code_point & 0x3ff);
        }
        hash = 31 * hash + code_point;
        text += length == 0 ? 1 : length;
    }
    return hash ^ hash >> 16;
}

/* Tables double from 16 when they are more than three quarters full. */
static uint32_t table_size(size_t total)
{
    uint32_t size = 16;
    while (size < UINT32_C(1) << 30 && total > size / 4 * 3)
        size *= 2;
    return size;
}

static int compare(const void *one, const void *other)
{
    const struct place *a = one, *b = other;
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

bool java_order(const char *const *names, size_t count, size_t total, size_t *order)
{
    struct place *places = mem_calloc(count + 1, sizeof(*places));
    if (places == NULL)
        return false;
    uint32_t size = table_size(total);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){java_hash(names[i]) & (size - 1), i};
    qsort(places, count, sizeof(*places), compare);
    for (size_t i = 0; i < count; i++)
        order[i] = places[i].index;
    mem_free(places);
    return true;
}
