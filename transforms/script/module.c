#include "plugin_module.h"

extern const struct mr_plugin script_transform;

static const struct mr_plugin *const plugins[] = { &script_transform };
PLUGIN_MODULE("millrace-script", plugins);
