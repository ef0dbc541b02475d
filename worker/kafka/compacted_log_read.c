/* compacted_log_read.c: the reader thread.
 *
 * Partitions are read by librdkafka's simple consumer into one queue: no group, no coordinator, no commit. Reading starts at
 * the absolute first offset (a logical "beginning" costs half a second), so the first fetch is the one that counts. The stable
 * ends are asked for at the start: a topic is caught up when the positions have reached them, whether by records or by the
 * end-of-partition event, which also counts what is no visible record (transaction markers, aborted records). */
#include "kafka/compacted_log_internal.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client_config.h"

#include "base/bans.h"

#define BURST_MAX 50000          /* records between two on_burst_end while more are at hand */
#define FETCH_WAIT_MS "200"      /* bounds when an end behind invisible records is noticed */
#define EXISTS_TIMEOUT_MS 2000
#define IDLE_MS 1000
#define TRAVEL_MS 10000          /* until all brokers know of a topic that was just created */
#define TRAVEL_LOOK_MS 100

/* ---- opening ---- */

static int open_reader(struct compacted_log *log, struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(log->consumer_config, error);
    if (conf == NULL)
        return -1;
    native_conf_set(conf, "isolation.level", log->read_committed ? "read_committed" : "read_uncommitted");
    native_conf_set(conf, "fetch.wait.max.ms", FETCH_WAIT_MS);
    /* Whatever kind of client the configuration is for: */
    native_conf_set(conf, "enable.partition.eof", "true");
    native_conf_set(conf, "auto.offset.reset", "error");
    native_conf_set(conf, "auto.commit.enable", "false");
    rd_kafka_t *rk = native_open(log->consumer_config, RD_KAFKA_CONSUMER, &conf, error);
    if (rk == NULL)
        return -1;
    log->reader = native_handle_create(rk, log->graveyard);
    if (log->reader == NULL) {
        native_destroy(rk);
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the reader of internal topics");
    }
    log->queue = rd_kafka_queue_new(rk);
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(log->queue, log->wake_fd, &one, sizeof one);
    return 0;
}

static int count_partitions(struct compacted_log *log, struct log_topic *topic, int64_t deadline_ms,
                            struct mr_error **error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (topic->reading == NULL)
        topic->reading = rd_kafka_topic_new(log->reader->rk, topic->name, NULL);
    if (topic->reading == NULL)
        return native_error_set(error, rd_kafka_last_error(), "topic %s", topic->name);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(log->reader->rk, 0, topic->reading, &metadata, native_timeout_ms(deadline_ms, 600000));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1)
        code = metadata->topics[0].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        topic->partition_count = metadata->topics[0].partition_cnt;
        log_note_leader(topic, &metadata->topics[0]);
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && native_error_code(code) == MR_ERR_TIMEOUT)
        return native_silence_set(error, log->reader->rk, topic->name);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return native_error_set(error, code, "topic %s", topic->name);
    if (topic->partition_count < 1)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "topic %s does not exist", topic->name);
    topic->partitions = mem_calloc((size_t)topic->partition_count, sizeof *topic->partitions);
    return topic->partitions != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for topic %s", topic->name);
}

static size_t topic_index(const struct compacted_log *log, const char *name)
{
    size_t i = 0;
    while (i < log->topic_count && strcmp(log->topics[i].name, name) != 0)
        i++;
    return i;
}

static rd_kafka_topic_partition_list_t *all_partitions(const struct compacted_log *log)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(64);
    for (size_t i = 0; i < log->topic_count; i++) {
        for (int32_t p = 0; p < log->topics[i].partition_count; p++)
            rd_kafka_topic_partition_list_add(list, log->topics[i].name, p);
    }
    return list;
}

