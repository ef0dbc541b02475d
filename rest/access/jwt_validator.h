/*
 * jwt_validator: is this Bearer token a JWT of the issuer we trust, for us, now? (RFC 7519, 7515, 8725; as Microsoft Entra ID
 * and other OIDC issuers make access tokens.)
 *
 * What is taken: three parts; RS256 with an RSA key of 2048 to 8192 bits, or ES256 with a P-256 key; `typ` absent, JWT or
 * at+jwt; no `crit`; a `kid` that the key set has for that kind of key; `iss` as configured to the letter; one of the
 * audiences; `exp` (demanded) and `nbf` (if there), both with the clock skew. The algorithm comes from a list of two and the key
 * must be of its kind; keys or addresses in the token (jwk, jku, x5c, x5u) are not looked at. The signature is checked by
 * libjose, with a key object that holds the public numbers alone. A JSON member that comes twice is refused.
 *
 * Claims are flattened to texts: whole numbers and booleans by their JSON text (others are left out), each item of a list by itself, members of objects as
 * "outer.inner" (Keycloak's realm_access.roles), three levels deep.
 * name_claim should be one that the issuer never gives to somebody else and that users cannot change: `sub`, or Entra's `oid`;
 * not an e-mail address.
 *
 * Keys come as text through _set_keys; whoever fetches them is not in this room. When a token that is otherwise fine names a
 * key that is not there, the outcome is JWT_KEY_UNKNOWN, and to one caller per refresh_interval_ms it says fetch_keys: that
 * one asks the issuer; the others wait for it and check once more, or answer 401. So keys rotate without a restart, and
 * made-up key ids ask the issuer no more than once per interval.
 *
 * thread: any. locks: its own, around the key set; not held during the mathematics. A check takes well below a millisecond and
 * bounded memory; a token is at most JWT_TOKEN_MAX bytes.
 */
#ifndef ACCESS_JWT_VALIDATOR_H
#define ACCESS_JWT_VALIDATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWT_TOKEN_MAX 16384
#define JWT_KEYS_TEXT_MAX (1u << 18)
#define JWT_KEYS_MAX 64
#define JWT_CLOCK_SKEW_DEFAULT_S 60
#define JWT_REFRESH_INTERVAL_DEFAULT_MS 30000

struct clock;
struct identity;
struct jwt_validator;
struct mr_error;

/* Texts are copied. */
struct jwt_setup {
    const char *issuer;
    const char *const *audiences;       /* at least one */
    size_t audience_count;
    const char *name_claim;             /* a member of the token itself; NULL: "sub" */
    const char *const *group_claims;    /* all values of these are groups; NULL: "groups" and "roles" */
    size_t group_claim_count;
    uint32_t clock_skew_s;
    uint32_t refresh_interval_ms;
    const struct clock *clock;          /* NULL: the real one; must outlive the validator */
};

/* Knows no key yet. NULL: MR_ERR_CONFIG or MR_ERR_NO_MEMORY. */
struct jwt_validator *jwt_validator_create(const struct jwt_setup *setup, struct mr_error **error);
void jwt_validator_destroy(struct jwt_validator *validator);

/* A JWK set (RFC 7517). Keys that are not for us (other kinds, encryption, no kid) are passed over. -1: no key is left, or it
 * is no such text; the former keys stay. */
int jwt_validator_set_keys(struct jwt_validator *validator, const char *text, size_t length, struct mr_error **error);
size_t jwt_validator_key_count(struct jwt_validator *validator);

enum jwt_outcome {
    JWT_ACCEPTED,      /* identity is the caller's */
    JWT_REFUSED,       /* 401 */
    JWT_KEY_UNKNOWN,   /* 401, unless fresh keys know better */
    JWT_FAILED,        /* no memory: 503 */
};
struct jwt_verdict {
    enum jwt_outcome outcome;
    bool fetch_keys;             /* of JWT_KEY_UNKNOWN: this caller is to fetch the keys now */
    const char *why;             /* static words for the log and the answer; "" when accepted */
    struct identity *identity;
};

/* The token without "Bearer ". */
struct jwt_verdict jwt_validator_check(struct jwt_validator *validator, const char *token, size_t length);

#endif
