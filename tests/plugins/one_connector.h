/* For plugins of which only the task matters: a connector whose tasks, tasks.max of them, get everything it was given. */
#ifndef TEST_ONE_CONNECTOR_H
#define TEST_ONE_CONNECTOR_H

#include <millrace/millrace.h>
#include <stdlib.h>

struct one_connector {
    struct mr_connector_context *context;
    const struct mr_config *config;
};

static void *one_connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    struct one_connector *connector = calloc(1, sizeof(*connector));

    if (connector == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a connector");
    else
        connector->context = context;
    return connector;
}

static int one_connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct one_connector *)self)->config = config;
    return 0;
}

static int one_connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                      struct mr_error **error)
{
    for (uint32_t i = 0; i < tasks_max; i++) {
        if (mr_task_configs_add_copy(configs, ((struct one_connector *)self)->config) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task's configuration");
    }
    return 0;
}

static void one_connector_stop(void *self)
{
    (void)self;
}

#define ONE_CONNECTOR_HEAD(class_, task_)                                                                              \
    .task_class_name = class_ "Task", .create = one_connector_create, .start = one_connector_start,                    \
    .task_configs = one_connector_task_configs, .stop = one_connector_stop, .destroy = free, .task = &(task_)

#define ONE_PLUGIN(kind_, class_, options_, connector_ops_)                                                            \
    {                                                                                                                  \
        .size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = (class_), .version = "1.0",                   \
        .config_def = &(options_), .ops = &(connector_ops_)                                                            \
    }

#define ONE_MODULE(name_)                                                                                              \
    static const struct mr_plugin *const plugins[] = {&plugin};                                                        \
    static const struct mr_module module = MR_MODULE(name_, plugins);                                                  \
    const struct mr_module *mr_module_v1(const struct mr_host *host)                                                   \
    {                                                                                                                  \
        (void)host;                                                                                                    \
        return &module;                                                                                                \
    }

#define SINK_CONNECTOR(class_, name_, options_, task_)                                                                 \
    static const struct mr_sink_connector_ops connector_ops = {.size = sizeof(connector_ops),                          \
                                                               ONE_CONNECTOR_HEAD(class_, task_)};                     \
    static const struct mr_plugin plugin = ONE_PLUGIN(MR_PLUGIN_SINK, class_, options_, connector_ops);                \
    ONE_MODULE(name_)

#define SOURCE_CONNECTOR(class_, name_, options_, task_)                                                               \
    static const struct mr_source_connector_ops connector_ops = {.size = sizeof(connector_ops),                        \
                                                                 ONE_CONNECTOR_HEAD(class_, task_)};                   \
    static const struct mr_plugin plugin = ONE_PLUGIN(MR_PLUGIN_SOURCE, class_, options_, connector_ops);              \
    ONE_MODULE(name_)

#endif
