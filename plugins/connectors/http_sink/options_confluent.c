/* The options of io.confluent.connect.http.HttpSinkConnector. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#define CONNECTION .group = "Connection"
#define SECURITY .group = "Security"
#define RETRIES .group = "Retries"
#define BATCHING .group = "Batching"
#define REGEX .group = "Regex"

static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};
static const char *const on_null[] = {"ignore", "log", "fail", "delete", NULL};
static const char *const on_error[] = {"fail", "log", "ignore", NULL};
static const char *const auth_types[] = {"none", "basic", "bearer", "oauth2", NULL};
static const char *const auth_modes[] = {"header", "url", NULL};
static const char *const errors_as[] = {"error_string", "http_response", NULL};
static const char *const formats[] = {"string", "json", NULL};
static const char *const backoffs[] = {"exponential_with_jitter", "constant_value", NULL};
static const char *const protocols[] = {"TLS", "TLSv1.2", "TLSv1.3", NULL};

/* A row of any type without, and with, a check. */
#define ROW(row_name, row_type, preset, weight, where, words)                                                          \
    {                                                                                                                  \
        .name = row_name, .type = row_type, .default_text = preset, .importance = weight, where, .doc = words          \
    }
#define CHECKED(row_name, row_type, preset, weight, where, words, check, against)                                      \
    {                                                                                                                  \
        .name = row_name, .type = row_type, .default_text = preset, .importance = weight, where, .doc = words,         \
        .validator = check, .validator_argument = against                                                              \
    }

