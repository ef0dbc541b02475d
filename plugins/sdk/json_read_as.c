/*
 * Reading under a schema, with JsonConverter's coercions: a number field takes any JSON number and keeps low bits, other
 * JSON gives 0; text and bytes that meet another type become null; and so on (see json.h).
 */
#include "sdk/json_internal.h"

#include "base/bans.h"

#define DAY_MS INT64_C(86400000)

static bool starts_number(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

enum json_outcome json_null_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    if (schema->default_value != NULL && (reader->flags & MR_JSON_KEEP_NULLS) == 0) {
        *cell = *schema->default_value;
        return JSON_FINE;
    }
    *cell = (struct mr_value){.kind = MR_KIND_NULL};
    if (schema->is_optional)
        return JSON_FINE;
    return json_bad(reader, cell, schema, "null for a required value");
}

/* Of a type that the schema's does not take: the value is passed and becomes null. */
static enum json_outcome nulled(struct json_reader *reader, struct mr_value *cell)
{
    if (json_skip(reader) != JSON_FINE)
        return JSON_BROKEN;
    *cell = (struct mr_value){.kind = MR_KIND_NULL};
    return JSON_NULLED;
}

/* Scalars --------------------------------------------------------------------------------------------------- */

static enum mr_kind kind_of(const struct mr_schema *schema)
{
    return (enum mr_kind)schema->type; /* the first twelve of both enums agree */
}
_Static_assert((int)MR_KIND_INT8 == (int)MR_TYPE_INT8 && (int)MR_KIND_STRUCT == (int)MR_TYPE_STRUCT,
               "kinds follow types");

static int64_t low_bits(enum mr_type type, int64_t number)
{
    switch (type) {
    case MR_TYPE_INT8:
        return (int8_t)number;
    case MR_TYPE_INT16:
        return (int16_t)number;
    case MR_TYPE_INT32:
        return (int32_t)number;
    default:
        return number;
    }
}

static enum json_outcome integer_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    struct number_parts parts;
    int64_t number = 0;
    if (!starts_number(json_peek(reader))) {
        if (json_skip(reader) != JSON_FINE)
            return JSON_BROKEN;
    } else {
        if (json_number(reader, &parts) != JSON_FINE)
            return JSON_BROKEN;
        number = low_bits((enum mr_type)schema->type, number_parts_integer(&parts));
    }
    *cell = (struct mr_value){.kind = (uint8_t)kind_of(schema), .integer = number};
    return JSON_FINE;
}

static enum json_outcome float_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    struct number_parts parts = {.whole_count = 0};
    if (!starts_number(json_peek(reader))) {
        if (json_skip(reader) != JSON_FINE)
            return JSON_BROKEN;
    } else if (json_number(reader, &parts) != JSON_FINE) {
        return JSON_BROKEN;
    }
    if (parts.is_negative && number_parts_are_zero(&parts))
        parts.is_negative = false; /* decimals and integers have no negative zero */
    *cell = (struct mr_value){.kind = (uint8_t)kind_of(schema)};
    if (schema->type == MR_TYPE_FLOAT32)
        cell->float32 = number_parts_float32(&parts);
    else
        cell->float64 = number_parts_float64(&parts);
    return JSON_FINE;
}

static enum json_outcome boolean_as(struct json_reader *reader, struct mr_value *cell)
{
    bool is_true = json_peek(reader) == 't';
    if (json_skip(reader) != JSON_FINE)
        return JSON_BROKEN;
    *cell = (struct mr_value){.kind = MR_KIND_BOOLEAN, .boolean = is_true};
    return JSON_FINE;
}

static enum json_outcome string_as(struct json_reader *reader, struct mr_value *cell)
{
    struct mr_bytes text;
    if (json_peek(reader) != '"')
        return nulled(reader, cell);
    if (json_string_read(reader, &text) != JSON_FINE)
        return JSON_BROKEN;
    *cell = (struct mr_value){.kind = MR_KIND_STRING, .length = (uint32_t)text.size, .bytes = text.data};
    return JSON_FINE;
}

/* At a quote. The decoded bytes; BAD when it is no base64. */
static enum json_outcome base64_read(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell,
                                     unsigned char **bytes, size_t *size)
{
    struct mr_bytes text;
    if (json_string_read(reader, &text) != JSON_FINE)
        return JSON_BROKEN;
    *bytes = arena_alloc(reader->arena, text.size / 4 * 3 + 1);
    if (*bytes == NULL)
        return json_no_memory(reader);
    return json_base64_read(text, *bytes, size) ? JSON_FINE : json_bad(reader, cell, schema, "not base64");
}

