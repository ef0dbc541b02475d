/*
 * key_store: a private key and its certificates out of a Java-like key store, as PEM text: PEM (a file with both, or two
 * properties) and PKCS#12. JKS keys only Java can read: refused with the command that converts them.
 *
 * Pure: reads one file. Messages name the property and the file, never a password or a key.
 */
#ifndef TLS_KEY_STORE_H
#define TLS_KEY_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str_buffer.h"

struct mr_error;

struct key_store_source {
    const char *prefix;       /* of the properties, for messages: "" or "listeners.https." */
    const char *type;         /* "PEM", "PKCS12", "JKS"; NULL: told by the content */
    const char *path;         /* NULL: the two texts are given */
    const char *chain, *key;  /* PEM */
    const char *password;     /* of the store; NULL: none */
    const char *key_password; /* NULL: the store's */
};

struct key_store {
    struct str_buffer chain; /* the key's own certificate first, then those that issued it, as far as the store has them */
    struct str_buffer key;   /* not encrypted */
    bool is_expired, is_early;
    int64_t expires_s; /* since 1970 */
    char subject[256], not_before[40], not_after[40]; /* of the own certificate */
};

/* -1: MR_ERR_CONFIG or MR_ERR_NO_MEMORY, nothing to release. */
int key_store_read(struct key_store *store, const struct key_store_source *source, struct mr_error **error);
void key_store_release(struct key_store *store); /* wipes the key */

#endif
