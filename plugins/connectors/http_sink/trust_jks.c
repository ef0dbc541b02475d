#include "trust_jks.h"

#include <openssl/evp.h>
#include <string.h>

#define DIGEST_BYTES 20
#define HEAD_BYTES 12
#define ENTRY_KEY 1u
#define ENTRY_TRUSTED 2u

/* What is left of the store; numbers are big-endian. Beyond the end everything is 0 and `is_short` stays set. */
struct cursor {
    const unsigned char *at;
    size_t left;
    bool is_short;
};

static const unsigned char *skip(struct cursor *cursor, size_t size)
{
    const unsigned char *begin = cursor->at;

    if (size > cursor->left) {
        cursor->is_short = true;
        size = cursor->left;
    }
    cursor->at += size;
    cursor->left -= size;
    return begin;
}

static uint32_t number(struct cursor *cursor, size_t size)
{
    uint32_t value = 0;

    if (size > cursor->left) {
        cursor->is_short = true;
        return 0;
    }
    for (const unsigned char *byte = skip(cursor, size); size > 0; size--)
        value = value << 8 | *byte++;
    return value;
}

/* The digest at the end is SHA-1 over the password in UTF-16, a sentence, and all before it. Passwords beyond ASCII are not tried. */
static bool is_password(const unsigned char *bytes, size_t size, const char *password)
{
    static const char sentence[] = "Mighty Aphrodite";
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool fine = context != NULL && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1;

    for (const char *c = password; fine && *c != '\0'; c++)
        fine = EVP_DigestUpdate(context, (unsigned char[2]){0, (unsigned char)*c}, 2) == 1;
    fine = fine && EVP_DigestUpdate(context, sentence, strlen(sentence)) == 1 &&
           EVP_DigestUpdate(context, bytes, size - DIGEST_BYTES) == 1 &&
           EVP_DigestFinal_ex(context, digest, NULL) == 1 &&
           memcmp(digest, bytes + size - DIGEST_BYTES, DIGEST_BYTES) == 0;
    EVP_MD_CTX_free(context);
    return fine;
}

static int read_certificate(struct cursor *cursor, uint32_t version, trust_jks_taker *take, void *owner)
{
    const unsigned char *der;
    uint32_t size;

    if (version > 1)
        skip(cursor, number(cursor, 2)); /* its kind: X.509 */
    size = number(cursor, 4);
    der = skip(cursor, size);
    if (cursor->is_short)
        return -1;
    return take == NULL ? 0 : take(owner, der, size);
}

static int read_entry(struct cursor *cursor, uint32_t version, trust_jks_taker *take, void *owner)
{
    uint32_t tag = number(cursor, 4), chain;

    skip(cursor, number(cursor, 2)); /* its name */
    skip(cursor, 8);                 /* when it came in */
    if (tag == ENTRY_TRUSTED)
        return read_certificate(cursor, version, take, owner);
    if (tag != ENTRY_KEY)
        return -1;
    skip(cursor, number(cursor, 4));
    chain = number(cursor, 4);
    for (uint32_t i = 0; i < chain; i++)
        if (read_certificate(cursor, version, NULL, NULL) != 0)
            return -1;
    return cursor->is_short ? -1 : 0;
}

int trust_jks_read(const char *path, const unsigned char *bytes, size_t size, const char *password,
                   trust_jks_taker *take, void *owner, struct mr_error **error)
{
    struct cursor cursor = {.at = bytes + 4, .left = size < HEAD_BYTES + DIGEST_BYTES ? 0 : size - 4 - DIGEST_BYTES};
    uint32_t version = number(&cursor, 4), count = number(&cursor, 4);

    if (cursor.is_short || version < 1 || version > 2)
        return mr_error_set(error, MR_ERR_CONFIG, "%s is no whole JKS store", path);
    if (password != NULL && !is_password(bytes, size, password))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "%s: the password of the trust store is wrong, or the store is damaged", path);
    for (uint32_t i = 0; i < count; i++)
        if (read_entry(&cursor, version, take, owner) != 0)
            return mr_error_set(error, MR_ERR_CONFIG, "%s: entry %u of the JKS store cannot be read", path, i + 1);
    return 0;
}
