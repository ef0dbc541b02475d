#include "mock_plugin.h"

const struct mr_host *mock_host;

static const struct mr_plugin *const plugins[] = {&mock_source_plugin, &mock_sink_plugin};
static const struct mr_module module = MR_MODULE("mock", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    mock_host = host;
    return &module;
}
