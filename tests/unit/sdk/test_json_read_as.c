#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "json_test.h"

static int64_t integer_as(const char *text, const char *type)
{
    return mr_value_integer(value_as(text, schema_of(type)));
}

static void numbers_are_coerced_and_keep_low_bits(void **state)
{
    (void)state;
    assert_int_equal(integer_as("300", "{\"type\":\"int8\"}"), 44);
    assert_int_equal(integer_as("-129", "{\"type\":\"int8\"}"), 127);
    assert_int_equal(integer_as("1.9", "{\"type\":\"int16\"}"), 1);
    assert_int_equal(integer_as("1e10", "{\"type\":\"int32\"}"), 1410065408);
    assert_int_equal(integer_as("-1.5e1", "{\"type\":\"int64\"}"), -15);
    assert_int_equal(integer_as("\"5\"", "{\"type\":\"int64\"}"), 0);
    assert_int_equal(integer_as("{\"a\":[1]}", "{\"type\":\"int8\"}"), 0);
    assert_true(mr_value_float32(value_as("16777217", schema_of("{\"type\":\"float\"}"))) == 16777216.0f);
    assert_true(mr_value_float64(value_as("true", schema_of("{\"type\":\"double\"}"))) == 0);
    assert_false(mr_value_boolean(value_as("1", schema_of("{\"type\":\"boolean\"}"))));
}

static void text_and_bytes_of_another_type_become_null(void **state)
{
    (void)state;
    assert_true(mr_value_is_null(value_as("5", schema_of("{\"type\":\"string\"}"))));
    assert_true(mr_value_is_null(value_as("[1]", schema_of("{\"type\":\"bytes\"}"))));
}

static void such_a_null_fails_where_it_lands_in_a_required_field(void **state)
{
    (void)state;
    const struct mr_schema *schema =
        schema_of("{\"type\":\"struct\",\"fields\":["
                  "{\"field\":\"a\",\"type\":\"string\"},"
                  "{\"field\":\"l\",\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}");
    assert_refused_as("{\"a\":5,\"l\":[]}", schema);
    assert_refused_as("{\"a\":\"x\",\"l\":[\"y\",5]}", schema);
    assert_non_null(value_as("{\"a\":\"x\",\"l\":[\"y\"]}", schema));
    const struct mr_value *list = value_as("[5]", schema_of("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"));
    assert_true(mr_value_is_null(mr_array_at(list, 0)));
}

static void such_a_null_does_not_take_the_default(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of(
        "{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"string\",\"optional\":true,\"default\":\"d\"}]}");
    assert_true(mr_value_is_null(mr_struct_at(value_as("{\"a\":5}", schema), 0)));
    assert_text(mr_struct_at(value_as("{\"a\":null}", schema), 0), "d");
    assert_text(mr_struct_at(value_as("{}", schema), 0), "d");
    const struct mr_value *kept = mr_json_read_as(arena, bytes_of("{}"), schema, MR_JSON_KEEP_NULLS, NULL);
    assert_true(mr_value_is_null(mr_struct_at(kept, 0)));
}

static void members_come_in_any_order_and_unknown_ones_are_passed(void **state)
{
    (void)state;
    const struct mr_schema *schema =
        schema_of("{\"type\":\"struct\",\"fields\":["
                  "{\"field\":\"a\",\"type\":\"int32\"},{\"field\":\"b\",\"type\":\"int32\"},"
                  "{\"field\":\"c\",\"type\":\"int32\"}]}");
    const struct mr_value *value = value_as("{\"c\":3,\"x\":{\"y\":[\"]\",{}]},\"b\":2 , \"\\u0061\":1}", schema);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mr_value_integer(mr_struct_at(value, i)), (int64_t)i + 1);
    assert_refused_as("{\"a\":1,\"b\":2}", schema);
    assert_refused_as("{\"a\":1,\"b\":2,\"c\":3,\"x\":[}", schema);
}

