#include "identity/token_settings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>

#include "base/loopback.h"
#include "base/string_map.h"

#include "base/bans.h"

static const struct {
    const char *name;
    enum token_kind kind;
    const char *needs[3];
} kinds[] = {
    {"client_credentials", TOKEN_CLIENT_CREDENTIALS, {TOKEN_URL, TOKEN_CLIENT_ID}},
    {"jwt_bearer", TOKEN_JWT_BEARER, {TOKEN_URL, TOKEN_ASSERTION_FILE}},
    {"managed_identity", TOKEN_MANAGED_IDENTITY, {TOKEN_URL, TOKEN_RESOURCE}},
    {"file", TOKEN_FILE, {TOKEN_URL}},
    {"unsecured", TOKEN_UNSECURED, {TOKEN_CLAIMS}},
};

static const char *text_of(const struct string_map *map, const char *name)
{
    const char *value = string_map_get(map, name);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* ---- numbers ---- */

static int take_number(const struct string_map *map, const char *name, double least, double most, double *number,
                       struct mr_error **error)
{
    const char *text = text_of(map, name);
    char *end;
    if (text == NULL)
        return 0;
    errno = 0;
    double parsed = strtod(text, &end);
    if (end == text || end[strspn(end, " \t")] != '\0' || errno != 0 || !isfinite(parsed) || parsed < least || parsed > most)
        return mr_error_set(error, MR_ERR_CONFIG, "%s must be a number from %g to %g", name, least, most);
    *number = parsed;
    return 0;
}

/* In `unit` milliseconds. */
static int take_span(const struct string_map *map, const char *name, double most, int64_t unit, int64_t *span_ms,
                     struct mr_error **error)
{
    double number = (double)*span_ms / (double)unit;
    if (take_number(map, name, 0, most, &number, error) != 0)
        return -1;
    *span_ms = (int64_t)(number * (double)unit);
    return 0;
}

static int take_numbers(struct token_settings *settings, const struct string_map *map, struct mr_error **error)
{
    struct token_rules *rules = &settings->rules;
    int status = 0;
    *rules = (struct token_rules){.window_factor = 0.8, .window_jitter = 0.05, .min_period_ms = 60000, .buffer_ms = 300000,
                                  .backoff_ms = 100, .backoff_max_ms = 10000};
    settings->connect_timeout_ms = settings->read_timeout_ms = TOKEN_TIMEOUT_DEFAULT_MS;
    settings->lifetime_ms = 3600000;
    status |= take_number(map, TOKEN_WINDOW_FACTOR, 0.5, 1.0, &rules->window_factor, error);
    status = status != 0 ? status : take_number(map, TOKEN_WINDOW_JITTER, 0, 0.25, &rules->window_jitter, error);
    status = status != 0 ? status : take_span(map, TOKEN_MIN_PERIOD_S, 900, 1000, &rules->min_period_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_BUFFER_S, 3600, 1000, &rules->buffer_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_BACKOFF_MS, 3600000, 1, &rules->backoff_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_BACKOFF_MAX_MS, 3600000, 1, &rules->backoff_max_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_CONNECT_TIMEOUT_MS, 2147483647, 1, &settings->connect_timeout_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_READ_TIMEOUT_MS, 2147483647, 1, &settings->read_timeout_ms, error);
    status = status != 0 ? status : take_span(map, TOKEN_LIFETIME_S, 31536000, 1000, &settings->lifetime_ms, error);
    return status;
}

/* 0 would be "for ever" for libcurl, and a loop without pause for the backoff. */
static void bound_numbers(struct token_settings *settings)
{
    int64_t *timeouts[] = {&settings->connect_timeout_ms, &settings->read_timeout_ms};
    for (int i = 0; i < 2; i++) {
        if (*timeouts[i] <= 0)
            *timeouts[i] = TOKEN_TIMEOUT_DEFAULT_MS;
        if (*timeouts[i] > TOKEN_TIMEOUT_MAX_MS)
            *timeouts[i] = TOKEN_TIMEOUT_MAX_MS;
    }
    if (settings->rules.backoff_ms < 10)
        settings->rules.backoff_ms = 10;
    if (settings->rules.backoff_max_ms < settings->rules.backoff_ms)
        settings->rules.backoff_max_ms = settings->rules.backoff_ms;
}

/* ---- what each kind needs ---- */

static bool is_url(const char *text)
{
    size_t length = strlen(text);
    if (strncasecmp(text, "https://", 8) != 0 && strncasecmp(text, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return false;
    }
    const char *host = strchr(text, ':') + 3;
    return length <= 4096 && *host != '\0' && *host != '/' && memchr(host, '@', strcspn(host, "/?#")) == NULL;
}

static int check_kind(const struct token_settings *settings, const struct string_map *map, size_t kind, struct mr_error **error)
{
    for (size_t i = 0; i < 3 && kinds[kind].needs[i] != NULL; i++) {
        if (text_of(map, kinds[kind].needs[i]) == NULL)
            return mr_error_set(error, MR_ERR_CONFIG, "%s is missing", kinds[kind].needs[i]);
    }
    if (settings->kind == TOKEN_CLIENT_CREDENTIALS && settings->client_secret == NULL && settings->assertion_file == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, TOKEN_CLIENT_SECRET " is missing");
    if (settings->kind <= TOKEN_MANAGED_IDENTITY && !is_url(settings->url))
        return mr_error_set(error, MR_ERR_CONFIG, TOKEN_URL " must be an http or https address without a user in it");
    if (settings->client_secret != NULL && strlen(settings->client_secret) > TOKEN_SECRET_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, TOKEN_CLIENT_SECRET " is longer than %u bytes", TOKEN_SECRET_MAX);
    if (settings->kind == TOKEN_UNSECURED && settings->lifetime_ms < 1000)
        return mr_error_set(error, MR_ERR_CONFIG, TOKEN_LIFETIME_S " must be at least 1");
    return 0;
}

int token_settings_read(struct token_settings *settings, const struct string_map *map, struct mr_error **error)
{
    const char *kind = string_map_get_or(map, TOKEN_KIND, "");
    *settings = (struct token_settings){
        .url = text_of(map, TOKEN_URL),
        .client_id = text_of(map, TOKEN_CLIENT_ID),
        .client_secret = text_of(map, TOKEN_CLIENT_SECRET),
        .assertion_file = text_of(map, TOKEN_ASSERTION_FILE),
        .scope = text_of(map, TOKEN_SCOPE),
        .resource = text_of(map, TOKEN_RESOURCE),
        .trust_pem = text_of(map, TOKEN_TRUST_PEM),
        .claims = text_of(map, TOKEN_CLAIMS),
        .sub_claim = string_map_get_or(map, TOKEN_SUB_CLAIM, "sub"),
        .urlencodes = strcasecmp(string_map_get_or(map, TOKEN_URLENCODE, ""), "true") == 0,
        .trust_adds = strcasecmp(string_map_get_or(map, TOKEN_TRUST_ADDS, ""), "true") == 0,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        settings->kind = kinds[i].kind;
        if (take_numbers(settings, map, error) != 0 || check_kind(settings, map, i, error) != 0)
            return -1;
        bound_numbers(settings);
        return 0;
    }
    return mr_error_set(error, MR_ERR_CONFIG, TOKEN_KIND " is unknown");
}

void token_settings_name(const struct token_settings *settings, char *name, unsigned size)
{
    int shown = settings->url != NULL ? (int)strcspn(settings->url, "?#") : 0;
    if (settings->kind == TOKEN_UNSECURED)
        snprintf(name, size, "the unsigned token");
    else if (settings->kind == TOKEN_FILE)
        snprintf(name, size, "the token file %s", settings->url);
    else
        snprintf(name, size, "%s %.*s", settings->kind == TOKEN_MANAGED_IDENTITY ? "the metadata service" : "the token endpoint",
                 shown, settings->url);
}

bool token_settings_is_in_clear(const struct token_settings *settings)
{
    return (settings->kind == TOKEN_CLIENT_CREDENTIALS || settings->kind == TOKEN_JWT_BEARER) &&
           strncasecmp(settings->url, "http:", 5) == 0 && !loopback_is_url(settings->url);
}
