#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <millrace/number_text.h>
#include <stdio.h>
#include <stdlib.h>

#include "sdk/number_internal.h"

static struct mr_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = mr_arena_create(16 << 20);
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    mr_arena_destroy(arena);
    return 0;
}

static struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){.data = text, .size = strlen(text)};
}

/* The table of powers ---------------------------------------------------------------------------------------- */

/* A large natural number, least significant limb first. */
struct natural {
    uint32_t limbs[48];
};

static void natural_multiply(struct natural *number, uint32_t factor)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < 48; i++) {
        carry += (uint64_t)number->limbs[i] * factor;
        number->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static void natural_divide(struct natural *number, uint32_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = 48; i-- > 0;) {
        rest = rest << 32 | number->limbs[i];
        number->limbs[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
}

static int natural_bits(const struct natural *number)
{
    for (int i = 48; i-- > 0;)
        if (number->limbs[i] != 0)
            return 32 * i + 32 - __builtin_clz(number->limbs[i]);
    return 0;
}

static int natural_bit(const struct natural *number, int at)
{
    return at < 0 ? 0 : (int)(number->limbs[at / 32] >> at % 32 & 1);
}

/* The top 126 bits as a number, in halves of 63. */
static void natural_top(const struct natural *number, uint64_t halves[2])
{
    int bits = natural_bits(number);
    halves[0] = halves[1] = 0;
    for (int i = 0; i < 126; i++)
        halves[i / 63] = halves[i / 63] << 1 | (uint64_t)natural_bit(number, bits - 1 - i);
}

static void every_power_of_ten_is_its_126_bits_rounded_up(void **state)
{
    (void)state;
    for (int e = NUMBER_POWER_LEAST; e <= NUMBER_POWER_MOST; e++) {
        struct natural number = {{0}};
        number.limbs[e < 0 ? 46 : 0] = 1; /* 2^1472 over 10^-e has far more than 126 bits left */
        for (int i = 0; i < abs(e); i++)
            e < 0 ? natural_divide(&number, 10) : natural_multiply(&number, 10);
        uint64_t halves[2];
        natural_top(&number, halves);
        halves[0] += (halves[1] + 1) >> 63;
        halves[1] = (halves[1] + 1) & (UINT64_MAX >> 1);
        assert_true(number_powers[e - NUMBER_POWER_LEAST][0] == halves[0]);
        assert_true(number_powers[e - NUMBER_POWER_LEAST][1] == halves[1]);
    }
}

/* Floats to text -------------------------------------------------------------------------------------------- */

static void assert_float64(double number, const char *expected)
{
    char text[MR_NUMBER_TEXT_MAX + 1];
    text[mr_float64_text(number, text)] = '\0';
    assert_string_equal(text, expected);
}

static void assert_float32(float number, const char *expected)
{
    char text[MR_NUMBER_TEXT_MAX + 1];
    text[mr_float32_text(number, text)] = '\0';
    assert_string_equal(text, expected);
}

static void doubles_print_as_java_prints_them(void **state)
{
    (void)state;
    assert_float64(0.0, "0.0");
    assert_float64(-0.0, "-0.0");
    assert_float64(1.0, "1.0");
    assert_float64(100.0, "100.0");
    assert_float64(0.1, "0.1");
    assert_float64(0.001, "0.001");
    assert_float64(9.99E-4, "9.99E-4");
    assert_float64(1.0E7, "1.0E7");
    assert_float64(9999999.0, "9999999.0");
    assert_float64(1234567.125, "1234567.125");
    assert_float64(-123.456, "-123.456");
    assert_float64(2E23, "2.0E23");
    assert_float64(9007199254740993.0, "9.007199254740992E15");
    assert_float64(1.7976931348623157E308, "1.7976931348623157E308");
    assert_float64(2.2250738585072014E-308, "2.2250738585072014E-308");
    assert_float64(4.9E-324, "4.9E-324");
    assert_float64(9.9E-324, "9.9E-324");
    assert_float64((double)NAN, "NaN");
    assert_float64((double)INFINITY, "Infinity");
    assert_float64(-(double)INFINITY, "-Infinity");
}

static void floats_print_as_java_prints_them(void **state)
{
    (void)state;
    assert_float32(0.1f, "0.1");
    assert_float32(1.4E-45f, "1.4E-45");
    assert_float32(1.17549435E-38f, "1.1754944E-38");
    assert_float32(3.4028235E38f, "3.4028235E38");
    assert_float32(16777216.0f, "1.6777216E7");
    assert_float32(33554432.0f, "3.3554432E7");
    assert_float32(9999999.0f, "9999999.0");
    assert_float32(1.0E10f, "1.0E10");
    assert_float32(-0.0f, "-0.0");
    assert_float32(NAN, "NaN");
    assert_float32(-INFINITY, "-Infinity");
}

static uint64_t random_next(uint64_t *seed)
{
    *seed += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = (*seed ^ *seed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static int digits_count(const char *text)
{
    char digits[MR_NUMBER_TEXT_MAX];
    int count = 0;
    for (; *text != '\0' && *text != 'E'; text++)
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0'))
            digits[count++] = *text;
    while (count > 2 && digits[count - 1] == '0')
        count--;
    return count;
}

static void assert_shortest(double number, const char *text, int most, double (*read)(const char *))
{
    char other[64];
    assert_true(read(text) == number);
    int count = digits_count(text);
    if (count > 2) { /* one digit less does not read back */
        snprintf(other, sizeof(other), "%.*e", count - 2, number);
        assert_true(read(other) != number);
    }
    assert_true(count <= most);
}

static double read_float64(const char *text)
{
    return strtod(text, NULL);
}

static double read_float32(const char *text)
{
    return (double)strtof(text, NULL);
}

static void any_double_prints_shortest_and_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = random_next(&seed);
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number))
            continue;
        char text[MR_NUMBER_TEXT_MAX + 1];
        text[mr_float64_text(number, text)] = '\0';
        assert_shortest(number, text, 17, read_float64);
    }
}

