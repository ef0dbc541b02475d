/*
 * Shortest decimals of floats: the Schubfach method (R. Giulietti, "The Schubfach way to render doubles", 2020), which
 * is also what Double.toString promises since Java 19.
 *
 * A float is c × 2^q. All decimals that read back to it lie in an interval around it; with k = floor(log10 2^q) that
 * interval holds one or more multiples of 10^k and at most one of 10^(k+1). Its ends and centre, times 4 and divided by
 * 10^k, are computed by one multiplication each with a 126-bit power of ten, rounded so that comparisons stay exact.
 */
#include "number_internal.h"

#include <string.h>

#include "base/bans.h"

/* floor(log10 2^e), floor(log10 3/4 2^e), floor(log2 10^e) for the exponents of floats. */
static int log10_of_power2(int e)
{
    return (int)((int64_t)e * INT64_C(661971961083) >> 41);
}

static int log10_of_three_quarters(int e)
{
    return (int)(((int64_t)e * INT64_C(661971961083) - INT64_C(274743187321)) >> 41);
}

static int log2_of_power10(int e)
{
    return (int)((int64_t)e * INT64_C(913124641741) >> 38);
}

/* digits × 10^exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

/* factor × power / 2^127, rounded to odd: the last bit is set when anything was cut off. */
static uint64_t multiply_round_to_odd(const uint64_t power[2], uint64_t factor)
{
    const uint64_t mask = UINT64_MAX >> 1;
    uint64_t low = (power[0] * factor >> 1) + multiply_high(power[1], factor);
    uint64_t high = multiply_high(power[0], factor) + (low >> 63);
    return high | ((low & mask) + mask) >> 63;
}

/* `is_even_spaced`: the neighbours below and above are equally far (not so at powers of two). */
static struct shortest shortest_of(uint64_t c, int q, bool is_even_spaced, int scaled)
{
    uint64_t odd = c & 1, centre = c << 2;
    uint64_t above = centre + 2, below = centre - (is_even_spaced ? 2 : 1);
    int k = is_even_spaced ? log10_of_power2(q) : log10_of_three_quarters(q);
    int shift = q + log2_of_power10(-k) + 2;
    const uint64_t *power = number_powers[-k - NUMBER_POWER_LEAST];
    centre = multiply_round_to_odd(power, centre << shift);
    below = multiply_round_to_odd(power, below << shift) + odd;
    above = multiply_round_to_odd(power, above << shift) - odd;

    uint64_t small = centre >> 2;
    if (small >= 100) {
        uint64_t tens = small / 10 * 10;
        bool lower_fits = below <= tens << 2, upper_fits = (tens + 10) << 2 <= above;
        if (lower_fits != upper_fits)
            return (struct shortest){lower_fits ? tens : tens + 10, k + scaled};
    }
    bool lower_fits = below <= small << 2, upper_fits = (small + 1) << 2 <= above;
    if (lower_fits != upper_fits)
        return (struct shortest){lower_fits ? small : small + 1, k + scaled};
    /* Both fit: the nearer one, at a tie the even one. */
    int64_t difference = (int64_t)(centre - ((2 * small + 1) << 1));
    bool takes_lower = difference < 0 || (difference == 0 && (small & 1) == 0);
    return (struct shortest){takes_lower ? small : small + 1, k + scaled};
}

/* What a float type is like: bits of the mantissa with its hidden bit, exponent of the smallest number. */
struct float_shape {
    int precision, least_exponent;
    uint64_t tiny; /* below it, subnormals are scaled up by ten, so that two digits are considered */
};

static const struct float_shape SHAPE_64 = {53, -1074, 3}, SHAPE_32 = {24, -149, 8};

static struct shortest shortest_find(const struct float_shape *shape, uint64_t fraction, int exponent_field)
{
    uint64_t hidden = UINT64_C(1) << (shape->precision - 1);
    if (exponent_field == 0) {
        bool is_tiny = fraction < shape->tiny;
        return shortest_of(is_tiny ? 10 * fraction : fraction, shape->least_exponent, true, is_tiny ? -1 : 0);
    }
    int q = shape->least_exponent - 1 + exponent_field;
    uint64_t c = hidden | fraction;
    if (-shape->precision < q && q < 0 && (c >> -q) << -q == c)
        return (struct shortest){c >> -q, 0}; /* a small integer is its own shortest decimal */
    return shortest_of(c, q, c != hidden || q == shape->least_exponent, 0);
}

