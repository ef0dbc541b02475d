#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "json_test.h"
#include "support/alloc_torture.h"

static void scalars_have_the_kinds_of_json(void **state)
{
    (void)state;
    assert_int_equal(mr_value_integer(value_as(" -12 ", NULL)), -12);
    assert_int_equal(mr_value_kind(value_as("0", NULL)), MR_KIND_INT64);
    assert_true(mr_value_float64(value_as("1.5e3", NULL)) == 1500);
    assert_true(mr_value_boolean(value_as("true", NULL)));
    assert_true(mr_value_is_null(value_as("null", NULL)));
    assert_text(value_as("\"a\\n\\u00e9\\ud83d\\ude00\"", NULL), "a\n\xC3\xA9\xF0\x9F\x98\x80");
    assert_true(mr_value_is_null(value_as(" \n", NULL)));
    assert_true(mr_value_is_null(value_as("", NULL)));
}

static void integers_beyond_64_bits_keep_the_low_ones(void **state)
{
    (void)state;
    assert_true(mr_value_integer(value_as("9223372036854775808", NULL)) == INT64_MIN);
    assert_int_equal(mr_value_integer(value_as("18446744073709551617", NULL)), 1);
    assert_int_equal(mr_value_integer(value_as("-18446744073709551617", NULL)), -1);
    assert_int_equal(mr_value_integer(value_as("-007", NULL)), -7);
}

static void a_decimal_zero_has_no_sign(void **state)
{
    (void)state;
    assert_false(signbit(mr_value_float64(value_as("-0.0", NULL))));
    assert_true(signbit(mr_value_float64(value_as("-1e-400", NULL)))); /* not zero, as a decimal */
}

static void strings_without_escapes_stay_where_they_are(void **state)
{
    (void)state;
    static const char text[] = "[\"plain\",\"esc\\taped\"]";
    const struct mr_value *array = mr_json_read(arena, bytes_of(text), 0, NULL);
    assert_ptr_equal(mr_value_bytes(mr_array_at(array, 0)).data, text + 2);
    assert_text(mr_array_at(array, 1), "esc\taped");
    array = mr_json_read(arena, bytes_of(text), MR_JSON_COPY_TEXT, NULL);
    assert_ptr_not_equal(mr_value_bytes(mr_array_at(array, 0)).data, text + 2);
    assert_text(mr_array_at(array, 0), "plain");
}

/* Specials at every place of a word of eight bytes. */
static void a_quote_is_found_wherever_it_stands(void **state)
{
    (void)state;
    char text[64], expected[64];
    for (int size = 0; size < 24; size++) {
        for (int at = 0; at <= size; at++) {
            memset(expected, 'x', sizeof(expected));
            expected[at] = at % 2 ? '\n' : '"';
            expected[size + 1] = '\0';
            int length = 0;
            text[length++] = '"';
            for (int i = 0; i <= size; i++) {
                if (i == at)
                    text[length++] = '\\';
                text[length++] = i == at ? (at % 2 ? 'n' : '"') : 'x';
            }
            text[length++] = '"';
            text[length] = '\0';
            assert_text(value_as(text, NULL), expected);
        }
    }
}

static void half_a_surrogate_pair_becomes_a_replacement(void **state)
{
    (void)state;
    assert_text(value_as("\"\\ud83dx\"", NULL), "\xEF\xBF\xBDx");
    assert_text(value_as("\"\\ude00\\ud83d\"", NULL), "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_text(value_as("\"\\ud83d\\u0041\"", NULL), "\xEF\xBF\xBD"
                                                      "A");
}

static void of_equal_names_the_last_wins_in_the_first_place(void **state)
{
    (void)state;
    const struct mr_value *map = value_as("{\"a\":1,\"b\":2,\"a\":3}", NULL);
    assert_int_equal(mr_map_count(map), 2);
    assert_text(mr_map_key_at(map, 0), "a");
    assert_int_equal(mr_value_integer(mr_map_value_at(map, 0)), 3);
}

