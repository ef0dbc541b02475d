/*
 * hash: a fast 64-bit hash of bytes for tables in memory. Not stable over versions or machines: never store or send it.
 * Seed it per table when the keys come from outside.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);

/* A seed no outsider can foresee well; cheap. `object` is the table it is for. */
uint64_t hash_seed(const void *object);

#endif
