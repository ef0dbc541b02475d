/*
 * Bearer tokens and key sets. The first byte says what the rest is: a whole token; a header and claims in clear text (parted by
 * a line break), which are encoded here so that the fuzzer gets past base64; the claims of a token whose signature was right;
 * or a key set. A token is accepted only when the signed part is one of the two that were really signed.
 */
#include <jansson.h>
#include <jose/b64.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "access/jwt_claims_internal.h"
#include "access/jwt_validator.h"
#include "base/fake_clock.h"
#include "support/signed_tokens.h"

/* A failed check must stop the fuzzer in every build type. */
static void must(int fact)
{
    if (!fact)
        abort();
}

static struct jwt_validator *make_validator(const struct clock *clock)
{
    static const char *const audiences[] = {SIGNED_TOKENS_AUDIENCE};
    struct jwt_validator *validator = jwt_validator_create(
        &(struct jwt_setup){.issuer = SIGNED_TOKENS_ISSUER, .audiences = audiences, .audience_count = 1, .clock_skew_s = 60,
                            .refresh_interval_ms = 1000, .clock = clock},
        NULL);
    must(validator != NULL);
    must(jwt_validator_set_keys(validator, signed_tokens_keys, strlen(signed_tokens_keys), NULL) == 0);
    return validator;
}

static bool was_signed(const char *token, size_t length)
{
    static const char *const tokens[] = {signed_tokens_rs256, signed_tokens_es256};
    for (size_t i = 0; i < 2; i++) {
        size_t signed_length = (size_t)(strrchr(tokens[i], '.') - tokens[i]) + 1;
        if (length >= signed_length && memcmp(token, tokens[i], signed_length) == 0)
            return true;
    }
    return false;
}

static void check_identity(const struct identity *identity)
{
    must(identity_name_is_fit(identity->name, strlen(identity->name)));
    must(identity->groups.count <= IDENTITY_GROUPS_MAX && identity->claims.count <= IDENTITY_CLAIMS_MAX);
    for (size_t i = 0; i < identity->groups.count; i++)
        must(identity_name_is_fit(identity->groups.items[i], strlen(identity->groups.items[i])));
}

static void check_token(struct jwt_validator *validator, const char *token, size_t length)
{
    struct jwt_verdict verdict = jwt_validator_check(validator, token, length);
    must(verdict.why != NULL && (verdict.outcome == JWT_ACCEPTED) == (verdict.identity != NULL));
    if (verdict.outcome == JWT_ACCEPTED) {
        must(was_signed(token, length));
        check_identity(verdict.identity);
    } else {
        must(verdict.outcome != JWT_FAILED && verdict.why[0] != '\0');
    }
    identity_destroy(verdict.identity);
}

static void check_clear_text(struct jwt_validator *validator, const char *text, size_t length)
{
    char *token = malloc(3 * length + 64);
    const char *line = memchr(text, '\n', length);
    size_t header = line != NULL ? (size_t)(line - text) : length, claims = line != NULL ? length - header - 1 : 0, at;
    must(token != NULL);
    at = jose_b64_enc_buf(text, header, token, 3 * length + 64);
    token[at++] = '.';
    at += jose_b64_enc_buf(line != NULL ? line + 1 : text, claims, token + at, 2 * length + 32);
    memcpy(token + at, ".AAAA", 5);
    check_token(validator, token, at + 5);
    free(token);
}

static void check_claims(const char *text, size_t length)
{
    struct jwt_rules rules = {.issuer = "i", .name_claim = "sub"};
    const char *why = NULL;
    json_t *claims = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(claims)) {
        json_decref(claims);
        return;
    }
    ptr_array_init(&rules.audiences, NULL);
    ptr_array_init(&rules.group_claims, NULL);
    must(ptr_array_push(&rules.audiences, "a") && ptr_array_push(&rules.group_claims, "g.h"));
    (void)jwt_claims_problem(&rules, claims, 1000);
    struct identity *identity = jwt_claims_identity(&rules, claims, &why);
    must(identity != NULL || why != NULL);
    if (identity != NULL)
        check_identity(identity);
    identity_destroy(identity);
    ptr_array_release(&rules.audiences);
    ptr_array_release(&rules.group_claims);
    json_decref(claims);
}

static void check_keys(const struct clock *clock, const char *text, size_t length)
{
    struct jwt_validator *validator = make_validator(clock);
    struct mr_error *error = NULL;
    if (jwt_validator_set_keys(validator, text, length, &error) == 0)
        must(jwt_validator_key_count(validator) > 0 && error == NULL);
    else
        must(jwt_validator_key_count(validator) == 2 && error != NULL);
    mr_error_drop(error);
    jwt_validator_destroy(validator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_clock clock;
    static struct jwt_validator *kept; /* reading its keys each time would take most of the time */
    if (size == 0)
        return 0;
    if (kept == NULL) {
        fake_clock_init(&clock, (SIGNED_TOKENS_FROM_S + 60) * INT64_C(1000));
        kept = make_validator(&clock.clock);
    }
    const char *text = (const char *)data + 1;
    switch (data[0]) {
    case 'c':
        check_clear_text(kept, text, size - 1);
        break;
    case 'i':
        check_claims(text, size - 1);
        break;
    case 'k':
        check_keys(&clock.clock, text, size - 1);
        break;
    default:
        check_token(kept, text, size - 1);
    }
    return 0;
}
