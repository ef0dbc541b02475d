/*
 * waker_host: the worker's end of an mr_waker.
 *
 * A waker outlives its task as long as some plugin thread keeps a reference. mr_waker_wake calls `wake(argument)` until
 * the task detaches; detaching waits for nobody, so a wake may still be inside at that moment. That is what `release`
 * is for: it runs exactly once, after detach, when no wake is inside any more and none will be: on the detaching thread,
 * or on the thread of the last wake. The task keeps what `wake` touches alive until then (a reference it drops there).
 *
 * Contracts: wake runs on any thread, maybe inside a foreign callback that holds locks: lock-free work only (set a
 * flag, push on a lock-free list, write an eventfd), no call into the plugin. release runs in the same places: dropping a
 * reference is fine, blocking is not.
 *
 * Life cycle: _create (one reference, the task's) → waker_detach → mr_waker_drop. Thread: any; detach once.
 */
#ifndef SDK_WAKER_HOST_H
#define SDK_WAKER_HOST_H

#include "sdk/inside.h"

#include <millrace/host.h>

typedef void waker_fn(void *argument);

struct waker_setup {
    waker_fn *wake;
    waker_fn *release; /* NULL: `argument` outlives everything */
    void *argument;
};

MR_EXPORT struct mr_waker *waker_create(const struct waker_setup *setup); /* NULL: no memory */
/* After this has begun, new wakes do nothing. */
MR_EXPORT void waker_detach(struct mr_waker *waker);

#endif
