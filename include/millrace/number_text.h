/* number_text.h: numbers to text and back, by the rules of Java that Kafka Connect users see.
 *
 * Floats print as Double.toString and Float.toString do: the shortest decimal that reads back to the same number, at
 * least one digit on each side of the point, scientific ("1.0E7") outside 1e-3 <= |x| < 1e7; "NaN", "Infinity".
 * Decimals print as BigDecimal.toString: scale kept, "1E+3" where the scale is negative or the number very small.
 * Reading is correctly rounded. No locale has a say. Thread: any.
 */
#ifndef MILLRACE_NUMBER_TEXT_H
#define MILLRACE_NUMBER_TEXT_H

#include <millrace/value.h>

MR_BEGIN_DECLS

/* Enough for any integer or float; the functions return the length and write no NUL. */
#define MR_NUMBER_TEXT_MAX 32

/* A decimal or bigint of more bytes is refused when it has to be printed (some 19,000 digits); so is text of more
 * digits when it has to be read. */
#define MR_DECIMAL_UNSCALED_MAX 8192
#define MR_DECIMAL_DIGITS_MAX 19000

MR_EXPORT size_t mr_int64_text(int64_t number, char text[MR_NUMBER_TEXT_MAX]);
MR_EXPORT size_t mr_float32_text(float number, char text[MR_NUMBER_TEXT_MAX]);
MR_EXPORT size_t mr_float64_text(double number, char text[MR_NUMBER_TEXT_MAX]);

/* Double.parseDouble and Float.parseFloat: blanks around; sign; NaN, Infinity, decimal or hexadecimal with optional
 * exponent; suffix f F d D. Overflow is infinity, underflow 0. False: not such a text. */
MR_EXPORT bool mr_float32_parse(struct mr_bytes text, float *number) MR_MUST_USE;
MR_EXPORT bool mr_float64_parse(struct mr_bytes text, double *number) MR_MUST_USE;

/* Long.parseLong without Unicode digits: optional sign, decimal digits, in range. */
MR_EXPORT bool mr_int64_parse(struct mr_bytes text, int64_t *number) MR_MUST_USE;

/* Text of a decimal (with its scale) or a bigint; lives in the arena. MR_ERR_DATA: too long. */
MR_EXPORT int mr_decimal_text(struct mr_arena *arena, const struct mr_value *decimal, struct mr_bytes *text,
                              struct mr_error **error);
/* new BigDecimal(text): [+-] digits [. digits] (one side may be empty) with optional exponent; the scale is kept as
 * written. NULL: MR_ERR_DATA for a text that is no such number or has a scale beyond int32. */
MR_EXPORT const struct mr_value *mr_decimal_parse(struct mr_arena *arena, struct mr_bytes text,
                                                  struct mr_error **error);

/* A decimal or bigint as other numbers. Integer: truncated toward zero, the low 64 bits of the rest. */
MR_EXPORT int64_t mr_decimal_integer(const struct mr_value *decimal);
MR_EXPORT int mr_decimal_float32(const struct mr_value *decimal, float *number, struct mr_error **error);
MR_EXPORT int mr_decimal_float64(const struct mr_value *decimal, double *number, struct mr_error **error);

MR_END_DECLS
#endif