static void names_that_need_escapes_are_still_matched_exactly(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of("{\"type\":\"struct\",\"fields\":["
                                               "{\"field\":\"a\\\"b\",\"type\":\"int32\",\"optional\":true},"
                                               "{\"field\":\"c\\\\n\",\"type\":\"int32\",\"optional\":true}]}");
    const struct mr_value *value = value_as("{\"a\\\"b\":1,\"c\\\\n\":2}", schema);
    assert_int_equal(mr_value_integer(mr_struct_at(value, 1)), 2);
    assert_written(schema, value, "{\"a\\\"b\":1,\"c\\\\n\":2}");
    value = value_as("{\"c\\n\":2}", schema);
    assert_true(mr_value_is_null(mr_struct_at(value, 1)));
    assert_refused_as("{\"a\"b\":1}", schema);
}

static void a_bad_value_counts_only_if_it_is_the_last_of_its_name(void **state)
{
    (void)state;
    const struct mr_schema *schema =
        schema_of("{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"bytes\"}]}");
    assert_non_null(value_as("{\"a\":\"!!\",\"a\":\"YQ==\"}", schema));
    assert_refused_as("{\"a\":\"YQ==\",\"a\":\"!!\"}", schema);
    const struct mr_schema *map =
        schema_of("{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"bytes\"}}");
    assert_int_equal(mr_map_count(value_as("{\"a\":\"!!\",\"a\":\"YQ==\"}", map)), 1);
    assert_refused_as("{\"b\":\"!!\",\"a\":\"YQ==\"}", map);
    const struct mr_schema *nested =
        schema_of("{\"type\":\"struct\",\"fields\":[{\"field\":\"s\",\"type\":\"struct\",\"fields\":["
                  "{\"field\":\"l\",\"type\":\"array\",\"items\":{\"type\":\"bytes\"}}]}]}");
    assert_refused_as("{\"s\":{\"l\":[\"YQ==\",\"!\"]}}", nested);
    assert_non_null(value_as("{\"s\":{\"l\":[\"!\"]},\"s\":{\"l\":[]}}", nested));
}

static void base64_is_read_in_groups_with_padding(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of("{\"type\":\"bytes\"}");
    struct mr_bytes bytes = mr_value_bytes(value_as("\" YWJj\\n YQ==\"", schema));
    assert_int_equal(bytes.size, 4);
    assert_memory_equal(bytes.data, "abca", 4);
    assert_int_equal(mr_value_bytes(value_as("\"\"", schema)).size, 0);
    static const char *const TEXTS[] = {"\"YQ\"", "\"YQ=\"", "\"YW Jj\"", "\"====\"", "\"-_8=\"", "\"YQ=a\"", "\"Y\""};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_refused_as(TEXTS[i], schema);
}

