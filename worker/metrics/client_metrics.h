/*
 * client_metrics: what one Kafka client tells of itself, from the library's statistics and from the partitions it reads.
 *
 * The client's owner makes it (registry.h), writes into it every few seconds and drops it; whoever reads the metrics holds a
 * reference of its own. Names and meanings of the values are in client_families.c.
 *
 * Bounds: METRICS_PARTITIONS_MAX partitions and METRICS_TOPICS_MAX topics; further ones are counted as left out and have no series.
 * thread: any. locks: its own; who tells something does not wait for it: while somebody reads, that report is left out. NULL counts nothing.
 */
#ifndef METRICS_CLIENT_METRICS_H
#define METRICS_CLIENT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_PARTITIONS_MAX 512
#define METRICS_TOPICS_MAX 200
#define METRICS_PARTITIONS_SHOWN_MAX 10000 /* of all clients, in one answer */

struct client_metrics;

enum client_metrics_kind { CLIENT_METRICS_CONSUMER, CLIENT_METRICS_PRODUCER, CLIENT_METRICS_MEMBER };

enum client_value {
    CLIENT_RX_BYTES,
    CLIENT_TX_BYTES,
    CLIENT_RX,
    CLIENT_TX,
    CLIENT_CONNECTIONS, /* brokers that are up */
    CLIENT_CONNECTS,
    CLIENT_DISCONNECTS,
    CLIENT_ERRORS,
    CLIENT_RETRIES,
    CLIENT_TIMEOUTS,
    CLIENT_IN_FLIGHT,
    CLIENT_RTT_US,      /* average, over brokers that had any */
    CLIENT_THROTTLE_MS, /* the worst broker's average */
    CLIENT_QUEUED,
    CLIENT_QUEUED_BYTES,
    CLIENT_QUEUED_BYTES_MAX,
    CLIENT_REPLIES,
    CLIENT_BATCH_BYTES, /* average */
    CLIENT_REBALANCES,
    CLIENT_ASSIGNED,
    CLIENT_JOINS,
    CLIENT_SYNCS,
    CLIENT_HEARTBEATS,
    CLIENT_VALUES
};

/* What a client has sent to a topic, or read from it. */
struct client_topic {
    const char *name; /* borrowed */
    uint64_t records, bytes;
};

struct client_report {
    double values[CLIENT_VALUES];
    struct client_topic topics[METRICS_TOPICS_MAX];
    size_t topic_count;
    size_t topics_left_out;
};

/* How often it is to report; 0: never. */
uint32_t client_metrics_interval_ms(const struct client_metrics *metrics);
/* Takes the place of the former report. */
void client_metrics_report(struct client_metrics *metrics, const struct client_report *report);

struct client_lag {
    const char *topic; /* borrowed */
    int32_t partition;
    int64_t lag;
};
/* All of the client's partitions now; `left_out` further ones. */
void client_metrics_set_lags(struct client_metrics *metrics, const struct client_lag *lags, size_t count, size_t left_out,
                             int64_t now_ms);

/* Of the worker's group member. */
void client_metrics_lost(struct client_metrics *metrics); /* its membership */
void client_metrics_heartbeat(struct client_metrics *metrics, int64_t now_ms);
void client_metrics_joined(struct client_metrics *metrics, int64_t took_us, int64_t now_ms);
void client_metrics_synced(struct client_metrics *metrics, int64_t took_us, int64_t now_ms);

struct client_metrics *client_metrics_take(struct client_metrics *metrics);
/* The owner's: it is shown no more once this is called. Then drop. */
void client_metrics_close(struct client_metrics *metrics);
void client_metrics_drop(struct client_metrics *metrics);

#endif