static int ask_bounds(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = all_partitions(log);
    int status = log_ask_offsets(log, list, LOG_BEGINNING, native_timeout_ms(deadline_ms, 600000), error);
    for (int i = 0; status == 0 && i < list->cnt; i++) {
        struct log_topic *topic = &log->topics[topic_index(log, list->elems[i].topic)];
        atomic_store(&topic->partitions[list->elems[i].partition].position, list->elems[i].offset);
        topic->partitions[list->elems[i].partition].start_first = list->elems[i].offset;
        topic->partitions[list->elems[i].partition].seen_end = topic->partitions[list->elems[i].partition].told_at = -1;
    }
    if (status == 0)
        status = log_ask_offsets(log, list, LOG_STABLE_END, native_timeout_ms(deadline_ms, 600000), error);
    for (int i = 0; status == 0 && i < list->cnt; i++) {
        struct log_topic *topic = &log->topics[topic_index(log, list->elems[i].topic)];
        topic->partitions[list->elems[i].partition].start_end = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static int begin_reading(struct compacted_log *log, struct mr_error **error)
{
    for (size_t i = 0; i < log->topic_count; i++) {
        struct log_topic *topic = &log->topics[i];
        for (int32_t p = 0; p < topic->partition_count; p++) {
            int64_t offset = atomic_load(&topic->partitions[p].position);
            if (rd_kafka_consume_start_queue(topic->reading, p, offset, log->queue) != 0)
                return native_error_set(error, rd_kafka_last_error(), "reading topic %s", topic->name);
        }
    }
    return 0;
}

static int look_at_topics(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error)
{
    for (size_t i = 0; i < log->topic_count; i++) {
        if (log->topics[i].partitions == NULL && count_partitions(log, &log->topics[i], deadline_ms, error) != 0)
            return -1;
    }
    log_note_ids(log, deadline_ms);   /* before its bounds: who makes it anew in between is noticed */
    return ask_bounds(log, deadline_ms, error);
}

/* One broker may not know yet what another has just created. */
static bool may_travel(const struct mr_error *error, int64_t until_ms)
{
    return (mr_error_code(error) == MR_ERR_NOT_FOUND || mr_error_code(error) == MR_ERR_RETRIABLE) &&
           clock_monotonic_ms(NULL) + TRAVEL_LOOK_MS < until_ms;
}

int log_reader_open(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error)
{
    int64_t until_ms = clock_monotonic_ms(NULL) + TRAVEL_MS;
    struct mr_error *reason = NULL;
    if (open_reader(log, error) != 0)
        return -1;
    while (look_at_topics(log, deadline_ms, &reason) != 0) {
        if (!may_travel(reason, until_ms < deadline_ms ? until_ms : deadline_ms)) {
            if (error != NULL)
                *error = reason;
            else
                mr_error_drop(reason);
            return -1;
        }
        mr_error_clear(&reason);
        nanosleep(&(struct timespec){.tv_nsec = TRAVEL_LOOK_MS * 1000000L}, NULL);
    }
    return begin_reading(log, error);
}

/* ---- what comes ---- */

static void stop_partition(struct log_topic *topic, int32_t partition)
{
    if (topic->partitions[partition].stopped)
        return;
    topic->partitions[partition].stopped = true;
    rd_kafka_consume_stop(topic->reading, partition);
}

void log_lost(struct compacted_log *log, size_t index, int32_t partition, enum compacted_log_loss loss,
              const char *words)
{
    struct log_topic *topic = &log->topics[index];
    stop_partition(topic, partition);
    if (atomic_exchange(&topic->lost, true))
        return;
    log_error(LOG_LOGGER, "topic %s: records that were read are gone: %s", topic->name, words);
    if (topic->listener->on_lost != NULL)
        topic->listener->on_lost(topic->argument, index, partition, loss, words);
}

static void restart_partition(struct compacted_log *log, struct log_topic *topic, int32_t partition)
{
    rd_kafka_consume_stop(topic->reading, partition);
    rd_kafka_consume_start_queue(topic->reading, partition, atomic_load(&topic->partitions[partition].position),
                                 log->queue);
}

/* While metadata travels through a cluster a topic may be unknown for a moment: ask before believing it. */
static void check_existence(struct compacted_log *log, size_t index, int32_t partition)
{
    int32_t partition_count;
    switch (log_topic_presence(log, index, EXISTS_TIMEOUT_MS, &partition_count)) {
    case LOG_PRESENCE_GONE:
        log_lost(log, index, partition, COMPACTED_LOG_DELETED, "the topic does not exist any more");
        break;
    case LOG_PRESENCE_THERE:
        if (partition_count <= partition) {
            log_lost(log, index, partition, COMPACTED_LOG_CUT, "the topic was created anew with fewer partitions");
            break;
        }
        /* fall through */
    default:
        restart_partition(log, &log->topics[index], partition);
    }
}

static void handle_trouble(struct compacted_log *log, size_t index, const rd_kafka_message_t *message)
{
    struct log_topic *topic = &log->topics[index];
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        log_lost(log, index, message->partition, COMPACTED_LOG_CUT,
                 "our position does not exist any more; the topic was cut or created anew");
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        check_existence(log, index, message->partition);
        break;
    default:
        log_warn(LOG_LOGGER, "reading topic %s, partition %" PRId32 ": %s", topic->name, message->partition,
                 rd_kafka_message_errstr(message));
    }
}

static void handle_end(struct log_partition *partition, int64_t offset)
{
    partition->seen_end = offset;
    if (offset > atomic_load(&partition->position))
        atomic_store(&partition->position, offset);
}

static void deliver(struct log_topic *topic, size_t index, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    struct compacted_log_record record = {
        .topic = index,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    topic->dirty = true;
    topic->listener->on_record(topic->argument, &record);
    atomic_store(&topic->partitions[message->partition].position, message->offset + 1);
}

/* Errors of the handle as a whole (brokers away) have no topic; librdkafka heals and logs them. */
static void handle_message(struct compacted_log *log, const rd_kafka_message_t *message)
{
    size_t index = message->rkt != NULL ? topic_index(log, rd_kafka_topic_name(message->rkt)) : log->topic_count;
    if (index == log->topic_count || message->partition < 0 ||
        message->partition >= log->topics[index].partition_count)
        return;
    struct log_topic *topic = &log->topics[index];
    struct log_partition *partition = &topic->partitions[message->partition];
    if (partition->stopped)
        return;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        handle_end(partition, message->offset);
    else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        handle_trouble(log, index, message);
    else if (message->offset >= atomic_load(&partition->position))
        deliver(topic, index, message);
}

/* ---- the thread ---- */

/* false: nothing more is at hand. */
static bool drain(struct compacted_log *log)
{
    for (int i = 0; i < BURST_MAX; i++) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(log->queue, 0);
        if (message == NULL)
            return false;
        handle_message(log, message);
        rd_kafka_message_destroy(message);
    }
    return true;
}

static bool has_reached_start_end(const struct log_topic *topic)
{
    for (int32_t p = 0; p < topic->partition_count; p++) {
        if (atomic_load(&topic->partitions[p].position) < topic->partitions[p].start_end &&
            !topic->partitions[p].stopped)
            return false;
    }
    return true;
}

static void end_burst(struct compacted_log *log)
{
    for (size_t i = 0; i < log->topic_count; i++) {
        struct log_topic *topic = &log->topics[i];
        bool now_caught_up = !atomic_load(&topic->caught_up) && has_reached_start_end(topic);
        if ((topic->dirty || now_caught_up) && topic->listener->on_burst_end != NULL)
            topic->listener->on_burst_end(topic->argument);
        topic->dirty = false;
        if (!now_caught_up)
            continue;
        atomic_store(&topic->caught_up, true);
        if (topic->listener->on_caught_up != NULL)
            topic->listener->on_caught_up(topic->argument, i);
    }
}

static bool is_stopping(struct compacted_log *log)
{
    mutex_lock(&log->lock);
    bool stopping = log->stopping;
    mutex_unlock(&log->lock);
    return stopping;
}

static void sleep_until(struct compacted_log *log, int64_t until_ms)
{
    struct pollfd wake = {.fd = log->wake_fd, .events = POLLIN};
    uint64_t count;
    poll(&wake, 1, native_timeout_ms(until_ms, IDLE_MS));
    if (read(log->wake_fd, &count, sizeof count) < 0)
        return;   /* nothing was written: time is up */
}

static void *reader_run(void *argument)
{
    struct compacted_log *log = argument;
    while (!is_stopping(log)) {
        bool more = drain(log);
        end_burst(log);
        int64_t until_ms = log_waiters_serve(log), watch_ms = log_watch(log);
        if (watch_ms < until_ms)
            until_ms = watch_ms;
        if (!more)
            sleep_until(log, until_ms);
    }
    return NULL;
}

int log_reader_start(struct compacted_log *log, struct mr_error **error)
{
    char why[128];
    log->reader_started = thread_start(
        &log->reader_thread, &(struct thread_setup){.name = "log-reader", .run = reader_run, .argument = log}, why,
        sizeof why);
    return log->reader_started ? 0 : mr_error_set(error, MR_ERR_CONNECT, "%s", why);
}

void log_reader_wake(struct compacted_log *log)
{
    uint64_t one = 1;
    if (write(log->wake_fd, &one, sizeof one) < 0)
        return;   /* the counter is full: it is awake */
}

void log_reader_stop(struct compacted_log *log)
{
    log_reader_wake(log);
    if (log->reader_started)
        thread_join(log->reader_thread);
    log->reader_started = false;
    log_waiters_refuse(log, "the worker is stopping");
    if (log->queue != NULL)
        rd_kafka_queue_io_event_enable(log->queue, -1, NULL, 0);
    for (size_t i = 0; i < log->topic_count; i++) {
        for (int32_t p = 0; log->topics[i].reading != NULL && log->topics[i].partitions != NULL &&
                            p < log->topics[i].partition_count; p++)
            stop_partition(&log->topics[i], p);
    }
}
