#include "sdk/record_internal.h"

#include <assert.h>

#include "base/mem.h"
#include "base/bans.h"

struct batch_release {
    struct batch_release *next;
    batch_release_fn *fn;
    void *argument;
};

struct mr_batch *batch_create(struct batch_pool *pool, size_t limit_bytes)
{
    struct mr_batch *batch = mem_calloc(1, sizeof(*batch));
    if (batch == NULL)
        return NULL;
    arena_init(&batch->arena, limit_bytes);
    atomic_init(&batch->references, 1);
    batch->pool = pool;
    return batch;
}

void batch_destroy(struct mr_batch *batch)
{
    arena_release(&batch->arena);
    mem_free(batch);
}

/* What a list was, ends with the arena's content; the table of chunks needs no clearing. */
static void list_reset(struct record_list *list)
{
    list->next = list->end = NULL;
    list->count = list->chunk_count = 0;
}

static void run_releases(struct mr_batch *batch)
{
    for (struct batch_release *at = batch->releases; at != NULL; at = at->next)
        at->fn(at->argument);
    batch->releases = NULL;
}

static void empty(struct mr_batch *batch)
{
    run_releases(batch);
    list_reset(&batch->entries);
    list_reset(&batch->copies);
    batch->progress_count = batch->cursor_record = batch->cursor_entry = 0;
    batch->broken = false;
    batch->owner = NULL;
    batch->share_bytes = batch->work_bytes_max = 0;
    mr_arena_clear(&batch->arena);
}

void batch_clear(struct mr_batch *batch)
{
    assert(batch_is_mine_alone(batch));
    empty(batch);
}

int batch_on_release(struct mr_batch *batch, batch_release_fn *fn, void *argument)
{
    struct batch_release *release = arena_alloc(&batch->arena, sizeof(*release));
    if (release == NULL)
        return -1;
    *release = (struct batch_release){.next = batch->releases, .fn = fn, .argument = argument};
    batch->releases = release;
    return 0;
}

struct mr_batch *mr_batch_create(size_t limit_bytes)
{
    return batch_create(NULL, limit_bytes);
}

struct mr_batch *mr_batch_take(struct mr_batch *batch)
{
    uint32_t before = atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    assert(before > 0 && before < UINT32_MAX / 2);
    (void)before;
    return batch;
}

void mr_batch_drop(struct mr_batch *batch)
{
    if (batch == NULL)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel);
    assert(before > 0 && before < UINT32_MAX / 2);
    if (before > 1)
        return;
    empty(batch);
    if (batch->pool != NULL)
        batch_pool_give(batch->pool, batch);
    else
        batch_destroy(batch);
}

struct mr_arena *mr_batch_arena(struct mr_batch *batch)
{
    return &batch->arena;
}

/* Records --------------------------------------------------------------------------------------------------- */

static int list_grow(struct mr_batch *batch, struct record_list *list)
{
    if (list->chunk_count == BATCH_CHUNKS_MAX)
        return -1;
    size_t records = (size_t)BATCH_FIRST_CHUNK_RECORDS << list->chunk_count;
    struct mr_record *chunk = arena_alloc(&batch->arena, records * sizeof(*chunk));
    if (chunk == NULL)
        return -1;
    list->chunks[list->chunk_count++] = chunk;
    list->next = chunk;
    list->end = chunk + records;
    return 0;
}

/* Two words at a time: compilers make a loop of their own (rep stos) of a memset of this size, which takes twice as long. */
static inline void record_clear(struct mr_record *record)
{
    typedef uint64_t pair __attribute__((vector_size(16), may_alias));
    pair *at = (pair *)(void *)record;
    _Static_assert(sizeof(struct mr_record) == 8 * sizeof(pair), "all of a record is cleared");
    at[0] = at[1] = at[2] = at[3] = at[4] = at[5] = at[6] = at[7] = (pair){0, 0};
}

struct mr_record *batch_add(struct mr_batch *batch, struct record_list *list, enum record_kind kind)
{
    if (list->next == list->end && list_grow(batch, list) < 0)
        return NULL;
    struct mr_record *record = list->next++;
    list->count++;
    record_clear(record);
    record->content.key = record->content.value = mr_null();
    record->content.source_partition = record->content.source_offset = mr_null();
    record->content.partition = MR_PARTITION_NONE;
    record->batch = batch;
    record->original = record;
    record->kind = (uint8_t)kind;
    return record;
}

struct mr_record *mr_batch_append(struct mr_batch *batch)
{
    return batch_add(batch, &batch->entries, RECORD_SOURCE);
}

struct mr_record *batch_append_consumed(struct mr_batch *batch, const struct record_origin *origin)
{
    struct record_list *list = &batch->entries;
    if (list->next == list->end && list_grow(batch, list) < 0)
        return NULL;
    struct mr_record *record = list->next++;
    const struct mr_value *null = mr_null();
    bool has_timestamp = origin->timestamp_ms >= 0;
    __builtin_prefetch(record + 3, 1);
    __builtin_prefetch((const char *)(record + 3) + 64, 1);
    __builtin_prefetch(origin + 4);
    list->count++;
    record_clear(record);
    record->content.topic = origin->topic;
    record->content.key = record->content.value = null;
    record->content.has_timestamp = has_timestamp;
    record->content.timestamp_type = origin->timestamp_type;
    record->content.partition = origin->partition;
    record->content.timestamp_ms = has_timestamp ? origin->timestamp_ms : 0;
    record->content.origin = origin;
    record->batch = batch;
    record->original = record;
    record->kind = RECORD_SINK;
    return record;
}

int mr_batch_append_progress(struct mr_batch *batch, const struct mr_value *source_partition,
    const struct mr_value *source_offset)
{
    struct mr_record *marker = source_partition == NULL || source_offset == NULL
        ? NULL : batch_add(batch, &batch->entries, RECORD_PROGRESS);
    if (marker == NULL) {
        batch->broken = true; /* as a setter that failed: the batch would say less than it should */
        return -1;
    }
    marker->content.source_partition = source_partition;
    marker->content.source_offset = source_offset;
    batch->progress_count++;
    return 0;
}

size_t mr_batch_count(const struct mr_batch *batch)
{
    return batch->entries.count - batch->progress_count;
}

/* With progress markers in between, the place of a record is found from where the last look ended. */
struct mr_record *mr_batch_at(struct mr_batch *batch, size_t index)
{
    if (index >= mr_batch_count(batch))
        return NULL;
    if (batch->progress_count == 0)
        return batch_entry_at(batch, (uint32_t)index);
    if (index < batch->cursor_record)
        batch->cursor_record = batch->cursor_entry = 0;
    for (;; batch->cursor_entry++) {
        struct mr_record *entry = batch_entry_at(batch, batch->cursor_entry);
        if (entry->kind == RECORD_PROGRESS)
            continue;
        if (batch->cursor_record == index)
            return entry;
        batch->cursor_record++;
    }
}
