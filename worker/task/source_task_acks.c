/* What comes back from Kafka: acknowledgements, refusals, swaps; and what follows for offsets and memory. */
#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "errors/tolerance.h"
#include "kafka/producer.h"
#include "metrics/task_metrics.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"

/* --- the producer's poll thread ----------------------------------------------------------------------------- */

/* Of flights of one batch that are home, and not counted yet: they keep the batch there. */
struct landing {
    struct source_batch *batch;
    uint32_t count;
};

static void landing_end(struct landing *landing)
{
    /* Last touch: the task's thread may let the batch go from here on. */
    if (landing->count > 0)
        atomic_fetch_sub_explicit(&landing->batch->flights_out, landing->count, memory_order_release);
    landing->count = 0;
}

static void flight_home(struct flight *flight, struct landing *landing)
{
    struct source_batch *batch = flight->record->batch->owner;

    if (batch != landing->batch)
        landing_end(landing);
    landing->batch = batch;
    landing->count++;
    atomic_store_explicit(&flight->state, FLIGHT_ACKED, memory_order_release);
    offset_commit_mark_acked(flight->record->original);
}

void source_task_flight_acked(struct flight *flight)
{
    struct landing landing = {.count = 0};

    flight_home(flight, &landing);
    landing_end(&landing);
}

static void flight_land(struct source_task *task, const struct producer_delivery *delivery, struct landing *landing)
{
    struct flight *flight = FLIGHT_OF(delivery->ticket);

    if (flight->record == NULL) { /* an offset: the commit of its transaction tells, but not that nobody refused it */
        if (delivery->outcome == PRODUCER_NOT_SENT && atomic_load_explicit(&task->exact.awaits_offsets, memory_order_acquire))
            atomic_store_explicit(&task->exact.gave_back_offsets, true, memory_order_release);
        return;
    }
    switch (delivery->outcome) {
    case PRODUCER_ACKED:
        flight->partition = delivery->partition;
        flight->offset = delivery->offset;
        flight->timestamp_ms = delivery->timestamp_ms;
        flight_home(flight, landing);
        break;
    case PRODUCER_FAILED:
        flight_say(flight, delivery->words);
        atomic_store_explicit(&flight->state, FLIGHT_REFUSED, memory_order_release);
        atomic_fetch_add_explicit(&task->refused, 1, memory_order_release);
        break;
    case PRODUCER_NOT_SENT:
        atomic_store_explicit(&task->exact.gave_back, true, memory_order_release); /* looked at in transactions alone */
        atomic_store_explicit(&flight->state, FLIGHT_UNSENT, memory_order_release);
        break;
    }
}

/* Offsets of a transaction do not count. */
static void count_landed(struct source_task *task, const struct producer_delivery *deliveries, size_t count)
{
    uint64_t bytes = 0;
    size_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        if (deliveries[i].outcome == PRODUCER_ACKED)
            bytes += deliveries[i].ticket->size;
        failed += deliveries[i].outcome == PRODUCER_FAILED;
    }
    task_metrics_landed(task->task.cells, bytes, failed);
}

static void on_delivery(void *argument, const struct producer_delivery *deliveries, size_t count)
{
    struct source_task *task = argument;
    struct landing landing = {.count = 0};

    count_landed(task, deliveries, count); /* what has landed may be gone at once */
    for (size_t i = 0; i < count; i++)
        flight_land(task, &deliveries[i], &landing);
    landing_end(&landing);
    if (count < PRODUCER_RUN_MAX) /* else more comes at once */
        task_wake(&task->task);
}

static void on_writable(void *argument)
{
    struct source_task *task = argument;

    task_wake(&task->task);
}

static void on_swapped(void *argument)
{
    struct source_task *task = argument;

    atomic_store_explicit(&task->swapped, true, memory_order_release);
    task_wake(&task->task);
}

static void on_closed(void *argument)
{
    struct source_task *task = argument;

    task_signal(&task->task, &task->user_closed);
}

const struct producer_user_listener source_task_producer_listener = {
    .on_delivery = on_delivery,
    .on_writable = on_writable,
    .on_swapped = on_swapped,
    .on_closed = on_closed,
};

/* --- the task's thread --------------------------------------------------------------------------------------- */

