/* Reports of failures that happened elsewhere, and what sink tasks ask about dead letters. */
#include <string.h>

#include "errors/tolerance_internal.h"
#include "sdk/future_host.h"
#include "sdk/record_layout.h"

#include "base/bans.h"

#define SINK_TASK_CLASS "org.apache.kafka.connect.sink.SinkTask"
/* For serializing one record that a task built itself. */
#define OWN_RECORD_BYTES_MAX ((size_t)256 << 20)

void tolerance_set_bytes(struct tolerance *tolerance, tolerance_bytes_fn *bytes, void *argument)
{
    mutex_lock(&tolerance->lock);
    tolerance->bytes = bytes;
    tolerance->bytes_argument = argument;
    mutex_unlock(&tolerance->lock);
}

bool tolerance_has_errant_reporter(const struct tolerance *tolerance)
{
    return tolerance->reporters.count > 0;
}

/* Reports ---------------------------------------------------------------------------------------------------- */

static void note_errant(struct tolerance *tolerance, const struct mr_error *error)
{
    mutex_lock(&tolerance->lock);
    if (tolerance->errant_error == NULL)
        tolerance->errant_error = mr_error_copy(error);
    mutex_unlock(&tolerance->lock);
}

static int run_reporters(struct tolerance *tolerance, const struct report *report, struct mr_error **error)
{
    tolerance_note_failure(tolerance);
    if (tolerance_tell(tolerance, report, error) < 0) {
        tolerance_note_failed(tolerance, report, FAILURE_DEAD_LETTERS);
        return -1;
    }
    if (tolerance->settings.tolerate_all)
        return 0;
    tolerance_note_failed(tolerance, report, FAILURE_RECORD);
    counter_add(&tolerance->counters->record_errors);
    if (error != NULL && *error == NULL) {
        *error = mr_error_copy(report->error);
        tolerance_exceeded(report, error);
    }
    return -1;
}

/* With a future when the caller wants one: its own part keeps it from being done before all reporters were asked. */
static int report_with_future(struct tolerance *tolerance, struct report *report, struct mr_future **future,
                              struct mr_error **error)
{
    if (future == NULL)
        return run_reporters(tolerance, report, error);
    *future = NULL;
    report->future = future_create(1);
    if (report->future == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to report a record");
    int result = run_reporters(tolerance, report, error);
    future_complete(report->future);
    if (result == 0)
        *future = report->future;
    else
        mr_future_drop(report->future);
    return result;
}

int tolerance_report(struct tolerance *tolerance, const struct operation *operation, const struct mr_error *reason,
                     struct mr_future **future, struct mr_error **error)
{
    struct report report = report_of(operation, reason);
    return report_with_future(tolerance, &report, future, error);
}

/* The bytes that the record would have in Kafka. */
static int serialize(struct tolerance *tolerance, const struct mr_record *record, struct mr_arena *arena,
                     struct record_origin *origin, struct mr_error **error)
{
    *origin = (struct record_origin){ .topic = mr_record_topic(record), .offset = -1, .timestamp_ms = -1,
                                      .partition = mr_record_partition(record) };
    if (arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory to report a record");
    mutex_lock(&tolerance->lock);
    int result = tolerance->bytes == NULL
        ? mr_error_set(error, MR_ERR_ILLEGAL_STATE, "a record that was not consumed cannot be reported before the task runs")
        : tolerance->bytes(tolerance->bytes_argument, record, arena, origin, error);
    mutex_unlock(&tolerance->lock);
    return result;
}

static int report_own_record(struct tolerance *tolerance, struct report *report, struct mr_future **future,
                             struct mr_error **error)
{
    struct record_origin origin;
    struct mr_arena *arena = mr_arena_create(OWN_RECORD_BYTES_MAX);
    int result = serialize(tolerance, report->record, arena, &origin, error);
    if (result == 0) {
        report->origin = &origin;
        result = report_with_future(tolerance, report, future, error);
    }
    mr_arena_destroy(arena);
    return result;
}

int tolerance_report_errant(struct tolerance *tolerance, const struct mr_record *record, const struct mr_error *reason,
                            struct mr_future **future, struct mr_error **error)
{
    struct mr_error *mine = NULL, *failure = NULL;
    if (reason == NULL) {
        mr_error_set(&mine, MR_ERR_DATA, "the task reported a record without saying why");
        reason = mine;
    }
    struct report report = { .stage = STAGE_TASK_PUT, .class_name = SINK_TASK_CLASS, .error = reason, .record = record,
                             .origin = record_origin(record) };
    int result = report.origin != NULL ? report_with_future(tolerance, &report, future, &failure)
                                       : report_own_record(tolerance, &report, future, &failure);
    if (result < 0) {
        note_errant(tolerance, failure);
        if (error != NULL && *error == NULL) {
            *error = failure;
            failure = NULL;
        }
        mr_error_drop(failure);
    }
    mr_error_drop(mine);
    return result;
}

int tolerance_errant_failure(struct tolerance *tolerance, struct mr_error **error)
{
    mutex_lock(&tolerance->lock);
    int result = tolerance->errant_error == NULL ? 0 : -1;
    if (result < 0 && error != NULL && *error == NULL)
        *error = mr_error_copy(tolerance->errant_error);
    mutex_unlock(&tolerance->lock);
    return result;
}

/* Letters ---------------------------------------------------------------------------------------------------- */

int tolerance_letter_failure(struct tolerance *tolerance, struct mr_error **error)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->ops[i]->failure != NULL && all->ops[i]->failure(all->items[i], error) < 0)
            return -1;
    }
    return 0;
}

int64_t tolerance_safe_offset(struct tolerance *tolerance, const char *topic, int32_t partition, int64_t upto)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count && upto >= 0; i++) {
        if (all->ops[i]->safe_offset != NULL)
            upto = all->ops[i]->safe_offset(all->items[i], topic, partition, upto);
    }
    return upto;
}

bool tolerance_is_waiting(struct tolerance *tolerance)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->ops[i]->is_waiting != NULL && all->ops[i]->is_waiting(all->items[i]))
            return true;
    }
    return false;
}

void tolerance_await_letters(struct tolerance *tolerance, int64_t deadline_ms)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->ops[i]->await != NULL)
            all->ops[i]->await(all->items[i], deadline_ms);
    }
}

bool tolerance_has_room(struct tolerance *tolerance)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->ops[i]->has_room != NULL && !all->ops[i]->has_room(all->items[i]))
            return false;
    }
    return true;
}

void tolerance_forget_partition(struct tolerance *tolerance, const char *topic, int32_t partition)
{
    const struct reporters *all = &tolerance->reporters;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->ops[i]->forget_partition != NULL)
            all->ops[i]->forget_partition(all->items[i], topic, partition);
    }
}
