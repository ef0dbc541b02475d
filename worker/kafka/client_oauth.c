/* client_oauth.c: see the header. Values are secrets: no message repeats one. */
#include "kafka/client_oauth_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>

#include "base/jaas.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "identity/azure.h"
#include "identity/token_settings.h"
#include "kafka/client_config_internal.h"
#include "tls/trust_store.h"

#include "base/bans.h"

#define JAAS "sasl.jaas.config"
#define HANDLER "sasl.login.callback.handler.class"
#define RETRIEVER "sasl.oauthbearer.jwt.retriever.class"
#define ENDPOINT "sasl.oauthbearer.token.endpoint.url"
#define SCOPE "sasl.oauthbearer.scope"
#define PEM_MAX (16u << 20)
#define CLAIMS_MAX 32768
#define SCOPE_MAX 512

struct oauth {
    struct translation *translation;
    const struct jaas_entry *entry;
    struct string_map *settings; /* of the token source */
};

/* ---- texts ---- */

static const char *or_null(const char *value)
{
    return value != NULL && !text_is_blank(value) ? value : NULL;
}

static const char *option_of(const struct oauth *oauth, const char *name)
{
    return or_null(string_map_get(oauth->entry->options, name));
}

static const char *java_of(const struct oauth *oauth, const char *property)
{
    return or_null(translation_java(oauth->translation, property));
}

/* The property counts before the option, as since Kafka 4.1. */
static const char *first_of(const struct oauth *oauth, const char *property, const char *option)
{
    const char *value = java_of(oauth, property);
    return value != NULL || option == NULL ? value : option_of(oauth, option);
}

static void put(struct oauth *oauth, const char *name, const char *value)
{
    if (value != NULL && !string_map_put(oauth->settings, name, value))
        oauth->translation->no_memory = true;
}

static const struct row {
    const char *property, *option, *setting;
} rows[] = {
    {"sasl.oauthbearer.client.credentials.client.id", "clientId", TOKEN_CLIENT_ID},
    {"sasl.oauthbearer.client.credentials.client.secret", "clientSecret", TOKEN_CLIENT_SECRET},
    {SCOPE, "scope", TOKEN_SCOPE},
    {"sasl.oauthbearer.header.urlencode", NULL, TOKEN_URLENCODE},
    {"sasl.oauthbearer.assertion.file", NULL, TOKEN_ASSERTION_FILE},
};

/* Those of every source. */
static const struct row timing[] = {
    {"sasl.login.connect.timeout.ms", NULL, TOKEN_CONNECT_TIMEOUT_MS},
    {"sasl.login.read.timeout.ms", NULL, TOKEN_READ_TIMEOUT_MS},
    {"sasl.login.retry.backoff.ms", NULL, TOKEN_BACKOFF_MS},
    {"sasl.login.retry.backoff.max.ms", NULL, TOKEN_BACKOFF_MAX_MS},
    {"sasl.login.refresh.window.factor", NULL, TOKEN_WINDOW_FACTOR},
    {"sasl.login.refresh.window.jitter", NULL, TOKEN_WINDOW_JITTER},
    {"sasl.login.refresh.min.period.seconds", NULL, TOKEN_MIN_PERIOD_S},
    {"sasl.login.refresh.buffer.seconds", NULL, TOKEN_BUFFER_S},
    {"sasl.oauthbearer.sub.claim.name", NULL, TOKEN_SUB_CLAIM},
    {ENDPOINT, NULL, TOKEN_URL},
};

static void put_rows(struct oauth *oauth, const struct row *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(oauth, list[i].setting, first_of(oauth, list[i].property, list[i].option));
}

/* A finding of the settings begins by the name of one: the property or option that it came from. */
static const char *property_of(const char *words, size_t *length)
{
    *length = strcspn(words, " ");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].setting) == *length && strncmp(rows[i].setting, words, *length) == 0)
            return rows[i].property;
    }
    for (size_t i = 0; i < sizeof timing / sizeof *timing; i++) {
        if (strlen(timing[i].setting) == *length && strncmp(timing[i].setting, words, *length) == 0)
            return timing[i].property;
    }
    *length = 0;
    return JAAS;
}

/* ---- whom the endpoint's certificate has to convince ---- */

static void put_trust_file(struct oauth *oauth, const char *path, const char *password)
{
    struct mr_error *error = NULL;
    struct str_buffer pem;
    str_buffer_init(&pem, PEM_MAX);
    if (trust_store_read(path, password, &pem, &error) == 0)
        put(oauth, TOKEN_TRUST_PEM, str_buffer_text(&pem));
    else
        translation_refuse(oauth->translation, "ssl.truststore.location", "ssl.truststore.location: %s", mr_error_message(error));
    mr_error_clear(&error);
    str_buffer_release(&pem);
}

