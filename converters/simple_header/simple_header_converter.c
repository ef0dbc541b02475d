/* SimpleHeaderConverter: header bytes are text; what looks like a number, a date, a list or a map is read as one. */
#include <millrace/millrace.h>

#include "header_print.h"
#include "literal.h"
#include "plugin_module.h"
#include "stateless.h"
#include "utf8_text.h"

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)self;
    (void)place;
    (void)schema;
    *bytes = (struct mr_bytes){.data = NULL};
    if (mr_value_is_null(value))
        return 0;
    if (mr_value_kind(value) == MR_KIND_STRING) {
        *bytes = mr_value_bytes(value);
        return 0;
    }
    struct text text = {.arena = arena};
    if (header_print(&text, value, error) < 0)
        return -1;
    *bytes = (struct mr_bytes){.data = text.size == 0 ? "" : text.data, .size = text.size};
    return 0;
}

/* What cannot be read stays as it is: nothing is lost. */
static int keep_bytes(struct mr_bytes bytes, struct mr_arena *arena, const struct mr_schema **schema,
                      const struct mr_value **value, struct mr_error **error)
{
    *schema = mr_schema_primitive(MR_TYPE_BYTES, false);
    *value = mr_bytes_ref(arena, bytes.data, bytes.size);
    return *value == NULL ? mr_arena_failed(arena, error) : 0;
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)self;
    (void)place;
    *schema = NULL;
    *value = mr_null();
    if (bytes.data == NULL)
        return 0;
    struct mr_bytes text = utf8_text_repair(arena, bytes);
    if (text.data == NULL)
        return mr_arena_failed(arena, error);
    switch (literal_read(arena, text, schema, value, error)) {
    case LITERAL_READ: return 0;
    case LITERAL_TOO_DEEP: return keep_bytes(bytes, arena, schema, value, error);
    case LITERAL_FAILED: break;
    }
    return -1;
}

static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return NULL;
}

static const struct mr_converter_ops ops = {.size = sizeof(ops),
                                            .create = stateless_create,
                                            .from_connect = from_connect,
                                            .to_connect = to_connect,
                                            .destroy = stateless_destroy,
                                            .null_schema = null_schema};

static const struct mr_plugin converter = {
    .size = sizeof(converter),
    .kind = MR_PLUGIN_HEADER_CONVERTER,
    .class_name = "org.apache.kafka.connect.storage.SimpleHeaderConverter",
    .version = KAFKA_VERSION,
    .doc = "Headers as text, read as numbers, dates, lists or maps where they look like it.",
    .ops = &ops,
};

static const struct mr_plugin *const plugins[] = {&converter};
PLUGIN_MODULE("simple_header_converter", plugins);
