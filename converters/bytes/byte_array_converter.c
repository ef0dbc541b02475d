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

static const struct mr_converter_ops OPS = {.size = sizeof(OPS),
                                            .create = stateless_create,
                                            .from_connect = from_connect,
                                            .to_connect = to_connect,
                                            .destroy = stateless_destroy};

CONVERTER_MODULE(byte_array, "org.apache.kafka.connect.converters.ByteArrayConverter",
                 "Passes bytes through unchanged; values have to be of type bytes.", &converter_no_options, &OPS);
