/* Dead letters: what they hold, what they hold back, and that none is lost. */
#include "errors_test.h"

#include <inttypes.h>
#include <millrace/host.h>
#include <pthread.h>

#include "errors/dead_letter.h"
#include "errors/tolerance.h"
#include "metrics/error_counters.h"
#include "kafka/admin.h"
#include "support/eventually.h"
#include "support/fake_producer.h"


struct bench {
    struct error_settings settings;
    struct tolerance *tolerance;
    struct mr_batch *batch;
    int wakes;
};

static void count_wake(void *argument)
{
    ((struct bench *)argument)->wakes++;
}

static void open_tolerance(struct bench *bench)
{
    const struct tolerance_setup setup = {
        .connector = "snk2",
        .task = 0,
        .settings = &bench->settings,
        .producers = (struct producer_pool *)bench,
        .producer_config = (struct client_config *)bench,
        .wake = count_wake,
        .wake_argument = bench,
    };
    bench->tolerance = tolerance_create(&setup, NULL);
    assert_non_null(bench->tolerance);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fake_producer_reset();
    bench->settings = (struct error_settings)ERROR_SETTINGS_DEFAULT;
    bench->settings.tolerate_all = true;
    bench->settings.dead_letter_topic = " dlq ";
    bench->batch = batch_of_test();
    open_tolerance(bench);
    keep_lines();
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    tolerance_destroy(bench->tolerance, 0);
    if (fake_producer.listener != NULL)
        fake_producer_end();
    log_sink_set(NULL);
    mr_batch_drop(bench->batch);
    free(bench);
    return 0;
}

static void reopen(struct bench *bench)
{
    tolerance_destroy(bench->tolerance, 0);
    fake_producer_end();
    open_tolerance(bench);
}

static enum tolerance_result fail_record(struct bench *bench, struct mr_record *record)
{
    const struct operation operation = {
        .stage = STAGE_VALUE_CONVERTER,
        .class_name = "org.apache.kafka.connect.json.JsonConverter",
        .record = record,
    };
    struct mr_error *error = NULL;
    mr_error_set(&error, MR_ERR_DATA, "not JSON");
    enum tolerance_result result = tolerance_recover(bench->tolerance, &operation, &error);
    mr_error_drop(error);
    return result;
}

static void fail_at(struct bench *bench, int32_t partition, int64_t offset)
{
    struct mr_record *record = append_sink(bench->batch, "in", partition, offset, "k", "v");
    assert_int_equal(TOLERANCE_SKIPPED, fail_record(bench, record));
}

static int64_t safe(struct bench *bench, int32_t partition, int64_t upto)
{
    return tolerance_safe_offset(bench->tolerance, "in", partition, upto);
}

static void assert_bytes(const char *expected, struct mr_bytes bytes)
{
    if (expected == NULL) {
        assert_null(bytes.data);
        return;
    }
    assert_non_null(bytes.data);
    assert_int_equal(strlen(expected), bytes.size);
    assert_memory_equal(expected, bytes.data, bytes.size);
}

/* What a letter holds ----------------------------------------------------------------------------------------- */

static void a_letter_is_the_record_as_it_was_consumed(void **state)
{
    struct bench *bench = *state;
    const struct record_raw_header headers[] = {
        { .key = "h1", .value = bytes_of("x") }, { .key = "h2", .value = bytes_of("") }, { .key = "h1", .value = { NULL, 0 } }
    };
    const struct record_origin origin = { .topic = "in", .partition = 1, .offset = 4, .timestamp_ms = 1234,
                                          .key = bytes_of(""), .value = bytes_of(NULL), .headers = headers,
                                          .header_count = 3 };
    struct mr_record *record = mr_batch_append(bench->batch);
    assert_int_equal(0, record_set_origin(record, &origin));
    assert_int_equal(TOLERANCE_SKIPPED, fail_record(bench, record));
    assert_int_equal(1, fake_producer.sent_count);
    const struct producer_record *letter = &fake_producer.sent[0];
    assert_string_equal("dlq", letter->topic->name);
    assert_int_equal(-1, letter->partition);
    assert_int_equal(1234, letter->timestamp_ms);
    assert_bytes("", letter->key);
    assert_bytes(NULL, letter->value);
    assert_int_equal(3, letter->header_count);
    assert_string_equal("h1", letter->headers[0].name);
    assert_bytes("x", letter->headers[0].value);
    assert_bytes("", letter->headers[1].value);
    assert_string_equal("h1", letter->headers[2].name);
    assert_bytes(NULL, letter->headers[2].value);
}

