/*
 * A source and a sink on strings: what they do stands in the file `strings`, a line "NAME VALUE" for each thing, read anew at each
 * call; what was called goes to the file `calls`, a line each ("connector start", "0 stop"). Names: `tasks` how many
 * (default: tasks.max), `start` and `task_configs` fail where the value is "fail", as `task-0`, … let the task fail at its next poll or
 * put; whenever `ask` has changed, the connector asks for task reconfiguration.
 */
#include <fcntl.h>
#include <millrace/millrace.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct mr_config_row rows[] = {
    {.name = "strings", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "A file."},
    {.name = "calls", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "A file."},
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "made", .importance = MR_LOW, .doc = "Of the source."},
    {.name = "extra", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "To be changed."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* --- strings and calls ---- */

#define VALUE_MAX 64

/* What stands there for the name, or "". */
static const char *string_of(const struct mr_config *config, const char *name, char value[VALUE_MAX])
{
    FILE *file = fopen(mr_config_string(config, "strings"), "r");
    char line[256], key[VALUE_MAX], text[VALUE_MAX];

    value[0] = '\0';
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "%63s %63s", key, text) == 2 && strcmp(key, name) == 0)
            snprintf(value, VALUE_MAX, "%s", text);
    if (file != NULL)
        fclose(file);
    return value;
}

static int obey(const struct mr_config *config, const char *name, struct mr_error **error)
{
    char value[VALUE_MAX];

    return strcmp(string_of(config, name, value), "fail") == 0
               ? mr_error_set(error, MR_ERR_CONNECT, "%s was told to fail", name)
               : 0;
}

static void note(const struct mr_config *config, const char *unit, const char *call)
{
    int file = open(mr_config_string(config, "calls"), O_WRONLY | O_APPEND | O_CREAT, 0600);

    if (file < 0)
        return;
    dprintf(file, "%s %s\n", unit, call);
    close(file);
}

/* --- connectors ---- */

struct connector {
    struct mr_connector_context *context;
    const struct mr_config *config;
    pthread_t thread;
    atomic_bool is_stopping;
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    struct connector *connector = calloc(1, sizeof(*connector));

    if (connector == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a connector");
    else
        connector->context = context;
    return connector;
}

static void *look_whether_to_ask(void *argument)
{
    struct connector *connector = argument;
    char last[VALUE_MAX], now[VALUE_MAX];

    string_of(connector->config, "ask", last);
    while (!atomic_load(&connector->is_stopping)) {
        if (strcmp(string_of(connector->config, "ask", now), last) != 0)
            mr_connector_context_request_task_reconfiguration(connector->context);
        memcpy(last, now, sizeof(last));
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return NULL;
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct connector *connector = self;

    note(config, "connector", connector->config == NULL ? "start" : "start-again");
    connector->config = config;
    if (obey(config, "start", error) != 0)
        return -1;
    atomic_store(&connector->is_stopping, false);
    if (pthread_create(&connector->thread, NULL, look_whether_to_ask, connector) != 0)
        return mr_error_set(error, MR_ERR_CONNECT, "no thread to be had");
    return 0;
}

static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    struct connector *connector = self;
    char value[VALUE_MAX], number[16];
    int count = atoi(string_of(connector->config, "tasks", value));

    note(connector->config, "connector", "task_configs");
    if (obey(connector->config, "task_configs", error) != 0)
        return -1;
    for (int i = 0; i < (value[0] != '\0' ? count : (int)tasks_max); i++) {
        snprintf(number, sizeof(number), "%d", i);
        if (mr_task_configs_add_copy(configs, connector->config) != 0 || mr_task_configs_put(configs, "id", number) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task configurations");
    }
    return 0;
}

static void connector_stop(void *self)
{
    struct connector *connector = self;

    atomic_store(&connector->is_stopping, true);
    pthread_join(connector->thread, NULL);
    note(connector->config, "connector", "stop");
}

/* --- tasks ---- */

struct task {
    struct mr_source_context *source; /* NULL: of a sink */
    const struct mr_config *config;
    char number[16];
    int64_t count;
};

static void *task_create(uint32_t number, struct mr_source_context *source, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->source = source;
    snprintf(task->number, sizeof(task->number), "%u", number);
    return task;
}

static void *source_create(struct mr_source_context *context, struct mr_error **error)
{
    return task_create(mr_source_context_task(context), context, error);
}

static void *sink_create(struct mr_sink_context *context, struct mr_error **error)
{
    return task_create(mr_sink_context_task(context), NULL, error);
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    (void)error;
    task->config = config;
    note(config, task->number, "start");
    return 0;
}

static void task_stop(void *self)
{
    struct task *task = self;

    if (task->config != NULL)
        note(task->config, task->number, "stop");
}

static int task_obey(const struct task *task, struct mr_error **error)
{
    char name[32];

    snprintf(name, sizeof(name), "task-%s", task->number);
    return obey(task->config, name, error);
}

static int append(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);

    if (record == NULL || mr_map_put_text(arena, partition, "task", mr_string(arena, task->number)) != 0 ||
        mr_map_put_text(arena, offset, "count", mr_int64(arena, ++task->count)) != 0 ||
        mr_record_set_value(record, NULL, mr_string(arena, task->number)) != 0 ||
        mr_record_set_topic(record, mr_config_string(task->config, "topic")) != 0 ||
        mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

/* One record after each start. */
static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;

    mr_source_context_poll_after_ms(task->source, 20);
    if (task_obey(task, error) != 0)
        return -1;
    return task->count > 0 ? 0 : append(task, batch, error);
}

static int open_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;

    (void)partitions, (void)error;
    note(task->config, task->number, "open");
    return 0;
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;

    (void)records;
    note(task->config, task->number, count > 0 ? "put" : "put-nothing");
    return task_obey(task, error);
}

static int pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;

    (void)offsets, (void)error;
    note(task->config, task->number, "pre_commit");
    return 0;
}

static int close_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;

    (void)partitions, (void)error;
    note(task->config, task->number, "close");
    return 0;
}

/* --- tables ---- */

static const struct mr_source_task_ops source_task = {
    .size = sizeof(source_task), .create = source_create, .start = task_start, .poll = poll, .stop = task_stop,
    .destroy = free,
};
static const struct mr_sink_task_ops sink_task = {
    .size = sizeof(sink_task), .create = sink_create, .start = task_start, .open = open_partitions, .put = put,
    .pre_commit = pre_commit, .close = close_partitions, .stop = task_stop, .destroy = free,
};

#define CONNECTOR(class_, task_)                                                                                       \
    .task_class_name = class_ "Task", .create = connector_create, .start = connector_start,                            \
    .task_configs = connector_task_configs, .stop = connector_stop, .destroy = free, .task = &(task_)
#define PLUGIN(kind_, class_, ops_)                                                                                    \
    {.size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = class_ "Connector", .version = "3.2",            \
     .config_def = &options, .ops = &(ops_)}

static const struct mr_source_connector_ops source_ops = {.size = sizeof(source_ops),
                                                          CONNECTOR("org.acme.PuppetSource", source_task)};
static const struct mr_sink_connector_ops sink_ops = {.size = sizeof(sink_ops),
                                                      CONNECTOR("org.acme.PuppetSink", sink_task)};
static const struct mr_plugin source = PLUGIN(MR_PLUGIN_SOURCE, "org.acme.PuppetSource", source_ops),
                              sink = PLUGIN(MR_PLUGIN_SINK, "org.acme.PuppetSink", sink_ops);
static const struct mr_plugin *const plugins[] = {&source, &sink};
static const struct mr_module module = MR_MODULE("puppet", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
