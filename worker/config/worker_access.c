/* Who may log in over REST: what goes together, and the JVM worker's basic-auth extension. Files are opened elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "base/loopback.h"
#include "base/mem.h"
#include "config/worker_config_internal.h"
#include "tls/tls_settings.h"

#include "base/bans.h"

#define EXTENSION "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
#define JAAS_DEFINE "-Djava.security.auth.login.config="
#define AUTH "millrace.rest.auth."
#define HTTPS "listeners.https."
#define BINDINGS "millrace.rest.bindings.file"

static bool is_set(const char *text)
{
    return text != NULL && *text != '\0';
}

bool worker_access_is_extension(const char *class_name)
{
    return strcmp(class_name, EXTENSION) == 0;
}

bool worker_config_needs_login(const struct worker_config *config)
{
    const struct rest_auth_config *auth = &config->rest_auth;
    return is_set(auth->passwords_file) || is_set(auth->jaas_file) || is_set(auth->issuer) || auth->certificates;
}

/* ---- the extension ---- */

static bool wants_extension(const struct worker_config_box *box)
{
    for (size_t i = 0; i < mr_config_list_count(box->parsed, "rest.extension.classes"); i++)
        if (worker_access_is_extension(mr_config_list_at(box->parsed, "rest.extension.classes", i)))
            return true;
    return false;
}

/* The last such word, as the JVM takes it: "==" there replaces other files, and a URL may stand for the path. Kafka's scripts cut
 * KAFKA_OPTS at blanks and know no quotes. NULL: none; *no_memory tells whether that is the reason. */
static char *jaas_file_of(const char *options, bool *no_memory)
{
    const char *found = NULL;
    size_t length = 0;
    *no_memory = false;
    for (const char *word = options; word != NULL && *word != '\0'; word += strcspn(word, " \t\n")) {
        word += strspn(word, " \t\n");
        if (strncmp(word, JAAS_DEFINE, sizeof(JAAS_DEFINE) - 1) == 0) {
            found = word + sizeof(JAAS_DEFINE) - 1;
            found += *found == '=';
            found += strncmp(found, "file:///", 8) == 0 ? 7 : strncmp(found, "file:/", 6) == 0 ? 5 : 0;
            length = strcspn(found, " \t\n");
        }
    }
    if (length == 0)
        return NULL;
    char *path = mem_strndup(found, length);
    *no_memory = path == NULL;
    return path;
}

/* false: no memory. */
static bool read_extension(struct worker_config_box *box, struct str_buffer *mistakes)
{
    bool no_memory = false;
    if (!wants_extension(box) || is_set(box->config.rest_auth.jaas_file))
        return true;
    box->jaas_file = jaas_file_of(getenv("KAFKA_OPTS"), &no_memory);
    if (box->jaas_file != NULL)
        box->config.rest_auth.jaas_file = box->jaas_file;
    else if (!no_memory)
        worker_mistake(mistakes, "rest.extension.classes: %s needs the JAAS file that a JVM worker gets by " JAAS_DEFINE
                       "FILE. Set " AUTH "jaas.file=FILE, or KAFKA_OPTS as there", EXTENSION);
    return !no_memory;
}

/* ---- what goes together ---- */

/* What is wrong with ssl.* is told elsewhere. */
static bool asks_for_no_certificate(const struct worker_config *config)
{
    struct tls_settings settings;
    return tls_settings_read(&settings, config->properties, TLS_LISTENERS, NULL) == 0 &&
           settings.client_auth == TLS_CLIENT_AUTH_NONE;
}

