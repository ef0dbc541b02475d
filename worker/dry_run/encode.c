#include "dry_run/encode.h"

#include <inttypes.h>
#include <millrace/number_text.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/utf8.h"

#include "base/bans.h"

#define DIGITS_ARENA_MAX (1u << 20)

/* Pieces ------------------------------------------------------------------------------------------------------ */

json_t *encode_with(json_t *object, const char *name, json_t *value)
{
    if (object != NULL && json_object_set_new(object, name, value) == 0) /* takes the value in any case */
        return object;
    if (object == NULL)
        json_decref(value);
    json_decref(object);
    return NULL;
}

json_t *encode_and(json_t *list, json_t *value)
{
    if (list != NULL && json_array_append_new(list, value) == 0)
        return list;
    if (list == NULL)
        json_decref(value);
    json_decref(list);
    return NULL;
}

static json_t *with_text(json_t *object, const char *name, const char *text)
{
    return encode_with(object, name, json_string(text));
}

json_t *encode_integer_text(int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, number);
    return json_string(text);
}

static json_t *repaired_text(struct mr_bytes text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    struct str_buffer out;
    const char *at = text.data, *end = at + text.size;
    str_buffer_init(&out, text.size * (sizeof(replacement) - 1));
    while (at < end) {
        size_t valid = utf8_valid_length(at, (size_t)(end - at));
        str_buffer_append(&out, at, valid);
        at += valid;
        if (at < end) {
            str_buffer_append_text(&out, replacement);
            at++;
        }
    }
    json_t *json = str_buffer_failed(&out) ? NULL : json_stringn(str_buffer_text(&out), out.length);
    str_buffer_release(&out);
    return json;
}

json_t *encode_text(struct mr_bytes text)
{
    return utf8_valid(text.data, text.size) ? json_stringn(text.data == NULL ? "" : text.data, text.size) : repaired_text(text);
}

json_t *encode_text_or_null(const char *text)
{
    return text == NULL ? json_null() : encode_text((struct mr_bytes){.data = text, .size = strlen(text)});
}

json_t *encode_bytes(struct mr_bytes bytes)
{
    if (bytes.data == NULL)
        return json_null();
    char *text = mem_alloc(base64_encoded_length(bytes.size) + 1);
    json_t *json = text == NULL ? NULL : json_stringn(text, base64_encode(bytes.data, bytes.size, text));
    mem_free(text);
    return json;
}

/* Schemas --------------------------------------------------------------------------------------------------- */

static json_t *parameters_of(const struct mr_schema *schema)
{
    if (!mr_schema_has_parameters(schema))
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < mr_schema_parameter_count(schema); i++) {
        json_t *pair = encode_and(json_array(), encode_text_or_null(mr_schema_parameter_key(schema, i)));
        list = encode_and(list, encode_and(pair, encode_text_or_null(mr_schema_parameter_value(schema, i))));
    }
    return list;
}

static json_t *fields_of(const struct mr_schema *schema)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        json_t *field = encode_with(json_object(), "name", encode_text_or_null(mr_schema_field_name(schema, i)));
        list = encode_and(list, encode_with(field, "schema", encode_schema(mr_schema_field(schema, i))));
    }
    return list;
}

json_t *encode_schema(const struct mr_schema *schema)
{
    if (schema == NULL)
        return json_null();
    int32_t version;
    enum mr_type type = mr_schema_type(schema);
    json_t *json = with_text(json_object(), "type", mr_type_name(type));
    json = encode_with(json, "optional", json_boolean(mr_schema_is_optional(schema)));
    json = encode_with(json, "name", encode_text_or_null(mr_schema_name(schema)));
    json = encode_with(json, "version", mr_schema_version(schema, &version) ? json_integer(version) : json_null());
    json = encode_with(json, "doc", encode_text_or_null(mr_schema_doc(schema)));
    json = encode_with(json, "parameters", parameters_of(schema));
    if (type == MR_TYPE_STRUCT)
        json = encode_with(json, "fields", fields_of(schema));
    if (type == MR_TYPE_MAP)
        json = encode_with(json, "keySchema", encode_schema(mr_schema_key(schema)));
    if (type == MR_TYPE_MAP || type == MR_TYPE_ARRAY)
        json = encode_with(json, "valueSchema", encode_schema(mr_schema_element(schema)));
    if (mr_schema_default(schema) != NULL)
        json = encode_with(json, "default", encode_value(mr_schema_default(schema), schema));
    return json;
}

/* Values ---------------------------------------------------------------------------------------------------- */

static json_t *tagged(const char *tag, const char *name, json_t *value)
{
    return encode_with(with_text(json_object(), "t", tag), name, value);
}

static json_t *float_of(const struct mr_value *value)
{
    char text[MR_NUMBER_TEXT_MAX], bits_text[32];
    uint64_t bits = 0;
    size_t size;
    bool is_wide = mr_value_kind(value) == MR_KIND_FLOAT64;
    if (is_wide) {
        double number = mr_value_float64(value);
        memcpy(&bits, &number, sizeof(number));
        size = mr_float64_text(number, text);
    } else {
        float number = mr_value_float32(value);
        uint32_t half;
        memcpy(&half, &number, sizeof(half));
        bits = half;
        size = mr_float32_text(number, text);
    }
    snprintf(bits_text, sizeof(bits_text), "%0*" PRIx64, is_wide ? 16 : 8, bits);
    return with_text(tagged(mr_kind_name(mr_value_kind(value)), "v", json_stringn(text, size)), "bits", bits_text);
}

