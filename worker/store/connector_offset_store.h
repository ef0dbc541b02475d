/*
 * connector_offset_store: offsets of one source connector in a topic of its own (offsets.storage.topic), over the worker's store, as Kafka's
 * ConnectorOffsetBackingStore.
 *
 * What its topic knows of a source partition counts, else what the worker's store knows; both are refreshed, and listed together. A put
 * is told when the connector's topic has it; a copy goes to the worker's store, whose failure is logged only, so that the connector can
 * go back to it. Tombstones go to the worker's store first and must succeed there.
 *
 * The topic must exist (kafka/internal_topics.h). One consumer and one producer handle, two threads. thread: as offset_store.h.
 */
#ifndef STORE_CONNECTOR_OFFSET_STORE_H
#define STORE_CONNECTOR_OFFSET_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct client_config;
struct graveyard;
struct lease;
struct mr_error;
struct offset_store;

struct connector_offset_store_setup {
    const char *connector, *topic;   /* copied */
    struct client_config *consumer;  /* with the connector's overrides; a reference is taken */
    struct client_config *producer;  /* likewise; never a transactional one */
    bool read_committed;
    struct graveyard *graveyard;     /* where the clients end */
    const struct lease *lease;       /* see compacted_log.h; NULL: one that never ends */
    struct offset_store *worker;     /* the worker's; outlives this one */
    const _Atomic int64_t *flush_until_ms;   /* no close waits longer for brokers (a deadline); NULL: each as long as it needs */
};

/* Opens the topic and reads it to its end; waits. NULL: not by the deadline, or the topic is not there. Ends by offset_store_destroy,
 * which waits some seconds at most: for the threads, and for what is still to be written. */
struct offset_store *connector_offset_store_open(const struct connector_offset_store_setup *setup, int64_t deadline_ms,
                                                 struct mr_error **error);

#endif
