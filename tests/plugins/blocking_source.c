/*
 * Two sources fed by a thread of their own, which makes `records` records, one each `gap.ms`. WaitingSource blocks in poll until
 * there is one or it is asked to stop, and has a thread for itself (MR_TASK_BLOCKS). WakingSource never blocks: it has no
 * time to be polled at and wakes its task instead.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "one_connector.h"

static const struct mr_config_row rows[] = {
    {.name = "records", .type = MR_CONFIG_INT, .default_text = "10", .importance = MR_HIGH, .doc = "How many in all."},
    {.name = "gap.ms", .type = MR_CONFIG_INT, .default_text = "1", .importance = MR_LOW, .doc = "Time between two."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct task {
    struct mr_source_context *context;
    struct mr_waker *waker; /* the thread's reference */
    bool blocks, has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t made, given, records, gap_ms; /* lock, but for the last two */
    bool is_stopping;                     /* lock */
    struct mr_metric *polls;
};

static void *task_create(struct mr_source_context *context, bool blocks, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    task->blocks = blocks;
    task->polls = mr_metric_counter(mr_source_context_metrics(context), "polls", "Calls of poll");
    pthread_mutex_init(&task->lock, NULL);
    pthread_cond_init(&task->changed, NULL);
    return task;
}

static void *waiting_create(struct mr_source_context *context, struct mr_error **error)
{
    return task_create(context, true, error);
}

static void *waking_create(struct mr_source_context *context, struct mr_error **error)
{
    return task_create(context, false, error);
}

static void *make_records(void *argument)
{
    struct task *task = argument;
    bool more = true;

    while (more) {
        nanosleep(&(struct timespec){.tv_nsec = task->gap_ms * 1000000}, NULL);
        pthread_mutex_lock(&task->lock);
        task->made++;
        more = task->made < task->records && !task->is_stopping;
        pthread_cond_broadcast(&task->changed);
        pthread_mutex_unlock(&task->lock);
        mr_waker_wake(task->waker);
    }
    return NULL;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->records = mr_config_integer(config, "records");
    task->gap_ms = mr_config_integer(config, "gap.ms");
    task->waker = mr_waker_take(mr_source_context_waker(task->context));
    if (task->records > 0 && pthread_create(&task->thread, NULL, make_records, task) != 0)
        return mr_error_set(error, MR_ERR_CONNECT, "no thread to be had");
    task->has_thread = task->records > 0;
    return 0;
}

static int append(struct mr_batch *batch, int64_t number, struct mr_error **error)
{
    struct mr_arena *arena = mr_batch_arena(batch);
    struct mr_record *record = mr_batch_append(batch);
    struct mr_value *partition = mr_map_create(arena, 1), *offset = mr_map_create(arena, 1);

    if (record == NULL ||
        mr_map_put_text(arena, partition, "p", mr_int64(arena, 0)) != 0 ||
        mr_map_put_text(arena, offset, "o", mr_int64(arena, number)) != 0 ||
        mr_record_set_value(record, NULL, mr_int64(arena, number)) != 0 ||
        mr_record_set_topic_ref(record, "made") != 0 || mr_record_set_source(record, partition, offset) != 0)
        return mr_arena_failed(arena, error);
    return 0;
}

static int poll(void *self, struct mr_batch *batch, struct mr_error **error)
{
    struct task *task = self;
    int status = 0;

    mr_metric_add(task->polls, 1);
    pthread_mutex_lock(&task->lock);
    while (task->blocks && task->given == task->made && !task->is_stopping)
        pthread_cond_wait(&task->changed, &task->lock);
    while (task->given < task->made && status == 0 &&
           mr_batch_count(batch) < mr_source_context_batch_records_max(task->context))
        status = append(batch, ++task->given, error);
    bool more = task->given < task->made;
    pthread_mutex_unlock(&task->lock);
    if (!task->blocks && !more)
        mr_source_context_poll_after_ms(task->context, UINT32_MAX);
    return status;
}

/* Comes while poll is inside. */
static void request_stop(void *self)
{
    struct task *task = self;

    pthread_mutex_lock(&task->lock);
    task->is_stopping = true;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->lock);
}

static void stop(void *self)
{
    struct task *task = self;

    request_stop(self);
    if (task->has_thread)
        pthread_join(task->thread, NULL);
    task->has_thread = false;
    mr_waker_drop(task->waker);
    task->waker = NULL;
}

static void destroy(void *self)
{
    struct task *task = self;

    pthread_mutex_destroy(&task->lock);
    pthread_cond_destroy(&task->changed);
    free(task);
}

static const struct mr_source_task_ops waiting_task = {
    .size = sizeof(waiting_task), .flags = MR_TASK_BLOCKS, .create = waiting_create, .start = start, .poll = poll,
    .request_stop = request_stop, .stop = stop, .destroy = destroy,
};
static const struct mr_source_task_ops waking_task = {
    .size = sizeof(waking_task), .create = waking_create, .start = start, .poll = poll, .request_stop = request_stop,
    .stop = stop, .destroy = destroy,
};
static const struct mr_source_connector_ops waiting_ops = {
    .size = sizeof(waiting_ops), ONE_CONNECTOR_HEAD("org.acme.WaitingSource", waiting_task)};
static const struct mr_source_connector_ops waking_ops = {
    .size = sizeof(waking_ops), ONE_CONNECTOR_HEAD("org.acme.WakingSource", waking_task)};
static const struct mr_plugin waiting =
    ONE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.WaitingSourceConnector", options, waiting_ops);
static const struct mr_plugin waking =
    ONE_PLUGIN(MR_PLUGIN_SOURCE, "org.acme.WakingSourceConnector", options, waking_ops);
static const struct mr_plugin *const plugins[] = {&waiting, &waking};
static const struct mr_module module = MR_MODULE("blocking_source", plugins);

const struct mr_module *mr_module_v1(const struct mr_host *host)
{
    (void)host;
    return &module;
}
