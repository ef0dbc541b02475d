/*
 * histogram: how often something took how long, in a few fixed buckets, as Prometheus counts.
 *
 * All zero is empty. Nothing is allocated; embedded in its owner. The bounds are those of its scale, given with each call.
 * Threads: any writes and reads, without a lock; one value may be seen in the count and not yet in the sum.
 */
#ifndef METRICS_HISTOGRAM_H
#define METRICS_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS 8 /* and one bucket for what is beyond the last */

struct histogram {
    _Atomic uint64_t buckets[HISTOGRAM_BOUNDS + 1];
    _Atomic int64_t sum_us;
};

struct histogram_scale {
    int64_t bounds_us[HISTOGRAM_BOUNDS]; /* rising */
};
extern const struct histogram_scale HISTOGRAM_CALLS; /* 1 ms to 1 min */
extern const struct histogram_scale HISTOGRAM_AGES;  /* 0.1 s to 6 h */

/* Below 0 counts as 0. */
void histogram_record(struct histogram *histogram, const struct histogram_scale *scale, int64_t value_us);

struct histogram_reading {
    uint64_t below[HISTOGRAM_BOUNDS]; /* values up to each bound, as a sum */
    uint64_t count;
    double sum_s;
};
struct histogram_reading histogram_read(const struct histogram *histogram);

#endif
