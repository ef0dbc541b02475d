#include "metrics/window.h"

#include <math.h>
#include <time.h>

#include "base/bans.h"

#define READ_TRIES 1000      /* a writer is at it for some ns, once per batch; then it has lost its core */
#define READ_PAUSE_NS 100000 /* ... and is given time to get it back: it always ends, because it waits for nothing */

static int64_t get(const _Atomic int64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_acquire); /* before the second look at the version */
}

static void set(_Atomic int64_t *cell, int64_t value)
{
    atomic_store_explicit(cell, value, memory_order_release); /* after the version became odd */
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static struct window_sample *sample_for(struct window *window, int64_t now_ms)
{
    uint32_t at = atomic_load_explicit(&window->at, memory_order_relaxed);
    struct window_sample *sample = &window->samples[at];
    int64_t start_ms = get(&sample->start_ms);

    if (start_ms != 0 && now_ms - start_ms < WINDOW_SAMPLE_MS)
        return sample;
    if (start_ms != 0) {
        at = (at + 1) % WINDOW_PLACES;
        atomic_store_explicit(&window->at, at, memory_order_release);
        sample = &window->samples[at];
    }
    set(&sample->start_ms, now_ms);
    set(&sample->count, 0);
    set(&sample->sum, 0);
    set(&sample->max, INT64_MIN);
    return sample;
}

void window_record(struct window *window, int64_t value, int64_t now_ms)
{
    uint32_t version = atomic_load_explicit(&window->version, memory_order_relaxed);
    struct window_sample *sample;

    atomic_store_explicit(&window->version, version + 1, memory_order_relaxed);
    sample = sample_for(window, now_ms);
    set(&sample->last_ms, now_ms);
    set(&sample->count, get(&sample->count) + 1);
    set(&sample->sum, get(&sample->sum) + value);
    if (value > get(&sample->max))
        set(&sample->max, value);
    atomic_store_explicit(&window->version, version + 2, memory_order_release);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static struct window_reading read_once(const struct window *window, int64_t now_ms)
{
    struct window_reading reading = {.max = INT64_MIN};
    int64_t oldest_ms = now_ms, span_ms;

    for (int i = 0; i < WINDOW_PLACES; i++) {
        const struct window_sample *sample = &window->samples[i];
        int64_t start_ms = get(&sample->start_ms), max = get(&sample->max);

        if (start_ms == 0 || now_ms - get(&sample->last_ms) >= WINDOW_SAMPLES * WINDOW_SAMPLE_MS)
            continue;
        reading.count += get(&sample->count);
        reading.sum += get(&sample->sum);
        if (max > reading.max)
            reading.max = max;
        if (start_ms < oldest_ms)
            oldest_ms = start_ms;
    }
    span_ms = now_ms - oldest_ms;
    if (span_ms < (WINDOW_SAMPLES - 1) * WINDOW_SAMPLE_MS)
        span_ms += (WINDOW_SAMPLES - 1 - span_ms / WINDOW_SAMPLE_MS) * WINDOW_SAMPLE_MS;
    reading.span_ms = span_ms > 0 ? span_ms : 1;
    return reading;
}

struct window_reading window_read(const struct window *window, int64_t now_ms)
{
    for (int tries = 1;; tries++) {
        uint32_t before = atomic_load_explicit(&window->version, memory_order_acquire);
        struct window_reading reading = read_once(window, now_ms);

        if (before % 2 == 0 && before == atomic_load_explicit(&window->version, memory_order_relaxed))
            return reading;
        if (tries % READ_TRIES == 0)
            nanosleep(&(struct timespec){.tv_nsec = READ_PAUSE_NS}, NULL);
    }
}

double window_rate(const struct window_reading *reading)
{
    return (double)reading->sum * 1000.0 / (double)reading->span_ms;
}

double window_avg(const struct window_reading *reading)
{
    return reading->count == 0 ? (double)NAN : (double)reading->sum / (double)reading->count;
}

double window_max(const struct window_reading *reading)
{
    return reading->count == 0 ? (double)NAN : (double)reading->max;
}
