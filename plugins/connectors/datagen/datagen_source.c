/* DatagenSource: sample records at a steady pace.
 *
 * Source partition {"model": M, "task": T}, source offset {"sequence": N}: the next record to make. */
#include "datagen_plugin.h"

#include <stdlib.h>
#include <string.h>

#include "connector_head.h"
#include "models.h"

#define BATCH_RECORDS_MAX 1000
#define PACE_MS 10u /* a slow pace is kept in steps of at least this */

static const struct mr_range rate_range = {0, 10000000};
static const struct mr_range records_range = {-1, INT64_MAX};

static const struct mr_config_row rows[] = {
    {.name = "topic",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_HIGH,
     .doc = "The topic to publish the sample records to",
     .validator = mr_check_not_empty},
    {.name = "model",
     .type = MR_CONFIG_STRING,
     .default_text = "orders",
     .importance = MR_HIGH,
     .doc = "What the records look like: orders (order_id, customer, item, quantity, price, express, city, ordered_at), "
            "sensors (sensor, sequence, celsius, humidity, status, measured_at) or pageviews (user, page, device, ms, "
            "status, viewed_at); the key is the first of these that is text",
     .validator = mr_check_one_of,
     .validator_argument = model_names},
    {.name = "records.per.second",
     .type = MR_CONFIG_INT,
     .default_text = "10",
     .importance = MR_MEDIUM,
     .doc = "How many records each task makes in a second; 0: as many as go",
     .validator = mr_check_range,
     .validator_argument = &rate_range},
    {.name = "records.max",
     .type = MR_CONFIG_LONG,
     .default_text = "-1",
     .importance = MR_MEDIUM,
     .doc = "How many records each task makes in all; -1: no end",
     .validator = mr_check_range,
     .validator_argument = &records_range},
    {.name = "seed",
     .type = MR_CONFIG_LONG,
     .default_text = "1",
     .importance = MR_LOW,
     .doc = "Equal seeds make equal records (but for their times)"},
};
static const struct mr_config_def config_def = MR_CONFIG_DEF(rows);

/* --- the connector ------------------------------------------------------------------------------------------------------- */

static enum mr_support exactly_once_support(const struct mr_config *config)
{
    (void)config;
    return MR_SUPPORTED;
}

/* --- the task -------------------------------------------------------------------------------------------------------------- */

struct task {
    struct mr_source_context *context;
    const struct model *model;
    const struct mr_schema *schema;
    const char *topic;
    struct mr_arena *arena; /* of `partition` */
    const struct mr_value *partition;
    int64_t seed, sequence, records_max, per_second;
    int64_t paced_from_ms, paced_sequence; /* the pace is counted from here */
    struct mr_metric *made;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    task->made = mr_metric_counter(mr_source_context_metrics(context), "datagen-records", "Sample records made");
    return task;
}

/* The schema is built before the start: a task that takes over is ready at once. */
static int task_prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->model = model_find(mr_config_string(config, "model"));
    task->schema = task->model->schema(error);
    return task->schema == NULL ? -1 : 0;
}

