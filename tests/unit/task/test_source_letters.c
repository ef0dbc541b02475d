/* source_task, stepped by hand: dead letters of source records (millrace.errors.deadletterqueue.*). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/error_counters.h"
#include "source_script.h"
#include "support/alloc_torture.h"

static struct error_counters counters;
static const char *const transform[] = {"transforms=x", "transforms.x.type=org.acme.Failing", NULL};
static const char *const value_converter[] = {"value.converter=org.acme.FailingConverter", NULL};
static const char *const header_converter[] = {"header.converter=org.acme.FailingConverter", NULL};

static struct task *start_tolerant(const char *const *lines)
{
    memset(&counters, 0, sizeof(counters));
    struct task *task = create_with(&(struct source_setup){.pipeline_lines = lines, .tolerate_all = true, .has_dead_letters = true,
                                                           .has_context = true, .counters = &counters,
                                                           .buffer_bytes_max = 64u << 20});
    task_request_start(task);
    return task;
}

static void end_letters(void)
{
    if (fake_letters.listener != NULL)
        fake_end(&fake_letters);
}

static void finish_all(struct task *task)
{
    finish(task);
    end_letters();
}

/* The letter's header; NULL: it has none of that name. */
static const char *header(size_t letter, const char *name)
{
    static char text[4096];
    const struct producer_record *record = &fake_letters.sent[letter];

    for (size_t i = 0; i < record->header_count; i++) {
        const struct producer_header *at = &record->headers[i];

        if (strcmp(at->name, name) != 0)
            continue;
        if (at->value.data == NULL)
            return "(null)";
        snprintf(text, sizeof(text), "%.*s", (int)at->value.size, (const char *)at->value.data);
        return text;
    }
    return NULL;
}

static void assert_value(size_t letter, const char *expected)
{
    const struct mr_bytes value = fake_letters.sent[letter].value;

    assert_int_equal(strlen(expected), value.size);
    assert_memory_equal(expected, value.data, value.size);
}

static void a_record_that_a_transform_refuses_becomes_a_letter_as_it_was_polled(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    script.has_keys = script.has_headers = true;
    add(1, "a");
    add(1, "bad");
    add(1, "c");
    bench_run(task);
    assert_string_equal("a c ", sent_now());
    assert_int_equal(1, fake_letters.sent_count);
    assert_string_equal("letters", fake_letters.sent[0].topic->name);
    assert_value(0, "bad");
    assert_memory_equal("bad", fake_letters.sent[0].key.data, 3);
    assert_string_equal("bad", header(0, "h"));
    assert_string_equal("lines", header(0, "__connect.errors.topic"));
    assert_null(header(0, "__connect.errors.partition"));
    assert_null(header(0, "__connect.errors.offset"));
    assert_string_equal("files", header(0, "__connect.errors.connector.name"));
    assert_string_equal("TRANSFORMATION", header(0, "__connect.errors.stage"));
    assert_string_equal("org.acme.Failing", header(0, "__connect.errors.class.name"));
    assert_string_equal("a bad record", header(0, "__connect.errors.exception.message"));
    assert_string_equal("{\"p\":1}", header(0, "__connect.errors.source.partition"));
    assert_string_equal("{\"o\":2}", header(0, "__connect.errors.source.offset"));
    assert_null(header(0, "__connect.errors.value.form"));
    assert_null(header(0, "done")); /* what the transform had added */
    assert_int_equal(1, counters.record_failures);
    assert_int_equal(1, counters.record_errors);
    assert_int_equal(1, counters.records_skipped);
    assert_int_equal(1, counters.dead_letter_requests);
    finish_all(task);
}

static void the_offset_moves_when_the_letter_is_acknowledged(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    add(1, "a");
    add(1, "bad");
    add(1, "c");
    add(2, "x");
    bench_run(task);
    acknowledge_all();
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[1]); /* before the letter */
    assert_int_equal(1, fake_store.stored[2]); /* another source partition does not wait */
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[1]);
    assert_string_equal("a@lines:-1:-1 x@lines:-1:-1 bad@-:-1:-1 c@lines:-1:-1 ", script.committed);
    finish_all(task);
}