static json_t *digits_of(const struct mr_value *value)
{
    struct mr_bytes unscaled = mr_value_unscaled(value), text;
    struct mr_arena *arena = mr_arena_create(DIGITS_ARENA_MAX);
    const struct mr_value *number = arena == NULL ? NULL : mr_bigint(arena, unscaled.data, unscaled.size);
    json_t *json = number != NULL && mr_decimal_text(arena, number, &text, NULL) == 0
                       ? json_stringn(text.data, text.size)
                       : json_string("?"); /* beyond what can be printed */
    mr_arena_destroy(arena);
    return json;
}

static json_t *elements_of(const struct mr_value *array, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_ARRAY;
    json_t *list = json_array();
    for (size_t i = 0; i < mr_array_count(array); i++)
        list = encode_and(list, encode_value(mr_array_at(array, i), has_schema ? mr_schema_element(place) : NULL));
    return list;
}

static json_t *entries_of(const struct mr_value *map, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_MAP;
    json_t *list = json_array();
    for (size_t i = 0; i < mr_map_count(map); i++) {
        json_t *pair =
            encode_and(json_array(), encode_value(mr_map_key_at(map, i), has_schema ? mr_schema_key(place) : NULL));
        pair = encode_and(pair, encode_value(mr_map_value_at(map, i), has_schema ? mr_schema_element(place) : NULL));
        list = encode_and(list, pair);
    }
    return list;
}

static json_t *struct_of(const struct mr_value *value, const struct mr_schema *place)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    json_t *list = json_array();
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        json_t *pair = encode_and(json_array(), encode_text_or_null(mr_schema_field_name(schema, i)));
        list = encode_and(list, encode_and(pair, encode_value(mr_struct_at(value, i), mr_schema_field(schema, i))));
    }
    json_t *json = tagged("struct", "v", list);
    if (place == NULL || !mr_schema_equals(place, schema))
        json = encode_with(json, "schema", encode_schema(schema));
    return json;
}

/* A default of a struct schema has that schema, but for the default itself. */
static bool is_default_of(const struct mr_value *value, const struct mr_schema *place)
{
    return place != NULL && mr_schema_default(place) == value;
}

json_t *encode_value(const struct mr_value *value, const struct mr_schema *place)
{
    enum mr_kind kind = mr_value_kind(value);
    const char *tag = kind == MR_KIND_NULL ? NULL : mr_kind_name(kind);
    switch (kind) {
    case MR_KIND_NULL:
        return json_null();
    case MR_KIND_INT64:
        return tagged("int64", "v", encode_integer_text(mr_value_integer(value)));
    case MR_KIND_FLOAT32:
    case MR_KIND_FLOAT64:
        return float_of(value);
    case MR_KIND_BOOLEAN:
        return tagged("boolean", "v", json_boolean(mr_value_boolean(value)));
    case MR_KIND_STRING:
        return tagged("string", "v", encode_text(mr_value_bytes(value)));
    case MR_KIND_BYTES:
        return tagged("bytes", "v", encode_bytes(mr_value_bytes(value)));
    case MR_KIND_ARRAY:
        return tagged("array", "v", elements_of(value, place));
    case MR_KIND_MAP:
        return tagged("map", "v", entries_of(value, place));
    case MR_KIND_STRUCT:
        return struct_of(value, is_default_of(value, place) ? mr_struct_schema(value) : place);
    case MR_KIND_DECIMAL:
        return encode_with(tagged("decimal", "unscaled", digits_of(value)), "scale",
                           json_integer(mr_value_decimal_scale(value)));
    case MR_KIND_BIGINT:
        return tagged("bigint", "v", digits_of(value));
    case MR_KIND_INSTANT:
        return tagged("instant", "ms", encode_integer_text(mr_value_integer(value)));
    default:
        return tagged(tag, "v", json_integer((json_int_t)mr_value_integer(value)));
    }
}

/* Records --------------------------------------------------------------------------------------------------- */

static json_t *headers_of(const struct mr_record *record)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mr_record_header_count(record); i++) {
        const struct mr_schema *schema = mr_record_header_schema(record, i);
        json_t *header = encode_with(json_object(), "key", encode_text_or_null(mr_record_header_key(record, i)));
        header = encode_with(header, "schema", encode_schema(schema));
        list = encode_and(list, encode_with(header, "value", encode_value(mr_record_header_value(record, i), schema)));
    }
    return list;
}

json_t *encode_record(const struct mr_record *record)
{
    int32_t partition = mr_record_partition(record);
    const struct mr_schema *key = mr_record_key_schema(record), *value = mr_record_value_schema(record);
    json_t *json = with_text(json_object(), "kind", mr_record_is_sink(record) ? "sink" : "source");
    json = encode_with(json, "topic", encode_text_or_null(mr_record_topic(record)));
    json = encode_with(json, "partition", partition == MR_PARTITION_NONE ? json_null() : json_integer(partition));
    if (mr_record_is_sink(record))
        json = encode_with(json, "offset", encode_integer_text(mr_record_offset(record)));
    json = encode_with(json, "timestamp", mr_record_has_timestamp(record)
                                              ? encode_integer_text(mr_record_timestamp_ms(record)) : json_null());
    json = encode_with(json, "keySchema", encode_schema(key));
    json = encode_with(json, "key", encode_value(mr_record_key(record), key));
    json = encode_with(json, "valueSchema", encode_schema(value));
    json = encode_with(json, "value", encode_value(mr_record_value(record), value));
    return encode_with(json, "headers", headers_of(record));
}
