/* FileStreamSink: each record as one line at the end of a file, or on standard output.
 *
 * The value is printed as Kafka's own file sink prints it: strings as they are, everything else as Java's toString. Records wait in a
 * buffer until they are written; offsets are committed only when the buffer is empty, so that a full disk, or a pipe that nobody
 * reads, loses nothing: put then asks for the same records again later. */
#include "file_plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connector_head.h"
#include "print.h"

#define BUFFER_FIRST_BYTES (64u * 1024u)
#define BUFFER_KEEP_BYTES (256u * 1024u)
#define RETRY_MS 1000u

static const struct mr_config_row rows[] = {
    {.name = "file",
     .type = MR_CONFIG_STRING,
     .importance = MR_HIGH,
     .doc = "Destination filename. If not specified, the standard output will be used"},
};
static const struct mr_config_def config_def = MR_CONFIG_DEF(rows);

/* --- the connector ------------------------------------------------------------------------------------------------------- */

static int connector_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    const char *file = file_name(config);

    mr_log(file_host, MR_LOG_INFO, FILE_SINK_CLASS, "writing to %s", file == NULL ? "standard output" : file);
    return connector_head_start(self, config, error);
}

static int connector_alter_offsets(const struct mr_config *config, const struct mr_offset_changes *changes,
                                   bool *handled, struct mr_error **error)
{
    (void)config, (void)changes, (void)error;
    *handled = true; /* nothing is kept in the file that an offset could disagree with */
    return 0;
}

/* --- the task ---------------------------------------------------------------------------------------------------------------- */

struct task {
    struct mr_sink_context *context;
    const char *file; /* NULL: standard output */
    int fd;
    char *buffer;
    size_t size, written, capacity; /* written: so much of it is in the file */
};

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task");
        return NULL;
    }
    task->context = context;
    task->fd = -1;
    return task;
}

static const char *name_of(const struct task *task)
{
    return task->file == NULL ? "standard output" : task->file;
}

static int later(const struct task *task, const char *what, struct mr_error **error)
{
    mr_error_set(error, MR_ERR_RETRIABLE, "%s: %s: %s", name_of(task), what, strerror(errno));
    if (error != NULL)
        mr_error_set_retry_after_ms(*error, RETRY_MS);
    return -1;
}

/* A worker that was killed may have left half a line: what comes now must not run into it. */
static bool ends_inside_line(const char *file)
{
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    char last = '\n';
    bool inside = size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';

    if (fd >= 0)
        close(fd);
    return inside;
}

/* A pipe without a reader is no failure: it is opened when there is one. */
static int open_output(struct task *task, struct mr_error **error)
{
    if (task->fd >= 0)
        return 0;
    task->fd = task->file == NULL
                   ? dup(STDOUT_FILENO)
                   : open(task->file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);
    if (task->fd >= 0)
        return 0;
    if (errno == ENXIO)
        return later(task, "nobody reads this pipe", error);
    return mr_error_set(error, MR_ERR_CONNECT, "Couldn't find or create file '%s' for FileStreamSinkTask: %s",
                        name_of(task), strerror(errno));
}

