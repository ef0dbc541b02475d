/*
 * rate: a bucket of records and one of bytes that fill up with time: how fast a task may read
 * (millrace.rate.records.per.second, millrace.rate.bytes.per.second; its part of them).
 *
 * What is taken is known only when it was read, so a bucket may go below zero: then nothing is read until it is full enough for one
 * record again. Over time the rate is kept exactly; a burst is at most a second's worth and the one read that overdraws.
 *
 * Life: embedded, _init. thread: its owner's. Times are clock_monotonic_us. Nobody waits in here: the task asks when to come back.
 */
#ifndef TASK_RATE_INTERNAL_H
#define TASK_RATE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

struct bucket {
    double per_second; /* 0: no limit */
    double level;
};

struct rate {
    struct bucket records, bytes;
    int64_t filled_us;
};

void rate_init(struct rate *rate, double records_per_second, double bytes_per_second, int64_t now_us);
/* How long until something may be read; 0: now. */
int64_t rate_wait_ms(struct rate *rate, int64_t now_us);
/* So many records of about record_bytes (0: not known) at most, at least 1; SIZE_MAX: no limit. */
size_t rate_records(const struct rate *rate, uint64_t record_bytes);
void rate_take(struct rate *rate, size_t records, uint64_t bytes);

#endif
