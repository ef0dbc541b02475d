/* The one queue of a consumer's partitions: what pauses hold, what rewinds leave behind, what strays, how much is fetched ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumer_bench.h"
#include "kafka/quirks_internal.h"

/* As if librdkafka had handed out, after a rewind, what it held from before. */
static void left_overs_of_a_rewind_are_not_taken_for_records(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    for (int32_t p = 1; p < PARTITIONS; p++)
        assert_int_equal(consumer_pause(fixture->consumer, "t", p, NULL), 0);
    read_records(&reading, 100);
    struct reader *reader = consumer_reader(fixture->consumer, "t", 0);
    reader->first_at_most = reader->last_read;
    reader->next -= 50;
    reading.next[0] -= 50;
    assert_int_equal(consumer_resume(fixture->consumer, "t", 0, NULL), 0);
    read_records(&reading, 50);
    assert_true(consumer_stale_count(fixture->consumer) > 1);
    assert_true(reader->reseeks < CONSUMER_RESEEKS_MAX);
}

static void a_paused_partition_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    assert_int_equal(consumer_pause(fixture->consumer, "t", 1, NULL), 0);
    read_records(&reading, 3 * RECORDS);
    assert_int_equal(reading.next[1], 0);
    consumer_pause_all(fixture->consumer, true);
    assert_int_equal(consumer_resume(fixture->consumer, "t", 1, NULL), 0);
    assert_null(consumer_read(fixture->consumer, 10));
    consumer_pause_all(fixture->consumer, false);
    read_records(&reading, RECORDS);
    assert_int_equal(consumer_pause(fixture->consumer, "t", 9, NULL), -1);
}

static bool all_is_fetched(void *consumer)
{
    return rd_kafka_queue_length(((struct consumer *)consumer)->records) >= PARTITIONS * RECORDS;
}

/* What was fetched before a pause stays, in order, before what comes after it; a rewind lets go of it. */
static void records_that_lay_ready_when_a_partition_was_paused_come_when_it_is_read_again(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    assert_true(eventually(SOON_MS, all_is_fetched, fixture->consumer));
    assert_int_equal(consumer_pause(fixture->consumer, "t", 1, NULL), 0);
    assert_int_equal(consumer_pause(fixture->consumer, "t", 2, NULL), 0);
    read_records(&reading, 2 * RECORDS);
    assert_null(consumer_read(fixture->consumer, 100)); /* and has looked at all that there is */
    struct reader *paused = consumer_reader(fixture->consumer, "t", 1), *rewound = consumer_reader(fixture->consumer, "t", 2);
    assert_int_equal(paused->held_count, RECORDS);
    assert_int_equal(rewound->held_count, RECORDS);
    assert_int_equal(consumer_position(fixture->consumer, "t", 1), CONSUMER_OFFSET_NONE);

    assert_int_equal(consumer_resume(fixture->consumer, "t", 1, NULL), 0);
    read_records(&reading, 300);
    assert_int_equal(reading.next[1], 300);
    assert_int_equal(paused->held_count, RECORDS - 300);
    assert_int_equal(consumer_pause(fixture->consumer, "t", 1, NULL), 0); /* again, with some still held */
    assert_null(consumer_read(fixture->consumer, 100));
    assert_int_equal(consumer_resume(fixture->consumer, "t", 1, NULL), 0);
    read_records(&reading, RECORDS - 300);
    assert_null(paused->held);

    struct consumer_partition target = {"t", 2, 600};
    assert_int_equal(consumer_seek(fixture->consumer, &target, 1, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(rewound->held_count, 0);
    reading.next[2] = 600;
    assert_int_equal(consumer_resume(fixture->consumer, "t", 2, NULL), 0);
    read_records(&reading, RECORDS - 600);
    assert_int_equal(consumer_stale_count(fixture->consumer), 0);
}

static void pauses_and_rewinds_at_random_leave_no_gap(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    bool paused[PARTITIONS] = {false};
    take_assignment(fixture->consumer);
    srand(11);
    for (int i = 0; i < 200; i++) {
        int32_t p = rand() % PARTITIONS;
        if (rand() % 4 == 0) {
            struct consumer_partition target = {"t", p, reading.next[p] > 0 ? rand() % reading.next[p] : 0};
            assert_int_equal(consumer_seek(fixture->consumer, &target, 1, deadline_after_ms(SOON_MS), NULL), 0);
            reading.next[p] = (int)target.offset;
        } else {
            paused[p] = !paused[p];
            assert_int_equal((paused[p] ? consumer_pause : consumer_resume)(fixture->consumer, "t", p, NULL), 0);
        }
        reading.wanted = reading.count = 0;
        reading.wanted = 1 + rand() % 100;
        enough_read(&reading); /* what is at hand, perhaps nothing */
    }
    int left = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(consumer_resume(fixture->consumer, "t", p, NULL), 0);
        left += RECORDS - reading.next[p];
    }
    reading.count = 0;
    read_records(&reading, left);
}

/* As when librdkafka, having stopped and begun again to fetch a partition, has ended the forwarding of its queue. */
static void records_of_a_queue_that_is_no_longer_forwarded_come_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    for (size_t i = 0; i < PARTITIONS; i++)
        rd_kafka_queue_forward(fixture->consumer->readers[i]->queue, NULL);
    read_records(&reading, PARTITIONS * RECORDS);
}

#define LARGE_BYTES 10000
#define LARGE_RECORDS 300 /* a partition: 12 MB in all */
#define RESPONSE_BYTES 500000
#define BATCH_BYTES 1000000 /* of the producer; the last of a response comes whole */

/* queued.max.messages.kbytes, as docs/performance.md has it. */
static int64_t ahead_bytes_max(void)
{
    return (quirk_present(QUIRK_NO_FETCH_QUEUE_BACKOFF) ? 4096 : 1024) * INT64_C(1024);
}

static int64_t bytes_ahead(const struct consumer *consumer)
{
    return (int64_t)rd_kafka_queue_length(consumer->records) * LARGE_BYTES;
}

static bool much_is_there(void *consumer)
{
    return bytes_ahead(consumer) >= ahead_bytes_max() / 2; /* librdkafka counts more than values */
}

/* A response that was on its way when the queue was not yet full comes on top. */
static void what_is_fetched_ahead_is_bounded_for_all_partitions_together(void **state)
{
    struct fixture *fixture = *state;
    fill_with(fixture, "large", LARGE_RECORDS, LARGE_BYTES);
    fixture->buffer_bytes_max = CONSUMER_RESPONSE_SHARE * RESPONSE_BYTES;
    open_in_place(fixture, "large");
    for (size_t left = PARTITIONS * LARGE_RECORDS; left > 0;) {
        if (left * LARGE_BYTES > 2 * (size_t)ahead_bytes_max())
            assert_true(eventually(SOON_MS, much_is_there, fixture->consumer));
        assert_in_range(bytes_ahead(fixture->consumer), 0, ahead_bytes_max() + RESPONSE_BYTES + BATCH_BYTES);
        struct consumer_batch *batch = consumer_read(fixture->consumer, 20);
        if (batch != NULL)
            left -= consumer_batch_count(batch);
        consumer_batch_drop(batch);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(left_overs_of_a_rewind_are_not_taken_for_records),
        TEST(a_paused_partition_is_not_read),
        TEST(records_that_lay_ready_when_a_partition_was_paused_come_when_it_is_read_again),
        TEST(pauses_and_rewinds_at_random_leave_no_gap),
        TEST(records_of_a_queue_that_is_no_longer_forwarded_come_all_the_same),
        TEST(what_is_fetched_ahead_is_bounded_for_all_partitions_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
