/* The options of converters that the connector names itself. */
#include <string.h>

#include "base/string_map.h"
#include "config/connector_internal.h"

#include "base/bans.h"

struct side {
    const char *type, *option, *version_option, *prefix;
    enum mr_plugin_kind kind;
};
/* In the order REST lists them. */
static const struct side sides[] = {
    {"header", "header.converter", "header.converter.plugin.version", "header.converter.", MR_PLUGIN_HEADER_CONVERTER},
    {"key", "key.converter", "key.converter.plugin.version", "key.converter.", MR_PLUGIN_CONVERTER},
    {"value", "value.converter", "value.converter.plugin.version", "value.converter.", MR_PLUGIN_CONVERTER},
};

static int side_options(struct validating *validating, const struct side *side, const struct loader_plugin *plugin)
{
    struct string_map *options = string_map_with_prefix(validating->map, side->prefix);
    struct validating_part part = {.defs = {plugin->config_def},
                                   .def_count = 1,
                                   .map = options,
                                   .prefix = side->prefix,
                                   .naming = CONFIG_NAMES_SHORT,
                                   .look = {.part = REPORT_CONVERTERS, .is_hash_ordered = true},
                                   .plugin = &plugin->name};
    if (options == NULL ||
        (!string_map_has(options, "converter.type") && !string_map_put(options, "converter.type", side->type))) {
        string_map_destroy(options);
        return validating_no_memory(validating->error);
    }
    struct mr_config *config = validate_part(validating, &part, NULL);
    mr_config_destroy(config);
    string_map_destroy(options);
    return config == NULL ? -1 : setups_add(validating, plugin, side->prefix, side->option, side->type);
}

/* A version that is none counts on the version alone, also where the converter is the worker's; one that does not exist counts
 * on the class, too. */
static bool has_sound_version(struct validating *validating, const struct side *side)
{
    struct mr_error *reason = NULL;
    if (loader_version_range_check(string_map_get(validating->map, side->version_option), &reason) == 0)
        return true;
    validating_add_error(validating, side->version_option, "%s", mr_error_message(reason));
    mr_error_drop(reason);
    return false;
}

static int validate_side(struct validating *validating, const struct side *side)
{
    const struct loader_plugin *plugin;
    const char *class_name = string_map_get(validating->map, side->option);
    struct mr_error *reason = NULL;
    int status = 0;
    if (!has_sound_version(validating, side) || class_name == NULL || validating_has_error(validating, side->option))
        return 0;
    if (loader_find(validating->loader, side->kind, class_name, string_map_get(validating->map, side->version_option),
                    &plugin, &reason) == 0) {
        status = side_options(validating, side, plugin);
    } else {
        validating_add_error(validating, side->option, "%s", mr_error_message(reason));
        validating_add_error(validating, side->version_option, "%s", mr_error_message(reason));
    }
    mr_error_drop(reason);
    return status;
}

int validate_converters(struct validating *validating)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(sides) / sizeof(sides[0]); i++)
        status = validate_side(validating, &sides[i]);
    return status;
}
