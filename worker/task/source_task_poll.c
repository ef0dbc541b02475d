/* What goes out: poll, transforms and converters, the hand-over to the producer. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pointer_map.h"
#include "kafka/producer.h"
#include "task/source_task_internal.h"
#include "task/task_listener.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.source"
#define TOPIC_NAME_MAX 249 /* Kafka's rule */
#define BATCH_OVERHEAD_BYTES 4096u /* even a small batch has a block of memory of its own */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a batch of records");
}

/* --- topics --------------------------------------------------------------------------------------------------- */

static int no_topic(const char *name, struct mr_error **error)
{
    size_t length = strlen(name);

    if (length <= TOPIC_NAME_MAX)
        return no_memory(error);
    return mr_error_set(error, MR_ERR_CONNECT, "the topic %.32s… of a source record has a name of %zu bytes; Kafka allows %d",
                        name, length, TOPIC_NAME_MAX);
}

static void note_topic(struct source_task *task, struct producer_topic *topic)
{
    const char *name = producer_topic_name(topic);

    task->last_topic = topic;
    if (pointer_map_has(task->topics, name) || !pointer_map_put(task->topics, name, task))
        return;
    task->task.setup.listener->on_topic(task->task.setup.listener_argument, name);
}

/* --- from polled to outgoing ------------------------------------------------------------------------------------ */

static void entries_reset(struct mr_batch *batch)
{
    for (uint32_t i = 0; i < batch_entry_count(batch); i++) {
        struct mr_record *entry = batch_entry_at(batch, i);

        entry->owner = NULL;
        atomic_store_explicit(&entry->owner_pending, 0, memory_order_relaxed);
        atomic_store_explicit(&entry->owner_state, ENTRY_SUBMITTED, memory_order_relaxed);
    }
}

static int flight_make(struct source_task *task, struct source_batch *batch, const struct outgoing *item,
                       struct mr_error **error)
{
    struct flight *flight = &batch->flights[batch->count];
    struct mr_record *entry = item->record->original;
    struct producer_topic *topic = producer_user_topic(task->user, item->topic);

    if (topic == NULL)
        return no_topic(item->topic, error);
    *flight = (struct flight){.record = item->record, .offset = -1, .timestamp_ms = -1, .partition = -1};
    batch->items[batch->count] = (struct producer_record){
        .topic = topic,
        .partition = item->partition,
        .timestamp_ms = item->timestamp_ms,
        .key = item->key,
        .value = item->value,
        .headers = item->headers,
        .header_count = item->header_count,
        .ticket = &flight->ticket,
    };
    batch->count++;
    if (entry->owner == NULL)
        entry->owner = flight;
    atomic_fetch_add_explicit(&entry->owner_pending, 1, memory_order_relaxed);
    return 0;
}

/* Entries without an item count as acknowledged; those after a failed conversion never are. */
static void mark_dropped(const struct outgoing_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind != OUTGOING_SEND)
            atomic_store_explicit(&list->items[i].record->owner_state, ENTRY_ACKED, memory_order_release);
}

static struct source_batch *batch_make(struct source_task *task, struct mr_batch *polled, struct mr_error **error)
{
    const struct outgoing_list *list = &task->outgoing;
    struct mr_arena *arena = mr_batch_arena(polled);
    struct source_batch *batch = mr_arena_alloc(arena, sizeof(*batch));

    if (batch == NULL) {
        no_memory(error);
        return NULL;
    }
    *batch = (struct source_batch){.batch = polled};
    batch->items = mr_arena_alloc(arena, (list->count + 1) * sizeof(*batch->items));
    batch->flights = mr_arena_alloc(arena, (list->count + 1) * sizeof(*batch->flights));
    if (batch->items == NULL || batch->flights == NULL) {
        mr_arena_failed(arena, error);
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind == OUTGOING_SEND && flight_make(task, batch, &list->items[i], error) != 0)
            return NULL;
    atomic_init(&batch->flights_out, batch->count);
    polled->owner = batch;
    return batch;
}

static void append(struct source_task *task, struct source_batch *batch)
{
    if (task->last != NULL)
        task->last->next = batch;
    else
        task->first = batch;
    task->last = batch;
    batch->bytes = mr_arena_used_bytes(mr_batch_arena(batch->batch)) + BATCH_OVERHEAD_BYTES;
    task->held_bytes += batch->bytes;
    if (task->cursor == NULL) {
        task->cursor = batch;
        task->cursor_at = 0;
    }
}

