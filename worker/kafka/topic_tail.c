/* By librdkafka's simple consumer, as the reader of the internal topics: it knows no groups. */
#include "kafka/topic_tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/native_internal.h"

#include "base/bans.h"

#define POLL_MS 100
#define TRIM_FACTOR 2 /* more than so many times what is wanted is never held */

struct tail_partition {
    int64_t start, end; /* read when the position is at the end */
    bool reads;
};

struct topic_tail {
    const struct topic_tail_setup *setup; /* during _read */
    struct native_handle *handle;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct tail_partition *partitions;
    int32_t partition_count, reading_count;
    bool is_enough; /* says `each` */
    rd_kafka_message_t **messages;
    size_t count, capacity, bytes;
    struct topic_tail_record now;       /* that _at has shown */
    struct topic_tail_header *headers;
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the last records of a topic");
}

/* Opening ------------------------------------------------------------------------------------------------------ */

static int open_handle(struct topic_tail *tail, struct mr_error **error)
{
    rd_kafka_conf_t *conf = native_conf_create(tail->setup->config, error);
    if (conf == NULL)
        return -1;
    native_conf_set(conf, "enable.partition.eof", "true");
    native_conf_set(conf, "allow.auto.create.topics", "false"); /* who only looks makes nothing */
    native_conf_set(conf, "auto.commit.enable", "false");
    native_conf_set(conf, "enable.auto.commit", "false");
    rd_kafka_t *rk = native_open(tail->setup->config, RD_KAFKA_CONSUMER, &conf, error);
    if (rk == NULL)
        return -1;
    tail->handle = native_handle_create(rk, tail->setup->graveyard);
    if (tail->handle == NULL) {
        native_destroy(rk);
        return no_memory(error);
    }
    tail->queue = rd_kafka_queue_new(rk);
    tail->topic = rd_kafka_topic_new(rk, tail->setup->topic, NULL);
    return tail->topic != NULL ? 0 : native_error_set(error, rd_kafka_last_error(), "topic %s", tail->setup->topic);
}

static int timeout_ms(const struct topic_tail *tail)
{
    int left_ms = native_timeout_ms(tail->setup->deadline_ms, 600000);
    return left_ms > 0 ? left_ms : 1;
}

static int refuse(const struct topic_tail *tail, rd_kafka_resp_err_t code, struct mr_error **error)
{
    const char *topic = tail->setup->topic;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return mr_error_set(error, MR_ERR_NOT_FOUND, "topic %s does not exist", topic);
    if (native_error_code(code) == MR_ERR_TIMEOUT)
        return native_silence_set(error, tail->handle->rk, topic);
    return native_error_set(error, code, "topic %s", topic);
}

static int count_partitions(struct topic_tail *tail, struct mr_error **error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(tail->handle->rk, 0, tail->topic, &metadata, timeout_ms(tail));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        tail->partition_count = metadata->topics[0].partition_cnt;
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && tail->partition_count < 1)
        code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refuse(tail, code, error);
    tail->partitions = mem_calloc((size_t)tail->partition_count, sizeof *tail->partitions);
    return tail->partitions != NULL ? 0 : no_memory(error);
}

/* The first offset, or the end, of each partition (compacted_log_wait.c says why so). */
static int ask_offsets(struct topic_tail *tail, rd_kafka_topic_partition_list_t *list, int64_t kind, struct mr_error **error)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = kind;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(tail->handle->rk, list, timeout_ms(tail));
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        code = list->elems[i].err;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : refuse(tail, code, error);
}

