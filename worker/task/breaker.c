#include "task/breaker_internal.h"

#include "task/sink_task.h"

#include "base/bans.h"

#define JITTER 4 /* up to one part in so many is taken off */

void breaker_init(struct breaker *breaker, uint64_t seed)
{
    *breaker = (struct breaker){.random = seed | 1};
}

static uint32_t random_below(struct breaker *breaker, uint32_t bound)
{
    breaker->random ^= breaker->random << 13;
    breaker->random ^= breaker->random >> 7;
    breaker->random ^= breaker->random << 17;
    return (uint32_t)(breaker->random % bound);
}

static uint32_t doubled(uint32_t from_ms, uint32_t times, uint32_t most_ms)
{
    uint64_t ms = from_ms;

    while (times-- > 0 && ms < most_ms)
        ms *= 2;
    return ms < most_ms ? (uint32_t)ms : most_ms;
}

static uint32_t own_delay_ms(const struct breaker *breaker)
{
    if (breaker->state == TASK_BREAKER_OPEN)
        return doubled(SINK_BREAKER_LEAST_MS, breaker->failures - SINK_BREAKER_FAILURES, SINK_BREAKER_MOST_MS);
    return doubled(SINK_RETRY_LEAST_MS, breaker->failures - 1, SINK_BREAKER_LEAST_MS);
}

uint32_t breaker_failed(struct breaker *breaker, uint32_t hint_ms)
{
    uint32_t delay_ms;

    breaker->failures += breaker->failures < UINT32_MAX;
    if (breaker->failures >= SINK_BREAKER_FAILURES)
        breaker->state = TASK_BREAKER_OPEN;
    if (hint_ms > 0)
        return hint_ms;
    delay_ms = own_delay_ms(breaker);
    return delay_ms - random_below(breaker, delay_ms / JITTER + 1);
}

void breaker_tries(struct breaker *breaker)
{
    if (breaker->state == TASK_BREAKER_OPEN)
        breaker->state = TASK_BREAKER_PROBING;
}

bool breaker_worked(struct breaker *breaker)
{
    bool was_open = breaker->state != TASK_BREAKER_CLOSED;

    breaker->state = TASK_BREAKER_CLOSED;
    breaker->failures = 0;
    return was_open;
}
