#include "store/config_snapshot.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "store/cluster_notes_internal.h"
#include "store/config_entry_internal.h"
#include "base/bans.h"

const char *target_state_name(enum target_state state)
{
    static const char *const names[] = {
        [TARGET_STARTED] = "STARTED", [TARGET_PAUSED] = "PAUSED", [TARGET_STOPPED] = "STOPPED"};
    assert(state <= TARGET_STOPPED);
    return names[state];
}

static struct config_key *take_key(struct config_key *key)
{
    if (key != NULL)
        refcount_take(&key->owners);
    return key;
}

struct config_snapshot *config_snapshot_create(const struct config_snapshot_parts *parts)
{
    struct config_snapshot *snapshot = mem_alloc(sizeof(*snapshot) + parts->count * sizeof(snapshot->entries[0]));
    if (snapshot == NULL)
        return NULL;
    refcount_init(&snapshot->owners);
    snapshot->offset = parts->offset;
    snapshot->session_key = take_key(parts->session_key);
    snapshot->former_session_key = take_key(parts->former_session_key);
    snapshot->notes = cluster_notes_take(parts->notes);
    snapshot->count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->entries[i]->config == NULL)
            continue;
        refcount_take(&parts->entries[i]->owners);
        snapshot->entries[snapshot->count++] = parts->entries[i];
    }
    return snapshot;
}

struct config_snapshot *config_snapshot_take(struct config_snapshot *snapshot)
{
    refcount_take(&snapshot->owners);
    return snapshot;
}

void config_snapshot_drop(struct config_snapshot *snapshot)
{
    if (snapshot == NULL || !refcount_drop(&snapshot->owners))
        return;
    for (size_t i = 0; i < snapshot->count; i++)
        config_entry_drop(snapshot->entries[i]);
    config_key_drop(snapshot->session_key);
    config_key_drop(snapshot->former_session_key);
    cluster_notes_drop(snapshot->notes);
    mem_free(snapshot);
}

static const struct config_entry *find(const struct config_snapshot *snapshot, const char *connector)
{
    size_t low = 0, high = snapshot->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(connector, snapshot->entries[middle]->name);
        if (order == 0)
            return snapshot->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

int64_t config_snapshot_offset(const struct config_snapshot *snapshot)
{
    return snapshot->offset;
}

size_t config_snapshot_connector_count(const struct config_snapshot *snapshot)
{
    return snapshot->count;
}

const char *config_snapshot_connector_at(const struct config_snapshot *snapshot, size_t i)
{
    assert(i < snapshot->count);
    return snapshot->entries[i]->name;
}

bool config_snapshot_has(const struct config_snapshot *snapshot, const char *connector)
{
    return find(snapshot, connector) != NULL;
}

const struct string_map *config_snapshot_config(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL ? entry->config->map : NULL;
}

enum target_state config_snapshot_target(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL ? entry->target : TARGET_STARTED;
}

uint32_t config_snapshot_task_count(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    if (entry == NULL || entry->is_inconsistent || entry->tasks == NULL)
        return 0;
    return entry->tasks->count;
}

const struct string_map *config_snapshot_task(const struct config_snapshot *snapshot, const char *connector,
                                              uint32_t task)
{
    const struct config_entry *entry = find(snapshot, connector);
    if (entry == NULL || entry->is_inconsistent || entry->tasks == NULL || task >= entry->tasks->count)
        return NULL;
    return entry->tasks->maps[task]->map;
}

bool config_snapshot_is_inconsistent(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL && entry->is_inconsistent;
}

bool config_snapshot_is_settled(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL && entry->is_settled;
}

bool config_snapshot_awaits_commit(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL && entry->awaits_commit;
}

const struct string_map *config_snapshot_applied(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL && entry->applied != NULL ? entry->applied->map : NULL;
}

int64_t config_snapshot_task_generation(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL ? entry->generation : -1;
}

int64_t config_snapshot_tasks_offset(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL ? entry->tasks_offset : -1;
}

int64_t config_snapshot_fenced_count(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL ? entry->fenced_count : -1;
}

bool config_snapshot_needs_fencing(const struct config_snapshot *snapshot, const char *connector)
{
    const struct config_entry *entry = find(snapshot, connector);
    return entry != NULL && entry->needs_fencing;
}

const struct session_key *config_snapshot_session_key(const struct config_snapshot *snapshot)
{
    return snapshot->session_key != NULL ? &snapshot->session_key->view : NULL;
}

const struct session_key *config_snapshot_former_session_key(const struct config_snapshot *snapshot)
{
    return snapshot->former_session_key != NULL ? &snapshot->former_session_key->view : NULL;
}

size_t config_snapshot_note_count(const struct config_snapshot *snapshot)
{
    return snapshot->notes->count;
}

struct config_note config_snapshot_note_at(const struct config_snapshot *snapshot, size_t i)
{
    const struct cluster_note *note;

    assert(i < snapshot->notes->count);
    note = snapshot->notes->notes[i];
    return (struct config_note){note->key, note->text, note->size, note->is_overruled, note->offset};
}

bool config_snapshot_note_find(const struct config_snapshot *snapshot, const char *key, struct config_note *note)
{
    for (size_t i = 0; i < snapshot->notes->count; i++)
        if (strcmp(snapshot->notes->notes[i]->key, key) == 0) {
            *note = config_snapshot_note_at(snapshot, i);
            return note->size > 0;
        }
    return false;
}

uint64_t config_snapshot_epoch(const struct config_snapshot *snapshot)
{
    return snapshot->notes->epoch;
}
