/*
 * dlq_connector: a connector's configuration without a worker that runs: from the config topic of the cluster that a worker's file names.
 */
#ifndef MAIN_DLQ_CONNECTOR_H
#define MAIN_DLQ_CONNECTOR_H

#include <stdint.h>

struct graveyard;
struct mr_error;
struct string_map;
struct worker_config;

/* The caller's; `task` is given the configuration of its first task, NULL where it has none. NULL: MR_ERR_NOT_FOUND: no such connector; MR_ERR_CONFIG: a standalone worker has no config topic; or it cannot be read.
 * Waits. */
struct string_map *dlq_connector_read(const struct worker_config *worker, const char *name, struct graveyard *graveyard,
                                      int64_t deadline_ms, struct string_map **task, struct mr_error **error);

#endif
