/* producer_send.c: from records to librdkafka's queue, with the accounts that keep it bounded.
 *
 * Runs of records of one topic without headers go by rd_kafka_produce_batch, which knows none; the others one by one. It knows no time
 * stamps either, but in the pinned librdkafka (scripts/build-rdkafka): with the system's those go one by one too. What librdkafka would refuse is found before, so that a batch is taken as a whole. */
#include "kafka/producer_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include "base/bans.h"

#define CHUNK_MAX 256   /* messages handed over at once; on the stack */
/* What librdkafka adds to a record's bytes before it compares them with message.max.bytes. */
#define WIRE_OVERHEAD 36
#define WIRE_HEADER_OVERHEAD 8
#define DOUBT_AFTER_MS 1000   /* a partition that is not there: topics grow */
#define LOGIN_REFUSED_MS 35000

/* ---- accounts ---- */

static size_t record_size(const struct producer_record *record)
{
    size_t size = record->key.size + record->value.size;
    for (size_t i = 0; i < record->header_count; i++)
        size += strlen(record->headers[i].name) + record->headers[i].value.size;
    return size;
}

static bool fits(const struct producer_user *user, uint32_t size)
{
    const struct producer *producer = user->producer;
    return atomic_load(&user->records) < user->records_max && atomic_load(&user->bytes) + size <= user->bytes_max &&
           atomic_load(&producer->records) < PRODUCER_RECORDS_MAX &&
           atomic_load(&producer->bytes) + size <= producer->bytes_max;
}

/* Only when a good part is free again, so that it finds room for more than one record. */
static bool is_well_drained(const struct producer_user *user)
{
    const struct producer *producer = user->producer;
    return atomic_load(&user->bytes) <= user->bytes_max - user->bytes_max / 4 &&
           atomic_load(&user->records) <= user->records_max - user->records_max / 4 &&
           atomic_load(&producer->bytes) <= producer->bytes_max - producer->bytes_max / 8 &&
           atomic_load(&producer->records) <= PRODUCER_RECORDS_MAX - PRODUCER_RECORDS_MAX / 8;
}

/* librdkafka tells the same refusal again after 30 s at the earliest. */
bool producer_login_is_refused(const struct producer *producer)
{
    int64_t refused_ms = atomic_load_explicit(&producer->login_refused_ms, memory_order_relaxed);
    return refused_ms != 0 && clock_monotonic_ms(NULL) - refused_ms < LOGIN_REFUSED_MS;
}

bool producer_user_may_go_on(const struct producer_user *user)
{
    if (producer_login_is_refused(user->producer))
        return true;   /* to be told so */
    if (atomic_load(&user->rewinds))
        return false;
    if (user->waits_for != NULL)
        return atomic_load(&user->waits_for->state) != TOPIC_ASKING;
    return atomic_load(&user->records) == 0 || (fits(user, user->needs_bytes) && is_well_drained(user));
}

/* What a run may add, seen once when it begins, and what it has: the counters move once for the run, before it is handed over. Users that
 * begin together see the same room of their producer, so that its own limits may be passed by a run of each. */
struct room {
    uint64_t bytes_left;
    uint32_t records_left;
    bool is_first;      /* nothing is outstanding: one record may go, however large */
    uint64_t bytes;
    uint32_t records;
};

static uint64_t left(uint64_t max, uint64_t used)
{
    return used < max ? max - used : 0;
}

static struct room room_of(const struct producer_user *user)
{
    const struct producer *producer = user->producer;
    uint64_t bytes = left(user->bytes_max, atomic_load(&user->bytes)), shared = left(producer->bytes_max, atomic_load(&producer->bytes));
    uint64_t used = atomic_load(&user->records);
    uint64_t records = left(user->records_max, used), others = left(PRODUCER_RECORDS_MAX, atomic_load(&producer->records));
    return (struct room){
        .bytes_left = bytes < shared ? bytes : shared,
        .records_left = (uint32_t)(records < others ? records : others),
        .is_first = used == 0,
    };
}

