/* Listener URLs: scheme://host:port with an empty host for all interfaces and [::1] for IPv6. */
#include "config/worker_config_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <millrace/error.h>
#include <millrace/number_text.h>

#include "base/mem.h"
#include "tls/tls_settings.h"

#include "base/bans.h"

#define METRICS_LISTENERS "millrace.metrics.listeners"
#define METRICS_APART "metrics are on listeners in any case"

enum reading { READ, MALFORMED, NO_MEMORY };

static bool read_port(const char *text, uint16_t *port)
{
    int64_t number;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0' || !mr_int64_parse((struct mr_bytes){text, digits}, &number) ||
        number > 65535)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* The host's place in "host:port" or "[host]:port"; NULL: malformed. `*port` is what stands behind its colon. */
static const char *find_host(const char *authority, size_t *length, const char **port)
{
    if (*authority == '[') {
        const char *end = strchr(authority, ']');
        if (end == NULL || end[1] != ':')
            return NULL;
        *length = (size_t)(end - authority) - 1;
        *port = end + 2;
        return authority + 1;
    }
    const char *colon = strrchr(authority, ':');
    if (colon == NULL)
        return NULL;
    *length = (size_t)(colon - authority);
    *port = colon + 1;
    return authority;
}

static enum reading read_url(const char *url, struct listener_address *address)
{
    const char *rest = strstr(url, "://"), *port;
    size_t length;
    if (rest == NULL)
        return MALFORMED;
    bool is_http = rest - url == 4 && strncasecmp(url, "http", 4) == 0;
    address->is_https = rest - url == 5 && strncasecmp(url, "https", 5) == 0;
    const char *host = find_host(rest + 3, &length, &port);
    if ((!is_http && !address->is_https) || host == NULL || !read_port(port, &address->port) ||
        strcspn(host, "/?#@ ") < length)
        return MALFORMED;
    address->host = mem_strndup(host, length);
    return address->host == NULL ? NO_MEMORY : READ;
}

/* The URLs of a property. false: no memory. */
static bool read_urls(const struct mr_config *parsed, const char *property, struct listener_address **addresses, size_t *read,
                      struct str_buffer *mistakes)
{
    size_t count = mr_config_list_count(parsed, property);
    *addresses = mem_calloc(count + 1, sizeof(**addresses));
    for (size_t i = 0; *addresses != NULL && i < count; i++) {
        const char *url = mr_config_list_at(parsed, property, i);
        enum reading reading = read_url(url, &(*addresses)[*read]);
        if (reading == NO_MEMORY)
            return false;
        if (reading == READ)
            (*read)++;
        else if (strchr(url, '@') != NULL) /* there may be a password before it */
            worker_mistake(mistakes, "%s: a URL to listen on names no user. Write scheme://host:port, e.g. http://:8083", property);
        else
            worker_mistake(mistakes,
                           "%s: '%s' is not a URL to listen on. Write scheme://host:port, e.g. http://:8083, "
                           "https://10.0.0.1:8443 or http://[::1]:8083",
                           property, url);
    }
    return *addresses != NULL;
}

/* How others speak to this worker: as rest.advertised.listener says, else by http if there is such a listener. */
static void read_scheme(struct worker_config_box *box, struct str_buffer *mistakes)
{
    const char *wished = mr_config_string(box->parsed, "rest.advertised.listener");
    bool is_https = box->config.listener_count > 0;
    for (size_t i = 0; i < box->config.listener_count; i++)
        is_https = is_https && box->listeners[i].is_https;
    if (wished != NULL && *wished != '\0') {
        is_https = strcasecmp(wished, "https") == 0;
        if (!is_https && strcasecmp(wished, "http") != 0)
            worker_mistake(mistakes, "rest.advertised.listener: '%s' is neither http nor https", wished);
    }
    box->config.advertised_scheme = is_https ? "https" : "http";
}

/* What ssl.* says of them; whether their stores can be read is seen when they are opened. */
static void check_tls(const struct worker_config_box *box, const struct listener_address *addresses, size_t count,
                      const char *prefix, struct str_buffer *mistakes)
{
    struct tls_settings settings;
    struct mr_error *error = NULL;
    bool has_https = false;
    for (size_t i = 0; i < count; i++)
        has_https = has_https || addresses[i].is_https;
    if (has_https && tls_settings_read(&settings, box->properties, prefix, &error) != 0)
        worker_mistake(mistakes, "%s", mr_error_message(error));
    else if (has_https && settings.key_location == NULL && settings.key_text == NULL)
        worker_mistake(mistakes,
                       "%sssl.keystore.location is not set: https needs a certificate and its key. Name a PEM or PKCS12 file there",
                       settings.prefix);
    mr_error_clear(&error);
}

