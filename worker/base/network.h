/*
 * network: what counts as one client where clients are counted by their address. An IPv6 host has all of its /64, so that one is one; of the rest each.
 * Pure. thread: any.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <netinet/in.h>

#define NETWORK_SIZE (INET6_ADDRSTRLEN + 4)

/* "2001:db8::7" → "2001:db8::/64"; anything else as it is. */
void network_of(const char *address, char network[NETWORK_SIZE]);

#endif
