#include "task/offset_commit_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/offset_store.h"
#include "task/source_batch_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.offsets"
#define LANES_FIRST 8u
#define RING_FIRST 8u
#define COMPACT_LEAST_BYTES ((size_t)64 << 10)

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
    uint32_t lane_count, lane_capacity, active_count, changed_count;
    uint32_t *index; /* open addressing over lanes, lane number + 1; twice lane_capacity long */
    struct ring done;
    size_t pending;
    uint64_t flush_sequence; /* of the running or last flush */
    bool flush_running, told_stored, told_failed;
    int64_t flush_started_ms, last_flush_ms;
    uint32_t references; /* the task and each confirmation under way. locks: lock */
    bool closed;
};

/* --- rings --------------------------------------------------------------------------------------------------- */

static bool ring_reserve(struct ring *ring, uint32_t more)
{
    uint32_t capacity = ring->capacity == 0 ? RING_FIRST : ring->capacity;
    struct mr_record **items;

    while (capacity < ring->count + more)
        capacity *= 2;
    if (capacity == ring->capacity)
        return true;
    items = mem_alloc(capacity * sizeof(*items));
    if (items == NULL)
        return false;
    for (uint32_t i = 0; i < ring->count; i++)
        items[i] = ring->items[(ring->first + i) & (ring->capacity - 1)];
    mem_free(ring->items);
    *ring = (struct ring){.items = items, .count = ring->count, .capacity = capacity};
    return true;
}

static void ring_push(struct ring *ring, struct mr_record *entry)
{
    ring->items[(ring->first + ring->count++) & (ring->capacity - 1)] = entry;
}

static struct mr_record *ring_first(const struct ring *ring)
{
    return ring->count == 0 ? NULL : ring->items[ring->first];
}

static struct mr_record *ring_pop(struct ring *ring)
{
    struct mr_record *entry = ring->items[ring->first];

    ring->first = (ring->first + 1) & (ring->capacity - 1);
    ring->count--;
    return entry;
}

/* --- lanes; locks: commit->lock ------------------------------------------------------------------------------ */

static void lane_destroy(struct lane *lane)
{
    if (lane == NULL)
        return;
    mem_free(lane->ring.items);
    mem_free(lane);
}

static struct lane *lane_create(struct offset_commit *commit, const struct mr_value *partition, uint64_t hash)
{
    struct lane *lane = mem_calloc(1, sizeof(*lane));

    if (lane == NULL)
        return NULL;
    lane->hash = hash;
    lane->partition = mr_value_copy(commit->partitions, partition);
    if (lane->partition != NULL)
        return lane;
    lane_destroy(lane);
    return NULL;
}

static void lane_set_changed(struct offset_commit *commit, struct lane *lane, bool changed)
{
    if (lane->changed == changed)
        return;
    lane->changed = changed;
    commit->changed_count += changed ? 1u : UINT32_MAX;
}

static void lane_activate(struct offset_commit *commit, struct lane *lane)
{
    if (lane->is_active)
        return;
    lane->is_active = true;
    commit->active[commit->active_count++] = lane;
}

/* Copies the offsets that count into a new arena. Without memory everything stays as it is. */
static void offsets_compact(struct offset_commit *commit)
{
    struct mr_arena *fresh = mr_arena_create(SIZE_MAX / 2);
    const struct mr_value **copies = mem_alloc((commit->lane_count + 1) * sizeof(const struct mr_value *));
    bool good = fresh != NULL && copies != NULL;

    for (uint32_t i = 0; good && i < commit->lane_count; i++) {
        copies[i] = commit->lanes[i]->offset == NULL ? NULL : mr_value_copy(fresh, commit->lanes[i]->offset);
        good = (copies[i] == NULL) == (commit->lanes[i]->offset == NULL);
    }
    for (uint32_t i = 0; good && i < commit->lane_count; i++)
        commit->lanes[i]->offset = copies[i];
    mem_free(copies);
    mr_arena_destroy(good ? commit->offsets : fresh);
    if (good)
        commit->offsets = fresh;
    commit->compact_at_bytes = 2 * mr_arena_used_bytes(commit->offsets) + COMPACT_LEAST_BYTES;
}

