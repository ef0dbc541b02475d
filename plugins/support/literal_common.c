/* One type for the elements of a list: numbers widen, anything else has to be alike. */
#include "calendar.h"
#include "literal_internal.h"

/* int8 < … < float64. */
static bool is_number(enum mr_type type)
{
    return type >= MR_TYPE_INT8 && type <= MR_TYPE_FLOAT64;
}

void literal_common_add(struct literal_common *common, const struct mr_schema *schema)
{
    if (schema == NULL || common->has_none)
        return;
    enum mr_type before = common->schema == NULL ? 0 : mr_schema_type(common->schema), type = mr_schema_type(schema);
    if (common->schema == NULL || before == type) {
        common->schema = schema; /* of equal types the later: also of lists, and of Date and Time */
    } else if (is_number(before) && is_number(type)) {
        common->schema = type > before ? schema : common->schema;
    } else {
        common->schema = NULL;
        common->has_none = true;
    }
}

static enum literal_status to_integer(struct mr_arena *arena, const struct mr_schema *schema, int64_t number,
                                      const struct mr_value **converted)
{
    switch (mr_schema_logical_type(schema)) {
    case MR_LOGICAL_DATE:
        *converted = mr_instant(arena, number * MS_OF_DAY);
        return *converted == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
    case MR_LOGICAL_TIME:
        if (number < 0 || number > MS_OF_DAY)
            return LITERAL_NO;
        /* fall through */
    case MR_LOGICAL_TIMESTAMP:
        *converted = mr_instant(arena, number);
        return *converted == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
    default:
        break;
    }
    switch (mr_schema_type(schema)) {
    case MR_TYPE_INT8: *converted = mr_int8(arena, (int8_t)number); break;
    case MR_TYPE_INT16: *converted = mr_int16(arena, (int16_t)number); break;
    case MR_TYPE_INT32: *converted = mr_int32(arena, (int32_t)number); break;
    default: *converted = mr_int64(arena, number); break;
    }
    return *converted == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
}

static enum literal_status to_float(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                    const struct mr_value **converted)
{
    enum mr_kind kind = mr_value_kind(value);
    bool is_float = kind == MR_KIND_FLOAT32 || kind == MR_KIND_FLOAT64;
    double number = is_float ? mr_value_float64(value) : (double)mr_value_integer(value);
    if (mr_schema_type(schema) == MR_TYPE_FLOAT32)
        *converted = mr_float32(arena, (float)number);
    else
        *converted = mr_float64(arena, number);
    return *converted == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
}

enum literal_status literal_convert(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                    const struct mr_value **converted)
{
    *converted = value;
    enum mr_type type = mr_schema_type(schema);
    if (mr_value_is_null(value))
        return LITERAL_NO;
    if (!is_number(type))
        return LITERAL_OK;
    if (mr_value_kind(value) == MR_KIND_INSTANT)
        return mr_schema_logical_type(schema) == MR_LOGICAL_NONE ? LITERAL_NO : LITERAL_OK;
    if (type == MR_TYPE_FLOAT32 || type == MR_TYPE_FLOAT64)
        return to_float(arena, schema, value, converted);
    return to_integer(arena, schema, mr_value_integer(value), converted);
}