/* Layout ---------------------------------------------------------------------------------------------------- */

static const char PAIRS[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* Writes so that the text ends at `end`; returns its start. */
static char *digits_before(char *end, uint64_t number)
{
    while (number >= 100) {
        uint64_t rest = number / 100;
        end -= 2;
        memcpy(end, PAIRS + 2 * (number - rest * 100), 2);
        number = rest;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, PAIRS + 2 * number, 2);
    } else {
        *--end = (char)('0' + number);
    }
    return end;
}

char *number_digits_write(char *at, uint64_t number)
{
    char digits[20];
    char *first = digits_before(digits + sizeof(digits), number);
    size_t count = (size_t)(digits + sizeof(digits) - first);
    memcpy(at, first, count);
    return at + count;
}

size_t mr_int64_text(int64_t number, char text[MR_NUMBER_TEXT_MAX])
{
    char *at = text;
    if (number < 0)
        *at++ = '-';
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return (size_t)(number_digits_write(at, magnitude) - text);
}

static char *zeros_write(char *at, int count)
{
    memset(at, '0', (size_t)count);
    return at + count;
}

static char *scientific_write(char *at, const char *digits, int count, int exponent)
{
    *at++ = digits[0];
    *at++ = '.';
    if (count == 1)
        *at++ = '0';
    memcpy(at, digits + 1, (size_t)count - 1);
    at += count - 1;
    *at++ = 'E';
    if (exponent < 0)
        *at++ = '-';
    return number_digits_write(at, (uint64_t)(exponent < 0 ? -exponent : exponent));
}

/* The number is 0.digits × 10^point. */
static char *positional_write(char *at, const char *digits, int count, int point)
{
    if (point <= 0) {
        memcpy(at, "0.", 2);
        at = zeros_write(at + 2, -point);
        memcpy(at, digits, (size_t)count);
        return at + count;
    }
    int whole = count < point ? count : point;
    memcpy(at, digits, (size_t)whole);
    at = zeros_write(at + whole, point - whole);
    *at++ = '.';
    if (count <= point)
        *at++ = '0';
    memcpy(at, digits + whole, (size_t)(count - whole));
    return at + (count - whole);
}

static char *shortest_write(char *at, struct shortest number)
{
    while (number.digits >= 10 && number.digits % 10 == 0) {
        number.digits /= 10;
        number.exponent++;
    }
    char digits[20];
    char *first = digits_before(digits + sizeof(digits), number.digits);
    int count = (int)(digits + sizeof(digits) - first);
    int point = count + number.exponent;
    if (point > -3 && point <= 7)
        return positional_write(at, first, count, point);
    return scientific_write(at, first, count, point - 1);
}

static char *text_write(char *at, const char *text)
{
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static size_t float_text(const struct float_shape *shape, bool is_negative, uint64_t fraction, int exponent_field,
                         int special_field, char *text)
{
    char *at = text;
    if (exponent_field == special_field && fraction != 0)
        return (size_t)(text_write(at, "NaN") - text);
    if (is_negative)
        *at++ = '-';
    if (exponent_field == special_field)
        at = text_write(at, "Infinity");
    else if (exponent_field == 0 && fraction == 0)
        at = text_write(at, "0.0");
    else
        at = shortest_write(at, shortest_find(shape, fraction, exponent_field));
    return (size_t)(at - text);
}

size_t mr_float64_text(double number, char text[MR_NUMBER_TEXT_MAX])
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return float_text(&SHAPE_64, bits >> 63, bits & ((UINT64_C(1) << 52) - 1), (int)(bits >> 52 & 0x7FF), 0x7FF, text);
}

size_t mr_float32_text(float number, char text[MR_NUMBER_TEXT_MAX])
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return float_text(&SHAPE_32, bits >> 31, bits & ((1u << 23) - 1), (int)(bits >> 23 & 0xFF), 0xFF, text);
}
