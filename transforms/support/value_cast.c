#include "value_cast.h"

#include <millrace/number_text.h>

#include <math.h>
#include <string.h>

#include "base64.h"
#include "calendar.h"
#include "digit.h"
#include "instant_text.h"
#include "print.h"
#include "transform.h"

#define SHOWN_BYTES 200 /* of a value in a message */

/* What is cast: its number, once the logical type has been taken off. */
struct source {
    const struct mr_value *value;
    enum mr_kind kind;
    int64_t integer; /* of integers, instants and booleans */
};

/* Logical types ---------------------------------------------------------------------------------------------- */

static int source_of_date(struct source *source, struct mr_error **error)
{
    int64_t ms = source->integer;
    if (ms % MS_OF_DAY != 0)
        return mr_error_set(error, MR_ERR_DATA,
                            "Kafka Connect Date type should not have any time fields set to non-zero values.");
    source->kind = MR_KIND_INT32;
    source->integer = (int32_t)(ms / MS_OF_DAY);
    return 0;
}

static int source_of_time(struct source *source, struct mr_error **error)
{
    if (source->integer < 0 || source->integer > MS_OF_DAY)
        return mr_error_set(error, MR_ERR_DATA,
                            "Kafka Connect Time type should not have any date fields set to non-zero values.");
    source->kind = MR_KIND_INT32;
    return 0;
}

/* Dates become days, times and timestamps milliseconds. */
static int source_of_logical(struct source *source, const struct mr_schema *schema, struct mr_error **error)
{
    enum mr_logical_type logical = schema == NULL ? MR_LOGICAL_NONE : mr_schema_logical_type(schema);
    if (logical == MR_LOGICAL_NONE || logical == MR_LOGICAL_DECIMAL)
        return 0;
    if (source->kind != MR_KIND_INSTANT)
        return data_error(error, CLASS_CAST, "Cast: a value of kind %s where a %s belongs", mr_kind_name(source->kind),
                          mr_schema_name(schema));
    if (logical == MR_LOGICAL_DATE)
        return source_of_date(source, error);
    if (logical == MR_LOGICAL_TIME)
        return source_of_time(source, error);
    source->kind = MR_KIND_INT64;
    return 0;
}

/* Text to numbers --------------------------------------------------------------------------------------------- */

static const struct mr_value *out_of_range(const struct source *source, struct mr_error **error)
{
    struct mr_bytes text = mr_value_bytes(source->value);
    mr_error_set(error, MR_ERR_DATA, "Value (%.*s) was out of range for requested data type",
                 text.size > SHOWN_BYTES ? SHOWN_BYTES : (int)text.size, (const char *)text.data);
    return NULL;
}

/* An optional sign and digits of any script, between `least` and -least - 1. */
static bool read_integer(struct mr_bytes text, int64_t least, int64_t *number)
{
    const char *at = text.data, *end = at + text.size;
    bool is_negative = text.size > 0 && *at == '-';
    char ascii;
    at += text.size > 0 && (*at == '-' || *at == '+');
    *number = 0;
    if (at == end)
        return false;
    while (at < end) { /* counted downwards: there is one more below zero */
        size_t size = digit_at(at, (size_t)(end - at), &ascii);
        if (size == 0 || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_sub_overflow(*number, ascii - '0', number) || *number < least)
            return false;
        at += size;
    }
    if (!is_negative && *number == least)
        return false;
    *number = is_negative ? *number : -*number;
    return true;
}

/* Numbers ----------------------------------------------------------------------------------------------------- */

/* Truncated; NaN is 0, what is beyond becomes the nearest. */
static int64_t saturated(double number, int64_t least, int64_t most)
{
    if (isnan(number))
        return 0;
    if (number <= (double)least)
        return least;
    return number >= (double)most ? most : (int64_t)number;
}

static bool is_float(enum mr_kind kind)
{
    return kind == MR_KIND_FLOAT32 || kind == MR_KIND_FLOAT64;
}

static bool is_exact(enum mr_kind kind)
{
    return kind == MR_KIND_DECIMAL || kind == MR_KIND_BIGINT;
}

static bool is_number(enum mr_kind kind)
{
    return (kind >= MR_KIND_INT8 && kind <= MR_KIND_INT64) || is_float(kind) || is_exact(kind);
}

/* As Java's longValue(), or by way of intValue() for the types of 32 bits and less. */
static int64_t integer_of(const struct source *source, bool is_wide)
{
    if (is_float(source->kind))
        return is_wide ? saturated(mr_value_float64(source->value), INT64_MIN, INT64_MAX)
                       : saturated(mr_value_float64(source->value), INT32_MIN, INT32_MAX);
    return is_exact(source->kind) ? mr_decimal_integer(source->value) : source->integer;
}

static const struct mr_value *unexpected(const struct source *source, struct mr_error **error)
{
    mr_error_set(error, MR_ERR_DATA, "Unexpected type in Cast transformation: %s", mr_kind_name(source->kind));
    return NULL;
}

static const struct mr_value *cast_to_integer(struct mr_arena *arena, const struct source *source, enum mr_type type,
                                              struct mr_error **error)
{
    static const int64_t leasts[] = { [MR_TYPE_INT8] = INT8_MIN,
                                      [MR_TYPE_INT16] = INT16_MIN,
                                      [MR_TYPE_INT32] = INT32_MIN,
                                      [MR_TYPE_INT64] = INT64_MIN };
    int64_t number = source->integer;
    if (source->kind == MR_KIND_STRING && !read_integer(mr_value_bytes(source->value), leasts[type], &number))
        return out_of_range(source, error);
    if (is_number(source->kind))
        number = integer_of(source, type == MR_TYPE_INT64);
    else if (source->kind != MR_KIND_STRING && source->kind != MR_KIND_BOOLEAN)
        return unexpected(source, error);
    switch (type) {
    case MR_TYPE_INT8: return mr_int8(arena, (int8_t)number);
    case MR_TYPE_INT16: return mr_int16(arena, (int16_t)number);
    case MR_TYPE_INT32: return mr_int32(arena, (int32_t)number);
    default: return mr_int64(arena, number);
    }
}

