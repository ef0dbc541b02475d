/*
 * kafka_stores: the config, status and offset stores of a distributed worker, over one compacted_log: one consumer and
 * one producer for the three topics.
 *
 * Life: _create → listener and guard of the config store set → _start → … → _stop → _destroy. The topics must exist
 * (kafka/internal_topics.h). The stores belong to this object: do not destroy them singly, and use none after _destroy.
 * After _stop reads still answer, writes fail.
 * Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef STORE_KAFKA_STORES_H
#define STORE_KAFKA_STORES_H

#include <stdbool.h>
#include <stdint.h>

struct client_config;
struct config_store;
struct graveyard;
struct lease;
struct kafka_stores;
struct mr_error;
struct offset_store;
struct status_store;

struct kafka_stores_setup {
    struct client_config *consumer; /* CLIENT_INTERNAL_CONSUMER; a reference is taken */
    struct client_config *producer; /* CLIENT_INTERNAL_PRODUCER; a reference is taken */
    const char *offset_topic;
    const char *status_topic;
    const char *config_topic;
    struct graveyard *graveyard; /* where the clients end; NULL: stopping destroys them itself and may take long */
    /* For config_store_claim: CLIENT_INTERNAL_PRODUCER; a reference is taken. NULL: no transactions. */
    struct client_config *fenced_producer;
    const char *group_id; /* the transactional id is made of it as the JVM worker makes it; may be NULL without fenced_producer */
    bool read_committed; /* aborted records are not read: with exactly-once, and where the leader writes transactions */
    const struct lease *lease; /* of the worker; NULL: one that never ends. See compacted_log.h */
};

struct kafka_stores *kafka_stores_create(const struct kafka_stores_setup *setup, struct mr_error **error);

/* Opens the log and reads the three topics to their end; what lies behind a transaction that is still open comes later.
 * -1: not by the deadline, or a topic is missing: nothing runs; to try again, destroy and create anew. Once. thread: main or
 * a job's; waits. */
int kafka_stores_start(struct kafka_stores *stores, int64_t deadline_ms, struct mr_error **error);

/* Statuses and offsets under way are flushed until the deadline; then puts that are still waiting are told that they
 * failed. Idempotent. */
void kafka_stores_stop(struct kafka_stores *stores, int64_t flush_deadline_ms);
void kafka_stores_destroy(struct kafka_stores *stores); /* stops first, without flushing; NULL is fine */

struct config_store *kafka_stores_configs(struct kafka_stores *stores);
struct status_store *kafka_stores_statuses(struct kafka_stores *stores);
struct offset_store *kafka_stores_offsets(struct kafka_stores *stores);

#endif
