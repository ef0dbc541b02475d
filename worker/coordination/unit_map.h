/*
 * unit_map: a set of units (a connector, or one of its tasks), each with a text or none, sorted by connector and task.
 *
 * Embedded in its owner: _init (allocates nothing) → … → _release. Texts are copied. One thread at a time; reading from several is
 * fine while none writes. Adding units in their order costs no shifting.
 */
#ifndef COORDINATION_UNIT_MAP_H
#define COORDINATION_UNIT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT_IS_CONNECTOR (-1) /* in place of a task number */
#define UNIT_MAP_NONE SIZE_MAX

struct unit_entry {
    char *connector;
    int32_t task; /* or UNIT_IS_CONNECTOR */
    char *text;   /* what the map says of the unit: a reason, a worker; may be NULL */
};

struct unit_map {
    struct unit_entry *entries; /* sorted; to be read directly */
    size_t count, capacity;
};

void unit_map_init(struct unit_map *map);
void unit_map_release(struct unit_map *map); /* usable again after */

/* Adds the unit, or gives it another text. false: no memory, map unchanged. `text` may be NULL. */
bool unit_map_put(struct unit_map *map, const char *connector, int32_t task, const char *text);
bool unit_map_remove(struct unit_map *map, const char *connector, int32_t task); /* false: was not there */
/* UNIT_MAP_NONE: not there. */
size_t unit_map_find(const struct unit_map *map, const char *connector, int32_t task);
bool unit_map_has(const struct unit_map *map, const char *connector, int32_t task);
/* NULL: not there, or without a text. */
const char *unit_map_text(const struct unit_map *map, const char *connector, int32_t task);

/* `to` is initialised. false: no memory, `to` is empty. */
bool unit_map_copy(struct unit_map *to, const struct unit_map *from);
/* Same units with same texts. */
bool unit_map_equals(const struct unit_map *one, const struct unit_map *other);

/* The order of the entries. */
int unit_compare(const char *connector, int32_t task, const char *other_connector, int32_t other_task);

#endif
