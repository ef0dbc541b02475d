#include "dry_run/decode.h"

#include <inttypes.h>
#include <millrace/error.h>
#include <millrace/number_text.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

static int refuse(struct mr_error **error, const char *words)
{
    return mr_error_set(error, MR_ERR_DATA, "%s", words);
}

static const struct mr_value *refuse_value(struct mr_error **error, const char *words)
{
    refuse(error, words);
    return NULL;
}

static bool is_nothing(const json_t *json)
{
    return json == NULL || json_is_null(json);
}

int decode_integer(const json_t *json, int64_t least, int64_t most, int64_t *number, struct mr_error **error)
{
    const struct mr_bytes text = {.data = json_string_value(json), .size = json_string_length(json)};
    if (json_is_integer(json))
        *number = json_integer_value(json);
    else if (!json_is_string(json) || !mr_int64_parse(text, number))
        return refuse(error, "a whole number is missing, or is no whole number");
    return *number >= least && *number <= most
               ? 0
               : mr_error_set(error, MR_ERR_DATA, "%" PRId64 " is not between %" PRId64 " and %" PRId64, *number, least, most);
}

int decode_bytes(struct mr_arena *arena, const json_t *json, struct mr_bytes *bytes, struct mr_error **error)
{
    *bytes = (struct mr_bytes){.data = NULL};
    if (is_nothing(json))
        return 0;
    size_t length = json_string_length(json), size;
    unsigned char *data = mr_arena_alloc(arena, base64_decoded_max(length) + 1);
    if (data == NULL)
        return mr_arena_failed(arena, error);
    if (!json_is_string(json) || !base64_decode(json_string_value(json), length, data, &size))
        return refuse(error, "bytes are written in base64, and these are not");
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

static int parameters_set(struct mr_schema_builder *builder, const json_t *parameters, struct mr_error **error)
{
    size_t i;
    const json_t *pair;
    if (is_nothing(parameters))
        return 0;
    mr_schema_builder_set_parameters_present(builder);
    json_array_foreach(parameters, i, pair)
    {
        const char *key = json_string_value(json_array_get(pair, 0)), *value = json_string_value(json_array_get(pair, 1));
        if (key == NULL || value == NULL)
            return refuse(error, "parameters of a schema are a list of pairs of texts: [[\"scale\",\"2\"]]");
        mr_schema_builder_set_parameter(builder, key, value);
    }
    return 0;
}

/* The schemas within one, decoded once: with a default it is built twice, and what is nested would double with each level. */
struct children {
    const struct mr_schema *key, *element, **fields;
};

static int fields_decode(struct mr_arena *arena, const json_t *fields, struct children *children, struct mr_error **error)
{
    size_t i, count = json_array_size(fields);
    const json_t *field;
    children->fields = mr_arena_alloc(arena, (count + 1) * sizeof(*children->fields));
    if (children->fields == NULL)
        return mr_arena_failed(arena, error);
    json_array_foreach(fields, i, field)
    {
        if (decode_schema(arena, json_object_get(field, "schema"), &children->fields[i], error) != 0)
            return -1;
        if (!json_is_string(json_object_get(field, "name")) || children->fields[i] == NULL)
            return refuse(error, "a field of a schema needs \"name\" and \"schema\"");
    }
    return 0;
}

static int children_decode(struct mr_arena *arena, enum mr_type type, const json_t *json, struct children *children,
                           struct mr_error **error)
{
    *children = (struct children){.key = NULL};
    if (type == MR_TYPE_STRUCT)
        return fields_decode(arena, json_object_get(json, "fields"), children, error);
    if (type == MR_TYPE_MAP && decode_schema(arena, json_object_get(json, "keySchema"), &children->key, error) != 0)
        return -1;
    return type == MR_TYPE_MAP || type == MR_TYPE_ARRAY
               ? decode_schema(arena, json_object_get(json, "valueSchema"), &children->element, error) : 0;
}

static void children_set(struct mr_schema_builder *builder, const struct children *children, const json_t *json)
{
    size_t i;
    const json_t *field;
    if (children->key != NULL)
        mr_schema_builder_set_key(builder, children->key);
    if (children->element != NULL)
        mr_schema_builder_set_element(builder, children->element);
    if (children->fields == NULL)
        return;
    json_array_foreach(json_object_get(json, "fields"), i, field)
    {
        mr_schema_builder_add_field(builder, json_string_value(json_object_get(field, "name")), children->fields[i]);
    }
}

static int version_set(struct mr_schema_builder *builder, const json_t *version, struct mr_error **error)
{
    int64_t number;
    if (is_nothing(version))
        return 0;
    if (decode_integer(version, INT32_MIN, INT32_MAX, &number, error) != 0)
        return -1;
    mr_schema_builder_set_version(builder, (int32_t)number);
    return 0;
}

/* Everything but the default, which may have to know the schema. */
static int builder_fill(struct mr_schema_builder *builder, const json_t *json, const struct children *children,
                        struct mr_error **error)
{
    const char *name = json_string_value(json_object_get(json, "name")), *doc = json_string_value(json_object_get(json, "doc"));
    mr_schema_builder_set_optional(builder, json_is_true(json_object_get(json, "optional")));
    if (name != NULL)
        mr_schema_builder_set_name(builder, name);
    if (doc != NULL)
        mr_schema_builder_set_doc(builder, doc);
    if (version_set(builder, json_object_get(json, "version"), error) != 0 ||
        parameters_set(builder, json_object_get(json, "parameters"), error) != 0)
        return -1;
    children_set(builder, children, json);
    return 0;
}

static const struct mr_schema *schema_build(struct mr_arena *arena, const json_t *json, const struct children *children,
                                            const struct mr_value *standard, struct mr_error **error)
{
    struct mr_schema_builder *builder = mr_schema_builder_create(type_of(json));
    if (builder == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a schema");
        return NULL;
    }
    if (builder_fill(builder, json, children, error) != 0) {
        mr_schema_builder_destroy(builder);
        return NULL;
    }
    if (standard != NULL)
        mr_schema_builder_set_default(builder, standard);
    const struct mr_schema *schema = mr_schema_builder_build(builder, error);
    if (schema == NULL)
        return NULL;
    int kept = mr_arena_keep_schema(arena, schema);
    mr_schema_drop(schema);
    if (kept == 0)
        return schema;
    mr_arena_failed(arena, error);
    return NULL;
}

int decode_schema(struct mr_arena *arena, const json_t *json, const struct mr_schema **schema, struct mr_error **error)
{
    *schema = NULL;
    if (is_nothing(json))
        return 0;
    struct children children;
    enum mr_type type = type_of(json);
    if (type == 0)
        return refuse(error, "a schema is null or an object whose \"type\" is int8, int16, int32, int64, float32, float64, "
                             "boolean, string, bytes, array, map or struct");
    if (children_decode(arena, type, json, &children, error) != 0)
        return -1;
    *schema = schema_build(arena, json, &children, NULL, error);
    const json_t *standard = json_object_get(json, "default");
    if (*schema == NULL || standard == NULL)
        return *schema == NULL ? -1 : 0;
    const struct mr_value *value = decode_value(arena, standard, *schema, error);
    if (value == NULL)
        return -1;
    *schema = schema_build(arena, json, &children, value, error);
    return *schema == NULL ? -1 : 0;
}

/* Values ---------------------------------------------------------------------------------------------------- */

/* By its bits, which say it exactly; else by its text or number. */
static const struct mr_value *float_of(struct mr_arena *arena, const json_t *json, bool is_wide, struct mr_error **error)
{
    const json_t *v = json_object_get(json, "v");
    const char *hex = json_string_value(json_object_get(json, "bits"));
    double number = json_number_value(v);
    float narrow = (float)number;
    char *end = NULL;
    uint64_t bits = hex == NULL ? 0 : strtoull(hex, &end, 16);
    const struct mr_bytes text = {.data = json_string_value(v), .size = json_string_length(v)};
    if (hex == NULL && !json_is_number(v) &&
        (!json_is_string(v) || !mr_float64_parse(text, &number) || !mr_float32_parse(text, &narrow)))
        return refuse_value(error, "a float needs its \"bits\" in hexadecimal, or a number as \"v\"");
    if (hex != NULL && (*hex == '\0' || *end != '\0' || (!is_wide && bits > UINT32_MAX)))
        return refuse_value(error, "the \"bits\" of a float are no hexadecimal number of its size");
    if (hex != NULL && is_wide)
        memcpy(&number, &bits, sizeof(number));
    uint32_t half = (uint32_t)bits;
    if (hex != NULL && !is_wide)
        memcpy(&narrow, &half, sizeof(narrow));
    return is_wide ? mr_float64(arena, number) : mr_float32(arena, narrow);
}

/* "unscaled" and "scale", or "v" of a bigint. */
static const struct mr_value *decimal_of(struct mr_arena *arena, const json_t *json, bool is_decimal,
                                         struct mr_error **error)
{
    const json_t *digits = json_object_get(json, is_decimal ? "unscaled" : "v");
    int64_t scale = 0;
    if (!json_is_string(digits))
        return refuse_value(error, "the digits of a decimal are a text: {\"t\":\"decimal\",\"unscaled\":\"1234\",\"scale\":2}");
    if (is_decimal && decode_integer(json_object_get(json, "scale"), INT32_MIN, INT32_MAX, &scale, error) != 0)
        return NULL;
    struct mr_bytes text = {.data = json_string_value(digits), .size = json_string_length(digits)};
    const struct mr_value *number = mr_decimal_parse(arena, text, error);
    if (number == NULL)
        return NULL;
    struct mr_bytes unscaled = mr_value_unscaled(number);
    return is_decimal ? mr_decimal(arena, unscaled.data, unscaled.size, (int32_t)scale)
                      : mr_bigint(arena, unscaled.data, unscaled.size);
}

static const struct mr_value *array_of(struct mr_arena *arena, const json_t *list, const struct mr_schema *place,
                                       struct mr_error **error)
{
    bool has_schema = place != NULL && mr_schema_type(place) == MR_TYPE_ARRAY;
    struct mr_value *array = mr_array_create(arena, json_array_size(list));
    size_t i;
    const json_t *element;
    if (!json_is_array(list))
        return refuse_value(error, "the \"v\" of an array is a list");
    json_array_foreach(list, i, element)
    {
        const struct mr_value *value =
            decode_value(arena, element, has_schema ? mr_schema_element(place) : NULL, error);
        if (value == NULL || array == NULL || mr_array_append(arena, array, value) != 0)
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
    if (!json_is_array(list))
        return refuse_value(error, "the \"v\" of a map is a list of pairs");
    json_array_foreach(list, i, entry)
    {
        if (json_array_size(entry) != 2)
            return refuse_value(error, "the \"v\" of a map is a list of pairs: [[key, value], ...]");
        const struct mr_value *key =
            decode_value(arena, json_array_get(entry, 0), has_schema ? mr_schema_key(place) : NULL, error);
        const struct mr_value *value =
            key == NULL ? NULL
                        : decode_value(arena, json_array_get(entry, 1), has_schema ? mr_schema_element(place) : NULL, error);
        if (value == NULL || map == NULL || mr_map_put(arena, map, key, value) != 0)
            return NULL;
    }
    return map;
}

static int field_put(struct mr_arena *arena, struct mr_value *value, const struct mr_schema *schema, const json_t *pair,
                     struct mr_error **error)
{
    const char *name = json_string_value(json_array_get(pair, 0));
    int32_t index = name == NULL ? -1 : mr_schema_field_index(schema, name);
    if (index < 0)
        return mr_error_set(error, MR_ERR_DATA, "the schema of a struct has no field \"%.200s\"", name == NULL ? "" : name);
    const struct mr_value *field =
        decode_value(arena, json_array_get(pair, 1), mr_schema_field(schema, (size_t)index), error);
    if (field == NULL)
        return -1;
    return mr_struct_put_unchecked(value, (size_t)index, field) == 0 ? 0 : mr_arena_failed(arena, error);
}

static const struct mr_value *struct_of(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                        struct mr_error **error)
{
    const json_t *own = json_object_get(json, "schema"), *list = json_object_get(json, "v"), *pair;
    const struct mr_schema *schema = place;
    size_t i;
    if (own != NULL && decode_schema(arena, own, &schema, error) != 0)
        return NULL;
    if (schema == NULL || mr_schema_type(schema) != MR_TYPE_STRUCT || !json_is_array(list))
        return refuse_value(error, "a struct needs a schema of type struct, and a list of pairs as \"v\"");
    struct mr_value *value = mr_struct_create(arena, schema);
    if (value == NULL)
        return NULL;
    json_array_foreach(list, i, pair)
    {
        if (field_put(arena, value, schema, pair, error) != 0)
            return NULL;
    }
    return value;
}

static const struct mr_value *bytes_of(struct mr_arena *arena, const json_t *text, struct mr_error **error)
{
    struct mr_bytes bytes;
    if (is_nothing(text))
        return refuse_value(error, "bytes need a text in base64 as \"v\"");
    return decode_bytes(arena, text, &bytes, error) == 0 ? mr_bytes_copy(arena, bytes.data, bytes.size) : NULL;
}

static const struct mr_value *text_of(struct mr_arena *arena, const json_t *text, struct mr_error **error)
{
    if (!json_is_string(text))
        return refuse_value(error, "a string needs a text as \"v\"");
    return mr_string_copy(arena, json_string_value(text), json_string_length(text));
}

static const struct mr_value *integer_of(struct mr_arena *arena, const json_t *json, unsigned bits, struct mr_error **error)
{
    int64_t most = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1, number;
    if (decode_integer(json, -most - 1, most, &number, error) != 0)
        return NULL;
    switch (bits) {
    case 8: return mr_int8(arena, (int8_t)number);
    case 16: return mr_int16(arena, (int16_t)number);
    case 32: return mr_int32(arena, (int32_t)number);
    default: return mr_int64(arena, number);
    }
}

static const struct mr_value *instant_of(struct mr_arena *arena, const json_t *json, struct mr_error **error)
{
    int64_t ms;
    if (decode_integer(json_object_get(json, "ms"), INT64_MIN, INT64_MAX, &ms, error) != 0)
        return NULL;
    return mr_instant(arena, ms);
}

static const struct mr_value *tagged(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                     struct mr_error **error)
{
    const char *tag = json_string_value(json_object_get(json, "t"));
    const json_t *v = json_object_get(json, "v");
    if (tag == NULL)
        return refuse_value(error, "a value is null or an object with its type: {\"t\":\"string\",\"v\":\"text\"}");
#define TAG_IS(name) (strcmp(tag, name) == 0)
    if (TAG_IS("int8"))
        return integer_of(arena, v, 8, error);
    if (TAG_IS("int16"))
        return integer_of(arena, v, 16, error);
    if (TAG_IS("int32"))
        return integer_of(arena, v, 32, error);
    if (TAG_IS("int64"))
        return integer_of(arena, v, 64, error);
    if (TAG_IS("float32") || TAG_IS("float64"))
        return float_of(arena, json, TAG_IS("float64"), error);
    if (TAG_IS("boolean"))
        return mr_boolean(json_is_true(v));
    if (TAG_IS("string"))
        return text_of(arena, v, error);
    if (TAG_IS("bytes"))
        return bytes_of(arena, v, error);
    if (TAG_IS("decimal") || TAG_IS("bigint"))
        return decimal_of(arena, json, TAG_IS("decimal"), error);
    if (TAG_IS("instant"))
        return instant_of(arena, json, error);
    if (TAG_IS("array"))
        return array_of(arena, v, place, error);
    if (TAG_IS("map"))
        return map_of(arena, v, place, error);
    if (TAG_IS("struct"))
        return struct_of(arena, json, place, error);
#undef TAG_IS
    mr_error_set(error, MR_ERR_DATA, "there is no type of values called \"%.100s\"", tag);
    return NULL;
}

const struct mr_value *decode_value(struct mr_arena *arena, const json_t *json, const struct mr_schema *place,
                                    struct mr_error **error)
{
    if (is_nothing(json))
        return mr_null();
    const struct mr_value *value = tagged(arena, json, place, error);
    if (value == NULL)
        mr_arena_failed(arena, error); /* unless words are there already */
    return value;
}

/* Records --------------------------------------------------------------------------------------------------- */

static int headers_add(struct mr_record *record, const json_t *headers, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    size_t i;
    const json_t *header;
    if (!is_nothing(headers) && !json_is_array(headers))
        return refuse(error, "headers are a list");
    json_array_foreach(headers, i, header)
    {
        const struct mr_schema *schema;
        const char *key = json_string_value(json_object_get(header, "key"));
        if (key == NULL)
            return refuse(error, "a header needs a \"key\"");
        if (decode_schema(arena, json_object_get(header, "schema"), &schema, error) != 0)
            return -1;
        const struct mr_value *value = decode_value(arena, json_object_get(header, "value"), schema, error);
        if (value == NULL)
            return -1;
        if (mr_record_add_header(record, key, schema, value) != 0)
            return mr_arena_failed(arena, error);
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
    int status = is_key ? mr_record_set_key(record, schema, value) : mr_record_set_value(record, schema, value);
    return status == 0 ? 0 : mr_arena_failed(arena, error);
}

static int origin_set(struct mr_record *record, const json_t *json, const char *topic, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const json_t *offset = json_object_get(json, "offset");
    struct record_origin origin = {.topic = topic == NULL ? "" : mr_arena_text(arena, topic), .timestamp_ms = -1};
    if (!is_nothing(offset) && decode_integer(offset, 0, INT64_MAX, &origin.offset, error) != 0)
        return -1;
    return origin.topic != NULL && record_set_origin(record, &origin) == 0 ? 0 : mr_arena_failed(arena, error);
}

static int place_set(struct mr_record *record, const json_t *json, struct mr_error **error)
{
    const json_t *partition = json_object_get(json, "partition"), *timestamp = json_object_get(json, "timestamp");
    const char *topic = json_string_value(json_object_get(json, "topic")), *kind = json_string_value(json_object_get(json, "kind"));
    int64_t number;
    if (kind == NULL || (strcmp(kind, "sink") != 0 && strcmp(kind, "source") != 0))
        return refuse(error, "the \"kind\" of a record is sink or source");
    if (strcmp(kind, "sink") == 0 && origin_set(record, json, topic, error) != 0)
        return -1;
    record->content.topic = NULL; /* a case may lack what the origin of a real record always has */
    if (topic != NULL && mr_record_set_topic(record, topic) != 0)
        return mr_arena_failed(mr_record_arena(record), error);
    mr_record_set_partition(record, MR_PARTITION_NONE);
    if (!is_nothing(partition)) {
        if (decode_integer(partition, INT32_MIN, INT32_MAX, &number, error) != 0)
            return -1;
        mr_record_set_partition(record, (int32_t)number);
    }
    mr_record_clear_timestamp(record);
    if (is_nothing(timestamp))
        return 0;
    if (decode_integer(timestamp, INT64_MIN, INT64_MAX, &number, error) != 0)
        return -1;
    mr_record_set_timestamp_ms(record, number);
    return 0;
}

/* false: it is nested too deep, or `left` was too few. */
static bool is_moderate(const json_t *json, size_t depth, size_t *left)
{
    const char *name;
    json_t *item;
    size_t i;
    if (depth >= DECODE_DEPTH_MAX || *left == 0)
        return false;
    --*left;
    if (json_is_object(json)) {
        json_object_foreach((json_t *)json, name, item)
        {
            if (!is_moderate(item, depth + 1, left))
                return false;
        }
    }
    json_array_foreach(json, i, item)
    {
        if (!is_moderate(item, depth + 1, left))
            return false;
    }
    return true;
}

struct mr_record *decode_record(struct mr_batch *batch, const json_t *json, struct mr_error **error)
{
    size_t left = DECODE_NODES_MAX;
    if (!is_moderate(json, 0, &left)) {
        mr_error_set(error, MR_ERR_DATA, "a record with its schemas has at most %d levels and %d parts of JSON", DECODE_DEPTH_MAX,
                     DECODE_NODES_MAX);
        return NULL;
    }
    struct mr_record *record = mr_batch_append(batch);
    if (record == NULL)
        mr_arena_failed(mr_batch_arena(batch), error);
    else if (place_set(record, json, error) == 0 && side_set(record, json, true, error) == 0 &&
             side_set(record, json, false, error) == 0 &&
             headers_add(record, json_object_get(json, "headers"), error) == 0)
        return record;
    return NULL;
}
