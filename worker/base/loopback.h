/*
 * loopback: is a host this machine itself, by its name? localhost, 127.0.0.0/8 and ::1 (RFC 6761, RFC 1122, RFC 4291), an IPv6 address
 * also in brackets, as URLs have it. Nothing is resolved. thread: any.
 */
#ifndef BASE_LOOPBACK_H
#define BASE_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

bool loopback_is_host(const char *host, size_t length);
/* "http://localhost:8083/": leads whoever asks to itself. */
bool loopback_is_url(const char *url);

#endif
