/* MockSink: takes records and forgets them; its connector or its task fails when told to. */
#include <stdlib.h>

#include "mock_plugin.h"

#define PUT_AFTER_MAX_MS 250u /* as Kafka's */

struct task {
    struct mr_sink_context *context;
    struct mock_clock clock;
};

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    return task;
}

/* It may never see a record: an empty put has to come in time. */
static int check(struct task *task, struct mr_error **error)
{
    uint32_t left_ms;

    if (mock_clock_check(&task->clock, &left_ms, error) != 0)
        return -1;
    if (task->clock.fails_at_ms != INT64_MAX)
        mr_sink_context_retry_after_ms(task->context, left_ms < PUT_AFTER_MAX_MS ? left_ms : PUT_AFTER_MAX_MS);
    return 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    (void)error;
    mock_clock_start(&task->clock, config);
    if (task->clock.fails_at_ms != INT64_MAX)
        mr_sink_context_retry_after_ms(task->context, 1);
    return 0;
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)records, (void)count;
    return check(self, error);
}

static void task_stop(void *self)
{
    (void)self;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .stop = task_stop,
    .destroy = free,
};

static const struct mr_sink_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.tools.MockSinkTask",
    .create = mock_create,
    .start = mock_start,
    .task_configs = mock_task_configs,
    .stop = mock_stop,
    .destroy = mock_destroy,
    .task = &task_ops,
};

const struct mr_plugin mock_sink_plugin = {
    .size = sizeof(mock_sink_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = MOCK_SINK_CLASS,
    .version = MOCK_VERSION,
    .doc = "Takes records and forgets them, and fails when told to, the connector or its task: for acceptance tests.",
    .config_def = &mock_config_def,
    .ops = &connector_ops,
};
