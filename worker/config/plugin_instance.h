/*
 * plugin_instance: a transform, a predicate or a converter made of its options, and ended again. A task makes them to work with
 * them (pipeline/), a validation to see whether they can be made (connector_setups.c).
 *
 * `call` names what the plugin is called for, should it crash (base/plugin_call.h): "create" and "destroy" in a unit's life, "validate"
 * in a validation, which is no part of it. A string literal.
 * thread: any on which plugin code may run; no lock held.
 */
#ifndef CONFIG_PLUGIN_INSTANCE_H
#define CONFIG_PLUGIN_INSTANCE_H

struct loader_plugin;
struct mr_config;
struct mr_error;

/* `config` outlives the instance. NULL: an error in any case, also where the plugin gives none. */
void *plugin_instance_create(const struct loader_plugin *plugin, const struct mr_config *config, const char *call,
                             struct mr_error **error);
void plugin_instance_destroy(const struct loader_plugin *plugin, void *instance, const char *call); /* NULL instance is fine */

#endif
