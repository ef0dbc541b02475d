/*
 * eventually: waits for a fact, not for time. Polls the predicate every 1–5 ms until it is true or the deadline passed.
 *
 *     assert_true(eventually(5000, status_is_failed, task));
 */
#ifndef SUPPORT_EVENTUALLY_H
#define SUPPORT_EVENTUALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Asks for the fact; runs on the test's thread, may be asked any number of times. */
typedef bool eventually_fn(void *argument);

static inline int64_t eventually_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline bool eventually(int64_t deadline_ms, eventually_fn *fact, void *argument)
{
    int64_t until_ms = eventually_now_ms() + deadline_ms;
    for (long pause_ms = 1;; pause_ms = pause_ms < 5 ? pause_ms + 1 : 5) {
        bool late = eventually_now_ms() >= until_ms;
        if (fact(argument))
            return true;
        if (late)   /* the fact was asked once more after the deadline: a slow machine gets its last chance */
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = pause_ms * 1000000 }, NULL);
    }
}

#endif
