#include "store/offset_batch_internal.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "store/offset_codec_internal.h"
#include "store/offset_store_internal.h"
#include "base/bans.h"

static int no_memory(const char *connector, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory to write source offsets", connector);
}

static int add(struct offset_batch *batch, struct mr_bytes key)
{
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity * 2 + 8;
        struct store_record *records = mem_realloc(batch->records, capacity * sizeof(*records));
        if (records == NULL)
            return -1;
        batch->records = records;
        batch->capacity = capacity;
    }
    batch->records[batch->count++] = (struct store_record){.key = key, .value = batch->value};
    return 0;
}

static int add_known(void *argument, const struct store_record *known)
{
    struct offset_batch *batch = argument;
    struct mr_bytes key = {.data = mr_arena_copy(batch->arena, known->key.data, known->key.size),
                           .size = known->key.size};
    return key.data != NULL ? add(batch, key) : -1;
}

/* Under the bytes known already; 1: some were. Removing takes every key of that meaning: else an older one would speak again. */
static int add_by_meaning(struct offset_batch *batch, struct offset_store *store, struct mr_bytes meaning)
{
    size_t before = batch->count;
    mutex_lock(&store->lock);
    const struct store_record *known = offset_index_find(store->index, meaning);
    int status = 0;
    if (known != NULL && batch->value.data != NULL)
        status = add_known(batch, known);
    else if (known != NULL)
        status = offset_index_each_of_meaning(store->index, meaning, add_known, batch);
    mutex_unlock(&store->lock);
    return status != 0 ? -1 : batch->count > before;
}

static int add_known_to_either(struct offset_batch *batch, struct offset_store *store, struct offset_store *other,
                               const char *connector, const struct mr_value *partition)
{
    struct str_buffer text;
    str_buffer_init(&text, RECORD_TEXT_MAX);
    offset_meaning_write(&text, batch->arena, connector, partition);
    struct mr_bytes meaning = {.data = text.data, .size = text.length};
    int found = str_buffer_failed(&text) ? -1 : add_by_meaning(batch, store, meaning);
    if (found == 0 && other != NULL)
        found = add_by_meaning(batch, other, meaning);
    str_buffer_release(&text);
    return found;
}

static int add_entry(struct offset_batch *batch, struct offset_store *store, struct offset_store *other, const char *connector,
                     const struct offset_entry *entry, struct mr_error **error)
{
    if (offset_check(entry->partition, "partition", connector, error) != 0 ||
        (!mr_value_is_null(entry->offset) && offset_check(entry->offset, "offset", connector, error) != 0) ||
        offset_value_write(batch->arena, entry->offset, &batch->value, error) != 0)
        return -1;
    int found = add_known_to_either(batch, store, other, connector, entry->partition);
    struct mr_bytes key;
    if (found == 0 && offset_key_write(batch->arena, connector, entry->partition, &key, error) != 0)
        return -1;
    return found < 0 || (found == 0 && add(batch, key) != 0) ? no_memory(connector, error) : 0;
}

static bool is_of_part(const struct offset_entry *entry, enum offset_part part)
{
    return part == OFFSET_PART_ALL || mr_value_is_null(entry->offset) == (part == OFFSET_PART_TOMBSTONES);
}

int offset_batch_fill(struct offset_batch *batch, struct offset_store *store, struct offset_store *other, const char *connector,
                      const struct offset_entry *entries, size_t count, enum offset_part part, struct mr_error **error)
{
    int status = batch->arena != NULL ? 0 : no_memory(connector, error);
    for (size_t i = 0; status == 0 && i < count; i++)
        if (is_of_part(&entries[i], part))
            status = add_entry(batch, store, other, connector, &entries[i], error);
    return status;
}

void offset_batch_release(struct offset_batch *batch)
{
    mem_free(batch->records);
    batch->records = NULL;
    batch->count = batch->capacity = 0;
}
