#include "worker_address.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/worker_config.h"

#include "base/bans.h"

static const struct listener_address *advertised_listener(const struct worker_config *config)
{
    bool is_https = strcmp(config->advertised_scheme, "https") == 0;

    for (size_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].is_https == is_https)
            return &config->listeners[i];
    return NULL;
}

static int name_of_machine(char *host, struct mr_error **error)
{
    if (gethostname(host, WORKER_HOST_MAX) == 0 && memchr(host, '\0', WORKER_HOST_MAX) != NULL && host[0] != '\0')
        return 0;
    return mr_error_set(error, MR_ERR_CONFIG,
                        "this machine has no name that others could use; set rest.advertised.host.name");
}

static bool is_all_interfaces(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

bool worker_address_wants_port(const struct worker_config *config, size_t *listener)
{
    const struct listener_address *advertised = advertised_listener(config);

    if (config->advertised_port != 0 || advertised == NULL || advertised->port != 0)
        return false;
    *listener = (size_t)(advertised - config->listeners);
    return true;
}

int worker_address_make(const struct worker_config *config, uint16_t bound_port, struct worker_address *address,
                        struct mr_error **error)
{
    const struct listener_address *listener = advertised_listener(config);
    char machine[WORKER_HOST_MAX];
    const char *host = config->advertised_host;
    unsigned port = config->advertised_port;
    bool is_ipv6;

    if (listener == NULL && (host == NULL || port == 0))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "rest.advertised.listener is %s, but listeners has no %s:// address; add one, or set "
                            "rest.advertised.host.name and .port to those of the proxy in front",
                            config->advertised_scheme, config->advertised_scheme);
    if (port == 0)
        port = listener->port;
    if (port == 0)
        port = bound_port;
    if (port == 0 && config->mode == WORKER_DISTRIBUTED)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "listeners: port 0 leaves the choice to the system, and others could not find this worker; name "
                            "a port, or set rest.advertised.port");
    if (host == NULL && !is_all_interfaces(listener->host))
        host = listener->host;
    if (host == NULL && name_of_machine(machine, error) != 0)
        return -1;
    if (host == NULL)
        host = machine;
    if (strlen(host) >= WORKER_HOST_MAX - 2)
        return mr_error_set(error, MR_ERR_CONFIG, "rest.advertised.host.name is longer than %d bytes",
                            WORKER_HOST_MAX - 3);
    is_ipv6 = strchr(host, ':') != NULL && host[0] != '[';
    snprintf(address->id, sizeof(address->id), is_ipv6 ? "[%.253s]:%u" : "%.255s:%u", host, port);
    snprintf(address->url, sizeof(address->url), "%s://%s/", config->advertised_scheme, address->id);
    return 0;
}
