/* One attempt: what goes over the wire, what becomes of answers, and that no secret is in any word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "../connectors/http_target.h"
#include "base/string_map.h"
#include "identity/azure.h"
#include "identity/token_fetch.h"
#include "identity/token_http.h"
#include "identity/token_settings.h"

#define SECRET "pass=word%&hush"
#define JWT "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImlhdCI6MTAwMCwiZXhwIjo5OTk5OTk5OTk5fQ.c2ln"
#define ANSWER(status, more, body) "HTTP/1.1 " status " X\r\n" more "Content-Length: " body
#define TOKEN_ANSWER ANSWER("200", "", "45\r\n\r\n{\"access_token\":\"abc.def\",\"expires_in\":\"300\"}")
#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})

struct bench {
    struct http_target target;
    struct string_map *map;
    struct token_http *http;
    char request[8192];
    struct token_failure failure;
    char file[64];
};

static void begin(struct bench *bench, const char *const *answers)
{
    char url[128];
    memset(bench, 0, sizeof *bench);
    target_start(&bench->target, answers);
    bench->http = token_http_create();
    bench->map = string_map_create();
    snprintf(url, sizeof url, "http://127.0.0.1:%u/token", bench->target.port);
    string_map_put(bench->map, TOKEN_KIND, "client_credentials");
    string_map_put(bench->map, TOKEN_URL, url);
    string_map_put(bench->map, TOKEN_CLIENT_ID, "me");
    string_map_put(bench->map, TOKEN_CLIENT_SECRET, SECRET);
    string_map_put(bench->map, TOKEN_SCOPE, "a b");
}

static void keep_last_request(struct bench *bench)
{
    struct http_target *target = &bench->target;
    pthread_mutex_lock(&target->lock); /* the answer alone orders nothing between the two threads */
    if (target->request_count > 0)
        snprintf(bench->request, sizeof bench->request, "%s", target->requests[target->request_count - 1]);
    pthread_mutex_unlock(&target->lock);
}

static struct token *fetch(struct bench *bench)
{
    struct token_settings settings;
    struct mr_error *error = NULL;
    int64_t skew_s;
    if (token_settings_read(&settings, bench->map, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    struct token *token = token_fetch(bench->http, &settings, NULL, &skew_s, &bench->failure);
    keep_last_request(bench);
    assert_null(strstr(bench->failure.words, "hush"));
    assert_null(strstr(bench->failure.words, "cGFzcz13b3Jk"));
    assert_null(strstr(bench->failure.words, "assertion-text"));
    return token;
}

static void end(struct bench *bench)
{
    target_end(&bench->target);
    token_http_destroy(bench->http);
    string_map_destroy(bench->map);
    if (*bench->file != '\0')
        unlink(bench->file);
}

static void write_file(struct bench *bench, const char *text)
{
    if (*bench->file == '\0') {
        snprintf(bench->file, sizeof bench->file, "/tmp/millrace-token-XXXXXX");
        close(mkstemp(bench->file));
    }
    FILE *file = fopen(bench->file, "we");
    fputs(text, file);
    fclose(file);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in: %s", part, text);
}

static void client_credentials_stand_in_the_header_as_kafka_writes_them(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(TOKEN_ANSWER));
    struct token *token = fetch(&bench);
    assert_string_equal(token->text, "abc.def");
    assert_int_equal(token->expires_ms - token->fetched_ms, 300000);
    assert_has(bench.request, "POST /token HTTP/1.1");
    assert_has(bench.request, "Authorization: Basic bWU6cGFzcz13b3JkJSZodXNo");
    assert_has(bench.request, "grant_type=client_credentials&scope=a%20b");
    assert_null(strstr(bench.request, "client_secret"));
    token_drop(token);
    string_map_put(bench.map, TOKEN_URLENCODE, "true");
    token = fetch(&bench);
    assert_has(bench.request, "Authorization: Basic bWU6cGFzcyUzRHdvcmQlMjUlMjZodXNo");
    token_drop(token);
    end(&bench);
}

static void an_assertion_is_read_anew_for_each_request(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(TOKEN_ANSWER));
    string_map_remove(bench.map, TOKEN_CLIENT_SECRET);
    write_file(&bench, "assertion-text.one\n");
    string_map_put(bench.map, TOKEN_ASSERTION_FILE, bench.file);
    token_drop(fetch(&bench));
    assert_has(bench.request, "client_id=me&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
                              "client_assertion=assertion-text.one&scope=");
    assert_null(strstr(bench.request, "Authorization"));
    write_file(&bench, "assertion-text.two");
    token_drop(fetch(&bench));
    assert_has(bench.request, "assertion-text.two");
    write_file(&bench, "");
    assert_null(fetch(&bench));
    assert_has(bench.failure.words, "is empty");
    assert_false(bench.failure.is_hopeless);
    end(&bench);
}

