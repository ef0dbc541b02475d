/*
 * producer_fence: shuts out the producers that have certain transactional ids, whoever runs them (Kafka's Admin.fenceProducers, which
 * librdkafka lacks): each id is initialised once more, which gives it a new epoch and undoes what was begun with it.
 *
 * Up to PRODUCER_FENCE_TOGETHER at a time, by handles that end right after.
 */
#ifndef KAFKA_PRODUCER_FENCE_H
#define KAFKA_PRODUCER_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_config;
struct graveyard;
struct mr_error;
struct string_map;

/* <group.id>-<connector>-<task>, as the JVM worker names them: so each runtime shuts out the other. false: too long. */
#define TRANSACTIONAL_ID_MAX 2048
bool transactional_id_of_task(char id[TRANSACTIONAL_ID_MAX], const char *group_id, const char *connector, uint32_t task);

#define PRODUCER_FENCE_TOGETHER 8

/* Asked again and again meanwhile: words end it (MR_ERR_CONFLICT), whoever is not shut out by then stays. NULL: never. */
struct fence_bound {
    const char *(*why_not)(void *argument); /* NULL: go on */
    void *argument;
};

/* Each configuration is CLIENT_PRODUCER's and has its transactional.id (client_layers); no id twice. 0: all are shut out. -1: maybe some;
 * MR_ERR_NOT_SUPPORTED: the brokers have no transactions, or none of this id for this user; MR_ERR_TIMEOUT: not by the deadline
 * (clock_monotonic_ms). Words name the id. thread: a job's; waits. */
int producers_shut_out(struct client_config *const *configs, size_t count, const struct fence_bound *bound, struct graveyard *graveyard,
                       int64_t deadline_ms, struct mr_error **error);

/* Those of tasks 0 … count-1 of a connector, with the client settings that they have. Errors as above, and MR_ERR_CONFIG: refused settings. */
struct fence_of_tasks {
    const struct string_map *worker;    /* properties */
    const struct string_map *connector; /* its configuration, references resolved */
    const char *group_id, *name;        /* of the worker, of the connector */
    uint32_t count;
    const struct fence_bound *bound; /* NULL: none */
};
int producers_shut_out_of_tasks(const struct fence_of_tasks *tasks, struct graveyard *graveyard, int64_t deadline_ms,
                                struct mr_error **error);

#endif
