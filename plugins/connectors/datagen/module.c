#include "datagen_plugin.h"

const struct mr_host *datagen_host;

static const struct mr_plugin *const plugins[] = {&datagen_source_plugin};
static const struct mr_module module = MR_MODULE("datagen", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    datagen_host = host;
    return &module;
}
