#include "access/jwt_validator.h"

#include <jansson.h>
#include <jose/b64.h>
#include <jose/cfg.h>
#include <jose/jws.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "access/jwt_claims_internal.h"
#include "access/jwt_keys_internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct jwt_validator {
    struct jwt_rules rules;
    int64_t refresh_interval_ms;
    const struct clock *clock;
    pthread_mutex_t lock;
    json_t *keys;              /* lock; NULL: none yet */
    int64_t fetch_asked_ms;    /* lock; monotonic; -1: never */
};

/* ---- life ---- */

static bool copy_texts(struct ptr_array *copies, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *copy = mem_strdup(texts[i]);
        if (copy == NULL || !ptr_array_push(copies, copy)) {
            mem_free(copy);
            return false;
        }
    }
    return true;
}

static bool copy_rules(struct jwt_rules *rules, const struct jwt_setup *setup)
{
    static const char *const usual[] = {"groups", "roles"};
    const char *const *group_claims = setup->group_claims != NULL ? setup->group_claims : usual;
    size_t group_claim_count = setup->group_claims != NULL ? setup->group_claim_count : 2;
    rules->issuer = mem_strdup(setup->issuer);
    rules->name_claim = mem_strdup(setup->name_claim != NULL ? setup->name_claim : "sub");
    rules->clock_skew_s = setup->clock_skew_s;
    return rules->issuer != NULL && rules->name_claim != NULL &&
           copy_texts(&rules->audiences, setup->audiences, setup->audience_count) &&
           copy_texts(&rules->group_claims, group_claims, group_claim_count);
}

struct jwt_validator *jwt_validator_create(const struct jwt_setup *setup, struct mr_error **error)
{
    if (setup->issuer == NULL || setup->issuer[0] == '\0' || setup->audience_count == 0) {
        mr_error_set(error, MR_ERR_CONFIG, "tokens need an issuer and at least one audience: without them those made for others "
                     "would be taken");
        return NULL;
    }
    struct jwt_validator *validator = mem_calloc(1, sizeof(*validator));
    if (validator == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for checking tokens");
        return NULL;
    }
    mutex_init(&validator->lock);
    ptr_array_init(&validator->rules.audiences, mem_free);
    ptr_array_init(&validator->rules.group_claims, mem_free);
    validator->refresh_interval_ms = setup->refresh_interval_ms;
    validator->clock = setup->clock;
    validator->fetch_asked_ms = -1;
    if (!copy_rules(&validator->rules, setup)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for checking tokens");
        jwt_validator_destroy(validator);
        return NULL;
    }
    return validator;
}

void jwt_validator_destroy(struct jwt_validator *validator)
{
    if (validator == NULL)
        return;
    json_decref(validator->keys);
    mutex_destroy(&validator->lock);
    ptr_array_release(&validator->rules.audiences);
    ptr_array_release(&validator->rules.group_claims);
    mem_free(validator->rules.issuer);
    mem_free(validator->rules.name_claim);
    mem_free(validator);
}

int jwt_validator_set_keys(struct jwt_validator *validator, const char *text, size_t length, struct mr_error **error)
{
    json_t *keys = jwt_keys_parse(text, length, error);
    if (keys == NULL)
        return -1;
    mutex_lock(&validator->lock);
    json_t *former = validator->keys;
    validator->keys = keys;
    mutex_unlock(&validator->lock);
    json_decref(former);
    return 0;
}

size_t jwt_validator_key_count(struct jwt_validator *validator)
{
    mutex_lock(&validator->lock);
    size_t count = validator->keys != NULL ? jwt_keys_count(validator->keys) : 0;
    mutex_unlock(&validator->lock);
    return count;
}

/* ---- taking a token apart ---- */

struct part {
    const char *text;
    size_t length;
};
struct token {
    struct part header, claims, signature;
};

static bool next_part(const char **at, const char *end, char stop, struct part *part)
{
    static const char letters[] = JOSE_B64_MAP;
    part->text = *at;
    while (*at < end && **at != '\0' && strchr(letters, **at) != NULL)
        ++*at;
    part->length = (size_t)(*at - part->text);
    if (part->length == 0)
        return false;
    if (stop == '\0')
        return *at == end;
    return *at < end && *(*at)++ == stop;
}

static bool split(struct token *token, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    return length <= JWT_TOKEN_MAX && next_part(&at, end, '.', &token->header) && next_part(&at, end, '.', &token->claims) &&
           next_part(&at, end, '\0', &token->signature);
}

