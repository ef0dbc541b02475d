/* recovery: whether and when what failed is started again by itself; by numbers alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "herder/recovery_internal.h"

static const struct recovery_settings settings = {
    .is_on = true, .delay_ms = 30000, .delay_max_ms = 900000, .window_ms = 3600000, .budget = 5};

static struct failure failure_of(enum failure_kind kind)
{
    return (struct failure){.kind = kind};
}

static struct failure failure_at(enum failure_kind kind, int64_t first, int64_t last)
{
    struct failure failure = {.kind = kind};

    failure_add(&failure, failure_place("orders", 0), first, last);
    return failure;
}

static enum recovery_verdict fails(struct recovery *recovery, struct failure failure, int64_t now_ms)
{
    return recovery_failed(recovery, &settings, &failure, now_ms, 0);
}

static void what_each_kind_of_failure_comes_to(void **state)
{
    static const struct {
        enum failure_kind kind;
        enum recovery_verdict verdict;
    } cases[] = {
        {FAILURE_PLUGIN, RECOVERY_WAITS},       {FAILURE_CONNECTION, RECOVERY_WAITS},
        {FAILURE_FENCED, RECOVERY_WAITS},       {FAILURE_TIMEOUT, RECOVERY_WAITS},
        {FAILURE_STALLED, RECOVERY_WAITS},      {FAILURE_MEMORY, RECOVERY_WAITS},
        {FAILURE_DEAD_LETTERS, RECOVERY_WAITS}, {FAILURE_RECORD, RECOVERY_RECORD},
        {FAILURE_CONFIG, RECOVERY_NEEDS_CHANGE}, {FAILURE_HELD, RECOVERY_NEEDS_CHANGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct recovery recovery = {0};

        assert_int_equal(cases[i].verdict, fails(&recovery, failure_of(cases[i].kind), 1000));
        assert_int_equal(cases[i].verdict == RECOVERY_WAITS, recovery_words(cases[i].verdict) == NULL);
    }
}

static void without_the_policy_nothing_is_started_again(void **state)
{
    struct recovery_settings never = settings;
    struct recovery recovery = {0};
    struct failure failure = failure_of(FAILURE_CONNECTION);

    (void)state;
    never.is_on = false;
    assert_int_equal(RECOVERY_OFF, recovery_failed(&recovery, &never, &failure, 1000, 0));
}

static void delays_double_up_to_the_most_and_jitter_only_adds(void **state)
{
    static const int64_t delays_ms[] = {30000, 60000, 120000, 240000};
    struct recovery recovery = {0};
    int64_t now_ms = 5;

    (void)state;
    for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
        struct failure failure = failure_of(FAILURE_CONNECTION);

        recovery_failed(&recovery, &settings, &failure, now_ms, UINT64_MAX);
        assert_in_range(recovery.due_ms - now_ms, delays_ms[i], delays_ms[i] + delays_ms[i] / RECOVERY_JITTER);
        now_ms = recovery.due_ms;
        recovery_restarted(&recovery, now_ms);
    }
    assert_int_equal(4, recovery.restarts);
    recovery.attempts = 1000;
    fails(&recovery, failure_of(FAILURE_CONNECTION), now_ms);
    assert_int_equal(now_ms + 900000, recovery.due_ms);
}

static void past_the_budget_a_restart_waits_for_the_window(void **state)
{
    struct recovery_settings quick = settings;
    struct recovery recovery = {0};
    struct failure failure = failure_of(FAILURE_CONNECTION);

    (void)state;
    quick.delay_ms = quick.delay_max_ms = 1000;
    for (int64_t i = 0; i < 5; i++) {
        recovery_failed(&recovery, &quick, &failure, i * 2000, 0);
        assert_int_equal(i * 2000 + 1000, recovery.due_ms);
        recovery_restarted(&recovery, recovery.due_ms);
    }
    assert_int_equal(RECOVERY_WAITS, recovery_failed(&recovery, &quick, &failure, 10000, 0));
    assert_int_equal(1000 + 3600000, recovery.due_ms); /* when the first is out of the window */
    recovery_restarted(&recovery, recovery.due_ms);
    recovery_failed(&recovery, &quick, &failure, recovery.due_ms + 1, 0);
    assert_int_equal(3000 + 3600000, recovery.due_ms);
}