static void context_headers_come_after_those_of_the_record(void **state)
{
    struct bench *bench = *state;
    bench->settings.dead_letter_context = true;
    reopen(bench);
    struct mr_record *record = append_sink(bench->batch, "tsink", 0, 4, "k5", "not json");
    assert_int_equal(TOLERANCE_SKIPPED, fail_record(bench, record));
    const struct producer_record *letter = &fake_producer.sent[0];
    static const char *const expected[][2] = {
        { "topic", "tsink" },
        { "partition", "0" },
        { "offset", "4" },
        { "connector.name", "snk2" },
        { "task.id", "0" },
        { "stage", "VALUE_CONVERTER" },
        { "class.name", "org.apache.kafka.connect.json.JsonConverter" },
        { "exception.class.name", "org.apache.kafka.connect.errors.DataException" },
        { "exception.message", "not JSON" },
        { "exception.stacktrace", "org.apache.kafka.connect.errors.DataException: not JSON" },
    };
    assert_int_equal(10, letter->header_count);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(0, strncmp("__connect.errors.", letter->headers[i].name, 17));
        assert_string_equal(expected[i][0], letter->headers[i].name + 17);
        assert_bytes(expected[i][1], letter->headers[i].value);
    }
}

static void a_letter_outlives_the_batch_of_its_record(void **state)
{
    struct bench *bench = *state;
    fail_at(bench, 0, 3);
    mr_batch_drop(bench->batch);
    bench->batch = batch_of_test();
    assert_bytes("v", fake_producer.sent[0].value);
}

static void a_letter_comes_before_the_failure_of_the_task(void **state)
{
    struct bench *bench = *state;
    bench->settings.tolerate_all = false;
    reopen(bench);
    struct mr_record *record = append_sink(bench->batch, "in", 0, 4, "k", "v");
    assert_int_equal(TOLERANCE_FAILED, fail_record(bench, record));
    assert_int_equal(1, fake_producer.sent_count);
}

static int own_bytes(void *argument, const struct mr_record *record, struct mr_arena *arena, struct record_origin *origin,
                     struct mr_error **error)
{
    (void)argument;
    (void)record;
    (void)arena;
    (void)error;
    origin->topic = "made";
    origin->key = bytes_of("own key");
    return 0;
}

static void a_record_of_the_tasks_own_making_is_serialized(void **state)
{
    struct bench *bench = *state;
    struct mr_record *record = mr_batch_append(bench->batch);
    struct mr_error *reason = NULL;
    mr_error_set(&reason, MR_ERR_DATA, "bad");
    tolerance_set_bytes(bench->tolerance, own_bytes, NULL);
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, reason, NULL, NULL));
    assert_bytes("own key", fake_producer.sent[0].key);
    /* Nobody knows which offset it goes with: nothing is committed before it is safe. */
    assert_int_equal(-1, safe(bench, 0, 10));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(10, safe(bench, 0, 10));
    mr_error_drop(reason);
}

/* What a letter holds back ------------------------------------------------------------------------------------ */

static void offsets_wait_for_pending_letters(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(100, safe(bench, 0, 100));
    assert_false(tolerance_is_waiting(bench->tolerance));
    fail_at(bench, 0, 40);
    fail_at(bench, 0, 60);
    fail_at(bench, 1, 5);
    assert_true(tolerance_is_waiting(bench->tolerance));
    assert_int_equal(40, safe(bench, 0, 100));
    assert_int_equal(20, safe(bench, 0, 20));
    assert_int_equal(5, safe(bench, 1, 9));
    assert_int_equal(9, safe(bench, 2, 9));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(60, safe(bench, 0, 100));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(100, safe(bench, 0, 100));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(9, safe(bench, 1, 9));
    assert_int_equal(3, bench->wakes);
    assert_false(tolerance_is_waiting(bench->tolerance));
    assert_int_equal(0, tolerance_letter_failure(bench->tolerance, NULL));
}

static const struct producer_header *last_header(const char *name)
{
    const struct producer_record *letter = &fake_producer.sent[0];
    assert_int_equal(1, fake_producer.sent_count);
    for (size_t i = letter->header_count; i-- > 0;)
        if (strcmp(letter->headers[i].name, name) == 0)
            return &letter->headers[i];
    fail_msg("no header %s", name);
    return NULL;
}

