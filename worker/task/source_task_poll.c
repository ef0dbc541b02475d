/* What comes in: poll, then transforms and converters. */
#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/task_metrics.h"
#include "task/source_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"
/* Of a buffer, for what transforms and converters make of one record, of a batch. */
#define SHARE_PER_BUFFER_BYTE 4
#define BATCH_PER_BUFFER_BYTE 16
#define IDLE_POLLS 3 /* so many without a record make a task idle */

/* --- polling ------------------------------------------------------------------------------------------------------ */

static void set_idle(struct source_task *task)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);
    uint32_t delay_ms = task->poll_after_is_set ? task->poll_after_ms : MR_POLL_IDLE_MS;

    task->poll_at_ms = delay_ms == UINT32_MAX ? INT64_MAX : now_ms + delay_ms;
}

void source_task_be_lean(struct source_task *task)
{
    if (task->is_lean || task->idle_polls < IDLE_POLLS || task->first != NULL || task->unsent != NULL)
        return;
    task->is_lean = true;
    batch_pool_trim(task->pool);
    outgoing_list_release(&task->outgoing);
}

static void note_idle(struct source_task *task)
{
    set_idle(task);
    task->idle_polls = task->poll_at_ms == INT64_MAX ? IDLE_POLLS : task->idle_polls + 1;
    source_task_be_lean(task);
}

/* A setter that failed left a record without its value; the plugin should have answered -1. */
static int check_polled(struct mr_batch *batch, struct mr_error **why)
{
    if (!batch_is_broken(batch))
        return 0;
    return mr_error_set(why, MR_ERR_CONNECT,
                        "poll answered that all is well, but left a record unfinished: a value could not be made (no "
                        "memory, or more than the task's buffer allows)");
}

/* A retriable failure counts as "no records" (Kafka's AbstractWorkerSourceTask.poll). */
static int poll_failed(struct source_task *task, struct mr_error *why, struct mr_error **error)
{
    if (why != NULL && mr_error_is_retriable(why)) {
        uint32_t delay_ms = mr_error_retry_after_ms(why);

        log_warn(LOG_NAME, TASK_FORMAT ": poll failed and will be called again: %s", TASK_ARGS(&task->task),
                 mr_error_message(why));
        task->poll_after_ms = delay_ms == 0 ? MR_POLL_IDLE_MS : delay_ms;
        task->poll_after_is_set = true;
        set_idle(task);
        mr_error_drop(why);
        return 0;
    }
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "poll failed without a reason");
    *error = why;
    task->task.is_plugins_fault = true;
    return -1;
}

static void entries_reset(struct mr_batch *batch)
{
    for (uint32_t i = 0; i < batch_entry_count(batch); i++) {
        struct mr_record *entry = batch_entry_at(batch, i);

        entry->owner = NULL; /* owner_index: the plugin's wish for the end of a transaction */
        atomic_store_explicit(&entry->owner_pending, 0, memory_order_relaxed);
        atomic_store_explicit(&entry->owner_state, ENTRY_SUBMITTED, memory_order_relaxed);
    }
}

/* One record may become as large as several buffers; if many do, the batch is too large. */
static void give_shares(const struct source_task *task, struct mr_batch *polled)
{
    uint64_t bytes_max = task->task.setup.buffer_bytes_max;

    if (bytes_max == 0 || bytes_max > SIZE_MAX / 4 / BATCH_PER_BUFFER_BYTE)
        return;
    polled->share_bytes = (size_t)bytes_max * SHARE_PER_BUFFER_BYTE;
    polled->work_bytes_max = mr_arena_used_bytes(mr_batch_arena(polled)) + (size_t)bytes_max * BATCH_PER_BUFFER_BYTE;
}

static uint64_t outgoing_bytes(const struct outgoing_list *list)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < list->count; i++)
        bytes += list->items[i].kind == OUTGOING_SEND ? list->items[i].key.size + list->items[i].value.size : 0;
    return bytes;
}

/* Takes over `polled`. */
static int take_polled(struct source_task *task, struct mr_batch *polled, struct mr_error **error)
{
    struct mr_error *failure = NULL;

    entries_reset(polled);
    give_shares(task, polled);
    task_pipeline_begin(&task->task);
    source_pipeline_run(task->setup.pipeline, polled, &task->outgoing, &failure);
    task_pipeline_end(&task->task);
    rate_take(&task->rate, source_batch_polled(polled), outgoing_bytes(&task->outgoing));
    watch_begin(&task->task, &task->task.watched.owed_ms);
    return source_task_accept(task, polled, failure, error);
}

int source_task_poll(struct source_task *task, bool *idle, struct mr_error **error)
{
    struct mr_batch *batch = batch_pool_take(task->pool);
    struct mr_error *why = NULL;
    int64_t begun_us = task_now_us(&task->task);
    int status;

    *idle = true;
    if (batch == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a batch of records");
    task->poll_after_is_set = false;
    source_task_polls(task, batch);
    size_t rated = rate_records(&task->rate, 0);
    task->context.batch_records_max = rated < task->setup.batch_records_max ? rated : task->setup.batch_records_max;
    task_call_begin(&task->task, "poll");
    status = task->setup.plugin->poll(task->task.self, batch, &why);
    task_call_end(&task->task);
    if (status == 0) {
        mr_error_clear(&why);
        status = check_polled(batch, &why);
    }
    if (status != 0 || task_is_abandoned(&task->task) || batch_entry_count(batch) == 0) {
        mr_batch_drop(batch);
        if (status != 0 && !task_is_abandoned(&task->task))
            return poll_failed(task, why, error);
        mr_error_drop(why);
        note_idle(task);
        return 0;
    }
    task->idle_polls = 0;
    task->is_lean = false;
    task_metrics_polled(task->task.cells, source_batch_polled(batch), begun_us, task_now_us(&task->task));
    log_debug(LOG_NAME, "poll has given records: %u", source_batch_polled(batch));
    *idle = task->poll_after_is_set;
    if (*idle)
        set_idle(task);
    return take_polled(task, batch, error);
}