static void what_a_converter_refuses_is_written_as_json(void **state)
{
    (void)state;
    struct task *task = start_tolerant(value_converter);
    add(1, "bad");
    bench_run(task);
    assert_value(0, "\"bad\"");
    assert_string_equal("json", header(0, "__connect.errors.value.form"));
    assert_null(header(0, "__connect.errors.key.form"));
    assert_string_equal("VALUE_CONVERTER", header(0, "__connect.errors.stage"));
    assert_null(fake_letters.sent[0].key.data);
    finish_all(task);
}

static void a_header_that_cannot_be_converted_is_written_as_json(void **state)
{
    (void)state;
    struct task *task = start_tolerant(header_converter);
    script.has_headers = true;
    add(1, "bad");
    bench_run(task);
    assert_value(0, "bad");
    assert_string_equal("\"bad\"", header(0, "h"));
    assert_string_equal("json", header(0, "__connect.errors.headers.form"));
    assert_string_equal("HEADER_CONVERTER", header(0, "__connect.errors.stage"));
    finish_all(task);
}

static void a_record_that_kafka_refuses_becomes_a_letter_of_the_bytes_it_refused(void **state)
{
    (void)state;
    struct task *task = start_tolerant(NULL);
    add(1, "a");
    add(1, "b");
    add(1, "c");
    bench_run(task);
    fake_producer_return(PRODUCER_ACKED, NULL);
    fake_producer_return(PRODUCER_FAILED, "Broker: Invalid record");
    fake_producer_return(PRODUCER_ACKED, NULL);
    bench_run(task);
    assert_int_equal(1, fake_letters.sent_count);
    assert_value(0, "b");
    assert_string_equal("KAFKA_PRODUCE", header(0, "__connect.errors.stage"));
    assert_string_equal("Broker: Invalid record", header(0, "__connect.errors.exception.message"));
    assert_string_equal("{\"o\":2}", header(0, "__connect.errors.source.offset"));
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[1]);
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(3, fake_store.stored[1]);
    finish_all(task);
}

static char large[200001];
static void fill_large(void)
{
    memset(large, 'x', sizeof(large) - 1);
}

static void assert_cut(void)
{
    assert_int_equal(1, fake_letters.sent_count);
    assert_int_equal(4096, fake_letters.sent[0].value.size);
    assert_memory_equal(large, fake_letters.sent[0].value.data, 4096);
    assert_string_equal("{\"bytes\":200000,\"sha256\":\"91e3faafd322bcdf160f3f0ce886acb092b9b9e2a1e8526b40f21a8898a8700b\"}",
                        header(0, "__connect.errors.value.cut"));
    assert_string_equal("{\"o\":1}", header(0, "__connect.errors.source.offset"));
}

static void a_letter_that_is_too_large_is_written_in_short(void **state)
{
    (void)state;
    struct task *task = start_tolerant(NULL);
    fill_large();
    script.has_headers = true;
    add(1, large);
    bench_run(task);
    fake_producer_return(PRODUCER_FAILED, "Broker: Message size too large");
    bench_run(task);
    assert_int_equal(200000, fake_letters.sent[0].value.size); /* the letters' topic may take what the other did not */
    fake_letters_return(PRODUCER_FAILED, "Broker: Message size too large");
    bench_run(task);
    assert_cut();
    assert_null(header(0, "h"));
    assert_string_equal("{\"count\":1,\"bytes\":200001}", header(0, "__connect.errors.headers.cut"));
    assert_int_equal(TASK_RUNNING, task_state(task));
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(1, fake_store.stored[1]);
    assert_int_equal(0, counters.dead_letter_failures);
    finish_all(task);
}

static void a_letter_that_the_client_finds_too_large_is_written_in_short(void **state)
{
    (void)state;
    struct task *task = start_tolerant(NULL);
    fill_large();
    fake_letters.refusal = "the producer's max.request.size is 1048576";
    fake_letters.refused_value = large;
    add(1, large);
    bench_run(task);
    fake_producer_return(PRODUCER_FAILED, "Broker: Message size too large");
    bench_run(task);
    assert_cut();
    finish_all(task);
}

