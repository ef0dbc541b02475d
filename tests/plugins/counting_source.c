/*
 * Sources that count, each task for itself: record n has the text n as its value, source partition {"task": number} and offset
 * {"count": n}. They misbehave where the option `misbehave` says so ("start:fail", "poll:hang", …): a hang lasts while the
 * file `hang.while` exists. BlockingSource keeps the thread in poll after each batch until it is asked to stop.
 */
#include <millrace/millrace.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct mr_config_row rows[] = {
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "counts", .importance = MR_HIGH, .doc = "Where to."},
    {.name = "limit", .type = MR_CONFIG_LONG, .default_text = "-1", .importance = MR_LOW, .doc = "Records in all."},
    {.name = "batch", .type = MR_CONFIG_INT, .default_text = "100", .importance = MR_LOW, .doc = "Records in a poll."},
    {.name = "tasks", .type = MR_CONFIG_INT, .default_text = "1", .importance = MR_LOW, .doc = "Tasks it makes."},
    {.name = "secret", .type = MR_CONFIG_PASSWORD, .importance = MR_LOW, .doc = "Not to be told."},
    {.name = "misbehave", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "CALL:HOW."},
    {.name = "hang.while", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* Misbehaving ------------------------------------------------------------------------------------------------------ */

static bool is_to(const struct mr_config *config, const char *call, const char *how)
{
    char wish[64];
    snprintf(wish, sizeof(wish), "%s:%s", call, how);
    return config != NULL && strcmp(mr_config_string(config, "misbehave"), wish) == 0;
}

static int misbehave(const struct mr_config *config, const char *call, struct mr_error **error)
{
    if (is_to(config, call, "fail"))
        return mr_error_set(error, MR_ERR_CONNECT, "%s was told to fail", call);
    if (is_to(config, call, "hang")) {
        const char *path = mr_config_string(config, "hang.while");
        while (access(path, F_OK) == 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

/* Tasks ------------------------------------------------------------------------------------------------------------ */

struct task {
    struct mr_source_context *context;
    const struct mr_config *config;
    int64_t count;
    bool blocks;
    pthread_mutex_t lock;
    pthread_cond_t stop_asked;
    bool is_stopping;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    pthread_mutex_init(&task->lock, NULL);
    pthread_cond_init(&task->stop_asked, NULL);
    return task;
}

static void *blocking_task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = task_create(context, error);
    if (task != NULL)
        task->blocks = true;
    return task;
}

static struct mr_value *partition_of(const struct task *task, struct mr_arena *arena)
{
    struct mr_value *partition = mr_map_create(arena, 1);
    uint32_t number = mr_source_context_task(task->context);
    return mr_map_put_text(arena, partition, "task", mr_int64(arena, number)) == 0 ? partition : NULL;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    pthread_mutex_lock(&task->lock);
    task->config = config;
    pthread_mutex_unlock(&task->lock);
    if (misbehave(config, "task.start", error) != 0)
        return -1;
    struct mr_arena *arena = mr_arena_create(65536);
    const struct mr_value *offset = mr_source_context_offset(task->context, partition_of(task, arena), arena, error);
    if (offset != NULL && !mr_value_is_null(offset))
        task->count = mr_value_integer(mr_map_get(offset, "count"));
    mr_arena_destroy(arena);
    return offset != NULL ? 0 : -1;
}

static int append(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    if (record == NULL)
        return mr_arena_failed(arena, error);
    char *text = mr_arena_printf(arena, "%lld", (long long)task->count + 1);
    struct mr_value *offset = mr_map_create(arena, 1), *partition = partition_of(task, arena);
    if (mr_map_put_text(arena, offset, "count", mr_int64(arena, task->count + 1)) != 0 ||
        mr_record_set_value(record, mr_schema_primitive(MR_TYPE_STRING, false), mr_string(arena, text)) != 0 ||
        mr_record_set_topic(record, mr_config_string(task->config, "topic")) != 0 ||
        mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    mr_record_set_partition(record, 0);
    task->count++;
    return 0;
}

static void block(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    while (!task->is_stopping)
        pthread_cond_wait(&task->stop_asked, &task->lock);
    pthread_mutex_unlock(&task->lock);
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int64_t limit = mr_config_integer(task->config, "limit");
    int64_t batch_size = mr_config_integer(task->config, "batch");
    if (task->count > 0 && misbehave(task->config, "poll", error) != 0)
        return -1;
    if (task->blocks && task->count > 0)
        block(task);
    if (task->blocks && mr_source_context_is_stopping(task->context))
        return 0;
    for (int64_t i = 0; i < batch_size && (limit < 0 || task->count < limit); i++) {
        if (append(task, batch, error) != 0)
            return -1;
    }
    mr_source_context_poll_after_ms(task->context, 1);
    return 0;
}

static void task_request_stop(void *self)
{
    struct task *task = self;
    pthread_mutex_lock(&task->lock);
    const struct mr_config *config = task->config;
    pthread_mutex_unlock(&task->lock);
    misbehave(config, "request_stop", NULL);
    pthread_mutex_lock(&task->lock);
    task->is_stopping = true;
    pthread_cond_signal(&task->stop_asked);
    pthread_mutex_unlock(&task->lock);
}

static void task_stop(void *self)
{
    struct task *task = self;
    misbehave(task->config, "task.stop", NULL);
}

static void task_destroy(void *self)
{
    struct task *task = self;
    pthread_mutex_destroy(&task->lock);
    pthread_cond_destroy(&task->stop_asked);
    free(task);
}

/* Connectors ------------------------------------------------------------------------------------------------------- */

struct connector {
    struct mr_connector_context *context;
    const struct mr_config *config;
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    if (strcmp(mr_connector_context_name(context), "cannot-be-created") == 0) {
        mr_error_set(error, MR_ERR_CONNECT, "create was told to fail");
        return NULL;
    }
    struct connector *connector = calloc(1, sizeof(*connector));
    if (connector != NULL)
        connector->context = context;
    return connector;
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct connector *connector = self;
    struct mr_error *raised = NULL;
    connector->config = config;
    if (is_to(config, "start", "reconfigure"))
        mr_connector_context_request_task_reconfiguration(connector->context);
    if (is_to(config, "start", "raise")) {
        mr_error_set(&raised, MR_ERR_CONNECT, "something happened outside");
        mr_connector_context_raise_error(connector->context, raised);
        mr_error_drop(raised);
    }
    return misbehave(config, "start", error);
}

static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    struct connector *connector = self;
    (void)tasks_max;
    if (misbehave(connector->config, "task_configs", error) != 0)
        return -1;
    for (int64_t i = 0; i < mr_config_integer(connector->config, "tasks"); i++) {
        if (mr_task_configs_add_copy(configs, connector->config) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task configurations");
    }
    return 0;
}

static void connector_stop(void *self)
{
    struct connector *connector = self;
    misbehave(connector->config, "stop", NULL);
}

static void connector_destroy(void *self)
{
    free(self);
}

#define TASK_OPS(create_, flags_)                                                                                      \
    {                                                                                                                  \
        .size = sizeof(struct mr_source_task_ops), .flags = (flags_), .create = (create_), .start = task_start,        \
        .poll = task_poll, .request_stop = task_request_stop, .stop = task_stop, .destroy = task_destroy               \
    }
#define CONNECTOR_OPS(name_, task_)                                                                                    \
    {                                                                                                                  \
        .size = sizeof(struct mr_source_connector_ops), .task_class_name = (name_), .create = connector_create,        \
        .start = connector_start, .task_configs = connector_task_configs, .stop = connector_stop,                      \
        .destroy = connector_destroy, .task = (task_)                                                                  \
    }
static const struct mr_source_task_ops task_ops = TASK_OPS(task_create, 0),
                                       blocking_ops = TASK_OPS(blocking_task_create, MR_TASK_BLOCKS);
static const struct mr_source_connector_ops counting = CONNECTOR_OPS("org.acme.CountingSourceTask", &task_ops),
                                            blocking = CONNECTOR_OPS("org.acme.BlockingSourceTask", &blocking_ops);

#define PLUGIN(name_, ops_)                                                                                            \
    {                                                                                                                  \
        .size = sizeof(struct mr_plugin), .kind = MR_PLUGIN_SOURCE, .class_name = (name_), .version = "1.5",           \
        .config_def = &options, .ops = (ops_)                                                                          \
    }
static const struct mr_plugin counting_plugin = PLUGIN("org.acme.CountingSourceConnector", &counting),
                              blocking_plugin = PLUGIN("org.acme.BlockingSourceConnector", &blocking);
static const struct mr_plugin *const plugins[] = {&counting_plugin, &blocking_plugin};
static const struct mr_module module = MR_MODULE("counting_source", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
