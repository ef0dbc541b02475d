/* The base's reader of Java properties, for plugins. */
#include <millrace/properties.h>

#include <string.h>

#include "base/mem.h"
#include "base/properties.h"
#include "base/string_map.h"

#include "base/bans.h"

struct mr_properties {
    struct string_map *map;
};

struct mr_properties *mr_properties_parse(const char *text, size_t size, struct mr_error **error)
{
    char why[160] = "";
    struct mr_properties *properties = mem_calloc(1, sizeof(*properties));
    if (properties == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for properties");
        return NULL;
    }
    properties->map = properties_parse(text, size, PROPERTIES_UTF8, why, sizeof(why));
    if (properties->map != NULL)
        return properties;
    mr_error_set(error, strcmp(why, PROPERTIES_NO_MEMORY) == 0 ? MR_ERR_NO_MEMORY : MR_ERR_CONFIG, "%s", why);
    mem_free(properties);
    return NULL;
}

void mr_properties_destroy(struct mr_properties *properties)
{
    if (properties == NULL)
        return;
    string_map_destroy(properties->map);
    mem_free(properties);
}

const char *mr_properties_get(const struct mr_properties *properties, const char *key)
{
    return string_map_get(properties->map, key);
}

size_t mr_properties_count(const struct mr_properties *properties)
{
    return string_map_count(properties->map);
}

const char *mr_properties_key_at(const struct mr_properties *properties, size_t index)
{
    return string_map_key(properties->map, index);
}

const char *mr_properties_value_at(const struct mr_properties *properties, size_t index)
{
    return string_map_value(properties->map, index);
}
