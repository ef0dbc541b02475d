/* Definitions alone: what GET /connector-plugins/{plugin}/config tells of a plugin. No plugin code runs. */
#include "config/connector_internal.h"

#include "base/bans.h"

static int add(struct report_builder *report, const struct mr_config_def *const *defs, size_t count,
               struct mr_error **error)
{
    const struct report_look look = {.part = REPORT_MAIN, .has_no_values = true};
    struct config_source source = {.defs = defs, .def_count = count};
    struct mr_config *config = config_describe(&source, error);
    int status = config == NULL ? -1 : report_add_config(report, &look, config, NULL, error);
    mr_config_destroy(config);
    return status;
}

/* The plugin's own come first, and count where the framework has an option of that name. */
static int add_all(struct report_builder *report, const struct loader *loader, const struct loader_plugin *plugin,
                   struct mr_error **error)
{
    const struct mr_config_def *defs[1 + CONNECTOR_DEFS] = {plugin->config_def};
    bool is_connector = plugin->kind == MR_PLUGIN_SOURCE || plugin->kind == MR_PLUGIN_SINK;
    if (is_connector)
        connector_config_defs(plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK, defs + 1);
    if (add(report, defs, is_connector ? 1 + CONNECTOR_DEFS : 1, error) != 0)
        return -1;
    struct connector_option *version = is_connector ? report_find(report, "connector.plugin.version") : NULL;
    const struct loader_plugin *newest;
    if (version != NULL && loader_find_connector(loader, plugin->class_name, NULL, &newest, NULL) == 0)
        version->definition.default_text = newest->version;
    return 0;
}

struct connector_report *connector_definitions(const struct loader *loader, const struct loader_plugin *plugin,
                                               struct mr_error **error)
{
    struct report_builder *report = report_create();
    if (report == NULL) {
        validating_no_memory(error);
        return NULL;
    }
    if (add_all(report, loader, plugin, error) == 0 && report_finish(report, error) == 0)
        return &report->report;
    connector_report_destroy(&report->report);
    return NULL;
}