static int add(struct task *task, struct mr_bytes text, struct mr_error **error)
{
    size_t wanted = task->size + text.size + 1;

    if (wanted > task->capacity) {
        size_t capacity = task->capacity == 0 ? BUFFER_FIRST_BYTES : task->capacity;
        char *grown;

        while (capacity < wanted)
            capacity *= 2;
        grown = realloc(task->buffer, capacity);
        if (grown == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for %zu bytes to write", wanted);
        task->buffer = grown;
        task->capacity = capacity;
    }
    if (text.size > 0)
        memcpy(task->buffer + task->size, text.data, text.size);
    task->buffer[wanted - 1] = '\n';
    task->size = wanted;
    return 0;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    struct mr_error *why = NULL;

    task->file = file_name(config);
    if (open_output(task, &why) == 0) {
        if (task->file == NULL || !ends_inside_line(task->file))
            return 0;
        return add(task, (struct mr_bytes){.data = "", .size = 0}, error);
    }
    if (mr_error_is_retriable(why)) {
        mr_error_drop(why);
        return 0;
    }
    if (error != NULL && *error == NULL)
        *error = why;
    else
        mr_error_drop(why);
    return -1;
}

/* Writes what waits. -1: it does not go now (retriable) or not at all. */
static int write_out(struct task *task, struct mr_error **error)
{
    if (open_output(task, error) != 0)
        return -1;
    while (task->written < task->size) {
        ssize_t count = write(task->fd, task->buffer + task->written, task->size - task->written);

        if (count >= 0)
            task->written += (size_t)count;
        else if (errno == EPIPE && task->file != NULL) {
            close(task->fd); /* the reader of the pipe has gone; another may come */
            task->fd = -1;
            return later(task, "cannot be written", error);
        } else if (errno != EINTR)
            return later(task, "cannot be written", error);
    }
    task->size = task->written = 0;
    if (task->capacity > BUFFER_KEEP_BYTES) {
        free(task->buffer);
        task->buffer = NULL;
        task->capacity = 0;
    }
    return 0;
}

static int add_record(struct task *task, const struct mr_record *record, struct mr_error **error)
{
    const struct mr_value *value = mr_record_value(record);
    struct text text = {.arena = mr_record_arena(record)};

    if (mr_value_kind(value) == MR_KIND_STRING)
        return add(task, mr_value_bytes(value), error);
    if (print_value(&text, value, error) != 0)
        return -1;
    return add(task, (struct mr_bytes){.data = text.data, .size = text.size}, error);
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    size_t size_before;

    /* What an earlier put left must go first: only then are new records taken. */
    if (task->size > 0 && write_out(task, error) != 0)
        return -1;
    size_before = task->size;
    for (size_t i = 0; i < count; i++)
        if (add_record(task, records[i], error) != 0) {
            task->size = size_before; /* none of this put counts */
            return -1;
        }
    if (task->size == 0)
        return 0;
    /* The records are ours now; that they do not go out yet holds their offsets back and nothing else. */
    struct mr_error *why = NULL;
    if (write_out(task, &why) != 0) {
        mr_log(file_host, MR_LOG_WARN, FILE_SINK_CLASS, "%s", mr_error_message(why));
        mr_error_drop(why);
        mr_sink_context_retry_after_ms(task->context, RETRY_MS);
    }
    return 0;
}

/* Only what the system has taken may be committed. */
static int task_pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;
    struct mr_error *why = NULL;

    (void)error;
    if (task->size == 0 || write_out(task, &why) == 0)
        return 0;
    mr_log(file_host, MR_LOG_WARN, FILE_SINK_CLASS, "%s; the offsets wait", mr_error_message(why));
    mr_error_drop(why);
    mr_offsets_clear(offsets);
    return 0;
}

static void task_stop(void *self)
{
    struct task *task = self;

    if (task->fd >= 0)
        close(task->fd);
    task->fd = -1;
}

static void task_destroy(void *self)
{
    struct task *task = self;

    task_stop(task);
    free(task->buffer);
    free(task);
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .pre_commit = task_pre_commit,
    .stop = task_stop,
    .destroy = task_destroy,
};

static const struct mr_sink_connector_ops connector_ops = {
    .size = sizeof(connector_ops),
    .task_class_name = "org.apache.kafka.connect.file.FileStreamSinkTask",
    .create = connector_head_create,
    .start = connector_start,
    .task_configs = connector_head_all_tasks,
    .stop = connector_head_stop,
    .destroy = connector_head_destroy,
    .alter_offsets = connector_alter_offsets,
    .task = &task_ops,
};

const struct mr_plugin file_sink_plugin = {
    .size = sizeof(file_sink_plugin),
    .kind = MR_PLUGIN_SINK,
    .class_name = FILE_SINK_CLASS,
    .version = FILE_VERSION,
    .doc = "Appends the value of each record as one line to a file, or writes it to standard output.",
    .config_def = &config_def,
    .ops = &connector_ops,
};
