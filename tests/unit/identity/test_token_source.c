/* Sources, those who share them, and what they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "identity/token_settings.h"
#include "identity/token_source.h"
#include "support/eventually.h"

#define CLIENTS 20
#define WAIT_MS 10000

static _Atomic int fetched;
static _Atomic int failing;      /* 1: passes by itself, 2: does not */
static _Atomic int64_t life_ms;

static struct token *fetch(struct token_http *http, const struct token_settings *settings, const struct clock *clock, int64_t *skew_s,
                           struct token_failure *failure)
{
    char text[32];
    int number = atomic_fetch_add(&fetched, 1) + 1;
    (void)http, (void)settings;
    *skew_s = 0;
    if (atomic_load(&failing) != 0) {
        *failure = (struct token_failure){.is_hopeless = atomic_load(&failing) == 2, .words = "the endpoint is away"};
        return NULL;
    }
    snprintf(text, sizeof text, "token-number-%d", number);
    return token_create(text, "alice", clock_boottime_ms(clock), clock_boottime_ms(clock) + atomic_load(&life_ms));
}

struct client {
    struct token_subscription *subscription;
    _Atomic int tokens, failures, hopeless;
    char last[64]; /* written under the source's lock */
};

static void on_token(void *argument, const struct token *token, int64_t left_ms)
{
    struct client *client = argument;
    assert_true(left_ms > 0);
    snprintf(client->last, sizeof client->last, "%s", token->text);
    atomic_fetch_add(&client->tokens, 1);
}

static void on_failure(void *argument, const struct token_failure *failure)
{
    struct client *client = argument;
    atomic_fetch_add(failure->is_hopeless ? &client->hopeless : &client->failures, 1);
}

static const struct token_listener listener = {on_token, on_failure};

