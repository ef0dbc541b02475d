#include "encode.h"

#include <millrace/number_text.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/bans.h"

static json_t *text_of_integer(int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, number);
    return json_string(text);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

json_t *encode_bytes(struct mr_bytes bytes)
{
    if (bytes.data == NULL)
        return json_null();
    char *text = mem_alloc(base64_encoded_length(bytes.size) + 1);
    json_t *json = json_stringn(text, base64_encode(bytes.data, bytes.size, text));
    mem_free(text);
    return json;
}

/* Schemas --------------------------------------------------------------------------------------------------- */

static json_t *parameters_of(const struct mr_schema *schema)
{
    if (!mr_schema_has_parameters(schema))
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < mr_schema_parameter_count(schema); i++)
        json_array_append_new(
            list, json_pack("[ss]", mr_schema_parameter_key(schema, i), mr_schema_parameter_value(schema, i)));
    return list;
}

static json_t *fields_of(const struct mr_schema *schema)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        json_array_append_new(list, json_pack("{ssso}", "name", mr_schema_field_name(schema, i), "schema",
                                              encode_schema(mr_schema_field(schema, i))));
    return list;
}

json_t *encode_schema(const struct mr_schema *schema)
{
    if (schema == NULL)
        return json_null();
    int32_t version;
    enum mr_type type = mr_schema_type(schema);
    json_t *json = json_object();
    json_object_set_new(json, "type", json_string(mr_type_name(type)));
    json_object_set_new(json, "optional", json_boolean(mr_schema_is_optional(schema)));
    json_object_set_new(json, "name", text_or_null(mr_schema_name(schema)));
    json_object_set_new(json, "version", mr_schema_version(schema, &version) ? json_integer(version) : json_null());
    json_object_set_new(json, "doc", text_or_null(mr_schema_doc(schema)));
    json_object_set_new(json, "parameters", parameters_of(schema));
    if (type == MR_TYPE_STRUCT)
        json_object_set_new(json, "fields", fields_of(schema));
    if (type == MR_TYPE_MAP)
        json_object_set_new(json, "keySchema", encode_schema(mr_schema_key(schema)));
    if (type == MR_TYPE_MAP || type == MR_TYPE_ARRAY)
        json_object_set_new(json, "valueSchema", encode_schema(mr_schema_element(schema)));
    if (mr_schema_default(schema) != NULL)
        json_object_set_new(json, "default", encode_value(mr_schema_default(schema), schema));
    return json;
}

/* Values ---------------------------------------------------------------------------------------------------- */

static json_t *float_of(const struct mr_value *value)
{
    char text[MR_NUMBER_TEXT_MAX], bits_text[32];
    uint64_t bits = 0;
    size_t size;
    if (mr_value_kind(value) == MR_KIND_FLOAT64) {
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
    snprintf(bits_text, sizeof(bits_text), "%0*" PRIx64, mr_value_kind(value) == MR_KIND_FLOAT64 ? 16 : 8, bits);
    return json_pack("{sssoss}", "t", mr_kind_name(mr_value_kind(value)), "v", json_stringn(text, size), "bits",
                     bits_text);
}

static json_t *digits_of(const struct mr_value *value)
{
    struct mr_bytes unscaled = mr_value_unscaled(value), text;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    const struct mr_value *number = mr_bigint(arena, unscaled.data, unscaled.size);
    json_t *json = number != NULL && mr_decimal_text(arena, number, &text, NULL) == 0
                       ? json_stringn(text.data, text.size)
                       : json_string("?");
    mr_arena_destroy(arena);
    return json;
}

static json_t *elements_of(const struct mr_value *array, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_ARRAY;
    json_t *list = json_array();
    for (size_t i = 0; i < mr_array_count(array); i++)
        json_array_append_new(list, encode_value(mr_array_at(array, i), has_schema ? mr_schema_element(place) : NULL));
    return list;
}

static json_t *entries_of(const struct mr_value *map, const struct mr_schema *place)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_MAP;
    json_t *list = json_array();
    for (size_t i = 0; i < mr_map_count(map); i++)
        json_array_append_new(
            list, json_pack("[oo]", encode_value(mr_map_key_at(map, i), has_schema ? mr_schema_key(place) : NULL),
                            encode_value(mr_map_value_at(map, i), has_schema ? mr_schema_element(place) : NULL)));
    return list;
}