static void any_float_prints_shortest_and_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = (uint32_t)random_next(&seed);
        float number;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number))
            continue;
        char text[MR_NUMBER_TEXT_MAX + 1];
        text[mr_float32_text(number, text)] = '\0';
        assert_shortest((double)number, text, 9, read_float32);
    }
}

/* Text to floats and integers -------------------------------------------------------------------------------- */

static void assert_reads(const char *text, double expected)
{
    double number = -1;
    assert_true(mr_float64_parse(bytes_of(text), &number));
    assert_memory_equal(&number, &expected, sizeof(number));
}

static void text_reads_as_javas_parse_double_reads_it(void **state)
{
    (void)state;
    assert_reads("1", 1);
    assert_reads("  +1.5\t", 1.5);
    assert_reads("-.5", -0.5);
    assert_reads("5.", 5);
    assert_reads("1e3f", 1000);
    assert_reads("1D", 1);
    assert_reads("1e400", (double)INFINITY);
    assert_reads("-1e-400", -0.0);
    assert_reads("-Infinity", -(double)INFINITY);
    assert_reads("0x1.8p3", 12);
    assert_reads("-0x.8P-1", -0.25);
    assert_reads("0x1.fffffffffffff7fffffffffffffffffffffffp1023", 0x1.fffffffffffffp1023);
    assert_reads("123456789012345678901234567890", 123456789012345678901234567890.0);
    assert_reads("0.1000000000000000055511151231257827021181583404541015625", 0.1);
    double number;
    assert_true(mr_float64_parse(bytes_of("NaN"), &number) && isnan(number));
}

static void other_text_is_no_number(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",    " ",     "nan",  "inf", "1e",  "e1",      ".",  "+",   "--1",
                                        "1 2", "0x1.8", "0xp1", "1ff", "1_0", "Infinit", "0x", "+-1", "NaNf"};
    double number;
    float half;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_false(mr_float64_parse(bytes_of(TEXTS[i]), &number));
        assert_false(mr_float32_parse(bytes_of(TEXTS[i]), &half));
    }
}

