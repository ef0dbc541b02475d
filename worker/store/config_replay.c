#include "store/config_replay_internal.h"

#include <assert.h>
#include <string.h>

#include <millrace/arena.h>
#include <millrace/value.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/string_map.h"
#include "store/cluster_notes_internal.h"
#include "store/config_deferred_internal.h"
#include "store/config_entry_internal.h"
#include "store/config_events_internal.h"
#include "store/config_records_internal.h"
#include "store/record_text_internal.h"
#include "base/bans.h"

struct config_replay {
    struct config_entry **entries;   /* by name */
    size_t count, capacity;
    struct pointer_map *deferred;    /* connector → struct config_deferred */
    struct config_key *session_key, *former_session_key;
    struct cluster_notes *notes;
    int64_t offset;                  /* of the last record understood + 1; -1: none yet */
    struct mr_arena *arena;          /* of the record at hand */
    struct ptr_array events;
    bool is_telling;
};

/* One record: what follows its prefix (in the arena) and its value. */
struct config_input {
    struct mr_bytes key;
    struct mr_bytes text; /* the value as it came */
    const char *name;
    const struct mr_value *value;
};

struct config_replay *config_replay_create(void)
{
    struct config_replay *replay = mem_calloc(1, sizeof(*replay));
    if (replay == NULL)
        return NULL;
    config_events_init(&replay->events);
    replay->offset = -1;
    replay->deferred = pointer_map_create(config_deferred_destroy);
    replay->arena = mr_arena_create(RECORD_ARENA_MAX);
    replay->notes = cluster_notes_create();
    if (replay->deferred != NULL && replay->arena != NULL && replay->notes != NULL)
        return replay;
    config_replay_destroy(replay);
    return NULL;
}

void config_replay_destroy(struct config_replay *replay)
{
    if (replay == NULL)
        return;
    for (size_t i = 0; i < replay->count; i++)
        config_entry_drop(replay->entries[i]);
    mem_free(replay->entries);
    pointer_map_destroy(replay->deferred);
    config_key_drop(replay->session_key);
    config_key_drop(replay->former_session_key);
    cluster_notes_drop(replay->notes);
    mr_arena_destroy(replay->arena);
    ptr_array_release(&replay->events);
    mem_free(replay);
}

struct config_snapshot *config_replay_snapshot(const struct config_replay *replay)
{
    return config_snapshot_create(&(struct config_snapshot_parts){.offset = replay->offset,
                                                                  .session_key = replay->session_key,
                                                                  .former_session_key = replay->former_session_key,
                                                                  .notes = replay->notes,
                                                                  .entries = replay->entries,
                                                                  .count = replay->count});
}

void config_replay_begin_telling(struct config_replay *replay)
{
    replay->is_telling = true;
}

void config_replay_tell(struct config_replay *replay, const struct config_listener *listener, void *argument)
{
    for (size_t i = 0; listener != NULL && i < replay->events.count; i++)
        config_event_tell(replay->events.items[i], listener, argument);
    ptr_array_clear(&replay->events);
}

static bool note(struct config_replay *replay, const struct config_event *event)
{
    return !replay->is_telling || config_events_add(&replay->events, event);
}

/* The record is bad, which is no reason to stop. */
static bool skip(struct mr_bytes key, const char *why)
{
    char shown[RECORD_KEY_SHOWN_MAX];
    log_error("store.config", "config topic: record %s is ignored: %s", record_key_shown(key, shown), why);
    return true;
}

/* ---- entries ---- */

