/* A sink that keeps every batch it was ever given, over rebalance, stop and the end of its task, until the process ends. */
#include <pthread.h>

#include "one_connector.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mr_batch **kept;
static size_t kept_count, kept_capacity;

static const struct mr_config_row rows[] = {
    {.name = "note", .type = MR_CONFIG_STRING, .importance = MR_LOW, .doc = "Anything."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct task {
    struct mr_metric *batches;
};

static void *create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
    else
        task->batches = mr_metric_counter(mr_sink_context_metrics(context), "batches", "Batches kept for ever");
    return task;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)self, (void)config, (void)error;
    return 0;
}

/* locks: lock */
static bool keep(struct mr_batch *batch)
{
    if (kept_count == kept_capacity) {
        size_t capacity = kept_capacity == 0 ? 64 : kept_capacity * 2;
        struct mr_batch **grown = realloc(kept, capacity * sizeof(struct mr_batch *));

        if (grown == NULL)
            return false;
        kept = grown;
        kept_capacity = capacity;
    }
    kept[kept_count++] = mr_batch_take(batch);
    return true;
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct mr_batch *last = NULL;
    bool good = true;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count && good; i++) {
        if (mr_record_batch(records[i]) == last)
            continue;
        last = mr_record_batch(records[i]);
        good = keep(last);
        mr_metric_add(((struct task *)self)->batches, 1);
    }
    pthread_mutex_unlock(&lock);
    return good ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to keep more");
}

static void stop(void *self)
{
    (void)self;
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .start = start, .put = put, .stop = stop, .destroy = free};

SINK_CONNECTOR("org.acme.KeepingSinkConnector", "keeping_sink", options, task_ops)
