#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "issuer/discovery_internal.h"
#include "support/alloc_torture.h"

#define ISSUER "https://login.example/t/v2.0"

static void only_addresses_that_cannot_be_somebody_else_are_asked(void **state)
{
    static const struct {
        const char *url;
        bool fine, fine_when_allowed;
    } CASES[] = {
        {"https://login.example/t", true, true},
        {"https://login.example:8443/keys?a=b", true, true},
        {"https://[2001:db8::1]/keys", true, true},
        {"http://127.0.0.1:80/", true, true},
        {"http://127.1.2.3", true, true},
        {"http://localhost:8080/realms/x", true, true},
        {"http://[::1]:8080/", true, true},
        {"http://login.example/", false, true},
        {"http://127.evil.example/", false, true},
        {"http://localhost.evil.example/", false, true},
        {"http://127.0.0.1@evil.example/", false, false},
        {"https://user:password@login.example/", false, false},
        {"https://", false, false},
        {"https:///path", false, false},
        {"https://[::1/", false, false},
        {"HTTPS://login.example/", false, false},
        {"ftp://login.example/", false, false},
        {"file:///etc/passwd", false, false},
        {"login.example", false, false},
        {"", false, false},
        {"https://login.example/ keys", false, false},
        {"https://login.example/\nkeys", false, false},
        {"https://login.example/#keys", false, false},
        {"https://login.example/\xC3\xA4", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        if ((discovery_url_problem(CASES[i].url, false) == NULL) != CASES[i].fine ||
            (discovery_url_problem(CASES[i].url, true) == NULL) != CASES[i].fine_when_allowed)
            fail_msg("%s", CASES[i].url);
    }
}

static void the_document_is_below_the_issuer(void **state)
{
    char *url = discovery_url_of("https://a.example"), *slashed = discovery_url_of("https://a.example/t/");
    (void)state;
    assert_string_equal(url, "https://a.example/.well-known/openid-configuration");
    assert_string_equal(slashed, "https://a.example/t/.well-known/openid-configuration");
    mem_free(url);
    mem_free(slashed);
}

/* What the error says; NULL: none, and the address is as expected. */
static const char *read_document(const char *text, const char *expected)
{
    static char words[500];
    struct mr_error *error = NULL;
    char *url = discovery_keys_url(text, strlen(text), ISSUER, false, &error);
    if (url != NULL) {
        assert_null(error);
        assert_string_equal(url, expected);
        mem_free(url);
        return NULL;
    }
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    snprintf(words, sizeof(words), "%s", mr_error_message(error));
    mr_error_drop(error);
    return words;
}

static void only_the_document_of_this_issuer_counts(void **state)
{
    static const char *const bad[][2] = {
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {"{\"issuer\":\"" ISSUER "\"}", "no JSON object"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":7}", "no JSON object"},
        {"{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"https://x.example/\"}", "that of the issuer '" ISSUER "/'"},
        {"{\"issuer\":\"a\\nb\",\"jwks_uri\":\"https://x.example/\"}", "that of the issuer '?'"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://x.example/\"}", "its jwks_uri 'http://x.example/' is not asked"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://x.example/\",\"jwks_uri\":\"https://y.example/\"}", "no JSON object"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://x.example/\"} x", "no JSON object"},
    };
    (void)state;
    assert_null(read_document("{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://other.example/keys\",\"more\":[1,{}]}",
                              "https://other.example/keys"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *why = read_document(bad[i][0], NULL);
        if (why == NULL || strstr(why, bad[i][1]) == NULL)
            fail_msg("%s: %s", bad[i][0], why == NULL ? "taken" : why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_addresses_that_cannot_be_somebody_else_are_asked),
        cmocka_unit_test(the_document_is_below_the_issuer),
        cmocka_unit_test(only_the_document_of_this_issuer_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
