/* What the group says: partitions come and go. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "errors/tolerance.h"
#include "metrics/task_metrics.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.sink"
#define ASK_TIMEOUT_MS 30000

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the task's partitions");
}

static int64_t ask_deadline_ms(void)
{
    return clock_monotonic_ms(NULL) + ASK_TIMEOUT_MS;
}

/* --- the table of partitions ------------------------------------------------------------------------------------ */

struct sink_partition *sink_partition_find(struct sink_task *task, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < task->partition_count; i++)
        if (task->partitions[i].partition == partition && strcmp(task->partitions[i].topic, topic) == 0)
            return &task->partitions[i];
    return NULL;
}

static int partition_add(struct sink_task *task, const struct consumer_partition *given, struct mr_error **error)
{
    struct sink_partition *grown;
    char *topic;

    if (sink_partition_find(task, given->topic, given->partition) != NULL)
        return 0;
    if (task->partition_count == task->partition_capacity) {
        size_t capacity = task->partition_capacity == 0 ? 8 : task->partition_capacity * 2;

        grown = mem_realloc(task->partitions, capacity * sizeof(*grown));
        if (grown == NULL)
            return no_memory(error);
        task->partitions = grown;
        task->partition_capacity = capacity;
    }
    topic = mem_strdup(given->topic);
    if (topic == NULL)
        return no_memory(error);
    int64_t offset = given->offset >= 0 ? given->offset : OFFSET_UNKNOWN;
    task->partitions[task->partition_count++] = (struct sink_partition){.topic = topic,
                                                                        .partition = given->partition,
                                                                        .current = offset,
                                                                        .committed = offset,
                                                                        .in_group = offset,
                                                                        .seek_to = OFFSET_UNKNOWN,
                                                                        .sought_since = task->commit_running};
    return 0;
}

static void partition_remove(struct sink_task *task, const char *topic, int32_t partition)
{
    struct sink_partition *found = sink_partition_find(task, topic, partition);

    tolerance_forget_partition(task->setup.tolerance, topic, partition);
    if (found == NULL)
        return;
    mem_free(found->topic);
    *found = task->partitions[--task->partition_count];
}

void sink_partitions_release(struct sink_task *task)
{
    for (size_t i = 0; i < task->partition_count; i++)
        mem_free(task->partitions[i].topic);
    mem_free(task->partitions);
    task->partitions = NULL;
    task->partition_count = task->partition_capacity = 0;
}

static int assignment_refresh(struct sink_task *task, struct mr_error **error)
{
    mr_offsets_clear(task->assignment);
    for (size_t i = 0; i < task->partition_count; i++)
        if (mr_offsets_put(task->assignment, task->partitions[i].topic, task->partitions[i].partition,
                           task->partitions[i].current) != 0)
            return no_memory(error);
    return 0;
}

void sink_task_count_open(struct sink_task *task)
{
    int64_t open = 0;

    for (size_t i = 0; i < task->partition_count; i++) {
        const struct sink_partition *own = &task->partitions[i];

        if (own->committed != OFFSET_UNKNOWN && own->current > own->committed)
            open += own->current - own->committed;
    }
    task_metrics_set_partitions(task->task.cells, task->partition_count);
    task_metrics_set_active(task->task.cells, open, task_now_us(&task->task));
}

/* --- plugin calls ------------------------------------------------------------------------------------------------ */

typedef int open_close_fn(void *self, const struct mr_offsets *partitions, struct mr_error **error);

static int call_with(struct sink_task *task, const char *name, open_close_fn *call,
                     const struct consumer_partition *partitions, size_t count, struct mr_error **error)
{
    struct mr_error *why = NULL;
    int status = 0;

    if (call == NULL || count == 0)
        return 0;
    mr_offsets_clear(task->offsets);
    for (size_t i = 0; i < count; i++) {
        const struct sink_partition *own = sink_partition_find(task, partitions[i].topic, partitions[i].partition);

        if (mr_offsets_put(task->offsets, partitions[i].topic, partitions[i].partition,
                           own == NULL ? OFFSET_UNKNOWN : own->current) != 0)
            return no_memory(error);
    }
    task_call_begin(&task->task, name);
    status = call(task->task.self, task->offsets, &why);
    return task_call_result(&task->task, status, name, why, error);
}

/* --- assigned ------------------------------------------------------------------------------------------------------ */

static void partitions_free(struct consumer_partition *partitions, size_t count)
{
    for (size_t i = 0; partitions != NULL && i < count; i++)
        mem_free((char *)partitions[i].topic);
    mem_free(partitions);
}

