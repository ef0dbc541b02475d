#include "decode.h"

#include <millrace/number_text.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/record_layout.h"
#include "base/base64.h"
#include "base/bans.h"

static int refuse(struct mr_error **error, const char *words)
{
    return mr_error_set(error, MR_ERR_CONNECT, "the case cannot be built: %s", words);
}

static bool is_nothing(const json_t *json)
{
    return json == NULL || json_is_null(json);
}

static int64_t text_integer(const json_t *json)
{
    const char *text = json_string_value(json);
    return text == NULL ? json_integer_value(json) : strtoll(text, NULL, 10);
}

int decode_bytes(struct mr_arena *arena, const json_t *json, struct mr_bytes *bytes, struct mr_error **error)
{
    *bytes = (struct mr_bytes){.data = NULL};
    if (is_nothing(json))
        return 0;
    size_t length = json_string_length(json), size;
    unsigned char *data = mr_arena_alloc(arena, base64_decoded_max(length) + 1);
    if (data == NULL || !base64_decode(json_string_value(json), length, data, &size))
        return refuse(error, "bad base64");
    *bytes = (struct mr_bytes){.data = data, .size = size};
    return 0;
}

/* Schemas --------------------------------------------------------------------------------------------------- */

static enum mr_type type_of(const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "type"));
    for (enum mr_type type = MR_TYPE_INT8; name != NULL && type <= MR_TYPE_STRUCT; type++)
        if (strcmp(mr_type_name(type), name) == 0)
            return type;
    return 0;
}

static void parameters_set(struct mr_schema_builder *builder, const json_t *parameters)
{
    size_t i;
    const json_t *pair;
    if (is_nothing(parameters))
        return;
    mr_schema_builder_set_parameters_present(builder);
    json_array_foreach(parameters, i, pair) mr_schema_builder_set_parameter(
        builder, json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1)));
}

static int fields_add(struct mr_arena *arena, struct mr_schema_builder *builder, const json_t *fields,
                      struct mr_error **error)
{
    size_t i;
    const json_t *field;
    json_array_foreach(fields, i, field)
    {
        const struct mr_schema *schema;
        if (decode_schema(arena, json_object_get(field, "schema"), &schema, error) != 0)
            return -1;
        mr_schema_builder_add_field(builder, json_string_value(json_object_get(field, "name")), schema);
    }
    return 0;
}

static int children_set(struct mr_arena *arena, struct mr_schema_builder *builder, enum mr_type type,
                        const json_t *json, struct mr_error **error)
{
    const struct mr_schema *child;
    if (type == MR_TYPE_STRUCT)
        return fields_add(arena, builder, json_object_get(json, "fields"), error);
    if (type == MR_TYPE_MAP) {
        if (decode_schema(arena, json_object_get(json, "keySchema"), &child, error) != 0)
            return -1;
        if (child != NULL)
            mr_schema_builder_set_key(builder, child);
    }
    if (type == MR_TYPE_MAP || type == MR_TYPE_ARRAY) {
        if (decode_schema(arena, json_object_get(json, "valueSchema"), &child, error) != 0)
            return -1;
        if (child != NULL)
            mr_schema_builder_set_element(builder, child);
    }
    return 0;
}

/* Everything but the default, which may have to know the schema. */
static struct mr_schema_builder *builder_fill(struct mr_arena *arena, const json_t *json, struct mr_error **error)
{
    enum mr_type type = type_of(json);
    struct mr_schema_builder *builder = mr_schema_builder_create(type);
    const json_t *version = json_object_get(json, "version"), *name = json_object_get(json, "name");
    const json_t *doc = json_object_get(json, "doc");
    mr_schema_builder_set_optional(builder, json_is_true(json_object_get(json, "optional")));
    if (!is_nothing(name))
        mr_schema_builder_set_name(builder, json_string_value(name));
    if (!is_nothing(version))
        mr_schema_builder_set_version(builder, (int32_t)json_integer_value(version));
    if (!is_nothing(doc))
        mr_schema_builder_set_doc(builder, json_string_value(doc));
    parameters_set(builder, json_object_get(json, "parameters"));
    if (children_set(arena, builder, type, json, error) == 0)
        return builder;
    mr_schema_builder_destroy(builder);
    return NULL;
}

static const struct mr_schema *schema_build(struct mr_arena *arena, const json_t *json, const struct mr_value *standard,
                                            struct mr_error **error)
{
    struct mr_schema_builder *builder = builder_fill(arena, json, error);
    if (builder == NULL)
        return NULL;
    if (standard != NULL)
        mr_schema_builder_set_default(builder, standard);
    const struct mr_schema *schema = mr_schema_builder_build(builder, error);
    if (schema == NULL)
        return NULL;
    int kept = mr_arena_keep_schema(arena, schema);
    mr_schema_drop(schema);
    return kept == 0 ? schema : NULL;
}

