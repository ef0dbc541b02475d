#include "base/pointer_map.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#include "base/bans.h"

/* Entries lie in order of insertion; `slots` is an open-addressed table of (position + 1), 0 = free. The table is at
 * most three quarters full. A removal closes the gap in `entries` and builds the table anew: rare, and the order and
 * the look-ups stay simple. */
struct entry {
    char *key;
    void *value;
    uint64_t hash;
};

struct pointer_map {
    struct entry *entries;
    uint32_t *slots;
    size_t count, entry_capacity, slot_count;   /* slot_count is 0 or a power of two */
    uint64_t seed;
    pointer_map_free_fn *free_value;
};

enum { SLOTS_MIN = 16 };

struct pointer_map *pointer_map_create(pointer_map_free_fn *free_value)
{
    struct pointer_map *map = mem_calloc(1, sizeof(*map));
    if (map == NULL)
        return NULL;
    map->seed = hash_seed(map);
    map->free_value = free_value;
    return map;
}

static void free_value(struct pointer_map *map, void *value)
{
    if (map->free_value != NULL && value != NULL)
        map->free_value(value);
}

void pointer_map_clear(struct pointer_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        mem_free(map->entries[i].key);
        free_value(map, map->entries[i].value);
    }
    map->count = 0;
    if (map->slots != NULL)
        memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
}

void pointer_map_destroy(struct pointer_map *map)
{
    if (map == NULL)
        return;
    pointer_map_clear(map);
    mem_free(map->entries);
    mem_free(map->slots);
    mem_free(map);
}

/* The slot that holds the key, or the free one where it would go. The table must exist. */
static uint32_t *find_slot(const struct pointer_map *map, const char *key, size_t length, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &map->slots[i];
        if (*slot == 0)
            return slot;
        const struct entry *entry = &map->entries[*slot - 1];
        if (entry->hash == hash && strncmp(entry->key, key, length) == 0 && entry->key[length] == '\0')
            return slot;
    }
}

static struct entry *find(const struct pointer_map *map, const char *key, size_t length)
{
    if (map->count == 0)
        return NULL;
    uint32_t *slot = find_slot(map, key, length, hash_bytes(key, length, map->seed));
    return *slot == 0 ? NULL : &map->entries[*slot - 1];
}

static void fill_slots(struct pointer_map *map)
{
    size_t mask = map->slot_count - 1;
    memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
    for (size_t e = 0; e < map->count; e++) {
        size_t i = map->entries[e].hash & mask;
        while (map->slots[i] != 0)
            i = (i + 1) & mask;
        map->slots[i] = (uint32_t)(e + 1);
    }
}

static bool grow_slots(struct pointer_map *map)
{
    size_t slot_count = map->slot_count == 0 ? SLOTS_MIN : map->slot_count * 2;
    uint32_t *slots = mem_calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    mem_free(map->slots);
    map->slots = slots;
    map->slot_count = slot_count;
    fill_slots(map);
    return true;
}

static bool grow_entries(struct pointer_map *map)
{
    size_t capacity = map->entry_capacity == 0 ? 8 : map->entry_capacity * 2;
    struct entry *entries = mem_realloc(map->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return false;
    map->entries = entries;
    map->entry_capacity = capacity;
    return true;
}

/* Makes sure one more entry fits. */
static bool make_room(struct pointer_map *map)
{
    if (map->count >= UINT32_MAX / 2)
        return false;
    if (map->count == map->entry_capacity && !grow_entries(map))
        return false;
    return (map->count + 1) * 4 <= map->slot_count * 3 || grow_slots(map);
}

bool pointer_map_put_n(struct pointer_map *map, const char *key, size_t key_length, void *value)
{
    assert(memchr(key, '\0', key_length) == NULL);
    struct entry *old = find(map, key, key_length);
    if (old != NULL) {
        void *old_value = old->value;
        old->value = value;
        if (old_value != value)
            free_value(map, old_value);
        return true;
    }
    if (!make_room(map))
        return false;
    char *copy = mem_strndup(key, key_length);
    if (copy == NULL)
        return false;
    uint64_t hash = hash_bytes(key, key_length, map->seed);
    map->entries[map->count++] = (struct entry){ copy, value, hash };
    *find_slot(map, copy, key_length, hash) = (uint32_t)map->count;
    return true;
}

bool pointer_map_put(struct pointer_map *map, const char *key, void *value)
{
    return pointer_map_put_n(map, key, strlen(key), value);
}

void *pointer_map_get(const struct pointer_map *map, const char *key)
{
    const struct entry *entry = find(map, key, strlen(key));
    return entry == NULL ? NULL : entry->value;
}

bool pointer_map_has(const struct pointer_map *map, const char *key)
{
    return find(map, key, strlen(key)) != NULL;
}

static void *take_entry(struct pointer_map *map, struct entry *entry)
{
    void *value = entry->value;
    mem_free(entry->key);
    size_t behind = (size_t)(map->entries + map->count - (entry + 1));
    memmove(entry, entry + 1, behind * sizeof(*entry));
    map->count--;
    fill_slots(map);
    return value;
}

void *pointer_map_take(struct pointer_map *map, const char *key)
{
    struct entry *entry = find(map, key, strlen(key));
    return entry == NULL ? NULL : take_entry(map, entry);
}

bool pointer_map_remove(struct pointer_map *map, const char *key)
{
    struct entry *entry = find(map, key, strlen(key));
    if (entry == NULL)
        return false;
    free_value(map, take_entry(map, entry));
    return true;
}

size_t pointer_map_count(const struct pointer_map *map)
{
    return map->count;
}

const char *pointer_map_key(const struct pointer_map *map, size_t i)
{
    assert(i < map->count);
    return map->entries[i].key;
}

void *pointer_map_value(const struct pointer_map *map, size_t i)
{
    assert(i < map->count);
    return map->entries[i].value;
}
