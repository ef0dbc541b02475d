/* java_regex: whole matches, groups, replacing, what only Java has, and what is refused. */
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
        {"\\p{IsGr-ek}", "Unknown"},         {"\\p{sc:x}", "Unknown"},              {"\\pQ", "Unknown"},            {"[a-\\d]", "character range"},
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

/* Work -------------------------------------------------------------------------------------------------------- */

/* 200 KB of é4. */
#define LONG_COUNT 66000
static bool replace_in_long_text(const char *expression, size_t *count, size_t *size, uint64_t *steps, char why[200])
{
    static char text[3 * LONG_COUNT];
    for (size_t i = 0; i < LONG_COUNT; i++)
        memcpy(text + 3 * i, "é4", 3);
    struct java_regex *regex = java_regex_create(expression, why, 200);
    assert_non_null(regex);
    bool good = java_regex_replace_all(regex, text, sizeof(text), "$0x", count_bytes, size, count, why, 200);
    *steps = java_regex_steps(regex);
    java_regex_destroy(regex);
    return good;
}

static void a_long_text_with_many_places_takes_steps_by_its_length(void **state)
{
    (void)state;
    char why[200];
    size_t count, size = 0;
    uint64_t steps;
    assert_true(replace_in_long_text("4", &count, &size, &steps, why));
    assert_int_equal(LONG_COUNT, count);
    assert_int_equal(4 * LONG_COUNT, size);
    size = 0;
    assert_true(replace_in_long_text("(?=4)|(?<=4)", &count, &size, &steps, why));
    assert_int_equal(2 * LONG_COUNT, count);
    assert_int_equal(5 * LONG_COUNT, size);
    assert_in_range(steps, 1, 4 * LONG_COUNT);
    size = 0;
    assert_true(replace_in_long_text("\\d+", &count, &size, &steps, why));
    assert_int_equal(LONG_COUNT, count);
    assert_in_range(steps, LONG_COUNT - 8, 2 * LONG_COUNT);
}

static void many_matches_that_each_look_through_all_the_rest_are_given_up(void **state)
{
    (void)state;
    char text[4000], why[200];
    size_t count, size = 0;
    memset(text, '4', sizeof(text));
    struct java_regex *regex = java_regex_create("4(?!(?:4|5)*+x)", why, sizeof(why));
    assert_non_null(regex);
    assert_false(java_regex_replace_all(regex, text, sizeof(text), "-", count_bytes, &size, &count, why, sizeof(why)));
    assert_non_null(strstr(why, "the expression takes too many steps on this text"));
    assert_true(count > 0);
    assert_in_range(java_regex_steps(regex), JAVA_REGEX_STEPS_MAX, JAVA_REGEX_STEPS_MAX + sizeof(text) * (JAVA_REGEX_STEPS_PER_BYTE + 1));
    java_regex_destroy(regex);
}

/* In `size` fours, perhaps with something behind them. */
static bool find_in_fours(const char *expression, size_t size, const char *end, const char **failure, uint64_t *steps)
{
    static char text[200000];
    char why[200];
    assert_true(size + strlen(end) <= sizeof(text));
    memset(text, '4', size);
    memcpy(text + size, end, strlen(end));
    struct java_regex *regex = java_regex_create(expression, why, sizeof(why));
    assert_non_null(regex);
    bool is_found = java_regex_find(regex, text, size + strlen(end));
    *failure = java_regex_failure(regex);
    *steps = java_regex_steps(regex);
    java_regex_destroy(regex);
    return is_found;
}

static void a_hopeless_search_is_given_up_however_long_the_text(void **state)
{
    (void)state;
    static const char *const expressions[] = {
        "(4|5)*x", "4*4*x", "\\d+x", "(?:\\w*;|\\w)*=", "(?:\\w*;|\\w\\w|\\w)*=", "(4+)+x", "(?=(4*))4\\1+x", "(?:4?){30}4{30}x4*y",
        "(?:4|4)(?:4|4)(?:4|4)(?:4|4)(?:4|4)(?:4|4)(?:4|4)(?:4|4)(?:4|4)x",
    };
    static const size_t sizes[] = { 20000, 200000 };
    for (size_t i = 0; i < 2 * sizeof(expressions) / sizeof(*expressions); i++) {
        size_t size = sizes[i % 2];
        const char *failure;
        uint64_t steps;
        assert_false(find_in_fours(expressions[i / 2], size, "", &failure, &steps));
        if (failure == NULL || (i % 2 == 0 && strstr(failure, "too many steps") == NULL)) /* or memory, or time */
            fail_msg("%s in %zu bytes: %s", expressions[i / 2], size, failure == NULL ? "no failure" : failure);
        assert_true(steps <= JAVA_REGEX_STEPS_MAX + size * (JAVA_REGEX_STEPS_PER_BYTE + 1));
    }
}

static void what_looks_at_each_place_once_ends_in_a_text_of_any_length(void **state)
{
    (void)state;
    const char *failure;
    uint64_t steps;
    assert_true(find_in_fours("(?:4|5)++x", 5000, "x", &failure, &steps));
    assert_null(failure);
    assert_false(find_in_fours("[0-9]{4}(?:[- ]?[0-9]{4}){3}x", 199990, "", &failure, &steps));
    assert_null(failure);
    assert_in_range(steps, 199000, 199990 * JAVA_REGEX_STEPS_PER_BYTE);
    assert_true(find_in_fours("(?<=4)x|y", 199990, "x", &failure, &steps));
    assert_null(failure);
    assert_in_range(steps, 0, 1);
}

