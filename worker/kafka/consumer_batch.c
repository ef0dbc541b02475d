/* consumer_batch.c: records that were read, as their holder sees them, and the account of what they keep in memory.
 *
 * A message of librdkafka keeps the whole fetch response in memory that it came with (docs/decisions/0005). So the records of
 * a batch of ordinary size are copied and their messages let go at once: such a batch keeps its own bytes and nothing else, not
 * even the handle. A batch beyond CONSUMER_COPIED_BYTES_MAX keeps its messages, and so does any batch of a reader who lets them go soon.
 *
 * What those pin besides their own bytes cannot be asked. But responses are read one after another: all bytes ever read make a
 * line, and what a batch pins lies within one response before and behind it. So the account holds, for every batch that
 * keeps messages, its bytes and the gap to the one before it, a gap being at most two of the largest response seen. */
#include "kafka/consumer_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/thread.h"

#include "base/bans.h"

struct batch_account {
    struct refcount refcount;        /* the consumer's, its handle's, and one for each batch */
    _Atomic uint64_t bytes;
    _Atomic uint64_t response_bytes; /* of the largest fetch response */
    pthread_mutex_t lock;
    uint64_t read_bytes;             /* lock: the end of the line */
    struct consumer_batch *first, *last;   /* lock: those that keep messages, as they were read */
    struct consumer_batch *idle;     /* lock: memory of a dropped one, for the next; else NULL */
};

struct consumer_batch {
    struct refcount refcount;
    struct batch_account *account;
    struct native_handle *handle;    /* whose messages it keeps; NULL: they were copied */
    struct consumer_batch *before, *behind;   /* of those that keep messages; account->lock */
    uint64_t begin, end;             /* its place on the line */
    uint64_t gap;                    /* charged for what lies before it; account->lock */
    size_t count;
    uint64_t bytes;                  /* of the records */
    uint64_t charged;                /* its own part of the account */
    size_t size;                     /* of its memory */
    struct consumer_message messages[];
};

#define NATIVE_MESSAGE_BYTES 512     /* what librdkafka needs for a message besides its bytes */
#define FETCH 1                      /* ApiKey */

/* ---- the account ---- */

struct batch_account *batch_account_create(void)
{
    struct batch_account *account = mem_calloc(1, sizeof *account);
    if (account == NULL)
        return NULL;
    refcount_init(&account->refcount);
    mutex_init(&account->lock);
    return account;
}

void batch_account_drop(struct batch_account *account)
{
    if (account == NULL || !refcount_drop(&account->refcount))
        return;
    mem_free(account->idle);
    mutex_destroy(&account->lock);
    mem_free(account);
}

uint64_t batch_account_bytes(const struct batch_account *account)
{
    return atomic_load(&account->bytes);
}

static void charge(struct consumer_batch *batch, uint64_t bytes)
{
    batch->charged += bytes;
    atomic_fetch_add(&batch->account->bytes, bytes);
}

/* ---- the sizes of responses; thread: librdkafka's, which wants neither lock nor call ---- */

static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id, int16_t key,
                                       int16_t version, int32_t correlation, size_t size, int64_t rtt,
                                       rd_kafka_resp_err_t code, void *argument)
{
    struct batch_account *account = argument;
    (void)rk, (void)sockfd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)rtt, (void)code;
    uint64_t largest = atomic_load(&account->response_bytes);
    while (key == FETCH && size > largest && !atomic_compare_exchange_weak(&account->response_bytes, &largest, size))
        ;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *argument, char *words, size_t size)
{
    (void)conf, (void)words, (void)size;
    return rd_kafka_interceptor_add_on_response_received(rk, "batch-account", on_response, argument);
}

void batch_account_install(struct batch_account *account, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_interceptor_add_on_new(conf, "batch-account", on_new, account);
}

static void drop_hooked(void *account)
{
    batch_account_drop(account);
}

void batch_account_hook(struct batch_account *account, struct native_handle *handle)
{
    refcount_take(&account->refcount);
    handle->hooked = account;
    handle->drop_hooked = drop_hooked;
}

/* ---- the line of what was read; lock held ---- */

