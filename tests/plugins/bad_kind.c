/* A plugin of a kind that does not exist. */
#include "idle.h"

static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = IDLE_PLUGIN((enum mr_plugin_kind)99, "org.acme.Idle", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("bad_kind", plugins);

IDLE_ENTRY(module)
