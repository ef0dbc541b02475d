/*
 * sqlite_sink: a sink connector that writes records into an SQLite database, each exactly once.
 *
 *     connector.class=SqliteSink
 *     topics=greetings
 *     database=/tmp/greetings.db
 *     offsets.in.database=true       (false: at least once, by the offsets of the consumer group)
 *
 * What it shows: offsets that are kept with the data, in one transaction, and positions that are set in open.
 *
 * Why nothing comes twice or is missing: a record and the offset after it become durable together or not at all. A task
 * goes on at the stored offset whatever the group has, and looks at it again in each transaction: a task of a worker that
 * was given up for dead may still be writing, and neither repeats what the other has written.
 */
#include <millrace/millrace.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define LOGGER "org.example.SqliteSinkConnector"
#define BUSY_TIMEOUT_MS 2000 /* so long another task's transaction is waited for; then the worker tries again */

static const struct mr_host *host; /* set once, before anything else runs */

static const struct mr_config_row rows[] = {
    {
        .name = "database",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "The file of the database; it is made if it is not there, with the tables records and offsets.",
        .validator = mr_check_not_empty,
    },
    {
        .name = "offsets.in.database",
        .type = MR_CONFIG_BOOLEAN,
        .default_text = "true",
        .importance = MR_LOW,
        .doc = "Keep the offsets with the records, for each record exactly once. Else those of the consumer group count: at least once.",
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* ======== The task: takes the records ======================================================================== */

enum statement { INSERT, OFFSET_GET, OFFSET_PUT, STATEMENTS };

static const char *const statement_texts[STATEMENTS] = {
    [INSERT] = "INSERT INTO records(topic, part, record_offset, value) VALUES(?1, ?2, ?3, ?4)",
    [OFFSET_GET] = "SELECT next_offset FROM offsets WHERE connector = ?1 AND topic = ?2 AND part = ?3",
    [OFFSET_PUT] = "INSERT INTO offsets(connector, topic, part, next_offset) VALUES(?1, ?2, ?3, ?4) "
                   "ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset",
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS records(topic TEXT NOT NULL, part INTEGER NOT NULL, record_offset INTEGER NOT NULL, value TEXT);"
    "CREATE TABLE IF NOT EXISTS offsets(connector TEXT NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, "
    "next_offset INTEGER NOT NULL, PRIMARY KEY(connector, topic, part));";

struct task {
    struct mr_sink_context *context;
    struct mr_arena *arena; /* for the texts of one put */
    bool keeps_offsets;
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENTS];
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

/* A database that others are writing to just now is no failure: the same records come again. */
static int failed(const struct task *task, const char *what, struct mr_error **error)
{
    int code = sqlite3_errcode(task->database) & 0xff;
    bool is_busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
    return mr_error_set(error, is_busy ? MR_ERR_RETRIABLE : MR_ERR_CONNECT, "cannot %s: %s", what,
                        sqlite3_errmsg(task->database));
}

static int run(struct task *task, const char *sql, const char *what, struct mr_error **error)
{
    return sqlite3_exec(task->database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(task, what, error);
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    const char *path = mr_config_string(config, "database");
    task->keeps_offsets = mr_config_boolean(config, "offsets.in.database");
    if (sqlite3_open(path, &task->database) != SQLITE_OK)
        return failed(task, "open the database", error);
    sqlite3_busy_timeout(task->database, BUSY_TIMEOUT_MS);
    if (run(task, tables, "make the tables", error) != 0)
        return -1;
    for (int i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v2(task->database, statement_texts[i], -1, &task->statements[i], NULL) != SQLITE_OK)
            return failed(task, "prepare a statement", error);
    }
    mr_log(host, MR_LOG_INFO, LOGGER, "Writing to %s, offsets %s", path,
           task->keeps_offsets ? "in the database" : "in the consumer group alone");
    return 0;
}

/* *next: the first offset of the partition that is not in the database; -1: nothing of it is there. */
static int offset_get(struct task *task, const char *topic, int32_t partition, int64_t *next, struct mr_error **error)
{
    sqlite3_stmt *statement = task->statements[OFFSET_GET];
    sqlite3_bind_text(statement, 1, mr_sink_context_connector(task->context), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, topic, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(statement, 3, partition);
    int status = sqlite3_step(statement);
    *next = status == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        failed(task, "read an offset", error);
    sqlite3_reset(statement);
    return status == SQLITE_ROW || status == SQLITE_DONE ? 0 : -1;
}

/* Partitions are ours from here on. The database says where they go on; what the group says may be older, or newer. */
static int task_open(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;
    for (size_t i = 0; task->keeps_offsets && i < mr_offsets_count(partitions); i++) {
        const char *topic = mr_offsets_topic(partitions, i);
        int32_t partition = mr_offsets_partition(partitions, i);
        int64_t next;
        if (offset_get(task, topic, partition, &next, error) != 0)
            return -1;
        if (next < 0)
            continue; /* a partition that is new to us begins where the group says */
        if (mr_sink_context_seek(task->context, topic, partition, next, error) != 0)
            return -1;
        mr_log(host, MR_LOG_INFO, LOGGER, "%s-%d goes on at %" PRId64 ", the group has %" PRId64, topic, (int)partition,
               next, mr_offsets_offset(partitions, i));
    }
    return 0;
}

/* Text goes in as it is, everything else as JSON. The bytes live in the record or in the task's arena. */
static int text_of(struct task *task, const struct mr_record *record, struct mr_bytes *text, struct mr_error **error)
{
    const struct mr_value *value = mr_record_value(record);
    if (mr_value_kind(value) == MR_KIND_STRING) {
        *text = mr_value_bytes(value);
        return 0;
    }
    return mr_json_write(task->arena, mr_record_value_schema(record), value, 0, text, error);
}

/* The topic and partition are those in Kafka: transforms may have given the record others. */
static int insert(struct task *task, const struct mr_record *record, struct mr_error **error)
{
    sqlite3_stmt *statement = task->statements[INSERT];
    struct mr_bytes text;
    if (text_of(task, record, &text, error) != 0)
        return -1;
    sqlite3_bind_text(statement, 1, mr_record_origin_topic(record), -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(statement, 2, mr_record_origin_partition(record));
    sqlite3_bind_int64(statement, 3, mr_record_offset(record));
    sqlite3_bind_text64(statement, 4, text.data == NULL ? "" : (const char *)text.data, text.size, SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    int status = sqlite3_step(statement);
    if (status != SQLITE_DONE)
        failed(task, "insert a record", error);
    sqlite3_reset(statement);
    return status == SQLITE_DONE ? 0 : -1;
}

static int offset_put(struct task *task, const struct mr_record *last, struct mr_error **error)
{
    sqlite3_stmt *statement = task->statements[OFFSET_PUT];
    sqlite3_bind_text(statement, 1, mr_sink_context_connector(task->context), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, mr_record_origin_topic(last), -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(statement, 3, mr_record_origin_partition(last));
    sqlite3_bind_int64(statement, 4, mr_record_offset(last) + 1);
    int status = sqlite3_step(statement);
    if (status != SQLITE_DONE)
        failed(task, "store an offset", error);
    sqlite3_reset(statement);
    return status == SQLITE_DONE ? 0 : -1;
}

static bool is_of_same_partition(const struct mr_record *a, const struct mr_record *b)
{
    return mr_record_origin_partition(a) == mr_record_origin_partition(b) &&
           strcmp(mr_record_origin_topic(a), mr_record_origin_topic(b)) == 0;
}

/* Records of one partition from *at on, but for those that are in the database; *at: behind them. */
static int write_run(struct task *task, struct mr_record *const *records, size_t count, size_t *at, struct mr_error **error)
{
    const struct mr_record *first = records[*at], *last = NULL;
    int64_t next = -1;
    if (task->keeps_offsets && offset_get(task, mr_record_origin_topic(first), mr_record_origin_partition(first), &next, error) != 0)
        return -1;
    for (; *at < count && is_of_same_partition(first, records[*at]); ++*at) {
        if (mr_record_offset(records[*at]) < next)
            continue;
        if (insert(task, records[*at], error) != 0)
            return -1;
        last = records[*at];
    }
    return last == NULL || !task->keeps_offsets ? 0 : offset_put(task, last, error);
}

static int write_all(struct task *task, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    for (size_t at = 0; at < count;)
        if (write_run(task, records, count, &at, error) != 0)
            return -1;
    return run(task, "COMMIT", "commit", error);
}

/* One transaction. It takes the right to write at once: nobody else moves the offsets between our look and our commit.
 * When put returns all is safe, so that the worker may commit what it gave: there is nothing for flush or pre_commit to do. */
static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    int status;
    if (count == 0)
        return 0;
    if (run(task, "BEGIN IMMEDIATE", "begin a transaction", error) != 0)
        return -1;
    status = write_all(task, records, count, error);
    if (status != 0)
        sqlite3_exec(task->database, "ROLLBACK", NULL, NULL, NULL);
    mr_arena_clear(task->arena);
    return status;
}

/* Also after a start that failed half-way. */
static void task_stop(void *self)
{
    struct task *task = self;
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(task->statements[i]);
        task->statements[i] = NULL;
    }
    sqlite3_close(task->database);
    task->database = NULL;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .flags = MR_TASK_BLOCKS, /* on the disk, and on the other tasks' transactions */
    .create = task_create,
    .start = task_start,
    .open = task_open,
    .put = task_put,
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
    .task_class_name = "org.example.SqliteSinkTask",
    .create = connector_create,
    .start = connector_start,
    .task_configs = connector_task_configs,
    .stop = connector_stop,
    .destroy = connector_destroy,
    .task = &task_ops,
};

/* ======== What the file hands over =========================================================================== */

static const struct mr_plugin sqlite_plugin = {
    .size = sizeof(sqlite_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = "org.example.SqliteSinkConnector",
    .version = "1.0",
    .doc = "Writes records into an SQLite database, each exactly once.",
    .config_def = &options,
    .ops = &connector_ops,
};

static const struct mr_plugin *const plugins[] = { &sqlite_plugin };
static const struct mr_module module = MR_MODULE("sqlite_sink", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *worker)
{
    host = worker;
    return &module;
}
