/* consumer on the mock cluster: assignment as events, reading in batches, rewinds, commits, records that outlive it. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumer_bench.h"

static void all_records_come_once_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    read_records(&reading, PARTITIONS * RECORDS);
    assert_int_equal(reading.count, PARTITIONS * RECORDS);
    assert_int_equal(consumer_stale_count(fixture->consumer), 0);
    assert_int_equal(consumer_position(fixture->consumer, "t", 2), RECORDS);
    assert_true(fixture->ready > 0);
}

static void rewinds_leave_no_gap(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer};
    take_assignment(fixture->consumer);
    srand(4);
    for (int i = 0; i < 40; i++) {
        read_records(&reading, 1 + rand() % 200);
        int32_t p = rand() % PARTITIONS;
        int back = reading.next[p] > 0 ? rand() % reading.next[p] : 0;
        struct consumer_partition target = {"t", p, reading.next[p] - back};
        assert_int_equal(consumer_seek(fixture->consumer, &target, 1, deadline_after_ms(SOON_MS), NULL), 0);
        reading.next[p] -= back;
        reading.count = 0;
    }
    int left = 0;
    for (int p = 0; p < PARTITIONS; p++)
        left += RECORDS - reading.next[p];
    if (left > 0)
        read_records(&reading, left);
}

static void a_seek_before_the_first_record_is_not_lost(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer, .next = {900, 0, 0, 0}};
    take_assignment(fixture->consumer);
    struct consumer_partition target = {"t", 0, 900};
    assert_int_equal(consumer_seek(fixture->consumer, &target, 1, deadline_after_ms(SOON_MS), NULL), 0);
    read_records(&reading, 100 + 3 * RECORDS);
}

static void committed_offsets_are_where_the_next_member_begins(void **state)
{
    struct fixture *fixture = *state;
    take_assignment(fixture->consumer);
    struct consumer_partition offsets[] = {{"t", 0, 990}, {"t", 1, 980}};
    assert_int_equal(consumer_commit(fixture->consumer, offsets, 2, 77, NULL), 0);
    struct consumer_event event = await_event(fixture->consumer, CONSUMER_COMMITTED);
    assert_int_equal(event.token, 77);
    assert_null(event.error);
    assert_int_equal(event.count, 2);
    struct consumer_partition last[] = {{"t", 2, 970}, {"t", 3, 960}};
    assert_int_equal(consumer_commit_and_wait(fixture->consumer, last, 2, deadline_after_ms(SOON_MS), NULL), 0);
    struct consumer_partition asked[] = {{"t", 0, 0}, {"t", 3, 0}};
    assert_int_equal(consumer_committed(fixture->consumer, asked, 2, deadline_after_ms(SOON_MS), NULL), 0);
    assert_int_equal(asked[0].offset, 990);
    assert_int_equal(asked[1].offset, 960);
    consumer_close(fixture->consumer, CONSUMER_CLOSE_LEAVE, deadline_after_ms(SOON_MS));
    fixture->consumer = open_consumer(fixture, QUICK);
    struct reading reading = {.consumer = fixture->consumer, .next = {990, 980, 970, 960}};
    take_assignment(fixture->consumer);
    read_records(&reading, 100);
}

static void an_assignment_may_begin_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct reading reading = {.consumer = fixture->consumer, .next = {999, 999, 999, 0}};
    await_event(fixture->consumer, CONSUMER_ASSIGNED);
    struct consumer_partition from[] = {{"t", 0, 999}, {"t", 1, 999}, {"t", 2, 999}};
    assert_int_equal(consumer_assign(fixture->consumer, from, 3, NULL), 0);
    assert_int_equal(consumer_position(fixture->consumer, "t", 0), 999);
    read_records(&reading, 3 + RECORDS);
}

/* ---- what is kept ---- */

struct wish {
    struct consumer *consumer;
    size_t max;
    struct consumer_batch *batch;
};

static bool has_read(void *argument)
{
    struct wish *wish = argument;
    struct consumer_event event;
    consumer_next_event(wish->consumer, &event);
    wish->batch = consumer_read(wish->consumer, wish->max);
    return wish->batch != NULL;
}

