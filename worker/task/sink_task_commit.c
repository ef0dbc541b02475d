/* Offsets: what may be committed, and what happens when that goes wrong (Kafka's WorkerSinkTask). */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "errors/tolerance.h"
#include "metrics/task_metrics.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.sink"

static bool is_among(const struct sink_partition *own, const struct consumer_partition *partitions, size_t count)
{
    if (partitions == NULL)
        return true;
    for (size_t i = 0; i < count; i++)
        if (partitions[i].partition == own->partition && strcmp(partitions[i].topic, own->topic) == 0)
            return true;
    return false;
}

/* --- which offsets --------------------------------------------------------------------------------------------------- */

/* Letters that hold offsets back are written one after another, or not at all. */
static void watch_letters(struct sink_task *task, bool are_held, int64_t sum)
{
    _Atomic int64_t *since_ms = &task->task.watched.letters_ms;

    if (!are_held || sum != task->held_sum)
        watch_since(since_ms, 0);
    if (are_held)
        watch_begin(&task->task, since_ms);
    task->held_sum = sum;
}

/* Fills task->offsets with how far put has come, held back by dead letters under way. */
static int offsets_offer(struct sink_task *task, const struct consumer_partition *partitions, size_t count,
                         struct mr_error **error)
{
    int64_t held_sum = 0;
    bool are_held = false;

