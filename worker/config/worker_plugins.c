/* The plugins that a worker's properties name: found, and their options read, before anything else starts. */
#include "config/worker_config_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/plugin_options.h"
#include "config/unknown_plugin.h"
#include "loader/loader.h"
#include "sdk/collect.h"

#include "base/bans.h"

struct named_plugin {
    enum mr_plugin_kind kind;
    const char *property, *class_name, *version;
    const struct string_map *options;
    const char *prefix, *type; /* converters: "key.converter.", "key"; else NULL */
};

static int add_options(const struct named_plugin *named, const struct loader_plugin *plugin,
                       struct str_buffer *mistakes)
{
    struct mr_config *parsed = NULL;
    struct mr_error *error = NULL;
    struct mr_config_report *report = config_report_create();
    struct string_map *options = string_map_copy(named->options);
    if (report != NULL && options != NULL &&
        (named->type == NULL || string_map_put(options, "converter.type", named->type)))
        parsed = plugin_options_read(plugin, options, named->prefix, report, &error);
    int status = parsed == NULL ? -1 : 0;
    if (status != 0 && error != NULL)
        worker_mistake(mistakes, "%s: %s", named->property, mr_error_message(error));
    for (size_t i = 0; status == 0 && i < config_report_count(report); i++)
        worker_mistake(mistakes, "%s", config_report_message(report, i));
    status = status != 0 && error == NULL ? -1 : 0;
    mr_error_drop(error);
    mr_config_destroy(parsed);
    string_map_destroy(options);
    config_report_destroy(report);
    return status;
}

/* -1: no memory. */
static int check_one(const struct named_plugin *named, const struct loader *loader, struct str_buffer *mistakes)
{
    const struct loader_plugin *plugin;
    struct mr_error *error = NULL;
    if (loader_find(loader, named->kind, named->class_name, named->version, &plugin, &error) == 0)
        return add_options(named, plugin, mistakes);
    unknown_plugin_explain(loader, named->kind, named->class_name, &error);
    worker_mistake(mistakes, "%s: %s", named->property, mr_error_message(error));
    mr_error_drop(error);
    return 0;
}

/* Extensions guard the REST API as a rule: without one that is named, it stays closed. */
static int check_extensions(const struct worker_config *config, const struct loader *loader, struct str_buffer *mistakes)
{
    char *names = mem_strdup(config->rest_extensions), *rest = names;
    int status = names == NULL ? -1 : 0;
    for (char *name; status == 0 && (name = strtok_r(rest, ", \t", &rest)) != NULL;) {
        const struct named_plugin named = {MR_PLUGIN_REST_EXTENSION, "rest.extension.classes", name, NULL, config->properties, NULL,
                                           NULL};
        if (!worker_access_is_extension(name))
            status = check_one(&named, loader, mistakes);
    }
    mem_free(names);
    return status;
}

int worker_config_check_plugins(const struct worker_config *config, const struct loader *loader,
                                struct mr_error **error)
{
    const struct string_map *properties = config->properties;
    const struct named_plugin named[] = {
        {MR_PLUGIN_CONVERTER, "key.converter", config->key_converter.class_name,
         string_map_get(properties, "key.converter.plugin.version"), config->key_converter.options, "key.converter.",
         "key"},
        {MR_PLUGIN_CONVERTER, "value.converter", config->value_converter.class_name,
         string_map_get(properties, "value.converter.plugin.version"), config->value_converter.options,
         "value.converter.", "value"},
        {MR_PLUGIN_HEADER_CONVERTER, "header.converter", config->header_converter.class_name,
         string_map_get(properties, "header.converter.plugin.version"), config->header_converter.options,
         "header.converter.", "header"},
        {MR_PLUGIN_OVERRIDE_POLICY, "connector.client.config.override.policy", config->override_policy, NULL,
         properties, NULL, NULL},
    };
    struct str_buffer mistakes;
    int status = 0;
    str_buffer_init(&mistakes, WORKER_MISTAKES_MAX);
    for (size_t i = 0; status == 0 && i < sizeof(named) / sizeof(named[0]); i++)
        status = check_one(&named[i], loader, &mistakes);
    if (status == 0)
        status = check_extensions(config, loader, &mistakes);
    if (status != 0 || (mistakes.failed && !mistakes.over_max))
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to check the worker's plugins");
    else if (mistakes.length > 0)
        status = mr_error_set(error, MR_ERR_CONFIG, "%s", str_buffer_text(&mistakes));
    str_buffer_release(&mistakes);
    return status;
}
