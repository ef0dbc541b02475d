/*
 * fake_consumer: stands in for kafka/consumer.h in one test file: a log of records per topic partition, and group events that
 * the test makes. Include once, after cmocka.h, in a test of a folder whose mr_tests names these in WRAPS:
 *   consumer_open consumer_subscribe consumer_close consumer_next_event consumer_assign consumer_revoke consumer_read
 *   consumer_batch_count consumer_lets_go_soon
 *   consumer_batch_at consumer_batch_byte_count consumer_batch_charge consumer_batch_drop consumer_message_header_count
 *   consumer_message_header consumer_pause consumer_resume consumer_seek consumer_pinned_bytes consumer_commit
 *   consumer_commit_and_wait consumer_committed
 *
 * Records are memory of their own for each batch, so that one that is used after its batch was dropped is seen by ASan.
 * One consumer at a time. thread: the test's; batches may be dropped on any.
 */
#ifndef SUPPORT_FAKE_CONSUMER_H
#define SUPPORT_FAKE_CONSUMER_H

#include <millrace/error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/consumer.h"

#define FAKE_LOGS_MAX 16
#define FAKE_LOG_RECORDS_MAX 2000
#define FAKE_EVENTS_MAX 16

struct consumer_batch {
    size_t count;
    uint64_t bytes;
    struct consumer_message messages[];
};

static struct fake_consumer {
    struct {
        char topic[64];
        int32_t partition;
        const char *values[FAKE_LOG_RECORDS_MAX]; /* literals of the test */
        int64_t end;
        int64_t committed;      /* in the group; -1: none */
        int64_t position;       /* of the next read */
        bool is_assigned, is_paused;
    } logs[FAKE_LOGS_MAX];
    size_t log_count;
    struct {
        struct consumer_event event;
        struct consumer_partition partitions[FAKE_LOGS_MAX];
    } events[FAKE_EVENTS_MAX];
    size_t event_count;
    struct {
        struct consumer_event event;
        struct consumer_partition partitions[FAKE_LOGS_MAX];
    } last;                     /* the one the task looks at */
    struct mr_error *error;     /* of the last event */
    bool is_open, is_subscribed;
    int opens, closes;
    enum consumer_close_mode close_mode;
    bool answer_is_due;         /* an ASSIGNED, REVOKED or LOST was given and not answered */
    int commits, seeks;         /* asked for */
    bool holds_commits;         /* CONSUMER_COMMITTED waits for fake_consumer_confirm */
    uint64_t held_token;
    struct consumer_partition held[FAKE_LOGS_MAX];
    size_t held_count;
    const char *commit_refusal, *open_refusal, *seek_refusal, *committed_refusal; /* not NULL: they fail so */
    atomic_int batches_out;
    _Atomic uint64_t pinned_bytes;
    bool lets_go_soon;          /* as it was last told */
    bool has_keys, has_headers; /* records have their value as key, and in a header "h" */
    int64_t timestamp_ms;       /* of all records; 0: 1000 and the offset */
    char seen[4096];            /* what happened, in order: "assign revoke commit:t-0=3 …" */
} fake_consumer;

static inline void fake_consumer_note(const char *text)
{
    size_t used = strlen(fake_consumer.seen);

    snprintf(fake_consumer.seen + used, sizeof(fake_consumer.seen) - used, "%s ", text);
}

static inline void fake_consumer_reset(void)
{
    mr_error_drop(fake_consumer.error);
    memset(&fake_consumer, 0, sizeof(fake_consumer));
}

static inline size_t fake_log(const char *topic, int32_t partition)
{
    size_t i = 0;

    while (i < fake_consumer.log_count &&
           (strcmp(fake_consumer.logs[i].topic, topic) != 0 || fake_consumer.logs[i].partition != partition))
        i++;
    if (i < fake_consumer.log_count)
        return i;
    assert_true(fake_consumer.log_count < FAKE_LOGS_MAX);
    snprintf(fake_consumer.logs[i].topic, sizeof(fake_consumer.logs[i].topic), "%s", topic);
    fake_consumer.logs[i].partition = partition;
    fake_consumer.logs[i].committed = -1;
    fake_consumer.log_count++;
    return i;
}

/* A record at the end of a partition; `value` outlives the test. */
static inline void fake_consumer_add(const char *topic, int32_t partition, const char *value)
{
    size_t i = fake_log(topic, partition);

    assert_true(fake_consumer.logs[i].end < FAKE_LOG_RECORDS_MAX);
    fake_consumer.logs[i].values[fake_consumer.logs[i].end++] = value;
}

