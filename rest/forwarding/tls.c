#include "forwarding/tls_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/string_map.h"

#include "base/bans.h"

#define OWN_PREFIX "listeners.https."

struct tls {
    const struct string_map *properties;
    const char *prefix;
};

static bool has_own(const struct string_map *properties)
{
    for (size_t i = 0; i < string_map_count(properties); i++)
        if (strncmp(string_map_key(properties, i), OWN_PREFIX "ssl.", sizeof(OWN_PREFIX "ssl.") - 1) == 0)
            return true;
    return false;
}

/* NULL: not set. */
static const char *get(const struct tls *tls, const char *name)
{
    char key[80];
    const char *value;

    snprintf(key, sizeof(key), "%s%s", tls->prefix, name);
    value = string_map_get(tls->properties, key);
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool is_pem(const struct tls *tls, const char *type_name)
{
    const char *type = get(tls, type_name);
    return type != NULL && strcasecmp(type, "PEM") == 0;
}

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return text == NULL || curl_easy_setopt(easy, option, text) == CURLE_OK;
}

/* Borrowed: the properties outlive the request. */
static bool set_blob(CURL *easy, CURLoption option, const char *text)
{
    struct curl_blob blob;

    if (text == NULL)
        return true;
    memset(&blob, 0, sizeof(blob));
    blob.data = (void *)(size_t)text;
    blob.len = strlen(text);
    blob.flags = CURL_BLOB_NOCOPY;
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool apply_trust(const struct tls *tls, CURL *easy, const char **why)
{
    const char *place = get(tls, "ssl.truststore.location"), *text = get(tls, "ssl.truststore.certificates");

    if (place == NULL && text == NULL)
        return true;
    if (!is_pem(tls, "ssl.truststore.type")) {
        *why = "ssl.truststore.type is not PEM: other kinds are not understood between workers";
        return false;
    }
    return set_text(easy, CURLOPT_CAINFO, text == NULL ? place : NULL) && set_blob(easy, CURLOPT_CAINFO_BLOB, text);
}

static bool apply_identity(const struct tls *tls, CURL *easy, const char **why)
{
    const char *place = get(tls, "ssl.keystore.location"), *key = get(tls, "ssl.keystore.key"),
               *chain = get(tls, "ssl.keystore.certificate.chain");

    if (place == NULL && key == NULL)
        return true;
    if (!is_pem(tls, "ssl.keystore.type")) {
        *why = "ssl.keystore.type is not PEM: other kinds are not understood between workers";
        return false;
    }
    if (key != NULL)
        place = NULL;
    return set_text(easy, CURLOPT_SSLCERT, place) && set_text(easy, CURLOPT_SSLKEY, place) &&
           set_blob(easy, CURLOPT_SSLCERT_BLOB, chain) && set_blob(easy, CURLOPT_SSLKEY_BLOB, key) &&
           set_text(easy, CURLOPT_KEYPASSWD, get(tls, "ssl.key.password"));
}

/* Set and empty: the certificate's name is not compared with the host's. */
static bool wants_host_check(const struct tls *tls)
{
    char key[80];
    const char *value;

    snprintf(key, sizeof(key), "%s%s", tls->prefix, "ssl.endpoint.identification.algorithm");
    value = string_map_get(tls->properties, key);
    return value == NULL || *value != '\0';
}

bool tls_apply(const struct string_map *properties, CURL *easy, const char **why)
{
    struct tls tls = {properties, has_own(properties) ? OWN_PREFIX : ""};

    *why = "TLS could not be prepared";
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, wants_host_check(&tls) ? 2L : 0L) == CURLE_OK &&
           apply_trust(&tls, easy, why) && apply_identity(&tls, easy, why);
}
