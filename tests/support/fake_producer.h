/*
 * fake_producer: stands in for kafka/producer.h in one test file. The test decides what is taken, and when and how each
 * record comes back. Include once, after cmocka.h, in a test of a folder whose mr_tests names FAKE_PRODUCER's functions in
 * WRAPS:  producer_user_open producer_user_close producer_user_topic producer_user_rewound producer_topic_name
 *         producer_send
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

struct producer_topic {
    char name[256];
};

static struct fake_producer {
    const struct producer_user_listener *listener;
    void *argument;
    struct producer_topic topic;
    size_t room;                  /* records taken from now on; SIZE_MAX: all */
    const char *refusal;          /* not NULL: a send fails with these words */
    bool is_closed;
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

/* The oldest record comes back. */
static inline void fake_producer_return(enum producer_outcome outcome, const char *words)
{
    assert_true(fake_producer.sent_count > 0);
    const struct producer_delivery delivery = {
        .ticket = fake_producer.sent[0].ticket, .outcome = outcome, .offset = -1, .timestamp_ms = -1, .words = words
    };
    fake_producer.sent_count--;
    memmove(fake_producer.sent, fake_producer.sent + 1, fake_producer.sent_count * sizeof(fake_producer.sent[0]));
    fake_producer.listener->on_delivery(fake_producer.argument, &delivery, 1);
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
    (void)error;
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
    snprintf(fake_producer.topic.name, sizeof(fake_producer.topic.name), "%s", name);
    return &fake_producer.topic;
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
}

int __wrap_producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                         struct mr_error **error)
{
    (void)user;
    assert_false(fake_producer.is_closed);
    if (fake_producer.refusal != NULL) {
        *taken = 0;
        return mr_error_set(error, MR_ERR_DATA, "%s", fake_producer.refusal);
    }
    for (*taken = 0; *taken < count && fake_producer.room > 0; (*taken)++) {
        assert_true(fake_producer.sent_count < FAKE_PRODUCER_RECORDS_MAX);
        fake_producer.sent[fake_producer.sent_count++] = records[*taken];
        fake_producer.room -= fake_producer.room == SIZE_MAX ? 0 : 1;
        fake_producer.total++;
    }
    return 0;
}

#endif
