#include "coordination/unit_map.h"

#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

int unit_compare(const char *connector, int32_t task, const char *other_connector, int32_t other_task)
{
    int order = strcmp(connector, other_connector);

    if (order != 0)
        return order;
    return (task > other_task) - (task < other_task);
}

void unit_map_init(struct unit_map *map)
{
    *map = (struct unit_map){0};
}

static void entry_release(struct unit_entry *entry)
{
    mem_free(entry->connector);
    mem_free(entry->text);
}

void unit_map_release(struct unit_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        entry_release(&map->entries[i]);
    mem_free(map->entries);
    unit_map_init(map);
}

/* The first entry that is not before the unit. */
static size_t place_of(const struct unit_map *map, const char *connector, int32_t task)
{
    size_t low = 0, high = map->count;

    if (high > 0) { /* in order: the usual case */
        const struct unit_entry *last = &map->entries[high - 1];

        if (unit_compare(last->connector, last->task, connector, task) < 0)
            return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct unit_entry *entry = &map->entries[middle];

        if (unit_compare(entry->connector, entry->task, connector, task) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct unit_map *map, size_t place, const char *connector, int32_t task)
{
    return place < map->count &&
           unit_compare(map->entries[place].connector, map->entries[place].task, connector, task) == 0;
}

static bool reserve_one(struct unit_map *map)
{
    size_t capacity = map->capacity == 0 ? 8 : map->capacity * 2;
    struct unit_entry *entries;

    if (map->count < map->capacity)
        return true;
    entries = mem_realloc(map->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return false;
    map->entries = entries;
    map->capacity = capacity;
    return true;
}

static bool retext(struct unit_entry *entry, const char *text)
{
    char *copy = mem_strdup(text);

    if (copy == NULL && text != NULL)
        return false;
    mem_free(entry->text);
    entry->text = copy;
    return true;
}

bool unit_map_put(struct unit_map *map, const char *connector, int32_t task, const char *text)
{
    size_t place = place_of(map, connector, task);
    struct unit_entry entry = {.task = task};

    if (is_at(map, place, connector, task))
        return retext(&map->entries[place], text);
    entry.connector = mem_strdup(connector);
    entry.text = mem_strdup(text);
    if (entry.connector == NULL || (entry.text == NULL && text != NULL) || !reserve_one(map)) {
        entry_release(&entry);
        return false;
    }
    memmove(&map->entries[place + 1], &map->entries[place], (map->count - place) * sizeof(entry));
    map->entries[place] = entry;
    map->count++;
    return true;
}

bool unit_map_remove(struct unit_map *map, const char *connector, int32_t task)
{
    size_t place = place_of(map, connector, task);

    if (!is_at(map, place, connector, task))
        return false;
    entry_release(&map->entries[place]);
    map->count--;
    memmove(&map->entries[place], &map->entries[place + 1], (map->count - place) * sizeof(map->entries[0]));
    return true;
}

size_t unit_map_find(const struct unit_map *map, const char *connector, int32_t task)
{
    size_t place = place_of(map, connector, task);

    return is_at(map, place, connector, task) ? place : UNIT_MAP_NONE;
}

bool unit_map_has(const struct unit_map *map, const char *connector, int32_t task)
{
    return unit_map_find(map, connector, task) != UNIT_MAP_NONE;
}

const char *unit_map_text(const struct unit_map *map, const char *connector, int32_t task)
{
    size_t place = unit_map_find(map, connector, task);

    return place == UNIT_MAP_NONE ? NULL : map->entries[place].text;
}

bool unit_map_copy(struct unit_map *to, const struct unit_map *from)
{
    unit_map_init(to);
    for (size_t i = 0; i < from->count; i++)
        if (!unit_map_put(to, from->entries[i].connector, from->entries[i].task, from->entries[i].text)) {
            unit_map_release(to);
            return false;
        }
    return true;
}

static bool same_text(const char *one, const char *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    return strcmp(one, other) == 0;
}

bool unit_map_equals(const struct unit_map *one, const struct unit_map *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++) {
        const struct unit_entry *left = &one->entries[i], *right = &other->entries[i];

        if (unit_compare(left->connector, left->task, right->connector, right->task) != 0 ||
            !same_text(left->text, right->text))
            return false;
    }
    return true;
}
