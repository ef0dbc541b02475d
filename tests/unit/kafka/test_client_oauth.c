/* SASL OAUTHBEARER in Java's words, as settings of a token source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "base/string_map.h"
#include "kafka/client_config.h"

#define OAUTH "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
#define JAAS(options) "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required " options ";\n"
#define PACKAGE "org.apache.kafka.common.security.oauthbearer."
#define HANDLER "sasl.login.callback.handler.class="
#define ENDPOINT "sasl.oauthbearer.token.endpoint.url=https://issuer.example/token\n"
#define HUB "bootstrap.servers=hub.servicebus.windows.net:9093\n"

static struct string_map *properties_of(const char *lines)
{
    struct string_map *map = string_map_create();
    char line[1024];
    string_map_put(map, "bootstrap.servers", "127.0.0.1:9092");
    string_map_put(map, "client.id", "test");
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, lines);
        char *equals = strchr(line, '=');
        *equals = '\0';
        string_map_put(map, line, equals + 1);
        lines += length + (lines[length] == '\n');
    }
    return map;
}

static struct client_config *config_of(const char *lines, struct mr_error **error)
{
    char text[4096];
    struct client_findings findings;
    snprintf(text, sizeof text, "bootstrap.servers=127.0.0.1:1\n" OAUTH "%s", lines);
    struct string_map *map = properties_of(text);
    client_findings_init(&findings);
    struct client_config *config = client_config_create(CLIENT_PRODUCER, map, &findings, error);
    client_findings_release(&findings);
    string_map_destroy(map);
    return config;
}

static const struct {
    const char *lines, *setting, *value; /* NULL: unset */
} translated[] = {
    {ENDPOINT HANDLER PACKAGE "OAuthBearerLoginCallbackHandler\n" JAAS("clientId=me clientSecret=hidden scope=s"), "kind",
     "client_credentials"},
    {ENDPOINT HANDLER PACKAGE "secured.OAuthBearerLoginCallbackHandler\n" JAAS("clientId=me clientSecret=hidden"), "client.id", "me"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden scope=s"), "client.secret", "hidden"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden scope=s"), "scope", "s"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.oauthbearer.client.credentials.client.id=you", "client.id", "you"},
    {ENDPOINT JAAS("") "sasl.oauthbearer.client.credentials.client.id=you\nsasl.oauthbearer.client.credentials.client.secret=hidden",
     "client.secret", "hidden"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.oauthbearer.header.urlencode=true", "header.urlencode", "true"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.login.refresh.window.factor=0.6", "refresh.window.factor", "0.6"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.login.read.timeout.ms=500", "read.timeout.ms", "500"},
    {ENDPOINT JAAS("clientId=me") "sasl.oauthbearer.assertion.file=/run/a", "assertion.file", "/run/a"},
    {ENDPOINT JAAS("clientId=me") "sasl.oauthbearer.jwt.retriever.class=" PACKAGE "JwtBearerJwtRetriever\nsasl.oauthbearer.assertion.file=/a",
     "kind", "jwt_bearer"},
    {"sasl.oauthbearer.token.endpoint.url=file:///run/token\n" JAAS(""), "kind", "file"},
    {"sasl.oauthbearer.token.endpoint.url=file:///run/token\n" JAAS(""), "url", "/run/token"},
    {"sasl.oauthbearer.token.endpoint.url=file:/run/token\n" JAAS(""), "url", "/run/token"},
    {JAAS("unsecuredLoginStringClaim_sub=\"al\\\"ice\" unsecuredLoginListClaim_scope=\"|a|b\" unsecuredLoginNumberClaim_n=7"), "claims",
     "{\"sub\":\"al\\\"ice\",\"scope\":[\"a\",\"b\"],\"n\":7}"},
    {JAAS("unsecuredLoginStringClaim_sub=a unsecuredLoginLifetimeSeconds=60"), "lifetime.seconds", "60"},
    {HUB HANDLER "millrace.AzureManagedIdentity\n" JAAS(""), "resource", "https://hub.servicebus.windows.net"},
    {HUB HANDLER "millrace.AzureManagedIdentity\n" JAAS("clientId=id"), "client.id", "id"},
    {HUB HANDLER "com.azure.spring.cloud.service.implementation.kafka.KafkaOAuth2AuthenticateCallbackHandler\n" JAAS(""), "kind",
     "client_credentials"}, /* the environment has a federated token */
    {HUB HANDLER "millrace.AzureWorkloadIdentity\n" JAAS(""), "scope", "https://hub.servicebus.windows.net/.default"},
    {HANDLER "millrace.AzureWorkloadIdentity\nsasl.oauthbearer.scope=api://x/.default\n" JAAS(""), "scope", "api://x/.default"},
};

static void properties_become_settings_of_a_source(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof translated / sizeof *translated; i++) {
        struct mr_error *error = NULL;
        struct client_config *config = config_of(translated[i].lines, &error);
        if (config == NULL)
            fail_msg("%s: %s", translated[i].lines, mr_error_message(error));
        const char *value = string_map_get(client_config_token(config), translated[i].setting);
        if (value == NULL || strcmp(value, translated[i].value) != 0)
            fail_msg("%s: %s is '%s'", translated[i].lines, translated[i].setting, value != NULL ? value : "(unset)");
        client_config_drop(config);
    }
}