int decode_schema(struct mr_arena *arena, const json_t *json, const struct mr_schema **schema, struct mr_error **error)
{
    *schema = NULL;
    if (is_nothing(json))
        return 0;
    *schema = schema_build(arena, json, NULL, error);
    const json_t *standard = json_object_get(json, "default");
    if (*schema == NULL || standard == NULL)
        return *schema == NULL ? -1 : 0;
    const struct mr_value *value = decode_value(arena, standard, *schema, error);
    if (value == NULL)
        return -1;
    *schema = schema_build(arena, json, value, error);
    return *schema == NULL ? -1 : 0;
}

/* Values ---------------------------------------------------------------------------------------------------- */

static const struct mr_value *float_of(struct mr_arena *arena, const json_t *json, bool is_wide)
{
    uint64_t bits = strtoull(json_string_value(json_object_get(json, "bits")), NULL, 16);
    if (is_wide) {
        double number;
        memcpy(&number, &bits, sizeof(number));
        return mr_float64(arena, number);
    }
    uint32_t half = (uint32_t)bits;
    float number;
    memcpy(&number, &half, sizeof(number));
    return mr_float32(arena, number);
}

/* "unscaled" and "scale", or "v" of a bigint. */
static const struct mr_value *decimal_of(struct mr_arena *arena, const json_t *json, bool is_decimal,
                                         struct mr_error **error)
{
    const json_t *digits = json_object_get(json, is_decimal ? "unscaled" : "v");
    struct mr_bytes text = {.data = json_string_value(digits), .size = json_string_length(digits)};
    const struct mr_value *number = mr_decimal_parse(arena, text, error);
    if (number == NULL)
        return NULL;
    struct mr_bytes unscaled = mr_value_unscaled(number);
    if (!is_decimal)
        return mr_bigint(arena, unscaled.data, unscaled.size);
    return mr_decimal(arena, unscaled.data, unscaled.size, (int32_t)json_integer_value(json_object_get(json, "scale")));
}

static const struct mr_value *array_of(struct mr_arena *arena, const json_t *list, const struct mr_schema *place,
                                       struct mr_error **error)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_ARRAY;
    struct mr_value *array = mr_array_create(arena, json_array_size(list));
    size_t i;
    const json_t *element;
    json_array_foreach(list, i, element)
    {
        const struct mr_value *value =
            decode_value(arena, element, has_schema ? mr_schema_element(place) : NULL, error);
        if (value == NULL || mr_array_append(arena, array, value) != 0)
            return NULL;
    }
    return array;
}

static const struct mr_value *map_of(struct mr_arena *arena, const json_t *list, const struct mr_schema *place,
                                     struct mr_error **error)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_MAP;
    struct mr_value *map = mr_map_create(arena, json_array_size(list));
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const struct mr_value *key =
            decode_value(arena, json_array_get(entry, 0), has_schema ? mr_schema_key(place) : NULL, error);
        const struct mr_value *value =
            decode_value(arena, json_array_get(entry, 1), has_schema ? mr_schema_element(place) : NULL, error);
        if (key == NULL || value == NULL || mr_map_put(arena, map, key, value) != 0)
            return NULL;
    }
    return map;
}

static const struct mr_value *struct_of(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                        struct mr_error **error)
{
    const json_t *own = json_object_get(json, "schema"), *list = json_object_get(json, "v"), *pair;
    const struct mr_schema *schema = place;
    size_t i;
    if (own != NULL && decode_schema(arena, own, &schema, error) != 0)
        return NULL;
    struct mr_value *value = schema == NULL ? NULL : mr_struct_create(arena, schema);
    if (value == NULL) {
        refuse(error, "a struct without a schema");
        return NULL;
    }
    json_array_foreach(list, i, pair)
    {
        int32_t index = mr_schema_field_index(schema, json_string_value(json_array_get(pair, 0)));
        const struct mr_value *field =
            index < 0 ? NULL
                      : decode_value(arena, json_array_get(pair, 1), mr_schema_field(schema, (size_t)index), error);
        if (mr_struct_put_unchecked(value, (size_t)index, field) != 0) {
            refuse(error, "a field that the struct's schema does not have");
            return NULL;
        }
    }
    return value;
}

static const struct mr_value *bytes_of(struct mr_arena *arena, const json_t *text, struct mr_error **error)
{
    struct mr_bytes bytes;
    return decode_bytes(arena, text, &bytes, error) == 0 ? mr_bytes_copy(arena, bytes.data, bytes.size) : NULL;
}

