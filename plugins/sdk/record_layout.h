/*
 * record_layout: what records and batches are made of, and the worker's side of them: pools, origins, release calls,
 * snapshots. For libmillrace and for rooms of the worker; never for plugins.
 *
 * Batches. All memory of a batch is its arena's. Records live in chunks that double, so their addresses never change
 * while the batch grows. A batch has two lists: its entries (records and progress markers, in the order of appending)
 * and the copies that transforms made. References are counted per batch, never per record.
 *
 * Pools. A pool gives empty batches and gets them back by itself when their last reference is dropped, on whichever
 * thread that happens; after warm-up neither costs a malloc. The pool may be destroyed while batches are out: those free
 * themselves later. At most `idle_max` batches lie idle; a further one is freed.
 *
 * Thread: as record.h says; batch_pool_take, mr_batch_take and mr_batch_drop from any thread.
 */
#ifndef SDK_RECORD_LAYOUT_H
#define SDK_RECORD_LAYOUT_H

#include "sdk/inside.h"

#include <millrace/record.h>
#include <stdatomic.h>
#include <string.h>

#include "sdk/value_layout.h"

enum record_kind {
    RECORD_SOURCE = 0, /* also records that a plugin makes in a batch of its own */
    RECORD_SINK = 1,
    RECORD_PROGRESS = 2 /* no record: only source_partition and source_offset */
};

/* A header as it was consumed: bytes in the Kafka message. value.data NULL: null. */
struct record_raw_header {
    const char *key;
    struct mr_bytes value;
};

/* Where a sink record was consumed; shared by its copies. All references outlive the batch's content: names from the
 * task, bytes from a message that batch_on_release lets go. */
struct record_origin {
    const char *topic;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct mr_bytes key, value; /* data NULL: null */
    const struct record_raw_header *headers;
    uint32_t header_count;
    int32_t partition;
    uint8_t timestamp_type; /* enum mr_timestamp_type */
};

struct record_header {
    const char *key;
    const struct mr_schema *schema;
    const struct mr_value *value;
};

#define RECORD_HEADERS_MAX UINT16_MAX

/* Everything that plugins may change; a snapshot is a copy of it. */
struct record_content {
    const char *topic; /* NULL: none */
    const struct mr_schema *key_schema, *value_schema; /* NULL: schemaless */
    const struct mr_value *key, *value;                /* never NULL */
    struct record_header *headers;
    uint16_t header_count, header_capacity;
    bool headers_shared; /* somebody else may see the array: copy it before a change */
    bool has_timestamp;
    uint8_t timestamp_type; /* enum mr_timestamp_type */
    int32_t partition;
    int64_t timestamp_ms;
    union {
        struct { /* RECORD_SOURCE, RECORD_PROGRESS; never NULL, of kind null where there is none */
            const struct mr_value *source_partition, *source_offset;
        };
        const struct record_origin *origin; /* RECORD_SINK; never NULL */
    };
};

struct mr_record {
    struct record_content content;
    struct mr_batch *batch;
    struct mr_record *original; /* of a copy: the entry it descends from; of an entry: itself */
    /* The owner's (a task's) own; all zero at birth, in copies as well. Nobody in sdk looks at them. */
    void *owner;
    uint32_t owner_index;
    _Atomic uint32_t owner_pending; /* e.g. copies on their way */
    _Atomic uint8_t owner_state;
    uint8_t kind; /* enum record_kind */
};

_Static_assert(sizeof(struct mr_record) <= 128, "a record is two cache lines");

#define BATCH_FIRST_CHUNK_RECORDS 16u
#define BATCH_CHUNKS_MAX 24

/* A growing list of records: chunk n holds BATCH_FIRST_CHUNK_RECORDS << n. */
struct record_list {
    struct mr_record *next, *end; /* free rest of the last chunk */
    uint32_t count, chunk_count;
    struct mr_record *chunks[BATCH_CHUNKS_MAX];
};

typedef void batch_release_fn(void *argument);
struct batch_release;
struct batch_pool;

struct mr_batch {
    struct mr_arena arena;
    struct record_list entries, copies;
    uint32_t progress_count; /* progress markers among the entries */
    bool broken;             /* a record was left unfinished: a setter failed */
    uint32_t cursor_record, cursor_entry; /* where mr_batch_at looked last, for batches with progress markers */
    _Atomic uint32_t references;
    struct batch_release *releases; /* newest first */
    struct batch_pool *pool;        /* NULL: a batch of its own */
    struct mr_batch *next_idle;
    void *owner; /* the worker's own; NULL in a batch fresh from a pool */
    /* What transforms and converters may make of one record, and of all together with what the batch brought; 0: no shares. */
    size_t share_bytes, work_bytes_max;
};

static inline struct mr_record *record_list_at(const struct record_list *list, uint32_t index)
{
    uint32_t shifted = index + BATCH_FIRST_CHUNK_RECORDS;
    uint32_t chunk = (uint32_t)__builtin_clz(BATCH_FIRST_CHUNK_RECORDS) - (uint32_t)__builtin_clz(shifted);
    return &list->chunks[chunk][shifted - (BATCH_FIRST_CHUNK_RECORDS << chunk)];
}

/* Pools ---------------------------------------------------------------------------------------------------- */