/* no memory: the lane keeps what it had; the next record's offset will do. */
static void lane_set_offset(struct offset_commit *commit, struct lane *lane, const struct mr_value *offset)
{
    const struct mr_value *copy;

    if (mr_arena_used_bytes(commit->offsets) >= commit->compact_at_bytes)
        offsets_compact(commit);
    copy = mr_value_copy(commit->offsets, offset);
    if (copy == NULL)
        return;
    lane->offset = copy;
    lane_set_changed(commit, lane, true);
}

static uint32_t *index_slot(const struct offset_commit *commit, uint64_t hash, const struct mr_value *partition)
{
    uint32_t mask = commit->lane_capacity * 2 - 1;
    uint32_t at = (uint32_t)hash & mask;

    while (commit->index[at] != 0) {
        const struct lane *lane = commit->lanes[commit->index[at] - 1];

        if (partition != NULL && lane->hash == hash && mr_value_equals(lane->partition, partition))
            break;
        at = (at + 1) & mask;
    }
    return &commit->index[at];
}

static bool lanes_grow(struct offset_commit *commit)
{
    uint32_t capacity = commit->lane_capacity == 0 ? LANES_FIRST : commit->lane_capacity * 2;
    struct lane **lanes = mem_realloc(commit->lanes, capacity * sizeof(*lanes));
    struct lane **active;
    uint32_t *index;

    if (lanes == NULL)
        return false;
    commit->lanes = lanes;
    active = mem_realloc(commit->active, capacity * sizeof(*active));
    if (active == NULL)
        return false;
    commit->active = active;
    index = mem_calloc((size_t)capacity * 2, sizeof(*index));
    if (index == NULL)
        return false;
    mem_free(commit->index);
    commit->index = index;
    commit->lane_capacity = capacity;
    for (uint32_t i = 0; i < commit->lane_count; i++)
        *index_slot(commit, commit->lanes[i]->hash, NULL) = i + 1;
    return true;
}

static struct lane *lane_of(struct offset_commit *commit, const struct mr_value *partition, struct mr_error **error)
{
    uint64_t hash = value_hash(partition);
    uint32_t *slot;
    struct lane *lane;

    if (commit->lane_count == commit->lane_capacity && !lanes_grow(commit)) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for source partitions");
        return NULL;
    }
    slot = index_slot(commit, hash, partition);
    if (*slot != 0)
        return commit->lanes[*slot - 1];
    if (commit->lane_count == SOURCE_PARTITIONS_MAX) {
        mr_error_set(error, MR_ERR_CONNECT, "more than %d source partitions in one task: spread them over more tasks",
                     SOURCE_PARTITIONS_MAX);
        return NULL;
    }
    lane = lane_create(commit, partition, hash);
    if (lane == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a source partition");
        return NULL;
    }
    commit->lanes[commit->lane_count++] = lane;
    *slot = commit->lane_count;
    return lane;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void commit_free(struct offset_commit *commit)
{
    if (commit == NULL)
        return;
    for (uint32_t i = 0; i < commit->lane_count; i++)
        lane_destroy(commit->lanes[i]);
    mr_arena_destroy(commit->partitions);
    mr_arena_destroy(commit->offsets);
    mem_free(commit->lanes);
    mem_free(commit->active);
    mem_free(commit->index);
    mem_free(commit->done.items);
    mem_free(commit->connector);
    mutex_destroy(&commit->lock);
    mem_free(commit);
}
struct offset_commit *offset_commit_create(const struct offset_commit_setup *setup, struct mr_error **error)
{
    struct offset_commit *commit = mem_calloc(1, sizeof(*commit));