/* NULL: no memory. */
static struct consumer_partition *partitions_copy(const struct consumer_event *event)
{
    struct consumer_partition *copy = mem_alloc((event->count + 1) * sizeof(*copy));

    for (size_t i = 0; copy != NULL && i < event->count; i++) {
        copy[i] = event->partitions[i];
        copy[i].offset = CONSUMER_OFFSET_NONE;
        copy[i].topic = mem_strdup(event->partitions[i].topic);
        if (copy[i].topic == NULL) {
            partitions_free(copy, i);
            return NULL;
        }
    }
    return copy;
}

static int take_assigned(struct sink_task *task, struct consumer_partition *gained, size_t count,
                         struct mr_error **error)
{
    if (count > 0 && consumer_committed(task->consumer, gained, count, ask_deadline_ms(), error) != 0)
        return mr_error_wrap(error, "the committed offsets could not be read");
    for (size_t i = 0; i < count; i++)
        if (partition_add(task, &gained[i], error) != 0)
            return -1;
    sink_task_count_open(task);
    if (assignment_refresh(task, error) != 0 ||
        call_with(task, "open", task->setup.plugin->open, gained, count, error) != 0)
        return -1;
    if (task->consumer == NULL)
        return 0; /* abandoned while the plugin was inside */
    return consumer_assign(task->consumer, NULL, 0, error);
}

static int assigned(struct sink_task *task, const struct consumer_event *event, struct mr_error **error)
{
    struct consumer_partition *gained = partitions_copy(event);
    size_t count = event->count;
    int status;

    if (gained == NULL)
        return no_memory(error);
    log_info(LOG_NAME, "%zu partitions assigned", count);
    watch_since(&task->task.watched.lost_ms, 0);
    status = take_assigned(task, gained, count, error);
    partitions_free(gained, count);
    return status != 0 || task->consumer == NULL ? status : sink_task_apply_wishes(task, error);
}

/* --- revoked and lost ------------------------------------------------------------------------------------------------ */

static int give_up(struct sink_task *task, const struct consumer_partition *going, size_t count, bool lost,
                   struct mr_error **error)
{
    int status;

    sink_task_drop_records(task, going, count);
    if (!lost)
        sink_task_commit_last(task, going, count);
    status = call_with(task, "close", task->setup.plugin->close, going, count, error);
    for (size_t i = 0; i < count; i++)
        partition_remove(task, going[i].topic, going[i].partition);
    sink_task_count_open(task);
    if (status == 0)
        status = assignment_refresh(task, error);
    return status;
}

static int revoked(struct sink_task *task, const struct consumer_event *event, struct mr_error **error)
{
    bool lost = event->kind == CONSUMER_LOST;
    struct consumer_partition *going = partitions_copy(event);
    size_t count = event->count;
    int status;

    if (going == NULL)
        return no_memory(error);
    log_info(LOG_NAME, "%zu partitions %s", count, lost ? "lost" : "revoked");
    if (lost)
        watch_begin(&task->task, &task->task.watched.lost_ms);
    status = give_up(task, going, count, lost, error);
    partitions_free(going, count);
    if (task->consumer == NULL)
        return status;
    if (consumer_revoke(task->consumer, status == 0 ? error : NULL) != 0)
        status = -1;
    /* Of the partitions that stay: pre_commit and close may have wished something. */
    return status != 0 ? status : sink_task_apply_wishes(task, error);
}

/* Names of their own: the table shrinks meanwhile. NULL: no memory. */
static struct consumer_partition *all_copy(const struct sink_task *task)
{
    struct consumer_partition *all = mem_alloc((task->partition_count + 1) * sizeof(*all));

    for (size_t i = 0; all != NULL && i < task->partition_count; i++) {
        all[i] = (struct consumer_partition){.topic = mem_strdup(task->partitions[i].topic),
                                             .partition = task->partitions[i].partition};
        if (all[i].topic == NULL) {
            partitions_free(all, i);
            return NULL;
        }
    }
    return all;
}

void sink_task_close_all(struct sink_task *task, bool lost)
{
    struct consumer_partition *all = all_copy(task);
    struct mr_error *error = NULL;
    size_t count = task->partition_count;

    if (all == NULL) {
        log_warn(LOG_NAME, "no memory to close the partitions; what was not committed will come again");
        return;
    }
    if (give_up(task, all, count, lost, &error) != 0) {
        log_warn(LOG_NAME, "close failed (ignored, the task ends): %s", mr_error_message(error));
        mr_error_drop(error);
    }
    partitions_free(all, count);
}