/* The group says something about these partitions of `topic`, from first to last. */
static inline void fake_consumer_group(enum consumer_event_kind kind, const char *topic, int32_t first, int32_t last)
{
    size_t at = fake_consumer.event_count++;

    assert_true(at < FAKE_EVENTS_MAX);
    memset(&fake_consumer.events[at], 0, sizeof(fake_consumer.events[at]));
    fake_consumer.events[at].event.kind = kind;
    for (int32_t partition = first; partition <= last; partition++)
        fake_consumer.events[at].partitions[fake_consumer.events[at].event.count++] = (struct consumer_partition){
            .topic = fake_consumer.logs[fake_log(topic, partition)].topic,
            .partition = partition,
            .offset = CONSUMER_OFFSET_NONE};
}

/* An event without partitions; `words` NULL: without an error. */
static inline void fake_consumer_say(enum consumer_event_kind kind, const char *words)
{
    struct mr_error *error = NULL;
    size_t at = fake_consumer.event_count++;

    assert_true(at < FAKE_EVENTS_MAX);
    memset(&fake_consumer.events[at], 0, sizeof(fake_consumer.events[at]));
    fake_consumer.events[at].event.kind = kind;
    if (words != NULL)
        mr_error_set(&error, MR_ERR_CONNECT, "%s", words);
    fake_consumer.events[at].event.error = error;
}

static inline void fake_commit(const struct consumer_partition *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[128];

        snprintf(text, sizeof(text), "commit:%s-%d=%lld", offsets[i].topic, (int)offsets[i].partition,
                 (long long)offsets[i].offset);
        fake_consumer_note(text);
        fake_consumer.logs[fake_log(offsets[i].topic, offsets[i].partition)].committed = offsets[i].offset;
    }
}

/* The held commit is answered; `words` not NULL: it failed. */
static inline void fake_consumer_confirm(const char *words)
{
    fake_consumer_say(CONSUMER_COMMITTED, words);
    fake_consumer.events[fake_consumer.event_count - 1].event.token = fake_consumer.held_token;
    if (words == NULL)
        fake_commit(fake_consumer.held, fake_consumer.held_count);
    fake_consumer.held_count = 0;
}

static inline int64_t fake_committed(const char *topic, int32_t partition)
{
    return fake_consumer.logs[fake_log(topic, partition)].committed;
}

/* --- in place of the room ---- */

struct consumer *__wrap_consumer_open(const struct consumer_setup *setup, struct mr_error **error)
{
    assert_false(fake_consumer.is_open);
    fake_consumer.opens++;
    if (fake_consumer.open_refusal != NULL) {
        mr_error_set(error, MR_ERR_CONNECT, "%s", fake_consumer.open_refusal);
        return NULL;
    }
    fake_consumer.is_open = true;
    fake_consumer.is_subscribed = false;
    assert_non_null(setup->on_ready);
    char text[160];
    snprintf(text, sizeof(text), "open:%s", setup->instance_id);
    fake_consumer_note(text);
    return (struct consumer *)(void *)&fake_consumer;
}

int __wrap_consumer_subscribe(struct consumer *consumer, const struct consumer_subscription *subscription,
                              struct mr_error **error)
{
    (void)consumer, (void)error;
    assert_true(fake_consumer.is_open && !fake_consumer.is_subscribed);
    assert_true(subscription->topic_count > 0 || subscription->topics_regex != NULL);
    fake_consumer.is_subscribed = true;
    return 0;
}

void __wrap_consumer_close(struct consumer *consumer, enum consumer_close_mode mode, int64_t deadline_ms)
{
    (void)deadline_ms;
    if (consumer == NULL)
        return;
    assert_true(fake_consumer.is_open);
    fake_consumer.is_open = false;
    fake_consumer.closes++;
    fake_consumer.close_mode = mode;
    fake_consumer_note(mode == CONSUMER_CLOSE_STAY ? "stay" : "leave");
    for (size_t i = 0; i < fake_consumer.event_count; i++)
        mr_error_drop((struct mr_error *)(uintptr_t)fake_consumer.events[i].event.error);
    fake_consumer.event_count = 0;
}