static void set_gap(struct consumer_batch *batch)
{
    struct batch_account *account = batch->account;
    uint64_t response_bytes = atomic_load(&account->response_bytes);
    uint64_t distance = batch->before != NULL ? batch->begin - batch->before->end : batch->begin;
    uint64_t most = batch->before != NULL ? 2 * response_bytes : response_bytes;
    atomic_fetch_sub(&account->bytes, batch->gap);
    batch->gap = distance < most ? distance : most;
    atomic_fetch_add(&account->bytes, batch->gap);
}

static void line_add(struct consumer_batch *batch)
{
    struct batch_account *account = batch->account;
    batch->before = account->last;
    *(account->last != NULL ? &account->last->behind : &account->first) = batch;
    account->last = batch;
    set_gap(batch);
}

static void line_remove(struct consumer_batch *batch)
{
    struct batch_account *account = batch->account;
    struct consumer_batch *before = batch->before, *behind = batch->behind;
    *(before != NULL ? &before->behind : &account->first) = behind;
    *(behind != NULL ? &behind->before : &account->last) = before;
    atomic_fetch_sub(&account->bytes, batch->gap);
    if (behind != NULL)
        set_gap(behind);
}

/* ---- messages ---- */

static void message_fill(struct consumer_message *message, const char *topic, const rd_kafka_message_t *native)
{
    rd_kafka_timestamp_type_t type;
    struct record_origin *origin = &message->origin;
    int64_t timestamp_ms = rd_kafka_message_timestamp(native, &type);
    origin->topic = topic;
    origin->offset = native->offset;
    origin->timestamp_ms = timestamp_ms;
    origin->key = (struct mr_bytes){native->key, native->key_len};
    origin->value = (struct mr_bytes){native->payload, native->len};
    origin->headers = NULL;
    origin->header_count = 0;
    origin->partition = native->partition;
    origin->timestamp_type = (uint8_t)(timestamp_ms < 0                             ? MR_TIMESTAMP_NONE
                                       : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? MR_TIMESTAMP_LOG_APPEND_TIME
                                                                                    : MR_TIMESTAMP_CREATE_TIME);
    message->native = (void *)(uintptr_t)native;
}

static rd_kafka_headers_t *headers_of(const rd_kafka_message_t *native)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(native, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return headers;
}

/* ---- copying ---- */

/* What the records need behind the messages: first the headers, which must be aligned, then the bytes. */
struct need {
    size_t headers;
    size_t bytes;
    uint64_t record_bytes; /* keys and values */
};

#define CACHE_LINE_BYTES 64

/* The bytes were written by librdkafka's thread, on another core: asked for all at once they come while the messages are gone
 * through, instead of one after another while they are copied. */
static void bytes_will_be_read(const void *data, size_t size)
{
    const char *at = data;
    for (size_t i = 0; i < 3 && i * CACHE_LINE_BYTES < size; i++)
        __builtin_prefetch(at + i * CACHE_LINE_BYTES);
}

static void need_headers(struct need *need, rd_kafka_headers_t *headers)
{
    const char *name;
    const void *value;
    size_t size;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        need->headers += sizeof(struct record_raw_header);
        need->bytes += strlen(name) + 1 + size;
    }
}

static struct need need_of(rd_kafka_message_t *const *natives, size_t count)
{
    struct need need = {0};
    const rd_kafka_topic_t *rkt = NULL;
    for (size_t i = 0; i < count; i++) {
        bytes_will_be_read(natives[i]->payload, natives[i]->len);
        rd_kafka_headers_t *headers = headers_of(natives[i]);
        need.record_bytes += natives[i]->len + natives[i]->key_len;
        if (headers != NULL)
            need_headers(&need, headers);
        if (natives[i]->rkt != rkt)
            need.bytes += strlen(rd_kafka_topic_name(natives[i]->rkt)) + 1;
        rkt = natives[i]->rkt;
        if (need.bytes + need.record_bytes + need.headers > CONSUMER_COPIED_BYTES_MAX)
            break;
    }
    need.bytes += need.record_bytes;
    return need;
}

/* Where the next copy goes. */
struct room {
    char *headers;
    char *bytes;
};

static const void *room_copy(struct room *room, const void *data, size_t size)
{
    if (data == NULL)
        return NULL;
    char *at = room->bytes;
    memcpy(at, data, size);
    room->bytes += size;
    return at;
}

