/*
 * config_records: the keys and values of the config topic as bytes. The format is of Kafka's KafkaConfigBackingStore.
 */
#ifndef STORE_CONFIG_RECORDS_INTERNAL_H
#define STORE_CONFIG_RECORDS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/config_snapshot.h"
#include "store/record_text_internal.h"

#define CONFIG_KEY_TARGET "target-state-"
#define CONFIG_KEY_CONNECTOR "connector-"
#define CONFIG_KEY_TASK "task-"
#define CONFIG_KEY_COMMIT "commit-"
#define CONFIG_KEY_RESTART "restart-connector-"
#define CONFIG_KEY_FENCING "tasks-fencing-"
#define CONFIG_KEY_SESSION "session-key"
#define CONFIG_KEY_LOGGER "logger-cluster-"
#define CONFIG_KEY_NOTE "millrace-" /* our own: docs/decisions/0007 */

/* A list of records that owns their bytes. _init allocates nothing. */
struct config_records {
    struct store_record *items;
    size_t count, capacity;
};
void config_records_init(struct config_records *records);
void config_records_release(struct config_records *records);

/* false: no memory, or a value beyond RECORD_TEXT_MAX. */
bool config_records_add_target(struct config_records *records, const char *connector, enum target_state state);
bool config_records_add_connector(struct config_records *records, const char *connector, const struct string_map *map);
bool config_records_add_task(struct config_records *records, const char *connector, size_t task,
                             const struct string_map *map);
bool config_records_add_commit(struct config_records *records, const char *connector, size_t tasks);
bool config_records_add_fencing(struct config_records *records, const char *connector, uint32_t tasks);
bool config_records_add_restart(struct config_records *records, const char *connector, bool include_tasks,
                                bool only_failed);
bool config_records_add_session_key(struct config_records *records, const struct session_key *key);
bool config_records_add_logger(struct config_records *records, const char *logger, const char *level);
/* The whole key; `text` NULL: a tombstone. */
bool config_records_add_note(struct config_records *records, const char *key, const char *text);
/* prefix + name without a value. */
bool config_records_add_tombstone(struct config_records *records, const char *prefix, const char *name);

#endif
