/*
 * string_map: string → string, in the order of insertion: connector configurations, worker properties.
 *
 * Keys and values are copied; values are wiped before their memory is freed. A value may be NULL (JSON null in a connector
 * configuration): string_map_has() tells a NULL value from an absent key. Putting an existing key keeps its place.
 * One thread at a time; reading from several threads is fine while none writes. Texts handed out live until their entry
 * is replaced, removed, or the map destroyed.
 */
#ifndef BASE_STRING_MAP_H
#define BASE_STRING_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct string_map;

struct string_map *string_map_create(void);                             /* NULL: no memory */
struct string_map *string_map_copy(const struct string_map *map);      /* NULL: no memory */
void string_map_destroy(struct string_map *map);

const char *string_map_get(const struct string_map *map, const char *key);   /* NULL: absent, or a NULL value */
const char *string_map_get_or(const struct string_map *map, const char *key, const char *otherwise);
bool string_map_has(const struct string_map *map, const char *key);

/* false: no memory, map unchanged. A value of NULL is stored as null. The value may come from this very map. */
bool string_map_put(struct string_map *map, const char *key, const char *value);
bool string_map_put_null(struct string_map *map, const char *key);
/* All entries of other, its values win. false: no memory, map may hold a part. */
bool string_map_put_all(struct string_map *map, const struct string_map *other);
bool string_map_remove(struct string_map *map, const char *key);   /* false: was not there */

size_t string_map_count(const struct string_map *map);
const char *string_map_key(const struct string_map *map, size_t i);
const char *string_map_value(const struct string_map *map, size_t i);   /* may be NULL */

/* Same keys with same values, in whatever order. NULL equals NULL only. */
bool string_map_equals(const struct string_map *one, const struct string_map *other);

/* A new map of the entries whose key starts with the prefix, the prefix cut off: "producer." of producer.acks → acks.
 * A key that is the prefix itself is left out. NULL: no memory. */
struct string_map *string_map_with_prefix(const struct string_map *map, const char *prefix);

#endif
