#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/str_buffer.h"
#include "http/router.h"
#include "support/alloc_torture.h"

/* Segments joined by '|'; "400" when refused. */
static const char *segments_of(const char *raw)
{
    static char text[500];
    struct http_target target;
    size_t length = 0;
    text[0] = '\0';
    if (http_target_parse(&target, raw) != NULL)
        snprintf(text, sizeof(text), "400");
    else
        for (size_t i = 0; i < target.segment_count; i++)
            length += (size_t)snprintf(text + length, sizeof(text) - length, i == 0 ? "%s" : "|%s", target.segments[i]);
    http_target_release(&target);
    return text;
}

static void a_path_is_split_before_it_is_decoded(void **state)
{
    (void)state;
    assert_string_equal(segments_of("/"), "");
    assert_string_equal(segments_of("/connectors"), "connectors");
    assert_string_equal(segments_of("/a/b/c"), "a|b|c");
    assert_string_equal(segments_of("/a%2Fb/c%25d/e%5Cf"), "a/b|c%d|e\\f");
    assert_string_equal(segments_of("/sp%20ace+plus"), "sp ace+plus");
    assert_string_equal(segments_of("/%C3%A9/%F0%9F%98%80"), "\xC3\xA9|\xF0\x9F\x98\x80");
    assert_string_equal(segments_of("/:@&=,'~+!$()*"), ":@&=,'~+!$()*");
    assert_string_equal(segments_of("http://host:83/a/b?x"), "a|b");
}

static void one_trailing_slash_and_matrix_parameters_do_not_count(void **state)
{
    (void)state;
    assert_string_equal(segments_of("/connectors/"), "connectors");
    assert_string_equal(segments_of("/a;v=1/b;x;y=%2F/"), "a|b");
    assert_string_equal(segments_of("/a%3Bv=1"), "a;v=1");
}

static void a_path_that_is_broken_is_refused(void **state)
{
    (void)state;
    static const char *const BROKEN[] = {
        "//",      "/a//b",     "/a//",  "/%ZZ", "/%",  "/%2",    "/a%0Ab",     "/%00",      "/%7F",  "/%FF",  "/%C3",
        "/%C3/b",  "/\xC3\xA9", "/a\"b", "/<",   "/a^", "/{a}",   "/a|b",       "/[",        "/a\\b", "/a b",  "/.",
        "/a/../b", "/%2e%2E",   "*",     "",     "a/b", "/a;%zz", "/%ED%A0%80", "ftp://h/x", "/a#b",  "/;x/b",
    };
    for (size_t i = 0; i < sizeof(BROKEN) / sizeof(BROKEN[0]); i++)
        if (strcmp(segments_of(BROKEN[i]), "400") != 0)
            fail_msg("%s is not refused", BROKEN[i]);
}