    mr_offsets_clear(task->offsets);
    for (size_t i = 0; i < task->partition_count; i++) {
        const struct sink_partition *own = &task->partitions[i];
        int64_t safe;

        if (own->current == OFFSET_UNKNOWN || !is_among(own, partitions, count))
            continue;
        safe = tolerance_safe_offset(task->setup.tolerance, own->topic, own->partition, own->current);
        are_held = are_held || safe < own->current;
        held_sum += safe < own->current ? safe : 0;
        if (safe < 0)
            continue;
        if (mr_offsets_put(task->offsets, own->topic, own->partition, safe) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the offsets to commit");
    }
    if (partitions == NULL)
        watch_letters(task, are_held, held_sum);
    return 0;
}

/* pre_commit may change the offsets; without it flush vouches for all of them. */
static int ask_plugin(struct sink_task *task, struct mr_error **error)
{
    const struct mr_sink_task_ops *plugin = task->setup.plugin;
    struct mr_error *why = NULL;
    int status = 0;

    if (plugin->pre_commit != NULL) {
        task_call_begin(&task->task, "pre_commit");
        status = plugin->pre_commit(task->task.self, task->offsets, &why);
        return task_call_result(&task->task, status, "pre_commit", why, error);
    }
    if (plugin->flush != NULL) {
        task_call_begin(&task->task, "flush");
        status = plugin->flush(task->task.self, task->offsets, &why);
        return task_call_result(&task->task, status, "flush", why, error);
    }
    return 0;
}

/* An answer that counts is for a partition that was asked about, and not beyond what put was given. NULL: it does not. */
static const struct sink_partition *answered_for(struct sink_task *task, size_t i,
                                                 const struct consumer_partition *partitions, size_t count)
{
    const char *topic = mr_offsets_topic(task->offsets, i);
    int32_t partition = mr_offsets_partition(task->offsets, i);
    int64_t offset = mr_offsets_offset(task->offsets, i);
    const struct sink_partition *own = sink_partition_find(task, topic, partition);

    if (own == NULL) {
        log_warn(LOG_NAME, "pre_commit answered offset %" PRId64 " for %s-%d, which this task does not have: ignored",
                 offset, topic, (int)partition);
        return NULL;
    }
    if (!is_among(own, partitions, count))
        return NULL;
    if (offset <= own->current)
        return own;
    log_warn(LOG_NAME, "pre_commit answered offset %" PRId64 " for %s-%d, beyond the %" PRId64 " delivered: ignored",
             offset, topic, (int)partition, own->current);
    return NULL;
}

/* What the plugin answered, held back by dead letters under way; fills `to_commit`. */
static size_t offsets_to_commit(struct sink_task *task, const struct consumer_partition *partitions,
                                size_t partition_count, struct consumer_partition *to_commit)
{
    size_t count = 0;

    for (size_t i = 0; i < mr_offsets_count(task->offsets); i++) {
        const struct sink_partition *own = answered_for(task, i, partitions, partition_count);
        int64_t offset = mr_offsets_offset(task->offsets, i), safe;

        if (own == NULL)
            continue;
        safe = tolerance_safe_offset(task->setup.tolerance, own->topic, own->partition, own->current);
        if (offset > safe)
            offset = safe;
        if (offset < 0 || offset == own->in_group)
            continue;
        to_commit[count++] =
            (struct consumer_partition){.topic = own->topic, .partition = own->partition, .offset = offset};
    }
    return count;
}

/* -1: the plugin refused. Else the list (mem_free) and its length; NULL: nothing to commit. */
static int collect(struct sink_task *task, const struct consumer_partition *partitions, size_t partition_count,
                   struct consumer_partition **to_commit, size_t *count, struct mr_error **error)
{
    *to_commit = NULL;
    *count = 0;
    if (offsets_offer(task, partitions, partition_count, error) != 0)
        return -1;
    if (mr_offsets_count(task->offsets) == 0)
        return 0;
    if (ask_plugin(task, error) != 0)
        return -1;
    if (task->consumer == NULL || mr_offsets_count(task->offsets) == 0)
        return 0;
    *to_commit = mem_alloc(mr_offsets_count(task->offsets) * sizeof(**to_commit));
    if (*to_commit == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the offsets to commit");
    *count = offsets_to_commit(task, partitions, partition_count, *to_commit);
    if (*count > 0)
        return 0;
    mem_free(*to_commit);
    *to_commit = NULL;
    return 0;
}

static void count_success(struct sink_task *task, int64_t begun_ms)
{
    int64_t now_us = task_now_us(&task->task);

    watch_since(&task->task.watched.owed_ms, 0);
    task_metrics_committed(task->task.cells, now_us - begun_ms * 1000, now_us);
}

static void count_failure(struct sink_task *task)
{
    task_metrics_commit_failed(task->task.cells, task_now_us(&task->task));
}

static void note_committed(struct sink_task *task, const struct consumer_partition *done, size_t count)
{
    if (count > 0)
        task_progressed(&task->task);
    for (size_t i = 0; i < count; i++) {
        struct sink_partition *own = sink_partition_find(task, done[i].topic, done[i].partition);

        if (own == NULL)
            continue;
        log_debug(LOG_NAME, "%s-%d: offset %lld is committed", done[i].topic, (int)done[i].partition, (long long)done[i].offset);
        own->in_group = done[i].offset;
        if (!own->sought_since)
            own->committed = done[i].offset;
    }
    sink_task_count_open(task);
}

/* --- while running ------------------------------------------------------------------------------------------------------ */

/* The plugin could not make its records safe: it gets them again, unless it has said itself where to go on. */
static void rewind_to_committed(struct sink_task *task)
{
    bool held_records = task->batch != NULL;

    sink_task_drop_batch(task);
    for (size_t i = 0; i < task->partition_count; i++) {
        struct sink_partition *own = &task->partitions[i];

        if (own->seek_to == OFFSET_UNKNOWN && own->committed != OFFSET_UNKNOWN &&
            (held_records || own->committed != own->current))
            own->seek_to = own->committed;
    }
}

static void commit_forget(struct sink_task *task)
{
    for (size_t i = 0; i < task->committing_count; i++)
        mem_free((char *)task->committing[i].topic);
    mem_free(task->committing);
    task->committing = NULL;
    task->committing_count = 0;
    task->commit_running = false;
}

/* What the group has is not known until the answer; it may never come. */
static void note_begun(struct sink_task *task, const struct consumer_partition *to_commit, size_t count)
{
    for (size_t i = 0; i < task->partition_count; i++)
        task->partitions[i].sought_since = false;
    for (size_t i = 0; i < count; i++)
        sink_partition_find(task, to_commit[i].topic, to_commit[i].partition)->in_group = OFFSET_UNKNOWN;
}

/* Partitions may go while the commit is under way: the names are copied. */
static int commit_start(struct sink_task *task, struct consumer_partition *to_commit, size_t count,
                        struct mr_error **error)
{
    task->commit_token++;
    task_metrics_commit_begun(task->task.cells);
    if (consumer_commit(task->consumer, to_commit, count, task->commit_token, error) != 0) {
        mem_free(to_commit);
        return -1;
    }
    task->committing = to_commit;
    task->committing_count = 0;
    note_begun(task, to_commit, count);
    for (size_t i = 0; i < count; i++) {
        char *topic = mem_strdup(to_commit[i].topic);

        if (topic == NULL)
            break; /* its success will not be noted: committed once more next time */
        to_commit[task->committing_count] = to_commit[i];
        to_commit[task->committing_count++].topic = topic;
    }
    task->commit_running = true;
    task->commit_started_ms = clock_monotonic_ms(task->task.setup.clock);
    return 0;
}

void sink_task_committed(struct sink_task *task, const struct consumer_event *event)
{
    if (!task->commit_running || event->token != task->commit_token) { /* late: given up meanwhile */
        task_metrics_commit_skipped(task->task.cells, task_now_us(&task->task));
        return;
    }
    if (event->error != NULL) {
        count_failure(task);
        log_warn(LOG_NAME, "offsets could not be committed, they will be tried again: %s",
                 mr_error_message(event->error));
    } else {
        count_success(task, task->commit_started_ms);
        note_committed(task, task->committing, task->committing_count);
    }
    commit_forget(task);
}

static bool is_due(struct sink_task *task, int64_t now_ms)
{
    if (task->commit_running && now_ms - task->commit_started_ms >= task->task.setup.offset_flush_timeout_ms) {
        log_warn(LOG_NAME, "the commit of offsets was not confirmed within %u ms",
                 task->task.setup.offset_flush_timeout_ms);
        count_failure(task);
        commit_forget(task);
    }
    return !task->commit_running && (task->commit_wished || now_ms >= task->commit_at_ms);
}

int sink_task_commit_if_due(struct sink_task *task, struct mr_error **error)
{
    int64_t now_ms = clock_monotonic_ms(task->task.setup.clock);
    struct consumer_partition *to_commit;
    struct mr_error *why = NULL;
    size_t count;
    int status;

    if (tolerance_letter_failure(task->setup.tolerance, error) != 0) {
        sink_task_blame_letters(task);
        return -1;
    }
    if (!is_due(task, now_ms) || !task_may_act(&task->task))
        return 0;
    task->commit_at_ms = now_ms + task->task.setup.offset_flush_interval_ms;
    status = collect(task, NULL, 0, &to_commit, &count, &why);
    task->commit_wished = false; /* also a wish from within pre_commit: this was it */
    if (status != 0) {
        count_failure(task);
        log_warn(LOG_NAME, "pre_commit failed, going back to the committed offsets: %s", mr_error_message(why));
        mr_error_drop(why);
        rewind_to_committed(task);
        return task->consumer == NULL ? 0 : sink_task_apply_wishes(task, error);
    }
    if (to_commit == NULL && task->partition_count > 0)
        count_success(task, now_ms); /* nothing has changed */
    if (to_commit != NULL && commit_start(task, to_commit, count, &why) != 0) {
        count_failure(task);
        log_warn(LOG_NAME, "offsets could not be committed, they will be tried again: %s", mr_error_message(why));
        mr_error_drop(why);
    }
    return task->consumer == NULL ? 0 : sink_task_apply_wishes(task, error);
}

/* --- on the way out ------------------------------------------------------------------------------------------------------- */

void sink_task_commit_last(struct sink_task *task, const struct consumer_partition *partitions, size_t count)
{
    struct consumer_partition *to_commit = NULL;
    struct mr_error *error = NULL;
    int64_t begun_ms = clock_monotonic_ms(task->task.setup.clock);
    size_t commit_count = 0;

    commit_forget(task); /* an older commit's answer says nothing any more */
    if (task->consumer == NULL || !task_may_act(&task->task))
        return;
    /* Letters under way would hold the offsets back, and come again with their records. */
    tolerance_await_letters(task->setup.tolerance, clock_monotonic_ms(NULL) + task->task.setup.offset_flush_timeout_ms);
    if (collect(task, partitions, count, &to_commit, &commit_count, &error) != 0 ||
        (to_commit != NULL &&
         consumer_commit_and_wait(task->consumer, to_commit, commit_count,
                                  clock_monotonic_ms(NULL) + task->task.setup.offset_flush_timeout_ms, &error) != 0)) {
        count_failure(task);
        log_warn(LOG_NAME, "the last offsets were not committed; their records will come again: %s",
                 mr_error_message(error));
        mr_error_drop(error);
    } else {
        if (to_commit != NULL) {
            task_metrics_commit_begun(task->task.cells);
            count_success(task, begun_ms);
        }
        note_committed(task, to_commit, commit_count);
    }
    mem_free(to_commit);
}
