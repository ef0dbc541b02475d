/* What token endpoints and files say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "identity/token_answer.h"

/* {"alg":"none"}.{"sub":"alice","iat":1000,"exp":4600}.sig */
#define JWT "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImlhdCI6MTAwMCwiZXhwIjo0NjAwfQ.c2ln"

static int read_text(struct token_answer *answer, const char *text, struct mr_error **error)
{
    return token_answer_read(answer, text, strlen(text), "sub", error);
}

static const struct {
    const char *text;
    int64_t now_s, life_ms; /* of token_answer_life_ms */
} lives[] = {
    {"{\"access_token\":\"opaque\",\"expires_in\":300}", 0, 300000},
    {"{\"access_token\":\"opaque\",\"expires_in\":\"300\"}", 0, 300000},        /* Azure's metadata service */
    {"{\"access_token\":\"opaque\",\"expires_in\":300.9}", 0, 300000},
    {"{\"id_token\":\"opaque\",\"expires_in\":5}", 0, 5000},
    {"{\"access_token\":\"opaque\"}", 0, TOKEN_LIFE_UNKNOWN_MS},
    {"{\"access_token\":\"opaque\",\"expires_in\":\"soon\"}", 0, TOKEN_LIFE_UNKNOWN_MS},
    {"{\"access_token\":\"opaque\",\"expires_in\":-5}", 0, TOKEN_LIFE_UNKNOWN_MS},
    {"{\"access_token\":\"opaque\",\"expires_in\":99999999999}", 0, TOKEN_LIFE_MAX_MS},
    {"{\"access_token\":\"opaque\",\"expires_on\":\"2000\"}", 1400, 600000},
    {"{\"access_token\":\"" JWT "\"}", 0, 3600000},                  /* no clock at all: from iat to exp */
    {"{\"access_token\":\"" JWT "\"}", 4000, 600000},                /* by the issuer's own clock */
    {"{\"access_token\":\"" JWT "\",\"expires_in\":60}", 4000, 60000}, /* the sooner of two */
    {"{\"access_token\":\"" JWT "\",\"expires_in\":9000}", 4000, 600000},
    {"{\"access_token\":\"" JWT "\"}", 4600, 0},                     /* ended */
    {"{\"access_token\":\"a.!!.c\",\"expires_in\":7}", 0, 7000},     /* no JWT for all its dots */
};

static void a_life_is_a_span_and_no_clock_needs_to_be_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct token_answer answer;
        assert_int_equal(read_text(&answer, lives[i].text, NULL), 0);
        if (token_answer_life_ms(&answer, lives[i].now_s) != lives[i].life_ms)
            fail_msg("%s at %lld: %lld", lives[i].text, (long long)lives[i].now_s,
                     (long long)token_answer_life_ms(&answer, lives[i].now_s));
        token_answer_release(&answer);
    }
}

static const char *const malformed[] = {
    "", "null", "[]", "{", "{\"access_token\":\"hidden-token\"", "{\"access_token\":1}", "{\"access_token\":\"\"}",
    "{\"access_token\":\"hidden token\"}", "{\"access_token\":\"hidden\\u0000token\"}", "{\"access_token\":\"hidden\\n\"}",
    "{\"access_token\":\"hidden-token\",\"token_type\":\"mac\"}", "<html>hidden-token</html>",
    "{\"access_token\":\"h\\u00ffidden\"}", "{\"error\":\"hidden\"}",
};

static void what_is_malformed_is_refused_and_not_repeated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct token_answer answer;
        struct mr_error *error = NULL;
        if (read_text(&answer, malformed[i], &error) == 0)
            fail_msg("accepted: %s", malformed[i]);
        assert_null(answer.text);
        assert_null(strstr(mr_error_message(error), "hidden"));
        mr_error_drop(error);
    }
}

static void the_subject_is_the_claim_that_was_named(void **state)
{
    static const char answer_text[] = "{\"access_token\":\"" JWT "\"}";
    struct token_answer answer;
    (void)state;
    assert_int_equal(read_text(&answer, answer_text, NULL), 0);
    assert_string_equal(answer.principal, "alice");
    token_answer_release(&answer);
    assert_int_equal(token_answer_read(&answer, answer_text, strlen(answer_text), "email", NULL), 0);
    assert_string_equal(answer.principal, "unknown");
    token_answer_release(&answer);
}

static void a_file_holds_a_jwt_and_nothing_else(void **state)
{
    static const char *const bad[] = {"", " \n", "opaque", "a.b", "a.b.c.d", JWT " " JWT, "a.e30x!.c"};
    struct token_answer answer;
    (void)state;
    assert_int_equal(token_answer_read_jwt(&answer, " " JWT "\r\n", strlen(JWT) + 3, "sub", NULL), 0);
    assert_string_equal(answer.text, JWT);
    assert_int_equal(token_answer_life_ms(&answer, 4590), 10000);
    token_answer_release(&answer);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (token_answer_read_jwt(&answer, bad[i], strlen(bad[i]), "sub", NULL) == 0)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void of_an_error_only_codes_are_repeated(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"{\"error\":\"invalid_client\"}", "invalid_client"},
        {"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret hidden provided.\"}",
         "invalid_client (AADSTS7000215)"},
        {"{\"error\":\"invalid_client\",\"error_description\":\"your secret hidden\"}", "invalid_client"},
        {"{\"error\":\"Hidden secret\"}", ""},
        {"{\"error\":{\"code\":\"hidden\"}}", ""},
        {"hidden", ""},
        {"", ""},
    };
    char reason[TOKEN_REASON_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        token_answer_reason(cases[i].text, strlen(cases[i].text), reason);
        assert_string_equal(reason, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_a_span_and_no_clock_needs_to_be_right),
        cmocka_unit_test(what_is_malformed_is_refused_and_not_repeated),
        cmocka_unit_test(the_subject_is_the_claim_that_was_named),
        cmocka_unit_test(a_file_holds_a_jwt_and_nothing_else),
        cmocka_unit_test(of_an_error_only_codes_are_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
