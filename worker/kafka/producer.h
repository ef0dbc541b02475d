/*
 * producer: source tasks (and dead letters) send through shared producers.
 *
 * A pool holds one producer for each client_config_identity(); whoever sends is a *user* of one. Users do not see each
 * other: each has its own counters, caps and flush, and a topic that one cannot reach does not stop the others.
 *
 * Zero copy. Key, value and header values of a record that was taken belong to the sender until its ticket comes back in
 * on_delivery; until then they must not change or move. A ticket is embedded in the sender's own book-keeping of the
 * record; nothing is allocated per record.
 *
 * Order. Records of one user to one partition leave in the order sent, and their tickets come back in that order.
 *
 * Full. A user may have bytes_max / records_max outstanding, all users of a producer together buffer.memory. A send that
 * meets a limit, or a topic whose metadata is not known yet, takes fewer records than given; on_writable comes later,
 * to waiting users in turn.
 *
 * Going back. Records may come back as PRODUCER_NOT_SENT although the user goes on; then on_swapped tells it to send again from
 * its oldest unacknowledged record. From the beginning on nothing is taken from a user until it says that it has gone
 * back (producer_user_rewound): else its newer records could overtake those that came back. The reasons:
 *   the handle is swapped, for all users: after a fatal error (only idempotent producers have them); when a user that closes
 *     has records left after its deadline while others are under way; when it knows too many topics;
 *   the lease has ended (producer_pool_watch_lease): nothing may leave any more, so that nothing is awaited either;
 *   a topic is away (deleted): for the users that have sent to it. It is asked for until it is there again, at most for
 *     max.block.ms and delivery.timeout.ms (both without end under Kafka Connect's defaults); then it is refused.
 * An old handle ends in the graveyard.
 *
 * Login refused by the brokers: sends fail with MR_ERR_CONNECT until it works again (or for 35 s after it was last heard of).
 *
 * Threads: a user is called by one thread at a time (the task's); its callbacks run on the producer's poll thread, no lock
 * held, and may call producer_send. _create, _open, _close: job threads.
 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

struct mr_error;
struct client_config;
struct graveyard;
struct lease;
struct metrics_registry;
struct producer_pool;
struct producer_user;
struct producer_topic;

#define PRODUCER_RECORDS_MAX 500000   /* outstanding records of one producer, over all users */
/* Topics that users of one producer send to. Those whose users have closed do not count (for librdkafka they do: its handle is
 * swapped). Beyond it producer_send refuses the topic with MR_ERR_CONNECT. */
#define PRODUCER_TOPICS_MAX 10000

/* Embedded by the sender, one for each record under way. The sender does not touch it between send and delivery. */
struct producer_ticket {
    struct producer_user *user;
    struct producer_ticket *next;
    uint32_t size;
};

struct producer_header {
    const char *name;
    struct mr_bytes value;   /* data NULL: null */
};

struct producer_record {
    struct producer_topic *topic;
    int32_t partition;       /* -1: by key, as Java's default partitioner */
    int64_t timestamp_ms;    /* -1: now */
    struct mr_bytes key;     /* data NULL: none */
    struct mr_bytes value;   /* data NULL: tombstone */
    const struct producer_header *headers;   /* copied */
    size_t header_count;
    struct producer_ticket *ticket;
};

enum producer_outcome {
    PRODUCER_ACKED,
    PRODUCER_FAILED,     /* will not be acknowledged; code and words say why */
    PRODUCER_NOT_SENT,   /* given back (see "Going back", or by a close); it may nevertheless have arrived */
};

struct producer_delivery {
    struct producer_ticket *ticket;
    enum producer_outcome outcome;
    int32_t partition;
    int64_t offset;          /* -1: unknown */
    int64_t timestamp_ms;    /* -1: unknown */
    bool retriable;          /* of PRODUCER_FAILED: sending again may work */
    bool too_large;          /* of PRODUCER_FAILED: for the broker, or its topic */
    const char *words;       /* of PRODUCER_FAILED; lives only during the call */
};

