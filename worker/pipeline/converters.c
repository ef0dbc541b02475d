#include <millrace/converter.h>

#include "pipeline/converters.h"

#include <stdio.h>
#include <string.h>

#include "base/plugin_call.h"
#include "base/string_map.h"
#include "config/plugin_instance.h"
#include "loader/loader.h"
#include "pipeline/plugin_config.h"

#include "base/bans.h"

#define PREFIX_MAX 32

struct side {
    const char *property;
    const char *type; /* converter.type */
    enum mr_plugin_kind kind;
    const char *standard; /* NULL: somebody has to name one */
};

static const struct side key_side = { "key.converter", "key", MR_PLUGIN_CONVERTER, NULL };
static const struct side value_side = { "value.converter", "value", MR_PLUGIN_CONVERTER, NULL };
static const struct side header_side = { "header.converter", "header", MR_PLUGIN_HEADER_CONVERTER,
                                         CONVERTERS_DEFAULT_HEADER };

static const struct mr_config_row choice_rows[] = {
    { .name = "class", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "" },
    { .name = "plugin.version", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "" },
};
static const struct mr_config_def choice_options = MR_CONFIG_DEF(choice_rows);

/* Whose settings count: the connector's when it names a converter, else the worker's. NULL: nobody names one. */
static const struct string_map *choose(const struct converters_setup *setup, const struct side *side)
{
    if (string_map_get(setup->connector, side->property) != NULL)
        return setup->connector;
    return setup->worker != NULL && string_map_has(setup->worker, side->property) ? setup->worker : NULL;
}

static void ask_about_null(struct converter *converter)
{
    if (converter->ops->null_schema == NULL)
        return;
    const struct plugin_call before = plugin_call_enter(converter->plugin, "null_schema");
    converter->null_schema = converter->ops->null_schema(converter->self);
    plugin_call_leave(before);
    converter->null = mr_null();
}

static int create_converter(struct converter *converter, const struct loader_plugin *plugin,
                            const struct string_map *settings, const char *prefix, struct mr_error **error)
{
    converter->config = plugin_parse(plugin, settings, prefix, error);
    if (converter->config == NULL)
        return -1;
    converter->ops = plugin->converter;
    converter->class_name = plugin->class_name;
    converter->version = plugin->version;
    converter->plugin = &plugin->name;
    converter->self = plugin_instance_create(plugin, converter->config, "create", error);
    if (converter->self == NULL)
        return -1;
    ask_about_null(converter);
    return 0;
}

/* The class name and version, blanks trimmed as for any option. */
static struct mr_config *parse_choice(const char *class_name, const char *version, struct mr_error **error)
{
    struct mr_config *config = NULL;
    struct string_map *map = string_map_create();
    if (map == NULL || !string_map_put(map, "class", class_name) || !string_map_put(map, "plugin.version", version))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the choice of a converter");
    else
        config = config_parse_by(&choice_options, map, NULL, error);
    string_map_destroy(map);
    return config;
}

/* `settings`: without the prefix. */
static int find_and_create(struct converter *converter, const struct converters_setup *setup, const struct side *side,
                           const char *class_name, const struct string_map *settings, struct mr_error **error)
{
    char prefix[PREFIX_MAX];
    snprintf(prefix, sizeof(prefix), "%s.", side->property);
    struct mr_config *wanted = parse_choice(class_name, string_map_get(settings, "plugin.version"), error);
    if (wanted == NULL)
        return -1;
    const struct plugin_choice choice = {
        .kind = side->kind,
        .property = side->property,
        .class_name = mr_config_string(wanted, "class"),
        .version_range = mr_config_string(wanted, "plugin.version"),
    };
    const struct loader_plugin *plugin = NULL;
    int result = plugin_find(setup->loader, &choice, &plugin, error);
    if (result == 0)
        result = create_converter(converter, plugin, settings, prefix, error);
    mr_config_destroy(wanted);
    return result;
}

static int init_side(struct converter *converter, const struct converters_setup *setup, const struct side *side,
                     struct mr_error **error)
{
    char prefix[PREFIX_MAX];
    snprintf(prefix, sizeof(prefix), "%s.", side->property);
    const struct string_map *chosen = choose(setup, side);
    /* Nobody names one: the worker's settings go with the default. */
    const struct string_map *from = chosen != NULL ? chosen : setup->worker;
    const char *class_name = chosen != NULL ? string_map_get(chosen, side->property) : side->standard;
    if (class_name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "no %s is configured, neither for the connector nor for the worker; set %s",
                            side->property, side->property);
    struct string_map *settings = from == NULL ? string_map_create() : string_map_with_prefix(from, prefix);
    int result = settings == NULL || !string_map_put(settings, "converter.type", side->type)
        ? mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the %s", side->property)
        : find_and_create(converter, setup, side, class_name, settings, error);
    string_map_destroy(settings);
    return result;
}

int converters_init(struct converters *converters, const struct converters_setup *setup, struct mr_error **error)
{
    *converters = (struct converters){ .key.self = NULL };
    if (init_side(&converters->key, setup, &key_side, error) == 0 &&
        init_side(&converters->value, setup, &value_side, error) == 0 &&
        init_side(&converters->header, setup, &header_side, error) == 0)
        return 0;
    converters_release(converters);
    return -1;
}

void converters_release(struct converters *converters)
{
    struct converter *all[] = { &converters->key, &converters->value, &converters->header };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const struct plugin_call before = plugin_call_enter(all[i]->plugin, "destroy");
        if (all[i]->self != NULL)
            all[i]->ops->destroy(all[i]->self);
        plugin_call_leave(before);
        mr_config_destroy(all[i]->config);
    }
    *converters = (struct converters){ .key.self = NULL };
}
