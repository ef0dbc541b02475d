#include "base/murmur2.h"

#include <assert.h>

#include "base/bans.h"

static const uint32_t FACTOR = 0x5bd1e995u, SEED = 0x9747b28cu;

static uint32_t little_endian(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

int32_t murmur2(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint32_t hash = SEED ^ (uint32_t)length;
    size_t left = length;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t word = little_endian(at) * FACTOR;
        word = (word ^ word >> 24) * FACTOR;
        hash = hash * FACTOR ^ word;
    }
    for (size_t i = left; i > 0; i--)
        hash ^= (uint32_t)at[i - 1] << (8 * (i - 1));
    if (left > 0)
        hash *= FACTOR;
    hash = (hash ^ hash >> 13) * FACTOR;
    return (int32_t)(hash ^ hash >> 15);
}

int32_t murmur2_partition(const void *key, size_t length, int32_t count)
{
    assert(count > 0);
    return (murmur2(key, length) & 0x7fffffff) % count;
}
