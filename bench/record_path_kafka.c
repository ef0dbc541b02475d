#include "record_path_kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "metrics/client_metrics.h"
#include "record_path.h"

#define SENT_MAX 200000
#define ANSWERS_MAX 1000
#define BATCHES_MAX 8
#define SCRATCH_BYTES 65536
#define FIRST_BYTES 4096

/* The linker's wrap. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

static enum record_path_fault fault;
static void *(*volatile copy)(void *, const void *, size_t) = memcpy; /* not to be left out by the compiler */
static void *(*volatile allocate)(size_t) = malloc;
static char scratch[SCRATCH_BYTES];

void record_path_break(enum record_path_fault wanted)
{
    fault = wanted;
}

static void do_wrong(struct mr_bytes value)
{
    if (fault == RECORD_PATH_COPIES)
        copy(scratch, value.data, value.size < SCRATCH_BYTES ? value.size : SCRATCH_BYTES);
    else if (fault == RECORD_PATH_ALLOCATES)
        free(allocate(value.size));
}

static void give_up(const char *words)
{
    fprintf(stderr, "record_path: %s\n", words);
    exit(1);
}

/* --- producer ------------------------------------------------------------------------------------------------------------ */

struct producer_topic {
    char name[64];
};

static struct {
    const struct producer_user_listener *listener;
    void *argument;
    struct producer_topic topic;
    struct producer_ticket *sent[SENT_MAX];
    char first[FIRST_BYTES]; /* value */
    size_t sent_count, acknowledged;
    uint64_t bytes;
    bool is_closed;
} producer;

bool kafka_acknowledge(void)
{
    static struct producer_delivery answers[ANSWERS_MAX];
    size_t count = producer.sent_count;

    if (producer.listener == NULL)
        return false;
    for (size_t at = 0; at < count;) {
        size_t part = count - at < ANSWERS_MAX ? count - at : ANSWERS_MAX;

        for (size_t i = 0; i < part; i++)
            answers[i] = (struct producer_delivery){.ticket = producer.sent[at + i],
                                                    .outcome = PRODUCER_ACKED,
                                                    .offset = (int64_t)(producer.acknowledged + i),
                                                    .timestamp_ms = -1};
        producer.acknowledged += part;
        producer.listener->on_delivery(producer.argument, answers, part);
        at += part;
    }
    producer.sent_count = 0;
    producer.bytes = 0;
    if (!producer.is_closed)
        return count > 0;
    producer.listener->on_closed(producer.argument);
    producer.listener = NULL;
    return true;
}

void kafka_first_value(char *text, size_t size)
{
    snprintf(text, size, "%s", producer.first);
}

size_t kafka_acknowledged(void)
{
    return producer.acknowledged;
}

struct producer_user *__wrap_producer_user_open(struct producer_pool *pool, const struct producer_user_setup *setup,
                                                struct mr_error **error)
{
    (void)pool, (void)error;
    producer.listener = setup->listener;
    producer.argument = setup->argument;
    producer.is_closed = false;
    producer.first[0] = '\0';
    return (struct producer_user *)(void *)&producer;
}

void __wrap_producer_user_close(struct producer_user *user, int64_t deadline_ms)
{
    (void)deadline_ms;
    producer.is_closed = user != NULL;
}

struct producer_topic *__wrap_producer_user_topic(struct producer_user *user, const char *name)
{
    (void)user;
    if (producer.topic.name[0] == '\0')
        snprintf(producer.topic.name, sizeof(producer.topic.name), "%s", name);
    if (strcmp(producer.topic.name, name) != 0)
        give_up("records go to more than one topic");
    return &producer.topic;
}

const char *__wrap_producer_topic_name(const struct producer_topic *topic)
{
    return topic->name;
}

bool __wrap_producer_topic_is_ready(const struct producer_topic *topic)
{
    (void)topic;
    return true;
}

void __wrap_producer_user_rewound(struct producer_user *user)
{
    (void)user;
}

int __wrap_producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                         struct mr_error **error)
{
    (void)user, (void)error;
    if (producer.first[0] == '\0' && count > 0)
        snprintf(producer.first, FIRST_BYTES, "%.*s", (int)records[0].value.size, (const char *)records[0].value.data);
    for (*taken = 0; *taken < count && producer.sent_count < SENT_MAX; (*taken)++) {
        do_wrong(records[*taken].value);
        producer.bytes += records[*taken].key.size + records[*taken].value.size;
        producer.sent[producer.sent_count++] = records[*taken].ticket;
    }
    return 0;
}

uint32_t __wrap_producer_user_record_count(const struct producer_user *user)
{
    (void)user;
    return (uint32_t)producer.sent_count;
}

uint64_t __wrap_producer_user_byte_count(const struct producer_user *user)
{
    (void)user;
    return producer.bytes;
}

/* --- consumer ------------------------------------------------------------------------------------------------------------ */

struct consumer_batch {
    bool is_out;
    uint64_t bytes;
    size_t count;
    struct consumer_message messages[KAFKA_BATCH_RECORDS];
};

static struct {
    struct consumer_batch batches[BATCHES_MAX];
    struct consumer_partition partition, committed;
    bool was_assigned, commit_is_answered;
    uint64_t token;
    int64_t next;
    size_t read;
} consumer = {.partition = {"lines", 0, CONSUMER_OFFSET_NONE}, .commit_is_answered = true};

