/* Who guesses passwords waits ever longer; who does not is not concerned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "base/fake_clock.h"
#include "gate/failure_limit_internal.h"
#include "gate/gate.h"

#define HERE "192.0.2.1"
#define THERE "2001:db8::1"

struct bench {
    struct fake_clock clock;
    struct failure_limit *limit;
};

static int set_up(void **state)
{
    static struct bench bench;
    fake_clock_init(&bench.clock, 0);
    bench.limit = failure_limit_create(&bench.clock.clock);
    *state = &bench;
    return bench.limit != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    failure_limit_destroy(((struct bench *)*state)->limit);
    return 0;
}

static void fail_times(struct bench *bench, int times)
{
    for (int i = 0; i < times; i++)
        failure_limit_failed(bench->limit, "alice", HERE);
}

static int64_t wait_ms(struct bench *bench, const char *user, const char *address)
{
    return failure_limit_wait_ms(bench->limit, user, address);
}

static void the_first_delay_is_told_once(void **state)
{
    struct bench *bench = *state;
    for (int i = 1; i <= GATE_FAILURES_FREE + 2; i++)
        assert_int_equal(failure_limit_failed(bench->limit, "alice", HERE), i == GATE_FAILURES_FREE);
}

static void some_mistakes_are_free(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(wait_ms(bench, "alice", HERE), 0);
    fail_times(bench, GATE_FAILURES_FREE - 1);
    assert_int_equal(wait_ms(bench, "alice", HERE), 0);
    fail_times(bench, 1);
    assert_int_equal(wait_ms(bench, "alice", HERE), GATE_DELAY_MIN_MS);
}

static void the_delay_doubles_up_to_its_limit(void **state)
{
    struct bench *bench = *state;
    int64_t wanted_ms = GATE_DELAY_MIN_MS;
    fail_times(bench, GATE_FAILURES_FREE);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wait_ms(bench, "alice", HERE), wanted_ms);
        fake_clock_advance_ms(&bench->clock, wanted_ms - 1);
        assert_int_equal(wait_ms(bench, "alice", HERE), 1);
        fake_clock_advance_ms(&bench->clock, 1);
        assert_int_equal(wait_ms(bench, "alice", HERE), 0);
        fail_times(bench, 1);
        wanted_ms = wanted_ms * 2 < GATE_DELAY_MAX_MS ? wanted_ms * 2 : GATE_DELAY_MAX_MS;
    }
}

static void others_and_other_places_are_not_concerned(void **state)
{
    struct bench *bench = *state;
    fail_times(bench, 20);
    assert_int_equal(wait_ms(bench, "alice", THERE), 0);
    assert_int_equal(wait_ms(bench, "bob", HERE), 0);
    assert_true(wait_ms(bench, "alice", HERE) > 0);
}

static void a_right_password_forgives(void **state)
{
    struct bench *bench = *state;
    fail_times(bench, GATE_FAILURES_FREE - 1);
    failure_limit_succeeded(bench->limit, "alice", HERE);
    fail_times(bench, GATE_FAILURES_FREE - 1);
    assert_int_equal(wait_ms(bench, "alice", HERE), 0);
}

static void time_forgives(void **state)
{
    struct bench *bench = *state;
    fail_times(bench, 30);
    fake_clock_advance_ms(&bench->clock, GATE_FAILURES_FORGOTTEN_MS);
    fail_times(bench, GATE_FAILURES_FREE - 1);
    assert_int_equal(wait_ms(bench, "alice", HERE), 0);
}

static void made_up_names_do_not_push_out_who_is_guessed_at(void **state)
{
    struct bench *bench = *state;
    fail_times(bench, 20);
    for (int i = 0; i < 20 * FAILURE_BUCKETS * FAILURE_WAYS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "user-%d", i);
        failure_limit_failed(bench->limit, name, HERE);
    }
    assert_true(wait_ms(bench, "alice", HERE) > 0);
}

static int64_t wait_after_guesses_from_everywhere(struct bench *bench, const char *address)
{
    char guesser[32];
    for (unsigned i = 0; i < GATE_USER_FAILURES_FREE + 20; i++) {
        snprintf(guesser, sizeof(guesser), "198.51.100.%u", i);
        failure_limit_failed(bench->limit, "alice", guesser);
    }
    return wait_ms(bench, "alice", address);
}

static void guesses_from_many_addresses_are_slowed_down_together(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(wait_after_guesses_from_everywhere(bench, THERE), GATE_USER_DELAY_MAX_MS);
    assert_int_equal(wait_ms(bench, "bob", THERE), 0);
    fake_clock_advance_ms(&bench->clock, GATE_USER_DELAY_MAX_MS);
    assert_int_equal(wait_ms(bench, "alice", THERE), 0);
}

static void nobody_is_locked_out_where_they_have_logged_in(void **state)
{
    struct bench *bench = *state;
    assert_false(failure_limit_is_home(bench->limit, "alice", HERE));
    failure_limit_succeeded(bench->limit, "alice", HERE);
    assert_true(failure_limit_is_home(bench->limit, "alice", HERE));
    assert_false(failure_limit_is_home(bench->limit, "alice", THERE));
    assert_false(failure_limit_is_home(bench->limit, "bob", HERE));
    assert_int_equal(wait_after_guesses_from_everywhere(bench, HERE), 0);
    assert_int_equal(wait_ms(bench, "alice", THERE), GATE_USER_DELAY_MAX_MS);
    failure_limit_succeeded(bench->limit, "alice", HERE); /* which helps nobody elsewhere */
    assert_int_equal(wait_ms(bench, "alice", THERE), GATE_USER_DELAY_MAX_MS);
    fake_clock_advance_ms(&bench->clock, GATE_HOME_MS);
    assert_false(failure_limit_is_home(bench->limit, "alice", HERE));
    assert_int_equal(wait_after_guesses_from_everywhere(bench, HERE), GATE_USER_DELAY_MAX_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_delay_is_told_once),
        TEST(some_mistakes_are_free),
        TEST(the_delay_doubles_up_to_its_limit),
        TEST(others_and_other_places_are_not_concerned),
        TEST(a_right_password_forgives),
        TEST(time_forgives),
        TEST(made_up_names_do_not_push_out_who_is_guessed_at),
        TEST(guesses_from_many_addresses_are_slowed_down_together),
        TEST(nobody_is_locked_out_where_they_have_logged_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