    if (commit != NULL) {
        commit->connector = mem_strdup(setup->connector);
        commit->partitions = mr_arena_create(SIZE_MAX / 2);
        commit->offsets = mr_arena_create(SIZE_MAX / 2);
        mutex_init(&commit->lock);
    }
    if (commit == NULL || commit->connector == NULL || commit->partitions == NULL || commit->offsets == NULL) {
        commit_free(commit);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the offsets of %s-%u", setup->connector, setup->number);
        return NULL;
    }
    commit->setup = *setup;
    commit->setup.connector = commit->connector;
    commit->references = 1;
    commit->compact_at_bytes = COMPACT_LEAST_BYTES;
    commit->last_flush_ms = clock_monotonic_ms(setup->clock);
    return commit;
}

/* Called with the lock held; gives it back. */
static void drop_and_unlock(struct offset_commit *commit)
{
    bool last = --commit->references == 0;

    mutex_unlock(&commit->lock);
    if (last)
        commit_free(commit);
}

void offset_commit_close(struct offset_commit *commit)
{
    if (commit == NULL)
        return;
    mutex_lock(&commit->lock);
    commit->closed = true;
    drop_and_unlock(commit);
}

/* --- records in and out -------------------------------------------------------------------------------------- */

static bool is_map_or_null(const struct mr_value *value)
{
    return mr_value_kind(value) == MR_KIND_MAP || mr_value_is_null(value);
}

static int submit_entry(struct offset_commit *commit, struct mr_record *entry, const struct mr_value **last_partition,
                        struct lane **last_lane, struct mr_error **error)
{
    const struct mr_value *partition = entry->content.source_partition;

    if (!is_map_or_null(partition) || !is_map_or_null(entry->content.source_offset))
        return mr_error_set(error, MR_ERR_CONNECT,
                            "the source partition and offset of a record have to be maps; this source gave %s and %s",
                            mr_kind_name(mr_value_kind(partition)),
                            mr_kind_name(mr_value_kind(entry->content.source_offset)));
    /* Records without a partition share one lane, which is never stored. Within one batch the same pointer is the same
     * partition; across batches addresses are used again. */
    if (*last_lane == NULL || partition != *last_partition) {
        *last_lane = lane_of(commit, partition, error);
        *last_partition = partition;
    }
    if (*last_lane == NULL)
        return -1;
    if (!ring_reserve(&(*last_lane)->ring, 1))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for records under way");
    ring_push(&(*last_lane)->ring, entry);
    lane_activate(commit, *last_lane);
    commit->pending++;
    return 0;
}

int offset_commit_submit(struct offset_commit *commit, struct source_batch *batch, struct mr_error **error)
{
    const struct mr_value *partition = NULL;
    struct lane *lane = NULL;
    int status = 0;
    uint32_t count = batch_entry_count(batch->batch);

    mutex_lock(&commit->lock);
    for (uint32_t i = 0; i < count && status == 0; i++) {
        status = submit_entry(commit, batch_entry_at(batch->batch, i), &partition, &lane, error);
        if (status == 0)
            batch->entries_left++;
    }
    mutex_unlock(&commit->lock);
    return status;
}

void offset_commit_mark_acked(struct mr_record *entry)
{
    if (atomic_fetch_sub_explicit(&entry->owner_pending, 1, memory_order_acq_rel) == 1)
        atomic_store_explicit(&entry->owner_state, ENTRY_ACKED, memory_order_release);
}

static bool is_acked(struct mr_record *entry)
{
    return entry != NULL && atomic_load_explicit(&entry->owner_state, memory_order_acquire) == ENTRY_ACKED;
}

static void entry_finish(struct offset_commit *commit, struct mr_record *entry)
{
    struct source_batch *batch = entry->batch->owner;

    if (commit->setup.keep_done && record_kind(entry) != RECORD_PROGRESS && ring_reserve(&commit->done, 1))
        ring_push(&commit->done, entry);
    else
        batch->entries_left--;
}

static void lane_collect(struct offset_commit *commit, struct lane *lane)
{
    const struct mr_value *offset = NULL;

    while (is_acked(ring_first(&lane->ring))) {
        struct mr_record *entry = ring_pop(&lane->ring);

        /* Null in a record means "no offset"; in a progress marker it is the progress: the partition is to be forgotten. */
        if (!mr_value_is_null(entry->content.source_offset) || record_kind(entry) == RECORD_PROGRESS)
            offset = entry->content.source_offset;
        commit->pending--;
        /* The batch is let go by the task's thread alone, so `offset` lives until this function returns. */
        entry_finish(commit, entry);
    }
    if (offset != NULL && !mr_value_is_null(lane->partition))
        lane_set_offset(commit, lane, offset);
}