void kafka_set_input(const struct mr_bytes values[KAFKA_BATCH_RECORDS])
{
    for (size_t at = 0; at < BATCHES_MAX; at++) {
        struct consumer_batch *batch = &consumer.batches[at];

        *batch = (struct consumer_batch){.is_out = false};
        for (size_t i = 0; i < KAFKA_BATCH_RECORDS; i++)
            batch->messages[i] = (struct consumer_message){
                .origin = {.topic = "lines",
                           .timestamp_ms = 1700000000123,
                           .timestamp_type = MR_TIMESTAMP_CREATE_TIME,
                           .value = values[i]},
                .native = batch};
    }
    consumer.was_assigned = false;
    consumer.next = 0;
}

size_t kafka_read(void)
{
    return consumer.read;
}

struct consumer *__wrap_consumer_open(const struct consumer_setup *setup, struct mr_error **error)
{
    (void)error;
    client_metrics_drop(setup->metrics);
    return (struct consumer *)(void *)&consumer;
}

int __wrap_consumer_subscribe(struct consumer *self, const struct consumer_subscription *subscription, struct mr_error **error)
{
    (void)self, (void)subscription, (void)error;
    return 0;
}

void __wrap_consumer_close(struct consumer *self, enum consumer_close_mode mode, int64_t deadline_ms)
{
    (void)self, (void)mode, (void)deadline_ms;
}

void __wrap_consumer_next_event(struct consumer *self, struct consumer_event *event)
{
    (void)self;
    *event = (struct consumer_event){.kind = CONSUMER_NONE, .partitions = &consumer.partition, .count = 1};
    if (!consumer.was_assigned) {
        event->kind = CONSUMER_ASSIGNED;
    } else if (!consumer.commit_is_answered) {
        consumer.commit_is_answered = true;
        event->kind = CONSUMER_COMMITTED;
        event->partitions = &consumer.committed;
        event->token = consumer.token;
    }
}

int __wrap_consumer_assign(struct consumer *self, const struct consumer_partition *offsets, size_t count, struct mr_error **error)
{
    (void)self, (void)offsets, (void)count, (void)error;
    consumer.was_assigned = true;
    return 0;
}

int __wrap_consumer_revoke(struct consumer *self, struct mr_error **error)
{
    (void)self, (void)error;
    return 0;
}

struct consumer_batch *__wrap_consumer_read(struct consumer *self, size_t max)
{
    struct consumer_batch *batch = consumer.batches;

    (void)self;
    if (!consumer.was_assigned || max == 0)
        return NULL;
    while (batch < consumer.batches + BATCHES_MAX && batch->is_out)
        batch++;
    if (batch == consumer.batches + BATCHES_MAX)
        give_up("the task keeps more batches than there are");
    batch->is_out = true;
    batch->count = max < KAFKA_BATCH_RECORDS ? max : KAFKA_BATCH_RECORDS;
    batch->bytes = 0;
    for (size_t i = 0; i < batch->count; i++) {
        do_wrong(batch->messages[i].origin.value);
        batch->messages[i].origin.offset = consumer.next++;
        batch->bytes += batch->messages[i].origin.value.size;
    }
    return batch;
}

size_t __wrap_consumer_batch_count(const struct consumer_batch *batch)
{
    return batch->count;
}

const struct consumer_message *__wrap_consumer_batch_at(const struct consumer_batch *batch, size_t i)
{
    return &batch->messages[i];
}

uint64_t __wrap_consumer_batch_byte_count(const struct consumer_batch *batch)
{
    return batch->bytes;
}

void __wrap_consumer_batch_charge(struct consumer_batch *batch, uint64_t bytes)
{
    (void)batch, (void)bytes;
}

void __wrap_consumer_batch_drop(struct consumer_batch *batch)
{
    if (batch == NULL)
        return;
    consumer.read += batch->count;
    batch->is_out = false;
}

size_t __wrap_consumer_message_header_count(const struct consumer_message *message)
{
    (void)message;
    return 0;
}

int64_t __wrap_consumer_look_at_lag(struct consumer *self, int64_t now_ms)
{
    (void)self, (void)now_ms;
    return -1;
}

uint64_t __wrap_consumer_pinned_bytes(const struct consumer *self)
{
    uint64_t bytes = 0;

    (void)self;
    for (size_t i = 0; i < BATCHES_MAX; i++)
        bytes += consumer.batches[i].is_out ? consumer.batches[i].bytes : 0;
    return bytes;
}

int __wrap_consumer_commit(struct consumer *self, const struct consumer_partition *offsets, size_t count, uint64_t token,
                           struct mr_error **error)
{
    (void)self, (void)error;
    consumer.committed = (struct consumer_partition){consumer.partition.topic, 0, count == 1 ? offsets[0].offset : -1};
    consumer.token = token;
    consumer.commit_is_answered = false;
    return 0;
}

int __wrap_consumer_commit_and_wait(struct consumer *self, const struct consumer_partition *offsets, size_t count,
                                    int64_t deadline_ms, struct mr_error **error)
{
    (void)self, (void)offsets, (void)count, (void)deadline_ms, (void)error;
    return 0;
}

int __wrap_consumer_committed(struct consumer *self, struct consumer_partition *partitions, size_t count, int64_t deadline_ms,
                              struct mr_error **error)
{
    (void)self, (void)deadline_ms, (void)error;
    for (size_t i = 0; i < count; i++)
        partitions[i].offset = CONSUMER_OFFSET_NONE;
    return 0;
}