static void a_path_longer_than_any_route_matches_none(void **state)
{
    (void)state;
    struct http_target target;
    assert_null(http_target_parse(&target, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15"));
    assert_int_equal(target.segment_count, HTTP_SEGMENTS_MAX);
    http_target_release(&target);
}

static void a_query_is_decoded_and_what_is_broken_ignored(void **state)
{
    (void)state;
    struct http_request request = {.method = HTTP_GET};
    assert_null(
        http_target_parse(&request.target, "/?expand=status&expand=info&y&a%20b=c+d&bad=%ZZ&%=1&u=%FF&empty=&=&x=a=b"));
    assert_int_equal(http_request_query_count(&request, "expand"), 2);
    assert_true(http_request_query_has(&request, "expand", "info"));
    assert_false(http_request_query_has(&request, "expand", "status,info"));
    assert_string_equal(http_request_query(&request, "expand"), "status");
    assert_string_equal(http_request_query(&request, "y"), "");
    assert_string_equal(http_request_query(&request, "a b"), "c d");
    assert_string_equal(http_request_query(&request, "empty"), "");
    assert_string_equal(http_request_query(&request, "x"), "a=b");
    assert_null(http_request_query(&request, "bad"));
    assert_null(http_request_query(&request, "u"));
    assert_null(http_request_query(&request, "absent"));
    http_target_release(&request.target);
}

static void a_query_of_many_pairs_is_cut(void **state)
{
    (void)state;
    static const char *const PIECES[] = {"&", "a&", "a=&", "a=%&", "%&", "=&"};
    for (size_t i = 0; i < sizeof(PIECES) / sizeof(PIECES[0]); i++) {
        char raw[4000] = "/?";
        for (size_t length = 2; length < 3000; length += strlen(PIECES[i]))
            memcpy(raw + length, PIECES[i], strlen(PIECES[i]));
        struct http_target target;
        assert_null(http_target_parse(&target, raw));
        assert_true(target.query_count <= HTTP_QUERY_MAX);
        http_target_release(&target);
    }
}

static void an_encoded_segment_decodes_to_the_same_name(void **state)
{
    (void)state;
    static const char NAME[] = "a/b;c%d\\e f?g#h+i:j@k&l=m,n'o\"p<q>{r}[s]^|~!$()*`.-_\xC3\xA9";
    struct str_buffer path;
    str_buffer_init(&path, 1000);
    str_buffer_append_char(&path, '/');
    http_segment_append(&path, NAME);
    assert_string_equal(segments_of(str_buffer_text(&path)), NAME);
    assert_null(strchr(str_buffer_text(&path) + 1, '/'));
    str_buffer_release(&path);
}

static bool parse_one(void *argument)
{
    (void)argument;
    struct http_target target;
    const char *wrong = http_target_parse(&target, "/a/b?c=d");
    http_target_release(&target);
    return wrong == NULL;
}

static void no_memory_is_said(void **state)
{
    (void)state;
    alloc_torture(parse_one, NULL);
}

static bool fits(const char *pattern, const char *raw)
{
    struct http_target target;
    assert_null(http_target_parse(&target, raw));
    bool answer = http_pattern_fits(pattern, target.segments, target.segment_count);
    http_target_release(&target);
    return answer;
}

static void patterns_fit_segments(void **state)
{
    (void)state;
    assert_true(fits("/", "/"));
    assert_false(fits("/", "/a"));
    assert_true(fits("/connectors", "/connectors/"));
    assert_false(fits("/connectors", "/Connectors"));
    assert_false(fits("/connectors", "/"));
    assert_true(fits("/connectors/{name}/config", "/connectors/a%2Fb/config"));
    assert_false(fits("/connectors/{name}/config", "/connectors/a/b/config"));
    assert_false(fits("/connectors/{name}/config", "/connectors/a"));
    assert_false(fits("/connectors/{name}", "/connectors/a/config"));
}

static void int_parts_are_32_bit_integers(void **state)
{
    (void)state;
    static const char PATTERN[] = "/t/{task:int}";
    static const char *const GOOD[] = {"/t/0", "/t/00", "/t/+0", "/t/-0", "/t/2147483647", "/t/-2147483648"};
    static const char *const BAD[] = {"/t/one",  "/t/2147483648",          "/t/1x", "/t/+", "/t/1.0",
                                      "/t/%201", "/t/99999999999999999999"};
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++)
        assert_true(fits(PATTERN, GOOD[i]));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_false(fits(PATTERN, BAD[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_split_before_it_is_decoded),
        cmocka_unit_test(one_trailing_slash_and_matrix_parameters_do_not_count),
        cmocka_unit_test(a_path_that_is_broken_is_refused),
        cmocka_unit_test(a_path_longer_than_any_route_matches_none),
        cmocka_unit_test(a_query_is_decoded_and_what_is_broken_ignored),
        cmocka_unit_test(a_query_of_many_pairs_is_cut),
        cmocka_unit_test(an_encoded_segment_decodes_to_the_same_name),
        cmocka_unit_test(no_memory_is_said),
        cmocka_unit_test(patterns_fit_segments),
        cmocka_unit_test(int_parts_are_32_bit_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