/* ssl.* among the options are the endpoint's alone, as in Java; those of the client are believed beside the system's. */
static void put_trust(struct oauth *oauth)
{
    const char *text = option_of(oauth, "ssl.truststore.certificates"), *path = option_of(oauth, "ssl.truststore.location");
    const char *password = option_of(oauth, "ssl.truststore.password");
    if (text == NULL && path == NULL) {
        text = java_of(oauth, "ssl.truststore.certificates");
        path = java_of(oauth, "ssl.truststore.location");
        password = translation_java(oauth->translation, "ssl.truststore.password");
        if (text == NULL && path == NULL)
            return;
        put(oauth, TOKEN_TRUST_ADDS, "true");
    }
    if (text != NULL)
        put(oauth, TOKEN_TRUST_PEM, text);
    else
        put_trust_file(oauth, path, password);
}

/* ---- SASL extensions ---- */

static bool is_extension(const char *name, const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (*name == '\0' || strspn(name, letters) != strlen(name) || strcmp(name, "auth") == 0 || value == NULL)
        return false;
    for (; *value != '\0'; value++) {
        if ((*value < ' ' || *value > '~') && strchr("\t\r\n", *value) == NULL)
            return false;
    }
    return true;
}

static void put_extensions(struct oauth *oauth, const char *prefix)
{
    size_t length = strlen(prefix);
    const struct string_map *options = oauth->entry->options;
    for (size_t i = 0; i < string_map_count(options); i++) {
        const char *key = string_map_key(options, i), *value = string_map_value(options, i);
        if (strncmp(key, prefix, length) != 0)
            continue;
        if (!is_extension(key + length, value))
            translation_refuse(oauth->translation, JAAS, JAAS ": %s: the name of an extension is letters alone and not auth, its value "
                               "visible ASCII", key);
        else if (!string_map_put(oauth->translation->config->extensions, key + length, value))
            oauth->translation->no_memory = true;
    }
}

/* ---- by client credentials, assertion, or from a file ---- */

static bool is_named(const char *class, const char *name)
{
    return strcmp(class, name) == 0 ||
           (strncmp(class, "org.apache.kafka.common.security.oauthbearer.", 45) == 0 && text_ends_with(class, name) &&
            class[strlen(class) - strlen(name) - 1] == '.');
}

static void use_file(struct oauth *oauth, const char *url)
{
    const char *path = url + 5; /* file:/x, file:///x, file://localhost/x */
    if (strncmp(path, "//", 2) == 0)
        path = strchr(path + 2, '/');
    put(oauth, TOKEN_KIND, "file");
    if (path == NULL || *path != '/')
        translation_refuse(oauth->translation, ENDPOINT, ENDPOINT " must name a file by its whole path: file:///path/to/token");
    else
        put(oauth, TOKEN_URL, path);
}

static void use_endpoint(struct oauth *oauth)
{
    const char *retriever = java_of(oauth, RETRIEVER), *url = java_of(oauth, ENDPOINT);
    bool is_bearer = retriever != NULL && is_named(retriever, "JwtBearerJwtRetriever");
    bool is_file = url != NULL && strncasecmp(url, "file:", 5) == 0;
    if (retriever != NULL && !is_bearer && !is_named(retriever, "DefaultJwtRetriever") &&
        !is_named(retriever, "ClientCredentialsJwtRetriever") && !is_named(retriever, "FileJwtRetriever")) {
        translation_refuse(oauth->translation, RETRIEVER, RETRIEVER " names the Java class %s, which cannot run here; there are "
                           "ClientCredentialsJwtRetriever, JwtBearerJwtRetriever and FileJwtRetriever of Kafka", retriever);
        return;
    }
    if (java_of(oauth, "sasl.oauthbearer.assertion.private.key.file") != NULL && java_of(oauth, "sasl.oauthbearer.assertion.file") == NULL)
        translation_refuse(oauth->translation, "sasl.oauthbearer.assertion.private.key.file", "sasl.oauthbearer.assertion.private.key.file: "
                           "assertions are not signed here; have them written into a file and name it in sasl.oauthbearer.assertion.file");
    if (is_file) {
        use_file(oauth, url);
        return;
    }
    put_rows(oauth, rows, sizeof rows / sizeof *rows);
    put(oauth, TOKEN_KIND, is_bearer ? "jwt_bearer" : "client_credentials");
    secrets_note(string_map_get(oauth->settings, TOKEN_CLIENT_SECRET));
    if (is_bearer) /* they would make other sources of the same */
        string_map_remove(oauth->settings, TOKEN_CLIENT_SECRET);
    put_trust(oauth);
}

/* ---- without a signature, for test clusters: claims come from the options ---- */

