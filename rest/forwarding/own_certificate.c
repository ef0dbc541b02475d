#include "forwarding/own_certificate_internal.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include <millrace/error.h>

#include "tls/tls_keeper.h"

#include "base/bans.h"

#define HOST_MAX 256

/* All certificates of a text; NULL: no memory. */
static STACK_OF(X509) *certificates_of(const char *pem)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *one;

    while (all != NULL && bio != NULL && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_push(all, one) <= 0)
            X509_free(one);
    BIO_free(bio);
    return all;
}

/* As the asking side does (tls.c): without a trust store the system's authorities count. */
static X509_STORE *store_of(const char *trust)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *authorities;

    if (store == NULL)
        return NULL;
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    if (trust == NULL) {
        X509_STORE_set_default_paths(store);
        return store;
    }
    authorities = certificates_of(trust);
    for (int i = 0; i < sk_X509_num(authorities); i++)
        X509_STORE_add_cert(store, sk_X509_value(authorities, i));
    sk_X509_pop_free(authorities, X509_free);
    return store;
}

/* "[::1]:8443" → "::1". */
static void host_of(const char *address, char *host, size_t size)
{
    bool is_bracketed = address[0] == '[';
    const char *start = address + is_bracketed;

    snprintf(host, size, "%.*s", (int)strcspn(start, is_bracketed ? "]" : ":"), start);
}

static void ask_for_host(X509_STORE_CTX *context, const char *address)
{
    X509_VERIFY_PARAM *wanted = X509_STORE_CTX_get0_param(context);
    char host[HOST_MAX];

    host_of(address, host, sizeof(host));
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host) != 1)
        X509_VERIFY_PARAM_set1_host(wanted, host, 0);
}

static enum own_certificate judge(int code)
{
    bool is_of_name = code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH;

    return is_of_name ? OWN_CERTIFICATE_MISNAMED : OWN_CERTIFICATE_UNBELIEVED;
}

static enum own_certificate verify(const struct tls_material *material, const char *host, char *why, size_t size)
{
    STACK_OF(X509) *chain = certificates_of(material->chain);
    X509_STORE *store = store_of(material->trust);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum own_certificate is = OWN_CERTIFICATE_BELIEVED;

    if (context != NULL && store != NULL && sk_X509_num(chain) > 0 &&
        X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) == 1) {
        X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
        if (host != NULL)
            ask_for_host(context, host);
        if (X509_verify_cert(context) != 1) {
            is = judge(X509_STORE_CTX_get_error(context));
            snprintf(why, size, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
        }
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    return is;
}

enum own_certificate own_certificate_look(const struct string_map *properties, const char *address, char *why, size_t size)
{
    struct mr_error *ignored = NULL;
    struct tls_keeper *keeper =
        tls_keeper_open(&(struct tls_keeper_setup){.properties = properties, .prefix = TLS_LISTENERS}, &ignored);
    const struct tls_material *material;
    enum own_certificate is = OWN_CERTIFICATE_BELIEVED;

    mr_error_clear(&ignored);
    if (keeper == NULL)
        return is;
    material = tls_keeper_take(keeper);
    if (material->chain != NULL)
        is = verify(material, tls_keeper_settings(keeper)->checks_host ? address : NULL, why, size);
    tls_material_drop(material);
    tls_keeper_close(keeper);
    return is;
}
