/* consumer_read.c: batches out of the partitions' queues. */
#include "kafka/consumer_internal.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/bans.h"

/* ---- what is taken ---- */

static void note_trouble(struct reader *reader, const rd_kafka_message_t *message)
{
    struct consumer *consumer = reader->consumer;
    enum consumer_event_kind kind = consumer_error_kind(message->err, false);
    if (kind == CONSUMER_FAILED && consumer->failure == NULL)
        native_error_set(&consumer->failure, message->err, "reading %s-%" PRId32, reader->topic, reader->partition);
    else if (kind == CONSUMER_TROUBLE)
        log_debug(CONSUMER_LOGGER, "reading %s-%" PRId32 ": %s", reader->topic, reader->partition,
                  rd_kafka_err2str(message->err));
}

/* After a rewind the first record cannot lie behind one that is known to exist, unless it was deleted meanwhile: it is a
 * left-over from before. */
static bool is_left_over(struct reader *reader, const rd_kafka_message_t *message)
{
    if (reader->first_at_most < 0 || message->offset <= reader->first_at_most)
        return false;
    if (reader->reseeks >= CONSUMER_RESEEKS_MAX) {
        log_warn(CONSUMER_LOGGER, "%s-%" PRId32 ": records from %" PRId64 " are gone; going on at %" PRId64,
                 reader->topic, reader->partition, reader->next, message->offset);
        return false;
    }
    return true;
}

/* true: it is the next record. */
static bool take_record(struct reader *reader, const rd_kafka_message_t *message)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_trouble(reader, message);
        return false;
    }
    reader->fresh = false;
    if (reader->next >= 0 && message->offset < reader->next) {
        reader->consumer->stale_count++;
        return false;
    }
    if (is_left_over(reader, message)) {
        reader->reseeks++;   /* what else is at hand goes with it; read_one counts both */
        reader_reseek(reader);
        return false;
    }
    reader->first_at_most = -1;
    reader->next = message->offset + 1;
    reader->last_read = message->offset;
    return true;
}

/* Returns how many were accepted into scratch[at …]. */
static size_t read_one(struct reader *reader, size_t at, size_t max)
{
    rd_kafka_message_t **scratch = reader->consumer->scratch;
    if (!atomic_exchange(&reader->ready, false))
        return 0;
    ssize_t got = rd_kafka_consume_batch_queue(reader->queue, 0, &scratch[at], max);
    if (got <= 0)
        return 0;
    if ((size_t)got == max)
        atomic_store(&reader->ready, true);   /* it was not emptied, so nobody will call */
    size_t kept = at;
    int reseeks = reader->reseeks;
    for (size_t i = at; i < at + (size_t)got; i++) {
        if (reader->reseeks == reseeks && take_record(reader, scratch[i])) {
            scratch[kept++] = scratch[i];
        } else {
            reader->consumer->stale_count += reader->reseeks != reseeks;
            rd_kafka_message_destroy(scratch[i]);
        }
    }
    return kept - at;
}

/* ---- batches ---- */

static void message_fill(struct consumer_message *message, const rd_kafka_message_t *native)
{
    rd_kafka_timestamp_type_t type;
    *message = (struct consumer_message){
        .topic = rd_kafka_topic_name(native->rkt),
        .partition = native->partition,
        .offset = native->offset,
        .timestamp_ms = rd_kafka_message_timestamp(native, &type),
        .key = {native->key, native->key_len},
        .value = {native->payload, native->len},
        .native = (void *)(uintptr_t)native,
    };
    message->timestamp_is_log_append = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
}

static void batch_fill(struct consumer_batch *batch, struct consumer *consumer, size_t count)
{
    refcount_init(&batch->refcount);
    batch->handle = native_handle_take(consumer->handle);
    batch->count = count;
    batch->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        message_fill(&batch->messages[i], consumer->scratch[i]);
        batch->bytes += consumer->scratch[i]->len + consumer->scratch[i]->key_len;
    }
    atomic_fetch_add(&consumer->handle->pinned_bytes, batch->bytes);
}

static bool scratch_reserve(struct consumer *consumer, size_t max)
{
    if (consumer->scratch_capacity >= max)
        return true;
    rd_kafka_message_t **scratch = mem_realloc(consumer->scratch, max * sizeof(rd_kafka_message_t *));
    if (scratch == NULL)
        return false;
    consumer->scratch = scratch;
    consumer->scratch_capacity = max;
    return true;
}

static bool anything_is_ready(const struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->reader_count; i++) {
        if (!consumer->readers[i]->paused && atomic_load(&consumer->readers[i]->ready))
            return true;
    }
    return false;
}

static size_t read_in_turn(struct consumer *consumer, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < consumer->reader_count && count < max; i++) {
        struct reader *reader = consumer->readers[(consumer->turn + i) % consumer->reader_count];
        if (!reader->paused)
            count += read_one(reader, count, max - count);
    }
    consumer->turn++;
    return count;
}

struct consumer_batch *consumer_read(struct consumer *consumer, size_t max)
{
    if (consumer->all_paused || max == 0 || !anything_is_ready(consumer) || !scratch_reserve(consumer, max))
        return NULL;
    /* Memory first: records once read cannot be put back. */
    struct consumer_batch *batch = mem_alloc(sizeof *batch + max * sizeof batch->messages[0]);
    if (batch == NULL)
        return NULL;
    size_t count = read_in_turn(consumer, max);
    if (count == 0) {
        mem_free(batch);
        return NULL;
    }
    batch_fill(batch, consumer, count);
    struct consumer_batch *fitting = mem_realloc(batch, sizeof *batch + count * sizeof batch->messages[0]);
    return fitting != NULL ? fitting : batch;
}

size_t consumer_batch_count(const struct consumer_batch *batch)
{
    return batch->count;
}

const struct consumer_message *consumer_batch_at(const struct consumer_batch *batch, size_t i)
{
    return &batch->messages[i];
}

uint64_t consumer_batch_byte_count(const struct consumer_batch *batch)
{
    return batch->bytes;
}

struct consumer_batch *consumer_batch_take(struct consumer_batch *batch)
{
    refcount_take(&batch->refcount);
    return batch;
}

void consumer_batch_drop(struct consumer_batch *batch)
{
    if (batch == NULL || !refcount_drop(&batch->refcount))
        return;
    for (size_t i = 0; i < batch->count; i++)
        rd_kafka_message_destroy(batch->messages[i].native);
    atomic_fetch_sub(&batch->handle->pinned_bytes, batch->bytes);
    native_handle_drop(batch->handle);
    mem_free(batch);
}

/* ---- headers ---- */

size_t consumer_message_header_count(const struct consumer_message *message)
{
    rd_kafka_headers_t *headers;
    return rd_kafka_message_headers(message->native, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR
               ? rd_kafka_header_cnt(headers)
               : 0;
}

bool consumer_message_header(const struct consumer_message *message, size_t i, const char **name,
                             struct mr_bytes *value)
{
    rd_kafka_headers_t *headers;
    return rd_kafka_message_headers(message->native, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_all(headers, i, name, &value->data, &value->size) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- positions ---- */

int64_t consumer_position(const struct consumer *consumer, const char *topic, int32_t partition)
{
    const struct reader *reader = consumer_reader(consumer, topic, partition);
    return reader != NULL ? reader->next : CONSUMER_OFFSET_NONE;
}

uint64_t consumer_stale_count(const struct consumer *consumer)
{
    return consumer->stale_count;
}

uint64_t consumer_pinned_bytes(const struct consumer *consumer)
{
    return atomic_load(&consumer->handle->pinned_bytes);
}
