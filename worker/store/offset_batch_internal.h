/*
 * offset_batch: entries as records of the offsets topic, in an arena.
 */
#ifndef STORE_OFFSET_BATCH_INTERNAL_H
#define STORE_OFFSET_BATCH_INTERNAL_H

#include <stddef.h>

#include "store/offset_store.h"
#include "store/record_text_internal.h"

/* Embedded: zeroed with an arena → _fill → _release. The arena stays its owner's. */
struct offset_batch {
    struct mr_arena *arena;
    struct store_record *records;
    size_t count, capacity;
    struct mr_bytes value; /* of the entry at hand */
};

enum offset_part { OFFSET_PART_ALL, OFFSET_PART_VALUES, OFFSET_PART_TOMBSTONES };

/* Keys keep the bytes that `store` knows, else those that `other` (may be NULL) knows. -1: as offset_store_put; MR_ERR_NO_MEMORY also
 * without an arena. */
int offset_batch_fill(struct offset_batch *batch, struct offset_store *store, struct offset_store *other, const char *connector,
                      const struct offset_entry *entries, size_t count, enum offset_part part, struct mr_error **error);
void offset_batch_release(struct offset_batch *batch);

#endif