static enum json_outcome bytes_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    unsigned char *bytes;
    size_t size;
    if (json_peek(reader) != '"')
        return nulled(reader, cell);
    enum json_outcome outcome = base64_read(reader, schema, cell, &bytes, &size);
    if (outcome == JSON_FINE)
        *cell = (struct mr_value){.kind = MR_KIND_BYTES, .length = (uint32_t)size, .bytes = bytes};
    return outcome;
}

/* Logical types --------------------------------------------------------------------------------------------- */

static enum json_outcome decimal_of_number(struct json_reader *reader, struct mr_value *cell)
{
    struct number_parts parts;
    int32_t scale;
    if (json_number(reader, &parts) != JSON_FINE)
        return JSON_BROKEN;
    number_parts_scale(&parts, &scale); /* json_number has checked it */
    return number_parts_decimal(reader->arena, &parts, scale, cell) == 0 ? JSON_FINE : json_no_memory(reader);
}

static bool scale_of(const struct mr_schema *schema, int64_t *scale)
{
    const char *text = mr_schema_parameter(schema, "scale");
    return text != NULL && mr_int64_parse((struct mr_bytes){text, strlen(text)}, scale) && *scale >= INT32_MIN &&
           *scale <= INT32_MAX;
}

static enum json_outcome decimal_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    char c = json_peek(reader);
    unsigned char *bytes;
    size_t size;
    int64_t scale;
    if (starts_number(c))
        return decimal_of_number(reader, cell);
    if (c != '"')
        return json_skip(reader) == JSON_FINE ? json_bad(reader, cell, schema, "neither a number nor base64")
                                              : JSON_BROKEN;
    enum json_outcome outcome = base64_read(reader, schema, cell, &bytes, &size);
    if (outcome != JSON_FINE)
        return outcome;
    if (size == 0)
        return json_bad(reader, cell, schema, "no bytes of a number");
    if (!scale_of(schema, &scale))
        return json_bad(reader, cell, schema, "the schema's parameter scale is missing or no integer");
    const struct mr_value *decimal = mr_decimal(reader->arena, bytes, size, (int32_t)scale);
    if (decimal == NULL)
        return json_no_memory(reader);
    *cell = *decimal;
    return JSON_FINE;
}

static enum json_outcome instant_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    struct number_parts parts = {.is_integer = false};
    int32_t number = 0;
    if (!starts_number(json_peek(reader))) {
        if (json_skip(reader) != JSON_FINE)
            return JSON_BROKEN;
    } else if (json_number(reader, &parts) != JSON_FINE) {
        return JSON_BROKEN;
    }
    if (!parts.is_integer)
        return json_bad(reader, cell, schema, "not an integer");
    *cell = (struct mr_value){.kind = MR_KIND_INSTANT};
    if (schema->logical == MR_LOGICAL_TIMESTAMP) {
        cell->integer = number_parts_integer(&parts);
        return JSON_FINE;
    }
    if (!number_parts_fit_int32(&parts, &number))
        return json_bad(reader, cell, schema, "an integer beyond 32 bits");
    if (schema->logical == MR_LOGICAL_TIME && (number < 0 || number > DAY_MS))
        return json_bad(reader, cell, schema, "not a time of day");
    cell->integer = schema->logical == MR_LOGICAL_TIME ? number : number * DAY_MS;
    return JSON_FINE;
}

/* Containers ------------------------------------------------------------------------------------------------ */

static enum json_outcome skip_bad(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell,
                                  const char *words)
{
    return json_skip(reader) == JSON_FINE ? json_bad(reader, cell, schema, words) : JSON_BROKEN;
}

/* The values of an object, as elements. */
static enum json_outcome array_of_object(struct json_reader *reader, const struct mr_schema *schema,
                                         struct mr_value *cell)
{
    enum json_outcome outcome = json_map(reader, schema->element, cell);
    if (outcome != JSON_FINE)
        return outcome;
    const struct value_map *map = cell->map;
    struct mr_value *array = mr_array_create(reader->arena, map->count);
    if (array == NULL)
        return json_no_memory(reader);
    for (uint32_t i = 0; i < map->count; i++)
        array->array->cells[i] = map->entries[i].value;
    array->array->count = map->count;
    *cell = *array;
    return JSON_FINE;
}

