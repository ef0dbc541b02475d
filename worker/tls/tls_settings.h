/*
 * tls_settings: what the ssl.* properties of a worker say.
 *
 * As Kafka Connect: all that begin with the prefix if there is one such property, else the bare ones; never a mixture.
 * Texts belong to the properties, which outlive the settings. Immutable once read.
 */
#ifndef TLS_TLS_SETTINGS_H
#define TLS_TLS_SETTINGS_H

#include <stdbool.h>

struct mr_error;
struct string_map;

#define TLS_LISTENERS "listeners.https."
#define TLS_ADMIN_LISTENERS "admin.listeners.https."

enum tls_client_auth { TLS_CLIENT_AUTH_NONE, TLS_CLIENT_AUTH_REQUESTED, TLS_CLIENT_AUTH_REQUIRED };

struct tls_settings {
    const char *prefix; /* "", or the one asked for */

    /* NULL: not set. Either a location or the texts, if any. */
    const char *key_type, *key_location, *key_chain, *key_text, *key_store_password, *key_password;
    const char *trust_location, *trust_text, *trust_password;

    enum tls_client_auth client_auth;
    bool has_tls_1_2, has_tls_1_3; /* at least one */
    const char *cipher_suites;     /* a comma list of IANA's names; NULL: all that are safe */
    bool checks_host;              /* as a client: the certificate's name must be the host's */
};

/* -1: MR_ERR_CONFIG: names property and remedy. Reads no file. */
int tls_settings_read(struct tls_settings *settings, const struct string_map *properties, const char *prefix,
                      struct mr_error **error);

#endif
