/*
 * pointer_map: string → pointer, in the order of insertion, look-up by hash.
 *
 * Keys are copied. Values belong to the map when a free function was given, else to the caller. A value may be NULL.
 * Putting an existing key keeps its place in the order. Removing costs O(n): the order is kept. The hash is seeded per
 * map, so that keys from outside cannot be chosen to collide.
 * One thread at a time; reading from several threads is fine while none writes.
 */
#ifndef BASE_POINTER_MAP_H
#define BASE_POINTER_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct pointer_map;

/* Frees one value; never called with NULL. May not touch the map. */
typedef void pointer_map_free_fn(void *value);

struct pointer_map *pointer_map_create(pointer_map_free_fn *free_value);   /* NULL: no memory */
void pointer_map_destroy(struct pointer_map *map);
void pointer_map_clear(struct pointer_map *map);

void *pointer_map_get(const struct pointer_map *map, const char *key);   /* NULL: absent, or a NULL value */
bool pointer_map_has(const struct pointer_map *map, const char *key);

/* Inserts or replaces (the old value is freed). false: no memory, map unchanged, the value stays the caller's. */
bool pointer_map_put(struct pointer_map *map, const char *key, void *value);
bool pointer_map_put_n(struct pointer_map *map, const char *key, size_t key_length, void *value);

bool pointer_map_remove(struct pointer_map *map, const char *key);   /* false: was not there */
void *pointer_map_take(struct pointer_map *map, const char *key);    /* removes without freeing; the caller's now */

/* Iteration: 0 <= i < count. A put of a new key or a removal moves positions. */
size_t pointer_map_count(const struct pointer_map *map);
const char *pointer_map_key(const struct pointer_map *map, size_t i);
void *pointer_map_value(const struct pointer_map *map, size_t i);

#endif
