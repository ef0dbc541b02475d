/*
 * murmur2: the 32-bit hash of Kafka's default partitioner, bit for bit. Signed, as Java has it.
 */
#ifndef BASE_MURMUR2_H
#define BASE_MURMUR2_H

#include <stddef.h>
#include <stdint.h>

int32_t murmur2(const void *bytes, size_t length);

/* The partition Kafka's producer gives a record with this key: (hash & 0x7fffffff) % count. count > 0. */
int32_t murmur2_partition(const void *key, size_t length, int32_t count);

#endif
