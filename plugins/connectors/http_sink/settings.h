/* settings: what an HTTP sink was told, in one form for both families of option names.
 *
 * Each family (options_confluent.c, options_aiven.c) has its own rows and fills this. Texts belong to the configuration, which
 * outlives the settings, but for those that had to be made: `made`. Immutable once read.
 */
#ifndef HTTP_SINK_SETTINGS_H
#define HTTP_SINK_SETTINGS_H

#include <millrace/config_def.h>
#include <millrace/json.h>

#include "replace.h"
#include "template.h"

#define STATUS_RANGES_MAX 32
#define HEADERS_MAX 64
#define RETRY_ON_STATUS "408,425,429,500-" /* what another time may mend */

enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_TEXT, HTTP_AUTH_OAUTH2 };
enum http_format {
    HTTP_FORMAT_STRING, /* any value as Java's toString */
    HTTP_FORMAT_JSON,   /* any value as JSON, a string in quotes */
    HTTP_FORMAT_BY_KIND /* strings as they are, structs and maps as JSON, nothing else */
};
enum http_on_null { HTTP_NULL_IGNORE, HTTP_NULL_LOG, HTTP_NULL_FAIL, HTTP_NULL_DELETE };
enum http_on_error { HTTP_ERROR_FAIL, HTTP_ERROR_LOG, HTTP_ERROR_IGNORE };

struct status_range {
    uint16_t least, most;
};
struct status_set {
    struct status_range ranges[STATUS_RANGES_MAX];
    size_t count;
};

struct http_oauth2 {
    const char *url, *client_id, *client_secret, *scope;    /* scope NULL: none is asked for */
    const char *id_name, *secret_name, *grant_name, *grant; /* names of the form's fields */
    const char *token_name;                                 /* of the member of the answer */
    bool credentials_in_form;                               /* else in the Authorization header */
    char *header_lines[HEADERS_MAX];                        /* of the token request */
    size_t header_count;
    struct status_set renew_on;
};

struct http_tls {
    const char *trust_path, *trust_password; /* NULL: the system's authorities */
    const char *key_path, *key_store_password, *key_password;
    const char *versions; /* NULL: 1.2 and up; "TLSv1.3": that alone */
    bool checks_peer, checks_host;
};

struct http_settings {
    struct template url, batch_key;
    const char *method;
    char *header_lines[HEADERS_MAX]; /* "Name: value" */
    size_t header_count;
    const char *content_type; /* NULL: none is sent */
    bool forwards_record_headers;

    enum http_format format;
    uint32_t json_flags;
    struct mr_bytes prefix, suffix, separator;
    uint32_t batch_max;
    struct replacements replacements;
    enum http_on_null on_null;
    enum http_on_error on_error;

    enum http_auth auth;
    const char *user, *password; /* HTTP_AUTH_BASIC */
    char *auth_text;             /* HTTP_AUTH_TEXT: the whole header's value */
    struct http_oauth2 oauth2;
    struct http_tls tls;
    const char *proxy_host, *proxy_user, *proxy_password; /* NULL: none */
    uint16_t proxy_port;

    uint32_t connect_timeout_ms, request_timeout_ms;
    uint32_t retries_max, backoff_ms;
    bool backoff_grows;
    struct status_set retry_on;
    uint32_t retry_after_max_ms;

    uint32_t connections_max;
    uint32_t error_body_bytes; /* of an answer's body in words */
    bool error_as_answer;      /* report.errors.as=http_response */
    const char *results_path;  /* NULL: an answer counts for all its records */
    const char *result_status;
};

/* Each fills `settings`. -1: MR_ERR_CONFIG (the option and the remedy) or MR_ERR_NO_MEMORY; nothing to release then. */
int http_settings_confluent(struct http_settings *settings, const struct mr_config *config, struct mr_error **error);
int http_settings_aiven(struct http_settings *settings, const struct mr_config *config, struct mr_error **error);
extern const struct mr_config_def http_def_confluent, http_def_aiven;

void http_settings_release(struct http_settings *settings); /* wipes what is secret of what was made */

bool status_set_has(const struct status_set *set, long status);
/* "408,500-" or "400-499". -1: MR_ERR_CONFIG. */
int status_set_read(struct status_set *set, const char *option, const char *text, struct mr_error **error);

/* What the families share ------------------------------------------------------------------------------------------- */

