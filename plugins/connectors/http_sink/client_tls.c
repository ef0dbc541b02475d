#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust_jks.h"

#define STORE_BYTES_MAX ((size_t)16 << 20)

enum store_kind { STORE_UNREADABLE, STORE_PEM, STORE_PKCS12, STORE_JKS, STORE_UNKNOWN };

static enum store_kind kind_of(const char *path)
{
    static const unsigned char jks[] = {0xfe, 0xed, 0xfe, 0xed};
    unsigned char bytes[4096];
    FILE *file = fopen(path, "re");
    size_t size;

    if (file == NULL)
        return STORE_UNREADABLE;
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    if (size >= 4 && memcmp(bytes, jks, 4) == 0)
        return STORE_JKS;
    if (size >= 2 && bytes[0] == 0x30 && (bytes[1] & 0x80) != 0)
        return STORE_PKCS12;
    return memmem(bytes, size, "-----BEGIN ", 11) != NULL ? STORE_PEM : STORE_UNKNOWN;
}

static int refuse(const char *path, enum store_kind kind, struct mr_error **error)
{
    if (kind == STORE_UNREADABLE)
        return mr_error_set(error, MR_ERR_CONFIG, "%s cannot be read: %s", path, strerror(errno));
    if (kind == STORE_JKS)
        return mr_error_set(
            error, MR_ERR_CONFIG,
            "%s is a JKS store, whose keys Java alone reads: keytool -importkeystore -srckeystore %s -destkeystore "
            "STORE.p12 -deststoretype PKCS12 makes one that can be used",
            path, path);
    return mr_error_set(error, MR_ERR_CONFIG, "%s is neither PEM, PKCS#12 nor JKS", path);
}

/* --- trust ------------------------------------------------------------------------------------------------------------------ */

static PKCS12 *read_pkcs12(const char *path)
{
    BIO *file = BIO_new_file(path, "rb");
    PKCS12 *store = file == NULL ? NULL : d2i_PKCS12_bio(file, NULL);

    BIO_free(file);
    return store;
}

static int keep_pem(struct client_tls *files, BIO *pem)
{
    char *data;
    long size = BIO_get_mem_data(pem, &data);

    if (size <= 0)
        return -1;
    files->trust_pem = malloc((size_t)size);
    if (files->trust_pem == NULL)
        return -1;
    memcpy(files->trust_pem, data, (size_t)size);
    files->trust_size = (size_t)size;
    return 0;
}

static int take_der(void *owner, const unsigned char *der, size_t size)
{
    X509 *certificate = d2i_X509(NULL, &der, (long)size);
    int written = certificate == NULL ? 0 : PEM_write_bio_X509(owner, certificate);

    X509_free(certificate);
    return written == 1 ? 0 : -1;
}

