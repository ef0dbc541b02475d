/* client_sasl.c: see the header. Values are secrets: no message repeats one. */
#include "kafka/client_sasl_internal.h"

#include <string.h>
#include <strings.h>

#include "base/jaas.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "kafka/client_config_internal.h"
#include "kafka/client_oauth_internal.h"

#include "base/bans.h"

#define JAAS "sasl.jaas.config"

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

/* ---- GSSAPI ---- */

static const char *first_of(const struct translation *translation, const char *property, const struct jaas_entry *entry,
                            const char *option)
{
    const char *value = translation_java(translation, property);
    return value != NULL ? value : string_map_get(entry->options, option);
}

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
    {"OAuthBearerLoginModule", "OAUTHBEARER", client_oauth_translate},
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

/* OAUTHBEARER has handlers of its own (client_oauth.c). */
static void refuse_handlers(struct translation *translation, const char *mechanism)
{
    static const char *const properties[] = {"sasl.login.class", "sasl.client.callback.handler.class",
                                             "sasl.login.callback.handler.class"};
    size_t count = strcmp(mechanism, "OAUTHBEARER") == 0 ? 2 : 3;
    for (size_t i = 0; i < count; i++) {
        const char *value = translation_java(translation, properties[i]);
        if (value != NULL && !text_is_blank(value))
            translation_refuse(translation, properties[i], "%s names the Java class %s, which cannot run here; remove it: "
                               "PLAIN, SCRAM and GSSAPI need none", properties[i], value);
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
    refuse_handlers(translation, mechanism);
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
