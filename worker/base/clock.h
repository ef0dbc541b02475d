/*
 * clock: time as something handed in, so that tests own it (fake_clock.h). A NULL clock is the real one.
 *
 * monotonic: never jumps, stands still while the machine sleeps (CLOCK_MONOTONIC): time-outs, rates.
 * boottime:  as monotonic but counts sleep (CLOCK_BOOTTIME): the lease.
 * wall:      milliseconds since 1970 UTC, may jump (CLOCK_REALTIME): record timestamps, log lines.
 * thread: any.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*monotonic_us)(const struct clock *clock);
    int64_t (*boottime_us)(const struct clock *clock);
    int64_t (*wall_ms)(const struct clock *clock);
};

int64_t clock_monotonic_us(const struct clock *clock);
int64_t clock_monotonic_ms(const struct clock *clock);
int64_t clock_boottime_us(const struct clock *clock);
int64_t clock_boottime_ms(const struct clock *clock);
int64_t clock_wall_ms(const struct clock *clock);

#endif