/* 1 + 2^-53 lies in the middle of two doubles: the even one; any digit more, however far behind: the other. */
static void digits_far_behind_decide_a_tie(void **state)
{
    (void)state;
    char text[2000];
    int size = snprintf(text, sizeof(text), "1.00000000000000011102230246251565404236316680908203125");
    assert_reads(text, 1.0);
    memset(text + size, '0', 1500);
    memcpy(text + size + 1500, "1", 2);
    assert_reads(text, 0x1.0000000000001p0);
}

static void floats_are_rounded_once(void **state)
{
    (void)state;
    float number;
    assert_true(mr_float32_parse(bytes_of("1.00000017881393432617187499"), &number)); /* through a double: 1.0000002 */
    assert_true(number == 0x1.000002p0f);
    assert_true(mr_float32_parse(bytes_of("16777217"), &number));
    assert_true(number == 16777216.0f);
}

static void integers_read_with_a_sign_and_within_their_range(void **state)
{
    (void)state;
    int64_t number;
    assert_true(mr_int64_parse(bytes_of("-9223372036854775808"), &number) && number == INT64_MIN);
    assert_true(mr_int64_parse(bytes_of("+9223372036854775807"), &number) && number == INT64_MAX);
    assert_false(mr_int64_parse(bytes_of("9223372036854775808"), &number));
    assert_false(mr_int64_parse(bytes_of(" 1"), &number));
    assert_false(mr_int64_parse(bytes_of("-"), &number));
    assert_false(mr_int64_parse(bytes_of(""), &number));
}

/* Decimals --------------------------------------------------------------------------------------------------- */

static const struct mr_value *decimal(const char *text)
{
    const struct mr_value *value = mr_decimal_parse(arena, bytes_of(text), NULL);
    assert_non_null(value);
    return value;
}

static void assert_decimal(const char *text, const char *expected, int32_t scale)
{
    struct mr_bytes printed;
    const struct mr_value *value = decimal(text);
    assert_int_equal(mr_value_decimal_scale(value), scale);
    assert_int_equal(mr_decimal_text(arena, value, &printed, NULL), 0);
    assert_int_equal(printed.size, strlen(expected));
    assert_memory_equal(printed.data, expected, printed.size);
}

static void decimals_keep_their_scale(void **state)
{
    (void)state;
    assert_decimal("1.50", "1.50", 2);
    assert_decimal("-0.05", "-0.05", 2);
    assert_decimal("007", "7", 0);
    assert_decimal("1E+3", "1E+3", -3);
    assert_decimal("12e3", "1.2E+4", -3);
    assert_decimal("0.000001", "0.000001", 6);
    assert_decimal("0.0000001", "1E-7", 7);
    assert_decimal("0E-10", "0E-10", 10);
    assert_decimal("-.5", "-0.5", 1);
    assert_decimal("5.", "5", 0);
    assert_decimal("123456789012345678901234567890.12", "123456789012345678901234567890.12", 2);
    assert_decimal("-340282366920938463463374607431768211456", "-340282366920938463463374607431768211456", 0);
    assert_decimal("1e2147483647", "1E+2147483647", -2147483647);
}