static struct consumer_batch *read_batch(struct consumer *consumer, size_t max)
{
    struct wish wish = {consumer, max, NULL};
    assert_true(eventually(SOON_MS, has_read, &wish));
    return wish.batch;
}

static bool no_handle_is_left(void *argument)
{
    return graveyard_count(((struct fixture *)argument)->graveyard) == 0;
}

static void assert_first_record(const struct consumer_batch *batch)
{
    const struct consumer_message *message = consumer_batch_at(batch, 0);
    const char *name;
    struct mr_bytes value;
    assert_string_equal(message->origin.topic, "t");
    assert_memory_equal(message->origin.value.data, "0", 1);
    assert_null(message->origin.key.data);
    assert_int_equal(consumer_message_header_count(message), 1);
    assert_true(consumer_message_header(message, 0, &name, &value));
    assert_string_equal(name, "h");
    assert_memory_equal(value.data, "x", 1);
    assert_false(consumer_message_header(message, 1, &name, &value));
}

static void records_kept_beyond_their_consumer_hold_no_handle(void **state)
{
    struct fixture *fixture = *state;
    take_assignment(fixture->consumer);
    struct consumer_batch *batch = read_batch(fixture->consumer, 10);
    assert_true(consumer_pinned_bytes(fixture->consumer) > 0);
    consumer_close(fixture->consumer, CONSUMER_CLOSE_STAY, deadline_after_ms(SOON_MS));
    fixture->consumer = NULL;
    assert_true(eventually(SOON_MS, no_handle_is_left, fixture));
    assert_first_record(batch);
    consumer_batch_drop(consumer_batch_take(batch));
    consumer_batch_drop(batch);
}

static void for_one_who_lets_go_soon_messages_are_kept_as_they_are(void **state)
{
    struct fixture *fixture = *state;
    take_assignment(fixture->consumer);
    consumer_lets_go_soon(fixture->consumer, true);
    struct consumer_batch *batch = read_batch(fixture->consumer, 10);
    assert_first_record(batch);
    assert_true(consumer_pinned_bytes(fixture->consumer) >= consumer_batch_byte_count(batch));
    consumer_batch_drop(batch);
    assert_int_equal(consumer_pinned_bytes(fixture->consumer), 0);
    batch = read_batch(fixture->consumer, 10);
    consumer_lets_go_soon(fixture->consumer, false);
    struct consumer_batch *copied = read_batch(fixture->consumer, 10);
    consumer_close(fixture->consumer, CONSUMER_CLOSE_STAY, deadline_after_ms(SOON_MS));
    fixture->consumer = NULL;
    assert_int_equal(graveyard_count(fixture->graveyard), 1);
    consumer_batch_drop(batch);
    assert_true(eventually(SOON_MS, no_handle_is_left, fixture));
    assert_int_equal(consumer_message_header_count(consumer_batch_at(copied, 0)), 1);
    consumer_batch_drop(copied);
}

#define LARGE (CONSUMER_COPIED_BYTES_MAX + 1)

static void a_large_batch_outlives_its_consumer_without_copying(void **state)
{
    struct fixture *fixture = *state;
    fill_with(fixture, "large", 1, LARGE);
    open_in_place(fixture, "large");
    struct consumer_batch *batch = read_batch(fixture->consumer, 10);
    uint64_t pinned_bytes = consumer_pinned_bytes(fixture->consumer);
    assert_true(pinned_bytes >= consumer_batch_byte_count(batch));
    assert_true(pinned_bytes < consumer_batch_byte_count(batch) + 4096 * consumer_batch_count(batch));
    consumer_batch_charge(batch, 1000);
    assert_int_equal(consumer_pinned_bytes(fixture->consumer), pinned_bytes + 1000);
    consumer_close(fixture->consumer, CONSUMER_CLOSE_STAY, deadline_after_ms(SOON_MS));
    fixture->consumer = NULL;
    assert_memory_equal(consumer_batch_at(batch, 0)->origin.value.data, "0-", 2);
    assert_memory_equal(consumer_batch_at(batch, 0)->origin.key.data, "key", 3);
    assert_int_equal(graveyard_count(fixture->graveyard), 1);
    consumer_batch_drop(batch);
    assert_true(eventually(SOON_MS, no_handle_is_left, fixture));
}

