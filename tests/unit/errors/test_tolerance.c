/* Operations that failed: tried again, skipped, or the end of the task (KIP-298). */
#include "errors_test.h"

#include <inttypes.h>
#include <millrace/host.h>
#include <pthread.h>

#include "base/fake_clock.h"
#include "errors/tolerance.h"
#include "metrics/error_counters.h"
#include "support/eventually.h"
#include "support/fake_producer.h"

#define PAUSES_MAX 64

/* A tolerance on a clock of its own, whose pauses only move that clock. */
struct bench {
    struct fake_clock clock;
    struct error_settings settings;
    struct tolerance *tolerance;
    int64_t pauses[PAUSES_MAX];
    size_t pause_count;
    struct mr_batch *batch;
    struct mr_record *record;
    struct mr_error *error;
    /* The operation: fails this often with that code, then works. */
    int failures_left;
    enum mr_error_code code;
    uint32_t hint_ms;
    int runs;
};

static void pause_on_clock(void *argument, int64_t duration_ms)
{
    struct bench *bench = argument;
    if (bench->pause_count < PAUSES_MAX)
        bench->pauses[bench->pause_count++] = duration_ms;
    fake_clock_advance_ms(&bench->clock, duration_ms);
}

static int fail_once(struct bench *bench, struct mr_error **error)
{
    mr_error_set(error, bench->code, "no luck");
    mr_error_set_retry_after_ms(*error, bench->hint_ms);
    return -1;
}

static int run(void *argument, struct mr_error **error)
{
    struct bench *bench = argument;
    bench->runs++;
    return bench->failures_left > 0 && bench->failures_left-- > 0 ? fail_once(bench, error) : 0;
}

static void open_tolerance(struct bench *bench)
{
    const struct tolerance_setup setup = {
        .connector = "orders",
        .task = 3,
        .settings = &bench->settings,
        .clock = &bench->clock.clock,
        .pause = pause_on_clock,
        .pause_argument = bench,
    };
    tolerance_destroy(bench->tolerance, 0);
    bench->tolerance = tolerance_create(&setup, NULL);
    assert_non_null(bench->tolerance);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fake_clock_init(&bench->clock, 1700000000000);
    bench->settings = (struct error_settings)ERROR_SETTINGS_DEFAULT;
    bench->batch = batch_of_test();
    bench->record = append_sink(bench->batch, "t", 0, 7, "k", "v");
    bench->code = MR_ERR_DATA;
    open_tolerance(bench);
    keep_lines();
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    log_sink_set(NULL);
    mr_error_drop(bench->error);
    tolerance_destroy(bench->tolerance, 0);
    mr_batch_drop(bench->batch);
    free(bench);
    return 0;
}

/* The first attempt, which failed, and what follows. */
static enum tolerance_result recover(struct bench *bench)
{
    const struct operation operation = {
        .stage = STAGE_VALUE_CONVERTER,
        .class_name = "org.acme.Converter",
        .record = bench->record,
        .run = run,
        .argument = bench,
    };
    mr_error_clear(&bench->error);
    fail_once(bench, &bench->error);
    return tolerance_recover(bench->tolerance, &operation, &bench->error);
}

static void assert_counters(struct bench *bench, uint64_t failures, uint64_t errors, uint64_t skipped, uint64_t retries,
                            uint64_t logged)
{
    const struct error_counters *counters = tolerance_counters(bench->tolerance);
    assert_int_equal(failures, counters->record_failures);
    assert_int_equal(errors, counters->record_errors);
    assert_int_equal(skipped, counters->records_skipped);
    assert_int_equal(retries, counters->retries);
    assert_int_equal(logged, counters->errors_logged);
}

static void without_tolerance_the_first_failure_ends_the_task(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(TOLERANCE_FAILED, recover(bench));
    assert_string_equal("Tolerance exceeded in error handler", mr_error_message(bench->error));
    assert_string_equal("org.apache.kafka.connect.errors.ConnectException", mr_error_class_name(bench->error));
    const struct mr_error *place = mr_error_cause(bench->error);
    assert_non_null(strstr(mr_error_message(place), "Executing stage '"));
    assert_string_equal("no luck", mr_error_message(mr_error_cause(place)));
    assert_int_equal(0, bench->runs);
    assert_counters(bench, 1, 1, 0, 0, 0);
    assert_int_equal(1700000000000, tolerance_counters(bench->tolerance)->last_error_ms);
}

static void a_tolerated_failure_skips_the_record(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_SKIPPED, recover(bench));
    assert_null(bench->error);
    assert_counters(bench, 1, 1, 1, 0, 0);
}

static void a_retriable_failure_is_not_tried_again_without_a_timeout(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_RETRIABLE;
    bench->settings.tolerate_all = true;
    open_tolerance(bench);
    assert_false(tolerance_retries(bench->tolerance));
    assert_int_equal(TOLERANCE_SKIPPED, recover(bench));
    assert_int_equal(0, bench->runs);
    assert_counters(bench, 2, 1, 1, 0, 0);
}

