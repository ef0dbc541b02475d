/* A sink that writes nothing and reports each record whose field "n" is 13 to the errant record reporter. tests/support/poison holds the
 * same as Java source, for Kafka Connect's own worker. */
#include <string.h>

#include "one_connector.h"

#define UNLUCKY 13

static const struct mr_config_def options = {.size = sizeof(options), .row_size = sizeof(struct mr_config_row)};

struct task {
    struct mr_sink_context *context;
};

static void *create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    else
        task->context = context;
    return task;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self;
    (void)config;
    (void)error;
    return 0;
}

static bool is_unlucky(const struct mr_record *record)
{
    const struct mr_value *value = mr_record_value(record), *n = mr_value_kind(value) == MR_KIND_MAP ? mr_map_get(value, "n") : NULL;

    return n != NULL && mr_value_kind(n) == MR_KIND_INT32 && mr_value_integer(n) == UNLUCKY;
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(task->context);
    int status = 0;

    for (size_t i = 0; i < count && status == 0; i++) {
        struct mr_error *reason = NULL;

        if (!is_unlucky(records[i]))
            continue;
        mr_error_set(&reason, MR_ERR_DATA, "%d is not taken", UNLUCKY);
        status = mr_errant_report(reporter, records[i], reason, NULL, error);
        mr_error_drop(reason);
    }
    return status;
}

static void stop(void *self)
{
    (void)self;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .start = start, .put = put, .stop = stop, .destroy = free,
};
SINK_CONNECTOR("org.acme.ReportingSink", "reporting_sink", options, task_ops)