static void room_copy_headers(struct room *room, rd_kafka_headers_t *headers, struct record_origin *origin)
{
    struct record_raw_header *copied = (struct record_raw_header *)(void *)room->headers;
    const char *name;
    struct mr_bytes value;
    uint32_t count = 0;
    while (rd_kafka_header_get_all(headers, count, &name, &value.data, &value.size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        struct record_raw_header *header = &copied[count++];
        header->key = room_copy(room, name, strlen(name) + 1);
        header->value = (struct mr_bytes){room_copy(room, value.data, value.size), value.size};
    }
    room->headers += count * sizeof *copied;
    origin->headers = copied;
    origin->header_count = count;
}

static void message_copy(struct consumer_message *message, const char *topic, const rd_kafka_message_t *native,
                         struct room *room, bool may_have_headers)
{
    rd_kafka_headers_t *headers = may_have_headers ? headers_of(native) : NULL;
    message_fill(message, topic, native);
    message->native = NULL;
    message->origin.key.data = room_copy(room, native->key, native->key_len);
    message->origin.value.data = room_copy(room, native->payload, native->len);
    if (headers != NULL)
        room_copy_headers(room, headers, &message->origin);
}

static size_t size_of(size_t count)
{
    return sizeof(struct consumer_batch) + count * sizeof(struct consumer_message);
}

/* The memory of the batch before as a rule: to and from malloc it goes dearly between the many small pieces of librdkafka. But
 * what is kept must not be much larger than what is in it. Of the batch only `size` is set. */
static struct consumer_batch *memory_take(struct batch_account *account, size_t size)
{
    mutex_lock(&account->lock);
    struct consumer_batch *idle = account->idle;
    bool fits = idle != NULL && idle->size >= size && idle->size / 2 <= size;
    if (fits)
        account->idle = NULL;
    mutex_unlock(&account->lock);
    if (fits)
        return idle;
    struct consumer_batch *batch = mem_alloc(size);
    if (batch != NULL)
        batch->size = size;
    return batch;
}

static void memory_give(struct batch_account *account, struct consumer_batch *batch)
{
    mutex_lock(&account->lock);
    struct consumer_batch *former = account->idle;
    account->idle = batch;
    mutex_unlock(&account->lock);
    mem_free(former);
}

static void batch_begin(struct consumer_batch *batch, struct consumer *consumer, size_t count, uint64_t bytes)
{
    batch->account = consumer->account;
    refcount_init(&batch->refcount);
    refcount_take(&batch->account->refcount);
    batch->count = count;
    batch->bytes = bytes;
    mutex_lock(&batch->account->lock);
    batch->begin = batch->account->read_bytes;
    batch->end = batch->account->read_bytes += batch->bytes;
    mutex_unlock(&batch->account->lock);
}

/* NULL: too large, or no memory. */
static struct consumer_batch *batch_copy(struct consumer *consumer, size_t count)
{
    struct need need = need_of(consumer->scratch, count);
    if (need.bytes + need.headers > CONSUMER_COPIED_BYTES_MAX)
        return NULL;
    size_t head = size_of(count);
    struct consumer_batch *batch = memory_take(consumer->account, head + need.headers + need.bytes);
    if (batch == NULL)
        return NULL;
    *batch = (struct consumer_batch){.size = batch->size};
    batch_begin(batch, consumer, count, need.record_bytes);
    struct room room = {(char *)batch + head, (char *)batch + head + need.headers};
    const rd_kafka_topic_t *rkt = NULL;
    const char *topic = NULL;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *native = consumer->scratch[i];
        if (native->rkt != rkt)
            topic = room_copy(&room, rd_kafka_topic_name(native->rkt), strlen(rd_kafka_topic_name(native->rkt)) + 1);
        rkt = native->rkt;
        message_copy(&batch->messages[i], topic, native, &room, need.headers > 0);
    }
    for (size_t i = 0; i < count; i++)
        rd_kafka_message_destroy(consumer->scratch[i]);
    charge(batch, batch->size);
    return batch;
}

/* ---- keeping ---- */

