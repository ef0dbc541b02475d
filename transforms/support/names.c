#include "names.h"

#include <stdlib.h>
#include <string.h>

void names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
    *names = (struct names){ .count = 0 };
}

bool names_add(struct names *names, const char *text, size_t size)
{
    struct name *items = realloc(names->items, (names->count + 1) * sizeof(*items));
    if (items == NULL)
        return false;
    names->items = items;
    char *copy = strndup(text, size);
    if (copy == NULL)
        return false;
    names->items[names->count++] = (struct name){ .text = copy, .size = size };
    return true;
}

bool names_add_list(struct names *names, const struct mr_config *config, const char *option)
{
    size_t count = mr_config_list_count(config, option);
    for (size_t i = 0; i < count; i++) {
        const char *text = mr_config_list_at(config, option, i);
        if (!names_add(names, text, strlen(text)))
            return false;
    }
    return true;
}

int64_t names_find(const struct names *names, struct mr_bytes name)
{
    for (size_t i = names->count; i-- > 0;) {
        if (names->items[i].size == name.size && memcmp(names->items[i].text, name.data, name.size) == 0)
            return (int64_t)i;
    }
    return -1;
}
