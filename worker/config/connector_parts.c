/* The plugins inside a connector's configuration: transformations and predicates by alias, converters by side. */
#include "config/connector_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define NAME_MAX_BYTES 65536

static char *join(const char *one, const char *two, const char *three)
{
    struct str_buffer text;
    str_buffer_init(&text, NAME_MAX_BYTES);
    str_buffer_printf(&text, "%s%s%s", one, two, three);
    char *joined = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return joined;
}

static int no_memory(struct validating *validating)
{
    return mr_error_set(validating->error, MR_ERR_NO_MEMORY, "No memory to validate a connector");
}

/* Aliases ------------------------------------------------------------------------------------------------------ */

/* What every transformation has besides its own. They hide options of the same name. */
static const struct mr_config_row implicit_rows[] = {
    {.name = "predicate",
     .type = MR_CONFIG_STRING,
     .importance = MR_MEDIUM,
     .doc = "Alias of the predicate that decides whether the transformation applies."},
    {.name = "negate",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .importance = MR_MEDIUM,
     .doc = "Apply the transformation where the predicate does not hold."},
};
static const struct mr_config_def implicit_def = MR_CONFIG_DEF(implicit_rows);

struct alias {
    enum mr_plugin_kind kind;
    const char *name;
    char *prefix, *type_option, *version_option;
    struct string_map *options; /* without the prefix */
};

static void alias_release(struct alias *alias)
{
    mem_free(alias->prefix);
    mem_free(alias->type_option);
    mem_free(alias->version_option);
    string_map_destroy(alias->options);
}

static int alias_init(struct validating *validating, struct alias *alias, enum mr_plugin_kind kind, const char *name)
{
    *alias = (struct alias){.kind = kind, .name = name};
    alias->prefix = join(kind == MR_PLUGIN_TRANSFORM ? "transforms." : "predicates.", name, ".");
    alias->type_option = alias->prefix == NULL ? NULL : join(alias->prefix, "type", "");
    alias->version_option = alias->prefix == NULL ? NULL : join(alias->prefix, "plugin.version", "");
    alias->options = alias->prefix == NULL ? NULL : string_map_with_prefix(validating->map, alias->prefix);
    return alias->type_option != NULL && alias->version_option != NULL && alias->options != NULL
               ? 0
               : no_memory(validating);
}

/* *plugin NULL: a finding says why not. */
static int alias_plugin(struct validating *validating, const struct alias *alias, const struct loader_plugin **plugin)
{
    const char *type = string_map_get(alias->options, "type");
    struct mr_error *reason = NULL;
    *plugin = NULL;
    if (!string_map_has(alias->options, "type"))
        return finding_add(validating, alias->type_option,
                           "Missing required configuration \"%s\" which has no default value.", alias->type_option);
    if (type == NULL)
        return 0;
    int status = 0;
    if (loader_find(validating->loader, alias->kind, type, string_map_get(alias->options, "plugin.version"), plugin,
                    &reason) != 0) {
        *plugin = NULL;
        if (mr_error_code(reason) == MR_ERR_CONFIG)
            status = finding_add(validating, alias->type_option, "%s", mr_error_message(reason)) == 0
                         ? finding_add(validating, alias->version_option, "%s", mr_error_message(reason))
                         : -1;
        else
            status = finding_add(validating, alias->type_option,
                                 "Invalid value %s for configuration %s: Class %s could not be found.", type,
                                 alias->type_option, type);
    }
    mr_error_drop(reason);
    return status;
}

static int alias_negate(struct validating *validating, const struct alias *alias)
{
    if (alias->kind != MR_PLUGIN_TRANSFORM || !string_map_has(alias->options, "negate") ||
        string_map_has(alias->options, "predicate"))
        return 0;
    return finding_add(validating, alias->type_option,
                       "Config '%snegate' was provided but there is no config '%spredicate' defining a predicate to be "
                       "negated.",
                       alias->prefix, alias->prefix);
}

static int alias_options(struct validating *validating, const struct alias *alias, const struct loader_plugin *plugin)
{
    struct validating_part part = {.map = alias->options, .prefix = alias->prefix};
    if (alias->kind == MR_PLUGIN_TRANSFORM)
        part.defs[part.def_count++] = &implicit_def;
    part.defs[part.def_count++] = plugin->config_def;
    struct mr_config *config = validate_part(validating, &part);
    mr_config_destroy(config);
    return config == NULL ? -1 : 0;
}

static int validate_alias(struct validating *validating, enum mr_plugin_kind kind, const char *name)
{
    struct alias alias;
    const struct loader_plugin *plugin;
    int status = alias_init(validating, &alias, kind, name);
    if (status == 0)
        status = alias_plugin(validating, &alias, &plugin);
    if (status == 0)
        status = alias_negate(validating, &alias);
    if (status == 0 && plugin != NULL)
        status = alias_options(validating, &alias, plugin);
    alias_release(&alias);
    return status;
}

int validate_aliases(struct validating *validating, enum mr_plugin_kind kind)
{
    const char *list = kind == MR_PLUGIN_TRANSFORM ? "transforms" : "predicates";
    /* Read as for use: each alias once. */
    struct mr_config_row row = {.name = list,
                                .type = MR_CONFIG_LIST,
                                .default_text = "",
                                .importance = MR_LOW,
                                .doc = "",
                                .validator = mr_check_valid_list};
    struct mr_config_def def = {.size = sizeof(def), .row_size = sizeof(row), .rows = &row, .count = 1};
    if (finding_exists(validating, list) && string_map_get(validating->map, list) == NULL)
        return 0;
    struct mr_config_report *ignored = config_report_create();
    struct mr_config *config = NULL;
    const struct mr_config_def *defs[] = {&def};
    struct config_source source = {.mood = CONFIG_PARSE, .defs = defs, .def_count = 1, .map = validating->map};
    int status = ignored == NULL ? no_memory(validating) : config_parse(&source, &config, ignored, validating->error);
    for (size_t i = 0; status == 0 && i < mr_config_list_count(config, list); i++)
        status = validate_alias(validating, kind, mr_config_list_at(config, list, i));
    mr_config_destroy(config);
    config_report_destroy(ignored);
    return status;
}

/* Converters --------------------------------------------------------------------------------------------------- */

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
    struct validating_part part = {
        .defs = {plugin->config_def}, .def_count = 1, .map = options, .prefix = side->prefix};
    if (options == NULL ||
        (!string_map_has(options, "converter.type") && !string_map_put(options, "converter.type", side->type))) {
        string_map_destroy(options);
        return no_memory(validating);
    }
    struct mr_config *config = validate_part(validating, &part);
    mr_config_destroy(config);
    string_map_destroy(options);
    return config == NULL ? -1 : 0;
}

static int validate_side(struct validating *validating, const struct side *side)
{
    const struct loader_plugin *plugin;
    const char *class_name = string_map_get(validating->map, side->option);
    struct mr_error *reason = NULL;
    if (class_name == NULL || finding_exists(validating, side->option))
        return 0;
    int status;
    if (loader_find(validating->loader, side->kind, class_name, string_map_get(validating->map, side->version_option),
                    &plugin, &reason) == 0)
        status = side_options(validating, side, plugin);
    else
        status = finding_add(validating, side->option, "%s", mr_error_message(reason)) == 0
                     ? finding_add(validating, side->version_option, "%s", mr_error_message(reason))
                     : -1;
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
