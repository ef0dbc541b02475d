#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "json_test.h"
#include "support/alloc_torture.h"

static void assert_not_written(const struct mr_schema *schema, const struct mr_value *value)
{
    struct mr_error *error = NULL;
    struct mr_bytes text;
    assert_int_equal(mr_json_write(arena, schema, value, 0, &text, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_drop(error);
}

static void scalars_are_written_as_java_writes_them(void **state)
{
    (void)state;
    assert_written(NULL, mr_int64(arena, INT64_MIN), "-9223372036854775808");
    assert_written(NULL, mr_float32(arena, 0.1f), "0.1");
    assert_written(NULL, mr_float64(arena, 1e7), "1.0E7");
    assert_written(NULL, mr_float64(arena, (double)NAN), "\"NaN\"");
    assert_written(NULL, mr_float32(arena, -INFINITY), "\"-Infinity\"");
    assert_written(NULL, mr_boolean(false), "false");
    assert_written(NULL, mr_null(), "null");
    assert_written(NULL, mr_bytes_copy(arena, "\0\xFF", 2), "\"AP8=\"");
}

static void strings_are_escaped_as_jackson_does(void **state)
{
    (void)state;
    assert_written(NULL, mr_string(arena, "q\" b\\ s/ \b\t\n\f\r \x1B \x7F"),
                   "\"q\\\" b\\\\ s/ \\b\\t\\n\\f\\r \\u001B \x7F\"");
    assert_written(NULL, mr_string_copy(arena, "a\0b", 3), "\"a\\u0000b\"");
    assert_written(NULL, mr_string(arena, "\xC3\xA9\xE2\x80\xA8"), "\"\xC3\xA9\xE2\x80\xA8\"");
    assert_written(NULL, mr_string(arena, "\xF0\x9F\x98\x80"), "\"\\uD83D\\uDE00\"");
}

static void long_text_finds_room(void **state)
{
    (void)state;
    static char text[100001], expected[200003];
    memset(text, '\n', sizeof(text) - 1);
    expected[0] = '"';
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        memcpy(expected + 1 + 2 * i, "\\n", 2);
    expected[200001] = '"';
    assert_written(NULL, mr_string(arena, text), expected);
}

static void maps_without_schema_are_objects_if_all_keys_are_text(void **state)
{
    (void)state;
    struct mr_value *map = mr_map_create(arena, 2);
    assert_written(NULL, map, "{}");
    assert_int_equal(mr_map_put_text(arena, map, "k", mr_int32(arena, 2)), 0);
    assert_written(NULL, map, "{\"k\":2}");
    assert_int_equal(mr_map_put(arena, map, mr_int32(arena, 1), mr_null()), 0);
    assert_written(NULL, map, "[[\"k\",2],[1,null]]");
}

static void a_null_key_of_text_is_called_null(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of(
        "{\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":true},\"values\":{\"type\":\"int32\"}}");
    const struct mr_schema *standard = schema_of(
        "{\"type\":\"map\",\"keys\":{\"type\":\"string\",\"default\":\"d\\\"\"},\"values\":{\"type\":\"int32\"}}");
    struct mr_value *map = mr_map_create(arena, 1);
    assert_int_equal(mr_map_put(arena, map, mr_null(), mr_int32(arena, 1)), 0);
    assert_written(schema, map, "{\"null\":1}");
    assert_written(standard, map, "{\"d\\\"\":1}");
}

static void kinds_must_be_the_schemas(void **state)
{
    (void)state;
    assert_not_written(mr_schema_primitive(MR_TYPE_INT32, true), mr_int64(arena, 1));
    assert_not_written(mr_schema_primitive(MR_TYPE_STRING, true), mr_boolean(true));
    assert_not_written(mr_schema_primitive(MR_TYPE_INT32, false), mr_null());
    assert_not_written(mr_schema_logical(MR_LOGICAL_TIMESTAMP, false), mr_int64(arena, 1));
    assert_not_written(NULL, mr_instant(arena, 1));
    assert_not_written(NULL, mr_decimal(arena, "\1", 1, 0));
    const struct mr_schema *one = schema_of("{\"type\":\"struct\",\"name\":\"one\",\"fields\":[]}");
    const struct mr_schema *other = schema_of("{\"type\":\"struct\",\"name\":\"other\",\"fields\":[]}");
    assert_written(one, mr_struct_create(arena, one), "{}");
    assert_not_written(one, mr_struct_create(arena, other));
    assert_not_written(NULL, mr_struct_create(arena, one));
}

static void instants_must_fit_their_type(void **state)
{
    (void)state;
    const struct mr_schema *date = mr_schema_logical(MR_LOGICAL_DATE, false),
                           *time = mr_schema_logical(MR_LOGICAL_TIME, false);
    assert_written(date, mr_instant(arena, -86400000), "-1");
    assert_not_written(date, mr_instant(arena, 1));
    assert_written(time, mr_instant(arena, 86400000), "86400000");
    assert_not_written(time, mr_instant(arena, -1));
    assert_written(mr_schema_logical(MR_LOGICAL_TIMESTAMP, false), mr_instant(arena, -1), "-1");
}

static void decimals_are_base64_or_numbers(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of(
        "{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}}");
    struct mr_bytes text;
    assert_written(schema, mr_decimal(arena, "\x04\xD2", 2, 2), "\"BNI=\"");
    assert_not_written(schema, mr_decimal(arena, "\x04\xD2", 2, 1));
    assert_int_equal(
        mr_json_write(arena, schema, mr_decimal(arena, "\x04\xD2", 2, 1), MR_JSON_DECIMAL_NUMERIC, &text, NULL), 0);
    assert_int_equal(text.size, 5);
    assert_memory_equal(text.data, "123.4", 5);
}

static void values_nested_too_deep_are_refused(void **state)
{
    (void)state;
    const struct mr_value *inner = mr_null();
    for (int i = 0; i <= MR_JSON_DEPTH_MAX; i++) {
        struct mr_value *outer = mr_array_create(arena, 1);
        assert_int_equal(mr_array_append(arena, outer, inner), 0);
        inner = outer;
    }
    assert_not_written(NULL, inner);
    struct mr_bytes text;
    assert_int_equal(mr_json_write(arena, NULL, mr_array_at(inner, 0), 0, &text, NULL), 0);
}

/* The piece that a text lies in is cut to its size: what comes next in the arena begins behind it. */
static void what_was_not_used_goes_back_to_the_arena(void **state)
{
    (void)state;
    struct mr_bytes text;
    size_t before = mr_arena_used_bytes(arena);
    for (int i = 0; i < 100; i++)
        assert_int_equal(mr_json_write(arena, NULL, mr_boolean(true), 0, &text, NULL), 0);
    assert_true(mr_arena_used_bytes(arena) - before <= 100 * 16 + 512);
}

static bool write_with_little_memory(void *argument)
{
    (void)argument;
    struct mr_arena *own = mr_arena_create(1 << 20);
    struct mr_error *error = NULL;
    struct mr_bytes text;
    static char long_text[20000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    const struct mr_value *value = own == NULL ? NULL : mr_string_ref(own, long_text, sizeof(long_text) - 1);
    bool worked = value != NULL && mr_json_write(own, NULL, value, 0, &text, &error) == 0;
    if (!worked && value != NULL)
        assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    mr_arena_destroy(own);
    return worked;
}

static void short_memory_fails_the_writing_and_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(write_with_little_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_written_as_java_writes_them),
        cmocka_unit_test(strings_are_escaped_as_jackson_does),
        cmocka_unit_test(long_text_finds_room),
        cmocka_unit_test(maps_without_schema_are_objects_if_all_keys_are_text),
        cmocka_unit_test(a_null_key_of_text_is_called_null),
        cmocka_unit_test(kinds_must_be_the_schemas),
        cmocka_unit_test(instants_must_fit_their_type),
        cmocka_unit_test(decimals_are_base64_or_numbers),
        cmocka_unit_test(values_nested_too_deep_are_refused),
        cmocka_unit_test(what_was_not_used_goes_back_to_the_arena),
        cmocka_unit_test(short_memory_fails_the_writing_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