static bool room_take(struct room *room, uint32_t size)
{
    bool fits = room->records < room->records_left && room->bytes + size <= room->bytes_left;
    if (!fits && !(room->is_first && room->records == 0))
        return false;
    room->bytes += size;
    room->records++;
    return true;
}

static void account(struct producer_user *user, const struct room *room)
{
    struct producer *producer = user->producer;
    if (room->records == 0)
        return;
    atomic_fetch_add(&user->records, room->records);
    atomic_fetch_add(&user->bytes, room->bytes);
    atomic_fetch_add(&producer->records, room->records);
    atomic_fetch_add(&producer->bytes, room->bytes);
}

static void unaccount(struct producer_user *user, uint32_t size)
{
    struct producer *producer = user->producer;
    atomic_fetch_sub(&producer->records, 1);
    atomic_fetch_sub(&producer->bytes, size);
    atomic_fetch_sub(&user->bytes, size);
    mutex_lock(&producer->lock);
    if (atomic_fetch_sub(&user->records, 1) == 1)
        cond_broadcast(&producer->settled);
    mutex_unlock(&producer->lock);
}

/* ---- what can never be sent ---- */

/* The topic may have more partitions than it had when it was asked for. */
static bool may_have_grown(const struct producer_record *record)
{
    const struct producer_topic *topic = record->topic;
    return atomic_load(&topic->state) == TOPIC_READY && record->partition >= atomic_load(&topic->partition_count) &&
           clock_monotonic_ms(NULL) - atomic_load(&topic->answered_ms) >= DOUBT_AFTER_MS;
}