/* While an answer is due, only what is no rebalance is given. */
void __wrap_consumer_next_event(struct consumer *consumer, struct consumer_event *event)
{
    size_t at = 0;

    (void)consumer;
    assert_true(fake_consumer.is_open);
    mr_error_clear(&fake_consumer.error);
    while (fake_consumer.answer_is_due && at < fake_consumer.event_count &&
           fake_consumer.events[at].event.kind >= CONSUMER_ASSIGNED && fake_consumer.events[at].event.kind <= CONSUMER_LOST)
        at++;
    *event = (struct consumer_event){.kind = CONSUMER_NONE};
    if (at >= fake_consumer.event_count)
        return;
    memcpy(&fake_consumer.last, &fake_consumer.events[at], sizeof(fake_consumer.last));
    memmove(&fake_consumer.events[at], &fake_consumer.events[at + 1],
            (--fake_consumer.event_count - at) * sizeof(fake_consumer.events[0]));
    fake_consumer.last.event.partitions = fake_consumer.last.partitions;
    fake_consumer.error = (struct mr_error *)(uintptr_t)fake_consumer.last.event.error;
    *event = fake_consumer.last.event;
    if (event->kind >= CONSUMER_ASSIGNED && event->kind <= CONSUMER_LOST)
        fake_consumer.answer_is_due = true;
}

int __wrap_consumer_assign(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                           struct mr_error **error)
{
    (void)consumer, (void)offsets, (void)count, (void)error;
    assert_true(fake_consumer.is_open && fake_consumer.answer_is_due);
    assert_int_equal(CONSUMER_ASSIGNED, fake_consumer.last.event.kind);
    fake_consumer.answer_is_due = false;
    for (size_t i = 0; i < fake_consumer.last.event.count; i++) {
        size_t at = fake_log(fake_consumer.last.partitions[i].topic, fake_consumer.last.partitions[i].partition);

        fake_consumer.logs[at].is_assigned = true;
        fake_consumer.logs[at].is_paused = false;
        fake_consumer.logs[at].position = fake_consumer.logs[at].committed < 0 ? 0 : fake_consumer.logs[at].committed;
    }
    fake_consumer_note("assign");
    return 0;
}

int __wrap_consumer_revoke(struct consumer *consumer, struct mr_error **error)
{
    (void)consumer, (void)error;
    assert_true(fake_consumer.is_open && fake_consumer.answer_is_due);
    assert_int_not_equal(CONSUMER_ASSIGNED, fake_consumer.last.event.kind);
    fake_consumer.answer_is_due = false;
    for (size_t i = 0; i < fake_consumer.last.event.count; i++)
        fake_consumer.logs[fake_log(fake_consumer.last.partitions[i].topic, fake_consumer.last.partitions[i].partition)]
            .is_assigned = false;
    fake_consumer_note("revoke");
    return 0;
}

struct consumer_batch *__wrap_consumer_read(struct consumer *consumer, size_t max)
{
    struct consumer_batch *batch = malloc(sizeof(*batch) + max * sizeof(batch->messages[0]));

    (void)consumer;
    assert_true(fake_consumer.is_open);
    *batch = (struct consumer_batch){.count = 0};
    for (size_t i = 0; i < fake_consumer.log_count; i++) {
        while (fake_consumer.logs[i].is_assigned && !fake_consumer.logs[i].is_paused && batch->count < max &&
               fake_consumer.logs[i].position < fake_consumer.logs[i].end) {
            int64_t offset = fake_consumer.logs[i].position++;
            char *value = strdup(fake_consumer.logs[i].values[offset]);

            batch->bytes += strlen(value);
            batch->messages[batch->count++] = (struct consumer_message){
                .origin = {.topic = fake_consumer.logs[i].topic, .partition = fake_consumer.logs[i].partition, .offset = offset,
                           .timestamp_ms = fake_consumer.timestamp_ms != 0 ? fake_consumer.timestamp_ms : 1000 + offset,
                           .timestamp_type = fake_consumer.timestamp_ms < 0 ? MR_TIMESTAMP_NONE : MR_TIMESTAMP_CREATE_TIME,
                           .value = {value, strlen(value)}},
                .native = value};
            if (fake_consumer.has_keys)
                batch->messages[batch->count - 1].origin.key = batch->messages[batch->count - 1].origin.value;
        }
    }
    if (batch->count == 0) {
        free(batch);
        return NULL;
    }
    atomic_fetch_add(&fake_consumer.batches_out, 1);
    atomic_fetch_add(&fake_consumer.pinned_bytes, batch->bytes);
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

/* Not counted: what converters make is not the fake's to know. */
void __wrap_consumer_batch_charge(struct consumer_batch *batch, uint64_t bytes)
{
    (void)batch, (void)bytes;
}

void __wrap_consumer_batch_drop(struct consumer_batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->count; i++)
        free(batch->messages[i].native);
    atomic_fetch_sub(&fake_consumer.pinned_bytes, batch->bytes);
    atomic_fetch_sub(&fake_consumer.batches_out, 1);
    free(batch);
}

