/*
 * A source that ends the process: the option `crash` says in which call and how ("poll:segv", "task.start:abort", "start:stack",
 * "validate:hang", "options:segv" for its own validator …), while the file `crash.while` exists. Otherwise each poll brings one record;
 * "record:segv" crashes in poll as well, at the record `crash.at` since the task's start, of which each poll brings fifty.
 * CrashingTransform does the same in apply, CrashingPredicate in test, CrashingConverter in from_connect, CrashingSinkConnector in
 * open and put.
 */
#include <millrace/millrace.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int check_options(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error);

static const struct mr_config_row rows[] = {
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "crashes", .importance = MR_HIGH, .doc = "Where to."},
    {.name = "crash", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "CALL:HOW.",
     .validator = check_options},
    {.name = "crash.at", .type = MR_CONFIG_INT, .default_text = "1000", .importance = MR_LOW, .doc = "A record's number."},
    {.name = "crash.while", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* --- crashing ------------------------------------------------------------------------------------------------------- */

static int descend(volatile int depth)
{
    volatile char room[4096];

    room[0] = (char)depth;
    return depth < 0 ? 0 : descend(depth + 1) + room[0];
}

static void touch_forbidden_memory(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *page = 1;
}

static void *crash_alone(void *argument)
{
    touch_forbidden_memory();
    return argument;
}

static void crash_on_a_thread_of_its_own(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, crash_alone, NULL) == 0)
        pthread_join(thread, NULL);
}

static void hang(const char *path)
{
    while (access(path, F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void crash_if(const struct mr_config *config, const char *call)
{
    const char *wish = mr_config_string(config, "crash"), *path = mr_config_string(config, "crash.while");
    size_t length = strlen(call);
    const char *how = wish + length + 1;

    if (strncmp(wish, call, length) != 0 || wish[length] != ':' || access(path, F_OK) != 0)
        return;
    if (strcmp(how, "segv") == 0)
        touch_forbidden_memory();
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "fpe") == 0)
        raise(SIGFPE);
    else if (strcmp(how, "stack") == 0)
        (void)descend(0);
    else if (strcmp(how, "thread") == 0)
        crash_on_a_thread_of_its_own();
    else if (strcmp(how, "hang") == 0)
        hang(path);
}

static int check_options(const char *name, const char *text, const struct mr_config *config, const void *argument,
                         struct mr_error **error)
{
    (void)name, (void)argument, (void)error;
    if (text != NULL && text[0] != '\0')
        crash_if(config, "options");
    return 0;
}

/* --- the task --------------------------------------------------------------------------------------------------------- */

struct task {
    struct mr_source_context *context;
    const struct mr_config *config;
    int32_t records; /* polled so far */
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    else
        task->context = context;
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct task *)self)->config = config;
    crash_if(config, "task.start");
    return 0;
}

static int append_record(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    const struct mr_config *config = task->config;
    struct mr_record *record = mr_batch_append(batch);
    struct mr_arena *arena = mr_batch_arena(batch);

    if (++task->records == mr_config_integer(config, "crash.at"))
        crash_if(config, "record");
    if (record == NULL)
        return mr_arena_failed(arena, error);
    if (mr_record_set_topic(record, mr_config_string(config, "topic")) != 0 ||
        mr_record_set_value(record, mr_schema_primitive(MR_TYPE_STRING, false), mr_string(arena, "here")) != 0 ||
        mr_record_set_source(record, mr_null(), mr_null()) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int left = strncmp(mr_config_string(task->config, "crash"), "record:", 7) == 0 ? 50 : 1, result = 0;

    crash_if(task->config, "poll");
    while (result == 0 && left-- > 0)
        result = append_record(task, batch, error);
    mr_source_context_poll_after_ms(task->context, 10);
    return result;
}

static void task_stop(void *self)
{
    struct task *task = self;

    if (task->config != NULL)
        crash_if(task->config, "task.stop");
}

static const struct mr_source_task_ops task_ops = {.size = sizeof(task_ops),
                                                   .create = task_create,
                                                   .start = task_start,
                                                   .poll = task_poll,
                                                   .stop = task_stop,
                                                   .destroy = free};

/* --- the connector ---------------------------------------------------------------------------------------------------- */

struct connector {
    const struct mr_config *config;
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    struct connector *connector = calloc(1, sizeof(*connector));

    (void)context;
    if (connector == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a connector");
    return connector;
}

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct connector *)self)->config = config;
    crash_if(config, "start");
    return 0;
}

static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    const struct mr_config *config = ((struct connector *)self)->config;

    crash_if(config, "task_configs");
    for (uint32_t i = 0; i < tasks_max; i++) {
        if (mr_task_configs_add_copy(configs, config) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for task configurations");
    }
    return 0;
}

static void connector_stop(void *self)
{
    (void)self;
}

static int connector_validate(const struct mr_config *config, struct mr_config_report *report, struct mr_error **error)
{
    (void)report, (void)error;
    crash_if(config, "validate");
    return 0;
}

