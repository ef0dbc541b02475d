/*
 * offset_stores: which offset store each source connector of this worker uses.
 *
 * The worker's own, unless the connector names a topic of its own (`offsets.storage.topic`), or with exactly once has its producers on
 * another cluster: then one of its own over the worker's (store/connector_offset_store.h), by clients with the connector's overrides.
 * Where both are the same topic of the same cluster there is no second store. As Kafka's Worker.offsetStoreFor…; a standalone worker
 * keeps all offsets in its file.
 *
 * A store is shared by all who take it with the same settings: opened for the first, its topic created where it is missing, and closed
 * after the last, a moment later, so that a task that is built anew finds it open. Nobody waits for the closing: a thread of the
 * registry's own does ("offset-closer", once there was such a store).
 *
 * thread: any. Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef EXECUTOR_OFFSET_STORES_H
#define EXECUTOR_OFFSET_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct executor;
struct graveyard;
struct lease;
struct mr_error;
struct offset_store;
struct offset_stores;
struct string_map;
struct worker_config;

/* Borrowed; outlives the registry. */
struct offset_stores_setup {
    const struct worker_config *worker;
    struct offset_store *offsets; /* the worker's */
    struct graveyard *graveyard;
    const struct lease *lease; /* NULL: one that never ends */
    uint32_t linger_ms;        /* a store without users stays open so long; 0: OFFSET_STORES_LINGER_MS */
};
#define OFFSET_STORES_LINGER_MS 5000

struct offset_stores *offset_stores_create(const struct offset_stores_setup *setup, struct mr_error **error);
/* Closes all. Whatever was taken has been dropped, or its taker is abandoned and must not use it any more. NULL is fine. */
void offset_stores_destroy(struct offset_stores *stores);

/* What a connector says about its offsets. Read during the call. */
struct offset_stores_want {
    const char *connector;
    const struct string_map *config; /* the connector's, references resolved: for the overrides of its clients */
    const char *topic;               /* offsets.storage.topic; NULL: none */
    bool exactly_once;
    int64_t deadline_ms; /* for opening it */
};

/* Waits for the cluster where the store is to be opened: job threads. NULL: MR_ERR_CONFIG (a topic that is not compacted, overrides that
 * a client refuses) or what the cluster said, with the connector's name. Each take is dropped once. */
struct offset_store *offset_stores_take(struct offset_stores *stores, const struct offset_stores_want *want, struct mr_error **error);
/* Does not wait. A store that is the worker's, or NULL, is fine. */
void offset_stores_drop(struct offset_stores *stores, struct offset_store *store);

/* Stores that are open, being opened or closed; without the worker's. */
size_t offset_stores_count(struct offset_stores *stores);

/* For who has no task: the store of a source connector by its raw configuration. Checks the override policy. thread: job; waits. */
struct offset_store *executor_take_offsets(struct executor *executor, const char *connector, const struct string_map *config,
                                           int64_t deadline_ms, struct mr_error **error);
void executor_drop_offsets(struct executor *executor, struct offset_store *store);

#endif
