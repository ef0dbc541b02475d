/* The options of io.aiven.kafka.connect.http.HttpSinkConnector. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#define CONNECTION .group = "Connection"
#define BATCHING .group = "Batching"
#define HTTP_TIMEOUT_S_MAX 86400

static const char *const auth_types[] = {"none", "oauth2", "static", NULL};
static const char *const auth_modes[] = {"HEADER", "URL", NULL};
static const char *const decimal_formats[] = {"BASE64", "NUMERIC", NULL};
static const struct mr_range batch_range = {1, 1000000}, timeout_range = {1, HTTP_TIMEOUT_S_MAX};

static int check_optional_time(const char *name, const char *text, const struct mr_config *config, const void *argument,
                               struct mr_error **error)
{
    (void)argument;
    return text == NULL ? 0 : mr_check_range(name, text, config, &http_time_range, error);
}

static const struct mr_config_row rows[] = {
    {.name = "http.url",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_HIGH,
     CONNECTION,
     .doc =
         "Where the records go. Beyond the original, ${topic}, ${key} and ${field} behind the host are the record's.",
     .validator = http_check_url},
    {.name = "http.proxy.host",
     .type = MR_CONFIG_STRING,
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The host of a proxy.",
     .validator = http_check_blank},
    {.name = "http.proxy.port",
     .type = MR_CONFIG_INT,
     .default_text = "-1",
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The port of the proxy.",
     .validator = mr_check_range,
     .validator_argument = &http_port_range},
    {.name = "http.ssl.trust.all.certs",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .importance = MR_LOW,
     CONNECTION,
     .doc = "Talk to whoever answers: neither the certificate nor the name in it is checked. For tests."},
    {.name = "http.ssl.truststore.location",
     .type = MR_CONFIG_STRING,
     .importance = MR_LOW,
     CONNECTION,
     .doc = "A file with the authorities to trust, as PEM, PKCS#12 or JKS; without it the system's are trusted."},
    {.name = "http.ssl.truststore.password",
     .type = MR_CONFIG_PASSWORD,
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The password of that file."},
    {.name = "http.authorization.type",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_HIGH,
     CONNECTION,
     .doc =
         "none; static: http.headers.authorization is sent as it is; oauth2: a token is fetched (client credentials).",
     .validator = mr_check_one_of,
     .validator_argument = auth_types},
    {.name = "http.headers.authorization",
     .type = MR_CONFIG_PASSWORD,
     .importance = MR_MEDIUM,
     CONNECTION,
     .doc = "The value of the header Authorization, with the type static."},
    {.name = "http.headers.content.type",
     .type = MR_CONFIG_STRING,
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The value of the header Content-Type; without it none is sent.",
     .validator = http_check_blank},
    {.name = "http.headers.additional",
     .type = MR_CONFIG_LIST,
     .default_text = "",
     .importance = MR_LOW,
     CONNECTION,
     .doc = "More headers, each as name:value, none twice."},
    {.name = "oauth2.access.token.url",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "Where the access token is fetched.",
     .validator = http_check_url},
    {.name = "oauth2.request.grant.type.property",
     .type = MR_CONFIG_STRING,
     .default_text = "grant_type",
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The field of the token request that names the grant.",
     .validator = mr_check_not_empty},
    {.name = "oauth2.grant.type",
     .type = MR_CONFIG_STRING,
     .default_text = "client_credentials",
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The grant that is asked for.",
     .validator = mr_check_not_empty},
    {.name = "oauth2.request.client.id.property",
     .type = MR_CONFIG_STRING,
     .default_text = "client_id",
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The field of the token request that holds the client id.",
     .validator = mr_check_not_empty},
    {.name = "oauth2.client.id",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The client id.",
     .validator = http_check_blank},
    {.name = "oauth2.request.client.secret.property",
     .type = MR_CONFIG_STRING,
     .default_text = "client_secret",
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The field of the token request that holds the client's secret."},
    {.name = "oauth2.client.secret",
     .type = MR_CONFIG_PASSWORD,
     .importance = MR_HIGH,
     CONNECTION,
     .doc = "The client's secret."},
    {.name = "oauth2.client.authorization.mode",
     .type = MR_CONFIG_STRING,
     .default_text = "HEADER",
     .importance = MR_MEDIUM,
     CONNECTION,
     .doc = "Where the token request has the credentials: header (Basic) or url (fields of the form).",
     .validator = mr_check_one_of_any_case,
     .validator_argument = auth_modes},
    {.name = "oauth2.client.scope",
     .type = MR_CONFIG_STRING,
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The scope that is asked for.",
     .validator = http_check_blank},
    {.name = "oauth2.response.token.property",
     .type = MR_CONFIG_STRING,
     .default_text = "access_token",
     .importance = MR_LOW,
     CONNECTION,
     .doc = "The member of the answer that holds the token.",
     .validator = mr_check_not_empty},
    {.name = "oauth2.token.renew.on.status.codes",
     .type = MR_CONFIG_LIST,
     .default_text = "401",
     .importance = MR_LOW,
     CONNECTION,
     .doc = "Status codes upon which the token is fetched anew, once.",
     .validator = http_check_statuses},
    {.name = "batching.enabled",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .importance = MR_HIGH,
     BATCHING,
     .doc = "Send many records in one request."},
    {.name = "batch.max.size",
     .type = MR_CONFIG_INT,
     .default_text = "500",
     .importance = MR_MEDIUM,
     BATCHING,
     .doc = "At most so many records in one request.",
     .validator = mr_check_range,
     .validator_argument = &batch_range},
    {.name = "batch.prefix",
     .type = MR_CONFIG_STRING,
     .default_text = "",
     .importance = MR_HIGH,
     BATCHING,
     .doc = "In front of the records of a batch, blanks and line ends as given."},
    {.name = "batch.suffix",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     BATCHING,
     .doc = "Behind the records of a batch; a line end when not given."},
    {.name = "batch.separator",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     BATCHING,
     .doc = "Between the records of a batch; a line end when not given."},
    {.name = "kafka.retry.backoff.ms",
     .type = MR_CONFIG_LONG,
     .importance = MR_MEDIUM,
     .group = "Delivery",
     .doc = "When given, the wait between attempts, the same each time.",
     .validator = check_optional_time},
    {.name = "max.retries",
     .type = MR_CONFIG_INT,
     .default_text = "1",
     .importance = MR_MEDIUM,
     .group = "Delivery",
     .doc = "How often a request is tried again before it has failed.",
     .validator = mr_check_range,
     .validator_argument = &http_count_range},
    {.name = "retry.backoff.ms",
     .type = MR_CONFIG_INT,
     .default_text = "3000",
     .importance = MR_MEDIUM,
     .group = "Delivery",
     .doc = "The first wait before a request is tried again; it doubles each time, with jitter.",
     .validator = mr_check_range,
     .validator_argument = &http_count_range},
    {.name = "http.timeout",
     .type = MR_CONFIG_INT,
     .default_text = "30",
     .importance = MR_LOW,
     .group = "Timeout",
     .doc = "How many seconds a request may take.",
     .validator = mr_check_range,
     .validator_argument = &timeout_range},
    {.name = "decimal.format",
     .type = MR_CONFIG_STRING,
     .default_text = "BASE64",
     .importance = MR_LOW,
     .group = "Format",
     .doc = "How decimals are written in JSON: BASE64 or NUMERIC.",
     .validator = mr_check_one_of,
     .validator_argument = decimal_formats},
    HTTP_OWN_ROWS,
};
const struct mr_config_def http_def_aiven = MR_CONFIG_DEF(rows);

static int required(const struct mr_config *config, const char *option, const char *type, struct mr_error **error)
{
    if (http_text(config, option) != NULL)
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG, "%s must be given when http.authorization.type is %s", option, type);
}

static int read_oauth2(struct http_oauth2 *oauth2, const struct mr_config *config, struct mr_error **error)
{
    char statuses[512] = "";
    size_t size = 0;

    for (size_t i = 0;
         i < mr_config_list_count(config, "oauth2.token.renew.on.status.codes") && size < sizeof(statuses); i++)
        size += (size_t)snprintf(statuses + size, sizeof(statuses) - size, "%s%s", i == 0 ? "" : ",",
                                 mr_config_list_at(config, "oauth2.token.renew.on.status.codes", i));
    *oauth2 = (struct http_oauth2){
        .url = http_text(config, "oauth2.access.token.url"),
        .client_id = http_text(config, "oauth2.client.id"),
        .client_secret = http_text(config, "oauth2.client.secret"),
        .scope = http_text(config, "oauth2.client.scope"),
        .id_name = mr_config_string(config, "oauth2.request.client.id.property"),
        .secret_name = mr_config_string(config, "oauth2.request.client.secret.property"),
        .grant_name = mr_config_string(config, "oauth2.request.grant.type.property"),
        .grant = mr_config_string(config, "oauth2.grant.type"),
        .token_name = mr_config_string(config, "oauth2.response.token.property"),
        .credentials_in_form = strcasecmp(mr_config_string(config, "oauth2.client.authorization.mode"), "url") == 0,
    };
    if (required(config, "oauth2.access.token.url", "oauth2", error) != 0 ||
        required(config, "oauth2.client.id", "oauth2", error) != 0 ||
        required(config, "oauth2.client.secret", "oauth2", error) != 0)
        return -1;
    return status_set_read(&oauth2->renew_on, "oauth2.token.renew.on.status.codes", statuses, error);
}

static int read_auth(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    const char *type = mr_config_string(config, "http.authorization.type");
    bool is_static = strcmp(type, "static") == 0;
    const char *given = http_text(config, "http.headers.authorization");

    settings->auth = HTTP_AUTH_NONE;
    if (!is_static && given != NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "http.headers.authorization goes with http.authorization.type=static; it is %s", type);
    if (strcmp(type, "oauth2") == 0) {
        settings->auth = HTTP_AUTH_OAUTH2;
        return read_oauth2(&settings->oauth2, config, error);
    }
    if (!is_static)
        return 0;
    if (required(config, "http.headers.authorization", "static", error) != 0)
        return -1;
    settings->auth = HTTP_AUTH_TEXT;
    settings->auth_text = strdup(given);
    return settings->auth_text == NULL ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the options") : 0;
}

static int read_headers(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    static const char option[] = "http.headers.additional";

    for (size_t i = 0; i < mr_config_list_count(config, option); i++) {
        const char *line = mr_config_list_at(config, option, i);
        char name[128];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, ":"), line);
        if (http_headers_have(settings->header_lines, settings->header_count, name))
            return mr_error_set(error, MR_ERR_CONFIG, "%s: %s stands there twice", option, name);
        if (http_header_add(settings->header_lines, &settings->header_count, option, line, strlen(line), error) != 0)
            return -1;
    }
    return 0;
}

static void read_batches(struct http_settings *settings, const struct mr_config *config)
{
    static const struct mr_bytes none = {.data = "", .size = 0};
    bool batches = mr_config_boolean(config, "batching.enabled");

    settings->batch_max = batches ? (uint32_t)mr_config_integer(config, "batch.max.size") : 1;
    settings->prefix = batches ? http_raw_text(config, "batch.prefix", "") : none;
    settings->suffix = batches ? http_raw_text(config, "batch.suffix", "\n") : none;
    settings->separator = batches ? http_raw_text(config, "batch.separator", "\n") : none;
}

static int read_delivery(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    bool constant = mr_config_has_value(config, "kafka.retry.backoff.ms");

    settings->retries_max = (uint32_t)mr_config_integer(config, "max.retries");
    settings->backoff_ms =
        (uint32_t)mr_config_integer(config, constant ? "kafka.retry.backoff.ms" : "retry.backoff.ms");
    settings->backoff_grows = !constant;
    settings->request_timeout_ms = (uint32_t)mr_config_integer(config, "http.timeout") * 1000;
    settings->connect_timeout_ms = settings->request_timeout_ms;
    return status_set_read(&settings->retry_on, "retry.on.status.codes", RETRY_ON_STATUS, error);
}

static int read_proxy(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    int64_t port = mr_config_integer(config, "http.proxy.port");

    settings->proxy_host = http_text(config, "http.proxy.host");
    if (settings->proxy_host != NULL && port <= 0)
        return mr_error_set(error, MR_ERR_CONFIG, "http.proxy.port must be given with http.proxy.host");
    settings->proxy_port = port > 0 ? (uint16_t)port : 0;
    return 0;
}

int http_settings_aiven(struct http_settings *settings, const struct mr_config *config, struct mr_error **error)
{
    bool trusts_all = mr_config_boolean(config, "http.ssl.trust.all.certs");

    *settings = (struct http_settings){
        .method = "POST",
        .content_type = http_text(config, "http.headers.content.type"),
        .format = HTTP_FORMAT_BY_KIND,
        .json_flags = strcmp(mr_config_string(config, "decimal.format"), "NUMERIC") == 0 ? MR_JSON_DECIMAL_NUMERIC : 0,
        .on_null = HTTP_NULL_FAIL,
        .on_error = HTTP_ERROR_FAIL,
        .tls = {.trust_path = http_text(config, "http.ssl.truststore.location"),
                .trust_password = http_text(config, "http.ssl.truststore.password"),
                .checks_peer = !trusts_all,
                .checks_host = !trusts_all},
    };
    http_settings_own(settings, config, false);
    read_batches(settings, config);
    if (template_read(&settings->url, mr_config_string(config, "http.url"), error) == 0 &&
        read_auth(settings, config, error) == 0 && read_headers(settings, config, error) == 0 &&
        read_delivery(settings, config, error) == 0 && read_proxy(settings, config, error) == 0)
        return 0;
    http_settings_release(settings);
    return -1;
}