static const struct {
    const char *answer;
    bool is_hopeless, is_metadata;
    const char *says;
} failures[] = {
    {ANSWER("401", "", "27\r\n\r\n{\"error\":\"invalid_client\"} "), true, false, "it answered 401 invalid_client; check the client's id"},
    {ANSWER("400", "", "3\r\n\r\nbad"), true, false, "it answered 400; check"},
    {ANSWER("404", "", "0\r\n\r\n"), true, false, "it answered 404"},
    {ANSWER("404", "", "0\r\n\r\n"), false, true, "it answered 404"},
    {ANSWER("410", "", "0\r\n\r\n"), false, true, "it answered 410"},
    {ANSWER("400", "", "0\r\n\r\n"), true, true, "it answered 400"},
    {ANSWER("429", "", "0\r\n\r\n"), false, false, "it answered 429"},
    {ANSWER("503", "", "0\r\n\r\n"), false, false, "it answered 503"},
    {ANSWER("302", "Location: http://127.0.0.1:1/\r\n", "0\r\n\r\n"), true, false, "it answered 302"},
    {ANSWER("200", "", "2\r\n\r\n{}"), false, false, "its answer has no access_token"},
    {ANSWER("200", "", "4\r\n\r\nhush"), false, false, "its answer is no JSON object"},
    {ANSWER("200", "", "9999999\r\n\r\n{" TARGET_CUTS), false, false, "no answer"},
    {TARGET_RESET, false, false, "no answer"},
};

static void answers_tell_what_may_pass_from_what_will_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct bench bench;
        begin(&bench, ANSWERS(failures[i].answer));
        if (failures[i].is_metadata) {
            string_map_put(bench.map, TOKEN_KIND, "managed_identity");
            string_map_put(bench.map, TOKEN_RESOURCE, "https://hub");
        }
        assert_null(fetch(&bench));
        if (strstr(bench.failure.words, failures[i].says) == NULL || bench.failure.is_hopeless != failures[i].is_hopeless)
            fail_msg("%zu: %s (%d)", i, bench.failure.words, bench.failure.is_hopeless);
        assert_has(bench.failure.words, "http://127.0.0.1:");
        end(&bench);
    }
}

static void who_is_busy_says_for_how_long(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(ANSWER("429", "Retry-After: 7\r\n", "0\r\n\r\n"),
                          ANSWER("503", "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nRetry-After: Mon, 01 Jan 2024 00:00:09 GMT\r\n",
                                 "0\r\n\r\n")));
    assert_null(fetch(&bench));
    assert_int_equal(bench.failure.retry_after_ms, 7000);
    assert_null(fetch(&bench));
    assert_int_equal(bench.failure.retry_after_ms, 9000);
    end(&bench);
}

static void an_endpoint_that_says_nothing_is_given_up(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(TARGET_HANGS));
    string_map_put(bench.map, TOKEN_CONNECT_TIMEOUT_MS, "100");
    string_map_put(bench.map, TOKEN_READ_TIMEOUT_MS, "100");
    assert_null(fetch(&bench));
    assert_has(bench.failure.words, "no answer");
    assert_false(bench.failure.is_hopeless);
    end(&bench);
}

/* The issuer's clock is years behind this machine's: its own Date says for how long the token counts. */
static void the_life_of_a_jwt_is_counted_on_the_issuers_clock(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(ANSWER("200", "Date: Thu, 01 Jan 1970 01:16:30 GMT\r\n",
                                 "75\r\n\r\n{\"access_token\":\"eyJhbGciOiJub25lIn0.eyJpYXQiOjEwMDAsImV4cCI6NDYwMH0.c2ln\"}")));
    struct token *token = fetch(&bench);
    if (token == NULL)
        fail_msg("%s", bench.failure.words);
    assert_int_equal(token->expires_ms - token->fetched_ms, 10000);
    token_drop(token);
    end(&bench);
}