static const struct mr_value *cast_to_float32(struct mr_arena *arena, const struct source *source, struct mr_error **error)
{
    float number = (float)source->integer;
    if (source->kind == MR_KIND_STRING && !mr_float32_parse(mr_value_bytes(source->value), &number))
        return out_of_range(source, error);
    if (is_float(source->kind))
        number = (float)mr_value_float64(source->value);
    else if (is_exact(source->kind) && mr_decimal_float32(source->value, &number, error) < 0)
        return NULL;
    else if (!is_number(source->kind) && source->kind != MR_KIND_STRING && source->kind != MR_KIND_BOOLEAN)
        return unexpected(source, error);
    return mr_float32(arena, number);
}

static const struct mr_value *cast_to_float64(struct mr_arena *arena, const struct source *source, struct mr_error **error)
{
    double number = (double)source->integer;
    if (source->kind == MR_KIND_STRING && !mr_float64_parse(mr_value_bytes(source->value), &number))
        return out_of_range(source, error);
    if (is_float(source->kind))
        number = mr_value_float64(source->value);
    else if (is_exact(source->kind) && mr_decimal_float64(source->value, &number, error) < 0)
        return NULL;
    else if (!is_number(source->kind) && source->kind != MR_KIND_STRING && source->kind != MR_KIND_BOOLEAN)
        return unexpected(source, error);
    return mr_float64(arena, number);
}

static const struct mr_value *cast_to_boolean(const struct source *source, struct mr_error **error)
{
    if (source->kind == MR_KIND_STRING) {
        struct mr_bytes text = mr_value_bytes(source->value);
        return mr_boolean(text.size == 4 && strncasecmp(text.data, "true", 4) == 0);
    }
    if (source->kind != MR_KIND_BOOLEAN && !is_number(source->kind))
        return unexpected(source, error);
    return mr_boolean(integer_of(source, true) != 0);
}

/* Text -------------------------------------------------------------------------------------------------------- */

static const struct mr_value *cast_to_string(struct mr_arena *arena, const struct mr_value *value, struct mr_error **error)
{
    char line[INSTANT_TEXT_MAX];
    struct text text = { .arena = arena };
    switch (mr_value_kind(value)) {
    case MR_KIND_STRING: return value;
    case MR_KIND_INSTANT: text_add(&text, line, instant_text(mr_value_integer(value), line)); break;
    case MR_KIND_BYTES: base64_add(&text, mr_value_bytes(value)); break;
    default:
        if (print_value(&text, value, error) < 0)
            return NULL;
    }
    return text.failed ? NULL : mr_string_ref(arena, text.size == 0 ? "" : text.data, text.size);
}

/* The whole --------------------------------------------------------------------------------------------------- */

static int check_source(const struct mr_schema *schema, const struct mr_value *value, struct mr_error **error)
{
    enum mr_kind kind = mr_value_kind(value);
    if (schema == NULL && (is_exact(kind) || kind == MR_KIND_INSTANT))
        return not_supported(error, "Cast", value);
    bool is_container = schema == NULL ? kind == MR_KIND_ARRAY || kind == MR_KIND_MAP || kind == MR_KIND_STRUCT
                                       : mr_schema_type(schema) >= MR_TYPE_ARRAY;
    if (!is_container)
        return 0;
    bool is_array = schema == NULL ? kind == MR_KIND_ARRAY : mr_schema_type(schema) == MR_TYPE_ARRAY;
    bool is_map = schema == NULL ? kind == MR_KIND_MAP : mr_schema_type(schema) == MR_TYPE_MAP;
    return mr_error_set(error, MR_ERR_DATA,
                        "Cast transformation does not support casting from %s; supported types are [INT8, INT16, INT32, INT64, "
                        "FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]", is_array ? "ARRAY" : is_map ? "MAP" : "STRUCT");
}

const struct mr_value *value_cast(struct mr_arena *arena, const struct mr_schema *schema, const struct mr_value *value,
                                  enum mr_type type, struct mr_error **error)
{
    if (mr_value_is_null(value))
        return value;
    if (check_source(schema, value, error) < 0)
        return NULL;
    if (type == MR_TYPE_STRING)
        return cast_to_string(arena, value, error);
    struct source source = { .value = value, .kind = mr_value_kind(value) };
    if (source.kind == MR_KIND_BOOLEAN)
        source.integer = mr_value_boolean(value);
    else if ((source.kind >= MR_KIND_INT8 && source.kind <= MR_KIND_INT64) || source.kind == MR_KIND_INSTANT)
        source.integer = mr_value_integer(value);
    if (source_of_logical(&source, schema, error) < 0)
        return NULL;
    switch (type) {
    case MR_TYPE_FLOAT32: return cast_to_float32(arena, &source, error);
    case MR_TYPE_FLOAT64: return cast_to_float64(arena, &source, error);
    case MR_TYPE_BOOLEAN: return cast_to_boolean(&source, error);
    default: return cast_to_integer(arena, &source, type, error);
    }
}
