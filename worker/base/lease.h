/*
 * lease: until when this worker may act, as one atomic number that the coordination thread moves and every task reads.
 *
 * On CLOCK_BOOTTIME, so that a machine that slept wakes up without it. Looked at once per batch and plugin call, never
 * per record. A standalone worker's lease never ends (LEASE_FOR_EVER).
 * thread: any. locks: none.
 */
#ifndef BASE_LEASE_H
#define BASE_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define LEASE_FOR_EVER INT64_MAX

struct lease {
    _Atomic int64_t until_ms; /* clock_boottime_ms; 0: none */
};

static inline void lease_set(struct lease *lease, int64_t until_ms)
{
    atomic_store_explicit(&lease->until_ms, until_ms, memory_order_release);
}

static inline bool lease_is_valid(const struct lease *lease, const struct clock *clock)
{
    int64_t until_ms = atomic_load_explicit(&lease->until_ms, memory_order_acquire);

    return until_ms == LEASE_FOR_EVER || clock_boottime_ms(clock) < until_ms;
}

#endif