static void unscaled_bytes_are_the_shortest_twos_complement(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        unsigned char bytes[10];
    } ROWS[] = {{"0", 1, {0}},
                {"-0", 1, {0}},
                {"127", 1, {0x7F}},
                {"128", 2, {0, 0x80}},
                {"-128", 1, {0x80}},
                {"-129", 2, {0xFF, 0x7F}},
                {"255", 2, {0, 0xFF}},
                {"-1", 1, {0xFF}},
                {"4294967296", 5, {1, 0, 0, 0, 0}},
                {"-4294967296", 5, {0xFF, 0, 0, 0, 0}},
                {"9223372036854775808", 9, {0, 0x80, 0, 0, 0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct mr_bytes unscaled = mr_value_unscaled(decimal(ROWS[i].text));
        assert_int_equal(unscaled.size, ROWS[i].size);
        assert_memory_equal(unscaled.data, ROWS[i].bytes, unscaled.size);
    }
}

static void long_decimals_survive_the_way_there_and_back(void **state)
{
    (void)state;
    static char text[MR_DECIMAL_DIGITS_MAX + 2];
    uint64_t seed = 3;
    for (int count = 1; count < MR_DECIMAL_DIGITS_MAX; count = count * 3 + 7) {
        text[0] = '-';
        for (int i = 1; i <= count; i++)
            text[i] = (char)('0' + random_next(&seed) % 10);
        text[1] = '9';
        text[count + 1] = '\0';
        struct mr_bytes printed;
        assert_int_equal(mr_decimal_text(arena, decimal(text), &printed, NULL), 0);
        assert_int_equal(printed.size, count + 1);
        assert_memory_equal(printed.data, text, printed.size);
    }
}

static void a_number_too_long_is_refused(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct mr_bytes printed;
    static unsigned char bytes[MR_DECIMAL_UNSCALED_MAX + 1] = {1};
    assert_int_equal(mr_decimal_text(arena, mr_bigint(arena, bytes, sizeof(bytes)), &printed, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_clear(&error);
    static const char *const TEXTS[] = {"", "1e", "1e2147483649", "0x1", "1.2.3", " 1", "1e-2147483648", "--1", "."};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_null(mr_decimal_parse(arena, bytes_of(TEXTS[i]), &error));
        assert_int_equal(mr_error_code(error), MR_ERR_DATA);
        mr_error_clear(&error);
    }
}

static void decimals_become_integers_by_cutting_and_low_bits(void **state)
{
    (void)state;
    assert_int_equal(mr_decimal_integer(decimal("1.99")), 1);
    assert_int_equal(mr_decimal_integer(decimal("-1.99")), -1);
    assert_int_equal(mr_decimal_integer(decimal("1e3")), 1000);
    assert_int_equal(mr_decimal_integer(decimal("1e30")), 5076944270305263616);
    assert_int_equal(mr_decimal_integer(decimal("-1e30")), -5076944270305263616);
    assert_int_equal(mr_decimal_integer(decimal("1e64")), 0);
    assert_int_equal(mr_decimal_integer(decimal("18446744073709551617")), 1);
    assert_int_equal(mr_decimal_integer(decimal("123456789012345678901234567890.5e-10")),
                     (int64_t)UINT64_C(12345678901234567890));
    assert_int_equal(mr_decimal_integer(decimal("1e-2147483647")), 0);
}

static void decimals_become_floats_rounded_once(void **state)
{
    (void)state;
    double number;
    float half;
    assert_int_equal(mr_decimal_float64(decimal("0.1"), &number, NULL), 0);
    assert_true(number == 0.1);
    assert_int_equal(mr_decimal_float64(decimal("-1e400"), &number, NULL), 0);
    assert_true(number == -(double)INFINITY);
    assert_int_equal(mr_decimal_float32(decimal("1.00000017881393432617187499"), &half, NULL), 0);
    assert_true(half == 0x1.000002p0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_power_of_ten_is_its_126_bits_rounded_up),
        cmocka_unit_test(doubles_print_as_java_prints_them),
        cmocka_unit_test(floats_print_as_java_prints_them),
        cmocka_unit_test(any_double_prints_shortest_and_reads_back),
        cmocka_unit_test(any_float_prints_shortest_and_reads_back),
        cmocka_unit_test(text_reads_as_javas_parse_double_reads_it),
        cmocka_unit_test(other_text_is_no_number),
        cmocka_unit_test(digits_far_behind_decide_a_tie),
        cmocka_unit_test(floats_are_rounded_once),
        cmocka_unit_test(integers_read_with_a_sign_and_within_their_range),
        cmocka_unit_test(decimals_keep_their_scale),
        cmocka_unit_test(unscaled_bytes_are_the_shortest_twos_complement),
        cmocka_unit_test(long_decimals_survive_the_way_there_and_back),
        cmocka_unit_test(a_number_too_long_is_refused),
        cmocka_unit_test(decimals_become_integers_by_cutting_and_low_bits),
        cmocka_unit_test(decimals_become_floats_rounded_once),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
