/*
 * A source, a sink and a transform that cannot keep a password to themselves. Each logs in with its `password`: that must be the text of
 * the file `lock`, or the start fails and says with what. `say` lists where the password is told besides, with a word before it:
 *   start    an error of the task's start              connector an error of the connector's
 *   log      lines at every level as the task starts   thread    a line from a thread of the plugin's own
 *   poll put an error that ends the task               validate  an error of the validation
 *   letter   what is wrong with each record of the sink
 *   crash    the process ends while a plugin call holds the password, once for each time that somebody makes the file LOCK.crash
 * Task configurations have a `url` with the password in it. The transform has a `password`, too; with `say=bad` that is what is wrong with each record.
 */
#include <millrace/millrace.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLASS "org.acme.Confiding"

static const struct mr_config_row rows[] = {
    {.name = "password", .type = MR_CONFIG_PASSWORD, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "To log in."},
    {.name = "token", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A secret that is no PASSWORD."},
    {.name = "lock", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file; empty: none."},
    {.name = "say", .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "Where it is told."},
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "confided", .importance = MR_LOW, .doc = "Of the source."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);
static const struct mr_host *host;

static bool says(const struct mr_config *config, const char *place)
{
    for (size_t i = 0; i < mr_config_list_count(config, "say"); i++)
        if (strcmp(mr_config_list_at(config, "say", i), place) == 0)
            return true;
    return false;
}

static int confide(const struct mr_config *config, const char *place, struct mr_error **error)
{
    const char *password = mr_config_string(config, "password"), *token = mr_config_string(config, "token");

    if (!says(config, place))
        return 0;
    mr_error_set(error, MR_ERR_CONNECT, "%s: cannot reach http://ada:%s@localhost/ with token '%s'", place, password, token);
    return mr_error_wrap(error, "%s: not with %s", place, password);
}

/* --- connectors ---- */

struct connector {
    const struct mr_config *config;
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return calloc(1, sizeof(struct connector));
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    ((struct connector *)self)->config = config;
    return confide(config, "connector", error);
}

static int task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    const struct mr_config *config = ((struct connector *)self)->config;
    char url[512];

    (void)tasks_max;
    snprintf(url, sizeof(url), "http://ada:%s@localhost/", mr_config_string(config, "password"));
    if (mr_task_configs_add_copy(configs, config) != 0 || mr_task_configs_put(configs, "url", url) != 0)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task's configuration");
    return 0;
}

static void connector_stop(void *self)
{
    (void)self;
}

static int validate(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    char words[512];

    (void)error;
    if (!says(config, "validate"))
        return 0;
    snprintf(words, sizeof(words), "not with %s and %s", mr_config_string(config, "password"), mr_config_string(config, "token"));
    return mr_config_report_error(report, "lock", words);
}

/* --- tasks ---- */

struct task {
    struct mr_source_context *source;
    struct mr_sink_context *sink;
    const struct mr_config *config;
    uint32_t polls;
};

static struct task *task_new(struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    return task;
}

static void *source_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = task_new(error);

    if (task != NULL)
        task->source = context;
    return task;
}

static void *sink_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = task_new(error);

    if (task != NULL)
        task->sink = context;
    return task;
}

static int log_in(const struct mr_config *config, struct mr_error **error)
{
    const char *path = mr_config_string(config, "lock"), *password = mr_config_string(config, "password");
    FILE *file = path[0] == '\0' ? NULL : fopen(path, "r");
    char text[256] = "";

    if (file == NULL)
        return 0;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return strcmp(text, password) == 0 ? 0 : mr_error_set(error, MR_ERR_CONNECT, "no login with '%s'", password);
}

static void *tell_from_aside(void *argument)
{
    mr_log(host, MR_LOG_WARN, CLASS, "aside: %s", (const char *)argument);
    return NULL;
}

static void tell(const struct mr_config *config)
{
    const char *password = mr_config_string(config, "password"), *token = mr_config_string(config, "token");
    pthread_t thread;

    for (int level = MR_LOG_ERROR; says(config, "log") && level <= MR_LOG_TRACE; level++)
        mr_log(host, (enum mr_log_level)level, CLASS, "logging in with %s and %s", password, token);
    if (says(config, "thread") &&
        pthread_create(&thread, NULL, tell_from_aside, (void *)(uintptr_t)password) == 0)
        pthread_join(thread, NULL);
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->config = config;
    tell(config);
    return log_in(config, error) != 0 ? -1 : confide(config, "start", error);
}

