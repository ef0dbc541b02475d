#include "access/jwt_keys_internal.h"

#include <jose/b64.h>
#include <stdint.h>
#include <string.h>

#include <millrace/error.h>

#include "access/identity.h"
#include "access/jwt_validator.h"

#include "base/bans.h"

#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 1024
#define RSA_EXPONENT_BYTES_MAX 8   /* a large one makes each check slow */
#define P256_BYTES 32

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    return algorithm == JWT_RS256 ? "RS256" : "ES256";
}

/* Bytes of a number in base64url; 0: it is none. */
static size_t number_bytes(const json_t *number)
{
    uint8_t bytes[RSA_BYTES_MAX + 1];
    if (!json_is_string(number) || json_string_length(number) > 2 * sizeof bytes)
        return 0;
    size_t length = jose_b64_dec(number, bytes, sizeof bytes);
    return length == SIZE_MAX || length > sizeof bytes ? 0 : length;
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* Is the key for signatures of that algorithm? What it does not say does not forbid. */
static bool is_for(const json_t *jwk, const char *algorithm)
{
    const json_t *use = json_object_get(jwk, "use"), *named = json_object_get(jwk, "alg"), *item;
    const json_t *operations = json_object_get(jwk, "key_ops");
    size_t i;
    bool verifies = operations == NULL;
    if ((use != NULL && !is_text(use, "sig")) || (named != NULL && !is_text(named, algorithm)))
        return false;
    json_array_foreach (operations, i, item)
        verifies = verifies || is_text(item, "verify");
    return verifies;
}

/* References: *out stays NULL when there is no memory. false: the key is not for us. */
static bool reduce_rsa(const json_t *jwk, json_t **out)
{
    json_t *n = json_object_get(jwk, "n"), *e = json_object_get(jwk, "e");
    size_t bytes = number_bytes(n), exponent_bytes = number_bytes(e);
    if (bytes < RSA_BYTES_MIN || bytes > RSA_BYTES_MAX || exponent_bytes == 0 || exponent_bytes > RSA_EXPONENT_BYTES_MAX)
        return false;
    *out = json_pack("{s:s, s:s, s:O, s:O}", "kty", "RSA", "alg", "RS256", "n", n, "e", e);
    return true;
}

static bool reduce_ec(const json_t *jwk, json_t **out)
{
    json_t *x = json_object_get(jwk, "x"), *y = json_object_get(jwk, "y");
    if (!is_text(json_object_get(jwk, "crv"), "P-256") || number_bytes(x) != P256_BYTES || number_bytes(y) != P256_BYTES)
        return false;
    *out = json_pack("{s:s, s:s, s:s, s:O, s:O}", "kty", "EC", "alg", "ES256", "crv", "P-256", "x", x, "y", y);
    return true;
}

/* -1: no memory. A kid that comes twice for one algorithm: the first stays. */
static int add_key(json_t *keys, const json_t *jwk)
{
    const json_t *kid = json_object_get(jwk, "kid"), *kty = json_object_get(jwk, "kty");
    enum jwt_algorithm algorithm = is_text(kty, "RSA") ? JWT_RS256 : JWT_ES256;
    const char *name = jwt_algorithm_name(algorithm);
    json_t *reduced = NULL, *of_kid;
    bool usable = json_is_string(kid) && json_string_length(kid) > 0 && json_string_length(kid) <= IDENTITY_TEXT_MAX &&
                  (algorithm == JWT_RS256 || is_text(kty, "EC")) && is_for(jwk, name);
    if (!usable || !(algorithm == JWT_RS256 ? reduce_rsa(jwk, &reduced) : reduce_ec(jwk, &reduced)))
        return 0;
    of_kid = json_object_get(keys, json_string_value(kid));
    if (of_kid == NULL) {
        of_kid = json_object();
        if (json_object_set_new(keys, json_string_value(kid), of_kid) != 0)
            of_kid = NULL;
    }
    if (reduced == NULL || of_kid == NULL) {
        json_decref(reduced);
        return -1;
    }
    if (json_object_get(of_kid, name) != NULL) {
        json_decref(reduced);
        return 0;
    }
    return json_object_set_new(of_kid, name, reduced);
}

static int add_keys(json_t *keys, const json_t *set, struct mr_error **error)
{
    const json_t *list = json_object_get(set, "keys"), *jwk;
    size_t i;
    if (!json_is_array(list))
        return mr_error_set(error, MR_ERR_CONFIG, "the key set of the issuer is no JSON object with a list \"keys\"");
    if (json_array_size(list) > JWT_KEYS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "the key set of the issuer holds more than %d keys", JWT_KEYS_MAX);
    json_array_foreach (list, i, jwk)
        if (add_key(keys, jwk) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the keys of the issuer");
    if (json_object_size(keys) == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "the key set of the issuer holds no key with a kid for RS256 (2048 bits or "
                            "more) or ES256 signatures");
    return 0;
}

json_t *jwt_keys_parse(const char *text, size_t length, struct mr_error **error)
{
    json_error_t mistake;
    if (length > JWT_KEYS_TEXT_MAX) {
        mr_error_set(error, MR_ERR_CONFIG, "the key set of the issuer has more than %u bytes", JWT_KEYS_TEXT_MAX);
        return NULL;
    }
    json_t *set = json_loadb(text, length, JSON_REJECT_DUPLICATES, &mistake);
    json_t *keys = json_object();
    if (set == NULL)
        mr_error_set(error, MR_ERR_CONFIG, "the key set of the issuer is no JSON: line %d, column %d", mistake.line, mistake.column);
    else if (keys == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the keys of the issuer");
    if (set == NULL || keys == NULL || add_keys(keys, set, error) != 0) {
        json_decref(keys);
        keys = NULL;
    }
    json_decref(set);
    return keys;
}

json_t *jwt_keys_find(const json_t *keys, const char *kid, enum jwt_algorithm algorithm, bool *is_known)
{
    const json_t *jwk = json_object_get(json_object_get(keys, kid), jwt_algorithm_name(algorithm));
    *is_known = jwk != NULL;
    return jwk == NULL ? NULL : json_deep_copy(jwk);
}

size_t jwt_keys_count(const json_t *keys)
{
    const char *kid;
    json_t *of_kid;
    size_t count = 0;
    json_object_foreach ((json_t *)keys, kid, of_kid)
        count += json_object_size(of_kid);
    return count;
}
