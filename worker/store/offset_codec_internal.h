/*
 * offset_codec: keys and values of the offsets topic, and what a key means. The format is of Kafka's OffsetStorageWriter.
 *
 * Key: ["CONNECTOR",{partition}], value: {offset}. The meaning of a key is a text of ours: the same array with members
 * sorted at every level and numbers in one form, so that equal partitions have equal meanings whatever their member
 * order.
 */
#ifndef STORE_OFFSET_CODEC_INTERNAL_H
#define STORE_OFFSET_CODEC_INTERNAL_H

#include <stdbool.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "store/record_text_internal.h"

struct str_buffer;

/* A map of texts to null, booleans, numbers, texts or bytes? MR_ERR_DATA in the words of Kafka Connect. `what` is
 * "partition" or "offset". */
int offset_check(const struct mr_value *map, const char *what, const char *connector, struct mr_error **error);

/* The bytes of a key in the partition's own member order. */
int offset_key_write(struct mr_arena *arena, const char *connector, const struct mr_value *partition,
                     struct mr_bytes *key, struct mr_error **error);
int offset_value_write(struct mr_arena *arena, const struct mr_value *offset, struct mr_bytes *value,
                       struct mr_error **error);

/* Failures stay in the buffer. */
void offset_meaning_write(struct str_buffer *out, struct mr_arena *arena, const char *connector,
                          const struct mr_value *partition);

/* Of a key as it was found: connector (C string) and partition, in the arena. */
enum record_read offset_key_read(struct mr_arena *arena, struct mr_bytes key, const char **connector,
                                 const struct mr_value **partition);

#endif
