#include "file_plugin.h"

const struct mr_host *file_host;

static const struct mr_plugin *const plugins[] = {&file_source_plugin, &file_sink_plugin};
static const struct mr_module module = MR_MODULE("file", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    file_host = host;
    return &module;
}
