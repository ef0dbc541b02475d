/* BooleanConverter: one byte, 0 or 1. */
#include "converter_plugin.h"
#include "numbers.h"
#include "stateless.h"

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)self;
    (void)place;
    (void)arena;
    int given = converter_check("BooleanConverter", MR_TYPE_BOOLEAN, MR_KIND_BOOLEAN, schema, value, error);
    *bytes = (struct mr_bytes){.data = NULL};
    if (given == 1)
        *bytes = (struct mr_bytes){.data = mr_value_boolean(value) ? "\1" : "\0", .size = 1};
    return given < 0 ? -1 : 0;
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)self;
    (void)place;
    (void)arena;
    *schema = mr_schema_primitive(MR_TYPE_BOOLEAN, true);
    *value = mr_null();
    if (bytes.data == NULL)
        return 0;
    unsigned byte = bytes.size == 1 ? *(const unsigned char *)bytes.data : 2;
    if (byte > 1)
        return mr_error_set(error, MR_ERR_DATA, "Failed to deserialize boolean: %zu byte%s; it is one, 0 or 1", bytes.size,
                            bytes.size == 1 ? " that is neither" : "s");
    *value = mr_boolean(byte == 1);
    return 0;
}

static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return mr_schema_primitive(MR_TYPE_BOOLEAN, true);
}

const struct mr_converter_ops boolean_ops = {.size = sizeof(boolean_ops),
                                             .create = stateless_create,
                                             .from_connect = from_connect,
                                             .to_connect = to_connect,
                                             .destroy = stateless_destroy,
                                             .null_schema = null_schema};
