#include "store/offset_index_internal.h"

#include <assert.h>
#include <string.h>

#include <millrace/arena.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "store/offset_codec_internal.h"
#include "base/bans.h"

struct offset_group {
    struct offset_item *first, *last;
};

/* One key. */
struct offset_item {
    struct offset_item *next_in_chain;
    struct offset_item *before, *after;   /* in its group */
    struct offset_group *group;
    uint64_t hash;                        /* of the meaning */
    int64_t timestamp_ms;
    uint64_t arrival;
    struct store_record record;           /* value: a block of its own */
    struct mr_bytes meaning;              /* the key itself where they are the same */
    char texts[];
};

struct offset_index {
    struct offset_item **chains;
    size_t chain_count;            /* a power of two */
    size_t count;
    uint64_t seed, arrivals;
    struct pointer_map *groups;    /* connector → struct offset_group */
    struct mr_arena *arena;        /* of the record at hand */
};

#define CHAINS_AT_BIRTH 64

struct offset_index *offset_index_create(void)
{
    struct offset_index *index = mem_calloc(1, sizeof(*index));
    if (index == NULL)
        return NULL;
    index->chains = mem_calloc(CHAINS_AT_BIRTH, sizeof(struct offset_item *));
    index->chain_count = CHAINS_AT_BIRTH;
    index->seed = hash_seed(index);
    index->groups = pointer_map_create(mem_free);
    index->arena = mr_arena_create(RECORD_ARENA_MAX);
    if (index->chains != NULL && index->groups != NULL && index->arena != NULL)
        return index;
    offset_index_destroy(index);
    return NULL;
}

static void item_destroy(struct offset_item *item)
{
    mem_free((void *)item->record.value.data);
    mem_free(item);
}

void offset_index_destroy(struct offset_index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; index->chains != NULL && i < index->chain_count; i++) {
        for (struct offset_item *item = index->chains[i], *next; item != NULL; item = next) {
            next = item->next_in_chain;
            item_destroy(item);
        }
    }
    mem_free(index->chains);
    pointer_map_destroy(index->groups);
    mr_arena_destroy(index->arena);
    mem_free(index);
}

