/*
 * Keys fetched from an issuer that is a server on the loopback: it answers what the test tells it to, or holds its answer back until
 * the test lets go. Facts are what the server was asked and what the validator accepts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "access/jwt_validator.h"
#include "base/fake_clock.h"
#include "base/thread.h"
#include "http/exchange.h"
#include "http/response.h"
#include "http/server.h"
#include "issuer/key_set.h"
#include "support/alloc_torture.h"
#include "support/eventually.h"
#include "support/signed_tokens.h"

#define WAIT_MS 20000
#define LONG_MS (3600 * 1000)
#define WAITERS 50

struct fixture {
    struct http_router router;
    struct http_server *server;
    struct fake_clock clock; /* of the validator: the tokens are from then */
    struct jwt_validator *validator;
    struct key_set *key_set;
    char issuer[60];

    pthread_mutex_t lock; /* all below */
    int documents, fetches, status;
    const char *named; /* issuer in the document; NULL: the right one */
    const char *keys;
    bool holds;
    struct http_exchange *held;
    int told, told_with_keys;
};

/* ---- the issuer ---- */

static void answer(struct http_exchange *exchange, int status, const char *body)
{
    struct http_response response;
    http_response_init(&response, status, HTTP_CONTENT_JSON);
    str_buffer_append_text(&response.body, body);
    if (status == 302)
        http_response_add_header(&response, "Location", "/other");
    http_exchange_answer(exchange, &response);
}

static void handle_document(void *context, struct http_exchange *exchange)
{
    struct fixture *fixture = context;
    char body[200];
    mutex_lock(&fixture->lock);
    fixture->documents++;
    int status = fixture->status;
    snprintf(body, sizeof(body), "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}",
             fixture->named != NULL ? fixture->named : fixture->issuer, fixture->issuer);
    mutex_unlock(&fixture->lock);
    answer(exchange, status, body);
}

static void handle_keys(void *context, struct http_exchange *exchange)
{
    struct fixture *fixture = context;
    mutex_lock(&fixture->lock);
    fixture->fetches++;
    const char *keys = fixture->keys;
    int status = fixture->status;
    bool holds = fixture->holds;
    if (holds)
        fixture->held = exchange;
    mutex_unlock(&fixture->lock);
    if (!holds)
        answer(exchange, status, keys);
}

static const struct http_route ROUTES[] = {
    {.method = HTTP_GET, .pattern = "/.well-known/openid-configuration", .handler = handle_document},
    {.method = HTTP_GET, .pattern = "/keys", .handler = handle_keys},
    {.method = HTTP_GET, .pattern = "/other", .handler = handle_keys},
};

static void let_go(struct fixture *fixture)
{
    mutex_lock(&fixture->lock);
    struct http_exchange *held = fixture->held;
    fixture->held = NULL;
    fixture->holds = false;
    mutex_unlock(&fixture->lock);
    if (held != NULL)
        answer(held, 200, signed_tokens_keys);
}

static void set(struct fixture *fixture, int status, const char *keys)
{
    mutex_lock(&fixture->lock);
    fixture->status = status;
    fixture->keys = keys;
    mutex_unlock(&fixture->lock);
}

/* ---- facts ---- */

static int number(struct fixture *fixture, const int *of)
{
    mutex_lock(&fixture->lock);
    int value = *of;
    mutex_unlock(&fixture->lock);
    return value;
}

struct at_least {
    struct fixture *fixture;
    const int *of;
    int wanted;
};
static bool is_reached(void *argument)
{
    const struct at_least *fact = argument;
    return number(fact->fixture, fact->of) >= fact->wanted;
}
static void wait_for(struct fixture *fixture, const int *of, int wanted)
{
    assert_true(eventually(WAIT_MS, is_reached, &(struct at_least){fixture, of, wanted}));
}

static bool has_keys(void *argument)
{
    return jwt_validator_key_count(((struct fixture *)argument)->validator) > 0;
}

static bool holds_one(void *argument)
{
    struct fixture *fixture = argument;
    mutex_lock(&fixture->lock);
    bool holds = fixture->held != NULL;
    mutex_unlock(&fixture->lock);
    return holds;
}

static void on_told(void *argument, bool has)
{
    struct fixture *fixture = argument;
    mutex_lock(&fixture->lock);
    fixture->told++;
    fixture->told_with_keys += has;
    mutex_unlock(&fixture->lock);
}

