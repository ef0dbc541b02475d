/*
 * fake_producer: stands in for kafka/producer.h in one test file. The test decides what is taken, and when and how each
 * record comes back. Include once, after cmocka.h, in a test of a folder whose mr_tests names FAKE_PRODUCER's functions in
 * WRAPS:  producer_user_open producer_user_close producer_user_topic producer_user_rewound producer_topic_name
 *         producer_send, and where they are used: producer_user_record_count producer_user_byte_count
 *
 * One user at a time. thread: the test's.
 */
#ifndef SUPPORT_FAKE_PRODUCER_H
#define SUPPORT_FAKE_PRODUCER_H

#include <millrace/error.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/producer.h"

#define FAKE_PRODUCER_RECORDS_MAX 20000
#define FAKE_PRODUCER_TOPICS_MAX 8

struct producer_topic {
    char name[256];
};

static struct fake_producer {
    const struct producer_user_listener *listener;
    void *argument;
    struct producer_topic topics[FAKE_PRODUCER_TOPICS_MAX];
    size_t room;                  /* records taken from now on; SIZE_MAX: all */
    const char *refusal;          /* not NULL: a send fails with these words */
    enum mr_error_code refusal_code; /* 0: MR_ERR_DATA */
    const char *refused_value;    /* not NULL: only records with this value are refused */
    const char *open_refusal;     /* not NULL: no user can be opened */
    bool is_closed;
    bool must_rewind;             /* after a swap nothing is taken before producer_user_rewound */
    int64_t next_offset;          /* > 0: acknowledged records get partition 3 and offsets from here */
    int rewinds;
    struct producer_record sent[FAKE_PRODUCER_RECORDS_MAX]; /* still to come back, oldest first */
    size_t sent_count;
    size_t total;
} fake_producer;

static inline void fake_producer_reset(void)
{
    memset(&fake_producer, 0, sizeof(fake_producer));
    fake_producer.room = SIZE_MAX;
}

/* The record sent as the index-th of those under way comes back. */
static inline void fake_producer_return_at(size_t index, enum producer_outcome outcome, const char *words)
{
    assert_true(index < fake_producer.sent_count);
    struct producer_delivery delivery = {
        .ticket = fake_producer.sent[index].ticket, .outcome = outcome, .partition = -1, .offset = -1,
        .timestamp_ms = -1, .words = words
    };
    if (outcome == PRODUCER_ACKED && fake_producer.next_offset > 0) {
        delivery.partition = 3;
        delivery.offset = fake_producer.next_offset++;
        delivery.timestamp_ms = 12345;
    }
    fake_producer.sent_count--;
    memmove(&fake_producer.sent[index], &fake_producer.sent[index + 1],
            (fake_producer.sent_count - index) * sizeof(fake_producer.sent[0]));
    fake_producer.listener->on_delivery(fake_producer.argument, &delivery, 1);
}

/* The oldest record comes back. */
static inline void fake_producer_return(enum producer_outcome outcome, const char *words)
{
    fake_producer_return_at(0, outcome, words);
}

/* The handle is replaced: what was under way comes back unsent, and the user is told. */
static inline void fake_producer_swap(void)
{
    fake_producer.must_rewind = true;
    while (fake_producer.sent_count > 0)
        fake_producer_return(PRODUCER_NOT_SENT, NULL);
    fake_producer.listener->on_swapped(fake_producer.argument);
}

static inline void fake_producer_writable(void)
{
    fake_producer.listener->on_writable(fake_producer.argument);
}

/* What the closed user still held comes back, then its last callback. */
static inline void fake_producer_end(void)
{
    assert_true(fake_producer.is_closed);
    while (fake_producer.sent_count > 0)
        fake_producer_return(PRODUCER_NOT_SENT, NULL);
    fake_producer.listener->on_closed(fake_producer.argument);
    fake_producer.listener = NULL;
}

struct producer_user *__wrap_producer_user_open(struct producer_pool *pool, const struct producer_user_setup *setup,
                                                struct mr_error **error)
{
    (void)pool;
    if (fake_producer.open_refusal != NULL) {
        mr_error_set(error, MR_ERR_CONNECT, "%s", fake_producer.open_refusal);
        return NULL;
    }
    fake_producer.listener = setup->listener;
    fake_producer.argument = setup->argument;
    fake_producer.is_closed = false;
    return (struct producer_user *)&fake_producer;
}

void __wrap_producer_user_close(struct producer_user *user, int64_t deadline_ms)
{
    (void)deadline_ms;
    if (user != NULL)
        fake_producer.is_closed = true;
}

struct producer_topic *__wrap_producer_user_topic(struct producer_user *user, const char *name)
{
    (void)user;
    for (size_t i = 0; i < FAKE_PRODUCER_TOPICS_MAX; i++) {
        struct producer_topic *topic = &fake_producer.topics[i];
        if (topic->name[0] == '\0')
            snprintf(topic->name, sizeof(topic->name), "%s", name);
        if (strcmp(topic->name, name) == 0)
            return topic;
    }
    fail_msg("more topics than the fake has room for");
    return NULL;
}

const char *__wrap_producer_topic_name(const struct producer_topic *topic)
{
    return topic->name;
}

void __wrap_producer_user_rewound(struct producer_user *user)
{
    (void)user;
    assert_false(fake_producer.is_closed);
    fake_producer.rewinds++;
    fake_producer.must_rewind = false;
}

int __wrap_producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                         struct mr_error **error)
{
    (void)user;
    assert_false(fake_producer.is_closed);
    for (*taken = 0; *taken < count && fake_producer.room > 0 && !fake_producer.must_rewind; (*taken)++) {
        const struct producer_record *record = &records[*taken];
        const char *bad = fake_producer.refused_value;
        if (fake_producer.refusal != NULL &&
            (bad == NULL || (record->value.size == strlen(bad) && memcmp(record->value.data, bad, strlen(bad)) == 0)))
            return mr_error_set(error, fake_producer.refusal_code == 0 ? MR_ERR_DATA : fake_producer.refusal_code, "%s",
                                fake_producer.refusal);
        assert_true(fake_producer.sent_count < FAKE_PRODUCER_RECORDS_MAX);
        fake_producer.sent[fake_producer.sent_count++] = *record;
        fake_producer.room -= fake_producer.room == SIZE_MAX ? 0 : 1;
        fake_producer.total++;
    }
    return 0;
}

uint32_t __wrap_producer_user_record_count(const struct producer_user *user)
{
    (void)user;
    return (uint32_t)fake_producer.sent_count;
}

uint64_t __wrap_producer_user_byte_count(const struct producer_user *user)
{
    uint64_t bytes = 0;
    (void)user;
    for (size_t i = 0; i < fake_producer.sent_count; i++)
        bytes += fake_producer.sent[i].key.size + fake_producer.sent[i].value.size;
    return bytes;
}

#endif
