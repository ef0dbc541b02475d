#include "store/offset_store_internal.h"

#include <pthread.h>

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "store/offset_batch_internal.h"
#include "store/offset_codec_internal.h"
#include "base/bans.h"

struct offset_store *offset_store_create(const struct offset_log *log, void *argument, struct mr_error **error)
{
    struct offset_store *store = mem_calloc(1, sizeof(*store));
    if (store != NULL)
        store->index = offset_index_create();
    if (store == NULL || store->index == NULL) {
        mem_free(store);
        mr_error_set(error, MR_ERR_NO_MEMORY, "offset store: no memory");
        return NULL;
    }
    mutex_init(&store->lock);
    cond_init(&store->unused);
    refcount_init(&store->refcount);
    store->log = log;
    store->log_argument = argument;
    return store;
}

void offset_store_release(struct offset_store *store)
{
    if (!refcount_drop(&store->refcount))
        return;
    offset_index_destroy(store->index);
    mem_free(store->lost_copy);
    cond_destroy(&store->unused);
    mutex_destroy(&store->lock);
    mem_free(store);
}

void offset_store_destroy(struct offset_store *store)
{
    if (store == NULL)
        return;
    mutex_lock(&store->lock);
    store->is_ended = true;
    while (store->users > 0)
        cond_wait(&store->unused, &store->lock);
    mutex_unlock(&store->lock);
    if (store->log->destroy != NULL)
        store->log->destroy(store->log_argument);
    offset_store_release(store);
}

int offset_store_feed(struct offset_store *store, struct mr_bytes key, struct mr_bytes value, int64_t timestamp_ms)
{
    mutex_lock(&store->lock);
    bool done = offset_index_apply(store->index, key, value, timestamp_ms);
    mutex_unlock(&store->lock);
    return done ? 0 : -1;
}

int offset_store_each_record(struct offset_store *store, offset_index_each_fn *each, void *argument)
{
    mutex_lock(&store->lock);
    int status = offset_index_each(store->index, each, argument);
    mutex_unlock(&store->lock);
    return status;
}

void offset_store_lose(struct offset_store *store, const char *words)
{
    mutex_lock(&store->lock);
    bool first = store->lost == NULL;
    if (first) {
        store->lost_copy = mem_strdup(words);
        store->lost = store->lost_copy != NULL ? store->lost_copy : "records are gone, and no memory to say why";
    }
    mutex_unlock(&store->lock);
    if (first)
        log_error("store.offset", "offset topic: %s; offsets are not written any more", words);
}

bool offset_store_is_lost(struct offset_store *store)
{
    mutex_lock(&store->lock);
    bool is_lost = store->lost != NULL;
    mutex_unlock(&store->lock);
    return is_lost;
}

int offset_refresh_nothing(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    (void)argument;
    (void)deadline_ms;
    (void)error;
    return 0;
}

void offset_refresh_nothing_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument)
{
    (void)argument;
    (void)deadline_ms;
    done(done_argument, NULL);
}

int offset_store_refresh(struct offset_store *store, int64_t deadline_ms, struct mr_error **error)
{
    if (store->below != NULL && offset_store_refresh(store->below, deadline_ms, error) != 0)
        return -1;
    return store->log->refresh(store->log_argument, deadline_ms, error);
}

void offset_store_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done, void *argument)
{
    if (store->below != NULL)
        offset_layers_refresh_then(store, deadline_ms, done, argument);
    else
        store->log->refresh_then(store->log_argument, deadline_ms, done, argument);
}

/* ---- putting ---- */

int offset_store_refuse_when_lost(struct offset_store *store, struct mr_error **error)
{
    int status = 0;
    mutex_lock(&store->lock);
    if (store->lost != NULL)
        status = mr_error_set(error, MR_ERR_CONFLICT, "offset topic: %s", store->lost);
    mutex_unlock(&store->lock);
    return status;
}

int offset_store_put(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                     size_t count, offset_done_fn *done, void *argument, struct mr_error **error)
{
    if (offset_store_refuse_when_lost(store, error) != 0)
        return -1;
    if (store->below != NULL)
        return offset_layers_put(store, connector, entries, count, done, argument, error);
    struct offset_batch batch = {.arena = mr_arena_create(RECORD_ARENA_MAX)};
    int status = offset_batch_fill(&batch, store, NULL, connector, entries, count, OFFSET_PART_ALL, error);
    if (status == 0 && batch.count == 0)
        done(argument, NULL);
    else if (status == 0)
        status = store->log->append(store->log_argument, batch.records, batch.count, done, argument, error);
    offset_batch_release(&batch);
    mr_arena_destroy(batch.arena);
    return status;
}

int offset_store_encode(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                        struct mr_arena *arena, struct offset_record **records, size_t *record_count, struct mr_error **error)
{
    struct offset_batch batch = {.arena = arena};
    int status = offset_store_refuse_when_lost(store, error);
    if (status == 0)
        status = offset_batch_fill(&batch, store, store->below, connector, entries, count, OFFSET_PART_ALL, error);
    *records = status == 0 ? mr_arena_alloc(arena, (batch.count + 1) * sizeof(**records)) : NULL;
    if (status == 0 && *records == NULL)
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory to write source offsets", connector);
    for (size_t i = 0; status == 0 && i < batch.count; i++)
        (*records)[i] = (struct offset_record){batch.records[i].key, batch.records[i].value};
    *record_count = batch.count;
    offset_batch_release(&batch);
    return status;
}

/* ---- getting ---- */

static int no_memory(const struct mr_arena *arena, const char *connector, struct mr_error **error)
{
    mr_arena_failed(arena, error);
    return mr_error_wrap(error, "connector %s: source offsets", connector);
}