/* Asks, and says whether it was told at once. */
static bool is_told_at_once(struct fixture *fixture)
{
    int before = number(fixture, &fixture->told);
    key_set_await(fixture->key_set, on_told, fixture);
    return number(fixture, &fixture->told) > before;
}

/* ---- life ---- */

static int set_up(void **state)
{
    static struct fixture fixture;
    char why[300];
    memset(&fixture, 0, sizeof(fixture));
    mutex_init(&fixture.lock);
    fake_clock_init(&fixture.clock, (SIGNED_TOKENS_FROM_S + 60) * INT64_C(1000));
    fixture.router =
        (struct http_router){.routes = ROUTES, .route_count = sizeof(ROUTES) / sizeof(ROUTES[0]), .context = &fixture};
    fixture.server = http_server_start(
        &(struct http_server_setup){
            .listeners = &(struct http_listener){.host = "127.0.0.1"}, .listener_count = 1, .router = &fixture.router},
        why, sizeof(why));
    assert_non_null(fixture.server);
    snprintf(fixture.issuer, sizeof(fixture.issuer), "http://127.0.0.1:%u", http_server_port(fixture.server, 0));
    static const char *const audiences[] = {SIGNED_TOKENS_AUDIENCE};
    fixture.validator = jwt_validator_create(&(struct jwt_setup){.issuer = SIGNED_TOKENS_ISSUER,
                                                                 .audiences = audiences,
                                                                 .audience_count = 1,
                                                                 .refresh_interval_ms = 1000,
                                                                 .clock = &fixture.clock.clock},
                                             NULL);
    assert_non_null(fixture.validator);
    set(&fixture, 200, signed_tokens_keys);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    let_go(fixture);
    key_set_stop(fixture->key_set);
    http_server_stop(fixture->server);
    jwt_validator_destroy(fixture->validator);
    mutex_destroy(&fixture->lock);
    return 0;
}

static void begin(struct fixture *fixture, uint32_t refresh_ms, uint32_t demand_interval_ms)
{
    fixture->key_set = key_set_start(&(struct key_set_setup){.validator = fixture->validator,
                                                             .issuer = fixture->issuer,
                                                             .refresh_ms = refresh_ms,
                                                             .demand_interval_ms = demand_interval_ms,
                                                             .retry_min_ms = 10},
                                     NULL);
    assert_non_null(fixture->key_set);
}

/* ---- when ---- */

static void keys_are_there_soon_after_the_start(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, LONG_MS, LONG_MS);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    struct jwt_verdict verdict = jwt_validator_check(fixture->validator, signed_tokens_rs256, strlen(signed_tokens_rs256));
    assert_int_equal(verdict.outcome, JWT_ACCEPTED);
    identity_destroy(verdict.identity);
    assert_int_equal(number(fixture, &fixture->documents), 1);
}

static void keys_are_fetched_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 20, LONG_MS);
    wait_for(fixture, &fixture->fetches, 3);
    assert_true(number(fixture, &fixture->documents) >= 3);
}

static void configured_addresses_are_not_discovered(void **state)
{
    struct fixture *fixture = *state;
    char url[80];
    snprintf(url, sizeof(url), "%s/keys", fixture->issuer);
    fixture->key_set = key_set_start(
        &(struct key_set_setup){.validator = fixture->validator, .issuer = "urn:whoever", .keys_url = url}, NULL);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    assert_int_equal(number(fixture, &fixture->documents), 0);
}

static void who_waits_shares_one_fetch_and_the_next_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, LONG_MS, LONG_MS);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    mutex_lock(&fixture->lock);
    fixture->holds = true;
    mutex_unlock(&fixture->lock);
    for (int i = 0; i < WAITERS; i++)
        assert_false(is_told_at_once(fixture));
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    assert_false(is_told_at_once(fixture));
    let_go(fixture);
    wait_for(fixture, &fixture->told_with_keys, WAITERS + 1);
    assert_int_equal(number(fixture, &fixture->fetches), 2);
    assert_int_equal(number(fixture, &fixture->documents), 1);
    for (int i = 0; i < WAITERS; i++)
        assert_true(is_told_at_once(fixture));
    assert_int_equal(number(fixture, &fixture->fetches), 2);
}