static void a_short_text_is_answered_without_counting(void **state)
{
    (void)state;
    const char *failure;
    uint64_t steps;
    assert_true(find_in_fours("([0-9]{4})[- ]?x", 120, "-x", &failure, &steps));
    assert_int_equal(0, steps);
    assert_false(find_in_fours("([0-9]{4})[- ]?x", 120, "", &failure, &steps));
    assert_null(failure);
    assert_int_equal(0, steps);
}

/* The text's first bytes are all that could match, or nothing but the last; long texts are searched in windows. */
static void a_place_is_found_wherever_it_begins(void **state)
{
    (void)state;
    static char text[1600];
    char why[200];
    size_t at, size;
    struct java_regex *regex = java_regex_create("(?<=\xc3\xa9)(x+?)(?!x)|y", why, sizeof(why));
    assert_non_null(regex);
    for (size_t place = 2; place + 2 < sizeof(text); place += 2) {
        for (size_t i = 0; i + 1 < sizeof(text); i += 2)
            memcpy(text + i, "\xc3\xa9", 2);
        memcpy(text + place, "xx", 2);
        assert_true(java_regex_find(regex, text, sizeof(text)));
        assert_true(java_regex_group(regex, 1, &at, &size));
        assert_int_equal(place, at);
        assert_int_equal(2, size);
        memcpy(text + place, "zx", 2);
        assert_false(java_regex_find(regex, text, sizeof(text)));
        assert_null(java_regex_failure(regex));
    }
    java_regex_destroy(regex);
    const char *failure;
    uint64_t steps;
    assert_false(find_in_fours("\\Gx", 5000, "x", &failure, &steps));
    assert_true(find_in_fours("\\G4{5000}x", 5000, "x", &failure, &steps));
}

/* Marks change no meaning: what short texts answer at once, long ones with something indifferent behind it answer counted. */
static void counted_and_not_counted_a_match_is_the_same(void **state)
{
    (void)state;
    static const char *const expressions[] = {
        "a|ab|b", "(a|ab)(c|bcd)(d*)", "(a*)*b", "(?:a?b?\?)*c", "((a)|(b))+", "(?<=a|bc)d", "(?i)A(?:B|C){2}+", "(a)(?:\\1|b)*?c",
        "(?>a|ab)c", "a{2}b{1,2}?|(?!a)c", "[a-c&&[^b]]+\\b", "(|a)+b", "(?:(?=(a+))a)*b\\1", "^(?:a|b|c)*+d", "(a+|b+)*?(?<!c)d", "",
    };
    static const char *const texts[] = { "abcd", "aabbcd", "aaab", "ABC abc", "ccd", "cbabdcc", "bcdaab", "aaba" };
    char text[400], why[200];
    for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
        struct java_regex *regex = java_regex_create(expressions[i], why, sizeof(why));
        assert_non_null(regex);
        for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++) {
            size_t places[2][4][2] = { 0 };
            bool found[2];
            memset(text, '.', sizeof(text));
            memcpy(text, texts[j], strlen(texts[j]));
            for (int is_long = 0; is_long < 2; is_long++) {
                found[is_long] = java_regex_find(regex, text, is_long ? sizeof(text) : 40);
                for (size_t group = 0; found[is_long] && group <= java_regex_group_count(regex); group++)
                    java_regex_group(regex, group, &places[is_long][group][0], &places[is_long][group][1]);
            }
            assert_int_equal(found[0], found[1]);
            if (memcmp(places[0], places[1], sizeof(places[0])) != 0)
                fail_msg("%s in %s: %zu, %zu", expressions[i], texts[j], places[0][0][0], places[1][0][0]);
        }
        java_regex_destroy(regex);
    }
}

static void endless_backtracking_ends_as_no_match(void **state)
{
    (void)state;
    const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    char why[200];
    struct java_regex *regex = java_regex_create("(a|aa|aaa)*[bc]", why, sizeof(why));
    assert_non_null(regex);
    assert_false(java_regex_matches(regex, text, strlen(text)));
    assert_non_null(strstr(java_regex_failure(regex), "the expression takes too many steps on this text; make"));
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
        cmocka_unit_test(a_long_text_with_many_places_takes_steps_by_its_length),
        cmocka_unit_test(many_matches_that_each_look_through_all_the_rest_are_given_up),
        cmocka_unit_test(a_hopeless_search_is_given_up_however_long_the_text),
        cmocka_unit_test(what_looks_at_each_place_once_ends_in_a_text_of_any_length),
        cmocka_unit_test(a_short_text_is_answered_without_counting),
        cmocka_unit_test(a_place_is_found_wherever_it_begins),
        cmocka_unit_test(counted_and_not_counted_a_match_is_the_same),
        cmocka_unit_test(endless_backtracking_ends_as_no_match),
        cmocka_unit_test(text_that_is_no_utf8_matches_nothing),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