static const struct mr_source_connector_ops connector_ops = {.size = sizeof(connector_ops),
                                                             .task_class_name = "org.acme.CrashingSourceTask",
                                                             .create = connector_create,
                                                             .start = connector_start,
                                                             .task_configs = connector_task_configs,
                                                             .stop = connector_stop,
                                                             .destroy = free,
                                                             .validate = connector_validate,
                                                             .task = &task_ops};

/* --- the sink --------------------------------------------------------------------------------------------------------- */

static void *sink_task_create(struct mr_sink_context *context, struct mr_error **error)
{
    (void)context;
    return task_create(NULL, error);
}

static int sink_task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct task *)self)->config = config;
    return 0;
}

static int sink_task_open(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    (void)partitions, (void)error;
    crash_if(((struct task *)self)->config, "open");
    return 0;
}

static int sink_task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    (void)records, (void)count, (void)error;
    crash_if(((struct task *)self)->config, "put");
    return 0;
}

static void sink_task_stop(void *self)
{
    (void)self;
}

static const struct mr_sink_task_ops sink_task_ops = {.size = sizeof(sink_task_ops),
                                                      .create = sink_task_create,
                                                      .start = sink_task_start,
                                                      .open = sink_task_open,
                                                      .put = sink_task_put,
                                                      .stop = sink_task_stop,
                                                      .destroy = free};

static const struct mr_sink_connector_ops sink_ops = {.size = sizeof(sink_ops),
                                                      .task_class_name = "org.acme.CrashingSinkTask",
                                                      .create = connector_create,
                                                      .start = connector_start,
                                                      .task_configs = connector_task_configs,
                                                      .stop = connector_stop,
                                                      .destroy = free,
                                                      .task = &sink_task_ops};

/* --- the transform ------------------------------------------------------------------------------------------------------ */

static void *transform_create(const struct mr_config *config, struct mr_error **error)
{
    struct connector *transform = connector_create(NULL, error);

    crash_if(config, "create");
    if (transform != NULL)
        transform->config = config;
    return transform;
}

static int transform_apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    (void)error;
    crash_if(((struct connector *)self)->config, "apply");
    return mr_emit(emitter, record);
}

static const struct mr_transform_ops transform_ops = {
    .size = sizeof(transform_ops), .create = transform_create, .apply = transform_apply, .destroy = free};

static int predicate_test(void *self, const struct mr_record *record, bool *holds, struct mr_error **error)
{
    (void)record, (void)error;
    crash_if(((struct connector *)self)->config, "test");
    *holds = true;
    return 0;
}

static const struct mr_predicate_ops predicate_ops = {
    .size = sizeof(predicate_ops), .create = transform_create, .test = predicate_test, .destroy = free};

/* --- the converter ------------------------------------------------------------------------------------------------------ */

static int from_connect(void *self, const struct mr_converter_place *place, const struct mr_schema *schema,
                        const struct mr_value *value, struct mr_arena *arena, struct mr_bytes *bytes, struct mr_error **error)
{
    (void)place, (void)schema, (void)value, (void)arena, (void)error;
    crash_if(((struct connector *)self)->config, "from_connect");
    *bytes = (struct mr_bytes){0};
    return 0;
}

static int to_connect(void *self, const struct mr_converter_place *place, struct mr_bytes bytes, struct mr_arena *arena,
                      const struct mr_schema **schema, const struct mr_value **value, struct mr_error **error)
{
    (void)self, (void)place, (void)bytes, (void)arena, (void)error;
    *schema = NULL;
    *value = mr_null();
    return 0;
}

static const struct mr_converter_ops converter_ops = {.size = sizeof(converter_ops),
                                                      .create = transform_create,
                                                      .from_connect = from_connect,
                                                      .to_connect = to_connect,
                                                      .destroy = free};

#define PLUGIN(kind_, name_, ops_)                                                                                     \
    {                                                                                                                  \
        .size = sizeof(struct mr_plugin), .kind = (kind_), .class_name = (name_), .version = "1.0",                    \
        .config_def = &options, .ops = (ops_)                                                                          \
    }
static const struct mr_plugin source_plugin = PLUGIN(MR_PLUGIN_SOURCE, "org.acme.CrashingSourceConnector",
                                                     &connector_ops),
                              transform_plugin = PLUGIN(MR_PLUGIN_TRANSFORM, "org.acme.CrashingTransform",
                                                        &transform_ops),
                              predicate_plugin = PLUGIN(MR_PLUGIN_PREDICATE, "org.acme.CrashingPredicate",
                                                        &predicate_ops),
                              converter_plugin = PLUGIN(MR_PLUGIN_CONVERTER, "org.acme.CrashingConverter",
                                                        &converter_ops),
                              sink_plugin = PLUGIN(MR_PLUGIN_SINK, "org.acme.CrashingSinkConnector", &sink_ops);
static const struct mr_plugin *const plugins[] = {&source_plugin, &transform_plugin, &predicate_plugin,
                                                  &converter_plugin, &sink_plugin};
static const struct mr_module module = MR_MODULE("crashing_source", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
