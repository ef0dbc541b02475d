/*
 * fake_clock: a clock that moves only when told; for tests and simulations. Pass &fake.clock where a clock is wanted.
 * thread: any.
 */
#ifndef BASE_FAKE_CLOCK_H
#define BASE_FAKE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/clock.h"

struct fake_clock {
    struct clock clock;   /* first: the accessors cast */
    _Atomic int64_t monotonic_us;
    _Atomic int64_t boottime_us;
    _Atomic int64_t wall_us;
};

void fake_clock_init(struct fake_clock *fake, int64_t wall_ms);   /* monotonic and boottime start at one second */
void fake_clock_advance_ms(struct fake_clock *fake, int64_t ms);  /* all three */
void fake_clock_sleep_ms(struct fake_clock *fake, int64_t ms);    /* the machine slept: not monotonic */
void fake_clock_set_wall_ms(struct fake_clock *fake, int64_t wall_ms);   /* somebody set the time */

#endif