/* Bytes that the process has from malloc. Sanitizers have their own: there the test is about the accounts alone. */
static uint64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

#define HOARD_MAX 1000

struct hoard {
    struct fixture *fixture;
    size_t batch_max, every;       /* of so many batches one is kept */
    int records;
    int read;
    size_t batches, kept_count;
    struct consumer_batch *kept[HOARD_MAX];
    uint64_t kept_bytes;
};

static bool hoard_is_full(void *argument)
{
    struct hoard *hoard = argument;
    struct consumer_event event;
    struct consumer_batch *batch;
    consumer_next_event(hoard->fixture->consumer, &event);
    while ((batch = consumer_read(hoard->fixture->consumer, hoard->batch_max)) != NULL) {
        hoard->read += (int)consumer_batch_count(batch);
        if (hoard->batches++ % hoard->every == 0) {
            assert_true(hoard->kept_count < HOARD_MAX);
            hoard->kept_bytes += consumer_batch_byte_count(batch);
            hoard->kept[hoard->kept_count++] = batch;
        } else {
            consumer_batch_drop(batch);
        }
    }
    return hoard->read == hoard->records;
}

static void hoard_release(struct hoard *hoard)
{
    for (size_t i = 0; i < hoard->kept_count; i++)
        consumer_batch_drop(hoard->kept[i]);
    assert_int_equal(consumer_pinned_bytes(hoard->fixture->consumer), 0);
}

/* Everything is read, a part of the batches is kept: what the process then has more is what was counted. */
static void hoard_and_compare(struct hoard *hoard, uint64_t *counted)
{
    uint64_t before = heap_bytes();
    assert_true(eventually(SOON_MS, hoard_is_full, hoard));
    *counted = consumer_pinned_bytes(hoard->fixture->consumer);
    uint64_t after = heap_bytes(), grown = after > before ? after - before : 0;
    assert_true(*counted >= hoard->kept_bytes);
    if (grown > *counted + *counted / 4 + (2u << 20))
        fail_msg("%llu bytes are held, %llu counted, %llu of records kept", (unsigned long long)grown,
                 (unsigned long long)*counted, (unsigned long long)hoard->kept_bytes);
    hoard_release(hoard);
}

static void few_small_records_that_are_kept_cost_little_and_are_counted(void **state)
{
    struct hoard hoard = {.fixture = *state, .batch_max = 10, .every = 50, .records = PARTITIONS * 20000};
    uint64_t counted;
    fill_with(hoard.fixture, "small", 20000, 100);
    open_in_place(hoard.fixture, "small");
    hoard_and_compare(&hoard, &counted);
    assert_true(counted < 4 * hoard.kept_bytes);   /* else it would be all that was read */
}

static void what_large_batches_keep_of_the_responses_is_counted_once(void **state)
{
    struct hoard hoard = {.fixture = *state, .batch_max = 100, .every = 4, .records = PARTITIONS * 900};
    uint64_t counted;
    fill_with(hoard.fixture, "wide", 900, 5000);
    open_in_place(hoard.fixture, "wide");
    hoard_and_compare(&hoard, &counted);
    assert_true(counted <= PARTITIONS * 900 * (5000 + 1000));
}