/* The bytes stored for a meaning, copied; no data: none. */
static int value_find(struct offset_store *store, struct mr_bytes meaning, struct mr_arena *arena,
                      struct mr_bytes *value)
{
    int status = 0;
    *value = (struct mr_bytes){0};
    mutex_lock(&store->lock);
    const struct store_record *known = offset_index_find(store->index, meaning);
    if (known != NULL) {
        *value = (struct mr_bytes){.data = mr_arena_copy(arena, known->value.data, known->value.size),
                                   .size = known->value.size};
        status = value->data != NULL ? 0 : -1;
    }
    mutex_unlock(&store->lock);
    return status;
}

static const struct mr_value *value_read(struct mr_arena *arena, const char *connector, struct mr_bytes bytes,
                                         struct mr_error **error)
{
    const struct mr_value *value = mr_json_read(arena, bytes, 0, error);
    if (value != NULL && (mr_value_is_null(value) || offset_check(value, "offset", connector, error) == 0))
        return value;
    mr_error_wrap(error, "connector %s: a stored source offset cannot be read", connector);
    return NULL;
}

const struct mr_value *offset_store_get(struct offset_store *store, const char *connector,
                                        const struct mr_value *partition, struct mr_arena *arena,
                                        struct mr_error **error)
{
    if (offset_check(partition, "partition", connector, error) != 0)
        return NULL;
    struct str_buffer meaning;
    struct mr_bytes value;
    str_buffer_init(&meaning, RECORD_TEXT_MAX);
    offset_meaning_write(&meaning, arena, connector, partition);
    struct mr_bytes wanted = {meaning.data, meaning.length};
    int status = str_buffer_failed(&meaning) ? -1 : value_find(store, wanted, arena, &value);
    if (status == 0 && value.data == NULL && store->below != NULL)
        status = value_find(store->below, wanted, arena, &value);
    str_buffer_release(&meaning);
    if (status != 0) {
        no_memory(arena, connector, error);
        return NULL;
    }
    return value.data != NULL ? value_read(arena, connector, value, error) : mr_null();
}

/* Copies of the records of a connector. */
struct offset_listing {
    struct mr_arena *arena;
    struct store_record *records;
    size_t count, capacity;
};

static int listing_add(void *argument, const struct store_record *record)
{
    struct offset_listing *listing = argument;
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity * 2 + 16;
        struct store_record *records = mem_realloc(listing->records, capacity * sizeof(*records));
        if (records == NULL)
            return -1;
        listing->records = records;
        listing->capacity = capacity;
    }
    struct store_record copy = {
        .key = {mr_arena_copy(listing->arena, record->key.data, record->key.size), record->key.size},
        .value = {mr_arena_copy(listing->arena, record->value.data, record->value.size), record->value.size}};
    if (copy.key.data == NULL || copy.value.data == NULL)
        return -1;
    listing->records[listing->count++] = copy;
    return 0;
}

/* 1: `above` has an offset of that partition, 0: not, -1: no memory. */
static int is_known_above(struct offset_store *above, struct mr_arena *arena, const char *connector,
                          const struct mr_value *partition)
{
    struct str_buffer meaning;
    str_buffer_init(&meaning, RECORD_TEXT_MAX);
    offset_meaning_write(&meaning, arena, connector, partition);
    int known = -1;
    if (!str_buffer_failed(&meaning)) {
        mutex_lock(&above->lock);
        known = offset_index_find(above->index, (struct mr_bytes){meaning.data, meaning.length}) != NULL;
        mutex_unlock(&above->lock);
    }
    str_buffer_release(&meaning);
    return known;
}

/* Without those that `above` (may be NULL) knows better. */
static int listing_tell(const struct offset_listing *listing, struct offset_store *above, const char *connector,
                        offset_each_fn *each, void *argument, struct mr_error **error)
{
    for (size_t i = 0; i < listing->count; i++) {
        const char *name;
        const struct mr_value *partition;
        if (offset_key_read(listing->arena, listing->records[i].key, &name, &partition) != RECORD_READ)
            return no_memory(listing->arena, connector, error);
        int known_above = above == NULL ? 0 : is_known_above(above, listing->arena, connector, partition);
        if (known_above < 0)
            return no_memory(listing->arena, connector, error);
        if (known_above == 1)
            continue;
        const struct mr_value *offset = value_read(listing->arena, connector, listing->records[i].value, error);
        if (offset == NULL)
            return -1;
        if (!mr_value_is_null(offset) && each(argument, partition, offset) != 0)
            return mr_error_set(error, MR_ERR_CONNECT, "connector %s: listing source offsets was ended", connector);
    }
    return 0;
}

static int each_of(struct offset_store *store, struct offset_store *above, const char *connector, struct mr_arena *arena,
                   offset_each_fn *each, void *argument, struct mr_error **error)
{
    struct offset_listing listing = {.arena = arena};
    mutex_lock(&store->lock);
    int status = offset_index_each_of_connector(store->index, connector, listing_add, &listing);
    mutex_unlock(&store->lock);
    status = status == 0 ? listing_tell(&listing, above, connector, each, argument, error)
                         : no_memory(arena, connector, error);
    mem_free(listing.records);
    return status;
}

int offset_store_each(struct offset_store *store, const char *connector, struct mr_arena *arena, offset_each_fn *each,
                      void *argument, struct mr_error **error)
{
    if (each_of(store, NULL, connector, arena, each, argument, error) != 0)
        return -1;
    return store->below == NULL ? 0 : each_of(store->below, store, connector, arena, each, argument, error);
}
