#include "token.h"

#include <millrace/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "template.h"

#define ARENA_BYTES ((size_t)4 << 20)
#define LIFE_MAX_S ((int64_t)10 * 365 * 86400)

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

void token_retire(struct token *token)
{
    if (token->header == NULL)
        return;
    wipe(token->last_header);
    token->last_header = token->header;
    token->header = NULL;
}

void token_release(struct token *token)
{
    wipe(token->header);
    wipe(token->last_header);
    token->header = token->last_header = NULL;
}

bool token_counts(const struct token *token, int64_t now_ms)
{
    return token->header != NULL && now_ms < token->expires_ms;
}

/* --- the answer ------------------------------------------------------------------------------------------------------------ */

static int bad(const char *why, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONNECT, "the token endpoint's answer %s", why);
}

/* May it stand in a header? Visible ASCII, not empty. */
static bool is_visible(const struct mr_value *value)
{
    struct mr_bytes text = mr_value_bytes(value);
    const unsigned char *bytes = text.data;

    if (mr_value_kind(value) != MR_KIND_STRING || text.size == 0 || text.size > TOKEN_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~')
            return false;
    return true;
}

/* Seconds; -1: not said. Some endpoints write it as text. */
static int64_t life_s(const struct mr_value *value)
{
    int64_t seconds = -1;

    if (value == NULL)
        return -1;
    if (mr_value_kind(value) == MR_KIND_INT64)
        seconds = mr_value_integer(value);
    else if (mr_value_kind(value) == MR_KIND_FLOAT64 && mr_value_float64(value) >= 0 &&
             mr_value_float64(value) <= (double)LIFE_MAX_S)
        seconds = (int64_t)mr_value_float64(value);
    else if (mr_value_kind(value) == MR_KIND_STRING && mr_value_bytes(value).size > 0 &&
             mr_value_bytes(value).size < 12) {
        struct mr_bytes text = mr_value_bytes(value);

        seconds = 0;
        for (size_t i = 0; i < text.size; i++) {
            char c = ((const char *)text.data)[i];

            if (c < '0' || c > '9')
                return -1;
            seconds = seconds * 10 + (c - '0');
        }
    }
    return seconds > LIFE_MAX_S ? LIFE_MAX_S : seconds;
}

static int64_t expiry_ms(int64_t seconds, int64_t now_ms)
{
    int64_t life_ms = seconds * 1000, margin_ms = life_ms / 10;

    if (seconds <=
        0) /* some write 0 for a token that does not end; one that has ended at once would be fetched for ever */
        return INT64_MAX;
    return now_ms + life_ms - (margin_ms < TOKEN_MARGIN_MS ? margin_ms : TOKEN_MARGIN_MS);
}

static int keep(struct token *token, const struct mr_value *type, const struct mr_value *text, struct mr_error **error)
{
    struct mr_bytes type_text = type == NULL ? (struct mr_bytes){"Bearer", 6} : mr_value_bytes(type);
    struct mr_bytes bytes = mr_value_bytes(text);
    char *header;

    if (type_text.size == 6 && strncasecmp(type_text.data, "bearer", 6) == 0)
        type_text.data = "Bearer"; /* some endpoints say bearer, and some targets know only Bearer */
    if (asprintf(&header, "Authorization: %.*s %.*s", (int)type_text.size, (const char *)type_text.data,
                 (int)bytes.size, (const char *)bytes.data) < 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an access token");
    token_retire(token);
    token->header = header;
    token->generation++;
    return 0;
}

int token_read(struct token *token, const struct http_oauth2 *oauth2, struct mr_bytes body, int64_t now_ms,
               struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    const struct mr_value *answer = arena == NULL ? NULL : mr_json_read(arena, body, MR_JSON_WHOLE_TEXT, NULL);
    const struct mr_value *text, *type;
    int status = -1;

    if (answer == NULL || mr_value_kind(answer) != MR_KIND_MAP) {
        bad("is no JSON object", error);
        goto out;
    }
    text = mr_map_get(answer, oauth2->token_name);
    type = mr_map_get(answer, "token_type");
    if (text == NULL)
        mr_error_set(error, MR_ERR_CONNECT, "the token endpoint's answer has no member %s", oauth2->token_name);
    else if (!is_visible(text))
        bad("has a token that no header can hold", error);
    else if (type != NULL && !is_visible(type))
        bad("has a token_type that no header can hold", error);
    else if ((status = keep(token, type, text, error)) == 0)
        token->expires_ms =
            expiry_ms(mr_map_get(answer, "expires_in") == NULL ? -1 : life_s(mr_map_get(answer, "expires_in")), now_ms);
out:
    mr_arena_destroy(arena);
    return status;
}

/* --- the request ------------------------------------------------------------------------------------------------------------ */

static void add_field(struct text *form, const char *name, const char *value)
{
    if (form->size > 0)
        text_add(form, "&", 1);
    template_write_url(form, name, strlen(name));
    text_add(form, "=", 1);
    template_write_url(form, value, strlen(value));
}

static char *taken_out(const struct text *text)
{
    char *copy = text->failed ? NULL : calloc(1, text->size + 1); /* strndup would look for an end that is not there */

    return copy == NULL || text->size == 0 ? copy : memcpy(copy, text->data, text->size);
}

char *token_form_value(const char *value)
{
    struct text text = {.arena = mr_arena_create(1 << 20)};
    char *copy;

    if (text.arena == NULL)
        return NULL;
    template_write_url(&text, value, strlen(value));
    copy = taken_out(&text);
    if (text.data != NULL)
        explicit_bzero(text.data, text.size);
    mr_arena_destroy(text.arena);
    return copy;
}

char *token_form(const struct http_oauth2 *oauth2)
{
    struct text form = {.arena = mr_arena_create(1 << 20)};
    char *copy;

    if (form.arena == NULL)
        return NULL;
    add_field(&form, oauth2->grant_name, oauth2->grant);
    if (oauth2->scope != NULL)
        add_field(&form, "scope", oauth2->scope);
    if (oauth2->credentials_in_form) {
        add_field(&form, oauth2->id_name, oauth2->client_id);
        add_field(&form, oauth2->secret_name, oauth2->client_secret);
    }
    copy = taken_out(&form);
    if (form.data != NULL)
        explicit_bzero(form.data, form.size);
    mr_arena_destroy(form.arena);
    return copy;
}

char *token_basic(const struct http_oauth2 *oauth2)
{
    struct text line = {.arena = mr_arena_create(1 << 20)};
    char *pair, *copy = NULL;

    if (line.arena != NULL && asprintf(&pair, "%s:%s", oauth2->client_id, oauth2->client_secret) >= 0) {
        text_add_string(&line, "Authorization: Basic ");
        base64_add(&line, (struct mr_bytes){.data = pair, .size = strlen(pair)});
        copy = taken_out(&line);
        wipe(pair);
        if (line.data != NULL)
            explicit_bzero(line.data, line.size);
    }
    mr_arena_destroy(line.arena);
    return copy;
}
