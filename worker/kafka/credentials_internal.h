/*
 * credentials' back room: how clients come into the registry and leave it (native.c), and which text counts (client_config.c).
 *
 *   credentials.c        the registry: sets of equal credentials, their clients, the look
 *   credentials_texts.c  what properties have come to say
 *   client_identity.c    certificate and key within OpenSSL
 */
#ifndef KAFKA_CREDENTIALS_INTERNAL_H
#define KAFKA_CREDENTIALS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>
#include <openssl/ssl.h>

#include "kafka/credentials.h"

struct client_config;
struct credentials_client;
struct mr_error;
struct string_map;

/* ---- clients; thread: whoever opens and destroys them ---- */

/* Before rd_kafka_new, which is called next by the same thread; the client's notes keep it (native_notes_internal.h). NULL: the client has nothing to keep up to date (or no memory). */
struct credentials_client *credentials_client_prepare(const struct client_config *config, rd_kafka_conf_t *conf);
/* After it; rk NULL: it failed, the client is freed. */
void credentials_client_opened(struct credentials_client *client, rd_kafka_t *rk, const struct client_config *config);
/* It may speak versions of TLS that its configuration forbids. NULL: no. */
bool credentials_client_is_unbound(const struct credentials_client *client);
/* Before rk is destroyed: it is not touched from here any more. NULL is fine. */
void credentials_client_leave(struct credentials_client *client);
/* After that: connections could still ask for the certificate. NULL is fine. */
void credentials_client_free(struct credentials_client *client);

/* Whose credentials count for clients that are open and have the same properties: where files are of no use at this moment, a further
 * client does with those. A reference; NULL: there is none, or it is the look that asks. */
struct client_config *credentials_in_force(const struct client_config *config);

/* ---- texts ---- */

/* Puts what counts now in the place of what was replaced. false: no memory. */
bool credentials_update(struct string_map *properties);
/* Changes with every replacement. */
uint64_t credentials_generation(void);

/* ---- client_identity.c: immutable, refcounted ---- */

struct client_identity;
/* From PEM that was checked already. NULL: no memory. */
struct client_identity *client_identity_create(const char *chain_pem, const char *key_pem);
struct client_identity *client_identity_take(struct client_identity *identity);
void client_identity_drop(struct client_identity *identity);
bool client_identity_use(const struct client_identity *identity, SSL *ssl);

/* The first context that this thread makes until _end is the one of the client that is being opened: librdkafka has no name for it. It
 * is written to *context when it is made; nothing is, where none is made or not by the OpenSSL that we have. */
void ssl_context_catch_begin(SSL_CTX **context);
void ssl_context_catch_end(void);

/* Versions of TLS, before connections are made; 0: as it is. */
void ssl_context_bound(SSL_CTX *context, int least, int most);

/* Adds the PEM's certificates to what connections of the context trust, also while some are being made. */
void ssl_context_trust(SSL_CTX *context, const char *pem);

#endif
