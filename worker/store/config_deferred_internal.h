/*
 * config_deferred: task records that wait for their commit record, of one connector.
 */
#ifndef STORE_CONFIG_DEFERRED_INTERNAL_H
#define STORE_CONFIG_DEFERRED_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_deferred;
struct config_map;
struct config_tasks;

struct config_deferred *config_deferred_create(void);   /* NULL: no memory */
void config_deferred_destroy(void *deferred);           /* NULL is fine */

/* Keeps a reference of its own; the same task again replaces. false: no memory. */
bool config_deferred_put(struct config_deferred *deferred, uint32_t task, struct config_map *map);
/* Are all of 0 … count-1 here? Others may be here as well. */
bool config_deferred_is_complete(const struct config_deferred *deferred, uint32_t count);
/* The list of tasks 0 … count-1, which must be complete. NULL: no memory. */
struct config_tasks *config_deferred_tasks(const struct config_deferred *deferred, uint32_t count);
void config_deferred_clear(struct config_deferred *deferred);

#endif
