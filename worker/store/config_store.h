/*
 * config_store: the config topic as a thing to read and to write. One door, two makes: kafka (kafka_stores.h), memory
 * (below: standalone workers and tests).
 *
 * Reading: config_store_snapshot, any thread, never waits.
 * Writing: each call appends the records of the format's write sequence (Kafka's KafkaConfigBackingStore), waits until they
 * are read back, and so returns when config_store_snapshot shows them. Writes of one store do not mix: they take turns, and what waits
 * for the turn is written together (config_turn_internal.h): each write still counts, or fails, for itself. They block: job threads only. A write that failed half-way may leave records that count, unless it was a transaction (below):
 * the snapshot says what holds; writing again heals.
 * Errors of writes: MR_ERR_TIMEOUT (it may still arrive), MR_ERR_CONFLICT (the guard refused, the log was lost or the
 * store stops), MR_ERR_DATA (too large for the topic), MR_ERR_NO_MEMORY.
 *
 * Deadlines are absolute on clock_monotonic_ms(NULL). Messages name records by their keys, never by their values.
 */
#ifndef STORE_CONFIG_STORE_H
#define STORE_CONFIG_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/config_snapshot.h"

struct clock;
struct config_listener;
struct config_store;
struct mr_error;
struct string_map;

/* A store that forgets all when destroyed. NULL: no memory. */
struct config_store *memory_config_store_create(struct mr_error **error);

/* Of a store of kafka_stores.h this is not to be called: kafka_stores_destroy ends it. NULL is fine. */
void config_store_destroy(struct config_store *store);

/* Once, before the store starts; the table and its argument live until the store is destroyed. */
void config_store_set_listener(struct config_store *store, const struct config_listener *listener, void *argument);

/* Called before the first record of a leader's write is appended, between task records and their commit, and after its last one was
 * read back. -1 refuses: before: nothing is written; between: the tasks written do not count; after: the writer is told that its
 * write may have been overtaken. In each case the write
 * fails with MR_ERR_CONFLICT and the guard's words. thread: the writer's, turn held: it may wait until the deadline,
 * and must not write. */
enum config_guard_moment {
    CONFIG_GUARD_BEFORE,
    CONFIG_GUARD_BETWEEN,
    CONFIG_GUARD_AFTER,
    CONFIG_GUARD_CLAIMED /* before a write under a claim, not asked again after it: the brokers refuse a former leader themselves */
};
typedef int config_guard_fn(void *argument, enum config_guard_moment moment, int64_t deadline_ms,
                            struct mr_error **error);
/* NULL: no guard. Any thread; holds for writes that begin later. */
void config_store_set_guard(struct config_store *store, config_guard_fn *guard, void *argument);

/*
 * How writes of a former leader are refused: by the guard alone (which asks the brokers for the group's generation), or by the brokers,
 * because the leader's writes are transactions of a producer that shuts out all earlier ones (as the JVM worker's, with exactly-once
 * sources). As long as nobody calls these, by the guard.
 */
enum config_fencing { CONFIG_FENCING_GENERATION, CONFIG_FENCING_TRANSACTION };
/* This worker begins to lead. TRANSACTION: returns when others are shut out and what they had begun is undone; each of the leader's
 * writes is one transaction from then on. -1: as before, but a claim held is lost. MR_ERR_NOT_SUPPORTED: the brokers have no transactions
 * for this worker; the words name the transactional id. Waits for its turn: job threads. */
int config_store_claim(struct config_store *store, enum config_fencing fencing, int64_t deadline_ms,
                       struct mr_error **error);
/* It leads no more: a claim held is given up, and the leader's writes fail with MR_ERR_CONFLICT until the next. Never waits: a write
 * under way goes on. A claim that the brokers end is told by the listener (claim_lost). */
void config_store_renounce(struct config_store *store);

/* A reference of yours. Never NULL; before the start an empty one. thread: any. */
struct config_snapshot *config_store_snapshot(struct config_store *store);

/* Are records gone that were read (config_listener.h, log_lost)? For good; changes are refused with these words. `words` may be NULL; they
 * live as long as the store. thread: any. */
#define CONFIG_STORE_LOST_REMEDY "restart all workers to begin with what it holds now"
bool config_store_is_lost(struct config_store *store, const char **words);

