/* Two classes whose simple names are those of classes in gallery.c. */
#include "idle.h"

static const struct mr_source_task_ops task = IDLE_SOURCE_TASK_OPS;
static const struct mr_source_connector_ops source_ops =
    IDLE_CONNECTOR_OPS(mr_source_connector_ops, "net.other.ThingSourceTask", &task);
static const struct mr_transform_ops transform_ops = IDLE_TRANSFORM_OPS;
static const struct mr_plugin source =
    IDLE_PLUGIN(MR_PLUGIN_SOURCE, "net.other.ThingSourceConnector", &source_ops);
static const struct mr_plugin router = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "net.other.ThingRouter", &transform_ops);
static const struct mr_plugin *const plugins[] = { &source, &router };
static const struct mr_module module = MR_MODULE("other_vendor", plugins);

IDLE_ENTRY(module)