static void large_containers_keep_all_they_hold(void **state)
{
    (void)state;
    static char text[40000];
    int size = 0;
    for (int i = 0; i < 3000; i++)
        size += snprintf(text + size, sizeof(text) - (size_t)size, "%c\"k%d\":%d", i == 0 ? '{' : ',', i, i);
    text[size++] = '}';
    text[size] = '\0';
    const struct mr_value *map = value_as(text, NULL);
    assert_int_equal(mr_map_count(map), 3000);
    assert_int_equal(mr_value_integer(mr_map_get(map, "k2999")), 2999);
    assert_int_equal(mr_value_integer(mr_map_value_at(map, 1234)), 1234);
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"{",
                                        "[",
                                        "[1",
                                        "[1,",
                                        "[1,]",
                                        "[,1]",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "'a'",
                                        "nul",
                                        "nulll",
                                        "TRUE",
                                        "NaN",
                                        "-",
                                        "+1",
                                        ".5",
                                        "1.",
                                        "1e",
                                        "1e+",
                                        "1.e5",
                                        "0x10",
                                        "1,2",
                                        "1]",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u12g4\"",
                                        "\"\\u12",
                                        "\"a\tb\"",
                                        "\"\x80\"",
                                        "\"\xC3\"",
                                        "\"\xED\xA0\x80\"",
                                        "\"\xC0\x80\"",
                                        "// c\n1",
                                        "\x01",
                                        "1e2147483648",
                                        "]",
                                        "}",
                                        ":",
                                        "[1}",
                                        "{\"a\":1]",
                                        "{\"a\" 1}",
                                        "true1",
                                        "\xEF\xBB\xBF{"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_refused_as(TEXTS[i], NULL);
}

static void text_behind_the_value_counts_only_when_asked_for(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    assert_int_equal(mr_value_integer(value_as("1 garbage", NULL)), 1);
    assert_int_equal(mr_map_count(value_as("{}}", NULL)), 0);
    assert_null(mr_json_read(arena, bytes_of("1 2"), MR_JSON_WHOLE_TEXT, &error));
    mr_error_clear(&error);
    assert_non_null(mr_json_read(arena, bytes_of("{} \n"), MR_JSON_WHOLE_TEXT, &error));
}

static void other_encodings_of_unicode_are_recognized(void **state)
{
    (void)state;
    struct mr_bytes utf16le = {.data = "\"\0\xE9\0\x3D\xD8\x00\xDE\"\0", .size = 10};
    assert_text(mr_json_read(arena, utf16le, 0, NULL), "\xC3\xA9\xF0\x9F\x98\x80");
    struct mr_bytes utf16be = {.data = "\xFE\xFF\0\"\0a\0\"", .size = 8};
    assert_text(mr_json_read(arena, utf16be, 0, NULL), "a");
    struct mr_bytes utf32be = {.data = "\0\0\0\"\0\0\0a\0\0\0\"", .size = 12};
    assert_text(mr_json_read(arena, utf32be, 0, NULL), "a");
    struct mr_bytes marked = {.data = "\xEF\xBB\xBF"
                                      "7 ",
                              .size = 5};
    assert_int_equal(mr_value_integer(mr_json_read(arena, marked, 0, NULL)), 7);
    struct mr_error *error = NULL;
    struct mr_bytes odd = {.data = "\0\0\"\0", .size = 4}; /* an order of bytes that nobody writes */
    assert_null(mr_json_read(arena, odd, 0, &error));
    mr_error_drop(error);
}

static void numbers_have_at_most_a_thousand_digits(void **state)
{
    (void)state;
    char text[1100];
    memset(text, '1', sizeof(text));
    text[1000] = '\0';
    assert_int_equal(mr_value_kind(value_as(text, NULL)), MR_KIND_INT64);
    text[1000] = '1';
    text[1001] = '\0';
    assert_refused_as(text, NULL);
    text[500] = '.';
    assert_int_equal(mr_value_kind(value_as(text, NULL)), MR_KIND_FLOAT64);
    text[1001] = '1';
    text[1002] = '\0';
    assert_refused_as(text, NULL);
}

/* Nesting ---------------------------------------------------------------------------------------------------- */

static char *nested_text(int depth, const char *open, const char *middle, const char *close)
{
    size_t size = (strlen(open) + strlen(close)) * (size_t)depth + strlen(middle) + 1;
    char *text = malloc(size), *at = text;
    assert_non_null(text);
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, open);
    at = stpcpy(at, middle);
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, close);
    return text;
}

