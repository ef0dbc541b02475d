/*
 * A sink that writes the text of records to `file`, line by line, unless its target is in a mood: while the file `mood` exists
 * its first word says what put does: away (it times out), busy (try again), broken (an error without a kind), hang. A record
 * "poison" it refuses always.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "one_connector.h"

static const struct mr_config_row rows[] = {
    {.name = "file", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Where to."},
    {.name = "mood", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct task {
    const struct mr_config *config;
    FILE *file;
};

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    (void)context;
    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    task->config = config;
    task->file = fopen(mr_config_string(config, "file"), "a");
    return task->file != NULL ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file cannot be opened");
}

/* "": none. */
static void read_mood(const struct task *task, char mood[16])
{
    FILE *file = fopen(mr_config_string(task->config, "mood"), "r");
    mood[0] = '\0';
    if (file != NULL && fscanf(file, "%15s", mood) != 1)
        mood[0] = '\0';
    if (file != NULL)
        fclose(file);
}

static int be_moody(const struct task *task, struct mr_error **error)
{
    char mood[16];
    read_mood(task, mood);
    while (strcmp(mood, "hang") == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        read_mood(task, mood);
    }
    if (strcmp(mood, "away") == 0)
        return mr_error_set(error, MR_ERR_TIMEOUT, "the target does not answer");
    if (strcmp(mood, "busy") == 0)
        return mr_error_set(error, MR_ERR_RETRIABLE, "the target is busy");
    if (strcmp(mood, "broken") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "the target does not like this");
    return 0;
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    if (count > 0 && be_moody(task, error) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct mr_bytes text = mr_value_bytes(mr_record_value(records[i]));
        if (text.size == 6 && memcmp(text.data, "poison", 6) == 0)
            return mr_error_set(error, MR_ERR_DATA, "the target cannot take this record");
        fprintf(task->file, "%.*s\n", (int)text.size, (const char *)text.data);
    }
    return fflush(task->file) == 0 ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file cannot be written to");
}

static void task_stop(void *self)
{
    struct task *task = self;
    if (task->file != NULL)
        fclose(task->file);
    task->file = NULL;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .stop = task_stop,
    .destroy = free,
};

SINK_CONNECTOR("org.acme.MoodySinkConnector", "moody_sink", options, task_ops)
