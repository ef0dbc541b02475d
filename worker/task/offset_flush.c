/* What is committable goes to the store: one flush at a time, in the background. */
#include "task/offset_lanes_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/offset_store.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.offsets"

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
            offset_lane_set_changed(commit, commit->lanes[i], true);
}

static void on_stored(void *argument, const struct mr_error *error)
{
    struct confirmation *confirmation = argument;
    struct offset_commit *commit = confirmation->commit;

    mutex_lock(&commit->lock);
    if (commit->flush_running && confirmation->sequence == commit->flush_sequence) {
        commit->flush_running = false;
        if (error == NULL) {
            commit->told_stored = true;
            commit->flush_took_ms = clock_monotonic_ms(commit->setup.clock) - commit->flush_started_ms;
        } else {
            mark_flushed_changed(commit);
        }
        commit->told_failed = error != NULL;
        if (error != NULL)
            flush_failed(commit, mr_error_message(error));
        if (!commit->closed)
            commit->setup.wake(commit->setup.wake_argument);
    }
    offset_commit_drop_and_unlock(commit);
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
        offset_lane_set_changed(commit, lane, false);
        lane->flushed_in = commit->flush_sequence + 1;
        (*count)++;
    }
    return entries;
}

static int put(struct offset_commit *commit, const struct offset_entry *entries, size_t count, struct confirmation *confirmation,
               struct mr_error **error)
{
    if (commit->setup.put != NULL)
        return commit->setup.put(commit->setup.put_argument, commit->connector, entries, count, on_stored, confirmation, error);
    return offset_store_put(commit->setup.store, commit->connector, entries, count, on_stored, confirmation, error);
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
    if (put(commit, entries, count, confirmation, &error) != 0) {
        on_stored(confirmation, error);
        mr_error_drop(error);
    }
    mr_arena_destroy(arena);
    mutex_lock(&commit->lock);
}

static void give_up_if_late(struct offset_commit *commit, int64_t now_ms)
{
    char words[64];

    if (!commit->flush_running || commit->setup.put != NULL || now_ms - commit->flush_started_ms < commit->setup.timeout_ms)
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
        (force || (commit->setup.put == NULL && now_ms - commit->last_flush_ms >= commit->setup.interval_ms)))
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

int64_t offset_commit_flush_took_ms(struct offset_commit *commit)
{
    int64_t took_ms;

    mutex_lock(&commit->lock);
    took_ms = commit->flush_took_ms;
    mutex_unlock(&commit->lock);
    return took_ms;
}

bool offset_commit_lacks(struct offset_commit *commit)
{
    mutex_lock(&commit->lock);
    bool lacks = commit->changed_count > 0 || commit->missed_count > 0;
    mutex_unlock(&commit->lock);
    return lacks;
}

int64_t offset_commit_next_ms(struct offset_commit *commit)
{
    int64_t next_ms = INT64_MAX;

    mutex_lock(&commit->lock);
    if (commit->setup.put != NULL)
        next_ms = INT64_MAX;
    else if (commit->flush_running)
        next_ms = commit->flush_started_ms + commit->setup.timeout_ms;
    else if (commit->changed_count > 0) /* what is not acknowledged yet wakes the task when it is */
        next_ms = commit->last_flush_ms + commit->setup.interval_ms;
    mutex_unlock(&commit->lock);
    return next_ms;
}
