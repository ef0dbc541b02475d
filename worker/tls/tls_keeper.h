/*
 * tls_keeper: the certificates, key and trusted authorities that count now, read again when their files have changed.
 *
 * Whoever opens a connection takes what counts, and drops it when the connection has ended: open connections go on with
 * what they began with. Files are looked at (stat) at most every TLS_LOOK_MS, by whoever takes then. What is broken is logged once
 * and tried again from time to time (file_watch.h), and what was read before stays; an expired certificate is used, and warned about.
 *
 * thread: any. locks: its own; a take that finds a change reads the files under it.
 */
#ifndef TLS_TLS_KEEPER_H
#define TLS_TLS_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "tls/tls_settings.h"

#define TLS_LOOK_MS 1000

struct mr_error;
struct string_map;
struct tls_keeper;

/* Immutable PEM texts. */
struct tls_material {
    const char *chain, *key; /* own certificate and what issued it; its key, not encrypted; NULL: no key store */
    const char *trust;       /* authorities; NULL: no trust store */
};
const struct tls_material *tls_material_take(const struct tls_material *material); /* once more */
void tls_material_drop(const struct tls_material *material);                       /* NULL is fine; wipes the key with the last one */

struct tls_keeper_setup {
    const struct string_map *properties; /* outlive the keeper */
    const char *prefix;                  /* tls_settings.h */
    bool needs_key;                      /* no key store is a mistake */
    uint32_t look_ms;                    /* 0: TLS_LOOK_MS */
};

/* Reads everything once. NULL: MR_ERR_CONFIG, names property and remedy; or MR_ERR_NO_MEMORY. */
struct tls_keeper *tls_keeper_open(const struct tls_keeper_setup *setup, struct mr_error **error);
void tls_keeper_close(struct tls_keeper *keeper); /* NULL is fine; what was taken lives on */

const struct tls_settings *tls_keeper_settings(const struct tls_keeper *keeper);
/* How the files are, for whoever watches over them. */
struct tls_health {
    bool is_failing;   /* changed, but of no use: what was read before counts */
    int64_t expires_s; /* since 1970, of the certificate that counts; 0: there is none */
};
struct tls_health tls_keeper_health(struct tls_keeper *keeper);
/* What counts now, to be dropped; never NULL. */
const struct tls_material *tls_keeper_take(struct tls_keeper *keeper);

#endif
