/* Built for a later minor version of the ABI than the worker's. */
#include "idle.h"

static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = { .size = sizeof(module), .abi_major = MR_ABI_MAJOR,
                                         .abi_minor = MR_ABI_MINOR + 1, .name = "newer_minor", .plugins = plugins,
                                         .plugin_count = 1 };

IDLE_ENTRY(module)
