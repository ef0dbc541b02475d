/*
 * consumer's back room. Everything belongs to the one thread that uses the consumer at a time, but for the flags that
 * librdkafka's queue callbacks set.
 */
#ifndef KAFKA_CONSUMER_INTERNAL_H
#define KAFKA_CONSUMER_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/refcount.h"
#include "kafka/consumer.h"
#include "kafka/native_internal.h"

#define CONSUMER_LOGGER "kafka.consumer"
#define CONSUMER_RESEEKS_MAX 3   /* stale records after a rewind are answered by another one, so often */

/* An assigned partition. From before the assignment to its end its queue is out of librdkafka's forwarding, which else lets
 * records slip into the consumer's queue (docs/decisions/0001), and goes into the one queue of records: so librdkafka's limits
 * of a queue hold for all partitions together. While it is paused its queue is its own, and what of it lay in the one queue
 * is held here. */
struct reader {
    struct consumer *consumer;
    char *topic;
    int32_t partition;
    rd_kafka_queue_t *queue;
    bool paused;
    rd_kafka_message_t **held; /* taken out of the queue of records while it was paused; the oldest first */
    size_t held_count, held_capacity;
    uint64_t reseek_turn;      /* of the read that found left-overs of it: what else that read has goes with them */
    bool fresh;              /* nothing was read since it was assigned: fetching may not have begun */
    int64_t next;            /* expected; CONSUMER_OFFSET_NONE: whatever comes first */
    int64_t last_read;       /* CONSUMER_OFFSET_NONE: none */
    int64_t first_at_most;   /* after a rewind: a record there is known, so the first one cannot lie behind it; -1: free */
    int reseeks;
};

struct batch_account;

struct consumer {
    struct native_handle *handle;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct client_metrics *metrics;   /* NULL: nobody wants to know */
    void (*on_ready)(void *argument);
    void *argument;

    rd_kafka_queue_t *records; /* of all partitions that are not paused */
    atomic_bool ready;         /* there may be some: set by librdkafka, cleared before the queue is read */
    atomic_bool strayed;       /* a partition's own queue got some: librdkafka ends the forwarding when it stops fetching */
    struct reader **readers;
    size_t reader_count, reader_capacity;
    size_t last_reader;        /* where the record before belonged: the next one does as a rule */
    uint64_t turn;             /* reads so far */
    bool all_paused;
    uint64_t stale_count;

    rd_kafka_event_t *rebalance;   /* not yet answered */
    rd_kafka_event_t *last_event;  /* what the caller of consumer_next_event looks at */
    struct consumer_partition *event_partitions;
    size_t event_capacity;
    struct mr_error *event_error;
    struct mr_error *failure;      /* found while reading; the next event */

    rd_kafka_message_t **scratch;
    size_t scratch_capacity;
    struct consumer_batch *spare;  /* the next batch, if it keeps its messages */
    bool lets_go_soon;
    struct batch_account *account;
};

/* consumer_batch.c */
struct batch_account *batch_account_create(void);   /* NULL: no memory */
void batch_account_drop(struct batch_account *account);
uint64_t batch_account_bytes(const struct batch_account *account);
/* Before the handle is opened: how large its fetch responses are. */
void batch_account_install(struct batch_account *account, rd_kafka_conf_t *conf);
/* Once the handle is there, which has a reference from then on. */
void batch_account_hook(struct batch_account *account, struct native_handle *handle);
/* Memory for the next batch of up to max records. false: none. */
bool consumer_batch_reserve(struct consumer *consumer, size_t max);
/* Of the first `count` messages in scratch, which it takes over; after a reserve for as many it cannot fail. */
struct consumer_batch *consumer_batch_make(struct consumer *consumer, size_t count);
/* Nothing is there to read: the memory held for the next batch goes. */
void consumer_batch_rest(struct consumer *consumer);

/* consumer_assign.c */
struct reader *consumer_reader(const struct consumer *consumer, const char *topic, int32_t partition);
void consumer_readers_clear(struct consumer *consumer);
/* Lets the records go that are held for a paused partition. */
void reader_forget(struct reader *reader);
/* To its `next`, without waiting. */
void reader_reseek(struct reader *reader);

/* consumer_events.c: what a consumer error means; NULL and CONSUMER_NONE: nothing to tell. */
enum consumer_event_kind consumer_error_kind(rd_kafka_resp_err_t code, bool fatal);

/* consumer_regex.c: Java's expression in POSIX's words, anchored, for rd_kafka_subscribe; free with mem_free. NULL: error. */
char *consumer_regex_translate(const char *java, struct mr_error **error);

rd_kafka_topic_partition_list_t *consumer_list_of(const struct consumer_partition *partitions, size_t count);

#endif
