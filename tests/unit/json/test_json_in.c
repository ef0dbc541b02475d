#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/str_buffer.h"
#include "json/json_in.h"

/* Passes over the whole text; "" or why it is broken. */
static const char *why_broken(const char *text, size_t length)
{
    static struct json_in in;
    json_in_init(&in, text, length);
    json_in_skip(&in);
    json_in_end(&in);
    return json_in_why(&in);
}

static void json_is_accepted(void **state)
{
    (void)state;
    static const char *const GOOD[] = {
        "{}",
        "[]",
        " { } ",
        "\"x\"",
        "0",
        "-0.5e+10",
        "1E3",
        "true",
        "false",
        "null",
        "[1,2,[3,{}]]",
        "{\"a\":1,\"a\":2,\"\":[]}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
        "\xEF\xBB\xBF{}",
        "\r\n\t [\t1 ,\n2 ] \n",
        "\"\x7F\xC3\xA9\"",
    };
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
        assert_string_equal(why_broken(GOOD[i], strlen(GOOD[i])), "");
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        " ",
        "{bad",
        "{",
        "[",
        "[1",
        "[1,]",
        "{\"a\":1,}",
        "{,}",
        "[,]",
        "{\"a\"}",
        "{\"a\":}",
        "{'a':1}",
        "'x'",
        "{a:1}",
        "{} {}",
        "{}x",
        "1 2",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "trueish",
        "nul",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\ud800\"",
        "\"\\ud800\\n\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\xFF",
        "\"\xC3\"",
        "/**/1",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "]",
        "}",
        "[}",
        "{]",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        if (*why_broken(BAD[i], strlen(BAD[i])) == '\0')
            fail_msg("%s is accepted", BAD[i]);
    assert_true(*why_broken("1\0", 2) != '\0');
    assert_true(*why_broken("{}\0{", 4) != '\0');
}

static void a_mistake_is_located(void **state)
{
    (void)state;
    static const char TEXT[] = "{\n  \"\xC3\xA9\": 1,\n  \"b\": }";
    assert_string_equal(why_broken(TEXT, strlen(TEXT)), "Expected a value at line 3, column 8");
    assert_string_equal(why_broken("{\"a\":\"x", 7), "Text that does not end at line 1, column 8");
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    static char text[2 * JSON_IN_DEPTH_MAX + 2];
    memset(text, '[', JSON_IN_DEPTH_MAX);
    memset(text + JSON_IN_DEPTH_MAX, ']', JSON_IN_DEPTH_MAX);
    assert_string_equal(why_broken(text, 2 * JSON_IN_DEPTH_MAX), "");
    memset(text, '[', JSON_IN_DEPTH_MAX + 1);
    memset(text + JSON_IN_DEPTH_MAX + 1, ']', JSON_IN_DEPTH_MAX + 1);
    assert_non_null(strstr(why_broken(text, sizeof(text)), "deeply"));
}

static void members_and_items_come_in_order(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"a\":[1,\"x\",null],\"\\u0062\":{},\"c\":1.50}";
    struct json_in in;
    struct str_buffer text;
    str_buffer_init(&text, 100);
    json_in_init(&in, TEXT, strlen(TEXT));
    assert_int_equal(json_in_kind(&in), JSON_IN_OBJECT);
    assert_true(json_in_enter(&in, JSON_IN_OBJECT));
    assert_true(json_in_next_member(&in, &text));
    assert_string_equal(str_buffer_text(&text), "a");
    assert_true(json_in_enter(&in, JSON_IN_ARRAY));
    static const char *const ITEMS[] = {"1", "x", "null"};
    for (int i = 0; i < 3; i++) {
        assert_true(json_in_next_item(&in));
        assert_true(json_in_scalar(&in, &text));
        assert_string_equal(str_buffer_text(&text), ITEMS[i]);
    }
    assert_false(json_in_next_item(&in));
    assert_true(json_in_next_member(&in, &text));
    assert_string_equal(str_buffer_text(&text), "b");
    assert_true(json_in_skip(&in));
    assert_true(json_in_next_member(&in, &text));
    assert_true(json_in_scalar(&in, &text));
    assert_string_equal(str_buffer_text(&text), "1.50");
    assert_false(json_in_next_member(&in, &text));
    assert_true(json_in_end(&in));
    str_buffer_release(&text);
}

static void a_text_beyond_its_buffer_is_a_mistake(void **state)
{
    (void)state;
    struct json_in in;
    struct str_buffer text;
    str_buffer_init(&text, 3);
    json_in_init(&in, "\"abcd\"", 6);
    assert_false(json_in_scalar(&in, &text));
    assert_true(json_in_broken(&in));
    str_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(a_mistake_is_located),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(members_and_items_come_in_order),
        cmocka_unit_test(a_text_beyond_its_buffer_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