/* Two on one port would both be opened, and one of them fail with words about another process. */
static void check_apart(const struct listener_address *first, size_t first_count, const char *name,
                        const struct listener_address *second, size_t second_count, const char *property, const char *otherwise,
                        struct str_buffer *mistakes)
{
    for (size_t i = 0; i < first_count; i++)
        for (size_t j = 0; j < second_count; j++) {
            if (first[i].port == 0 || first[i].port != second[j].port || strcmp(first[i].host, second[j].host) != 0)
                continue;
            worker_mistake(mistakes, "%s: port %u is one of %s, too. Choose another, or remove %s: %s", property,
                           (unsigned)first[i].port, name, property, otherwise);
        }
}

static bool is_port_of(const struct listener_address *probe, const struct listener_address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (probe->port != 0 && probe->port == addresses[i].port && strcmp(probe->host, addresses[i].host) == 0)
            return true;
    return false;
}

/* Probes need no secret and check no certificate: one listener less whose certificate may run out. */
static void check_health(const struct worker_config *config, struct str_buffer *mistakes)
{
    for (size_t i = 0; i < config->health_listener_count; i++) {
        const struct listener_address *probe = &config->health_listeners[i];
        if (probe->is_https)
            worker_mistake(mistakes, "millrace.health.listeners: https is not served there. Write http://…, or let probes ask "
                                     "/livez and /readyz on listeners");
        if (is_port_of(probe, config->listeners, config->listener_count) ||
            is_port_of(probe, config->admin_listeners, config->admin_listener_count) ||
            is_port_of(probe, config->metrics_listeners, config->metrics_listener_count))
            worker_mistake(mistakes,
                           "millrace.health.listeners: port %u is one of listeners, admin.listeners or millrace.metrics.listeners, too. Choose another, or remove "
                           "it: /livez and /readyz are on listeners in any case",
                           (unsigned)probe->port);
    }
}

/* Administrative endpoints on listeners of their own: they are then not served where everybody gets. */
int worker_listeners_read(struct worker_config_box *box, struct str_buffer *mistakes)
{
    struct worker_config *config = &box->config;
    if (!read_urls(box->parsed, "listeners", &box->listeners, &config->listener_count, mistakes) ||
        !read_urls(box->parsed, "admin.listeners", &box->admin_listeners, &config->admin_listener_count, mistakes) ||
        !read_urls(box->parsed, METRICS_LISTENERS, &box->metrics_listeners, &config->metrics_listener_count, mistakes) ||
        !read_urls(box->parsed, "millrace.health.listeners", &box->health_listeners, &config->health_listener_count, mistakes))
        return -1;
    config->listeners = box->listeners;
    config->admin_listeners = box->admin_listeners;
    config->metrics_listeners = box->metrics_listeners;
    config->admin_on_listeners = !mr_config_has_value(box->parsed, "admin.listeners");
    config->health_listeners = box->health_listeners;
    check_apart(config->listeners, config->listener_count, "listeners", config->admin_listeners, config->admin_listener_count,
                "admin.listeners", "then administrative endpoints are on listeners", mistakes);
    check_apart(config->listeners, config->listener_count, "listeners", config->metrics_listeners, config->metrics_listener_count,
                METRICS_LISTENERS, METRICS_APART, mistakes);
    check_apart(config->admin_listeners, config->admin_listener_count, "admin.listeners", config->metrics_listeners,
                config->metrics_listener_count, METRICS_LISTENERS, METRICS_APART, mistakes);
    check_health(config, mistakes);
    check_tls(box, config->listeners, config->listener_count, TLS_LISTENERS, mistakes);
    check_tls(box, config->admin_listeners, config->admin_listener_count, TLS_ADMIN_LISTENERS, mistakes);
    check_tls(box, config->metrics_listeners, config->metrics_listener_count, TLS_LISTENERS, mistakes);
    read_scheme(box, mistakes);
    return 0;
}
