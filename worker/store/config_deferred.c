#include "store/config_deferred_internal.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "store/config_entry_internal.h"
#include "base/bans.h"

struct deferred_task {
    uint32_t task;
    struct config_map *map;
};

struct config_deferred {
    struct deferred_task *items;   /* by task */
    size_t count, capacity;
};

struct config_deferred *config_deferred_create(void)
{
    return mem_calloc(1, sizeof(struct config_deferred));
}

void config_deferred_clear(struct config_deferred *deferred)
{
    for (size_t i = 0; i < deferred->count; i++)
        config_map_drop(deferred->items[i].map);
    deferred->count = 0;
}

void config_deferred_destroy(void *argument)
{
    struct config_deferred *deferred = argument;
    if (deferred == NULL)
        return;
    config_deferred_clear(deferred);
    mem_free(deferred->items);
    mem_free(deferred);
}

/* Where the task is, or would have to be. */
static size_t place_of(const struct config_deferred *deferred, uint32_t task)
{
    size_t low = 0, high = deferred->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (deferred->items[middle].task < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool reserve(struct config_deferred *deferred)
{
    if (deferred->count < deferred->capacity)
        return true;
    size_t capacity = deferred->capacity == 0 ? 4 : deferred->capacity * 2;
    struct deferred_task *items = mem_realloc(deferred->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    deferred->items = items;
    deferred->capacity = capacity;
    return true;
}

bool config_deferred_put(struct config_deferred *deferred, uint32_t task, struct config_map *map)
{
    size_t place = place_of(deferred, task);
    if (place < deferred->count && deferred->items[place].task == task) {
        config_map_drop(deferred->items[place].map);
        deferred->items[place].map = config_map_take(map);
        return true;
    }
    if (!reserve(deferred))
        return false;
    struct deferred_task *at = deferred->items + place;
    memmove(at + 1, at, (deferred->count - place) * sizeof(*at));
    *at = (struct deferred_task){.task = task, .map = config_map_take(map)};
    deferred->count++;
    return true;
}

bool config_deferred_is_complete(const struct config_deferred *deferred, uint32_t count)
{
    /* Sorted and without doubles: the first `count` are 0 … count-1 exactly when the last of them is count-1. */
    return count == 0 || (deferred->count >= count && deferred->items[count - 1].task == count - 1);
}

struct config_tasks *config_deferred_tasks(const struct config_deferred *deferred, uint32_t count)
{
    assert(config_deferred_is_complete(deferred, count));
    struct config_tasks *tasks = config_tasks_create(count);
    for (uint32_t i = 0; tasks != NULL && i < count; i++)
        tasks->maps[i] = config_map_take(deferred->items[i].map);
    return tasks;
}