static void commit_record(struct source_task *task, struct mr_record *entry)
{
    struct flight *flight = entry->owner; /* of its first item; NULL: nothing was sent */
    struct mr_record_metadata metadata = {.size = sizeof(metadata), .partition = -1, .offset = -1, .timestamp_ms = -1};
    struct mr_error *error = NULL;

    if (flight != NULL && !flight->is_dropped) {
        metadata.topic = flight->record->content.topic;
        metadata.partition = flight->partition;
        metadata.offset = flight->offset;
        metadata.timestamp_ms = flight->timestamp_ms;
    }
    task_call_begin(&task->task, "commit_record");
    if (task->setup.plugin->commit_record(task->task.self, entry, &metadata, &error) != 0)
        log_warn(LOG_NAME, TASK_FORMAT ": commit_record failed (ignored): %s", TASK_ARGS(&task->task),
                 error == NULL ? "no reason given" : mr_error_message(error));
    mr_error_drop(error);
    task_call_end(&task->task);
}

void source_task_commit_records(struct source_task *task)
{
    struct mr_record *entry;

    if (task->setup.plugin->commit_record == NULL || task->task.self == NULL)
        return;
    while (!task_is_abandoned(&task->task) && (entry = offset_commit_take_done(task->commit)) != NULL) {
        commit_record(task, entry);
        offset_commit_release_done(task->commit, entry);
    }
}

/* Those of records that Kafka has: only they make a topic an active one. With the producer's user its topics are gone. */
static void tell_topics(struct source_task *task, const struct source_batch *batch)
{
    const struct producer_topic *last = NULL;

    if (task->user == NULL)
        return;
    task_topics_renew(&task->task);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct flight *flight = &batch->flights[i];

        if (batch->items[i].topic == last || flight->is_dropped ||
            atomic_load_explicit(&flight->state, memory_order_acquire) != FLIGHT_ACKED)
            continue;
        last = batch->items[i].topic;
        task_topics_tell(&task->task, producer_topic_name(last));
        if (batch->has_one_topic)
            break;
    }
}

void source_task_tell_topics(struct source_task *task)
{
    for (const struct source_batch *batch = task->first; batch != NULL; batch = batch->next)
        tell_topics(task, batch);
}

static void batch_free(struct source_task *task, struct source_batch *batch)
{
    tell_topics(task, batch);
    for (uint32_t i = 0; i < batch->count && atomic_load_explicit(&batch->has_words, memory_order_acquire); i++)
        mem_free(batch->flights[i].words);
    mr_batch_drop(batch->batch); /* the memory of `batch` goes with it */
}

static bool is_done(struct source_task *task, const struct source_batch *batch)
{
    return batch != task->cursor && atomic_load_explicit(&batch->flights_out, memory_order_acquire) == 0 &&
           offset_commit_is_home(task->commit, batch);
}

static void note_written(struct source_task *task, const struct source_batch *batch)
{
    int64_t now_us = task_now_us(&task->task);

    if (batch->count > batch->dropped)
        task_progressed(&task->task);
    watch_since(&task->task.watched.owed_ms, 0);
    log_debug(LOG_NAME, "records written: %u, dropped: %u", batch->count - batch->dropped, batch->dropped);
    task_metrics_written(task->task.cells, source_batch_polled(batch->batch), batch->count - batch->dropped,
                         now_us);
    if (batch->count > batch->dropped)
        task_metrics_aged(task->task.cells, now_us - batch->polled_us);
}

/* A batch with a record that is stuck does not hold the others back. */
static void release_batches(struct source_task *task)
{
    struct source_batch *before = NULL, *next;

    for (struct source_batch *batch = task->first; batch != NULL; batch = next) {
        next = batch->next;
        if (!is_done(task, batch)) {
            before = batch;
            continue;
        }
        *(before == NULL ? &task->first : &before->next) = next;
        task->held_bytes -= batch->bytes;
        task_metrics_set_memory(task->task.cells, task->held_bytes);
        note_written(task, batch);
        batch_free(task, batch);
    }
    task->last = before;
    if (task->first != NULL)
        watch_begin(&task->task, &task->task.watched.owed_ms);
}

