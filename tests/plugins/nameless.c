/* A class whose name is empty. */
#include "idle.h"

static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("nameless", plugins);

IDLE_ENTRY(module)
