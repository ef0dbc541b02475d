/*
 * offset_store: where source connectors stand. One door, three makes: the offsets topic (kafka_stores.h), a file
 * for standalone workers (file_offset_store.h), memory for tests (memory_offset_store.h).
 *
 * A source partition and a source offset are maps of text to null, booleans, numbers, text or bytes. Partitions are
 * looked up by meaning (members in any order), and a partition that is already stored keeps the very bytes of its key
 * when it is written again: otherwise a cluster that takes over, or is given back, would fork its keys,
 * which the JVM worker compares by their bytes (Kafka's OffsetStorageWriter).
 *
 * thread: any, unless said otherwise. Deadlines are absolute on clock_monotonic_ms(NULL).
 */
#ifndef STORE_OFFSET_STORE_H
#define STORE_OFFSET_STORE_H

#include <stddef.h>
#include <stdint.h>

struct mr_arena;
struct mr_error;
struct mr_value;
struct offset_store;

struct offset_entry {
    const struct mr_value *partition;
    const struct mr_value *offset; /* the null value: forget the partition */
};

/* Told once: NULL, or why not (lent). thread: the store's, no lock held; must not wait. */
typedef void offset_done_fn(void *argument, const struct mr_error *error);

/* Writes the entries in order; they are only read during the call. `done` is called once, when all are durable or one
 * has failed, unless -1 is returned. MR_ERR_DATA: a value of a kind that cannot be stored. MR_ERR_RETRIABLE: the
 * store's buffer is full. */
int offset_store_put(struct offset_store *store, const char *connector, const struct offset_entry *entries,
                     size_t count, offset_done_fn *done, void *argument, struct mr_error **error);

/* The offset last put by anyone before this call, or the null value; it lives in `arena`. NULL: failed. Does not wait:
 * answers from what has been read; see offset_store_refresh. */
const struct mr_value *offset_store_get(struct offset_store *store, const char *connector,
                                        const struct mr_value *partition, struct mr_arena *arena,
                                        struct mr_error **error);

/* Reads everything that others have written so far. Waits: job threads, or before a task's start. */
int offset_store_refresh(struct offset_store *store, int64_t deadline_ms, struct mr_error **error);
/* The same without waiting; `done` is always called, maybe before this returns. */
void offset_store_refresh_then(struct offset_store *store, int64_t deadline_ms, offset_done_fn *done, void *argument);

/* Calls `each` for every partition of the connector with an offset, in the order first seen. Values live in `arena`. */
typedef int offset_each_fn(void *argument, const struct mr_value *partition, const struct mr_value *offset);
int offset_store_each(struct offset_store *store, const char *connector, struct mr_arena *arena, offset_each_fn *each,
                      void *argument, struct mr_error **error);

/* Ends the store and what it holds; puts still under way have been told or are told now. NULL is fine. */
void offset_store_destroy(struct offset_store *store);

#endif
