/*
 * offset_stores_internal: what a connector's own store is made of, apart from who shares it (offset_stores.c).
 */
#ifndef EXECUTOR_OFFSET_STORES_INTERNAL_H
#define EXECUTOR_OFFSET_STORES_INTERNAL_H

#include <stdbool.h>

#include "executor/offset_stores.h"

struct client_config;

/* Embedded: zeroed → _init → _release, also after a failed init. */
struct offset_recipe {
    const char *connector;
    const char *topic; /* NULL: none is needed, the worker's store is the one */
    bool read_committed;
    struct client_config *consumer, *producer, *admin;
    char *key; /* equal for equal stores */
};

/* Waits for nobody. -1: MR_ERR_CONFIG: overrides that a client refuses; or no memory. */
int offset_recipe_init(struct offset_recipe *recipe, const struct offset_stores_setup *setup, const struct offset_stores_want *want,
                       struct mr_error **error);
void offset_recipe_release(struct offset_recipe *recipe);

/* Sees to the topic and opens the store; waits. */
struct offset_store *offset_recipe_open(const struct offset_recipe *recipe, const struct offset_stores_setup *setup,
                                        const _Atomic int64_t *flush_until_ms, int64_t deadline_ms, struct mr_error **error);

#endif
