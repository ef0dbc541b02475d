/* A source connector whose task has no poll; and one good transform, which is lost with it. */
#include "idle.h"

static const struct mr_source_task_ops task = { .size = sizeof(task), .create = idle_source_create,
                                                .start = idle_start, .stop = idle_void, .destroy = idle_void };
static const struct mr_source_connector_ops connector =
    IDLE_CONNECTOR_OPS(mr_source_connector_ops, "org.acme.IdleSourceTask", &task);
static const struct mr_transform_ops transform = IDLE_TRANSFORM_OPS;
static const struct mr_plugin good = IDLE_PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.Good", &transform);
static const struct mr_plugin bad = IDLE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.IdleSource", &connector);
static const struct mr_plugin *const plugins[] = { &good, &bad };
static const struct mr_module module = MR_MODULE("missing_task", plugins);

IDLE_ENTRY(module)