/* Takes over `polled`. Even when converting fails in the middle, what came before the failing record goes its way. */
static int take_polled(struct source_task *task, struct mr_batch *polled, struct mr_error **error)
{
    struct source_batch *batch;
    int status;

    entries_reset(polled);
    status = source_pipeline_run(task->setup.pipeline, polled, &task->outgoing, error);
    batch = batch_make(task, polled, status == 0 ? error : NULL);
    if (batch == NULL) {
        mr_batch_drop(polled);
        return -1;
    }
    mark_dropped(&task->outgoing);
    append(task, batch);
    if (offset_commit_submit(task->commit, batch, status == 0 ? error : NULL) != 0)
        return -1;
    return status;
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void take_swap(struct source_task *task)
{
    if (!atomic_exchange_explicit(&task->swapped, false, memory_order_acq_rel))
        return;
    log_warn(LOG_NAME, TASK_FORMAT ": the producer was replaced, sending again from the oldest record not acknowledged",
             TASK_ARGS(&task->task));
    task->cursor = task->first;
    task->cursor_at = 0;
    producer_user_rewound(task->user);
}

static bool waits_to_be_sent(const struct source_batch *batch, uint32_t at)
{
    return atomic_load_explicit(&batch->flights[at].state, memory_order_acquire) == FLIGHT_UNSENT;
}

static void note_topics(struct source_task *task, const struct source_batch *batch, uint32_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (batch->items[at + i].topic != task->last_topic)
            note_topic(task, batch->items[at + i].topic);
}

/* A record that the client itself refuses is settled like one that the broker refuses. */
static void refuse(struct source_task *task, struct flight *flight, struct mr_error **error)
{
    flight->words = mem_strdup(mr_error_message(*error));
    mr_error_clear(error);
    atomic_store_explicit(&flight->state, FLIGHT_REFUSED, memory_order_release);
    atomic_fetch_add_explicit(&task->refused, 1, memory_order_release);
}

/* Sends the run of unsent flights at the cursor. *full: the producer takes no more now. */
static int send_run(struct source_task *task, bool *full, struct mr_error **error)
{
    struct source_batch *batch = task->cursor;
    uint32_t at = task->cursor_at, end = at;
    struct mr_error *why = NULL;
    size_t taken = 0;
    int status;

    while (end < batch->count && waits_to_be_sent(batch, end))
        atomic_store_explicit(&batch->flights[end++].state, FLIGHT_SENT, memory_order_relaxed);
    status = producer_send(task->user, &batch->items[at], end - at, &taken, &why);
    for (uint32_t i = at + (uint32_t)taken; i < end; i++)
        atomic_store_explicit(&batch->flights[i].state, FLIGHT_UNSENT, memory_order_relaxed);
    note_topics(task, batch, at, taken);
    task->cursor_at = at + (uint32_t)taken;
    *full = status == 0 && taken < end - at;
    if (status == 0)
        return 0;
    if (mr_error_code(why) == MR_ERR_DATA) {
        refuse(task, &batch->flights[task->cursor_at++], &why);
        return source_task_take_acks(task, error);
    }
    if (error != NULL)
        *error = why;
    else
        mr_error_drop(why);
    return -1;
}

int source_task_send(struct source_task *task, bool *all, struct mr_error **error)
{
    bool full = false;

    take_swap(task);
    while (task->cursor != NULL && !full) {
        if (task->cursor_at == task->cursor->count) {
            task->cursor = task->cursor->next;
            task->cursor_at = 0;
        } else if (!waits_to_be_sent(task->cursor, task->cursor_at)) {
            task->cursor_at++;
        } else if (send_run(task, &full, error) != 0) {
            return -1;
        }
    }
    *all = task->cursor == NULL;
    return 0;
}

/* --- polling ------------------------------------------------------------------------------------------------------ */

static void set_idle(struct source_task *task)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);
    uint32_t delay_ms = task->poll_after_is_set ? task->poll_after_ms : MR_POLL_IDLE_MS;

    task->poll_at_ms = delay_ms == UINT32_MAX ? INT64_MAX : now_ms + delay_ms;
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

/* A retriable failure counts as "no records" (errors-dlq, section 2). */
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
    return -1;
}

int source_task_poll(struct source_task *task, bool *idle, struct mr_error **error)
{
    struct mr_batch *batch = batch_pool_take(task->pool);
    struct mr_error *why = NULL;
    int status;

    *idle = true;
    if (batch == NULL)
        return no_memory(error);
    task->poll_after_is_set = false;
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
        set_idle(task);
        return 0;
    }
    *idle = task->poll_after_is_set;
    if (*idle)
        set_idle(task);
    return take_polled(task, batch, error);
}
