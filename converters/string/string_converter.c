/* StringConverter: bytes in a charset to strings; any value to its text. UTF-8 that is valid is not copied. */
#include <millrace/millrace.h>

#include "charset.h"
#include "converter_plugin.h"
#include "print.h"
#include "utf8_text.h"

#include <stdlib.h>

static const struct mr_config_row ROWS[] = {
    CONVERTER_TYPE_ROW,
    {.name = "converter.encoding",
     .type = MR_CONFIG_STRING,
     .default_text = "UTF-8",
     .importance = MR_HIGH,
     .doc = "The charset of the bytes in Kafka, by its usual name: UTF-8, ISO-8859-1, UTF-16, windows-1252, …",
     .width = MR_WIDTH_MEDIUM,
     .display_name = "Encoding"},
};
static const struct mr_config_def CONFIG_DEF = MR_CONFIG_DEF(ROWS);

struct string_converter {
    struct charset *charset; /* NULL: UTF-8 */
};

static void *create(const struct mr_config *config, struct mr_error **error)
{
    bool is_utf8;
    struct charset *charset = charset_open(mr_config_string(config, "converter.encoding"), &is_utf8, error);
    if (charset == NULL && !is_utf8)
        return NULL;
    struct string_converter *converter = malloc(sizeof(*converter));
    if (converter == NULL) {
        charset_close(charset);
        mr_error_set(error, MR_ERR_NO_MEMORY, "out of memory for a converter");
        return NULL;
    }
    converter->charset = charset;
    return converter;
}

static void destroy(void *self)
{
    struct string_converter *converter = self;
    if (converter == NULL)
        return;
    charset_close(converter->charset);
    free(converter);
}

/* The text of a value; of a string the string itself. */
static int text_of(const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *text, struct mr_error **error)
{
    if (mr_value_kind(value) == MR_KIND_STRING) {
        *text = mr_value_bytes(value);
        return 0;
    }
    struct text printed = {.arena = arena};
    if (print_value(&printed, value, error) != 0)
        return -1;
    *text = (struct mr_bytes){.data = printed.data, .size = printed.size};
    return 0;
}

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    const struct string_converter *converter = self;
    (void)place;
    (void)schema;
    *bytes = (struct mr_bytes){.data = NULL};
    if (mr_value_is_null(value))
        return 0;
    if (text_of(value, arena, bytes, error) != 0)
        return -1;
    return converter->charset == NULL ? 0 : charset_encode(converter->charset, arena, *bytes, bytes, error);
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    const struct string_converter *converter = self;
    (void)place;
    *schema = mr_schema_primitive(MR_TYPE_STRING, true);
    *value = mr_null();
    if (bytes.data == NULL)
        return 0;
    if (converter->charset == NULL)
        bytes = utf8_text_repair(arena, bytes);
    else if (charset_decode(converter->charset, arena, bytes, &bytes, error) != 0)
        return -1;
    *value = bytes.data == NULL ? NULL : mr_string_ref(arena, bytes.data, bytes.size);
    return *value == NULL ? mr_arena_failed(arena, error) : 0;
}

static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return mr_schema_primitive(MR_TYPE_STRING, true);
}

static const struct mr_converter_ops OPS = {.size = sizeof(OPS),
                                            .create = create,
                                            .from_connect = from_connect,
                                            .to_connect = to_connect,
                                            .destroy = destroy,
                                            .null_schema = null_schema};

CONVERTER_MODULE(string, "org.apache.kafka.connect.storage.StringConverter",
                 "Text: reads strings, writes any value as its text.", &CONFIG_DEF, &OPS);
