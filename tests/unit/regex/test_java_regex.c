/* java_regex: whole matches, groups, replacing, what only Java has, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

static void what_only_java_has_is_translated(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *text;
        bool matches;
    } cases[] = {
        {"[a-z&&[^aeiou]]+", "xyz", true},  {"[a-z&&[^aeiou]]+", "xay", false}, {"[a-c[x-z]]+", "axbz", true},
        {"[^a-c[x-z]]+", "mx", false},      {"[[:alpha:]]+", "al:", true},      {"[a-z&&[def]&&[^e]]", "d", true},
        {"[^a&&b]", "a", true},             {"[]a]+", "]a", true},              {"[\\w&&[^_]]+", "a_", false},
        {"[a\\P{L}]+", "a1", true},         {"(?i)[a-c]+", "AbC", true},        {"(?i)k", "\u212a", false},
        {"(?iu)k", "\u212a", true},         {"(?i)\u00e9", "\u00c9", false},     {"(?U)\\w+", "\u00e9t\u00e9", true},
        {"\\w+", "\u00e9", false},          {"(?d)a.b", "a\rb", true},          {"a.b", "a\xc2\x85" "b", false},
        {"a.b", "a\x0b" "b", true},         {"(?m)^a$\\n^b$", "a\nb", true},    {"(?m)^", "", false},    {"(?x) a b # c", "ab", true},
        {"(?x)[ a # b\n]+", "a", true},     {"\\p{IsGreek}+", "\u03b1", true},  {"\\p{InGreek}", "\u03b1", true},
        {"\\p{javaLowerCase}", "a", true},  {"\\0101\\x42\\u0043", "ABC", true}, {"\\uD83D\\uDE00", "\U0001f600", true},
        {"{1}x", "x", true},                {"]}", "]}", true},                 {"(a)\\11", "aa1", true},
        {"(a)(?:\\2|b)", "ab", true},       {"\\Q*.\\E+", "*..", true},         {"(?<aLongNameThatHasMoreThan32Letters>a)", "a", true},
        {"(?i:A)A", "aA", true},            {"(?i:A)A", "aa", false},           {"((?i)a|b)b", "Bb", true},
        {"a++a", "aaa", false},             {"(?>a|ab)c", "abc", false},        {".*(?<=s)", "orders", true},
        {"\\N{LATIN SMALL LETTER A}", "a", true}, {"\\N{ latin capital letter z }", "Z", true}, {"\\N{FULL STOP}", ".", true},
        {"\\N{FULL STOP}", "x", false},     {"[\\N{DIGIT ZERO}-\\N{DIGIT NINE}]+\\N{LOW LINE}", "19_", true},
        {"\\N{HYPHEN-MINUS}{2}", "--", true}, {"(?i)\\N{LATIN SMALL LETTER K}", "K", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (matches(cases[i].expression, cases[i].text) != cases[i].matches)
            fail_msg("%s on %s: not %d", cases[i].expression, cases[i].text, cases[i].matches);
}

static void what_java_refuses_or_pcre2_lacks_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *words;
    } cases[] = {
        {"a[b", "Unclosed character class"},   {"(", "Unclosed group"},        {"*a", "Dangling"},
        {"a**", "Dangling"},                   {"(?i)*", "Dangling"},          {"(*ACCEPT)a", "Dangling"},
        {"(?R)", "inline modifier"},           {"(?1)", "inline modifier"},    {"(?#c)x", "inline modifier"},
        {"(?P<n>a)", "inline modifier"},       {"(?|a)", "inline modifier"},   {"a\\Kb", "escape"},
        {"\\y", "escape"},                     {"a\\", "internal error"},       {"a{2", "Unclosed counted"},
        {"a{,3}", "Illegal repetition"},       {"a{3,2}", "repetition range"}, {"a)", "Unmatched"},
        {"(?<1n>x)", "Latin letter"},          {"(?<na_me>x)", "trailing '>'"}, {"(?<n>a)(?<n>b)", "already defined"},
        {"\\k<n>(?<n>a)", "does not exist"},   {"[b-a]", "character range"},   {"\\p{Nothing}", "Unknown character property"},
        {"\\p{sc:x}", "Unknown"},              {"\\pQ", "Unknown"},            {"[a-\\d]", "character range"},
        {"(?<=a+)b", "not supported here"},    {"\\N{GREEK SMALL LETTER ALPHA}", "not supported"},
        {"\\Na", "Illegal character name"},    {"\\N{DIGIT ONE", "Unclosed character name"}, {"\\N{}", "Unknown character name"}, {"a{65536}", "65535"},
        {"(a)(?<=\\1)", "maximum length"},     {"\\uD83D", "surrogate"},              {"\xff", "no UTF-8"},            {"\\b{g}", "not supported"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char why[200] = "";
        struct java_regex *regex = java_regex_create(cases[i].expression, why, sizeof(why));
        if (regex != NULL || strstr(why, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].expression, why);
    }
}

static void put_piece(void *to, const char *bytes, size_t size)
{
    strncat(to, bytes, size);
}

static void the_first_place_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *text, *replacement, *result;
    } cases[] = {
        {"a|ab", "xab", "Y", "xYb"},           {"(.*?)", "abc", "[$1]", "[]abc"}, {"(x)|(y)", "y", "[$1$2]", "[y]"},
        {"(?<n>o)r", "order", "${n}-$0", "o-order"}, {"(o)r", "order", "$10\\$", "o0$der"}, {"z", "order", "$9", "order"},
        {"o", "order", "$1", "No group 1"},    {"o", "order", "$", "missing"},    {"o", "order", "a\\", "escaped is missing"},
        {"o", "order", "${1}", "starts with digit"}, {"o", "order", "${n}", "No group with name"},
        {"o", "order", "${n", "trailing"},     {"o", "order", "${}", "0 length"}, {"o", "order", "$x", "Illegal group"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char why[200] = "", result[200] = "";
        struct java_regex *regex = java_regex_create(cases[i].expression, why, sizeof(why));
        assert_non_null(regex);
        bool good = java_regex_replace_first(regex, cases[i].text, strlen(cases[i].text), cases[i].replacement, put_piece, result,
                                             why, sizeof(why));
        if (strstr(good ? result : why, cases[i].result) == NULL)
            fail_msg("%s on %s: %s", cases[i].expression, cases[i].text, good ? result : why);
        java_regex_destroy(regex);
    }
}

static void every_place_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *text, *replacement, *result;
        size_t count;
    } cases[] = {
        {"\\d+", "a1b22c", "<$0>", "a<1>b<22>c", 2}, {"x*", "xa", "-", "--a-", 3},      {"^a", "aaa", "b", "baa", 1},
        {"(?<=a)b", "abb", "-", "a-b", 1},          {"", "\xc3\xa4\xe2\x82\xac", "-", "-\xc3\xa4-\xe2\x82\xac-", 3}, {"z", "order", "$9", "order", 0},
        {"o", "oo", "$1", "No group 1", 0},         {"a", "", "b", "", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char why[200] = "", result[200] = "";
        size_t count;
        struct java_regex *regex = java_regex_create(cases[i].expression, why, sizeof(why));
        assert_non_null(regex);
        bool good = java_regex_replace_all(regex, cases[i].text, strlen(cases[i].text), cases[i].replacement, put_piece, result,
                                           &count, why, sizeof(why));
        assert_string_equal(cases[i].result, good ? result : why);
        if (good)
            assert_int_equal(cases[i].count, count);
        java_regex_destroy(regex);
    }
}

static void count_bytes(void *to, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)to += size;
}

static int64_t thread_cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 200 KB of é4. The bound is for sanitizers; it takes milliseconds. What grows with the square takes 20 s. */
#define LONG_COUNT 66000
static bool replace_in_long_text(const char *expression, size_t *count, size_t *size, char why[200])
{
    static char text[3 * LONG_COUNT];
    for (size_t i = 0; i < LONG_COUNT; i++)
        memcpy(text + 3 * i, "é4", 3);
    struct java_regex *regex = java_regex_create(expression, why, 200);
    assert_non_null(regex);
    bool good = java_regex_replace_all(regex, text, sizeof(text), "$0x", count_bytes, size, count, why, 200);
    java_regex_destroy(regex);
    return good;
}

