#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "json/body_internal.h"
#include "json/connector_body.h"
#include "support/alloc_torture.h"

static struct body_problem problem;

static bool read_body(struct connector_body *body, const char *text)
{
    return connector_body_read(body, text, strlen(text), &problem);
}

static void scalars_keep_their_text(void **state)
{
    (void)state;
    struct connector_body body;
    assert_true(read_body(&body, "{\"name\":\"c\",\"config\":{\"a\":1,\"b\":true,\"c\":1.50,\"d\":1e3,"
                                 "\"e\":12345678901234567890,\"f\":\"\\u00e9\",\"g\":null,\"a.b\":-0.0}}"));
    assert_string_equal(string_map_get(body.config, "a"), "1");
    assert_string_equal(string_map_get(body.config, "b"), "true");
    assert_string_equal(string_map_get(body.config, "c"), "1.50");
    assert_string_equal(string_map_get(body.config, "d"), "1e3");
    assert_string_equal(string_map_get(body.config, "e"), "12345678901234567890");
    assert_string_equal(string_map_get(body.config, "f"), "\xC3\xA9");
    assert_true(string_map_has(body.config, "g"));
    assert_null(string_map_get(body.config, "g"));
    assert_string_equal(string_map_get(body.config, "a.b"), "-0.0");
    assert_string_equal(string_map_key(body.config, 8), "name"); /* added, so last */
    connector_body_release(&body);
}

static void the_name_is_trimmed_and_filled_in(void **state)
{
    (void)state;
    struct connector_body body;
    assert_true(read_body(&body, "{\"name\":\" \\n c x \\t\",\"config\":{\"name\":null,\"z\":\"1\"}}"));
    assert_string_equal(body.name, "c x");
    assert_string_equal(string_map_key(body.config, 0), "name");
    assert_string_equal(string_map_get(body.config, "name"), "c x");
    assert_int_equal(body.initial_state, HERDER_INITIAL_NONE);
    connector_body_release(&body);
}

static void a_missing_name_is_left_to_the_validation(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"{\"config\":{}}", "{\"name\":null,\"config\":{}}",
                                        "{\"name\":\"  \",\"config\":{}}"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct connector_body body;
        assert_true(read_body(&body, TEXTS[i]));
        assert_string_equal(body.name, "");
        assert_string_equal(string_map_get(body.config, "name"), "");
        connector_body_release(&body);
    }
}

static void the_initial_state_is_read_in_any_case(void **state)
{
    (void)state;
    struct connector_body body;
    assert_true(read_body(&body, "{\"initial_state\":\"stopped\",\"name\":\"a\",\"config\":{}}"));
    assert_int_equal(body.initial_state, HERDER_INITIAL_STOPPED);
    connector_body_release(&body);
    assert_true(read_body(&body, "{\"initial_state\":\"PAUSED\",\"initial_state\":null,\"name\":\"a\",\"config\":{}}"));
    assert_int_equal(body.initial_state, HERDER_INITIAL_NONE);
    connector_body_release(&body);
}

static void of_equal_names_the_last_counts(void **state)
{
    (void)state;
    struct connector_body body;
    assert_true(read_body(&body, "{\"name\":\"a\",\"config\":{\"x\":\"1\",\"y\":\"1\",\"x\":2},\"name\":\"b\"}"));
    assert_string_equal(body.name, "b");
    assert_string_equal(string_map_get(body.config, "x"), "2");
    assert_string_equal(string_map_key(body.config, 0), "x");
    connector_body_release(&body);
    assert_true(read_body(&body, "{\"name\":\"a\",\"config\":{\"x\":\"1\"},\"config\":{\"y\":\"1\"}}"));
    assert_false(string_map_has(body.config, "x"));
    connector_body_release(&body);
}

static void a_body_of_another_shape_is_400(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } CASES[] = {
        {"", "empty"},
        {"{nonsense", "not valid JSON"},
        {"null", "must be an object"},
        {"[]", "must be an object"},
        {"\"x\"", "must be an object"},
        {"{\"name\":\"a\"}", "\"config\" is missing"},
        {"{\"name\":\"a\",\"config\":null}", "\"config\" must be an object"},
        {"{\"name\":\"a\",\"config\":[]}", "\"config\" must be an object"},
        {"{\"name\":{},\"config\":{}}", "\"name\" must be a text"},
        {"{\"name\":\"a\",\"config\":{},\"other\":1}", "Unknown field \"other\""},
        {"{\"name\":\"a\",\"config\":{\"o\":{\"a\":1}}}", "Option \"o\" is an object"},
        {"{\"name\":\"a\",\"config\":{\"o\":[1]}}", "Option \"o\" is an array"},
        {"{\"name\":\"a\",\"config\":{},\"initial_state\":\"GONE\"}", "RUNNING, PAUSED or STOPPED"},
        {"{\"name\":\"a\",\"config\":{},\"initial_state\":[]}", "RUNNING, PAUSED or STOPPED"},
        {"{\"name\":\"a\",\"config\":{}} x", "not valid JSON"},
        {"{\"name\":\"a\",\"config\":{},}", "not valid JSON"},
        {"{\"name\":\"a\",\"config\":{\"x\":\"\\u0000\"}}", "not valid JSON"},
        {"{\"name\":\"a\",\"config\":{\"name\":\"b\"}}",
         "Connector name configuration (b) doesn't match connector name in the URL (a)"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct connector_body body;
        assert_false(read_body(&body, CASES[i].text));
        assert_int_equal(problem.status, 400);
        if (strstr(problem.message, CASES[i].words) == NULL)
            fail_msg("%s: %s", CASES[i].text, problem.message);
        assert_null(body.config);
        assert_null(body.name);
    }
}

