/* Values to JSON, by JsonConverter's rules: the kind must be exactly the schema's; a null takes the default. */
#include "sdk/json_internal.h"

#include <inttypes.h>
#include <math.h>

#include "base/base64.h"
#include "base/bans.h"

#define DAY_MS INT64_C(86400000)

static int wrong_kind(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    const char *kind = mr_kind_name(value_kind(value));
    if (schema == NULL)
        return mr_error_set(writer->error, MR_ERR_DATA, "A %s cannot be written as JSON without a schema", kind);
    return mr_error_set(writer->error, MR_ERR_DATA, "A %s cannot be written as JSON under a schema of type %s%s%s%s",
                        kind, mr_type_name((enum mr_type)schema->type), schema->name == NULL ? "" : " (",
                        schema->name == NULL ? "" : schema->name, schema->name == NULL ? "" : ")");
}

/* Scalars --------------------------------------------------------------------------------------------------- */

static int integer_put(struct json_writer *writer, int64_t number)
{
    if (json_room(writer, MR_NUMBER_TEXT_MAX) != 0)
        return -1;
    writer->at += mr_int64_text(number, writer->at);
    return 0;
}

static int float64_put(struct json_writer *writer, double number)
{
    if (json_room(writer, MR_NUMBER_TEXT_MAX + 2) != 0)
        return -1;
    bool is_special = !isfinite(number);
    if (is_special)
        *writer->at++ = '"';
    writer->at += mr_float64_text(number, writer->at);
    if (is_special)
        *writer->at++ = '"';
    return 0;
}

static int float32_put(struct json_writer *writer, float number)
{
    if (!isfinite(number))
        return float64_put(writer, (double)number);
    if (json_room(writer, MR_NUMBER_TEXT_MAX) != 0)
        return -1;
    writer->at += mr_float32_text(number, writer->at);
    return 0;
}

static int base64_put(struct json_writer *writer, struct mr_bytes bytes)
{
    if (json_room(writer, base64_encoded_length(bytes.size) + 2) != 0)
        return -1;
    *writer->at++ = '"';
    writer->at += base64_encode(bytes.data, bytes.size, writer->at);
    *writer->at++ = '"';
    return 0;
}

/* Logical types --------------------------------------------------------------------------------------------- */

static int decimal_numeric_put(struct json_writer *writer, const struct mr_value *value)
{
    struct mr_bytes text;
    if (mr_decimal_text(writer->arena, value, &text, writer->error) != 0)
        return -1;
    return json_put(writer, text.data, text.size);
}

static int decimal_put(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    if (value_kind(value) != MR_KIND_DECIMAL)
        return wrong_kind(writer, schema, value);
    if ((writer->flags & MR_JSON_DECIMAL_NUMERIC) != 0)
        return decimal_numeric_put(writer, value);
    int64_t scale;
    const char *text = mr_schema_parameter(schema, "scale");
    if (text == NULL || !mr_int64_parse((struct mr_bytes){text, strlen(text)}, &scale))
        return mr_error_set(writer->error, MR_ERR_DATA,
                            "The schema of a decimal has no parameter scale that is an integer");
    if (scale != value->decimal->scale)
        return mr_error_set(writer->error, MR_ERR_DATA, "A decimal has the scale %" PRId32 ", its schema %" PRId64,
                            value->decimal->scale, scale);
    return base64_put(writer, (struct mr_bytes){.data = value->decimal->unscaled, .size = value->length});
}

static int instant_put(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    if (value_kind(value) != MR_KIND_INSTANT)
        return wrong_kind(writer, schema, value);
    int64_t ms = value->integer;
    if (schema->logical == MR_LOGICAL_TIMESTAMP)
        return integer_put(writer, ms);
    if (schema->logical == MR_LOGICAL_TIME) {
        if (ms < 0 || ms > DAY_MS)
            return mr_error_set(writer->error, MR_ERR_DATA, "A Time of %" PRId64 " ms is not within a day", ms);
        return integer_put(writer, ms);
    }
    if (ms % DAY_MS != 0)
        return mr_error_set(writer->error, MR_ERR_DATA, "A Date of %" PRId64 " ms is no whole day", ms);
    return integer_put(writer, (int32_t)(ms / DAY_MS));
}

