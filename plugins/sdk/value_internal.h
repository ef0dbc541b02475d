/*
 * value_internal: what the files about values share; back room of sdk.
 */
#ifndef SDK_VALUE_INTERNAL_H
#define SDK_VALUE_INTERNAL_H

#include "sdk/value_layout.h"

/* Elements of an array, entries of a map. */
#define VALUE_COUNT_MAX ((size_t)1 << 28)

_Static_assert(sizeof(struct value_array) % 16 == 0 && sizeof(struct value_entry) == 32, "cells follow aligned");

/* value_compare.c: value_hash of a string of these bytes. */
uint64_t value_hash_text(const void *text, size_t size);

/* value_map.c: the entry with an equal key, or NULL. */
struct value_entry *value_map_find(const struct value_map *map, const struct mr_value *key);

#endif
