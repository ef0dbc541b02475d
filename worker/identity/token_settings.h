/*
 * token_settings: where tokens come from, as a string_map: equal maps are one source.
 *
 * All of them are texts that were checked by token_settings_read; names that are not listed are ignored, but make another source.
 */
#ifndef IDENTITY_TOKEN_SETTINGS_H
#define IDENTITY_TOKEN_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct mr_error;
struct string_map;

/* Names. What each kind needs stands at the kinds. */
#define TOKEN_KIND "kind"
#define TOKEN_URL "url"
#define TOKEN_CLIENT_ID "client.id"
#define TOKEN_CLIENT_SECRET "client.secret"
#define TOKEN_ASSERTION_FILE "assertion.file" /* read anew for each request */
#define TOKEN_SCOPE "scope"
#define TOKEN_RESOURCE "resource"
#define TOKEN_URLENCODE "header.urlencode"   /* true: id and secret are escaped in the Authorization header (RFC 6749 2.3.1) */
#define TOKEN_TRUST_PEM "trust.pem"          /* authorities of the endpoint; without: the system's */
#define TOKEN_TRUST_ADDS "trust.adds"        /* true: those, and the system's */
#define TOKEN_CONNECT_TIMEOUT_MS "connect.timeout.ms"
#define TOKEN_READ_TIMEOUT_MS "read.timeout.ms"
#define TOKEN_BACKOFF_MS "retry.backoff.ms"
#define TOKEN_BACKOFF_MAX_MS "retry.backoff.max.ms"
#define TOKEN_WINDOW_FACTOR "refresh.window.factor"
#define TOKEN_WINDOW_JITTER "refresh.window.jitter"
#define TOKEN_MIN_PERIOD_S "refresh.min.period.seconds"
#define TOKEN_BUFFER_S "refresh.buffer.seconds"
#define TOKEN_CLAIMS "claims"                /* of the kind unsecured: a JSON object */
#define TOKEN_LIFETIME_S "lifetime.seconds"  /* of the kind unsecured */
#define TOKEN_SUB_CLAIM "sub.claim"          /* the claim with the principal's name; "sub" */

#define TOKEN_SECRET_MAX (64u << 10)
#define TOKEN_TIMEOUT_DEFAULT_MS 10000
#define TOKEN_TIMEOUT_MAX_MS 120000

enum token_kind {
    TOKEN_CLIENT_CREDENTIALS, /* "client_credentials", RFC 6749 4.4: url, client.id, and client.secret or assertion.file (RFC 7523 2.2) */
    TOKEN_JWT_BEARER,         /* "jwt_bearer", RFC 7523 2.1: url, assertion.file */
    TOKEN_MANAGED_IDENTITY,   /* "managed_identity", of Azure's metadata service: url, resource; client.id may be missing */
    TOKEN_FILE,               /* "file": url is the path of a file that holds a JWT */
    TOKEN_UNSECURED,          /* "unsecured": claims, lifetime.seconds */
};

/* When to refresh; Kafka's sasl.login.refresh.* and sasl.login.retry.backoff.*. */
struct token_rules {
    double window_factor, window_jitter;
    int64_t min_period_ms, buffer_ms;
    int64_t backoff_ms, backoff_max_ms;
};

/* A view of the map; texts are NULL when unset. */
struct token_settings {
    enum token_kind kind;
    const char *url, *client_id, *client_secret, *assertion_file, *scope, *resource, *trust_pem, *claims, *sub_claim;
    bool urlencodes, trust_adds;
    int64_t connect_timeout_ms, read_timeout_ms; /* the second is for the whole request */
    int64_t lifetime_ms;
    struct token_rules rules;
};

/* -1: MR_ERR_CONFIG: what is missing or out of range, by its name here; no values. */
int token_settings_read(struct token_settings *settings, const struct string_map *map, struct mr_error **error);

/* Who is asked, for messages: "the token endpoint https://host/path" (no query, no user), "the file /path". */
void token_settings_name(const struct token_settings *settings, char *name, unsigned size);

/* http: and not this machine, nor Azure's metadata service: a secret or a token would be readable on its way. */
bool token_settings_is_in_clear(const struct token_settings *settings);

#endif
