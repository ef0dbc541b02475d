/* VerifiableSink: tells of each record that it came, and again, with "flushed", that its offset is about to be committed.
 *
 * "task" is the key and "seqno" the value of the record, as the converter gave them: with VerifiableSource the number of the sending
 * task and of the record. "sinkTask" is the number of this task. */
#include "verifiable_plugin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connector_head.h"
#include "lines.h"

/* What was told and is not flushed is kept. From ASK on a commit is asked for; MAX ends the task. */
#define UNFLUSHED_ASK_BYTES (16u << 20)
#define UNFLUSHED_MAX_BYTES (256u << 20)

static const struct mr_config_row rows[] = {VERIFIABLE_ID_ROW};
static const struct mr_config_def config_def = MR_CONFIG_DEF(rows);

/* The lines of one partition, up to where "time_ms" comes, each with its '\n'. */
struct unflushed {
    char *topic;
    int32_t partition;
    struct lines heads;
    struct unflushed *next;
};

struct task {
    struct mr_sink_context *context;
    char *quoted_name;
    int32_t id;
    struct unflushed *unflushed; /* one for each partition seen since its last close */
    struct lines lines;
};

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->id = verifiable_id(config, mr_sink_context_task(task->context));
    task->quoted_name = lines_quoted(mr_sink_context_connector(task->context), error);
    return task->quoted_name == NULL ? -1 : 0;
}

/* --- what is not flushed ---- */

static struct unflushed **unflushed_at(struct task *task, const char *topic, int32_t partition)
{
    struct unflushed **at = &task->unflushed;

    while (*at != NULL && ((*at)->partition != partition || strcmp((*at)->topic, topic) != 0))
        at = &(*at)->next;
    return at;
}

static void unflushed_remove(struct unflushed **at)
{
    struct unflushed *gone = *at;

    *at = gone->next;
    lines_release(&gone->heads);
    free(gone->topic);
    free(gone);
}

static struct unflushed *unflushed_of(struct task *task, const char *topic, int32_t partition, struct mr_error **error)
{
    struct unflushed **at = unflushed_at(task, topic, partition), *made;

    if (*at != NULL)
        return *at;
    made = calloc(1, sizeof(*made));
    if (made == NULL || (made->topic = strdup(topic)) == NULL) {
        free(made);
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for partition %s-%" PRId32, topic, partition);
        return NULL;
    }
    made->partition = partition;
    return *at = made;
}

static int check_size(struct task *task, struct mr_error **error)
{
    size_t size = 0;

    for (const struct unflushed *each = task->unflushed; each != NULL; each = each->next)
        size += each->heads.size;
    if (size >= UNFLUSHED_ASK_BYTES)
        mr_sink_context_request_commit(task->context);
    return size < UNFLUSHED_MAX_BYTES ? 0 : mr_error_set(error, MR_ERR_CONNECT, "%zu MiB wait to be flushed, and no commit comes: lower "
                                                         "offset.flush.interval.ms", size >> 20);
}

/* --- what comes ---- */

static int add_head(struct task *task, struct lines *heads, const struct mr_record *record, struct mr_error **error)
{
    struct mr_arena *arena = mr_record_arena(record);
    const struct mr_value *topic = mr_string(arena, mr_record_topic(record));
    struct mr_bytes key, value, name;

    if (topic == NULL)
        return mr_arena_failed(arena, error);
    if (mr_json_write(arena, mr_record_key_schema(record), mr_record_key(record), 0, &key, error) != 0 ||
        mr_json_write(arena, mr_record_value_schema(record), mr_record_value(record), 0, &value, error) != 0 ||
        mr_json_write(arena, NULL, topic, 0, &name, error) != 0)
        return -1;
    return lines_add(heads, error, "{\"name\":%s,\"task\":%.*s,\"sinkTask\":%" PRId32 ",\"topic\":%.*s,\"seqno\":%.*s,\"offset\":%" PRId64 "\n",
                     task->quoted_name, (int)key.size, (const char *)key.data, task->id, (int)name.size, (const char *)name.data,
                     (int)value.size, (const char *)value.data, mr_record_offset(record));
}

/* Prints the lines whose heads stand from `from` on. */
static int add_lines(struct task *task, const struct lines *heads, size_t from, const char *more, struct mr_error **error)
{
    int64_t wall_ms = verifiable_host->clock_wall_ms();

    for (size_t at = from, size; at < heads->size; at += size + 1) {
        size = (size_t)((const char *)memchr(heads->data + at, '\n', heads->size - at) - (heads->data + at));
        if (lines_add(&task->lines, error, "%.*s,\"time_ms\":%" PRId64 "%s}\n", (int)size, heads->data + at, wall_ms, more) != 0)
            return -1;
    }
    return 0;
}

static int take(struct task *task, const struct mr_record *record, struct mr_error **error)
{
    /* As consumed, not as renamed by a transform: flush names partitions so. */
    struct unflushed *unflushed =
        unflushed_of(task, mr_record_origin_topic(record), mr_record_origin_partition(record), error);
    size_t from = unflushed == NULL ? 0 : unflushed->heads.size;

    if (unflushed == NULL || add_head(task, &unflushed->heads, record, error) != 0)
        return -1;
    return add_lines(task, &unflushed->heads, from, "", error);
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;

    for (size_t i = 0; i < count; i++)
        if (take(task, records[i], error) != 0)
            return -1;
    lines_print(&task->lines);
    return count == 0 ? 0 : check_size(task, error);
}

static int task_flush(void *self, const struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;

    for (size_t i = 0; i < mr_offsets_count(offsets); i++) {
        struct unflushed *unflushed = *unflushed_at(task, mr_offsets_topic(offsets, i), mr_offsets_partition(offsets, i));

        if (unflushed == NULL)
            continue;
        if (add_lines(task, &unflushed->heads, 0, ",\"flushed\":true", error) != 0) {
            task->lines.size = 0;
            return -1;
        }
        lines_print(&task->lines);
        unflushed->heads.size = 0;
    }
    return 0;
}

/* What was not flushed will come again, here or elsewhere. */
static int task_close(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;

    (void)error;
    for (size_t i = 0; i < mr_offsets_count(partitions); i++) {
        struct unflushed **at = unflushed_at(task, mr_offsets_topic(partitions, i), mr_offsets_partition(partitions, i));

        if (*at != NULL)
            unflushed_remove(at);
    }
    return 0;
}

static void task_stop(void *self)
{
    (void)self;
}

static void task_destroy(void *self)
{
    struct task *task = self;

    while (task->unflushed != NULL)
        unflushed_remove(&task->unflushed);
    lines_release(&task->lines);
    free(task->quoted_name);
    free(task);
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .flush = task_flush,
    .close = task_close,
    .stop = task_stop,
    .destroy = task_destroy,
};

static const struct mr_sink_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.tools.VerifiableSinkTask",
    .create = connector_head_create,
    .start = connector_head_start,
    .task_configs = connector_head_numbered_tasks,
    .stop = connector_head_stop,
    .destroy = connector_head_destroy,
    .task = &task_ops,
};

const struct mr_plugin verifiable_sink_plugin = {
    .size = sizeof(verifiable_sink_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = VERIFIABLE_SINK_CLASS,
    .version = VERIFIABLE_VERSION,
    .doc = "Prints what came and what is flushed, one JSON object a line on standard output: for acceptance tests, with VerifiableSource.",
    .config_def = &config_def,
    .ops = &connector_ops,
};
