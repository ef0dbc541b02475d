/*
 * config_snapshot: what the config topic said at one moment: connectors, their target states and task configurations.
 *
 * Immutable and refcounted; whatever a snapshot hands out lives as long as the snapshot. Snapshots share what did not
 * change between them: publishing one costs a pointer for each connector, never a copy.
 *
 * Names and values are raw text: `${provider:…}` references are as they were submitted, and so may hold nothing secret
 * or, in a literal, everything. Rules: Kafka's ClusterConfigState.
 * thread: any. locks: none.
 */
#ifndef STORE_CONFIG_SNAPSHOT_H
#define STORE_CONFIG_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_snapshot;
struct string_map;

enum target_state {
    TARGET_STARTED,
    TARGET_PAUSED,
    TARGET_STOPPED,
};
const char *target_state_name(enum target_state state); /* "STARTED" */

struct config_snapshot *config_snapshot_take(struct config_snapshot *snapshot);
void config_snapshot_drop(struct config_snapshot *snapshot); /* NULL is fine */

/* Offset of the last record understood, plus one: what members of a group compare. -1: nothing was read. */
int64_t config_snapshot_offset(const struct config_snapshot *snapshot);

/* ---- connectors: those that have a configuration, in the order of their names (bytes) ---- */

size_t config_snapshot_connector_count(const struct config_snapshot *snapshot);
const char *config_snapshot_connector_at(const struct config_snapshot *snapshot, size_t i);
bool config_snapshot_has(const struct config_snapshot *snapshot, const char *connector);

/* The functions below answer for an unknown connector what the comment says after the bar. */

const struct string_map *config_snapshot_config(const struct config_snapshot *snapshot,
                                                const char *connector); /* | NULL */
enum target_state config_snapshot_target(const struct config_snapshot *snapshot,
                                         const char *connector); /* | TARGET_STARTED */

/* Tasks that can be run; 0 for an inconsistent connector, whatever its commit record says. | 0 */
uint32_t config_snapshot_task_count(const struct config_snapshot *snapshot, const char *connector);
/* NULL beyond the count. */
const struct string_map *config_snapshot_task(const struct config_snapshot *snapshot, const char *connector,
                                              uint32_t task);
/* A commit record came without all of its task records (compaction, a writer that died): the tasks must be computed
 * and written anew. | false */
bool config_snapshot_is_inconsistent(const struct config_snapshot *snapshot, const char *connector);
/* Neither the configuration nor a task's was written since the last commit, which is complete: then, and only then, whatever
 * compaction leaves of its records says the same. Else a worker that starts later may see fewer tasks, or none. | false */
bool config_snapshot_is_settled(const struct config_snapshot *snapshot, const char *connector);
/* Tasks were written after the configuration and the last commit, and no commit followed: their writer is not done, or died. | false */
bool config_snapshot_awaits_commit(const struct config_snapshot *snapshot, const char *connector);
/* The connector's configuration at the time of the last complete commit. | NULL, also before the first commit */
const struct string_map *config_snapshot_applied(const struct config_snapshot *snapshot, const char *connector);
/* Counts complete commits that brought task records, from 0. | -1, also before the first */
int64_t config_snapshot_task_generation(const struct config_snapshot *snapshot, const char *connector);
/* Offset of the newest commit record before which, or with which, there were tasks; or of which that is not known, since compaction has
 * taken what was before it. No tasks have been wanted since. | -1, also before the first */
int64_t config_snapshot_tasks_offset(const struct config_snapshot *snapshot, const char *connector);
/* The newest tasks-fencing record. | -1, also before the first */
int64_t config_snapshot_fenced_count(const struct config_snapshot *snapshot, const char *connector);
/* A commit is newer than the newest tasks-fencing record. | false */
bool config_snapshot_needs_fencing(const struct config_snapshot *snapshot, const char *connector);

/* ---- records of our own: keys "millrace-…" (docs/decisions/0007), in the order of their keys ---- */

struct config_note {
    const char *key;
    const char *text; /* NUL-terminated JSON, or what was there instead; "" where nothing counts */
    size_t size;
    bool is_overruled; /* a record came later that does not count: its epoch was over; the leader writes this one again */
    int64_t offset; /* of its record; -1: nothing counts */
};
size_t config_snapshot_note_count(const struct config_snapshot *snapshot);
struct config_note config_snapshot_note_at(const struct config_snapshot *snapshot, size_t i);
/* false: there is none of that key, or none that counts. */
bool config_snapshot_note_find(const struct config_snapshot *snapshot, const char *key, struct config_note *note);
/* The highest "epoch" of any of them; 0: there was none. */
uint64_t config_snapshot_epoch(const struct config_snapshot *snapshot);

/* ---- session key ---- */

struct session_key {
    const char *key; /* base64; a secret: never logged */
    const char *algorithm;
    int64_t created_ms; /* wall clock */
};
/* NULL: there is none. */
const struct session_key *config_snapshot_session_key(const struct config_snapshot *snapshot);
/* The one before, for what was signed while the newest was on its way. NULL: none was read (compaction may have taken it). */
const struct session_key *config_snapshot_former_session_key(const struct config_snapshot *snapshot);

#endif
