/* consumer_assign.c: which partitions are read, from where: answers to rebalances, seeks, pauses.
 *
 * A rewind seeks the partition without waiting for the result: librdkafka raises the partition's version at the call, so
 * that what is queued or on the wire does not come any more. Before anything was read of a partition its fetching may not
 * have begun, and a seek would be lost: then everything is assigned anew at the offsets wanted (docs/decisions/0001). */
#include "kafka/consumer_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/bans.h"

/* ---- readers ---- */

/* Under librdkafka's queue lock. */
static void reader_has_strays(rd_kafka_t *rk, void *argument)
{
    struct consumer *consumer = argument;
    (void)rk;
    atomic_store(&consumer->strayed, true);
    atomic_store(&consumer->ready, true);
    if (consumer->on_ready != NULL)
        consumer->on_ready(consumer->argument);
}

void reader_forget(struct reader *reader)
{
    for (size_t i = 0; i < reader->held_count; i++)
        rd_kafka_message_destroy(reader->held[i]);
    mem_free(reader->held);
    reader->held = NULL;
    reader->held_count = reader->held_capacity = 0;
}

static void reader_destroy(struct reader *reader)
{
    reader_forget(reader);
    rd_kafka_queue_cb_event_enable(reader->queue, NULL, NULL);
    rd_kafka_queue_forward(reader->queue, NULL);
    rd_kafka_queue_destroy(reader->queue);
    mem_free(reader->topic);
    mem_free(reader);
}

static struct reader *reader_create(struct consumer *consumer, const rd_kafka_topic_partition_t *of)
{
    struct reader *reader = mem_calloc(1, sizeof *reader);
    char *topic = mem_strdup(of->topic);
    if (reader == NULL || topic == NULL) {
        mem_free(reader);
        mem_free(topic);
        return NULL;
    }
    *reader = (struct reader){.consumer = consumer, .topic = topic, .partition = of->partition, .fresh = true,
                              .next = of->offset >= 0 ? of->offset : CONSUMER_OFFSET_NONE,
                              .last_read = CONSUMER_OFFSET_NONE, .first_at_most = -1};
    reader->queue = rd_kafka_queue_get_partition(consumer->rk, of->topic, of->partition);
    rd_kafka_queue_cb_event_enable(reader->queue, reader_has_strays, consumer);
    rd_kafka_queue_forward(reader->queue, consumer->records);   /* before the assignment: see struct reader */
    return reader;
}

static bool reader_add(struct consumer *consumer, const rd_kafka_topic_partition_t *of)
{
    if (consumer->reader_count == consumer->reader_capacity) {
        size_t capacity = consumer->reader_capacity > 0 ? consumer->reader_capacity * 2 : 8;
        struct reader **readers = mem_realloc(consumer->readers, capacity * sizeof *readers);
        if (readers == NULL)
            return false;
        consumer->readers = readers;
        consumer->reader_capacity = capacity;
    }
    struct reader *reader = reader_create(consumer, of);
    if (reader == NULL)
        return false;
    consumer->readers[consumer->reader_count++] = reader;
    return true;
}

static void reader_remove(struct consumer *consumer, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < consumer->reader_count; i++) {
        struct reader *reader = consumer->readers[i];
        if (reader->partition != partition || strcmp(reader->topic, topic) != 0)
            continue;
        reader_destroy(reader);
        consumer->readers[i] = consumer->readers[--consumer->reader_count];
        return;
    }
}

void consumer_readers_clear(struct consumer *consumer)
{
    while (consumer->reader_count > 0)
        reader_destroy(consumer->readers[--consumer->reader_count]);
}

struct reader *consumer_reader(const struct consumer *consumer, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < consumer->reader_count; i++) {
        if (consumer->readers[i]->partition == partition && strcmp(consumer->readers[i]->topic, topic) == 0)
            return consumer->readers[i];
    }
    return NULL;
}

size_t consumer_partition_count(const struct consumer *consumer)
{
    return consumer->reader_count;
}

/* ---- answers to rebalances ---- */

static int native_assign(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list, struct mr_error **error)
{
    if (native_is_cooperative(consumer->rk))
        return native_error_take(error, rd_kafka_incremental_assign(consumer->rk, list), "assigning partitions");
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : native_error_set(error, code, "assigning partitions");
}

static void give_back(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    struct mr_error *error = NULL;
    if (list != NULL && native_is_cooperative(consumer->rk)) {
        native_error_take(&error, rd_kafka_incremental_unassign(consumer->rk, list), "giving partitions back");
    } else {
        rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, NULL);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            native_error_set(&error, code, "giving partitions back");
    }
    if (error != NULL)
        log_debug(CONSUMER_LOGGER, "%s", mr_error_message(error));
    mr_error_drop(error);
}

static void take_offsets(rd_kafka_topic_partition_list_t *list, const struct consumer_partition *offsets, size_t count)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;   /* where the group stands */
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, offsets[i].topic, offsets[i].partition);
        if (found != NULL && offsets[i].offset >= 0)
            found->offset = offsets[i].offset;
    }
}

