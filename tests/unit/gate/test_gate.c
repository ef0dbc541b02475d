/* The gate opens: which files will do, and what is warned about; what it says to a request without a login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "access/jwt_validator.h"
#include "base/log_sink.h"
#include "gate_bench.h"

/* ---- opening ---- */

static void files_that_will_not_do_are_named_at_the_start(void **state)
{
    struct bench *bench = *state;
    bench->config.passwords_file = "/nowhere/passwords";
    refuses_to_open(bench, "/nowhere/passwords");
    bench->config.passwords_file = bench->passwords;
    put(bench->passwords, "alice:" BCRYPT "\n", 0644);
    refuses_to_open(bench, "chmod o-rwx");
    put(bench->passwords, "alice:" BCRYPT "\n", 0640);
    put(bench->bindings, "{}", 0644);
    refuses_to_open(bench, bench->bindings);
    bench->config.bindings_file = "/nowhere/bindings";
    refuses_to_open(bench, "/nowhere/bindings");
}

/* Counts warnings of names that count for several logins. */
static void count_warnings(void *state, const struct log_line *line)
{
    *(int *)state += line->level == LOG_LEVEL_WARN && strstr(line->message, "more than one way to log in, and binding robots") != NULL;
}

typedef void hear_fn(void *state, const struct log_line *line);
static int lines_at_start(struct bench *bench, hear_fn *count)
{
    int lines = 0;
    log_sink_set(&(struct log_sink){count, &lines});
    open_gate(bench);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);
    bench->gate = NULL;
    log_sink_set(NULL);
    return lines;
}

static int warnings_at_start(struct bench *bench)
{
    return lines_at_start(bench, count_warnings);
}

static void names_that_count_for_several_logins_are_warned_about(void **state)
{
#define ROBOTS "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}," \
               "{\"name\":\"robots\",\"users\":[\"CN=robot\"],\"role\":\"admin\""
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->bindings, ROBOTS "}]}", 0644);
    assert_int_equal(warnings_at_start(bench), 0);
    bench->config.certificates = true;
    assert_int_equal(warnings_at_start(bench), 1);
    put(bench->bindings, ROBOTS ",\"logins\":[\"certificate\"]}]}", 0644);
    assert_int_equal(warnings_at_start(bench), 0);
}

static void count_strangers(void *state, const struct log_line *line)
{
    *(int *)state += line->level == LOG_LEVEL_WARN && strstr(line->message, "binding vera names the user verra, who has no password") != NULL;
}

static int strangers_at_start(struct bench *bench, const char *more)
{
    char text[300];

    snprintf(text, sizeof(text), "{\"bindings\":[{\"name\":\"all\",\"users\":[\"*\",\"carol\"],\"role\":\"admin\"},"
             "{\"name\":\"vera\",\"users\":[\"verra\"],\"role\":\"admin\"%s}]}", more);
    put(bench->bindings, text, 0644);
    return lines_at_start(bench, count_strangers);
}

static void a_user_without_a_password_is_warned_about_where_there_is_no_other_login(void **state)
{
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->plain, "carol=hunter2\n", 0600);
    assert_int_equal(strangers_at_start(bench, ""), 1);
    assert_int_equal(strangers_at_start(bench, ",\"logins\":[\"certificate\"]"), 0);
    bench->config.certificates = true;
    assert_int_equal(strangers_at_start(bench, ""), 0);
    put(bench->plain, "carol=hunter2\nverra=hunter3\n", 0600);
    bench->config.certificates = false;
    assert_int_equal(strangers_at_start(bench, ""), 0);
}

static void plain_passwords_that_all_may_read_are_refused(void **state)
{
    struct bench *bench = *state;
    bench->config.jaas_file = bench->jaas;
    put(bench->plain, "carol=hunter2\n", 0604);
    refuses_to_open(bench, bench->plain);
}

static void an_issuer_that_cannot_be_asked_is_refused(void **state)
{
    struct bench *bench = *state;
    bench->config.issuer = "http://login.example.org";
    bench->config.audiences = "a";
    refuses_to_open(bench, "http://login.example.org");
}

/* ---- headers ---- */

static void what_is_no_login_is_refused_without_a_look_at_the_body(void **state)
{
    static const char *const HEADERS[] = {
        NULL,  "",          "Basic",     "Basic ",       "Basic !!!!", "Basic YWxpY2U=" /* no colon */, "Digest username=\"alice\"",
        "Bea", "Bearer a.b.c", "Bearer",
    };
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++)
        assert_int_equal(look(bench, HEADERS[i]), 401);
    struct http_request request = request_with(basic("alice", PASSWORD));
    request.headers[request.header_count++] = (struct http_pair){"Authorization", "Basic YTpi"};
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
}

static void challenges_name_what_is_taken_here(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    struct http_response response;
    open_gate_for_jaas(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "WWW-Authenticate");
    assert_string_equal(response.headers[0].value, "Basic realm=\"millrace\", charset=\"UTF-8\"");
    assert_string_equal(str_buffer_text(&response.body), "{\"error_code\":401,\"message\":\"This needs a login.\"}");
    http_response_release(&response);
}

static void a_listener_that_takes_certificates_alone_has_a_challenge_too(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    struct http_response response;
    bench->config.certificates = true;
    open_gate(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "WWW-Authenticate");
    assert_string_equal(response.headers[0].value, "Certificate realm=\"millrace\"");
    http_response_release(&response);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_that_will_not_do_are_named_at_the_start),
        TEST(names_that_count_for_several_logins_are_warned_about),
        TEST(a_user_without_a_password_is_warned_about_where_there_is_no_other_login),
        TEST(plain_passwords_that_all_may_read_are_refused),
        TEST(an_issuer_that_cannot_be_asked_is_refused),
        TEST(what_is_no_login_is_refused_without_a_look_at_the_body),
        TEST(challenges_name_what_is_taken_here),
        TEST(a_listener_that_takes_certificates_alone_has_a_challenge_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
