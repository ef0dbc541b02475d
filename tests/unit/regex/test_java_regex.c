/* java_regex: whole matches, groups, and what is refused because Java means another thing by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "regex/java_regex.h"

static bool matches(const char *expression, const char *text)
{
    char why[200];
    struct java_regex *regex = java_regex_create(expression, why, sizeof(why));
    bool good = regex != NULL && java_regex_matches(regex, text, strlen(text));
    assert_non_null(regex);
    java_regex_destroy(regex);
    return good;
}

static void the_whole_text_has_to_match(void **state)
{
    (void)state;
    assert_true(matches("foo.*", "foobar"));
    assert_false(matches("foo", "foobar"));
    assert_false(matches("bar", "foobar"));
    assert_true(matches("a|ab", "ab"));
    assert_true(matches("", ""));
    assert_false(matches("", "x"));
    assert_true(matches("(?i)FOO-[a-z0-9]+?", "foo-B7"));
    assert_true(matches("\\Qa.b\\E\\d+", "a.b12"));
    assert_true(matches("x(?!y)\\w*+", "xz1"));
}

static void groups_are_found_by_number_and_name(void **state)
{
    (void)state;
    char why[200];
    size_t at = 0, size = 0;
    const char *text = "orders-eu";
    struct java_regex *regex = java_regex_create("(\\w+)-(?<region>\\w+)(!)?", why, sizeof(why));
    assert_non_null(regex);
    assert_int_equal(3, java_regex_group_count(regex));
    assert_int_equal(2, java_regex_group_number(regex, "region"));
    assert_int_equal(0, java_regex_group_number(regex, "nobody"));
    assert_false(java_regex_group(regex, 0, &at, &size));
    assert_true(java_regex_matches(regex, text, strlen(text)));
    assert_true(java_regex_group(regex, 2, &at, &size));
    assert_int_equal(7, at);
    assert_int_equal(2, size);
    assert_false(java_regex_group(regex, 3, &at, &size));
    assert_false(java_regex_group(regex, 4, &at, &size));
    java_regex_destroy(regex);
}

static void what_java_means_otherwise_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *words;
    } cases[] = {
        {"a[b", "near index"},          {"(", "near index"},         {"*a", "near index"},
        {"[a-z&&[^b]]", "Intersections"}, {"[a[bc]]", "within"},       {"(*ACCEPT)a", "Dangling"},
        {"(?R)", "group type"},         {"(?1)", "group type"},      {"(?U)a", "group type"},
        {"a\\Kb", "escape"},            {"(?P<n>a)", "group type"},  {"[]a]", "Unclosed"},
        {"\\p{Nothing}", "near index"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char why[200];
        assert_null(java_regex_create(cases[i].expression, why, sizeof(why)));
        if (strstr(why, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].expression, why);
    }
}

static void endless_backtracking_ends_as_no_match(void **state)
{
    (void)state;
    assert_false(matches("(a|aa|aaa)*b?c", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void text_that_is_no_utf8_matches_nothing(void **state)
{
    (void)state;
    assert_true(matches(".", "é"));
    assert_false(matches(".*", "\xff\xfe"));
}

static void without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    char why[200];
    mem_watch_start(0);
    struct java_regex *regex = java_regex_create("a", why, sizeof(why));
    int64_t live = mem_live();
    mem_watch_stop();
    assert_null(regex);
    assert_int_equal(0, live);
    assert_int_equal(0, strncmp(why, "no memory", 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_has_to_match),
        cmocka_unit_test(groups_are_found_by_number_and_name),
        cmocka_unit_test(what_java_means_otherwise_is_refused_in_words),
        cmocka_unit_test(endless_backtracking_ends_as_no_match),
        cmocka_unit_test(text_that_is_no_utf8_matches_nothing),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
