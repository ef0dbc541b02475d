/* compacted_log_append.c: the writer: one producer handle, its delivery reports served by one thread. */
#include "kafka/compacted_log_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client_config.h"
#include "kafka/promise_internal.h"

#include "base/bans.h"

#define POLL_MS 100
#define PREPARE_TIMEOUT_MS 1000
#define PURGE_WAIT_MS 1000

/* One call of compacted_log_append. The caller holds one reference while it produces, each record one until its report. */
struct append {
    struct refcount refcount;
    struct compacted_log *log;
    compacted_log_done_fn *done;       /* NULL: nobody is told */
    void *argument;
    bool read_back;                    /* tell only when the reader has delivered the records */
    int64_t deadline_ms;               /* of read_back */
    struct mr_error *error;            /* the first failure; writer thread, or the caller before any report */
    size_t count;
    struct landed {
        struct append *append;
        size_t topic;
        int32_t partition;
        int64_t offset;
        uint32_t size;
    } landed[];
};

/* ---- opening ---- */

static rd_kafka_topic_t *open_topic(rd_kafka_t *rk, const struct log_topic *topic)
{
    char timeout[16], words[128];
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(rk);
    snprintf(timeout, sizeof timeout, "%u", (unsigned)topic->append_timeout_ms);
    if (rd_kafka_topic_conf_set(conf, "message.timeout.ms", timeout, words, sizeof words) != RD_KAFKA_CONF_OK)
        log_warn(LOG_LOGGER, "topic %s: %s", topic->name, words);
    return rd_kafka_topic_new(rk, topic->name, conf);
}

int log_writer_open(struct compacted_log *log, struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(log->producer_config, error);
    if (conf == NULL)
        return -1;
    /* Whatever kind of client the configuration is for: what is acknowledged stays, in its order. */
    native_conf_set(conf, "acks", "-1");
    native_conf_set(conf, "enable.idempotence", "false");
    native_conf_set(conf, "max.in.flight.requests.per.connection", "1");
    native_conf_set(conf, "isolation.level", "read_uncommitted");   /* ends are asked for on this handle: LOG_END */
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    rd_kafka_t *rk = native_open(log->producer_config, RD_KAFKA_PRODUCER, &conf, error);
    if (rk == NULL)
        return -1;
    log->writer = native_handle_create(rk, log->graveyard);
    if (log->writer == NULL) {
        native_destroy(rk);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the writer of internal topics");
    }
    log->reports = rd_kafka_queue_get_main(rk);
    for (size_t i = 0; i < log->topic_count; i++) {
        log->topics[i].writing = open_topic(rk, &log->topics[i]);
        if (log->topics[i].writing == NULL)
            return native_error_set(error, rd_kafka_last_error(), "topic %s", log->topics[i].name);
    }
    return 0;
}

/* ---- reports ---- */

static void append_tell(struct append *append)
{
    if (append->done != NULL)
        append->done(append->argument, append->error);
}

/* Turns the append into a waiter for the reader. false: no memory, or it failed. */
static bool append_await_reader(struct append *append)
{
    struct log_waiter *waiter = mem_calloc(1, sizeof *waiter);
    struct log_target *targets = mem_calloc(append->count, sizeof *targets);
    if (waiter == NULL || targets == NULL || append->error != NULL) {
        mem_free(waiter);
        mem_free(targets);
        return false;
    }
    for (size_t i = 0; i < append->count; i++)
        targets[i] = (struct log_target){append->landed[i].topic, append->landed[i].partition,
                                         append->landed[i].offset + 1};
    *waiter = (struct log_waiter){.targets = targets, .target_count = append->count,
                                  .deadline_ms = append->deadline_ms, .since_ms = clock_monotonic_ms(NULL), .done = append->done,
                                  .argument = append->argument};
    log_waiter_add(append->log, waiter);
    return true;
}

static void append_drop(struct append *append)
{
    if (!refcount_drop(&append->refcount))
        return;
    if (append->read_back && append->error == NULL && append->done != NULL) {
        if (append_await_reader(append))
            append->done = NULL;
        else
            mr_error_set(&append->error, MR_ERR_NO_MEMORY, "no memory to wait for an internal topic");
    }
    append_tell(append);
    mr_error_drop(append->error);
    mem_free(append);
}