static void a_file_is_read_anew_and_told_when_it_is_no_token(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(TOKEN_ANSWER));
    write_file(&bench, JWT "\n");
    string_map_put(bench.map, TOKEN_KIND, "file");
    string_map_put(bench.map, TOKEN_URL, bench.file);
    struct token *token = fetch(&bench);
    assert_string_equal(token->principal, "alice");
    token_drop(token);
    write_file(&bench, "hush");
    assert_null(fetch(&bench));
    assert_has(bench.failure.words, bench.file);
    write_file(&bench, "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDB9.c2ln");
    assert_null(fetch(&bench));
    assert_has(bench.failure.words, "has ended already");
    end(&bench);
}

static void an_unsigned_token_has_its_claims(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench, ANSWERS(TOKEN_ANSWER));
    string_map_put(bench.map, TOKEN_KIND, "unsecured");
    string_map_put(bench.map, TOKEN_CLAIMS, "{\"sub\":\"bob\"}");
    string_map_put(bench.map, TOKEN_LIFETIME_S, "60");
    struct token *token = fetch(&bench);
    assert_string_equal(token->principal, "bob");
    assert_int_equal(token->expires_ms - token->fetched_ms, 60000);
    assert_int_equal(strncmp(token->text, "eyJhbGciOiJub25lIn0.", 20), 0);
    assert_int_equal(token->text[strlen(token->text) - 1], '.');
    token_drop(token);
    end(&bench);
}

static void azures_environment_is_understood(void **state)
{
    struct string_map *map = string_map_create();
    struct mr_error *error = NULL;
    struct azure_wish wish = {.identity = AZURE_ANY_IDENTITY, .scope = "https://hub/.default"};
    (void)state;
    unsetenv("AZURE_FEDERATED_TOKEN_FILE");
    unsetenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    unsetenv("AZURE_CLIENT_ID");
    unsetenv("AZURE_TENANT_ID");
    unsetenv("AZURE_AUTHORITY_HOST");
    assert_int_equal(azure_settings(map, &wish, &error), 0);
    assert_string_equal(string_map_get(map, TOKEN_URL), "http://169.254.169.254/metadata/identity/oauth2/token");
    assert_string_equal(string_map_get(map, TOKEN_RESOURCE), "https://hub");
    wish.identity = AZURE_WORKLOAD_IDENTITY;
    assert_int_equal(azure_settings(map, &wish, &error), -1);
    assert_has(mr_error_message(error), "AZURE_FEDERATED_TOKEN_FILE");
    mr_error_clear(&error);
    setenv("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token", 1);
    setenv("AZURE_CLIENT_ID", "id", 1);
    setenv("AZURE_TENANT_ID", "../evil", 1);
    assert_int_equal(azure_settings(map, &wish, &error), -1);
    mr_error_clear(&error);
    setenv("AZURE_TENANT_ID", "tenant", 1);
    wish.identity = AZURE_ANY_IDENTITY;
    assert_int_equal(azure_settings(map, &wish, &error), 0);
    assert_string_equal(string_map_get(map, TOKEN_URL), "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
    assert_string_equal(string_map_get(map, TOKEN_ASSERTION_FILE), "/var/run/token");
    string_map_destroy(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_credentials_stand_in_the_header_as_kafka_writes_them),
        cmocka_unit_test(an_assertion_is_read_anew_for_each_request),
        cmocka_unit_test(answers_tell_what_may_pass_from_what_will_not),
        cmocka_unit_test(who_is_busy_says_for_how_long),
        cmocka_unit_test(an_endpoint_that_says_nothing_is_given_up),
        cmocka_unit_test(the_life_of_a_jwt_is_counted_on_the_issuers_clock),
        cmocka_unit_test(a_file_is_read_anew_and_told_when_it_is_no_token),
        cmocka_unit_test(an_unsigned_token_has_its_claims),
        cmocka_unit_test(azures_environment_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