static int ask_bounds(struct topic_tail *tail, struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(tail->partition_count);
    for (int32_t p = 0; p < tail->partition_count; p++)
        rd_kafka_topic_partition_list_add(list, tail->setup->topic, p);
    int status = ask_offsets(tail, list, RD_KAFKA_OFFSET_BEGINNING, error);
    for (int i = 0; status == 0 && i < list->cnt; i++)
        tail->partitions[list->elems[i].partition].start = list->elems[i].offset;
    if (status == 0)
        status = ask_offsets(tail, list, RD_KAFKA_OFFSET_END, error);
    for (int i = 0; status == 0 && i < list->cnt; i++) {
        struct tail_partition *partition = &tail->partitions[list->elems[i].partition];
        int64_t last = tail->setup->last > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)tail->setup->last;
        partition->end = list->elems[i].offset;
        if (partition->start < partition->end - last)
            partition->start = partition->end - last;
        if (tail->setup->only_one && list->elems[i].partition != tail->setup->partition)
            partition->start = partition->end;
        else if (tail->setup->only_one && partition->start < tail->setup->from)
            partition->start = tail->setup->from;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static int begin(struct topic_tail *tail, struct mr_error **error)
{
    for (int32_t p = 0; p < tail->partition_count; p++) {
        struct tail_partition *partition = &tail->partitions[p];
        if (partition->start >= partition->end)
            continue;
        if (rd_kafka_consume_start_queue(tail->topic, p, partition->start, tail->queue) != 0)
            return native_error_set(error, rd_kafka_last_error(), "reading topic %s", tail->setup->topic);
        partition->reads = true;
        tail->reading_count++;
    }
    return 0;
}

static bool read_headers(struct topic_tail *tail, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    size_t count = 0;
    mem_free(tail->headers);
    tail->headers = NULL;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        count = rd_kafka_header_cnt(headers);
    if (count > 0 && (tail->headers = mem_calloc(count, sizeof *tail->headers)) == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct topic_tail_header *header = &tail->headers[i];
        rd_kafka_header_get_all(headers, i, &header->name, &header->value.data, &header->value.size);
    }
    tail->now.headers = tail->headers;
    tail->now.header_count = count;
    return true;
}

/* NULL: no memory. */
static const struct topic_tail_record *show(struct topic_tail *tail, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    tail->now = (struct topic_tail_record){
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {.data = message->key, .size = message->key_len},
        .value = {.data = message->payload, .size = message->len},
    };
    tail->now.timestamp_is_log_append = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    return read_headers(tail, message) ? &tail->now : NULL;
}

/* Reading ------------------------------------------------------------------------------------------------------ */

static void end_partition(struct topic_tail *tail, int32_t p)
{
    if (p < 0 || p >= tail->partition_count || !tail->partitions[p].reads)
        return;
    tail->partitions[p].reads = false;
    tail->reading_count--;
    rd_kafka_consume_stop(tail->topic, p);
}

static size_t bytes_of(const rd_kafka_message_t *message)
{
    return message->len + message->key_len;
}

/* Newest first. */
static int compare(const void *one, const void *other)
{
    const rd_kafka_message_t *a = *(rd_kafka_message_t *const *)one, *b = *(rd_kafka_message_t *const *)other;
    int64_t a_ms = rd_kafka_message_timestamp(a, NULL), b_ms = rd_kafka_message_timestamp(b, NULL);
    if (a_ms != b_ms)
        return a_ms > b_ms ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition > b->partition ? -1 : 1;
    return a->offset > b->offset ? -1 : 1;
}

static void trim(struct topic_tail *tail)
{
    size_t kept = 0, bytes = 0;
    if (tail->count > 1)
        qsort(tail->messages, tail->count, sizeof(*tail->messages), compare);
    while (kept < tail->count && kept < tail->setup->last &&
           (kept == 0 || bytes + bytes_of(tail->messages[kept]) <= tail->setup->bytes_max))
        bytes += bytes_of(tail->messages[kept++]);
    for (size_t i = kept; i < tail->count; i++)
        rd_kafka_message_destroy(tail->messages[i]);
    tail->count = kept;
    tail->bytes = bytes;
}

/* Takes the message. */
static int keep(struct topic_tail *tail, rd_kafka_message_t *message, struct mr_error **error)
{
    if (tail->count == tail->capacity) {
        size_t capacity = tail->capacity == 0 ? 64 : tail->capacity * 2;
        rd_kafka_message_t **messages = mem_realloc(tail->messages, capacity * sizeof(*messages));
        if (messages == NULL) {
            rd_kafka_message_destroy(message);
            return no_memory(error);
        }
        tail->messages = messages;
        tail->capacity = capacity;
    }
    tail->messages[tail->count++] = message;
    tail->bytes += bytes_of(message);
    if (tail->count > tail->setup->last * TRIM_FACTOR || tail->bytes / TRIM_FACTOR > tail->setup->bytes_max)
        trim(tail);
    return 0;
}

/* Takes the message. */
static int hand_out(struct topic_tail *tail, rd_kafka_message_t *message, struct mr_error **error)
{
    const struct topic_tail_record *record = show(tail, message);
    int status = record == NULL ? no_memory(error) : tail->setup->each(tail->setup->argument, record, error);
    rd_kafka_message_destroy(message);
    tail->is_enough = status == 1;
    return status < 0 ? -1 : 0;
}

static int take_trouble(struct topic_tail *tail, rd_kafka_message_t *message, struct mr_error **error)
{
    rd_kafka_resp_err_t code = message->err;
    int32_t partition = message->partition;
    int status = 0;
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        end_partition(tail, partition);
    else if (!native_error_is_retriable(code))
        status = refuse(tail, code, error);
    rd_kafka_message_destroy(message);
    return status;
}

static int take(struct topic_tail *tail, rd_kafka_message_t *message, struct mr_error **error)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return take_trouble(tail, message, error);
    int32_t p = message->partition;
    if (message->offset + 1 >= tail->partitions[p].end)
        end_partition(tail, p);
    /* Came meanwhile, or stands in one batch with what was asked for. */
    if (message->offset >= tail->partitions[p].end || message->offset < tail->partitions[p].start) {
        rd_kafka_message_destroy(message);
        return 0;
    }
    return tail->setup->each != NULL ? hand_out(tail, message, error) : keep(tail, message, error);
}

