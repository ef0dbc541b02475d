#include "base/fake_clock.h"

#include "base/bans.h"

static int64_t fake_monotonic_us(const struct clock *clock)
{
    return atomic_load(&((const struct fake_clock *)clock)->monotonic_us);
}

static int64_t fake_boottime_us(const struct clock *clock)
{
    return atomic_load(&((const struct fake_clock *)clock)->boottime_us);
}

static int64_t fake_wall_ms(const struct clock *clock)
{
    return atomic_load(&((const struct fake_clock *)clock)->wall_us) / 1000;
}

void fake_clock_init(struct fake_clock *fake, int64_t wall_ms)
{
    fake->clock = (struct clock){ fake_monotonic_us, fake_boottime_us, fake_wall_ms };
    atomic_init(&fake->monotonic_us, 1000000);
    atomic_init(&fake->boottime_us, 1000000);
    atomic_init(&fake->wall_us, wall_ms * 1000);
}

void fake_clock_sleep_ms(struct fake_clock *fake, int64_t ms)
{
    atomic_fetch_add(&fake->boottime_us, ms * 1000);
    atomic_fetch_add(&fake->wall_us, ms * 1000);
}

void fake_clock_advance_ms(struct fake_clock *fake, int64_t ms)
{
    atomic_fetch_add(&fake->monotonic_us, ms * 1000);
    fake_clock_sleep_ms(fake, ms);
}

void fake_clock_set_wall_ms(struct fake_clock *fake, int64_t wall_ms)
{
    atomic_store(&fake->wall_us, wall_ms * 1000);
}