static void subscribe(struct client *client, const char *id)
{
    struct string_map *map = string_map_create();
    struct mr_error *error = NULL;
    string_map_put(map, TOKEN_KIND, "client_credentials");
    string_map_put(map, TOKEN_URL, "https://issuer.example/token");
    string_map_put(map, TOKEN_CLIENT_ID, id);
    string_map_put(map, TOKEN_CLIENT_SECRET, "very-secret");
    string_map_put(map, TOKEN_BACKOFF_MAX_MS, "100");
    *client = (struct client){0};
    client->subscription = token_subscribe(map, &listener, client, &error);
    if (client->subscription == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(map);
}

static bool has_token(void *argument)
{
    return atomic_load(&((struct client *)argument)->tokens) > 0;
}

static bool has_three(void *argument)
{
    return atomic_load(&((struct client *)argument)->tokens) >= 3;
}

static bool has_failed(void *argument)
{
    return atomic_load(&((struct client *)argument)->failures) > 0;
}

static bool is_hopeless(void *argument)
{
    return atomic_load(&((struct client *)argument)->hopeless) > 0;
}

static int before(void **state)
{
    (void)state;
    token_sources_forget();
    token_sources_fetch_with(fetch);
    atomic_store(&fetched, 0);
    atomic_store(&failing, 0);
    atomic_store(&life_ms, 3600000);
    return 0;
}

static int after(void **state)
{
    (void)state;
    token_sources_forget();
    token_sources_fetch_with(NULL);
    return 0;
}

static void many_clients_share_one_request(void **state)
{
    static struct client clients[CLIENTS];
    struct client other;
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        subscribe(&clients[i], "one");
    for (int i = 0; i < CLIENTS; i++)
        assert_true(eventually(WAIT_MS, has_token, &clients[i]));
    assert_int_equal(atomic_load(&fetched), 1);
    subscribe(&other, "another");
    assert_true(eventually(WAIT_MS, has_token, &other));
    assert_int_equal(atomic_load(&fetched), 2);
    for (int i = 0; i < CLIENTS; i++) {
        assert_string_equal(clients[i].last, "token-number-1");
        token_unsubscribe(clients[i].subscription);
    }
    token_unsubscribe(other.subscription);
}

static void a_client_that_comes_later_has_the_token_at_once(void **state)
{
    struct client client;
    (void)state;
    subscribe(&client, "one");
    assert_true(eventually(WAIT_MS, has_token, &client));
    token_unsubscribe(client.subscription); /* nobody is left */
    subscribe(&client, "one");
    assert_int_equal(atomic_load(&client.tokens), 1);
    assert_int_equal(atomic_load(&fetched), 1);
    token_unsubscribe(client.subscription);
}

static void the_next_token_comes_by_itself(void **state)
{
    struct client client;
    (void)state;
    atomic_store(&life_ms, 1200);
    subscribe(&client, "one");
    assert_true(eventually(WAIT_MS, has_three, &client));
    token_unsubscribe(client.subscription);
    assert_int_equal(atomic_load(&client.failures), 0);
}

static void failures_are_told_only_when_no_token_counts(void **state)
{
    struct client client;
    (void)state;
    atomic_store(&life_ms, 1500);
    subscribe(&client, "one");
    assert_true(eventually(WAIT_MS, has_token, &client));
    int64_t came_ms = clock_boottime_ms(NULL);
    atomic_store(&failing, 1);
    assert_true(eventually(WAIT_MS, has_failed, &client));
    assert_true(clock_boottime_ms(NULL) - came_ms >= 1000); /* not before its end */
    assert_true(token_is_lacking(client.subscription));
    assert_true(atomic_load(&fetched) > 3);
    atomic_store(&failing, 0);
    atomic_store(&client.tokens, 0);
    assert_true(eventually(WAIT_MS, has_token, &client));
    assert_false(token_is_lacking(client.subscription));
    token_unsubscribe(client.subscription);
}

static void what_will_not_pass_is_told_and_forgotten_with_the_last_client(void **state)
{
    struct client client;
    (void)state;
    atomic_store(&failing, 2);
    subscribe(&client, "one");
    assert_true(eventually(WAIT_MS, is_hopeless, &client));
    assert_false(token_is_lacking(client.subscription));
    assert_false(token_doubt(client.subscription));
    token_unsubscribe(client.subscription);
    atomic_store(&failing, 0);
    subscribe(&client, "one");
    assert_true(eventually(WAIT_MS, has_token, &client));
    assert_int_equal(atomic_load(&client.hopeless), 0);
    token_unsubscribe(client.subscription);
}

static void bad_settings_name_what_is_wrong_and_no_value(void **state)
{
    static const struct {
        const char *name, *value, *says;
    } cases[] = {
        {TOKEN_KIND, "magic", "kind"},
        {TOKEN_URL, "ftp://very-secret/", "url"},
        {TOKEN_URL, "https://user:very-secret@host/", "url"},
        {TOKEN_URL, "https://host/a b", "url"},
        {TOKEN_CLIENT_SECRET, "", "client.secret"},
        {TOKEN_WINDOW_FACTOR, "2", "refresh.window.factor"},
        {TOKEN_READ_TIMEOUT_MS, "very-secret", "read.timeout.ms"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct string_map *map = string_map_create();
        struct mr_error *error = NULL;
        string_map_put(map, TOKEN_KIND, "client_credentials");
        string_map_put(map, TOKEN_URL, "https://issuer.example/token");
        string_map_put(map, TOKEN_CLIENT_ID, "one");
        string_map_put(map, TOKEN_CLIENT_SECRET, "very-secret");
        string_map_put(map, cases[i].name, cases[i].value);
        assert_null(token_subscribe(map, &listener, NULL, &error));
        assert_non_null(strstr(mr_error_message(error), cases[i].says));
        assert_null(strstr(mr_error_message(error), "very-secret"));
        mr_error_drop(error);
        string_map_destroy(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_clients_share_one_request, before, after),
        cmocka_unit_test_setup_teardown(a_client_that_comes_later_has_the_token_at_once, before, after),
        cmocka_unit_test_setup_teardown(the_next_token_comes_by_itself, before, after),
        cmocka_unit_test_setup_teardown(failures_are_told_only_when_no_token_counts, before, after),
        cmocka_unit_test_setup_teardown(what_will_not_pass_is_told_and_forgotten_with_the_last_client, before, after),
        cmocka_unit_test_setup_teardown(bad_settings_name_what_is_wrong_and_no_value, before, after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