static void a_letter_that_is_too_large_goes_without_its_stack_trace(void **state)
{
    static const char trace[] = "__connect.errors.exception.stacktrace";
    struct bench *bench = *state;
    bench->settings.dead_letter_context = true;
    reopen(bench);
    fail_at(bench, 0, 40);
    assert_non_null(last_header(trace)->value.data);
    fake_producer_return(PRODUCER_FAILED, "broker: message size too large");
    assert_null(last_header(trace)->value.data);
    assert_non_null(last_header("__connect.errors.exception.message")->value.data);
    assert_int_equal(0, tolerance_letter_failure(bench->tolerance, NULL));
    fake_producer_return(PRODUCER_FAILED, "broker: message size too large");
    assert_int_equal(-1, tolerance_letter_failure(bench->tolerance, NULL));
}

static void a_letter_that_is_not_written_fails_the_task_and_holds_its_offset(void **state)
{
    struct bench *bench = *state;
    struct mr_error *error = NULL;
    fail_at(bench, 0, 40);
    fake_producer_return(PRODUCER_FAILED, "broker: record list too large");
    assert_int_equal(-1, tolerance_letter_failure(bench->tolerance, &error));
    assert_non_null(strstr(mr_error_message(error), "topic=dlq"));
    assert_non_null(strstr(mr_error_message(error), "record list too large"));
    mr_error_drop(error);
    assert_int_equal(40, safe(bench, 0, 100));
    assert_int_equal(1, tolerance_counters(bench->tolerance)->dead_letter_failures);
    assert_int_equal(1, tolerance_counters(bench->tolerance)->dead_letter_requests);
}

static void a_letter_that_the_client_refuses_is_no_different(void **state)
{
    struct bench *bench = *state;
    fake_producer.refusal = "too large";
    fail_at(bench, 0, 40);
    assert_int_equal(-1, tolerance_letter_failure(bench->tolerance, NULL));
    assert_int_equal(40, safe(bench, 0, 100));
}

static void a_letter_waits_for_room_in_the_producer(void **state)
{
    struct bench *bench = *state;
    fake_producer.room = 0;
    fail_at(bench, 0, 40);
    fail_at(bench, 0, 41);
    assert_int_equal(0, fake_producer.sent_count);
    assert_int_equal(40, safe(bench, 0, 100));
    fake_producer.room = SIZE_MAX;
    fake_producer_writable();
    assert_int_equal(2, fake_producer.sent_count);
}

static void letters_given_back_by_a_swap_are_sent_again(void **state)
{
    struct bench *bench = *state;
    fail_at(bench, 0, 40);
    fake_producer_return(PRODUCER_NOT_SENT, NULL);
    assert_int_equal(40, safe(bench, 0, 100));
    fake_producer.listener->on_swapped(fake_producer.argument);
    assert_int_equal(1, fake_producer.rewinds);
    assert_int_equal(1, fake_producer.sent_count);
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(100, safe(bench, 0, 100));
}

static void a_forgotten_partition_holds_nothing_back(void **state)
{
    struct bench *bench = *state;
    fail_at(bench, 0, 40);
    fail_at(bench, 1, 7);
    tolerance_forget_partition(bench->tolerance, "in", 0);
    assert_int_equal(100, safe(bench, 0, 100));
    assert_int_equal(7, safe(bench, 1, 100));
    fake_producer_return(PRODUCER_FAILED, "gone");
    assert_int_equal(0, tolerance_letter_failure(bench->tolerance, NULL));
}

static void the_future_of_a_report_is_done_when_the_letter_is_safe(void **state)
{
    struct bench *bench = *state;
    struct mr_record *record = append_sink(bench->batch, "in", 0, 4, "k", "v");
    struct mr_error *reason = NULL;
    struct mr_future *future = NULL, *lost = NULL;
    mr_error_set(&reason, MR_ERR_DATA, "bad");
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, reason, &future, NULL));
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, reason, &lost, NULL));
    assert_false(mr_future_is_done(future));
    fake_producer_return(PRODUCER_ACKED, NULL);
    fake_producer_return(PRODUCER_FAILED, "refused");
    assert_int_equal(0, mr_future_wait(future, 0, NULL));
    assert_true(mr_future_is_done(lost));
    assert_int_equal(-1, mr_future_wait(lost, 0, NULL));
    mr_future_drop(future);
    mr_future_drop(lost);
    mr_error_drop(reason);
}

