/* client_metrics_internal: a client from inside; for the files of this room alone. */
#ifndef METRICS_CLIENT_METRICS_INTERNAL_H
#define METRICS_CLIENT_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/refcount.h"
#include "metrics/client_metrics.h"
#include "metrics/window.h"

struct partition_cell {
    char *topic;
    int32_t partition;
    int64_t lag;
    struct window lately;
};

struct topic_cell {
    char *name;
    uint64_t records, bytes;
};

struct client_metrics {
    struct refcount references;
    enum client_metrics_kind kind;
    char *client_id;
    double start_s;          /* since 1970 */
    uint32_t interval_ms;
    uint64_t number;         /* the newer has the greater */
    atomic_bool is_closed;
    _Atomic int64_t heartbeat_ms; /* 0: none yet */
    _Atomic uint64_t losses;
    struct window join_us, sync_us;
    struct client_metrics *next; /* the registry's lock */
    pthread_mutex_t lock;        /* guards all below */
    bool has_report;
    double values[CLIENT_VALUES];
    struct topic_cell *topics;
    size_t topic_count;
    struct partition_cell *partitions;
    size_t partition_count;
    size_t topics_left_out, partitions_left_out;
};

/* Drops what its owners have closed. locks: the registry's. */
void client_list_sweep(struct client_metrics **list);
void client_list_release(struct client_metrics *list);

#endif
