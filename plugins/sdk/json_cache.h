/*
 * json_cache: pairs of a schema and a text, found by the one or by the other; back room of sdk.
 *
 * Holds a reference of each schema and a copy of each text. When it is full (entries, or JSON_CACHE_TEXT_MAX_BYTES) it
 * forgets everything and begins anew: what is in use comes back at once, and no hit costs bookkeeping. Owned by one
 * thread.
 */
#ifndef SDK_JSON_CACHE_H
#define SDK_JSON_CACHE_H

#include <millrace/schema.h>

#define JSON_CACHE_TEXT_MAX_BYTES ((size_t)8 << 20)

struct json_cache_entry {
    const struct mr_schema *schema; /* NULL: an empty slot */
    char *text;
    size_t size;
    uint64_t hash; /* of the text */
};

struct json_cache {
    bool by_text; /* else by schema */
    struct json_cache_entry *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count, count_max;
    size_t text_bytes;
    const struct json_cache_entry *last; /* found or put last; NULL: none */
};

void json_cache_init(struct json_cache *cache, bool by_text, size_t count_max);
void json_cache_release(struct json_cache *cache);

const struct json_cache_entry *json_cache_find_schema(struct json_cache *cache, const struct mr_schema *schema);
const struct json_cache_entry *json_cache_find_text(struct json_cache *cache, const char *text, size_t size);
/* When memory is short nothing is kept: a cache may forget. */
void json_cache_put(struct json_cache *cache, const struct mr_schema *schema, const char *text, size_t size);

#endif
