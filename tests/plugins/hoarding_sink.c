/*
 * A sink that writes the text of records to `file`, always `keep` records late: until then it holds on to their batches, over
 * puts, rebalances and the end of its tasks. Only what is written is committed, so nothing is lost by it; what it still
 * holds of a partition when that is closed goes on a heap that is looked at again and again and let go at the very end. A
 * record "hang" keeps put from returning while the file `hang.while` exists.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "one_connector.h"

#define BUFFER_SIZE (1 << 20) /* of one put at least: several tasks write to one file, each put in one piece */

static const struct mr_config_row rows[] = {
    {.name = "file", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .importance = MR_HIGH, .doc = "Where to."},
    {.name = "keep", .type = MR_CONFIG_INT, .default_text = "100", .importance = MR_LOW, .doc = "Records held."},
    {.name = "hang.while", .type = MR_CONFIG_STRING, .default_text = "", .importance = MR_LOW, .doc = "A file."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* Held records ----------------------------------------------------------------------------------------------------- */

struct held {
    struct held *next;
    struct mr_batch *batch; /* a reference: it keeps the record */
    const struct mr_record *record;
};

static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *heap; /* of tasks that are gone; locks: heap_lock */

static struct held *hold(const struct mr_record *record)
{
    struct held *held = calloc(1, sizeof(*held));
    if (held == NULL)
        return NULL;
    held->batch = mr_batch_take(mr_record_batch(record));
    held->record = record;
    return held;
}

static void let_go(struct held *held)
{
    mr_batch_drop(held->batch);
    free(held);
}

/* The records of a heap must be as they were: reading them is what a sanitizer looks at. */
static size_t look_at_heap(void)
{
    size_t sum = 0;
    pthread_mutex_lock(&heap_lock);
    for (const struct held *at = heap; at != NULL; at = at->next) {
        struct mr_bytes text = mr_value_bytes(mr_record_value(at->record));
        for (size_t i = 0; i < text.size; i++)
            sum += ((const unsigned char *)text.data)[i];
        sum += strlen(mr_record_origin_topic(at->record));
    }
    pthread_mutex_unlock(&heap_lock);
    return sum;
}

static void heap_add(struct held *held)
{
    pthread_mutex_lock(&heap_lock);
    held->next = heap;
    heap = held;
    pthread_mutex_unlock(&heap_lock);
}

__attribute__((destructor)) static void heap_clear(void)
{
    while (heap != NULL) {
        struct held *held = heap;
        heap = held->next;
        let_go(held);
    }
}

/* Tasks ------------------------------------------------------------------------------------------------------------ */

struct task {
    const struct mr_config *config;
    FILE *file;
    char *buffer; /* of `file` */
    struct held *first, **last;
    int64_t count;
};

static void *task_create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    (void)context;
    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    else
        task->last = &task->first;
    return task;
}

static int task_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;
    task->config = config;
    task->file = fopen(mr_config_string(config, "file"), "a");
    task->buffer = malloc(BUFFER_SIZE); /* without one of ours glibc ignores the size, and lines are torn */
    if (task->file != NULL && task->buffer != NULL)
        setvbuf(task->file, task->buffer, _IOFBF, BUFFER_SIZE);
    return task->file != NULL ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file cannot be opened");
}

static void hang_if_told(const struct task *task, struct mr_bytes text)
{
    if (text.size != 4 || memcmp(text.data, "hang", 4) != 0)
        return;
    while (access(mr_config_string(task->config, "hang.while"), F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static struct held *take_first(struct task *task)
{
    struct held *held = task->first;
    task->first = held->next;
    if (task->first == NULL)
        task->last = &task->first;
    task->count--;
    return held;
}

static int write_first(struct task *task, struct mr_error **error)
{
    struct mr_bytes text = mr_value_bytes(mr_record_value(task->first->record));
    if (fprintf(task->file, "%.*s\n", (int)text.size, (const char *)text.data) < 0)
        return mr_error_set(error, MR_ERR_CONNECT, "the file cannot be written to");
    let_go(take_first(task));
    return 0;
}

static int task_put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;
    for (size_t i = 0; i < count; i++) {
        hang_if_told(task, mr_value_bytes(mr_record_value(records[i])));
        struct held *held = hold(records[i]);
        if (held == NULL)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to hoard");
        *task->last = held;
        task->last = &held->next;
        task->count++;
    }
    while (task->count > mr_config_integer(task->config, "keep")) {
        if (write_first(task, error) != 0)
            return -1;
    }
    look_at_heap();
    return fflush(task->file) == 0 ? 0 : mr_error_set(error, MR_ERR_CONNECT, "the file cannot be written to");
}

/* The first record still held of a partition is the one to begin with another time. */
static int task_pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;
    for (const struct held *at = task->first; at != NULL; at = at->next) {
        const char *topic = mr_record_origin_topic(at->record);
        int32_t partition = mr_record_origin_partition(at->record);
        int64_t offset = mr_record_offset(at->record), now = mr_offsets_get(offsets, topic, partition);
        if (now > offset && mr_offsets_put(offsets, topic, partition, offset) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for offsets");
    }
    return 0;
}

static bool is_of(const struct mr_offsets *partitions, const struct mr_record *record)
{
    for (size_t i = 0; i < mr_offsets_count(partitions); i++) {
        if (mr_offsets_partition(partitions, i) == mr_record_origin_partition(record) &&
            strcmp(mr_offsets_topic(partitions, i), mr_record_origin_topic(record)) == 0)
            return true;
    }
    return false;
}

static int task_close(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;
    struct held **link = &task->first;
    (void)error;
    while (*link != NULL) {
        struct held *held = *link;
        if (!is_of(partitions, held->record)) {
            link = &held->next;
            continue;
        }
        *link = held->next;
        task->count--;
        heap_add(held);
    }
    task->last = link;
    return 0;
}

static void task_stop(void *self)
{
    struct task *task = self;
    if (task->file != NULL)
        fclose(task->file);
    task->file = NULL;
}

static void task_destroy(void *self)
{
    struct task *task = self;
    while (task->first != NULL)
        heap_add(take_first(task));
    free(task->buffer);
    free(task);
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops),
    .create = task_create,
    .start = task_start,
    .put = task_put,
    .pre_commit = task_pre_commit,
    .close = task_close,
    .stop = task_stop,
    .destroy = task_destroy,
};

SINK_CONNECTOR("org.acme.HoardingSinkConnector", "hoarding_sink", options, task_ops)
