/* Listening sockets: made here and not by libmicrohttpd, so that what goes wrong can be said in words. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server_internal.h"

#include "base/bans.h"

#define BACKLOG 511

static const char *remedy_of(int problem)
{
    switch (problem) {
    case EADDRINUSE:
        return "; another process listens there: stop it or choose another port in `listeners`";
    case EACCES:
        return "; ports below 1024 need a privilege: choose a higher port in `listeners`";
    case EADDRNOTAVAIL:
        return "; this machine does not have that address: correct the host in `listeners`";
    default:
        return "";
    }
}

static uint16_t port_of(int socket)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(socket, (struct sockaddr *)&address, &length) != 0)
        return 0;
    in_port_t port = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port;
    return ntohs(port);
}

/* -1 and errno. */
static int listen_on(const struct addrinfo *address)
{
    int s = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -1;
    int on = 1, off = 0;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(s, address->ai_addr, address->ai_addrlen) == 0 && listen(s, BACKLOG) == 0)
        return s;
    int problem = errno;
    close(s);
    errno = problem;
    return -1;
}

/* All interfaces: one socket for both families where there is IPv6; a named host: its IPv4 address first. */
static int listen_on_any(const struct addrinfo *found, bool all_interfaces)
{
    int families[2] = {all_interfaces ? AF_INET6 : AF_INET, all_interfaces ? AF_INET : AF_INET6};
    int problem = EADDRNOTAVAIL;
    for (int i = 0; i < 2; i++)
        for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
            if (at->ai_family != families[i])
                continue;
            int s = listen_on(at);
            if (s >= 0)
                return s;
            problem = errno;
            if (problem == EADDRINUSE || problem == EACCES)
                i = 1; /* the other family would hide the reason */
        }
    errno = problem;
    return -1;
}

bool listener_open(struct listener *listener, const struct http_listener *address, char *why, size_t why_size)
{
    bool all_interfaces = address->host == NULL || *address->host == '\0';
    const char *host = all_interfaces ? "" : address->host, *scheme = address->tls != NULL ? "https" : "http";
    bool is_ipv6 = strchr(host, ':') != NULL && *host != '[';
    char port[8];
    snprintf(port, sizeof(port), "%u", (unsigned)address->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    int result = getaddrinfo(all_interfaces ? NULL : host, port, &hints, &found);
    if (result != 0) {
        snprintf(why, why_size, "Cannot listen on %s://%s:%s: %s: correct the host in `listeners`", scheme, host, port,
                 gai_strerror(result));
        return false;
    }
    listener->socket = listen_on_any(found, all_interfaces);
    int problem = errno;
    freeaddrinfo(found);
    if (listener->socket < 0) {
        snprintf(why, why_size, "Cannot listen on %s://%s:%s: %s%s", scheme, host, port, strerror(problem),
                 remedy_of(problem));
        return false;
    }
    listener->port = port_of(listener->socket);
    listener->is_everywhere = all_interfaces;
    snprintf(listener->name, sizeof(listener->name), is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
             all_interfaces ? "localhost" : host, (unsigned)listener->port);
    return true;
}
