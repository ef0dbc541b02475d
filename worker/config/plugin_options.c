#include "config/plugin_options.h"

#include "base/plugin_call.h"
#include "base/secrets.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

static void note_passwords(const struct mr_config *config)
{
    for (size_t i = 0; i < config_option_count(config); i++) {
        if (config_option_at(config, i)->row.type == MR_CONFIG_PASSWORD)
            secrets_note(config_option_value(config, i));
    }
}

struct mr_config *plugin_options_read_in(const char *call, const struct loader_plugin *plugin, const struct string_map *map,
                                         const char *prefix, struct mr_config_report *report, struct mr_error **error)
{
    struct mr_config *config = NULL;
    const struct config_source source = {
        .mood = CONFIG_PARSE, .defs = &plugin->config_def, .def_count = 1, .map = map, .prefix = prefix};
    const struct plugin_call before = plugin_call_enter(&plugin->name, call);
    int status = config_parse(&source, &config, report, error);
    plugin_call_leave(before);
    if (status != 0)
        return NULL;
    note_passwords(config);
    return config;
}

struct mr_config *plugin_options_read(const struct loader_plugin *plugin, const struct string_map *map, const char *prefix,
                                      struct mr_config_report *report, struct mr_error **error)
{
    return plugin_options_read_in("options", plugin, map, prefix, report, error);
}