struct batch_pool_setup {
    size_t batch_limit_bytes; /* of each batch's arena */
    uint32_t idle_max;
    size_t idle_bytes_max; /* of all idle ones, of which one is kept at any size; 0: as many as idle_max */
};

MR_EXPORT struct batch_pool *batch_pool_create(const struct batch_pool_setup *setup); /* NULL: no memory */
MR_EXPORT void batch_pool_destroy(struct batch_pool *pool);
/* An empty batch with one reference, for the caller. NULL: no memory. */
MR_EXPORT struct mr_batch *batch_pool_take(struct batch_pool *pool);
/* Gives the memory of idle batches back to the system: for a task that has nothing to do. */
MR_EXPORT void batch_pool_trim(struct batch_pool *pool);
MR_EXPORT uint32_t batch_pool_out_count(struct batch_pool *pool); /* batches taken and not yet back */

/* Batches -------------------------------------------------------------------------------------------------- */

/* Calls fn(argument) when the last reference goes, on that thread, before the memory is used again; the last one
 * registered is called first. fn must not touch the batch. -1: no memory, nothing was registered. */
MR_EXPORT int batch_on_release(struct mr_batch *batch, batch_release_fn *fn, void *argument) MR_MUST_USE;

/* Empties a batch of which the caller holds the only reference, as if just taken; release functions run. */
MR_EXPORT void batch_clear(struct mr_batch *batch);

static inline bool batch_is_mine_alone(const struct mr_batch *batch)
{
    return atomic_load_explicit(&batch->references, memory_order_acquire) == 1;
}

/* Records and progress markers, in order of appending. */
static inline uint32_t batch_entry_count(const struct mr_batch *batch)
{
    return batch->entries.count;
}

static inline struct mr_record *batch_entry_at(const struct mr_batch *batch, uint32_t index)
{
    return record_list_at(&batch->entries, index);
}

/* Did a setter of one of its records fail (no memory, or a constructor's NULL)? Then the record lacks what was to be set. */
static inline bool batch_is_broken(const struct mr_batch *batch)
{
    return batch->broken;
}

/* Before a plugin works on a record of the batch: failures of earlier records have been answered for. */
static inline void batch_failures_forget(struct mr_batch *batch)
{
    batch->broken = false;
    batch->arena.failure = ARENA_NO_MEMORY;
}

/* Before transforms and converters work on a record. */
static inline void batch_record_begin(struct mr_batch *batch)
{
    batch_failures_forget(batch);
    if (batch->share_bytes != 0 && !arena_has_share(&batch->arena, batch->share_bytes))
        arena_allow(&batch->arena, batch->share_bytes, batch->work_bytes_max);
}

/* They have worked on all of them: what the worker itself needs for its records has no limit. */
static inline void batch_work_end(struct mr_batch *batch)
{
    batch_failures_forget(batch);
    if (batch->share_bytes != 0)
        arena_allow(&batch->arena, SIZE_MAX, SIZE_MAX);
}

/* What mr_record_copy made, in order of making. */
static inline uint32_t batch_copy_count(const struct mr_batch *batch)
{
    return batch->copies.count;
}

static inline struct mr_record *batch_copy_at(const struct mr_batch *batch, uint32_t index)
{
    return record_list_at(&batch->copies, index);
}

/* Records -------------------------------------------------------------------------------------------------- */

static inline enum record_kind record_kind(const struct mr_record *record)
{
    return (enum record_kind)record->kind;
}

/* Makes it a sink record: copies the struct (not what it refers to) and sets topic, partition and timestamp from it.
 * Key, value and headers are for the converters to set. -1: no memory. */
MR_EXPORT int record_set_origin(struct mr_record *record, const struct record_origin *origin) MR_MUST_USE;

/* Appends a sink record of that origin, to which it refers: it has to outlive the batch's content. As mr_batch_append and
 * record_set_origin, but nothing is copied. NULL: no memory. */
MR_EXPORT struct mr_record *batch_append_consumed(struct mr_batch *batch, const struct record_origin *origin);

/* As mr_record_add_header for a key that outlives the batch's content. */
MR_EXPORT int record_add_header_ref(struct mr_record *record, const char *key, const struct mr_schema *schema,
    const struct mr_value *value) MR_MUST_USE;

/* NULL for a record that is no sink record. */
static inline const struct record_origin *record_origin(const struct mr_record *record)
{
    return record->kind == RECORD_SINK ? record->content.origin : NULL;
}

/* Without keeping the schema: for a schema that lives for ever or that the caller had the arena keep. */
static inline void record_set_value_kept(struct mr_record *record, const struct mr_schema *schema,
    const struct mr_value *value)
{
    record->content.value_schema = schema;
    record->content.value = value;
}

static inline void record_set_key_kept(struct mr_record *record, const struct mr_schema *schema,
    const struct mr_value *key)
{
    record->content.key_schema = schema;
    record->content.key = key;
}

/* Undo: what record_restore brings back is the content at the time of the snapshot, whatever plugins did in between
 * (values are constant once set; header arrays are copied on change from here on). Costs a copy of 88 bytes. */
static inline void record_snapshot(struct mr_record *record, struct record_content *snapshot)
{
    record->content.headers_shared = true;
    *snapshot = record->content;
}

static inline void record_restore(struct mr_record *record, const struct record_content *snapshot)
{
    record->content = *snapshot;
}

#endif
