/*
 * config_store, from inside: what its makes hand in and what they call. Both makes feed the same replay.
 */
#ifndef STORE_CONFIG_STORE_INTERNAL_H
#define STORE_CONFIG_STORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/config_store.h"
#include "store/record_text_internal.h"

/* Where records go. */
struct config_log {
    /* Appends and waits until they were fed and published. */
    int (*append)(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                  struct mr_error **error);
    /* Waits until what is in the topic was fed and published. */
    int (*refresh)(void *argument, int64_t deadline_ms, struct mr_error **error);
    void (*destroy)(void *argument);

    /* Transactions; claim NULL: nobody else writes, there is nothing to claim. Under the store's turn. */
    int (*claim)(void *argument, int64_t deadline_ms, struct mr_error **error);
    /* As append, all or nothing; a claim that it could not keep is given up. */
    int (*append_claimed)(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                          struct mr_error **error);
    bool (*is_claimed)(void *argument);
    void (*renounce)(void *argument); /* fine without a claim; never waits */
};

/* The argument becomes the store's, when it was made. */
struct config_store *config_store_create(const struct config_log *log, void *argument, struct mr_error **error);

/* ---- the log's calls; one thread at a time ---- */

void config_store_feed(struct config_store *store, int64_t offset, struct mr_bytes key, struct mr_bytes value);
/* Shows what was fed, then tells the listener. */
void config_store_publish(struct config_store *store);
/* History ends here: from now on the listener is told. */
void config_store_begin_telling(struct config_store *store);
/* Writes are refused from now on, in these words. */
void config_store_lose(struct config_store *store, const char *words);

#endif
