#include "identity/token_fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "identity/token_answer.h"
#include "identity/token_http.h"
#include "identity/token_settings.h"
#include "identity/unsecured.h"

#include "base/bans.h"

#define FORM_MAX (512u << 10)
#define NAME_MAX_BYTES 256
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define IMDS_VERSION "2018-02-01"

/* ---- words ---- */

static struct token *fail(struct token_failure *failure, const struct token_settings *settings, bool is_hopeless, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static struct token *fail(struct token_failure *failure, const struct token_settings *settings, bool is_hopeless, const char *format, ...)
{
    char name[NAME_MAX_BYTES], words[TOKEN_WORDS_MAX - NAME_MAX_BYTES - 2];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    token_settings_name(settings, name, sizeof name);
    failure->is_hopeless = is_hopeless;
    snprintf(failure->words, sizeof failure->words, "%s: %s", name, words);
    secrets_hide_text(failure->words);
    return NULL;
}

bool token_status_passes(const struct token_settings *settings, int status)
{
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return true;
    /* While the metadata service is updated (410), or an identity is being assigned (404), it will soon know better. */
    return settings->kind == TOKEN_MANAGED_IDENTITY && (status == 404 || status == 410);
}

/* ---- the request ---- */

static void append_escaped(struct str_buffer *text, const char *value)
{
    for (const unsigned char *at = (const unsigned char *)value; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                        strchr("-._~", *at) != NULL;
        if (is_plain)
            str_buffer_append_char(text, (char)*at);
        else
            str_buffer_printf(text, "%%%02X", *at);
    }
}

static void append_field(struct str_buffer *text, const char *name, const char *value)
{
    if (value == NULL)
        return;
    str_buffer_printf(text, "%s%s=", text->length > 0 ? "&" : "", name);
    append_escaped(text, value);
}

static void append_login(struct str_buffer *line, const struct token_settings *settings)
{
    struct str_buffer pair;
    str_buffer_init(&pair, FORM_MAX);
    if (settings->urlencodes) {
        append_escaped(&pair, settings->client_id);
        str_buffer_append_char(&pair, ':');
        append_escaped(&pair, settings->client_secret);
    } else {
        str_buffer_printf(&pair, "%s:%s", settings->client_id, settings->client_secret);
    }
    size_t size = base64_encoded_length(pair.length);
    str_buffer_append_text(line, "Authorization: Basic ");
    char *room = str_buffer_reserve(line, size);
    if (room != NULL && !str_buffer_failed(&pair))
        str_buffer_advance(line, base64_encode(str_buffer_text(&pair), pair.length, room));
    line->failed = line->failed || pair.failed;
    if (pair.data != NULL)
        explicit_bzero(pair.data, pair.capacity);
    str_buffer_release(&pair);
}

struct request {
    struct str_buffer url, form, login;
    struct token_http_request http;
};

static void append_form(struct request *request, const struct token_settings *settings, const char *assertion)
{
    struct str_buffer *form = &request->form;
    if (settings->kind == TOKEN_JWT_BEARER) {
        append_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        append_field(form, "assertion", assertion);
    } else {
        append_field(form, "grant_type", "client_credentials");
        if (assertion != NULL) {
            append_field(form, "client_id", settings->client_id);
            append_field(form, "client_assertion_type", ASSERTION_TYPE);
            append_field(form, "client_assertion", assertion);
        } else {
            append_login(&request->login, settings);
        }
    }
    append_field(form, "scope", settings->scope);
    append_field(form, "resource", settings->resource);
}

static bool make_request(struct request *request, const struct token_settings *settings, const char *assertion)
{
    size_t header = 0;
    str_buffer_init(&request->url, 16384);
    str_buffer_init(&request->form, FORM_MAX);
    str_buffer_init(&request->login, FORM_MAX);
    request->http = (struct token_http_request){0};
    str_buffer_append_text(&request->url, settings->url);
    if (settings->kind == TOKEN_MANAGED_IDENTITY) {
        str_buffer_append_text(&request->url, strchr(settings->url, '?') != NULL ? "&" : "?");
        str_buffer_append_text(&request->url, "api-version=" IMDS_VERSION);
        append_field(&request->url, "resource", settings->resource);
        append_field(&request->url, "client_id", settings->client_id);
        request->http.headers[header++] = "Metadata: true";
    } else {
        append_form(request, settings, assertion);
        request->http.form = str_buffer_text(&request->form);
        request->http.headers[header++] = "Content-Type: application/x-www-form-urlencoded";
        if (request->login.length > 0)
            request->http.headers[header++] = str_buffer_text(&request->login);
    }
    request->http.url = str_buffer_text(&request->url);
    return !request->url.failed && !request->form.failed && !request->login.failed;
}

static void release_request(struct request *request)
{
    struct str_buffer *all[] = {&request->url, &request->form, &request->login};
    for (int i = 0; i < 3; i++) {
        if (all[i]->data != NULL)
            explicit_bzero(all[i]->data, all[i]->capacity);
        str_buffer_release(all[i]);
    }
}

/* ---- what came ---- */

static struct token *token_of(const struct token_answer *answer, const struct token_settings *settings, int64_t began_ms, int64_t life_ms,
                              struct token_failure *failure)
{
    if (life_ms < 1000)
        return fail(failure, settings, false, "its token has ended already, or is about to; are the clocks right?");
    struct token *token = token_create(answer->text, answer->principal, began_ms, began_ms + life_ms);
    return token != NULL ? token : fail(failure, settings, false, "no memory for a token");
}

static struct token *read_answer(const struct token_http_answer *answer, const struct token_settings *settings, int64_t began_ms,
                                 struct token_failure *failure)
{
    struct token_answer said;
    struct mr_error *error = NULL;
    char reason[TOKEN_REASON_MAX];
    failure->retry_after_ms = answer->retry_after_ms;
    if (answer->status == 0)
        return fail(failure, settings, answer->is_setup_failure, "%s", answer->why);
    if (answer->status != 200) {
        token_answer_reason(str_buffer_text(&answer->body), answer->body.length, reason);
        return fail(failure, settings, !token_status_passes(settings, answer->status), "it answered %d%s%s%s", answer->status,
                    *reason != '\0' ? " " : "", reason,
                    answer->status == 400 || answer->status == 401 || answer->status == 403
                        ? "; check the client's id, its secret or assertion, and the scope" : "");
    }
    if (token_answer_read(&said, str_buffer_text(&answer->body), answer->body.length, settings->sub_claim, &error) != 0) {
        fail(failure, settings, false, "its answer %s", mr_error_message(error));
        mr_error_clear(&error);
        return NULL;
    }
    struct token *token = token_of(&said, settings, began_ms, token_answer_life_ms(&said, answer->date_s), failure);
    token_answer_release(&said);
    return token;
}

/* NULL: failure says why. Blanks at its end are none of it. */
static char *read_secret_file(const char *path, const struct token_settings *settings, struct token_failure *failure)
{
    char why[200];
    size_t length;
    char *text = file_read(path, TOKEN_TEXT_MAX, &length, why, sizeof why);
    if (text == NULL) {
        fail(failure, settings, false, "%s", why);
        return NULL;
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        text[--length] = '\0';
    if (length > 0 && strlen(text) == length) {
        secrets_note(text);
        return text;
    }
    explicit_bzero(text, length);
    mem_free(text);
    fail(failure, settings, false, "%s is empty, or no text", path);
    return NULL;
}

static struct token *fetch_by_http(struct token_http *http, const struct token_settings *settings, const struct clock *clock,
                                   int64_t *skew_s, struct token_failure *failure)
{
    char *assertion = NULL;
    struct request request;
    struct token_http_answer answer;
    struct token *token = NULL;
    if (settings->assertion_file != NULL && (assertion = read_secret_file(settings->assertion_file, settings, failure)) == NULL)
        return NULL;
    int64_t began_ms = clock_boottime_ms(clock);
    if (make_request(&request, settings, assertion)) {
        token_http_ask(http, settings, &request.http, &answer);
        if (answer.date_s != 0)
            *skew_s = answer.date_s - clock_wall_ms(clock) / 1000;
        token = read_answer(&answer, settings, began_ms, failure);
        token_http_answer_release(&answer);
    } else {
        fail(failure, settings, false, "the request is too large, or there is no memory for it");
    }
    release_request(&request);
    if (assertion != NULL)
        explicit_bzero(assertion, strlen(assertion));
    mem_free(assertion);
    return token;
}

/* Whoever writes it replaces it in time: it is asked for again as if it were an endpoint. Its end is on this machine's clock. */
static struct token *fetch_from_file(const struct token_settings *settings, const struct clock *clock, struct token_failure *failure)
{
    struct token_answer said;
    struct mr_error *error = NULL;
    char *text = read_secret_file(settings->url, settings, failure);
    struct token *token = NULL;
    if (text == NULL)
        return NULL;
    if (token_answer_read_jwt(&said, text, strlen(text), settings->sub_claim, &error) == 0) {
        int64_t now_ms = clock_boottime_ms(clock);
        token = token_of(&said, settings, now_ms, token_answer_life_ms(&said, clock_wall_ms(clock) / 1000), failure);
        token_answer_release(&said);
    } else {
        fail(failure, settings, false, "it %s", mr_error_message(error));
        mr_error_clear(&error);
    }
    explicit_bzero(text, strlen(text));
    mem_free(text);
    return token;
}

static struct token *make_unsecured(const struct token_settings *settings, const struct clock *clock, struct token_failure *failure)
{
    int64_t now_ms = clock_boottime_ms(clock);
    char *text = unsecured_jws(settings, clock_wall_ms(clock));
    struct token_answer said;
    struct token *token = NULL;
    if (text == NULL)
        return fail(failure, settings, false, "no memory for a token");
    if (token_answer_read_jwt(&said, text, strlen(text), settings->sub_claim, NULL) == 0) {
        token = token_of(&said, settings, now_ms, settings->lifetime_ms, failure);
        token_answer_release(&said);
    } else {
        fail(failure, settings, true, "its claims are no JSON object");
    }
    mem_free(text);
    return token;
}

struct token *token_fetch(struct token_http *http, const struct token_settings *settings, const struct clock *clock,
                          int64_t *skew_s, struct token_failure *failure)
{
    *failure = (struct token_failure){0};
    *skew_s = 0;
    if (settings->kind == TOKEN_FILE)
        return fetch_from_file(settings, clock, failure);
    if (settings->kind == TOKEN_UNSECURED)
        return make_unsecured(settings, clock, failure);
    return fetch_by_http(http, settings, clock, skew_s, failure);
}
