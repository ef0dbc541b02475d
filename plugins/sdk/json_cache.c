#include "sdk/json_cache.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/bans.h"

#define SLOTS_FIRST 8

void json_cache_init(struct json_cache *cache, bool by_text, size_t count_max)
{
    *cache = (struct json_cache){.by_text = by_text, .count_max = count_max == 0 ? 1 : count_max};
}

static void entries_drop(struct json_cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        mr_schema_drop(cache->slots[i].schema);
        mem_free(cache->slots[i].text);
    }
    cache->count = cache->text_bytes = 0;
    cache->last = NULL;
}

void json_cache_release(struct json_cache *cache)
{
    entries_drop(cache);
    mem_free(cache->slots);
    cache->slots = NULL;
    cache->slot_count = 0;
}

static uint64_t key_hash(const struct json_cache *cache, const struct mr_schema *schema, uint64_t text_hash)
{
    return cache->by_text ? text_hash : ((uintptr_t)schema >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20;
}

static uint64_t text_hash(const struct json_cache *cache, const char *text, size_t size)
{
    return cache->by_text ? hash_bytes(text, size, (uintptr_t)cache) : 0;
}

static struct json_cache_entry *slot_for(const struct json_cache *cache, uint64_t hash)
{
    size_t mask = cache->slot_count - 1, at = hash & mask;
    while (cache->slots[at].schema != NULL)
        at = (at + 1) & mask;
    return &cache->slots[at];
}

const struct json_cache_entry *json_cache_find_schema(struct json_cache *cache, const struct mr_schema *schema)
{
    if (cache->last != NULL && cache->last->schema == schema)
        return cache->last;
    if (cache->slot_count == 0)
        return NULL;
    size_t mask = cache->slot_count - 1;
    for (size_t at = key_hash(cache, schema, 0) & mask; cache->slots[at].schema != NULL; at = (at + 1) & mask)
        if (cache->slots[at].schema == schema)
            return cache->last = &cache->slots[at];
    return NULL;
}

static bool entry_has_text(const struct json_cache_entry *entry, uint64_t hash, const char *text, size_t size)
{
    return entry->hash == hash && entry->size == size && memcmp(entry->text, text, size) == 0;
}

const struct json_cache_entry *json_cache_find_text(struct json_cache *cache, const char *text, size_t size)
{
    if (cache->slot_count == 0)
        return NULL;
    uint64_t hash = text_hash(cache, text, size);
    size_t mask = cache->slot_count - 1;
    for (size_t at = hash & mask; cache->slots[at].schema != NULL; at = (at + 1) & mask)
        if (entry_has_text(&cache->slots[at], hash, text, size))
            return cache->last = &cache->slots[at];
    return NULL;
}

/* Twice the slots; false: no memory. */
static bool slots_grow(struct json_cache *cache)
{
    struct json_cache old = *cache;
    size_t slot_count = old.slot_count == 0 ? SLOTS_FIRST : old.slot_count * 2;
    struct json_cache_entry *slots = mem_calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    cache->slots = slots;
    cache->slot_count = slot_count;
    cache->last = NULL;
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].schema != NULL)
            *slot_for(cache, key_hash(cache, old.slots[i].schema, old.slots[i].hash)) = old.slots[i];
    mem_free(old.slots);
    return true;
}

static bool room_make(struct json_cache *cache, size_t size)
{
    if (size > JSON_CACHE_TEXT_MAX_BYTES)
        return false;
    if (cache->count >= cache->count_max || cache->text_bytes + size > JSON_CACHE_TEXT_MAX_BYTES) {
        entries_drop(cache);
        if (cache->slot_count > 0)
            memset(cache->slots, 0, cache->slot_count * sizeof(*cache->slots));
    }
    return cache->count * 2 < cache->slot_count || slots_grow(cache);
}

void json_cache_put(struct json_cache *cache, const struct mr_schema *schema, const char *text, size_t size)
{
    char *copy = room_make(cache, size) ? mem_copy(text, size) : NULL;
    if (copy == NULL)
        return;
    uint64_t hash = text_hash(cache, text, size);
    struct json_cache_entry *entry = slot_for(cache, key_hash(cache, schema, hash));
    *entry = (struct json_cache_entry){.schema = mr_schema_take(schema), .text = copy, .size = size, .hash = hash};
    cache->count++;
    cache->text_bytes += size;
    cache->last = entry;
}