static void maps_of_text_are_objects_and_others_lists_of_pairs(void **state)
{
    (void)state;
    const struct mr_schema *texts =
        schema_of("{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"int32\"}}");
    const struct mr_schema *numbers =
        schema_of("{\"type\":\"map\",\"keys\":{\"type\":\"int32\"},\"values\":{\"type\":\"int32\"}}");
    assert_int_equal(mr_value_integer(mr_map_get(value_as("{\"a\":1}", texts), "a")), 1);
    assert_refused_as("[[\"a\",1]]", texts);
    const struct mr_value *map = value_as("[[1,10],[2,20],[1,30]]", numbers);
    assert_int_equal(mr_map_count(map), 2);
    assert_int_equal(mr_value_integer(mr_map_value_at(map, 0)), 30);
    assert_int_equal(mr_map_count(value_as("[]", numbers)), 0);
    static const char *const TEXTS[] = {"{\"1\":2}", "[1]", "[[1]]", "[[1,2,3]]", "[[null,1]]", "[[]]", "[[1,2],]"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_refused_as(TEXTS[i], numbers);
}

static void lists_take_the_values_of_an_object_and_nothing_of_others(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of("{\"type\":\"array\",\"items\":{\"type\":\"int32\"}}");
    const struct mr_value *list = value_as("{\"a\":1,\"b\":2,\"a\":3}", schema);
    assert_int_equal(mr_array_count(list), 2);
    assert_int_equal(mr_value_integer(mr_array_at(list, 0)), 3);
    assert_int_equal(mr_array_count(value_as("\"x\"", schema)), 0);
}

static void logical_types_follow_the_name(void **state)
{
    (void)state;
    const char *decimal =
        "{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}}";
    const struct mr_value *value = value_as("1.560", schema_of(decimal));
    assert_int_equal(mr_value_decimal_scale(value), 3);
    assert_int_equal(mr_value_decimal_scale(value_as("\"AJw=\"", schema_of(decimal))), 2);
    assert_refused_as("true", schema_of(decimal));
    assert_refused_as("\"\"", schema_of(decimal));
    const char *date = "{\"type\":\"int32\",\"name\":\"org.apache.kafka.connect.data.Date\"}";
    assert_int_equal(integer_as("-1", date), -86400000);
    assert_refused_as("2147483648", schema_of(date));
    assert_refused_as("1.0", schema_of(date));
    const char *time = "{\"type\":\"int32\",\"name\":\"org.apache.kafka.connect.data.Time\"}";
    assert_int_equal(integer_as("86400000", time), 86400000);
    assert_refused_as("86400001", schema_of(time));
    const char *timestamp = "{\"type\":\"int64\",\"name\":\"org.apache.kafka.connect.data.Timestamp\"}";
    assert_int_equal(integer_as("18446744073709551617", timestamp), 1);
    assert_refused_as("\"5\"", schema_of(timestamp));
}

static void blank_text_is_of_no_type(void **state)
{
    (void)state;
    assert_int_equal(integer_as("", "{\"type\":\"int32\"}"), 0);
    assert_true(mr_value_is_null(value_as(" ", schema_of("{\"type\":\"string\"}"))));
    assert_refused_as("", schema_of("{\"type\":\"struct\",\"fields\":[]}"));
    assert_int_equal(mr_array_count(value_as("", schema_of("{\"type\":\"array\",\"items\":{\"type\":\"int8\"}}"))), 0);
}

static void wide_structs_are_read_in_any_order(void **state)
{
    (void)state;
    static char schema_text[20000], text[20000];
    int at = snprintf(schema_text, sizeof(schema_text), "{\"type\":\"struct\",\"fields\":[");
    int size = 0;
    for (int i = 0; i < 200; i++) {
        at += snprintf(schema_text + at, sizeof(schema_text) - (size_t)at, "%s{\"field\":\"f%d\",\"type\":\"int32\"}",
                       i ? "," : "", i);
        size += snprintf(text + size, sizeof(text) - (size_t)size, "%c\"f%d\":%d", i ? ',' : '{', 199 - i, 199 - i);
    }
    strcat(schema_text, "]}");
    strcat(text, "}");
    const struct mr_value *value = value_as(text, schema_of(schema_text));
    for (size_t i = 0; i < 200; i++)
        assert_int_equal(mr_value_integer(mr_struct_at(value, i)), (int64_t)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_coerced_and_keep_low_bits),
        cmocka_unit_test(text_and_bytes_of_another_type_become_null),
        cmocka_unit_test(such_a_null_fails_where_it_lands_in_a_required_field),
        cmocka_unit_test(such_a_null_does_not_take_the_default),
        cmocka_unit_test(members_come_in_any_order_and_unknown_ones_are_passed),
        cmocka_unit_test(names_that_need_escapes_are_still_matched_exactly),
        cmocka_unit_test(a_bad_value_counts_only_if_it_is_the_last_of_its_name),
        cmocka_unit_test(base64_is_read_in_groups_with_padding),
        cmocka_unit_test(maps_of_text_are_objects_and_others_lists_of_pairs),
        cmocka_unit_test(lists_take_the_values_of_an_object_and_nothing_of_others),
        cmocka_unit_test(logical_types_follow_the_name),
        cmocka_unit_test(blank_text_is_of_no_type),
        cmocka_unit_test(wide_structs_are_read_in_any_order),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
