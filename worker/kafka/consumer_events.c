/* consumer_events.c: librdkafka's events of a group member in our words; commits. */
#include "kafka/consumer_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/native_notes_internal.h"
#include "kafka/statistics_internal.h"

#include "base/bans.h"

enum consumer_event_kind consumer_error_kind(rd_kafka_resp_err_t code, bool fatal)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return CONSUMER_FENCED;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return CONSUMER_FAILED;
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        return CONSUMER_NONE;
    default:
        return fatal ? CONSUMER_FAILED : CONSUMER_TROUBLE;
    }
}

/* ---- rebalances ---- */

static bool fill_partitions(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    size_t count = list != NULL ? (size_t)list->cnt : 0;
    if (count > consumer->event_capacity) {
        struct consumer_partition *grown = mem_realloc(consumer->event_partitions, count * sizeof *grown);
        if (grown == NULL)
            return false;
        consumer->event_partitions = grown;
        consumer->event_capacity = count;
    }
    for (size_t i = 0; i < count; i++)
        consumer->event_partitions[i] = (struct consumer_partition){
            list->elems[i].topic, list->elems[i].partition,
            list->elems[i].offset >= 0 ? list->elems[i].offset : CONSUMER_OFFSET_NONE};
    return true;
}

static void give_partitions(struct consumer *consumer, const rd_kafka_topic_partition_list_t *list,
                            struct consumer_event *event)
{
    if (!fill_partitions(consumer, list)) {
        mr_error_clear(&consumer->event_error);
        mr_error_set(&consumer->event_error, MR_ERR_NO_MEMORY, "no memory for a group event");
        *event = (struct consumer_event){.kind = CONSUMER_FAILED, .error = consumer->event_error};
        return;
    }
    event->partitions = consumer->event_partitions;
    event->count = list != NULL ? (size_t)list->cnt : 0;
}

/* The event stays until it is answered. */
static void serve_rebalance(struct consumer *consumer, rd_kafka_event_t *native, struct consumer_event *event)
{
    if (consumer->rebalance != NULL)   /* superseded: the group went on without our answer */
        rd_kafka_event_destroy(consumer->rebalance);
    consumer->rebalance = native;
    if (rd_kafka_event_error(native) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        event->kind = CONSUMER_ASSIGNED;
    else
        event->kind = rd_kafka_assignment_lost(consumer->rk) ? CONSUMER_LOST : CONSUMER_REVOKED;
    give_partitions(consumer, rd_kafka_event_topic_partition_list(native), event);
}

/* ---- errors ---- */

static void give_error(struct consumer *consumer, enum consumer_event_kind kind, rd_kafka_resp_err_t code,
                       const char *words, struct consumer_event *event)
{
    uint32_t merged;
    if (kind == CONSUMER_NONE)
        return;
    if (kind == CONSUMER_TROUBLE &&
        !native_notes_may_log(rd_kafka_opaque(consumer->rk), words, clock_monotonic_ms(NULL), &merged))
        return;   /* librdkafka has logged the same, or we have */
    const char *advice = native_advice(words);
    mr_error_set(&consumer->event_error, native_error_code(code), "%s%s%s", words, advice != NULL ? ". " : "", advice != NULL ? advice : "");
    event->kind = kind;
    event->error = consumer->event_error;
}

#define GROUP_ID_SIZE 256
#define WORDS_SIZE 512

/* librdkafka leaves out which group it is whose right is missing. */
static const char *with_group(rd_kafka_t *rk, const char *said, char words[WORDS_SIZE])
{
    char group[GROUP_ID_SIZE];
    size_t size = sizeof group;
    if (rd_kafka_conf_get(rd_kafka_conf(rk), "group.id", group, &size) != RD_KAFKA_CONF_OK)
        return said;
    snprintf(words, WORDS_SIZE, "group %s: %.200s", group, said);
    return words;
}

static void serve_error(struct consumer *consumer, const rd_kafka_event_t *native, struct consumer_event *event)
{
    char words[WORDS_SIZE];
    rd_kafka_resp_err_t code = rd_kafka_event_error((rd_kafka_event_t *)(uintptr_t)native);
    bool fatal = code == RD_KAFKA_RESP_ERR__FATAL;
    if (fatal)
        code = rd_kafka_fatal_error(consumer->rk, words, sizeof words);
    const char *said = fatal ? words : rd_kafka_event_error_string((rd_kafka_event_t *)(uintptr_t)native);
    if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        said = with_group(consumer->rk, said, words);
    give_error(consumer, native_login_is_refused(consumer->rk, code, said) ? CONSUMER_FAILED : consumer_error_kind(code, fatal), code,
               said, event);
}

/* Records never come this way (their queues are out of forwarding); what does are errors, and strays to be read again. */
static void serve_fetch(struct consumer *consumer, rd_kafka_event_t *native, struct consumer_event *event)
{
    const rd_kafka_message_t *message = rd_kafka_event_message_next(native);
    if (message == NULL)
        return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        give_error(consumer, consumer_error_kind(message->err, false), message->err, rd_kafka_message_errstr(message),
                   event);
        return;
    }
    struct reader *reader = consumer_reader(consumer, rd_kafka_topic_name(message->rkt), message->partition);
    consumer->stale_count++;
    if (reader == NULL)
        return;
    if (reader->next < 0)
        reader->next = message->offset;
    reader_reseek(reader);
}

