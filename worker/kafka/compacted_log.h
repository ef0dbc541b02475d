/*
 * compacted_log: the internal topics as logs: read from the beginning to the end and on, append, read back.
 *
 * One consumer handle (manual assignment of every partition, never commits) reads several topics; one producer handle
 * (acks=all, not idempotent, partitioner murmur2 as Java's) appends. Records of one partition are delivered in order.
 *
 * Life cycle: _create → _start → … → _stop → _destroy. _stop ends both threads in bounded time; waiters get an error.
 * The topics must exist (internal_topics.h).
 *
 * Threads: the callbacks run on the log-reader thread, no lock held; they must not call _stop, _destroy or anything here
 * that waits. Everything else may be called from any thread.
 * Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef KAFKA_COMPACTED_LOG_H
#define KAFKA_COMPACTED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

struct mr_error;
struct client_config;
struct compacted_log;
struct graveyard;
struct lease;

#define COMPACTED_LOG_TOPICS_MAX 8
#define COMPACTED_LOG_PENDING_BYTES_MAX (64u << 20)   /* appends not yet acknowledged; beyond it MR_ERR_RETRIABLE */

struct compacted_log_record {
    size_t topic;        /* index in the set-up */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;    /* -1: none */
    struct mr_bytes key;     /* data NULL: no key */
    struct mr_bytes value;   /* data NULL: tombstone */
};

enum compacted_log_loss {
    COMPACTED_LOG_CUT,       /* the end is below what was read: truncated or created anew */
    COMPACTED_LOG_DELETED,   /* the topic does not exist any more */
};

/* All run on the log-reader thread, no lock held; texts and bytes live only during the call. Members but on_record may
 * be NULL. */
struct compacted_log_listener {
    void (*on_record)(void *argument, const struct compacted_log_record *record);
    /* Nothing more is at hand: a good moment to publish a snapshot. After each burst of records, before waiters of
     * compacted_log_read_to_end whose end was reached are told. */
    void (*on_burst_end)(void *argument);
    /* Once a topic: what was in it at the start has been delivered (and published by on_burst_end). */
    void (*on_caught_up)(void *argument, size_t topic);
    /* Once until _start: records that were read are gone. Reading of that partition stops; appends are still possible,
     * the listener decides. */
    void (*on_lost)(void *argument, size_t topic, int32_t partition, enum compacted_log_loss loss, const char *words);
};

struct compacted_log_topic {
    const char *name;
    /* How long an append may take before it fails with MR_ERR_TIMEOUT; 0: for ever (the offset topic). */
    uint32_t append_timeout_ms;
    const struct compacted_log_listener *listener;   /* lives as long as the log */
    void *argument;
    /* Compacted alone, and every record counts: looked at every watch_interval_ms, lest it be deleted, made anew (librdkafka 2.3 and
     * later), or cut at its beginning, unnoticed. Each costs three small requests. */
    bool is_watched;
};

#define COMPACTED_LOG_PATIENCE_MS 3000
#define COMPACTED_LOG_WATCH_INTERVAL_MS 3000   /* a deleted topic is noticed at the third look */

struct compacted_log_setup {
    struct client_config *consumer;   /* CLIENT_INTERNAL_CONSUMER; the log takes its own reference */
    struct client_config *producer;   /* CLIENT_INTERNAL_PRODUCER; NULL: a log that is only read */
    const struct compacted_log_topic *topics;
    size_t topic_count;               /* 1 … COMPACTED_LOG_TOPICS_MAX */
    struct graveyard *graveyard;      /* where the handles end; NULL: _stop destroys them itself */
    bool read_committed;              /* with transactions: skip aborted records. Needs a producer */
    uint32_t watch_interval_ms;       /* 0: COMPACTED_LOG_WATCH_INTERVAL_MS */
    const struct lease *lease;        /* lives longer than the log; NULL: one that never ends. When it ends, appends that are
                                         not acknowledged come back with MR_ERR_RETRIABLE: they must not leave later */
};

