/* A sink that takes a batch as a whole or refuses it as a whole: one record whose value is the text of `bad` is enough. What it takes
 * goes to `file`, a line each; what it refuses, a line "refused N" each. */
#include <stdio.h>
#include <string.h>

#include "one_connector.h"

static const struct mr_config_row rows[] = {
    {.name = "file", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Where to."},
    {.name = "bad", .type = MR_CONFIG_STRING, .default_text = "bad", .importance = MR_LOW, .doc = "Which value."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct task {
    FILE *file;
    const char *bad;
};

static void *create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    (void)context;
    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    return task;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->bad = mr_config_string(config, "bad");
    task->file = fopen(mr_config_string(config, "file"), "a");
    return task->file != NULL ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file cannot be opened");
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;

    for (size_t i = 0; i < count; i++) {
        struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));

        if (value.size == strlen(task->bad) && memcmp(value.data, task->bad, value.size) == 0) {
            fprintf(task->file, "refused %zu\n", count);
            fflush(task->file);
            return mr_error_set(error, MR_ERR_DATA, "the batch violates a constraint");
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes value = mr_value_bytes(mr_record_value(records[i]));

        fprintf(task->file, "%.*s\n", (int)value.size, (const char *)value.data);
    }
    fflush(task->file);
    return 0;
}

static void stop(void *self)
{
    struct task *task = self;

    if (task->file != NULL)
        fclose(task->file);
    task->file = NULL;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .start = start, .put = put, .stop = stop, .destroy = free,
};
SINK_CONNECTOR("org.acme.StrictSink", "strict_sink", options, task_ops)
