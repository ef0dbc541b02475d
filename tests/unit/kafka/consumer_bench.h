/*
 * consumer_bench.h: a consumer on the mock cluster, a member of a group of its own, with a topic "t" of PARTITIONS times RECORDS
 * records whose values are their offsets. Include after cmocka.h.
 */
#ifndef CONSUMER_BENCH_H
#define CONSUMER_BENCH_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/error.h>

#include "base/mem.h"
#include "base/thread.h"
#include "kafka/consumer.h"
#include "kafka/consumer_internal.h"
#include "kafka/graveyard.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 20000
#define PARTITIONS 4
#define RECORDS 1000   /* a partition */
/* A rewind waits for the fetch under way. */
#define QUICK MOCK_SESSION_LINE "heartbeat.interval.ms=100\nfetch.max.wait.ms=10"

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct consumer *consumer;
    const char *group;
    uint64_t buffer_bytes_max;
    atomic_int ready;
};

static inline void on_ready(void *argument)
{
    ((struct fixture *)argument)->ready++;
}

static inline rd_kafka_t *open_filler(struct mock *mock)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock->cluster), words, sizeof words);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
}

/* Values are the offsets. */
static inline void fill_topic(struct mock *mock)
{
    char value[16];
    rd_kafka_t *rk = open_filler(mock);
    for (int i = 0; i < RECORDS; i++) {
        int length = snprintf(value, sizeof value, "%d", i);
        for (int32_t p = 0; p < PARTITIONS; p++)
            assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(p),
                                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, length),
                                               RD_KAFKA_V_HEADER("h", "x", 1), RD_KAFKA_V_END), 0);
    }
    assert_int_equal(rd_kafka_flush(rk, SOON_MS), 0);
    rd_kafka_destroy(rk);
}

static inline struct consumer *open_consumer_of(struct fixture *fixture, const char *topic, const char *lines)
{
    const char *const topics[] = {topic};
    struct client_config *config = mock_config(&fixture->mock, CLIENT_CONSUMER, fixture->group, lines);
    struct mr_error *error = NULL;
    struct consumer *consumer = consumer_open(
        &(struct consumer_setup){.config = config, .graveyard = fixture->graveyard, .instance_id = "connect-test-0",
                                 .buffer_bytes_max = fixture->buffer_bytes_max, .on_ready = on_ready, .argument = fixture},
        &error);
    if (consumer == NULL ||
        consumer_subscribe(consumer, &(struct consumer_subscription){.topics = topics, .topic_count = 1}, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    client_config_drop(config);
    return consumer;
}

static inline struct consumer *open_consumer(struct fixture *fixture, const char *lines)
{
    return open_consumer_of(fixture, "t", lines);
}

static inline int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.group = "connect-test"};
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "t", PARTITIONS, 1);
    fill_topic(&fixture.mock);
    fixture.graveyard = graveyard_create(NULL);
    fixture.consumer = open_consumer(&fixture, QUICK);
    *state = &fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    consumer_close(fixture->consumer, CONSUMER_CLOSE_LEAVE, deadline_after_ms(SOON_MS));
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

struct wanted {
    struct consumer *consumer;
    enum consumer_event_kind kind;
    struct consumer_event event;
};

static inline bool event_came(void *argument)
{
    struct wanted *wanted = argument;
    consumer_next_event(wanted->consumer, &wanted->event);
    return wanted->event.kind == wanted->kind;
}

static inline struct consumer_event await_event(struct consumer *consumer, enum consumer_event_kind kind)
{
    struct wanted wanted = {consumer, kind, {0}};
    assert_true(eventually(SOON_MS, event_came, &wanted));
    return wanted.event;
}

static inline void take_assignment(struct consumer *consumer)
{
    struct consumer_event event = await_event(consumer, CONSUMER_ASSIGNED);
    assert_int_equal(event.count, PARTITIONS);
    assert_int_equal(consumer_assign(consumer, NULL, 0, NULL), 0);
    assert_int_equal(consumer_partition_count(consumer), PARTITIONS);
}

struct reading {
    struct consumer *consumer;
    int next[PARTITIONS];
    int wanted, count;
};

static inline bool enough_read(void *argument)
{
    struct reading *reading = argument;
    struct consumer_event event;
    struct consumer_batch *batch;
    consumer_next_event(reading->consumer, &event);
    while (reading->count < reading->wanted && (batch = consumer_read(reading->consumer, 100)) != NULL) {
        assert_true(consumer_batch_count(batch) <= 100);
        for (size_t i = 0; i < consumer_batch_count(batch); i++) {
            const struct consumer_message *message = consumer_batch_at(batch, i);
            char value[16];
            int length = snprintf(value, sizeof value, "%d", reading->next[message->origin.partition]);
            assert_int_equal(message->origin.offset, reading->next[message->origin.partition]);
            assert_int_equal(message->origin.value.size, length);
            assert_memory_equal(message->origin.value.data, value, (size_t)length);
            assert_string_equal(message->origin.topic, "t");
            reading->next[message->origin.partition]++;
            reading->count++;
        }
        consumer_batch_drop(batch);
    }
    return reading->count >= reading->wanted;
}

static inline void read_records(struct reading *reading, int count)
{
    reading->wanted = reading->count + count;
    assert_true(eventually(SOON_MS, enough_read, reading));
}

/* As it is afterwards: the fixture's consumer is another. */
static inline void open_in_place(struct fixture *fixture, const char *topic)
{
    consumer_close(fixture->consumer, CONSUMER_CLOSE_LEAVE, deadline_after_ms(SOON_MS));
    fixture->consumer = open_consumer_of(fixture, topic, QUICK);
    take_assignment(fixture->consumer);
}

static inline void fill_with(struct fixture *fixture, const char *topic, int records, size_t size)
{
    rd_kafka_t *rk = open_filler(&fixture->mock);
    char *value = calloc(1, size);
    rd_kafka_mock_topic_create(fixture->mock.cluster, topic, PARTITIONS, 1);
    for (int i = 0; i < records; i++) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            snprintf(value, size, "%d-%d", i, (int)p);
            while (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(p),
                                     RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, size),
                                     RD_KAFKA_V_KEY("key", 3), RD_KAFKA_V_END) != RD_KAFKA_RESP_ERR_NO_ERROR)
                rd_kafka_poll(rk, 10);
        }
    }
    assert_int_equal(rd_kafka_flush(rk, SOON_MS), 0);
    rd_kafka_destroy(rk);
    free(value);
}

#endif
