#include "sdk/arena_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sdk/schema_internal.h"
#include "base/mem.h"
#include "base/bans.h"

#define KEPT_CAPACITY_FIRST 16u
/* A larger table is not carried into the next use. */
#define KEPT_CAPACITY_CARRIED_MAX 1024u

/* "No limit" still leaves room for the sums below. */
static size_t limit_within_reason(size_t limit_bytes)
{
    return limit_bytes < SIZE_MAX / 8 ? limit_bytes : SIZE_MAX / 8;
}

void arena_init(struct mr_arena *arena, size_t limit_bytes)
{
    *arena = (struct mr_arena){.limit_means = ARENA_AT_LIMIT};
    arena_set_limit(arena, limit_bytes);
}

static void chunk_free(struct mr_arena *arena, struct arena_chunk *chunk)
{
    arena->reserved_bytes -= chunk->capacity_bytes;
    ARENA_UNPOISON(chunk->data, chunk->capacity_bytes);
    mem_free(chunk);
}

static struct arena_chunk *chunk_create(struct mr_arena *arena, size_t capacity_bytes, bool is_own)
{
    struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + capacity_bytes);
    if (chunk == NULL) {
        arena->failure = ARENA_NO_MEMORY;
        return NULL;
    }
    chunk->capacity_bytes = capacity_bytes;
    chunk->is_own = is_own;
    ARENA_POISON(chunk->data, capacity_bytes);
    arena->reserved_bytes += capacity_bytes;
    return chunk;
}

/* Takes an empty chunk of least to most bytes out of the list, or makes one of `fresh` bytes. */
static struct arena_chunk *chunk_find(struct mr_arena *arena, bool is_own, size_t least, size_t most, size_t fresh)
{
    for (struct arena_chunk **at = &arena->empty; *at != NULL; at = &(*at)->next) {
        struct arena_chunk *chunk = *at;
        if (chunk->is_own == is_own && chunk->capacity_bytes >= least && chunk->capacity_bytes <= most) {
            *at = chunk->next;
            arena->empty_bytes -= chunk->capacity_bytes;
            return chunk;
        }
    }
    return chunk_create(arena, fresh, is_own);
}

static void chunk_push(struct arena_chunk **list, struct arena_chunk *chunk)
{
    chunk->next = *list;
    *list = chunk;
}

static size_t next_chunk_bytes(const struct mr_arena *arena, size_t rounded)
{
    size_t size = arena->reserved_bytes - arena->empty_bytes;
    if (arena->starts_small && size == 0 && rounded <= ARENA_CHUNK_FIRST_BYTES / 4)
        return ARENA_CHUNK_FIRST_BYTES;
    if (size < ARENA_CHUNK_LEAST_BYTES)
        return ARENA_CHUNK_LEAST_BYTES;
    return size > ARENA_CHUNK_MOST_BYTES ? ARENA_CHUNK_MOST_BYTES : (size + 15) & ~(size_t)15;
}

static void *alloc_own_chunk(struct mr_arena *arena, size_t rounded)
{
    struct arena_chunk *chunk = chunk_find(arena, true, rounded, 4 * rounded, rounded);
    if (chunk == NULL)
        return NULL;
    chunk_push(&arena->full, chunk);
    arena->used_before_bytes += rounded;
    /* The limit has come nearer for the current chunk as well. */
    size_t left = arena->limit_bytes - arena_used(arena);
    if (left < (size_t)(arena->end - arena->next))
        arena->end = arena->next + left;
    return chunk->data;
}

static void *alloc_next_chunk(struct mr_arena *arena, size_t rounded, size_t chunk_bytes)
{
    struct arena_chunk *chunk = chunk_find(arena, false, rounded, SIZE_MAX, chunk_bytes);
    if (chunk == NULL)
        return NULL;
    size_t used = arena_used(arena), left = arena->limit_bytes - used;
    if (arena->current != NULL)
        chunk_push(&arena->full, arena->current);
    arena->used_before_bytes = used;
    arena->current = chunk;
    arena->next = chunk->data + rounded;
    arena->end = chunk->data + (left < chunk->capacity_bytes ? left : chunk->capacity_bytes);
    return chunk->data;
}

