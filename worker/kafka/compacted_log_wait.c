/* compacted_log_wait.c: waiting until the reader has come far enough. */
#include "kafka/compacted_log_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/promise_internal.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 1000   /* the reader does not read meanwhile */
#define ASK_AGAIN_MS 100
#define WORDS_MS 100   /* after its deadline the reader gets so long to say what it waited for */

/* Asked on the writer's connection where there is one: behind a long fetch of the reader's own it would wait for that. The stable end
 * is what a handle with the reader's isolation is told.
 * offsets_for_times with the protocol's special times -2 and -1, which are librdkafka's logical offsets as well: one
 * request a broker, where query_watermark_offsets needs two a partition. */
int log_ask_offsets(struct compacted_log *log, rd_kafka_topic_partition_list_t *list, enum log_bound bound, int timeout_ms,
                    struct mr_error **error)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = bound == LOG_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    rd_kafka_t *rk = log->writer != NULL && bound != LOG_STABLE_END ? log->writer->rk : log->reader->rk;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(rk, list, timeout_ms > 0 ? timeout_ms : 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "the bounds of the internal topics");
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return native_error_set(error, list->elems[i].err, "the bounds of topic %s", list->elems[i].topic);
        if (list->elems[i].offset < 0)
            return mr_error_set(error, MR_ERR_RETRIABLE, "the bounds of topic %s are not known", list->elems[i].topic);
    }
    return 0;
}

/* ---- waiters ---- */

static void waiter_end(struct log_waiter *waiter, const struct mr_error *error)
{
    waiter->done(waiter->argument, error);
    mem_free(waiter->targets);
    mem_free(waiter);
}

static void waiter_refuse(struct log_waiter *waiter, enum mr_error_code code, const char *why)
{
    struct mr_error *error = NULL;
    mr_error_set(&error, code, "%s", why);
    waiter_end(waiter, error);
    mr_error_drop(error);
}

void log_waiter_add(struct compacted_log *log, struct log_waiter *waiter)
{
    mutex_lock(&log->lock);
    bool running = log->running;
    if (running) {
        waiter->next = log->new_waiters;
        log->new_waiters = waiter;
    }
    mutex_unlock(&log->lock);
    if (running)
        log_reader_wake(log);
    else
        waiter_refuse(waiter, MR_ERR_CONFLICT, "the log of internal topics is not running");
}

static void take_new_waiters(struct compacted_log *log)
{
    mutex_lock(&log->lock);
    struct log_waiter *waiter = log->new_waiters;
    log->new_waiters = NULL;
    mutex_unlock(&log->lock);
    while (waiter != NULL) {
        struct log_waiter *next = waiter->next;
        waiter->next = log->waiters;
        log->waiters = waiter;
        waiter = next;
    }
}

void log_waiters_refuse(struct compacted_log *log, const char *why)
{
    take_new_waiters(log);
    while (log->waiters != NULL) {
        struct log_waiter *waiter = log->waiters;
        log->waiters = waiter->next;
        waiter_refuse(waiter, MR_ERR_CONFLICT, why);
    }
}

/* ---- the question for ends ---- */

static rd_kafka_topic_partition_list_t *needed_partitions(const struct compacted_log *log)
{
    bool needed[COMPACTED_LOG_TOPICS_MAX] = {false};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(32);
    for (const struct log_waiter *waiter = log->waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->needs_end)
            needed[waiter->topic] = true;
    }
    for (size_t i = 0; i < log->topic_count; i++) {
        for (int32_t p = 0; needed[i] && p < log->topics[i].partition_count; p++)
            rd_kafka_topic_partition_list_add(list, log->topics[i].name, p);
    }
    return list;
}

static void waiter_fill(const struct compacted_log *log, struct log_waiter *waiter,
                        const rd_kafka_topic_partition_list_t *list)
{
    const struct log_topic *topic = &log->topics[waiter->topic];
    waiter->targets = mem_calloc((size_t)topic->partition_count, sizeof *waiter->targets);
    if (waiter->targets == NULL)
        return;
    for (int32_t p = 0; p < topic->partition_count; p++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)(uintptr_t)list, topic->name, p);
        waiter->targets[waiter->target_count++] = (struct log_target){waiter->topic, p, found->offset};
    }
    waiter->needs_end = false;
    waiter->since_ms = clock_monotonic_ms(NULL);
}

