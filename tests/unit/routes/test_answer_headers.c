/* Headers of every answer: rules of the worker's file, and what browsers are told about other origins. */
#include "fake_herder.h"

#include <millrace/error.h>

#include "http/request.h"
#include "http/response.h"
#include "routes/cross_origin.h"
#include "routes/header_rules.h"
#include "routes/rest_server.h"
#include "support/alloc_torture.h"
#include "support/raw_http.h"

/* ---- rules ---- */

#define NOW_MS 784111777250 /* Sun, 06 Nov 1994 08:49:37.25 */

static void append_headers(struct str_buffer *text, const struct http_response *response)
{
    for (size_t i = 0; i < response->header_count; i++)
        str_buffer_printf(text, "%s=%s\n", response->headers[i].name, response->headers[i].value);
}

/* What the rules make of an answer with these headers of its own. */
static void expect_headers(const char *config, const char *own_name, const char *own_value, const char *wanted)
{
    struct header_rules rules;
    struct http_response response;
    struct str_buffer text;
    str_buffer_init(&text, 4096);
    assert_int_equal(header_rules_init(&rules, config, NULL), 0);
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    if (own_name != NULL)
        http_response_add_header(&response, own_name, own_value);
    header_rules_apply(&rules, &response, NOW_MS);
    append_headers(&text, &response);
    assert_string_equal(str_buffer_text(&text), wanted);
    str_buffer_release(&text);
    http_response_release(&response);
    header_rules_release(&rules);
}

static void rules_add_headers(void **state)
{
    (void)state;
    expect_headers(NULL, NULL, NULL, "");
    expect_headers("  ", NULL, NULL, "");
    expect_headers("add X-A: b", NULL, NULL, "X-A=b\n");
    expect_headers(" SET  X-A : b c ,aDd X-B:d", NULL, NULL, "X-A=b c\nX-B=d\n");
    expect_headers("\"set Cache-Control: no-cache, no-store\", add X: \"1\"", NULL, NULL,
                   "Cache-Control=no-cache, no-store\nX=1\n");
    expect_headers("\"add X: a \\\"b\\\"\"", NULL, NULL, "X=a \"b\"\n");
}

static void dates_are_told_from_now(void **state)
{
    (void)state;
    expect_headers("setDate Expires: 0,addDate X-At: -86400000", NULL, NULL,
                   "Expires=Sun, 06 Nov 1994 08:49:37 GMT\nX-At=Sat, 05 Nov 1994 08:49:37 GMT\n");
    expect_headers("setDate Expires: 31540000000", NULL, NULL, "Expires=Mon, 06 Nov 1995 09:56:17 GMT\n");
}

static void the_last_set_counts_and_the_answers_own_header_before_it(void **state)
{
    (void)state;
    expect_headers("add X: 1,add x: 2,set X: 3,add X: 4", NULL, NULL, "X=3\nX=4\n");
    expect_headers("set location: here,add Location: there", "Location", "own", "Location=own\nLocation=there\n");
    expect_headers("set Content-Type: text/plain,add Content-Type: text/plain", NULL, NULL, "");
}

static void a_wrong_rule_is_quoted_when_it_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *config, *words;
    } CASES[] = {
        {"put X: 1", "'put X: 1' does not begin with set"},
        {"set", "one colon"},
        {"set X", "one colon"},
        {"set X: a:b", "one colon"},
        {"set X Y: a", "has a name"},
        {"set : a", "has a name"},
        {"set X:", "has no value"},
        {"set X: a\x01", "control characters"},
        {"set content-length: 1", "only the server can set"},
        {"setDate X: soon", "no number"},
        {"setDate X: 99999999999999999999", "no number"},
        {"set X: a, set Y", "'set Y' is not"},
        {"\"set X: a", "quote is not closed"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct header_rules rules;
        struct mr_error *error = NULL;
        assert_int_equal(header_rules_init(&rules, CASES[i].config, &error), -1);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        assert_non_null(strstr(mr_error_message(error), "response.http.headers.config"));
        if (strstr(mr_error_message(error), CASES[i].words) == NULL)
            fail_msg("%s", mr_error_message(error));
        mr_error_drop(error);
    }
}

static void there_are_at_most_sixteen_rules(void **state)
{
    (void)state;
    struct str_buffer text;
    struct header_rules rules;
    struct mr_error *error = NULL;
    str_buffer_init(&text, 4096);
    for (int i = 0; i < HEADER_RULES_MAX; i++)
        str_buffer_printf(&text, "add X-%d: a,", i);
    assert_int_equal(header_rules_init(&rules, str_buffer_text(&text), NULL), 0);
    assert_int_equal(rules.count, HEADER_RULES_MAX);
    header_rules_release(&rules);
    str_buffer_append_text(&text, "add Y: b");
    assert_int_equal(header_rules_init(&rules, str_buffer_text(&text), &error), -1);
    assert_non_null(strstr(mr_error_message(error), "one too many"));
    mr_error_drop(error);
    str_buffer_release(&text);
}