static void what_costs_threads_ends_with_its_budget(void **state)
{
    struct recovery_settings quick = settings;
    struct recovery recovery = {0};
    struct failure failure = failure_of(FAILURE_STALLED);

    (void)state;
    quick.delay_ms = quick.delay_max_ms = 1000;
    for (int64_t i = 0; i < 5; i++) {
        assert_int_equal(RECOVERY_WAITS, recovery_failed(&recovery, &quick, &failure, i * 2000, 0));
        recovery_restarted(&recovery, recovery.due_ms);
    }
    assert_int_equal(RECOVERY_SPENT, recovery_failed(&recovery, &quick, &failure, 10000, 0));
}

static void progress_forgets_delays_and_budget(void **state)
{
    struct recovery recovery = {0};
    struct failure failure = failure_of(FAILURE_CONNECTION);
    int64_t now_ms = 5;

    (void)state;
    failure.has_progressed = true;
    for (int i = 0; i < 50; i++) {
        recovery_failed(&recovery, &settings, &failure, now_ms, 0);
        assert_int_equal(now_ms + 30000, recovery.due_ms);
        now_ms = recovery.due_ms;
        recovery_restarted(&recovery, now_ms);
    }
    assert_int_equal(50, recovery.restarts);
}

static void a_second_failure_at_the_same_records_is_the_last(void **state)
{
    struct recovery recovery = {0};

    (void)state;
    assert_int_equal(RECOVERY_WAITS, fails(&recovery, failure_at(FAILURE_PLUGIN, 5, 9), 0));
    recovery_restarted(&recovery, recovery.due_ms);
    /* Elsewhere, or nowhere, in between. */
    assert_int_equal(RECOVERY_WAITS, fails(&recovery, failure_of(FAILURE_PLUGIN), 100000));
    recovery_restarted(&recovery, recovery.due_ms);
    struct failure again = failure_at(FAILURE_PLUGIN, 9, 20);
    again.has_progressed = true; /* with other partitions */
    assert_int_equal(RECOVERY_SAME_RECORDS, fails(&recovery, again, 200000));
    recovery_forget(&recovery); /* a user has looked at it */
    assert_int_equal(RECOVERY_WAITS, fails(&recovery, failure_at(FAILURE_PLUGIN, 9, 20), 300000));
    assert_int_equal(RECOVERY_WAITS, fails(&recovery, failure_at(FAILURE_PLUGIN, 21, 30), 400000));
    assert_int_equal(2, recovery.restarts);
}

static void who_was_away_is_tried_again_with_the_same_records(void **state)
{
    struct recovery recovery = {0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(RECOVERY_WAITS, fails(&recovery, failure_at(FAILURE_CONNECTION, 5, 9), i * 1000000));
        recovery_restarted(&recovery, recovery.due_ms);
    }
}

static void records_are_told_apart_by_topic_partition_and_offset(void **state)
{
    struct failure failure = failure_at(FAILURE_PLUGIN, 5, 9), other = {0};

    (void)state;
    failure_add(&failure, failure_place("orders", 0), 2, 3); /* widens */
    assert_int_equal(1, failure.range_count);
    failure_add(&other, failure_place("orders", 1), 5, 9);
    failure_add(&other, failure_place("order", 0), 5, 9);
    failure_add(&other, failure_place("orders", 0), 10, 12);
    assert_false(failure_meets(&failure, &other));
    failure_add(&other, failure_place("orders", 0), 9, 9);
    assert_true(failure_meets(&failure, &other));
    for (int32_t i = 0; i < 100; i++)
        failure_add(&other, failure_place("many", i), 0, 1);
    assert_int_equal(FAILURE_RANGES_MAX, other.range_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_kind_of_failure_comes_to),
        cmocka_unit_test(without_the_policy_nothing_is_started_again),
        cmocka_unit_test(delays_double_up_to_the_most_and_jitter_only_adds),
        cmocka_unit_test(past_the_budget_a_restart_waits_for_the_window),
        cmocka_unit_test(what_costs_threads_ends_with_its_budget),
        cmocka_unit_test(progress_forgets_delays_and_budget),
        cmocka_unit_test(a_second_failure_at_the_same_records_is_the_last),
        cmocka_unit_test(who_was_away_is_tried_again_with_the_same_records),
        cmocka_unit_test(records_are_told_apart_by_topic_partition_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
