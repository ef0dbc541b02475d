#include "task/offset_lanes_internal.h"

#include "base/mem.h"

#include "base/bans.h"

#define LANES_FIRST 8u
#define RING_FIRST 8u

/* --- rings --------------------------------------------------------------------------------------------------- */

bool entry_ring_reserve(struct ring *ring, uint32_t more)
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

void entry_ring_push(struct ring *ring, struct mr_record *entry)
{
    ring->items[(ring->first + ring->count++) & (ring->capacity - 1)] = entry;
}

struct mr_record *entry_ring_first(const struct ring *ring)
{
    return ring->count == 0 ? NULL : ring->items[ring->first];
}

struct mr_record *entry_ring_pop(struct ring *ring)
{
    struct mr_record *entry = ring->items[ring->first];

    ring->first = (ring->first + 1) & (ring->capacity - 1);
    ring->count--;
    return entry;
}

/* --- lanes; locks: commit->lock ------------------------------------------------------------------------------ */

void offset_lane_destroy(struct lane *lane)
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
    offset_lane_destroy(lane);
    return NULL;
}

void offset_lane_set_changed(struct offset_commit *commit, struct lane *lane, bool changed)
{
    if (lane->changed == changed)
        return;
    lane->changed = changed;
    commit->changed_count += changed ? 1u : UINT32_MAX;
}

static void set_missed(struct offset_commit *commit, struct lane *lane, bool has_missed)
{
    if (lane->has_missed == has_missed)
        return;
    lane->has_missed = has_missed;
    commit->missed_count += has_missed ? 1u : UINT32_MAX;
}

void offset_lane_activate(struct offset_commit *commit, struct lane *lane)
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

void offset_lane_set(struct offset_commit *commit, struct lane *lane, const struct mr_value *offset)
{
    const struct mr_value *copy;

    if (mr_arena_used_bytes(commit->offsets) >= commit->compact_at_bytes)
        offsets_compact(commit);
    copy = mr_value_copy(commit->offsets, offset);
    if (copy == NULL) {
        set_missed(commit, lane, true);
        return;
    }
    set_missed(commit, lane, false); /* the newer offset speaks for the one that was missed */
    lane->offset = copy;
    offset_lane_set_changed(commit, lane, true);
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

struct lane *offset_lane_of(struct offset_commit *commit, const struct mr_value *partition, struct mr_error **error)
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