/* ---- origins ---- */

static void expect_origin(const char *allowed, const char *origin, const char *wanted)
{
    struct cross_origin cross_origin;
    struct http_request request = {.method = HTTP_GET, .headers = {{"origin", origin}}, .header_count = origin != NULL};
    struct http_response response;
    struct str_buffer text;
    str_buffer_init(&text, 4096);
    assert_int_equal(cross_origin_init(&cross_origin, allowed, NULL, NULL), 0);
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    cross_origin_apply(&cross_origin, &request, &response);
    append_headers(&text, &response);
    if (strcmp(str_buffer_text(&text), wanted) != 0)
        fail_msg("%s, asked by %s: %s", allowed, origin, str_buffer_text(&text));
    str_buffer_release(&text);
    http_response_release(&response);
    cross_origin_release(&cross_origin);
}

static void an_allowed_origin_is_named(void **state)
{
    (void)state;
    expect_origin(NULL, "http://a", "");
    expect_origin(" ", "http://a", "");
    expect_origin("*", NULL, "Vary=Origin\n");
    expect_origin("*", "http://a", "Vary=Origin\nAccess-Control-Allow-Origin=http://a\n");
    expect_origin("http://b, http://a", "http://a", "Vary=Origin\nAccess-Control-Allow-Origin=http://a\n");
    expect_origin("http://b", "http://a", "Vary=Origin\n");
    expect_origin("http://a", "http://b http://a", "Vary=Origin\nAccess-Control-Allow-Origin=http://b http://a\n");
}

static void an_entry_is_a_regular_expression_over_the_whole_origin(void **state)
{
    (void)state;
    expect_origin("https://.*\\.example\\.org", "https://a.example.org",
                  "Vary=Origin\nAccess-Control-Allow-Origin=https://a.example.org\n");
    expect_origin("https://.*\\.example\\.org", "https://a.example.org.evil.com", "Vary=Origin\n");
    expect_origin("https://.*\\.example\\.org", "https://axexample.org", "Vary=Origin\n");
    expect_origin("https://a.example.org", "https://axexample.org",
                  "Vary=Origin\nAccess-Control-Allow-Origin=https://axexample.org\n");
    expect_origin("http://a", "HTTP://A", "Vary=Origin\n");
}

static bool may_change_from(const char *allowed, const char *origin)
{
    struct cross_origin cross_origin;
    struct http_request request = {.method = HTTP_PUT, .origin = "http://me:8083", .header_count = 1};
    request.headers[0] = (struct http_pair){"Origin", origin};
    assert_int_equal(cross_origin_init(&cross_origin, allowed, NULL, NULL), 0);
    bool may = cross_origin_may_change(&cross_origin, &request);
    cross_origin_release(&cross_origin);
    return may;
}

static void only_an_origin_that_is_named_may_change_something(void **state)
{
    (void)state;
    assert_true(may_change_from("", "https://me:8083"));
    assert_false(may_change_from("", "https://console"));
    assert_false(may_change_from("", ""));
    assert_true(may_change_from("https://a,https://cons.le", "https://console"));
    assert_false(may_change_from("https://a,https://cons.le", "https://console.example"));
    assert_false(may_change_from("*", "https://console"));
}

static void an_origin_that_is_strange_is_not_named(void **state)
{
    (void)state;
    char origin[CROSS_ORIGIN_LENGTH_MAX + 2];
    memset(origin, 'a', sizeof(origin) - 1);
    origin[sizeof(origin) - 1] = '\0';
    expect_origin("*", origin, "Vary=Origin\n");
    expect_origin("*", "http://a\tb", "Vary=Origin\n");
    expect_origin("(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", "Vary=Origin\n");
}

static void an_entry_that_is_no_regular_expression_is_refused(void **state)
{
    (void)state;
    struct cross_origin cross_origin;
    struct mr_error *error = NULL;
    assert_int_equal(cross_origin_init(&cross_origin, "http://a,http://(b", NULL, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(error), "access.control.allow.origin: 'http://(b'"));
    mr_error_drop(error);
    error = NULL;
    assert_int_equal(cross_origin_init(&cross_origin, "*", "GET\x01", &error), -1);
    assert_non_null(strstr(mr_error_message(error), "access.control.allow.methods"));
    mr_error_drop(error);
}

static bool init_both(void *argument)
{
    (void)argument;
    struct header_rules rules;
    struct cross_origin cross_origin;
    if (header_rules_init(&rules, "set A: b, setDate C: 1, set A: c", NULL) != 0)
        return false;
    bool worked = cross_origin_init(&cross_origin, "http://a, http://b", "GET", NULL) == 0;
    if (worked)
        cross_origin_release(&cross_origin);
    header_rules_release(&rules);
    return worked;
}