static int refuse_topic(const struct producer_topic *topic, struct mr_error **error)
{
    if (topic->refusal == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return mr_error_set(error, MR_ERR_CONNECT, "topic %s: this producer sends to %d topics already, and to no more; stop "
                            "connectors that are not needed, or write to fewer topics", topic->name, PRODUCER_TOPICS_MAX);
    if (topic->refusal == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        return mr_error_set(error, MR_ERR_TIMEOUT, "topic %s is not known to the brokers, or has no leader, for %" PRId64
                            " ms (max.block.ms, delivery.timeout.ms)", topic->name, topic->producer->asking_max_ms);
    return native_error_set(error, topic->refusal, "topic %s", topic->name);
}

static int refuse(const struct producer_record *record, size_t size_max, size_t size, struct mr_error **error)
{
    const struct producer_topic *topic = record->topic;
    size += WIRE_OVERHEAD + WIRE_HEADER_OVERHEAD * record->header_count;
    if (atomic_load(&topic->state) == TOPIC_REFUSED)
        return refuse_topic(topic, error);
    if (size > size_max)
        return mr_error_set(error, MR_ERR_DATA, "topic %s: the record has %zu bytes with what goes around it, the producer's "
                            "max.request.size is %zu", topic->name, size, size_max);
    if (atomic_load(&topic->state) == TOPIC_READY && record->partition >= atomic_load(&topic->partition_count))
        return mr_error_set(error, MR_ERR_CONNECT, "topic %s has %d partitions, the record is for partition %" PRId32,
                            topic->name, atomic_load(&topic->partition_count), record->partition);
    return 0;
}

/* ---- handing over; swap_lock held for reading ---- */

#ifdef RD_KAFKA_MSG_F_MILLRACE_TIMESTAMP
#define BATCH_FLAGS (RD_KAFKA_MSG_F_PARTITION | RD_KAFKA_MSG_F_MILLRACE_TIMESTAMP)
#define BATCH_TAKES_TIMESTAMPS true
#else
#define BATCH_FLAGS RD_KAFKA_MSG_F_PARTITION
#define BATCH_TAKES_TIMESTAMPS false
#endif

static bool is_plain(const struct producer_record *record)
{
    return record->header_count == 0 && (BATCH_TAKES_TIMESTAMPS || record->timestamp_ms < 0);
}

static void fail_later(struct producer *producer, struct producer_ticket *ticket)
{
    mutex_lock(&producer->lock);
    ticket->next = producer->failed;
    producer->failed = ticket;
    producer_wake(producer);
    mutex_unlock(&producer->lock);
}

/* Returns how many were taken; fewer only from some record on, with *why. */
static size_t hand_over_plain(struct producer *producer, const struct producer_record *records, size_t count,
                              rd_kafka_resp_err_t *why)
{
    rd_kafka_message_t messages[CHUNK_MAX];
    bool is_single = producer_topic_is_single(records[0].topic);
    for (size_t i = 0; i < count; i++) {
        messages[i] = (rd_kafka_message_t){
            .payload = (void *)(uintptr_t)records[i].value.data,
            .len = records[i].value.size,
            .key = (void *)(uintptr_t)records[i].key.data,
            .key_len = records[i].key.size,
            .partition = records[i].partition >= 0 ? records[i].partition : RD_KAFKA_PARTITION_UA,
            .offset = records[i].timestamp_ms,   /* with the flag for it; else there is none */
            ._private = records[i].ticket,
        };
        is_single = is_single && records[i].partition < 0;
    }
    /* Of one partition librdkafka need not choose, nor look it up for each record. */
    int good = is_single ? rd_kafka_produce_batch(records[0].topic->rkt, 0, BATCH_FLAGS & ~RD_KAFKA_MSG_F_PARTITION, messages, (int)count)
                         : rd_kafka_produce_batch(records[0].topic->rkt, RD_KAFKA_PARTITION_UA, BATCH_FLAGS, messages, (int)count);
    if (good == (int)count)
        return count;
    size_t taken = count;
    while (taken > 0 && messages[taken - 1].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        taken--;
    for (size_t i = 0; i < taken; i++) {
        if (messages[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            fail_later(producer, records[i].ticket);
    }
    *why = taken < count ? messages[taken].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    return taken;
}

static rd_kafka_headers_t *headers_of(const struct producer_record *record)
{
    if (record->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct producer_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value.data, (ssize_t)header->value.size);
    }
    return headers;
}

static size_t hand_over_rich(struct producer *producer, const struct producer_record *record, rd_kafka_resp_err_t *why)
{
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = record->topic->rkt},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition >= 0 ? record->partition : RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.data, record->value.size}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.data, record->key.size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms < 0 ? 0 : record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record->ticket},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},   /* the message's, when it is taken */
    };
    size_t count = sizeof parts / sizeof *parts - (headers == NULL);
    rd_kafka_error_t *failure = rd_kafka_produceva(producer->handle->rk, parts, count);
    if (failure == NULL)
        return 1;
    *why = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    return 0;
}

/* ---- sending ---- */

struct sending {
    struct producer_user *user;
    const struct producer_record *records;
    size_t count, taken;
    struct producer_topic *waits_for;
    struct mr_error **error;
    int status;
};

/* How many from here on go together: same way, accounted for. 0: full, not ready, or refused (status). */
static size_t next_run(struct sending *sending)
{
    const struct producer_record *first = &sending->records[sending->taken];
    size_t size_max = sending->user->producer->record_bytes_max;
    size_t most = sending->count - sending->taken;
    most = !is_plain(first) ? 1 : most < CHUNK_MAX ? most : CHUNK_MAX;
    size_t run = 0;
    struct room room = room_of(sending->user);
    for (; run < most; run++) {
        const struct producer_record *record = &first[run];
        if (record->topic != first->topic || is_plain(record) != is_plain(first))
            break;
        size_t size = record_size(record);
        if (may_have_grown(record))
            producer_topic_doubt(record->topic);
        if (atomic_load(&record->topic->state) == TOPIC_ASKING) {
            sending->waits_for = record->topic;
            break;
        }
        if (refuse(record, size_max, size, run == 0 ? sending->error : NULL) != 0) {
            sending->status = run == 0 ? -1 : 0;   /* of a later record: when it comes first */
            break;
        }
        if (!room_take(&room, (uint32_t)size))
            break;
        *record->ticket = (struct producer_ticket){.user = sending->user, .size = (uint32_t)size};
    }
    account(sending->user, &room);
    return run;
}

