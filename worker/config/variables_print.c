#include <string.h>

#include "base/hash.h"
#include "base/string_map.h"
#include "config/reference_internal.h"
#include "config/variables.h"

#include "base/bans.h"

size_t variables_missing(const char *raw, const char *resolved)
{
    struct reference reference;
    size_t missing = 0;
    for (; reference_find(raw, &reference); raw = reference.whole.at + reference.whole.length) {
        if (memmem(resolved, strlen(resolved), reference.whole.at, reference.whole.length) != NULL)
            missing++;
    }
    return missing;
}

struct variables_print variables_print(const struct string_map *raw, const struct string_map *resolved)
{
    struct variables_print print = {0};
    for (size_t i = 0; i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i), *value = string_map_get(resolved, name);
        if (value == NULL || !variables_has_reference(text))
            continue;
        print.values = hash_bytes(name, strlen(name) + 1, print.values);
        print.values = hash_bytes(value, strlen(value) + 1, print.values);
        print.missing += variables_missing(text, value);
    }
    return print;
}
