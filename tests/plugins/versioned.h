/* versioned.h: one connector class; the file that includes it says which version of it. */
#include "idle.h"

static const struct mr_sink_task_ops task = IDLE_SINK_TASK_OPS;
static const struct mr_sink_connector_ops ops =
    IDLE_CONNECTOR_OPS(mr_sink_connector_ops, "org.acme.VersionedSinkTask", &task);
static const struct mr_plugin plugin = { .size = sizeof(plugin), .kind = MR_PLUGIN_SINK,
                                         .class_name = "org.acme.VersionedSinkConnector", .version = VERSION,
                                         .ops = &ops };
static const struct mr_plugin *const plugins[] = { &plugin };
static const struct mr_module module = MR_MODULE("versioned", plugins);

IDLE_ENTRY(module)