static int read_jks(struct client_tls *files, const struct http_tls *tls, struct mr_error **error)
{
    FILE *file = fopen(tls->trust_path, "re");
    unsigned char *bytes = malloc(STORE_BYTES_MAX);
    size_t size = file == NULL || bytes == NULL ? 0 : fread(bytes, 1, STORE_BYTES_MAX, file);
    BIO *pem = BIO_new(BIO_s_mem());
    int status = -1;

    if (bytes == NULL || pem == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to read %s", tls->trust_path);
    else if (trust_jks_read(tls->trust_path, bytes, size, tls->trust_password, take_der, pem, error) == 0 &&
             (status = keep_pem(files, pem)) != 0)
        mr_error_set(error, MR_ERR_CONFIG, "%s holds no certificate that is trusted", tls->trust_path);
    if (file != NULL)
        fclose(file);
    free(bytes);
    BIO_free(pem);
    ERR_clear_error();
    return status;
}

/* Every certificate of the store is trusted. */
static int read_pkcs12_trust(struct client_tls *files, const struct http_tls *tls, struct mr_error **error)
{
    PKCS12 *store = read_pkcs12(tls->trust_path);
    EVP_PKEY *key = NULL;
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    BIO *pem = BIO_new(BIO_s_mem());
    int status = -1;

    if (store != NULL && pem != NULL && PKCS12_parse(store, tls->trust_password, &key, &own, &others) == 1) {
        bool fine = own == NULL || PEM_write_bio_X509(pem, own) == 1;

        for (int i = 0; i < sk_X509_num(others); i++)
            fine &= PEM_write_bio_X509(pem, sk_X509_value(others, i)) == 1;
        status = fine ? keep_pem(files, pem) : -1;
    }
    EVP_PKEY_free(key);
    X509_free(own);
    sk_X509_pop_free(others, X509_free);
    PKCS12_free(store);
    BIO_free(pem);
    ERR_clear_error();
    if (status != 0)
        mr_error_set(error, MR_ERR_CONFIG,
                     "%s: no certificates can be read: the password of the trust store is wrong, it is empty, or its "
                     "encryption is too "
                     "old",
                     tls->trust_path);
    return status;
}

int client_tls_open(struct client_tls *files, const struct http_tls *tls, struct mr_error **error)
{
    enum store_kind trust = tls->trust_path == NULL ? STORE_PEM : kind_of(tls->trust_path);
    enum store_kind key;

    *files = (struct client_tls){0};
    if (trust != STORE_PEM && trust != STORE_PKCS12 && trust != STORE_JKS)
        return refuse(tls->trust_path, trust, error);
    key = tls->key_path == NULL ? STORE_PEM : kind_of(tls->key_path);
    if (key != STORE_PEM && key != STORE_PKCS12)
        return refuse(tls->key_path, key, error);
    if (tls->key_path != NULL)
        files->key_kind = key == STORE_PEM ? "PEM" : "P12";
    if (trust == STORE_JKS)
        return read_jks(files, tls, error);
    return trust == STORE_PKCS12 ? read_pkcs12_trust(files, tls, error) : 0;
}

void client_tls_close(struct client_tls *files)
{
    free(files->trust_pem);
    *files = (struct client_tls){0};
}

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_trust(const struct client_tls *files, const struct http_tls *tls, CURL *easy)
{
    struct curl_blob pem = {.data = files->trust_pem, .len = files->trust_size, .flags = CURL_BLOB_NOCOPY};

    if (tls->trust_path == NULL)
        return true;
    /* A store that was named is all that is trusted, in whichever form: not the system's folder besides. */
    if (!SET(CURLOPT_CAPATH, NULL))
        return false;
    return files->trust_pem != NULL ? SET(CURLOPT_CAINFO_BLOB, &pem) : SET(CURLOPT_CAINFO, tls->trust_path);
}

static bool set_key(const struct client_tls *files, const struct http_tls *tls, CURL *easy)
{
    const char *password = tls->key_password;

    if (files->key_kind == NULL)
        return true;
    if (password == NULL || files->key_kind[1] == '1') /* PKCS#12 has one password */
        password = tls->key_store_password;
    if (password == NULL)
        password = tls->key_password;
    return SET(CURLOPT_SSLCERTTYPE, files->key_kind) && SET(CURLOPT_SSLCERT, tls->key_path) &&
           SET(CURLOPT_SSLKEYTYPE, files->key_kind) && SET(CURLOPT_SSLKEY, tls->key_path) &&
           (password == NULL || SET(CURLOPT_KEYPASSWD, password));
}

int client_tls_set(const struct client_tls *files, const struct http_tls *tls, void *easy)
{
    long versions = tls->versions == NULL ? (long)CURL_SSLVERSION_TLSv1_2 : (long)CURL_SSLVERSION_TLSv1_3;
    bool fine = SET(CURLOPT_SSLVERSION, versions) && SET(CURLOPT_SSL_VERIFYPEER, tls->checks_peer ? 1L : 0L) &&
                SET(CURLOPT_SSL_VERIFYHOST, tls->checks_host ? 2L : 0L) && set_trust(files, tls, easy) &&
                set_key(files, tls, easy);

    return fine ? 0 : -1;
}
