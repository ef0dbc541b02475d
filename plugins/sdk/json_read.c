/* Reading without a schema, and what all reading shares. */
#include "sdk/json_internal.h"

#include "base/mem.h"
#include "base/bans.h"

void json_reader_init(struct json_reader *reader, struct mr_arena *arena, struct mr_bytes text, uint32_t flags,
                      struct mr_error **error)
{
    reader->at = reader->start = text.data;
    reader->end = reader->at + text.size;
    reader->arena = arena;
    reader->error = error;
    reader->flags = flags;
    reader->depth = 0;
    reader->has_bad = reader->has_loose = false;
    reader->stack.cells = reader->stack.small;
    reader->stack.count = 0;
    reader->stack.capacity = JSON_STACK_SMALL;
}

void json_reader_release(struct json_reader *reader)
{
    if (reader->stack.cells != reader->stack.small)
        mem_free(reader->stack.cells);
}

bool json_stack_grow(struct json_stack *stack)
{
    size_t capacity = stack->capacity * 2;
    bool is_small = stack->cells == stack->small;
    struct mr_value *cells = mem_realloc(is_small ? NULL : stack->cells, capacity * sizeof(*cells));
    if (cells == NULL)
        return false;
    if (is_small)
        memcpy(cells, stack->small, sizeof(stack->small));
    stack->cells = cells;
    stack->capacity = capacity;
    return true;
}

enum json_outcome json_bad(struct json_reader *reader, struct mr_value *cell, const struct mr_schema *schema,
                           const char *words)
{
    mr_error_set(reader->error, MR_ERR_DATA, "JSON before byte %zu does not fit its schema of type %s%s%s%s: %s",
                 (size_t)(reader->at - reader->start), mr_type_name((enum mr_type)schema->type),
                 schema->name == NULL ? "" : " (", schema->name == NULL ? "" : schema->name,
                 schema->name == NULL ? "" : ")", words);
    *cell = (struct mr_value){.kind = MR_KIND_NULL, .flags = JSON_CELL_BAD};
    reader->has_bad = true;
    return JSON_BAD;
}

/* Scalars --------------------------------------------------------------------------------------------------- */

static enum json_outcome number_value(struct json_reader *reader, struct mr_value *cell)
{
    struct number_parts parts;
    if (json_number(reader, &parts) != JSON_FINE)
        return JSON_BROKEN;
    if (parts.is_integer) {
        *cell = (struct mr_value){.kind = MR_KIND_INT64, .integer = number_parts_integer(&parts)};
    } else {
        if (parts.is_negative && number_parts_are_zero(&parts))
            parts.is_negative = false; /* a decimal zero has no sign */
        *cell = (struct mr_value){.kind = MR_KIND_FLOAT64, .float64 = number_parts_float64(&parts)};
    }
    return JSON_FINE;
}

static enum json_outcome string_value(struct json_reader *reader, struct mr_value *cell)
{
    struct mr_bytes text;
    if (json_string_read(reader, &text) != JSON_FINE)
        return JSON_BROKEN;
    *cell = (struct mr_value){.kind = MR_KIND_STRING, .length = (uint32_t)text.size, .bytes = text.data};
    return JSON_FINE;
}

enum json_outcome json_value(struct json_reader *reader, struct mr_value *cell)
{
    char c = json_peek(reader);
    switch (c) {
    case '"':
        return string_value(reader, cell);
    case '{':
        return json_map(reader, NULL, cell);
    case '[':
        return json_array_read(reader, NULL, cell);
    case '-':
        return number_value(reader, cell);
    default:
        return c >= '0' && c <= '9' ? number_value(reader, cell) : json_literal(reader, cell);
    }
}

/* Arrays ---------------------------------------------------------------------------------------------------- */

