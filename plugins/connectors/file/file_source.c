/* FileStreamSource: lines of one file, a pipe or standard input, as records of one topic.
 *
 * Records and offsets are those of Kafka's own file source: no key, the line as a string, the time of reading as timestamp, source
 * partition {"filename": F}, source offset {"position": P} with P the number of bytes up to the next line (null for standard
 * input). */
#include "file_plugin.h"

#include <stdlib.h>
#include <string.h>

#include "connector_head.h"
#include "file_input.h"
#include "line_reader.h"
#include "utf8_text.h"

#define BLOCK_BYTES (256u * 1024u)
#define IDLE_LEAST_MS 2u   /* lines that come one by one are sent at once; twice as long with each look in vain */
#define IDLE_BUFFER_MS 256u /* who rests so long holds no buffer */
#define IDLE_MOST_MS 1000u
#define MISSING_MS 1000u

static const struct mr_range line_range = {1, INT32_MAX};
static const struct mr_config_row rows[] = {
    {.name = "file",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     .doc = "Source filename. If not specified, the standard input will be used"},
    {.name = "topic",
     .type = MR_CONFIG_STRING,
     .default_text = MR_REQUIRED,
     .importance = MR_HIGH,
     .doc = "The topic to publish data to",
     .validator = mr_check_not_empty},
    {.name = "batch.size",
     .type = MR_CONFIG_INT,
     .default_text = "2000",
     .importance = MR_LOW,
     .doc = "The maximum number of records the source task can read from the file each time it is polled"},
    {.name = "millrace.line.max.bytes",
     .type = MR_CONFIG_INT,
     .default_text = "16777216",
     .importance = MR_LOW,
     .doc = "The longest line that is read; a longer one fails the task and names its position",
     .validator = mr_check_range,
     .validator_argument = &line_range,
     .is_internal = true},
};
static const struct mr_config_def config_def = MR_CONFIG_DEF(rows);

/* --- the connector ------------------------------------------------------------------------------------------------------ */

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    const char *file = file_name(config);

    mr_log(file_host, MR_LOG_INFO, FILE_SOURCE_CLASS, "reading from %s", file == NULL ? "standard input" : file);
    return connector_head_start(self, config, error);
}

static int check_change(const struct mr_value *partition, const struct mr_value *offset, struct mr_error **error)
{
    const struct mr_value *position;

    if (mr_value_kind(offset) == MR_KIND_MAP) {
        position = mr_map_get(offset, "position");
        if (position == NULL)
            return mr_error_set(error, MR_ERR_CONNECT,
                                "Offset objects should either be null or contain the key 'position'");
        if (mr_value_kind(position) < MR_KIND_INT8 || mr_value_kind(position) > MR_KIND_INT64)
            return mr_error_set(error, MR_ERR_CONNECT,
                                "The value for the 'position' key in the offset is expected to be a Long value");
        if (mr_value_integer(position) < 0)
            return mr_error_set(error, MR_ERR_CONNECT,
                                "The value for the 'position' key in the offset should be a non-negative value");
    } else if (!mr_value_is_null(offset)) {
        return mr_error_set(error, MR_ERR_CONNECT,
                            "Offset objects should either be null or contain the key 'position'");
    } else {
        return 0; /* any partition may be forgotten */
    }
    if (mr_value_kind(partition) != MR_KIND_MAP)
        return mr_error_set(error, MR_ERR_CONNECT, "Partition objects cannot be null");
    if (mr_map_get(partition, "filename") == NULL)
        return mr_error_set(error, MR_ERR_CONNECT, "Partition objects should contain the key 'filename'");
    return 0;
}