/* Where the entry is, or would have to be. */
static size_t place_of(const struct config_replay *replay, const char *name)
{
    size_t low = 0, high = replay->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(replay->entries[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct config_entry *entry_find(const struct config_replay *replay, const char *name)
{
    size_t place = place_of(replay, name);
    bool found = place < replay->count && strcmp(replay->entries[place]->name, name) == 0;
    return found ? replay->entries[place] : NULL;
}

static bool reserve(struct config_replay *replay)
{
    if (replay->count < replay->capacity)
        return true;
    size_t capacity = replay->capacity == 0 ? 16 : replay->capacity * 2;
    struct config_entry **entries = mem_realloc(replay->entries, capacity * sizeof(struct config_entry *));
    if (entries == NULL)
        return false;
    replay->entries = entries;
    replay->capacity = capacity;
    return true;
}

static struct config_entry *entry_insert(struct config_replay *replay, size_t place, const char *name)
{
    struct config_entry *entry = reserve(replay) ? config_entry_create(name) : NULL;
    if (entry == NULL)
        return NULL;
    struct config_entry **at = replay->entries + place;
    memmove(at + 1, at, (replay->count - place) * sizeof(struct config_entry *));
    *at = entry;
    replay->count++;
    return entry;
}

/* The entry, made when new, to be changed: one that a snapshot shows is replaced by a copy first. NULL: no memory. */
static struct config_entry *entry_edit(struct config_replay *replay, const char *name)
{
    size_t place = place_of(replay, name);
    if (place == replay->count || strcmp(replay->entries[place]->name, name) != 0)
        return entry_insert(replay, place, name);
    struct config_entry *entry = replay->entries[place];
    if (refcount_read(&entry->owners) == 1)
        return entry;
    struct config_entry *copy = config_entry_copy(entry);
    if (copy == NULL)
        return NULL;
    config_entry_drop(entry);
    replay->entries[place] = copy;
    return copy;
}

/* Forgets what is known, but for target state and fencing. */
static bool forget(struct config_replay *replay, const char *name)
{
    pointer_map_remove(replay->deferred, name);
    if (entry_find(replay, name) == NULL)
        return true;
    struct config_entry *entry = entry_edit(replay, name);
    if (entry != NULL)
        config_entry_forget(entry);
    return entry != NULL;
}

/* ---- one function for each kind of record; false: no memory ---- */

static bool target_parse(const char *text, enum target_state *state)
{
    for (enum target_state each = TARGET_STARTED; each <= TARGET_STOPPED; each++) {
        if (text != NULL && strcmp(text, target_state_name(each)) == 0) {
            *state = each;
            return true;
        }
    }
    return false;
}

static bool apply_target_tombstone(struct config_replay *replay, const char *name)
{
    if (entry_find(replay, name) == NULL)
        return true;
    struct config_entry *entry = entry_edit(replay, name);
    if (entry == NULL)
        return false;
    entry->target = TARGET_STARTED;
    entry->has_target = entry->config != NULL;
    return true;
}

static bool apply_target(struct config_replay *replay, const struct config_input *input)
{
    if (mr_value_is_null(input->value))
        return apply_target_tombstone(replay, input->name);
    if (mr_value_kind(input->value) != MR_KIND_MAP)
        return skip(input->key, "not an object");
    /* A text in state.v2 counts, even an unknown one; anything else leaves it to `state`, as old workers wrote it. */
    const struct mr_value *text = mr_map_get(input->value, "state.v2");
    if (text == NULL || mr_value_kind(text) != MR_KIND_STRING)
        text = mr_map_get(input->value, "state");
    enum target_state state;
    if (!target_parse(record_text_of(replay->arena, text), &state))
        return skip(input->key, "neither STARTED nor PAUSED nor STOPPED");
    struct config_entry *entry = entry_edit(replay, input->name);
    if (entry == NULL)
        return false;
    bool changed = !entry->has_target || entry->target != state;
    entry->target = state;
    entry->has_target = true;
    if (!changed || entry->config == NULL)
        return true;
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_TARGET, .name = input->name});
}

/* The map of texts in {"properties":{…}}. Sets *map NULL after skipping. */
static bool properties_of(struct config_replay *replay, const struct config_input *input, struct config_map **map)
{
    *map = NULL;
    if (mr_value_kind(input->value) != MR_KIND_MAP)
        return skip(input->key, "not an object");
    struct string_map *texts = NULL;
    switch (record_map_of(replay->arena, mr_map_get(input->value, "properties"), &texts)) {
    case RECORD_READ:
        *map = config_map_wrap(&texts);
        return *map != NULL;
    case RECORD_MALFORMED:
        return skip(input->key, "\"properties\" is not an object of texts");
    default:
        return false;
    }
}

static bool apply_connector(struct config_replay *replay, const struct config_input *input)
{
    if (mr_value_is_null(input->value))
        return forget(replay, input->name) &&
               note(replay, &(struct config_event){.kind = CONFIG_EVENT_REMOVED, .name = input->name});
    struct config_map *map;
    if (!properties_of(replay, input, &map))
        return false;
    if (map == NULL)
        return true;
    struct config_entry *entry = entry_edit(replay, input->name);
    if (entry == NULL) {
        config_map_drop(map);
        return false;
    }
    /* A writer takes the configuration, then writes all tasks and the commit: tasks from before it are a former one's, which
     * compaction has left alone, or were computed for another configuration. */
    pointer_map_remove(replay->deferred, input->name);
    config_map_drop(entry->config);
    entry->config = map;
    entry->has_target = true;
    entry->is_settled = entry->awaits_commit = false;
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_CHANGED, .name = input->name});
}

