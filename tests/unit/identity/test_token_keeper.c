/* When to ask for the next token, with a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fake_clock.h"
#include "identity/token_keeper.h"

static const struct token_rules rules = {.window_factor = 0.8, .window_jitter = 0.05, .min_period_ms = 60000, .buffer_ms = 300000,
                                         .backoff_ms = 100, .backoff_max_ms = 10000};

struct bench {
    struct fake_clock clock;
    struct token_keeper keeper;
};

static int64_t now(const struct bench *bench)
{
    return clock_boottime_ms(&bench->clock.clock);
}

static void begin(struct bench *bench)
{
    fake_clock_init(&bench->clock, 1700000000000);
    token_keeper_init(&bench->keeper, &rules, now(bench));
}

static void put(struct bench *bench, int64_t life_ms, double chance)
{
    token_keeper_put(&bench->keeper, token_create("token-text", "alice", now(bench), now(bench) + life_ms), now(bench), chance);
}

static void a_token_is_asked_for_ahead_of_its_end(void **state)
{
    static const struct {
        int64_t life_ms;
        double chance;
        int64_t due_ms; /* after it came */
    } cases[] = {
        {3600000, 0, 2880000},  /* eight tenths */
        {3600000, 1, 3060000},  /* and five hundredths by lot */
        {1000000, 1, 700000},   /* not within the buffer before the end */
        {380000, 0, 80000},     /* buffer */
        {365000, 0, 65000},     /* both just fit */
        {350000, 0, 280000},    /* period and buffer do not fit: the share alone */
        {8000, 0, 6400},
        {1000, 0, 800},
    };
    struct bench bench;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&bench);
        assert_int_equal(bench.keeper.due_ms, now(&bench)); /* the first one at once */
        put(&bench, cases[i].life_ms, cases[i].chance);
        assert_int_equal(bench.keeper.due_ms - now(&bench), cases[i].due_ms);
        assert_true(bench.keeper.due_ms < bench.keeper.token->expires_ms);
        token_keeper_release(&bench.keeper);
    }
}

static void a_token_ends_by_elapsed_time_whoever_sets_the_clock(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench);
    assert_false(token_keeper_counts(&bench.keeper, now(&bench)));
    put(&bench, 10000, 0);
    fake_clock_set_wall_ms(&bench.clock, 1800000000000);
    assert_true(token_keeper_counts(&bench.keeper, now(&bench)));
    fake_clock_advance_ms(&bench.clock, 9999);
    assert_true(token_keeper_counts(&bench.keeper, now(&bench)));
    fake_clock_sleep_ms(&bench.clock, 1); /* a machine that sleeps grows older too */
    assert_false(token_keeper_counts(&bench.keeper, now(&bench)));
    token_keeper_release(&bench.keeper);
}

static void failures_are_tried_again_later_and_later(void **state)
{
    static const int64_t waits_ms[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    struct bench bench;
    (void)state;
    begin(&bench);
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        token_keeper_failed(&bench.keeper, false, 0, now(&bench), 0.5);
        assert_int_equal(bench.keeper.due_ms - now(&bench), waits_ms[i]);
    }
    token_keeper_failed(&bench.keeper, false, 0, now(&bench), 0);
    assert_int_equal(bench.keeper.due_ms - now(&bench), 8000);
    put(&bench, 3600000, 0);
    token_keeper_failed(&bench.keeper, false, 0, now(&bench), 0.5); /* from the beginning again */
    assert_int_equal(bench.keeper.due_ms - now(&bench), 100);
    token_keeper_release(&bench.keeper);
}

static void who_says_when_to_come_back_is_heard_within_limits(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench);
    token_keeper_failed(&bench.keeper, false, 7000, now(&bench), 0.5);
    assert_int_equal(bench.keeper.due_ms - now(&bench), 7000);
    token_keeper_failed(&bench.keeper, false, INT64_C(1) << 50, now(&bench), 0.5);
    assert_int_equal(bench.keeper.due_ms - now(&bench), KEEPER_RETRY_AFTER_MAX_MS);
    token_keeper_failed(&bench.keeper, true, 0, now(&bench), 0.5); /* not in haste either */
    assert_int_equal(bench.keeper.due_ms - now(&bench), 10000);
    assert_true(bench.keeper.is_hopeless);
    token_keeper_release(&bench.keeper);
}

static void a_token_that_was_refused_is_replaced_unless_it_is_new(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench);
    put(&bench, 3600000, 0);
    assert_false(token_keeper_doubt(&bench.keeper, now(&bench)));
    fake_clock_advance_ms(&bench.clock, KEEPER_DOUBT_MS);
    assert_true(token_keeper_doubt(&bench.keeper, now(&bench)));
    assert_int_equal(bench.keeper.due_ms, now(&bench));
    token_keeper_failed(&bench.keeper, false, 0, now(&bench), 0.5);
    int64_t due_ms = bench.keeper.due_ms;
    assert_true(token_keeper_doubt(&bench.keeper, now(&bench))); /* on its way, and not asked for sooner */
    assert_int_equal(bench.keeper.due_ms, due_ms);
    token_keeper_release(&bench.keeper);
}

static void a_refusal_just_after_a_new_token_may_mean_the_former_one(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench);
    put(&bench, 3600000, 0);
    put(&bench, 3600000, 0);
    int64_t due_ms = bench.keeper.due_ms;
    assert_true(token_keeper_doubt(&bench.keeper, now(&bench)));
    assert_int_equal(bench.keeper.due_ms, due_ms); /* and no request more */
    fake_clock_advance_ms(&bench.clock, KEEPER_FLIGHT_MS);
    assert_false(token_keeper_doubt(&bench.keeper, now(&bench)));
    token_keeper_release(&bench.keeper);
}

static void a_short_token_is_old_after_half_of_its_life(void **state)
{
    struct bench bench;
    (void)state;
    begin(&bench);
    put(&bench, 8000, 0);
    fake_clock_advance_ms(&bench.clock, 3999);
    assert_false(token_keeper_doubt(&bench.keeper, now(&bench)));
    fake_clock_advance_ms(&bench.clock, 1);
    assert_true(token_keeper_doubt(&bench.keeper, now(&bench)));
    assert_int_equal(bench.keeper.due_ms, now(&bench));
    token_keeper_release(&bench.keeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_asked_for_ahead_of_its_end),
        cmocka_unit_test(a_token_ends_by_elapsed_time_whoever_sets_the_clock),
        cmocka_unit_test(failures_are_tried_again_later_and_later),
        cmocka_unit_test(who_says_when_to_come_back_is_heard_within_limits),
        cmocka_unit_test(a_refusal_just_after_a_new_token_may_mean_the_former_one),
        cmocka_unit_test(a_short_token_is_old_after_half_of_its_life),
        cmocka_unit_test(a_token_that_was_refused_is_replaced_unless_it_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
