/* client_security.c: security.protocol, sasl.* and ssl.*: what protects something is honoured or refuses the client. */
#include "kafka/client_config_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <millrace/error.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "kafka/client_sasl_internal.h"
#include "kafka/credentials_internal.h"
#include "tls/key_store.h"
#include "tls/pem_text.h"
#include "tls/trust_store.h"

#include "base/bans.h"

#define PEM_MAX (16u << 20)

static void refuse_with(struct translation *translation, const char *property, struct mr_error **error)
{
    translation_refuse(translation, property, "%s: %s", property, mr_error_message(*error));
    mr_error_clear(error);
}

static const char *java_or_null(const struct translation *translation, const char *property)
{
    const char *value = translation_java(translation, property);
    return value != NULL && !text_is_blank(value) ? value : NULL;
}

/* The file is of no use: maybe somebody is writing it at this moment. false: no open client has what was read of it before. */
static bool use_what_is_in_force(struct translation *translation, const char *property, const char *const *natives, size_t count,
                                 const struct mr_error *error)
{
    struct client_config *former = credentials_in_force(translation->config);
    if (former == NULL)
        return false;
    translation_warn(translation, property, "%s; what was read before stays in force", mr_error_message(error));
    for (size_t i = 0; i < count; i++) {
        const char *value = client_config_get_native(former, natives[i]);
        if (value != NULL)
            translation_set(translation, property, natives[i], value);
    }
    translation->config->certificate_expires_s = former->certificate_expires_s;
    memcpy(translation->config->certificate_end, former->certificate_end, sizeof former->certificate_end);
    client_config_drop(former);
    return true;
}

/* ---- trust ---- */

static bool holds_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return certificate != NULL;
}

static void translate_trust_file(struct translation *translation, const char *path)
{
    struct mr_error *error = NULL;
    static const char *const natives[] = {"ssl.ca.pem"};
    struct str_buffer pem;
    str_buffer_init(&pem, PEM_MAX);
    int status = trust_store_read(path, translation_java(translation, "ssl.truststore.password"), &pem, &error);
    if (status == 0 && !holds_certificate(str_buffer_text(&pem)))
        status = mr_error_set(&error, MR_ERR_CONFIG, "%s holds no certificate (-----BEGIN CERTIFICATE-----)", path);
    if (status == 0)
        translation_set(translation, "ssl.truststore.location", "ssl.ca.pem", str_buffer_text(&pem));
    else if (!use_what_is_in_force(translation, "ssl.truststore.location", natives, 1, error))
        refuse_with(translation, "ssl.truststore.location", &error);
    mr_error_clear(&error);
    str_buffer_release(&pem);
}

static void translate_trust_text(struct translation *translation, const char *text)
{
    char *pem = pem_text_unfold(text);
    if (pem == NULL)
        translation->no_memory = true;
    else if (!holds_certificate(pem))
        translation_refuse(translation, "ssl.truststore.certificates", "ssl.truststore.certificates holds no certificate in PEM "
                           "(-----BEGIN CERTIFICATE-----)");
    else
        translation_set(translation, "ssl.truststore.certificates", "ssl.ca.pem", pem);
    pem_text_free(pem);
}

static void translate_trust(struct translation *translation)
{
    const char *text = java_or_null(translation, "ssl.truststore.certificates");
    const char *path = java_or_null(translation, "ssl.truststore.location");
    if (text != NULL)
        translate_trust_text(translation, text);
    else if (path != NULL)
        translate_trust_file(translation, path);
}

/* ---- own key ---- */

/* A JVM worker takes it as well, so it is no reason not to start. */
static void warn_of_time(struct translation *translation, const char *property, const struct key_store *store)
{
    if (store->is_expired)
        translation_warn(translation, property, "%s: the certificate of %s expired on %s; brokers will refuse it: replace it", property,
                         store->subject, store->not_after);
    if (store->is_early)
        translation_warn(translation, property, "%s: the certificate of %s counts from %s on only; brokers will refuse it until then",
                         property, store->subject, store->not_before);
}

