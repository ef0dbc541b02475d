/* The framework's options as a validation shows them: converters default to the worker's, versions to the newest. */
#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/connector_internal.h"

#include "base/bans.h"

/* Classes and versions ------------------------------------------------------------------------------------------- */

struct class_found class_find_newest(const struct loader *loader, enum mr_plugin_kind kind, const char *text)
{
    struct class_found found = {NULL, false};
    if (text == NULL)
        return found;
    if (loader_find(loader, kind, text, NULL, &found.plugin, NULL) == 0)
        return (struct class_found){found.plugin, true};
    if (loader_find_any(loader, text, NULL, &found.plugin, NULL) != 0)
        found.plugin = NULL;
    return found;
}

static const char *interface_name(enum mr_plugin_kind kind)
{
    switch (kind) {
    case MR_PLUGIN_TRANSFORM:
        return "Transformation";
    case MR_PLUGIN_PREDICATE:
        return "Predicate";
    case MR_PLUGIN_HEADER_CONVERTER:
        return "HeaderConverter";
    default:
        return "Converter";
    }
}

void class_add_wrong_kind(struct validating *validating, const char *option, const struct loader_plugin *plugin,
                          enum mr_plugin_kind kind)
{
    validating_add_error(validating, option, "Class class %s does not implement the %s interface", plugin->class_name,
                         interface_name(kind));
}

/* The loader lists each kind by class, then by version. */
struct option_texts class_list(struct report_builder *report, const struct loader *loader, enum mr_plugin_kind kind)
{
    const char **classes = report_keep_list(report, loader_count(loader));
    size_t count = 0;
    for (size_t i = 0; classes != NULL && i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (plugin->kind == kind && (count == 0 || strcmp(classes[count - 1], plugin->class_name) != 0))
            classes[count++] = plugin->class_name;
    }
    return (struct option_texts){classes, count};
}

struct option_texts version_list(struct report_builder *report, const struct loader *loader,
                                 const struct loader_plugin *of)
{
    if (of == NULL)
        return (struct option_texts){NULL, 0};
    const char **versions = report_keep_list(report, loader_count(loader));
    size_t count = 0;
    for (size_t i = 0; versions != NULL && i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (plugin->kind == of->kind && plugin->version != NULL && strcmp(plugin->class_name, of->class_name) == 0)
            versions[count++] = plugin->version;
    }
    return (struct option_texts){versions, count};
}

static const char *trimmed(struct report_builder *report, const char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    return report_keep_printf(report, "%.*s", (int)length, text);
}

const char *version_value(struct validating *validating, const char *option, const char *default_text)
{
    if (!string_map_has(validating->map, option))
        return default_text;
    const char *text = string_map_get(validating->map, option);
    return text == NULL ? NULL : trimmed(validating->report, text);
}

/* The connector's version ---------------------------------------------------------------------------------------- */

static void show_connector_version(struct validating *validating)
{
    static const char name[] = "connector.plugin.version";
    struct connector_option *option = report_find(validating->report, name);
    const struct loader_plugin *plugin;
    if (option == NULL || loader_find_connector(validating->loader, string_map_get(validating->map, "connector.class"),
                                                NULL, &plugin, NULL) != 0)
        return;
    option->definition.default_text = plugin->version;
    option->value = version_value(validating, name, plugin->version);
    option->recommended = version_list(validating->report, validating->loader, plugin);
}

/* Converters ------------------------------------------------------------------------------------------------------ */

struct side {
    const char *option, *version_option;
    enum mr_plugin_kind kind;
};
static const struct side sides[] = {
    {"key.converter", "key.converter.plugin.version", MR_PLUGIN_CONVERTER},
    {"value.converter", "value.converter.plugin.version", MR_PLUGIN_CONVERTER},
    {"header.converter", "header.converter.plugin.version", MR_PLUGIN_HEADER_CONVERTER},
};
#define SIDE_COUNT (sizeof(sides) / sizeof(sides[0]))

static const struct converter_choice *workers_choice(const struct validating *validating, size_t side)
{
    const struct worker_config *worker = validating->worker;
    const struct converter_choice *const choices[SIDE_COUNT] = {&worker->key_converter, &worker->value_converter,
                                                                &worker->header_converter};
    return choices[side];
}