/* An end below what was read: records are gone. */
static void check_ends(struct compacted_log *log, const rd_kafka_topic_partition_list_t *list)
{
    char words[160];
    for (size_t i = 0; i < log->topic_count; i++) {
        for (int32_t p = 0; p < log->topics[i].partition_count; p++) {
            const rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_find(
                (rd_kafka_topic_partition_list_t *)(uintptr_t)list, log->topics[i].name, p);
            int64_t position = atomic_load(&log->topics[i].partitions[p].position);
            if (found == NULL || found->offset >= position)
                continue;
            snprintf(words, sizeof words, "partition %" PRId32 " ends at %" PRId64 ", but was read up to %" PRId64, p,
                     found->offset, position);
            log_lost(log, i, p, COMPACTED_LOG_CUT, words);
        }
    }
}

static void ask_ends(struct compacted_log *log)
{
    rd_kafka_topic_partition_list_t *list = needed_partitions(log);
    struct mr_error *error = NULL;
    if (list->cnt > 0 && clock_monotonic_ms(NULL) >= log->next_ask_ms) {
        if (log_ask_offsets(log, list, LOG_END, ASK_TIMEOUT_MS, &error) == 0) {
            check_ends(log, list);
            for (struct log_waiter *waiter = log->waiters; waiter != NULL; waiter = waiter->next) {
                if (waiter->needs_end)
                    waiter_fill(log, waiter, list);   /* no memory: asked again until its deadline */
            }
        } else {
            log_debug(LOG_LOGGER, "%s", mr_error_message(error));
        }
        log->next_ask_ms = error != NULL ? deadline_after_ms(ASK_AGAIN_MS) : 0;
    }
    mr_error_clear(&error);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- serving ---- */

static bool waiter_is_served(const struct compacted_log *log, const struct log_waiter *waiter)
{
    if (waiter->needs_end)
        return false;
    for (size_t i = 0; i < waiter->target_count; i++) {
        const struct log_target *target = &waiter->targets[i];
        if (atomic_load(&log->topics[target->topic].partitions[target->partition].position) < target->offset)
            return false;
    }
    return true;
}

static bool waiter_is_lost(const struct compacted_log *log, const struct log_waiter *waiter)
{
    if (waiter->needs_end)
        return atomic_load(&log->topics[waiter->topic].lost);
    for (size_t i = 0; i < waiter->target_count; i++) {
        if (atomic_load(&log->topics[waiter->targets[i].topic].lost))
            return true;
    }
    return false;
}

/* A target that the reader cannot reach now: the brokers give it nothing more there, since a transaction is open. NULL: none. */
static const struct log_target *waiter_obstacle(const struct compacted_log *log, const struct log_waiter *waiter)
{
    for (size_t i = 0; log->read_committed && i < waiter->target_count; i++) {
        const struct log_target *target = &waiter->targets[i];
        const struct log_partition *partition = &log->topics[target->topic].partitions[target->partition];
        int64_t position = atomic_load(&partition->position);
        if (position < target->offset && partition->seen_end == position)
            return target;
    }
    return NULL;
}

static void say_obstacle(struct compacted_log *log, const struct log_waiter *waiter)
{
    const struct log_target *target = waiter_obstacle(log, waiter);
    if (target == NULL || clock_monotonic_ms(NULL) < waiter->since_ms + COMPACTED_LOG_PATIENCE_MS)
        return;
    struct log_topic *topic = &log->topics[target->topic];
    struct log_partition *partition = &topic->partitions[target->partition];
    int64_t position = atomic_load(&partition->position);
    if (partition->told_at == position)
        return;
    partition->told_at = position;
    log_warn(LOG_LOGGER,
             "topic %s, partition %" PRId32 ": waiting at offset %" PRId64 " for a transaction that is still open, to read what "
             "is there up to offset %" PRId64 "; a producer that died holds it until its transaction.timeout.ms, or until its "
             "successor starts",
             topic->name, target->partition, position, target->offset);
}

static void waiter_refuse_late(const struct compacted_log *log, struct log_waiter *waiter)
{
    const struct log_target *target = waiter_obstacle(log, waiter);
    char words[384] = "an internal topic was not read to its end in time";
    if (target != NULL)
        snprintf(words, sizeof words,
                 "a transaction is still open in partition %" PRId32 " of topic %.250s, which could not be read to its end in time",
                 target->partition, log->topics[target->topic].name);
    waiter_refuse(waiter, MR_ERR_TIMEOUT, words);
}

/* true: it was told and is gone. */
static bool waiter_settle(const struct compacted_log *log, struct log_waiter *waiter)
{
    if (waiter_is_lost(log, waiter))
        waiter_refuse(waiter, MR_ERR_CONFLICT, "records of an internal topic are lost");
    else if (waiter_is_served(log, waiter))
        waiter_end(waiter, NULL);
    else if (clock_monotonic_ms(NULL) >= waiter->deadline_ms)
        waiter_refuse_late(log, waiter);
    else
        return false;
    return true;
}

int64_t log_waiters_serve(struct compacted_log *log)
{
    take_new_waiters(log);
    if (log->waiters == NULL)
        return DEADLINE_NEVER;
    ask_ends(log);
    int64_t next_ms = DEADLINE_NEVER;
    struct log_waiter **link = &log->waiters;
    while (*link != NULL) {
        struct log_waiter *waiter = *link, *after = waiter->next;
        bool needs_end = waiter->needs_end;
        int64_t deadline_ms = waiter->deadline_ms;
        if (waiter_settle(log, waiter)) {
            *link = after;
            continue;
        }
        say_obstacle(log, waiter);
        if (deadline_ms < next_ms)
            next_ms = deadline_ms;
        if (needs_end && log->next_ask_ms < next_ms)
            next_ms = log->next_ask_ms;
        link = &waiter->next;
    }
    return next_ms;
}

/* ---- the door ---- */

static int wait_for(struct promise *promise, int64_t deadline_ms, const char *topic, struct mr_error **error)
{
    return promise_wait(promise, deadline_ms == DEADLINE_NEVER ? deadline_ms : deadline_ms + WORDS_MS, topic, error);
}

void compacted_log_read_to_end_then(struct compacted_log *log, size_t topic, int64_t deadline_ms,
                                    compacted_log_done_fn *done, void *argument)
{
    struct log_waiter *waiter = mem_calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        struct mr_error *error = NULL;
        mr_error_set(&error, MR_ERR_NO_MEMORY, "no memory to wait for an internal topic");
        done(argument, error);
        mr_error_drop(error);
        return;
    }
    *waiter = (struct log_waiter){
        .topic = topic, .needs_end = true, .deadline_ms = deadline_ms, .done = done, .argument = argument};
    log_waiter_add(log, waiter);
}

