/* Certificates of TLS and tokens of an issuer as logins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gate_bench.h"
#include "http/exchange.h"
#include "http/server.h"

/* ---- certificates ---- */

static void a_certificate_counts_where_it_is_taken(void **state)
{
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    request.certificate_subject = "CN=ci,OU=build";
    open_gate_for_jaas(bench);
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
    gate_stop(bench->gate);
    gate_destroy(bench->gate);

    bench->config.certificates = true;
    open_gate_for_jaas(bench);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    assert_int_equal(verdict.outcome, GATE_PASSED);
    assert_string_equal(verdict.identity->name, "CN=ci,OU=build");
    assert_int_equal(verdict.identity->login, IDENTITY_CERTIFICATE);
    identity_destroy(verdict.identity);

    request.certificate_subject = "CN=a\nb";
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
    request.certificate_subject = "CN=ci,OU=build"; /* a login that was sent counts before it, also a wrong one */
    request.headers[request.header_count++] = (struct http_pair){"Authorization", basic("carol", "wrong")};
    assert_int_equal(gate_look(bench->gate, &request).status, 401);
}

static void a_changed_file_that_is_of_no_use_shows(void **state)
{
    struct bench *bench = *state;
    open_gate_for_passwords(bench);
    assert_false(gate_is_failing(bench->gate));
    put(bench->bindings, "{", 0644);
    assert_true(gate_is_failing(bench->gate));
    put(bench->bindings, BINDINGS, 0644);
    assert_false(gate_is_failing(bench->gate));
    put(bench->passwords, "alice:plain\n", 0640);
    assert_true(gate_is_failing(bench->gate));
}

static void a_workers_certificate_logs_nobody_in(void **state)
{
    static const char *const PASSED_ON[] = {"/connectors/a?forward=true", "/connectors/a?forward=false", "/connectors/a?x=1&%66orward"};
    struct bench *bench = *state;
    struct http_request request = request_with(NULL);
    bench->config.certificates = true;
    open_gate_for_jaas(bench);
    request.certificate_subject = "CN=worker";
    request.certificate_is_ours = true;
    assert_int_equal(gate_look(bench->gate, &request).status, 401);

    request.certificate_is_ours = false;
    for (size_t i = 0; i < sizeof(PASSED_ON) / sizeof(PASSED_ON[0]); i++) {
        assert_null(http_target_parse(&request.target, PASSED_ON[i]));
        assert_int_equal(gate_look(bench->gate, &request).status, 401);
        http_target_release(&request.target);
    }
}

/* ---- tokens ---- */

static void send_keys(void *context, struct http_exchange *exchange)
{
    struct http_response response;
    (void)context;
    http_response_init(&response, 200, HTTP_CONTENT_JSON);
    str_buffer_append_text(&response.body, signed_tokens_keys);
    http_exchange_answer(exchange, &response);
}

static void a_token_passes_once_the_issuers_keys_are_there(void **state)
{
    static const struct http_route ROUTES[] = {{.method = HTTP_GET, .pattern = "/keys", .handler = send_keys}};
    static const struct http_router ROUTER = {.routes = ROUTES, .route_count = 1};
    static const struct http_listener ANY_PORT = {.host = "127.0.0.1"};
    struct bench *bench = *state;
    char why[300], url[100], header[4000];
    struct http_server *issuer = http_server_start(
        &(struct http_server_setup){.listeners = &ANY_PORT, .listener_count = 1, .router = &ROUTER}, why, sizeof(why));
    assert_non_null(issuer);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/keys", (unsigned)http_server_port(issuer, 0));
    bench->config.issuer = SIGNED_TOKENS_ISSUER;
    bench->config.audiences = " api://other ,, " SIGNED_TOKENS_AUDIENCE;
    bench->config.keys_url = url;
    open_gate(bench);
    snprintf(header, sizeof(header), "bearer %s", signed_tokens_rs256);
    int status = ask(bench, header);
    if (status != 200)
        fail_msg("%d %s", status, bench->why);
    assert_string_equal(bench->name, "u-17");
    assert_int_equal(look(bench, header), 200);

    header[strlen(header) - 20] ^= 1;
    assert_int_equal(look(bench, header), 401);
    fake_clock_advance_ms(&bench->clock, 3 * 3600 * 1000);
    snprintf(header, sizeof(header), "Bearer %s", signed_tokens_rs256);
    struct http_request request = request_with(header);
    struct gate_verdict verdict = gate_look(bench->gate, &request);
    struct http_response response;
    http_response_init(&response, 200, HTTP_CONTENT_NONE);
    gate_fill_refusal(bench->gate, &verdict, &response);
    assert_int_equal(response.status, 401);
    assert_non_null(strstr(response.headers[0].value, "Bearer realm=\"millrace\", error=\"invalid_token\", error_description=\""));
    http_response_release(&response);
    gate_stop(bench->gate);
    http_server_stop(issuer);
}

static void without_any_key_the_worker_is_not_ready_for_tokens(void **state)
{
    struct bench *bench = *state;
    char header[4000];
    bench->config.issuer = SIGNED_TOKENS_ISSUER;
    bench->config.audiences = SIGNED_TOKENS_AUDIENCE;
    bench->config.keys_url = "http://127.0.0.1:1/keys";
    open_gate(bench);
    snprintf(header, sizeof(header), "Bearer %s", signed_tokens_rs256);
    assert_int_equal(ask(bench, header), 503);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_certificate_counts_where_it_is_taken),
        TEST(a_changed_file_that_is_of_no_use_shows),
        TEST(a_workers_certificate_logs_nobody_in),
        TEST(a_token_passes_once_the_issuers_keys_are_there),
        TEST(without_any_key_the_worker_is_not_ready_for_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
