/* Numbers as Java's parseDouble, parseFloat and parseLong take them. */
#include "number_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bans.h"

/* Hex digits kept of a hexadecimal float: more than any float has, with one for whatever was left out. */
#define HEX_DIGITS_MAX 32

static struct mr_bytes trimmed(struct mr_bytes text)
{
    const unsigned char *at = text.data, *end = at + text.size;
    while (at < end && *at <= ' ')
        at++;
    while (at < end && end[-1] <= ' ')
        end--;
    return (struct mr_bytes){at, (size_t)(end - at)};
}

static bool is_text(struct mr_bytes text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static struct mr_bytes without_first(struct mr_bytes text)
{
    return (struct mr_bytes){(const char *)text.data + 1, text.size - 1};
}

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A hexadecimal float written anew, without a point and not too long: 0xDIGITSpEXPONENT. */
struct hex_float {
    char text[HEX_DIGITS_MAX + 48];
    size_t count;
    int64_t exponent;
    uint64_t digits_seen; /* leading zeros too */
    bool has_rest;
};

static const char *hex_digits_take(struct hex_float *hex, const char *at, const char *end, int exponent_step)
{
    for (; at < end && is_hex_digit(*at); at++) {
        hex->digits_seen++;
        hex->exponent += exponent_step;
        if (hex->count == 2 && *at == '0')
            continue;
        if (hex->count < 2 + HEX_DIGITS_MAX) {
            hex->text[hex->count++] = *at;
        } else {
            hex->has_rest |= *at != '0';
            hex->exponent += 4;
        }
    }
    return at;
}

/* `text` begins with 0x. The exponent is not optional. */
static bool hex_float_read(struct mr_bytes text, struct hex_float *hex)
{
    const char *at = (const char *)text.data + 2, *end = (const char *)text.data + text.size;
    *hex = (struct hex_float){.text = "0x", .count = 2};
    at = hex_digits_take(hex, at, end, 0);
    if (at < end && *at == '.')
        at = hex_digits_take(hex, at + 1, end, -4);
    if (hex->digits_seen == 0 || at == end || (*at != 'p' && *at != 'P'))
        return false;
    /* A decimal number without point: "1" in front makes it one for number_parts_read. */
    struct number_parts parts;
    char exponent[64] = "1e";
    size_t size = (size_t)(end - at) - 1;
    if (size == 0 || size > sizeof(exponent) - 3)
        return false;
    memcpy(exponent + 2, at + 1, size);
    if (!number_parts_read((struct mr_bytes){exponent, size + 2}, &parts))
        return false;
    if (hex->has_rest)
        hex->text[hex->count - 1] = 'f'; /* not a tie, whatever it was */
    if (hex->count == 2)
        hex->text[hex->count++] = '0';
    char *out = hex->text + hex->count;
    *out++ = 'p';
    out += mr_int64_text(hex->exponent + parts.exponent, out);
    *out = '\0';
    return true;
}

/* What a float is made of, before it is known of which width. */
struct float_text {
    bool is_negative, is_nan, is_infinite, is_hex;
    struct number_parts parts;
    struct hex_float hex;
};

static bool float_text_read(struct mr_bytes text, struct float_text *out)
{
    text = trimmed(text);
    out->is_nan = out->is_infinite = out->is_hex = out->is_negative = false;
    if (text.size == 0)
        return false;
    const char *first = text.data;
    if (*first == '-' || *first == '+') {
        out->is_negative = *first == '-';
        text = without_first(text);
        first = text.data;
    }
    out->is_nan = is_text(text, "NaN");
    out->is_infinite = is_text(text, "Infinity");
    if (out->is_nan || out->is_infinite)
        return true;
    if (text.size == 0 || *first == '-' || *first == '+')
        return false;
    char last = first[text.size - 1];
    out->is_hex = text.size > 2 && first[0] == '0' && (first[1] == 'x' || first[1] == 'X');
    if (last == 'f' || last == 'F' || last == 'd' || last == 'D')
        text.size--;
    if (out->is_hex)
        return hex_float_read(text, &out->hex);
    return number_parts_read(text, &out->parts);
}

bool mr_float64_parse(struct mr_bytes text, double *number)
{
    struct float_text read;
    if (!float_text_read(text, &read))
        return false;
    if (read.is_nan) {
        *number = (double)NAN;
        return true;
    }
    double magnitude = read.is_infinite ? (double)INFINITY
                       : read.is_hex    ? strtod(read.hex.text, NULL)
                                        : number_parts_float64(&read.parts);
    *number = read.is_negative ? -magnitude : magnitude;
    return true;
}

bool mr_float32_parse(struct mr_bytes text, float *number)
{
    struct float_text read;
    if (!float_text_read(text, &read))
        return false;
    if (read.is_nan) {
        *number = NAN;
        return true;
    }
    float magnitude = read.is_infinite ? INFINITY
                      : read.is_hex    ? strtof(read.hex.text, NULL)
                                       : number_parts_float32(&read.parts);
    *number = read.is_negative ? -magnitude : magnitude;
    return true;
}

bool mr_int64_parse(struct mr_bytes text, int64_t *number)
{
    const char *at = text.data, *end = at + text.size;
    bool is_negative = text.size > 0 && *at == '-';
    if (text.size > 0 && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return false;
    int64_t value = 0;
    for (; at < end; at++) {
        int digit = *at - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value))
            return false;
        if (is_negative ? __builtin_sub_overflow(value, digit, &value) : __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *number = value;
    return true;
}
