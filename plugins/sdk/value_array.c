#include "sdk/value_internal.h"

#include "base/bans.h"

struct mr_value *mr_array_create(struct mr_arena *arena, size_t capacity)
{
    if (capacity > VALUE_COUNT_MAX) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return NULL;
    }
    size_t head = sizeof(struct mr_value) + sizeof(struct value_array);
    struct mr_value *value = arena_alloc(arena, head + capacity * sizeof(struct mr_value));
    if (value == NULL)
        return NULL;
    struct value_array *body = (struct value_array *)(value + 1);
    *body = (struct value_array){.capacity = (uint32_t)capacity, .cells = (struct mr_value *)(body + 1)};
    *value = (struct mr_value){.kind = MR_KIND_ARRAY, .array = body};
    return value;
}

static int array_grow(struct mr_arena *arena, struct value_array *body)
{
    size_t capacity = body->capacity < 4 ? 8 : (size_t)body->capacity * 2;
    if (capacity > VALUE_COUNT_MAX) {
        arena->failure = ARENA_VALUE_TOO_LARGE;
        return -1;
    }
    struct mr_value *cells = arena_alloc(arena, capacity * sizeof(*cells));
    if (cells == NULL)
        return -1;
    memcpy(cells, body->cells, body->count * sizeof(*cells));
    body->cells = cells;
    body->capacity = (uint32_t)capacity;
    return 0;
}

int mr_array_append(struct mr_arena *arena, struct mr_value *array, const struct mr_value *value)
{
    if (array == NULL || value == NULL || array->kind != MR_KIND_ARRAY)
        return -1;
    struct value_array *body = array->array;
    if (body->count == body->capacity && array_grow(arena, body) < 0)
        return -1;
    body->cells[body->count++] = *value;
    return 0;
}

size_t mr_array_count(const struct mr_value *array)
{
    return array->kind == MR_KIND_ARRAY ? array->array->count : 0;
}

const struct mr_value *mr_array_at(const struct mr_value *array, size_t index)
{
    return index < mr_array_count(array) ? &array->array->cells[index] : NULL;
}