/* As PEM texts, whatever it was: who keeps credentials up to date (credentials.h) compares and hands on those. */
static void translate_key_store(struct translation *translation, const char *property, const struct key_store_source *source)
{
    struct mr_error *error = NULL;
    struct key_store store;
    if (key_store_read(&store, source, &error) != 0) {
        static const char *const natives[] = {"ssl.certificate.pem", "ssl.key.pem"};
        if (!use_what_is_in_force(translation, property, natives, 2, error))
            translation_refuse(translation, property, "%s", mr_error_message(error));
        mr_error_drop(error);
        return;
    }
    warn_of_time(translation, property, &store);
    translation_set(translation, property, "ssl.certificate.pem", str_buffer_text(&store.chain));
    translation_set(translation, property, "ssl.key.pem", str_buffer_text(&store.key));
    translation->config->certificate_expires_s = store.expires_s;
    memcpy(translation->config->certificate_end, store.not_after, sizeof store.not_after);
    key_store_release(&store);
}

static void translate_key(struct translation *translation)
{
    const char *chain = java_or_null(translation, "ssl.keystore.certificate.chain");
    const char *key = java_or_null(translation, "ssl.keystore.key");
    const char *path = java_or_null(translation, "ssl.keystore.location");
    const char *password = java_or_null(translation, "ssl.key.password");
    struct key_store_source source = {.prefix = "", .chain = chain, .key = key, .password = translation_java(translation, "ssl.keystore.password"),
                                      .key_password = password};
    if ((chain == NULL) != (key == NULL)) {
        translation_refuse(translation, "ssl.keystore.key",
                           "ssl.keystore.key and ssl.keystore.certificate.chain belong together: set both");
    } else if (chain != NULL) {
        translate_key_store(translation, "ssl.keystore.key", &source);
    } else if (path != NULL) {
        source.path = path;
        source.type = java_or_null(translation, "ssl.keystore.type");
        translate_key_store(translation, "ssl.keystore.location", &source);
    }
}

/* ---- TLS itself ---- */

/* Host names are checked unless the user says in so many words that they are not. */
static void translate_endpoint_identification(struct translation *translation)
{
    static const char property[] = "ssl.endpoint.identification.algorithm";
    const char *value = translation_java(translation, property);
    if (value == NULL || strcasecmp(value, "https") == 0)
        translation_set(translation, property, property, "https");
    else if (text_is_blank(value))
        translation_set(translation, property, property, "none");
    else
        translation_refuse(translation, property, "%s is '%s'; it must be https, or empty to skip the check of host "
                           "names", property, value);
}

/* One suite in IANA's name; TLS 1.3's are always on and not in OpenSSL's list. */
static void append_cipher(struct translation *translation, struct str_buffer *list, const char *name)
{
    const char *openssl = OPENSSL_cipher_name(name);
    if (openssl == NULL || strcmp(openssl, "(NONE)") == 0)
        translation_warn(translation, "ssl.cipher.suites", "ssl.cipher.suites: %s is not known; left out", name);
    else if (strncmp(openssl, "TLS_", 4) != 0)
        str_buffer_printf(list, "%s%s", list->length > 0 ? ":" : "", openssl);
}

static void translate_ciphers(struct translation *translation)
{
    const char *value = java_or_null(translation, "ssl.cipher.suites");
    struct str_buffer list;
    if (value == NULL)
        return;
    str_buffer_init(&list, 65536);
    char *copy = mem_strdup(value), *rest = NULL;
    if (copy == NULL)
        translation->no_memory = true;
    for (char *name = copy != NULL ? strtok_r(copy, ", \t", &rest) : NULL; name != NULL;
         name = strtok_r(NULL, ", \t", &rest))
        append_cipher(translation, &list, name);
    if (list.length > 0)
        translation_set(translation, "ssl.cipher.suites", "ssl.cipher.suites", str_buffer_text(&list));
    else
        translation_refuse(translation, "ssl.cipher.suites", "ssl.cipher.suites names no suite of TLS 1.2 that is "
                           "available here; add one or remove the property");
    mem_free(copy);
    str_buffer_release(&list);
}

