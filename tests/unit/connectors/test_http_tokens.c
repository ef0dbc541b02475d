/* OAuth 2: the tokens of the HTTP sink, and that no secret is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_bench.h"

#define OAUTH2                                                                                                         \
    "auth.type=oauth2", "TOKEN_URL", "oauth2.client.id=me", "oauth2.client.secret=geheim-9", "oauth2.client.scope="

static void a_token_is_fetched_once_and_anew_when_it_is_refused(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(TOKEN("one"), TARGET_OK, ANSWER("401", "", "0\r\n\r\n"), TOKEN("two"), TARGET_OK), "/",
                LINES(OAUTH2));
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(0, put(&bench));
    assert_int_equal(5, bench.target.request_count);
    assert_true(has_head(&bench, 0, "POST /token ") &&
                has_head(&bench, 0, "\r\nAuthorization: Basic bWU6Z2VoZWltLTk=\r\n"));
    assert_body(&bench, 0, "grant_type=client_credentials");
    assert_true(has_head(&bench, 1, "\r\nAuthorization: Bearer one\r\n"));
    assert_true(has_head(&bench, 3, "POST /token "));
    assert_true(has_head(&bench, 4, "\r\nAuthorization: Bearer two\r\n"));
    assert_body(&bench, 4, "b");
    bench_end(&bench);
}

static void a_refused_client_fails_the_task_in_words_without_its_secret(void **state)
{
    struct http_bench bench;

    (void)state;
    bench_start(&bench, LINES(ANSWER("401", "", "20\r\n\r\nno: geheim-9 unknown")), "/",
                LINES(OAUTH2, "max.retries=0"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(MR_ERR_CONNECT, mr_error_code(bench.error));
    assert_non_null(strstr(mr_error_message(bench.error), "/token: it answered 401: no: [hidden]"));
    assert_int_equal(0, bench.reports);
    bench_end(&bench);
}

/* Some endpoints write 0 for a token without an end. */
static void a_token_whose_life_is_over_at_once_is_used_all_the_same(void **state)
{
    struct http_bench bench;
    char *token = answer_of("{\"access_token\":\"abcdef\",\"expires_in\":0}");

    (void)state;
    bench_start(&bench, LINES(token, TARGET_OK), "/", LINES(OAUTH2));
    add(&bench, 0, 0, NULL, "a");
    add(&bench, 0, 1, NULL, "b");
    assert_int_equal(0, put(&bench));
    assert_int_equal(3, bench.target.request_count);
    assert_true(has_head(&bench, 2, "\r\nAuthorization: Bearer abcdef\r\n"));
    bench_end(&bench);
    free(token);
}

static enum mr_error_code code_after(const char *token_answer)
{
    struct http_bench bench;
    enum mr_error_code code;

    bench_start(&bench, LINES(token_answer), "/", LINES(OAUTH2, "max.retries=0"));
    bench.context.errant = &bench.errant;
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_int_equal(0, bench.reports);
    code = mr_error_code(bench.error);
    bench_end(&bench);
    return code;
}

static void a_token_endpoint_that_is_away_is_a_lost_connection_and_one_that_refuses_is_not(void **state)
{
    (void)state;
    assert_int_equal(MR_ERR_TIMEOUT, code_after(TARGET_RESET));
    assert_int_equal(MR_ERR_TIMEOUT, code_after(AWAY));
    assert_int_equal(MR_ERR_TIMEOUT, code_after(BROKEN));
    assert_int_equal(MR_ERR_TIMEOUT, code_after("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{" TARGET_CUTS));
    assert_int_equal(MR_ERR_CONNECT, code_after(ANSWER("401", "", "0\r\n\r\n")));
    assert_int_equal(MR_ERR_CONNECT, code_after(ANSWER("403", "", "0\r\n\r\n")));
    assert_int_equal(MR_ERR_CONNECT, code_after(TARGET_OK)); /* no token in it */
}

/* Of what a request or a token request carried, the answer tells all. */
static void no_secret_is_told_whichever_the_target_echoes(void **state)
{
    static const char *const secrets[] = {"vault-secret-4711", "se%2Fcret-123456", "se/cret-123456",
                                          "first-token",       "other-token",      "key-19"};
    struct http_bench bench;
    char *first = answer_of("{\"access_token\":\"first-token\"}"),
         *other = answer_of("{\"access_token\":\"other-token\"}");
    char headers[600] = "headers=", said[200], echo[400];
    size_t at = strlen(headers);

    (void)state;
    for (int i = 0; i < 20; i++)
        at += (size_t)snprintf(headers + at, sizeof(headers) - at, "X-%d: key-%02d|", i, i);
    snprintf(said, sizeof(said), "%s, %s, %s, %s, %s, %s", secrets[0], secrets[1], secrets[2], secrets[3], secrets[4],
             secrets[5]);
    snprintf(echo, sizeof(echo), "HTTP/1.1 401 X\r\nContent-Length: %zu\r\n\r\n%s", strlen(said), said);
    bench_start(&bench, LINES(first, echo, other, echo), "/",
                LINES("auth.type=oauth2", "TOKEN_URL", "oauth2.client.id=i", "oauth2.client.secret=se/cret-123456",
                      "oauth2.client.auth.mode=url", "oauth2.client.headers=X-Vault-Token: vault-secret-4711", headers,
                      "max.retries=0"));
    add(&bench, 0, 0, NULL, "a");
    assert_int_equal(-1, put(&bench));
    assert_non_null(strstr(mr_error_message(bench.error),
                           "it answered 401: [hidden], [hidden], [hidden], [hidden], [hidden], [hidden]"));
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        assert_null(strstr(mr_error_message(bench.error), secrets[i]));
    bench_end(&bench);
    free(first);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_fetched_once_and_anew_when_it_is_refused),
        cmocka_unit_test(a_refused_client_fails_the_task_in_words_without_its_secret),
        cmocka_unit_test(a_token_whose_life_is_over_at_once_is_used_all_the_same),
        cmocka_unit_test(a_token_endpoint_that_is_away_is_a_lost_connection_and_one_that_refuses_is_not),
        cmocka_unit_test(no_secret_is_told_whichever_the_target_echoes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
