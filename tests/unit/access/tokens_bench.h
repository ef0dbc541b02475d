/*
 * tokens_bench: keys made for this run, a validator that knows two of them, and tokens signed here, so that each can be wrong in one thing
 * alone.
 */
#ifndef TOKENS_BENCH_H
#define TOKENS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>

#include "access/identity.h"
#include "access/jwt_validator.h"
#include "access_test.h"
#include "base/fake_clock.h"
#include "support/signed_tokens.h"

#define NOW_S (SIGNED_TOKENS_FROM_S + 600)
#define HEADER "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"r\"}"

static const char *const audiences[] = {"api://other", SIGNED_TOKENS_AUDIENCE};

struct bench {
    struct fake_clock clock;
    struct jwt_validator *validator;
    json_t *rsa, *ec, *p384; /* private */
};

static inline json_t *make_key(const char *text)
{
    json_t *key = json_loads(text, 0, NULL);
    assert_true(jose_jwk_gen(NULL, key));
    return key;
}

static inline int make_bench(void **state)
{
    static struct bench bench;
    fake_clock_init(&bench.clock, NOW_S * INT64_C(1000));
    bench.rsa = make_key("{\"kty\":\"RSA\",\"bits\":2048,\"kid\":\"r\"}");
    bench.ec = make_key("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\"}");
    bench.p384 = make_key("{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"p\"}");
    *state = &bench;
    return 0;
}

static inline int end_bench(void **state)
{
    struct bench *bench = *state;
    json_decref(bench->rsa);
    json_decref(bench->ec);
    json_decref(bench->p384);
    return 0;
}

static inline struct jwt_validator *make_validator(struct bench *bench)
{
    const struct jwt_setup setup = {
        .issuer = SIGNED_TOKENS_ISSUER,
        .audiences = audiences,
        .audience_count = 2,
        .clock_skew_s = JWT_CLOCK_SKEW_DEFAULT_S,
        .refresh_interval_ms = JWT_REFRESH_INTERVAL_DEFAULT_MS,
        .clock = &bench->clock.clock,
    };
    struct jwt_validator *validator = jwt_validator_create(&setup, NULL);
    assert_non_null(validator);
    return validator;
}

static inline void set_keys(struct jwt_validator *validator, const json_t *one, const json_t *other)
{
    json_t *first = json_deep_copy(one), *second = json_deep_copy(other);
    assert_true(jose_jwk_pub(NULL, first) && jose_jwk_pub(NULL, second));
    json_t *set = json_pack("{s:[o,o]}", "keys", first, second);
    char *text = json_dumps(set, 0);
    struct mr_error *error = NULL;
    if (jwt_validator_set_keys(validator, text, strlen(text), &error) != 0)
        fail_msg("%s", mr_error_message(error));
    free(text);
    json_decref(set);
}

static inline int begin_test(void **state)
{
    struct bench *bench = *state;
    fake_clock_set_wall_ms(&bench->clock, NOW_S * INT64_C(1000));
    bench->validator = make_validator(bench);
    set_keys(bench->validator, bench->rsa, bench->ec);
    return 0;
}

static inline int end_test(void **state)
{
    struct bench *bench = *state;
    jwt_validator_destroy(bench->validator);
    return 0;
}

/* ---- making tokens ---- */

static inline const char *encode(const char *text)
{
    static char encoded[4][40000];
    static unsigned turn;
    char *out = encoded[turn++ % 4];
    size_t length = jose_b64_enc_buf(text, strlen(text), out, 39999);
    assert_true(length < 40000);
    out[length] = '\0';
    return out;
}

/* As the header says and with that key; caller frees. */
static inline char *sign_text(const json_t *key, const char *header, const char *claims)
{
    json_t *jws = json_pack("{s:s}", "payload", encode(claims)), *signature = json_pack("{s:s}", "protected", encode(header));
    char *token = NULL;
    assert_true(jose_jws_sig(NULL, jws, signature, key));
    assert_true(asprintf(&token, "%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                         json_string_value(json_object_get(jws, "payload")),
                         json_string_value(json_object_get(jws, "signature"))) > 0);
    json_decref(jws);
    json_decref(signature);
    return token;
}

/* Good claims but for the members given as JSON text, NULL removes. */
static inline char *claims_with(const char *member, const char *value)
{
    json_t *claims = json_pack("{s:s, s:s, s:i, s:i, s:s}", "iss", SIGNED_TOKENS_ISSUER, "aud", SIGNED_TOKENS_AUDIENCE, "nbf",
                               NOW_S - 10, "exp", NOW_S + 10, "sub", "u-1");
    if (member != NULL && value == NULL)
        json_object_del(claims, member);
    else if (member != NULL)
        json_object_set_new(claims, member, json_loads(value, JSON_DECODE_ANY, NULL));
    char *text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    return text;
}

static inline struct jwt_verdict check(struct bench *bench, const char *token)
{
    return jwt_validator_check(bench->validator, token, strlen(token));
}

static inline void assert_refused(struct bench *bench, const char *token, const char *words)
{
    struct jwt_verdict verdict = check(bench, token);
    if (verdict.outcome != JWT_REFUSED || strstr(verdict.why, words) == NULL)
        fail_msg("outcome %d, \"%s\"; expected \"%s\"", (int)verdict.outcome, verdict.why, words);
    assert_null(verdict.identity);
    assert_false(verdict.fetch_keys);
}

static inline void assert_accepted(struct bench *bench, const char *token)
{
    struct jwt_verdict verdict = check(bench, token);
    if (verdict.outcome != JWT_ACCEPTED)
        fail_msg("outcome %d, \"%s\"", (int)verdict.outcome, verdict.why);
    identity_destroy(verdict.identity);
}

#endif
