/* topic_tail on the mock cluster: which records are the last, what is told of each, and what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/thread.h"
#include "kafka/graveyard.h"
#include "kafka/topic_tail.h"
#include "mock.h"

#define SOON_MS 20000
#define PARTITIONS 3
#define RECORDS 50 /* a partition */
#define FIRST_MS 1700000000000

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct client_config *config;
    struct topic_tail *tail;
    struct mr_error *error;
};

/* Record i of partition p is the (i * PARTITIONS + p)-th in time; its value says so. */
static void fill(struct mock *mock)
{
    char words[256], value[32];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock->cluster), words, sizeof words);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    for (int i = 0; i < RECORDS * PARTITIONS; i++) {
        int length = snprintf(value, sizeof value, "%d", i);
        const char *odd = i % 2 == 0 ? NULL : "k";
        size_t odd_size = odd == NULL ? 0 : 1;
        assert_int_equal(0, rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(i % PARTITIONS),
                                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, (size_t)length),
                                              RD_KAFKA_V_KEY(odd, odd_size),
                                              RD_KAFKA_V_TIMESTAMP(FIRST_MS + i), RD_KAFKA_V_HEADER("h", "v", 1),
                                              RD_KAFKA_V_HEADER("n", NULL, 0), RD_KAFKA_V_END));
    }
    assert_int_equal(0, rd_kafka_flush(rk, SOON_MS));
    rd_kafka_destroy(rk);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    mock_open(&fixture->mock);
    assert_int_equal(0, rd_kafka_mock_topic_create(fixture->mock.cluster, "t", PARTITIONS, 1));
    assert_int_equal(0, rd_kafka_mock_topic_create(fixture->mock.cluster, "empty", 2, 1));
    fill(&fixture->mock);
    fixture->graveyard = graveyard_create(NULL);
    fixture->config = mock_config(&fixture->mock, CLIENT_CONSUMER, "g", "fetch.max.wait.ms=10");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    topic_tail_destroy(fixture->tail);
    client_config_drop(fixture->config);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    mr_error_drop(fixture->error);
    free(fixture);
    return 0;
}

static struct topic_tail *read_tail(struct fixture *fixture, const char *topic, size_t last, size_t bytes_max, int64_t within_ms)
{
    fixture->tail = topic_tail_read(&(struct topic_tail_setup){.config = fixture->config,
                                                               .graveyard = fixture->graveyard,
                                                               .topic = topic,
                                                               .last = last,
                                                               .bytes_max = bytes_max,
                                                               .deadline_ms = deadline_after_ms(within_ms)},
                                    &fixture->error);
    return fixture->tail;
}

static int value_at(struct topic_tail *tail, size_t index)
{
    const struct topic_tail_record *record = topic_tail_at(tail, index);
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)record->value.size, (const char *)record->value.data);
    assert_int_equal(atoi(text), record->timestamp_ms - FIRST_MS);
    return atoi(text);
}

static void the_newest_of_all_partitions_come_in_the_order_of_their_time(void **state)
{
    struct topic_tail *tail = read_tail(*state, "t", 10, 1 << 20, SOON_MS);
    assert_non_null(tail);
    assert_int_equal(10, topic_tail_count(tail));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(RECORDS * PARTITIONS - 10 + (int)i, value_at(tail, i));
}

static void what_is_asked_for_beyond_the_first_is_not_there(void **state)
{
    struct topic_tail *tail = read_tail(*state, "t", 100000, 1 << 20, SOON_MS);
    assert_non_null(tail);
    assert_int_equal(RECORDS * PARTITIONS, topic_tail_count(tail));
    assert_int_equal(0, value_at(tail, 0));
}

static void keys_and_headers_are_told_with_their_nulls(void **state)
{
    struct topic_tail *tail = read_tail(*state, "t", 2, 1 << 20, SOON_MS);
    assert_non_null(tail);
    const struct topic_tail_record *record = topic_tail_at(tail, 1); /* the last: odd */
    assert_int_equal((RECORDS * PARTITIONS - 1) % PARTITIONS, record->partition);
    assert_int_equal(RECORDS - 1, record->offset);
    assert_false(record->timestamp_is_log_append);
    assert_int_equal(1, record->key.size);
    assert_int_equal(2, record->header_count);
    assert_string_equal("h", record->headers[0].name);
    assert_int_equal(1, record->headers[0].value.size);
    assert_null(record->headers[1].value.data);
    assert_null(topic_tail_at(tail, 0)->key.data);
}

struct seen {
    int64_t next[PARTITIONS];
    int count, most;
};

static int see(void *argument, const struct topic_tail_record *record, struct mr_error **error)
{
    struct seen *seen = argument;
    (void)error;
    assert_int_equal(seen->next[record->partition], record->offset);
    assert_int_equal(2, record->header_count);
    seen->next[record->partition]++;
    return ++seen->count == seen->most ? 1 : 0;
}

