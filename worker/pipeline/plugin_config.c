#include "pipeline/plugin_config.h"

#include "base/str_buffer.h"
#include "config/plugin_options.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

#define NAME_BYTES_MAX 4096

static const char *kind_words(enum mr_plugin_kind kind)
{
    switch (kind) {
    case MR_PLUGIN_TRANSFORM: return "Transformation";
    case MR_PLUGIN_PREDICATE: return "Predicate";
    case MR_PLUGIN_HEADER_CONVERTER: return "HeaderConverter";
    default: return "Converter";
    }
}

/* "…Cast" exists only as "…Cast$Key" and "…Cast$Value". */
static bool has_variants(const struct loader *loader, const struct plugin_choice *choice)
{
    struct str_buffer name;
    const struct loader_plugin *plugin = NULL;
    struct mr_error *ignored = NULL;
    str_buffer_init(&name, NAME_BYTES_MAX);
    bool found = str_buffer_printf(&name, "%s$Key", choice->class_name) &&
                 loader_find(loader, choice->kind, str_buffer_text(&name), NULL, &plugin, &ignored) == 0;
    mr_error_drop(ignored);
    str_buffer_release(&name);
    return found;
}

static int not_found(const struct loader *loader, const struct plugin_choice *choice, struct mr_error **error)
{
    if (has_variants(loader, choice))
        return mr_error_set(error, MR_ERR_CONFIG,
                            "Invalid value %s for configuration %s: This class is abstract and cannot be created. Did you "
                            "mean %s$Key, %s$Value?",
                            choice->class_name, choice->property, choice->class_name, choice->class_name);
    return mr_error_set(error, MR_ERR_CONFIG, "Invalid value %s for configuration %s: Class %s could not be found.",
                        choice->class_name, choice->property, choice->class_name);
}

int plugin_find(const struct loader *loader, const struct plugin_choice *choice, const struct loader_plugin **plugin,
                struct mr_error **error)
{
    if (choice->class_name == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Invalid value null for configuration %s: Not a %s", choice->property,
                            kind_words(choice->kind));
    struct mr_error *reason = NULL;
    if (loader_find(loader, choice->kind, choice->class_name, choice->version_range, plugin, &reason) == 0)
        return 0;
    if (reason != NULL && mr_error_code(reason) == MR_ERR_NOT_FOUND)
        not_found(loader, choice, error);
    else
        mr_error_set(error, MR_ERR_CONFIG, "Invalid value %s for configuration %s: %s", choice->class_name,
                     choice->property, reason == NULL ? "not found" : mr_error_message(reason));
    mr_error_drop(reason);
    return -1;
}

struct mr_config *config_parse_by(const struct mr_config_def *def, const struct string_map *map, const char *prefix,
                                  struct mr_error **error)
{
    struct mr_config *config = NULL;
    const struct config_source source = {
        .mood = CONFIG_PARSE, .defs = &def, .def_count = 1, .map = map, .prefix = prefix
    };
    return config_parse(&source, &config, NULL, error) == 0 ? config : NULL;
}

struct mr_config *plugin_parse(const struct loader_plugin *plugin, const struct string_map *map, const char *prefix,
                               struct mr_error **error)
{
    return plugin_options_read(plugin, map, prefix, NULL, error);
}
