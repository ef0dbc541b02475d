/* ByteArrayConverter: bytes as they are, both ways. Nothing is copied. */
#include <millrace/millrace.h>

#include "converter_plugin.h"
#include "stateless.h"

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes,
                        struct mr_error **error)
{
    (void)self;
    (void)place;
    (void)arena;
    int given = converter_check("ByteArrayConverter", MR_TYPE_BYTES, MR_KIND_BYTES, schema, value, error);
    *bytes = given == 1 ? mr_value_bytes(value) : (struct mr_bytes){.data = NULL};
    return given < 0 ? -1 : 0;
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

static const struct mr_schema *null_schema(void *self)
{
    (void)self;
    return mr_schema_primitive(MR_TYPE_BYTES, true);
}

static const struct mr_converter_ops OPS = {.size = sizeof(OPS),
                                            .create = stateless_create,
                                            .from_connect = from_connect,
                                            .to_connect = to_connect,
                                            .destroy = stateless_destroy,
                                            .null_schema = null_schema};

CONVERTER_MODULE(byte_array, "org.apache.kafka.connect.converters.ByteArrayConverter",
                 "Passes bytes through unchanged; values have to be of type bytes.", &converter_no_options, &OPS);