static void the_end_of_a_task_tells_those_who_wait_for_letters(void **state)
{
    struct bench *bench = *state;
    struct mr_record *record = append_sink(bench->batch, "in", 0, 4, "k", "v");
    struct mr_future *sent = NULL, *unsent = NULL;
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, NULL, &sent, NULL));
    fake_producer.room = 0;
    assert_int_equal(0, tolerance_report_errant(bench->tolerance, record, NULL, &unsent, NULL));
    tolerance_destroy(bench->tolerance, 0);
    bench->tolerance = NULL;
    assert_int_equal(-1, mr_future_wait(unsent, 0, NULL));
    assert_false(mr_future_is_done(sent));
    fake_producer_return(PRODUCER_ACKED, NULL);
    assert_int_equal(0, mr_future_wait(sent, 0, NULL));
    assert_int_equal(0, bench->wakes);
    mr_future_drop(sent);
    mr_future_drop(unsent);
}

/* Too many ---------------------------------------------------------------------------------------------------- */

struct full {
    struct bench *bench;
    struct mr_record *record;
    _Atomic int started;
    enum tolerance_result result;
};

static void *fail_one_more(void *argument)
{
    struct full *full = argument;
    full->started = 1;
    full->result = fail_record(full->bench, full->record);
    return NULL;
}

static void fill(struct bench *bench)
{
    struct mr_record *record = append_sink(bench->batch, "in", 0, 4, "k", "v");
    while (fake_producer.sent_count < 10000)
        assert_int_equal(TOLERANCE_SKIPPED, fail_record(bench, record));
}

static void a_report_waits_when_too_many_letters_are_under_way(void **state)
{
    struct bench *bench = *state;
    fill(bench);
    assert_int_equal(10000, fake_producer.sent_count);
    struct full full = { .bench = bench, .record = append_sink(bench->batch, "in", 1, 9, "k", "v") };
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, fail_one_more, &full));
    fake_producer_return(PRODUCER_ACKED, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(TOLERANCE_SKIPPED, full.result);
    assert_int_equal(9, safe(bench, 1, 100));
}

static void a_cancel_ends_the_wait_for_room_and_skips_nothing(void **state)
{
    struct bench *bench = *state;
    fill(bench);
    struct full full = { .bench = bench, .record = append_sink(bench->batch, "in", 1, 9, "k", "v") };
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, fail_one_more, &full));
    tolerance_cancel(bench->tolerance);
    pthread_join(thread, NULL);
    assert_int_equal(TOLERANCE_FAILED, full.result);
}

/* A task that is to stop while it waits for room; without room the letter was never written and its record comes again. */
static void a_stop_ends_the_wait_for_room_and_skips_nothing(void **state)
{
    struct bench *bench = *state;
    fill(bench);
    struct full full = { .bench = bench, .record = append_sink(bench->batch, "in", 1, 9, "k", "v") };
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, fail_one_more, &full));
    tolerance_stop(bench->tolerance);
    pthread_join(thread, NULL);
    assert_int_equal(TOLERANCE_FAILED, full.result);
    assert_true(tolerance_was_interrupted(bench->tolerance));
    assert_int_equal(0, tolerance_letter_failure(bench->tolerance, NULL));
    assert_int_equal(4, safe(bench, 0, 100)); /* those under way still hold back */
}

static void a_stop_with_room_interrupts_nothing(void **state)
{
    struct bench *bench = *state;
    tolerance_stop(bench->tolerance);
    fail_at(bench, 0, 40);
    assert_int_equal(1, fake_producer.sent_count);
    assert_false(tolerance_was_interrupted(bench->tolerance));
}

static void a_letter_that_is_not_written_ends_the_wait_for_room_and_fails_the_task(void **state)
{
    struct bench *bench = *state;
    fill(bench);
    struct full full = { .bench = bench, .record = append_sink(bench->batch, "in", 1, 9, "k", "v") };
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, fail_one_more, &full));
    fake_producer_return(PRODUCER_FAILED, "topic authorization failed");
    pthread_join(thread, NULL);
    assert_int_equal(TOLERANCE_FAILED, full.result);
    assert_false(tolerance_was_interrupted(bench->tolerance));
    assert_int_equal(-1, tolerance_letter_failure(bench->tolerance, NULL));
    assert_int_equal(4, safe(bench, 0, 100));
}