/* The issuer changes its keys while its answer to the schedule is on its way: who waits for the new one is not told by the old answer. */
static void who_joins_the_schedule_is_told_by_a_fetch_of_their_own(void **state)
{
    static const char ROTATED[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"kid\":\"new\","
                                  "\"x\":\"p76v7aXdu5AUfygOEk3qedCZI7zv05SSEpJ6dowWrkY\",\"y\":\"9VVLxw6h9tefS1E5mYaulS_StpcKOLh9"
                                  "pOaAYbwg640\"}]}";
    struct fixture *fixture = *state;
    mutex_lock(&fixture->lock);
    fixture->holds = true;
    mutex_unlock(&fixture->lock);
    begin(fixture, LONG_MS, LONG_MS);
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    for (int i = 0; i < WAITERS; i++)
        assert_false(is_told_at_once(fixture));
    set(fixture, 200, ROTATED);
    let_go(fixture); /* with the former keys */
    wait_for(fixture, &fixture->told_with_keys, WAITERS);
    assert_int_equal(jwt_validator_key_count(fixture->validator), 1);
    assert_int_equal(number(fixture, &fixture->fetches), 2);
    assert_int_equal(number(fixture, &fixture->told), WAITERS);
    assert_true(is_told_at_once(fixture)); /* no third one */
}

static void the_next_interval_has_its_own_fetch(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, LONG_MS, 1);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    for (int i = 0; i < 5; i++) {
        key_set_await(fixture->key_set, on_told, fixture);
        wait_for(fixture, &fixture->told, i + 1);
    }
    assert_true(number(fixture, &fixture->fetches) >= 2);
}

static void beyond_the_limit_nobody_waits(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, LONG_MS, LONG_MS);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    mutex_lock(&fixture->lock);
    fixture->holds = true;
    mutex_unlock(&fixture->lock);
    for (int i = 0; i < KEY_SET_WAITERS_MAX; i++)
        assert_false(is_told_at_once(fixture));
    assert_true(is_told_at_once(fixture));
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    let_go(fixture);
    wait_for(fixture, &fixture->told, KEY_SET_WAITERS_MAX + 1);
}

/* ---- when it goes wrong ---- */

static void an_issuer_that_comes_later_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, 503, "");
    begin(fixture, LONG_MS, LONG_MS);
    wait_for(fixture, &fixture->documents, 1);
    key_set_await(fixture->key_set, on_told, fixture);
    wait_for(fixture, &fixture->told, 1);
    assert_int_equal(number(fixture, &fixture->told_with_keys), 0);
    set(fixture, 200, signed_tokens_keys);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
}

static void hold(struct fixture *fixture)
{
    mutex_lock(&fixture->lock);
    fixture->holds = true;
    mutex_unlock(&fixture->lock);
}

/* Whoever waited for any key does not use up the fetch that is for a new one. */
static void who_waited_for_the_issuer_to_come_back_leaves_the_next_fetch_to_others(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, 503, "");
    begin(fixture, LONG_MS, LONG_MS);
    wait_for(fixture, &fixture->documents, 1);
    hold(fixture);
    set(fixture, 200, signed_tokens_keys);
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    assert_false(is_told_at_once(fixture));
    let_go(fixture);
    wait_for(fixture, &fixture->told_with_keys, 1);
    int fetches = number(fixture, &fixture->fetches);
    hold(fixture);
    assert_false(is_told_at_once(fixture));
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    let_go(fixture);
    wait_for(fixture, &fixture->told_with_keys, 2);
    assert_int_equal(number(fixture, &fixture->fetches), fetches + 1);
}

