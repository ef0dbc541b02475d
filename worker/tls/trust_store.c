/* trust_store.c: see the header. JKS: big-endian; magic FEEDFEED, version, count, entries (tag 1 a key with its chain, tag 2
 * a trusted certificate), and at the end SHA-1 over password (UTF-16), "Mighty Aphrodite" and all before. */
#include "tls/trust_store.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <millrace/error.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str_buffer.h"

#include "base/bans.h"

#define JKS_DIGEST_SIZE 20

enum store_format store_format_of(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    if (size >= 4 && memcmp(at, "\xfe\xed\xfe\xed", 4) == 0)
        return STORE_JKS;
    if (size >= 2 && at[0] == 0x30 && at[1] >= 0x80)
        return STORE_PKCS12;
    return memmem(bytes, size, "-----BEGIN ", 11) != NULL ? STORE_PEM : STORE_UNKNOWN;
}

static int pem_append(X509 *certificate, struct str_buffer *pem, const char *name, struct mr_error **error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int status = -1;
    if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1) {
        long length = BIO_get_mem_data(bio, &text);
        if (str_buffer_append(pem, text, (size_t)length))
            status = 0;
    }
    BIO_free(bio);
    if (status != 0)
        mr_error_set(error, MR_ERR_CONFIG, "%s: a certificate in it cannot be converted", name);
    return status;
}

/* ---- JKS ---- */

struct reader {
    const unsigned char *at, *end;
    bool short_of;
};

static const unsigned char *reader_bytes(struct reader *reader, size_t size)
{
    static const unsigned char nothing[8];
    if ((size_t)(reader->end - reader->at) < size) {
        reader->short_of = true;
        reader->at = reader->end;
        return nothing;
    }
    reader->at += size;
    return reader->at - size;
}

