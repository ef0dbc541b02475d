/* What a sink plugin may ask. Nothing here touches the consumer: wishes are carried out after the plugin call. */
#include "errors/tolerance.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

static const struct mr_offsets *assignment(const void *owner)
{
    const struct sink_task *task = owner;

    return task->assignment;
}

static struct sink_partition *find(struct sink_task *task, const char *topic, int32_t partition, const char *what,
                                   struct mr_error **error)
{
    struct sink_partition *found = sink_partition_find(task, topic, partition);

    if (found == NULL)
        mr_error_set(error, MR_ERR_ILLEGAL_STATE, "cannot %s %s-%d: this task does not have that partition", what,
                     topic, (int)partition);
    return found;
}

static int seek(void *owner, const char *topic, int32_t partition, int64_t offset, struct mr_error **error)
{
    struct sink_partition *found = find(owner, topic, partition, "seek in", error);

    if (found == NULL)
        return -1;
    if (offset < 0)
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "cannot seek in %s-%d to offset %lld", topic, (int)partition,
                            (long long)offset);
    found->seek_to = offset;
    return 0;
}

static int pause_partition(void *owner, const char *topic, int32_t partition, struct mr_error **error)
{
    struct sink_partition *found = find(owner, topic, partition, "pause", error);

    if (found == NULL)
        return -1;
    found->pause_wished = true;
    return 0;
}

static int resume_partition(void *owner, const char *topic, int32_t partition, struct mr_error **error)
{
    struct sink_partition *found = find(owner, topic, partition, "resume", error);

    if (found == NULL)
        return -1;
    found->pause_wished = false;
    return 0;
}

static void retry_after_ms(void *owner, uint32_t delay_ms)
{
    struct sink_task *task = owner;

    task->wished_delay_ms = delay_ms;
    task->delay_is_wished = true;
}

static void request_commit(void *owner)
{
    struct sink_task *task = owner;

    task->commit_wished = true;
}

static bool is_stopping(const void *owner)
{
    const struct sink_task *task = owner;

    return task_is_stopping(&task->task);
}

const struct sink_context_host sink_task_context_host = {
    .assignment = assignment,
    .seek = seek,
    .pause = pause_partition,
    .resume = resume_partition,
    .retry_after_ms = retry_after_ms,
    .request_commit = request_commit,
    .is_stopping = is_stopping,
};

static int report(void *owner, const struct mr_record *record, const struct mr_error *reason, struct mr_future **future,
                  struct mr_error **error)
{
    struct sink_task *task = owner;

    return tolerance_report_errant(task->setup.tolerance, record, reason, future, error);
}

const struct errant_reporter_host sink_task_errant_host = {.report = report};