static void want_of_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(init_both, NULL);
}

/* ---- on the wire ---- */

struct fixture {
    struct herder herder;
    struct rest_server *server;
    uint16_t port;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct listener_address address = {.host = "127.0.0.1", .port = 0};
    struct worker_config worker = {.listeners = &address,
                                   .listener_count = 1,
                                   .access_control_origins = "https://console.example.org",
                                   .access_control_methods = "get, PUT",
                                   .response_headers = "add X-Frame-Options: DENY"};
    memset(&fixture, 0, sizeof(fixture));
    fixture.server = rest_server_start(&(struct rest_setup){.herder = &fixture.herder, .worker = &worker}, NULL);
    assert_non_null(fixture.server);
    fixture.port = rest_server_port(fixture.server, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    rest_server_stop(fixture->server);
    return 0;
}

#define HOST "Host: me\r\n"
#define ORIGIN "Origin: https://console.example.org\r\n"

static void every_answer_carries_the_headers_errors_included(void **state)
{
    static const char *const REQUESTS[] = {
        "GET / HTTP/1.1\r\n" HOST ORIGIN "\r\n",
        "GET /nowhere HTTP/1.1\r\n" HOST ORIGIN "\r\n",
        "GET /%2e%2e HTTP/1.1\r\n" HOST ORIGIN "\r\n",
        "PUT / HTTP/1.1\r\n" HOST ORIGIN "Content-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST ORIGIN "Accept: text/plain\r\n\r\n",
        "OPTIONS / HTTP/1.1\r\n" HOST ORIGIN "\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
        struct reply *reply = raw_ask(fixture->port, REQUESTS[i]);
        assert_string_equal(reply_header(reply, "X-Frame-Options"), "DENY");
        assert_string_equal(reply_header(reply, "Vary"), "Origin");
        assert_string_equal(reply_header(reply, "Access-Control-Allow-Origin"), "https://console.example.org");
        assert_null(reply_header(reply, "Access-Control-Allow-Methods"));
        assert_null(reply_header(reply, "Access-Control-Allow-Credentials"));
    }
}

static void a_preflight_is_told_methods_and_headers(void **state)
{
    struct fixture *fixture = *state;
    struct reply *reply = raw_ask(fixture->port, "OPTIONS /connectors HTTP/1.1\r\n" HOST ORIGIN
                                                 "Access-Control-Request-Method: PUT\r\n\r\n");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply_header(reply, "Access-Control-Allow-Origin"), "https://console.example.org");
    assert_string_equal(reply_header(reply, "Access-Control-Allow-Methods"), "get, PUT");
    assert_string_equal(reply_header(reply, "Access-Control-Allow-Headers"), "Content-Type");
    assert_string_equal(reply_header(reply, "Access-Control-Max-Age"), "60");
    assert_string_equal(reply_header(reply, "Allow"), "GET,HEAD,POST,OPTIONS");
    reply = raw_ask(fixture->port, "OPTIONS /connectors HTTP/1.1\r\n" HOST
                                   "Origin: http://other\r\nAccess-Control-Request-Method: PUT\r\n\r\n");
    assert_int_equal(reply->status, 200);
    assert_null(reply_header(reply, "Access-Control-Allow-Origin"));
    assert_null(reply_header(reply, "Access-Control-Allow-Methods"));
    assert_string_equal(reply_header(reply, "Vary"), "Origin");
}

static void a_server_with_a_wrong_option_does_not_start(void **state)
{
    (void)state;
    struct herder herder = {.is_ready = true};
    struct listener_address address = {.host = "127.0.0.1", .port = 0};
    struct worker_config worker = {.listeners = &address, .listener_count = 1, .response_headers = "nothing"};
    struct mr_error *error = NULL;
    assert_null(rest_server_start(&(struct rest_setup){.herder = &herder, .worker = &worker}, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    mr_error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_add_headers),
        cmocka_unit_test(dates_are_told_from_now),
        cmocka_unit_test(the_last_set_counts_and_the_answers_own_header_before_it),
        cmocka_unit_test(a_wrong_rule_is_quoted_when_it_is_refused),
        cmocka_unit_test(there_are_at_most_sixteen_rules),
        cmocka_unit_test(an_allowed_origin_is_named),
        cmocka_unit_test(an_entry_is_a_regular_expression_over_the_whole_origin),
        cmocka_unit_test(only_an_origin_that_is_named_may_change_something),
        cmocka_unit_test(an_origin_that_is_strange_is_not_named),
        cmocka_unit_test(an_entry_that_is_no_regular_expression_is_refused),
        cmocka_unit_test(want_of_memory_is_an_error_and_leaks_nothing),
        cmocka_unit_test_setup_teardown(every_answer_carries_the_headers_errors_included, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_preflight_is_told_methods_and_headers, set_up, tear_down),
        cmocka_unit_test(a_server_with_a_wrong_option_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