static void append_json_text(struct str_buffer *text, const char *value, size_t length)
{
    str_buffer_append_char(text, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '"' || c == '\\')
            str_buffer_printf(text, "\\%c", c);
        else if (c < ' ')
            str_buffer_printf(text, "\\u%04x", c);
        else
            str_buffer_append_char(text, (char)c);
    }
    str_buffer_append_char(text, '"');
}

/* "|a|b": the first character stands between the rest. */
static void append_list(struct str_buffer *text, const char *value)
{
    char separator = *value;
    str_buffer_append_char(text, '[');
    while (separator != '\0' && *value == separator) {
        size_t length = 0;
        value++;
        while (value[length] != '\0' && value[length] != separator)
            length++;
        append_json_text(text, value, length);
        value += length;
        if (*value != '\0')
            str_buffer_append_char(text, ',');
    }
    str_buffer_append_char(text, ']');
}

static bool append_number(struct str_buffer *text, const char *value)
{
    size_t digits = strspn(value + (*value == '-'), "0123456789");
    if (digits == 0 || digits > 15 || value[(*value == '-') + digits] != '\0')
        return false;
    return str_buffer_append_text(text, value);
}

static void append_claim(struct oauth *oauth, struct str_buffer *claims, const char *key, const char *value)
{
    static const struct {
        const char *prefix;
        char kind;
    } kinds[] = {{"unsecuredLoginStringClaim_", 's'}, {"unsecuredLoginNumberClaim_", 'n'}, {"unsecuredLoginListClaim_", 'l'}};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(key, kinds[i].prefix, length) != 0)
            continue;
        const char *name = key + length;
        if (strcmp(name, "iat") == 0 || strcmp(name, "exp") == 0 || *name == '\0') {
            translation_refuse(oauth->translation, JAAS, JAAS ": %s: iat and exp come from the clock and unsecuredLoginLifetimeSeconds", key);
            return;
        }
        if (claims->length > 1)
            str_buffer_append_char(claims, ',');
        append_json_text(claims, name, strlen(name));
        str_buffer_append_char(claims, ':');
        if (kinds[i].kind == 's')
            append_json_text(claims, value, strlen(value));
        else if (kinds[i].kind == 'l')
            append_list(claims, value);
        else if (!append_number(claims, value))
            translation_refuse(oauth->translation, JAAS, JAAS ": %s must be a whole number", key);
    }
}

static void use_unsecured(struct oauth *oauth)
{
    const struct string_map *options = oauth->entry->options;
    const char *principal_claim = option_of(oauth, "unsecuredLoginPrincipalClaimName");
    struct str_buffer claims;
    str_buffer_init(&claims, CLAIMS_MAX);
    str_buffer_append_char(&claims, '{');
    for (size_t i = 0; i < string_map_count(options); i++) {
        if (string_map_value(options, i) != NULL)
            append_claim(oauth, &claims, string_map_key(options, i), string_map_value(options, i));
    }
    str_buffer_append_char(&claims, '}');
    if (claims.over_max)
        translation_refuse(oauth->translation, JAAS, JAAS ": the claims have more than %d bytes", CLAIMS_MAX);
    else if (str_buffer_failed(&claims))
        oauth->translation->no_memory = true;
    put(oauth, TOKEN_KIND, "unsecured");
    put(oauth, TOKEN_CLAIMS, str_buffer_text(&claims));
    put(oauth, TOKEN_LIFETIME_S, option_of(oauth, "unsecuredLoginLifetimeSeconds"));
    if (principal_claim != NULL)
        put(oauth, TOKEN_SUB_CLAIM, principal_claim);
    put_extensions(oauth, "unsecuredLoginExtension_");
    str_buffer_release(&claims);
}

/* ---- Azure ---- */

/* Event Hubs wants tokens for its own address. */
static const char *scope_of_servers(const struct oauth *oauth, char scope[SCOPE_MAX])
{
    const char *servers = java_of(oauth, "bootstrap.servers");
    size_t length = servers != NULL ? strcspn(servers, ":, ") : 0;
    if (length == 0 || length > 255 || memmem(servers, length, ".servicebus.", 12) == NULL)
        return NULL;
    snprintf(scope, SCOPE_MAX, "https://%.*s/.default", (int)length, servers);
    return scope;
}

static void use_azure(struct oauth *oauth, enum azure_identity identity)
{
    char scope[SCOPE_MAX];
    struct mr_error *error = NULL;
    struct azure_wish wish = {.identity = identity,
                              .client_id = first_of(oauth, rows[0].property, "clientId"),
                              .tenant_id = option_of(oauth, "tenantId"),
                              .scope = first_of(oauth, SCOPE, "scope")};
    if (wish.scope == NULL)
        wish.scope = scope_of_servers(oauth, scope);
    if (wish.scope == NULL)
        translation_refuse(oauth->translation, SCOPE, SCOPE " is missing: what the token is to be for, as "
                           "https://NAMESPACE.servicebus.windows.net/.default");
    else if (azure_settings(oauth->settings, &wish, &error) != 0)
        translation_refuse(oauth->translation, HANDLER, HANDLER ": %s", mr_error_message(error));
    mr_error_clear(&error);
    put_trust(oauth);
}