static void report(struct compacted_log *log, const rd_kafka_message_t *message)
{
    struct landed *landed = message->_private;
    struct append *append = landed->append;
    landed->partition = message->partition;
    landed->offset = message->offset;
    bool is_purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (is_purged && atomic_load(&log->writer_stop))
        mr_error_set(&append->error, MR_ERR_CONFLICT, "topic %s: the worker is closing; the record may not have been "
                     "written", log->topics[landed->topic].name);
    else if (is_purged)
        mr_error_set(&append->error, MR_ERR_RETRIABLE, "topic %s: the worker's lease has ended; the record may not have "
                     "been written", log->topics[landed->topic].name);
    else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        native_error_set(&append->error, message->err, "topic %s", log->topics[landed->topic].name);
    atomic_fetch_sub(&log->pending_bytes, landed->size);
    atomic_fetch_sub(&log->pending_records, 1);
    append_drop(append);
}

static void serve_reports(struct compacted_log *log, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(log->reports, timeout_ms);
    if (event == NULL)
        return;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        const rd_kafka_message_t *message;
        while ((message = rd_kafka_event_message_next(event)) != NULL)
            report(log, message);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        log_debug(LOG_LOGGER, "writing internal topics: %s", rd_kafka_event_error_string(event));
    }
    rd_kafka_event_destroy(event);
}

/* Without the metadata, the first append of a topic would wait for the next scan of topics, up to a second. */
static void prepare_topics(struct compacted_log *log)
{
    for (size_t i = 0; i < log->topic_count && !atomic_load(&log->writer_stop); i++) {
        const struct rd_kafka_metadata *metadata;
        if (rd_kafka_metadata(log->writer->rk, 0, log->topics[i].writing, &metadata, PREPARE_TIMEOUT_MS) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
            rd_kafka_metadata_destroy(metadata);
    }
}

/* Once, when the lease ends. */
static void purge_without_lease(struct compacted_log *log)
{
    bool had_lease = log->had_lease;
    log->had_lease = log->lease == NULL || lease_is_valid(log->lease, NULL);
    if (had_lease && !log->had_lease && atomic_load(&log->pending_records) > 0) {
        log_warn(LOG_LOGGER, "the worker's lease has ended: what is not yet written to internal topics is held back");
        rd_kafka_purge(log->writer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    }
}

static void *writer_run(void *argument)
{
    struct compacted_log *log = argument;
    prepare_topics(log);
    while (!atomic_load(&log->writer_stop)) {
        serve_reports(log, POLL_MS);
        purge_without_lease(log);
    }
    return NULL;
}

int log_writer_start(struct compacted_log *log, struct mr_error **error)
{
    char why[128];
    log->had_lease = log->lease == NULL || lease_is_valid(log->lease, NULL);   /* it may end before the thread looks */
    log->writer_started = thread_start(
        &log->writer_thread, &(struct thread_setup){.name = "log-writer", .run = writer_run, .argument = log}, why,
        sizeof why);
    return log->writer_started ? 0 : mr_error_set(error, MR_ERR_CONNECT, "%s", why);
}

/* The caller of _stop serves the last reports itself, once the thread has gone. */
static void settle(struct compacted_log *log, int64_t deadline_ms)
{
    while (atomic_load(&log->pending_records) > 0 && clock_monotonic_ms(NULL) < deadline_ms)
        serve_reports(log, native_timeout_ms(deadline_ms, POLL_MS));
}

void log_writer_stop(struct compacted_log *log)
{
    atomic_store(&log->writer_stop, true);
    if (log->writer_started)
        thread_join(log->writer_thread);
    log->writer_started = false;
    if (log->writer == NULL)
        return;
    settle(log, log->flush_deadline_ms);
    int64_t until_ms = deadline_after_ms(PURGE_WAIT_MS);
    while (atomic_load(&log->pending_records) > 0 && clock_monotonic_ms(NULL) < until_ms) {
        rd_kafka_purge(log->writer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        settle(log, deadline_after_ms(POLL_MS));
    }
}

/* ---- the door ---- */

static struct append *append_create(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count)
{
    struct append *append = mem_calloc(1, sizeof *append + count * sizeof append->landed[0]);
    if (append == NULL)
        return NULL;
    refcount_init(&append->refcount);
    append->log = log;
    append->count = count;
    for (size_t i = 0; i < count; i++)
        append->landed[i] = (struct landed){.append = append, .topic = entries[i].topic, .partition = -1, .offset = -1,
                                            .size = (uint32_t)(entries[i].key.size + entries[i].value.size)};
    return append;
}

/* Takes the bytes into account as a whole, so that an append is not cut by the limit. */
static int reserve(struct compacted_log *log, const struct append *append, struct mr_error **error)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < append->count; i++)
        bytes += append->landed[i].size;
    mutex_lock(&log->lock);
    bool running = log->running && log->writer != NULL;
    bool room = atomic_load(&log->pending_bytes) == 0 ||
                atomic_load(&log->pending_bytes) + bytes <= COMPACTED_LOG_PENDING_BYTES_MAX;
    if (running && room) {
        atomic_fetch_add(&log->pending_bytes, bytes);
        atomic_fetch_add(&log->pending_records, append->count);
    }
    mutex_unlock(&log->lock);
    if (!running)
        return mr_error_set(error, MR_ERR_CONFLICT, "internal topics cannot be written: the log is not running");
    if (!room)
        return mr_error_set(error, MR_ERR_RETRIABLE, "internal topics cannot be written: too much waits for the brokers");
    return 0;
}

static int produce(struct compacted_log *log, const struct compacted_log_entry *entry, struct landed *landed,
                   struct mr_error **error)
{
    refcount_take(&landed->append->refcount);
    if (rd_kafka_produce(log->topics[entry->topic].writing, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)entry->value.data, entry->value.size, entry->key.data, entry->key.size,
                         landed) == 0)
        return 0;
    native_error_set(error, rd_kafka_last_error(), "topic %s", log->topics[entry->topic].name);
    refcount_drop(&landed->append->refcount);   /* never the last: the caller holds one */
    return -1;
}