static uint32_t reader_u32(struct reader *reader)
{
    const unsigned char *at = reader_bytes(reader, 4);
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void reader_skip_text(struct reader *reader)
{
    const unsigned char *at = reader_bytes(reader, 2);
    reader_bytes(reader, (size_t)at[0] << 8 | at[1]);
}

static int jks_certificate(struct reader *reader, uint32_t version, bool wanted, struct str_buffer *pem,
                           const char *name, struct mr_error **error)
{
    if (version == 2)
        reader_skip_text(reader);   /* "X.509" */
    uint32_t size = reader_u32(reader);
    const unsigned char *der = reader_bytes(reader, size);
    if (reader->short_of || !wanted)
        return 0;
    X509 *certificate = d2i_X509(NULL, &der, (long)size);
    int status = certificate != NULL ? pem_append(certificate, pem, name, error)
                                     : mr_error_set(error, MR_ERR_CONFIG, "%s: a certificate in it is damaged", name);
    X509_free(certificate);
    return status;
}

static int jks_entry(struct reader *reader, uint32_t version, struct str_buffer *pem, const char *name,
                     struct mr_error **error)
{
    uint32_t tag = reader_u32(reader);
    reader_skip_text(reader);      /* alias */
    reader_bytes(reader, 8);       /* date */
    if (tag == 2)
        return jks_certificate(reader, version, true, pem, name, error);
    if (tag != 1)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: not a JKS file this worker can read", name);
    uint32_t key_size = reader_u32(reader);
    reader_bytes(reader, key_size);
    uint32_t chain = reader_u32(reader);
    for (uint32_t i = 0; i < chain && !reader->short_of; i++) {
        if (jks_certificate(reader, version, false, pem, name, error) != 0)
            return -1;
    }
    return 0;
}

/* Passwords beyond ASCII are left unchecked: Java hashes UTF-16, which would have to be made first. */
static bool jks_password_is_right(const unsigned char *bytes, size_t size, const char *password)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size = 0;
    for (const char *at = password; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            return true;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1;
    for (const char *at = password; ok && *at != '\0'; at++)
        ok = EVP_DigestUpdate(context, (const char[]){0, *at}, 2) == 1;
    ok = ok && EVP_DigestUpdate(context, "Mighty Aphrodite", 16) == 1 &&
         EVP_DigestUpdate(context, bytes, size - JKS_DIGEST_SIZE) == 1 &&
         EVP_DigestFinal_ex(context, digest, &digest_size) == 1 && digest_size == JKS_DIGEST_SIZE &&
         memcmp(digest, bytes + size - JKS_DIGEST_SIZE, JKS_DIGEST_SIZE) == 0;
    EVP_MD_CTX_free(context);
    return ok;
}

static int jks_parse(const unsigned char *bytes, size_t size, const char *name, const char *password,
                     struct str_buffer *pem, struct mr_error **error)
{
    if (size < 12 + JKS_DIGEST_SIZE)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: the JKS file is cut short", name);
    if (password != NULL && *password != '\0' && !jks_password_is_right(bytes, size, password))
        return mr_error_set(error, MR_ERR_CONFIG, "%s: the password is wrong or the file is damaged", name);
    struct reader reader = {bytes + 4, bytes + size - JKS_DIGEST_SIZE, false};
    uint32_t version = reader_u32(&reader);
    uint32_t count = reader_u32(&reader);
    if (version != 1 && version != 2)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: JKS version %u is not known", name, (unsigned)version);
    for (uint32_t i = 0; i < count && !reader.short_of; i++) {
        if (jks_entry(&reader, version, pem, name, error) != 0)
            return -1;
    }
    if (reader.short_of)
        return mr_error_set(error, MR_ERR_CONFIG, "%s: the JKS file is cut short", name);
    return 0;
}

/* ---- PKCS#12 ---- */

static int pkcs12_append(X509 *own, STACK_OF(X509) *others, struct str_buffer *pem, const char *name,
                         struct mr_error **error)
{
    for (int i = 0; i < sk_X509_num(others); i++) {
        if (pem_append(sk_X509_value(others, i), pem, name, error) != 0)
            return -1;
    }
    return own != NULL ? pem_append(own, pem, name, error) : 0;
}

static int pkcs12_parse(const unsigned char *bytes, size_t size, const char *name, const char *password,
                        struct str_buffer *pem, struct mr_error **error)
{
    PKCS12 *store = d2i_PKCS12(NULL, &bytes, (long)size);
    if (store == NULL) {
        ERR_clear_error();
        return mr_error_set(error, MR_ERR_CONFIG, "%s: not a readable PKCS#12 file", name);
    }
    EVP_PKEY *key = NULL;
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    int status;
    if (PKCS12_parse(store, password != NULL ? password : "", &key, &own, &others) == 1)
        status = pkcs12_append(own, others, pem, name, error);
    else
        status = mr_error_set(error, MR_ERR_CONFIG, "%s: the password is wrong, or its encryption is not supported",
                              name);
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(own);
    sk_X509_pop_free(others, X509_free);
    PKCS12_free(store);
    return status;
}

int trust_store_parse(const void *bytes, size_t size, const char *name, const char *password, struct str_buffer *pem,
                      struct mr_error **error)
{
    int status = -1;
    size_t before = pem->length;
    switch (store_format_of(bytes, size)) {
    case STORE_JKS:
        status = jks_parse(bytes, size, name, password, pem, error);
        break;
    case STORE_PKCS12:
        status = pkcs12_parse(bytes, size, name, password, pem, error);
        break;
    case STORE_PEM:
        status = str_buffer_append(pem, bytes, size) ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory");
        break;
    case STORE_UNKNOWN:
        status = mr_error_set(error, MR_ERR_CONFIG, "%s: neither a JKS, a PKCS#12 nor a PEM file", name);
        break;
    }
    if (status == 0 && pem->length == before)
        status = mr_error_set(error, MR_ERR_CONFIG, "%s: holds no trusted certificate", name);
    return status;
}

int trust_store_read(const char *path, const char *password, struct str_buffer *pem, struct mr_error **error)
{
    char why[512];
    size_t size;
    char *bytes = file_read(path, STORE_FILE_MAX, &size, why, sizeof why);
    if (bytes == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "%s", why);
    int status = trust_store_parse(bytes, size, path, password, pem, error);
    mem_free(bytes);
    return status;
}
