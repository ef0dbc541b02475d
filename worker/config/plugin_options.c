#include "config/plugin_options.h"

#include "base/plugin_call.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

struct mr_config *plugin_options_read(const struct loader_plugin *plugin, const struct string_map *map, const char *prefix,
                                      struct mr_config_report *report, struct mr_error **error)
{
    struct mr_config *config = NULL;
    const struct config_source source = {
        .mood = CONFIG_PARSE, .defs = &plugin->config_def, .def_count = 1, .map = map, .prefix = prefix};
    const struct plugin_call before = plugin_call_enter(&plugin->name, "options");
    int status = config_parse(&source, &config, report, error);
    plugin_call_leave(before);
    return status == 0 ? config : NULL;
}
