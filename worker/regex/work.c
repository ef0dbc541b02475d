#include "regex/work.h"

#include <time.h>

#include "regex/java_regex.h"

#include "base/bans.h"

#define STEPS_BETWEEN_LOOKS 256 /* at the clock */
#define PLACE_NS 1000           /* to replace what was found and to begin again */

/* Sanitizers make marks slow, but not what the clock is for. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CPU_MS (10 * JAVA_REGEX_CPU_MS)
#else
#define CPU_MS JAVA_REGEX_CPU_MS
#endif

static int64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void work_begin(struct work *work, size_t size)
{
    *work = (struct work){
        .steps_max = JAVA_REGEX_STEPS_MAX + (uint64_t)size * JAVA_REGEX_STEPS_PER_BYTE,
        .cpu_end_ns = thread_cpu_ns() + CPU_MS * INT64_C(1000000) + (int64_t)size * JAVA_REGEX_CPU_NS_PER_BYTE,
    };
}

void work_go_on(struct work *work)
{
    work->cpu_end_ns += PLACE_NS;
}

bool work_take(struct work *work, size_t start, size_t place)
{
    size_t before = start == work->start ? work->place : start;
    size_t steps = 1 + (place > before ? place - before : before - place) / WORK_STRIDE;
    work->start = start;
    work->place = place;
    work->steps += steps;
    if (work->steps > work->steps_max)
        return false;
    if (steps < STEPS_BETWEEN_LOOKS && (work->unseen += (uint32_t)steps) < STEPS_BETWEEN_LOOKS)
        return true;
    work->unseen = 0;
    return !work_is_late(work);
}

bool work_is_late(const struct work *work)
{
    return thread_cpu_ns() > work->cpu_end_ns;
}