/* ---- whose work it is ---- */

enum handler { HANDLER_NONE, HANDLER_ENDPOINT, HANDLER_UNSECURED, HANDLER_AZURE_WORKLOAD, HANDLER_AZURE_MANAGED, HANDLER_AZURE_ANY, HANDLER_OTHER };

static enum handler handler_of(const char *class)
{
    static const struct {
        const char *name;
        enum handler handler;
    } handlers[] = {
        {"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler", HANDLER_ENDPOINT},
        {"org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler", HANDLER_ENDPOINT},
        {"org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler", HANDLER_UNSECURED},
        {"com.azure.spring.cloud.service.implementation.kafka.KafkaOAuth2AuthenticateCallbackHandler", HANDLER_AZURE_ANY},
        {"millrace.AzureWorkloadIdentity", HANDLER_AZURE_WORKLOAD},
        {"millrace.AzureManagedIdentity", HANDLER_AZURE_MANAGED},
        {"millrace.AzureIdentity", HANDLER_AZURE_ANY},
    };
    for (size_t i = 0; class != NULL && i < sizeof handlers / sizeof *handlers; i++) {
        if (strcmp(handlers[i].name, class) == 0)
            return handlers[i].handler;
    }
    return class == NULL ? HANDLER_NONE : HANDLER_OTHER;
}

static bool is_unsecured(const struct jaas_entry *entry)
{
    for (size_t i = 0; i < string_map_count(entry->options); i++) {
        if (strncmp(string_map_key(entry->options, i), "unsecuredLogin", 14) == 0)
            return true;
    }
    return false;
}

/* Without a handler Java makes unsigned tokens, also where an endpoint is named: nobody can want that. */
static void use_what_is_named(struct oauth *oauth)
{
    if (java_of(oauth, ENDPOINT) != NULL)
        use_endpoint(oauth);
    else if (is_unsecured(oauth->entry))
        use_unsecured(oauth);
    else
        translation_refuse(oauth->translation, ENDPOINT, "sasl.mechanism=OAUTHBEARER needs " ENDPOINT ", or an identity of Azure: "
                           HANDLER "=millrace.AzureIdentity");
}

static void use_handler(struct oauth *oauth)
{
    const char *class = java_of(oauth, HANDLER);
    switch (handler_of(class)) {
    case HANDLER_NONE:
    case HANDLER_ENDPOINT:
        use_what_is_named(oauth);
        break;
    case HANDLER_UNSECURED:
        use_unsecured(oauth);
        break;
    case HANDLER_AZURE_WORKLOAD:
        use_azure(oauth, AZURE_WORKLOAD_IDENTITY);
        break;
    case HANDLER_AZURE_MANAGED:
        use_azure(oauth, AZURE_MANAGED_IDENTITY);
        break;
    case HANDLER_AZURE_ANY:
        use_azure(oauth, AZURE_ANY_IDENTITY);
        break;
    case HANDLER_OTHER:
        translation_refuse(oauth->translation, HANDLER, HANDLER " names the Java class %s, which cannot run here; take "
                           "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler with " ENDPOINT ", or for Azure "
                           "millrace.AzureWorkloadIdentity, millrace.AzureManagedIdentity or millrace.AzureIdentity", class);
        break;
    }
}

static void check(struct oauth *oauth)
{
    struct token_settings settings;
    struct mr_error *error = NULL;
    size_t skip;
    if (token_settings_read(&settings, oauth->settings, &error) == 0)
        return;
    const char *words = mr_error_message(error), *property = property_of(words, &skip);
    translation_refuse(oauth->translation, property, "%s%s%s", property, skip == 0 ? ": " : "", words + skip);
    mr_error_clear(&error);
}

void client_oauth_translate(struct translation *translation, const struct jaas_entry *entry)
{
    size_t before = translation->findings->count;
    bool is_refused = false;
    struct client_config *config = translation->config;
    config->token = string_map_create();
    config->extensions = string_map_create();
    if (config->token == NULL || config->extensions == NULL) {
        translation->no_memory = true;
        return;
    }
    struct oauth oauth = {translation, entry, config->token};
    put_rows(&oauth, timing, sizeof timing / sizeof *timing);
    put_extensions(&oauth, "extension_");
    use_handler(&oauth);
    for (size_t i = before; i < translation->findings->count; i++)
        is_refused = is_refused || translation->findings->items[i].refuses;
    if (!is_refused && !translation->no_memory)
        check(&oauth);
}