static int read_all(struct topic_tail *tail, struct mr_error **error)
{
    while (tail->reading_count > 0 && !tail->is_enough) {
        if (clock_monotonic_ms(NULL) >= tail->setup->deadline_ms)
            return native_silence_set(error, tail->handle->rk, tail->setup->topic);
        rd_kafka_message_t *message = rd_kafka_consume_queue(tail->queue, POLL_MS);
        if (message != NULL && take(tail, message, error) != 0)
            return -1;
    }
    trim(tail);
    return 0;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

struct topic_tail *topic_tail_read(const struct topic_tail_setup *setup, struct mr_error **error)
{
    struct topic_tail *tail = mem_calloc(1, sizeof *tail);
    if (tail == NULL) {
        no_memory(error);
        return NULL;
    }
    tail->setup = setup;
    int status = open_handle(tail, error);
    if (status == 0)
        status = count_partitions(tail, error);
    if (status == 0)
        status = ask_bounds(tail, error);
    if (status == 0)
        status = begin(tail, error);
    if (status == 0)
        status = read_all(tail, error);
    tail->setup = NULL;
    if (status == 0)
        return tail;
    topic_tail_destroy(tail);
    return NULL;
}

void topic_tail_destroy(struct topic_tail *tail)
{
    if (tail == NULL)
        return;
    for (int32_t p = 0; tail->partitions != NULL && p < tail->partition_count; p++)
        end_partition(tail, p);
    for (size_t i = 0; i < tail->count; i++)
        rd_kafka_message_destroy(tail->messages[i]);
    if (tail->topic != NULL)
        rd_kafka_topic_destroy(tail->topic);
    if (tail->queue != NULL)
        rd_kafka_queue_destroy(tail->queue);
    native_handle_drop(tail->handle);
    mem_free(tail->headers);
    mem_free(tail->messages);
    mem_free(tail->partitions);
    mem_free(tail);
}

size_t topic_tail_count(const struct topic_tail *tail)
{
    return tail->count;
}

const struct topic_tail_record *topic_tail_at(struct topic_tail *tail, size_t index)
{
    return show(tail, tail->messages[tail->count - 1 - index]);
}