static int produce_all(struct compacted_log *log, const struct compacted_log_entry *entries, struct append *append,
                       struct mr_error **error)
{
    for (size_t i = 0; i < append->count; i++) {
        if (produce(log, &entries[i], &append->landed[i], error) == 0)
            continue;
        for (size_t rest = i; rest < append->count; rest++) {
            atomic_fetch_sub(&log->pending_bytes, append->landed[rest].size);
            atomic_fetch_sub(&log->pending_records, 1);
        }
        return -1;
    }
    return 0;
}

static int append_start(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                        const struct append *wish, struct mr_error **error)
{
    struct append *append = append_create(log, entries, count);
    if (append == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to append to an internal topic");
    append->read_back = wish->read_back;
    append->deadline_ms = wish->deadline_ms;
    if (reserve(log, append, error) != 0) {
        mem_free(append);
        return -1;
    }
    /* Set before producing: the last report may come before this function returns. */
    append->done = wish->done;
    append->argument = wish->argument;
    int status = produce_all(log, entries, append, error);
    if (status != 0)
        append->done = NULL;   /* safe: our reference keeps the end away until now */
    append_drop(append);
    return status;
}

int compacted_log_append(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                         compacted_log_done_fn *done, void *argument, struct mr_error **error)
{
    struct append wish = {.done = done, .argument = argument};
    return append_start(log, entries, count, &wish, error);
}

static int append_waiting(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                          bool read_back, int64_t deadline_ms, struct mr_error **error)
{
    struct promise *promise = promise_create();
    if (promise == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to append to an internal topic");
    struct append wish = {
        .done = promise_keep, .argument = promise, .read_back = read_back, .deadline_ms = deadline_ms};
    if (append_start(log, entries, count, &wish, error) != 0) {
        promise_drop(promise);
        promise_drop(promise);
        return -1;
    }
    return promise_wait(promise, deadline_ms, log->topics[entries[0].topic].name, error);
}

int compacted_log_append_and_wait(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                                  int64_t deadline_ms, struct mr_error **error)
{
    return count == 0 ? 0 : append_waiting(log, entries, count, false, deadline_ms, error);
}

int compacted_log_append_and_read_back(struct compacted_log *log, const struct compacted_log_entry *entries,
                                       size_t count, int64_t deadline_ms, struct mr_error **error)
{
    return count == 0 ? 0 : append_waiting(log, entries, count, true, deadline_ms, error);
}