#define PRODUCER_RUN_MAX 256   /* deliveries in one call of on_delivery */

/* thread: the producer's poll thread, no lock held. Must not block, must not call producer_user_flush or _close.
 * on_delivery must be set. After PRODUCER_RUN_MAX deliveries at once another on_delivery or an on_writable follows at once. */
struct producer_user_listener {
    void (*on_delivery)(void *argument, const struct producer_delivery *deliveries, size_t count);
    /* A send that took fewer may be tried again; also told when nothing is outstanding any more. */
    void (*on_writable)(void *argument);
    /* All outstanding came back: go back to the oldest unacknowledged, call producer_user_rewound, send again from there.
     * NULL: the order of this user's records does not matter. */
    void (*on_swapped)(void *argument);
    void (*on_closed)(void *argument);     /* after producer_user_close: the last callback, nothing is outstanding */
    /* Of a transactional producer (producer_transaction.h): it takes nothing any more. NULL: the calls say so as well. */
    void (*on_fatal)(void *argument);
};

struct producer_pool *producer_pool_create(struct graveyard *graveyard, struct mr_error **error);
/* Once, before the first user: until when records may leave. The lease lives longer than the pool. Without it: for ever. */
void producer_pool_watch_lease(struct producer_pool *pool, const struct lease *lease);
/* Once, before the first user: where producers are shown. The registry lives longer than the pool. */
void producer_pool_show(struct producer_pool *pool, struct metrics_registry *registry);
/* Every user must have been closed. Waits for the poll threads until the deadline. */
void producer_pool_destroy(struct producer_pool *pool, int64_t deadline_ms);
size_t producer_pool_handle_count(struct producer_pool *pool);

struct producer_user_setup {
    struct client_config *config;   /* CLIENT_PRODUCER */
    const char *name;               /* for log lines: "connector-producer-files-0" */
    const struct producer_user_listener *listener;   /* lives until on_closed */
    void *argument;
    uint64_t bytes_max;             /* keys and values outstanding; 0: no limit of its own */
    uint32_t records_max;           /* 0: no limit of its own */
};

/* Takes part in the producer of that configuration, opened when there is none yet. Does not wait for a broker. */
struct producer_user *producer_user_open(struct producer_pool *pool, const struct producer_user_setup *setup,
                                         struct mr_error **error);
/* No more sends. What is outstanding still comes back (acknowledged; or as PRODUCER_NOT_SENT once `deadline_ms` has passed,
 * whoever else uses the producer), then on_closed; the user is gone after that. Does not wait. NULL is fine. */
void producer_user_close(struct producer_user *user, int64_t deadline_ms);

/* The topic by name; the same pointer each time, valid until on_closed. Asks for its metadata in the background when it is
 * new. NULL: no memory. thread: the user's. */
struct producer_topic *producer_user_topic(struct producer_user *user, const char *name);
const char *producer_topic_name(const struct producer_topic *topic);
/* true: the metadata is known. on_writable says when. */
bool producer_topic_is_ready(const struct producer_topic *topic);

/* Sends the first *taken records. 0 with *taken < count: full, wait for on_writable. -1: records[*taken] can never be
 * sent (too large: MR_ERR_DATA; unknown partition, topic not authorised: MR_ERR_CONNECT); those before it were taken. */
int producer_send(struct producer_user *user, const struct producer_record *records, size_t count, size_t *taken,
                  struct mr_error **error);

/* After on_swapped: the next send begins with the oldest unacknowledged record. thread: the user's, or in on_swapped. */
void producer_user_rewound(struct producer_user *user);

/* Outstanding now. thread: any. */
uint32_t producer_user_record_count(const struct producer_user *user);
uint64_t producer_user_byte_count(const struct producer_user *user);

/* Waits until nothing of this user's is outstanding. false: deadline passed. Waits only for its own records. */
bool producer_user_flush(struct producer_user *user, int64_t deadline_ms);

#endif
