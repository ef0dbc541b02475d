/* sink_task, stepped by hand: records that cannot be converted, dead letters, the errant reporter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_script.h"
#include "support/eventually.h"

/* --- errors of records, dead letters ---- */

static const char *const failing[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};

static void a_record_that_cannot_be_converted_fails_the_task_before_it(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.pipeline_lines = failing}, 0);
    add(0, "a");
    bench_run(task);
    add(0, "b");
    add(0, "bad");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(1, fake_committed("t", 0));
    assert_null(strstr(script.calls, "put[b]"));
    finish(task);
}

static void offsets_wait_for_dead_letters(void **state)
{
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = failing, .tolerate_all = true, .has_dead_letters = true}, 0);
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    assert_string_equal("put[a c] ", script.calls);
    assert_int_equal(1, fake_producer.sent_count);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_committed("t", 0)); /* up to the bad one */
    fake_producer_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_committed("t", 0));
    finish(task);
}

static void a_dead_letter_that_cannot_be_written_fails_the_task(void **state)
{
    (void)state;
    struct task *task = start_assigned(
        &(struct sink_setup){.pipeline_lines = failing, .tolerate_all = true, .has_dead_letters = true}, 0);
    add(0, "a");
    add(0, "bad");
    add(0, "c");
    bench_run(task);
    fake_producer_return(PRODUCER_FAILED, "record too large");
    bench_run(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "record too large"));
    assert_int_equal(1, fake_committed("t", 0)); /* and never past it */
    finish(task);
}

static struct mr_future *letter;
static int report_status;
static void report_first(struct mr_record *const *records, size_t count)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(script.context);
    struct mr_error *reason = NULL;

    if (count == 0 || reporter == NULL)
        return;
    mr_error_set(&reason, MR_ERR_DATA, "does not fit");
    report_status = mr_errant_report(reporter, records[0], reason, &letter, NULL);
    mr_error_drop(reason);
}

static void a_reported_record_holds_its_offset_until_the_letter_is_safe(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.tolerate_all = true, .has_dead_letters = true}, 0);
    script.in_put = report_first;
    add(0, "a");
    add(0, "b");
    bench_run(task);
    assert_int_equal(0, report_status);
    assert_false(mr_future_is_done(letter));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(-1, fake_committed("t", 0));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(0, mr_future_wait(letter, 0, NULL));
    mr_future_drop(letter);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(2, fake_committed("t", 0));
    finish(task);
}

static void a_report_without_tolerance_fails_the_task_even_if_overlooked(void **state)
{
    (void)state;
    letter = NULL;
    struct task *task = start_assigned(&(struct sink_setup){.has_dead_letters = true}, 0);
    script.in_put = report_first;
    add(0, "a");
    bench_run(task);
    assert_int_equal(-1, report_status);
    mr_future_drop(letter);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(-1, fake_committed("t", 0));
    finish(task);
}

static void without_dead_letters_there_is_no_reporter(void **state)
{
    (void)state;
    struct task *task = start_assigned(&(struct sink_setup){.tolerate_all = true}, 0);
    assert_null(mr_sink_context_errant_reporter(script.context));
    finish(task);
}

/* So many that the next one has to wait for room. */
static _Atomic int reported;
static void report_without_end(struct mr_record *const *records, size_t count)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(script.context);

    while (count > 0 && mr_errant_report(reporter, records[0], NULL, NULL, NULL) == 0)
        reported++;
}

static void *step_until_the_end(void *argument)
{
    bench_run(argument);
    return NULL;
}

static bool buffer_is_full(void *argument)
{
    (void)argument;
    return reported >= 10000;
}

static void a_stop_does_not_wait_for_room_for_dead_letters(void **state)
{
    struct thread_setup setup = {.name = "step", .run = step_until_the_end};
    pthread_t thread;
    char why[128];

    (void)state;
    reported = 0;
    setup.argument = start_assigned(&(struct sink_setup){.tolerate_all = true, .has_dead_letters = true}, 0);
    script.in_put = report_without_end;
    add(0, "a");
    assert_true(thread_start(&thread, &setup, why, sizeof(why)));
    assert_true(eventually(10000, buffer_is_full, NULL));
    task_request_stop(setup.argument, TASK_DEPARTURE_STAY, bench_now_ms() + 1000);
    thread_join(thread);
    assert_true(bench_run(setup.argument));
    assert_int_equal(TASK_STOPPED, task_state(setup.argument)); /* nothing is wrong with it */
    assert_int_equal(-1, fake_committed("t", 0));               /* and the record comes again */
    finish(setup.argument);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_that_cannot_be_converted_fails_the_task_before_it),
        TEST(offsets_wait_for_dead_letters),
        TEST(a_dead_letter_that_cannot_be_written_fails_the_task),
        TEST(a_reported_record_holds_its_offset_until_the_letter_is_safe),
        TEST(a_report_without_tolerance_fails_the_task_even_if_overlooked),
        TEST(without_dead_letters_there_is_no_reporter),
        TEST(a_stop_does_not_wait_for_room_for_dead_letters),
    };
    RUN_TESTS(tests);
}
