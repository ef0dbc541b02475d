/*
 * consumer: what a sink task reads with: a member of the group connect-NAME.
 *
 * Rebalances are events that the owner takes and answers, not callbacks: between consumer_next_event() giving
 * CONSUMER_REVOKED and consumer_revoke() the owner commits and closes in its own time (below max.poll.interval.ms).
 * Records are read from one queue of all partitions, without waiting; what is fetched ahead is bounded for them together.
 * Pausing and redelivery mean not reading a partition; what was fetched of it is kept. A rewind is consumer_seek(). Positions are ours: each record is checked to be the next expected one; stale ones (left
 * over from before a seek) are dropped and counted.
 * Offsets are committed only by consumer_commit(); nothing is committed by itself.
 *
 * Threads: one thread at a time (the task's step), but for consumer_batch_drop (any thread, also after the close) and
 * on_ready. _open, _close and calls with a deadline wait: job threads or states that may block.
 * A consumer must be asked for events at least every max.poll.interval.ms, best once a second.
 */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/record_layout.h"

struct mr_error;
struct client_config;
struct client_metrics;
struct graveyard;
struct consumer;
struct consumer_batch;

/* Records of a batch up to so many bytes are copied out of librdkafka's buffers, so that keeping it keeps nothing else; of a
 * larger one, and where consumer_lets_go_soon(), the messages are kept, without copying. Measured: docs/decisions/0005. */
#define CONSUMER_COPIED_BYTES_MAX (256u << 10)

/* Of buffer_bytes_max one part in CONSUMER_AHEAD_SHARE is for what is fetched ahead of reading. Small records take several times
 * their bytes there, and each broker may have a response under way: so a response is held to one part in CONSUMER_RESPONSE_SHARE,
 * unless the configuration sets fetch.max.bytes or one batch of records is larger. */
#define CONSUMER_AHEAD_SHARE 4
#define CONSUMER_RESPONSE_SHARE 16
#define CONSUMER_RESPONSE_BYTES_MIN (64u << 10)

struct consumer_setup {
    struct client_config *config;      /* CLIENT_CONSUMER */
    uint64_t buffer_bytes_max;         /* what may be in memory of fetched records; 0: no limit but the configuration's */
    struct graveyard *graveyard;
    struct client_metrics *metrics;    /* is told what the client says of itself; the consumer's own reference; NULL: nobody is */
    const char *instance_id;           /* static membership: "connect-files-0"; used unless the configuration sets
                                          group.instance.id; NULL: dynamic */
    /* Something may be there to read or to handle. thread: librdkafka's, under its lock: set a flag, write an eventfd,
     * nothing else. May come once too often, also during _open and until _close has returned. */
    void (*on_ready)(void *argument);
    void *argument;
};

/* Connects by itself and finds the group's coordinator, as a successor may while its predecessor still reads: no member yet, it
 * takes nobody's place. Does not wait. */
struct consumer *consumer_open(const struct consumer_setup *setup, struct mr_error **error);

struct consumer_subscription {
    const char *const *topics; /* either these … */
    size_t topic_count;
    const char *topics_regex;  /* … or a Java-like regular expression that must match the whole name */
};
/* Joins the group, once; does not wait for it. */
int consumer_subscribe(struct consumer *consumer, const struct consumer_subscription *subscription, struct mr_error **error);

enum consumer_close_mode {
    CONSUMER_CLOSE_STAY,    /* hand-over, restart: the broker keeps our place for a successor (static members) */
    CONSUMER_CLOSE_LEAVE,   /* stop, delete: the group forgets us at once */
};
/* Ends it, committing nothing. Returns by the deadline, whatever librdkafka does; batches may outlive it. */
void consumer_close(struct consumer *consumer, enum consumer_close_mode mode, int64_t deadline_ms);

/* ---- group events ---- */

struct consumer_partition {
    const char *topic;
    int32_t partition;
    int64_t offset;   /* commits: the next offset to read; events: see there; CONSUMER_OFFSET_NONE */
};
#define CONSUMER_OFFSET_NONE (-1001)

enum consumer_event_kind {
    CONSUMER_NONE,
    CONSUMER_ASSIGNED,    /* partitions are ours: open them, then consumer_assign() */
    CONSUMER_REVOKED,     /* these go: commit, close, then consumer_revoke() */
    CONSUMER_LOST,        /* these are gone already: close without committing, then consumer_revoke() */
    CONSUMER_COMMITTED,   /* answer to consumer_commit(): token; error NULL when it worked */
    CONSUMER_FENCED,      /* a successor has our place: a clean stop, not a failure; nothing can be committed */
    CONSUMER_FAILED,      /* error ends the task: login refused, no right, fatal, offset out of range with
                             auto.offset.reset=none */
    CONSUMER_TROUBLE,     /* error is worth a log line (brokers away; told once in a while); it goes on by itself */
};