void *arena_alloc_slowly(struct mr_arena *arena, size_t size_bytes)
{
    size_t rounded = size_bytes == 0 ? ARENA_ALIGNMENT : (size_bytes + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
    if (rounded < size_bytes || rounded > arena->limit_bytes - arena_used(arena)) {
        arena->failure = arena->limit_means;
        return NULL;
    }
    void *piece;
    if (rounded <= (size_t)(arena->end - arena->next)) {
        piece = arena->next;
        arena->next += rounded;
    } else {
        size_t chunk_bytes = next_chunk_bytes(arena, rounded), left = arena->limit_bytes - arena_used(arena);
        if (chunk_bytes >= left)
            piece = alloc_next_chunk(arena, rounded, (left + 15) & ~(size_t)15); /* the last one there can be */
        else if (rounded > chunk_bytes / 4)
            piece = alloc_own_chunk(arena, rounded);
        else
            piece = alloc_next_chunk(arena, rounded, chunk_bytes);
    }
    if (piece != NULL)
        ARENA_UNPOISON(piece, size_bytes);
    return piece;
}

/* Schemas -------------------------------------------------------------------------------------------------- */

static void kept_insert(const struct mr_schema **slots, uint32_t capacity, const struct mr_schema *schema)
{
    uint32_t at = (uint32_t)(schema->hash >> 32) & (capacity - 1);
    while (slots[at] != NULL)
        at = (at + 1) & (capacity - 1);
    slots[at] = schema;
}

static bool kept_has(const struct mr_arena *arena, const struct mr_schema *schema)
{
    if (arena->kept_count == 0)
        return false;
    uint32_t mask = arena->kept_capacity - 1, at = (uint32_t)(schema->hash >> 32) & mask;
    for (; arena->kept[at] != NULL; at = (at + 1) & mask)
        if (arena->kept[at] == schema)
            return true;
    return false;
}

static int kept_grow(struct mr_arena *arena)
{
    uint32_t capacity = arena->kept_capacity == 0 ? KEPT_CAPACITY_FIRST : arena->kept_capacity * 2;
    const struct mr_schema **slots = mem_calloc(capacity, sizeof(const struct mr_schema *));
    if (slots == NULL) {
        arena->failure = ARENA_NO_MEMORY;
        return -1;
    }
    for (uint32_t i = 0; i < arena->kept_capacity; i++)
        if (arena->kept[i] != NULL)
            kept_insert(slots, capacity, arena->kept[i]);
    mem_free(arena->kept);
    arena->kept = slots;
    arena->kept_capacity = capacity;
    return 0;
}

static int keep_schema_slowly(struct mr_arena *arena, const struct mr_schema *schema)
{
    if (!kept_has(arena, schema)) {
        if (arena->kept_count >= arena->kept_capacity / 2 && kept_grow(arena) < 0)
            return -1;
        kept_insert(arena->kept, arena->kept_capacity, mr_schema_take(schema));
        arena->kept_count++;
    }
    arena->recent[arena->recent_at++ % ARENA_RECENT_SCHEMAS] = schema;
    return 0;
}

int mr_arena_keep_schema(struct mr_arena *arena, const struct mr_schema *schema)
{
    if (schema == NULL || schema_is_immortal(schema))
        return 0;
    for (size_t i = 0; i < ARENA_RECENT_SCHEMAS; i++)
        if (arena->recent[i] == schema)
            return 0;
    return keep_schema_slowly(arena, schema);
}

static void drop_schemas(struct mr_arena *arena)
{
    for (uint32_t i = 0; arena->kept_count > 0 && i < arena->kept_capacity; i++) {
        if (arena->kept[i] == NULL)
            continue;
        mr_schema_drop(arena->kept[i]);
        arena->kept[i] = NULL;
        arena->kept_count--;
    }
    if (arena->kept_capacity > KEPT_CAPACITY_CARRIED_MAX) {
        mem_free(arena->kept);
        arena->kept = NULL;
        arena->kept_capacity = 0;
    }
    memset(arena->recent, 0, sizeof(arena->recent));
}

/* Emptying ------------------------------------------------------------------------------------------------- */

/* The oldest chunk comes first again. */
static void all_to_empty(struct mr_arena *arena)
{
    if (arena->current != NULL)
        chunk_push(&arena->full, arena->current);
    while (arena->full != NULL) {
        struct arena_chunk *chunk = arena->full;
        arena->full = chunk->next;
        ARENA_POISON(chunk->data, chunk->capacity_bytes);
        arena->empty_bytes += chunk->capacity_bytes;
        chunk_push(&arena->empty, chunk);
    }
    arena->current = NULL;
    arena->next = arena->end = NULL;
    arena->used_before_bytes = 0;
    arena->failure = ARENA_NO_MEMORY;
    arena->limit_bytes = arena->birth_limit_bytes;
    arena->limit_means = ARENA_AT_LIMIT;
    arena->share_bytes = 0;
}

/* The largest empty chunk without which keep_bytes remain; small ones serve more uses. */
static struct arena_chunk **find_spare(struct mr_arena *arena, size_t keep_bytes)
{
    struct arena_chunk **spare = NULL;
    bool too_much = arena->reserved_bytes > ARENA_KEEP_MOST_BYTES;
    for (struct arena_chunk **at = &arena->empty; *at != NULL; at = &(*at)->next) {
        size_t size = (*at)->capacity_bytes;
        if ((too_much || arena->reserved_bytes - size >= keep_bytes) && (spare == NULL || size > (*spare)->capacity_bytes))
            spare = at;
    }
    return spare;
}

static void free_empty_beyond(struct mr_arena *arena, size_t keep_bytes)
{
    for (struct arena_chunk **at; (at = find_spare(arena, keep_bytes)) != NULL;) {
        struct arena_chunk *chunk = *at;
        *at = chunk->next;
        arena->empty_bytes -= chunk->capacity_bytes;
        chunk_free(arena, chunk);
    }
}

void mr_arena_clear(struct mr_arena *arena)
{
    size_t needed = arena->reserved_bytes - arena->empty_bytes, faded = arena->peak_bytes - arena->peak_bytes / 8;
    arena->peak_bytes = needed > faded ? needed : faded;
    drop_schemas(arena);
    all_to_empty(arena);
    free_empty_beyond(arena, arena->peak_bytes);
}

void arena_trim(struct mr_arena *arena)
{
    drop_schemas(arena);
    all_to_empty(arena);
    free_empty_beyond(arena, 0);
    arena->peak_bytes = 0;
    mem_free(arena->kept);
    arena->kept = NULL;
    arena->kept_capacity = 0;
}

void arena_set_limit(struct mr_arena *arena, size_t limit_bytes)
{
    arena->limit_bytes = arena->birth_limit_bytes = limit_within_reason(limit_bytes);
}

/* The free rest of the current chunk ends where the limit is, or where the chunk does. */
static void cut_current(struct mr_arena *arena)
{
    if (arena->current == NULL)
        return;
    size_t left = arena->limit_bytes - arena_used(arena);
    size_t rest = (size_t)(arena->current->data + arena->current->capacity_bytes - arena->next);
    arena->end = arena->next + (left < rest ? left : rest);
}

void arena_allow(struct mr_arena *arena, size_t share_bytes, size_t most_bytes)
{
    size_t used = arena_used(arena), share = limit_within_reason(share_bytes), most = limit_within_reason(most_bytes);
    size_t limit = used + share <= most ? used + share : most > used ? most : used;
    arena->share_bytes = share;
    arena->limit_means = used + share <= most ? ARENA_RECORD_AT_LIMIT : ARENA_AT_LIMIT;
    arena->limit_bytes = limit;
    cut_current(arena);
}

void arena_release(struct mr_arena *arena)
{
    arena_trim(arena);
}

/* The public face ------------------------------------------------------------------------------------------ */

struct mr_arena *mr_arena_create(size_t limit_bytes)
{
    struct mr_arena *arena = mem_alloc(sizeof(*arena));
    if (arena != NULL) {
        arena_init(arena, limit_bytes);
        arena->starts_small = true;
    }
    return arena;
}

void mr_arena_destroy(struct mr_arena *arena)
{
    if (arena == NULL)
        return;
    arena_release(arena);
    mem_free(arena);
}

void *mr_arena_alloc(struct mr_arena *arena, size_t size_bytes)
{
    return arena_alloc(arena, size_bytes);
}

void *mr_arena_copy(struct mr_arena *arena, const void *data, size_t size_bytes)
{
    void *copy = data == NULL && size_bytes > 0 ? NULL : arena_alloc(arena, size_bytes);
    if (copy != NULL && size_bytes > 0)
        memcpy(copy, data, size_bytes);
    return copy;
}

char *mr_arena_text(struct mr_arena *arena, const char *text)
{
    return text == NULL ? NULL : mr_arena_copy(arena, text, strlen(text) + 1);
}

char *mr_arena_printf(struct mr_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *text = size < 0 ? NULL : arena_alloc(arena, (size_t)size + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

size_t mr_arena_used_bytes(const struct mr_arena *arena)
{
    return arena_used(arena);
}

int mr_arena_failed(const struct mr_arena *arena, struct mr_error **error)
{
    switch (arena == NULL ? ARENA_NO_MEMORY : (enum arena_failure)arena->failure) {
    case ARENA_NO_MEMORY:
        break;
    case ARENA_AT_LIMIT:
        return mr_error_set(error, MR_ERR_CONNECT, "more than %zu bytes in one batch; make smaller batches or raise the limit"
            " (millrace.task.buffer.bytes)", arena->limit_bytes);
    case ARENA_RECORD_AT_LIMIT:
        return mr_error_set(error, MR_ERR_DATA, "what is made of one record takes more than %zu bytes"
            " (see millrace.task.buffer.bytes)", arena->share_bytes);
    case ARENA_VALUE_TOO_LARGE:
        return mr_error_set(error, MR_ERR_DATA, "a single value has more than 2147483647 bytes or 268435456 elements");
    case ARENA_VALUE_TOO_DEEP:
        return mr_error_set(error, MR_ERR_DATA, "a value is nested more than 1100 levels deep");
    }
    return mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory");
}
