/* A table larger than the ABI it claims to be built for has. */
#include "idle.h"

static const struct {
    struct mr_transform_ops ops;
    void *further;
} larger = { .ops = { .size = sizeof(larger), .create = idle_create, .apply = idle_apply, .destroy = idle_void } };
static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", &larger);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("bad_size", plugins);

IDLE_ENTRY(module)
