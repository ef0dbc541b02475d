#include "identity/token_answer.h"

#include <stdio.h>
#include <string.h>

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>

#include "base/base64.h"
#include "base/mem.h"

#include "base/bans.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define ERROR_CODE_MAX 60
#define SECONDS_MAX INT64_C(253402300799) /* the end of the year 9999 */

/* ---- members ---- */

/* Seconds, also as text, as Azure's metadata service writes them; 0: none. */
static int64_t seconds_of(const struct mr_value *value)
{
    int64_t seconds = 0;
    if (value == NULL)
        return 0;
    if (mr_value_kind(value) == MR_KIND_INT64) {
        seconds = mr_value_integer(value);
    } else if (mr_value_kind(value) == MR_KIND_FLOAT64) {
        double number = mr_value_float64(value);
        seconds = number >= 0 && number <= (double)SECONDS_MAX ? (int64_t)number : 0;
    } else if (mr_value_kind(value) == MR_KIND_STRING) {
        struct mr_bytes text = mr_value_bytes(value);
        const char *digits = text.data;
        for (size_t i = 0; i < text.size; i++) {
            if (text.size > 12 || digits[i] < '0' || digits[i] > '9')
                return 0;
            seconds = seconds * 10 + (digits[i] - '0');
        }
    }
    return seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
}

/* May it stand in a SASL message? Visible ASCII; base64 and dots as a rule. */
static bool is_visible(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    }
    return size > 0 && size <= TOKEN_TEXT_MAX;
}

static void take_principal(struct token_answer *answer, const struct mr_value *value)
{
    if (value == NULL || mr_value_kind(value) != MR_KIND_STRING)
        return;
    struct mr_bytes text = mr_value_bytes(value);
    if (text.size > 0 && memchr(text.data, '\0', text.size) == NULL)
        snprintf(answer->principal, sizeof answer->principal, "%.*s", (int)(text.size < TOKEN_PRINCIPAL_MAX ? text.size : TOKEN_PRINCIPAL_MAX),
                 (const char *)text.data);
}

/* ---- a JWT's middle: nothing is verified, the brokers do that ---- */

static char *decode_part(const char *part, size_t length, size_t *size)
{
    size_t padded = (length + 3) / 4 * 4;
    char *copy = mem_alloc(padded + 1), *bytes = mem_alloc(base64_decoded_max(padded) + 1);
    bool is_fine = copy != NULL && bytes != NULL;
    for (size_t i = 0; is_fine && i < padded; i++)
        copy[i] = i >= length ? '=' : part[i] == '-' ? '+' : part[i] == '_' ? '/' : part[i];
    if (is_fine)
        is_fine = base64_decode(copy, padded, bytes, size);
    mem_free(copy);
    if (is_fine)
        return bytes;
    mem_free(bytes);
    return NULL;
}

/* Not every access token is a JWT: what cannot be read says nothing. */
static bool read_claims(struct token_answer *answer, const char *sub_claim)
{
    const char *first = strchr(answer->text, '.'), *second = first != NULL ? strchr(first + 1, '.') : NULL;
    size_t size = 0;
    if (second == NULL || strchr(second + 1, '.') != NULL)
        return false;
    char *claims = decode_part(first + 1, (size_t)(second - first - 1), &size);
    struct mr_arena *arena = claims != NULL ? mr_arena_create(ARENA_BYTES) : NULL;
    const struct mr_value *map =
        arena != NULL ? mr_json_read(arena, (struct mr_bytes){.data = claims, .size = size}, MR_JSON_WHOLE_TEXT, NULL) : NULL;
    bool is_map = map != NULL && mr_value_kind(map) == MR_KIND_MAP;
    if (is_map) {
        int64_t expires_s = seconds_of(mr_map_get(map, "exp"));
        answer->issued_s = seconds_of(mr_map_get(map, "iat"));
        if (expires_s != 0)
            answer->expires_s = expires_s;
        take_principal(answer, mr_map_get(map, sub_claim));
    }
    mr_arena_destroy(arena);
    if (claims != NULL)
        explicit_bzero(claims, size);
    mem_free(claims);
    return is_map;
}

static int keep(struct token_answer *answer, const char *text, size_t size, struct mr_error **error)
{
    if (!is_visible(text, size))
        return mr_error_set(error, MR_ERR_DATA, "holds no token of visible characters up to %u bytes", TOKEN_TEXT_MAX);
    answer->text = mem_strndup(text, size);
    return answer->text != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a token");
}

/* ---- the whole ---- */

static void begin(struct token_answer *answer)
{
    *answer = (struct token_answer){0};
    snprintf(answer->principal, sizeof answer->principal, "unknown");
}

static int read_members(struct token_answer *answer, const struct mr_value *map, const char *sub_claim, struct mr_error **error)
{
    const struct mr_value *token = mr_map_get(map, "access_token"), *type = mr_map_get(map, "token_type");
    if (token == NULL || mr_value_kind(token) != MR_KIND_STRING)
        token = mr_map_get(map, "id_token");
    if (token == NULL || mr_value_kind(token) != MR_KIND_STRING)
        return mr_error_set(error, MR_ERR_DATA, "has no access_token");
    if (type != NULL && mr_value_kind(type) == MR_KIND_STRING &&
        (mr_value_bytes(type).size != 6 || strncasecmp(mr_value_bytes(type).data, "bearer", 6) != 0))
        return mr_error_set(error, MR_ERR_DATA, "has a token of another type than Bearer");
    answer->life_ms = seconds_of(mr_map_get(map, "expires_in")) * 1000;
    answer->expires_s = seconds_of(mr_map_get(map, "expires_on"));
    if (keep(answer, mr_value_bytes(token).data, mr_value_bytes(token).size, error) != 0)
        return -1;
    read_claims(answer, sub_claim);
    return 0;
}