/* --- wishes ------------------------------------------------------------------------------------------------------------ */

static int apply_pauses(struct sink_task *task, struct mr_error **error)
{
    for (size_t i = 0; i < task->partition_count; i++) {
        struct sink_partition *at = &task->partitions[i];
        int status;

        if (at->pause_wished == at->paused)
            continue;
        status = at->pause_wished ? consumer_pause(task->consumer, at->topic, at->partition, error)
                                  : consumer_resume(task->consumer, at->topic, at->partition, error);
        if (status != 0)
            return -1;
        at->paused = at->pause_wished;
        task->read_again = true;
    }
    return 0;
}

static size_t count_seeks(const struct sink_task *task)
{
    size_t count = 0;

    for (size_t i = 0; i < task->partition_count; i++)
        count += task->partitions[i].seek_to != OFFSET_UNKNOWN;
    return count;
}

static int seek_to_all(struct sink_task *task, struct consumer_partition *targets, size_t count,
                       struct mr_error **error)
{
    if (consumer_seek(task->consumer, targets, count, ask_deadline_ms(), error) != 0)
        return mr_error_wrap(error, "cannot go to offset %lld of %s-%d", (long long)targets[0].offset,
                             targets[0].topic, (int)targets[0].partition);
    sink_task_drop_records(task, targets, count);
    for (size_t i = 0; i < task->partition_count; i++) {
        struct sink_partition *at = &task->partitions[i];

        if (at->seek_to == OFFSET_UNKNOWN)
            continue;
        at->sought_since = task->commit_running;
        at->current = at->committed = at->seek_to;
        at->seek_to = OFFSET_UNKNOWN;
    }
    task->read_again = true;
    return 0;
}

static int apply_seeks(struct sink_task *task, struct mr_error **error)
{
    size_t count = count_seeks(task), at = 0;
    struct consumer_partition *targets;
    int status;

    if (count == 0)
        return 0;
    targets = mem_alloc(count * sizeof(*targets));
    if (targets == NULL)
        return no_memory(error);
    for (size_t i = 0; i < task->partition_count; i++) {
        const struct sink_partition *own = &task->partitions[i];

        if (own->seek_to != OFFSET_UNKNOWN)
            targets[at++] = (struct consumer_partition){
                .topic = own->topic, .partition = own->partition, .offset = own->seek_to};
    }
    status = seek_to_all(task, targets, count, error);
    mem_free(targets);
    return status;
}

int sink_task_apply_wishes(struct sink_task *task, struct mr_error **error)
{
    return apply_seeks(task, error) != 0 ? -1 : apply_pauses(task, error);
}

/* --- the door ------------------------------------------------------------------------------------------------------------ */

/* Once a second is often enough: whoever asks does so every few. */
static void look_at_lag(struct sink_task *task)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);

    if (task->task.cells == NULL || now_ms < task->lag_at_ms)
        return;
    task->lag_at_ms = now_ms + LAG_LOOK_MS;
    task_metrics_set_lag(task->task.cells, consumer_look_at_lag(task->consumer, now_ms));
    task_metrics_set_memory(task->task.cells, consumer_pinned_bytes(task->consumer));
}

int sink_task_serve_group(struct sink_task *task, struct mr_error **error)
{
    struct consumer_event event;
    int status = 0;

    if (task->consumer != NULL)
        look_at_lag(task);
    while (status == 0 && task->consumer != NULL && !task->fenced) {
        consumer_next_event(task->consumer, &event);
        switch (event.kind) {
        case CONSUMER_NONE:
            return 0;
        case CONSUMER_ASSIGNED:
            task_metrics_rebalanced(task->task.cells);
            status = assigned(task, &event, error);
            break;
        case CONSUMER_REVOKED:
        case CONSUMER_LOST:
            status = revoked(task, &event, error);
            break;
        case CONSUMER_COMMITTED:
            sink_task_committed(task, &event);
            break;
        case CONSUMER_FENCED:
            log_info(LOG_NAME, "a successor has taken this task's place in the group: stopping");
            task->fenced = true;
            break;
        case CONSUMER_FAILED:
            status = mr_error_set(error, mr_error_code(event.error), "the consumer failed: %s",
                                  mr_error_message(event.error));
            break;
        case CONSUMER_TROUBLE:
            log_warn(LOG_NAME, "%s", mr_error_message(event.error));
            break;
        }
    }
    return status;
}
