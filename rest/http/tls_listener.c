#include "http/tls_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "tls/tls_keeper.h"

#include "base/bans.h"

/* What GnuTLS made of one state of the keeper. */
struct tls_credentials {
    struct refcount owners;
    gnutls_certificate_credentials_t native;
};

struct listener_tls {
    struct tls_keeper *keeper;
    gnutls_priority_t priorities;
    pthread_mutex_t lock;
    const struct tls_material *seen; /* what `current` was made of, or could not be. lock */
    struct tls_credentials *current; /* lock */
};

void tls_credentials_drop(struct tls_credentials *credentials)
{
    if (credentials == NULL || !refcount_drop(&credentials->owners))
        return;
    gnutls_certificate_free_credentials(credentials->native);
    mem_free(credentials);
}

/* In the handshake. Whoever shows a certificate must have a good one, also where none is required. */
static int verify_client(gnutls_session_t session)
{
    static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose};
    unsigned count = 0, problems = 0;
    gnutls_datum_t words = {NULL, 0};
    if (gnutls_certificate_get_peers(session, &count) == NULL || count == 0)
        return 0; /* GnuTLS refuses it by itself where one is required */
    if (gnutls_certificate_verify_peers(session, &wanted, 1, &problems) == 0 && problems == 0)
        return 0;
    gnutls_certificate_verification_status_print(problems, GNUTLS_CRT_X509, &words, 0);
    log_debug("http", "a client's certificate was refused: %s", words.data == NULL ? "not readable" : (const char *)words.data);
    gnutls_free(words.data);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){(unsigned char *)(size_t)text, (unsigned)strlen(text)};
}

/* 0, or GnuTLS' error. */
static int fill(gnutls_certificate_credentials_t native, const struct tls_material *material, bool wants_clients)
{
    gnutls_datum_t chain = datum_of(material->chain), key = datum_of(material->key);
    int result = gnutls_certificate_set_x509_key_mem(native, &chain, &key, GNUTLS_X509_FMT_PEM);
    if (result < 0 || !wants_clients)
        return result;
    gnutls_datum_t trust = datum_of(material->trust);
    gnutls_certificate_set_verify_function(native, verify_client);
    result = gnutls_certificate_set_x509_trust_mem(native, &trust, GNUTLS_X509_FMT_PEM);
    return result == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : result;
}

/* NULL: `*result` is GnuTLS' error. */
static struct tls_credentials *credentials_create(const struct tls_material *material, bool wants_clients, int *result)
{
    struct tls_credentials *credentials = mem_calloc(1, sizeof(*credentials));
    *result = GNUTLS_E_MEMORY_ERROR;
    if (credentials == NULL)
        return NULL;
    refcount_init(&credentials->owners);
    if (gnutls_certificate_allocate_credentials(&credentials->native) != 0) {
        mem_free(credentials);
        return NULL;
    }
    *result = fill(credentials->native, material, wants_clients);
    if (*result >= 0)
        return credentials;
    tls_credentials_drop(credentials);
    return NULL;
}

static enum tls_client_auth client_auth_of(const struct listener_tls *tls)
{
    return tls_keeper_settings(tls->keeper)->client_auth;
}

bool listener_tls_requires_client(const struct listener_tls *tls)
{
    return client_auth_of(tls) == TLS_CLIENT_AUTH_REQUIRED;
}

/* Takes over what the keeper says now; what GnuTLS does not take leaves what was. lock held. */
static int renew(struct listener_tls *tls)
{
    const struct tls_material *material = tls_keeper_take(tls->keeper);
    int result = 0;
    if (material == tls->seen) {
        tls_material_drop(material);
        return 0;
    }
    tls_material_drop(tls->seen);
    tls->seen = material;
    struct tls_credentials *fresh = credentials_create(material, client_auth_of(tls) != TLS_CLIENT_AUTH_NONE, &result);
    if (fresh == NULL)
        return result;
    tls_credentials_drop(tls->current);
    tls->current = fresh;
    return 0;
}

static struct tls_credentials *take_current(struct listener_tls *tls)
{
    mutex_lock(&tls->lock);
    int result = renew(tls);
    struct tls_credentials *credentials = tls->current;
    refcount_take(&credentials->owners);
    mutex_unlock(&tls->lock);
    if (result < 0)
        log_error("http", "changed certificates cannot be used (%s), those read before stay in force", gnutls_strerror(result));
    return credentials;
}

struct tls_credentials *listener_tls_equip(struct listener_tls *tls, gnutls_session_t session)
{
    static const gnutls_certificate_request_t REQUESTS[] = {
        [TLS_CLIENT_AUTH_NONE] = GNUTLS_CERT_IGNORE,
        [TLS_CLIENT_AUTH_REQUESTED] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_AUTH_REQUIRED] = GNUTLS_CERT_REQUIRE,
    };
    struct tls_credentials *credentials = take_current(tls);
    if (gnutls_priority_set(session, tls->priorities) == 0 &&
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials->native) == 0) {
        gnutls_certificate_server_set_request(session, REQUESTS[client_auth_of(tls)]);
        return credentials;
    }
    tls_credentials_drop(credentials);
    return NULL;
}

struct listener_tls *listener_tls_create(struct tls_keeper *keeper, char *why, size_t why_size)
{
    struct listener_tls *tls = mem_calloc(1, sizeof(*tls));
    if (tls == NULL) {
        snprintf(why, why_size, "Cannot start the HTTP server: out of memory");
        return NULL;
    }
    tls->keeper = keeper;
    if (!tls_priorities_init(&tls->priorities, tls_keeper_settings(keeper), why, why_size)) {
        mem_free(tls);
        return NULL;
    }
    mutex_init(&tls->lock);
    int result = renew(tls);
    if (result >= 0)
        return tls;
    snprintf(why, why_size, "%sssl.keystore and ssl.truststore cannot be used: %s", tls_keeper_settings(keeper)->prefix,
             gnutls_strerror(result));
    listener_tls_destroy(tls);
    return NULL;
}

void listener_tls_destroy(struct listener_tls *tls)
{
    if (tls == NULL)
        return;
    tls_credentials_drop(tls->current);
    tls_material_drop(tls->seen);
    gnutls_priority_deinit(tls->priorities);
    mutex_destroy(&tls->lock);
    mem_free(tls);
}