static enum json_outcome array_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    char c = json_peek(reader);
    if (c == '[')
        return json_array_read(reader, schema->element, cell);
    if (c == '{')
        return array_of_object(reader, schema, cell);
    if (json_skip(reader) != JSON_FINE)
        return JSON_BROKEN;
    const struct mr_value *empty = mr_array_create(reader->arena, 0);
    if (empty == NULL)
        return json_no_memory(reader);
    *cell = *empty;
    return JSON_FINE;
}

/* [key,value]; a tuple of another length is bad. At '['. */
static enum json_outcome tuple_read(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *key,
                                    struct mr_value *value)
{
    struct mr_value rest;
    enum json_outcome outcomes[2] = {JSON_FINE, JSON_FINE};
    size_t count = 0;
    int more = json_open(reader, ']');
    for (; more > 0; count++) {
        struct mr_value *cell = count == 0 ? key : count == 1 ? value : &rest;
        enum json_outcome outcome =
            count < 2 ? json_value_as(reader, count == 0 ? schema->key : schema->element, cell) : json_skip(reader);
        if (outcome == JSON_BROKEN)
            return JSON_BROKEN;
        if (count < 2)
            outcomes[count] = outcome;
        more = json_next(reader, ']');
    }
    if (more < 0)
        return JSON_BROKEN;
    if (count != 2)
        return json_bad(reader, key, schema, "an entry that is no pair");
    reader->has_loose |= outcomes[0] == JSON_NULLED || outcomes[1] == JSON_NULLED;
    return outcomes[0] == JSON_BAD || outcomes[1] == JSON_BAD ? JSON_BAD : JSON_FINE;
}

/* A map with keys other than text: an array of pairs. */
static enum json_outcome tuples_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    bool is_bad = false;
    struct mr_value *map = mr_map_create(reader->arena, 0);
    if (map == NULL)
        return json_no_memory(reader);
    int more = json_open(reader, ']');
    while (more > 0) {
        struct mr_value key, value;
        enum json_outcome outcome = json_peek(reader) == '['
                                        ? tuple_read(reader, schema, &key, &value)
                                        : skip_bad(reader, schema, &key, "an entry that is no array");
        if (outcome == JSON_BROKEN)
            return JSON_BROKEN;
        is_bad |= outcome == JSON_BAD;
        key.flags = value.flags = 0;
        if (!is_bad && mr_map_put(reader->arena, map, &key, &value) != 0)
            return json_no_memory(reader);
        more = json_next(reader, ']');
    }
    *cell = *map;
    if (is_bad)
        cell->flags = JSON_CELL_BAD;
    return more < 0 ? JSON_BROKEN : is_bad ? JSON_BAD : JSON_FINE;
}

static enum json_outcome map_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    if (schema->key == NULL)
        return skip_bad(reader, schema, cell, "the schema says nothing of the keys");
    bool has_text_keys = schema->key->type == MR_TYPE_STRING;
    if (json_peek(reader) != (has_text_keys ? '{' : '['))
        return skip_bad(reader, schema, cell, has_text_keys ? "not an object" : "not an array of pairs");
    return has_text_keys ? json_map(reader, schema->element, cell) : tuples_as(reader, schema, cell);
}

/* --------------------------------------------------------------------------------------------------------- */

enum json_outcome json_value_as(struct json_reader *reader, const struct mr_schema *schema, struct mr_value *cell)
{
    if (schema == NULL)
        return json_value(reader, cell);
    if (json_peek(reader) == 'n')
        return json_literal(reader, cell) == JSON_FINE ? json_null_as(reader, schema, cell) : JSON_BROKEN;
    if (schema->logical != MR_LOGICAL_NONE)
        return schema->logical == MR_LOGICAL_DECIMAL ? decimal_as(reader, schema, cell)
                                                     : instant_as(reader, schema, cell);
    switch ((enum mr_type)schema->type) {
    case MR_TYPE_INT8:
    case MR_TYPE_INT16:
    case MR_TYPE_INT32:
    case MR_TYPE_INT64:
        return integer_as(reader, schema, cell);
    case MR_TYPE_FLOAT32:
    case MR_TYPE_FLOAT64:
        return float_as(reader, schema, cell);
    case MR_TYPE_BOOLEAN:
        return boolean_as(reader, cell);
    case MR_TYPE_STRING:
        return string_as(reader, cell);
    case MR_TYPE_BYTES:
        return bytes_as(reader, schema, cell);
    case MR_TYPE_ARRAY:
        return array_as(reader, schema, cell);
    case MR_TYPE_MAP:
        return map_as(reader, schema, cell);
    case MR_TYPE_STRUCT:
        return json_struct(reader, schema, cell);
    }
    return json_broken(reader, "a schema of a known type");
}
