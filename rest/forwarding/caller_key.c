#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "forwarding/caller_internal.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

#define SIGNED_MAX (1u << 20)

/* RFC 5869 with SHA-256, one block: enough for one key. The label keeps it apart from the key's other use (signature.h). */
static bool hkdf(const unsigned char *material, size_t length, const char *salt, unsigned char key[CALLER_KEY_SIZE])
{
    static const unsigned char INFO[] = "millrace-caller-1\x01"; /* the counter of the block behind the label */
    unsigned char extracted[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    bool fine = HMAC(EVP_sha256(), salt, (int)strlen(salt), material, length, extracted, &size) != NULL &&
                HMAC(EVP_sha256(), extracted, (int)size, INFO, sizeof(INFO) - 1, key, &size) != NULL;

    explicit_bzero(extracted, sizeof(extracted));
    return fine;
}

bool caller_key_make(const struct session_key *session, const char *secret, unsigned char key[CALLER_KEY_SIZE])
{
    size_t encoded, size, length;
    unsigned char *bytes;
    bool fine;

    if (session == NULL)
        return hkdf((const unsigned char *)secret, strlen(secret), "", key);
    encoded = strlen(session->key);
    size = base64_decoded_max(encoded);
    bytes = mem_alloc(size);
    if (bytes == NULL)
        return false;
    fine = base64_decode(session->key, encoded, bytes, &length) && hkdf(bytes, length, secret, key);
    explicit_bzero(bytes, size);
    mem_free(bytes);
    return fine;
}

void caller_digest_body(struct caller_signed *what, const char *body, size_t length)
{
    _Static_assert(CALLER_DIGEST_SIZE == SHA256_DIGEST_LENGTH, "SHA-256");
    SHA256((const unsigned char *)(body == NULL ? "" : body), body == NULL ? 0 : length, what->body_digest);
}

/* Lines; none of the parts can hold a line end, but for the body, of which the digest stands here. */
bool caller_mac(const unsigned char key[CALLER_KEY_SIZE], const struct caller_signed *what, unsigned char mac[CALLER_MAC_SIZE])
{
    struct str_buffer text;
    unsigned size = 0;
    bool fine;

    str_buffer_init(&text, SIGNED_MAX);
    str_buffer_printf(&text, "millrace-caller-1\n%.*s\n%s\n%s\n%.*s\n%.*s\n%.*s\n", (int)what->address_length, what->address,
                      what->method, what->target, (int)what->time.length, what->time.text, (int)what->nonce.length,
                      what->nonce.text, (int)what->identity.length, what->identity.text);
    str_buffer_append(&text, what->body_digest, sizeof(what->body_digest));
    fine = !str_buffer_failed(&text) && HMAC(EVP_sha256(), key, CALLER_KEY_SIZE, (const unsigned char *)str_buffer_text(&text),
                                             text.length, mac, &size) != NULL;
    str_buffer_release(&text);
    return fine && size == CALLER_MAC_SIZE;
}
