/* Trust stores of Java's three kinds, made here from a fresh certificate, and what is wrong with bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/str_buffer.h"
#include "tls/trust_store.h"

#define PASSWORD "changeit"

static EVP_PKEY *key;
static X509 *certificate;
static unsigned char *der;
static int der_size;

static int make_certificate(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"ca", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_sign(certificate, key, EVP_sha256());
    der_size = i2d_X509(certificate, &der);
    return der_size > 0 ? 0 : -1;
}

static int free_certificate(void **state)
{
    (void)state;
    OPENSSL_free(der);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}

/* ---- a JKS file by hand ---- */

static void put_u32(struct str_buffer *out, uint32_t number)
{
    str_buffer_append(out, (const unsigned char[]){number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255}, 4);
}

static void put_text(struct str_buffer *out, const char *text)
{
    str_buffer_append(out, (const unsigned char[]){0, (unsigned char)strlen(text)}, 2);
    str_buffer_append_text(out, text);
}

static void put_entry(struct str_buffer *out, uint32_t tag)
{
    put_u32(out, tag);
    put_text(out, "alias");
    str_buffer_append(out, "\0\0\0\0\0\0\0\1", 8);
    if (tag == 1) {
        put_u32(out, 5);
        str_buffer_append(out, "key..", 5);
        put_u32(out, 1);
    }
    put_text(out, "X.509");
    put_u32(out, (uint32_t)der_size);
    str_buffer_append(out, der, (size_t)der_size);
}

static void put_digest(struct str_buffer *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha1(), NULL);
    for (const char *at = PASSWORD; *at != '\0'; at++)
        EVP_DigestUpdate(context, (const char[]){0, *at}, 2);
    EVP_DigestUpdate(context, "Mighty Aphrodite", 16);
    EVP_DigestUpdate(context, out->data, out->length);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    str_buffer_append(out, digest, 20);
}

static void make_jks(struct str_buffer *out, uint32_t tag_1, uint32_t tag_2)
{
    str_buffer_init(out, 1u << 20);
    put_u32(out, 0xfeedfeed);
    put_u32(out, 2);
    put_u32(out, 2);
    put_entry(out, tag_1);
    put_entry(out, tag_2);
    put_digest(out);
}

static void make_pkcs12(struct str_buffer *out)
{
    unsigned char *bytes = NULL;
    STACK_OF(X509) *others = sk_X509_new_null();
    sk_X509_push(others, certificate);
    PKCS12 *store = PKCS12_create(PASSWORD, "ca", NULL, NULL, others, 0, 0, 0, 0, 0);
    assert_non_null(store);
    int size = i2d_PKCS12(store, &bytes);
    str_buffer_init(out, 1u << 20);
    str_buffer_append(out, bytes, (size_t)size);
    OPENSSL_free(bytes);
    PKCS12_free(store);
    sk_X509_free(others);
}

static int count_certificates(const char *pem)
{
    int count = 0;
    for (; (pem = strstr(pem, "-----BEGIN CERTIFICATE-----")) != NULL; pem++)
        count++;
    return count;
}

static int parse(const struct str_buffer *store, const char *password, struct mr_error **error)
{
    struct str_buffer pem;
    str_buffer_init(&pem, 1u << 20);
    int status = trust_store_parse(str_buffer_text(store), store->length, "store", password, &pem, error);
    int count = status == 0 ? count_certificates(str_buffer_text(&pem)) : -1;
    str_buffer_release(&pem);
    return count;
}

static void trusted_certificates_of_a_jks_file_are_found(void **state)
{
    (void)state;
    struct str_buffer store;
    make_jks(&store, 2, 2);
    assert_int_equal(store_format_of(store.data, store.length), STORE_JKS);
    assert_int_equal(parse(&store, PASSWORD, NULL), 2);
    assert_int_equal(parse(&store, NULL, NULL), 2);
    str_buffer_release(&store);
    make_jks(&store, 1, 2);
    assert_int_equal(parse(&store, PASSWORD, NULL), 1);
    str_buffer_release(&store);
}

static void trusted_certificates_of_a_pkcs12_file_are_found(void **state)
{
    (void)state;
    struct str_buffer store;
    make_pkcs12(&store);
    assert_int_equal(store_format_of(store.data, store.length), STORE_PKCS12);
    assert_int_equal(parse(&store, PASSWORD, NULL), 1);
    str_buffer_release(&store);
}

static void refused(const struct str_buffer *store, const char *password, const char *says)
{
    struct mr_error *error = NULL;
    assert_int_equal(parse(store, password, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    if (strstr(mr_error_message(error), says) == NULL)
        fail_msg("%s", mr_error_message(error));
    assert_null(strstr(mr_error_message(error), "wrongpass"));
    mr_error_drop(error);
}

static void wrong_passwords_and_damaged_files_are_refused(void **state)
{
    (void)state;
    struct str_buffer store;
    make_pkcs12(&store);
    refused(&store, "wrongpass", "password");
    str_buffer_truncate(&store, store.length / 2);
    refused(&store, PASSWORD, "PKCS#12");
    str_buffer_release(&store);
    make_jks(&store, 2, 2);
    refused(&store, "wrongpass", "password");
    str_buffer_truncate(&store, store.length - 100);
    refused(&store, NULL, "cut short");
    str_buffer_truncate(&store, 8);
    refused(&store, NULL, "cut short");
    str_buffer_release(&store);
    make_jks(&store, 1, 1);
    refused(&store, PASSWORD, "no trusted certificate");
    str_buffer_release(&store);
    str_buffer_init(&store, 100);
    str_buffer_append_text(&store, "hello");
    refused(&store, NULL, "neither");
    str_buffer_release(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusted_certificates_of_a_jks_file_are_found),
        cmocka_unit_test(trusted_certificates_of_a_pkcs12_file_are_found),
        cmocka_unit_test(wrong_passwords_and_damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_certificate, free_certificate);
}
