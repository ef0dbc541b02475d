/*
 * JsonConverter: JSON with the schema in an envelope (schemas.enable=true), without one, or under the fixed schema of
 * schema.content. The rules of JSON are libmillrace's (json.h); here are the options.
 */
#include <millrace/millrace.h>

#include "converter_plugin.h"

#include <stdlib.h>
#include <string.h>

static const char *const DECIMAL_FORMATS[] = {"NUMERIC", "BASE64", NULL};

#define SCHEMAS .group = "Schemas", .width = MR_WIDTH_MEDIUM
#define SERIALIZATION .group = "Serialization", .width = MR_WIDTH_MEDIUM

static const struct mr_config_row ROWS[] = {
    CONVERTER_TYPE_ROW,
    {.name = "schemas.enable",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "true",
     .importance = MR_HIGH,
     .doc =
         "Whether each record carries its schema: {\"schema\":…,\"payload\":…}. With false it is plain JSON without a "
         "schema.",
     SCHEMAS,
     .order_in_group = 0,
     .display_name = "Enable Schemas"},
    {.name = "schemas.cache.size",
     .type = MR_CONFIG_INT,
     .default_text = "1000",
     .importance = MR_HIGH,
     .doc = "How many schemas the converter remembers, each way, so that it need not read or write their JSON again.",
     SCHEMAS,
     .order_in_group = 1,
     .display_name = "Schema Cache Size"},
    {.name = "schema.content",
     .type = MR_CONFIG_STRING,
     .default_text = NULL,
     .importance = MR_HIGH,
     .doc =
         "The JSON of a schema that all records read have. With it, and schemas.enable=true, records are read without "
         "an envelope.",
     SCHEMAS,
     .order_in_group = 2,
     .display_name = "Schema Content"},
    {.name = "decimal.format",
     .type = MR_CONFIG_STRING,
     .default_text = "BASE64",
     .importance = MR_LOW,
     .doc = "How decimals are written: BASE64 (the bytes of the unscaled number) or NUMERIC (a JSON number). Both are "
            "understood when reading.",
     .validator = mr_check_one_of_any_case,
     .validator_argument = DECIMAL_FORMATS,
     SERIALIZATION,
     .order_in_group = 0,
     .display_name = "Decimal Format"},
    {.name = "replace.null.with.default",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "true",
     .importance = MR_LOW,
     .doc = "Whether a null whose schema has a default becomes that default, in both directions.",
     SERIALIZATION,
     .order_in_group = 1,
     .display_name = "Replace null with default"},
};
static const struct mr_config_def CONFIG_DEF = MR_CONFIG_DEF(ROWS);

struct json_converter {
    bool has_envelope; /* schemas.enable */
    uint32_t flags;    /* enum mr_json_flag */
    struct mr_json_envelope *envelope;
    const struct mr_schema *content; /* schema.content; NULL: none */
};

static void destroy(void *self)
{
    struct json_converter *converter = self;
    if (converter == NULL)
        return;
    mr_json_envelope_destroy(converter->envelope);
    mr_schema_drop(converter->content);
    free(converter);
}

/* Reading the schema as any JSON first tells whether it is null, which means none. */
static int content_set(struct json_converter *converter, const char *text, struct mr_error **error)
{
    struct mr_bytes bytes = {.data = text, .size = text == NULL ? 0 : strlen(text)};
    if (bytes.size == 0)
        return 0;
    struct mr_arena *arena = mr_arena_create(bytes.size * 64 + 65536);
    if (arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a schema");
    const struct mr_value *json = mr_json_read(arena, bytes, 0, error);
    bool is_null = json != NULL && mr_value_is_null(json);
    mr_arena_destroy(arena);
    if (json == NULL)
        return -1;
    if (is_null)
        return 0;
    converter->content = mr_json_schema_read_with(bytes, converter->flags, error);
    return converter->content == NULL ? -1 : 0;
}

static uint32_t flags_of(const struct mr_config *config)
{
    uint32_t flags = 0;
    char first = mr_config_string(config, "decimal.format")[0];
    if (first == 'N' || first == 'n')
        flags |= MR_JSON_DECIMAL_NUMERIC;
    if (!mr_config_boolean(config, "replace.null.with.default"))
        flags |= MR_JSON_KEEP_NULLS;
    return flags;
}

/* The configuration's mistakes are found in reading data; for the worker they are the configuration's. */
static int as_config_error(struct mr_error *mistake, struct mr_error **error)
{
    mr_error_set(error, mr_error_code(mistake) == MR_ERR_DATA ? MR_ERR_CONFIG : mr_error_code(mistake),
                 "schema.content is no schema: %s", mr_error_message(mistake));
    mr_error_drop(mistake);
    return -1;
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct mr_error *mistake = NULL;
    struct json_converter *converter = calloc(1, sizeof(*converter));
    if (converter == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a converter");
        return NULL;
    }
    int64_t cache_entries = mr_config_integer(config, "schemas.cache.size");
    converter->has_envelope = mr_config_boolean(config, "schemas.enable");
    converter->flags = flags_of(config);
    converter->envelope = mr_json_envelope_create(converter->flags, cache_entries < 0 ? 0 : (size_t)cache_entries);
    if (converter->envelope == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a converter");
    else if (content_set(converter, mr_config_string(config, "schema.content"), &mistake) == 0)
        return converter;
    else
        as_config_error(mistake, error);
    destroy(converter);
    return NULL;
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    struct json_converter *converter = self;
    (void)place;
    if (schema == NULL && mr_value_is_null(value)) {
        *bytes = (struct mr_bytes){.data = NULL};
        return 0;
    }
    if (converter->has_envelope)
        return mr_json_envelope_write(converter->envelope, arena, schema, value, bytes, error);
    return mr_json_write(arena, schema, value, converter->flags, bytes, error);
}

/* In Kafka Connect's words, which stand in dead letters: what is no JSON at all is told apart. */
static int explain(struct mr_arena *arena, struct mr_bytes bytes, struct mr_error **error)
{
    if (error == NULL || *error == NULL || mr_error_code(*error) != MR_ERR_DATA || mr_json_read(arena, bytes, 0, NULL) != NULL)
        return -1;
    mr_error_set_class_name(*error, "org.apache.kafka.common.errors.SerializationException");
    return mr_error_wrap(error, "Converting byte[] to Kafka Connect data failed due to serialization error: ");
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    struct json_converter *converter = self;
    (void)place;
    *schema = NULL;
    *value = mr_null();
    if (bytes.data == NULL)
        return 0;
    if (converter->has_envelope && converter->content == NULL)
        return mr_json_envelope_read(converter->envelope, arena, bytes, schema, value, error) == 0 ? 0 : explain(arena, bytes, error);
    if (converter->has_envelope)
        *schema = converter->content;
    *value = mr_json_read_as(arena, bytes, *schema, converter->flags, error);
    return *value == NULL ? explain(arena, bytes, error) : 0;
}

static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return NULL;
}

static const struct mr_converter_ops OPS = {.size = sizeof(OPS),
                                            .create = create,
                                            .from_connect = from_connect,
                                            .to_connect = to_connect,
                                            .destroy = destroy,
                                            .null_schema = null_schema};

CONVERTER_MODULE(json, "org.apache.kafka.connect.json.JsonConverter",
                 "JSON, with the schema beside the payload or without schemas.", &CONFIG_DEF, &OPS);
