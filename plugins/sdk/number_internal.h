/*
 * number_internal: a decimal number in text, taken apart; back room of sdk.
 *
 * The parts refer to the text. Value: whole.fraction × 10^exponent, negated if is_negative. Counts of digits are bounded
 * by whoever made the parts (JSON: JSON_NUMBER_MAX; mr_decimal_parse: MR_DECIMAL_DIGITS_MAX).
 */
#ifndef SDK_NUMBER_INTERNAL_H
#define SDK_NUMBER_INTERNAL_H

#include <millrace/number_text.h>

/* Exponents are clamped to this when read: past any scale that Java allows. */
#define NUMBER_EXPONENT_MAX INT64_C(100000000000)

struct number_parts {
    const char *whole, *fraction;
    uint32_t whole_count, fraction_count; /* digits; leading zeros allowed */
    int64_t exponent;
    bool is_negative;
    bool is_integer; /* written without point and exponent */
};

/* Takes `[+-]? digits [. digits]? ([eE] [+-]? digits)?` with at least one digit apart. False: something else. */
bool number_parts_read(struct mr_bytes text, struct number_parts *parts);

/* Has it no digit but 0? */
bool number_parts_are_zero(const struct number_parts *parts);
/* Truncated toward zero, low 64 bits. */
int64_t number_parts_integer(const struct number_parts *parts);
/* Does the value of an integer fit into int32? */
bool number_parts_fit_int32(const struct number_parts *parts, int32_t *number);
double number_parts_float64(const struct number_parts *parts);
float number_parts_float32(const struct number_parts *parts);
/* False: the scale would not fit into int32. */
bool number_parts_scale(const struct number_parts *parts, int32_t *scale);
/* Fills a cell of kind decimal; the caller has checked the scale. -1: no memory (the arena's). */
int number_parts_decimal(struct mr_arena *arena, const struct number_parts *parts, int32_t scale,
                         struct mr_value *cell);

/* 10^e = p × 2^(floor(log2(10^e)) - 125), p rounded up to 126 bits, in halves of 63. */
#define NUMBER_POWER_LEAST (-292)
#define NUMBER_POWER_MOST 324
extern const uint64_t number_powers[NUMBER_POWER_MOST - NUMBER_POWER_LEAST + 1][2];

/* Decimal digits of an unsigned number, no leading zeros; returns the end. */
char *number_digits_write(char *at, uint64_t number);

#endif
