#include "forwarding/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "config/worker_config.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define CLAIM_LENGTH_MAX 128 /* of base64; no algorithm gives as much */

/* NULL: not known. Names as Java's: case does not matter. */
static const EVP_MD *digest_of(const char *algorithm)
{
    static const struct {
        const char *name;
        const EVP_MD *(*digest)(void);
    } KNOWN[] = {
        {"HmacSHA1", EVP_sha1},     {"HmacSHA224", EVP_sha224}, {"HmacSHA256", EVP_sha256},
        {"HmacSHA384", EVP_sha384}, {"HmacSHA512", EVP_sha512},
    };
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
        if (strcasecmp(KNOWN[i].name, algorithm) == 0)
            return KNOWN[i].digest();
    return NULL;
}

/* The bytes' number; 0: failed. */
static unsigned sign(const char *algorithm, const struct session_key *key, const char *body, size_t length,
                     unsigned char mac[EVP_MAX_MD_SIZE])
{
    const EVP_MD *digest = digest_of(algorithm);
    size_t encoded = strlen(key->key), key_size = base64_decoded_max(encoded), key_length;
    unsigned char *bytes = digest == NULL ? NULL : mem_alloc(key_size);
    unsigned mac_length = 0;

    if (bytes == NULL)
        return 0;
    if (!base64_decode(key->key, encoded, bytes, &key_length) || key_length > INT32_MAX ||
        HMAC(digest, bytes, (int)key_length, (const unsigned char *)body, length, mac, &mac_length) == NULL)
        mac_length = 0;
    explicit_bzero(bytes, key_size);
    mem_free(bytes);
    return mac_length;
}

bool signature_make(const char *algorithm, const struct session_key *key, const char *body, size_t length,
                    char text[SIGNATURE_TEXT_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_length = sign(algorithm, key, body, length, mac);

    if (mac_length == 0 || base64_encoded_length(mac_length) >= SIGNATURE_TEXT_SIZE)
        return false;
    text[base64_encode(mac, mac_length, text)] = '\0';
    return true;
}

/* Is the name one of the comma list? */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    while (*list != '\0') {
        list += strspn(list, ", ");
        size_t item = strcspn(list, ", ");
        if (item == length && item > 0 && strncasecmp(list, name, length) == 0)
            return true;
        list += item;
    }
    return false;
}

static bool refuse(struct signature_verdict *verdict, int status, const char *message)
{
    verdict->status = status;
    snprintf(verdict->message, sizeof(verdict->message), "%s", message);
    return false;
}

static bool refuse_algorithm(struct signature_verdict *verdict, const struct worker_config *worker, const char *algorithm)
{
    verdict->status = 400;
    snprintf(verdict->message, sizeof(verdict->message),
             "This worker does not support the '%.60s' key signing algorithm used by other workers. This worker is currently "
             "configured to use: [%.120s]. Check that all workers' configuration files permit the same set of signature "
             "algorithms, and correct any misconfigured worker and restart it.",
             algorithm, worker->verification_algorithms);
    return false;
}

static bool check_bytes(const struct session_key *key, const struct signature_claim *claim, const char *body, size_t length,
                        struct signature_verdict *verdict)
{
    unsigned char mac[EVP_MAX_MD_SIZE], claimed[CLAIM_LENGTH_MAX];
    size_t claimed_length;
    unsigned mac_length;

    if (!base64_decode(claim->signature, strlen(claim->signature), claimed, &claimed_length))
        return refuse(verdict, 400, "Internal request contained a signature that is not base64");
    mac_length = sign(claim->algorithm, key, body, length, mac);
    if (mac_length == 0)
        return refuse(verdict, 503, "The signature of this internal request could not be checked; try again");
    if (claimed_length != mac_length || CRYPTO_memcmp(claimed, mac, mac_length) != 0)
        return refuse(verdict, 403, "Internal request contained invalid signature.");
    return true;
}

bool signature_check(const struct worker_config *worker, struct config_store *configs, const struct signature_claim *claim,
                     const char *body, size_t length, struct signature_verdict *verdict)
{
    struct config_snapshot *snapshot;
    const struct session_key *key;
    bool fine;

    *verdict = (struct signature_verdict){.status = 0};
    if (!worker_config_is_sessioned(worker))
        return true;
    if (claim->signature == NULL || claim->algorithm == NULL)
        return refuse(verdict, 400, "Internal request missing required signature");
    if (!is_listed(worker->verification_algorithms, claim->algorithm) || digest_of(claim->algorithm) == NULL)
        return refuse_algorithm(verdict, worker, claim->algorithm);
    if (strlen(claim->signature) > CLAIM_LENGTH_MAX)
        return refuse(verdict, 403, "Internal request contained invalid signature.");
    snapshot = config_store_snapshot(configs);
    key = config_snapshot_session_key(snapshot);
    fine = key != NULL ? check_bytes(key, claim, body, length, verdict)
                       : refuse(verdict, 503,
                                "This worker is still starting up and has not been able to read a session key from the config "
                                "topic yet");
    config_snapshot_drop(snapshot);
    return fine;
}
