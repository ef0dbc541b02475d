/*
 * window: what happened lately, as Kafka's sampled statistics see it: rate, average and maximum over the last two samples of
 * 30 s (the defaults of metrics.num.samples and metrics.sample.window.ms).
 *
 * A sample begins with the first value after the former one was complete (30 s after its beginning); one whose last value is 60 s
 * old counts no more. A third place keeps the sample that is only partly within those 60 s. The time a rate is taken over is
 * that since the oldest sample began, but at least the 30 s of a complete one, so that a first value is no burst.
 *
 * All zero is empty. Nothing is allocated; embedded in its owner.
 * Threads: one writes at a time (whoever steps the task); any reads and holds nobody up: a reading that was torn by a write is
 * read again, until the writer, should it have lost its core in the middle, has ended.
 */
#ifndef METRICS_WINDOW_H
#define METRICS_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

#define WINDOW_SAMPLE_MS 30000
#define WINDOW_SAMPLES 2
#define WINDOW_PLACES (WINDOW_SAMPLES + 1)

struct window_sample {
    _Atomic int64_t start_ms; /* 0: never used */
    _Atomic int64_t last_ms;
    _Atomic int64_t count, sum, max;
};

struct window {
    _Atomic uint32_t version; /* odd while being written */
    _Atomic uint32_t at;      /* the sample that is filled */
    struct window_sample samples[WINDOW_PLACES];
};

/* `now_ms` on clock_monotonic_ms, above 0. */
void window_record(struct window *window, int64_t value, int64_t now_ms);

struct window_reading {
    int64_t count, sum, max;
    int64_t span_ms; /* at least 1 */
};
struct window_reading window_read(const struct window *window, int64_t now_ms);

double window_rate(const struct window_reading *reading); /* of the sum, per second */
double window_avg(const struct window_reading *reading);  /* NaN: no values */
double window_max(const struct window_reading *reading);  /* NaN: no values */

#endif
