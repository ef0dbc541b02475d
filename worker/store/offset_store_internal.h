/*
 * offset_store, from inside: what its makes hand in and what they call.
 */
#ifndef STORE_OFFSET_STORE_INTERNAL_H
#define STORE_OFFSET_STORE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "store/offset_index_internal.h"
#include "store/offset_store.h"
#include "store/record_text_internal.h"

/* Where records go. */
struct offset_log {
    /* Copies the records. As offset_store_put. */
    int (*append)(void *argument, const struct store_record *records, size_t count, offset_done_fn *done,
                  void *done_argument, struct mr_error **error);
    int (*refresh)(void *argument, int64_t deadline_ms, struct mr_error **error);
    void (*refresh_then)(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument);
    void (*destroy)(void *argument);   /* tells what is under way; may be NULL */
};

/* The argument becomes the store's, when it was made. */
struct offset_store *offset_store_create(const struct offset_log *log, void *argument, struct mr_error **error);

/* A record was read. thread: any. -1: no memory. */
int offset_store_feed(struct offset_store *store, struct mr_bytes key, struct mr_bytes value, int64_t timestamp_ms);
/* All keys, under the store's lock. */
int offset_store_each_record(struct offset_store *store, offset_index_each_fn *each, void *argument);
/* Puts are refused from now on, in these words. */
void offset_store_lose(struct offset_store *store, const char *words);

/* For makes that hold everything in memory: nothing to read. */
int offset_refresh_nothing(void *argument, int64_t deadline_ms, struct mr_error **error);
void offset_refresh_nothing_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument);

#endif
