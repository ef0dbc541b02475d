/* Listener URLs: scheme://host:port with an empty host for all interfaces and [::1] for IPv6. */
#include "config/worker_config_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <millrace/number_text.h>

#include "base/mem.h"

#include "base/bans.h"

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

static enum reading read_one(const char *url, struct listener_address *address, struct str_buffer *mistakes)
{
    enum reading reading = read_url(url, address);
    if (reading == MALFORMED && strchr(url, '@') != NULL) /* there may be a password before it */
        worker_mistake(mistakes, "listeners: a URL to listen on names no user. Write scheme://host:port, e.g. http://:8083");
    else if (reading == MALFORMED)
        worker_mistake(mistakes,
                       "listeners: '%s' is not a URL to listen on. Write scheme://host:port, e.g. http://:8083, "
                       "http://10.0.0.1:8083 or http://[::1]:8083",
                       url);
    else if (reading == READ && address->is_https)
        worker_mistake(mistakes,
                       "listeners: '%s': HTTPS is not served yet. Use http:// behind a proxy that ends TLS, on an "
                       "address that only the proxy reaches",
                       url);
    return reading;
}

/* How others speak to this worker: as rest.advertised.listener says, else as the first listener does. */
static void read_scheme(struct worker_config_box *box, struct str_buffer *mistakes)
{
    const char *wished = mr_config_string(box->parsed, "rest.advertised.listener");
    bool is_https = box->config.listener_count > 0 && box->listeners[0].is_https;
    if (wished != NULL && *wished != '\0') {
        is_https = strcasecmp(wished, "https") == 0;
        if (!is_https && strcasecmp(wished, "http") != 0)
            worker_mistake(mistakes, "rest.advertised.listener: '%s' is neither http nor https", wished);
    }
    box->config.advertised_scheme = is_https ? "https" : "http";
}

int worker_listeners_read(struct worker_config_box *box, struct str_buffer *mistakes)
{
    size_t count = mr_config_list_count(box->parsed, "listeners");
    box->listeners = mem_calloc(count + 1, sizeof(*box->listeners));
    if (box->listeners == NULL)
        return -1;
    box->config.listeners = box->listeners;
    for (size_t i = 0; i < count; i++) {
        const char *url = mr_config_list_at(box->parsed, "listeners", i);
        enum reading reading = read_one(url, &box->listeners[box->config.listener_count], mistakes);
        if (reading == NO_MEMORY)
            return -1;
        if (reading == READ)
            box->config.listener_count++;
    }
    read_scheme(box, mistakes);
    return 0;
}
