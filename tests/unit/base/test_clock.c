#include "base_test.h"

#include "base/clock.h"
#include "base/fake_clock.h"

static void the_real_clock_is_the_one_without_a_name(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us(NULL);
    assert_true(clock_monotonic_us(NULL) >= before);
    assert_true(clock_monotonic_ms(NULL) >= before / 1000);
    assert_true(clock_boottime_us(NULL) >= before);
    assert_true(clock_boottime_ms(NULL) >= before / 1000);
    assert_true(clock_wall_ms(NULL) > INT64_C(1600000000000));
}

static void a_fake_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct fake_clock fake;
    fake_clock_init(&fake, 5000);
    int64_t start_ms = clock_monotonic_ms(&fake.clock);
    assert_int_equal(clock_monotonic_ms(&fake.clock), start_ms);
    fake_clock_advance_ms(&fake, 60000);
    assert_int_equal(clock_monotonic_ms(&fake.clock), start_ms + 60000);
    assert_int_equal(clock_monotonic_us(&fake.clock), (start_ms + 60000) * 1000);
    assert_int_equal(clock_wall_ms(&fake.clock), 65000);
}

static void a_sleeping_machine_moves_boottime_but_not_monotonic(void **state)
{
    (void)state;
    struct fake_clock fake;
    fake_clock_init(&fake, 0);
    int64_t monotonic_ms = clock_monotonic_ms(&fake.clock), boottime_ms = clock_boottime_ms(&fake.clock);
    fake_clock_sleep_ms(&fake, 1000);
    assert_int_equal(clock_monotonic_ms(&fake.clock), monotonic_ms);
    assert_int_equal(clock_boottime_ms(&fake.clock), boottime_ms + 1000);
    fake_clock_set_wall_ms(&fake, 7);
    assert_int_equal(clock_wall_ms(&fake.clock), 7);
}

RUN_TESTS(cmocka_unit_test(the_real_clock_is_the_one_without_a_name),
          cmocka_unit_test(a_fake_clock_moves_only_when_told),
          cmocka_unit_test(a_sleeping_machine_moves_boottime_but_not_monotonic))
