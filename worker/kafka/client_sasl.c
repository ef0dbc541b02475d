/* client_sasl.c: see the header. Values are secrets: no message repeats one. */
#include "kafka/client_sasl_internal.h"

#include <string.h>
#include <strings.h>

#include "base/jaas.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "kafka/client_config_internal.h"

#include "base/bans.h"

#define JAAS "sasl.jaas.config"
#define EXTENSIONS_MAX 65536

/* ---- user name and password: PLAIN, SCRAM ---- */

static void translate_name_and_password(struct translation *translation, const struct jaas_entry *entry)
{
    const char *username = string_map_get(entry->options, "username");
    const char *password = string_map_get(entry->options, "password");
    const char *tokenauth = string_map_get(entry->options, "tokenauth");
    bool by_token;
    if (username == NULL || password == NULL) {
        translation_refuse(translation, JAAS, JAAS ": %s needs username and password", jaas_entry_module_name(entry));
        return;
    }
    if (tokenauth != NULL && (!text_to_boolean(tokenauth, &by_token) || by_token))
        translation_refuse(translation, JAAS, JAAS ": tokenauth (delegation tokens) is not available");
    translation_set(translation, JAAS, "sasl.username", username);
    translation_set(translation, JAAS, "sasl.password", password);
}

/* ---- OAUTHBEARER ---- */

static const char *first_of(const struct translation *translation, const char *property, const struct jaas_entry *entry,
                            const char *option)
{
    const char *value = translation_java(translation, property);
    return value != NULL ? value : string_map_get(entry->options, option);
}

static bool append_pair(struct str_buffer *list, const char *separator, const char *name, const char *value)
{
    return str_buffer_printf(list, "%s%s=%s", list->length > 0 ? separator : "", name, value);
}

static void translate_token_endpoint(struct translation *translation, const struct jaas_entry *entry)
{
    static const struct {
        const char *property, *option, *native;
    } rows[] = {
        {"sasl.oauthbearer.client.credentials.client.id", "clientId", "sasl.oauthbearer.client.id"},
        {"sasl.oauthbearer.client.credentials.client.secret", "clientSecret", "sasl.oauthbearer.client.secret"},
        {"sasl.oauthbearer.scope", "scope", "sasl.oauthbearer.scope"},
        {"sasl.oauthbearer.token.endpoint.url", "", "sasl.oauthbearer.token.endpoint.url"},
    };
    struct str_buffer extensions;
    str_buffer_init(&extensions, EXTENSIONS_MAX);
    translation_set(translation, "sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.method", "oidc");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = first_of(translation, rows[i].property, entry, rows[i].option);
        if (value != NULL)
            translation_set(translation, rows[i].property, rows[i].native, value);
    }
    for (size_t i = 0; i < string_map_count(entry->options); i++) {
        const char *key = string_map_key(entry->options, i);
        if (strncmp(key, "extension_", 10) == 0)
            append_pair(&extensions, ",", key + 10, string_map_value(entry->options, i));
    }
    if (extensions.length > 0)
        translation_set(translation, JAAS, "sasl.oauthbearer.extensions", str_buffer_text(&extensions));
    str_buffer_release(&extensions);
}

/* Tokens without a signature, for test clusters: Java makes them from claims in the jaas text. */
static void translate_unsecured(struct translation *translation, const struct jaas_entry *entry)
{
    static const struct {
        const char *option, *native;
    } rows[] = {
        {"unsecuredLoginStringClaim_sub", "principal"},
        {"unsecuredLoginPrincipalClaimName", "principalClaimName"},
        {"unsecuredLoginScopeClaimName", "scopeClaimName"},
        {"unsecuredLoginListClaim_scope", "scope"},
        {"unsecuredLoginLifetimeSeconds", "lifeSeconds"},
    };
    struct str_buffer list;
    str_buffer_init(&list, EXTENSIONS_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = string_map_get(entry->options, rows[i].option);
        if (value != NULL)
            append_pair(&list, " ", rows[i].native, value);
    }
    for (size_t i = 0; i < string_map_count(entry->options); i++) {
        const char *key = string_map_key(entry->options, i);
        if (strncmp(key, "unsecuredLoginExtension_", 24) == 0) {
            str_buffer_printf(&list, " extension_%s=%s", key + 24, string_map_value(entry->options, i));
        }
    }
    translation_set(translation, JAAS, "enable.sasl.oauthbearer.unsecure.jwt", "true");
    translation_set(translation, JAAS, "sasl.oauthbearer.config", str_buffer_text(&list));
    str_buffer_release(&list);
}

static bool is_unsecured(const struct jaas_entry *entry)
{
    for (size_t i = 0; i < string_map_count(entry->options); i++) {
        if (strncmp(string_map_key(entry->options, i), "unsecuredLogin", 14) == 0)
            return true;
    }
    return false;
}