/* The worker's converter is the default only where the connector is known. */
static struct class_found workers_class(const struct validating *validating, size_t side)
{
    if (validating->plugin == NULL)
        return (struct class_found){NULL, false};
    return class_find_newest(validating->loader, sides[side].kind, workers_choice(validating, side)->class_name);
}

/* The newest, unless it is the worker's converter and the worker wishes for another. None where the connector is not known. */
static const char *default_version(struct validating *validating, size_t side, struct class_found found)
{
    if (!found.of_kind || validating->plugin == NULL)
        return NULL;
    const char *wish = string_map_get(workers_choice(validating, side)->options, "plugin.version");
    bool is_workers = string_map_get(validating->map, sides[side].option) == NULL;
    return is_workers && wish != NULL ? trimmed(validating->report, wish) : found.plugin->version;
}

static void show_version(struct validating *validating, size_t index, struct class_found found, bool is_visible)
{
    const struct side *side = &sides[index];
    struct connector_option *option = report_find(validating->report, side->version_option);
    if (option == NULL)
        return;
    option->definition.default_text = default_version(validating, index, found);
    option->value = version_value(validating, side->version_option, option->definition.default_text);
    option->is_visible = is_visible;
    if (is_visible && found.of_kind && validating->plugin != NULL)
        option->recommended = version_list(validating->report, validating->loader, found.plugin);
}

static void show_side(struct validating *validating, size_t index)
{
    const struct side *side = &sides[index];
    const char *text = string_map_get(validating->map, side->option);
    struct connector_option *option = report_find(validating->report, side->option);
    struct class_found workers = workers_class(validating, index), own = workers;
    if (option == NULL)
        return;
    if (text != NULL)
        own = class_find_newest(validating->loader, side->kind, text);
    if (workers.plugin != NULL)
        option->definition.default_text = workers.plugin->class_name;
    if (!string_map_has(validating->map, side->option))
        option->value = option->definition.default_text;
    if (validating->plugin != NULL)
        option->recommended = class_list(validating->report, validating->loader, side->kind);
    if (text != NULL && own.plugin != NULL && !own.of_kind)
        class_add_wrong_kind(validating, side->option, own.plugin, side->kind);
    bool is_given = text != NULL || !string_map_has(validating->map, side->option);
    show_version(validating, index, own, is_given && own.plugin != NULL);
}

static const char *find_converter(void *owner, const char *option, const char *text)
{
    const struct validating *validating = owner;
    enum mr_plugin_kind kind =
        strcmp(option, "header.converter") == 0 ? MR_PLUGIN_HEADER_CONVERTER : MR_PLUGIN_CONVERTER;
    struct class_found found = class_find_newest(validating->loader, kind, text);
    return found.plugin == NULL ? NULL : found.plugin->class_name;
}

/* Our own options, those that are submitted. */
static int validate_submitted(struct validating *validating)
{
    for (size_t i = 0; i < string_map_count(validating->map); i++) {
        struct validating_part part = {.defs = {connector_config_own_def(string_map_key(validating->map, i))},
                                       .def_count = 1,
                                       .map = validating->map,
                                       .look = {.part = REPORT_MAIN}};
        struct mr_config *config = part.defs[0] != NULL ? validate_part(validating, &part, NULL) : NULL;
        if (part.defs[0] != NULL && config == NULL)
            return -1;
        mr_config_destroy(config);
    }
    return 0;
}

/* The whole ------------------------------------------------------------------------------------------------------- */

int validate_framework(struct validating *validating)
{
    struct validating_part part = {.map = validating->map, .class_find = find_converter, .look = {.part = REPORT_MAIN}};
    connector_config_defs(validating->kind, part.defs);
    part.def_count = validating->plugin == NULL ? 1 : CONNECTOR_DEFS;
    struct mr_config *config = validate_part(validating, &part, NULL);
    if (config == NULL)
        return -1;
    mr_config_destroy(config);
    show_connector_version(validating);
    for (size_t i = 0; i < SIDE_COUNT; i++)
        show_side(validating, i);
    return validate_submitted(validating);
}
