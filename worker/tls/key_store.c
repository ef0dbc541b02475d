#include "tls/key_store.h"

#include <string.h>
#include <strings.h>

#include <millrace/error.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/mem.h"
#include "tls/pem_text.h"
#include "tls/trust_store.h"

#include "base/bans.h"

#define PEM_MAX (1u << 20)
#define CHAIN_MAX 16 /* certificates */

/* What a store holds, before it is written as PEM. */
struct contents {
    EVP_PKEY *key;
    STACK_OF(X509) *certificates; /* any order */
};

static void contents_release(struct contents *contents)
{
    EVP_PKEY_free(contents->key);
    sk_X509_pop_free(contents->certificates, X509_free);
    ERR_clear_error();
}

static const char *place_of(const struct key_store_source *source)
{
    return source->path != NULL ? source->path : "the property";
}

static int refuse(const struct key_store_source *source, const char *property, const char *words, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG, "%s%s: %s: %s", source->prefix, property, place_of(source), words);
}

/* ---- PEM ---- */

struct password_asked {
    const char *password;
    bool was_asked;
};

static int give_password(char *buffer, int size, int is_writing, void *argument)
{
    struct password_asked *asked = argument;
    size_t length = asked->password == NULL ? 0 : strlen(asked->password);
    (void)is_writing;
    asked->was_asked = true;
    if (asked->password == NULL || length > (size_t)size)
        return -1;
    memcpy(buffer, asked->password, length);
    return (int)length;
}

static int read_pem_key(const struct key_store_source *source, const char *text, struct contents *contents,
                        struct mr_error **error)
{
    const char *property = source->path != NULL ? "ssl.keystore.location" : "ssl.keystore.key";
    struct password_asked asked = {.password = source->key_password};
    BIO *bio = BIO_new_mem_buf(text, -1);
    contents->key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, give_password, &asked);
    BIO_free(bio);
    if (contents->key != NULL)
        return 0;
    if (asked.was_asked && source->key_password == NULL)
        return refuse(source, "ssl.key.password", "the private key is encrypted; set its password", error);
    if (asked.was_asked)
        return refuse(source, "ssl.key.password", "the private key cannot be decrypted with this password", error);
    return refuse(source, property, "holds no private key in PEM (-----BEGIN PRIVATE KEY-----)", error);
}

