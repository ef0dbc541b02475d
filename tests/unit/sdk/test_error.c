#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "support/alloc_torture.h"

static struct mr_error *make(enum mr_error_code code, const char *text)
{
    struct mr_error *error = NULL;
    assert_int_equal(mr_error_set(&error, code, "%s", text), -1);
    return error;
}

static void an_error_keeps_its_first_reason(void **state)
{
    (void)state;
    struct mr_error *error = make(MR_ERR_DATA, "first");
    assert_int_equal(mr_error_set(&error, MR_ERR_CONNECT, "second"), -1);
    assert_string_equal(mr_error_message(error), "first");
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_clear(&error);
    assert_null(error);
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(mr_error_set(NULL, MR_ERR_DATA, "lost"), -1);
    assert_int_equal(mr_error_wrap(NULL, "lost"), -1);
    struct mr_error *none = NULL;
    assert_int_equal(mr_error_wrap(&none, "nothing to wrap"), -1);
    assert_null(none);
    mr_error_drop(NULL);
}

static void the_class_follows_from_the_code_unless_given(void **state)
{
    (void)state;
    struct mr_error *error = make(MR_ERR_CONFIG, "x");
    assert_string_equal(mr_error_class_name(error), "org.apache.kafka.common.config.ConfigException");
    mr_error_set_class_name(error, "org.acme.Odd");
    assert_string_equal(mr_error_class_name(error), "org.acme.Odd");
    mr_error_drop(error);
}

static void wrapping_keeps_code_and_retry_hint_and_tells_a_trace(void **state)
{
    (void)state;
    struct mr_error *error = make(MR_ERR_RETRIABLE, "broker away");
    mr_error_set_retry_after_ms(error, 250);
    assert_int_equal(mr_error_wrap(&error, "cannot write to %s", "topic"), -1);
    assert_true(mr_error_is_retriable(error));
    assert_int_equal(mr_error_retry_after_ms(error), 250);
    assert_string_equal(mr_error_message(mr_error_cause(error)), "broker away");
    char trace[512];
    size_t length = mr_error_trace(error, trace, sizeof(trace));
    assert_string_equal(trace, "org.apache.kafka.connect.errors.RetriableException: cannot write to topic\n"
                               "Caused by: org.apache.kafka.connect.errors.RetriableException: broker away");
    assert_int_equal(length, strlen(trace));
    char cut[20];
    assert_int_equal(mr_error_trace(error, cut, sizeof(cut)), length);
    assert_int_equal(strlen(cut), sizeof(cut) - 1);
    assert_int_equal(mr_error_trace(error, NULL, 0), length);
    mr_error_drop(error);
}

static void a_copy_stands_alone(void **state)
{
    (void)state;
    struct mr_error *error = make(MR_ERR_DATA, "inner");
    mr_error_set_class_name(error, "org.acme.Inner");
    mr_error_wrap(&error, "outer");
    struct mr_error *copy = mr_error_copy(error);
    mr_error_drop(error);
    assert_string_equal(mr_error_message(copy), "outer");
    assert_string_equal(mr_error_class_name(mr_error_cause(copy)), "org.acme.Inner");
    mr_error_drop(copy);
}

static void a_long_message_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    char text[40000];
    for (size_t i = 0; i + 1 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", i + 3 < sizeof(text) ? 3 : 1);
    text[sizeof(text) - 1] = '\0';
    struct mr_error *error = make(MR_ERR_DATA, text);
    size_t length = strlen(mr_error_message(error));
    assert_in_range(length, 16000, 16384);
    assert_true(utf8_valid(mr_error_message(error), length));
    mr_error_drop(error);
    text[1000] = '\0'; /* longer than the first try, shorter than the limit */
    error = make(MR_ERR_DATA, text);
    assert_int_equal(strlen(mr_error_message(error)), 1000);
    mr_error_drop(error);
}

static void a_chain_of_causes_has_an_end(void **state)
{
    (void)state;
    struct mr_error *error = make(MR_ERR_DATA, "root");
    for (int i = 0; i < 100; i++)
        mr_error_wrap(&error, "layer %d", i);
    int depth = 0;
    for (const struct mr_error *at = error; at != NULL; at = mr_error_cause(at))
        depth++;
    assert_int_equal(depth, 33);
    mr_error_drop(error);
}

static void without_memory_there_is_still_an_error(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    mem_watch_start(0);
    mr_error_set(&error, MR_ERR_DATA, "never seen");
    mr_error_wrap(&error, "nor this");
    mem_watch_stop();
    assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_set_class_name(error, "ignored");
    mr_error_set_retry_after_ms(error, 5);
    assert_int_equal(mr_error_retry_after_ms(error), 0);
    struct mr_error *copy = mr_error_copy(error);
    assert_int_equal(mr_error_code(copy), MR_ERR_NO_MEMORY);
    mr_error_drop(copy);
    mr_error_drop(error);
}

static bool make_wrap_copy(void *argument)
{
    (void)argument;
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_CONFIG, "%0700d", 1);
    mr_error_set_class_name(error, "org.acme.Odd");
    mr_error_wrap(&error, "outer");
    struct mr_error *copy = mr_error_copy(error);
    bool worked = mr_error_code(copy) == MR_ERR_CONFIG && mr_error_cause(copy) != NULL
        && strcmp(mr_error_class_name(mr_error_cause(copy)), "org.acme.Odd") == 0;
    mr_error_drop(copy);
    mr_error_drop(error);
    return worked;
}

static void every_lost_allocation_is_survived(void **state)
{
    (void)state;
    alloc_torture(make_wrap_copy, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_its_first_reason),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(the_class_follows_from_the_code_unless_given),
        cmocka_unit_test(wrapping_keeps_code_and_retry_hint_and_tells_a_trace),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(a_long_message_is_cut_at_a_whole_character),
        cmocka_unit_test(a_chain_of_causes_has_an_end),
        cmocka_unit_test(without_memory_there_is_still_an_error),
        cmocka_unit_test(every_lost_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
