#include "digit.h"
#include "literal_internal.h"

#include <math.h>
#include <millrace/number_text.h>
#include <stdio.h>
#include <string.h>

/* The same with ASCII digits; the text itself where it has no others. data NULL: no memory. */
static struct mr_bytes with_ascii_digits(struct mr_arena *arena, struct mr_bytes text)
{
    const char *from = text.data;
    size_t plain = 0;
    while (plain < text.size && (unsigned char)from[plain] < 0x80)
        plain++;
    if (plain == text.size)
        return text;
    char *copy = mr_arena_copy(arena, text.data, text.size);
    if (copy == NULL)
        return (struct mr_bytes){.data = NULL};
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        size_t digit = digit_at(from + i, text.size - i, &copy[size]);
        if (digit == 0)
            copy[size] = from[i];
        size++;
        i += digit == 0 ? 1 : digit;
    }
    return (struct mr_bytes){.data = copy, .size = size};
}

/* The digits of a number without leading and trailing zeros, and how many stand before the point. */
struct digits {
    const char *text; /* may hold a point */
    size_t size;
    int64_t whole;    /* digits before the point, trailing zeros included; may be negative */
    bool is_negative, is_zero;
    bool is_whole;
};

/* `text` is a number that mr_decimal_parse took, with that scale. */
static struct digits digits_of(struct mr_bytes text, int64_t scale)
{
    const char *start = text.data, *end = start + text.size;
    struct digits digits = {.is_negative = *start == '-'};
    start += *start == '-' || *start == '+';
    for (const char *at = start; at < end; at++) {
        if (*at == 'e' || *at == 'E')
            end = at;
    }
    int64_t count = 0, last = 0; /* significant digits so far; the last that is not 0 */
    for (const char *at = start; at < end; at++) {
        if (*at == '.' || (count == 0 && *at == '0'))
            continue;
        if (count++ == 0)
            digits.text = at;
        if (*at != '0')
            last = count;
    }
    digits.is_zero = count == 0;
    digits.size = digits.text == NULL ? 0 : (size_t)(end - digits.text);
    digits.whole = count - scale;
    digits.is_whole = digits.is_zero || last <= digits.whole;
    return digits;
}

/* false: not within int64. */
static bool whole_of(const struct digits *digits, int64_t *number)
{
    *number = 0;
    if (digits->is_zero)
        return true;
    if (digits->whole > 19)
        return false;
    uint64_t magnitude = 0;
    int64_t left = digits->whole;
    for (size_t i = 0; i < digits->size && left > 0; i++) {
        if (digits->text[i] == '.')
            continue;
        magnitude = magnitude * 10 + (uint64_t)(digits->text[i] - '0');
        left--;
    }
    for (; left > 0; left--)
        magnitude *= 10;
    if (magnitude > (uint64_t)INT64_MAX + (digits->is_negative ? 1 : 0))
        return false;
    *number = digits->is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static enum literal_status integer(struct mr_arena *arena, int64_t number, struct literal *literal)
{
    if (number == (int8_t)number) {
        literal->schema = mr_schema_primitive(MR_TYPE_INT8, false);
        literal->value = mr_int8(arena, (int8_t)number);
    } else if (number == (int16_t)number) {
        literal->schema = mr_schema_primitive(MR_TYPE_INT16, false);
        literal->value = mr_int16(arena, (int16_t)number);
    } else if (number == (int32_t)number) {
        literal->schema = mr_schema_primitive(MR_TYPE_INT32, false);
        literal->value = mr_int32(arena, (int32_t)number);
    } else {
        literal->schema = mr_schema_primitive(MR_TYPE_INT64, false);
        literal->value = mr_int64(arena, number);
    }
    return literal->value == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
}

static enum literal_status decimal_literal(struct mr_arena *arena, const struct mr_value *decimal, struct literal *literal)
{
    char scale[16];
    snprintf(scale, sizeof(scale), "%d", (int)mr_value_decimal_scale(decimal));
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_BYTES);
    mr_schema_builder_set_name(builder, MR_DECIMAL_NAME);
    mr_schema_builder_set_version(builder, 1);
    mr_schema_builder_set_parameter(builder, "scale", scale);
    literal->schema = mr_schema_builder_build(builder, NULL);
    literal->value = decimal;
    int kept = literal->schema == NULL ? -1 : mr_arena_keep_schema(arena, literal->schema);
    mr_schema_drop(literal->schema);
    return kept < 0 ? LITERAL_NO_MEMORY : LITERAL_OK;
}

/* So many digits fit into int64. */
#define PLAIN_DIGITS_MAX 18

/* Nothing but digits of ASCII behind a sign, and not many. */
static bool read_plain(struct mr_bytes text, int64_t *number)
{
    const char *at = text.data, *end = at + text.size;
    bool is_negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end || end - at > PLAIN_DIGITS_MAX)
        return false;
    for (*number = 0; at < end && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (*at - '0');
    *number = is_negative ? -*number : *number;
    return at == end;
}

enum literal_status literal_number(struct mr_arena *arena, struct mr_bytes text, struct literal *literal)
{
    int64_t number;
    if (read_plain(text, &number))
        return integer(arena, number, literal);
    text = with_ascii_digits(arena, text);
    if (text.data == NULL)
        return LITERAL_NO_MEMORY;
    const struct mr_value *decimal = mr_decimal_parse(arena, text, NULL);
    if (decimal == NULL)
        return LITERAL_NO;
    int32_t scale = mr_value_decimal_scale(decimal);
    struct digits digits = digits_of(text, scale);
    if (digits.is_whole && whole_of(&digits, &number))
        return integer(arena, number, literal);
    float single;
    double twice;
    if (scale != 0 && mr_decimal_float32(decimal, &single, NULL) == 0 && !isinf(single)) {
        literal->schema = mr_schema_primitive(MR_TYPE_FLOAT32, false);
        literal->value = mr_float32(arena, single);
    } else if (scale != 0 && mr_decimal_float64(decimal, &twice, NULL) == 0 && !isinf(twice)) {
        literal->schema = mr_schema_primitive(MR_TYPE_FLOAT64, false);
        literal->value = mr_float64(arena, twice);
    } else {
        return decimal_literal(arena, decimal, literal);
    }
    return literal->value == NULL ? LITERAL_NO_MEMORY : LITERAL_OK;
}
