/*
 * value_layout: what a value is made of, for libmillrace and for rooms of the worker on the hot path. Never for plugins.
 *
 * A value is a cell of 16 bytes; copying it copies references. Small things are in the cell, everything else in a body
 * that the cell points to:
 *
 *   kind                        length              union
 *   null                        0                   0
 *   boolean                     0                   boolean
 *   int8 … int64, instant       0                   integer (sign-extended)
 *   float32 / float64           0                   float32 / float64
 *   string, bytes, bigint       size in bytes       bytes (never NULL, not NUL-terminated)
 *   decimal                     size of unscaled    decimal
 *   array / map / struct        0                   array / map / structure
 *
 * The bodies of containers carry their own counts, so all copies of a cell under construction see the same container.
 * All memory belongs to an arena, to the input of a converter, or is immutable. Thread: see value.h.
 */
#ifndef SDK_VALUE_LAYOUT_H
#define SDK_VALUE_LAYOUT_H

#include "sdk/inside.h"

#include <millrace/value.h>
#include <string.h>

#include "sdk/arena_layout.h"

struct value_array;
struct value_map;
struct value_struct;
struct value_decimal;

struct mr_value {
    uint8_t kind; /* enum mr_kind */
    uint8_t flags; /* 0 */
    uint16_t unused;
    uint32_t length;
    union {
        bool boolean;
        int64_t integer;
        float float32;
        double float64;
        const void *bytes;
        const struct value_decimal *decimal;
        struct value_array *array;
        struct value_map *map;
        struct value_struct *structure;
    };
};

_Static_assert(sizeof(struct mr_value) == 16, "a value is one cell");

/* Deeper nesting is refused by mr_value_copy and mr_value_validate and never equal: recursion has a bound. */
#define VALUE_DEPTH_MAX 1100
/* Text and bytes of one value, elements of one container. */
#define VALUE_SIZE_MAX ((size_t)INT32_MAX)

struct value_decimal {
    int32_t scale;
    unsigned char unscaled[]; /* cell.length bytes */
};

struct value_array {
    uint32_t count, capacity;
    struct mr_value *cells;
};

struct value_entry {
    struct mr_value key, value;
};

/* Entries in order of insertion. Past VALUE_MAP_LINEAR_MAX entries an index (open addressing, entry number + 1) finds
 * keys; `index` has 2 × capacity slots. */
#define VALUE_MAP_LINEAR_MAX 16
struct value_map {
    uint32_t count, capacity;
    struct value_entry *entries;
    uint32_t *index; /* NULL: look through the entries */
};

struct value_struct {
    const struct mr_schema *schema;
    struct mr_value cells[]; /* one per field */
};

static inline enum mr_kind value_kind(const struct mr_value *value)
{
    return (enum mr_kind)value->kind;
}

static inline bool value_is_null(const struct mr_value *value)
{
    return value->kind == MR_KIND_NULL;
}

static inline bool value_is_text(const struct mr_value *value)
{
    return value->kind == MR_KIND_STRING;
}

/* string, bytes, bigint */
static inline struct mr_bytes value_bytes(const struct mr_value *value)
{
    return (struct mr_bytes){.data = value->bytes, .size = value->length};
}

static inline bool value_text_is(const struct mr_value *value, const char *text, size_t size)
{
    return value->kind == MR_KIND_STRING && value->length == size && memcmp(value->bytes, text, size) == 0;
}

/* A cell that refers to bytes which outlive the arena's content. NULL: no memory, or longer than VALUE_SIZE_MAX. */
static inline const struct mr_value *value_ref(struct mr_arena *arena, enum mr_kind kind, const void *data, size_t size)
{
    if (__builtin_expect(size > VALUE_SIZE_MAX, 0)) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return NULL;
    }
    struct mr_value *value = arena_alloc(arena, sizeof(*value));
    if (value != NULL)
        *value = (struct mr_value){.kind = (uint8_t)kind, .length = (uint32_t)size, .bytes = data};
    return value;
}

static inline const struct mr_value *value_integer(struct mr_arena *arena, enum mr_kind kind, int64_t integer)
{
    struct mr_value *value = arena_alloc(arena, sizeof(*value));
    if (value != NULL)
        *value = (struct mr_value){.kind = (uint8_t)kind, .integer = integer};
    return value;
}

/* A hash that equal values (mr_value_equals) share. */
MR_EXPORT uint64_t value_hash(const struct mr_value *value);

#endif