const struct mr_value *decode_value(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                    struct mr_error **error)
{
    if (is_nothing(json))
        return mr_null();
    const char *tag = json_string_value(json_object_get(json, "t"));
    const json_t *v = json_object_get(json, "v");
    if (tag == NULL) {
        refuse(error, "a value without its type tag");
        return NULL;
    }
#define TAG_IS(name) (strcmp(tag, name) == 0)
    if (TAG_IS("int8"))
        return mr_int8(arena, (int8_t)json_integer_value(v));
    if (TAG_IS("int16"))
        return mr_int16(arena, (int16_t)json_integer_value(v));
    if (TAG_IS("int32"))
        return mr_int32(arena, (int32_t)json_integer_value(v));
    if (TAG_IS("int64"))
        return mr_int64(arena, text_integer(v));
    if (TAG_IS("float32") || TAG_IS("float64"))
        return float_of(arena, json, TAG_IS("float64"));
    if (TAG_IS("boolean"))
        return mr_boolean(json_is_true(v));
    if (TAG_IS("string"))
        return mr_string_copy(arena, json_string_value(v), json_string_length(v));
    if (TAG_IS("bytes"))
        return bytes_of(arena, v, error);
    if (TAG_IS("decimal") || TAG_IS("bigint"))
        return decimal_of(arena, json, TAG_IS("decimal"), error);
    if (TAG_IS("instant"))
        return mr_instant(arena, text_integer(json_object_get(json, "ms")));
    if (TAG_IS("array"))
        return array_of(arena, v, place, error);
    if (TAG_IS("map"))
        return map_of(arena, v, place, error);
    if (TAG_IS("struct"))
        return struct_of(arena, json, place, error);
#undef TAG_IS
    refuse(error, "an unknown type tag");
    return NULL;
}

/* Records --------------------------------------------------------------------------------------------------- */

static int headers_add(struct mr_record *record, const json_t *headers, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    size_t i;
    const json_t *header;
    json_array_foreach(headers, i, header)
    {
        const struct mr_schema *schema;
        if (decode_schema(arena, json_object_get(header, "schema"), &schema, error) != 0)
            return -1;
        const struct mr_value *value = decode_value(arena, json_object_get(header, "value"), schema, error);
        if (mr_record_add_header(record, json_string_value(json_object_get(header, "key")), schema, value) != 0)
            return -1;
    }
    return 0;
}

static int side_set(struct mr_record *record, const json_t *json, bool is_key, struct mr_error **error)
{
    const struct mr_schema *schema;
    struct mr_arena *arena = mr_record_arena(record);
    if (decode_schema(arena, json_object_get(json, is_key ? "keySchema" : "valueSchema"), &schema, error) != 0)
        return -1;
    const struct mr_value *value = decode_value(arena, json_object_get(json, is_key ? "key" : "value"), schema, error);
    if (value == NULL)
        return -1;
    return is_key ? mr_record_set_key(record, schema, value) : mr_record_set_value(record, schema, value);
}

static int place_set(struct mr_record *record, const json_t *json)
{
    const json_t *partition = json_object_get(json, "partition"), *timestamp = json_object_get(json, "timestamp");
    const char *topic = json_string_value(json_object_get(json, "topic"));
    if (strcmp(json_string_value(json_object_get(json, "kind")), "sink") == 0) {
        struct record_origin origin = {.topic = topic == NULL ? "" : mr_arena_text(mr_record_arena(record), topic),
                                       .offset = text_integer(json_object_get(json, "offset")),
                                       .timestamp_ms = -1};
        if (record_set_origin(record, &origin) != 0)
            return -1;
    }
    record->content.topic = NULL; /* a case may lack what the origin of a real record always has */
    if (topic != NULL && mr_record_set_topic(record, topic) != 0)
        return -1;
    mr_record_set_partition(record, is_nothing(partition) ? MR_PARTITION_NONE : (int32_t)json_integer_value(partition));
    mr_record_clear_timestamp(record);
    if (!is_nothing(timestamp))
        mr_record_set_timestamp_ms(record, text_integer(timestamp));
    return 0;
}

struct mr_record *decode_record(struct mr_batch *batch, const json_t *json, struct mr_error **error)
{
    struct mr_record *record = mr_batch_append(batch);
    if (record == NULL || place_set(record, json) != 0 || side_set(record, json, true, error) != 0 ||
        side_set(record, json, false, error) != 0 ||
        headers_add(record, json_object_get(json, "headers"), error) != 0) {
        refuse(error, "a record");
        return NULL;
    }
    return record;
}