/* An object, new; NULL: it is none, or no memory (then said). */
static json_t *load(const struct part *part, bool *no_memory)
{
    size_t size = part->length, length;
    char *bytes = mem_alloc(size);
    json_t *object = NULL;
    if (bytes == NULL) {
        *no_memory = true;
        return NULL;
    }
    length = jose_b64_dec_buf(part->text, part->length, bytes, size);
    if (length != SIZE_MAX && length <= size)
        object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    mem_free(bytes);
    if (object != NULL && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static const char *header_problem(const json_t *header, enum jwt_algorithm *algorithm)
{
    static const char *const types[] = {"JWT", "at+jwt", "application/at+jwt"};
    const char *name = json_string_value(json_object_get(header, "alg"));
    const json_t *type = json_object_get(header, "typ");
    bool type_is_known = type == NULL;
    if (name == NULL || (strcmp(name, "RS256") != 0 && strcmp(name, "ES256") != 0))
        return "the token is not signed by RS256 or ES256";
    *algorithm = name[0] == 'R' ? JWT_RS256 : JWT_ES256;
    for (size_t i = 0; json_is_string(type) && i < sizeof types / sizeof *types; i++)
        type_is_known = type_is_known || strcasecmp(json_string_value(type), types[i]) == 0;
    if (!type_is_known)
        return "the token is of a kind that is not for access";
    if (json_object_get(header, "crit") != NULL)
        return "the token demands an extension (crit) that is not known here";
    if (!json_is_string(json_object_get(header, "kid")))
        return "the token does not name its key (kid)";
    return NULL;
}

/* ---- the signature ---- */

/* Without it libjose writes its reasons to stderr, where whoever sends bad tokens would fill the log. */
static void say_nothing(void *misc, const char *file, int line, uint64_t code, const char *format, va_list args)
{
    (void)misc, (void)file, (void)line, (void)code, (void)format, (void)args;
}

enum signature { SIGNATURE_RIGHT, SIGNATURE_WRONG, SIGNATURE_NO_MEMORY };

static enum signature verify(const struct token *token, const json_t *key)
{
    enum signature result = SIGNATURE_NO_MEMORY;
    jose_cfg_t *cfg = jose_cfg();
    json_t *jws = json_pack("{s:s%, s:s%, s:s%}", "protected", token->header.text, token->header.length, "payload",
                            token->claims.text, token->claims.length, "signature", token->signature.text,
                            token->signature.length);
    if (cfg != NULL && jws != NULL) {
        jose_cfg_set_err_func(cfg, say_nothing, NULL);
        result = jose_jws_ver(cfg, jws, NULL, key, true) ? SIGNATURE_RIGHT : SIGNATURE_WRONG;
    }
    json_decref(jws);
    if (cfg != NULL)
        jose_cfg_decref(cfg);
    return result;
}

/* ---- the check ---- */

static struct jwt_verdict refuse(enum jwt_outcome outcome, const char *why)
{
    return (struct jwt_verdict){.outcome = outcome, .why = why};
}

/* A copy of the key; NULL: verdict is set. */
static json_t *find_key(struct jwt_validator *validator, const char *kid, enum jwt_algorithm algorithm,
                        struct jwt_verdict *verdict)
{
    bool is_known = false, fetch = false;
    json_t *key = NULL;
    mutex_lock(&validator->lock);
    if (validator->keys != NULL)
        key = jwt_keys_find(validator->keys, kid, algorithm, &is_known);
    if (!is_known) {
        int64_t now_ms = clock_monotonic_ms(validator->clock);
        fetch = validator->fetch_asked_ms < 0 || now_ms - validator->fetch_asked_ms >= validator->refresh_interval_ms;
        if (fetch)
            validator->fetch_asked_ms = now_ms;
    }
    mutex_unlock(&validator->lock);
    if (key == NULL) {
        *verdict = is_known ? refuse(JWT_FAILED, JWT_NO_MEMORY)
                            : refuse(JWT_KEY_UNKNOWN, "the token is signed by a key that the issuer does not offer");
        verdict->fetch_keys = fetch;
    }
    return key;
}

/* The claims are looked at before the key: what would be refused anyway must not make us ask the issuer. */
static struct jwt_verdict check_parts(struct jwt_validator *validator, const struct token *token, const json_t *header,
                                      const json_t *claims)
{
    struct jwt_verdict verdict = {.outcome = JWT_ACCEPTED, .why = ""};
    enum jwt_algorithm algorithm;
    const char *problem = header_problem(header, &algorithm);
    if (problem == NULL)
        problem = jwt_claims_problem(&validator->rules, claims, clock_wall_ms(validator->clock));
    if (problem != NULL)
        return refuse(JWT_REFUSED, problem);
    json_t *key = find_key(validator, json_string_value(json_object_get(header, "kid")), algorithm, &verdict);
    if (key == NULL)
        return verdict;
    enum signature signature = verify(token, key);
    json_decref(key);
    if (signature != SIGNATURE_RIGHT)
        return signature == SIGNATURE_WRONG ? refuse(JWT_REFUSED, "the token's signature is wrong")
                                            : refuse(JWT_FAILED, JWT_NO_MEMORY);
    verdict.identity = jwt_claims_identity(&validator->rules, claims, &verdict.why);
    if (verdict.identity == NULL)
        verdict.outcome = strcmp(verdict.why, JWT_NO_MEMORY) == 0 ? JWT_FAILED : JWT_REFUSED;
    return verdict;
}

struct jwt_verdict jwt_validator_check(struct jwt_validator *validator, const char *token, size_t length)
{
    struct token parts;
    struct jwt_verdict verdict = refuse(JWT_REFUSED, "the token is no signed JWT");
    if (length > JWT_TOKEN_MAX)
        return refuse(JWT_REFUSED, "the token is too long");
    if (!split(&parts, token, length))
        return verdict;
    bool no_memory = false;
    json_t *header = load(&parts.header, &no_memory), *claims = load(&parts.claims, &no_memory);
    if (no_memory)
        verdict = refuse(JWT_FAILED, JWT_NO_MEMORY);
    else if (header != NULL && claims != NULL)
        verdict = check_parts(validator, &parts, header, claims);
    json_decref(header);
    json_decref(claims);
    return verdict;
}