/* Cells from `base` up become an array; BAD when one of them is. */
static enum json_outcome array_make(struct json_reader *reader, size_t base, struct mr_value *cell)
{
    struct json_stack *stack = &reader->stack;
    size_t count = stack->count - base;
    struct mr_value *array = mr_array_create(reader->arena, count);
    if (array == NULL)
        return json_no_memory(reader);
    memcpy(array->array->cells, stack->cells + base, count * sizeof(*stack->cells));
    array->array->count = (uint32_t)count;
    stack->count = base;
    *cell = *array;
    if (__builtin_expect(!reader->has_bad, 1))
        return JSON_FINE;
    for (size_t i = 0; i < count; i++)
        cell->flags |= array->array->cells[i].flags & JSON_CELL_BAD;
    return cell->flags != 0 ? JSON_BAD : JSON_FINE;
}

enum json_outcome json_array_read(struct json_reader *reader, const struct mr_schema *elements, struct mr_value *cell)
{
    size_t base = reader->stack.count;
    int more = json_open(reader, ']');
    while (more > 0) {
        enum json_outcome outcome = json_value_as(reader, elements, cell);
        if (outcome == JSON_BROKEN)
            return JSON_BROKEN;
        if (outcome == JSON_NULLED)
            reader->has_loose = true;
        if (!json_stack_push(&reader->stack, cell))
            return json_no_memory(reader);
        more = json_next(reader, ']');
    }
    return more < 0 ? JSON_BROKEN : array_make(reader, base, cell);
}

/* Maps ------------------------------------------------------------------------------------------------------ */

/* Pairs of cells from `base` up become a map: of equal names the first place and the last value. */
static enum json_outcome map_make(struct json_reader *reader, size_t base, struct mr_value *cell)
{
    struct json_stack *stack = &reader->stack;
    struct mr_value *map = mr_map_create(reader->arena, (stack->count - base) / 2);
    if (map == NULL)
        return json_no_memory(reader);
    for (size_t i = base; i < stack->count; i += 2)
        if (mr_map_put(reader->arena, map, &stack->cells[i], &stack->cells[i + 1]) != 0)
            return json_no_memory(reader);
    stack->count = base;
    *cell = *map;
    if (__builtin_expect(!reader->has_bad, 1))
        return JSON_FINE;
    for (uint32_t i = 0; i < map->map->count; i++)
        cell->flags |= map->map->entries[i].value.flags & JSON_CELL_BAD;
    return cell->flags != 0 ? JSON_BAD : JSON_FINE;
}

static enum json_outcome name_read(struct json_reader *reader, struct mr_value *cell)
{
    if (json_peek(reader) != '"')
        return json_broken(reader, "the name of a member");
    if (string_value(reader, cell) != JSON_FINE)
        return JSON_BROKEN;
    return json_colon(reader);
}

/* Under JSON_RAW_DEFAULTS: the text of a member instead of its value. */
static enum json_outcome raw_value(struct json_reader *reader, struct mr_value *cell)
{
    const char *start = reader->at;
    if (json_skip(reader) != JSON_FINE)
        return JSON_BROKEN;
    size_t size = (size_t)(reader->at - start);
    if (size > VALUE_SIZE_MAX)
        return json_broken(reader, "a shorter text");
    *cell = (struct mr_value){.kind = MR_KIND_STRING, .flags = JSON_CELL_RAW, .length = (uint32_t)size, .bytes = start};
    return JSON_FINE;
}

enum json_outcome json_map(struct json_reader *reader, const struct mr_schema *values, struct mr_value *cell)
{
    size_t base = reader->stack.count;
    int more = json_open(reader, '}');
    while (more > 0) {
        if (name_read(reader, cell) != JSON_FINE)
            return JSON_BROKEN;
        if (!json_stack_push(&reader->stack, cell))
            return json_no_memory(reader);
        bool is_raw = (reader->flags & JSON_RAW_DEFAULTS) != 0 && value_text_is(cell, "default", 7);
        enum json_outcome outcome = is_raw ? raw_value(reader, cell) : json_value_as(reader, values, cell);
        if (outcome == JSON_BROKEN)
            return JSON_BROKEN;
        if (outcome == JSON_NULLED)
            reader->has_loose = true;
        if (!json_stack_push(&reader->stack, cell))
            return json_no_memory(reader);
        more = json_next(reader, '}');
    }
    return more < 0 ? JSON_BROKEN : map_make(reader, base, cell);
}