/* Reads, writes and skips at the greatest depth, with the little stack that a task thread has. */
static void *nested_read(void *argument)
{
    char *text = argument;
    struct mr_arena *own = mr_arena_create(64 << 20);
    struct mr_bytes written = {.data = NULL};
    struct mr_error *error = NULL;
    const struct mr_value *value = mr_json_read(own, bytes_of(text), 0, &error);
    bool worked = value != NULL && mr_json_write(own, NULL, value, 0, &written, &error) == 0 &&
                  written.size == strlen(text) && memcmp(written.data, text, written.size) == 0;
    const struct mr_schema *none = mr_json_schema_read(bytes_of("{\"type\":\"struct\",\"fields\":[]}"), &error);
    mr_json_read_as(own, bytes_of(text), none, 0, &error); /* skips */
    mr_schema_drop(none);
    mr_error_drop(error);
    mr_arena_destroy(own);
    return worked ? argument : NULL;
}

static void assert_nests(const char *open, const char *middle, const char *close, int depth)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *result;
    char *text = nested_text(depth, open, middle, close);
    pthread_attr_init(&attributes);
#ifndef __SANITIZE_ADDRESS__
#if defined(__SANITIZE_THREAD__)
    pthread_attr_setstacksize(&attributes, 4096 * 1024); /* its frames are several times as large */
#else
    pthread_attr_setstacksize(&attributes, 512 * 1024);
#endif
#endif
    assert_int_equal(pthread_create(&thread, &attributes, nested_read, text), 0);
    pthread_join(thread, &result);
    pthread_attr_destroy(&attributes);
    assert_ptr_equal(result, text);
    free(text);
}

static void a_thousand_levels_fit_a_small_stack(void **state)
{
    (void)state;
    assert_nests("[", "1", "]", MR_JSON_DEPTH_MAX);
    assert_nests("{\"a\":", "null", "}", MR_JSON_DEPTH_MAX);
    assert_nests("[{\"a\":", "[]", "}]", (MR_JSON_DEPTH_MAX - 1) / 2);
}

static void one_level_more_is_refused(void **state)
{
    (void)state;
    char *text = nested_text(MR_JSON_DEPTH_MAX + 1, "[", "1", "]");
    assert_refused_as(text, NULL);
    free(text);
    text = nested_text(100000, "[", "", "");
    assert_refused_as(text, NULL);
    free(text);
}

/* Memory ------------------------------------------------------------------------------------------------------ */

static bool read_with_little_memory(void *argument)
{
    char text[2000] = "[";
    (void)argument;
    for (int i = 0; i < 200; i++)
        strcat(text, "1,\"\\n\",");
    strcat(text, "{\"a\":[]}]");
    struct mr_error *error = NULL;
    struct mr_arena *own = mr_arena_create(1 << 20);
    const struct mr_value *value = own == NULL ? NULL : mr_json_read(own, bytes_of(text), 0, &error);
    if (value == NULL && own != NULL)
        assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    mr_arena_destroy(own);
    return value != NULL;
}

static void short_memory_fails_the_reading_and_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(read_with_little_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_the_kinds_of_json),
        cmocka_unit_test(integers_beyond_64_bits_keep_the_low_ones),
        cmocka_unit_test(a_decimal_zero_has_no_sign),
        cmocka_unit_test(strings_without_escapes_stay_where_they_are),
        cmocka_unit_test(a_quote_is_found_wherever_it_stands),
        cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement),
        cmocka_unit_test(of_equal_names_the_last_wins_in_the_first_place),
        cmocka_unit_test(large_containers_keep_all_they_hold),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(text_behind_the_value_counts_only_when_asked_for),
        cmocka_unit_test(other_encodings_of_unicode_are_recognized),
        cmocka_unit_test(numbers_have_at_most_a_thousand_digits),
        cmocka_unit_test(a_thousand_levels_fit_a_small_stack),
        cmocka_unit_test(one_level_more_is_refused),
        cmocka_unit_test(short_memory_fails_the_reading_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