int compacted_log_read_to_end(struct compacted_log *log, size_t topic, int64_t deadline_ms, struct mr_error **error)
{
    struct promise *promise = promise_create();
    if (promise == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to wait for an internal topic");
    compacted_log_read_to_end_then(log, topic, deadline_ms, promise_keep, promise);
    return wait_for(promise, deadline_ms, log->topics[topic].name, error);
}

/* Takes the targets, which may be NULL: no memory. */
static int wait_for_targets(struct compacted_log *log, struct log_target *targets, size_t count, int64_t deadline_ms,
                            struct mr_error **error)
{
    struct log_waiter *waiter = targets != NULL ? mem_calloc(1, sizeof *waiter) : NULL;
    struct promise *promise = waiter != NULL ? promise_create() : NULL;
    if (promise == NULL) {
        mem_free(waiter);
        mem_free(targets);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to wait for an internal topic");
    }
    size_t topic = targets->topic;
    *waiter = (struct log_waiter){.topic = topic, .targets = targets, .target_count = count, .deadline_ms = deadline_ms,
                                  .since_ms = clock_monotonic_ms(NULL), .done = promise_keep, .argument = promise};
    log_waiter_add(log, waiter);
    return wait_for(promise, deadline_ms, log->topics[topic].name, error);
}

int compacted_log_catch_up(struct compacted_log *log, size_t topic, int64_t deadline_ms, struct mr_error **error)
{
    int32_t count = log->topics[topic].partition_count;
    assert(count > 0);   /* it was started */
    struct log_target *targets = mem_calloc((size_t)count, sizeof *targets);
    for (int32_t p = 0; targets != NULL && p < count; p++)
        targets[p] = (struct log_target){topic, p, log->topics[topic].partitions[p].start_end};
    return wait_for_targets(log, targets, (size_t)count, deadline_ms, error);
}

int compacted_log_read_past(struct compacted_log *log, size_t topic, int32_t partition, int64_t offset,
                            int64_t deadline_ms, struct mr_error **error)
{
    struct log_target *target = mem_calloc(1, sizeof *target);
    if (target != NULL)
        *target = (struct log_target){topic, partition, offset + 1};
    return wait_for_targets(log, target, 1, deadline_ms, error);
}
