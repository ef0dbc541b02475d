/*
 * cluster_reading: a cluster seen from outside: its internal topics read to their end, as a worker's file names them, and an admin client
 * beside them. No member of the group, no worker; nothing is written unless somebody writes through the stores.
 *
 * Embedded: _open → members → _close, also after a failed _open. Deadlines are absolute on clock_monotonic_ms(NULL).
 * thread: one that may wait.
 */
#ifndef TAKE_OVER_CLUSTER_READING_H
#define TAKE_OVER_CLUSTER_READING_H

#include <stdbool.h>
#include <stdint.h>

struct admin;
struct config_snapshot;
struct graveyard;
struct kafka_stores;
struct mr_error;
struct worker_config;

struct cluster_reading_setup {
    const struct worker_config *worker;
    const char *client_id;
    struct graveyard *graveyard;
    bool uncommitted; /* also records of transactions that were aborted, or are still open: what a JVM worker reads that has exactly-once
                         sources off or in preparation */
    bool may_claim;   /* config_store_claim is possible */
    int64_t deadline_ms;
};

struct cluster_reading {
    struct admin *admin;
    struct kafka_stores *stores;
    struct config_snapshot *configs; /* as it was when read last */
};

/* -1: MR_ERR_CONFIG: a standalone worker's file; MR_ERR_NOT_FOUND: a topic is missing; the brokers do not answer. */
int cluster_reading_open(struct cluster_reading *reading, const struct cluster_reading_setup *setup, struct mr_error **error);
/* Reads what came since, and behind transactions that were open; waits for those that still are. */
int cluster_reading_refresh(struct cluster_reading *reading, int64_t deadline_ms, struct mr_error **error);
void cluster_reading_close(struct cluster_reading *reading);

#endif
