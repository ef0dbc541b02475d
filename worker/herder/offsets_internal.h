/*
 * offsets_internal: the offsets of a connector with the arena that holds them: of a source what the offset store has, of a sink
 * what its consumer group has. One thread at a time.
 */
#ifndef HERDER_OFFSETS_INTERNAL_H
#define HERDER_OFFSETS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "herder/herder.h"
#include "store/offset_store.h"

#define OFFSETS_ARENA_MAX (64u << 20) /* of one request; more is an error */
#define OFFSETS_WORDS_MARGIN_MS 1000 /* what waits for a cluster gives up so long before the request's deadline, and says why */

struct config_snapshot;
struct executor;
struct executor_group;
struct executor_group_offset;
struct executor_seek;
struct mr_arena;
struct string_map;

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
/* What a user gave, in that shape, numbers as numbers, positions by time as offsets (sink_seek.c), by topic and partition, one of each: the
 * last that names it, else the last for all of its topic. -1: MR_ERR_CONFIG: something is not as it must be; the list is not to be used. */
int sink_offsets_normalise(struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                           struct mr_error **error);
/* `former` becomes what `current` has of the partitions of `changes`, null where it has nothing; both are as the two above leave them. */
int sink_offsets_match(struct offset_list *former, const struct offset_list *changes, const struct offset_list *current,
                       struct mr_error **error);
/* An entry in that shape; the topic is in the arena. */
int sink_offset_read(struct mr_arena *arena, const struct offset_entry *entry, struct executor_group_offset *offset, struct mr_error **error);
/* Its partition alone; with `may_be_topic` the number may be missing: *is_topic. */
int sink_partition_read(struct mr_arena *arena, const struct mr_value *map, bool may_be_topic, bool *is_topic,
                        struct executor_group_offset *offset, struct mr_error **error);
/* Of a list in that shape; it returns when Kafka has it. */
int sink_offsets_write(const struct offset_list *list, const struct executor *executor, const struct executor_group *of,
                       struct mr_error **error);

/* ---- positions by time (sink_seek.c): {"timestamp": MS or ISO 8601} or {"position": "earliest" | "latest"} ---- */

/* Is it one? What has a kafka_offset is Kafka's, whatever else it has. */
bool sink_seek_is_meant(const struct offset_entry *entry);
int sink_seek_read(struct mr_arena *arena, const struct offset_entry *entry, struct executor_seek *seek, struct mr_error **error);

/* ---- where the offsets of one connector are (offset_place.c), thread: job ---- */

/* Borrows what it is given. */
struct offset_place {
    struct herder *herder;
    const char *connector;
    const struct string_map *config;
    int64_t deadline_ms;
    bool is_sink;
};
/* -1: no such class. */
int offset_place_find(struct offset_place *place, struct mr_error **error);
/* All there are. */
int offset_place_read(const struct offset_place *place, struct offset_list *list, struct mr_error **error);
/* What a user gave, in the shape that the others take: MR_ERR_CONFIG: it has none. */
int offset_place_normalise(const struct offset_place *place, struct offset_list *list, struct mr_error **error);
/* What there is of the partitions of `changes`, in their order; null where there is nothing. */
int offset_place_read_former(const struct offset_place *place, const struct offset_list *changes, struct offset_list *former,
                             struct mr_error **error);
/* It returns when they are durable. `is_reset`: a sink's group ends with all it has. */
int offset_place_write(const struct offset_place *place, const struct offset_list *list, bool is_reset, struct mr_error **error);
/* Does its state let offsets be changed? Then it is STOPPED, and has no task configurations; a task may still be about to end. */
bool offset_place_state_allows(const struct config_snapshot *snapshot, const char *connector);
#define OFFSETS_NEED_STOPPED                                                                                           \
    "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by "  \
    "issuing a 'PUT' request to the '/connectors/%s/stop' endpoint" /* the connector */

/* What is to be written, in `list`: of a change to offsets, what was asked is in it. -1: MR_ERR_CONFIG: that cannot be; MR_ERR_CONFLICT: no
 * undo. */
int offset_changes_find(const struct offset_place *place, enum herder_offsets_verb verb, const struct config_snapshot *snapshot,
                        struct offset_list *list, struct mr_error **error);

/* ---- the last change's undo (offset_undo.c): a record of our own in the config topic (docs/decisions/0007) ---- */

#define OFFSET_UNDO_PREFIX "millrace-undo-" /* + connector */
#define OFFSET_UNDO_MAX (900u << 10)        /* bytes of a record; more is refused */
#define OFFSET_UNDO_KEY_MAX (64u << 10)

enum offset_change { OFFSETS_ALTERED, OFFSETS_RESET, OFFSETS_SET_BACK };

/* Could it be kept? -1: MR_ERR_CONFIG: it is too large. */
int offset_undo_check(const struct offset_place *place, const struct offset_list *former, struct mr_error **error);
/* Written and read back: from here on this is what an undo goes back to. thread: job. */
int offset_undo_keep(const struct offset_place *place, enum offset_change change, const struct offset_list *former,
                     struct mr_error **error);
/* The last change has none. thread: job. */
int offset_undo_forget(const struct offset_place *place, struct mr_error **error);
/* What it would go back to. -1: MR_ERR_CONFLICT, with words: there is nothing, or nothing that may be undone any more. */
int offset_undo_find(const struct offset_place *place, const struct config_snapshot *snapshot, struct offset_list *list,
                     struct mr_error **error);
/* The key, where there is such a record; mem_free. NULL: there is none, or no memory. */
char *offset_undo_key_if_any(const struct config_snapshot *snapshot, const char *connector);

#endif