/* Reads what others have written so far. Waits. */
int config_store_refresh(struct config_store *store, int64_t deadline_ms, struct mr_error **error);

#define CONFIG_WRITE_TIMEOUT_MS 30000 /* a write takes no longer once it is its turn, whatever its deadline */

/* Is what the records were made from still so? Asked when it is this write's turn, which may take a while; on any thread that writes. */
struct config_condition {
    const char *(*forbids)(void *argument); /* NULL: nothing does; else why it is not to be written any more: MR_ERR_CONFLICT */
    void *argument;
    void (*argument_drop)(void *argument); /* with the last owner of the change; may be NULL */
};

/*
 * A change as a thing, for those who know of it before their thread is there to wait for it: once enlisted it may be written along with
 * what another thread writes. _of_… → _set_condition → _enlist → _write | _withdraw → _drop. NULL: no memory. Reference-counted.
 * What they write is told at the calls of the same name below; all are the leader's, guarded.
 */
struct config_change;
struct config_change *config_change_of_connector(const char *connector, const struct string_map *config,
                                                 const enum target_state *initial);
struct config_change *config_change_of_removal(const char *connector);
struct config_change *config_change_of_tasks(const char *connector, const struct string_map *const *configs, size_t count);
/* A record of our own that goes along. false: no memory, the change is as it was. */
bool config_change_add_note_removal(struct config_change *change, const char *key);
void config_change_set_condition(struct config_change *change, const struct config_condition *condition);
void config_change_take(struct config_change *change);
void config_change_drop(struct config_change *change); /* NULL is fine */

/* Into the queue, unless it was there before, or was withdrawn. Never waits. thread: any. */
void config_store_enlist(struct config_store *store, struct config_change *change, int64_t deadline_ms);
/* Returns when the enlisted change is settled: written, read back and still guarded, or why not. */
int config_store_write(struct config_store *store, struct config_change *change, struct mr_error **error);
/* Nobody wants it any more. true: it will never be written; false: it is being written, or is settled. thread: any. */
bool config_store_withdraw(struct config_store *store, struct config_change *change);

/* ---- the leader's writes (guarded) ---- */

/* `initial`: its target state is written before the configuration; NULL: left as it is. `config` is written as it is,
 * in its order: the caller has appended `name`. */
int config_store_put_connector(struct config_store *store, const char *connector, const struct string_map *config,
                               const enum target_state *initial, int64_t deadline_ms, struct mr_error **error);
/* Tombstones of the configuration and of the target state. */
int config_store_remove_connector(struct config_store *store, const char *connector, int64_t deadline_ms,
                                  struct mr_error **error);
/* Task records in order, read back, then the commit record; all at once in a transaction. count 0: the commit record alone. */
int config_store_put_tasks(struct config_store *store, const char *connector,
                           const struct string_map *const *configs, size_t count, int64_t deadline_ms,
                           struct mr_error **error);
int config_store_put_session_key(struct config_store *store, const struct session_key *key, int64_t deadline_ms,
                                 struct mr_error **error);
int config_store_put_restart(struct config_store *store, const char *connector, bool include_tasks, bool only_failed,
                             int64_t deadline_ms, struct mr_error **error);
/* tasks-fencing: before tasks of an exactly-once source start. The condition's argument is taken over, also on failure. */
int config_store_put_fenced_count(struct config_store *store, const char *connector, uint32_t count,
                                  const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error);

/* Records of our own ("millrace-…"). `text` NULL: a tombstone. */
struct config_note_write {
    const char *key;
    const char *text;
};
/* All in one go, in this order. MR_ERR_CONFLICT, and nothing written, when the condition does not hold any more. */
int config_store_put_notes(struct config_store *store, const struct config_note_write *notes, size_t count,
                           const struct config_condition *condition, int64_t deadline_ms, struct mr_error **error);

/* ---- any worker's writes (not guarded) ---- */

/* What a worker says of itself. */
int config_store_put_own_note(struct config_store *store, const struct config_note_write *note, int64_t deadline_ms,
                              struct mr_error **error);

/* STOPPED of a connector with tasks: put_tasks with count 0 first. */
int config_store_put_target(struct config_store *store, const char *connector, enum target_state state,
                            int64_t deadline_ms, struct mr_error **error);
int config_store_put_logger_level(struct config_store *store, const char *logger, const char *level,
                                  int64_t deadline_ms, struct mr_error **error);

#endif