static const struct {
    const char *lines, *says;
} refused[] = {
    {JAAS(""), "millrace.AzureIdentity"},
    {ENDPOINT JAAS("clientId=me"), "client.credentials.client.secret is missing"},
    {ENDPOINT JAAS("clientSecret=hidden"), "client.credentials.client.id is missing"},
    {"sasl.oauthbearer.token.endpoint.url=issuer/hidden\n" JAAS("clientId=me clientSecret=hidden"), "token.endpoint.url must be"},
    {"sasl.oauthbearer.token.endpoint.url=file://hidden\n" JAAS(""), "whole path"},
    {ENDPOINT HANDLER "com.acme.Handler\n" JAAS("clientId=me clientSecret=hidden"), "com.acme.Handler"},
    {ENDPOINT HANDLER "com.acme.OAuthBearerLoginCallbackHandler\n" JAAS("clientId=me clientSecret=hidden"), "millrace.AzureWorkloadIdentity"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.oauthbearer.jwt.retriever.class=com.acme.Jwt", "com.acme.Jwt"},
    {ENDPOINT JAAS("clientId=me") "sasl.oauthbearer.assertion.private.key.file=/k", "sasl.oauthbearer.assertion.file"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden") "sasl.login.refresh.window.factor=7", "sasl.login.refresh.window.factor must be"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden extension_a1=hidden"), "extension_a1"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden extension_auth=hidden"), "extension_auth"},
    {ENDPOINT JAAS("clientId=me clientSecret=hidden ssl.truststore.location=\"/no/file\""), "/no/file"},
    {JAAS("unsecuredLoginStringClaim_exp=hidden"), "unsecuredLoginStringClaim_exp"},
    {JAAS("unsecuredLoginNumberClaim_n=hidden"), "unsecuredLoginNumberClaim_n"},
    {HANDLER "millrace.AzureManagedIdentity\n" JAAS(""), "sasl.oauthbearer.scope is missing"},
};

static void what_cannot_be_honoured_is_refused_with_a_remedy_and_no_secret(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct mr_error *error = NULL;
        if (config_of(refused[i].lines, &error) != NULL)
            fail_msg("accepted: %s", refused[i].lines);
        assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        if (strstr(mr_error_message(error), refused[i].says) == NULL)
            fail_msg("%s: %s", refused[i].lines, mr_error_message(error));
        assert_null(strstr(mr_error_message(error), "hidden"));
        mr_error_drop(error);
    }
}

static void extensions_are_the_clients_and_not_the_sources(void **state)
{
    struct client_config *one = config_of(ENDPOINT JAAS("clientId=me clientSecret=hidden extension_logicalCluster=lkc"), NULL);
    struct client_config *other = config_of(ENDPOINT JAAS("clientId=me clientSecret=hidden"), NULL);
    struct client_config *another = config_of(ENDPOINT JAAS("clientId=you clientSecret=hidden"), NULL);
    (void)state;
    assert_string_equal(string_map_get(client_config_extensions(one), "logicalCluster"), "lkc");
    assert_true(string_map_equals(client_config_token(one), client_config_token(other)));
    assert_string_not_equal(client_config_identity(one), client_config_identity(other));
    assert_string_not_equal(client_config_identity(other), client_config_identity(another)); /* else they would share a producer */
    client_config_drop(one);
    client_config_drop(other);
    client_config_drop(another);
}

static void a_connector_may_log_in_as_somebody_else(void **state)
{
    static const char worker_lines[] = "bootstrap.servers=a:1\nproducer.security.protocol=SASL_PLAINTEXT\nproducer.sasl.mechanism=OAUTHBEARER\n"
                                       "producer.sasl.oauthbearer.token.endpoint.url=https://issuer.example/token\n"
                                       "producer.sasl.jaas.config=x.OAuthBearerLoginModule required clientId=me clientSecret=hidden;\n";
    struct string_map *worker = properties_of(worker_lines), *connector = string_map_create();
    (void)state;
    string_map_put(connector, "producer.override.sasl.jaas.config", "x.OAuthBearerLoginModule required clientId=other clientSecret=hidden;");
    struct client_config *config = client_config_for(
        CLIENT_PRODUCER, &(struct client_layers){.worker = worker, .connector = connector, .client_id = "c"}, NULL, NULL);
    assert_non_null(config);
    assert_string_equal(string_map_get(client_config_token(config), "client.id"), "other");
    client_config_drop(config);
    string_map_destroy(worker);
    string_map_destroy(connector);
}

static int set_environment(void **state)
{
    (void)state;
    setenv("AZURE_FEDERATED_TOKEN_FILE", "/run/federated", 1);
    setenv("AZURE_TENANT_ID", "tenant", 1);
    setenv("AZURE_CLIENT_ID", "pod", 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_become_settings_of_a_source),
        cmocka_unit_test(what_cannot_be_honoured_is_refused_with_a_remedy_and_no_secret),
        cmocka_unit_test(extensions_are_the_clients_and_not_the_sources),
        cmocka_unit_test(a_connector_may_log_in_as_somebody_else),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
