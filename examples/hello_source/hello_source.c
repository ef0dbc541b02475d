/*
 * hello_source: a source connector that says hello to everybody on a list, again and again.
 *
 *     connector.class=HelloSource
 *     topic=greetings
 *     names=Ada,Grace
 *     interval.ms=1000
 *
 * What it shows: spreading work over tasks, waiting without a thread, offsets that go on where a stopped task was.
 */
#include <millrace/millrace.h>

#include <stdlib.h>

static const struct mr_host *host; /* set once, before anything else runs */

static const struct mr_range up_to_a_day = { .least = 1, .most = 86400000 };

static const struct mr_config_row rows[] = {
    {
        .name = "topic",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The topic to write greetings to.",
        .validator = mr_check_not_empty,
    },
    {
        .name = "names",
        .type = MR_CONFIG_LIST,
        .default_text = "world",
        .importance = MR_HIGH,
        .doc = "Whom to greet. The names are spread over the tasks.",
        .validator = mr_check_list_not_empty,
    },
    {
        .name = "interval.ms",
        .type = MR_CONFIG_LONG,
        .default_text = "1000",
        .importance = MR_MEDIUM,
        .doc = "Time between two greetings of one task.",
        .validator = mr_check_range,
        .validator_argument = &up_to_a_day,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* ======== The task: brings the records ======================================================================= */

struct greeted {
    const char *name; /* in the configuration */
    int64_t count;    /* greetings so far: the offset */
};

struct task {
    struct mr_source_context *context;
    const char *topic;
    int64_t interval_ms, due_ms; /* due_ms: of the next greeting, on the worker's monotonic clock */
    size_t name_count, next;
    struct greeted *names;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    return task;
}

/* Where a record comes from: a map, which Kafka Connect stores with the offset. One name, one order of records. */
static struct mr_value *source_partition(struct mr_arena *arena, const char *name)
{
    struct mr_value *partition = mr_map_create(arena, 1);
    if (mr_map_put_text(arena, partition, "name", mr_string(arena, name)) != 0)
        return NULL;
    return partition;
}

/* The count that was stored when the last task of this name was stopped; 0 for a new name. */
static int restore(struct task *task, struct greeted *greeted, struct mr_arena *arena, struct mr_error **error)
{
    struct mr_value *partition = source_partition(arena, greeted->name);
    if (partition == NULL)
        return mr_arena_failed(arena, error);
    const struct mr_value *offset = mr_source_context_offset(task->context, partition, arena, error);
    if (offset == NULL)
        return -1;
    const struct mr_value *count = mr_value_is_null(offset) ? NULL : mr_map_get(offset, "count");
    greeted->count = count != NULL ? mr_value_integer(count) : 0;
    return 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    task->topic = mr_config_string(config, "topic");
    task->interval_ms = mr_config_integer(config, "interval.ms");
    task->name_count = mr_config_list_count(config, "names");
    task->names = calloc(task->name_count, sizeof(*task->names));
    struct mr_arena *arena = mr_arena_create(1024 * 1024);
    int status = 0;
    if (task->names == NULL || arena == NULL)
        status = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for %zu names", task->name_count);
    for (size_t i = 0; status == 0 && i < task->name_count; i++) {
        task->names[i].name = mr_config_list_at(config, "names", i);
        status = restore(task, &task->names[i], arena, error);
    }
    mr_arena_destroy(arena);
    return status;
}

/* Everything a record refers to must live as long as its batch: it is made in the arena of the batch. What could not be
 * made is NULL, and may be passed on: the setter that gets it fails. */
static int append_greeting(struct task *task, struct greeted *greeted, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    if (record == NULL)
        return mr_arena_failed(arena, error);
    char *text = mr_arena_printf(arena, "Hello %s, for the %lld. time", greeted->name, (long long)greeted->count + 1);
    struct mr_value *partition = source_partition(arena, greeted->name);
    struct mr_value *offset = mr_map_create(arena, 1);
    const struct mr_schema *string = mr_schema_primitive(MR_TYPE_STRING, false);
    if (mr_map_put_text(arena, offset, "count", mr_int64(arena, greeted->count + 1)) != 0 ||
        mr_record_set_key(record, string, mr_string(arena, greeted->name)) != 0 ||
        mr_record_set_value(record, string, mr_string(arena, text)) != 0 ||
        mr_record_set_topic(record, task->topic) != 0 || mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    greeted->count++;
    return 0;
}

/* Called again and again; it never sleeps. With nothing to do it says when it wants to be called next, and gives the
 * thread back. The worker may call earlier, so the time is looked at here. */
static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int64_t now_ms = host->clock_monotonic_ms();
    if (now_ms < task->due_ms) {
        int64_t delay_ms = task->due_ms - now_ms;
        mr_source_context_poll_after_ms(task->context, (uint32_t)(delay_ms < UINT32_MAX ? delay_ms : UINT32_MAX));
        return 0;
    }
    task->due_ms = now_ms + task->interval_ms;
    struct greeted *greeted = &task->names[task->next];
    task->next = (task->next + 1) % task->name_count;
    return append_greeting(task, greeted, batch, error);
}

/* Ends what start began; also after a start that failed. The worker stores the offsets of what was delivered. */
static void task_stop(void *self)
{
    struct task *task = self;
    free(task->names);
    task->names = NULL;
}

static void task_destroy(void *self)
{
    free(self);
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .poll = task_poll,
    .stop = task_stop,
    .destroy = task_destroy,
};

/* ======== The connector: says what its tasks do ============================================================== */

struct connector {
    const struct mr_config *config; /* stays valid until the next start or destroy */
};

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    (void)context; /* for connectors that watch something and ask for other tasks when it changes */
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

/* The names that fall to one task: every `tasks`-th, from `first` on, joined by commas. NULL: no memory. */
static char *names_of(const struct mr_config *config, size_t first, size_t tasks, struct mr_arena *arena)
{
    char *names = mr_arena_text(arena, mr_config_list_at(config, "names", first));
    for (size_t i = first + tasks; names != NULL && i < mr_config_list_count(config, "names"); i += tasks)
        names = mr_arena_printf(arena, "%s,%s", names, mr_config_list_at(config, "names", i));
    return names;
}

/* At most tasks_max tasks, and none without a name. Each gets everything the connector has, but its own names. */
static int connector_task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs,
                                  struct mr_error **error)
{
    const struct connector *connector = self;
    size_t tasks = mr_config_list_count(connector->config, "names");
    if (tasks > tasks_max)
        tasks = tasks_max;
    struct mr_arena *arena = mr_arena_create(16 * 1024 * 1024);
    int status = 0;
    for (size_t i = 0; status == 0 && i < tasks; i++) {
        char *names = arena != NULL ? names_of(connector->config, i, tasks, arena) : NULL;
        if (names == NULL || mr_task_configs_add_copy(configs, connector->config) != 0 ||
            mr_task_configs_put(configs, "names", names) != 0)
            status = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the configurations of %zu tasks", tasks);
    }
    mr_arena_destroy(arena);
    return status;
}

static void connector_stop(void *self)
{
    (void)self;
}

static void connector_destroy(void *self)
{
    free(self);
}

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.example.HelloSourceTask",
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
    .kind = MR_PLUGIN_SOURCE,
    .class_name = "org.example.HelloSourceConnector",
    .version = "1.0",
    .doc = "Says hello to everybody on a list, again and again.",
    .config_def = &options,
    .ops = &connector_ops,
};

static const struct mr_plugin *const plugins[] = { &hello_plugin };
static const struct mr_module module = MR_MODULE("hello_source", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *worker)
{
    host = worker;
    return &module;
}
