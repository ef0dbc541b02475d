#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdlib.h>

#include "json_test.h"

static void assert_no_schema(const char *text)
{
    struct mr_error *error = NULL;
    if (mr_json_schema_read(bytes_of(text), &error) != NULL)
        fail_msg("%s was taken", text);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_drop(error);
}

static void types_have_the_names_of_json_converter(void **state)
{
    (void)state;
    assert_ptr_equal(schema_of("{\"type\":\"float\"}"), mr_schema_primitive(MR_TYPE_FLOAT32, false));
    assert_ptr_equal(schema_of("{\"type\":\"double\",\"optional\":true}"), mr_schema_primitive(MR_TYPE_FLOAT64, true));
    assert_ptr_equal(schema_of("{\"type\":\"boolean\"} behind it"), mr_schema_primitive(MR_TYPE_BOOLEAN, false));
    assert_no_schema("{\"type\":\"float64\"}");
    assert_no_schema("{\"type\":5}");
    assert_no_schema("{}");
    assert_no_schema("[]");
    assert_no_schema("null");
    assert_no_schema("");
    assert_no_schema("{\"type\":\"int8\"");
}

static void members_of_another_type_count_as_absent(void **state)
{
    (void)state;
    const struct mr_schema *schema = schema_of(
        "{\"type\":\"int32\",\"name\":5,\"version\":\"3\",\"doc\":7,\"optional\":\"true\",\"parameters\":[]}");
    assert_ptr_equal(schema, mr_schema_primitive(MR_TYPE_INT32, false));
    int32_t version;
    assert_true(mr_schema_version(schema_of("{\"type\":\"int32\",\"version\":99999999999}"), &version));
    assert_int_equal(version, 1215752191);
    assert_false(mr_schema_version(schema_of("{\"type\":\"int32\",\"version\":1.5}"), &version));
}

static void parameters_keep_their_order_and_are_text(void **state)
{
    (void)state;
    const struct mr_schema *schema =
        schema_of("{\"type\":\"int32\",\"parameters\":{\"k\":\"v\",\"default\":\"x\\n\"}}");
    assert_string_equal(mr_schema_parameter_key(schema, 0), "k");
    assert_string_equal(mr_schema_parameter_value(schema, 1), "x\n");
    assert_false(mr_schema_has_parameters(schema_of("{\"type\":\"int32\",\"parameters\":{}}")));
    assert_no_schema("{\"type\":\"int32\",\"parameters\":{\"k\":1}}");
    assert_no_schema("{\"type\":\"int32\",\"parameters\":{\"default\":1}}");
}

static void containers_need_what_they_hold(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{\"type\":\"array\"}",
        "{\"type\":\"array\",\"items\":null}",
        "{\"type\":\"map\",\"keys\":{\"type\":\"string\"}}",
        "{\"type\":\"map\",\"keys\":null,\"values\":{\"type\":\"string\"}}",
        "{\"type\":\"struct\"}",
        "{\"type\":\"struct\",\"fields\":{}}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\"}]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":\"\"}]}",
        "{\"type\":\"struct\",\"fields\":[5]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":5}]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":\"a\"},{\"type\":\"int8\",\"field\":\"a\"}]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":\"a\\u0000b\"}]}"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_no_schema(TEXTS[i]);
}

static void defaults_are_read_under_their_own_schema(void **state)
{
    (void)state;
    const struct mr_schema *schema =
        schema_of("{\"default\":1.10,\"name\":\"org.apache.kafka.connect.data.Decimal\",\"type\":\"bytes\"}");
    assert_int_equal(mr_value_kind(mr_schema_default(schema)), MR_KIND_DECIMAL);
    assert_int_equal(mr_value_decimal_scale(mr_schema_default(schema)), 2);
    schema = schema_of("{\"type\":\"array\",\"items\":{\"type\":\"int8\"},\"default\":[300]}");
    assert_int_equal(mr_value_integer(mr_array_at(mr_schema_default(schema), 0)), 44);
    assert_null(mr_schema_default(schema_of("{\"type\":\"int32\",\"optional\":true,\"default\":null}")));
    assert_no_schema("{\"type\":\"int32\",\"default\":null}");
    assert_no_schema("{\"type\":\"string\",\"default\":5}");
    assert_no_schema("{\"type\":\"bytes\",\"default\":\"!\"}");
    assert_no_schema("{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":\"a\"}],\"default\":{\"a\":1}}");
}

static void schemas_nest_only_so_deep(void **state)
{
    (void)state;
    static char text[60000];
    char *at = text;
    for (int i = 0; i < 900; i++)
        at = stpcpy(at, "{\"type\":\"array\",\"items\":");
    at = stpcpy(at, "{\"type\":\"int8\"}");
    memset(at, '}', 900);
    assert_no_schema(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_the_names_of_json_converter),
        cmocka_unit_test(members_of_another_type_count_as_absent),
        cmocka_unit_test(parameters_keep_their_order_and_are_text),
        cmocka_unit_test(containers_need_what_they_hold),
        cmocka_unit_test(defaults_are_read_under_their_own_schema),
        cmocka_unit_test(schemas_nest_only_so_deep),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
