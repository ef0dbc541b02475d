/*
 * tls_internal: TLS of a listener, by GnuTLS inside libmicrohttpd.
 *
 * libmicrohttpd makes the session and does the handshake; before that each session is given credentials made of what the keeper
 * (tls/tls_keeper.h) says counts now. So a changed certificate or trust store holds for the next connection, and an open one
 * keeps what it began with. Client certificates are verified in the handshake.
 *
 * thread: any. locks: listener_tls has its own, taken under no other.
 */
#ifndef HTTP_TLS_INTERNAL_H
#define HTTP_TLS_INTERNAL_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct listener_tls;
struct tls_credentials;
struct tls_keeper;
struct tls_settings;

/* NULL: `why` names property and remedy. The keeper outlives it. */
struct listener_tls *listener_tls_create(struct tls_keeper *keeper, char *why, size_t why_size);
void listener_tls_destroy(struct listener_tls *tls); /* NULL is fine; after its last connection */
/* ssl.client.auth=required. */
bool listener_tls_requires_client(const struct listener_tls *tls);

/* Of a session before its handshake. What comes back lives as long as the session. NULL: the handshake must fail. */
struct tls_credentials *listener_tls_equip(struct listener_tls *tls, gnutls_session_t session);
void tls_credentials_drop(struct tls_credentials *credentials); /* NULL is fine */

/* The client's verified subject, for mem_free. *none true: it showed no certificate, NULL; else NULL is no memory. */
char *tls_client_subject(gnutls_session_t session, bool *none);
/* Is it the certificate that this side showed? */
bool tls_client_shows_ours(gnutls_session_t session);
/* As Java's X500Principal.getName() writes it (RFC 2253): the last attribute first. NULL: no memory, or no subject. */
char *tls_subject_text(gnutls_x509_crt_t certificate);

/* For ssl.enabled.protocols and ssl.cipher.suites. false: `why`. */
bool tls_priorities_init(gnutls_priority_t *priorities, const struct tls_settings *settings, char *why, size_t why_size);

#endif