static void a_letter_that_cannot_be_written_fails_the_task_before_its_offset_moves(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    add(1, "a");
    add(1, "bad");
    bench_run(task);
    acknowledge_all();
    fake_letters_return(PRODUCER_FAILED, "Broker: Topic authorization failed");
    bench_run(task);
    assert_int_equal(TASK_STOPPING, task_state(task));
    close_producer(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_non_null(strstr(bench.trace, "Could not produce message to dead letter queue. topic=letters"));
    assert_int_equal(1, fake_store.stored[1]);
    assert_int_equal(1, counters.dead_letter_failures);
    finish_all(task);
}

static void a_letter_refused_at_once_fails_the_task_too(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    fake_letters.refusal = "refused";
    add(1, "bad");
    bench_run(task);
    close_producer(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(-1, fake_store.stored[1]);
    finish_all(task);
}

static void without_tolerance_the_letter_is_written_and_the_task_fails(void **state)
{
    (void)state;
    struct task *task = create_with(&(struct source_setup){.pipeline_lines = transform, .has_dead_letters = true});
    add(1, "a");
    add(1, "bad");
    task_request_start(task);
    bench_run(task);
    acknowledge_all();
    bench_run(task);
    assert_int_equal(TASK_STOPPING, task_state(task)); /* waits for the letter */
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_run(task);
    close_producer(task);
    assert_int_equal(TASK_FAILED, task_state(task));
    assert_int_equal(1, fake_store.stored[1]);
    finish_all(task);
}

static void a_stop_waits_for_letters_under_way(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    add(1, "bad");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 1000);
    bench_run(task);
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_run(task);
    close_producer(task);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(1, fake_store.stored[1]);
    finish_all(task);
}

static void a_stop_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    add(1, "bad");
    bench_run(task);
    task_request_stop(task, TASK_DEPARTURE_LEAVE, bench_now_ms() + 300);
    bench_run(task);
    fake_clock_advance_ms(&bench.clock, 300);
    bench_run(task);
    close_producer(task);
    assert_int_equal(TASK_STOPPED, task_state(task));
    assert_int_equal(-1, fake_store.stored[1]); /* the record comes again */
    finish_all(task);
}

static void letters_that_pile_up_stop_the_polling(void **state)
{
    (void)state;
    struct task *task = start_tolerant(transform);
    for (int i = 0; i < 12000; i++)
        add(1, "bad");
    bench_run(task);
    assert_int_equal(5000, script.at); /* the rest of the room is for what was polled by then */
    assert_int_equal(5000, fake_letters.sent_count);
    for (int i = 0; i < 3; i++) {
        while (fake_letters.sent_count > 0)
            fake_letters_return(PRODUCER_ACKED, NULL);
        bench_run(task);
    }
    assert_int_equal(12000, script.at);
    bench_advance_ms(task, FLUSH_INTERVAL_MS);
    assert_int_equal(12000, fake_store.stored[1]);
    finish_all(task);
}

static void letters_that_are_not_written_are_seen(void **state)
{
    static const struct task_limits limits = {.call_ms = 60000, .commit_ms = 300000};
    int64_t since_ms;

    (void)state;
    struct task *task = start_tolerant(transform);
    add(1, "bad");
    add(1, "bad");
    bench_run(task);
    bench_advance_ms(task, 59000);
    assert_int_equal(TASK_STALL_NONE, task_look(task, &limits, &since_ms));
    fake_letters_return(PRODUCER_ACKED, NULL); /* one by one */
    bench_advance_ms(task, 59000);
    assert_int_equal(TASK_STALL_NONE, task_look(task, &limits, &since_ms));
    bench_advance_ms(task, 2000);
    assert_int_equal(TASK_STALL_LETTERS, task_look(task, &limits, &since_ms));
    fake_letters_return(PRODUCER_ACKED, NULL);
    bench_advance_ms(task, 1000);
    assert_int_equal(TASK_STALL_NONE, task_look(task, &limits, &since_ms));
    finish_all(task);
}

