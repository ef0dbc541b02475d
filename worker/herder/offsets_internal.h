/*
 * offsets_internal: the offsets of a connector with the arena that holds them: of a source what the offset store has, of a sink
 * what its consumer group has. One thread at a time.
 */
#ifndef HERDER_OFFSETS_INTERNAL_H
#define HERDER_OFFSETS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "store/offset_store.h"

#define OFFSETS_ARENA_MAX (64u << 20) /* of one request; more is an error */

struct executor;
struct executor_group;
struct mr_arena;

/* Embedded: zeroed → fill → _release. */
struct offset_list {
    struct mr_arena *arena; /* of the values; made when first needed */
    struct offset_entry *entries;
    size_t count, capacity;
};
void offset_list_release(struct offset_list *list);

/* NULL: no memory. */
struct mr_arena *offset_list_arena(struct offset_list *list, struct mr_error **error);
/* The values are in the list's arena, or live for ever. */
int offset_list_append(struct offset_list *list, const struct mr_value *partition, const struct mr_value *offset,
                       struct mr_error **error);
/* Copies both values. */
int offset_list_add(struct offset_list *list, const struct mr_value *partition, const struct mr_value *offset,
                    struct mr_error **error);
/* All partitions of a connector that have an offset, after reading to the end. thread: job. */
int offset_list_read(struct offset_list *list, struct offset_store *store, const char *connector, int64_t deadline_ms,
                     struct mr_error **error);
/* Every offset becomes null: what a reset writes. */
void offset_list_forget(struct offset_list *list);
/* Writes the entries, waits until they are durable and read back. -1: MR_ERR_TIMEOUT: they may still arrive. thread: job. */
int offset_list_write(const struct offset_list *list, struct offset_store *store, const char *connector,
                      int64_t deadline_ms, struct mr_error **error);

/* ---- of a sink (sink_offsets.c): entries {"kafka_topic", "kafka_partition"} and {"kafka_offset"}, thread: job ---- */

/* All that its group has committed. */
int sink_offsets_read(struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                      struct mr_error **error);
/* What a user gave, in that shape, numbers as numbers, the last of each partition. -1: something is not as it must be (or no
 * memory), and the list is not to be used. */
int sink_offsets_normalise(struct offset_list *list, struct mr_error **error);
/* Of a list in that shape; it returns when Kafka has it. */
int sink_offsets_write(const struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                       struct mr_error **error);

#endif