static void revocation_is_an_event_as_well(void **state)
{
    struct fixture *fixture = *state;
    take_assignment(fixture->consumer);
    rd_kafka_unsubscribe(fixture->consumer->rk);
    struct consumer_event event = await_event(fixture->consumer, CONSUMER_REVOKED);
    assert_int_equal(event.count, PARTITIONS);
    assert_int_equal(consumer_revoke(fixture->consumer, NULL), 0);
    assert_int_equal(consumer_partition_count(fixture->consumer), 0);
    assert_null(consumer_read(fixture->consumer, 10));
    struct mr_error *error = NULL;
    assert_int_equal(consumer_assign(fixture->consumer, NULL, 0, &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_ILLEGAL_STATE);
    mr_error_drop(error);
}

#if RD_KAFKA_VERSION >= 0x020c0000   /* older mocks forget nobody before the session ends */
#define LEAVES_AT_ONCE_MS 1500       /* less than a session */
#else
#define LEAVES_AT_ONCE_MS SOON_MS
#endif

static void assert_leaves_at_once(struct fixture *fixture)
{
    int64_t begun_ms = eventually_now_ms();
    consumer_close(fixture->consumer, CONSUMER_CLOSE_LEAVE, deadline_after_ms(SOON_MS));
    fixture->consumer = NULL;
    assert_true(eventually_now_ms() - begun_ms < LEAVES_AT_ONCE_MS);
    assert_true(eventually(SOON_MS, no_handle_is_left, fixture));
}

static void a_member_leaves_at_once_though_its_assignment_was_not_answered(void **state)
{
    struct fixture *fixture = *state;
    await_event(fixture->consumer, CONSUMER_ASSIGNED);
    assert_leaves_at_once(fixture);
}

static bool has_an_event(void *argument)
{
    struct fixture *fixture = argument;
    return rd_kafka_queue_length(fixture->consumer->queue) > 0;
}

static void a_member_leaves_at_once_though_its_assignment_was_not_looked_at(void **state)
{
    struct fixture *fixture = *state;
    assert_true(eventually(SOON_MS, has_an_event, fixture));
    assert_leaves_at_once(fixture);
}

static void a_cooperative_member_leaves_at_once_as_well(void **state)
{
    struct fixture *fixture = *state;
    assert_leaves_at_once(fixture);
    fixture->group = "connect-cooperative";
    fixture->consumer = open_consumer(fixture, QUICK "\npartition.assignment.strategy="
                                                     "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    await_event(fixture->consumer, CONSUMER_ASSIGNED);
    assert_true(native_is_cooperative(fixture->consumer->rk));
    assert_leaves_at_once(fixture);
}

static const struct {
    const char *java, *posix;   /* NULL: refused */
} expressions[] = {
    {"foo.*", "^(foo.*)$"},
    {"a|b", "^(a|b)$"},
    {"foo\\.bar", "^(foo[.]bar)$"},
    {"t-\\d+", "^(t-[0-9]+)$"},
    {"(?:a|b)\\w", "^((a|b)[A-Za-z0-9_])$"},
    {"[\\w.-]+", "^([A-Za-z0-9_.-]+)$"},
    {"x{1,3}", "^(x{1,3})$"},
    {"(?i)foo", NULL},
    {"(?=x)y", NULL},
    {"a+?", NULL},
    {"[a&&b]", NULL},
    {"a\\b", NULL},
    {"(", NULL},
};

static void expressions_of_java_are_translated_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        struct mr_error *error = NULL;
        char *posix = consumer_regex_translate(expressions[i].java, &error);
        if (expressions[i].posix == NULL) {
            if (posix != NULL)
                fail_msg("%s became %s", expressions[i].java, posix);
            assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
        } else {
            assert_non_null(posix);
            assert_string_equal(posix, expressions[i].posix);
        }
        mr_error_drop(error);
        mem_free(posix);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_of_java_are_translated_or_refused),
        TEST(all_records_come_once_and_in_order),
        TEST(rewinds_leave_no_gap),
        TEST(a_seek_before_the_first_record_is_not_lost),
        TEST(committed_offsets_are_where_the_next_member_begins),
        TEST(an_assignment_may_begin_elsewhere),
        TEST(records_kept_beyond_their_consumer_hold_no_handle),
        TEST(for_one_who_lets_go_soon_messages_are_kept_as_they_are),
        TEST(a_large_batch_outlives_its_consumer_without_copying),
        TEST(few_small_records_that_are_kept_cost_little_and_are_counted),
        TEST(what_large_batches_keep_of_the_responses_is_counted_once),
        TEST(revocation_is_an_event_as_well),
        TEST(a_member_leaves_at_once_though_its_assignment_was_not_answered),
        TEST(a_member_leaves_at_once_though_its_assignment_was_not_looked_at),
        TEST(a_cooperative_member_leaves_at_once_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
