/*
 * A source and two sinks that hang, err or are slow in the one call that `misbehave` names ("poll:hang", "task.start:error",
 * "stop:slow"): a hang lasts while the file `hang.while` exists and begins with writing the call's name into it; slow calls
 * take `slow.ms`. Of a task it is "task.prepare", "task.start", "task.stop". MisbehavingSink has pre_commit, MisbehavingFlushSink
 * flush. The source makes a record in each poll; the sinks write a line to `file` for each record.
 * stop cannot fail: in a connector the error is raised, in a task it is none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "one_connector.h"

static const struct mr_config_row rows[] = {
    {.name = "misbehave", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_HIGH, .doc = "CALL:HOW."},
    {.name = "hang.while", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file."},
    {.name = "slow.ms", .type = MR_CONFIG_INT, .default_text = "500", .importance = MR_LOW, .doc = "Of slow calls."},
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "made", .importance = MR_LOW, .doc = "Of the source."},
    {.name = "file", .type = MR_CONFIG_STRING, .default_text = "/dev/null", .importance = MR_LOW, .doc = "Of the sinks."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* --- misbehaving ---- */

static void wait_ms(int64_t time_ms)
{
    nanosleep(&(struct timespec){.tv_sec = time_ms / 1000, .tv_nsec = time_ms % 1000 * 1000000}, NULL);
}

static void hang(const char *path, const char *call)
{
    int file = open(path, O_WRONLY | O_APPEND);

    if (file >= 0) {
        dprintf(file, "%s\n", call);
        close(file);
    }
    while (access(path, F_OK) == 0)
        wait_ms(10);
}

static int misbehave(const struct mr_config *config, const char *call, struct mr_error **error)
{
    const char *wish = config == NULL ? "" : mr_config_string(config, "misbehave"), *how = strchr(wish, ':');

    if (how == NULL || strlen(call) != (size_t)(how - wish) || strncmp(wish, call, strlen(call)) != 0)
        return 0;
    if (strcmp(how, ":error") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "%s was told to fail", call);
    if (strcmp(how, ":slow") == 0)
        wait_ms(mr_config_integer(config, "slow.ms"));
    if (strcmp(how, ":hang") == 0)
        hang(mr_config_string(config, "hang.while"), call);
    return 0;
}

/* --- connectors ---- */

static int validate(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    (void)report;
    return misbehave(config, "validate", error);
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    return misbehave(config, "start", error) != 0 ? -1 : one_connector_start(self, config, error);
}

static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    if (misbehave(((struct one_connector *)self)->config, "task_configs", error) != 0)
        return -1;
    return one_connector_task_configs(self, tasks_max, configs, error);
}

static void connector_stop(void *self)
{
    struct one_connector *connector = self;
    struct mr_error *error = NULL;

    if (misbehave(connector->config, "stop", &error) != 0)
        mr_connector_context_raise_error(connector->context, error);
    mr_error_drop(error);
    one_connector_stop(self);
}

/* --- tasks ---- */

struct task {
    struct mr_source_context *source; /* NULL: of a sink */
    const struct mr_config *config;
    int64_t count;
};

static void *task_create(struct mr_source_context *source, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    else
        task->source = source;
    return task;
}

static void *sink_task_create(struct mr_sink_context *context, struct mr_error **error)
{
    (void)context;
    return task_create(NULL, error);
}

static int task_prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self;
    return misbehave(config, "task.prepare", error);
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    ((struct task *)self)->config = config;
    return misbehave(config, "task.start", error);
}

static void task_stop(void *self)
{
    misbehave(((struct task *)self)->config, "task.stop", NULL);
}

static int append(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);

    if (record == NULL || mr_map_put_text(arena, partition, "p", mr_int64(arena, 0)) != 0 ||
        mr_map_put_text(arena, offset, "count", mr_int64(arena, ++task->count)) != 0 ||
        mr_record_set_value(record, NULL, mr_string(arena, "made")) != 0 ||
        mr_record_set_topic(record, mr_config_string(task->config, "topic")) != 0 ||
        mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;

    mr_source_context_poll_after_ms(task->source, 100);
    return misbehave(task->config, "poll", error) != 0 ? -1 : append(task, batch, error);
}

static int commit(void *self, struct mr_error **error)
{
    return misbehave(((struct task *)self)->config, "commit", error);
}

static int open_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)partitions;
    return misbehave(((struct task *)self)->config, "open", error);
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    FILE *file;

    (void)records;
    if (count == 0)
        return 0;
    if (misbehave(task->config, "put", error) != 0)
        return -1;
    file = fopen(mr_config_string(task->config, "file"), "a");
    if (file == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "no file to write to");
    for (size_t i = 0; i < count; i++)
        fputs("taken\n", file);
    return fclose(file) == 0 ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file was not written");
}

static int flush(void *self, const struct mr_offsets *offsets, struct mr_error **error)
{
    (void)offsets;
    return misbehave(((struct task *)self)->config, "flush", error);
}

static int pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    (void)offsets;
    return misbehave(((struct task *)self)->config, "pre_commit", error);
}

static int close_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)partitions;
    return misbehave(((struct task *)self)->config, "close", error);
}

/* --- tables ---- */

#define SINK_HEAD                                                                                                      \
    .size = sizeof(struct mr_sink_task_ops), .create = sink_task_create, .prepare = task_prepare, .start = task_start,          \
    .open = open_partitions,                                                                                           \
    .put = put, .close = close_partitions, .stop = task_stop, .destroy = free

static const struct mr_source_task_ops source_task = {
    .size = sizeof(source_task), .create = task_create, .prepare = task_prepare, .start = task_start, .poll = poll, .commit = commit,
    .stop = task_stop, .destroy = free,
};
static const struct mr_sink_task_ops sink_task = {SINK_HEAD, .pre_commit = pre_commit},
                                     flush_task = {SINK_HEAD, .flush = flush};

#define CONNECTOR(ops_, class_, task_)                                                                                 \
    {                                                                                                                  \
        .size = sizeof(struct ops_), .task_class_name = class_ "Task", .create = one_connector_create,                 \
        .start = connector_start, .task_configs = connector_task_configs, .stop = connector_stop, .destroy = free,     \
        .validate = validate, .task = &(task_)                                                                         \
    }
static const struct mr_source_connector_ops source = CONNECTOR(mr_source_connector_ops, "org.acme.MisbehavingSource",
                                                               source_task);
static const struct mr_sink_connector_ops sink = CONNECTOR(mr_sink_connector_ops, "org.acme.MisbehavingSink", sink_task),
                                          flush_sink = CONNECTOR(mr_sink_connector_ops, "org.acme.MisbehavingFlushSink",
                                                                 flush_task);

static const struct mr_plugin source_plugin =
                                  ONE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.MisbehavingSourceConnector", options, source),
                              sink_plugin = ONE_PLUGIN(MR_PLUGIN_SINK, "org.acme.MisbehavingSinkConnector", options, sink),
                              flush_sink_plugin = ONE_PLUGIN(MR_PLUGIN_SINK, "org.acme.MisbehavingFlushSinkConnector",
                                                             options, flush_sink);
static const struct mr_plugin *const plugins[] = {&source_plugin, &sink_plugin, &flush_sink_plugin};
static const struct mr_module module = MR_MODULE("misbehaving", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