static void without_context_the_letter_is_the_record_alone(void **state)
{
    (void)state;
    struct task *task =
        create_with(&(struct source_setup){.pipeline_lines = transform, .tolerate_all = true, .has_dead_letters = true});
    add(1, "bad");
    task_request_start(task);
    bench_run(task);
    assert_int_equal(0, fake_letters.sent[0].header_count);
    assert_value(0, "bad");
    finish_all(task);
}

/* --- memory ---- */

static bool is_safe[4]; /* record 1 … 3: acknowledged, or its letter is */

static size_t record_of(struct mr_bytes value)
{
    return *(const char *)value.data == 'a' ? 1 : *(const char *)value.data == 'b' ? 2 : 3;
}

static void answer_all(void)
{
    while (fake_producer.sent_count > 0) {
        size_t record = record_of(fake_producer.sent[0].value);

        is_safe[record] = is_safe[record] || record != 3;
        fake_producer_return(record == 3 ? PRODUCER_FAILED : PRODUCER_ACKED, "Broker: Message size too large");
    }
    while (fake_letters.sent_count > 0) {
        bool fits = fake_letters.sent[0].value.size <= 4096;

        is_safe[record_of(fake_letters.sent[0].value)] |= fits;
        fake_letters_return(fits ? PRODUCER_ACKED : PRODUCER_FAILED, "Broker: Message size too large");
    }
}

static bool live_through(void *argument)
{
    struct source_setup setup = {.ops = &ops, .pipeline_lines = transform, .tolerate_all = true, .has_dead_letters = true,
                                 .has_context = true, .buffer_bytes_max = 4u << 20};
    struct task *task;

    (void)argument;
    memset(is_safe, 0, sizeof(is_safe));
    fake_store_reset();
    fake_producer_reset();
    task = source_task_of_test(&setup);
    if (task == NULL) {
        if (fake_letters.listener != NULL)
            fake_end(&fake_letters);
        return false;
    }
    script.at = 0;
    task_request_start(task);
    bench_run(task);
    for (int i = 0; i < 6 && task_state(task) == TASK_RUNNING; i++) {
        answer_all();
        bench_advance_ms(task, FLUSH_INTERVAL_MS);
    }
    bool worked = task_state(task) == TASK_RUNNING && fake_store.stored[1] == 3;
    answer_all();
    finish_all(task);
    for (int64_t i = 1; i <= fake_store.stored[1]; i++)
        assert_true(is_safe[i]);
    return worked;
}

static void no_lack_of_memory_loses_a_record(void **state)
{
    (void)state;
    fill_large();
    script.has_keys = script.has_headers = true;
    add(1, "a");
    add(1, "bad");
    add(1, large);
    live_through(NULL); /* tables that live for ever are made now */
    alloc_torture(live_through, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_that_a_transform_refuses_becomes_a_letter_as_it_was_polled),
        TEST(the_offset_moves_when_the_letter_is_acknowledged),
        TEST(what_a_converter_refuses_is_written_as_json),
        TEST(a_header_that_cannot_be_converted_is_written_as_json),
        TEST(a_record_that_kafka_refuses_becomes_a_letter_of_the_bytes_it_refused),
        TEST(a_letter_that_is_too_large_is_written_in_short),
        TEST(a_letter_that_the_client_finds_too_large_is_written_in_short),
        TEST(a_letter_that_cannot_be_written_fails_the_task_before_its_offset_moves),
        TEST(a_letter_refused_at_once_fails_the_task_too),
        TEST(without_tolerance_the_letter_is_written_and_the_task_fails),
        TEST(a_stop_waits_for_letters_under_way),
        TEST(a_stop_does_not_wait_for_ever),
        TEST(letters_that_pile_up_stop_the_polling),
        TEST(letters_that_are_not_written_are_seen),
        TEST(no_lack_of_memory_loses_a_record),
        TEST(without_context_the_letter_is_the_record_alone),
    };
    RUN_TESTS(tests);
}
