/* The record of a death: it comes back whole, later builds may say more, strange things are survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "coordination/crash_record.h"

static struct string_map *decode(const char *text)
{
    return crash_record_decode(text, strlen(text), NULL);
}

static void a_report_comes_back(void **state)
{
    struct string_map *report = string_map_create(), *read;
    struct str_buffer text;

    (void)state;
    str_buffer_init(&text, CRASH_RECORD_MAX);
    assert_true(string_map_put(report, "connector", "b \"quoted\"/é\n") && string_map_put(report, "task", "0"));
    assert_int_equal(0, crash_record_encode(report, &text, NULL));
    assert_non_null(strstr(str_buffer_text(&text), "\"v\":1"));
    read = decode(str_buffer_text(&text));
    assert_non_null(read);
    assert_true(string_map_equals(report, read));
    string_map_destroy(read);
    string_map_destroy(report);
    str_buffer_release(&text);
}

static void what_a_later_build_says_beyond_it_is_passed_over(void **state)
{
    struct string_map *read = decode("{\"later\":{\"a\":[1]},\"v\":2,\"connector\":\"c\",\"none\":null,\"depth\":3}");

    (void)state;
    assert_non_null(read);
    assert_int_equal(1, string_map_count(read));
    assert_string_equal("c", string_map_get(read, "connector"));
    string_map_destroy(read);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"", "[]", "7", "{", "{\"a\":\"b\"} x"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mr_error *error = NULL;

        assert_null(crash_record_decode(texts[i], strlen(texts[i]), &error));
        assert_non_null(error);
        mr_error_drop(error);
    }
}

static void the_nth_allocation_that_fails_leaks_nothing(void **state)
{
    struct string_map *report = string_map_create();
    bool was_refused = true;

    (void)state;
    assert_true(string_map_put(report, "connector", "c"));
    for (int64_t n = 0; was_refused; n++) {
        struct str_buffer text;
        struct string_map *read = NULL;

        mem_watch_start(n);
        str_buffer_init(&text, CRASH_RECORD_MAX);
        if (crash_record_encode(report, &text, NULL) == 0)
            read = decode(str_buffer_text(&text));
        was_refused = mem_failed() > 0;
        assert_true(was_refused || read != NULL);
        string_map_destroy(read);
        str_buffer_release(&text);
        assert_int_equal(0, mem_live());
        mem_watch_stop();
    }
    string_map_destroy(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_comes_back),
        cmocka_unit_test(what_a_later_build_says_beyond_it_is_passed_over),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(the_nth_allocation_that_fails_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