static const struct mr_config_row rows[] = {
    CHECKED("http.api.url", MR_CONFIG_STRING, MR_REQUIRED, MR_HIGH, CONNECTION,
            "Where the records go. Behind the host ${topic}, ${key} and ${field.of.the.value} are the record's, "
            "percent-encoded.",
            http_check_url, NULL),
    CHECKED("request.method", MR_CONFIG_STRING, "POST", MR_HIGH, CONNECTION, "POST, PUT or PATCH.",
            mr_check_one_of_any_case, methods),
    CHECKED("behavior.on.null.values", MR_CONFIG_STRING, "ignore", MR_LOW, CONNECTION,
            "What becomes of a record without a value: ignore; log: with its coordinates; fail: an error of the "
            "record; delete: the "
            "request DELETE, to the URL with the record's key.",
            mr_check_one_of_any_case, on_null),
    CHECKED(
        "behavior.on.error", MR_CONFIG_STRING, "fail", MR_LOW, CONNECTION,
        "What becomes of records that the target refuses where the connector has no dead letter topic: fail: the task "
        "fails; log and "
        "ignore: they are left out. log and ignore also give records up that could not be delivered after max.retries.",
        mr_check_one_of_any_case, on_error),
    ROW("headers", MR_CONFIG_PASSWORD, "", MR_HIGH, CONNECTION,
        "Headers of each request, as Name:value, separated by header.separator."),
    ROW("header.separator", MR_CONFIG_STRING, "|", MR_HIGH, CONNECTION, "What separates headers."),
    ROW("http.proxy.host", MR_CONFIG_STRING, "", MR_HIGH, CONNECTION, "The host of a proxy."),
    CHECKED("http.proxy.port", MR_CONFIG_INT, "0", MR_HIGH, CONNECTION, "The port of the proxy.", mr_check_range,
            &http_port_range),
    ROW("http.proxy.user", MR_CONFIG_STRING, "", MR_HIGH, CONNECTION, "The user at the proxy."),
    ROW("http.proxy.password", MR_CONFIG_PASSWORD, "", MR_HIGH, CONNECTION, "The password at the proxy."),
    CHECKED("http.connect.timeout.ms", MR_CONFIG_INT, "30000", MR_MEDIUM, CONNECTION,
            "How long a connection may take to come about.", mr_check_range, &http_time_range),
    CHECKED("http.request.timeout.ms", MR_CONFIG_INT, "30000", MR_MEDIUM, CONNECTION,
            "How long a request may take as a whole.", mr_check_range, &http_time_range),
    CHECKED("report.errors.as", MR_CONFIG_STRING, "error_string", MR_LOW, CONNECTION,
            "What the message of a refused record is: error_string: words with the beginning of the answer; "
            "http_response: the "
            "answer's status line and the beginning of its body, nothing else.",
            mr_check_one_of_any_case, errors_as),

    CHECKED("auth.type", MR_CONFIG_STRING, "none", MR_HIGH, SECURITY,
            "none, basic, bearer or oauth2 (client credentials).", mr_check_one_of_any_case, auth_types),
    ROW("connection.user", MR_CONFIG_STRING, "", MR_HIGH, SECURITY, "The user, with the type basic."),
    ROW("connection.password", MR_CONFIG_PASSWORD, "", MR_HIGH, SECURITY, "The password, with the type basic."),
    ROW("bearer.token", MR_CONFIG_PASSWORD, "", MR_HIGH, SECURITY, "The token, with the type bearer."),
    CHECKED("oauth2.token.url", MR_CONFIG_STRING, "", MR_HIGH, SECURITY, "Where the access token is fetched.",
            http_check_url, NULL),
    ROW("oauth2.client.id", MR_CONFIG_STRING, "", MR_HIGH, SECURITY, "The client id."),
    ROW("oauth2.client.secret", MR_CONFIG_PASSWORD, "", MR_HIGH, SECURITY, "The client's secret."),
    CHECKED("oauth2.token.property", MR_CONFIG_STRING, "access_token", MR_HIGH, SECURITY,
            "The member of the answer that holds the token.", mr_check_not_empty, NULL),
    CHECKED("oauth2.client.auth.mode", MR_CONFIG_STRING, "header", MR_HIGH, SECURITY,
            "Where the token request has the credentials: header (Basic) or url (fields of the form).",
            mr_check_one_of_any_case, auth_modes),
    ROW("oauth2.client.scope", MR_CONFIG_STRING, "any", MR_HIGH, SECURITY, "The scope that is asked for."),
    ROW("oauth2.client.headers", MR_CONFIG_PASSWORD, "", MR_LOW, SECURITY,
        "More headers of the token request, separated by oauth2.client.header.separator."),
    ROW("oauth2.client.header.separator", MR_CONFIG_STRING, "|", MR_LOW, SECURITY, "What separates those."),
    ROW("oauth2.jwt.enabled", MR_CONFIG_BOOLEAN, "false", MR_LOW, SECURITY,
        "Must be false: credentials as a signed JWT are not supported."),

    ROW("https.ssl.truststore.location", MR_CONFIG_STRING, "", MR_HIGH, SECURITY,
        "A file with the authorities to trust, as PEM, PKCS#12 or JKS; without it the system's are trusted."),
    ROW("https.ssl.truststore.password", MR_CONFIG_PASSWORD, NULL, MR_HIGH, SECURITY, "The password of that file."),
    ROW("https.ssl.truststore.type", MR_CONFIG_STRING, NULL, MR_MEDIUM, SECURITY, "Accepted; the content decides."),
    ROW("https.ssl.keystore.location", MR_CONFIG_STRING, "", MR_HIGH, SECURITY,
        "A file with a certificate of one's own and its key, as PEM or PKCS#12; a JKS store has to be converted "
        "(keytool "
        "-importkeystore)."),
    ROW("https.ssl.keystore.password", MR_CONFIG_PASSWORD, NULL, MR_HIGH, SECURITY, "The password of that file."),
    ROW("https.ssl.keystore.type", MR_CONFIG_STRING, NULL, MR_MEDIUM, SECURITY, "Accepted; the content decides."),
    ROW("https.ssl.key.password", MR_CONFIG_PASSWORD, NULL, MR_HIGH, SECURITY,
        "The password of the key; without it that of the file."),
    CHECKED("https.ssl.protocol", MR_CONFIG_STRING, "TLSv1.3", MR_MEDIUM, SECURITY,
            "Accepted; https.ssl.enabled.protocols decides.", mr_check_one_of, protocols),
    ROW("https.ssl.enabled.protocols", MR_CONFIG_LIST, "TLSv1.2,TLSv1.3", MR_MEDIUM, SECURITY,
        "TLSv1.3 alone, or with TLSv1.2; older ones are not spoken."),
    ROW("https.ssl.endpoint.identification.algorithm", MR_CONFIG_STRING, "https", MR_LOW, SECURITY,
        "https: the certificate's name must be the host's; empty: any name does."),
    ROW("https.host.verifier.enabled", MR_CONFIG_BOOLEAN, "true", MR_LOW, SECURITY,
        "false: any name in the certificate does; as an empty https.ssl.endpoint.identification.algorithm."),

    CHECKED(
        "max.retries", MR_CONFIG_INT, "10", MR_MEDIUM, RETRIES,
        "How often a request is tried again before it has failed. An answer with Retry-After, and 429, do not count: "
        "the target says when to come again.",
        mr_check_range, &http_count_range),
    CHECKED("retry.backoff.ms", MR_CONFIG_INT, "3000", MR_MEDIUM, RETRIES,
            "The first wait before a request is tried again.", mr_check_range, &http_count_range),
    CHECKED("retry.backoff.policy", MR_CONFIG_STRING, "exponential_with_jitter", MR_MEDIUM, RETRIES,
            "exponential_with_jitter: the wait doubles each time; constant_value: it stays.", mr_check_one_of_any_case,
            backoffs),
    CHECKED("retry.on.status.codes", MR_CONFIG_STRING, RETRY_ON_STATUS, MR_MEDIUM, RETRIES,
            "Status codes and ranges upon which a request is tried again; the other ones from 400 on refuse the "
            "records at once. 401, "
            "407, 429, 503 and answers with Retry-After are always tried again.",
            http_check_statuses, NULL),

    CHECKED("request.body.format", MR_CONFIG_STRING, "string", MR_MEDIUM, BATCHING,
            "How a value is written: string: as Java prints it; json: as JSON without its schema.",
            mr_check_one_of_any_case, formats),
    ROW("batch.key.pattern", MR_CONFIG_STRING, "someKey", MR_HIGH, BATCHING,
        "Records for which this comes out alike may share a batch; ${topic}, ${key} and ${field} as in the URL."),
    CHECKED("batch.max.size", MR_CONFIG_INT, "1", MR_HIGH, BATCHING, "At most so many records in one request.",
            mr_check_range, &http_positive_range),
    ROW("batch.prefix", MR_CONFIG_STRING, "", MR_HIGH, BATCHING,
        "In front of the records of a batch, blanks and line ends as given."),
    ROW("batch.suffix", MR_CONFIG_STRING, "", MR_HIGH, BATCHING, "Behind the records of a batch."),
    ROW("batch.separator", MR_CONFIG_STRING, ",", MR_HIGH, BATCHING, "Between the records of a batch."),
    ROW("batch.json.as.array", MR_CONFIG_BOOLEAN, "false", MR_LOW, BATCHING,
        "With request.body.format=json: [ , ] in place of prefix, separator and suffix, also around one record."),

    ROW("regex.patterns", MR_CONFIG_STRING, "", MR_MEDIUM, REGEX,
        "Regular expressions, separated by regex.separator, that are replaced in the text of each record, one after "
        "the other."),
    ROW("regex.replacements", MR_CONFIG_STRING, "", MR_MEDIUM, REGEX,
        "A replacement for each: $1 and ${name} are groups, ${topic} and ${key} the record's."),
    ROW("regex.separator", MR_CONFIG_STRING, "~", MR_MEDIUM, REGEX, "What separates both."),
    HTTP_OWN_ROWS,
};
const struct mr_config_def http_def_confluent = MR_CONFIG_DEF(rows);