static void a_long_text_with_many_places_takes_no_long_time(void **state)
{
    (void)state;
    char why[200];
    size_t count, size = 0;
    int64_t began_ms = thread_cpu_ms();
    assert_true(replace_in_long_text("4", &count, &size, why));
    assert_int_equal(LONG_COUNT, count);
    assert_int_equal(4 * LONG_COUNT, size);
    size = 0;
    assert_true(replace_in_long_text("(?=4)|(?<=4)", &count, &size, why));
    assert_int_equal(2 * LONG_COUNT, count);
    assert_int_equal(5 * LONG_COUNT, size);
    assert_true(thread_cpu_ms() - began_ms < 1000);
}

static void many_matches_that_each_look_through_all_the_rest_are_given_up(void **state)
{
    (void)state;
    char why[200];
    size_t count, size = 0;
    int64_t began_ms = thread_cpu_ms();
    assert_false(replace_in_long_text("4(?!(?:.)*+x)", &count, &size, why));
    assert_string_equal("the expression takes too much time on this text", why);
    assert_true(thread_cpu_ms() - began_ms < 3 * JAVA_REGEX_REPLACE_CPU_MS);
}

static void endless_backtracking_ends_as_no_match(void **state)
{
    (void)state;
    const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char why[200];
    struct java_regex *regex = java_regex_create("(a|aa|aaa)*[bc]", why, sizeof(why));
    assert_non_null(regex);
    assert_false(java_regex_matches(regex, text, strlen(text)));
    assert_string_equal("the expression takes too many steps on this text", java_regex_failure(regex));
    assert_false(java_regex_matches(regex, "a", 1));
    assert_null(java_regex_failure(regex));
    java_regex_destroy(regex);
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
    struct java_regex *regex = NULL;
    for (int64_t successes = 0; regex == NULL; successes++) {
        mem_watch_start(successes);
        regex = java_regex_create("(?<a>[a-z&&[^b]])(?<b>[^\\w[x]])", why, sizeof(why));
        int64_t live = mem_live();
        mem_watch_stop();
        assert_true(successes < 1000);
        if (regex == NULL) {
            assert_int_equal(0, live);
            assert_int_equal(0, strncmp(why, "no memory", 9));
        }
    }
    assert_true(java_regex_matches(regex, "a-", 2));
    java_regex_destroy(regex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_has_to_match),
        cmocka_unit_test(groups_are_found_by_number_and_name),
        cmocka_unit_test(what_only_java_has_is_translated),
        cmocka_unit_test(what_java_refuses_or_pcre2_lacks_is_refused_in_words),
        cmocka_unit_test(the_first_place_is_replaced),
        cmocka_unit_test(every_place_is_replaced),
        cmocka_unit_test(a_long_text_with_many_places_takes_no_long_time),
        cmocka_unit_test(many_matches_that_each_look_through_all_the_rest_are_given_up),
        cmocka_unit_test(endless_backtracking_ends_as_no_match),
        cmocka_unit_test(text_that_is_no_utf8_matches_nothing),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
