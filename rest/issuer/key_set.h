/*
 * key_set: fetches the keys of the token issuer and hands them to the validator (access/jwt_validator.h).
 *
 * Where they are: `<issuer>/.well-known/openid-configuration` names them (OpenID Connect Discovery 1.0); the issuer in it must be
 * the configured one to the letter. Or their address is configured, then nothing is discovered. Both addresses are https; plain http
 * goes to the loopback only, unless allowed. Redirects are not followed; an answer has KEY_SET_DISCOVERY_MAX or JWT_KEYS_TEXT_MAX bytes
 * at most and comes within KEY_SET_ANSWER_TIMEOUT_MS.
 *
 * When: at the start; every refresh_ms, a tenth sooner or later so that the workers of a cluster do not ask all at once; and when
 * somebody waits for a key that is not known, then at most once per demand_interval_ms, however many made-up keys are named (or once
 * more when the issuer comes back). A fetch that
 * failed is tried again after KEY_SET_RETRY_MIN_MS, twice that, … KEY_SET_RETRY_MAX_MS; the keys stay as they are, however old, and
 * the log says once what is wrong and once when it is over. A key that the issuer has withdrawn is thus refused after refresh_ms.
 *
 * The worker starts without its issuer: until keys have come, tokens cannot be checked (key_set_await says has_keys false: 503).
 *
 * Life: _start → _await … → _stop; nobody may ask any more when it stops. thread: any. locks: its own, never held while
 * somebody is told.
 */
#ifndef ISSUER_KEY_SET_H
#define ISSUER_KEY_SET_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_SET_REFRESH_DEFAULT_MS (10 * 60 * 1000)
#define KEY_SET_RETRY_MIN_MS 1000
#define KEY_SET_RETRY_MAX_MS 60000
#define KEY_SET_ANSWER_TIMEOUT_MS 5000     /* of one request; a fetch makes two at most */
#define KEY_SET_DISCOVERY_MAX (64u << 10)
#define KEY_SET_WAITERS_MAX 1000           /* who comes then is told at once */

struct jwt_validator;
struct key_set;
struct mr_error;

/* Texts are copied. */
struct key_set_setup {
    struct jwt_validator *validator; /* gets the keys; outlives the key set */
    const char *issuer;              /* as tokens name it: "https://login.example.org/tenant/v2.0" */
    const char *keys_url;            /* NULL: discovered */
    const char *ca_path;             /* PEM file of those who may vouch for the issuer; NULL: the system's */
    const char *proxy;               /* "http://host:port"; NULL: none, whatever the environment says */
    bool allows_http;                /* to other hosts than the loopback */
    uint32_t refresh_ms;             /* 0: KEY_SET_REFRESH_DEFAULT_MS */
    uint32_t demand_interval_ms;     /* 0: JWT_REFRESH_INTERVAL_DEFAULT_MS */
    uint32_t retry_min_ms;           /* 0: KEY_SET_RETRY_MIN_MS */
};

/* Does not wait for the issuer. NULL: MR_ERR_CONFIG (an address that will not do), MR_ERR_NO_MEMORY, MR_ERR_CONNECT (no thread). */
struct key_set *key_set_start(const struct key_set_setup *setup, struct mr_error **error);
/* Who waits is told. NULL is fine. */
void key_set_stop(struct key_set *key_set);

/* has_keys: whether any are there; false: the issuer was never reached. thread: the client's or the asker's own. Must not wait. */
typedef void key_set_done_fn(void *argument, bool has_keys);

/*
 * After JWT_KEY_UNKNOWN, whatever its fetch_keys says: `done` is told exactly once, when a fetch has ended (within twice
 * KEY_SET_ANSWER_TIMEOUT_MS), or at once, before this returns, when none is allowed now. Then check the token once more: what is unknown
 * then is 401, or 503 without any keys.
 */
void key_set_await(struct key_set *key_set, key_set_done_fn *done, void *argument);

#endif
