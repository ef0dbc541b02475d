#include "http_plugin.h"

const struct mr_host *http_host;

static const struct mr_plugin *const plugins[] = {&http_confluent_plugin, &http_aiven_plugin};
static const struct mr_module module = MR_MODULE("http_sink", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    http_host = host;
    return &module;
}
