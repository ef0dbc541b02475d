/*
 * future_host: the worker's end of an mr_future.
 *
 * A future is made of `parts` (1 for a single result): it is done when each part was completed once; it worked when all
 * of them did, else it carries the first error. A holder of a part must own a reference until it has completed it.
 *
 * Life cycle: future_create (one reference) → mr_future_take for each further holder → future_complete per part →
 * mr_future_drop by each. A future dropped undone is simply freed. Thread: any. Locks: its own, never held while a
 * callback runs.
 */
#ifndef SDK_FUTURE_HOST_H
#define SDK_FUTURE_HOST_H

#include "sdk/inside.h"

#include <millrace/host.h>

/*
 * Runs once, when the future is done, on the thread that completed the last part, or at once on the caller's when it
 * was done before; no lock of the future held. `error` NULL: it worked; else borrowed for the call.
 */
typedef void future_done_fn(void *argument, const struct mr_error *error);

MR_EXPORT struct mr_future *future_create(uint32_t parts); /* NULL: no memory. 0 parts: done at once */
/* One more part; only while the future is not done. */
MR_EXPORT void future_add_part(struct mr_future *future);
/* One part worked. */
MR_EXPORT void future_complete(struct mr_future *future);
/* One part failed: takes `*error` (must be set) and nulls it. */
MR_EXPORT void future_fail(struct mr_future *future, struct mr_error **error);
/* At most one callback per future; `argument` must outlive it. */
MR_EXPORT void future_on_done(struct mr_future *future, future_done_fn *done, void *argument);
/* Waits until clock_monotonic_ms reaches the deadline (base/thread.h); as mr_future_wait otherwise. */
MR_EXPORT int future_wait_until_ms(struct mr_future *future, int64_t deadline_ms, struct mr_error **error);

#endif
