/*
 * tls: how the other side of an https URL is verified, and what this worker shows of itself, from the worker's properties:
 * all that begin with listeners.https.ssl. if there is one, else those that begin with ssl. (as Kafka Connect).
 *
 * Stores are PEM (type PEM, in a file or in the property). A store of another kind refuses the request: nothing unverified is sent.
 * Without a trust store the system's certificates count.
 */
#ifndef FORWARDING_TLS_INTERNAL_H
#define FORWARDING_TLS_INTERNAL_H

#include <curl/curl.h>
#include <stdbool.h>

struct string_map;

/* false: the properties cannot be honoured; `*why` is a literal. */
bool tls_apply(const struct string_map *properties, CURL *easy, const char **why);

#endif