static void a_configuration_alone_is_read(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"a\":1,\"name\":\" x\"}";
    struct string_map *config = config_body_read(" x", TEXT, strlen(TEXT), &problem);
    assert_non_null(config);
    assert_string_equal(string_map_get(config, "a"), "1");
    string_map_destroy(config);
    assert_null(config_body_read("x", TEXT, strlen(TEXT), &problem)); /* not trimmed here */
    assert_int_equal(problem.status, 400);
    static const char *const BAD[] = {"", "[]", "\"x\"", "null", "{\"a\":{}}", "{\"a\":1", "{}}"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_null(config_body_read("x", BAD[i], strlen(BAD[i]), &problem));
        assert_int_equal(problem.status, 400);
        assert_true(*problem.message != '\0');
    }
}

static void free_map(void *map)
{
    string_map_destroy(map);
}

/* `count` items of a list; `option`: each has one of its own, else none. */
static bool read_tasks(size_t count, bool option)
{
    struct ptr_array maps;
    struct str_buffer text;
    ptr_array_init(&maps, free_map);
    str_buffer_init(&text, 64u << 20);
    str_buffer_append_char(&text, '[');
    for (size_t i = 0; i < count; i++)
        str_buffer_printf(&text, option ? "%s{\"o%zu\":1}" : "%s{}", i == 0 ? "" : ",", i);
    str_buffer_append_char(&text, ']');
    assert_false(str_buffer_failed(&text));
    bool fine = task_configs_body_read(&maps, str_buffer_text(&text), text.length, &problem);
    assert_true(maps.count <= TASK_CONFIGS_BODY_MAX);
    ptr_array_release(&maps);
    str_buffer_release(&text);
    return fine;
}

static bool read_options(size_t count)
{
    struct str_buffer text;
    str_buffer_init(&text, 64u << 20);
    for (size_t i = 0; i < count; i++)
        str_buffer_printf(&text, "%s\"o%zu\":1", i == 0 ? "{" : ",", i);
    str_buffer_append_char(&text, '}');
    assert_false(str_buffer_failed(&text));
    struct string_map *config = options_body_read(str_buffer_text(&text), text.length, &problem);
    str_buffer_release(&text);
    string_map_destroy(config);
    return config != NULL;
}

static void a_body_has_so_many_parts_and_no_more(void **state)
{
    (void)state;
    assert_true(read_tasks(TASK_CONFIGS_BODY_MAX, true));
    assert_false(read_tasks(TASK_CONFIGS_BODY_MAX + 1, false));
    assert_int_equal(problem.status, 400);
    assert_string_equal(problem.message, "There are more than 10000 tasks");
    assert_true(read_options(BODY_OPTIONS_MAX));
    assert_false(read_options(BODY_OPTIONS_MAX + 1));
    assert_string_equal(problem.message, "There are more than 524288 options");
}

static bool read_once(void *argument)
{
    (void)argument;
    struct connector_body body;
    bool fine = read_body(&body, "{\"name\":\"c\",\"config\":{\"a\":\"1\",\"b\":null},\"initial_state\":\"PAUSED\"}");
    if (fine)
        connector_body_release(&body);
    else
        assert_int_equal(problem.status, 503);
    return fine;
}

static void no_memory_is_503_and_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(read_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_keep_their_text),
        cmocka_unit_test(the_name_is_trimmed_and_filled_in),
        cmocka_unit_test(a_missing_name_is_left_to_the_validation),
        cmocka_unit_test(the_initial_state_is_read_in_any_case),
        cmocka_unit_test(of_equal_names_the_last_counts),
        cmocka_unit_test(a_body_of_another_shape_is_400),
        cmocka_unit_test(a_configuration_alone_is_read),
        cmocka_unit_test(a_body_has_so_many_parts_and_no_more),
        cmocka_unit_test(no_memory_is_503_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