static void check_logins(const struct worker_config *config, struct str_buffer *mistakes)
{
    const struct rest_auth_config *auth = &config->rest_auth;
    bool needs_login = worker_config_needs_login(config), has_https = false;
    for (size_t i = 0; i < config->listener_count; i++)
        has_https = has_https || config->listeners[i].is_https;
    if (is_set(auth->passwords_file) && is_set(auth->jaas_file))
        worker_mistake(mistakes, AUTH "passwords.file and a JAAS file are both set. Keep one of them, the hashed one as a rule");
    if (auth->certificates && !has_https)
        worker_mistake(mistakes, AUTH "certificates: there is no https:// in listeners, where certificates could be shown. Add one, "
                       "or remove the property");
    else if (auth->certificates && asks_for_no_certificate(config))
        worker_mistake(mistakes, AUTH "certificates: no client is asked for a certificate. Set " HTTPS "ssl.client.auth (or "
                       "ssl.client.auth, where nothing begins with " HTTPS ") to requested or required");
    if (needs_login && !is_set(auth->bindings_file))
        worker_mistake(mistakes, "Logins are demanded over REST, but nobody may do anything: " BINDINGS " is not set. Name a file of "
                       "bindings there; {\"bindings\":[{\"name\":\"all\",\"users\":[\"*\"],\"role\":\"admin\"}]} lets "
                       "everybody who logs in do everything, as on a JVM worker");
    if (!needs_login && is_set(auth->bindings_file))
        worker_mistake(mistakes, BINDINGS " is set, but nobody can log in. Set " AUTH "passwords.file, ….jaas.file, ….issuer or "
                       "….certificates, or remove it");
}

static void check_tokens(const struct rest_auth_config *auth, struct str_buffer *mistakes)
{
    const struct {
        const char *name, *value;
    } NEED_ISSUER[] = {{AUTH "audiences", auth->audiences},
                       {AUTH "keys.url", auth->keys_url},
                       {AUTH "keys.ca.file", auth->keys_ca_file},
                       {AUTH "keys.proxy", auth->keys_proxy}};
    for (size_t i = 0; !is_set(auth->issuer) && i < sizeof(NEED_ISSUER) / sizeof(NEED_ISSUER[0]); i++)
        if (is_set(NEED_ISSUER[i].value))
            worker_mistake(mistakes, "%s is set, but " AUTH "issuer is not: no token is taken without it. Set both or none",
                           NEED_ISSUER[i].name);
    if (is_set(auth->issuer) && !is_set(auth->audiences))
        worker_mistake(mistakes, AUTH "issuer is set, but " AUTH "audiences is not: tokens that were made for others would be "
                       "taken. Set it to what stands in `aud` of tokens for this API");
}

static bool is_all_loopback(const struct listener_address *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!loopback_is_host(listeners[i].host, strlen(listeners[i].host)))
            return false;
    return true;
}

bool worker_config_is_exposed(const struct worker_config *config)
{
    return !is_all_loopback(config->listeners, config->listener_count) ||
           !is_all_loopback(config->admin_listeners, config->admin_listener_count);
}

/* false: no memory. */
static bool warn_of_plain(struct worker_config_box *box, const char *property, const struct listener_address *listeners, size_t count)
{
    bool is_fine = true;
    for (size_t i = 0; is_fine && i < count; i++)
        if (!listeners[i].is_https && !loopback_is_host(listeners[i].host, strlen(listeners[i].host)))
            is_fine = worker_warn(box, "LOGINS ARE NOT PROTECTED: %s has http://%.255s:%u, and whoever sees that network "
                                  "reads the passwords and tokens that are sent there. Use https://, or listen on the loopback "
                                  "behind a proxy that ends TLS", property, listeners[i].host, (unsigned)listeners[i].port);
    return is_fine;
}

/* false: no memory. */
static bool warn_of_plain_logins(struct worker_config_box *box)
{
    const struct worker_config *config = &box->config;
    const struct rest_auth_config *auth = &config->rest_auth;
    if (!is_set(auth->passwords_file) && !is_set(auth->jaas_file) && !is_set(auth->issuer))
        return true;
    return warn_of_plain(box, "listeners", config->listeners, config->listener_count) &&
           warn_of_plain(box, "admin.listeners", config->admin_listeners, config->admin_listener_count);
}

int worker_access_read(struct worker_config_box *box, struct str_buffer *mistakes)
{
    if (!read_extension(box, mistakes))
        return -1;
    check_logins(&box->config, mistakes);
    check_tokens(&box->config.rest_auth, mistakes);
    return warn_of_plain_logins(box) ? 0 : -1;
}
