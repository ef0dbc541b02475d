#include "verifiable_plugin.h"

const struct mr_host *verifiable_host;

static const struct mr_plugin *const plugins[] = {&verifiable_source_plugin, &verifiable_sink_plugin};
static const struct mr_module module = MR_MODULE("verifiable", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    verifiable_host = host;
    return &module;
}
