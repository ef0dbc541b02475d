/* caller_internal: the parts of caller. */
#ifndef FORWARDING_CALLER_INTERNAL_H
#define FORWARDING_CALLER_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarding/caller.h"

/* ---- caller_text.c: the header and the identity in it. Pure ---- */

#define CALLER_NONCE_SIZE 16
#define CALLER_NONCE_TEXT 24
#define CALLER_MAC_SIZE 32
#define CALLER_MAC_TEXT 44

/* Of a header's value, borrowed; all texts but `time` are base64, not decoded yet. */
struct caller_part {
    const char *text;
    size_t length;
};
struct caller_header {
    int64_t time_ms;
    struct caller_part time, nonce, identity, mac;
};
/* false: not of that form. */
bool caller_header_read(struct caller_header *header, const char *value);

/* JSON. Groups and claims that no binding names are left out; bindings NULL: none are. A failure stays in the buffer. */
void caller_identity_write(struct str_buffer *json, const struct identity *identity, const struct bindings *bindings);
/* NULL: not of that form, or no memory (*no_memory). */
struct identity *caller_identity_read(const char *json, size_t length, bool *no_memory);

/* ---- caller_key.c: what signs ---- */

struct session_key;

#define CALLER_KEY_SIZE 32
#define CALLER_DIGEST_SIZE 32
/* From a session key (NULL: none) and a secret ("": none). false: the key's text is no base64, or no memory. Wipe it after use. */
bool caller_key_make(const struct session_key *session, const char *secret, unsigned char key[CALLER_KEY_SIZE]);

/* Everything that is signed. */
struct caller_signed {
    const char *address;
    size_t address_length;
    const char *method, *target;
    struct caller_part time, nonce, identity;
    unsigned char body_digest[CALLER_DIGEST_SIZE];
};
/* Of NULL as of "". */
void caller_digest_body(struct caller_signed *what, const char *body, size_t length);
/* false: no memory. */
bool caller_mac(const unsigned char key[CALLER_KEY_SIZE], const struct caller_signed *what, unsigned char mac[CALLER_MAC_SIZE]);

/* ---- caller_nonces.c: which were seen ---- */

/*
 * Two sets: one is filled for `keep_ms`, then becomes the older one, and what was the older is forgotten. So a nonce is known for keep_ms
 * at least, and twice that at most. locks: its own.
 */
struct caller_nonce_set {
    unsigned char (*slots)[CALLER_NONCE_SIZE]; /* open addressing; all zero: free */
    size_t count, capacity;                    /* capacity: 0, or a power of two */
};
struct caller_nonces {
    pthread_mutex_t lock;
    struct caller_nonce_set newer, older;
    int64_t keep_ms, began_ms; /* monotonic: when `newer` began */
};
enum caller_nonce { CALLER_NONCE_NEW, CALLER_NONCE_SEEN, CALLER_NONCE_FULL };

void caller_nonces_init(struct caller_nonces *nonces, int64_t keep_ms);
void caller_nonces_release(struct caller_nonces *nonces);
/* Remembers it. FULL: CALLER_NONCES_MAX in the newer set, or no memory; then it was not remembered. */
enum caller_nonce caller_nonces_add(struct caller_nonces *nonces, const unsigned char nonce[CALLER_NONCE_SIZE], int64_t now_ms);

#endif
