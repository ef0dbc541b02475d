/* Its list of plugins holds NULL. */
#include "idle.h"

static const struct mr_plugin *const plugins[] = { NULL };
static const struct mr_module module = MR_MODULE("null_plugin", plugins);

IDLE_ENTRY(module)
