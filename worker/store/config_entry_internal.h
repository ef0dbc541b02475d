/*
 * config_entry: the parts snapshots share. Maps, task lists and entries are refcounted; one that somebody else holds as
 * well is never changed, only replaced.
 */
#ifndef STORE_CONFIG_ENTRY_INTERNAL_H
#define STORE_CONFIG_ENTRY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/refcount.h"
#include "store/config_snapshot.h"

struct string_map;

struct config_map {
    struct refcount owners;
    struct string_map *map;
};
/* Takes the map, also when there is no memory (NULL). */
struct config_map *config_map_wrap(struct string_map **map);
struct config_map *config_map_take(struct config_map *map);   /* NULL gives NULL */
void config_map_drop(struct config_map *map);                 /* NULL is fine */

struct config_tasks {
    struct refcount owners;
    uint32_t count;
    struct config_map *maps[];
};
struct config_tasks *config_tasks_create(uint32_t count);   /* every map still NULL */
void config_tasks_drop(struct config_tasks *tasks);         /* NULL is fine */

struct config_key {
    struct refcount owners;
    struct session_key view;
    char texts[];
};
struct config_key *config_key_create(const struct session_key *key);
void config_key_drop(struct config_key *key);

/* All that is known of one connector, whether or not it has a configuration now. */
struct config_entry {
    struct refcount owners;
    struct config_map *config;    /* NULL: none, or deleted */
    struct config_map *applied;
    struct config_tasks *tasks;   /* of the last complete commit; NULL: none */
    int64_t generation;           /* -1: none */
    int64_t tasks_offset;         /* of the newest commit that tasks were told by, or ended; -1: none */
    int64_t fenced_count;         /* -1: none */
    enum target_state target;
    bool has_target;              /* a record or a configuration said so */
    bool is_inconsistent;
    bool is_settled;              /* since the last commit, a complete one, nothing else was read of it */
    bool awaits_commit;           /* a task was read since the configuration and the last commit */
    bool needs_fencing;
    char name[];
};
struct config_entry *config_entry_create(const char *name);
struct config_entry *config_entry_copy(const struct config_entry *entry);   /* shares the maps */
void config_entry_drop(struct config_entry *entry);
/* Forgets what a removal forgets: everything but the target state, the generation and the fencing. */
void config_entry_forget(struct config_entry *entry);

struct cluster_notes;

struct config_snapshot {
    struct refcount owners;
    int64_t offset;
    struct config_key *session_key, *former_session_key;
    struct cluster_notes *notes;
    size_t count;
    struct config_entry *entries[];   /* by name */
};
/* References to those of the entries that have a configuration, to the keys (NULL: none) and the notes. */
struct config_snapshot_parts {
    int64_t offset;
    struct config_key *session_key, *former_session_key;
    struct cluster_notes *notes;
    struct config_entry *const *entries;
    size_t count;
};
struct config_snapshot *config_snapshot_create(const struct config_snapshot_parts *parts);

#endif
