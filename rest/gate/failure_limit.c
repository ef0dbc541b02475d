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

/* Where a user has logged in. */
struct home {
    unsigned char tag[TAG_SIZE];
    int64_t until_ms; /* in the past: the place is free */
};

struct failure_limit {
    const struct clock *clock;
    unsigned char key[DIGEST_SIZE];
    pthread_mutex_t lock;
    struct pair pairs[FAILURE_BUCKETS][FAILURE_WAYS]; /* lock; also users from anywhere */
    struct home homes[FAILURE_BUCKETS][FAILURE_WAYS]; /* lock */
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

static size_t bucket_at(const unsigned char *digest)
{
    return (digest[TAG_SIZE] | (unsigned)digest[TAG_SIZE + 1] << 8) % FAILURE_BUCKETS;
}

static struct pair *bucket_of(struct failure_limit *limit, const unsigned char *digest)
{
    return limit->pairs[bucket_at(digest)];
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

struct delays {
    unsigned free; /* failures */
    int64_t max_ms;
};
static const struct delays FROM_THERE = {GATE_FAILURES_FREE, GATE_DELAY_MAX_MS};
static const struct delays FROM_ANYWHERE = {GATE_USER_FAILURES_FREE, GATE_USER_DELAY_MAX_MS};

static int64_t delay_ms_after(unsigned failures, const struct delays *delays)
{
    if (failures < delays->free)
        return 0;
    unsigned doublings = failures - delays->free;
    int64_t delay_ms = doublings < 16 ? (int64_t)GATE_DELAY_MIN_MS << doublings : delays->max_ms;
    return delay_ms < delays->max_ms ? delay_ms : delays->max_ms;
}

/* ---- where users have logged in: who guesses at one does not keep them away from there ---- */

/* lock held. Is it one? If not, and `add`: the one that was used longest ago makes room. */
static bool is_home(struct failure_limit *limit, const unsigned char *digest, int64_t now_ms, bool add)
{
    struct home *bucket = limit->homes[bucket_at(digest)], *home = bucket;
    bool is_one = false;
    for (size_t i = 0; !is_one && i < FAILURE_WAYS; i++) {
        is_one = bucket[i].until_ms > now_ms && memcmp(bucket[i].tag, digest, TAG_SIZE) == 0;
        if (is_one || bucket[i].until_ms < home->until_ms)
            home = &bucket[i];
    }
    if (add) {
        memcpy(home->tag, digest, TAG_SIZE);
        home->until_ms = now_ms + GATE_HOME_MS;
    }
    return is_one;
}

/* ---- the door ---- */

/* Of the user from there, and from anywhere: no address is written like that. */
struct digests {
    unsigned char there[DIGEST_SIZE], anywhere[DIGEST_SIZE];
};

static struct digests digests_of(const struct failure_limit *limit, const char *user, const char *address)
{
    struct digests digests;
    digest_of(limit, user, address, digests.there);
    digest_of(limit, user, "*", digests.anywhere);
    return digests;
}

/* lock held. */
static int64_t wait_ms_of(struct failure_limit *limit, const unsigned char *digest, int64_t now_ms)
{
    const struct pair *pair = find(limit, digest, now_ms);
    return pair != NULL && pair->until_ms > now_ms ? pair->until_ms - now_ms : 0;
}

int64_t failure_limit_wait_ms(struct failure_limit *limit, const char *user, const char *address)
{
    struct digests digests = digests_of(limit, user, address);
    int64_t now_ms = clock_monotonic_ms(limit->clock);
    mutex_lock(&limit->lock);
    int64_t wait_ms = wait_ms_of(limit, digests.there, now_ms), anywhere_ms = wait_ms_of(limit, digests.anywhere, now_ms);
    if (anywhere_ms > wait_ms && !is_home(limit, digests.there, now_ms, false))
        wait_ms = anywhere_ms;
    mutex_unlock(&limit->lock);
    return wait_ms;
}

/* lock held. */
static unsigned count(struct failure_limit *limit, const unsigned char *digest, int64_t now_ms, const struct delays *delays)
{
    struct pair *pair = find(limit, digest, now_ms);
    if (pair == NULL)
        pair = make(limit, digest, now_ms);
    pair->failures++;
    pair->failed_ms = now_ms;
    pair->until_ms = now_ms + delay_ms_after(pair->failures, delays);
    return pair->failures;
}

bool failure_limit_failed(struct failure_limit *limit, const char *user, const char *address)
{
    struct digests digests = digests_of(limit, user, address);
    int64_t now_ms = clock_monotonic_ms(limit->clock);
    mutex_lock(&limit->lock);
    bool is_first_delay = count(limit, digests.there, now_ms, &FROM_THERE) == FROM_THERE.free;
    count(limit, digests.anywhere, now_ms, &FROM_ANYWHERE);
    mutex_unlock(&limit->lock);
    return is_first_delay;
}

/* What was guessed from elsewhere goes on to count: the user's own logins are no help to who guesses. */
void failure_limit_succeeded(struct failure_limit *limit, const char *user, const char *address)
{
    struct digests digests = digests_of(limit, user, address);
    int64_t now_ms = clock_monotonic_ms(limit->clock);
    mutex_lock(&limit->lock);
    struct pair *pair = find(limit, digests.there, now_ms);
    if (pair != NULL)
        pair->failures = 0;
    is_home(limit, digests.there, now_ms, true);
    mutex_unlock(&limit->lock);
}