/* Rows of our own, with the same meaning in both; they end each table. */
#define HTTP_OWN_ROWS                                                                                                  \
    {.name = "millrace.http.connections.max",                                                                          \
     .type = MR_CONFIG_INT,                                                                                            \
     .default_text = "4",                                                                                              \
     .importance = MR_LOW,                                                                                             \
     .doc = "How many requests of one task are under way at once. Those with records of one partition go one after "   \
            "the other all the same.",                                                                                 \
     .validator = mr_check_range,                                                                                      \
     .validator_argument = &http_connections_range,                                                                    \
     .is_internal = true},                                                                                             \
        {.name = "millrace.http.retry.after.max.ms",                                                                   \
         .type = MR_CONFIG_INT,                                                                                        \
         .default_text = "300000",                                                                                     \
         .importance = MR_LOW,                                                                                         \
         .doc = "The longest time that a Retry-After of the target is waited for; a longer one is cut to it.",         \
         .validator = mr_check_range,                                                                                  \
         .validator_argument = &http_time_range,                                                                       \
         .is_internal = true},                                                                                         \
        {.name = "millrace.http.error.body.bytes",                                                                     \
         .type = MR_CONFIG_INT,                                                                                        \
         .default_text = "256",                                                                                        \
         .importance = MR_LOW,                                                                                         \
         .doc = "How much of the body of a refusal stands in error messages and dead letters; 0: none. The "           \
                "connector's own secrets are hidden in it.",                                                           \
         .validator = mr_check_range,                                                                                  \
         .validator_argument = &http_body_range,                                                                       \
         .is_internal = true},                                                                                         \
        {.name = "millrace.http.record.headers",                                                                       \
         .type = MR_CONFIG_BOOLEAN,                                                                                    \
         .importance = MR_LOW,                                                                                         \
         .doc = "Whether the headers of a record go out as headers of its request; records with different ones then "  \
                "go in different requests. Without a value: true for io.confluent.connect.http.HttpSinkConnector, "    \
                "false for io.aiven.kafka.connect.http.HttpSinkConnector.",                                            \
         .is_internal = true},                                                                                         \
        {.name = "millrace.batch.results",                                                                             \
         .type = MR_CONFIG_STRING,                                                                                     \
         .importance = MR_LOW,                                                                                         \
         .doc = "Where the answer to a batch has its results per record: the dotted path of a JSON array with one "    \
                "element per record, in order; \".\" is the whole answer. Without a value the status of the answer "   \
                "counts for all.",                                                                                     \
         .is_internal = true},                                                                                         \
    {                                                                                                                  \
        .name = "millrace.batch.result.status", .type = MR_CONFIG_STRING, .default_text = "status",                    \
        .importance = MR_LOW,                                                                                          \
        .doc = "The dotted path, within such an element, of its status: a number as HTTP has them, or true or false; " \
               "\"*\" in it is the only member there is.",                                                             \
        .is_internal = true                                                                                            \
    }

extern const struct mr_range http_connections_range, http_time_range, http_body_range, http_positive_range,
    http_count_range, http_port_range;
mr_config_validator http_check_url;      /* http or https, placeholders behind the host only; NULL is fine */
mr_config_validator http_check_statuses; /* "408,500-" */
mr_config_validator http_check_blank;    /* not blank; NULL is fine */

/* Says how a message is framed: not for anybody to set. */
bool http_header_frames(const char *name, size_t size);

/* Fills what HTTP_OWN_ROWS say; `forwards` is the family's default. */
void http_settings_own(struct http_settings *settings, const struct mr_config *config, bool forwards);
/* NULL for a text that is NULL or empty. */
const char *http_text(const struct mr_config *config, const char *option);
/* The text as it was submitted, blanks and all. */
struct mr_bytes http_raw_text(const struct mr_config *config, const char *option, const char *without);
/* Splits "A: b|C: d" and appends lines; blank parts are left out. -1: MR_ERR_CONFIG. */
int http_headers_add(char **lines, size_t *count, const char *option, const char *text, const char *separator,
                     struct mr_error **error);
/* One "Name: value", checked: a token and a text without control characters. The error names the option, not the value. */
int http_header_add(char **lines, size_t *count, const char *option, const char *line, size_t size,
                    struct mr_error **error);
bool http_headers_have(char *const *lines, size_t count, const char *name);

#endif
