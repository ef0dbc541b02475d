/* A transform that cannot be applied. */
#include "idle.h"

static const struct mr_transform_ops ops = { .size = sizeof(ops), .create = idle_create, .destroy = idle_void };
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("missing_ops", plugins);

IDLE_ENTRY(module)
