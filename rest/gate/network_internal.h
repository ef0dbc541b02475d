/*
 * network: what counts as one address where logins are limited. An IPv6 host has all of its /64, so that one is one; of the rest each.
 * Pure. thread: any.
 */
#ifndef GATE_NETWORK_INTERNAL_H
#define GATE_NETWORK_INTERNAL_H

#include <netinet/in.h>

#define NETWORK_SIZE (INET6_ADDRSTRLEN + 4)

/* "2001:db8::7" → "2001:db8::/64"; anything else as it is. */
void network_of(const char *address, char network[NETWORK_SIZE]);

#endif