struct consumer_event {
    enum consumer_event_kind kind;
    const struct consumer_partition *partitions;   /* valid until the next call; of COMMITTED: what was asked */
    size_t count;
    uint64_t token;
    const struct mr_error *error;                  /* valid until the next call */
};

/* The next event, without waiting; CONSUMER_NONE when there is none. While an ASSIGNED, REVOKED or LOST has not been
 * answered no further rebalance comes, but COMMITTED and errors do. */
void consumer_next_event(struct consumer *consumer, struct consumer_event *event);

/* Answers. Reading starts at the offsets given (NULL: where the group stands, else auto.offset.reset). */
int consumer_assign(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                    struct mr_error **error);
int consumer_revoke(struct consumer *consumer, struct mr_error **error);

size_t consumer_partition_count(const struct consumer *consumer);   /* assigned now */

/* ---- reading ---- */

/* What records are made of refers to its origin, as long as the batch is kept: nothing is copied once more. */
struct consumer_message {
    struct record_origin origin; /* without its headers where `native` is not NULL: ask consumer_message_header() */
    void *native;                /* of consumer_message_header() alone */
};

/* Up to max records at hand, without waiting, partitions in turn. NULL: none at hand (on_ready will come), or no memory
 * (the records stay). The batch is the caller's to drop. */
struct consumer_batch *consumer_read(struct consumer *consumer, size_t max);
/* Whether batches are dropped before many more are read, so that what a kept message pins matters little and copying costs more. At
 * first they are not. thread: the reading one. */
void consumer_lets_go_soon(struct consumer *consumer, bool soon);

size_t consumer_batch_count(const struct consumer_batch *batch);
const struct consumer_message *consumer_batch_at(const struct consumer_batch *batch, size_t i);
uint64_t consumer_batch_byte_count(const struct consumer_batch *batch);   /* keys and values */
/* Counts bytes that the holder made of the records, and keeps as long as the batch, among the pinned ones. thread: the
 * reading one, before the batch is shared. */
void consumer_batch_charge(struct consumer_batch *batch, uint64_t bytes);
struct consumer_batch *consumer_batch_take(struct consumer_batch *batch);
void consumer_batch_drop(struct consumer_batch *batch);   /* thread: any; NULL is fine */

/* Headers of any message, parsed on first use. thread: the one that reads the message. */
size_t consumer_message_header_count(const struct consumer_message *message);
bool consumer_message_header(const struct consumer_message *message, size_t i, const char **name,
                             struct mr_bytes *value);

/* Not reading a partition (or reading it again). Unknown partitions: MR_ERR_ILLEGAL_STATE. */
int consumer_pause(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error);
int consumer_resume(struct consumer *consumer, const char *topic, int32_t partition, struct mr_error **error);
/* Stops reading everything: back-pressure, a paused connector. Assignments and pauses of partitions are kept. */
void consumer_pause_all(struct consumer *consumer, bool paused);

/* The next record read of each partition will be at that offset (or the first that exists after it). Waits for
 * librdkafka, a few milliseconds as a rule. */
int consumer_seek(struct consumer *consumer, const struct consumer_partition *targets, size_t count,
                  int64_t deadline_ms, struct mr_error **error);

/* The offset of the next record; CONSUMER_OFFSET_NONE before the first record of the assignment was read. */
int64_t consumer_position(const struct consumer *consumer, const char *topic, int32_t partition);
/* Records that are in the assigned partitions and were not read, as the brokers' last answers say; -1: not known of any. Tells the
 * client's metrics of each partition. */
int64_t consumer_look_at_lag(struct consumer *consumer, int64_t now_ms);
uint64_t consumer_stale_count(const struct consumer *consumer);     /* records dropped as not the next expected */
/* What batches that are not yet dropped keep in memory: copied records, or messages with the fetch responses they lie in (each
 * counted once), and what was charged. thread: any. */
uint64_t consumer_pinned_bytes(const struct consumer *consumer);

/* ---- commits ---- */

/* Asks for a commit; the answer comes as CONSUMER_COMMITTED with the token. -1: could not even be asked. */
int consumer_commit(struct consumer *consumer, const struct consumer_partition *offsets, size_t count, uint64_t token,
                    struct mr_error **error);
/* Waits for the answer. MR_ERR_CONFLICT: another generation or a successor; MR_ERR_TIMEOUT. */
int consumer_commit_and_wait(struct consumer *consumer, const struct consumer_partition *offsets, size_t count,
                             int64_t deadline_ms, struct mr_error **error);
/* Fills in the committed offsets (CONSUMER_OFFSET_NONE where none). */
int consumer_committed(struct consumer *consumer, struct consumer_partition *partitions, size_t count,
                       int64_t deadline_ms, struct mr_error **error);

#endif
