/*
 * Entries in an array, found through a table of entry numbers (open addressing, linear probing, at most half full).
 * Removing shifts the probe run back instead of leaving a tombstone, so a table that lives for months stays clean.
 * Topic names are kept once each.
 */
#include "sdk/collect.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/pointer_map.h"

#include "base/bans.h"

#define NO_ENTRY UINT32_MAX
#define TABLE_LEAST 16u

struct offset_entry {
    const char *topic; /* one pointer per name */
    int64_t offset;
    uint64_t hash;
    int32_t partition;
};

struct mr_offsets {
    struct offset_entry *entries;
    uint32_t count, capacity;
    uint32_t *table;            /* NULL while empty */
    uint32_t table_mask;        /* a power of two, minus one */
    struct pointer_map *topics; /* name → nothing */
    uint64_t seed;
    bool failed;
};

struct mr_offsets *offsets_create(void)
{
    struct mr_offsets *offsets = mem_calloc(1, sizeof(*offsets));
    if (offsets == NULL)
        return NULL;
    offsets->topics = pointer_map_create(mem_free);
    offsets->seed = hash_seed(offsets);
    if (offsets->topics == NULL) {
        mem_free(offsets);
        return NULL;
    }
    return offsets;
}

void offsets_destroy(struct mr_offsets *offsets)
{
    if (offsets == NULL)
        return;
    mem_free(offsets->entries);
    mem_free(offsets->table);
    pointer_map_destroy(offsets->topics);
    mem_free(offsets);
}

static uint64_t hash_of(const struct mr_offsets *offsets, const char *topic, int32_t partition)
{
    return hash_bytes(topic, strlen(topic), offsets->seed + (uint32_t)partition);
}

/* The place in the table that holds the entry, or the free place where it would go. */
static uint32_t place_of(const struct mr_offsets *offsets, const char *topic, int32_t partition, uint64_t hash)
{
    uint32_t place = (uint32_t)hash & offsets->table_mask;
    for (;; place = (place + 1) & offsets->table_mask) {
        uint32_t number = offsets->table[place];
        if (number == NO_ENTRY)
            return place;
        const struct offset_entry *entry = &offsets->entries[number];
        if (entry->hash == hash && entry->partition == partition && strcmp(entry->topic, topic) == 0)
            return place;
    }
}

static struct offset_entry *find(const struct mr_offsets *offsets, const char *topic, int32_t partition)
{
    if (offsets->count == 0)
        return NULL;
    uint32_t place = place_of(offsets, topic, partition, hash_of(offsets, topic, partition));
    uint32_t number = offsets->table[place];
    return number == NO_ENTRY ? NULL : &offsets->entries[number];
}

static void table_fill(struct mr_offsets *offsets)
{
    memset(offsets->table, 0xff, ((size_t)offsets->table_mask + 1) * sizeof(*offsets->table));
    for (uint32_t i = 0; i < offsets->count; i++) {
        const struct offset_entry *entry = &offsets->entries[i];
        offsets->table[place_of(offsets, entry->topic, entry->partition, entry->hash)] = i;
    }
}

static bool grow(struct mr_offsets *offsets)
{
    uint32_t table_size = offsets->table == NULL ? TABLE_LEAST : (offsets->table_mask + 1) * 2;
    uint32_t capacity = table_size / 2;
    void *entries = mem_realloc(offsets->entries, capacity * sizeof(*offsets->entries));
    if (entries == NULL)
        return false;
    offsets->entries = entries;
    uint32_t *table = mem_alloc(table_size * sizeof(*table));
    if (table == NULL)
        return false;
    mem_free(offsets->table);
    offsets->table = table;
    offsets->table_mask = table_size - 1;
    offsets->capacity = capacity;
    table_fill(offsets);
    return true;
}

/* The kept copy of the name. */
static const char *topic_kept(struct mr_offsets *offsets, const char *topic)
{
    char *kept = pointer_map_get(offsets->topics, topic);
    if (kept != NULL)
        return kept;
    kept = mem_strdup(topic);
    if (kept != NULL && !pointer_map_put(offsets->topics, topic, kept)) {
        mem_free(kept);
        kept = NULL;
    }
    return kept;
}

