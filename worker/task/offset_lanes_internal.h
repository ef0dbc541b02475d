/*
 * offset_lanes: the inside of offset_commit, for its files alone:
 *   offset_lanes.c   a lane for each source partition, found by its hash; rings of entries under way
 *   offset_commit.c  life; entries in and out
 *   offset_flush.c   what is committable goes to the store
 *
 * Locks: commit->lock, held by whoever calls what is declared here.
 */
#ifndef TASK_OFFSET_LANES_INTERNAL_H
#define TASK_OFFSET_LANES_INTERNAL_H

#include <pthread.h>

#include "task/offset_commit_internal.h"

struct mr_arena;
struct mr_record;
struct mr_value;

#define COMPACT_LEAST_BYTES ((size_t)64 << 10) /* what overtaken offsets may take before they are let go */

/* A growing ring of entries, oldest first. */
struct ring {
    struct mr_record **items;
    uint32_t first, count, capacity; /* a power of two */
};

struct lane {
    const struct mr_value *partition;
    const struct mr_value *offset; /* committable; NULL: none yet */
    uint64_t hash;
    uint64_t flushed_in; /* sequence of the last flush that held its offset */
    bool changed;        /* committable is newer than what was flushed */
    bool has_missed;     /* an offset found no memory: what is committable is older than it could be */
    bool is_active;      /* its ring is not empty: it stands in commit->active */
    struct ring ring;
};

struct offset_commit {
    pthread_mutex_t lock;
    struct offset_commit_setup setup;
    char *connector;
    struct mr_arena *partitions; /* of the lanes; only grows */
    struct mr_arena *offsets;    /* of the lanes; those that were overtaken go when it is compacted */
    size_t compact_at_bytes;
    struct lane **lanes;  /* in order of appearance */
    struct lane **active; /* those with entries; as long as `lanes` */
    uint32_t lane_count, lane_capacity, active_count, changed_count, missed_count;
    uint32_t *index; /* open addressing over lanes, lane number + 1; twice lane_capacity long */
    struct ring done;
    size_t pending;
    uint64_t flush_sequence; /* of the running or last flush */
    bool flush_running, told_stored, told_failed;
    int64_t flush_started_ms, last_flush_ms, flush_took_ms;
    uint32_t references; /* the task and each confirmation under way. locks: lock */
    bool closed;
};

bool entry_ring_reserve(struct ring *ring, uint32_t more); /* false: no memory */
void entry_ring_push(struct ring *ring, struct mr_record *entry);
struct mr_record *entry_ring_first(const struct ring *ring); /* NULL: empty */
struct mr_record *entry_ring_pop(struct ring *ring);

/* The lane of a source partition, made when there is none. NULL: no memory, or too many. */
struct lane *offset_lane_of(struct offset_commit *commit, const struct mr_value *partition, struct mr_error **error);
void offset_lane_destroy(struct lane *lane);
void offset_lane_activate(struct offset_commit *commit, struct lane *lane);
void offset_lane_set_changed(struct offset_commit *commit, struct lane *lane, bool changed);
/* Without memory the lane keeps what it had; the next record's offset will do. */
void offset_lane_set(struct offset_commit *commit, struct lane *lane, const struct mr_value *offset);

/* offset_commit.c. Called with the lock held; gives it back. */
void offset_commit_drop_and_unlock(struct offset_commit *commit);

#endif
