/*
 * `state` counts the wakes that are inside (by WAKER_INSIDE) and says whether the task has detached. A wake enters only
 * while it has not, so once it has, the count only falls, and whoever brings it to zero releases: the last wake, or
 * detach itself when nobody was inside. No lock and no wait on either side.
 */
#include "sdk/waker_host.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/refcount.h"

#include "base/bans.h"

#define WAKER_DETACHED 1u
#define WAKER_INSIDE 2u

struct mr_waker {
    struct refcount references;
    _Atomic uint32_t state;
    struct waker_setup setup;
};

struct mr_waker *waker_create(const struct waker_setup *setup)
{
    struct mr_waker *waker = mem_calloc(1, sizeof(*waker));
    if (waker == NULL)
        return NULL;
    refcount_init(&waker->references);
    waker->setup = *setup;
    return waker;
}

struct mr_waker *mr_waker_take(struct mr_waker *waker)
{
    if (waker != NULL)
        refcount_take(&waker->references);
    return waker;
}

void mr_waker_drop(struct mr_waker *waker)
{
    if (waker != NULL && refcount_drop(&waker->references))
        mem_free(waker);
}

static void released(const struct mr_waker *waker)
{
    if (waker->setup.release != NULL)
        waker->setup.release(waker->setup.argument);
}

static bool enter(struct mr_waker *waker)
{
    uint32_t state = atomic_load_explicit(&waker->state, memory_order_relaxed);
    do {
        if (state & WAKER_DETACHED)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&waker->state, &state, state + WAKER_INSIDE, memory_order_acquire,
                                                    memory_order_relaxed));
    return true;
}

void mr_waker_wake(struct mr_waker *waker)
{
    if (waker == NULL || !enter(waker))
        return;
    waker->setup.wake(waker->setup.argument);
    uint32_t before = atomic_fetch_sub_explicit(&waker->state, WAKER_INSIDE, memory_order_acq_rel);
    if (before == (WAKER_INSIDE | WAKER_DETACHED))
        released(waker);
}

void waker_detach(struct mr_waker *waker)
{
    uint32_t before = atomic_fetch_or_explicit(&waker->state, WAKER_DETACHED, memory_order_acq_rel);
    assert(!(before & WAKER_DETACHED) && "a waker is detached once");
    if (before == 0)
        released(waker);
}