size_t __wrap_consumer_message_header_count(const struct consumer_message *message)
{
    (void)message;
    return fake_consumer.has_headers ? 1 : 0;
}

bool __wrap_consumer_message_header(const struct consumer_message *message, size_t i, const char **name,
                                    struct mr_bytes *value)
{
    assert_true(fake_consumer.has_headers && i == 0);
    *name = "h";
    *value = message->origin.value;
    return true;
}

static inline int fake_set_paused(const char *topic, int32_t partition, bool paused)
{
    size_t i = fake_log(topic, partition);

    assert_true(fake_consumer.is_open && fake_consumer.logs[i].is_assigned);
    fake_consumer.logs[i].is_paused = paused;
    fake_consumer_note(paused ? "pause" : "resume");
    return 0;
}

int __wrap_consumer_pause(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error)
{
    (void)consumer, (void)error;
    return fake_set_paused(topic, partition, true);
}

int __wrap_consumer_resume(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error)
{
    (void)consumer, (void)error;
    return fake_set_paused(topic, partition, false);
}

int __wrap_consumer_seek(struct consumer *consumer, const struct consumer_partition *targets, size_t count,
                         int64_t deadline_ms, struct mr_error **error)
{
    (void)consumer, (void)deadline_ms;
    assert_true(fake_consumer.is_open);
    fake_consumer.seeks++;
    if (fake_consumer.seek_refusal != NULL)
        return mr_error_set(error, MR_ERR_TIMEOUT, "%s", fake_consumer.seek_refusal);
    for (size_t i = 0; i < count; i++) {
        size_t at = fake_log(targets[i].topic, targets[i].partition);
        char text[128];

        assert_true(fake_consumer.logs[at].is_assigned);
        fake_consumer.logs[at].position = targets[i].offset;
        snprintf(text, sizeof(text), "seek:%s-%d=%lld", targets[i].topic, (int)targets[i].partition,
                 (long long)targets[i].offset);
        fake_consumer_note(text);
    }
    return 0;
}

void __wrap_consumer_lets_go_soon(struct consumer *consumer, bool soon)
{
    (void)consumer;
    assert_true(fake_consumer.is_open);
    fake_consumer.lets_go_soon = soon;
}

uint64_t __wrap_consumer_pinned_bytes(const struct consumer *consumer)
{
    (void)consumer;
    assert_true(fake_consumer.is_open);
    return fake_consumer.pinned_bytes;
}

int __wrap_consumer_commit(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                           uint64_t token, struct mr_error **error)
{
    (void)consumer;
    assert_true(fake_consumer.is_open && count > 0);
    fake_consumer.commits++;
    if (fake_consumer.commit_refusal != NULL)
        return mr_error_set(error, MR_ERR_CONFLICT, "%s", fake_consumer.commit_refusal);
    fake_consumer.held_token = token;
    fake_consumer.held_count = count;
    for (size_t i = 0; i < count; i++) {
        fake_consumer.held[i] = offsets[i];
        fake_consumer.held[i].topic = fake_consumer.logs[fake_log(offsets[i].topic, offsets[i].partition)].topic;
    }
    if (!fake_consumer.holds_commits)
        fake_consumer_confirm(NULL);
    return 0;
}

int __wrap_consumer_commit_and_wait(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                                    int64_t deadline_ms, struct mr_error **error)
{
    (void)consumer, (void)deadline_ms;
    assert_true(fake_consumer.is_open && count > 0);
    fake_consumer.commits++;
    if (fake_consumer.commit_refusal != NULL)
        return mr_error_set(error, MR_ERR_CONFLICT, "%s", fake_consumer.commit_refusal);
    fake_commit(offsets, count);
    return 0;
}

int __wrap_consumer_committed(struct consumer *consumer, struct consumer_partition *partitions, size_t count,
                              int64_t deadline_ms, struct mr_error **error)
{
    (void)consumer, (void)deadline_ms;
    assert_true(fake_consumer.is_open);
    if (fake_consumer.committed_refusal != NULL)
        return mr_error_set(error, MR_ERR_TIMEOUT, "%s", fake_consumer.committed_refusal);
    for (size_t i = 0; i < count; i++) {
        int64_t committed = fake_committed(partitions[i].topic, partitions[i].partition);

        partitions[i].offset = committed < 0 ? CONSUMER_OFFSET_NONE : committed;
    }
    return 0;
}

#endif