static struct config_deferred *deferred_of(struct config_replay *replay, const char *name)
{
    struct config_deferred *deferred = pointer_map_get(replay->deferred, name);
    if (deferred != NULL)
        return deferred;
    deferred = config_deferred_create();
    if (deferred == NULL || pointer_map_put(replay->deferred, name, deferred))
        return deferred;
    config_deferred_destroy(deferred);
    return NULL;
}

/* A task record stands where its commit may never follow. */
static bool unsettle(struct config_replay *replay, const char *name)
{
    struct config_entry *entry = entry_find(replay, name);
    if (entry == NULL || (!entry->is_settled && entry->awaits_commit))
        return true;
    entry = entry_edit(replay, name);
    if (entry != NULL) {
        entry->is_settled = false;
        entry->awaits_commit = true;
    }
    return entry != NULL;
}

static bool apply_task(struct config_replay *replay, const struct config_input *input)
{
    char *name = mr_arena_text(replay->arena, input->name);
    uint32_t task;
    if (name == NULL)
        return false;
    if (!record_key_split_number(name, &task))
        return skip(input->key, "the key names no task");
    if (mr_value_is_null(input->value))
        return skip(input->key, "a task record is never removed");
    struct config_map *map;
    if (!properties_of(replay, input, &map))
        return false;
    if (map == NULL)
        return true;
    struct config_deferred *deferred = deferred_of(replay, name);
    bool done = deferred != NULL && config_deferred_put(deferred, task, map);
    config_map_drop(map);
    return done && unsettle(replay, name);
}

/* Not negative, fits; false after skipping. */
static bool count_of(const struct config_input *input, const char *member, uint32_t *count)
{
    int64_t number;
    if (mr_value_kind(input->value) == MR_KIND_MAP && record_integer_of(mr_map_get(input->value, member), &number) &&
        number >= 0 && number <= INT32_MAX) {
        *count = (uint32_t)number;
        return true;
    }
    skip(input->key, "it holds no count of tasks");
    return false;
}

static bool commit(struct config_replay *replay, struct config_entry *entry, uint32_t count)
{
    struct config_deferred *deferred = pointer_map_get(replay->deferred, entry->name);
    bool had_none = entry->tasks != NULL && entry->tasks->count == 0 && !entry->is_inconsistent;
    if (count > 0 || !had_none)
        entry->tasks_offset = replay->offset - 1;
    entry->needs_fencing = true;
    entry->awaits_commit = false;
    if (deferred == NULL ? count > 0 : !config_deferred_is_complete(deferred, count)) {
        log_warn("store.config",
                 "connector %s: the config topic lacks some of its %u task configurations; they are computed anew when "
                 "it starts",
                 entry->name, (unsigned)count);
        entry->is_inconsistent = true;
        entry->is_settled = false;
    } else {
        struct config_tasks *tasks =
            deferred != NULL ? config_deferred_tasks(deferred, count) : config_tasks_create(0);
        if (tasks == NULL)
            return false;
        config_tasks_drop(entry->tasks);
        entry->tasks = tasks;
        config_map_drop(entry->applied);
        entry->applied = config_map_take(entry->config);
        entry->generation += deferred != NULL;
        entry->is_inconsistent = false;
        entry->is_settled = true;
    }
    if (deferred != NULL)
        config_deferred_clear(deferred);
    return true;
}

static bool apply_commit(struct config_replay *replay, const struct config_input *input)
{
    const struct config_entry *known = entry_find(replay, input->name);
    if (known == NULL || known->config == NULL)
        return forget(replay, input->name);
    uint32_t count;
    if (!count_of(input, "tasks", &count))
        return true;
    struct config_entry *entry = entry_edit(replay, input->name);
    return entry != NULL && commit(replay, entry, count) &&
           note(replay, &(struct config_event){.kind = CONFIG_EVENT_TASKS, .name = input->name});
}

static bool flag_of(const struct mr_value *map, const char *member)
{
    const struct mr_value *flag = mr_map_get(map, member);
    return flag != NULL && mr_value_kind(flag) == MR_KIND_BOOLEAN && mr_value_boolean(flag);
}

static bool apply_restart(struct config_replay *replay, const struct config_input *input)
{
    if (mr_value_kind(input->value) != MR_KIND_MAP)
        return skip(input->key, "not an object");
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_RESTART,
                                               .name = input->name,
                                               .include_tasks = flag_of(input->value, "include-tasks"),
                                               .only_failed = flag_of(input->value, "only-failed")});
}

static bool apply_fencing(struct config_replay *replay, const struct config_input *input)
{
    uint32_t count;
    if (!count_of(input, "task-count", &count))
        return true;
    struct config_entry *entry = entry_edit(replay, input->name);
    if (entry == NULL)
        return false;
    entry->fenced_count = count;
    entry->needs_fencing = false;
    return true;
}

