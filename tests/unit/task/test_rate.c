/* rate and breaker: how fast a task may read, and how long a target that fails is left alone; by numbers alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "task/breaker_internal.h"
#include "task/rate_internal.h"
#include "task/sink_task.h"

#define S 1000000

static void no_rate_holds_nothing_up(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 0, 0, 0);
    rate_take(&rate, 1000000, 1u << 30);
    assert_int_equal(0, rate_wait_ms(&rate, 1));
    assert_true(rate_records(&rate, 0) == SIZE_MAX);
}

static void over_time_the_rate_is_kept_exactly(void **state)
{
    struct rate rate;
    int64_t now_us = 0;
    size_t read = 0;

    (void)state;
    rate_init(&rate, 100, 0, 0);
    while (now_us < 60 * (int64_t)S) {
        int64_t wait_ms = rate_wait_ms(&rate, now_us);

        if (wait_ms > 0) {
            now_us += wait_ms * 1000;
            continue;
        }
        rate_take(&rate, rate_records(&rate, 0), 0);
        read += 1; /* counted by reads: each is of what there is */
    }
    assert_true(read > 0);
    rate_init(&rate, 100, 0, 0);
    read = 0;
    for (now_us = 0; now_us < 60 * (int64_t)S; now_us += 1000)
        if (rate_wait_ms(&rate, now_us) == 0) {
            read += 7;
            rate_take(&rate, 7, 0);
        }
    assert_in_range(read, 60 * 100, 61 * 100 + 7); /* and the second's worth of the beginning */
}

static void a_read_that_overdraws_is_waited_for(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 10, 1000, 0);
    rate_take(&rate, 1, 5000); /* one large record */
    assert_in_range(rate_wait_ms(&rate, 0), 4000, 4003);
    assert_int_equal(0, rate_wait_ms(&rate, 4002 * 1000));
    assert_int_equal(10, rate_records(&rate, 0));
}

static void a_rate_of_bytes_bounds_a_read(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 0, 100000, 0);
    assert_int_equal(10, rate_records(&rate, 10000));
    assert_int_equal(1, rate_records(&rate, 1000000)); /* one is always let through */
    rate_take(&rate, 4, 40000);
    assert_int_equal(6, rate_records(&rate, 10000));
    rate_init(&rate, 3, 100000, 0);
    assert_int_equal(3, rate_records(&rate, 10000));
}

static void a_rate_below_one_is_one_record_in_a_while(void **state)
{
    struct rate rate;

    (void)state;
    rate_init(&rate, 0.25, 0, 0);
    assert_int_equal(1, rate_records(&rate, 0));
    rate_take(&rate, 1, 0);
    assert_in_range(rate_wait_ms(&rate, 0), 4000, 4001);
    assert_in_range(rate_wait_ms(&rate, 3 * S), 1000, 1001);
    assert_int_equal(0, rate_wait_ms(&rate, 100 * (int64_t)S));
    rate_take(&rate, 1, 0);
    assert_in_range(rate_wait_ms(&rate, 100 * (int64_t)S), 4000, 4001); /* nothing was saved up */
}

/* --- the breaker ---- */

static void a_backoff_doubles_and_differs(void **state)
{
    struct breaker breaker;
    uint32_t ms = SINK_RETRY_LEAST_MS;

    (void)state;
    breaker_init(&breaker, 42);
    for (int i = 1; i < SINK_BREAKER_FAILURES; i++, ms *= 2) {
        assert_in_range(breaker_failed(&breaker, 0), ms - ms / 4, ms);
        assert_int_equal(TASK_BREAKER_CLOSED, breaker.state);
    }
}

static void after_failures_in_a_row_the_target_is_left_alone_and_probed(void **state)
{
    struct breaker breaker;

    (void)state;
    breaker_init(&breaker, 42);
    for (int i = 1; i < SINK_BREAKER_FAILURES; i++)
        breaker_failed(&breaker, 0);
    assert_in_range(breaker_failed(&breaker, 0), SINK_BREAKER_LEAST_MS * 3 / 4, SINK_BREAKER_LEAST_MS);
    assert_int_equal(TASK_BREAKER_OPEN, breaker.state);
    breaker_tries(&breaker);
    assert_int_equal(TASK_BREAKER_PROBING, breaker.state);
    assert_in_range(breaker_failed(&breaker, 0), 2 * SINK_BREAKER_LEAST_MS * 3 / 4, 2 * SINK_BREAKER_LEAST_MS);
    assert_int_equal(TASK_BREAKER_OPEN, breaker.state);
    for (int i = 0; i < 100; i++)
        assert_in_range(breaker_failed(&breaker, 0), SINK_BREAKER_LEAST_MS, SINK_BREAKER_MOST_MS);
    breaker_tries(&breaker);
    assert_true(breaker_worked(&breaker));
    assert_int_equal(TASK_BREAKER_CLOSED, breaker.state);
    assert_int_equal(0, breaker.failures);
    assert_false(breaker_worked(&breaker));
}

static void a_time_that_is_given_is_kept(void **state)
{
    struct breaker breaker;

    (void)state;
    breaker_init(&breaker, 42);
    for (int i = 0; i < 10; i++)
        assert_int_equal(300, breaker_failed(&breaker, 300));
    assert_int_equal(TASK_BREAKER_OPEN, breaker.state);
}

static void one_success_begins_anew(void **state)
{
    struct breaker breaker;

    (void)state;
    breaker_init(&breaker, 42);
    for (int i = 0; i < 100; i++) {
        breaker_failed(&breaker, 0);
        assert_false(breaker_worked(&breaker));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_holds_nothing_up),
        cmocka_unit_test(over_time_the_rate_is_kept_exactly),
        cmocka_unit_test(a_read_that_overdraws_is_waited_for),
        cmocka_unit_test(a_rate_of_bytes_bounds_a_read),
        cmocka_unit_test(a_rate_below_one_is_one_record_in_a_while),
        cmocka_unit_test(a_backoff_doubles_and_differs),
        cmocka_unit_test(after_failures_in_a_row_the_target_is_left_alone_and_probed),
        cmocka_unit_test(a_time_that_is_given_is_kept),
        cmocka_unit_test(one_success_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
