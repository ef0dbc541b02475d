/* tolerance_internal: the state of a tolerance, for tolerance.c (operations) and sink_tolerance.c (what sink tasks ask). */
#ifndef ERRORS_TOLERANCE_INTERNAL_H
#define ERRORS_TOLERANCE_INTERNAL_H

#include "base/thread.h"
#include "errors/report.h"
#include "errors/tolerance.h"

struct tolerance {
    struct error_settings settings; /* the topic's name is ours */
    char *connector;
    const struct clock *clock;
    void (*pause)(void *argument, int64_t duration_ms);
    void *pause_argument;
    struct tolerance_counters counters;
    struct reporters reporters;
    uint64_t random;               /* the task's thread */
    _Atomic bool cancelled;
    pthread_mutex_t lock;          /* guards all below, and waits for a cancel */
    pthread_cond_t changed;
    tolerance_bytes_fn *bytes;     /* called under the lock: converters serve one thread at a time */
    void *bytes_argument;
    struct mr_error *errant_error; /* the first report that was not tolerated */
};

/* Counts a failure that is final. */
void tolerance_note_failure(struct tolerance *tolerance);
/* Puts Kafka Connect's sentence in front. Returns -1. */
int tolerance_exceeded(const struct tolerance *tolerance, struct mr_error **error);

static inline void counter_add(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