/* Is it base64? Its bytes are not kept. */
static bool is_key_text(struct mr_arena *arena, const char *text)
{
    size_t length;
    void *bytes = mr_arena_alloc(arena, base64_decoded_max(strlen(text)) + 1);
    return bytes != NULL && base64_decode(text, strlen(text), bytes, &length);
}

static bool apply_session_key(struct config_replay *replay, const struct config_input *input)
{
    if (mr_value_kind(input->value) != MR_KIND_MAP)
        return skip(input->key, "not an object");
    struct session_key key = {
        .key = record_text_of(replay->arena, mr_map_get(input->value, "key")),
        .algorithm = record_text_of(replay->arena, mr_map_get(input->value, "algorithm")),
    };
    if (key.key == NULL || key.algorithm == NULL || !is_key_text(replay->arena, key.key) ||
        !record_integer_of(mr_map_get(input->value, "creation-timestamp"), &key.created_ms))
        return skip(input->key, "key, algorithm or creation-timestamp is missing or of the wrong kind");
    struct config_key *made = config_key_create(&key);
    if (made == NULL)
        return false;
    config_key_drop(replay->former_session_key);
    replay->former_session_key = replay->session_key;
    replay->session_key = made;
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_SESSION_KEY});
}

static bool apply_logger(struct config_replay *replay, const struct config_input *input)
{
    const char *level = NULL;
    if (mr_value_kind(input->value) == MR_KIND_MAP)
        level = record_text_of(replay->arena, mr_map_get(input->value, "level"));
    if (level == NULL)
        return skip(input->key, "it holds no level");
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_LOGGER, .name = input->name, .level = level});
}

/* Ours: kept as text; only whether it counts is looked at. */
static bool apply_note(struct config_replay *replay, const struct config_input *input)
{
    const char *key = mr_arena_printf(replay->arena, "%s%s", CONFIG_KEY_NOTE, input->name);
    struct cluster_notes *next;
    int64_t epoch = -1;

    if (key == NULL)
        return false;
    if (mr_value_kind(input->value) == MR_KIND_MAP) {
        const struct mr_value *said = mr_map_get(input->value, "epoch");

        if (said != NULL && (!record_integer_of(said, &epoch) || epoch < 0))
            return skip(input->key, "\"epoch\" is not a number");
    }
    next = cluster_notes_put(replay->notes, key, input->text.data, input->text.size, epoch, replay->offset - 1);
    if (next == NULL)
        return false;
    cluster_notes_drop(replay->notes);
    replay->notes = next;
    return note(replay, &(struct config_event){.kind = CONFIG_EVENT_NOTE, .name = key});
}

/* ---- the table, in the order in which prefixes are tried ---- */

static const struct config_kind {
    const char *prefix;
    bool (*apply)(struct config_replay *replay, const struct config_input *input);
    bool is_whole_key;
} kinds[] = {
    {CONFIG_KEY_TARGET, apply_target, false},       {CONFIG_KEY_CONNECTOR, apply_connector, false},
    {CONFIG_KEY_TASK, apply_task, false},           {CONFIG_KEY_COMMIT, apply_commit, false},
    {CONFIG_KEY_RESTART, apply_restart, false},     {CONFIG_KEY_FENCING, apply_fencing, false},
    {CONFIG_KEY_SESSION, apply_session_key, true},  {CONFIG_KEY_LOGGER, apply_logger, false},
    {CONFIG_KEY_NOTE, apply_note, false},
};

static const struct config_kind *kind_of(struct mr_bytes key)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (record_key_has(key, kinds[i].prefix) &&
            (!kinds[i].is_whole_key || key.size == strlen(kinds[i].prefix)))
            return &kinds[i];
    return NULL;
}

bool config_replay_apply(struct config_replay *replay, int64_t offset, struct mr_bytes key, struct mr_bytes value)
{
    struct config_input input = {.key = key, .text = value};
    mr_arena_clear(replay->arena);
    enum record_read read = record_text_read(replay->arena, value, &input.value);
    if (read == RECORD_NO_MEMORY)
        return false;
    /* The one case that does not move the config offset: every member of a group must count alike. */
    if (read == RECORD_MALFORMED)
        return skip(key, "its value is not JSON");
    replay->offset = offset + 1;
    const struct config_kind *kind = kind_of(key);
    if (kind == NULL)
        return skip(key, "unknown key");
    if (!kind->is_whole_key) {
        input.name = record_key_rest(replay->arena, key, kind->prefix);
        if (input.name == NULL)
            return skip(key, "the key names nothing, or is not UTF-8");
    }
    return kind->apply(replay, &input);
}
