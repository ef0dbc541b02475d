#include "json/connector_entity.h"

#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_shown.h"
#include "json/json_out.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"

#include "base/bans.h"

const char *connector_type(const struct loader *loader, const struct string_map *config)
{
    const char *class_name = config == NULL ? NULL : string_map_get(config, "connector.class");
    const struct loader_plugin *plugin = NULL;
    if (class_name == NULL ||
        loader_find_connector(loader, class_name, string_map_get(config, "connector.plugin.version"), &plugin, NULL) !=
            0)
        return "unknown";
    return loader_kind_name(plugin->kind);
}

static void write_id(struct json_out *out, const char *name, uint32_t task)
{
    json_out_open(out, '{');
    json_out_pair(out, "connector", name);
    json_out_name(out, "task");
    json_out_int(out, task);
    json_out_close(out, '}');
}

/* Without memory nothing is shown rather than everything: the answer becomes a 500. */
void connector_config_write(struct json_out *out, const struct loader *loader, const struct string_map *config,
                            const struct string_map *shown, bool hides_secrets)
{
    struct string_map *masked;
    if (!hides_secrets || shown == NULL) {
        json_out_map(out, shown);
        return;
    }
    masked = connector_shown_create(loader, config, shown);
    if (masked != NULL)
        json_out_map(out, masked);
    else
        out->text->failed = true;
    string_map_destroy(masked);
}

void connector_entity_write(struct json_out *out, const struct loader *loader, const struct config_snapshot *snapshot,
                            const char *name, bool with_tasks, bool hides_secrets)
{
    const struct string_map *config = config_snapshot_config(snapshot, name);
    uint32_t task_count = with_tasks ? config_snapshot_task_count(snapshot, name) : 0;
    json_out_open(out, '{');
    json_out_pair(out, "name", name);
    json_out_name(out, "config");
    connector_config_write(out, loader, config, config, hides_secrets);
    json_out_name(out, "tasks");
    json_out_open(out, '[');
    for (uint32_t task = 0; task < task_count; task++)
        write_id(out, name, task);
    json_out_close(out, ']');
    json_out_pair(out, "type", connector_type(loader, config));
    json_out_close(out, '}');
}

void connector_tasks_write(struct json_out *out, const struct loader *loader, const struct config_snapshot *snapshot,
                           const char *name, bool hides_secrets)
{
    const struct string_map *config = config_snapshot_config(snapshot, name);
    uint32_t task_count = config_snapshot_task_count(snapshot, name);
    json_out_open(out, '[');
    for (uint32_t task = 0; task < task_count; task++) {
        json_out_open(out, '{');
        json_out_name(out, "id");
        write_id(out, name, task);
        json_out_name(out, "config");
        connector_config_write(out, loader, config, config_snapshot_task(snapshot, name, task), hides_secrets);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}
