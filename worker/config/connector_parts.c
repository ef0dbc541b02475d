/* Transformations and predicates of a connector's configuration, by alias. */
#include "config/connector_internal.h"

#include <string.h>

#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

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

/* The lists of aliases as they are read for use: each alias once. */
#define LIST_ROW(name_)                                                                                                \
    {                                                                                                                  \
        .name = (name_), .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "",                  \
        .validator = mr_check_valid_list                                                                               \
    }
static const struct mr_config_row transforms_row[] = {LIST_ROW("transforms")};
static const struct mr_config_row predicates_row[] = {LIST_ROW("predicates")};
static const struct mr_config_def transforms_def = MR_CONFIG_DEF(transforms_row);
static const struct mr_config_def predicates_def = MR_CONFIG_DEF(predicates_row);

struct words {
    const struct mr_config_def *list_def;
    const char *list, *group, *title, *noun;
};
static const struct words transform_words = {&transforms_def, "transforms", "Transforms", "Transformation",
                                             "transformation"};
static const struct words predicate_words = {&predicates_def, "predicates", "Predicates", "Predicate", "predicate"};

struct alias {
    enum mr_plugin_kind kind;
    const struct words *words;
    const char *name, *group, *prefix, *type_option, *version_option; /* kept by the report */
    struct string_map *options;                                       /* without the prefix */
    struct option_texts classes;
};

static int alias_init(struct validating *validating, struct alias *alias, const char *name)
{
    struct report_builder *report = validating->report;
    alias->name = name;
    alias->group = report_keep_printf(report, "%s: %s", alias->words->group, name);
    alias->prefix = report_keep_printf(report, "%s.%s.", alias->words->list, name);
    alias->type_option = report_keep_printf(report, "%s.%s.type", alias->words->list, name);
    alias->version_option = report_keep_printf(report, "%s.%s.plugin.version", alias->words->list, name);
    alias->options = alias->prefix == NULL ? NULL : string_map_with_prefix(validating->map, alias->prefix);
    return report->failed || alias->options == NULL ? validating_no_memory(validating->error) : 0;
}

/* Type and version ------------------------------------------------------------------------------------------------ */

/* "…Cast" is a class that exists only as "…Cast$Key" and "…Cast$Value". Kept by the report. NULL: it does not. */
static const char *abstract_class(struct validating *validating, const struct alias *alias)
{
    const char *type = string_map_get(alias->options, "type");
    const char *variant = type == NULL ? NULL : report_keep_printf(validating->report, "%s$Key", type);
    const struct loader_plugin *plugin;
    bool exists = variant != NULL && loader_find(validating->loader, alias->kind, variant, NULL, &plugin, NULL) == 0;
    return exists ? report_keep(validating->report, type) : NULL;
}

static void show_type(struct validating *validating, const struct alias *alias, struct class_found found)
{
    struct report_builder *report = validating->report;
    struct connector_option *option = report_add(report, REPORT_MAIN, alias->type_option);
    if (option == NULL)
        return;
    option->is_defined = true;
    option->definition = (struct option_definition){
        .type = MR_CONFIG_CLASS,
        .is_required = true,
        .importance = MR_HIGH,
        .doc = report_keep_printf(report, "Class of the %s '%s'.", alias->words->noun, alias->name),
        .display_name = report_keep_printf(report, "%s type for %s", alias->words->title, alias->name),
        .group = alias->group,
        .order_in_group = 0,
        .width = MR_WIDTH_LONG,
    };
    option->value = found.plugin == NULL ? abstract_class(validating, alias) : found.plugin->class_name;
    option->recommended = alias->classes;
    report_add_group(report, alias->group);
}

static void show_version(struct validating *validating, const struct alias *alias, struct class_found found)
{
    struct report_builder *report = validating->report;
    struct connector_option *option = report_add(report, REPORT_MAIN, alias->version_option);
    if (option == NULL)
        return;
    option->is_defined = true;
    option->definition = (struct option_definition){
        .type = MR_CONFIG_STRING,
        .default_text = found.of_kind ? found.plugin->version : NULL,
        .importance = MR_HIGH,
        .doc = report_keep_printf(report, "Version, or range of versions, of the %s '%s'. Without one the newest.",
                                  alias->words->noun, alias->name),
        .display_name = report_keep_printf(report, "%s version for %s", alias->words->title, alias->name),
        .group = alias->group,
        .order_in_group = 1,
        .width = MR_WIDTH_LONG,
    };
    option->value = version_value(validating, alias->version_option, option->definition.default_text);
    if (found.of_kind)
        option->recommended = version_list(report, validating->loader, found.plugin);
}

