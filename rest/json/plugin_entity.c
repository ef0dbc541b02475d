#include "json/plugin_entity.h"

#include <millrace/module.h>

#include "json/json_out.h"
#include "loader/loader.h"

#include "base/bans.h"

static bool is_connector(enum mr_plugin_kind kind)
{
    return kind == MR_PLUGIN_SINK || kind == MR_PLUGIN_SOURCE;
}

/* Those that Kafka Connect lists. */
static bool is_listed(enum mr_plugin_kind kind)
{
    return is_connector(kind) || kind == MR_PLUGIN_TRANSFORM || kind == MR_PLUGIN_PREDICATE ||
           kind == MR_PLUGIN_CONVERTER || kind == MR_PLUGIN_HEADER_CONVERTER;
}

void plugin_list_write(struct json_out *out, const struct loader *loader, bool connectors_only)
{
    json_out_open(out, '[');
    for (size_t i = 0; i < loader_count(loader); i++) {
        const struct loader_plugin *plugin = loader_at(loader, i);
        if (connectors_only ? !is_connector(plugin->kind) : !is_listed(plugin->kind))
            continue;
        json_out_open(out, '{');
        json_out_pair(out, "class", plugin->class_name);
        json_out_pair(out, "type", loader_kind_name(plugin->kind));
        if (plugin->version != NULL)
            json_out_pair(out, "version", plugin->version);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}
