/*
 * signature: internal requests are signed: the body's HMAC under the session key of the config topic, so that only members of the
 * cluster, who read that topic, can make them (as Kafka Connect, KIP-507). Only with connect.protocol=sessioned.
 *
 * Keys are secrets: never logged, wiped after use. thread: any.
 */
#ifndef FORWARDING_SIGNATURE_H
#define FORWARDING_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#define SIGNATURE_HEADER "X-Connect-Authorization"
#define SIGNATURE_ALGORITHM_HEADER "X-Connect-Request-Signature-Algorithm"
#define SIGNATURE_TEXT_SIZE 89 /* base64 of 64 bytes, and the NUL */

struct config_store;
struct session_key;
struct worker_config;

/* false: the algorithm or the key is not understood, or no memory. */
bool signature_make(const char *algorithm, const struct session_key *key, const char *body, size_t length,
                    char text[SIGNATURE_TEXT_SIZE]);

/* What a request brought; NULL: it did not. */
struct signature_claim {
    const char *signature, *algorithm;
};
struct signature_verdict {
    int status; /* 0: fine; 400, 403, 503 */
    char message[640];
};
/* Against the newest session key that the store has read. true: let in, also where nothing is demanded. */
bool signature_check(const struct worker_config *worker, struct config_store *configs, const struct signature_claim *claim,
                     const char *body, size_t length, struct signature_verdict *verdict);

#endif
