/* Sampled statistics, as Kafka Connect computes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/thread.h"
#include "metrics/window.h"

#define T0 1000
#define EXPECT(value, wanted) assert_true(fabs((value) - (wanted)) < 1e-9)

static void an_empty_window_has_no_average_and_no_rate(void **state)
{
    struct window window = {0};
    struct window_reading reading = window_read(&window, T0);

    (void)state;
    assert_true(isnan(window_avg(&reading)));
    assert_true(isnan(window_max(&reading)));
    EXPECT(window_rate(&reading), 0);
}

static void values_are_summed_averaged_and_compared(void **state)
{
    struct window window = {0};
    struct window_reading reading;

    (void)state;
    window_record(&window, 10, T0);
    window_record(&window, 2, T0 + 100);
    window_record(&window, -6, T0 + 200);
    reading = window_read(&window, T0 + 1000);
    assert_int_equal(reading.count, 3);
    EXPECT(window_avg(&reading), 2);
    EXPECT(window_max(&reading), 10);
}

static void a_young_window_counts_as_one_whole_sample_more(void **state)
{
    struct window window = {0};
    struct window_reading reading;

    (void)state;
    window_record(&window, 310, T0);
    reading = window_read(&window, T0);
    EXPECT(window_rate(&reading), 310 / 30.0);
    reading = window_read(&window, T0 + 1000);
    EXPECT(window_rate(&reading), 310 / 31.0);
    reading = window_read(&window, T0 + 40000); /* one whole sample has passed */
    EXPECT(window_rate(&reading), 310 / 40.0);
}

static void values_count_until_they_are_sixty_seconds_old(void **state)
{
    struct window window = {0};
    struct window_reading reading;

    (void)state;
    window_record(&window, 5, T0);
    reading = window_read(&window, T0 + 59999);
    assert_int_equal(reading.sum, 5);
    reading = window_read(&window, T0 + 60000);
    assert_int_equal(reading.count, 0);
    assert_true(isnan(window_avg(&reading)));
    EXPECT(window_rate(&reading), 0);
}

static void samples_follow_each_other_and_the_oldest_goes(void **state)
{
    struct window window = {0};
    struct window_reading reading;

    (void)state;
    for (int second = 0; second < 200; second++)
        window_record(&window, 1000 - second, T0 + second * 1000);
    /* Samples began at 120, 150 and 180 s; all were written to less than 60 s ago. */
    reading = window_read(&window, T0 + 199 * 1000);
    assert_int_equal(reading.count, 80);
    assert_int_equal(reading.max, 880);
    assert_int_equal(reading.span_ms, 79000);
    /* The one that ended at 149 s is too old now. */
    reading = window_read(&window, T0 + 209 * 1000);
    assert_int_equal(reading.count, 50);
    assert_int_equal(reading.max, 850);
    assert_int_equal(reading.span_ms, 59000);
}

static void a_sample_is_begun_anew_after_a_long_silence(void **state)
{
    struct window window = {0};
    struct window_reading reading;

    (void)state;
    window_record(&window, 7, T0);
    window_record(&window, 3, T0 + 3600 * 1000);
    reading = window_read(&window, T0 + 3600 * 1000);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.max, 3);
}

/* --- one writes, others read ---- */

#define READINGS 20000
#define WRITES_IN_A_ROW 50

static struct window shared;
static atomic_bool over;

static void *write_many(void *argument)
{
    (void)argument;
    /* Often a new sample: there a torn reading would show most. */
    for (int64_t i = 1; !atomic_load(&over); i++) {
        window_record(&shared, 100, T0 + i * (WINDOW_SAMPLE_MS / 4));
        if (i % WRITES_IN_A_ROW == 0)
            sched_yield();
    }
    return NULL;
}

static void readers_never_see_half_a_write(void **state)
{
    pthread_t writer;
    char why[160];

    (void)state;
    assert_true(thread_start(&writer, &(struct thread_setup){.name = "writer", .run = write_many}, why, sizeof(why)));
    for (int i = 0; i < READINGS; i++) {
        int64_t now_ms = atomic_load(&shared.samples[atomic_load(&shared.at)].last_ms);
        struct window_reading reading = window_read(&shared, now_ms);

        assert_int_equal(reading.sum, reading.count * 100);
        assert_true(reading.count == 0 || reading.max == 100);
    }
    atomic_store(&over, true);
    thread_join(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_window_has_no_average_and_no_rate),
        cmocka_unit_test(values_are_summed_averaged_and_compared),
        cmocka_unit_test(a_young_window_counts_as_one_whole_sample_more),
        cmocka_unit_test(values_count_until_they_are_sixty_seconds_old),
        cmocka_unit_test(samples_follow_each_other_and_the_oldest_goes),
        cmocka_unit_test(a_sample_is_begun_anew_after_a_long_silence),
        cmocka_unit_test(readers_never_see_half_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
