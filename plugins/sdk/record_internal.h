/*
 * record_internal: what batch.c, batch_pool.c and record.c share; back room of sdk.
 */
#ifndef SDK_RECORD_INTERNAL_H
#define SDK_RECORD_INTERNAL_H

#include "sdk/record_layout.h"

/* batch.c: an empty record of `kind` at the end of a list. NULL: no memory. */
struct mr_record *batch_add(struct mr_batch *batch, struct record_list *list, enum record_kind kind);
struct mr_batch *batch_create(struct batch_pool *pool, size_t limit_bytes);
void batch_destroy(struct mr_batch *batch); /* an empty one */

/* A setter of the record failed: noted, so that a plugin which overlooks the -1 loses nothing silently. Returns -1. */
static inline int record_left_unfinished(struct mr_record *record)
{
    record->batch->broken = true;
    return -1;
}

/* batch_pool.c: takes an empty batch back, or ends it. thread: any. */
void batch_pool_give(struct batch_pool *pool, struct mr_batch *batch);

#endif
