/* Deep copies: nothing of the source is used afterwards but interned schemas, which the target arena keeps. */
#include "sdk/schema_internal.h"
#include "sdk/value_internal.h"

#include "base/bans.h"

static int copy_cell(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from, unsigned depth);

static int copy_bytes_of(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from)
{
    *to = *from;
    to->bytes = mr_arena_copy(arena, from->bytes, from->length);
    return to->bytes == NULL ? -1 : 0;
}

static int copy_decimal(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from)
{
    *to = *from;
    to->decimal = mr_arena_copy(arena, from->decimal, sizeof(*from->decimal) + from->length);
    return to->decimal == NULL ? -1 : 0;
}

static int copy_array(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from, unsigned depth)
{
    const struct value_array *source = from->array;
    struct mr_value *copy = mr_array_create(arena, source->count);
    if (copy == NULL)
        return -1;
    *to = *copy;
    for (uint32_t i = 0; i < source->count; i++)
        if (copy_cell(arena, &to->array->cells[i], &source->cells[i], depth) < 0)
            return -1;
    to->array->count = source->count;
    return 0;
}

static int copy_map(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from, unsigned depth)
{
    /* References first, which also gives the index its final form; then each entry in place. */
    struct mr_value *copy = mr_map_copy(arena, from, 0);
    if (copy == NULL)
        return -1;
    *to = *copy;
    for (uint32_t i = 0; i < from->map->count; i++) {
        const struct value_entry *source = &from->map->entries[i];
        struct value_entry *entry = &to->map->entries[i];
        if (copy_cell(arena, &entry->key, &source->key, depth) < 0
            || copy_cell(arena, &entry->value, &source->value, depth) < 0)
            return -1;
    }
    return 0;
}

static int copy_struct(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from, unsigned depth)
{
    const struct value_struct *source = from->structure;
    struct mr_value *copy = mr_struct_create(arena, source->schema);
    if (copy == NULL)
        return -1;
    *to = *copy;
    for (uint32_t i = 0; i < source->schema->field_count; i++)
        if (copy_cell(arena, &to->structure->cells[i], &source->cells[i], depth) < 0)
            return -1;
    return 0;
}

static int copy_cell(struct mr_arena *arena, struct mr_value *to, const struct mr_value *from, unsigned depth)
{
    if (depth >= VALUE_DEPTH_MAX) {
        arena->failure = ARENA_VALUE_TOO_DEEP;
        return -1;
    }
    switch (value_kind(from)) {
    case MR_KIND_STRING:
    case MR_KIND_BYTES:
    case MR_KIND_BIGINT: return copy_bytes_of(arena, to, from);
    case MR_KIND_DECIMAL: return copy_decimal(arena, to, from);
    case MR_KIND_ARRAY: return copy_array(arena, to, from, depth + 1);
    case MR_KIND_MAP: return copy_map(arena, to, from, depth + 1);
    case MR_KIND_STRUCT: return copy_struct(arena, to, from, depth + 1);
    default: *to = *from; return 0;
    }
}

const struct mr_value *mr_value_copy(struct mr_arena *arena, const struct mr_value *value)
{
    if (value == NULL)
        return NULL;
    if (value_is_null(value))
        return mr_null();
    struct mr_value *copy = arena_alloc(arena, sizeof(*copy));
    return copy == NULL || copy_cell(arena, copy, value, 0) < 0 ? NULL : copy;
}
