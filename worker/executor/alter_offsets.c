/* A connector's own say in a change of its offsets: no instance is needed, its configuration is. */
#include <millrace/connector.h>

#include "base/plugin_call.h"
#include "base/secrets.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "executor/executor_internal.h"
#include "loader/loader.h"
#include "sdk/config_host.h"

#include "base/bans.h"

static int call(const struct loader_plugin *plugin, const struct string_map *resolved,
                const struct mr_offset_changes *changes, bool *handled, struct mr_error **error)
{
    bool is_source = plugin->kind == MR_PLUGIN_SOURCE;
    int (*alter)(const struct mr_config *, const struct mr_offset_changes *, bool *, struct mr_error **) =
        is_source ? plugin->source->alter_offsets : plugin->sink->alter_offsets;
    if (alter == NULL)
        return 0;
    struct mr_error *why = NULL;
    const struct plugin_call before = plugin_call_enter(&plugin->name, "alter_offsets");
    struct mr_config *own = config_create(plugin->config_def, resolved, &why); /* runs the plugin's validators */
    int status = own == NULL ? -1 : alter(own, changes, handled, &why);
    plugin_call_leave(before);
    mr_config_destroy(own);
    if (status == 0) {
        mr_error_drop(why);
        return 0;
    }
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "the connector refused the offsets without a reason");
    *error = why;
    return -1;
}

static int resolve_and_call(const struct executor *executor, const struct string_map *config,
                            const struct mr_offset_changes *changes, bool *handled, struct mr_error **error)
{
    const struct loader_plugin *plugin;
    *handled = false;
    struct string_map *resolved = variables_resolve(executor->setup.variables, config, NULL, error);
    if (resolved == NULL)
        return -1;
    int status = connector_config_plugin(executor->setup.loader, resolved, &plugin, error);
    if (status == 0)
        status = call(plugin, resolved, changes, handled, error);
    string_map_destroy(resolved);
    return status;
}

int executor_alter_offsets(const struct executor *executor, const struct string_map *config,
                           const struct mr_offset_changes *changes, bool *handled, struct mr_error **error)
{
    bool before = secrets_trial(true);
    int status = resolve_and_call(executor, config, changes, handled, error);
    secrets_trial(before);
    return status;
}
