#include "print.h"

#include "calendar.h"

#include <millrace/number_text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct printer {
    struct text *text;
    struct mr_error **error;
    int depth;
};

static int put(struct printer *printer, const struct mr_value *value);

/* Instants -------------------------------------------------------------------------------------------------- */

/* "Tue Nov 14 22:13:20 UTC 2023", in the zone of the process. */
static int instant_put(struct printer *printer, int64_t ms)
{
    static const char DAYS[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char MONTHS[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const char *zone;
    int64_t shifted = floor_divide(ms, 1000) + calendar_offset_ms(ms, &zone) / 1000, days = floor_divide(shifted, 86400);
    int second = (int)(shifted - days * 86400);
    struct calendar_date date = calendar_date_of(days);
    char line[96];
    int size = snprintf(line, sizeof(line), "%s %s %02d %02d:%02d:%02d %.20s %" PRId64, DAYS[(days % 7 + 7) % 7],
        MONTHS[date.month - 1], date.day, second / 3600, second / 60 % 60, second % 60, zone,
        date.year > 0 ? date.year : 1 - date.year);
    text_add(printer->text, line, (size_t)size);
    return 0;
}

/* Scalars --------------------------------------------------------------------------------------------------- */

/* Java prints where the array lies in memory. Here: a hash of what is in it. */
static int bytes_put(struct printer *printer, struct mr_bytes bytes)
{
    const unsigned char *at = bytes.data;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ at[i]) * 16777619u;
    char line[16];
    int size = snprintf(line, sizeof(line), "[B@%" PRIx32, hash);
    text_add(printer->text, line, (size_t)size);
    return 0;
}

static int decimal_put(struct printer *printer, const struct mr_value *value)
{
    struct mr_bytes digits;
    if (mr_decimal_text(printer->text->arena, value, &digits, printer->error) != 0)
        return -1;
    text_add(printer->text, digits.data, digits.size);
    return 0;
}

static int number_put(struct printer *printer, const struct mr_value *value)
{
    char *room = text_reserve(printer->text, MR_NUMBER_TEXT_MAX);
    if (room == NULL)
        return 0;
    if (mr_value_kind(value) == MR_KIND_FLOAT32)
        printer->text->size += mr_float32_text(mr_value_float32(value), room);
    else if (mr_value_kind(value) == MR_KIND_FLOAT64)
        printer->text->size += mr_float64_text(mr_value_float64(value), room);
    else
        printer->text->size += mr_int64_text(mr_value_integer(value), room);
    return 0;
}

/* Containers ------------------------------------------------------------------------------------------------ */

static int array_put(struct printer *printer, const struct mr_value *value)
{
    text_add_string(printer->text, "[");
    for (size_t i = 0; i < mr_array_count(value); i++) {
        text_add_string(printer->text, i > 0 ? ", " : "");
        if (put(printer, mr_array_at(value, i)) != 0)
            return -1;
    }
    text_add_string(printer->text, "]");
    return 0;
}

static int map_put(struct printer *printer, const struct mr_value *value)
{
    text_add_string(printer->text, "{");
    for (size_t i = 0; i < mr_map_count(value); i++) {
        text_add_string(printer->text, i > 0 ? ", " : "");
        if (put(printer, mr_map_key_at(value, i)) != 0)
            return -1;
        text_add_string(printer->text, "=");
        if (put(printer, mr_map_value_at(value, i)) != 0)
            return -1;
    }
    text_add_string(printer->text, "}");
    return 0;
}

static int struct_put(struct printer *printer, const struct mr_value *value)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    const char *separator = "";
    text_add_string(printer->text, "Struct{");
    for (size_t i = 0; i < mr_schema_field_count(schema); i++) {
        const struct mr_value *field = mr_struct_at(value, i);
        if (mr_value_is_null(field))
            continue;
        text_add_string(printer->text, separator);
        text_add_string(printer->text, mr_schema_field_name(schema, i));
        text_add_string(printer->text, "=");
        if (put(printer, field) != 0)
            return -1;
        separator = ",";
    }
    text_add_string(printer->text, "}");
    return 0;
}

static int container_put(struct printer *printer, const struct mr_value *value)
{
    if (++printer->depth > PRINT_DEPTH_MAX)
        return mr_error_set(printer->error, MR_ERR_DATA, "A value is nested more than %d levels deep", PRINT_DEPTH_MAX);
    int status = mr_value_kind(value) == MR_KIND_ARRAY ? array_put(printer, value)
        : mr_value_kind(value) == MR_KIND_MAP          ? map_put(printer, value)
                                                       : struct_put(printer, value);
    printer->depth--;
    return status;
}

static int put(struct printer *printer, const struct mr_value *value)
{
    struct mr_bytes bytes;
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL:
        text_add_string(printer->text, "null");
        return 0;
    case MR_KIND_BOOLEAN:
        text_add_string(printer->text, mr_value_boolean(value) ? "true" : "false");
        return 0;
    case MR_KIND_STRING:
        bytes = mr_value_bytes(value);
        text_add(printer->text, bytes.data, bytes.size);
        return 0;
    case MR_KIND_BYTES:
        return bytes_put(printer, mr_value_bytes(value));
    case MR_KIND_INSTANT:
        return instant_put(printer, mr_value_integer(value));
    case MR_KIND_DECIMAL:
    case MR_KIND_BIGINT:
        return decimal_put(printer, value);
    case MR_KIND_ARRAY:
    case MR_KIND_MAP:
    case MR_KIND_STRUCT:
        return container_put(printer, value);
    default:
        return number_put(printer, value);
    }
}

int print_value(struct text *text, const struct mr_value *value, struct mr_error **error)
{
    struct printer printer = {.text = text, .error = error};
    if (put(&printer, value) != 0)
        return -1;
    return text->failed ? mr_arena_failed(text->arena, error) : 0;
}
