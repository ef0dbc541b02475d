/* native_notes: what a client says in an outage, and how often it is logged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kafka/native_notes_internal.h"

#define REFUSED_1 \
    "[thrd:b1:9092/1]: b1:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
#define REFUSED_2                                                                                                     \
    "[thrd:b2:9093/2]: b2:9093/2: Connect to ipv4#10.0.0.2:9093 failed: Connection refused (after 12ms in state CONNECT, " \
    "30 identical error(s) suppressed)"
#define NO_LOGIN "[thrd:b1:9092/1]: b1:9092/1: SASL authentication error: Invalid credentials (after 3ms in state AUTH_REQ)"

static int set_up(void **state)
{
    *state = native_notes_create();
    return *state == NULL;
}

static int tear_down(void **state)
{
    native_notes_destroy(*state);
    return 0;
}

static void the_first_trouble_of_a_kind_is_logged_at_once(void **state)
{
    uint32_t merged = 77;
    assert_true(native_notes_may_log(*state, REFUSED_1, 1000, &merged));
    assert_int_equal(merged, 0);
    assert_true(native_notes_may_log(*state, NO_LOGIN, 1001, &merged));
    assert_int_equal(merged, 0);
}

static void more_of_a_kind_is_counted_whatever_broker_it_is_about(void **state)
{
    uint32_t merged;
    assert_true(native_notes_may_log(*state, REFUSED_1, 1000, &merged));
    for (int i = 0; i < 50; i++)
        assert_false(native_notes_may_log(*state, i % 2 == 0 ? REFUSED_2 : REFUSED_1, 1000 + i, &merged));
    assert_false(native_notes_may_log(*state, REFUSED_1, 1000 + NOTES_MERGE_MS - 1, &merged));
    assert_true(native_notes_may_log(*state, REFUSED_2, 1000 + NOTES_MERGE_MS, &merged));
    assert_int_equal(merged, 51);
    assert_false(native_notes_may_log(*state, REFUSED_1, 1001 + NOTES_MERGE_MS, &merged));
}

static void of_too_many_kinds_the_one_longest_quiet_is_forgotten(void **state)
{
    uint32_t merged;
    char words[64];
    for (int i = 0; i <= NOTES_KINDS_MAX; i++) {
        snprintf(words, sizeof words, "broker: reason %c", 'a' + i);
        assert_true(native_notes_may_log(*state, words, 1000 + i, &merged));
    }
    assert_false(native_notes_may_log(*state, "broker: reason b", 2000, &merged));
    assert_true(native_notes_may_log(*state, "broker: reason a", 2000, &merged));
}

static void the_last_trouble_is_told_without_thread_and_statistics(void **state)
{
    char words[NOTES_WORDS_MAX];
    assert_string_equal(native_notes_trouble(*state, words, sizeof words), "");
    native_notes_put_trouble(*state, NO_LOGIN);
    assert_string_equal(native_notes_trouble(*state, words, sizeof words),
                        "b1:9092/1: SASL authentication error: Invalid credentials");
}

static void without_memory_for_notes_all_is_logged(void **state)
{
    uint32_t merged;
    char words[8] = "x";
    (void)state;
    native_notes_put_trouble(NULL, NO_LOGIN);
    assert_true(native_notes_may_log(NULL, NO_LOGIN, 1, &merged));
    assert_true(native_notes_may_log(NULL, NO_LOGIN, 1, &merged));
    assert_string_equal(native_notes_trouble(NULL, words, sizeof words), "");
    native_notes_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_trouble_of_a_kind_is_logged_at_once),
        TEST(more_of_a_kind_is_counted_whatever_broker_it_is_about),
        TEST(of_too_many_kinds_the_one_longest_quiet_is_forgotten),
        TEST(the_last_trouble_is_told_without_thread_and_statistics),
        TEST(without_memory_for_notes_all_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
