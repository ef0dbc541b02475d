/*
 * offset_index: the offsets last read, found by meaning. Keeps the bytes of every key as they were found.
 *
 * Different keys may mean the same partition (their members in another order). All are kept, since each lives on in the
 * topic; the one written last speaks for the partition. thread: one at a time.
 */
#ifndef STORE_OFFSET_INDEX_INTERNAL_H
#define STORE_OFFSET_INDEX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record_text_internal.h"

struct offset_index;

struct offset_index *offset_index_create(void);   /* NULL: no memory */
void offset_index_destroy(struct offset_index *index);

/* One record; value.data NULL: forget this key. timestamp_ms -1: none. A key that is not one of a source partition is
 * logged and ignored. false: no memory, nothing changed. */
bool offset_index_apply(struct offset_index *index, struct mr_bytes key, struct mr_bytes value, int64_t timestamp_ms);

/* The record that speaks for a meaning; lives until the next apply. NULL: none. */
const struct store_record *offset_index_find(const struct offset_index *index, struct mr_bytes meaning);

/* Calls `each` for every key of that meaning. -1 from it ends the call and is returned. */
typedef int offset_index_each_fn(void *argument, const struct store_record *record);
int offset_index_each_of_meaning(const struct offset_index *index, struct mr_bytes meaning, offset_index_each_fn *each,
                                 void *argument);
/* The records that speak for the partitions of a connector, in the order in which they came. */
int offset_index_each_of_connector(const struct offset_index *index, const char *connector, offset_index_each_fn *each,
                                   void *argument);
/* All keys. */
int offset_index_each(const struct offset_index *index, offset_index_each_fn *each, void *argument);
size_t offset_index_count(const struct offset_index *index);   /* of keys */

#endif
