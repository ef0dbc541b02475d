/*
 * alloc_torture: runs an attempt again and again, failing every allocation from the n-th on, n = 0, 1, 2 …, until it
 * works. After each attempt nothing may be left allocated. Only allocations made through base/mem.h take part.
 *
 *     static bool build_and_tear_down(void *state) { … return worked; }
 *     alloc_torture(build_and_tear_down, NULL);
 *
 * Include after cmocka.h; the test must see base.
 */
#ifndef SUPPORT_ALLOC_TORTURE_H
#define SUPPORT_ALLOC_TORTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define ALLOC_TORTURE_MAX 100000

/* Does the whole thing and frees all of it. true: it worked. With false it must have failed cleanly. */
typedef bool alloc_torture_fn(void *argument);

static inline void alloc_torture(alloc_torture_fn *attempt, void *argument)
{
    for (int64_t successes = 0; successes < ALLOC_TORTURE_MAX; successes++) {
        mem_watch_start(successes);
        bool worked = attempt(argument);
        int64_t live = mem_live(), failed = mem_failed();
        mem_watch_stop();
        assert_int_equal(live, 0);
        if (worked && failed == 0) {
            assert_true(successes > 0);   /* else it allocates nothing and this test proves nothing */
            return;
        }
    }
    fail_msg("still failing after %d allocations", ALLOC_TORTURE_MAX);
}

#endif
