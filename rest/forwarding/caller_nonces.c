#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "forwarding/caller_internal.h"

#include "base/bans.h"

#define CAPACITY_MIN 256

typedef unsigned char nonce_bytes[CALLER_NONCE_SIZE];

static const nonce_bytes FREE;

/* Where it is, or where it would be. Nonces are random, and only who has the key gets here: no hash is needed. */
static unsigned char *slot_of(const struct caller_nonce_set *set, const unsigned char *nonce)
{
    uint64_t at;

    memcpy(&at, nonce, sizeof(at));
    for (;; at++) {
        unsigned char *slot = set->slots[at & (set->capacity - 1)];

        if (memcmp(slot, nonce, CALLER_NONCE_SIZE) == 0 || memcmp(slot, FREE, CALLER_NONCE_SIZE) == 0)
            return slot;
    }
}

static bool has(const struct caller_nonce_set *set, const unsigned char *nonce)
{
    return set->capacity > 0 && memcmp(slot_of(set, nonce), nonce, CALLER_NONCE_SIZE) == 0;
}

static void forget(struct caller_nonce_set *set)
{
    mem_free(set->slots);
    *set = (struct caller_nonce_set){.slots = NULL};
}

/* At most half full, so that there is always a free slot. */
static bool make_room(struct caller_nonce_set *set)
{
    struct caller_nonce_set larger = {.capacity = set->capacity == 0 ? CAPACITY_MIN : set->capacity * 2};

    if (set->count < set->capacity / 2)
        return true;
    larger.slots = set->count < CALLER_NONCES_MAX ? mem_calloc(larger.capacity, sizeof(nonce_bytes)) : NULL;
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (memcmp(set->slots[i], FREE, CALLER_NONCE_SIZE) != 0)
            memcpy(slot_of(&larger, set->slots[i]), set->slots[i], CALLER_NONCE_SIZE);
    larger.count = set->count;
    forget(set);
    *set = larger;
    return true;
}

/* locks: held. */
static void age(struct caller_nonces *nonces, int64_t now_ms)
{
    int64_t passed_ms = now_ms - nonces->began_ms;

    if (nonces->began_ms >= 0 && passed_ms < nonces->keep_ms)
        return;
    forget(&nonces->older);
    if (nonces->began_ms >= 0 && passed_ms < 2 * nonces->keep_ms) {
        nonces->older = nonces->newer;
        nonces->newer = (struct caller_nonce_set){.slots = NULL};
    }
    forget(&nonces->newer);
    nonces->began_ms = now_ms;
}

void caller_nonces_init(struct caller_nonces *nonces, int64_t keep_ms)
{
    *nonces = (struct caller_nonces){.keep_ms = keep_ms, .began_ms = -1};
    mutex_init(&nonces->lock);
}

void caller_nonces_release(struct caller_nonces *nonces)
{
    forget(&nonces->newer);
    forget(&nonces->older);
    mutex_destroy(&nonces->lock);
}

enum caller_nonce caller_nonces_add(struct caller_nonces *nonces, const unsigned char nonce[CALLER_NONCE_SIZE], int64_t now_ms)
{
    enum caller_nonce result = CALLER_NONCE_SEEN;

    if (memcmp(nonce, FREE, CALLER_NONCE_SIZE) == 0)
        return result; /* nobody draws it */
    mutex_lock(&nonces->lock);
    age(nonces, now_ms);
    if (!has(&nonces->newer, nonce) && !has(&nonces->older, nonce)) {
        result = make_room(&nonces->newer) ? CALLER_NONCE_NEW : CALLER_NONCE_FULL;
        if (result == CALLER_NONCE_NEW) {
            memcpy(slot_of(&nonces->newer, nonce), nonce, CALLER_NONCE_SIZE);
            nonces->newer.count++;
        }
    }
    mutex_unlock(&nonces->lock);
    return result;
}