/* Containers ------------------------------------------------------------------------------------------------ */

static int array_put(struct json_writer *writer, const struct mr_schema *elements, const struct mr_value *value)
{
    const struct value_array *array = value->array;
    if (json_put_char(writer, '[') != 0)
        return -1;
    for (uint32_t i = 0; i < array->count; i++)
        if ((i > 0 && json_put_char(writer, ',') != 0) || json_put_value(writer, elements, &array->cells[i]) != 0)
            return -1;
    return json_put_char(writer, ']');
}

/* A key as the name of a member: what its JSON would be, as text. */
static int name_put(struct json_writer *writer, const struct mr_schema *keys, const struct mr_value *key)
{
    size_t start = (size_t)(writer->at - writer->start);
    if (value_is_text(key) && (keys == NULL || keys->logical == MR_LOGICAL_NONE))
        return json_put_text(writer, key->bytes, key->length);
    if (json_put_char(writer, '"') != 0 || json_put_value(writer, keys, key) != 0 || json_put_char(writer, '"') != 0)
        return -1;
    if (writer->start[start + 1] == '"') { /* it was text itself: quoted once is enough */
        writer->at -= 2;
        memmove(writer->start + start, writer->start + start + 1, (size_t)(writer->at - writer->start) - start);
    }
    return 0;
}

static int object_put(struct json_writer *writer, const struct mr_schema *schema, const struct value_map *map)
{
    const struct mr_schema *keys = schema == NULL ? NULL : schema->key,
                           *values = schema == NULL ? NULL : schema->element;
    if (json_put_char(writer, '{') != 0)
        return -1;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value_entry *entry = &map->entries[i];
        if ((i > 0 && json_put_char(writer, ',') != 0) || name_put(writer, keys, &entry->key) != 0 ||
            json_put_char(writer, ':') != 0 || json_put_value(writer, values, &entry->value) != 0)
            return -1;
    }
    return json_put_char(writer, '}');
}

static int pairs_put(struct json_writer *writer, const struct mr_schema *schema, const struct value_map *map)
{
    const struct mr_schema *keys = schema == NULL ? NULL : schema->key,
                           *values = schema == NULL ? NULL : schema->element;
    if (json_put_char(writer, '[') != 0)
        return -1;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value_entry *entry = &map->entries[i];
        if (json_put(writer, ",[", i > 0 ? 2 : 0) != 0 || (i == 0 && json_put_char(writer, '[') != 0) ||
            json_put_value(writer, keys, &entry->key) != 0 || json_put_char(writer, ',') != 0 ||
            json_put_value(writer, values, &entry->value) != 0 || json_put_char(writer, ']') != 0)
            return -1;
    }
    return json_put_char(writer, ']');
}

static bool has_text_keys(const struct value_map *map)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (!value_is_text(&map->entries[i].key))
            return false;
    return true;
}

static int map_put(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    if (schema != NULL && schema->key == NULL)
        return mr_error_set(writer->error, MR_ERR_DATA, "The schema of a map says nothing of its keys");
    bool is_object = schema == NULL ? has_text_keys(value->map) : schema->key->type == MR_TYPE_STRING;
    return is_object ? object_put(writer, schema, value->map) : pairs_put(writer, schema, value->map);
}

