#include "gate/failure_limit_internal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "gate/gate.h"

#include "base/bans.h"

#define DIGEST_SIZE 32
#define TAG_SIZE 16

struct pair {
    unsigned char tag[TAG_SIZE];
    unsigned failures; /* in a row; 0: the place is free */
    int64_t failed_ms, until_ms;
};

struct failure_limit {
    const struct clock *clock;
    unsigned char key[DIGEST_SIZE];
    pthread_mutex_t lock;
    struct pair pairs[FAILURE_BUCKETS][FAILURE_WAYS]; /* lock */
};

struct failure_limit *failure_limit_create(const struct clock *clock)
{
    struct failure_limit *limit = mem_calloc(1, sizeof(*limit));
    if (limit == NULL || RAND_bytes(limit->key, sizeof(limit->key)) != 1) {
        mem_free(limit);
        return NULL;
    }
    limit->clock = clock;
    mutex_init(&limit->lock);
    return limit;
}

void failure_limit_destroy(struct failure_limit *limit)
{
    if (limit == NULL)
        return;
    mutex_destroy(&limit->lock);
    mem_free(limit);
}

/* Digests of both under the key, one over the other's: no two pairs can be written that look the same. */
static void digest_of(const struct failure_limit *limit, const char *user, const char *address, unsigned char digest[DIGEST_SIZE])
{
    unsigned char inner[DIGEST_SIZE] = {0};
    unsigned length = 0;
    HMAC(EVP_sha256(), limit->key, sizeof(limit->key), (const unsigned char *)user, strlen(user), inner, &length);
    memset(digest, 0, DIGEST_SIZE);
    HMAC(EVP_sha256(), inner, sizeof(inner), (const unsigned char *)address, strlen(address), digest, &length);
}

static struct pair *bucket_of(struct failure_limit *limit, const unsigned char *digest)
{
    unsigned at = digest[TAG_SIZE] | (unsigned)digest[TAG_SIZE + 1] << 8;
    return limit->pairs[at % FAILURE_BUCKETS];
}

/* lock held. NULL: there is none, or it is forgotten. */
static struct pair *find(struct failure_limit *limit, const unsigned char *digest, int64_t now_ms)
{
    struct pair *bucket = bucket_of(limit, digest);
    for (size_t i = 0; i < FAILURE_WAYS; i++) {
        if (bucket[i].failures == 0 || memcmp(bucket[i].tag, digest, TAG_SIZE) != 0)
            continue;
        if (now_ms - bucket[i].failed_ms < GATE_FAILURES_FORGOTTEN_MS)
            return &bucket[i];
        bucket[i].failures = 0;
    }
    return NULL;
}

/* lock held. */
static struct pair *make(struct failure_limit *limit, const unsigned char *digest, int64_t now_ms)
{
    struct pair *bucket = bucket_of(limit, digest), *victim = bucket;
    for (size_t i = 0; i < FAILURE_WAYS; i++) {
        if (now_ms - bucket[i].failed_ms >= GATE_FAILURES_FORGOTTEN_MS)
            bucket[i].failures = 0;
        if (bucket[i].failures < victim->failures)
            victim = &bucket[i];
    }
    memcpy(victim->tag, digest, TAG_SIZE);
    victim->failures = 0;
    victim->until_ms = 0;
    return victim;
}

static int64_t delay_ms_after(unsigned failures)
{
    if (failures < GATE_FAILURES_FREE)
        return 0;
    unsigned doublings = failures - GATE_FAILURES_FREE;
    int64_t delay_ms = doublings < 16 ? (int64_t)GATE_DELAY_MIN_MS << doublings : GATE_DELAY_MAX_MS;
    return delay_ms < GATE_DELAY_MAX_MS ? delay_ms : GATE_DELAY_MAX_MS;
}

int64_t failure_limit_wait_ms(struct failure_limit *limit, const char *user, const char *address)
{
    unsigned char digest[DIGEST_SIZE];
    int64_t now_ms = clock_monotonic_ms(limit->clock), wait_ms = 0;
    digest_of(limit, user, address, digest);
    mutex_lock(&limit->lock);
    const struct pair *pair = find(limit, digest, now_ms);
    if (pair != NULL && pair->until_ms > now_ms)
        wait_ms = pair->until_ms - now_ms;
    mutex_unlock(&limit->lock);
    return wait_ms;
}

void failure_limit_failed(struct failure_limit *limit, const char *user, const char *address)
{
    unsigned char digest[DIGEST_SIZE];
    int64_t now_ms = clock_monotonic_ms(limit->clock);
    digest_of(limit, user, address, digest);
    mutex_lock(&limit->lock);
    struct pair *pair = find(limit, digest, now_ms);
    if (pair == NULL)
        pair = make(limit, digest, now_ms);
    pair->failures++;
    pair->failed_ms = now_ms;
    pair->until_ms = now_ms + delay_ms_after(pair->failures);
    mutex_unlock(&limit->lock);
}

void failure_limit_succeeded(struct failure_limit *limit, const char *user, const char *address)
{
    unsigned char digest[DIGEST_SIZE];
    digest_of(limit, user, address, digest);
    mutex_lock(&limit->lock);
    struct pair *pair = find(limit, digest, clock_monotonic_ms(limit->clock));
    if (pair != NULL)
        pair->failures = 0;
    mutex_unlock(&limit->lock);
}
