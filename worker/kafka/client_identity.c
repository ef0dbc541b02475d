/* client_identity.c: a certificate with its key for the next handshakes of a client that is open, by OpenSSL's public ways alone.
 *
 * librdkafka reads certificates once, into an SSL_CTX that it never shows. OpenSSL tells whoever asks of every context that is made
 * (ex_data), and librdkafka makes its own within rd_kafka_new, on the caller's thread: so we know it. Its certificate callback then gives
 * each handshake what counts at that moment; the context itself is not changed while connections use it. */
#include "kafka/credentials_internal.h"

#include <pthread.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/refcount.h"

#include "base/bans.h"

#define CHAIN_MAX 16

struct client_identity {
    struct refcount refcount;
    X509 *own;
    EVP_PKEY *key;
    STACK_OF(X509) *chain; /* those that issued it */
};

/* ---- the identity ---- */

static void read_chain(struct client_identity *identity, const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate;
    identity->chain = sk_X509_new_null();
    identity->own = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    while (identity->own != NULL && identity->chain != NULL && sk_X509_num(identity->chain) < CHAIN_MAX &&
           (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(identity->chain, certificate) == 0)
            X509_free(certificate);
    }
    BIO_free(bio);
}

struct client_identity *client_identity_create(const char *chain_pem, const char *key_pem)
{
    struct client_identity *identity = mem_calloc(1, sizeof *identity);
    if (identity == NULL)
        return NULL;
    refcount_init(&identity->refcount);
    read_chain(identity, chain_pem);
    BIO *bio = BIO_new_mem_buf(key_pem, -1);
    identity->key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (identity->own == NULL || identity->chain == NULL || identity->key == NULL) {
        client_identity_drop(identity);
        return NULL;
    }
    return identity;
}

struct client_identity *client_identity_take(struct client_identity *identity)
{
    if (identity != NULL)
        refcount_take(&identity->refcount);
    return identity;
}

void client_identity_drop(struct client_identity *identity)
{
    if (identity == NULL || !refcount_drop(&identity->refcount))
        return;
    X509_free(identity->own);
    EVP_PKEY_free(identity->key);
    sk_X509_pop_free(identity->chain, X509_free);
    mem_free(identity);
}

bool client_identity_use(const struct client_identity *identity, SSL *ssl)
{
    return SSL_use_cert_and_key(ssl, identity->own, identity->key, identity->chain, 1) == 1;
}

/* ---- librdkafka's context ---- */

static _Thread_local SSL_CTX **caught; /* NULL: this thread waits for none */

static void on_context_made(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number, void *argument)
{
    (void)pointer, (void)data, (void)index, (void)number, (void)argument;
    if (caught != NULL && *caught == NULL)
        *caught = parent;
}

static void ask_for_contexts(void)
{
    SSL_CTX_get_ex_new_index(0, NULL, on_context_made, NULL, NULL);
}

void ssl_context_catch_begin(SSL_CTX **context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask_for_contexts);
    caught = context;
}

void ssl_context_catch_end(void)
{
    caught = NULL;
}

void ssl_context_bound(SSL_CTX *context, int least, int most)
{
    if (least != 0)
        SSL_CTX_set_min_proto_version(context, least);
    if (most != 0)
        SSL_CTX_set_max_proto_version(context, most);
}

void ssl_context_trust(SSL_CTX *context, const char *pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context); /* has a lock of its own */
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate;
    while (bio != NULL && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        X509_STORE_add_cert(store, certificate); /* one that it has: fine */
        X509_free(certificate);
    }
    BIO_free(bio);
    ERR_clear_error();
}
