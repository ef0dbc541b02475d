#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str_buffer.h"
#include "config/connector_report.h"
#include "json/config_entity.h"
#include "json/json_out.h"

static struct str_buffer text;
static struct json_out out;

static int set_up(void **state)
{
    (void)state;
    str_buffer_init(&text, 10000);
    json_out_init(&out, &text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    str_buffer_release(&text);
    return 0;
}

static const char *const dependents[] = {"b"}, *const values[] = {"x", "y"}, *const groups[] = {"G"};
static char words[] = "bad", more[] = "worse";
static void *errors[] = {words, more};
static struct connector_option defined = {
    .name = "a",
    .is_defined = true,
    .definition = {.type = MR_CONFIG_PASSWORD,
                   .is_required = true,
                   .importance = MR_MEDIUM,
                   .doc = "Says \"a\".",
                   .display_name = "A",
                   .group = "G",
                   .order_in_group = 3,
                   .width = MR_WIDTH_LONG,
                   .dependents = {dependents, 1}},
    .value = "[hidden]",
    .recommended = {values, 2},
    .errors = {.items = errors, .count = 2},
    .is_visible = true,
};
static struct connector_option unknown = {.name = "u"};
static struct connector_option *const options[] = {&unknown, &defined};

#define DEFINITION                                                                                                     \
    "{\"name\":\"a\",\"type\":\"PASSWORD\",\"required\":true,\"default_value\":null,\"importance\":\"MEDIUM\","          \
    "\"documentation\":\"Says \\\"a\\\".\",\"group\":\"G\",\"width\":\"LONG\",\"display_name\":\"A\","                   \
    "\"dependents\":[\"b\"],\"order_in_group\":3}"

static void a_validation_has_definitions_and_values(void **state)
{
    (void)state;
    const struct connector_report report = {
        .class_name = "C", .options = options, .option_count = 2, .groups = {groups, 1}, .error_count = 2};
    config_infos_write(&out, &report);
    assert_string_equal(str_buffer_text(&text),
                        "{\"name\":\"C\",\"error_count\":2,\"groups\":[\"G\"],\"configs\":["
                        "{\"definition\":null,\"value\":{\"name\":\"u\",\"value\":null,\"recommended_values\":[],"
                        "\"errors\":[],\"visible\":false}},"
                        "{\"definition\":" DEFINITION ",\"value\":{\"name\":\"a\",\"value\":\"[hidden]\","
                        "\"recommended_values\":[\"x\",\"y\"],\"errors\":[\"bad\",\"worse\"],\"visible\":true}}]}");
}

static void definitions_stand_alone(void **state)
{
    (void)state;
    const struct connector_report report = {.options = options + 1, .option_count = 1}, none = {.option_count = 0};
    json_out_open(&out, '[');
    config_definitions_write(&out, &report);
    config_definitions_write(&out, &none);
    json_out_close(&out, ']');
    assert_string_equal(str_buffer_text(&text), "[[" DEFINITION "],[]]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_validation_has_definitions_and_values),
        TEST(definitions_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
