/*
 * offset_store: where source connectors stand. One door, four makes: the offsets topic (kafka_stores.h), a topic of a connector's own
 * over it (connector_offset_store.h), a file for standalone workers (file_offset_store.h), memory for tests (memory_offset_store.h).
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/abi.h>

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

/* A record of the offsets topic; value.data NULL: a tombstone. */
struct offset_record {
    struct mr_bytes key, value;
};

/* What offset_store_put would write, for those who write it themselves: in a transaction of their own. In `arena`, which is to have no
 * other user meanwhile. -1: as offset_store_put. */
int offset_store_encode(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                        struct mr_arena *arena, struct offset_record **records, size_t *record_count, struct mr_error **error);

/* ---- for those who write what was encoded themselves: what the store below is to know of it. Where there is none, the first tells
 * `done` at once and the second is NULL. ---- */

/* Before the write: tombstones among the entries, else an offset of the store below would speak again. The write may begin when `done`
 * has been told NULL. As offset_store_put. */
int offset_store_forget_ahead(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count,
                              offset_done_fn *done, void *argument, struct mr_error **error);
/* A copy of all others, to be sent after the write was committed. NULL: none is needed, or no memory, which is logged. */
struct offset_copy;
struct offset_copy *offset_store_copy(struct offset_store *store, const char *connector, const struct offset_entry *entries, size_t count);
/* Takes it; NULL is fine. Nobody waits for it; a failure is logged. While the store is there. */
void offset_copy_send(struct offset_copy *copy);
void offset_copy_drop(struct offset_copy *copy); /* it was not committed; NULL is fine */

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

/* Records of it are gone, or it could not hold them: puts are refused from then on. Who opens it anew reads what is there. */
bool offset_store_is_lost(struct offset_store *store);

/* Ends the store and what it holds; puts still under way have been told or are told now. NULL is fine. */
void offset_store_destroy(struct offset_store *store);

#endif