static bool is(const struct mr_config *config, const char *option, const char *text)
{
    const char *given = mr_config_string(config, option);

    return given != NULL && strcasecmp(given, text) == 0;
}

/* Its index in the table, which has the order of the enum. */
static int choice(const struct mr_config *config, const char *option, const char *const *texts)
{
    int index = 0;

    while (texts[index + 1] != NULL && !is(config, option, texts[index]))
        index++;
    return index;
}

static int required(const struct mr_config *config, const char *option, const char *type, struct mr_error **error)
{
    if (http_text(config, option) != NULL)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "%s must be given when auth.type is %s", option, type);
}

static int read_oauth2(struct http_oauth2 *oauth2, const struct mr_config *config, struct mr_error **error)
{
    if (mr_config_boolean(config, "oauth2.jwt.enabled"))
        return mr_error_set(
            error, MR_ERR_CONFIG,
            "oauth2.jwt.enabled: credentials as a signed JWT are not supported; use oauth2.client.secret");
    *oauth2 = (struct http_oauth2){
        .url = http_text(config, "oauth2.token.url"),
        .client_id = http_text(config, "oauth2.client.id"),
        .client_secret = http_text(config, "oauth2.client.secret"),
        .scope = http_text(config, "oauth2.client.scope"),
        .id_name = "client_id",
        .secret_name = "client_secret",
        .grant_name = "grant_type",
        .grant = "client_credentials",
        .token_name = mr_config_string(config, "oauth2.token.property"),
        .credentials_in_form = is(config, "oauth2.client.auth.mode", "url"),
    };
    if (required(config, "oauth2.token.url", "oauth2", error) != 0 ||
        required(config, "oauth2.client.id", "oauth2", error) != 0 ||
        required(config, "oauth2.client.secret", "oauth2", error) != 0 ||
        status_set_read(&oauth2->renew_on, "", "401", error) != 0)
        return -1;
    return http_headers_add(oauth2->header_lines, &oauth2->header_count, "oauth2.client.headers",
                            http_text(config, "oauth2.client.headers"),
                            mr_config_string(config, "oauth2.client.header.separator"), error);
}

