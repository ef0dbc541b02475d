/* Open clients that log in by tokens, after the secret that these are asked for with was replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "identity/token_settings.h"
#include "identity/token_source.h"
#include "kafka/client_config.h"
#include "kafka/credentials.h"
#include "kafka/native_internal.h"

#include "support/eventually.h"

#define SOON_MS 10000
#define SECRET "sasl.oauthbearer.client.credentials.client.secret"
#define JAAS(secret) "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId=me clientSecret=" secret ";"
#define LIFE_MS 3600000

/* ---- the issuer ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char accepted[40]; /* lock; the secrets that count: "one two" */
static struct {
    char secret[16];
    size_t count;
} asked[8];               /* lock */

static struct token *fetch(struct token_http *http, const struct token_settings *settings, const struct clock *clock, int64_t *skew_s,
                           struct token_failure *failure)
{
    size_t i = 0;
    (void)http, (void)clock;
    *skew_s = 0;
    mutex_lock(&lock);
    while (asked[i].count > 0 && strcmp(asked[i].secret, settings->client_secret) != 0)
        i++;
    snprintf(asked[i].secret, sizeof asked[i].secret, "%s", settings->client_secret);
    asked[i].count++;
    bool is_accepted = strstr(accepted, settings->client_secret) != NULL;
    mutex_unlock(&lock);
    int64_t now_ms = clock_boottime_ms(NULL);
    if (is_accepted)
        return token_create("e30.e30.c2ln", "me", now_ms, now_ms + LIFE_MS);
    *failure = (struct token_failure){.is_hopeless = true, .words = "the issuer refused: invalid_client"};
    return NULL;
}

static void accept_secrets(const char *secrets)
{
    mutex_lock(&lock);
    snprintf(accepted, sizeof accepted, "%s", secrets);
    mutex_unlock(&lock);
}

static size_t times_asked(const char *secret)
{
    size_t count = 0;
    mutex_lock(&lock);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        count += strcmp(asked[i].secret, secret) == 0 ? asked[i].count : 0;
    mutex_unlock(&lock);
    return count;
}

static bool was_asked(void *secret)
{
    return times_asked(secret) > 0;
}

static void await_asked(const char *secret)
{
    if (!eventually(SOON_MS, was_asked, (void *)(uintptr_t)secret))
        fail_msg("nobody asked with %s", secret);
}

/* ---- clients ---- */

static struct client_config *config_of(const char *secret_property, const char *secret)
{
    struct mr_error *error = NULL;
    struct client_findings findings;
    struct string_map *map = string_map_create();
    string_map_put(map, "bootstrap.servers", "127.0.0.1:1");
    string_map_put(map, "client.id", "test");
    string_map_put(map, "security.protocol", "SASL_PLAINTEXT");
    string_map_put(map, "sasl.mechanism", "OAUTHBEARER");
    string_map_put(map, "sasl.oauthbearer.token.endpoint.url", "https://issuer.example/token");
    string_map_put(map, "sasl.jaas.config", JAAS("unused"));
    string_map_put(map, secret_property, secret);
    client_findings_init(&findings);
    struct client_config *config = client_config_create(CLIENT_ADMIN, map, &findings, &error);
    client_findings_release(&findings);
    string_map_destroy(map);
    if (config == NULL)
        fail_msg("%s", mr_error_message(error));
    return config;
}

static struct native_handle *open_client(struct client_config *config)
{
    struct mr_error *error = NULL;
    rd_kafka_conf_t *conf = native_conf_create(config, NULL);
    rd_kafka_t *rk = native_open(config, RD_KAFKA_CONSUMER, &conf, &error);
    if (rk == NULL)
        fail_msg("%s", mr_error_message(error));
    return native_handle_create(rk, NULL);
}

static struct credentials_health look(void)
{
    struct credentials_health health;
    credentials_look(clock_monotonic_ms(NULL));
    credentials_health(&health);
    return health;
}

static bool is_failing(void *argument)
{
    (void)argument;
    return look().is_failing;
}

static bool is_well(void *argument)
{
    return !is_failing(argument);
}

static int set_up(void **state)
{
    (void)state;
    memset(asked, 0, sizeof asked);
    token_sources_fetch_with(fetch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    credentials_forget_all();
    token_sources_forget();
    token_sources_fetch_with(NULL);
    return 0;
}

/* ---- tests ---- */

static void takes_another_secret(const char *property, const char *former, const char *present)
{
    accept_secrets("one two");
    struct client_config *config = config_of(property, former);
    struct native_handle *client = open_client(config);
    await_asked("one");
    uint64_t before = look().renewed;
    assert_int_equal(credentials_replace(property, former, present, NULL), 0);
    struct credentials_health health = look();
    assert_int_equal(health.renewed, before + 1);
    assert_false(health.is_failing);
    await_asked("two");
    assert_true(eventually(SOON_MS, is_well, NULL));
    assert_int_equal(times_asked("one"), 1);
    assert_int_equal(look().renewed, before + 1);
    native_handle_drop(client);
    client_config_drop(config);
}

static void an_open_client_gets_tokens_with_the_secret_that_counts_now(void **state)
{
    (void)state;
    takes_another_secret("sasl.jaas.config", JAAS("one"), JAAS("two"));
}

static void the_property_of_the_secret_counts_as_well(void **state)
{
    (void)state;
    takes_another_secret(SECRET, "one", "two");
}

static void a_secret_that_is_refused_is_told_until_a_better_one_comes(void **state)
{
    (void)state;
    accept_secrets("one three");
    struct client_config *config = config_of(SECRET, "one");
    struct native_handle *client = open_client(config);
    await_asked("one");
    assert_int_equal(credentials_replace(SECRET, "one", "two", NULL), 0);
    assert_true(eventually(SOON_MS, is_failing, NULL));
    assert_non_null(strstr(look().words, "invalid_client"));
    assert_int_equal(rd_kafka_fatal_error(client->rk, NULL, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(credentials_replace(SECRET, "two", "three", NULL), 0);
    look();
    await_asked("three");
    assert_true(eventually(SOON_MS, is_well, NULL));
    assert_int_equal(times_asked("one"), 1);
    native_handle_drop(client);
    client_config_drop(config);
}

static void a_client_opened_later_asks_with_what_counts_though_its_configuration_is_older(void **state)
{
    (void)state;
    accept_secrets("one two");
    struct client_config *config = config_of(SECRET, "one");
    struct native_handle *first = open_client(config);
    await_asked("one");
    assert_int_equal(credentials_replace(SECRET, "one", "two", NULL), 0);
    look();
    await_asked("two");
    assert_true(eventually(SOON_MS, is_well, NULL));
    struct native_handle *second = open_client(config);
    assert_int_equal(times_asked("one"), 1);
    native_handle_drop(first);
    native_handle_drop(second);
    client_config_drop(config);
}

static void a_client_may_go_while_its_new_secret_is_on_trial(void **state)
{
    (void)state;
    accept_secrets("one");
    struct client_config *config = config_of(SECRET, "one");
    struct native_handle *client = open_client(config);
    await_asked("one");
    assert_int_equal(credentials_replace(SECRET, "one", "two", NULL), 0);
    look();
    native_handle_drop(client);
    assert_false(look().is_failing);
    client_config_drop(config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_open_client_gets_tokens_with_the_secret_that_counts_now),
        TEST(the_property_of_the_secret_counts_as_well),
        TEST(a_secret_that_is_refused_is_told_until_a_better_one_comes),
        TEST(a_client_opened_later_asks_with_what_counts_though_its_configuration_is_older),
        TEST(a_client_may_go_while_its_new_secret_is_on_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
