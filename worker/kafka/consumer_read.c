/* consumer_read.c: what is taken out of the partitions' queues; consumer_batch.c makes batches of it. */
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
    /* Memory first: records once read cannot be put back. */
    if (consumer->all_paused || max == 0 || !anything_is_ready(consumer) || !scratch_reserve(consumer, max) ||
        !consumer_batch_reserve(consumer, max))
        return NULL;
    size_t count = read_in_turn(consumer, max);
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