static void a_retriable_failure_is_tried_again_until_it_works(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_RETRIABLE;
    bench->failures_left = 3;
    bench->settings.retry_timeout_ms = -1;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_RECOVERED, recover(bench));
    assert_null(bench->error);
    assert_int_equal(4, bench->runs);
    const int64_t doubled[] = { 300, 600, 1200, 2400 };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(doubled[i], bench->pauses[i]);
    assert_counters(bench, 4, 0, 0, 4, 0);
}

static void backoff_ends_exactly_at_the_deadline(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_RETRIABLE;
    bench->failures_left = 1000;
    bench->settings.retry_timeout_ms = 5000;
    bench->settings.retry_delay_max_ms = 1000;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_FAILED, recover(bench));
    int64_t total_ms = 0;
    for (size_t i = 0; i < bench->pause_count; i++) {
        assert_in_range(bench->pauses[i], 0, 1000);
        total_ms += bench->pauses[i];
    }
    assert_int_equal(300, bench->pauses[0]);
    assert_int_equal(600, bench->pauses[1]);
    assert_int_equal(5000, total_ms);
}

static void a_delay_that_the_error_asks_for_is_kept_within_the_limits(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_RETRIABLE;
    bench->failures_left = 1;
    bench->settings.retry_timeout_ms = -1;
    bench->settings.retry_delay_max_ms = 1000;
    bench->hint_ms = 50;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_RECOVERED, recover(bench));
    assert_int_equal(50, bench->pauses[0]);
    bench->hint_ms = 5000;
    bench->pause_count = 0;
    assert_int_equal(TOLERANCE_RECOVERED, recover(bench));
    assert_int_equal(1000, bench->pauses[0]);
}

static void another_kind_of_failure_ends_the_attempts(void **state)
{
    struct bench *bench = *state;
    bench->settings.retry_timeout_ms = -1;
    bench->settings.tolerate_all = true;
    open_tolerance(bench);
    const struct operation operation = { .stage = STAGE_TRANSFORMATION, .class_name = "org.acme.T",
                                         .record = bench->record, .run = run, .argument = bench };
    bench->failures_left = 1; /* with MR_ERR_DATA */
    mr_error_set(&bench->error, MR_ERR_RETRIABLE, "busy");
    assert_int_equal(TOLERANCE_SKIPPED, tolerance_recover(bench->tolerance, &operation, &bench->error));
    assert_counters(bench, 2, 1, 1, 1, 0);
}

static void want_of_memory_is_never_tolerated(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_NO_MEMORY;
    bench->settings.tolerate_all = true;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_FAILED, recover(bench));
    assert_counters(bench, 1, 0, 0, 0, 0);
}

static void a_batch_at_its_limit_does_not_cost_a_record(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    open_tolerance(bench);
    assert_null(mr_arena_alloc(mr_batch_arena(bench->batch), 2 << 20));
    assert_int_equal(TOLERANCE_FAILED, recover(bench));
}

static void a_plugin_that_gives_no_reason_is_named(void **state)
{
    struct bench *bench = *state;
    const struct operation operation = { .stage = STAGE_TRANSFORMATION, .class_name = "org.acme.T",
                                         .record = bench->record };
    assert_int_equal(TOLERANCE_FAILED, tolerance_recover(bench->tolerance, &operation, &bench->error));
    assert_non_null(strstr(mr_error_message(mr_error_cause(bench->error)), "org.acme.T"));
}

/* Cancelling ------------------------------------------------------------------------------------------------- */

static void *recover_for_ever(void *argument)
{
    struct bench *bench = argument;
    return (void *)(intptr_t)recover(bench);
}

static bool has_run_once(void *argument)
{
    const struct bench *bench = argument;
    return atomic_load(&tolerance_counters(bench->tolerance)->record_failures) > 0;
}

static void a_cancel_ends_the_wait(void **state)
{
    struct bench *bench = *state;
    bench->code = MR_ERR_RETRIABLE;
    bench->failures_left = INT32_MAX;
    bench->settings.retry_timeout_ms = -1;
    bench->settings.tolerate_all = true;
    const struct tolerance_setup setup = { .connector = "orders", .settings = &bench->settings };
    tolerance_destroy(bench->tolerance, 0);
    bench->tolerance = tolerance_create(&setup, NULL);
    pthread_t thread;
    void *result;
    assert_int_equal(0, pthread_create(&thread, NULL, recover_for_ever, bench));
    assert_true(eventually(5000, has_run_once, bench));
    tolerance_cancel(bench->tolerance);
    pthread_join(thread, &result);
    assert_int_equal(TOLERANCE_FAILED, (intptr_t)result);
    assert_int_equal(0, tolerance_counters(bench->tolerance)->records_skipped);
}

/* Reports ---------------------------------------------------------------------------------------------------- */

