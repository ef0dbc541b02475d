/* VerifiableSource: each task numbers its records, 0, 1, 2, …, and tells what it sent and what Kafka has.
 *
 * Source partition {"id": T}, source offset {"seqno": N}, the last number sent: as Kafka's own tool, so that either runtime goes on
 * where the other was. Unlike that tool poll never waits and brings several records where the pace asks for them. */
#include "verifiable_plugin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connector_head.h"
#include "lines.h"

#define BEHIND_RECORDS_MAX 1000 /* beyond a second: what a pace makes up for */
#define PACE_MS 10u /* a pace is kept in steps of at least this */

#define RECORDS_OPTION "millrace.transaction.records"
#define ABORT_OPTION "millrace.transaction.abort.every"

static const struct mr_range throughput_range = {-1, 10000000};
static const struct mr_range count_range = {0, INT32_MAX};

static const struct mr_config_row rows[] = {
    {.name = "topic",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_HIGH,
     .doc = "The topic to publish to: the key is the number of the task, the value that of the record",
     .validator = mr_check_not_empty},
    {.name = "throughput",
     .type = MR_CONFIG_LONG,
     .default_text = "-1",
     .importance = MR_HIGH,
     .doc = "How many records each task sends in a second; -1: as many as go; 0: one, at its start",
     .validator = mr_check_range,
     .validator_argument = &throughput_range},
    {.name = "complete.record.data",
     .type = MR_CONFIG_BOOLEAN,
     .default_text = "false",
     .importance = MR_MEDIUM,
     .doc = "Whether the value is a struct of name, task, topic, time_ms and seqno, as printed, in place of the number alone"},
    {.name = RECORDS_OPTION,
     .type = MR_CONFIG_INT,
     .default_text = "0",
     .importance = MR_LOW,
     .doc = "With transaction.boundary=connector: each transaction ends after a number that is one short of a multiple of this; 0: with "
            "each poll",
     .validator = mr_check_range,
     .validator_argument = &count_range},
    {.name = ABORT_OPTION,
     .type = MR_CONFIG_INT,
     .default_text = "0",
     .importance = MR_LOW,
     .doc = "With " RECORDS_OPTION ": every so many transactions one is aborted first and its records are sent again, so that who reads "
            "read_committed finds each number once; 0: none",
     .validator = mr_check_range,
     .validator_argument = &count_range},
    VERIFIABLE_ID_ROW,
};
static const struct mr_config_def config_def = MR_CONFIG_DEF(rows);

static const char *const fields[] = {"name", "task", "topic", "time_ms", "seqno"};
static const enum mr_type field_types[] = {MR_TYPE_STRING, MR_TYPE_INT32, MR_TYPE_STRING, MR_TYPE_INT64, MR_TYPE_INT64};
enum { FIELD_NAME, FIELD_TASK, FIELD_TOPIC, FIELD_TIME_MS, FIELD_SEQNO, FIELD_COUNT };

/* --- the connector ------------------------------------------------------------------------------------------------------- */

static enum mr_support supported(const struct mr_config *config)
{
    (void)config;
    return MR_SUPPORTED;
}

/* --- the task -------------------------------------------------------------------------------------------------------------- */

/* How far the task has come; put back when a poll fails. */
struct position {
    int64_t seqno;             /* the next one */
    int64_t transaction_first; /* the first number of the transaction that is open */
    int64_t aborted;           /* the transaction that was aborted last, counted from 0; -1: none */
};

struct task {
    struct mr_source_context *context;
    struct mr_arena *arena; /* of `partition`, `name` and `topic_value` */
    const struct mr_value *partition, *name, *topic_value;
    const struct mr_schema *schema; /* of complete records */
    const char *topic;
    char *quoted_name, *quoted_topic;
    int32_t id;
    bool is_complete;
    int64_t throughput, transaction_records, abort_every;
    struct position at;
    int64_t paced_from_ms, paced_count; /* so many records since then */
    struct lines lines;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    return task;
}

static int task_prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    struct mr_schema_builder *builder = mr_schema_builder_create(MR_TYPE_STRUCT);

    (void)config;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        mr_schema_builder_add_field(builder, fields[i], mr_schema_primitive(field_types[i], false));
    task->schema = mr_schema_builder_build(builder, error);
    return task->schema == NULL ? -1 : 0;
}