static int add(struct mr_offsets *offsets, const char *topic, int32_t partition, int64_t offset)
{
    const char *kept = topic == NULL || offsets->count >= OFFSETS_MAX ? NULL : topic_kept(offsets, topic);
    if (kept == NULL || (offsets->count == offsets->capacity && !grow(offsets))) {
        offsets->failed = true;
        return -1;
    }
    uint64_t hash = hash_of(offsets, topic, partition);
    offsets->table[place_of(offsets, topic, partition, hash)] = offsets->count;
    offsets->entries[offsets->count++] =
        (struct offset_entry){.topic = kept, .partition = partition, .offset = offset, .hash = hash};
    return 0;
}

int mr_offsets_put(struct mr_offsets *offsets, const char *topic, int32_t partition, int64_t offset)
{
    struct offset_entry *entry = topic == NULL ? NULL : find(offsets, topic, partition);
    if (entry == NULL)
        return add(offsets, topic, partition, offset);
    entry->offset = offset;
    return 0;
}

int offsets_put_all(struct mr_offsets *offsets, const struct mr_offsets *other)
{
    for (uint32_t i = 0; i < other->count; i++) {
        const struct offset_entry *entry = &other->entries[i];
        if (mr_offsets_put(offsets, entry->topic, entry->partition, entry->offset) != 0)
            return -1;
    }
    return 0;
}

/* Frees a place and moves back those behind it that would no longer be found. */
static void place_free(struct mr_offsets *offsets, uint32_t hole)
{
    uint32_t mask = offsets->table_mask;
    for (uint32_t place = (hole + 1) & mask; offsets->table[place] != NO_ENTRY; place = (place + 1) & mask) {
        uint32_t home = (uint32_t)offsets->entries[offsets->table[place]].hash & mask;
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            offsets->table[hole] = offsets->table[place];
            hole = place;
        }
    }
    offsets->table[hole] = NO_ENTRY;
}

void mr_offsets_remove(struct mr_offsets *offsets, const char *topic, int32_t partition)
{
    struct offset_entry *entry = find(offsets, topic, partition);
    if (entry == NULL)
        return;
    uint32_t number = (uint32_t)(entry - offsets->entries);
    place_free(offsets, place_of(offsets, entry->topic, partition, entry->hash));
    uint32_t last = --offsets->count;
    if (number == last)
        return;
    struct offset_entry moved = offsets->entries[last];
    uint32_t place = place_of(offsets, moved.topic, moved.partition, moved.hash);
    offsets->table[place] = number;
    offsets->entries[number] = moved;
}

void mr_offsets_clear(struct mr_offsets *offsets)
{
    offsets->count = 0;
    offsets->failed = false;
    if (offsets->table != NULL)
        table_fill(offsets);
    if (pointer_map_count(offsets->topics) > OFFSETS_TOPICS_KEPT)
        pointer_map_clear(offsets->topics);
}

size_t mr_offsets_count(const struct mr_offsets *offsets)
{
    return offsets->count;
}

/* NULL past the end: the index is a plugin's. */
static const struct offset_entry *entry_at(const struct mr_offsets *offsets, size_t index)
{
    return index < offsets->count ? &offsets->entries[index] : NULL;
}

const char *mr_offsets_topic(const struct mr_offsets *offsets, size_t index)
{
    const struct offset_entry *entry = entry_at(offsets, index);
    return entry == NULL ? NULL : entry->topic;
}

int32_t mr_offsets_partition(const struct mr_offsets *offsets, size_t index)
{
    const struct offset_entry *entry = entry_at(offsets, index);
    return entry == NULL ? -1 : entry->partition;
}

int64_t mr_offsets_offset(const struct mr_offsets *offsets, size_t index)
{
    const struct offset_entry *entry = entry_at(offsets, index);
    return entry == NULL ? -1 : entry->offset;
}

int64_t mr_offsets_get(const struct mr_offsets *offsets, const char *topic, int32_t partition)
{
    const struct offset_entry *entry = find(offsets, topic, partition);
    return entry == NULL ? -1 : entry->offset;
}

bool offsets_has(const struct mr_offsets *offsets, const char *topic, int32_t partition)
{
    return find(offsets, topic, partition) != NULL;
}

bool offsets_failed(const struct mr_offsets *offsets)
{
    return offsets->failed;
}