static int read_pem_certificates(const struct key_store_source *source, const char *text, struct contents *contents,
                                 struct mr_error **error)
{
    const char *property = source->path != NULL ? "ssl.keystore.location" : "ssl.keystore.certificate.chain";
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *certificate;
    contents->certificates = sk_X509_new_null();
    while (bio != NULL && contents->certificates != NULL &&
           (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (sk_X509_push(contents->certificates, certificate) == 0) {
            X509_free(certificate);
            break;
        }
    BIO_free(bio);
    if (sk_X509_num(contents->certificates) > 0)
        return 0;
    return refuse(source, property, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", error);
}

static int read_pem(const struct key_store_source *source, const char *chain, const char *key, struct contents *contents,
                    struct mr_error **error)
{
    return read_pem_key(source, key, contents, error) == 0 &&
                   read_pem_certificates(source, chain, contents, error) == 0
               ? 0
               : -1;
}

static int read_texts(const struct key_store_source *source, struct contents *contents, struct mr_error **error)
{
    char *chain = pem_text_unfold(source->chain), *key = pem_text_unfold(source->key);
    int status = chain == NULL || key == NULL
                     ? mr_error_set(error, MR_ERR_NO_MEMORY, "%sssl.keystore.key: no memory for it", source->prefix)
                     : read_pem(source, chain, key, contents, error);
    pem_text_free(chain);
    pem_text_free(key);
    return status;
}

/* ---- PKCS#12 ---- */

static int read_pkcs12(const struct key_store_source *source, const unsigned char *bytes, size_t size,
                       struct contents *contents, struct mr_error **error)
{
    PKCS12 *store = d2i_PKCS12(NULL, &bytes, (long)size);
    X509 *own = NULL;
    if (store == NULL)
        return refuse(source, "ssl.keystore.location", "is not a readable PKCS#12 file", error);
    bool fine = PKCS12_parse(store, source->password != NULL ? source->password : "", &contents->key, &own,
                             &contents->certificates) == 1;
    PKCS12_free(store);
    if (!fine)
        return refuse(source, "ssl.keystore.password",
                      source->password == NULL
                          ? "needs a password"
                          : "the password is wrong, the key has another password than the store, or the encryption is too old. "
                            "Check with: openssl pkcs12 -noout -info -in FILE",
                      error);
    if (contents->certificates == NULL)
        contents->certificates = sk_X509_new_null();
    if (own != NULL && (contents->certificates == NULL || sk_X509_unshift(contents->certificates, own) == 0))
        X509_free(own);
    if (contents->key == NULL || own == NULL)
        return refuse(source, "ssl.keystore.location", "holds no private key with its certificate", error);
    return 0;
}

/* ---- the file ---- */

static const char *format_name(enum store_format format)
{
    return format == STORE_PEM ? "PEM" : format == STORE_PKCS12 ? "PKCS12" : "JKS";
}

/* JKS and PKCS12 may stand for each other, as Java reads both under either name. */
static bool type_fits(const char *type, enum store_format format)
{
    if (type == NULL || *type == '\0')
        return true;
    return (strcasecmp(type, "PEM") == 0) == (format == STORE_PEM);
}

static int refuse_jks(const struct key_store_source *source, struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_CONFIG,
                        "%sssl.keystore.location: %s is a JKS file, whose keys only Java can read; convert it: keytool "
                        "-importkeystore -srckeystore %s -destkeystore NEW.p12 -deststoretype PKCS12",
                        source->prefix, source->path, source->path);
}

static int read_bytes(const struct key_store_source *source, const char *bytes, size_t size, struct contents *contents,
                      struct mr_error **error)
{
    enum store_format format = store_format_of(bytes, size);
    if (format == STORE_UNKNOWN)
        return refuse(source, "ssl.keystore.location", "is neither a PKCS#12 nor a PEM file", error);
    if (format == STORE_JKS)
        return refuse_jks(source, error);
    if (!type_fits(source->type, format))
        return mr_error_set(error, MR_ERR_CONFIG, "%sssl.keystore.type=%s, but %s is %s: correct the type", source->prefix,
                            source->type, source->path, format_name(format));
    return format == STORE_PEM ? read_pem(source, bytes, bytes, contents, error)
                               : read_pkcs12(source, (const unsigned char *)bytes, size, contents, error);
}

static int read_file(const struct key_store_source *source, struct contents *contents, struct mr_error **error)
{
    char why[512];
    size_t size;
    char *bytes = file_read(source->path, STORE_FILE_MAX, &size, why, sizeof(why));
    if (bytes == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%sssl.keystore.location: %s", source->prefix, why);
    int status = read_bytes(source, bytes, size, contents, error);
    explicit_bzero(bytes, size);
    mem_free(bytes);
    return status;
}

/* ---- as PEM ---- */

static bool append_bio(struct str_buffer *out, BIO *bio)
{
    char *text;
    long length = BIO_get_mem_data(bio, &text);
    bool fine = length > 0 && str_buffer_append(out, text, (size_t)length);
    if (length > 0)
        explicit_bzero(text, (size_t)length);
    return fine;
}

static bool write_key(struct str_buffer *out, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool fine = bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && append_bio(out, bio);
    BIO_free(bio);
    return fine;
}

static bool write_certificate(struct str_buffer *out, X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool fine = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1 && append_bio(out, bio);
    BIO_free(bio);
    return fine;
}

/* NULL: the store does not have it, or the certificate has signed itself. */
static X509 *issuer_of(const STACK_OF(X509) *certificates, X509 *certificate)
{
    if (X509_check_issued(certificate, certificate) == X509_V_OK)
        return NULL;
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *at = sk_X509_value(certificates, i);
        if (X509_check_issued(at, certificate) == X509_V_OK)
            return at;
    }
    return NULL;
}

static bool write_chain(struct str_buffer *out, const STACK_OF(X509) *certificates, X509 *own)
{
    bool fine = write_certificate(out, own);
    X509 *at = own;
    for (int i = 1; i < CHAIN_MAX && fine && (at = issuer_of(certificates, at)) != NULL; i++)
        fine = write_certificate(out, at);
    return fine;
}

static X509 *find_own(const struct contents *contents)
{
    for (int i = 0; i < sk_X509_num(contents->certificates); i++) {
        X509 *at = sk_X509_value(contents->certificates, i);
        if (X509_check_private_key(at, contents->key) == 1)
            return at;
    }
    return NULL;
}

static void print_time(const ASN1_TIME *time, char *text, size_t size)
{
    struct tm broken;
    text[0] = '\0';
    if (ASN1_TIME_to_tm(time, &broken) == 1)
        strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &broken);
}

static void describe(struct key_store *store, X509 *own)
{
    struct tm end;
    store->expires_s = ASN1_TIME_to_tm(X509_get0_notAfter(own), &end) == 1 ? (int64_t)timegm(&end) : 0;
    X509_NAME_oneline(X509_get_subject_name(own), store->subject, sizeof(store->subject));
    print_time(X509_get0_notBefore(own), store->not_before, sizeof(store->not_before));
    print_time(X509_get0_notAfter(own), store->not_after, sizeof(store->not_after));
    store->is_early = X509_cmp_current_time(X509_get0_notBefore(own)) > 0;
    store->is_expired = X509_cmp_current_time(X509_get0_notAfter(own)) < 0;
}

static int write_all(struct key_store *store, const struct key_store_source *source, const struct contents *contents,
                     struct mr_error **error)
{
    X509 *own = find_own(contents);
    if (own == NULL)
        return refuse(source, source->path != NULL ? "ssl.keystore.location" : "ssl.keystore.key",
                      "the private key belongs to none of the certificates", error);
    describe(store, own);
    if (write_key(&store->key, contents->key) && write_chain(&store->chain, contents->certificates, own))
        return 0;
    return mr_error_set(error, MR_ERR_NO_MEMORY, "%sssl.keystore: no memory for it", source->prefix);
}

int key_store_read(struct key_store *store, const struct key_store_source *source, struct mr_error **error)
{
    struct contents contents = {NULL, NULL};
    memset(store, 0, sizeof(*store));
    str_buffer_init(&store->chain, PEM_MAX);
    str_buffer_init(&store->key, PEM_MAX);
    int status = source->path != NULL ? read_file(source, &contents, error) : read_texts(source, &contents, error);
    if (status == 0)
        status = write_all(store, source, &contents, error);
    contents_release(&contents);
    if (status != 0)
        key_store_release(store);
    return status;
}

void key_store_release(struct key_store *store)
{
    if (store->key.data != NULL)
        explicit_bzero(store->key.data, store->key.capacity);
    str_buffer_release(&store->key);
    str_buffer_release(&store->chain);
}