struct compacted_log *compacted_log_create(const struct compacted_log_setup *setup, struct mr_error **error);

/* Opens the handles, looks the topics up (until the deadline), assigns every partition at its beginning and begins to
 * read. -1: a topic does not exist, the brokers do not answer, no thread: nothing runs. */
int compacted_log_start(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error);

/* Ends the threads and closes the handles. Appends still under way fail with MR_ERR_CONFLICT ("closing"), unless they are
 * acknowledged before flush_deadline_ms. Idempotent. Not from a callback. */
void compacted_log_stop(struct compacted_log *log, int64_t flush_deadline_ms);
void compacted_log_destroy(struct compacted_log *log);

/* ---- reading ---- */

/* The argument's owner is told once, with NULL or why not. Read: on the log-reader thread. Append: on the log-writer
 * thread. Either may also be the calling thread, before the call returns. No lock held; must not wait. The error is lent. */
typedef void compacted_log_done_fn(void *argument, const struct mr_error *error);

/* Waits until every record that was in the topic when this was called has been delivered and published. Several callers
 * share one question to the broker. -1: MR_ERR_TIMEOUT, or MR_ERR_CONFLICT when the log stops or the topic is lost.
 *
 * With read_committed the end is that of all records, as Kafka's KafkaBasedLog has it: what one producer has committed may lie behind
 * the open transaction of another, and is delivered when that has ended. So a producer that died in a transaction may hold this up
 * until its transaction.timeout.ms; after COMPACTED_LOG_PATIENCE_MS the log says once what it waits for. */
int compacted_log_read_to_end(struct compacted_log *log, size_t topic, int64_t deadline_ms, struct mr_error **error);
/* The same without waiting; done is always called, maybe before this returns. */
void compacted_log_read_to_end_then(struct compacted_log *log, size_t topic, int64_t deadline_ms,
                                    compacted_log_done_fn *done, void *argument);

/* Waits until what was in the topic at the start has been delivered and published; open transactions do not hold it up. */
int compacted_log_catch_up(struct compacted_log *log, size_t topic, int64_t deadline_ms, struct mr_error **error);

/* Waits until the record at that place has been delivered and published: for what was written by other ways. -1 as above. */
int compacted_log_read_past(struct compacted_log *log, size_t topic, int32_t partition, int64_t offset,
                            int64_t deadline_ms, struct mr_error **error);

int32_t compacted_log_partition_count(const struct compacted_log *log, size_t topic);   /* 0 before _start */
/* The offset the next record will have at least; 0 before anything was read. */
int64_t compacted_log_position(const struct compacted_log *log, size_t topic, int32_t partition);
bool compacted_log_is_caught_up(const struct compacted_log *log, size_t topic);

/* ---- appending ---- */

struct compacted_log_entry {
    size_t topic;
    struct mr_bytes key;
    struct mr_bytes value;   /* data NULL: tombstone */
};

/* Appends the entries in order; keys and values are copied. done (may be NULL) is called once, when all are acknowledged
 * or the first has failed. -1: nothing or only a part was queued and done will not be called: MR_ERR_RETRIABLE when the
 * buffer is full, MR_ERR_CONFLICT when stopped, MR_ERR_DATA when an entry is larger than the producer's limit.
 * Appends of one caller to one key stay in order. There is no transaction: entries before a failed one stay. */
int compacted_log_append(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                         compacted_log_done_fn *done, void *argument, struct mr_error **error);
/* Waits for the acknowledgement. After MR_ERR_TIMEOUT the entries may still arrive. */
int compacted_log_append_and_wait(struct compacted_log *log, const struct compacted_log_entry *entries, size_t count,
                                  int64_t deadline_ms, struct mr_error **error);
/* Waits until the reader has delivered them as well: read your writes. */
int compacted_log_append_and_read_back(struct compacted_log *log, const struct compacted_log_entry *entries,
                                       size_t count, int64_t deadline_ms, struct mr_error **error);

#endif
