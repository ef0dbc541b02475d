/*
 * tls: how the other side of an https URL is verified, and what this worker shows of itself, from the worker's properties as
 * tls/tls_keeper.h reads them (listeners.https.ssl.* or ssl.*), at the first such request and whenever the files have changed.
 *
 * What cannot be honoured refuses the request: nothing unverified is sent. Without a trust store the system's certificates count.
 * thread: any. locks: its own.
 */
#ifndef FORWARDING_TLS_INTERNAL_H
#define FORWARDING_TLS_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct string_map;
struct tls_keeper;
struct tls_material;

struct peer_tls {
    const struct string_map *properties;
    pthread_mutex_t lock;
    struct tls_keeper *keeper; /* NULL: not asked for yet, or its properties cannot be honoured. lock */
    int64_t silent_until_ms;   /* said so, and not again before then. lock */
};

void peer_tls_init(struct peer_tls *tls, const struct string_map *properties);
void peer_tls_release(struct peer_tls *tls);

/* *held must live as long as the handle, then tls_material_drop. false: `*why` is a literal; the log says more. */
bool peer_tls_apply(struct peer_tls *tls, CURL *easy, const struct tls_material **held, const char **why);

#endif
