#include "store/offset_store_internal.h"

#include <pthread.h>

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"
#include "store/offset_codec_internal.h"
#include "base/bans.h"

struct offset_store {
    const struct offset_log *log;
    void *log_argument;
    pthread_mutex_t lock;        /* for all below; held for moments */
    struct offset_index *index;
    char *lost_copy;
    const char *lost;            /* why puts are refused; NULL: they are not */
};

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
    store->log = log;
    store->log_argument = argument;
    return store;
}

void offset_store_destroy(struct offset_store *store)
{
    if (store == NULL)
        return;
    if (store->log->destroy != NULL)
        store->log->destroy(store->log_argument);
    offset_index_destroy(store->index);
    mem_free(store->lost_copy);
    mutex_destroy(&store->lock);
    mem_free(store);
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
    return store->log->refresh(store->log_argument, deadline_ms, error);
}

void offset_store_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done, void *argument)
{
    store->log->refresh_then(store->log_argument, deadline_ms, done, argument);
}

/* ---- putting ---- */

/* The records of one put, in an arena of its own. */
struct offset_batch {
    struct mr_arena *arena;
    struct store_record *records;
    size_t count, capacity;
    struct mr_bytes value;   /* of the entry at hand */
};

static int batch_add(struct offset_batch *batch, struct mr_bytes key)
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

static int batch_add_known(void *argument, const struct store_record *known)
{
    struct offset_batch *batch = argument;
    struct mr_bytes key = {.data = mr_arena_copy(batch->arena, known->key.data, known->key.size),
                           .size = known->key.size};
    return key.data != NULL ? batch_add(batch, key) : -1;
}

/* Under the bytes known already. Removing takes every key of that meaning: else an older one would speak again. */
static int batch_add_by_meaning(struct offset_batch *batch, struct offset_store *store, struct mr_bytes meaning)
{
    size_t before = batch->count;
    mutex_lock(&store->lock);
    const struct store_record *known = offset_index_find(store->index, meaning);
    int status = 0;
    if (known != NULL && batch->value.data != NULL)
        status = batch_add_known(batch, known);
    else if (known != NULL)
        status = offset_index_each_of_meaning(store->index, meaning, batch_add_known, batch);
    mutex_unlock(&store->lock);
    return status != 0 ? -1 : batch->count > before;
}

static int batch_add_entry(struct offset_batch *batch, struct offset_store *store, const char *connector,
                           const struct offset_entry *entry, struct mr_error **error)
{
    if (offset_check(entry->partition, "partition", connector, error) != 0 ||
        (!mr_value_is_null(entry->offset) && offset_check(entry->offset, "offset", connector, error) != 0) ||
        offset_value_write(batch->arena, entry->offset, &batch->value, error) != 0)
        return -1;
    struct str_buffer meaning;
    str_buffer_init(&meaning, RECORD_TEXT_MAX);
    offset_meaning_write(&meaning, batch->arena, connector, entry->partition);
    int found = str_buffer_failed(&meaning)
                    ? -1
                    : batch_add_by_meaning(batch, store,
                                           (struct mr_bytes){.data = meaning.data, .size = meaning.length});
    str_buffer_release(&meaning);
    struct mr_bytes key;
    if (found == 0 && offset_key_write(batch->arena, connector, entry->partition, &key, error) != 0)
        return -1;
    if (found < 0 || (found == 0 && batch_add(batch, key) != 0))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory to write source offsets", connector);
    return 0;
}

static int refuse_when_lost(struct offset_store *store, struct mr_error **error)
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
    if (refuse_when_lost(store, error) != 0)
        return -1;
    struct offset_batch batch = {.arena = mr_arena_create(RECORD_ARENA_MAX)};
    int status = 0;
    if (batch.arena == NULL)
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "connector %s: no memory to write source offsets", connector);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = batch_add_entry(&batch, store, connector, &entries[i], error);
    if (status == 0 && batch.count == 0)
        done(argument, NULL);
    else if (status == 0)
        status = store->log->append(store->log_argument, batch.records, batch.count, done, argument, error);
    mem_free(batch.records);
    mr_arena_destroy(batch.arena);
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
    int status = str_buffer_failed(&meaning)
                     ? -1
                     : value_find(store, (struct mr_bytes){meaning.data, meaning.length}, arena, &value);
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

static int listing_tell(const struct offset_listing *listing, const char *connector, offset_each_fn *each,
                        void *argument, struct mr_error **error)
{
    for (size_t i = 0; i < listing->count; i++) {
        const char *name;
        const struct mr_value *partition;
        if (offset_key_read(listing->arena, listing->records[i].key, &name, &partition) != RECORD_READ)
            return no_memory(listing->arena, connector, error);
        const struct mr_value *offset = value_read(listing->arena, connector, listing->records[i].value, error);
        if (offset == NULL)
            return -1;
        if (!mr_value_is_null(offset) && each(argument, partition, offset) != 0)
            return mr_error_set(error, MR_ERR_CONNECT, "connector %s: listing source offsets was ended", connector);
    }
    return 0;
}

int offset_store_each(struct offset_store *store, const char *connector, struct mr_arena *arena, offset_each_fn *each,
                      void *argument, struct mr_error **error)
{
    struct offset_listing listing = {.arena = arena};
    mutex_lock(&store->lock);
    int status = offset_index_each_of_connector(store->index, connector, listing_add, &listing);
    mutex_unlock(&store->lock);
    status = status == 0 ? listing_tell(&listing, connector, each, argument, error)
                         : no_memory(arena, connector, error);
    mem_free(listing.records);
    return status;
}
