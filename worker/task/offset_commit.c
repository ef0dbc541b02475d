#include "task/offset_lanes_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "task/source_batch_internal.h"

#include "base/bans.h"

/* --- life ---------------------------------------------------------------------------------------------------- */

static void commit_free(struct offset_commit *commit)
{
    if (commit == NULL)
        return;
    for (uint32_t i = 0; i < commit->lane_count; i++)
        offset_lane_destroy(commit->lanes[i]);
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

void offset_commit_drop_and_unlock(struct offset_commit *commit)
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
    offset_commit_drop_and_unlock(commit);
}

/* --- records in and out -------------------------------------------------------------------------------------- */

static bool is_map_or_null(const struct mr_value *value)
{
    return value->kind == MR_KIND_MAP || value->kind == MR_KIND_NULL;
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
        *last_lane = offset_lane_of(commit, partition, error);
        *last_partition = partition;
    }
    if (*last_lane == NULL)
        return -1;
    if (!entry_ring_reserve(&(*last_lane)->ring, 1))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for records under way");
    entry_ring_push(&(*last_lane)->ring, entry);
    offset_lane_activate(commit, *last_lane);
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
    /* The last one has nobody beside it: no locked subtraction for the common record, which is one item. */
    if (atomic_load_explicit(&entry->owner_pending, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&entry->owner_pending, 1, memory_order_acq_rel) == 1)
        atomic_store_explicit(&entry->owner_state, ENTRY_ACKED, memory_order_release);
}

static bool is_acked(struct mr_record *entry)
{
    return entry != NULL && atomic_load_explicit(&entry->owner_state, memory_order_acquire) == ENTRY_ACKED;
}

static void entry_finish(struct offset_commit *commit, struct mr_record *entry)
{
    struct source_batch *batch = entry->batch->owner;

    if (commit->setup.keep_done && record_kind(entry) != RECORD_PROGRESS && entry_ring_reserve(&commit->done, 1))
        entry_ring_push(&commit->done, entry);
    else
        batch->entries_left--;
}

/* The newest offset among the `count` entries that the ring had from `first` on. Null in a record means "no offset"; in a progress marker
 * it is the progress: the partition is to be forgotten. From the end on: one is looked at, not all. */
static const struct mr_value *newest_offset(const struct ring *ring, uint32_t first, uint32_t count)
{
    while (count-- > 0) {
        const struct mr_record *entry = ring->items[(first + count) & (ring->capacity - 1)];

        if (entry->content.source_offset->kind != MR_KIND_NULL || record_kind(entry) == RECORD_PROGRESS)
            return entry->content.source_offset;
    }
    return NULL;
}

static void lane_collect(struct offset_commit *commit, struct lane *lane)
{
    const struct mr_value *offset;
    uint32_t first = lane->ring.first, count = 0;

    for (; is_acked(entry_ring_first(&lane->ring)); count++)
        entry_finish(commit, entry_ring_pop(&lane->ring));
    commit->pending -= count;
    /* Batches are let go by the task's thread alone, so what is looked at here lives until this function returns. */
    offset = newest_offset(&lane->ring, first, count);
    if (offset != NULL && !mr_value_is_null(lane->partition))
        offset_lane_set(commit, lane, offset);
}

void offset_commit_collect(struct offset_commit *commit)
{
    mutex_lock(&commit->lock);
    for (uint32_t i = 0; i < commit->active_count;) {
        struct lane *lane = commit->active[i];

        if (is_acked(entry_ring_first(&lane->ring)))
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
        entry = entry_ring_pop(&commit->done);
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