static int connector_alter_offsets(const struct mr_config *config, const struct mr_offset_changes *changes,
                                   bool *handled, struct mr_error **error)
{
    if (file_name(config) == NULL)
        return mr_error_set(error, MR_ERR_CONNECT,
                            "Offsets cannot be modified if the 'file' configuration is unspecified. This is because "
                            "stdin is used for input and offsets are not tracked.");
    for (size_t i = 0; i < mr_offset_changes_count(changes); i++)
        if (check_change(mr_offset_changes_partition(changes, i), mr_offset_changes_offset(changes, i), error) != 0)
            return -1;
    *handled = true;
    return 0;
}

static enum mr_support exactly_once_support(const struct mr_config *config)
{
    /* Standard input cannot be read again from a stored place. */
    return file_name(config) == NULL ? MR_UNSUPPORTED : MR_SUPPORTED;
}

/* --- the task ------------------------------------------------------------------------------------------------------------ */

/* Of the offset; its text outlives the task, as offsets may. */
static const char POSITION[] = "position";

struct task {
    struct mr_source_context *context;
    const char *file, *topic;
    size_t batch_records, batch_bytes; /* of one poll */
    struct file_input input;
    struct line_reader reader;
    struct mr_arena *arena; /* of `partition` and `position_key` */
    const struct mr_value *partition, *position_key;
    int64_t position;     /* of the next line; bytes */
    unsigned char *bytes; /* what was read and not cut into lines yet; NULL while idle */
    struct line_block block;
    bool offset_known, missing_told;
    uint32_t idle_ms;
};

static void *task_create(struct mr_source_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    task->input.fd = -1;
    return task;
}

