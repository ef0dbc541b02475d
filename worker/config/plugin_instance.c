#include "config/plugin_instance.h"

#include <assert.h>
#include <millrace/converter.h>
#include <millrace/error.h>
#include <millrace/predicate.h>
#include <millrace/transform.h>

#include "base/plugin_call.h"
#include "loader/loader.h"

#include "base/bans.h"

static void *create(const struct loader_plugin *plugin, const struct mr_config *config, struct mr_error **error)
{
    switch (plugin->kind) {
    case MR_PLUGIN_TRANSFORM: return plugin->transform->create(config, error);
    case MR_PLUGIN_PREDICATE: return plugin->predicate->create(config, error);
    case MR_PLUGIN_CONVERTER:
    case MR_PLUGIN_HEADER_CONVERTER: return plugin->converter->create(config, error);
    default: assert(!"a plugin of a pipeline"); return NULL;
    }
}

static void destroy(const struct loader_plugin *plugin, void *instance)
{
    switch (plugin->kind) {
    case MR_PLUGIN_TRANSFORM: plugin->transform->destroy(instance); return;
    case MR_PLUGIN_PREDICATE: plugin->predicate->destroy(instance); return;
    case MR_PLUGIN_CONVERTER:
    case MR_PLUGIN_HEADER_CONVERTER: plugin->converter->destroy(instance); return;
    default: assert(!"a plugin of a pipeline");
    }
}

void *plugin_instance_create(const struct loader_plugin *plugin, const struct mr_config *config, const char *call,
                             struct mr_error **error)
{
    struct mr_error *why = NULL;
    const struct plugin_call before = plugin_call_enter(&plugin->name, call);
    void *instance = create(plugin, config, &why);
    plugin_call_leave(before);
    if (instance == NULL && why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "%s could not be created, and does not say why", plugin->class_name);
    if (instance != NULL || error == NULL || *error != NULL)
        mr_error_drop(why); /* words beside an instance count for nothing */
    else
        *error = why;
    return instance;
}

void plugin_instance_destroy(const struct loader_plugin *plugin, void *instance, const char *call)
{
    if (instance == NULL)
        return;
    const struct plugin_call before = plugin_call_enter(&plugin->name, call);
    destroy(plugin, instance);
    plugin_call_leave(before);
}
