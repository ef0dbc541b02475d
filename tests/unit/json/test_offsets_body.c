/* Bodies of PATCH /connectors/{n}/offsets and PUT /admin/loggers/{l}. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <millrace/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/logger_body.h"
#include "json/offsets_body.h"
#include "support/alloc_torture.h"

static struct body_problem problem;

static bool read_body(struct offsets_body *body, const char *text)
{
    return offsets_body_read(body, text, strlen(text), &problem);
}

static int64_t position_of(const struct offset_entry *entry)
{
    return mr_value_integer(mr_map_get(entry->offset, "position"));
}

static void changes_keep_their_order(void **state)
{
    struct offsets_body body;
    (void)state;
    assert_true(read_body(&body, " {\"offsets\" : [ {\"offset\":{\"position\":3},\"partition\": {\"f\":\"a\"} },"
                                 "{\"partition\":{\"f\":\"b\"},\"offset\":null},{\"partition\":null},{}]}"));
    assert_int_equal(body.count, 3); /* the last two have the same partition, null */
    assert_int_equal(position_of(&body.entries[0]), 3);
    assert_memory_equal(mr_value_bytes(mr_map_get(body.entries[1].partition, "f")).data, "b", 1);
    assert_true(mr_value_is_null(body.entries[1].offset));
    assert_true(mr_value_is_null(body.entries[2].partition));
    offsets_body_release(&body);
}

static void of_equal_partitions_the_last_counts(void **state)
{
    struct offsets_body body;
    (void)state;
    assert_true(read_body(&body, "{\"offsets\":[{\"partition\":{\"f\":\"a\",\"g\":1},\"offset\":{\"position\":1}},"
                                 "{\"partition\":{\"g\":1.5,\"f\":\"a\"},\"offset\":{\"position\":2}},"
                                 "{\"partition\":{\"g\":1,\"f\":\"a\"},\"offset\":{\"position\":3}}]}"));
    assert_int_equal(body.count, 2);
    assert_int_equal(position_of(&body.entries[0]), 3);
    assert_int_equal(position_of(&body.entries[1]), 2);
    offsets_body_release(&body);
}

static void many_partitions_are_told_apart_at_once(void **state)
{
    enum { COUNT = 20000 };
    struct offsets_body body;
    size_t size = COUNT * 40, length;
    char *text = malloc(size);
    (void)state;
    length = (size_t)snprintf(text, size, "{\"offsets\":[");
    for (int i = 0; i < COUNT; i++)
        length += (size_t)snprintf(text + length, size - length, "%s{\"partition\":{\"f\":%d}}", i > 0 ? "," : "",
                                   i % (COUNT / 2));
    length += (size_t)snprintf(text + length, size - length, "]}");
    assert_true(offsets_body_read(&body, text, length, &problem));
    assert_int_equal(body.count, COUNT / 2);
    offsets_body_release(&body);
    free(text);
}

static void what_is_refused_is_explained(void **state)
{
    static const struct {
        const char *text, *words;
    } BODIES[] = {
        {"{}", "Partitions / offsets need to be provided for an alter offsets request"},
        {"{\"offsets\":3}", "\"offsets\" must be a list"},
        {"{\"offsets\":[3]}", "Each of \"offsets\" must be an object with \"partition\" and \"offset\""},
        {"{\"offsets\":[{\"partition\":3}]}", "\"partition\" must be an object or null"},
        {"{\"offsets\":[{\"off\":{}}]}", "Unknown field \"off\"; there are \"partition\" and \"offset\""},
        {"{\"of\":[]}", "Unknown field \"of\"; there is only \"offsets\""},
        {"[]", "The request body must be an object with \"offsets\""},
        {"", "The request body is empty; it must be an object with \"offsets\""},
    };
    struct offsets_body body;
    (void)state;
    for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]); i++) {
        assert_false(read_body(&body, BODIES[i].text));
        assert_int_equal(problem.status, 400);
        assert_string_equal(problem.message, BODIES[i].words);
    }
    assert_false(read_body(&body, "{\"offsets\":[{\"partition\":{\"f\":\"\xff\"}}]}"));
    assert_non_null(strstr(problem.message, "The request body is not valid JSON"));
    assert_false(read_body(&body, "{\"offsets\":[{\"partition\":{}]}"));
    assert_int_equal(problem.status, 400);
}

static bool read_once(void *argument)
{
    struct offsets_body body;
    (void)argument;
    if (read_body(&body, "{\"offsets\":[{\"partition\":{\"f\":\"\\u00e9\",\"g\":1},\"offset\":{\"position\":1}}]}")) {
        offsets_body_release(&body);
        return true;
    }
    assert_int_equal(problem.status, 503);
    return false;
}

static void no_memory_is_503_and_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(read_once, NULL);
}

static bool read_level(enum log_level *level, const char *text)
{
    return logger_body_read(level, text, strlen(text), &problem);
}

static void levels_are_read(void **state)
{
    enum log_level level;
    (void)state;
    assert_true(read_level(&level, "{\"more\":{\"level\":1},\"level\":\"INFO\",\"level\":\"wArN\"}"));
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_false(read_level(&level, "{\"level\":true}"));
    assert_int_equal(problem.status, 404);
    assert_string_equal(problem.message, "invalid log level 'true'.");
    assert_false(read_level(&level, "{\"level\":[]}"));
    assert_int_equal(problem.status, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_keep_their_order),
        cmocka_unit_test(of_equal_partitions_the_last_counts),
        cmocka_unit_test(many_partitions_are_told_apart_at_once),
        cmocka_unit_test(what_is_refused_is_explained),
        cmocka_unit_test(no_memory_is_503_and_leaks_nothing),
        cmocka_unit_test(levels_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