/* librdkafka did not take the first record that is left. Trying at once again would go on for ever: a topic that it lost
 * sight of is asked for; what no waiting changes is refused; a full queue drains, and a fatal error ends in a swap, but for a
 * transactional producer, which is of no more use. */
static void not_taken(struct sending *sending, rd_kafka_resp_err_t why)
{
    struct producer_topic *topic = sending->records[sending->taken].topic;
    log_debug(PRODUCER_LOGGER, "topic %s: %s", topic->name, rd_kafka_err2str(why));
    if (rd_kafka_fatal_error(topic->producer->handle->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (topic->producer->transactional_id != NULL)
            sending->status = native_error_set(sending->error, why, "topic %s", topic->name);
        return;
    }
    switch (why) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        producer_topic_doubt(topic);
        sending->waits_for = topic;
        return;
    default:
        sending->status = native_error_set(sending->error, why, "topic %s", topic->name);
    }
}

/* false: nothing more can be taken now. */
static bool send_run(struct sending *sending)
{
    struct producer *producer = sending->user->producer;
    const struct producer_record *first = &sending->records[sending->taken];
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t run = next_run(sending);
    if (run == 0)
        return false;
    size_t taken = is_plain(first) ? hand_over_plain(producer, first, run, &why) : hand_over_rich(producer, first, &why);
    for (size_t i = taken; i < run; i++)
        unaccount(sending->user, (uint32_t)record_size(&first[i]));
    sending->taken += taken;
    if (taken == run)
        return true;
    not_taken(sending, why);
    return false;
}

static void send_what_fits(struct sending *sending)
{
    struct producer *producer = sending->user->producer;
    sending->waits_for = NULL;
    pthread_rwlock_rdlock(&producer->swap_lock);
    if (!producer->swapping && !atomic_load(&sending->user->rewinds)) {
        while (sending->taken < sending->count && send_run(sending))
            ;
    }
    pthread_rwlock_unlock(&producer->swap_lock);
}

/* Into the list of those to be woken; the poll thread looks at it after this, so nothing is missed. */
static void wait_in_turn(struct sending *sending)
{
    struct producer_user *user = sending->user;
    struct producer *producer = user->producer;
    mutex_lock(&producer->lock);
    user->waits_for = sending->waits_for;
    user->needs_bytes = (uint32_t)record_size(&sending->records[sending->taken]);
    if (!user->is_waiting) {
        user->is_waiting = true;
        user->next_waiting = NULL;
        *producer->waiting_end = user;
        producer->waiting_end = &user->next_waiting;
    }
    if (producer_user_may_go_on(user))
        producer_wake(producer);   /* it became possible meanwhile, and maybe no report is left to come */
    mutex_unlock(&producer->lock);
}

static int refuse_login(struct producer *producer, struct mr_error **error)
{
    char words[sizeof producer->login_words];
    mutex_lock(&producer->lock);
    snprintf(words, sizeof words, "%s", producer->login_words);
    mutex_unlock(&producer->lock);
    return mr_error_set(error, MR_ERR_CONNECT, "The brokers refuse this producer's login: %s", words);
}

int producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                  struct mr_error **error)
{
    *taken = 0;
    if (producer_login_is_refused(user->producer))
        return refuse_login(user->producer, error);
    struct sending sending = {.user = user, .records = records, .count = count, .error = error};
    send_what_fits(&sending);
    if (sending.status == 0 && sending.taken < count)
        wait_in_turn(&sending);
    *taken = sending.taken;
    return sending.status;
}

/* While another swap is going on it is not enough: on_swapped comes once more. */
void producer_user_rewound(struct producer_user *user)
{
    struct producer *producer = user->producer;
    pthread_rwlock_rdlock(&producer->swap_lock);
    if (!producer->swapping)
        atomic_store(&user->rewinds, false);
    pthread_rwlock_unlock(&producer->swap_lock);
}
