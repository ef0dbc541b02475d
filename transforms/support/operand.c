#include <stdarg.h>
#include <stdio.h>

#include "transform.h"

int operand_emit(struct mr_record *record, enum side side, const struct mr_schema *schema, const struct mr_value *value,
                 struct mr_emitter *emitter, struct mr_error **error)
{
    int set = side == SIDE_KEY ? mr_record_set_key(record, schema, value) : mr_record_set_value(record, schema, value);
    if (set < 0)
        return mr_arena_failed(mr_record_arena(record), error);
    return mr_emit(emitter, record);
}

/* What Kafka Connect's words name a value by. */
static const char *java_class(const struct mr_value *value)
{
    static const char *const names[] = {
        [MR_KIND_NULL] = "null",
        [MR_KIND_INT8] = "java.lang.Byte",
        [MR_KIND_INT16] = "java.lang.Short",
        [MR_KIND_INT32] = "java.lang.Integer",
        [MR_KIND_INT64] = "java.lang.Long",
        [MR_KIND_FLOAT32] = "java.lang.Float",
        [MR_KIND_FLOAT64] = "java.lang.Double",
        [MR_KIND_BOOLEAN] = "java.lang.Boolean",
        [MR_KIND_STRING] = "java.lang.String",
        [MR_KIND_BYTES] = "[B",
        [MR_KIND_ARRAY] = "java.util.ArrayList",
        [MR_KIND_MAP] = "java.util.HashMap",
        [MR_KIND_STRUCT] = "org.apache.kafka.connect.data.Struct",
        [MR_KIND_DECIMAL] = "java.math.BigDecimal",
        [MR_KIND_INSTANT] = "java.util.Date",
        [MR_KIND_BIGINT] = "java.math.BigInteger",
    };
    return names[mr_value_kind(value)];
}

int require_map(const struct mr_value *value, const char *purpose, struct mr_error **error)
{
    if (mr_value_kind(value) == MR_KIND_MAP)
        return 0;
    return mr_error_set(error, MR_ERR_DATA, "Only Map objects supported in absence of schema for [%s], found: %s", purpose,
                        java_class(value));
}

int require_struct(const struct mr_value *value, const char *purpose, struct mr_error **error)
{
    if (mr_value_kind(value) == MR_KIND_STRUCT)
        return 0;
    return mr_error_set(error, MR_ERR_DATA, "Only Struct objects supported for [%s], found: %s", purpose,
                        java_class(value));
}

int data_error(struct mr_error **error, const char *class_name, const char *format, ...)
{
    bool is_first = error != NULL && *error == NULL;
    va_list args;
    va_start(args, format);
    mr_error_set_v(error, MR_ERR_DATA, format, args);
    va_end(args);
    if (is_first)
        mr_error_set_class_name(*error, class_name);
    return -1;
}

int failed(const struct mr_arena *arena, struct mr_error **error)
{
    return error != NULL && *error != NULL ? -1 : mr_arena_failed(arena, error);
}

int not_a_struct(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_DATA, "Cannot list fields on non-struct type");
}

int not_supported(struct mr_error **error, const char *transform, const struct mr_value *value)
{
    return mr_error_set(error, MR_ERR_DATA,
                        "%s transformation was passed a value of type class %s which is not supported by Connect's data API",
                        transform, java_class(value));
}