static void what_the_issuer_should_not_say_leaves_the_keys_as_they_are(void **state)
{
    static const struct {
        int status;
        const char *keys, *named;
    } CASES[] = {{500, "", NULL}, {302, signed_tokens_keys, NULL}, {200, "{\"keys\":[]}", NULL}, {200, "<html>", NULL},
                 {200, signed_tokens_keys, "https://other.example"}};
    struct fixture *fixture = *state;
    static char large[JWT_KEYS_TEXT_MAX + 10];
    begin(fixture, 20, LONG_MS);
    assert_true(eventually(WAIT_MS, has_keys, fixture));
    memset(large, ' ', sizeof(large) - 1);
    for (size_t i = 0; i <= sizeof(CASES) / sizeof(CASES[0]); i++) {
        bool is_large = i == sizeof(CASES) / sizeof(CASES[0]);
        set(fixture, is_large ? 200 : CASES[i].status, is_large ? large : CASES[i].keys);
        mutex_lock(&fixture->lock);
        fixture->named = is_large ? NULL : CASES[i].named;
        mutex_unlock(&fixture->lock);
        bool is_of_keys = is_large || (CASES[i].status == 200 && CASES[i].named == NULL);
        const int *of = is_of_keys ? &fixture->fetches : &fixture->documents;
        wait_for(fixture, of, number(fixture, of) + 2); /* one may have been under way */
        assert_int_equal(jwt_validator_key_count(fixture->validator), 2);
        set(fixture, 200, signed_tokens_keys);
        mutex_lock(&fixture->lock);
        fixture->named = NULL;
        int before = fixture->fetches;
        mutex_unlock(&fixture->lock);
        wait_for(fixture, &fixture->fetches, before + 1); /* it goes on */
        assert_int_equal(jwt_validator_key_count(fixture->validator), 2);
    }
}

static void who_waits_at_the_end_is_told(void **state)
{
    struct fixture *fixture = *state;
    mutex_lock(&fixture->lock);
    fixture->holds = true;
    mutex_unlock(&fixture->lock);
    begin(fixture, LONG_MS, LONG_MS);
    assert_true(eventually(WAIT_MS, holds_one, fixture));
    key_set_await(fixture->key_set, on_told, fixture);
    key_set_stop(fixture->key_set);
    fixture->key_set = NULL;
    assert_int_equal(number(fixture, &fixture->told), 1);
    assert_int_equal(number(fixture, &fixture->told_with_keys), 0);
}

static void addresses_that_will_not_do_are_refused_at_the_start(void **state)
{
    static const struct key_set_setup BAD[] = {{.issuer = "http://login.example/"},
                                               {.issuer = "https://login.example/?a=b"},
                                               {.issuer = "urn:x"},
                                               {.issuer = "https://login.example/", .keys_url = "http://login.example/keys"}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct mr_error *error = NULL;
        struct key_set_setup setup = BAD[i];
        setup.validator = fixture->validator;
        assert_null(key_set_start(&setup, &error));
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        mr_error_drop(error);
    }
}

static bool start_and_stop(void *argument)
{
    struct fixture *fixture = argument;
    struct mr_error *error = NULL;
    struct key_set *key_set = key_set_start(&(struct key_set_setup){.validator = fixture->validator,
                                                                    .issuer = "https://127.0.0.1:1/",
                                                                    .ca_path = "/nowhere.pem",
                                                                    .proxy = "http://127.0.0.1:1",
                                                                    .refresh_ms = LONG_MS},
                                            &error);
    bool worked = key_set != NULL;
    mr_error_drop(error);
    key_set_stop(key_set);
    return worked;
}

static void a_start_without_memory_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    http_server_stop(fixture->server); /* its threads would be counted, too */
    fixture->server = NULL;
    for (int64_t successes = 0; successes < 30; successes++) {
        mem_watch_start(successes);
        start_and_stop(*state);
        int64_t live = mem_live();
        mem_watch_stop();
        assert_int_equal(live, 0);
    }
}

static void a_start_without_a_thread_leaves_nothing(void **state)
{
    thread_fail_after(0); /* its own; the client's comes with the first request */
    assert_false(start_and_stop(*state));
    thread_fail_after(INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_there_soon_after_the_start),
        TEST(keys_are_fetched_again_and_again),
        TEST(configured_addresses_are_not_discovered),
        TEST(who_waits_shares_one_fetch_and_the_next_is_told_at_once),
        TEST(who_joins_the_schedule_is_told_by_a_fetch_of_their_own),
        TEST(the_next_interval_has_its_own_fetch),
        TEST(beyond_the_limit_nobody_waits),
        TEST(an_issuer_that_comes_later_is_noticed),
        TEST(who_waited_for_the_issuer_to_come_back_leaves_the_next_fetch_to_others),
        TEST(what_the_issuer_should_not_say_leaves_the_keys_as_they_are),
        TEST(who_waits_at_the_end_is_told),
        TEST(addresses_that_will_not_do_are_refused_at_the_start),
        TEST(a_start_without_memory_leaves_nothing),
        TEST(a_start_without_a_thread_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