static int read_bearer(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    settings->auth = HTTP_AUTH_TEXT;
    if (required(config, "bearer.token", "bearer", error) != 0)
        return -1;
    if (asprintf(&settings->auth_text, "Bearer %s", mr_config_string(config, "bearer.token")) >= 0)
        return 0;
    settings->auth_text = NULL;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the options");
}

static int read_auth(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    settings->auth = HTTP_AUTH_NONE;
    if (is(config, "auth.type", "bearer"))
        return read_bearer(settings, config, error);
    if (is(config, "auth.type", "oauth2")) {
        settings->auth = HTTP_AUTH_OAUTH2;
        return read_oauth2(&settings->oauth2, config, error);
    }
    if (!is(config, "auth.type", "basic"))
        return 0;
    settings->auth = HTTP_AUTH_BASIC;
    settings->user = http_text(config, "connection.user");
    settings->password = mr_config_string(config, "connection.password");
    return required(config, "connection.user", "basic", error);
}

static int read_tls(struct http_tls *tls, const struct mr_config *config, struct mr_error **error)
{
    static const char option[] = "https.ssl.enabled.protocols";
    size_t count = mr_config_list_count(config, option);
    bool has_old = false;

    for (size_t i = 0; i < count; i++) {
        const char *name = mr_config_list_at(config, option, i);

        if (strcmp(name, "TLSv1.2") != 0 && strcmp(name, "TLSv1.3") != 0)
            return mr_error_set(error, MR_ERR_CONFIG, "%s: %s is not spoken; give TLSv1.2, TLSv1.3 or both", option,
                                name);
        has_old |= strcmp(name, "TLSv1.2") == 0;
    }
    *tls = (struct http_tls){
        .trust_path = http_text(config, "https.ssl.truststore.location"),
        .trust_password = http_text(config, "https.ssl.truststore.password"),
        .key_path = http_text(config, "https.ssl.keystore.location"),
        .key_store_password = http_text(config, "https.ssl.keystore.password"),
        .key_password = http_text(config, "https.ssl.key.password"),
        .versions = count > 0 && !has_old ? "TLSv1.3" : NULL,
        .checks_peer = true,
        .checks_host = mr_config_boolean(config, "https.host.verifier.enabled") &&
                       is(config, "https.ssl.endpoint.identification.algorithm", "https"),
    };
    return 0;
}

