/*
 * own_certificate: would a worker that is set up as this one believe this one's certificate? Looked at once, at the start: else it shows
 * only when the first request is to be passed on, in words of another worker.
 * Pure but for the files that the properties name. thread: any.
 */
#ifndef FORWARDING_OWN_CERTIFICATE_INTERNAL_H
#define FORWARDING_OWN_CERTIFICATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct string_map;

enum own_certificate {
    OWN_CERTIFICATE_BELIEVED,
    OWN_CERTIFICATE_MISNAMED, /* what the address says stands in none of its names */
    OWN_CERTIFICATE_UNBELIEVED
};

/* `address`: "host:port", as others ask it. Not believed: `why` is OpenSSL's word for it. What cannot be read is somebody else's to
 * report: believed. */
enum own_certificate own_certificate_look(const struct string_map *properties, const char *address, char *why, size_t size);

#endif