static void translate_oauth(struct translation *translation, const struct jaas_entry *entry)
{
    if (translation_java(translation, "sasl.oauthbearer.token.endpoint.url") != NULL)
        translate_token_endpoint(translation, entry);
    else if (is_unsecured(entry))
        translate_unsecured(translation, entry);
    else
        translation_refuse(translation, "sasl.oauthbearer.token.endpoint.url",
                           "sasl.mechanism=OAUTHBEARER needs sasl.oauthbearer.token.endpoint.url");
}

/* ---- GSSAPI ---- */

static void warn_of_kinit(struct translation *translation)
{
    static const char *const names[] = {"sasl.kerberos.kinit.cmd", "sasl.kerberos.ticket.renew.window.factor",
                                        "sasl.kerberos.ticket.renew.jitter"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (translation_java(translation, names[i]) != NULL)
            translation_warn(translation, names[i], "%s is ignored: the keytab is used with librdkafka's own command", names[i]);
    }
}

static void translate_kerberos(struct translation *translation, const struct jaas_entry *entry)
{
    const char *keytab = string_map_get(entry->options, "keyTab");
    const char *principal = string_map_get(entry->options, "principal");
    const char *service = first_of(translation, "sasl.kerberos.service.name", entry, "serviceName");
    const char *relogin = translation_java(translation, "sasl.kerberos.min.time.before.relogin");
    if (keytab != NULL)
        translation_set(translation, JAAS, "sasl.kerberos.keytab", keytab);
    if (principal != NULL)
        translation_set(translation, JAAS, "sasl.kerberos.principal", principal);
    if (service != NULL)
        translation_set(translation, "sasl.kerberos.service.name", "sasl.kerberos.service.name", service);
    warn_of_kinit(translation);
    if (relogin != NULL)
        translation_set(translation, "sasl.kerberos.min.time.before.relogin", "sasl.kerberos.min.time.before.relogin",
                        relogin);
}

/* ---- the whole ---- */

/* Which module serves which mechanisms; anything else would silently log in as somebody else, or not at all. */
static const struct module {
    const char *name;
    const char *mechanisms;
    void (*translate)(struct translation *translation, const struct jaas_entry *entry);
} modules[] = {
    {"PlainLoginModule", "PLAIN", translate_name_and_password},
    {"ScramLoginModule", "SCRAM-SHA-256 SCRAM-SHA-512", translate_name_and_password},
    {"OAuthBearerLoginModule", "OAUTHBEARER", translate_oauth},
    {"Krb5LoginModule", "GSSAPI", translate_kerberos},
};

static bool serves(const struct module *module, const char *mechanism)
{
    const char *at = strstr(module->mechanisms, mechanism);
    size_t length = strlen(mechanism);
    return at != NULL && length > 0 && (at == module->mechanisms || at[-1] == ' ') &&
           (at[length] == ' ' || at[length] == '\0');
}

static void translate_entry(struct translation *translation, const struct jaas_entry *entry, const char *mechanism)
{
    const char *name = jaas_entry_module_name(entry);
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        if (strcmp(modules[i].name, name) != 0)
            continue;
        if (serves(&modules[i], mechanism))
            modules[i].translate(translation, entry);
        else
            translation_refuse(translation, JAAS, JAAS ": %s does not go with sasl.mechanism=%s; it serves %s", name,
                               mechanism, modules[i].mechanisms);
        return;
    }
    translation_refuse(translation, JAAS, JAAS ": login module %s is not available; there are PlainLoginModule, "
                       "ScramLoginModule, OAuthBearerLoginModule and Krb5LoginModule", entry->module);
}

static void refuse_handlers(struct translation *translation)
{
    static const char *const properties[] = {"sasl.login.callback.handler.class", "sasl.login.class",
                                             "sasl.client.callback.handler.class"};
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        const char *value = translation_java(translation, properties[i]);
        if (value != NULL && !text_is_blank(value) && !text_ends_with(value, ".OAuthBearerLoginCallbackHandler"))
            translation_refuse(translation, properties[i], "%s names the Java class %s, which cannot run here",
                               properties[i], value);
    }
}

void client_sasl_translate(struct translation *translation)
{
    const char *text = translation_java(translation, JAAS);
    const char *mechanism = translation_java(translation, "sasl.mechanism");
    struct jaas_entry entry;
    char why[256];
    if (mechanism == NULL)
        mechanism = "GSSAPI";
    translation_set(translation, "sasl.mechanism", "sasl.mechanism", mechanism);
    refuse_handlers(translation);
    if (text == NULL || text_is_blank(text)) {
        translation_refuse(translation, JAAS, JAAS " is missing; a SASL security.protocol needs it (a JVM's own login "
                           "file is not read)");
    } else if (!jaas_parse(&entry, text, why, sizeof(why))) {
        translation_refuse(translation, JAAS, JAAS ": %s", why);
    } else {
        translate_entry(translation, &entry, mechanism);
        jaas_entry_release(&entry);
    }
}