bool consumer_batch_reserve(struct consumer *consumer, size_t max)
{
    size_t size = size_of(max);
    if (consumer->spare != NULL && consumer->spare->size >= size)
        return true;
    mem_free(consumer->spare);
    consumer->spare = memory_take(consumer->account, size);
    return consumer->spare != NULL;
}

void consumer_batch_rest(struct consumer *consumer)
{
    mutex_lock(&consumer->account->lock);
    struct consumer_batch *idle = consumer->account->idle;
    consumer->account->idle = NULL;
    mutex_unlock(&consumer->account->lock);
    mem_free(idle);
    mem_free(consumer->spare);
    consumer->spare = NULL;
}

static struct consumer_batch *spare_take(struct consumer *consumer, size_t count)
{
    struct consumer_batch *batch = consumer->spare;
    consumer->spare = NULL;
    if (batch->size / 2 <= size_of(count))
        return batch;
    struct consumer_batch *fitting = mem_realloc(batch, size_of(count));
    if (fitting == NULL)
        return batch;
    fitting->size = size_of(count);
    return fitting;
}

static struct consumer_batch *batch_keep(struct consumer *consumer, size_t count)
{
    struct consumer_batch *batch = spare_take(consumer, count);
    const rd_kafka_topic_t *rkt = NULL;
    const char *topic = NULL;
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *native = consumer->scratch[i];
        bytes_will_be_read(native->payload, native->len);
        if (native->rkt != rkt)
            topic = rd_kafka_topic_name(native->rkt);
        rkt = native->rkt;
        message_fill(&batch->messages[i], topic, native);
        bytes += native->len + native->key_len;
    }
    *batch = (struct consumer_batch){.size = batch->size, .handle = native_handle_take(consumer->handle)};
    batch_begin(batch, consumer, count, bytes);
    charge(batch, batch->bytes + batch->size + count * NATIVE_MESSAGE_BYTES);
    mutex_lock(&batch->account->lock);
    line_add(batch);
    mutex_unlock(&batch->account->lock);
    return batch;
}

struct consumer_batch *consumer_batch_make(struct consumer *consumer, size_t count)
{
    struct consumer_batch *batch = consumer->lets_go_soon ? NULL : batch_copy(consumer, count);
    return batch != NULL ? batch : batch_keep(consumer, count);
}

void consumer_lets_go_soon(struct consumer *consumer, bool soon)
{
    consumer->lets_go_soon = soon;
}

/* ---- the door ---- */

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

void consumer_batch_charge(struct consumer_batch *batch, uint64_t bytes)
{
    charge(batch, bytes);
}

struct consumer_batch *consumer_batch_take(struct consumer_batch *batch)
{
    refcount_take(&batch->refcount);
    return batch;
}

static void let_messages_go(struct consumer_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        rd_kafka_message_destroy(batch->messages[i].native);
    mutex_lock(&batch->account->lock);
    line_remove(batch);
    mutex_unlock(&batch->account->lock);
    native_handle_drop(batch->handle);
}

void consumer_batch_drop(struct consumer_batch *batch)
{
    if (batch == NULL || !refcount_drop(&batch->refcount))
        return;
    struct batch_account *account = batch->account;
    if (batch->handle != NULL)
        let_messages_go(batch);
    atomic_fetch_sub(&account->bytes, batch->charged);
    memory_give(account, batch);
    batch_account_drop(account);
}

/* ---- headers ---- */

size_t consumer_message_header_count(const struct consumer_message *message)
{
    if (message->native == NULL)
        return message->origin.header_count;
    rd_kafka_headers_t *headers = headers_of(message->native);
    return headers != NULL ? rd_kafka_header_cnt(headers) : 0;
}

bool consumer_message_header(const struct consumer_message *message, size_t i, const char **name,
                             struct mr_bytes *value)
{
    if (message->native == NULL) {
        if (i >= message->origin.header_count)
            return false;
        *name = message->origin.headers[i].key;
        *value = message->origin.headers[i].value;
        return true;
    }
    rd_kafka_headers_t *headers = headers_of(message->native);
    return headers != NULL &&
           rd_kafka_header_get_all(headers, i, name, &value->data, &value->size) == RD_KAFKA_RESP_ERR_NO_ERROR;
}