/* ---- commits ---- */

static int commit_error(rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *list, struct mr_error **error)
{
    if (code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return 0;   /* nothing to commit */
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL && i < list->cnt; i++)
        code = list->elems[i].err;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : native_error_set(error, code, "committing offsets");
}

static void serve_commit(struct consumer *consumer, rd_kafka_event_t *native, struct consumer_event *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(native);
    event->kind = CONSUMER_COMMITTED;
    event->token = (uint64_t)(uintptr_t)rd_kafka_event_opaque(native);
    if (commit_error(rd_kafka_event_error(native), list, &consumer->event_error) != 0)
        event->error = consumer->event_error;
    give_partitions(consumer, list, event);
}

int consumer_commit(struct consumer *consumer, const struct consumer_partition *offsets, size_t count, uint64_t token,
                    struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = consumer_list_of(offsets, count);
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(consumer->rk, list, consumer->queue, NULL, (void *)(uintptr_t)token);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : native_error_set(error, code, "committing offsets");
}

int consumer_commit_and_wait(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                             int64_t deadline_ms, struct mr_error **error)
{
    if (count == 0)
        return 0;
    rd_kafka_topic_partition_list_t *list = consumer_list_of(offsets, count);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_event_t *native = NULL;
    int status;
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer->rk, list, queue, NULL, NULL);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        native = rd_kafka_queue_poll(queue, native_timeout_ms(deadline_ms, 600000));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = native_error_set(error, code, "committing offsets");
    else if (native == NULL)
        status = mr_error_set(error, MR_ERR_TIMEOUT, "committing offsets: no answer in time");
    else
        status = commit_error(rd_kafka_event_error(native), rd_kafka_event_topic_partition_list(native), error);
    if (native != NULL)
        rd_kafka_event_destroy(native);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int consumer_committed(struct consumer *consumer, struct consumer_partition *partitions, size_t count,
                       int64_t deadline_ms, struct mr_error **error)
{
    rd_kafka_topic_partition_list_t *list = consumer_list_of(partitions, count);
    int timeout_ms = native_timeout_ms(deadline_ms, 600000);
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer->rk, list, timeout_ms > 0 ? timeout_ms : 1);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        code = list->elems[i].err;
        partitions[i].offset = list->elems[i].offset >= 0 ? list->elems[i].offset : CONSUMER_OFFSET_NONE;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : native_error_set(error, code, "asking for committed offsets");
}

/* ---- the next event ---- */

/* true: the event belongs to the caller until the next call; false: it was kept or is of no interest. */
static void serve(struct consumer *consumer, rd_kafka_event_t *native, struct consumer_event *event)
{
    switch (rd_kafka_event_type(native)) {
    case RD_KAFKA_EVENT_REBALANCE:
        serve_rebalance(consumer, native, event);
        return;   /* kept */
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        serve_commit(consumer, native, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        serve_error(consumer, native, event);
        break;
    case RD_KAFKA_EVENT_FETCH:
        serve_fetch(consumer, native, event);
        break;
    case RD_KAFKA_EVENT_STATS:
        statistics_take(consumer->metrics, rd_kafka_event_stats(native));
        break;
    default:
        break;
    }
    consumer->last_event = native;
}

static void forget_last(struct consumer *consumer)
{
    if (consumer->last_event != NULL)
        rd_kafka_event_destroy(consumer->last_event);
    consumer->last_event = NULL;
    mr_error_clear(&consumer->event_error);
}

void consumer_next_event(struct consumer *consumer, struct consumer_event *event)
{
    *event = (struct consumer_event){.kind = CONSUMER_NONE};
    forget_last(consumer);
    if (consumer->failure != NULL) {
        consumer->event_error = consumer->failure;
        consumer->failure = NULL;
        event->kind = CONSUMER_FAILED;
        event->error = consumer->event_error;
        return;
    }
    /* Events of no interest are passed over, so that NONE means that the queue is empty. */
    while (event->kind == CONSUMER_NONE) {
        rd_kafka_event_t *native = rd_kafka_queue_poll(consumer->queue, 0);
        if (native == NULL)
            return;
        forget_last(consumer);
        serve(consumer, native, event);
    }
}
