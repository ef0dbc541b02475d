/*
 * compacted_log's back room. Who owns what: the reader thread everything marked so; `lock` the lists that others add to;
 * positions are atomics, written by the reader alone.
 */
#ifndef KAFKA_COMPACTED_LOG_INTERNAL_H
#define KAFKA_COMPACTED_LOG_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kafka/compacted_log.h"
#include "kafka/native_internal.h"

#define LOG_LOGGER "kafka.compacted_log"
#define LOG_TOPIC_ID_SIZE 32   /* base64 of 16 bytes, and more */

struct log_partition {
    _Atomic int64_t position;
    int64_t start_first, start_end;   /* where it began and ended (LOG_STABLE_END) at the start; set before the reader runs */
    int64_t seen_end;       /* reader: where the brokers last had nothing more for it */
    int64_t told_at;        /* reader: where it was said that a transaction is open; -1: nowhere yet */
    bool stopped;           /* reader: lost, not read any more */
};

struct log_topic {
    char *name;
    uint32_t append_timeout_ms;
    const struct compacted_log_listener *listener;
    void *argument;
    rd_kafka_topic_t *reading;
    rd_kafka_topic_t *writing;
    struct log_partition *partitions;
    int32_t partition_count;
    atomic_bool caught_up;
    bool dirty;             /* reader: records since the last on_burst_end */
    atomic_bool lost;
    bool is_watched;
    char id[LOG_TOPIC_ID_SIZE];   /* reader, or before it runs: of the topic that is read; "": not known */
    int32_t leader;               /* likewise: of partition 0, as metadata last said; -1: none */
    int gone_looks;         /* reader: how often in a row it was not there */
};

/* A place that the reader must reach. */
struct log_target {
    size_t topic;
    int32_t partition;
    int64_t offset;         /* position >= offset */
};

/* Somebody waits for the reader. Owned by the list it is in. */
struct log_waiter {
    struct log_waiter *next;
    size_t topic;           /* whose end is asked for; of a waiter with targets: unused */
    bool needs_end;
    int64_t since_ms;       /* reader: when the end was known */
    struct log_target *targets;
    size_t target_count;
    int64_t deadline_ms;
    compacted_log_done_fn *done;
    void *argument;
};

struct compacted_log {
    struct client_config *consumer_config;
    struct client_config *producer_config;
    struct graveyard *graveyard;
    bool read_committed;
    const struct lease *lease;
    bool had_lease;               /* log-writer */
    struct log_topic topics[COMPACTED_LOG_TOPICS_MAX];
    size_t topic_count;

    pthread_mutex_t lock;
    struct log_waiter *new_waiters;    /* lock */
    bool running;                      /* lock */
    bool stopping;                     /* lock */
    int64_t flush_deadline_ms;         /* lock; of the stop */

    struct native_handle *reader;
    rd_kafka_queue_t *queue;
    int wake_fd;                       /* records are at hand, or somebody has something to say */
    pthread_t reader_thread;
    bool reader_started;
    struct log_waiter *waiters;        /* reader */
    int64_t next_ask_ms;               /* reader: not before, after a question without an answer */
    uint32_t watch_interval_ms;
    int64_t next_watch_ms;             /* reader */

    struct native_handle *writer;
    rd_kafka_queue_t *reports;
    pthread_t writer_thread;
    bool writer_started;
    atomic_bool writer_stop;
    _Atomic uint64_t pending_bytes;
    _Atomic uint64_t pending_records;
};

/* compacted_log_read.c */
int log_reader_open(struct compacted_log *log, int64_t deadline_ms, struct mr_error **error);
int log_reader_start(struct compacted_log *log, struct mr_error **error);
void log_reader_stop(struct compacted_log *log);
void log_reader_wake(struct compacted_log *log);
void log_lost(struct compacted_log *log, size_t topic, int32_t partition, enum compacted_log_loss loss,
              const char *words);

/* compacted_log_wait.c. thread: reader, but for _add. */
/* Takes the waiter; calls done at once when the log does not run. */
void log_waiter_add(struct compacted_log *log, struct log_waiter *waiter);
/* Asks for ends that are needed, tells those who have what they waited for, or whose time is over. Returns when to be
 * called again at the latest. */
int64_t log_waiters_serve(struct compacted_log *log);
void log_waiters_refuse(struct compacted_log *log, const char *why);
/* LOG_END: of all records, also of those in transactions that are open (the high watermark); LOG_STABLE_END: of those that the reader
 * is given now, with read_committed up to the first open transaction. */
enum log_bound { LOG_BEGINNING, LOG_END, LOG_STABLE_END };
/* One bound of the list's partitions, in one question a broker. */
int log_ask_offsets(struct compacted_log *log, rd_kafka_topic_partition_list_t *list, enum log_bound bound, int timeout_ms,
                    struct mr_error **error);

/* compacted_log_watch.c. thread: reader */
/* From an answer about one topic. */
void log_note_leader(struct log_topic *topic, const struct rd_kafka_metadata_topic *found);
enum log_presence { LOG_PRESENCE_THERE, LOG_PRESENCE_GONE, LOG_PRESENCE_UNKNOWN };
enum log_presence log_topic_presence(struct compacted_log *log, size_t topic, int timeout_ms, int32_t *partition_count);
/* Notes which topics it is that are watched, as far as brokers and librdkafka tell. Before the reader runs. */
void log_note_ids(struct compacted_log *log, int64_t deadline_ms);
/* Looks at the watched topics when it is time. Returns when to be called again at the latest. */
int64_t log_watch(struct compacted_log *log);

/* compacted_log_append.c */
int log_writer_open(struct compacted_log *log, struct mr_error **error);
int log_writer_start(struct compacted_log *log, struct mr_error **error);
void log_writer_stop(struct compacted_log *log);

#endif
