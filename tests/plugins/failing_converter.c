/* A converter of text that fails: the first `times` calls with a retriable error; for the text of `bad` with a data error;
 * for "nothing" it returns no value at all, for "odd" a code of its own. A key, value and header converter. The one that knows
 * nulls is never to be asked about one. */
#include <millrace/millrace.h>
#include <stdlib.h>
#include <string.h>

static const struct mr_config_row rows[] = {
    { .name = "times", .type = MR_CONFIG_INT, .default_text = "0", .importance = MR_HIGH, .doc = "How often." },
    { .name = "bad", .type = MR_CONFIG_STRING, .default_text = "bad", .importance = MR_HIGH, .doc = "Which text." },
    { .name = "converter.type", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_LOW, .doc = "" },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct failing {
    int64_t times_left;
    const char *bad;
};

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct failing *failing = calloc(1, sizeof(*failing));
    if (failing == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
        return NULL;
    }
    failing->times_left = mr_config_integer(config, "times");
    failing->bad = mr_config_string(config, "bad");
    return failing;
}

static bool is_text(struct mr_bytes bytes, const char *text)
{
    return bytes.data != NULL && bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static int check(struct failing *failing, struct mr_bytes bytes, struct mr_error **error)
{
    if (failing->times_left > 0) {
        failing->times_left--;
        return mr_error_set(error, MR_ERR_RETRIABLE, "the registry does not answer");
    }
    if (is_text(bytes, "odd"))
        return 7;
    return is_text(bytes, failing->bad) ? mr_error_set(error, MR_ERR_DATA, "bad text") : 0;
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)place;
    (void)schema;
    (void)arena;
    *bytes = mr_value_is_null(value) ? (struct mr_bytes){ NULL, 0 } : mr_value_bytes(value);
    return check(self, *bytes, error);
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)place;
    int status = check(self, bytes, error);
    if (status != 0)
        return status;
    if (is_text(bytes, "nothing"))
        return 0;
    *schema = mr_schema_primitive(MR_TYPE_STRING, true);
    *value = bytes.data == NULL ? mr_null() : mr_string_ref(arena, bytes.data, bytes.size);
    return *value == NULL ? mr_arena_failed(arena, error) : 0;
}

static const struct mr_converter_ops ops = { .size = sizeof(ops), .create = create, .from_connect = from_connect,
                                             .to_connect = to_connect, .destroy = free };
static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return mr_schema_primitive(MR_TYPE_INT64, true);
}

static int to_connect_no_null(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                              const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    if (bytes.data == NULL)
        return mr_error_set(error, MR_ERR_DATA, "asked about a null");
    return to_connect(self, place, bytes, arena, schema, value, error);
}

static const struct mr_converter_ops knowing_ops = { .size = sizeof(knowing_ops), .create = create, .from_connect = from_connect,
                                                     .to_connect = to_connect_no_null, .destroy = free,
                                                     .null_schema = null_schema };
static const struct mr_plugin knowing_converter = { .size = sizeof(knowing_converter), .kind = MR_PLUGIN_CONVERTER,
                                                    .class_name = "org.acme.KnowingConverter", .version = "1.0",
                                                    .config_def = &options, .ops = &knowing_ops };
static const struct mr_plugin converter = { .size = sizeof(converter), .kind = MR_PLUGIN_CONVERTER,
                                            .class_name = "org.acme.FailingConverter", .version = "1.0",
                                            .config_def = &options, .ops = &ops };
static const struct mr_plugin header_converter = { .size = sizeof(header_converter), .kind = MR_PLUGIN_HEADER_CONVERTER,
                                                   .class_name = "org.acme.FailingConverter", .version = "1.0",
                                                   .config_def = &options, .ops = &ops };
static const struct mr_plugin *const plugins[] = { &converter, &header_converter, &knowing_converter };
static const struct mr_module module = MR_MODULE("failing_converter", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
