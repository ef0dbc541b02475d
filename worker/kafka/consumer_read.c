/* consumer_read.c: what is taken out of the queue of records; consumer_batch.c makes batches of it. */
#include "kafka/consumer_internal.h"

#include <inttypes.h>
#include <string.h>

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
        reader->reseeks++;
        reader_reseek(reader);
        reader->reseek_turn = reader->consumer->turn;   /* what else is at hand goes with it; admit counts both */
        return false;
    }
    reader->first_at_most = -1;
    reader->next = message->offset + 1;
    reader->last_read = message->offset;
    return true;
}

/* The reader of a message; NULL: nobody's any more. */
static struct reader *reader_of(struct consumer *consumer, const rd_kafka_message_t *message)
{
    const char *topic = message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "";
    for (size_t i = 0; i < consumer->reader_count; i++) {
        size_t at = (consumer->last_reader + i) % consumer->reader_count;
        struct reader *reader = consumer->readers[at];
        if (reader->partition != message->partition || strcmp(reader->topic, topic) != 0)
            continue;
        consumer->last_reader = at;
        return reader;
    }
    return NULL;
}

static bool make_room(struct reader *reader)
{
    if (reader->held_count < reader->held_capacity)
        return true;
    size_t capacity = reader->held_capacity > 0 ? reader->held_capacity * 2 : 64;
    rd_kafka_message_t **held = mem_realloc(reader->held, capacity * sizeof *held);
    if (held == NULL)
        return false;
    reader->held = held;
    reader->held_capacity = capacity;
    return true;
}

/* Without memory for it what is held goes, and is fetched again. */
static void hold(struct reader *reader, rd_kafka_message_t *message)
{
    reader->fresh = false;
    if (make_room(reader)) {
        reader->held[reader->held_count++] = message;
        return;
    }
    if (reader->next < 0)
        reader->next = reader->held_count > 0 ? reader->held[0]->offset : message->offset;
    rd_kafka_message_destroy(message);
    reader_forget(reader);
    reader_reseek(reader);
    reader->reseek_turn = reader->consumer->turn;
}

/* true: it belongs to the batch; else it is gone. */
static bool admit(struct reader *reader, rd_kafka_message_t *message)
{
    struct consumer *consumer = reader->consumer;
    bool is_dropped = reader->reseek_turn == consumer->turn;
    if (!is_dropped && take_record(reader, message))
        return true;
    consumer->stale_count += reader->reseek_turn == consumer->turn;
    rd_kafka_message_destroy(message);
    return false;
}

/* Returns how many were accepted into scratch[at …]. */
static size_t read_queue(struct consumer *consumer, size_t at, size_t max)
{
    rd_kafka_message_t **scratch = consumer->scratch;
    if (at == max || !atomic_exchange(&consumer->ready, false))
        return 0;
    ssize_t got = rd_kafka_consume_batch_queue(consumer->records, 0, &scratch[at], max - at);
    if (got <= 0)
        return 0;
    if ((size_t)got == max - at)
        atomic_store(&consumer->ready, true);   /* it was not emptied, so nobody will call */
    size_t kept = at;
    const rd_kafka_topic_t *rkt = NULL;
    struct reader *reader = NULL;
    for (size_t i = at; i < at + (size_t)got; i++) {
        rd_kafka_message_t *message = scratch[i];
        if (reader == NULL || message->rkt != rkt || message->partition != reader->partition)
            reader = reader_of(consumer, message);
        rkt = message->rkt;
        if (reader == NULL) {
            consumer->stale_count++;
            rd_kafka_message_destroy(message);
        } else if (reader->paused && message->err == RD_KAFKA_RESP_ERR_NO_ERROR && reader->reseek_turn != consumer->turn) {
            hold(reader, message);
        } else if (admit(reader, message)) {
            scratch[kept++] = message;
        }
    }
    return kept - at;
}

/* What was held for partitions that are read again comes before anything new of them. */
static size_t read_held(struct reader *reader, size_t at, size_t max)
{
    size_t kept = at, i = 0;
    for (; i < reader->held_count && kept < max; i++)
        if (admit(reader, reader->held[i]))
            reader->consumer->scratch[kept++] = reader->held[i];
    reader->held_count -= i;
    memmove(reader->held, reader->held + i, reader->held_count * sizeof reader->held[0]);
    if (reader->held_count == 0)
        reader_forget(reader);
    else
        atomic_store(&reader->consumer->ready, true);
    return kept - at;
}

/* ---- batches ---- */

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

/* In the order in which they came: nothing of these partitions can be in the queue of records that is not stale. */
static void fetch_strays(struct consumer *consumer)
{
    if (!atomic_exchange(&consumer->strayed, false))
        return;
    for (size_t i = 0; i < consumer->reader_count; i++)
        if (!consumer->readers[i]->paused)
            rd_kafka_queue_forward(consumer->readers[i]->queue, consumer->records);
}

static size_t read_all(struct consumer *consumer, size_t max)
{
    size_t count = 0;
    consumer->turn++;
    fetch_strays(consumer);
    for (size_t i = 0; i < consumer->reader_count; i++) {
        struct reader *reader = consumer->readers[i];
        if (!reader->paused && reader->held_count > 0)
            count += read_held(reader, count, max);
    }
    return count + read_queue(consumer, count, max);
}

struct consumer_batch *consumer_read(struct consumer *consumer, size_t max)
{
    /* Memory first: records once read cannot be put back. */
    if (consumer->all_paused || max == 0 || !atomic_load(&consumer->ready) || !scratch_reserve(consumer, max) ||
        !consumer_batch_reserve(consumer, max))
        return NULL;
    size_t count;
    do   /* what was read may all be stale or held, and nobody calls for the rest */
        count = read_all(consumer, max);
    while (count == 0 && atomic_load(&consumer->ready));
    if (count > 0)
        return consumer_batch_make(consumer, count);
    consumer_batch_rest(consumer);
    return NULL;
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
    return batch_account_bytes(consumer->account);
}
