#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "herder/herder.h"
#include "http/response.h"
#include "json/json_error.h"
#include "json/json_out.h"
#include "json/status_entity.h"
#include "store/status_store.h"

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

static void text_is_spelt_as_the_jvm_worker_does(void **state)
{
    (void)state;
    json_out_text(&out, "a/b \"q\" \\ \n\t\b\f\r \x01\x1f \x7f \xC3\xA9 \xF0\x9F\x98\x80");
    assert_string_equal(str_buffer_text(&text),
                        "\"a/b \\\"q\\\" \\\\ \\n\\t\\b\\f\\r \\u0001\\u001F \x7f \xC3\xA9 \\uD83D\\uDE00\"");
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    json_out_text(&out, "a\xFFz\xC3");
    assert_string_equal(str_buffer_text(&text), "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"");
}

static void commas_come_by_themselves(void **state)
{
    (void)state;
    json_out_open(&out, '[');
    json_out_open(&out, '{');
    json_out_close(&out, '}');
    json_out_open(&out, '{');
    json_out_pair(&out, "a", NULL);
    json_out_name(&out, "b");
    json_out_open(&out, '[');
    json_out_int(&out, 1);
    json_out_int(&out, -2);
    json_out_close(&out, ']');
    json_out_pair(&out, "c", "d");
    json_out_close(&out, '}');
    json_out_text(&out, "");
    json_out_close(&out, ']');
    assert_string_equal(str_buffer_text(&text), "[{},{\"a\":null,\"b\":[1,-2],\"c\":\"d\"},\"\"]");
}

static void a_map_keeps_its_order(void **state)
{
    (void)state;
    struct string_map *map = string_map_create();
    string_map_put(map, "z", "1");
    string_map_put(map, "a", "${file:/x:y}");
    string_map_put_null(map, "m");
    json_out_map(&out, map);
    string_map_destroy(map);
    assert_string_equal(str_buffer_text(&text), "{\"z\":\"1\",\"a\":\"${file:/x:y}\",\"m\":null}");
}

static void an_error_has_code_and_message(void **state)
{
    (void)state;
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    json_error_set(&response, 404, "Connector \"x\" not found");
    assert_int_equal(response.status, 404);
    assert_int_equal(response.content, HTTP_CONTENT_JSON);
    assert_string_equal(str_buffer_text(&response.body),
                        "{\"error_code\":404,\"message\":\"Connector \\\"x\\\" not found\"}");
    http_response_release(&response);
}

static void expect_error(const struct http_response *response, const char *body)
{
    assert_string_equal(str_buffer_text(&response->body), body);
}

/* What a plugin says is not told; what a client says is no news to it, unless it were changed. */
static void secrets_are_hidden_in_what_plugins_say_alone(void **state)
{
    (void)state;
    struct http_response response;
    secrets_note("swordfish-7");
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    json_error_set(&response, 404, "Unknown plugin swordfish-6 swordfish-7.");
    expect_error(&response, "{\"error_code\":404,\"message\":\"Unknown plugin swordfish-6 swordfish-7.\"}");
    http_response_release(&response);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    json_error_set_told(&response, 500, "no login with swordfish-7");
    expect_error(&response, "{\"error_code\":500,\"message\":\"no login with [hidden]\"}");
    http_response_release(&response);
    secrets_forget();
}

static const struct task_status TASKS[] = {
    {0, {UNIT_RUNNING, "h:1", 3, NULL, "1.0"}},
    {1, {UNIT_FAILED, "h:1", 3, "boom\n", "1.0"}},
};
static const struct unit_status CONNECTOR = {UNIT_RUNNING, "h:1", 3, NULL, NULL};

static void a_status_shows_all_its_parts(void **state)
{
    (void)state;
    struct status_view view = {&CONNECTOR, TASKS, 2};
    status_entity_write(&out, "n", "source", &view, &(struct status_beyond){.plan = NULL});
    assert_string_equal(
        str_buffer_text(&text),
        "{\"name\":\"n\",\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":null},"
        "\"tasks\":[{\"id\":0,\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":\"1.0\"},"
        "{\"id\":1,\"state\":\"FAILED\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\\n\"}],"
        "\"type\":\"source\"}");
}

static void what_restarts_is_shown_so_and_keeps_its_trace(void **state)
{
    (void)state;
    struct status_view view = {&CONNECTOR, TASKS, 2};
    static const uint32_t RESTARTS[] = {1};
    struct herder_restart_plan plan = {false, RESTARTS, 1, NULL};
    status_entity_write(&out, "n", "source", &view, &(struct status_beyond){.plan = &plan});
    assert_string_equal(
        str_buffer_text(&text),
        "{\"name\":\"n\",\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":null},"
        "\"tasks\":[{\"id\":0,\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":\"1.0\"},"
        "{\"id\":1,\"state\":\"RESTARTING\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\\n\"}],"
        "\"type\":\"source\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_is_spelt_as_the_jvm_worker_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commas_come_by_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_keeps_its_order, set_up, tear_down),
        cmocka_unit_test(an_error_has_code_and_message),
        cmocka_unit_test(secrets_are_hidden_in_what_plugins_say_alone),
        cmocka_unit_test_setup_teardown(a_status_shows_all_its_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_restarts_is_shown_so_and_keeps_its_trace, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
