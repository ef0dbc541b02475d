#include "tls/tls_settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>

#include "base/log.h"
#include "base/string_map.h"

#include "base/bans.h"

#define NAME_MAX_LENGTH 120

struct reading {
    struct tls_settings *settings;
    const struct string_map *properties;
    struct mr_error **error;
};

static bool has_any(const struct string_map *properties, const char *prefix)
{
    for (size_t i = 0; i < string_map_count(properties); i++)
        if (strncmp(string_map_key(properties, i), prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* NULL: absent. */
static const char *get_raw(const struct reading *reading, const char *name)
{
    char key[NAME_MAX_LENGTH];
    snprintf(key, sizeof(key), "%s%s", reading->settings->prefix, name);
    return string_map_get(reading->properties, key);
}

/* NULL: absent or blank. */
static const char *get(const struct reading *reading, const char *name)
{
    const char *value = get_raw(reading, name);
    return value == NULL || value[strspn(value, " \t")] == '\0' ? NULL : value;
}

static int refuse(const struct reading *reading, const char *name, const char *value, const char *words)
{
    return mr_error_set(reading->error, MR_ERR_CONFIG, "%s%s=%s: %s", reading->settings->prefix, name, value, words);
}

static bool is_one_of(const char *value, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcasecmp(*names, value) == 0)
            return true;
    return false;
}

/* ---- stores ---- */

static int check_type(const struct reading *reading, const char *name)
{
    static const char *const TYPES[] = {"PEM", "PKCS12", "JKS", NULL};
    const char *type = get(reading, name);
    if (type == NULL || is_one_of(type, TYPES))
        return 0;
    return refuse(reading, name, type, "this kind of store is not understood; PEM and PKCS12 are");
}

static int read_key_store(const struct reading *reading)
{
    struct tls_settings *settings = reading->settings;
    settings->key_type = get(reading, "ssl.keystore.type");
    settings->key_location = get(reading, "ssl.keystore.location");
    settings->key_chain = get(reading, "ssl.keystore.certificate.chain");
    settings->key_text = get(reading, "ssl.keystore.key");
    settings->key_store_password = get_raw(reading, "ssl.keystore.password");
    settings->key_password = get_raw(reading, "ssl.key.password");
    if ((settings->key_chain == NULL) != (settings->key_text == NULL))
        return mr_error_set(reading->error, MR_ERR_CONFIG,
                            "%sssl.keystore.key and ssl.keystore.certificate.chain belong together: set both",
                            settings->prefix);
    if (settings->key_text != NULL && settings->key_location != NULL)
        return mr_error_set(reading->error, MR_ERR_CONFIG,
                            "%sssl.keystore.location and ssl.keystore.key are both set: remove one of them", settings->prefix);
    return check_type(reading, "ssl.keystore.type");
}

static int read_trust_store(const struct reading *reading)
{
    struct tls_settings *settings = reading->settings;
    settings->trust_location = get(reading, "ssl.truststore.location");
    settings->trust_text = get(reading, "ssl.truststore.certificates");
    settings->trust_password = get_raw(reading, "ssl.truststore.password");
    if (settings->trust_text != NULL && settings->trust_location != NULL)
        return mr_error_set(reading->error, MR_ERR_CONFIG,
                            "%sssl.truststore.location and ssl.truststore.certificates are both set: remove one of them",
                            settings->prefix);
    return check_type(reading, "ssl.truststore.type");
}

/* ---- how ---- */

static int read_client_auth(const struct reading *reading)
{
    struct tls_settings *settings = reading->settings;
    const char *value = get(reading, "ssl.client.auth");
    settings->client_auth = TLS_CLIENT_AUTH_NONE;
    if (value == NULL || strcasecmp(value, "none") == 0)
        return 0;
    if (strcasecmp(value, "required") == 0)
        settings->client_auth = TLS_CLIENT_AUTH_REQUIRED;
    else if (strcasecmp(value, "requested") == 0)
        settings->client_auth = TLS_CLIENT_AUTH_REQUESTED;
    else
        return refuse(reading, "ssl.client.auth", value, "it must be none, requested or required");
    if (settings->trust_location == NULL && settings->trust_text == NULL)
        return refuse(reading, "ssl.client.auth", value,
                      "whose certificates count? Set ssl.truststore.location to the authorities of the clients");
    return 0;
}

/* One of ssl.enabled.protocols; what is older than TLS 1.2 is left out, as the JVM does. */
static int add_protocol(const struct reading *reading, const char *list, const char *name, size_t length)
{
    static const char *const OLD[] = {"SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.1", NULL};
    char protocol[20];
    snprintf(protocol, sizeof(protocol), "%.*s", (int)length, name);
    if (strcasecmp(protocol, "TLSv1.2") == 0)
        reading->settings->has_tls_1_2 = true;
    else if (strcasecmp(protocol, "TLSv1.3") == 0)
        reading->settings->has_tls_1_3 = true;
    else if (length >= sizeof(protocol) || !is_one_of(protocol, OLD))
        return refuse(reading, "ssl.enabled.protocols", list, "only TLSv1.2 and TLSv1.3 are known");
    else
        log_warn("millrace.tls", "%sssl.enabled.protocols: %s is not safe and stays disabled", reading->settings->prefix,
                 protocol);
    return 0;
}

static int read_enabled(const struct reading *reading, const char *list)
{
    static const char BETWEEN[] = ", \t";
    for (const char *at = list + strspn(list, BETWEEN); *at != '\0';) {
        size_t length = strcspn(at, BETWEEN);
        if (add_protocol(reading, list, at, length) != 0)
            return -1;
        at += length + strspn(at + length, BETWEEN);
    }
    return 0;
}

/* ssl.protocol bounds from above. */
static int read_protocols(const struct reading *reading)
{
    static const char *const HIGHEST[] = {"TLS", "TLSv1.3", NULL};
    struct tls_settings *settings = reading->settings;
    const char *list = get(reading, "ssl.enabled.protocols"), *highest = get(reading, "ssl.protocol");
    if (read_enabled(reading, list != NULL ? list : "TLSv1.2,TLSv1.3") != 0)
        return -1;
    if (highest != NULL && strcasecmp(highest, "TLSv1.2") == 0)
        settings->has_tls_1_3 = false;
    else if (highest != NULL && !is_one_of(highest, HIGHEST))
        return refuse(reading, "ssl.protocol", highest, "it must be TLSv1.3, TLSv1.2 or TLS");
    if (settings->has_tls_1_2 || settings->has_tls_1_3)
        return 0;
    return refuse(reading, "ssl.enabled.protocols", list != NULL ? list : "",
                  "leaves no protocol; name TLSv1.2, TLSv1.3 or both");
}

static int read_host_check(const struct reading *reading)
{
    static const char NAME[] = "ssl.endpoint.identification.algorithm";
    const char *value = get_raw(reading, NAME);
    reading->settings->checks_host = value == NULL || get(reading, NAME) != NULL;
    if (get(reading, NAME) == NULL || strcasecmp(value, "https") == 0)
        return 0;
    return refuse(reading, NAME, value, "it must be https, or empty to skip the check of host names");
}

static int refuse_java(const struct reading *reading)
{
    const char *class_name = get(reading, "ssl.engine.factory.class");
    if (class_name == NULL)
        return 0;
    return refuse(reading, "ssl.engine.factory.class", class_name,
                  "a Java class cannot run here; use ssl.keystore.* and ssl.truststore.*");
}

int tls_settings_read(struct tls_settings *settings, const struct string_map *properties, const char *prefix,
                      struct mr_error **error)
{
    struct reading reading = {settings, properties, error};
    memset(settings, 0, sizeof(*settings));
    settings->prefix = has_any(properties, prefix) ? prefix : "";
    settings->cipher_suites = get(&reading, "ssl.cipher.suites");
    return read_key_store(&reading) == 0 && read_trust_store(&reading) == 0 && read_client_auth(&reading) == 0 &&
                   read_protocols(&reading) == 0 && read_host_check(&reading) == 0 && refuse_java(&reading) == 0
               ? 0
               : -1;
}