/* The topic --------------------------------------------------------------------------------------------------- */

static struct {
    int32_t partitions;
    enum admin_created created;
    struct admin_new_topic wanted;
    char name[64];
    int creations;
} topic;

int __wrap_admin_partition_count(struct admin *admin, const char *name, int32_t *partitions, int64_t deadline_ms,
                                 struct mr_error **error)
{
    (void)admin;
    (void)deadline_ms;
    snprintf(topic.name, sizeof(topic.name), "%s", name);
    *partitions = topic.partitions;
    return topic.partitions < 0 ? mr_error_set(error, MR_ERR_TIMEOUT, "no answer") : 0;
}

enum admin_created __wrap_admin_create_topic(struct admin *admin, const struct admin_new_topic *wanted,
                                             int64_t deadline_ms, struct mr_error **error)
{
    (void)admin;
    (void)deadline_ms;
    topic.wanted = *wanted;
    topic.creations++;
    if (topic.created != ADMIN_CREATED && topic.created != ADMIN_EXISTED)
        mr_error_set(error, MR_ERR_CONNECT, "replication factor 3 with 1 broker");
    return topic.created;
}

static void a_missing_topic_is_created(void **state)
{
    (void)state;
    memset(&topic, 0, sizeof(topic));
    topic.created = ADMIN_EXISTED; /* a sibling was faster */
    assert_int_equal(0, dead_letter_prepare(NULL, " dlq ", 2, 0, NULL));
    assert_string_equal("dlq", topic.name);
    assert_int_equal(1, topic.creations);
    assert_int_equal(1, topic.wanted.partitions);
    assert_int_equal(2, topic.wanted.replication_factor);
    topic.partitions = 4;
    assert_int_equal(0, dead_letter_prepare(NULL, "dlq", 2, 0, NULL));
    assert_int_equal(0, dead_letter_prepare(NULL, " ", 2, 0, NULL));
    assert_int_equal(1, topic.creations);
}

static void a_topic_that_cannot_be_created_keeps_the_task_from_starting(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    memset(&topic, 0, sizeof(topic));
    topic.created = ADMIN_INVALID_REPLICATION;
    assert_int_equal(-1, dead_letter_prepare(NULL, "dlq", 3, 0, &error));
    assert_string_equal("Could not initialize dead letter queue with topic=dlq", mr_error_message(error));
    assert_non_null(strstr(mr_error_message(mr_error_cause(mr_error_cause(error))), "1 broker"));
    assert_non_null(strstr(mr_error_message(mr_error_cause(error)), "errors.deadletterqueue.topic.replication.factor"));
    mr_error_drop(error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_letter_is_the_record_as_it_was_consumed),
        TEST(context_headers_come_after_those_of_the_record),
        TEST(a_letter_outlives_the_batch_of_its_record),
        TEST(a_letter_comes_before_the_failure_of_the_task),
        TEST(a_record_of_the_tasks_own_making_is_serialized),
        TEST(offsets_wait_for_pending_letters),
        TEST(a_letter_that_is_too_large_goes_without_its_stack_trace),
        TEST(a_letter_that_is_not_written_fails_the_task_and_holds_its_offset),
        TEST(a_letter_that_the_client_refuses_is_no_different),
        TEST(a_letter_waits_for_room_in_the_producer),
        TEST(letters_given_back_by_a_swap_are_sent_again),
        TEST(a_forgotten_partition_holds_nothing_back),
        TEST(the_future_of_a_report_is_done_when_the_letter_is_safe),
        TEST(the_end_of_a_task_tells_those_who_wait_for_letters),
        TEST(a_report_waits_when_too_many_letters_are_under_way),
        TEST(a_cancel_ends_the_wait_for_room_and_skips_nothing),
        TEST(a_stop_ends_the_wait_for_room_and_skips_nothing),
        TEST(a_stop_with_room_interrupts_nothing),
        TEST(a_letter_that_is_not_written_ends_the_wait_for_room_and_fails_the_task),
        cmocka_unit_test(a_missing_topic_is_created),
        cmocka_unit_test(a_topic_that_cannot_be_created_keeps_the_task_from_starting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