void offset_commit_collect(struct offset_commit *commit)
{
    mutex_lock(&commit->lock);
    for (uint32_t i = 0; i < commit->active_count;) {
        struct lane *lane = commit->active[i];

        if (is_acked(ring_first(&lane->ring)))
            lane_collect(commit, lane);
        lane->is_active = lane->ring.count > 0;
        if (lane->is_active)
            i++;
        else
            commit->active[i] = commit->active[--commit->active_count];
    }
    mutex_unlock(&commit->lock);
}

void offset_commit_forget(struct offset_commit *commit)
{
    mutex_lock(&commit->lock);
    for (uint32_t i = 0; i < commit->active_count; i++) {
        commit->active[i]->ring.count = 0;
        commit->active[i]->is_active = false;
    }
    commit->active_count = 0;
    commit->done.count = 0;
    commit->pending = 0;
    mutex_unlock(&commit->lock);
}

struct mr_record *offset_commit_take_done(struct offset_commit *commit)
{
    struct mr_record *entry = NULL;

    mutex_lock(&commit->lock);
    if (commit->done.count > 0)
        entry = ring_pop(&commit->done);
    mutex_unlock(&commit->lock);
    return entry;
}

void offset_commit_release_done(struct offset_commit *commit, struct mr_record *entry)
{
    struct source_batch *batch = entry->batch->owner;

    mutex_lock(&commit->lock);
    batch->entries_left--;
    mutex_unlock(&commit->lock);
}

bool offset_commit_is_home(struct offset_commit *commit, const struct source_batch *batch)
{
    bool is_home;

    mutex_lock(&commit->lock); /* a ticking thread may be copying an offset out of the batch */
    is_home = batch->entries_left == 0;
    mutex_unlock(&commit->lock);
    return is_home;
}

size_t offset_commit_pending(struct offset_commit *commit)
{
    size_t pending;

    mutex_lock(&commit->lock);
    pending = commit->pending;
    mutex_unlock(&commit->lock);
    return pending;
}

/* --- flushing ------------------------------------------------------------------------------------------------ */

struct confirmation {
    struct offset_commit *commit;
    uint64_t sequence;
};

static void flush_failed(struct offset_commit *commit, const char *words)
{
    log_warn(LOG_NAME, "%s-%u: source offsets could not be stored, they will be tried again: %s", commit->connector,
             commit->setup.number, words);
}

/* The lanes that the failed flush held are marked again; newer offsets have taken the place of older ones by then. */
static void mark_flushed_changed(struct offset_commit *commit)
{
    for (uint32_t i = 0; i < commit->lane_count; i++)
        if (commit->lanes[i]->flushed_in == commit->flush_sequence)
            lane_set_changed(commit, commit->lanes[i], true);
}

static void on_stored(void *argument, const struct mr_error *error)
{
    struct confirmation *confirmation = argument;
    struct offset_commit *commit = confirmation->commit;

    mutex_lock(&commit->lock);
    if (commit->flush_running && confirmation->sequence == commit->flush_sequence) {
        commit->flush_running = false;
        if (error == NULL)
            commit->told_stored = true;
        else
            mark_flushed_changed(commit);
        commit->told_failed = error != NULL;
        if (error != NULL)
            flush_failed(commit, mr_error_message(error));
        if (!commit->closed)
            commit->setup.wake(commit->setup.wake_argument);
    }
    drop_and_unlock(commit);
    mem_free(confirmation);
}

/* Copies what changed; locks: held. */
static struct offset_entry *entries_take(struct offset_commit *commit, struct mr_arena *arena, size_t *count)
{
    struct offset_entry *entries = NULL;

