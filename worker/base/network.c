#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bans.h"

void network_of(const char *address, char network[NETWORK_SIZE])
{
    struct in6_addr host;
    char text[INET6_ADDRSTRLEN];
    snprintf(network, NETWORK_SIZE, "%s", address);
    if (inet_pton(AF_INET6, address, &host) != 1)
        return;
    memset(&host.s6_addr[8], 0, 8);
    inet_ntop(AF_INET6, &host, text, sizeof(text));
    snprintf(network, NETWORK_SIZE, "%s/64", text);
}
