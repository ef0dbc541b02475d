/* date_format: patterns of SimpleDateFormat, both ways. Expected texts and instants are those of JDK 17. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "date_format.h"

#define MS INT64_C(1700000000123) /* Tuesday, 2023-11-14 22:13:20.123 */

static struct date_format *format_of(const char *pattern)
{
    struct mr_error *error = NULL;
    struct date_format *format = date_format_create(pattern, &error);
    if (format == NULL)
        fail_msg("%s: %s", pattern, mr_error_message(error));
    return format;
}

static void printed_is(struct date_format *format, int64_t ms, const char *expected)
{
    struct text text = {.arena = mr_arena_create(1 << 16)};
    date_format_print(format, ms, &text);
    text_add(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(expected, text.data);
    mr_arena_destroy(text.arena);
}

static bool parse(struct date_format *format, const char *text, int64_t *ms)
{
    return date_format_parse(format, (struct mr_bytes){.data = text, .size = strlen(text)}, ms);
}

static void letters_print_as_in_java(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        int64_t ms;
        const char *text;
    } cases[] = {
        {"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", MS, "2023-11-14T22:13:20.123Z"},
        {"yy y yyy yyyyyy", MS, "23 2023 2023 002023"},
        {"M MM MMM MMMM L LLLL", MS, "11 11 Nov November 11 November"},
        {"E EEE EEEE u", MS, "Tue Tue Tuesday 2"},
        {"D DDDD d F w W", MS, "318 0318 14 2 46 3"},
        {"H k K h a", MS, "22 22 10 10 PM"},
        {"H k K h a", 0, "0 24 0 12 AM"},
        {"S SS SSSS", MS, "123 123 0123"},
        {"z zzzz Z X XX XXX", MS, "UTC Coordinated Universal Time +0000 Z Z Z"},
        {"''yy'o''clock'", MS, "'23o'clock"},
        {"YYYY-'W'ww", INT64_C(1609372800000), "2021-W01"},
        {"G yyyy-MM-dd", INT64_C(-62198928000000), "BC 0002-01-01"},
        {"yyyy-MM-dd", INT64_C(-12219292800000), "1582-10-15"},
        {"yyyy-MM-dd", INT64_C(-12219292800001), "1582-10-04"},
        {"yyyy-MM-dd'T'HH:mm:ss.SSS", INT64_MAX, "292278994-08-17T07:12:55.807"},
        {"yyyy-MM-dd'T'HH:mm:ss.SSS G", INT64_MIN, "292269055-12-02T16:47:04.192 BC"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct date_format *format = format_of(cases[i].pattern);
        printed_is(format, cases[i].ms, cases[i].text);
        date_format_destroy(format);
    }
}

static void reading_is_as_lenient_as_in_java(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        int64_t ms;
    } cases[] = {
        {"yyyy-MM-dd", "2023-02-30", INT64_C(1677715200000)},
        {"yyyy-MM-dd", "2023-1-4 and more", INT64_C(1672790400000)},
        {"yyyyMMdd", "202311145", INT64_C(1711238400000)},
        {"yyyy-MM-dd", "  2023- 11-14", INT64_C(1699920000000)},
        {"yyyy-MM-dd", "-0001-01-01", INT64_C(-62198928000000)},
        {"ss.SSS", "20.5", 20005},
        {"HH:mm:ss", "25:61:61", INT64_C(93721000)},
        {"h a", "12 AM", 0},
        {"k", "24", 0},
        {"d MMM yyyy", "14 november 2023", INT64_C(1699920000000)},
        {"EEE d.M.yyyy", "fri 14.11.2023", INT64_C(1699920000000)},
        {"yyyy-MM-dd HH:mm z", "2023-11-14 22:13 PST", INT64_C(1700028780000)},
        {"yyyy-MM-dd HH:mm z", "2023-11-14 22:13 GMT+2:00", INT64_C(1699992780000)},
        {"yyyy-MM-dd'T'HH:mmX", "2023-11-14T22:13+01", INT64_C(1699996380000)},
        {"YYYY-'W'ww-u", "2021-W01-1", INT64_C(1609113600000)},
        {"yyyy DDD", "2023 \xd9\xa3\xd9\xa1\xd9\xa8", INT64_C(1699920000000)}, /* Arabic digits */
        {"yyyy", "2E3", INT64_C(946684800000)},
        {"yyyy-MM F E", "2023-11 2 Tue", INT64_C(1699920000000)},
        {"yyyy-MM W E", "2023-11 3 Tue", INT64_C(1699920000000)},
        {"yyyy ww", "2023 46", INT64_C(1699747200000)},
        {"yyyy", "2147483647", INT64_C(-6019000092841406464)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct date_format *format = format_of(cases[i].pattern);
        int64_t ms = 0;
        if (!parse(format, cases[i].text, &ms) || ms != cases[i].ms)
            fail_msg("%s by %s: %lld", cases[i].text, cases[i].pattern, (long long)ms);
        date_format_destroy(format);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"yyyy-MM-dd", ""},           {"yyyy-MM-dd", "2023/11/14"}, {"yyyy-MM-dd", "2023-11"},   {"d", "+5"},
        {"MMM", "11"},                {"'T'HH", "t05"},             {"mmXXX", "13+0130"},        {"yyyyMMdd", "20231"},
        {"HH:mm z", "22:13 NOWHERE"}, {"Z", "+2460"},               {"EEE", " Tue"},             {"yyyy", "\xd9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct date_format *format = format_of(cases[i][0]);
        int64_t ms;
        if (parse(format, cases[i][1], &ms))
            fail_msg("%s by %s", cases[i][1], cases[i][0]);
        date_format_destroy(format);
    }
}

static void two_digit_years_are_of_the_hundred_years_around_now(void **state)
{
    (void)state;
    struct date_format *format = format_of("yy"), *four = format_of("yyyy");
    int64_t near, far, literal;
    assert_true(parse(format, "20", &near));
    printed_is(four, near, "2020");
    assert_true(parse(format, "70", &far));
    printed_is(four, far, "1970");
    assert_true(parse(format, "020", &literal));
    printed_is(four, literal, "0020");
    date_format_destroy(format);
    date_format_destroy(four);
}

static void a_zone_that_was_read_by_name_is_printed_in(void **state)
{
    (void)state;
    struct date_format *format = format_of("HH:mm z");
    int64_t ms;
    printed_is(format, 0, "00:00 UTC");
    assert_true(parse(format, "22:13 pst", &ms));
    printed_is(format, ms, "22:13 PST");
    assert_true(parse(format, "22:13 +0130", &ms));
    printed_is(format, 0, "16:00 PST");
    date_format_destroy(format);
}

static void bad_patterns_are_refused_in_words(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"yyyy-bb", "Illegal pattern character 'b'"}, {"yyyy'T", "Unterminated quote"}, {"XXXX", "invalid ISO 8601 format"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mr_error *error = NULL;
        assert_null(date_format_create(cases[i][0], &error));
        assert_non_null(strstr(mr_error_message(error), cases[i][1]));
        assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
        mr_error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_print_as_in_java),
        cmocka_unit_test(reading_is_as_lenient_as_in_java),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(two_digit_years_are_of_the_hundred_years_around_now),
        cmocka_unit_test(a_zone_that_was_read_by_name_is_printed_in),
        cmocka_unit_test(bad_patterns_are_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
