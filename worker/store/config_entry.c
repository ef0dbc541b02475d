#include "store/config_entry_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "base/bans.h"

struct config_map *config_map_wrap(struct string_map **map)
{
    struct config_map *wrapped = mem_alloc(sizeof(*wrapped));
    if (wrapped == NULL) {
        string_map_destroy(*map);
    } else {
        refcount_init(&wrapped->owners);
        wrapped->map = *map;
    }
    *map = NULL;
    return wrapped;
}

struct config_map *config_map_take(struct config_map *map)
{
    if (map != NULL)
        refcount_take(&map->owners);
    return map;
}

void config_map_drop(struct config_map *map)
{
    if (map == NULL || !refcount_drop(&map->owners))
        return;
    string_map_destroy(map->map);
    mem_free(map);
}

struct config_tasks *config_tasks_create(uint32_t count)
{
    struct config_tasks *tasks = mem_calloc(1, sizeof(*tasks) + (size_t)count * sizeof(tasks->maps[0]));
    if (tasks == NULL)
        return NULL;
    refcount_init(&tasks->owners);
    tasks->count = count;
    return tasks;
}

void config_tasks_drop(struct config_tasks *tasks)
{
    if (tasks == NULL || !refcount_drop(&tasks->owners))
        return;
    for (uint32_t i = 0; i < tasks->count; i++)
        config_map_drop(tasks->maps[i]);
    mem_free(tasks);
}

struct config_key *config_key_create(const struct session_key *key)
{
    size_t key_size = strlen(key->key) + 1, algorithm_size = strlen(key->algorithm) + 1;
    struct config_key *made = mem_alloc(sizeof(*made) + key_size + algorithm_size);
    if (made == NULL)
        return NULL;
    refcount_init(&made->owners);
    memcpy(made->texts, key->key, key_size);
    memcpy(made->texts + key_size, key->algorithm, algorithm_size);
    made->view = (struct session_key){
        .key = made->texts, .algorithm = made->texts + key_size, .created_ms = key->created_ms};
    return made;
}

void config_key_drop(struct config_key *key)
{
    if (key != NULL && refcount_drop(&key->owners))
        mem_free(key);
}

struct config_entry *config_entry_create(const char *name)
{
    size_t size = strlen(name) + 1;
    struct config_entry *entry = mem_calloc(1, sizeof(*entry) + size);
    if (entry == NULL)
        return NULL;
    refcount_init(&entry->owners);
    entry->generation = -1;
    entry->tasks_offset = -1;
    entry->fenced_count = -1;
    entry->target = TARGET_STARTED;
    memcpy(entry->name, name, size);
    return entry;
}

struct config_entry *config_entry_copy(const struct config_entry *entry)
{
    struct config_entry *copy = config_entry_create(entry->name);
    if (copy == NULL)
        return NULL;
    copy->config = config_map_take(entry->config);
    copy->applied = config_map_take(entry->applied);
    copy->tasks = entry->tasks;
    if (copy->tasks != NULL)
        refcount_take(&copy->tasks->owners);
    copy->generation = entry->generation;
    copy->tasks_offset = entry->tasks_offset;
    copy->fenced_count = entry->fenced_count;
    copy->target = entry->target;
    copy->has_target = entry->has_target;
    copy->is_inconsistent = entry->is_inconsistent;
    copy->is_settled = entry->is_settled;
    copy->awaits_commit = entry->awaits_commit;
    copy->needs_fencing = entry->needs_fencing;
    return copy;
}

void config_entry_forget(struct config_entry *entry)
{
    config_map_drop(entry->config);
    config_map_drop(entry->applied);
    config_tasks_drop(entry->tasks);
    entry->config = NULL;
    entry->applied = NULL;
    entry->tasks = NULL;
    entry->is_inconsistent = entry->is_settled = entry->awaits_commit = false;
}

void config_entry_drop(struct config_entry *entry)
{
    if (entry == NULL || !refcount_drop(&entry->owners))
        return;
    config_entry_forget(entry);
    mem_free(entry);
}
