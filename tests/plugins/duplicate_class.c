/* Brings one class twice. */
#include "idle.h"

static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &ops);
static const struct mr_plugin again = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &ops);
static const struct mr_plugin *const plugins[] = { &plugin, &again };
static const struct mr_module module = MR_MODULE("duplicate_class", plugins);

IDLE_ENTRY(module)
