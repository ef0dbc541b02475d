/* ByteArrayConverter: bytes as they are, both ways. Nothing is copied. */
#include <millrace/millrace.h>

static const char *const CONVERTER_TYPES[] = {"key", "value", "header", NULL};

static const struct mr_config_row ROWS[] = {
    {.name = "converter.type",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_LOW,
     .doc = "What the converter is for: key, value or header. Set by the worker.",
     .validator = mr_check_one_of,
     .validator_argument = CONVERTER_TYPES},
};
static const struct mr_config_def CONFIG_DEF = MR_CONFIG_DEF(ROWS);

/* An instance has no state; any pointer but NULL will do. */
static char instance;

static void *create(const struct mr_config *config, struct mr_error **error)
{
    (void)config;
    (void)error;
    return &instance;
}

static void destroy(void *self)
{
    (void)self;
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)self;
    (void)place;
    (void)arena;
    if (schema != NULL && mr_schema_type(schema) != MR_TYPE_BYTES)
        return mr_error_set(error, MR_ERR_DATA, "ByteArrayConverter takes a schema of type bytes, not %s",
                            mr_type_name(mr_schema_type(schema)));
    *bytes = (struct mr_bytes){.data = NULL};
    if (mr_value_is_null(value))
        return 0;
    if (mr_value_kind(value) != MR_KIND_BYTES)
        return mr_error_set(error, MR_ERR_DATA, "ByteArrayConverter takes bytes, not a value of kind %s",
                            mr_kind_name(mr_value_kind(value)));
    *bytes = mr_value_bytes(value);
    return 0;
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)self;
    (void)place;
    *schema = mr_schema_primitive(MR_TYPE_BYTES, true);
    *value = bytes.data == NULL ? mr_null() : mr_bytes_ref(arena, bytes.data, bytes.size);
    return *value == NULL ? mr_arena_failed(arena, error) : 0;
}

static const struct mr_converter_ops OPS = {
    .size = sizeof(OPS), .create = create, .from_connect = from_connect, .to_connect = to_connect, .destroy = destroy};

#define CLASS_NAME "org.apache.kafka.connect.converters.ByteArrayConverter"
#define DOC "Passes bytes through unchanged; values have to be of type bytes."

static const struct mr_plugin CONVERTER = {.size = sizeof(CONVERTER),
                                           .kind = MR_PLUGIN_CONVERTER,
                                           .class_name = CLASS_NAME,
                                           .version = KAFKA_VERSION,
                                           .doc = DOC,
                                           .config_def = &CONFIG_DEF,
                                           .ops = &OPS};
static const struct mr_plugin HEADER_CONVERTER = {.size = sizeof(HEADER_CONVERTER),
                                                  .kind = MR_PLUGIN_HEADER_CONVERTER,
                                                  .class_name = CLASS_NAME,
                                                  .version = KAFKA_VERSION,
                                                  .doc = DOC,
                                                  .config_def = &CONFIG_DEF,
                                                  .ops = &OPS};

static const struct mr_plugin *const PLUGINS[] = {&CONVERTER, &HEADER_CONVERTER};
static const struct mr_module MODULE = MR_MODULE("byte_array_converter", PLUGINS);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &MODULE;
}
