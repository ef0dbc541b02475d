/*
 * certificates: authorities and certificates made at test time, and stores of them in files of a folder of their own.
 *
 *     struct test_certificate ca = certificate_make(NULL, &(struct certificate_wish){.subject = "CN=ca"});
 *     struct test_certificate server = certificate_make(&ca, &(struct certificate_wish){.subject = "CN=localhost"});
 *     certificate_write_pem(&server, &ca, path);          // key, certificate, what issued it
 *
 * A subject is "O=Acme/CN=alice": attributes in the order of the encoding. Every certificate counts for localhost and 127.0.0.1.
 * Include after cmocka.h; the test needs FOREIGN openssl.
 */
#ifndef SUPPORT_CERTIFICATES_H
#define SUPPORT_CERTIFICATES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct test_certificate {
    EVP_PKEY *key;
    X509 *x509;
};

struct certificate_wish {
    const char *subject;
    bool is_expired, is_early;
    bool names_nobody;   /* no alternative names */
    const char *purpose; /* extended key usage; NULL: clientAuth and serverAuth */
};

static inline void certificate_subject(X509_NAME *name, const char *subject)
{
    char copy[300], *rest = NULL;
    snprintf(copy, sizeof(copy), "%s", subject);
    for (char *part = strtok_r(copy, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest)) {
        char *value = strchr(part, '=');
        *value++ = '\0';
        assert_int_equal(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0), 1);
    }
}

static inline void certificate_extend(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Signed by the issuer; NULL: an authority, by itself. */
static inline struct test_certificate certificate_make(const struct test_certificate *issuer,
                                                       const struct certificate_wish *wish)
{
    static long serial = 1;
    struct test_certificate made = {EVP_EC_gen("P-256"), X509_new()};
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), wish->is_early ? 86400 : -7200);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), wish->is_expired ? -3600 : 2 * 86400);
    X509_set_pubkey(made.x509, made.key);
    certificate_subject(X509_get_subject_name(made.x509), wish->subject);
    X509_set_issuer_name(made.x509, X509_get_subject_name(issuer == NULL ? made.x509 : issuer->x509));
    certificate_extend(made.x509, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (issuer == NULL)
        certificate_extend(made.x509, NID_key_usage, "critical,keyCertSign,cRLSign");
    else
        certificate_extend(made.x509, NID_ext_key_usage, wish->purpose == NULL ? "serverAuth,clientAuth" : wish->purpose);
    if (issuer != NULL && !wish->names_nobody)
        certificate_extend(made.x509, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    assert_true(X509_sign(made.x509, issuer == NULL ? made.key : issuer->key, EVP_sha256()) > 0);
    return made;
}

static inline void certificate_release(struct test_certificate *certificate)
{
    EVP_PKEY_free(certificate->key);
    X509_free(certificate->x509);
}

/* ---- files ---- */

/* "" when there is a folder: mkdtemp's. */
static inline void certificate_folder(char folder[40])
{
    snprintf(folder, 40, "/tmp/millrace-tls.XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static inline void certificate_remove(const char *folder)
{
    char command[80];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* Another file takes the place of the old one in one step. */
static inline FILE *certificate_file_open(const char *path, char fresh[300])
{
    snprintf(fresh, 300, "%s.new", path);
    FILE *file = fopen(fresh, "wb");
    assert_non_null(file);
    return file;
}

static inline void certificate_file_close(FILE *file, const char *fresh, const char *path)
{
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(fresh, path), 0);
}

/* Of the authority: its certificate alone. */
static inline void certificate_write_trust(const struct test_certificate *authority, const char *path)
{
    char fresh[300];
    FILE *file = certificate_file_open(path, fresh);
    PEM_write_X509(file, authority->x509);
    certificate_file_close(file, fresh, path);
}

/* The key, encrypted where there is a password, the certificate, and its issuer where there is one. */
static inline void certificate_write_pem_locked(const struct test_certificate *certificate,
                                                const struct test_certificate *issuer, const char *password, const char *path)
{
    char fresh[300];
    FILE *file = certificate_file_open(path, fresh);
    PEM_write_PKCS8PrivateKey(file, certificate->key, password == NULL ? NULL : EVP_aes_256_cbc(), password,
                              password == NULL ? 0 : (int)strlen(password), NULL, NULL);
    PEM_write_X509(file, certificate->x509);
    if (issuer != NULL)
        PEM_write_X509(file, issuer->x509);
    certificate_file_close(file, fresh, path);
}

static inline void certificate_write_pem(const struct test_certificate *certificate, const struct test_certificate *issuer,
                                         const char *path)
{
    certificate_write_pem_locked(certificate, issuer, NULL, path);
}

static inline void certificate_write_pkcs12(const struct test_certificate *certificate, const struct test_certificate *issuer,
                                            const char *password, const char *path)
{
    char fresh[300];
    STACK_OF(X509) *others = sk_X509_new_null();
    if (issuer != NULL)
        sk_X509_push(others, issuer->x509);
    PKCS12 *store = PKCS12_create(password, "own", certificate->key, certificate->x509, others, 0, 0, 0, 0, 0);
    assert_non_null(store);
    FILE *file = certificate_file_open(path, fresh);
    assert_int_equal(i2d_PKCS12_fp(file, store), 1);
    certificate_file_close(file, fresh, path);
    PKCS12_free(store);
    sk_X509_free(others);
}

#endif
