#include "sdk/value_internal.h"

#include "base/bans.h"

/* An index has twice as many slots as the map has room for entries; capacities are powers of two. */
static size_t map_slots(const struct value_map *map)
{
    return (size_t)map->capacity * 2;
}

static void index_insert(struct value_map *map, uint32_t entry)
{
    size_t mask = map_slots(map) - 1, at = value_hash(&map->entries[entry].key) & mask;
    while (map->index[at] != 0)
        at = (at + 1) & mask;
    map->index[at] = entry + 1;
}

static void index_fill(struct value_map *map)
{
    memset(map->index, 0, map_slots(map) * sizeof(*map->index));
    for (uint32_t i = 0; i < map->count; i++)
        index_insert(map, i);
}

/* A table for all the map has room for; the old one stays behind in the arena. */
static int index_create(struct mr_arena *arena, struct value_map *map)
{
    uint32_t *index = arena_alloc(arena, map_slots(map) * sizeof(*index));
    if (index == NULL)
        return -1;
    map->index = index;
    index_fill(map);
    return 0;
}

/* Room for `least` entries; the old table stays behind in the arena. */
static int map_reserve(struct mr_arena *arena, struct value_map *map, size_t least)
{
    if (least > VALUE_COUNT_MAX) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return -1;
    }
    size_t capacity = 4;
    while (capacity < least)
        capacity *= 2;
    struct value_entry *entries = arena_alloc(arena, capacity * sizeof(*entries));
    if (entries == NULL)
        return -1;
    if (map->count > 0)
        memcpy(entries, map->entries, map->count * sizeof(*entries));
    struct value_map grown = {.count = map->count, .capacity = (uint32_t)capacity, .entries = entries};
    if (map->index != NULL && index_create(arena, &grown) < 0)
        return -1;
    *map = grown;
    return 0;
}

struct mr_value *mr_map_create(struct mr_arena *arena, size_t capacity)
{
    struct mr_value *value = arena_alloc(arena, sizeof(*value) + sizeof(struct value_map));
    if (value == NULL)
        return NULL;
    struct value_map *body = (struct value_map *)(value + 1);
    *body = (struct value_map){.count = 0};
    *value = (struct mr_value){.kind = MR_KIND_MAP, .map = body};
    return capacity > 0 && map_reserve(arena, body, capacity) < 0 ? NULL : value;
}

/* Most keys are text of different lengths. */
static struct value_entry *find_among_few(const struct value_map *map, const struct mr_value *key)
{
    bool is_text = value_is_text(key);
    for (uint32_t i = 0; i < map->count; i++) {
        struct value_entry *entry = &map->entries[i];
        if (is_text ? entry->key.length == key->length && value_text_is(&entry->key, key->bytes, key->length)
                    : mr_value_equals(&entry->key, key))
            return entry;
    }
    return NULL;
}

struct value_entry *value_map_find(const struct value_map *map, const struct mr_value *key)
{
    if (map->index == NULL)
        return find_among_few(map, key);
    size_t mask = map_slots(map) - 1;
    for (size_t at = value_hash(key) & mask; map->index[at] != 0; at = (at + 1) & mask) {
        struct value_entry *entry = &map->entries[map->index[at] - 1];
        if (mr_value_equals(&entry->key, key))
            return entry;
    }
    return NULL;
}

static struct value_entry *find_text(const struct value_map *map, const char *text)
{
    size_t size = text == NULL ? SIZE_MAX : strlen(text);
    if (size > VALUE_SIZE_MAX)
        return NULL;
    struct mr_value key = {.kind = MR_KIND_STRING, .length = (uint32_t)size, .bytes = text};
    return value_map_find(map, &key);
}

static int map_append(struct mr_arena *arena, struct value_map *map, const struct mr_value *key,
    const struct mr_value *value)
{
    if (map->count == map->capacity && map_reserve(arena, map, (size_t)map->count + 1) < 0)
        return -1;
    if (map->count == VALUE_MAP_LINEAR_MAX && map->index == NULL && index_create(arena, map) < 0)
        return -1;
    map->entries[map->count] = (struct value_entry){.key = *key, .value = *value};
    map->count++;
    if (map->index != NULL)
        index_insert(map, map->count - 1);
    return 0;
}

int mr_map_put(struct mr_arena *arena, struct mr_value *map, const struct mr_value *key, const struct mr_value *value)
{
    if (map == NULL || key == NULL || value == NULL || map->kind != MR_KIND_MAP)
        return -1;
    struct value_entry *known = value_map_find(map->map, key);
    if (known == NULL)
        return map_append(arena, map->map, key, value);
    known->value = *value;
    return 0;
}

int mr_map_put_text(struct mr_arena *arena, struct mr_value *map, const char *key, const struct mr_value *value)
{
    if (map == NULL || key == NULL || value == NULL || map->kind != MR_KIND_MAP)
        return -1;
    struct value_entry *known = find_text(map->map, key);
    if (known != NULL) {
        known->value = *value;
        return 0;
    }
    const struct mr_value *copy = mr_string(arena, key);
    return copy == NULL ? -1 : map_append(arena, map->map, copy, value);
}

struct mr_value *mr_map_copy(struct mr_arena *arena, const struct mr_value *map, size_t extra_capacity)
{
    if (map == NULL || map->kind != MR_KIND_MAP)
        return NULL;
    const struct value_map *from = map->map;
    size_t capacity = extra_capacity > VALUE_COUNT_MAX ? extra_capacity : from->count + extra_capacity;
    struct mr_value *copy = mr_map_create(arena, capacity);
    if (copy == NULL || from->count == 0)
        return copy;
    memcpy(copy->map->entries, from->entries, from->count * sizeof(*from->entries));
    copy->map->count = from->count;
    return from->count > VALUE_MAP_LINEAR_MAX && index_create(arena, copy->map) < 0 ? NULL : copy;
}

void mr_map_remove(struct mr_value *map, const char *key)
{
    struct value_entry *entry = map != NULL && map->kind == MR_KIND_MAP ? find_text(map->map, key) : NULL;
    if (entry == NULL)
        return;
    struct value_map *body = map->map;
    size_t after = body->count - 1 - (size_t)(entry - body->entries);
    memmove(entry, entry + 1, after * sizeof(*entry));
    body->count--;
    if (body->index != NULL)
        index_fill(body);
}

size_t mr_map_count(const struct mr_value *map)
{
    return map->kind == MR_KIND_MAP ? map->map->count : 0;
}

const struct mr_value *mr_map_key_at(const struct mr_value *map, size_t index)
{
    return index < mr_map_count(map) ? &map->map->entries[index].key : NULL;
}

const struct mr_value *mr_map_value_at(const struct mr_value *map, size_t index)
{
    return index < mr_map_count(map) ? &map->map->entries[index].value : NULL;
}

const struct mr_value *mr_map_get(const struct mr_value *map, const char *key)
{
    struct value_entry *entry = map->kind == MR_KIND_MAP ? find_text(map->map, key) : NULL;
    return entry == NULL ? NULL : &entry->value;
}
