/* Its table of operations is at an address where nothing is. */
#include "idle.h"

static const struct mr_plugin plugin = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Idle", (const void *)0x1230);
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("garbage_pointer", plugins);

IDLE_ENTRY(module)