static json_t *struct_of(const struct mr_value *value, const struct mr_schema *place)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    json_t *list = json_array(), *json = json_pack("{ssso}", "t", "struct", "v", list);
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        json_array_append_new(list, json_pack("[so]", mr_schema_field_name(schema, i),
                                              encode_value(mr_struct_at(value, i), mr_schema_field(schema, i))));
    if (place == NULL || !mr_schema_equals(place, schema))
        json_object_set_new(json, "schema", encode_schema(schema));
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
    struct mr_bytes bytes;
    switch (kind) {
    case MR_KIND_NULL:
        return json_null();
    case MR_KIND_INT64:
        return json_pack("{ssso}", "t", "int64", "v", text_of_integer(mr_value_integer(value)));
    case MR_KIND_FLOAT32:
    case MR_KIND_FLOAT64:
        return float_of(value);
    case MR_KIND_BOOLEAN:
        return json_pack("{sssb}", "t", "boolean", "v", mr_value_boolean(value));
    case MR_KIND_STRING:
        bytes = mr_value_bytes(value);
        return json_pack("{ssso}", "t", "string", "v", json_stringn(bytes.data, bytes.size));
    case MR_KIND_BYTES:
        return json_pack("{ssso}", "t", "bytes", "v", encode_bytes(mr_value_bytes(value)));
    case MR_KIND_ARRAY:
        return json_pack("{ssso}", "t", "array", "v", elements_of(value, place));
    case MR_KIND_MAP:
        return json_pack("{ssso}", "t", "map", "v", entries_of(value, place));
    case MR_KIND_STRUCT:
        return struct_of(value, is_default_of(value, place) ? mr_struct_schema(value) : place);
    case MR_KIND_DECIMAL:
        return json_pack("{sssosi}", "t", "decimal", "unscaled", digits_of(value), "scale",
                         mr_value_decimal_scale(value));
    case MR_KIND_BIGINT:
        return json_pack("{ssso}", "t", "bigint", "v", digits_of(value));
    case MR_KIND_INSTANT:
        return json_pack("{ssso}", "t", "instant", "ms", text_of_integer(mr_value_integer(value)));
    default:
        return json_pack("{sssI}", "t", mr_kind_name(kind), "v", (json_int_t)mr_value_integer(value));
    }
}

/* Records --------------------------------------------------------------------------------------------------- */

static json_t *headers_of(const struct mr_record *record)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mr_record_header_count(record); i++) {
        const struct mr_schema *schema = mr_record_header_schema(record, i);
        json_array_append_new(list, json_pack("{sssoso}", "key", mr_record_header_key(record, i), "schema",
                                              encode_schema(schema), "value",
                                              encode_value(mr_record_header_value(record, i), schema)));
    }
    return list;
}

json_t *encode_record(const struct mr_record *record)
{
    json_t *json = json_object();
    int32_t partition = mr_record_partition(record);
    json_object_set_new(json, "kind", json_string(mr_record_is_sink(record) ? "sink" : "source"));
    json_object_set_new(json, "topic", text_or_null(mr_record_topic(record)));
    json_object_set_new(json, "partition", partition == MR_PARTITION_NONE ? json_null() : json_integer(partition));
    if (mr_record_is_sink(record))
        json_object_set_new(json, "offset", text_of_integer(mr_record_offset(record)));
    json_object_set_new(json, "timestamp",
                        mr_record_has_timestamp(record) ? text_of_integer(mr_record_timestamp_ms(record))
                                                        : json_null());
    json_object_set_new(json, "keySchema", encode_schema(mr_record_key_schema(record)));
    json_object_set_new(json, "key", encode_value(mr_record_key(record), mr_record_key_schema(record)));
    json_object_set_new(json, "valueSchema", encode_schema(mr_record_value_schema(record)));
    json_object_set_new(json, "value", encode_value(mr_record_value(record), mr_record_value_schema(record)));
    json_object_set_new(json, "headers", headers_of(record));
    return json;
}