static void the_log_names_task_stage_and_class(void **state)
{
    struct bench *bench = *state;
    bench->settings.log_enable = true;
    open_tolerance(bench);
    assert_int_equal(TOLERANCE_FAILED, recover(bench));
    assert_int_equal(1, lines.count);
    assert_string_equal("Error encountered in task orders-3. Executing stage 'VALUE_CONVERTER' with class "
                        "'org.acme.Converter'.\norg.apache.kafka.connect.errors.DataException: no luck",
                        lines.text[0]);
    assert_counters(bench, 1, 1, 0, 0, 1);
}

static void the_log_tells_where_a_record_was_consumed_but_not_what_it_holds(void **state)
{
    struct bench *bench = *state;
    bench->settings.log_enable = bench->settings.log_messages = true;
    open_tolerance(bench);
    recover(bench);
    assert_non_null(strstr(lines.text[0], "'org.acme.Converter', where consumed record is {topic='t', partition=0, offset=7, "
                                          "timestamp=1007, timestampType=CreateTime}.\n"));
}

static void the_log_shows_a_source_record_in_full(void **state)
{
    struct bench *bench = *state;
    bench->settings.log_enable = bench->settings.log_messages = true;
    open_tolerance(bench);
    struct mr_arena *arena = mr_batch_arena(bench->batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);
    assert_int_equal(0, mr_map_put_text(arena, partition, "id", mr_int64(arena, 0)));
    assert_int_equal(0, mr_map_put_text(arena, offset, "seq", mr_int64(arena, 0)));
    bench->record = mr_batch_append(bench->batch);
    assert_int_equal(0, mr_record_set_topic_ref(bench->record, "tf"));
    assert_int_equal(0, mr_record_set_source(bench->record, partition, offset));
    const struct mr_schema *string = mr_schema_primitive(MR_TYPE_STRING, false);
    assert_int_equal(0, mr_record_set_key(bench->record, string, mr_string(arena, "k0")));
    assert_int_equal(0, mr_record_set_value(bench->record, string, mr_string(arena, "v0")));
    recover(bench);
    assert_non_null(strstr(lines.text[0],
                           ", where source record is = SourceRecord{sourcePartition={id=0}, sourceOffset={seq=0}} "
                           "ConnectRecord{topic='tf', kafkaPartition=null, key=k0, keySchema=Schema{STRING}, value=v0, "
                           "valueSchema=Schema{STRING}, timestamp=null, headers=ConnectHeaders(headers=)}.\n"));
}

/* Failures that happened elsewhere ---------------------------------------------------------------------------- */

static void a_tolerated_report_counts_a_failure_only(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = bench->settings.log_enable = true;
    open_tolerance(bench);
    fail_once(bench, &bench->error);
    struct mr_future *future = NULL;
    assert_true(tolerance_has_errant_reporter(bench->tolerance));
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, bench->record, bench->error, &future, NULL));
    assert_true(mr_future_is_done(future));
    mr_future_drop(future);
    assert_counters(bench, 1, 0, 0, 0, 1);
    assert_non_null(strstr(lines.text[0], "'TASK_PUT' with class 'org.apache.kafka.connect.sink.SinkTask'"));
    assert_int_equal(0, tolerance_errant_failure(bench->tolerance, NULL));
}

static void a_report_without_tolerance_fails_even_if_swallowed(void **state)
{
    struct bench *bench = *state;
    struct mr_error *error = NULL;
    fail_once(bench, &bench->error);
    assert_int_equal(-1, tolerance_report_errant(bench->tolerance, bench->record, bench->error, NULL, &error));
    assert_string_equal("Tolerance exceeded in error handler", mr_error_message(error));
    mr_error_clear(&error);
    assert_int_equal(-1, tolerance_errant_failure(bench->tolerance, &error));
    assert_string_equal("Tolerance exceeded in error handler", mr_error_message(error));
    mr_error_drop(error);
    assert_counters(bench, 1, 1, 0, 0, 0);
}

static void tolerance_alone_makes_no_errant_reporter(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = true;
    bench->settings.dead_letter_topic = "  ";
    open_tolerance(bench);
    assert_false(tolerance_has_errant_reporter(bench->tolerance));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_tolerance_the_first_failure_ends_the_task),
        TEST(a_tolerated_failure_skips_the_record),
        TEST(a_retriable_failure_is_not_tried_again_without_a_timeout),
        TEST(a_retriable_failure_is_tried_again_until_it_works),
        TEST(backoff_ends_exactly_at_the_deadline),
        TEST(a_delay_that_the_error_asks_for_is_kept_within_the_limits),
        TEST(another_kind_of_failure_ends_the_attempts),
        TEST(want_of_memory_is_never_tolerated),
        TEST(a_batch_at_its_limit_does_not_cost_a_record),
        TEST(a_plugin_that_gives_no_reason_is_named),
        TEST(a_cancel_ends_the_wait),
        TEST(the_log_names_task_stage_and_class),
        TEST(the_log_tells_where_a_record_was_consumed_but_not_what_it_holds),
        TEST(the_log_shows_a_source_record_in_full),
        TEST(a_tolerated_report_counts_a_failure_only),
        TEST(a_report_without_tolerance_fails_even_if_swallowed),
        TEST(tolerance_alone_makes_no_errant_reporter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
