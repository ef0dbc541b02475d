/*
 * offset_store, from inside: what its makes hand in and what they call.
 */
#ifndef STORE_OFFSET_STORE_INTERNAL_H
#define STORE_OFFSET_STORE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/refcount.h"
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

struct offset_store {
    const struct offset_log *log;
    void *log_argument;
    struct offset_store *below;  /* seen where this one knows nothing; outlives it. NULL: none. Set before the first use */
    struct refcount refcount;    /* its owner's, and of what is under way in the store below */
    pthread_mutex_t lock;        /* for all below; held for moments. Never two stores' at once */
    struct offset_index *index;
    char *lost_copy;
    const char *lost;            /* why puts are refused; NULL: they are not */
    size_t users;                /* threads that call the log for what was under way */
    pthread_cond_t unused;
    bool is_ended;               /* the log is not called any more */
    bool lacks_copies;           /* of a store below: the last copy for it failed */
};

/* The argument becomes the store's, when it was made. */
struct offset_store *offset_store_create(const struct offset_log *log, void *argument, struct mr_error **error);

/* A record was read. thread: any. -1: no memory. */
int offset_store_feed(struct offset_store *store, struct mr_bytes key, struct mr_bytes value, int64_t timestamp_ms);
/* All keys, under the store's lock. */
int offset_store_each_record(struct offset_store *store, offset_index_each_fn *each, void *argument);
/* Puts are refused from now on, in these words. */
void offset_store_lose(struct offset_store *store, const char *words);

int offset_store_refuse_when_lost(struct offset_store *store, struct mr_error **error);

/* offset_layers.c: the same as the door's, of a store with another one below. */
int offset_layers_put(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                      offset_done_fn *done, void *argument, struct mr_error **error);
void offset_layers_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done, void *argument);
void offset_store_release(struct offset_store *store);   /* a reference */

/* For makes that hold everything in memory: nothing to read. */
int offset_refresh_nothing(void *argument, int64_t deadline_ms, struct mr_error **error);
void offset_refresh_nothing_then(void *argument, int64_t deadline_ms, offset_done_fn *done, void *done_argument);

#endif
