/* Built for another major version of the ABI. */
#include "idle.h"

static const struct mr_transform_ops ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &ops);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = { .size = sizeof(module), .abi_major = MR_ABI_MAJOR + 1, .abi_minor = 0,
                                         .name = "wrong_major", .plugins = plugins, .plugin_count = 1 };

IDLE_ENTRY(module)