static void task_stop(void *self)
{
    (void)self;
}

static void crash(const struct task *task)
{
    char password[256], path[512];

    if (!says(task->config, "crash"))
        return;
    snprintf(password, sizeof(password), "%s", mr_config_string(task->config, "password"));
    snprintf(path, sizeof(path), "%s.crash", mr_config_string(task->config, "lock"));
    if (password[0] != '\0' && unlink(path) == 0)
        raise(SIGSEGV);
}

static int append(const struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);

    if (record == NULL || mr_record_set_value(record, NULL, mr_string(arena, "a record")) != 0 ||
        mr_record_set_topic(record, mr_config_string(task->config, "topic")) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;

    mr_source_context_poll_after_ms(task->source, 50);
    crash(task);
    if (task->polls++ == 0)
        return append(task, batch, error);
    return confide(task->config, "poll", error);
}

static int report(const struct task *task, const struct mr_record *record, struct mr_error **error)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(task->sink);
    struct mr_error *reason = NULL;
    struct mr_future *future = NULL;
    int status;

    if (reporter == NULL || confide(task->config, "letter", &reason) == 0)
        return 0;
    status = mr_errant_report(reporter, record, reason, &future, error);
    mr_future_drop(future);
    mr_error_drop(reason);
    return status;
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    const struct task *task = self;

    for (size_t i = 0; i < count; i++)
        if (report(task, records[i], error) != 0)
            return -1;
    return count == 0 ? 0 : confide(task->config, "put", error);
}

/* --- the transform ---- */

static const struct mr_config_row transform_rows[] = {
    {.name = "password", .type = MR_CONFIG_PASSWORD, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Told."},
    {.name = "token", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A secret that is no PASSWORD."},
    {.name = "say", .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_LOW, .doc = "Where it is told."},
};
static const struct mr_config_def transform_options = MR_CONFIG_DEF(transform_rows);

static void *transform_create(const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    return (void *)(uintptr_t)config;
}

static int transform_apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    return confide(self, "bad", error) != 0 ? -1 : mr_emit(emitter, record);
}

static void transform_destroy(void *self)
{
    (void)self;
}

/* --- tables ---- */

static const struct mr_transform_ops transform_ops = {
    .size = sizeof(transform_ops), .create = transform_create, .apply = transform_apply, .destroy = transform_destroy};
static const struct mr_source_task_ops source_task = {
    .size = sizeof(source_task), .create = source_create, .start = task_start, .poll = poll, .stop = task_stop, .destroy = free};
static const struct mr_sink_task_ops sink_task = {
    .size = sizeof(sink_task), .create = sink_create, .start = task_start, .put = put, .stop = task_stop, .destroy = free};

#define CONNECTOR(class_, task_)                                                                                       \
    .task_class_name = class_ "Task", .create = connector_create, .start = connector_start,                            \
    .task_configs = task_configs, .stop = connector_stop, .destroy = free, .validate = validate, .task = &(task_)
#define PLUGIN(kind_, class_, options_, ops_)                                                                          \
    {.size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = (class_), .version = "1.0",                      \
     .config_def = &(options_), .ops = &(ops_)}

static const struct mr_source_connector_ops source_ops = {.size = sizeof(source_ops), CONNECTOR(CLASS "Source", source_task)};
static const struct mr_sink_connector_ops sink_ops = {.size = sizeof(sink_ops), CONNECTOR(CLASS "Sink", sink_task)};
static const struct mr_plugin source = PLUGIN(MR_PLUGIN_SOURCE, CLASS "Source", options, source_ops),
                              sink = PLUGIN(MR_PLUGIN_SINK, CLASS "Sink", options, sink_ops),
                              transform = PLUGIN(MR_PLUGIN_TRANSFORM, CLASS "Transform", transform_options, transform_ops);
static const struct mr_plugin *const plugins[] = {&source, &sink, &transform};
static const struct mr_module module = MR_MODULE("confiding", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *lent)
{
    host = lent;
    return &module;
}
