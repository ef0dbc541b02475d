/*
 * The records at fault in a batch that put refuses (millrace.errors.isolate): the batch is put again in halves, and those in halves,
 * until the records are found that are refused alone. They are given up as the error policy says; the others have been put.
 *
 * Parts are put in the order of the records, one a step of the task: between two the group is served and offsets are committed, as
 * far as everything is settled. Of two halves of a part that was refused the second is not tried as a whole when the first was
 * taken: the fault is in it. So k records at fault among n take at most 2·k·log2(n) puts after the first.
 */
#include <assert.h>

#include "base/log.h"
#include "errors/tolerance.h"
#include "task/sink_task_internal.h"

#include "base/bans.h"

#define LOG_NAME "millrace.task.sink"
#define SINK_TASK_CLASS "org.apache.kafka.connect.sink.SinkTask"

/* Only where the plugin says so: all else may be a target that is away, for which every record would be given up. */
bool sink_task_blames_records(const struct mr_error *why)
{
    return why != NULL && task_failure_kind(why, true) == FAILURE_RECORD;
}

bool sink_task_may_isolate(const struct sink_task *task, const struct mr_error *why)
{
    return task->setup.isolate && task->output.records.count > 0 && tolerance_tolerates_all(task->setup.tolerance) &&
           tolerance_has_errant_reporter(task->setup.tolerance) && sink_task_blames_records(why);
}

/* The first half is put next. */
static void split(struct isolation *isolation)
{
    assert(isolation->end - isolation->at > 1 && isolation->depth < ISOLATION_DEPTH_MAX);
    isolation->ends[isolation->depth++] = isolation->end;
    isolation->end = isolation->at + (isolation->end - isolation->at) / 2;
    isolation->is_left = true;
}

static void end(struct sink_task *task)
{
    const struct isolation *isolation = &task->isolation;

    log_warn(LOG_NAME, "%zu of %zu records that put had refused together were refused alone and given up; %zu puts",
             isolation->culprits, task->output.records.count, isolation->puts);
    task->isolation.is_on = false;
}

/* Everything before `at` is settled: on to the part after it. */
static void go_on(struct sink_task *task, bool fault_is_next)
{
    struct isolation *isolation = &task->isolation;

    isolation->is_left = false;
    while (isolation->at == isolation->end && isolation->depth > 0)
        isolation->end = isolation->ends[--isolation->depth];
    if (isolation->at == isolation->end) {
        end(task);
        sink_task_advance(task, NULL);
        sink_task_drop_batch(task);
        return;
    }
    if (fault_is_next && isolation->end - isolation->at > 1)
        split(isolation);
    sink_task_advance(task, task->output.records.items[isolation->at]->original);
}

void sink_task_isolate_next(struct sink_task *task)
{
    struct isolation *isolation = &task->isolation;
    bool fault_is_next = isolation->is_left;

    isolation->puts++;
    isolation->at = isolation->end;
    task->put_again = false;
    go_on(task, fault_is_next);
}

/* As any record whose stage failed: log line, dead letter, metrics. */
static int give_up(struct sink_task *task, struct mr_error **why)
{
    const struct operation operation = {
        .stage = STAGE_TASK_PUT,
        .class_name = SINK_TASK_CLASS,
        .record = task->output.records.items[task->isolation.at],
    };

    return tolerance_recover(task->setup.tolerance, &operation, why) == TOLERANCE_SKIPPED ? 0 : -1;
}

static void begin(struct sink_task *task, const struct mr_error *why)
{
    size_t count = task->output.records.count;

    task->isolation = (struct isolation){.is_on = true, .end = count};
    log_warn(LOG_NAME, "put refused %zu records; they are put again in parts, to find those at fault: %s", count,
             why == NULL ? "no reason given" : mr_error_message(why));
}

int sink_task_isolate(struct sink_task *task, struct mr_error *why, struct mr_error **error)
{
    struct isolation *isolation = &task->isolation;

    if (isolation->is_on)
        isolation->puts++;
    else
        begin(task, why);
    task->put_again = false;
    if (isolation->end - isolation->at > 1) {
        mr_error_drop(why);
        split(isolation);
        return 0;
    }
    if (why == NULL)
        mr_error_set(&why, MR_ERR_CONNECT, "put failed without a reason");
    if (give_up(task, &why) != 0) {
        *error = why;
        return -1;
    }
    isolation->culprits++;
    isolation->at++;
    go_on(task, false);
    return 0;
}

/* --- records whose partition goes meanwhile -------------------------------------------------------------------------- */

static void move(size_t *boundary, size_t from, size_t to)
{
    if (*boundary == from)
        *boundary = to;
}

void sink_task_isolate_move(struct sink_task *task, size_t from, size_t to)
{
    struct isolation *isolation = &task->isolation;

    move(&isolation->at, from, to);
    move(&isolation->end, from, to);
    for (size_t i = 0; i < isolation->depth; i++)
        move(&isolation->ends[i], from, to);
}

bool sink_task_isolate_moved(struct sink_task *task)
{
    struct isolation *isolation = &task->isolation;

    while (isolation->at == isolation->end && isolation->depth > 0) {
        isolation->end = isolation->ends[--isolation->depth];
        isolation->is_left = false;
    }
    if (isolation->at < isolation->end)
        return true;
    end(task);
    return false;
}
