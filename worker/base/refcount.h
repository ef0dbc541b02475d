/*
 * refcount: an atomic count of owners. Starts at 1. The owner whose drop returns true is the last one and frees.
 * Misuse (taking a dead object, dropping once too often, running away) asserts.
 * thread: any. A drop releases what its thread wrote; the last drop acquires what all others wrote.
 */
#ifndef BASE_REFCOUNT_H
#define BASE_REFCOUNT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define REFCOUNT_MAX (UINT32_MAX / 2)

struct refcount {
    _Atomic uint32_t count;
};

static inline void refcount_init(struct refcount *refcount)
{
    atomic_init(&refcount->count, 1);
}

static inline void refcount_take(struct refcount *refcount)
{
    uint32_t before = atomic_fetch_add_explicit(&refcount->count, 1, memory_order_relaxed);
    assert(before > 0 && before < REFCOUNT_MAX);
    (void)before;
}

static inline bool refcount_drop(struct refcount *refcount)
{
    /* One acq_rel operation instead of release + fence: ThreadSanitizer does not understand fences. */
    uint32_t before = atomic_fetch_sub_explicit(&refcount->count, 1, memory_order_acq_rel);
    assert(before > 0 && before < REFCOUNT_MAX);
    return before == 1;
}

/* For asserts and for "am I the only owner"; with other owners the answer is old at once. */
static inline uint32_t refcount_read(const struct refcount *refcount)
{
    return atomic_load_explicit(&refcount->count, memory_order_acquire);
}

#endif
