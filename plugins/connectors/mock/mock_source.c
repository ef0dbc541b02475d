/* MockSource: brings no records; its connector or its task fails when told to. */
#include <stdlib.h>

#include "mock_plugin.h"

#define POLL_AFTER_MAX_MS 60000u

struct task {
    struct mr_source_context *context;
    struct mock_clock clock;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    mock_clock_start(&((struct task *)self)->clock, config);
    return 0;
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    uint32_t left_ms;

    (void)batch;
    if (mock_clock_check(&task->clock, &left_ms, error) != 0)
        return -1;
    mr_source_context_poll_after_ms(task->context, left_ms < POLL_AFTER_MAX_MS ? left_ms : POLL_AFTER_MAX_MS);
    return 0;
}

static void task_stop(void *self)
{
    (void)self;
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .poll = task_poll,
    .stop = task_stop,
    .destroy = free,
};

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.tools.MockSourceTask",
    .create = mock_create,
    .start = mock_start,
    .task_configs = mock_task_configs,
    .stop = mock_stop,
    .destroy = mock_destroy,
    .task = &task_ops,
};

const struct mr_plugin mock_source_plugin = {
    .size = sizeof(mock_source_plugin),
    .kind = MR_PLUGIN_SOURCE,
    .class_name = MOCK_SOURCE_CLASS,
    .version = MOCK_VERSION,
    .doc = "Brings no records and fails when told to, the connector or its task: for acceptance tests.",
    .config_def = &mock_config_def,
    .ops = &connector_ops,
};
