/* What was converted, on its way: its topics, one flight for each record, the order in which they leave. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/producer.h"
#include "metrics/task_metrics.h"
#include "task/source_task_internal.h"

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

/* --- from polled to outgoing ------------------------------------------------------------------------------------ */

static int flight_make(struct source_task *task, struct source_batch *batch, const struct outgoing *item, const char **last_name,
                       struct mr_error **error)
{
    struct flight *flight = &batch->flights[batch->count];
    struct mr_record *entry = item->record->original;
    /* The same pointer is the same name: nothing in a batch's memory is used twice. */
    struct producer_topic *topic =
        item->topic == *last_name ? batch->items[batch->count - 1].topic : producer_user_topic(task->user, item->topic);

    if (topic == NULL)
        return no_topic(item->topic, error);
    batch->has_one_topic = batch->has_one_topic && (batch->count == 0 || topic == batch->items[0].topic);
    *last_name = item->topic;
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
    /* Nobody else knows the entry yet. */
    atomic_store_explicit(&entry->owner_pending, atomic_load_explicit(&entry->owner_pending, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return 0;
}

/* Entries without an item count as acknowledged, or when their dead letter is; those after a failed conversion never do. */
static void mark_dropped(const struct outgoing_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct outgoing *item = &list->items[i];

        if (item->letter != NULL)
            atomic_store_explicit(&item->record->owner_pending, 1, memory_order_relaxed);
        else if (item->kind != OUTGOING_SEND)
            atomic_store_explicit(&item->record->owner_state, ENTRY_ACKED, memory_order_release);
    }
}

static int await_letters(struct source_task *task, struct mr_error **error)
{
    struct outgoing_list *list = &task->outgoing;
    int status = 0;

    for (size_t i = 0; list->letter_count > 0 && i < list->count && status == 0; i++) {
        struct mr_future *letter = outgoing_list_take_letter(list, &list->items[i]);

        if (letter != NULL)
            status = source_task_await_letter(
                task, &(struct letter_wait){.future = letter, .entry = list->items[i].record}, error);
    }
    return status;
}

static struct source_batch *batch_make(struct source_task *task, struct mr_batch *polled, struct mr_error **error)
{
    const struct outgoing_list *list = &task->outgoing;
    struct mr_arena *arena = mr_batch_arena(polled);
    struct source_batch *batch = mr_arena_alloc(arena, sizeof(*batch));
    const char *last_name = NULL;

    if (batch == NULL) {
        no_memory(error);
        return NULL;
    }
    *batch = (struct source_batch){.batch = polled, .has_one_topic = true};
    batch->items = mr_arena_alloc(arena, (list->count + 1) * sizeof(*batch->items));
    batch->flights = mr_arena_alloc(arena, (list->count + 1) * sizeof(*batch->flights));
    if (batch->items == NULL || batch->flights == NULL) {
        mr_arena_failed(arena, error);
        return NULL;
    }
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].kind == OUTGOING_SEND && flight_make(task, batch, &list->items[i], &last_name, error) != 0)
            return NULL;
    if (source_task_is_exact(task) && source_task_cut(task, batch, error) != 0)
        return NULL;
    atomic_init(&batch->flights_out, batch->count);
    polled->owner = batch;
    return batch;
}

/* -1, with the failure where there is one: the caller's reason else. */
static int pass_on(struct mr_error *failure, struct mr_error **error)
{
    if (failure != NULL && error != NULL && *error == NULL)
        *error = failure;
    else
        mr_error_drop(failure);
    return -1;
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
    batch->polled_us = task_now_us(&task->task);
    task_metrics_set_memory(task->task.cells, task->held_bytes);
    if (task->cursor == NULL) {
        task->cursor = batch;
        task->cursor_at = 0;
    }
}

/* --- topics that have to be there first ---------------------------------------------------------------------------- */

/* Stops in front of the record that item `at` is of. */
static void cut_outgoing(struct outgoing_list *list, size_t at)
{
    while (at > 0 && list->items[at - 1].record->original == list->items[at].record->original)
        at--;
    outgoing_list_cut(list, at);
}

/* One that cannot be had ends the batch in front of its first record, in its turn: those before it come first. */
static void give_up_at(struct source_task *task, size_t at, struct mr_error *why)
{
    mr_error_drop(task->unsent_error);
    task->unsent_error = why;
    cut_outgoing(&task->outgoing, at);
}

