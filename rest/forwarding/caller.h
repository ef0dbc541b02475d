/*
 * caller: who asked, carried along when a worker passes a request on or asks something itself. The other worker believes it without
 * a login of its own, so it is signed: only workers of the cluster can write the header, and each one counts once.
 *
 * The header: `1.<time>.<nonce>.<identity>.<mac>`, time in ms since 1970, the others base64; the identity is JSON (name, login,
 * groups, claims; those groups and claims that no binding of the sender names are left out), CALLER_HEADER_MAX bytes in all. The
 * MAC is HMAC-SHA256 over the worker that is asked ("host:port", as it advertises itself), method, path with query, time, nonce, identity
 * and the body's SHA-256.
 *
 * The key comes by HKDF from the session key of the config topic (connect.protocol=sessioned) and millrace.inter.worker.secret where
 * that is set; with another protocol from the secret alone. With neither nothing can be signed: forwarding_start refuses that where
 * login is needed. A new session key signs after CALLER_KEY_SETTLE_MS, since others may not have read it yet; until then, and for
 * calls under way, the former one counts.
 *
 * Accepted: once, when the sender's clock is at most CALLER_WINDOW_MS from ours either way; after a start only what was signed since
 * (what came before is not remembered: 503, try again). Nonces are remembered as long as they could be accepted, CALLER_NONCES_MAX of
 * them twice over; beyond: 503. Only what was signed rightly is remembered, so strangers cannot fill it.
 *
 * thread: any. locks: its own, around the nonces. Secrets are wiped after use, and nothing of the header is logged but the name
 * of a caller whose signature is right.
 */
#ifndef FORWARDING_CALLER_H
#define FORWARDING_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLER_HEADER "Millrace-Caller"
#define CALLER_HEADER_MAX 6000 /* of HTTP_HEADERS_MAX on the other side */
#define CALLER_WINDOW_MS 30000
#define CALLER_KEY_SETTLE_MS 5000
#define CALLER_NONCES_MAX 65536 /* calls within a minute */
#define CALLER_SECRET_MIN 16    /* bytes of millrace.inter.worker.secret */

struct bindings;
struct callers;
struct clock;
struct config_store;
struct http_request;
struct identity;
struct mr_error;
struct str_buffer;

struct callers_setup {
    const char *secret;   /* of the cluster; NULL or "": none. Outlives it */
    bool is_sessioned;    /* session keys are used; they stand in `configs` */
    struct config_store *configs;
    const char *address;  /* of this worker: "host:port" as it is advertised. Outlives it */
    const struct clock *clock; /* NULL: the real one */
};
/* NULL: MR_ERR_CONFIG (neither session keys nor a secret, or a short one), MR_ERR_NO_MEMORY. */
struct callers *callers_create(const struct callers_setup *setup, struct mr_error **error);
void callers_destroy(struct callers *callers);

/* What is signed. */
struct caller_call {
    const char *method, *url; /* "http://host:port/path?query", as it will be asked */
    const char *body;         /* NULL: none */
    size_t body_length;
};
/* Appends the header's value to a buffer of CALLER_HEADER_MAX. 0: done; else the status that the asker gets, and why, static: 431 when the identity is too large, 503
 * when there is no key yet, or no memory. bindings NULL: all groups and claims go along. */
int caller_write(struct callers *callers, const struct identity *identity, const struct bindings *bindings,
                 const struct caller_call *call, struct str_buffer *header, const char **why);

struct caller_verdict {
    int status;                /* 0: accepted; 403, 503 */
    const char *why;           /* static words for log and answer */
    struct identity *identity; /* the asker's, when accepted */
};
/* What the headers alone tell, before the body is there: a status of 0 says only that it may be signed. No identity. `callers` as below. */
struct caller_verdict caller_look(const struct callers *callers, const struct http_request *request);
/* Of a request that has the header, its body whole. callers NULL: nobody could have signed it, 403. */
struct caller_verdict caller_check(struct callers *callers, const struct http_request *request);

#endif