static bool same(struct mr_bytes one, struct mr_bytes other)
{
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

static struct offset_item **chain_of(const struct offset_index *index, uint64_t hash)
{
    return &index->chains[hash & (index->chain_count - 1)];
}

/* Longer chains cost time only: no memory is no failure. */
static void chains_grow(struct offset_index *index)
{
    size_t count = index->chain_count * 2;
    struct offset_item **chains = mem_calloc(count, sizeof(struct offset_item *));
    if (chains == NULL)
        return;
    for (size_t i = 0; i < index->chain_count; i++) {
        for (struct offset_item *item = index->chains[i], *next; item != NULL; item = next) {
            next = item->next_in_chain;
            item->next_in_chain = chains[item->hash & (count - 1)];
            chains[item->hash & (count - 1)] = item;
        }
    }
    mem_free(index->chains);
    index->chains = chains;
    index->chain_count = count;
}

static struct offset_group *group_of(struct offset_index *index, const char *connector)
{
    struct offset_group *group = pointer_map_get(index->groups, connector);
    if (group != NULL)
        return group;
    group = mem_calloc(1, sizeof(*group));
    if (group == NULL || pointer_map_put(index->groups, connector, group))
        return group;
    mem_free(group);
    return NULL;
}

/* ---- items ---- */

static struct offset_item *item_create(struct mr_bytes key, struct mr_bytes meaning, uint64_t hash)
{
    bool is_same = same(key, meaning);
    struct offset_item *item = mem_calloc(1, sizeof(*item) + key.size + (is_same ? 0 : meaning.size));
    if (item == NULL)
        return NULL;
    memcpy(item->texts, key.data, key.size);
    item->record.key = (struct mr_bytes){.data = item->texts, .size = key.size};
    item->meaning = item->record.key;
    if (!is_same) {
        memcpy(item->texts + key.size, meaning.data, meaning.size);
        item->meaning = (struct mr_bytes){.data = item->texts + key.size, .size = meaning.size};
    }
    item->hash = hash;
    return item;
}

static void item_link(struct offset_index *index, struct offset_item *item, struct offset_group *group)
{
    if (index->count >= index->chain_count)
        chains_grow(index);
    struct offset_item **chain = chain_of(index, item->hash);
    item->next_in_chain = *chain;
    *chain = item;
    item->group = group;
    item->before = group->last;
    if (group->last != NULL)
        group->last->after = item;
    else
        group->first = item;
    group->last = item;
    index->count++;
}

static void item_unlink(struct offset_index *index, struct offset_item *item)
{
    struct offset_item **at = chain_of(index, item->hash);
    while (*at != item)
        at = &(*at)->next_in_chain;
    *at = item->next_in_chain;
    if (item->before != NULL)
        item->before->after = item->after;
    else
        item->group->first = item->after;
    if (item->after != NULL)
        item->after->before = item->before;
    else
        item->group->last = item->before;
    index->count--;
}

static struct offset_item *item_find(const struct offset_index *index, uint64_t hash, struct mr_bytes key)
{
    for (struct offset_item *item = *chain_of(index, hash); item != NULL; item = item->next_in_chain)
        if (item->hash == hash && same(item->record.key, key))
            return item;
    return NULL;
}

/* ---- applying ---- */

static bool put(struct offset_index *index, const char *connector, struct mr_bytes meaning,
                const struct store_record *record, int64_t timestamp_ms)
{
    uint64_t hash = hash_bytes(meaning.data, meaning.size, index->seed);
    struct offset_item *item = item_find(index, hash, record->key);
    if (record->value.data == NULL) {
        if (item != NULL) {
            item_unlink(index, item);
            item_destroy(item);
        }
        return true;
    }
    void *value = mem_copy(record->value.data, record->value.size);
    if (value == NULL)
        return false;
    if (item == NULL) {
        struct offset_group *group = group_of(index, connector);
        item = group != NULL ? item_create(record->key, meaning, hash) : NULL;
        if (item == NULL) {
            mem_free(value);
            return false;
        }
        item_link(index, item, group);
    }
    mem_free((void *)item->record.value.data);
    item->record.value = (struct mr_bytes){.data = value, .size = record->value.size};
    item->timestamp_ms = timestamp_ms;
    item->arrival = index->arrivals++;
    return true;
}

bool offset_index_apply(struct offset_index *index, struct mr_bytes key, struct mr_bytes value, int64_t timestamp_ms)
{
    const char *connector;
    const struct mr_value *partition;
    char shown[RECORD_KEY_SHOWN_MAX];
    mr_arena_clear(index->arena);
    switch (offset_key_read(index->arena, key, &connector, &partition)) {
    case RECORD_MALFORMED:
        log_warn("store.offset", "offset topic: record %s is ignored: its key names no source partition",
                 record_key_shown(key, shown));
        return true;
    case RECORD_NO_MEMORY:
        return false;
    case RECORD_READ:
        break;
    }
    struct str_buffer meaning;
    str_buffer_init(&meaning, RECORD_TEXT_MAX);
    offset_meaning_write(&meaning, index->arena, connector, partition);
    bool done = !str_buffer_failed(&meaning) &&
                put(index, connector, (struct mr_bytes){.data = meaning.data, .size = meaning.length},
                    &(struct store_record){.key = key, .value = value}, timestamp_ms);
    str_buffer_release(&meaning);
    return done;
}

/* ---- looking ---- */

static bool is_newer(const struct offset_item *one, const struct offset_item *other)
{
    if (one->timestamp_ms != other->timestamp_ms)
        return one->timestamp_ms > other->timestamp_ms;
    return one->arrival > other->arrival;
}

static const struct offset_item *speaker(const struct offset_index *index, uint64_t hash, struct mr_bytes meaning)
{
    const struct offset_item *newest = NULL;
    for (const struct offset_item *item = *chain_of(index, hash); item != NULL; item = item->next_in_chain)
        if (item->hash == hash && same(item->meaning, meaning) && (newest == NULL || is_newer(item, newest)))
            newest = item;
    return newest;
}

const struct store_record *offset_index_find(const struct offset_index *index, struct mr_bytes meaning)
{
    const struct offset_item *item =
        speaker(index, hash_bytes(meaning.data, meaning.size, index->seed), meaning);
    return item != NULL ? &item->record : NULL;
}

int offset_index_each_of_meaning(const struct offset_index *index, struct mr_bytes meaning, offset_index_each_fn *each,
                                 void *argument)
{
    uint64_t hash = hash_bytes(meaning.data, meaning.size, index->seed);
    int status = 0;
    for (struct offset_item *item = *chain_of(index, hash); status == 0 && item != NULL; item = item->next_in_chain)
        if (item->hash == hash && same(item->meaning, meaning))
            status = each(argument, &item->record);
    return status;
}

int offset_index_each_of_connector(const struct offset_index *index, const char *connector, offset_index_each_fn *each,
                                   void *argument)
{
    const struct offset_group *group = pointer_map_get(index->groups, connector);
    int status = 0;
    if (group == NULL)
        return 0;
    for (const struct offset_item *item = group->first; status == 0 && item != NULL; item = item->after)
        if (speaker(index, item->hash, item->meaning) == item)
            status = each(argument, &item->record);
    return status;
}

int offset_index_each(const struct offset_index *index, offset_index_each_fn *each, void *argument)
{
    int status = 0;
    for (size_t i = 0; i < pointer_map_count(index->groups); i++) {
        const struct offset_group *group = pointer_map_value(index->groups, i);
        for (const struct offset_item *item = group->first; status == 0 && item != NULL; item = item->after)
            status = each(argument, &item->record);
    }
    return status;
}

size_t offset_index_count(const struct offset_index *index)
{
    return index->count;
}
