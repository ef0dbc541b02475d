/*
 * A source that answers with nonsense of the kind that the option `garbage` names: codes that mean nothing, failures without a
 * reason, records that cannot be. What it corrupts is only its own business: it stays within the ABI's types.
 */
#include <millrace/millrace.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NONSENSE 42

static const struct mr_config_row rows[] = {
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = "garbage", .importance = MR_HIGH, .doc = "Where to."},
    {.name = "garbage", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_HIGH, .doc = "Which kind."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

static bool is_told(const struct mr_config *config, const char *garbage)
{
    return strcmp(mr_config_string(config, "garbage"), garbage) == 0;
}

/* Records that cannot be ------------------------------------------------------------------------------------------- */

static int make_long(struct mr_record *record)
{
    size_t size = 4 << 20;
    char *text = calloc(1, size);
    int status = -1;
    if (text != NULL) {
        memset(text, 'x', size - 1);
        status = mr_record_set_value(record, NULL, mr_string(mr_record_arena(record), text));
    }
    free(text);
    return status;
}

static int make_long_topic(struct mr_record *record)
{
    char name[1001];
    memset(name, 't', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    return mr_record_set_topic(record, name);
}

static int make_strange(struct mr_record *record, const struct mr_config *config)
{
    struct mr_arena *arena = mr_record_arena(record);
    if (is_told(config, "record.empty_topic"))
        return mr_record_set_topic(record, "");
    if (is_told(config, "record.bad_topic"))
        return mr_record_set_topic(record, "no such/topic\n!");
    if (is_told(config, "record.long_topic"))
        return make_long_topic(record);
    if (is_told(config, "record.partition"))
        mr_record_set_partition(record, INT32_MAX);
    if (is_told(config, "record.negative_partition"))
        mr_record_set_partition(record, INT32_MIN);
    if (is_told(config, "record.timestamp"))
        mr_record_set_timestamp_ms(record, INT64_MIN);
    if (is_told(config, "record.schema"))
        return mr_record_set_value(record, mr_schema_primitive(MR_TYPE_INT32, false), mr_string(arena, "no number"));
    if (is_told(config, "record.bad_text"))
        return mr_record_set_value(record, mr_schema_primitive(MR_TYPE_STRING, false), mr_string(arena, "\xff\xfe\xc3"));
    if (is_told(config, "record.too_long"))
        return make_long(record);
    if (is_told(config, "record.source"))
        return mr_record_set_source(record, mr_int64(arena, 1), mr_string(arena, "an offset is a map"));
    return 0;
}

/* Tasks ------------------------------------------------------------------------------------------------------------ */

struct self { /* of connectors and tasks */
    const struct mr_config *config;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    (void)context, (void)error;
    return calloc(1, sizeof(struct self));
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct self *)self)->config = config;
    return is_told(config, "start.code") ? NONSENSE : 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)error;
    ((struct self *)self)->config = config;
    return is_told(config, "task_start.code") ? NONSENSE : 0;
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    const struct mr_config *config = ((struct self *)self)->config;
    struct mr_record *record = mr_batch_append(batch);
    if (is_told(config, "poll.code"))
        return NONSENSE;
    if (is_told(config, "poll.no_reason"))
        return -1;
    if (is_told(config, "poll.error_and_success"))
        mr_error_set(error, MR_ERR_CONNECT, "a reason without a failure");
    if (record == NULL ||
        (!is_told(config, "record.no_topic") &&
         mr_record_set_topic(record, mr_config_string(config, "topic")) != 0) ||
        mr_record_set_value(record, NULL, mr_string(mr_batch_arena(batch), "something")) != 0)
        return mr_arena_failed(mr_batch_arena(batch), error);
    return make_strange(record, config) == 0 ? 0 : mr_arena_failed(mr_batch_arena(batch), error);
}

static void nothing(void *self)
{
    (void)self;
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .poll = task_poll,
    .stop = nothing,
    .destroy = free,
};

/* The connector ---------------------------------------------------------------------------------------------------- */

static void *connector_create(struct mr_connector_context *context, struct mr_error **error)
{
    (void)error;
    if (strstr(mr_connector_context_name(context), "create-nothing") != NULL)
        return NULL;
    return calloc(1, sizeof(struct self));
}

static int task_configs(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    const struct mr_config *config = ((struct self *)self)->config;
    (void)tasks_max, (void)error;
    if (is_told(config, "task_configs.code"))
        return NONSENSE;
    return mr_task_configs_add_copy(configs, config);
}

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.acme.GarbageSourceTask",
    .create = connector_create,
    .start = start,
    .task_configs = task_configs,
    .stop = nothing,
    .destroy = free,
    .task = &task_ops,
};
static const struct mr_plugin plugin = {
    .size = sizeof(plugin),
    .kind = MR_PLUGIN_SOURCE,
    .class_name = "org.acme.GarbageSourceConnector",
    .version = "1.0",
    .config_def = &options,
    .ops = &connector_ops,
};
static const struct mr_plugin *const plugins[] = {&plugin};
static const struct mr_module module = MR_MODULE("garbage_source", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