static int make_partition(struct task *task, struct mr_error **error)
{
    struct mr_value *map;

    task->arena = mr_arena_create(64 * 1024);
    if (task->arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
    map = mr_map_create(task->arena, 1);
    if (map == NULL || mr_map_put_text(task->arena, map, "filename",
                                       task->file == NULL ? mr_null() : mr_string(task->arena, task->file)) != 0)
        return mr_arena_failed(task->arena, error);
    task->partition = map;
    task->position_key = mr_string_ref(task->arena, POSITION, sizeof(POSITION) - 1);
    return task->position_key == NULL ? mr_arena_failed(task->arena, error) : 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->file = file_name(config);
    task->topic = mr_config_string(config, "topic");
    /* The JVM's task polls without end for a size below one; here at least one line moves. */
    task->batch_records =
        mr_config_integer(config, "batch.size") < 1 ? 1 : (size_t)mr_config_integer(config, "batch.size");
    task->batch_bytes = mr_source_context_batch_bytes_max(task->context);
    task->idle_ms = IDLE_LEAST_MS;
    file_input_init(&task->input, task->file);
    line_reader_init(&task->reader, (size_t)mr_config_integer(config, "millrace.line.max.bytes"));
    return make_partition(task, error);
}

/* The stored position, once; a pipe or standard input has none that could be gone to. */
static int find_position(struct task *task, int64_t *position, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(1 << 20);
    const struct mr_value *offset, *stored;
    int status = 0;

    *position = 0;
    if (arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the stored offset");
    offset = mr_source_context_offset(task->context, task->partition, arena, error);
    if (offset == NULL) {
        status = -1;
    } else if (mr_value_kind(offset) == MR_KIND_MAP) {
        stored = mr_map_get(offset, "position");
        if (stored != NULL && mr_value_kind(stored) >= MR_KIND_INT8 && mr_value_kind(stored) <= MR_KIND_INT64)
            *position = mr_value_integer(stored);
        else if (stored != NULL && !mr_value_is_null(stored))
            status = mr_error_set(error, MR_ERR_CONNECT, "Offset position is the incorrect type");
    }
    mr_arena_destroy(arena);
    return status;
}

static int go_to_stored_position(struct task *task, struct mr_error **error)
{
    int64_t stored = 0, from;

    if (task->file != NULL && find_position(task, &stored, error) != 0)
        return -1;
    if (file_input_seek(&task->input, stored, task->reader.line_max_bytes, &from, error) != 0)
        return -1;
    if (from != stored)
        mr_log(file_host, MR_LOG_WARN, FILE_SOURCE_CLASS,
               "%s: the stored position %lld is %s; reading from %lld, some lines may come again", task->file,
               (long long)stored, from == 0 ? "beyond the end of the file or in its first line" : "inside a line",
               (long long)from);
    task->position = from;
    task->offset_known = true;
    return 0;
}

/* 1: open; 0: not there yet; -1. */
static int open_input(struct task *task, struct mr_error **error)
{
    int status = file_input_open(&task->input, error);

    if (status == 0) {
        if (!task->missing_told)
            mr_log(file_host, MR_LOG_WARN, FILE_SOURCE_CLASS, "%s: no such file yet, looking again every second",
                   task->file);
        task->missing_told = true;
        mr_source_context_poll_after_ms(task->context, MISSING_MS);
    }
    if (status != 1)
        return status;
    task->missing_told = false;
    line_reader_clear(&task->reader);
    if (!task->offset_known && go_to_stored_position(task, error) != 0)
        return -1;
    return 1;
}

/* --- records -------------------------------------------------------------------------------------------------------------- */

/* The text of a line, valid UTF-8, in the batch's arena. NULL: no memory. */
static const struct mr_value *line_text(const struct task *task, struct mr_arena *arena, struct mr_bytes line)
{
    const unsigned char *at = line.data;
    bool is_in_block = task->bytes != NULL && at >= task->bytes && at <= task->bytes + BLOCK_BYTES;
    struct mr_bytes text = utf8_text_repair(arena, line);

    if (text.data == NULL)
        return NULL;
    return is_in_block && text.data == line.data ? mr_string_copy(arena, text.data, text.size)
                                                 : mr_string_ref(arena, text.data, text.size);
}

static int append_line(struct task *task, struct mr_batch *batch, struct mr_bytes line, int64_t now_ms,
                       struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *offset = mr_map_create(arena, 1);

    if (record == NULL || offset == NULL ||
        mr_map_put(arena, offset, task->position_key, task->file == NULL ? mr_null() : mr_int64(arena, task->position)) != 0 ||
        mr_record_set_value(record, mr_schema_primitive(MR_TYPE_STRING, false), line_text(task, arena, line)) != 0 ||
        mr_record_set_topic_ref(record, task->topic) != 0 || mr_record_set_source(record, task->partition, offset) != 0)
        return mr_arena_failed(arena, error);
    mr_record_set_timestamp_ms(record, now_ms);
    return 0;
}

/* Cuts what was read into records, as many as one poll may bring; the rest waits for the next. */
static int cut_lines(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    int64_t now_ms = file_host->clock_wall_ms();
    struct mr_bytes line;
    size_t consumed;
    int status = 0;

    while (mr_batch_count(batch) < task->batch_records && mr_arena_used_bytes(arena) < task->batch_bytes &&
           (status = line_reader_next(&task->reader, &task->block, arena, &line, &consumed, error)) == 1) {
        task->position += (int64_t)consumed;
        if (append_line(task, batch, line, now_ms, error) != 0)
            return -1;
    }
    if (status >= 0)
        return 0;
    return mr_error_wrap(error, "%s, position %lld", task->file == NULL ? "standard input" : task->file,
                         (long long)task->position);
}

/* --- poll ------------------------------------------------------------------------------------------------------------------- */

/* The input has ended for good: a last line without its end is a line too. */
static int finish_line(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    struct mr_bytes line;
    size_t consumed;
    int status = line_reader_finish(&task->reader, mr_batch_arena(batch), &line, &consumed, error);

    if (status != 1)
        return status;
    task->position += (int64_t)consumed;
    return append_line(task, batch, line, file_host->clock_wall_ms(), error);
}

static int finish_replaced(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    int status = finish_line(task, batch, error);

    mr_log(file_host, MR_LOG_INFO, FILE_SOURCE_CLASS,
           "%s: another file has taken the name; reading it from its beginning",
           task->file == NULL ? "standard input" : task->file);
    file_input_close(&task->input);
    task->position = 0;
    mr_source_context_poll_after_ms(task->context, 0);
    return status;
}

static void forget_block(struct task *task)
{
    free(task->bytes);
    task->bytes = NULL;
    task->block = (struct line_block){0};
}

static void be_idle(struct task *task)
{
    if (task->idle_ms >= IDLE_BUFFER_MS)
        forget_block(task);
    mr_source_context_poll_after_ms(task->context, task->idle_ms);
    task->idle_ms = task->idle_ms * 2 > IDLE_MOST_MS ? IDLE_MOST_MS : task->idle_ms * 2;
}

static int act_on(struct task *task, struct mr_batch *batch, enum input_state state, struct mr_error **error)
{
    switch (state) {
    case INPUT_CUT:
        mr_log(file_host, MR_LOG_WARN, FILE_SOURCE_CLASS, "%s: the file was cut; reading it from its beginning",
               task->file);
        line_reader_clear(&task->reader);
        task->position = 0;
        mr_source_context_poll_after_ms(task->context, 0);
        return 0;
    case INPUT_REPLACED:
        return finish_replaced(task, batch, error);
    case INPUT_ENDED:
        forget_block(task);
        mr_source_context_poll_after_ms(task->context, UINT32_MAX);
        return finish_line(task, batch, error);
    case INPUT_FAILED:
        return -1;
    default:
        be_idle(task);
        return 0;
    }
}

/* 1: there is something to cut; 0: nothing now; -1. */
static int read_block(struct task *task, struct mr_batch *batch, struct mr_error **error)
{
    enum input_state state;
    size_t got = 0;

    if (task->block.at != task->block.end)
        return 1;
    if (task->bytes == NULL && (task->bytes = malloc(BLOCK_BYTES)) == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to read the file");
    state = file_input_read(&task->input, task->bytes, BLOCK_BYTES, &got, error);
    if (state != INPUT_DATA)
        return act_on(task, batch, state, error);
    task->idle_ms = IDLE_LEAST_MS;
    task->block = (struct line_block){.at = task->bytes, .end = task->bytes + got};
    return 1;
}

static int task_poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int status = task->input.fd >= 0 ? 1 : open_input(task, error);

    if (status != 1)
        return status;
    status = read_block(task, batch, error);
    if (status != 1)
        return status;
    if (cut_lines(task, batch, error) != 0)
        return -1;
    if (mr_batch_count(batch) == 0)
        mr_source_context_poll_after_ms(task->context, 0); /* a long line: more of it at once */
    return 0;
}

static void task_stop(void *self)
{
    struct task *task = self;

    file_input_close(&task->input);
}

static void task_destroy(void *self)
{
    struct task *task = self;

    file_input_close(&task->input);
    forget_block(task);
    line_reader_release(&task->reader);
    mr_arena_destroy(task->arena);
    free(task);
}

static const struct mr_source_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .poll = task_poll,
    .stop = task_stop,
    .destroy = task_destroy,
};

static const struct mr_source_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.file.FileStreamSourceTask",
    .create = connector_head_create,
    .start = connector_start,
    .task_configs = connector_head_one_task,
    .stop = connector_head_stop,
    .destroy = connector_head_destroy,
    .alter_offsets = connector_alter_offsets,
    .task = &task_ops,
    .exactly_once_support = exactly_once_support,
};

const struct mr_plugin file_source_plugin = {
    .size = sizeof(file_source_plugin),
    .kind = MR_PLUGIN_SOURCE,
    .class_name = FILE_SOURCE_CLASS,
    .version = FILE_VERSION,
    .doc = "Reads lines from a file, a pipe or standard input, and follows a file as it grows.",
    .config_def = &config_def,
    .ops = &connector_ops,
};