/* Asks for all topics of the batch at once. true: those that are left are there. */
static bool topics_are_there(struct source_task *task)
{
    const struct source_topics *topics = &task->setup.topics;
    const char *last = NULL;
    bool waits = false;

    task->topics_at_ms = INT64_MAX;
    for (size_t i = 0; topics->want != NULL && i < task->outgoing.count; i++) {
        const struct outgoing *item = &task->outgoing.items[i];
        enum source_topic answer;
        struct mr_error *why = NULL;

        if (item->kind != OUTGOING_SEND || item->topic == last)
            continue;
        last = item->topic;
        answer = topics->want(topics->argument, last, &task->topics_at_ms, &why);
        waits = waits || answer == SOURCE_TOPIC_WAITS;
        if (answer == SOURCE_TOPIC_FAILED && !waits)
            give_up_at(task, i, why);
        else
            mr_error_drop(why); /* told again when those before it are there */
    }
    return !waits;
}

/* --- from converted to ready to be sent ----------------------------------------------------------------------------- */

/* Even when something failed in the middle, what came before goes its way. */
static int make_unsent(struct source_task *task, struct mr_error **error)
{
    struct mr_error *failure;
    struct source_batch *batch;
    struct mr_batch *polled = task->unsent;

    if (!topics_are_there(task))
        return 0;
    failure = task->unsent_error;
    task->unsent = NULL;
    task->unsent_error = NULL;
    batch = batch_make(task, polled, failure == NULL ? error : NULL);
    if (batch == NULL) {
        mr_batch_drop(polled);
        return pass_on(failure, error);
    }
    mark_dropped(&task->outgoing);
    append(task, batch);
    if (offset_commit_submit(task->commit, batch, failure == NULL ? error : NULL) != 0 ||
        await_letters(task, failure == NULL ? error : NULL) != 0)
        return pass_on(failure, error);
    return failure == NULL ? 0 : pass_on(failure, error);
}

int source_task_accept(struct source_task *task, struct mr_batch *polled, struct mr_error *failure, struct mr_error **error)
{
    assert(task->unsent == NULL);
    task->unsent = polled;
    task->unsent_error = failure;
    return make_unsent(task, error);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */

static void take_swap(struct source_task *task)
{
    if (source_task_is_exact(task) || !atomic_exchange_explicit(&task->swapped, false, memory_order_acq_rel))
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

/* A record that the client itself refuses is settled like one that the broker refuses. */
static void refuse(struct source_task *task, struct flight *flight, struct mr_error **error)
{
    flight_say(flight, mr_error_message(*error));
    mr_error_clear(error);
    atomic_store_explicit(&flight->state, FLIGHT_REFUSED, memory_order_release);
    atomic_fetch_add_explicit(&task->refused, 1, memory_order_release);
}

static uint32_t run_end(const struct source_batch *batch)
{
    return batch->cut_next < batch->cut_count ? batch->cuts[batch->cut_next].at : batch->count;
}

/* Sends the run of unsent flights at the cursor. *full: the producer takes no more now. */
static int send_run(struct source_task *task, bool *full, struct mr_error **error)
{
    struct source_batch *batch = task->cursor;
    uint32_t at = task->cursor_at, end = at;
    struct mr_error *why = NULL;
    size_t taken = 0;
    int status;

    if (source_task_is_exact(task) && source_task_may_send(task, error) != 0)
        return -1;
    while (end < run_end(batch) && waits_to_be_sent(batch, end))
        atomic_store_explicit(&batch->flights[end++].state, FLIGHT_SENT, memory_order_relaxed);
    status = producer_send(task->user, &batch->items[at], end - at, &taken, &why);
    for (uint32_t i = at + (uint32_t)taken; i < end; i++)
        atomic_store_explicit(&batch->flights[i].state, FLIGHT_UNSENT, memory_order_relaxed);
    task->cursor_at = at + (uint32_t)taken;
    *full = status == 0 && taken < end - at;
    if (status == 0)
        return 0;
    if (mr_error_code(why) == MR_ERR_DATA) {
        refuse(task, &batch->flights[task->cursor_at++], &why);
        return source_task_take_acks(task, error);
    }
    if (source_task_is_exact(task)) {
        source_task_undo_for(task, why); /* which tells whether another producer is at fault */
        *full = true;
        return 0;
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

    if (task->unsent != NULL && make_unsent(task, error) != 0)
        return -1;
    take_swap(task);
    while (task->cursor != NULL && !full && task->exact.cut == CUT_NONE) {
        if (source_task_stops_here(task))
            break;
        if (task->cursor_at == task->cursor->count) {
            task->cursor = task->cursor->next;
            task->cursor_at = 0;
        } else if (!waits_to_be_sent(task->cursor, task->cursor_at)) {
            task->cursor_at++;
        } else if (send_run(task, &full, error) != 0) {
            return -1;
        }
    }
    *all = task->cursor == NULL && task->unsent == NULL;
    return 0;
}