static struct seen look_through(struct fixture *fixture, struct seen seen, struct topic_tail_setup setup)
{
    setup.config = fixture->config;
    setup.graveyard = fixture->graveyard;
    setup.topic = "t";
    setup.deadline_ms = deadline_after_ms(SOON_MS);
    setup.each = see;
    setup.argument = &seen;
    fixture->tail = topic_tail_read(&setup, &fixture->error);
    assert_non_null(fixture->tail);
    assert_int_equal(0, topic_tail_count(fixture->tail));
    topic_tail_destroy(fixture->tail);
    fixture->tail = NULL;
    return seen;
}

static void records_are_shown_one_by_one_in_the_order_of_their_offsets(void **state)
{
    struct seen seen = look_through(*state, (struct seen){.most = -1}, (struct topic_tail_setup){.last = SIZE_MAX});
    assert_int_equal(RECORDS * PARTITIONS, seen.count);
    seen = look_through(*state, (struct seen){.next = {RECORDS - 4, RECORDS - 4, RECORDS - 4}, .most = -1}, (struct topic_tail_setup){.last = 4});
    assert_int_equal(4 * PARTITIONS, seen.count);
    seen = look_through(*state, (struct seen){.most = 7}, (struct topic_tail_setup){.last = SIZE_MAX});
    assert_int_equal(7, seen.count);
}

static void one_partition_is_shown_from_an_offset_on(void **state)
{
    struct topic_tail_setup setup = {.last = SIZE_MAX, .only_one = true, .partition = 1, .from = 20};
    struct seen seen = look_through(*state, (struct seen){.next = {0, 20, 0}, .most = -1}, setup);
    assert_int_equal(RECORDS - 20, seen.count);
    setup.from = RECORDS;
    assert_int_equal(0, look_through(*state, (struct seen){.most = -1}, setup).count);
    setup.partition = PARTITIONS;
    assert_int_equal(0, look_through(*state, (struct seen){.most = -1}, setup).count);
}

static void older_records_than_fit_are_left_out(void **state)
{
    struct topic_tail *tail = read_tail(*state, "t", 100, 20, SOON_MS); /* three digits, every other with a key */
    assert_non_null(tail);
    assert_int_equal(5, topic_tail_count(tail));
    topic_tail_destroy(tail);
    assert_non_null(tail = read_tail(*state, "t", 100, 1, SOON_MS)); /* one that is larger alone stays */
    assert_int_equal(1, topic_tail_count(tail));
    assert_int_equal(RECORDS * PARTITIONS - 1, value_at(tail, 0));
}

static void an_empty_topic_has_none(void **state)
{
    struct topic_tail *tail = read_tail(*state, "empty", 10, 1 << 20, SOON_MS);
    assert_non_null(tail);
    assert_int_equal(0, topic_tail_count(tail));
}

static void brokers_that_do_not_answer_are_not_waited_for_beyond_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_ms = clock_monotonic_ms(NULL);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_null(read_tail(fixture, "t", 10, 1 << 20, 500));
    assert_int_equal(MR_ERR_TIMEOUT, mr_error_code(fixture->error));
    assert_true(clock_monotonic_ms(NULL) - before_ms < 10000);
}

static void nothing_is_committed_and_no_group_is_joined(void **state)
{
    struct fixture *fixture = *state;
    assert_non_null(read_tail(fixture, "t", 10, 1 << 20, SOON_MS));
#if RD_KAFKA_VERSION >= 0x020c0000
    size_t count = 0;
    rd_kafka_mock_start_request_tracking(fixture->mock.cluster);
    topic_tail_destroy(fixture->tail);
    assert_non_null(read_tail(fixture, "t", 10, 1 << 20, SOON_MS));
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(fixture->mock.cluster, &count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        int16_t key = rd_kafka_mock_request_api_key(requests[i]);
        assert_true(key != 8 && key != 11); /* OffsetCommit, JoinGroup */
    }
    rd_kafka_mock_request_destroy_array(requests, count);
#else
    skip(); /* an older mock does not tell what it was asked */
#endif
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_of_all_partitions_come_in_the_order_of_their_time),
        TEST(what_is_asked_for_beyond_the_first_is_not_there),
        TEST(keys_and_headers_are_told_with_their_nulls),
        TEST(records_are_shown_one_by_one_in_the_order_of_their_offsets),
        TEST(one_partition_is_shown_from_an_offset_on),
        TEST(older_records_than_fit_are_left_out),
        TEST(an_empty_topic_has_none),
        TEST(brokers_that_do_not_answer_are_not_waited_for_beyond_the_deadline),
        TEST(nothing_is_committed_and_no_group_is_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
