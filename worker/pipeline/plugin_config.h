/*
 * plugin_config: finds the plugin that a property names and parses the properties below a prefix for it. For the files of
 * this room.
 */
#ifndef PIPELINE_PLUGIN_CONFIG_H
#define PIPELINE_PLUGIN_CONFIG_H

#include <millrace/module.h>

struct loader;
struct loader_plugin;
struct string_map;

struct plugin_choice {
    enum mr_plugin_kind kind;
    const char *property;      /* names the class: "transforms.a.type"; for messages */
    const char *class_name;    /* as written; NULL: not given */
    const char *version_range; /* NULL: the newest */
};

/* MR_ERR_CONFIG in the words of Kafka Connect when there is no such plugin, or no such version. */
int plugin_find(const struct loader *loader, const struct plugin_choice *choice, const struct loader_plugin **plugin,
                struct mr_error **error);

/* Parses `map` (names without the prefix) by the plugin's own definition; mistakes are named with the prefix. */
struct mr_config *plugin_parse(const struct loader_plugin *plugin, const struct string_map *map, const char *prefix,
                               struct mr_error **error);

/* The same by any definition. */
struct mr_config *config_parse_by(const struct mr_config_def *def, const struct string_map *map, const char *prefix,
                                  struct mr_error **error);

#endif
