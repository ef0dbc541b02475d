#include "base/hash.h"

#include <string.h>
#include <time.h>

#include "base/bans.h"

static const uint64_t FACTOR_A = 0x9e3779b97f4a7c15u, FACTOR_B = 0xd6e8feb86659fd93u;

/* Both halves of a 64 x 64 bit product: every bit of the input reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ fold(seed ^ FACTOR_A, length ^ FACTOR_B), word;
    size_t left = length;
    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        hash = fold(hash ^ word, FACTOR_A ^ seed);
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    hash = fold(hash ^ word ^ FACTOR_B, FACTOR_A);
    return fold(hash ^ seed, FACTOR_B);
}

uint64_t hash_seed(const void *object)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return fold((uintptr_t)object ^ FACTOR_B, time ^ FACTOR_A) | 1;
}