static int make_constants(struct task *task, struct mr_error **error)
{
    const char *name = mr_source_context_connector(task->context);
    struct mr_value *map;

    task->arena = mr_arena_create(64 * 1024);
    if (task->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
    map = mr_map_create(task->arena, 1);
    task->name = mr_string(task->arena, name);
    task->topic_value = mr_string(task->arena, task->topic);
    if (map == NULL || task->name == NULL || task->topic_value == NULL ||
        mr_map_put_text(task->arena, map, "id", mr_int32(task->arena, task->id)) != 0)
        return mr_arena_failed(task->arena, error);
    task->partition = map;
    task->quoted_name = lines_quoted(name, error);
    task->quoted_topic = task->quoted_name == NULL ? NULL : lines_quoted(task->topic, error);
    return task->quoted_topic == NULL ? -1 : 0;
}

static int find_position(struct task *task, struct mr_error **error)
{
    const struct mr_value *offset = mr_source_context_offset(task->context, task->partition, task->arena, error);
    const struct mr_value *seqno = NULL;

    if (offset == NULL)
        return -1;
    if (mr_value_kind(offset) == MR_KIND_MAP) {
        seqno = mr_map_get(offset, "seqno");
        if (seqno == NULL || mr_value_kind(seqno) < MR_KIND_INT8 || mr_value_kind(seqno) > MR_KIND_INT64)
            return mr_error_set(error, MR_ERR_CONNECT, "the stored offset of task %" PRId32 " has no number under \"seqno\": reset or alter the "
                                "connector's offsets", task->id);
    }
    task->at.seqno = seqno == NULL ? 0 : mr_value_integer(seqno) + 1;
    task->at.transaction_first = task->at.seqno;
    task->at.aborted = -1;
    return 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->id = verifiable_id(config, mr_source_context_task(task->context));
    task->topic = mr_config_string(config, "topic");
    task->throughput = mr_config_integer(config, "throughput");
    task->is_complete = mr_config_boolean(config, "complete.record.data");
    task->transaction_records = mr_config_integer(config, RECORDS_OPTION);
    task->abort_every = mr_config_integer(config, ABORT_OPTION);
    if (make_constants(task, error) != 0 || find_position(task, error) != 0)
        return -1;
    task->paced_from_ms = verifiable_host->clock_monotonic_ms();
    mr_log(verifiable_host, MR_LOG_INFO, VERIFIABLE_SOURCE_CLASS, "producing to topic %s, resuming from seqno %" PRId64, task->topic,
           task->at.seqno);
    return 0;
}

/* --- its pace ---- */

static int64_t due(struct task *task, int64_t now_ms)
{
    int64_t count = INT64_MAX;

    if (task->throughput >= 0)
        count = (now_ms - task->paced_from_ms) * task->throughput / 1000 + 1 - task->paced_count;
    if (task->throughput > 0 && count > task->throughput + BEHIND_RECORDS_MAX) {
        /* The pace was lost (a pause, a slow broker): it is taken up again, not made up for. */
        task->paced_from_ms = now_ms;
        task->paced_count = 0;
        count = 1;
    }
    return count;
}

static void set_next_poll(const struct task *task, bool is_behind)
{
    int64_t gap_ms = task->throughput > 0 ? 1000 / task->throughput : 0;

    if (task->throughput == 0)
        mr_source_context_poll_after_ms(task->context, UINT32_MAX);
    else if (task->throughput > 0 && !is_behind)
        mr_source_context_poll_after_ms(task->context, gap_ms < PACE_MS ? PACE_MS : (uint32_t)gap_ms);
}

/* --- its transactions ---- */

/* Transactions are counted by the multiples of their length: whoever goes on after a restart cuts at the same numbers. */
static int64_t transaction_of(const struct task *task, int64_t seqno)
{
    return seqno / task->transaction_records;
}

static bool is_doomed(const struct task *task, int64_t seqno)
{
    int64_t transaction;

    if (task->transaction_records == 0 || task->abort_every == 0)
        return false;
    transaction = transaction_of(task, seqno);
    return transaction % task->abort_every == task->abort_every - 1 && transaction != task->at.aborted;
}

/* Ends the transaction with the record, where it does end there. */
static void cut_after(struct task *task, struct mr_transaction *transaction, const struct mr_record *record, int64_t seqno)
{
    if (task->transaction_records == 0 || (seqno + 1) % task->transaction_records != 0)
        return;
    if (is_doomed(task, seqno)) {
        mr_transaction_abort_after(transaction, record);
        task->at.aborted = transaction_of(task, seqno);
        task->at.seqno = task->at.transaction_first;
        return;
    }
    mr_transaction_commit_after(transaction, record);
    task->at.transaction_first = task->at.seqno;
}

/* --- its records ---- */

static const struct mr_value *complete_value(struct task *task, struct mr_arena *arena, int64_t seqno, int64_t wall_ms,
                                             struct mr_error **error)
{
    struct mr_value *value = mr_struct_create(arena, task->schema);
    const struct mr_value *const parts[FIELD_COUNT] = {
        [FIELD_NAME] = task->name,
        [FIELD_TASK] = mr_int32(arena, task->id),
        [FIELD_TOPIC] = task->topic_value,
        [FIELD_TIME_MS] = mr_int64(arena, wall_ms),
        [FIELD_SEQNO] = mr_int64(arena, seqno),
    };

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (value == NULL || parts[i] == NULL) {
            mr_arena_failed(arena, error);
            return NULL;
        } else if (mr_struct_put(value, i, parts[i], error) != 0)
            return NULL;
    return value;
}

/* `resume_after` is the source offset: the last number that need not come again. */
static struct mr_record *make_record(struct task *task, struct mr_batch *batch, int64_t seqno, int64_t resume_after, int64_t wall_ms,
                                     struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *offset = mr_map_create(arena, 1);
    const struct mr_value *value = task->is_complete ? complete_value(task, arena, seqno, wall_ms, error) : mr_int64(arena, seqno);
    const struct mr_schema *schema = task->is_complete ? task->schema : mr_schema_primitive(MR_TYPE_INT64, false);

    if (record == NULL || offset == NULL || value == NULL || mr_map_put_text(arena, offset, "seqno", mr_int64(arena, resume_after)) != 0 ||
        mr_record_set_topic_ref(record, task->topic) != 0 || mr_record_set_source(record, task->partition, offset) != 0 ||
        mr_record_set_key(record, mr_schema_primitive(MR_TYPE_INT32, false), mr_int32(arena, task->id)) != 0 ||
        mr_record_set_value(record, schema, value) != 0) {
        mr_arena_failed(arena, error);
        return NULL;
    }
    return record;
}

static int tell(struct task *task, int64_t seqno, int64_t wall_ms, const char *more, struct mr_error **error)
{
    return lines_add(&task->lines, error, "{\"name\":%s,\"task\":%" PRId32 ",\"topic\":%s,\"time_ms\":%" PRId64 ",\"seqno\":%" PRId64 "%s}\n",
                     task->quoted_name, task->id, task->quoted_topic, wall_ms, seqno, more);
}

static int send_next(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_transaction *transaction = mr_source_context_transaction(task->context);
    int64_t seqno = task->at.seqno, wall_ms = verifiable_host->clock_wall_ms();
    bool comes_again = transaction != NULL && is_doomed(task, seqno);
    struct mr_record *record = make_record(task, batch, seqno, comes_again ? task->at.transaction_first - 1 : seqno, wall_ms, error);

    if (record == NULL || tell(task, seqno, wall_ms, "", error) != 0)
        return -1;
    task->at.seqno++;
    if (transaction != NULL)
        cut_after(task, transaction, record, seqno);
    return 0;
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    struct mr_transaction *transaction = mr_source_context_transaction(task->context);
    int64_t wanted = due(task, verifiable_host->clock_monotonic_ms()), made = 0;
    int64_t most = (int64_t)mr_source_context_batch_records_max(task->context);
    size_t bytes_max = mr_source_context_batch_bytes_max(task->context);
    struct position before = task->at;

    for (; made < wanted && made < most && mr_arena_used_bytes(mr_batch_arena(batch)) < bytes_max; made++)
        if (send_next(task, batch, error) != 0) {
            task->at = before;
            task->lines.size = 0;
            return -1;
        }
    task->paced_count += made;
    if (transaction != NULL && task->transaction_records == 0 && made > 0)
        mr_transaction_commit_batch(transaction);
    lines_print(&task->lines);
    set_next_poll(task, made < wanted);
    return 0;
}

/* The number in a record of ours: its offset, unless the record was of a transaction that was aborted. */
static int task_commit_record(void *self, const struct mr_record *record, const struct mr_record_metadata *metadata,
                              struct mr_error **error)
{
    struct task *task = self;
    const struct mr_value *value = mr_record_value(record);
    int64_t seqno = mr_value_integer(task->is_complete ? mr_struct_at(value, FIELD_SEQNO) : value);

    (void)metadata;
    if (mr_value_integer(mr_map_get(mr_record_source_offset(record), "seqno")) != seqno)
        return 0;
    if (tell(task, seqno, verifiable_host->clock_wall_ms(), ",\"committed\":true", error) != 0)
        return -1;
    lines_print(&task->lines);
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
    lines_release(&task->lines);
    free(task->quoted_name);
    free(task->quoted_topic);
    free(task);
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .prepare = task_prepare,
    .start = task_start,
    .poll = task_poll,
    .commit_record = task_commit_record,
    .stop = task_stop,
    .destroy = task_destroy,
};

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.tools.VerifiableSourceTask",
    .create = connector_head_create,
    .start = connector_head_start,
    .task_configs = connector_head_numbered_tasks,
    .stop = connector_head_stop,
    .destroy = connector_head_destroy,
    .task = &task_ops,
    .exactly_once_support = supported,
    .can_define_transaction_boundaries = supported,
};

const struct mr_plugin verifiable_source_plugin = {
    .size = sizeof(verifiable_source_plugin),
    .kind = MR_PLUGIN_SOURCE,
    .class_name = VERIFIABLE_SOURCE_CLASS,
    .version = VERIFIABLE_VERSION,
    .doc = "Numbers its records and prints what it sent and what Kafka has, one JSON object a line on standard output: for acceptance "
           "tests.",
    .config_def = &config_def,
    .ops = &connector_ops,
};