    *count = 0;
    if (commit->changed_count == 0 ||
        (entries = mr_arena_alloc(arena, commit->changed_count * sizeof(*entries))) == NULL)
        return NULL;
    for (uint32_t i = 0; i < commit->lane_count; i++) {
        struct lane *lane = commit->lanes[i];
        struct offset_entry *entry = &entries[*count];

        if (!lane->changed)
            continue;
        entry->partition = lane->partition; /* lanes stay as long as the task */
        entry->offset = mr_value_copy(arena, lane->offset);
        if (entry->offset == NULL)
            continue;
        lane_set_changed(commit, lane, false);
        lane->flushed_in = commit->flush_sequence + 1;
        (*count)++;
    }
    return entries;
}

/* Called with the lock held, returns with it. */
static void flush_start(struct offset_commit *commit, int64_t now_ms)
{
    struct mr_arena *arena = mr_arena_create(SIZE_MAX / 2);
    struct confirmation *confirmation = mem_alloc(sizeof(*confirmation));
    struct offset_entry *entries = NULL;
    struct mr_error *error = NULL;
    size_t count = 0;

    commit->last_flush_ms = now_ms;
    if (arena != NULL && confirmation != NULL)
        entries = entries_take(commit, arena, &count);
    if (entries == NULL || count == 0) {
        mr_arena_destroy(arena);
        mem_free(confirmation);
        return;
    }
    commit->flush_running = true;
    commit->flush_started_ms = now_ms;
    *confirmation = (struct confirmation){.commit = commit, .sequence = ++commit->flush_sequence};
    commit->references++;
    mutex_unlock(&commit->lock);
    if (offset_store_put(commit->setup.store, commit->connector, entries, count, on_stored, confirmation, &error) !=
        0) {
        on_stored(confirmation, error);
        mr_error_drop(error);
    }
    mr_arena_destroy(arena);
    mutex_lock(&commit->lock);
}

static void give_up_if_late(struct offset_commit *commit, int64_t now_ms)
{
    char words[64];

    if (!commit->flush_running || now_ms - commit->flush_started_ms < commit->setup.timeout_ms)
        return;
    commit->flush_running = false;
    commit->told_failed = true;
    mark_flushed_changed(commit);
    commit->flush_sequence++; /* a late confirmation has an old one */
    snprintf(words, sizeof(words), "no confirmation within %" PRIu32 " ms", commit->setup.timeout_ms);
    flush_failed(commit, words);
}

/* Locks: held. */
static void flush_if_due(struct offset_commit *commit, bool force)
{
    int64_t now_ms = clock_monotonic_ms(commit->setup.clock);

    give_up_if_late(commit, now_ms);
    if (!commit->flush_running && commit->changed_count > 0 &&
        (force || now_ms - commit->last_flush_ms >= commit->setup.interval_ms))
        flush_start(commit, now_ms);
}

void offset_commit_flush_start(struct offset_commit *commit)
{
    mutex_lock(&commit->lock);
    flush_if_due(commit, false);
    mutex_unlock(&commit->lock);
}

enum flush_state offset_commit_flush(struct offset_commit *commit, bool force)
{
    enum flush_state state = FLUSH_NOTHING;

    mutex_lock(&commit->lock);
    if (!commit->told_stored && !commit->told_failed)
        flush_if_due(commit, force);
    if (commit->told_stored)
        state = FLUSH_STORED;
    else if (commit->told_failed)
        state = FLUSH_FAILED;
    else if (commit->flush_running)
        state = FLUSH_RUNNING;
    commit->told_stored = false;
    commit->told_failed = false;
    mutex_unlock(&commit->lock);
    return state;
}

int64_t offset_commit_next_ms(struct offset_commit *commit)
{
    int64_t next_ms = INT64_MAX;

    mutex_lock(&commit->lock);
    if (commit->flush_running)
        next_ms = commit->flush_started_ms + commit->setup.timeout_ms;
    else if (commit->changed_count > 0) /* what is not acknowledged yet wakes the task when it is */
        next_ms = commit->last_flush_ms + commit->setup.interval_ms;
    mutex_unlock(&commit->lock);
    return next_ms;
}
