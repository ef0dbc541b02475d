/*
 * hello_sink: a sink connector that appends the values of records to a file, a line each.
 *
 *     connector.class=HelloSink
 *     topics=greetings
 *     path=/tmp/greetings            (a file for each task: /tmp/greetings.0, …)
 *
 * What it shows: borrowed records, errors, and offsets that are committed only when the data is safe.
 */
#include <millrace/millrace.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGGER "org.example.HelloSinkConnector"

static const struct mr_host *host; /* set once, before anything else runs */

static const struct mr_config_row rows[] = {
    {
        .name = "path",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Where to append; each task has a file of its own: PATH.0, PATH.1, …",
        .validator = mr_check_not_empty,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* ======== The task: takes the records ======================================================================== */

struct task {
    struct mr_sink_context *context;
    struct mr_arena *arena; /* for the texts of one put */
    char *path;
    FILE *file;
};

static void task_destroy(void *self)
{
    struct task *task = self;
    if (task == NULL)
        return;
    mr_arena_destroy(task->arena);
    free(task);
}

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    if (task != NULL)
        task->arena = mr_arena_create(64 * 1024 * 1024);
    if (task == NULL || task->arena == NULL) {
        task_destroy(task);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    const char *path = mr_config_string(config, "path");
    size_t size = strlen(path) + 12;
    task->path = malloc(size);
    if (task->path == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a path");
    snprintf(task->path, size, "%s.%u", path, (unsigned)mr_sink_context_task(task->context));
    task->file = fopen(task->path, "a");
    if (task->file == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "cannot open %s: %s", task->path, strerror(errno));
    mr_log(host, MR_LOG_INFO, LOGGER, "Appending to %s", task->path);
    return 0;
}

/* Text goes out as it is, everything else as JSON. The bytes live in the record or in the task's arena. */
static int text_of(struct task *task, const struct mr_record *record, struct mr_bytes *text, struct mr_error **error)
{
    const struct mr_value *value = mr_record_value(record);
    if (mr_value_kind(value) == MR_KIND_STRING) {
        *text = mr_value_bytes(value);
        return 0;
    }
    return mr_json_write(task->arena, mr_record_value_schema(record), value, 0, text, error);
}

/* The records are ours until we return. Nothing here is safe yet: the file has a buffer, and the disk has one too. */
static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes text;
        if (text_of(task, records[i], &text, error) != 0)
            return -1;
        if ((text.size > 0 && fwrite(text.data, text.size, 1, task->file) != 1) || fputc('\n', task->file) == EOF)
            return mr_error_set(error, MR_ERR_CONNECT, "cannot write to %s: %s", task->path, strerror(errno));
    }
    mr_arena_clear(task->arena);
    return 0;
}

/* Called before offsets are committed. When it fails, they are not, and the records since the last commit come again. */
static int task_flush(void *self, const struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;
    (void)offsets; /* a task that knows better which records are safe answers with pre_commit instead */
    if (fflush(task->file) != 0 || fsync(fileno(task->file)) != 0)
        return mr_error_set(error, MR_ERR_RETRIABLE, "cannot flush %s: %s", task->path, strerror(errno));
    return 0;
}

/* Also after a start that failed half-way. */
static void task_stop(void *self)
{
    struct task *task = self;
    if (task->file != NULL)
        fclose(task->file);
    free(task->path);
    task->file = NULL;
    task->path = NULL;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .flush = task_flush,
    .stop = task_stop,
    .destroy = task_destroy,
};

/* ======== The connector: all tasks do the same, Kafka spreads the partitions over them ======================= */

struct connector {
    const struct mr_config *config; /* stays valid until the next start or destroy */
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    (void)context;
    struct connector *connector = calloc(1, sizeof(*connector));
    if (connector == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a connector");
    return connector;
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct connector *connector = self;
    (void)error;
    connector->config = config;
    return 0;
}

static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    const struct connector *connector = self;
    for (uint32_t i = 0; i < tasks_max; i++) {
        if (mr_task_configs_add_copy(configs, connector->config) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the configurations of %u tasks",
                                (unsigned)tasks_max);
    }
    return 0;
}

static void connector_stop(void *self)
{
    (void)self;
}

static void connector_destroy(void *self)
{
    free(self);
}

static const struct mr_sink_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.example.HelloSinkTask",
    .create = connector_create,
    .start = connector_start,
    .task_configs = connector_task_configs,
    .stop = connector_stop,
    .destroy = connector_destroy,
    .task = &task_ops,
};

/* ======== What the file hands over =========================================================================== */

static const struct mr_plugin hello_plugin = {
    .size = sizeof(hello_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = "org.example.HelloSinkConnector",
    .version = "1.0",
    .doc = "Appends the values of records to a file, a line each.",
    .config_def = &options,
    .ops = &connector_ops,
};

static const struct mr_plugin *const plugins[] = { &hello_plugin };
static const struct mr_module module = MR_MODULE("hello_sink", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *worker)
{
    host = worker;
    return &module;
}
