/*
 * tls_client: a client over TLS for tests of listeners (OpenSSL; what they run is GnuTLS).
 *
 * Include after cmocka.h and support/raw_http.h; the test needs FOREIGN openssl.
 */
#ifndef SUPPORT_TLS_CLIENT_H
#define SUPPORT_TLS_CLIENT_H

#include <signal.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "support/certificates.h"

struct tls_wish {
    const struct test_certificate *authority; /* of the server; NULL: not checked */
    const struct test_certificate *own;       /* NULL: shows none */
    int version_max;                          /* 0: TLS 1.3 */
    const char *ciphers;                      /* of TLS 1.2; NULL: OpenSSL's */
};

struct tls_client {
    int socket;
    SSL_CTX *context;
    SSL *ssl;
};

static inline void tls_close(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->socket);
    ERR_clear_error();
}

static inline void tls_prepare(struct tls_client *client, const struct tls_wish *wish)
{
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_cipher_list(client->context, wish->ciphers != NULL ? wish->ciphers : "DEFAULT@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(client->context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client->context, wish->version_max);
    if (wish->own != NULL) {
        SSL_CTX_use_certificate(client->context, wish->own->x509);
        SSL_CTX_use_PrivateKey(client->context, wish->own->key);
    }
    if (wish->authority != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(client->context), wish->authority->x509);
        SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    }
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, client->socket);
}

/* false: refused; nothing to close. */
static inline bool tls_open(struct tls_client *client, uint16_t port, const struct tls_wish *wish)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    client->socket = raw_open(port);
    assert_true(client->socket >= 0);
    tls_prepare(client, wish);
    if (SSL_connect(client->ssl) == 1)
        return true;
    tls_close(client);
    return false;
}

/* One request; the whole answer as it came. "": the connection ended. Valid until the next. */
static inline const char *tls_ask(struct tls_client *client, const char *request)
{
    static char answer[8000];
    size_t length = 0;
    answer[0] = '\0';
    if (SSL_write(client->ssl, request, (int)strlen(request)) <= 0)
        return answer;
    for (;;) {
        int n = SSL_read(client->ssl, answer + length, (int)(sizeof(answer) - 1 - length));
        if (n <= 0)
            return answer;
        length += (size_t)n;
        answer[length] = '\0';
        const char *body = strstr(answer, "\r\n\r\n"), *announced = strcasestr(answer, "Content-Length:");
        if (body != NULL && announced != NULL && strlen(body + 4) >= strtoul(announced + 15, NULL, 10))
            return answer;
    }
}

/* One request on a connection of its own. "": refused. */
static inline const char *tls_ask_once(uint16_t port, const struct tls_wish *wish, const char *request)
{
    struct tls_client client;
    if (!tls_open(&client, port, wish))
        return "";
    const char *answer = tls_ask(&client, request);
    tls_close(&client);
    return answer;
}

#endif
