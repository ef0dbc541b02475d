#include "header_print.h"

#include "base64.h"
#include "instant_text.h"

#include <millrace/number_text.h>
#include <string.h>

struct printer {
    struct text *text;
    struct mr_error **error;
    int depth; /* 0: not inside anything */
};

static int put(struct printer *printer, const struct mr_value *value);

/* Scalars ---------------------------------------------------------------------------------------------------- */

/* Backslashes and quotes escaped, nothing else. */
static void put_quoted(struct printer *printer, const char *bytes, size_t size)
{
    size_t from = 0;
    text_add(printer->text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != '"' && bytes[i] != '\\')
            continue;
        text_add(printer->text, bytes + from, i - from);
        text_add(printer->text, "\\", 1);
        from = i;
    }
    text_add(printer->text, bytes + from, size - from);
    text_add(printer->text, "\"", 1);
}

static void put_bytes(struct printer *printer, struct mr_bytes bytes)
{
    const char *quote = printer->depth > 0 ? "\"" : "";
    text_add_string(printer->text, quote);
    base64_add(printer->text, bytes);
    text_add_string(printer->text, quote);
}

static void put_string(struct printer *printer, struct mr_bytes bytes)
{
    if (printer->depth > 0)
        put_quoted(printer, bytes.data, bytes.size);
    else
        text_add(printer->text, bytes.data, bytes.size);
}

static void put_instant(struct printer *printer, int64_t ms)
{
    char line[INSTANT_TEXT_MAX];
    text_add(printer->text, line, instant_text(ms, line));
}

static int put_decimal(struct printer *printer, const struct mr_value *value)
{
    struct mr_bytes digits;
    if (mr_decimal_text(printer->text->arena, value, &digits, printer->error) < 0)
        return -1;
    text_add(printer->text, digits.data, digits.size);
    return 0;
}

static int put_number(struct printer *printer, const struct mr_value *value)
{
    char digits[MR_NUMBER_TEXT_MAX];
    size_t size;
    if (mr_value_kind(value) == MR_KIND_FLOAT32)
        size = mr_float32_text(mr_value_float32(value), digits);
    else if (mr_value_kind(value) == MR_KIND_FLOAT64)
        size = mr_float64_text(mr_value_float64(value), digits);
    else
        size = mr_int64_text(mr_value_integer(value), digits);
    text_add(printer->text, digits, size);
    return 0;
}

/* Containers ------------------------------------------------------------------------------------------------- */

static int put_array(struct printer *printer, const struct mr_value *value)
{
    int result = 0;
    text_add_string(printer->text, "[");
    for (size_t i = 0; i < mr_array_count(value) && result == 0; i++) {
        text_add_string(printer->text, i > 0 ? "," : "");
        result = put(printer, mr_array_at(value, i));
    }
    text_add_string(printer->text, "]");
    return result;
}

static int put_map(struct printer *printer, const struct mr_value *value)
{
    int result = 0;
    text_add_string(printer->text, "{");
    for (size_t i = 0; i < mr_map_count(value) && result == 0; i++) {
        text_add_string(printer->text, i > 0 ? "," : "");
        result = put(printer, mr_map_key_at(value, i));
        text_add_string(printer->text, ":");
        if (result == 0)
            result = put(printer, mr_map_value_at(value, i));
    }
    text_add_string(printer->text, "}");
    return result;
}

static int put_struct(struct printer *printer, const struct mr_value *value)
{
    const struct mr_schema *schema = mr_struct_schema(value);
    int result = 0;
    text_add_string(printer->text, "{");
    for (size_t i = 0; i < mr_schema_field_count(schema) && result == 0; i++) {
        const char *name = mr_schema_field_name(schema, i);
        text_add_string(printer->text, i > 0 ? "," : "");
        put_quoted(printer, name, strlen(name));
        text_add_string(printer->text, ":");
        result = put(printer, mr_struct_at_or_default(value, i));
    }
    text_add_string(printer->text, "}");
    return result;
}

static int put_container(struct printer *printer, const struct mr_value *value)
{
    if (printer->depth == HEADER_DEPTH_MAX)
        return mr_error_set(printer->error, MR_ERR_DATA, "A header is nested more than %d levels deep", HEADER_DEPTH_MAX);
    printer->depth++;
    int result = mr_value_kind(value) == MR_KIND_ARRAY ? put_array(printer, value)
               : mr_value_kind(value) == MR_KIND_MAP   ? put_map(printer, value)
                                                       : put_struct(printer, value);
    printer->depth--;
    return result;
}

static int put(struct printer *printer, const struct mr_value *value)
{
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL: text_add_string(printer->text, "null"); return 0;
    case MR_KIND_BOOLEAN: text_add_string(printer->text, mr_value_boolean(value) ? "true" : "false"); return 0;
    case MR_KIND_STRING: put_string(printer, mr_value_bytes(value)); return 0;
    case MR_KIND_BYTES: put_bytes(printer, mr_value_bytes(value)); return 0;
    case MR_KIND_INSTANT: put_instant(printer, mr_value_integer(value)); return 0;
    case MR_KIND_DECIMAL:
    case MR_KIND_BIGINT: return put_decimal(printer, value);
    case MR_KIND_ARRAY:
    case MR_KIND_MAP:
    case MR_KIND_STRUCT: return put_container(printer, value);
    default: return put_number(printer, value);
    }
}

int header_print(struct text *text, const struct mr_value *value, struct mr_error **error)
{
    struct printer printer = {.text = text, .error = error};
    if (put(&printer, value) < 0)
        return -1;
    return text->failed ? mr_arena_failed(text->arena, error) : 0;
}
