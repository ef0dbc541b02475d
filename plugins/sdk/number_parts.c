/*
 * Numbers in text, taken apart and turned into integers and floats.
 *
 * Floats of few digits are exact by one multiplication or division; the rest goes through strtod on a text rebuilt
 * without a point, so that the locale has no say, and cut to a length at which the rounding can no longer change.
 */
#include "number_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bans.h"

/* A double is decided by at most 767 significant digits and whether anything follows; a float by fewer. */
#define DECISIVE_DIGITS 780

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static uint32_t digits_count(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && is_digit(*at))
        at++;
    return (uint32_t)(at - start);
}

/* The digits of an exponent. Returns where they end. */
static const char *exponent_read(const char *at, const char *end, int64_t *exponent)
{
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    int64_t number = 0;
    for (; at < end && is_digit(*at); at++)
        if (number < NUMBER_EXPONENT_MAX)
            number = number * 10 + (*at - '0');
    *exponent = is_negative ? -number : number;
    return at;
}

bool number_parts_read(struct mr_bytes text, struct number_parts *parts)
{
    const char *at = text.data, *end = at + text.size;
    if (text.size == 0 || text.size > UINT32_MAX)
        return false;
    *parts = (struct number_parts){.is_negative = *at == '-', .is_integer = true};
    if (*at == '-' || *at == '+')
        at++;
    parts->whole = at;
    parts->whole_count = digits_count(at, end);
    at += parts->whole_count;
    if (at < end && *at == '.') {
        parts->is_integer = false;
        parts->fraction = ++at;
        parts->fraction_count = digits_count(at, end);
        at += parts->fraction_count;
    }
    if (parts->whole_count + parts->fraction_count == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        parts->is_integer = false;
        const char *start = exponent_read(at + 1, end, &parts->exponent);
        if (start == at + 1 || !is_digit(start[-1]))
            return false;
        at = start;
    }
    return at == end;
}

static bool digits_are_zero(const char *digits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (digits[i] != '0')
            return false;
    return true;
}

bool number_parts_are_zero(const struct number_parts *parts)
{
    return digits_are_zero(parts->whole, parts->whole_count) && digits_are_zero(parts->fraction, parts->fraction_count);
}

static uint64_t digits_add(uint64_t number, const char *at, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        number = number * 10 + (uint64_t)(at[i] - '0');
    return number;
}

int64_t number_parts_integer(const struct number_parts *parts)
{
    int64_t kept = (int64_t)parts->whole_count + parts->exponent; /* digits in front of the point, if positive */
    uint64_t number = 0;
    if (kept > 0) {
        uint64_t whole = (uint64_t)kept < parts->whole_count ? (uint64_t)kept : parts->whole_count;
        number = digits_add(0, parts->whole, whole);
        uint64_t left = (uint64_t)kept - whole;
        uint64_t fraction = left < parts->fraction_count ? left : parts->fraction_count;
        number = digits_add(number, parts->fraction, fraction);
        left -= fraction;
        if (left >= 64)
            number = 0; /* 10^64 has no low bits */
        for (; number != 0 && left > 0; left--)
            number *= 10;
    }
    return (int64_t)(parts->is_negative ? 0 - number : number);
}

bool number_parts_fit_int32(const struct number_parts *parts, int32_t *number)
{
    const char *at = parts->whole;
    uint32_t count = parts->whole_count;
    for (; count > 0 && *at == '0'; count--)
        at++;
    if (!parts->is_integer || count > 10)
        return false;
    int64_t magnitude = (int64_t)digits_add(0, at, count);
    int64_t value = parts->is_negative ? -magnitude : magnitude;
    *number = (int32_t)value;
    return value == *number;
}

/* Rebuilt text: digits, 'e', exponent. */
struct rebuilt {
    char text[DECISIVE_DIGITS + 40];
    size_t count;     /* digits so far, without leading zeros */
    int64_t exponent; /* of the last digit */
    bool has_rest;    /* a digit other than 0 was left out */
};

static void rebuilt_add(struct rebuilt *rebuilt, const char *digits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rebuilt->count == 0 && digits[i] == '0')
            continue;
        if (rebuilt->count < DECISIVE_DIGITS) {
            rebuilt->text[rebuilt->count++] = digits[i];
        } else {
            rebuilt->has_rest |= digits[i] != '0';
            rebuilt->exponent++;
        }
    }
}

/* False: the number is zero. */
static bool rebuilt_make(struct rebuilt *rebuilt, const struct number_parts *parts)
{
    rebuilt->count = 0;
    rebuilt->exponent = parts->exponent - parts->fraction_count;
    rebuilt->has_rest = false;
    rebuilt_add(rebuilt, parts->whole, parts->whole_count);
    rebuilt_add(rebuilt, parts->fraction, parts->fraction_count);
    if (rebuilt->count == 0)
        return false;
    if (rebuilt->has_rest) {
        rebuilt->text[rebuilt->count++] = '1';
        rebuilt->exponent--;
    }
    char *at = rebuilt->text + rebuilt->count;
    *at++ = 'e';
    at += mr_int64_text(rebuilt->exponent, at);
    *at = '\0';
    return true;
}

/* The digits as one integer, if there are few. */
static bool few_digits(const struct number_parts *parts, uint64_t most, uint64_t *digits, int64_t *exponent)
{
    if (parts->whole_count + parts->fraction_count > 18)
        return false;
    *digits = digits_add(digits_add(0, parts->whole, parts->whole_count), parts->fraction, parts->fraction_count);
    *exponent = parts->exponent - parts->fraction_count;
    return *digits <= most;
}

double number_parts_float64(const struct number_parts *parts)
{
    static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t digits;
    int64_t exponent;
    double number;
    if (few_digits(parts, UINT64_C(1) << 53, &digits, &exponent) && exponent >= -22 && exponent <= 22) {
        number = exponent < 0 ? (double)digits / POWERS[-exponent] : (double)digits * POWERS[exponent];
    } else {
        struct rebuilt rebuilt;
        number = rebuilt_make(&rebuilt, parts) ? strtod(rebuilt.text, NULL) : 0;
    }
    return parts->is_negative ? -number : number;
}

float number_parts_float32(const struct number_parts *parts)
{
    static const float POWERS[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
    uint64_t digits;
    int64_t exponent;
    float number;
    if (few_digits(parts, UINT64_C(1) << 24, &digits, &exponent) && exponent >= -10 && exponent <= 10) {
        number = exponent < 0 ? (float)digits / POWERS[-exponent] : (float)digits * POWERS[exponent];
    } else {
        struct rebuilt rebuilt;
        number = rebuilt_make(&rebuilt, parts) ? strtof(rebuilt.text, NULL) : 0;
    }
    return parts->is_negative ? -number : number;
}

bool number_parts_scale(const struct number_parts *parts, int32_t *scale)
{
    /* Java refuses an exponent beyond int32 before it looks at the scale. */
    int64_t wanted = (int64_t)parts->fraction_count - parts->exponent;
    *scale = (int32_t)wanted;
    return wanted == *scale && parts->exponent >= INT32_MIN && parts->exponent <= INT32_MAX;
}
