/*
 * status_table: the statuses last read, by connector. Applies the read rules of Kafka's KafkaStatusBackingStore; knows
 * neither Kafka nor threads: one at a time.
 */
#ifndef STORE_STATUS_TABLE_INTERNAL_H
#define STORE_STATUS_TABLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

#include "store/status_store.h"

struct status_table;

struct status_table *status_table_create(void);   /* NULL: no memory */
void status_table_destroy(struct status_table *table);

/* One record. Bad ones are logged and change nothing. false: no memory, nothing changed. */
bool status_table_apply(struct status_table *table, struct mr_bytes key, struct mr_bytes value);

/* What is known; lives until the next apply. NULL: nothing. */
const struct unit_status *status_table_connector(const struct status_table *table, const char *connector);
const struct unit_status *status_table_task(const struct status_table *table, const char *connector, uint32_t task);
uint32_t status_table_topics_removed(const struct status_table *table); /* so far */
bool status_table_has_topic(const struct status_table *table, const char *connector, const char *topic);

/* Copies; NULL: no memory. */
struct status_view *status_table_view(const struct status_table *table, const char *connector);
struct topic_status *status_table_topics(const struct status_table *table, const char *connector, size_t *count);
char **status_table_connectors(const struct status_table *table, size_t *count);

#endif