/* librdkafka has no such setting; OpenSSL has (client_identity.c). Versions before 1.2 are broken, and offered by nobody here. */
static void translate_protocols(struct translation *translation)
{
    const char *value = java_or_null(translation, "ssl.enabled.protocols");
    const char *protocol = java_or_null(translation, "ssl.protocol");
    bool has_2 = value != NULL && strstr(value, "TLSv1.2") != NULL, has_3 = value != NULL && strstr(value, "TLSv1.3") != NULL;
    if (value != NULL && !has_2 && !has_3)
        translation_refuse(translation, "ssl.enabled.protocols", "ssl.enabled.protocols=%s: only TLSv1.2 and TLSv1.3 are available; "
                           "name one of them", value);
    else if (value != NULL && !(has_2 && has_3))
        translation->config->tls_least = translation->config->tls_most = has_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (protocol != NULL && strcmp(protocol, "TLS") != 0 && strcmp(protocol, "TLSv1.2") != 0 && strcmp(protocol, "TLSv1.3") != 0)
        translation_warn(translation, "ssl.protocol", "ssl.protocol=%s: TLS 1.2 and 1.3 are used; ssl.enabled.protocols says which of them",
                         protocol);
}

/* ---- what is left ---- */

/* Of Kafka's SslConfigs, SaslConfigs and SecurityConfig. */
bool client_security_knows(const char *java)
{
    static const char *const families[] = {"sasl.oauthbearer.", "sasl.login.", "sasl.kerberos."};
    static const char *const names[] = {
        "security.protocol", "security.providers", "sasl.mechanism", "sasl.jaas.config", "sasl.client.callback.handler.class",
        "ssl.protocol", "ssl.provider", "ssl.cipher.suites", "ssl.enabled.protocols", "ssl.keystore.type", "ssl.keystore.key",
        "ssl.keystore.certificate.chain", "ssl.keystore.location", "ssl.keystore.password", "ssl.key.password", "ssl.truststore.type",
        "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.password", "ssl.keymanager.algorithm",
        "ssl.trustmanager.algorithm", "ssl.endpoint.identification.algorithm", "ssl.secure.random.implementation",
        "ssl.engine.factory.class",
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strncmp(java, families[i], strlen(families[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(java, names[i]) == 0)
            return true;
    }
    return false;
}

static void warn_of_the_rest(struct translation *translation)
{
    static const char *const java_only[] = {
        "ssl.provider", "ssl.keymanager.algorithm", "ssl.trustmanager.algorithm", "ssl.secure.random.implementation",
        "security.providers",
    };
    for (size_t i = 0; i < sizeof java_only / sizeof *java_only; i++) {
        if (java_or_null(translation, java_only[i]) != NULL)
            translation_warn(translation, java_only[i], "%s belongs to Java alone; ignored", java_only[i]);
    }
    if (java_or_null(translation, "ssl.engine.factory.class") != NULL)
        translation_refuse(translation, "ssl.engine.factory.class", "ssl.engine.factory.class names a Java class, which "
                           "cannot run here; use ssl.truststore.* and ssl.keystore.*");
}

static void translate_tls(struct translation *translation)
{
    translate_trust(translation);
    translate_key(translation);
    translate_endpoint_identification(translation);
    translate_ciphers(translation);
    translate_protocols(translation);
    warn_of_the_rest(translation);
}

void client_security_translate(struct translation *translation)
{
    static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    const char *value = java_or_null(translation, "security.protocol");
    const char *protocol = value == NULL ? protocols[0] : NULL;
    for (size_t i = 0; protocol == NULL && i < sizeof protocols / sizeof *protocols; i++) {
        if (strcasecmp(value, protocols[i]) == 0)
            protocol = protocols[i];
    }
    if (protocol == NULL) {
        translation_refuse(translation, "security.protocol", "security.protocol is '%s'; it must be PLAINTEXT, SSL, "
                           "SASL_PLAINTEXT or SASL_SSL", value);
        return;
    }
    translation_set(translation, "security.protocol", "security.protocol", protocol);
    if (text_ends_with(protocol, "SSL"))
        translate_tls(translation);
    if (strncmp(protocol, "SASL", 4) == 0)
        client_sasl_translate(translation);
}