int token_answer_read(struct token_answer *answer, const char *text, size_t length, const char *sub_claim, struct mr_error **error)
{
    int status = -1;
    begin(answer);
    if (length > TOKEN_ANSWER_MAX)
        return mr_error_set(error, MR_ERR_DATA, "is larger than %u bytes", TOKEN_ANSWER_MAX);
    struct mr_arena *arena = mr_arena_create(ARENA_BYTES);
    const struct mr_value *map =
        arena != NULL ? mr_json_read(arena, (struct mr_bytes){.data = text, .size = length}, MR_JSON_WHOLE_TEXT, NULL) : NULL;
    if (map == NULL || mr_value_kind(map) != MR_KIND_MAP)
        mr_error_set(error, MR_ERR_DATA, "is no JSON object");
    else
        status = read_members(answer, map, sub_claim, error);
    mr_arena_destroy(arena);
    if (status != 0)
        token_answer_release(answer);
    return status;
}

int token_answer_read_jwt(struct token_answer *answer, const char *text, size_t length, const char *sub_claim,
                          struct mr_error **error)
{
    begin(answer);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    while (length > 0 && strchr(" \t\r\n", *text) != NULL)
        text++, length--;
    if (keep(answer, text, length, error) != 0)
        return -1;
    if (read_claims(answer, sub_claim))
        return 0;
    token_answer_release(answer);
    return mr_error_set(error, MR_ERR_DATA, "holds no JWT (three parts with dots between them)");
}

void token_answer_release(struct token_answer *answer)
{
    if (answer->text != NULL)
        explicit_bzero(answer->text, strlen(answer->text));
    mem_free(answer->text);
    answer->text = NULL;
}

/* Spans count, where there is one: then no clock has to be right. Of two the shorter one. */
int64_t token_answer_life_ms(const struct token_answer *answer, int64_t now_s)
{
    int64_t life_ms = answer->life_ms, left_ms = 0;
    if (answer->expires_s != 0 && now_s != 0)
        left_ms = answer->expires_s > now_s ? (answer->expires_s - now_s) * 1000 : -1;
    else if (answer->expires_s != 0 && answer->issued_s != 0)
        left_ms = answer->expires_s > answer->issued_s ? (answer->expires_s - answer->issued_s) * 1000 : -1;
    if (life_ms == 0 || (left_ms != 0 && left_ms < life_ms))
        life_ms = left_ms;
    if (life_ms == 0)
        life_ms = TOKEN_LIFE_UNKNOWN_MS;
    return life_ms < 0 ? 0 : life_ms > TOKEN_LIFE_MAX_MS ? TOKEN_LIFE_MAX_MS : life_ms;
}

/* ---- errors ---- */

static bool is_code(struct mr_bytes text)
{
    const char *code = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (code[i] != '_' && (code[i] < 'a' || code[i] > 'z'))
            return false;
    }
    return text.size > 0 && text.size <= ERROR_CODE_MAX;
}

/* Microsoft says in the description what is really wrong, and begins it by a number that can be looked up. */
static void append_number(const struct mr_value *description, char reason[TOKEN_REASON_MAX])
{
    size_t used = strlen(reason), digits = 0;
    if (description == NULL || mr_value_kind(description) != MR_KIND_STRING)
        return;
    struct mr_bytes text = mr_value_bytes(description);
    const char *letters = text.data;
    if (text.size < 7 || memcmp(letters, "AADSTS", 6) != 0)
        return;
    while (digits < 12 && 6 + digits < text.size && letters[6 + digits] >= '0' && letters[6 + digits] <= '9')
        digits++;
    if (digits > 0)
        snprintf(reason + used, TOKEN_REASON_MAX - used, " (%.*s)", (int)(6 + digits), letters);
}

void token_answer_reason(const char *text, size_t length, char reason[TOKEN_REASON_MAX])
{
    struct mr_arena *arena = length <= TOKEN_ANSWER_MAX ? mr_arena_create(ARENA_BYTES) : NULL;
    const struct mr_value *map =
        arena != NULL ? mr_json_read(arena, (struct mr_bytes){.data = text, .size = length}, MR_JSON_WHOLE_TEXT, NULL) : NULL;
    *reason = '\0';
    if (map != NULL && mr_value_kind(map) == MR_KIND_MAP) {
        const struct mr_value *code = mr_map_get(map, "error");
        if (code != NULL && mr_value_kind(code) == MR_KIND_STRING && is_code(mr_value_bytes(code))) {
            snprintf(reason, TOKEN_REASON_MAX, "%.*s", (int)mr_value_bytes(code).size, (const char *)mr_value_bytes(code).data);
            append_number(mr_map_get(map, "error_description"), reason);
        }
    }
    mr_arena_destroy(arena);
}
