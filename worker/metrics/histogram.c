#include "metrics/histogram.h"

#include "base/bans.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

const struct histogram_scale HISTOGRAM_CALLS = {
    {1 * MS, 5 * MS, 25 * MS, 100 * MS, 500 * MS, 2500 * MS, 10 * S, 60 * S}};
const struct histogram_scale HISTOGRAM_AGES = {
    {100 * MS, 500 * MS, 2 * S, 10 * S, 60 * S, 300 * S, 1800 * S, 21600 * S}};

void histogram_record(struct histogram *histogram, const struct histogram_scale *scale, int64_t value_us)
{
    int at = 0;

    if (value_us < 0)
        value_us = 0;
    while (at < HISTOGRAM_BOUNDS && value_us > scale->bounds_us[at])
        at++;
    atomic_fetch_add_explicit(&histogram->sum_us, value_us, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->buckets[at], 1, memory_order_relaxed);
}

struct histogram_reading histogram_read(const struct histogram *histogram)
{
    struct histogram_reading reading = {.count = 0};

    for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
        reading.count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        reading.below[i] = reading.count;
    }
    reading.count += atomic_load_explicit(&histogram->buckets[HISTOGRAM_BOUNDS], memory_order_relaxed);
    reading.sum_s = (double)atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) / 1e6;
    return reading;
}
