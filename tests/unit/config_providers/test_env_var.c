#include "provider_test.h"

static int set_up(void **state)
{
    (void)state;
    return setenv("CP_TEST_ONE", "first", 1) + setenv("CP_TEST_TWO", "second=2", 1) + setenv("CP_OTHER", "other", 1) +
           setenv("CP_BYTES", "a\xFF"
                              "b", 1) +
           setenv("CP_EMPTY", "", 1);
}

static void variables_of_the_environment_are_given_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &env_var_provider, NO_LINES);
    assert_int_equal(0, bench_get(&bench, "", LINES("CP_TEST_ONE", "CP_TEST_TWO", "CP_EMPTY", "CP_NOT_THERE", "CP_TEST_TWO=second",
                                                    "")));
    assert_int_equal(config_data_count(bench.data), 3);
    assert_string_equal(config_data_get(bench.data, "CP_TEST_ONE"), "first");
    assert_string_equal(config_data_get(bench.data, "CP_TEST_TWO"), "second=2");
    assert_string_equal(config_data_get(bench.data, "CP_EMPTY"), "");
    assert_int_equal(config_data_ttl_ms(bench.data), MR_TTL_NONE);
    assert_int_equal(0, bench_get(&bench, "", NULL));
    assert_string_equal(config_data_get(bench.data, "CP_OTHER"), "other");
    bench_release(&bench);
}

static void only_names_that_match_the_pattern_as_a_whole_are_given_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &env_var_provider, LINES("allowlist.pattern=CP_TEST_.*|THER"));
    assert_string_equal(bench_value(&bench, "", "CP_TEST_ONE"), "first");
    assert_null(bench_value(&bench, "", "CP_OTHER"));
    assert_int_equal(0, bench_get(&bench, "", NULL));
    assert_int_equal(config_data_count(bench.data), 2);
    bench_release(&bench);
    bench_init(&bench, &env_var_provider, LINES("allowlist.pattern="));
    assert_null(bench_value(&bench, "", "CP_OTHER"));
    bench_release(&bench);
}

static void a_pattern_that_is_none_is_refused_in_words(void **state)
{
    (void)state;
    struct bench bench;
    assert_false(bench_try(&bench, &env_var_provider, LINES("allowlist.pattern=CP_(")));
    assert_int_equal(mr_error_code(bench.error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(bench.error), "allowlist.pattern: 'CP_(' is no regular expression"));
    bench_release(&bench);
}

static void a_pattern_that_goes_astray_allows_nothing(void **state)
{
    (void)state;
    struct bench bench;
    assert_int_equal(0, setenv("CP_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "x", 1));
    bench_init(&bench, &env_var_provider, LINES("allowlist.pattern=CP_(a|aa)+(a|aa)+c?"));
    assert_null(bench_value(&bench, "", "CP_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
    bench_release(&bench);
}

static void a_path_is_refused_as_kafka_refuses_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &env_var_provider, NO_LINES);
    assert_int_equal(-1, bench_get(&bench, "some", LINES("CP_TEST_ONE")));
    assert_string_equal(mr_error_message(bench.error),
                        "Path is not supported for EnvVarConfigProvider, invalid value 'some'");
    bench_release(&bench);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &env_var_provider, NO_LINES);
    assert_string_equal(bench_value(&bench, "", "CP_BYTES"), "a\xEF\xBF\xBD"
                                                             "b");
    bench_release(&bench);
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, &env_var_provider, LINES("allowlist.pattern=CP_.*"));
    provider_torture(&bench, &env_var_provider, "", LINES("CP_TEST_ONE", "CP_BYTES"), 2);
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_of_the_environment_are_given_out),
        cmocka_unit_test(only_names_that_match_the_pattern_as_a_whole_are_given_out),
        cmocka_unit_test(a_pattern_that_is_none_is_refused_in_words),
        cmocka_unit_test(a_pattern_that_goes_astray_allows_nothing),
        cmocka_unit_test(a_path_is_refused_as_kafka_refuses_it),
        cmocka_unit_test(bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