static int make_partition(struct task *task, struct mr_error **error)
{
    struct mr_value *map;

    task->arena = mr_arena_create(64 * 1024);
    if (task->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
    map = mr_map_create(task->arena, 2);
    if (map == NULL || mr_map_put_text(task->arena, map, "model", mr_string(task->arena, task->model->name)) != 0 ||
        mr_map_put_text(task->arena, map, "task", mr_int64(task->arena, mr_source_context_task(task->context))) != 0)
        return mr_arena_failed(task->arena, error);
    task->partition = map;
    return 0;
}

static int find_sequence(struct task *task, struct mr_error **error)
{
    const struct mr_value *offset = mr_source_context_offset(task->context, task->partition, task->arena, error);
    const struct mr_value *sequence = NULL;

    if (offset == NULL)
        return -1;
    if (mr_value_kind(offset) == MR_KIND_MAP)
        sequence = mr_map_get(offset, "sequence");
    if (sequence != NULL)
        task->sequence = mr_value_integer(sequence);
    return 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->topic = mr_config_string(config, "topic");
    task->seed = mr_config_integer(config, "seed");
    task->records_max = mr_config_integer(config, "records.max");
    task->per_second = mr_config_integer(config, "records.per.second");
    if (make_partition(task, error) != 0 || find_sequence(task, error) != 0)
        return -1;
    task->paced_from_ms = datagen_host->clock_monotonic_ms();
    task->paced_sequence = task->sequence;
    return 0;
}

/* How many records are due now. */
static int64_t due(struct task *task, int64_t now_ms)
{
    int64_t count = BATCH_RECORDS_MAX;

    if (task->per_second > 0)
        count = task->paced_sequence + (now_ms - task->paced_from_ms) * task->per_second / 1000 - task->sequence;
    if (task->per_second > 0 && count > task->per_second + BATCH_RECORDS_MAX) {
        /* The pace was lost (a pause, a slow broker): it is taken up again, not made up for. */
        task->paced_from_ms = now_ms;
        task->paced_sequence = task->sequence;
        count = BATCH_RECORDS_MAX;
    }
    if (task->records_max >= 0 && count > task->records_max - task->sequence)
        count = task->records_max - task->sequence;
    return count > BATCH_RECORDS_MAX ? BATCH_RECORDS_MAX : count;
}

static int make_record(struct task *task, struct mr_batch *batch, int64_t wall_ms, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *offset = mr_map_create(arena, 1);
    struct dice dice;

    if (record == NULL || offset == NULL)
        return mr_arena_failed(arena, error);
    dice_init(&dice, task->seed, mr_source_context_task(task->context), task->sequence);
    if (task->model->fill(record, task->schema, &dice, task->sequence, wall_ms, error) != 0)
        return -1;
    if (mr_map_put_text(arena, offset, "sequence", mr_int64(arena, task->sequence + 1)) != 0 ||
        mr_record_set_topic_ref(record, task->topic) != 0 || mr_record_set_source(record, task->partition, offset) != 0)
        return mr_arena_failed(arena, error);
    mr_record_set_timestamp_ms(record, wall_ms);
    return 0;
}

/* Without a wish the next poll comes at once: when the pace asks for more than one poll brings. */
static void set_next_poll(struct task *task, int64_t made)
{
    int64_t gap_ms = task->per_second > 0 ? 1000 / task->per_second : 0;

    if (task->records_max >= 0 && task->sequence >= task->records_max)
        mr_source_context_poll_after_ms(task->context, UINT32_MAX);
    else if (task->per_second > 0 && made < BATCH_RECORDS_MAX)
        mr_source_context_poll_after_ms(task->context, gap_ms < PACE_MS ? PACE_MS : (uint32_t)gap_ms);
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int64_t wall_ms = datagen_host->clock_wall_ms();
    int64_t count = due(task, datagen_host->clock_monotonic_ms()), made = 0;
    size_t bytes_max = mr_source_context_batch_bytes_max(task->context);

    for (; made < count && mr_arena_used_bytes(mr_batch_arena(batch)) < bytes_max; made++) {
        if (make_record(task, batch, wall_ms, error) != 0)
            return -1;
        task->sequence++;
    }
    mr_metric_add(task->made, (double)made);
    set_next_poll(task, made < count ? BATCH_RECORDS_MAX : made);
    return 0;
}

static void task_stop(void *self)
{
    (void)self;
}

static void task_destroy(void *self)
{
    struct task *task = self;

    mr_schema_drop(task->schema);
    mr_arena_destroy(task->arena);
    free(task);
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .prepare = task_prepare,
    .start = task_start,
    .poll = task_poll,
    .stop = task_stop,
    .destroy = task_destroy,
};

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "millrace.datagen.DatagenSourceTask",
    .create = connector_head_create,
    .start = connector_head_start,
    .task_configs = connector_head_all_tasks,
    .stop = connector_head_stop,
    .destroy = connector_head_destroy,
    .task = &task_ops,
    .exactly_once_support = exactly_once_support,
};

const struct mr_plugin datagen_source_plugin = {
    .size = sizeof(datagen_source_plugin),
    .kind = MR_PLUGIN_SOURCE,
    .class_name = "millrace.datagen.DatagenSourceConnector",
    .version = "0.1.0",
    .doc = "Makes sample records (orders, sensors, pageviews) at a steady pace, for demos and tests.",
    .config_def = &config_def,
    .ops = &connector_ops,
};