/* What is wrong with the type; with the version only that it is none, as long as there is no class to have it. */
static void add_no_class(struct validating *validating, const struct alias *alias, struct class_found found)
{
    const char *type = string_map_get(alias->options, "type"), *option = alias->type_option;
    struct mr_error *reason = NULL;
    if (!string_map_has(alias->options, "type"))
        validating_add_error(validating, option, "Missing required configuration \"%s\" which has no default value.",
                             option);
    if (type == NULL)
        return;
    if (found.plugin == NULL && abstract_class(validating, alias) != NULL)
        validating_add_error(validating, option,
                             "This class is abstract and cannot be created. Did you mean %s$Key, %s$Value?", type, type);
    else if (found.plugin == NULL)
        validating_add_error(validating, option, "Invalid value %s for configuration %s: Class %s could not be found.",
                             type, option, type);
    else
        class_add_wrong_kind(validating, option, found.plugin, alias->kind);
    if (loader_version_range_check(string_map_get(alias->options, "plugin.version"), &reason) != 0)
        validating_add_error(validating, alias->version_option, "%s", mr_error_message(reason));
    mr_error_drop(reason);
}

/* The plugin in the version that is wanted; NULL: an error of the option says why not. */
static const struct loader_plugin *alias_plugin(struct validating *validating, const struct alias *alias,
                                                struct class_found found)
{
    const char *type = string_map_get(alias->options, "type"), *option = alias->type_option;
    const struct loader_plugin *plugin = NULL;
    struct mr_error *reason = NULL;
    if (!found.of_kind)
        add_no_class(validating, alias, found);
    if (!found.of_kind || loader_find(validating->loader, alias->kind, type,
                                      string_map_get(alias->options, "plugin.version"), &plugin, &reason) == 0)
        return plugin;
    validating_add_error(validating, option, "%s", mr_error_message(reason));
    validating_add_error(validating, alias->version_option, "%s", mr_error_message(reason));
    mr_error_drop(reason);
    return NULL;
}

static void check_negate(struct validating *validating, const struct alias *alias)
{
    if (alias->kind != MR_PLUGIN_TRANSFORM || !string_map_has(alias->options, "negate") ||
        string_map_has(alias->options, "predicate"))
        return;
    validating_add_error(validating, alias->type_option,
                         "Config '%snegate' was provided but there is no config '%spredicate' defining a predicate to "
                         "be negated.",
                         alias->prefix, alias->prefix);
}

/* All of one alias ------------------------------------------------------------------------------------------------ */

static int alias_options(struct validating *validating, const struct alias *alias, const struct loader_plugin *plugin)
{
    struct validating_part part = {
        .map = alias->options,
        .prefix = alias->prefix,
        .naming = CONFIG_NAMES_EMBEDDED,
        .look = {.part = REPORT_MAIN, .alias_group = alias->group, .alias_prefix = alias->prefix, .first_order = 2}};
    if (alias->kind == MR_PLUGIN_TRANSFORM)
        part.defs[part.def_count++] = &implicit_def;
    part.defs[part.def_count++] = plugin->config_def;
    part.plugin = &plugin->name;
    struct mr_config *config = validate_part(validating, &part, NULL);
    mr_config_destroy(config);
    return config == NULL ? -1 : setups_add(validating, plugin, alias->prefix, alias->type_option, NULL);
}

static int validate_alias(struct validating *validating, struct alias *alias, const char *name)
{
    int status = alias_init(validating, alias, name);
    if (status == 0) {
        struct class_found found =
            class_find_newest(validating->loader, alias->kind, string_map_get(alias->options, "type"));
        show_type(validating, alias, found);
        show_version(validating, alias, found);
        const struct loader_plugin *plugin = alias_plugin(validating, alias, found);
        check_negate(validating, alias);
        if (plugin != NULL)
            status = alias_options(validating, alias, plugin);
    }
    string_map_destroy(alias->options);
    alias->options = NULL;
    return status;
}

static const struct words *words_of(enum mr_plugin_kind kind)
{
    return kind == MR_PLUGIN_TRANSFORM ? &transform_words : &predicate_words;
}

struct mr_config *validating_read_aliases(struct validating *validating, enum mr_plugin_kind kind)
{
    const struct words *words = words_of(kind);
    struct config_source source = {
        .mood = CONFIG_PARSE, .defs = &words->list_def, .def_count = 1, .map = validating->map};
    struct mr_config_report *ignored = config_report_create();
    struct mr_config *config = NULL;
    if (ignored == NULL)
        validating_no_memory(validating->error);
    else if (config_parse(&source, &config, ignored, validating->error) != 0)
        config = NULL;
    config_report_destroy(ignored);
    return config;
}

int validate_aliases(struct validating *validating, enum mr_plugin_kind kind)
{
    struct alias alias = {.kind = kind, .words = words_of(kind)};
    struct mr_config *config = validating_read_aliases(validating, kind);
    if (config == NULL)
        return -1;
    size_t count = mr_config_list_count(config, alias.words->list);
    int status = 0;
    if (count > 0)
        alias.classes = class_list(validating->report, validating->loader, kind);
    for (size_t i = 0; status == 0 && !validating->report->is_too_long && i < count; i++)
        status = validate_alias(validating, &alias, mr_config_list_at(config, alias.words->list, i));
    mr_config_destroy(config);
    return status;
}
