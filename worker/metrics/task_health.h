/*
 * task_health: what holds a task up now, and how often it was started again by itself: for status and metrics.
 * All zero is a task that nothing holds up. Times are clock_monotonic_ms; 0: none.
 * thread: any writes and reads, relaxed; each number has one writer, as said beside it.
 */
#ifndef METRICS_TASK_HEALTH_H
#define METRICS_TASK_HEALTH_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/failure.h"

/* A target that fails is left alone for a while, then tried. */
enum task_breaker { TASK_BREAKER_CLOSED, TASK_BREAKER_OPEN, TASK_BREAKER_PROBING };

struct task_health {
    /* The executor's watch. */
    _Atomic int32_t stall; /* enum task_stall */
    _Atomic int64_t stalled_since_ms;
    _Atomic uint64_t stalls; /* how often */
    /* The task. */
    _Atomic int32_t breaker;       /* enum task_breaker */
    _Atomic uint32_t put_failures; /* retriable ones in a row */
    _Atomic uint64_t put_retries;  /* in all */
    _Atomic int64_t put_again_ms;  /* the batch waits until then */
    _Atomic int64_t rate_until_ms; /* the rate lets nothing be read before */
    _Atomic uint64_t rate_waits;   /* how often that was so */
    /* The herder. */
    _Atomic uint64_t restarts;
    _Atomic int64_t restart_due_ms;
    const char *_Atomic restart_verdict; /* static text; NULL: none */
};

#endif