static rd_kafka_event_t *take_rebalance(struct consumer *consumer)
{
    rd_kafka_event_t *event = consumer->rebalance;
    consumer->rebalance = NULL;
    return event;
}

static int assign_list(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list, struct mr_error **error)
{
    if (!native_is_cooperative(consumer->rk))
        consumer_readers_clear(consumer);
    for (int i = 0; i < list->cnt; i++) {
        if (!reader_add(consumer, &list->elems[i]))
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the assigned partitions");
    }
    return native_assign(consumer, list, error);
}

int consumer_assign(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                    struct mr_error **error)
{
    rd_kafka_event_t *event = take_rebalance(consumer);
    if (event == NULL)
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "no assignment waits for an answer");
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_copy(rd_kafka_event_topic_partition_list(event));
    take_offsets(list, offsets, offsets != NULL ? count : 0);
    int status = assign_list(consumer, list, error);
    rd_kafka_topic_partition_list_destroy(list);
    if (status != 0)
        consumer->rebalance = event;   /* still to be answered: by the close, at the latest */
    else
        rd_kafka_event_destroy(event);
    return status;
}

int consumer_revoke(struct consumer *consumer, struct mr_error **error)
{
    rd_kafka_event_t *event = take_rebalance(consumer);
    if (event == NULL)
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "no revocation waits for an answer");
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list != NULL && i < list->cnt; i++)
        reader_remove(consumer, list->elems[i].topic, list->elems[i].partition);
    if (!native_is_cooperative(consumer->rk))
        consumer_readers_clear(consumer);
    give_back(consumer, list);
    rd_kafka_event_destroy(event);
    return 0;
}

/* ---- pauses ---- */

static int set_paused(struct consumer *consumer, const char *topic, int32_t partition, bool paused,
                      struct mr_error **error)
{
    struct reader *reader = consumer_reader(consumer, topic, partition);
    if (reader == NULL)
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "%s-%" PRId32 " is not assigned to this task", topic, partition);
    if (reader->paused == paused)
        return 0;
    reader->paused = paused;
    rd_kafka_queue_forward(reader->queue, paused ? NULL : consumer->records);   /* with what came meanwhile */
    atomic_store(&consumer->ready, true);   /* nobody calls again for that, nor for what is held */
    return 0;
}

int consumer_pause(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error)
{
    return set_paused(consumer, topic, partition, true, error);
}

int consumer_resume(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error)
{
    return set_paused(consumer, topic, partition, false, error);
}

void consumer_pause_all(struct consumer *consumer, bool paused)
{
    consumer->all_paused = paused;
    atomic_store(&consumer->ready, true);
}

/* ---- seeks ---- */

static int native_seek(struct consumer *consumer, rd_kafka_topic_partition_list_t *list, struct mr_error **error)
{
    return native_error_take(error, rd_kafka_seek_partitions(consumer->rk, list, 0), "seeking");
}

void reader_reseek(struct reader *reader)
{
    struct mr_error *error = NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, reader->topic, reader->partition)->offset = reader->next;
    if (native_seek(reader->consumer, list, &error) != 0)
        log_debug(CONSUMER_LOGGER, "%s", mr_error_message(error));
    mr_error_drop(error);
    rd_kafka_topic_partition_list_destroy(list);
}

static void reader_expect(struct reader *reader, int64_t offset)
{
    reader->first_at_most = reader->last_read >= offset ? reader->last_read : -1;
    reader->next = offset;
    reader->reseeks = 0;
    reader_forget(reader);
    atomic_store(&reader->consumer->ready, true);
}

/* Cooperative members may only take partitions away and give them again; the others replace the whole assignment. */
static int assign_anew(struct consumer *consumer, const rd_kafka_topic_partition_list_t *targets, struct mr_error **error)
{
    if (native_is_cooperative(consumer->rk)) {
        if (native_error_take(error, rd_kafka_incremental_unassign(consumer->rk, targets), "seeking") != 0)
            return -1;
        return native_assign(consumer, targets, error);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->reader_count);
    for (size_t i = 0; i < consumer->reader_count; i++) {
        struct reader *reader = consumer->readers[i];
        reader_forget(reader);   /* it is fetched again */
        rd_kafka_topic_partition_list_add(list, reader->topic, reader->partition)->offset =
            reader->next >= 0 ? reader->next : RD_KAFKA_OFFSET_INVALID;
    }
    int status = native_assign(consumer, list, error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int consumer_seek(struct consumer *consumer, const struct consumer_partition *targets, size_t count,
                  int64_t deadline_ms, struct mr_error **error)
{
    bool any_fresh = false;
    (void)deadline_ms;   /* neither way waits for a broker */
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = consumer_reader(consumer, targets[i].topic, targets[i].partition);
        if (reader == NULL)
            return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "%s-%" PRId32 " is not assigned to this task",
                                targets[i].topic, targets[i].partition);
        any_fresh = any_fresh || reader->fresh;
        reader_expect(reader, targets[i].offset);
    }
    rd_kafka_topic_partition_list_t *list = consumer_list_of(targets, count);
    int status = any_fresh ? assign_anew(consumer, list, error) : native_seek(consumer, list, error);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}
