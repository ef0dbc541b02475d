/*
 * producer_test: a producer pool on the mock cluster, and senders that count what becomes of their letters.
 */
#ifndef PRODUCER_TEST_H
#define PRODUCER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/lease.h"
#include "base/pointer_map.h"
#include "base/thread.h"
#include "kafka/graveyard.h"
#include "kafka/producer.h"
#include "kafka/producer_internal.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define RECORDS_MAX 20000

struct letter {
    struct producer_ticket ticket;
    int number;
    atomic_int acked, failed, not_sent;
    int64_t offset;
    int32_t partition;
    char value[16];
};

struct sender {
    struct producer_user *user;
    struct producer_topic *topic;
    struct letter *letters;
    atomic_int acked, failed, not_sent, writable, swapped, closed;
    int last_acked;
    atomic_int disorder;
    atomic_int full_runs;  /* calls of on_delivery with all that one may have */
    atomic_bool is_owed;   /* the last one was such, and nothing has followed */
};

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct producer_pool *pool;
};

static inline void on_delivery(void *argument, const struct producer_delivery *deliveries, size_t count)
{
    struct sender *sender = argument;
    sender->is_owed = count == PRODUCER_RUN_MAX;
    sender->full_runs += sender->is_owed;
    for (size_t i = 0; i < count; i++) {
        struct letter *letter = (struct letter *)(void *)deliveries[i].ticket;
        if (deliveries[i].outcome == PRODUCER_ACKED) {
            if (letter->number < sender->last_acked)
                sender->disorder++;
            sender->last_acked = letter->number;
            letter->offset = deliveries[i].offset;
            letter->partition = deliveries[i].partition;
            letter->acked++;
            sender->acked++;
        } else if (deliveries[i].outcome == PRODUCER_FAILED) {
            letter->failed++;
            sender->failed++;
        } else {
            letter->not_sent++;
            sender->not_sent++;
        }
    }
}

static inline void on_writable(void *argument)
{
    struct sender *sender = argument;
    sender->is_owed = false;
    sender->writable++;
}

static inline void on_swapped(void *argument)
{
    ((struct sender *)argument)->swapped++;
}

static inline void on_closed(void *argument)
{
    ((struct sender *)argument)->closed++;
}

static const struct producer_user_listener listener = {on_delivery, on_writable, on_swapped, on_closed, NULL};

static inline int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "one", 1, 1);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "four", 4, 1);
    fixture.graveyard = graveyard_create(NULL);
    fixture.pool = producer_pool_create(fixture.graveyard, NULL);
    *state = &fixture;
    return 0;
}

/* A second broker, and the topic "far" that it leads. */
static inline int set_up_far(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    mock_open_brokers(&fixture.mock, 2);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "one", 1, 1);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "far", 1, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, "one", 0, 1);
    rd_kafka_mock_partition_set_leader(fixture.mock.cluster, "far", 0, 2);
    fixture.graveyard = graveyard_create(NULL);
    fixture.pool = producer_pool_create(fixture.graveyard, NULL);
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    producer_pool_destroy(fixture->pool, deadline_after_ms(SOON_MS));
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

struct caps {
    const char *lines;
    uint64_t bytes_max;
    uint32_t records_max;
};

static inline void sender_open(struct fixture *fixture, struct sender *sender, struct caps caps)
{
    struct client_config *config = mock_config(&fixture->mock, CLIENT_PRODUCER, NULL, caps.lines);
    *sender = (struct sender){.letters = calloc(RECORDS_MAX, sizeof *sender->letters)};
    for (int i = 0; i < RECORDS_MAX; i++)
        sender->letters[i].number = i;
    sender->user = producer_user_open(fixture->pool, &(struct producer_user_setup){.config = config, .name = "test",
                                      .listener = &listener, .argument = sender, .bytes_max = caps.bytes_max,
                                      .records_max = caps.records_max}, NULL);
    assert_non_null(sender->user);
    client_config_drop(config);
}

static inline bool is_closed(void *argument)
{
    return ((struct sender *)argument)->closed == 1;
}

static inline void sender_close(struct sender *sender)
{
    producer_user_close(sender->user, deadline_after_ms(100));
    assert_true(eventually(SOON_MS, is_closed, sender));
    free(sender->letters);
}

static inline struct producer_record record_of(struct sender *sender, int number)
{
    struct letter *letter = &sender->letters[number];
    int length = snprintf(letter->value, sizeof letter->value, "v%d", number);
    return (struct producer_record){.topic = sender->topic, .partition = -1, .timestamp_ms = -1,
                                    .key = {"k", 1}, .value = {letter->value, (size_t)length},
                                    .ticket = &letter->ticket};
}

/* What on_writable is for: counts up to `target` wakings, or nothing taken since. */
static inline bool has_been_woken(void *argument)
{
    return ((struct sender *)argument)->writable > 0;
}

static inline void send_from(struct sender *sender, int first, int count)
{
    struct producer_record records[100];
    while (count > 0) {
        int n = count < 100 ? count : 100;
        size_t taken;
        for (int i = 0; i < n; i++)
            records[i] = record_of(sender, first + i);
        sender->writable = 0;
        assert_int_equal(producer_send(sender->user, records, (size_t)n, &taken, NULL), 0);
        first += (int)taken;
        count -= (int)taken;
        if (taken < (size_t)n)
            assert_true(eventually(SOON_MS, has_been_woken, sender));
    }
}

struct loss {
    struct sender *sender;
    int next;
    struct mr_error *error;
};

static inline bool is_refused(void *argument)
{
    struct loss *loss = argument;
    struct producer_record record = record_of(loss->sender, loss->next++);
    size_t taken;
    if (atomic_exchange(&loss->sender->swapped, 0) > 0)
        producer_user_rewound(loss->sender->user);
    return producer_send(loss->sender->user, &record, 1, &taken, &loss->error) != 0;
}

static inline bool topic_is_ready(void *argument)
{
    return producer_topic_is_ready(argument);
}

static inline bool is_swapped(void *argument)
{
    return ((struct sender *)argument)->swapped > 0;
}

static inline size_t try_to_send(struct sender *sender, int number)
{
    struct producer_record record = record_of(sender, number);
    size_t taken;
    assert_int_equal(producer_send(sender->user, &record, 1, &taken, NULL), 0);
    return taken;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FAR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_far, tear_down)

#endif