static int refusal_settle(struct source_task *task, struct flight *flight, struct mr_error **error)
{
    struct source_batch *batch = flight->record->batch->owner;
    const struct refusal refusal = {
        .record = flight->record,
        .sent = &batch->items[flight - batch->flights],
        .words = flight->words == NULL ? "no reason given" : flight->words,
    };
    struct mr_future *letter = NULL;

    if (source_task_is_exact(task)) { /* the brokers would not take its commit, whatever is tolerated */
        struct mr_error *cause = NULL;

        mr_error_set(&cause, MR_ERR_CONNECT, "topic %s: Kafka refused a record of the transaction: %s",
                     producer_topic_name(refusal.sent->topic), refusal.words);
        source_task_undo_for(task, cause);
        return 0;
    }
    if (source_pipeline_produce_failed(task->setup.pipeline, &refusal, &letter, error) != 0)
        return -1;
    flight->is_dropped = true;
    batch->dropped++;
    atomic_store_explicit(&flight->state, FLIGHT_REPORTED, memory_order_relaxed);
    if (letter != NULL)
        return source_task_await_letter(task, &(struct letter_wait){.future = letter, .flight = flight}, error);
    source_task_flight_acked(flight);
    return 0;
}

/* -1: a letter could not be written. */
static int settle_letters(struct source_task *task, struct mr_error **error)
{
    _Atomic int64_t *since_ms = &task->task.watched.letters_ms;
    struct letter_wait done;

    if (task->first_letter == NULL)
        watch_since(since_ms, 0);
    while (source_task_take_letter(task, &done)) {
        watch_since(since_ms, 0);
        if (done.flight != NULL)
            source_task_flight_acked(done.flight);
        else
            offset_commit_mark_acked(done.entry);
    }
    if (task->first_letter != NULL) /* they are written one after another, or not at all */
        watch_begin(&task->task, since_ms);
    if (tolerance_letter_failure(task->setup.tolerance, error) == 0)
        return 0;
    source_task_blame_letters(task);
    return -1;
}

static int settle_refusals(struct source_task *task, struct mr_error **error)
{
    if (atomic_load_explicit(&task->refused, memory_order_acquire) == 0)
        return 0;
    atomic_exchange_explicit(&task->refused, 0, memory_order_acq_rel); /* those that come meanwhile count again */
    for (struct source_batch *batch = task->first; batch != NULL; batch = batch->next)
        for (uint32_t i = 0; i < batch->count; i++)
            if (atomic_load_explicit(&batch->flights[i].state, memory_order_acquire) == FLIGHT_REFUSED &&
                refusal_settle(task, &batch->flights[i], error) != 0)
                return -1;
    return 0;
}

int source_task_take_acks(struct source_task *task, struct mr_error **error)
{
    int status = 0;

    /* A report may show the source partition, which is the plugin's own: not once the plugin has ended. */
    if (task->task.failure == NULL && task->task.self != NULL)
        status = settle_refusals(task, error);
    if (settle_letters(task, status == 0 ? error : NULL) != 0)
        status = -1;
    offset_commit_collect(task->commit);
    if (!source_task_is_exact(task))
        source_task_commit_records(task);
    release_batches(task);
    source_task_be_lean(task);
    return status;
}

static void note_flush(struct source_task *task, enum flush_state state)
{
    if (state == FLUSH_STORED) {
        int64_t took_ms = offset_commit_flush_took_ms(task->commit);
        log_debug(LOG_NAME, "offsets are stored, after %lld ms", (long long)took_ms);
        task_metrics_committed(task->task.cells, took_ms * 1000, task_now_us(&task->task));
    } else if (state == FLUSH_FAILED) {
        task_metrics_commit_failed(task->task.cells, task_now_us(&task->task));
    }
}

enum flush_state source_task_flush(struct source_task *task, bool force)
{
    enum flush_state state;

    if (!task_may_act(&task->task))
        return FLUSH_NOTHING;
    state = offset_commit_flush(task->commit, force);
    note_flush(task, state);
    if (state == FLUSH_STORED && task->task.self != NULL && task->setup.plugin->commit != NULL) {
        struct mr_error *error = NULL;

        task_call_begin(&task->task, "commit");
        if (task->setup.plugin->commit(task->task.self, &error) != 0)
            log_warn(LOG_NAME, TASK_FORMAT ": commit failed (ignored): %s", TASK_ARGS(&task->task),
                     error == NULL ? "no reason given" : mr_error_message(error));
        mr_error_drop(error);
        task_call_end(&task->task);
    }
    return state;
}

void source_task_forget(struct source_task *task)
{
    offset_commit_forget(task->commit); /* a ticking thread may be looking */
    source_task_forget_letters(task);
    task->held_bytes = 0;
    while (task->first != NULL) {
        struct source_batch *batch = task->first;

        task->first = batch->next;
        batch_free(task, batch);
    }
    task->last = NULL;
    task->cursor = NULL;
    mr_batch_drop(task->unsent);
    task->unsent = NULL;
    mr_error_clear(&task->unsent_error);
}
