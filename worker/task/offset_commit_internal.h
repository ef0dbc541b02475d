/*
 * offset_commit: how far a source may be said to have come.
 *
 * Polled records and progress markers enter in order, each into the lane of its source partition. A lane's committable offset
 * is that of the last record before the first one that is not acknowledged: one stuck record holds back its own lane only
 * (Kafka's SubmittedRecords). Filtered records count as acknowledged at once; they advance the lane in their turn.
 *
 * Records are counted per batch (struct source_batch); when the last one of a batch has left its lane and its commit_record has
 * been called, the batch is let go.
 *
 * One flush at a time. A flush that is not confirmed in time is given up; its lanes are flushed again with what is newest by
 * then, and a late confirmation is ignored. Offsets that were stored once are not stored again.
 *
 * Threads: _submit, _take_done and _drain by the task's thread; _mark_acked by the producer's; _flush and _collect by the
 * task's or a ticking one: one mutex, never held while calling out (but for the lock-free wake).
 * Shared by reference: a confirmation may come after the task has ended.
 */
#ifndef TASK_OFFSET_COMMIT_INTERNAL_H
#define TASK_OFFSET_COMMIT_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/record_layout.h"
#include "store/offset_store.h"

struct clock;
struct mr_error;
struct offset_commit;
struct offset_store;
struct source_batch;

#define SOURCE_PARTITIONS_MAX 1000000 /* lanes of one task; a further one fails the task */

/* owner_state of an entry. */
enum entry_state { ENTRY_SUBMITTED = 0, ENTRY_ACKED = 1 };

struct offset_commit_setup {
    const char *connector; /* copied */
    uint32_t number;
    struct offset_store *store;
    /* In place of the store, as offset_store_put; NULL: the store. Then _flush is forced, never due. */
    int (*put)(void *argument, const char *connector, const struct offset_entry *entries, size_t count, offset_done_fn *done,
               void *done_argument, struct mr_error **error);
    void *put_argument;
    const struct clock *clock;
    uint32_t interval_ms, timeout_ms;
    bool keep_done; /* the plugin has a commit_record: finished entries wait in _take_done */
    void (*wake)(void *argument);
    void *wake_argument;
};

struct offset_commit *offset_commit_create(const struct offset_commit_setup *setup, struct mr_error **error);
/* Ends the task's part: no wake after it. */
void offset_commit_close(struct offset_commit *commit);

/* Takes over `batch` with all its entries, already marked ACKED where nothing is to be sent. */
int offset_commit_submit(struct offset_commit *commit, struct source_batch *batch, struct mr_error **error);

/* One outgoing item of the entry is safe (or counts so). thread: the producer's poll thread or the task's. */
void offset_commit_mark_acked(struct mr_record *entry);

/* Moves acknowledged prefixes out of the lanes. */
void offset_commit_collect(struct offset_commit *commit);
/* The next entry whose commit_record is due, NULL: none. After the call give it back with _release_done. */
struct mr_record *offset_commit_take_done(struct offset_commit *commit);
void offset_commit_release_done(struct offset_commit *commit, struct mr_record *entry);

/* Forgets every entry, also those not acknowledged: before their batches are let go. Offsets that are committable stay. */
void offset_commit_forget(struct offset_commit *commit);

/* All entries of the batch have left their lanes and had their commit_record. */
bool offset_commit_is_home(struct offset_commit *commit, const struct source_batch *batch);
size_t offset_commit_pending(struct offset_commit *commit); /* entries not yet acknowledged */

enum flush_state {
    FLUSH_NOTHING, /* nothing new to store */
    FLUSH_RUNNING,
    FLUSH_STORED, /* told once: the plugin's commit() is due */
    FLUSH_FAILED  /* told once: logged already; tried again at the next interval */
};
/* Starts a flush when `force` or the interval has passed and none is running; tells how it stands. */
enum flush_state offset_commit_flush(struct offset_commit *commit, bool force);
/* The same for a ticking thread: starts what is due, leaves the telling to the task. */
void offset_commit_flush_start(struct offset_commit *commit);
int64_t offset_commit_flush_took_ms(struct offset_commit *commit); /* of the last that was stored */
/* After a _flush: something that is committable was not in it, for want of memory. */
bool offset_commit_lacks(struct offset_commit *commit);
/* When _flush wants to be called again at the latest (clock_monotonic_ms). */
int64_t offset_commit_next_ms(struct offset_commit *commit);

#endif
