/*
 * arena_layout: what an arena is made of, for libmillrace and for rooms of the worker on the hot path. Never for plugins.
 *
 * Chunks are filled one after the other by a pointer bump; every piece is aligned to 16 bytes. A piece too large for
 * the rest of a chunk gets one of its own. arena_clear keeps about as many chunks as the last uses needed, so an arena
 * that is used again and again asks malloc for nothing; arena_trim gives all of it back.
 *
 * Kept schemas: one reference for each distinct schema, found again by the last few pointers, else by a hash set.
 *
 * Under AddressSanitizer all memory not handed out is poisoned: reading a value after its batch was recycled is caught.
 */
#ifndef SDK_ARENA_LAYOUT_H
#define SDK_ARENA_LAYOUT_H

#include "sdk/inside.h"

#include <stdbool.h>

#include <millrace/arena.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(at, size) __asan_poison_memory_region((at), (size))
#define ARENA_UNPOISON(at, size) __asan_unpoison_memory_region((at), (size))
#else
#define ARENA_POISON(at, size) ((void)(at), (void)(size))
#define ARENA_UNPOISON(at, size) ((void)(at), (void)(size))
#endif

#define ARENA_ALIGNMENT ((size_t)16)
#define ARENA_CHUNK_LEAST_BYTES ((size_t)4096)
#define ARENA_CHUNK_FIRST_BYTES ((size_t)512) /* of one that mr_arena_create made: many hold a name or two for ever */
#define ARENA_CHUNK_MOST_BYTES ((size_t)1 << 20)
/* What a cleared arena keeps at most. */
#define ARENA_KEEP_MOST_BYTES ((size_t)8 << 20)
#define ARENA_RECENT_SCHEMAS 4

struct arena_chunk {
    struct arena_chunk *next;
    size_t capacity_bytes;
    bool is_own; /* of one large piece: the two sorts do not mix, so that the same use finds the same chunks again */
    _Alignas(16) unsigned char data[];
};

enum arena_failure {
    ARENA_NO_MEMORY = 0,
    ARENA_AT_LIMIT,
    ARENA_RECORD_AT_LIMIT, /* one record had its whole share and wanted more */
    ARENA_VALUE_TOO_LARGE, /* one value or container beyond VALUE_SIZE_MAX or VALUE_COUNT_MAX */
    ARENA_VALUE_TOO_DEEP   /* beyond VALUE_DEPTH_MAX */
};

struct mr_arena {
    unsigned char *next, *end; /* the free rest of the current chunk, cut at the limit */
    struct arena_chunk *current, *full, *empty;
    size_t used_before_bytes;  /* handed out from full chunks */
    size_t reserved_bytes;     /* of all chunks */
    size_t empty_bytes;        /* of the empty ones */
    size_t peak_bytes;         /* reserved by the last uses, slowly forgotten */
    size_t limit_bytes;
    size_t birth_limit_bytes;  /* what it goes back to when it is emptied */
    size_t share_bytes;        /* of the record at work; 0: there are no shares */
    uint8_t failure;           /* enum arena_failure: why the last NULL */
    uint8_t limit_means;       /* enum arena_failure: what it is to meet the limit */
    uint8_t recent_at;
    bool starts_small;
    const struct mr_schema *recent[ARENA_RECENT_SCHEMAS];
    const struct mr_schema **kept; /* open addressing, a power of two long */
    uint32_t kept_count, kept_capacity;
};

/* Embedded life cycle; _init takes no memory yet. */
MR_EXPORT void arena_init(struct mr_arena *arena, size_t limit_bytes);
MR_EXPORT void arena_release(struct mr_arena *arena);
/* As mr_arena_clear, but keeps nothing. */
MR_EXPORT void arena_trim(struct mr_arena *arena);
MR_EXPORT void arena_set_limit(struct mr_arena *arena, size_t limit_bytes); /* of an empty arena */

static inline size_t arena_used(const struct mr_arena *arena)
{
    size_t in_current = arena->current == NULL ? 0 : (size_t)(arena->next - arena->current->data);
    return arena->used_before_bytes + in_current;
}

MR_EXPORT void *arena_alloc_slowly(struct mr_arena *arena, size_t size_bytes);

/* Beginning of a record: from here on it has room for `share_bytes`, as far as all of them together stay below `most_bytes`.
 * Whoever then meets the limit has had a whole share (ARENA_RECORD_AT_LIMIT) or has not (ARENA_AT_LIMIT). */
MR_EXPORT void arena_allow(struct mr_arena *arena, size_t share_bytes, size_t most_bytes);

/* Seven eighths of a share and more are left of the last one: where records need little, one is enough for many. */
static inline bool arena_has_share(const struct mr_arena *arena, size_t share_bytes)
{
    return arena->share_bytes == share_bytes && arena->limit_means == ARENA_RECORD_AT_LIMIT &&
           arena->limit_bytes - arena_used(arena) >= share_bytes - share_bytes / 8;
}

/* mr_arena_alloc without the call. */
static inline void *arena_alloc(struct mr_arena *arena, size_t size_bytes)
{
    size_t rounded = (size_bytes + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
    if (__builtin_expect(rounded - 1 >= (size_t)(arena->end - arena->next), 0)) /* also 0 and an overflow */
        return arena_alloc_slowly(arena, size_bytes);
    unsigned char *piece = arena->next;
    arena->next += rounded;
    ARENA_UNPOISON(piece, size_bytes);
    return piece;
}

#endif