/* Whole texts ----------------------------------------------------------------------------------------------- */

/* What may follow the first value: nothing but blanks when asked so; behind a number at least not more of a word. */
static enum json_outcome end_check(struct json_reader *reader)
{
    bool was_number = reader->at > reader->start && reader->at[-1] >= '0' && reader->at[-1] <= '9';
    if (was_number && reader->at < reader->end && !json_is_blank(*reader->at))
        return json_broken(reader, "a blank behind a number");
    if ((reader->flags & MR_JSON_WHOLE_TEXT) == 0)
        return JSON_FINE;
    json_blanks_pass(reader);
    return reader->at < reader->end ? json_broken(reader, "the end of the text") : JSON_FINE;
}

/* Blank text under a schema is neither null nor missing but a value of no type. */
static enum json_outcome nothing_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    *cell = (struct mr_value){.kind = MR_KIND_NULL};
    if (schema == NULL)
        return JSON_FINE;
    static const char empty[] = "false";
    reader->at = reader->start = empty; /* as false, which no conversion but boolean's takes for more than nothing */
    reader->end = empty + sizeof(empty) - 1;
    return json_value_as(reader, schema, cell);
}

static enum json_outcome text_read(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    json_blanks_pass(reader);
    if (reader->at == reader->end)
        return nothing_as(reader, schema, cell);
    enum json_outcome outcome = json_value_as(reader, schema, cell);
    if (outcome == JSON_BROKEN || end_check(reader) == JSON_BROKEN)
        return JSON_BROKEN;
    return outcome;
}

void json_error_hand_on(struct mr_error **error, struct mr_error *mistake)
{
    if (error != NULL && *error == NULL)
        *error = mistake;
    else
        mr_error_drop(mistake);
}

const struct mr_value *json_read_text(struct mr_arena *arena, struct mr_bytes text, const struct mr_schema *schema,
                                      uint32_t flags, uint32_t depth, struct mr_error **error)
{
    struct mr_error *mistake = NULL;
    struct json_reader reader;
    struct mr_value cell, *value = NULL;
    json_reader_init(&reader, arena, text, flags, &mistake);
    reader.depth = depth;
    enum json_outcome outcome = text_read(&reader, schema, &cell);
    json_reader_release(&reader);
    if (outcome == JSON_FINE || outcome == JSON_NULLED) {
        mr_error_clear(&mistake);
        value = arena_alloc(arena, sizeof(*value));
        if (value == NULL)
            mr_arena_failed(arena, error);
        else
            *value = cell;
    } else {
        json_error_hand_on(error, mistake);
    }
    return value;
}

int json_text_prepare(struct mr_arena *arena, struct mr_bytes *text, uint32_t flags, struct mr_error **error)
{
    if ((flags & MR_JSON_COPY_TEXT) != 0 && text->size > 0) {
        text->data = mr_arena_copy(arena, text->data, text->size);
        if (text->data == NULL)
            return mr_arena_failed(arena, error);
    }
    return json_encoding_detect(arena, text, error);
}

const struct mr_value *mr_json_read_as(struct mr_arena *arena, struct mr_bytes text, const struct mr_schema *schema,
                                       uint32_t flags, struct mr_error **error)
{
    if (json_text_prepare(arena, &text, flags, error) != 0)
        return NULL;
    if (schema != NULL && mr_arena_keep_schema(arena, schema) != 0) {
        mr_arena_failed(arena, error);
        return NULL;
    }
    return json_read_text(arena, text, schema, flags & ~JSON_RAW_DEFAULTS, 0, error);
}

const struct mr_value *mr_json_read(struct mr_arena *arena, struct mr_bytes text, uint32_t flags,
                                    struct mr_error **error)
{
    return mr_json_read_as(arena, text, NULL, flags, error);
}