static int read_proxy(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    int64_t port = mr_config_integer(config, "http.proxy.port");

    settings->proxy_host = http_text(config, "http.proxy.host");
    settings->proxy_user = http_text(config, "http.proxy.user");
    settings->proxy_password = http_text(config, "http.proxy.password");
    settings->proxy_port = port > 0 ? (uint16_t)port : 0;
    if (settings->proxy_host != NULL && port <= 0)
        return mr_error_set(error, MR_ERR_CONFIG, "http.proxy.port must be given with http.proxy.host");
    return 0;
}

static void read_batches(struct http_settings *settings, const struct mr_config *config)
{
    static const struct mr_bytes open = {"[", 1}, close = {"]", 1}, comma = {",", 1};
    bool json = is(config, "request.body.format", "json"),
         array = json && mr_config_boolean(config, "batch.json.as.array");

    settings->format = json ? HTTP_FORMAT_JSON : HTTP_FORMAT_STRING;
    settings->content_type = json ? "application/json" : "text/plain; charset=UTF-8";
    settings->batch_max = (uint32_t)mr_config_integer(config, "batch.max.size");
    settings->prefix = array ? open : http_raw_text(config, "batch.prefix", "");
    settings->suffix = array ? close : http_raw_text(config, "batch.suffix", "");
    settings->separator = array ? comma : http_raw_text(config, "batch.separator", ",");
}

static int read_replacements(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    const char *patterns = http_text(config, "regex.patterns");

    if (patterns == NULL)
        return 0;
    return replacements_read(&settings->replacements, patterns, mr_config_string(config, "regex.replacements"),
                             mr_config_string(config, "regex.separator"), error);
}

static int read_retries(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    settings->connect_timeout_ms = (uint32_t)mr_config_integer(config, "http.connect.timeout.ms");
    settings->request_timeout_ms = (uint32_t)mr_config_integer(config, "http.request.timeout.ms");
    settings->retries_max = (uint32_t)mr_config_integer(config, "max.retries");
    settings->backoff_ms = (uint32_t)mr_config_integer(config, "retry.backoff.ms");
    settings->backoff_grows = is(config, "retry.backoff.policy", "exponential_with_jitter");
    return status_set_read(&settings->retry_on, "retry.on.status.codes",
                           mr_config_string(config, "retry.on.status.codes"), error);
}

static int read_headers(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    if (http_headers_add(settings->header_lines, &settings->header_count, "headers", http_text(config, "headers"),
                         mr_config_string(config, "header.separator"), error) != 0)
        return -1;
    if (http_headers_have(settings->header_lines, settings->header_count, "Content-Type"))
        settings->content_type = NULL;
    return 0;
}

int http_settings_confluent(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    *settings = (struct http_settings){
        .method = methods[choice(config, "request.method", methods)],
        .on_null = (enum http_on_null)choice(config, "behavior.on.null.values", on_null),
        .on_error = (enum http_on_error)choice(config, "behavior.on.error", on_error),
        .error_as_answer = is(config, "report.errors.as", "http_response"),
    };
    http_settings_own(settings, config, true);
    read_batches(settings, config);
    if (template_read(&settings->url, mr_config_string(config, "http.api.url"), error) == 0 &&
        template_read(&settings->batch_key, mr_config_string(config, "batch.key.pattern"), error) == 0 &&
        read_auth(settings, config, error) == 0 && read_tls(&settings->tls, config, error) == 0 &&
        read_proxy(settings, config, error) == 0 && read_headers(settings, config, error) == 0 &&
        read_replacements(settings, config, error) == 0 && read_retries(settings, config, error) == 0)
        return 0;
    http_settings_release(settings);
    return -1;
}
