#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/bans.h"

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(const struct clock *clock)
{
    return clock == NULL ? read_us(CLOCK_MONOTONIC) : clock->monotonic_us(clock);
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock_monotonic_us(clock) / 1000;
}

int64_t clock_boottime_us(const struct clock *clock)
{
    return clock == NULL ? read_us(CLOCK_BOOTTIME) : clock->boottime_us(clock);
}

int64_t clock_boottime_ms(const struct clock *clock)
{
    return clock_boottime_us(clock) / 1000;
}

int64_t clock_wall_ms(const struct clock *clock)
{
    return clock == NULL ? read_us(CLOCK_REALTIME) / 1000 : clock->wall_ms(clock);
}
