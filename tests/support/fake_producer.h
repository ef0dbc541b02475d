/*
 * fake_producer: stands in for kafka/producer.h in one test file. The test decides what is taken, and when and how each
 * record comes back. Include once, after cmocka.h, in a test of a folder whose mr_tests names FAKE_PRODUCER's functions in
 * WRAPS:  producer_user_open producer_user_close producer_user_topic producer_user_rewound producer_topic_name
 *         producer_send, and where they are used: producer_user_record_count producer_user_byte_count
 *
 * One user at a time; with `fake_letters_apart` set, a user for dead letters (its name says so) is `fake_letters` beside it. thread:
 * the test's.
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
    bool is_closed, is_gone;
    bool must_rewind;             /* after a swap nothing is taken before producer_user_rewound */
    int64_t next_offset;          /* > 0: acknowledged records get partition 3 and offsets from here */
    int rewinds;
    struct producer_record sent[FAKE_PRODUCER_RECORDS_MAX]; /* still to come back, oldest first */
    size_t sent_count;
    size_t total;
} fake_producer, fake_letters;
static bool fake_letters_apart;

static inline void fake_producer_reset(void)
{
    memset(&fake_producer, 0, sizeof(fake_producer));
    memset(&fake_letters, 0, sizeof(fake_letters));
    fake_producer.room = fake_letters.room = SIZE_MAX;
    fake_letters_apart = false;
}

static inline void fake_return_at(struct fake_producer *fake, size_t index, enum producer_outcome outcome, const char *words)
{
    assert_true(index < fake->sent_count);
    struct producer_delivery delivery = {
        .ticket = fake->sent[index].ticket, .outcome = outcome, .partition = -1, .offset = -1,
        .timestamp_ms = -1, .words = words,
        .too_large = words != NULL && strstr(words, "too large") != NULL
    };
    if (outcome == PRODUCER_ACKED && fake->next_offset > 0) {
        delivery.partition = 3;
        delivery.offset = fake->next_offset++;
        delivery.timestamp_ms = 12345;
    }
    fake->sent_count--;
    memmove(&fake->sent[index], &fake->sent[index + 1], (fake->sent_count - index) * sizeof(fake->sent[0]));
    fake->listener->on_delivery(fake->argument, &delivery, 1);
}

/* The record sent as the index-th of those under way comes back. */
static inline void fake_producer_return_at(size_t index, enum producer_outcome outcome, const char *words)
{
    fake_return_at(&fake_producer, index, outcome, words);
}

/* The oldest letter of those that are apart. */
static inline void fake_letters_return(enum producer_outcome outcome, const char *words)
{
    fake_return_at(&fake_letters, 0, outcome, words);
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
static inline void fake_end(struct fake_producer *fake)
{
    assert_true(fake->is_closed);
    while (fake->sent_count > 0)
        fake_return_at(fake, 0, PRODUCER_NOT_SENT, NULL);
    fake->is_gone = true;
    fake->listener->on_closed(fake->argument);
    fake->listener = NULL;
}

static inline void fake_producer_end(void)
{
    fake_end(&fake_producer);
}

static inline struct fake_producer *fake_of(const struct producer_user *user)
{
    return (struct fake_producer *)(uintptr_t)user;
}

struct producer_user *__wrap_producer_user_open(struct producer_pool *pool, const struct producer_user_setup *setup,
                                                struct mr_error **error)
{
    bool is_letters = fake_letters_apart && strncmp(setup->name, "connector-dlq-producer", 22) == 0;
    struct fake_producer *fake = is_letters ? &fake_letters : &fake_producer;
    (void)pool;
    if (fake->open_refusal != NULL) {
        mr_error_set(error, MR_ERR_CONNECT, "%s", fake->open_refusal);
        return NULL;
    }
    fake->listener = setup->listener;
    fake->argument = setup->argument;
    fake->is_closed = fake->is_gone = false;
    return (struct producer_user *)(void *)fake;
}

void __wrap_producer_user_close(struct producer_user *user, int64_t deadline_ms)
{
    (void)deadline_ms;
    if (user != NULL)
        fake_of(user)->is_closed = true;
}

struct producer_topic *__wrap_producer_user_topic(struct producer_user *user, const char *name)
{
    for (size_t i = 0; i < FAKE_PRODUCER_TOPICS_MAX; i++) {
        struct producer_topic *topic = &fake_of(user)->topics[i];
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
    bool is_letters = topic >= fake_letters.topics && topic < fake_letters.topics + FAKE_PRODUCER_TOPICS_MAX;
    assert_false((is_letters ? &fake_letters : &fake_producer)->is_gone); /* topics live until on_closed */
    return topic->name;
}

void __wrap_producer_user_rewound(struct producer_user *user)
{
    assert_false(fake_of(user)->is_closed);
    fake_of(user)->rewinds++;
    fake_of(user)->must_rewind = false;
}

int __wrap_producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                         struct mr_error **error)
{
    struct fake_producer *fake = fake_of(user);
    assert_false(fake->is_closed);
    for (*taken = 0; *taken < count && fake->room > 0 && !fake->must_rewind; (*taken)++) {
        const struct producer_record *record = &records[*taken];
        const char *bad = fake->refused_value;
        if (fake->refusal != NULL &&
            (bad == NULL || (record->value.size == strlen(bad) && memcmp(record->value.data, bad, strlen(bad)) == 0)))
            return mr_error_set(error, fake->refusal_code == 0 ? MR_ERR_DATA : fake->refusal_code, "%s",
                                fake->refusal);
        assert_true(fake->sent_count < FAKE_PRODUCER_RECORDS_MAX);
        fake->sent[fake->sent_count++] = *record;
        fake->room -= fake->room == SIZE_MAX ? 0 : 1;
        fake->total++;
    }
    return 0;
}

uint32_t __wrap_producer_user_record_count(const struct producer_user *user)
{
    return (uint32_t)fake_of(user)->sent_count;
}

uint64_t __wrap_producer_user_byte_count(const struct producer_user *user)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < fake_of(user)->sent_count; i++)
        bytes += fake_of(user)->sent[i].key.size + fake_of(user)->sent[i].value.size;
    return bytes;
}

#endif
