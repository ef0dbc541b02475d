#include "base/string_map.h"

#include <string.h>

#include "base/mem.h"
#include "base/pointer_map.h"

#include "base/bans.h"

/* A pointer_map whose values are texts of its own. */
struct string_map {
    struct pointer_map *texts;
};

/* Configurations hold secrets: they do not stay behind in freed memory. */
static void text_free(void *text)
{
    explicit_bzero(text, strlen(text));
    mem_free(text);
}

struct string_map *string_map_create(void)
{
    struct string_map *map = mem_alloc(sizeof(*map));
    if (map == NULL)
        return NULL;
    map->texts = pointer_map_create(text_free);
    if (map->texts == NULL) {
        mem_free(map);
        return NULL;
    }
    return map;
}

void string_map_destroy(struct string_map *map)
{
    if (map == NULL)
        return;
    pointer_map_destroy(map->texts);
    mem_free(map);
}

struct string_map *string_map_copy(const struct string_map *map)
{
    struct string_map *copy = string_map_create();
    if (copy != NULL && !string_map_put_all(copy, map)) {
        string_map_destroy(copy);
        copy = NULL;
    }
    return copy;
}

const char *string_map_get(const struct string_map *map, const char *key)
{
    return pointer_map_get(map->texts, key);
}

const char *string_map_get_or(const struct string_map *map, const char *key, const char *otherwise)
{
    const char *value = string_map_get(map, key);
    return value == NULL ? otherwise : value;
}

bool string_map_has(const struct string_map *map, const char *key)
{
    return pointer_map_has(map->texts, key);
}

bool string_map_put(struct string_map *map, const char *key, const char *value)
{
    if (value == NULL)
        return string_map_put_null(map, key);
    char *copy = mem_strdup(value);
    if (copy == NULL)
        return false;
    if (!pointer_map_put(map->texts, key, copy)) {
        mem_free(copy);
        return false;
    }
    return true;
}

bool string_map_put_null(struct string_map *map, const char *key)
{
    return pointer_map_put(map->texts, key, NULL);
}

bool string_map_put_all(struct string_map *map, const struct string_map *other)
{
    for (size_t i = 0; i < string_map_count(other); i++)
        if (!string_map_put(map, string_map_key(other, i), string_map_value(other, i)))
            return false;
    return true;
}

bool string_map_remove(struct string_map *map, const char *key)
{
    return pointer_map_remove(map->texts, key);
}

size_t string_map_count(const struct string_map *map)
{
    return pointer_map_count(map->texts);
}

const char *string_map_key(const struct string_map *map, size_t i)
{
    return pointer_map_key(map->texts, i);
}

const char *string_map_value(const struct string_map *map, size_t i)
{
    return pointer_map_value(map->texts, i);
}

static bool values_equal(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

bool string_map_equals(const struct string_map *one, const struct string_map *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    if (string_map_count(one) != string_map_count(other))
        return false;
    for (size_t i = 0; i < string_map_count(one); i++) {
        const char *key = string_map_key(one, i);
        if (!string_map_has(other, key) || !values_equal(string_map_value(one, i), string_map_get(other, key)))
            return false;
    }
    return true;
}

struct string_map *string_map_with_prefix(const struct string_map *map, const char *prefix)
{
    struct string_map *part = string_map_create();
    size_t length = strlen(prefix);
    for (size_t i = 0; part != NULL && i < string_map_count(map); i++) {
        const char *key = string_map_key(map, i);
        if (strncmp(key, prefix, length) != 0 || key[length] == '\0')
            continue;
        if (!string_map_put(part, key + length, string_map_value(map, i))) {
            string_map_destroy(part);
            part = NULL;
        }
    }
    return part;
}
