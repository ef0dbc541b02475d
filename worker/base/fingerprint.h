/*
 * fingerprint: a short text that is the same for maps that are equal (string_map_equals), on every machine and in every version: it may
 * be stored and sent. Not for those who would forge one.
 */
#ifndef BASE_FINGERPRINT_H
#define BASE_FINGERPRINT_H

#define FINGERPRINT_SIZE 17 /* 16 hex digits */

struct string_map;

void fingerprint(const struct string_map *map, char text[FINGERPRINT_SIZE]);

#endif