static int field_name_put(struct json_writer *writer, const struct mr_schema *schema, uint32_t index)
{
    const struct schema_field *field = &schema->fields[index];
    if (json_room(writer, (size_t)field->name_size + 4) != 0)
        return -1;
    *writer->at++ = index == 0 ? '{' : ',';
    if (__builtin_expect(schema->has_odd_names, 0))
        return json_put_text(writer, field->name, field->name_size) == 0 ? json_put_char(writer, ':') : -1;
    *writer->at++ = '"';
    memcpy(writer->at, field->name, field->name_size);
    writer->at += field->name_size;
    *writer->at++ = '"';
    *writer->at++ = ':';
    return 0;
}

static int struct_put(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    const struct value_struct *body = value->structure;
    if (schema == NULL)
        return wrong_kind(writer, schema, value);
    if (body->schema != schema && !mr_schema_equals(body->schema, schema))
        return mr_error_set(writer->error, MR_ERR_DATA, "A struct has another schema than its place");
    if (schema->field_count == 0)
        return JSON_PUT(writer, "{}");
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (field_name_put(writer, schema, i) != 0 ||
            json_put_value(writer, schema->fields[i].schema, &body->cells[i]) != 0)
            return -1;
    return json_put_char(writer, '}');
}

/* --------------------------------------------------------------------------------------------------------- */

static int container_put(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    if (++writer->depth > MR_JSON_DEPTH_MAX)
        return mr_error_set(writer->error, MR_ERR_DATA, "A value is nested more than %d levels deep",
                            MR_JSON_DEPTH_MAX);
    int status = value_kind(value) == MR_KIND_STRUCT ? struct_put(writer, schema, value)
                 : value_kind(value) == MR_KIND_MAP  ? map_put(writer, schema, value)
                                                    : array_put(writer, schema == NULL ? NULL : schema->element, value);
    writer->depth--;
    return status;
}

static int null_put(struct json_writer *writer, const struct mr_schema *schema)
{
    if (schema == NULL)
        return JSON_PUT(writer, "null");
    if (schema->default_value != NULL && (writer->flags & MR_JSON_KEEP_NULLS) == 0)
        return json_put_value(writer, schema, schema->default_value);
    if (schema->is_optional)
        return JSON_PUT(writer, "null");
    return mr_error_set(writer->error, MR_ERR_DATA, "Null for a required %s without a default",
                        mr_type_name((enum mr_type)schema->type));
}

int json_put_value(struct json_writer *writer, const struct mr_schema *schema, const struct mr_value *value)
{
    if (value_is_null(value))
        return null_put(writer, schema);
    if (schema != NULL && schema->logical != MR_LOGICAL_NONE)
        return schema->logical == MR_LOGICAL_DECIMAL ? decimal_put(writer, schema, value)
                                                     : instant_put(writer, schema, value);
    if (schema != NULL && (int)value_kind(value) != (int)schema->type)
        return wrong_kind(writer, schema, value);
    switch (value_kind(value)) {
    case MR_KIND_INT8:
    case MR_KIND_INT16:
    case MR_KIND_INT32:
    case MR_KIND_INT64:
        return integer_put(writer, value->integer);
    case MR_KIND_FLOAT32:
        return float32_put(writer, value->float32);
    case MR_KIND_FLOAT64:
        return float64_put(writer, value->float64);
    case MR_KIND_BOOLEAN:
        return value->boolean ? JSON_PUT(writer, "true") : JSON_PUT(writer, "false");
    case MR_KIND_STRING:
        return json_put_text(writer, value->bytes, value->length);
    case MR_KIND_BYTES:
        return base64_put(writer, value_bytes(value));
    case MR_KIND_ARRAY:
    case MR_KIND_MAP:
    case MR_KIND_STRUCT:
        return container_put(writer, schema, value);
    default:
        return wrong_kind(writer, schema, value);
    }
}

int mr_json_write(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value, uint32_t flags,
                  struct mr_bytes *text, struct mr_error **error)
{
    struct json_writer writer;
    if (json_writer_init(&writer, arena, flags, error) != 0)
        return -1;
    if (json_put_value(&writer, schema, value) != 0)
        return -1;
    json_writer_finish(&writer, text);
    return 0;
}
