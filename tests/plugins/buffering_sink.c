/*
 * A sink that keeps records over puts, writes them some at a time and answers pre_commit with offsets of its own. It pins
 * the batches of what it keeps, or with `copies=true` copies the records into a batch of its own, which pins nothing. "Writing" is counting: see its metrics. Some values are orders: "bad" is reported to the errant reporter,
 * "again" is refused once with a delay, "later" only with a wish for the next try, "hold" pauses its partition, "go" resumes
 * all, "commit" asks for a commit, "back" goes back to offset 0, once, and "wake" makes it wake its own task.
 */
#include <millrace/millrace.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 10000
#define PLACES_MAX 64
#define FUTURES_MAX 64

static const struct mr_config_row rows[] = {
    {.name = "write.records", .type = MR_CONFIG_INT, .default_text = "3", .importance = MR_HIGH,
     .doc = "So many records are written together."},
    {.name = "copies", .type = MR_CONFIG_BOOLEAN, .default_text = "false", .importance = MR_LOW,
     .doc = "Keep copies, not batches."},
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

/* How far a partition is written. */
struct place {
    char topic[64];
    int32_t partition;
    int64_t next;
};

struct task {
    struct mr_sink_context *context;
    struct mr_record *kept[KEPT_MAX];
    size_t kept_count, write_records;
    struct mr_batch *own; /* of the copies; NULL: batches are kept */
    struct place places[PLACES_MAX];
    size_t place_count;
    struct mr_future *futures[FUTURES_MAX];
    size_t future_count;
    bool refused, postponed, went_back, is_stopping;
    struct mr_metric *prepares, *opens, *written, *letters_safe, *kept_now;
};

static void *create(struct mr_sink_context *context, struct mr_error **error)
{
    struct task *task = calloc(1, sizeof(*task));
    struct mr_metrics *metrics = mr_sink_context_metrics(context);

    if (task == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a task");
        return NULL;
    }
    task->context = context;
    task->prepares = mr_metric_counter(metrics, "prepares", "Calls of prepare");
    task->opens = mr_metric_counter(metrics, "opens", "Partitions opened");
    task->written = mr_metric_counter(metrics, "written", "Records written");
    task->letters_safe = mr_metric_counter(metrics, "letters-safe", "Reported records whose dead letter is safe");
    task->kept_now = mr_metric_gauge(metrics, "kept", "Records kept");
    return task;
}

static int prepare(void *self, const struct mr_config *config, struct mr_error **error)
{
    (void)config, (void)error;
    mr_metric_add(((struct task *)self)->prepares, 1);
    return 0;
}

static int start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct task *task = self;

    task->write_records = (size_t)mr_config_integer(config, "write.records");
    if (!mr_config_boolean(config, "copies"))
        return 0;
    task->own = mr_batch_create(1 << 20);
    return task->own != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for copies");
}

static int open_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;

    if (mr_offsets_count(mr_sink_context_assignment(task->context)) < mr_offsets_count(partitions))
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "opened partitions that are not assigned");
    mr_metric_add(task->opens, (double)mr_offsets_count(partitions));
    return 0;
}

/* --- keeping and writing ---- */

static struct place *place_of(struct task *task, const struct mr_record *record)
{
    const char *topic = mr_record_origin_topic(record);
    int32_t partition = mr_record_origin_partition(record);

    for (size_t i = 0; i < task->place_count; i++)
        if (task->places[i].partition == partition && strcmp(task->places[i].topic, topic) == 0)
            return &task->places[i];
    if (task->place_count == PLACES_MAX)
        return NULL;
    task->places[task->place_count] = (struct place){.partition = partition, .next = -1};
    strncpy(task->places[task->place_count].topic, topic, sizeof(task->places[0].topic) - 1);
    return &task->places[task->place_count++];
}

static void write_kept(struct task *task)
{
    for (size_t i = 0; i < task->kept_count; i++) {
        struct place *place = place_of(task, task->kept[i]);

        if (place != NULL)
            place->next = mr_record_offset(task->kept[i]) + 1;
        mr_batch_drop(mr_record_batch(task->kept[i]));
    }
    mr_metric_add(task->written, (double)task->kept_count);
    task->kept_count = 0;
    mr_metric_set(task->kept_now, 0);
}

/* A new batch for the next copies; the old one goes with its last record. */
static int renew_own(struct task *task, struct mr_error **error)
{
    mr_batch_drop(task->own);
    task->own = mr_batch_create(1 << 20);
    return task->own != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for copies");
}

static int keep(struct task *task, struct mr_record *record, struct mr_error **error)
{
    if (task->kept_count == KEPT_MAX)
        write_kept(task);
    if (task->own != NULL) {
        if (mr_batch_count(task->own) >= task->write_records && renew_own(task, error) != 0)
            return -1;
        record = mr_record_copy_into(task->own, record);
        if (record == NULL)
            return mr_arena_failed(mr_batch_arena(task->own), error);
    }
    mr_batch_take(mr_record_batch(record));
    task->kept[task->kept_count++] = record;
    mr_metric_set(task->kept_now, (double)task->kept_count);
    return 0;
}

/* --- orders ---- */

static bool is(const struct mr_record *record, const char *order)
{
    const struct mr_value *value = mr_record_value(record);
    struct mr_bytes text = mr_value_bytes(value);

    return mr_value_kind(value) == MR_KIND_STRING && text.size == strlen(order) &&
           memcmp(text.data, order, text.size) == 0;
}

static int report(struct task *task, const struct mr_record *record, struct mr_error **error)
{
    struct mr_errant_reporter *reporter = mr_sink_context_errant_reporter(task->context);
    struct mr_error *reason = NULL;
    int status;

    if (reporter == NULL)
        return mr_error_set(error, MR_ERR_DATA, "a bad record, and nobody to report it to");
    if (task->future_count == FUTURES_MAX)
        return mr_error_set(error, MR_ERR_RETRIABLE, "too many reports under way");
    mr_error_set(&reason, MR_ERR_DATA, "a bad record");
    status = mr_errant_report(reporter, record, reason, &task->futures[task->future_count], error);
    mr_error_drop(reason);
    if (status == 0)
        task->future_count++;
    return status;
}

static int resume_all(struct task *task, struct mr_error **error)
{
    const struct mr_offsets *all = mr_sink_context_assignment(task->context);

    for (size_t i = 0; i < mr_offsets_count(all); i++)
        if (mr_sink_context_resume(task->context, mr_offsets_topic(all, i), mr_offsets_partition(all, i), error) != 0)
            return -1;
    return 0;
}

static int obey(struct task *task, struct mr_record *record, struct mr_error **error)
{
    const char *topic = mr_record_origin_topic(record);
    int32_t partition = mr_record_origin_partition(record);

    if (is(record, "bad") && report(task, record, error) != 0)
        return -1;
    if (is(record, "hold") && mr_sink_context_pause(task->context, topic, partition, error) != 0)
        return -1;
    if (is(record, "go") && resume_all(task, error) != 0)
        return -1;
    if (is(record, "commit"))
        mr_sink_context_request_commit(task->context);
    if (is(record, "wake"))
        mr_waker_wake(mr_sink_context_waker(task->context));
    if (is(record, "back") && !task->went_back) {
        task->went_back = true;
        return mr_sink_context_seek(task->context, topic, partition, 0, error);
    }
    return 0;
}

/* Before anything of the batch is kept: a refused batch comes again as a whole. */
static int refuse(struct task *task, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    for (size_t i = 0; i < count; i++) {
        if (is(records[i], "again") && !task->refused) {
            task->refused = true;
            mr_error_set(error, MR_ERR_RETRIABLE, "not now");
            if (error != NULL)
                mr_error_set_retry_after_ms(*error, 250);
            return -1;
        }
        if (is(records[i], "later") && !task->postponed) {
            task->postponed = true;
            mr_sink_context_retry_after_ms(task->context, 350);
            return mr_error_set(error, MR_ERR_RETRIABLE, "not yet");
        }
    }
    return 0;
}

static int put(void *self, struct mr_record *const *records, size_t count, struct mr_error **error)
{
    struct task *task = self;

    if (mr_sink_context_is_stopping(task->context))
        return 0;
    if (refuse(task, records, count, error) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (obey(task, records[i], error) != 0 || keep(task, records[i], error) != 0)
            return -1;
    }
    if (task->kept_count >= task->write_records)
        write_kept(task);
    return 0;
}

/* --- offsets of its own ---- */

static void settle_futures(struct task *task)
{
    size_t waiting = 0;

    for (size_t i = 0; i < task->future_count; i++) {
        if (!mr_future_is_done(task->futures[i])) {
            task->futures[waiting++] = task->futures[i];
            continue;
        }
        if (mr_future_wait(task->futures[i], 0, NULL) == 0)
            mr_metric_add(task->letters_safe, 1);
        mr_future_drop(task->futures[i]);
    }
    task->future_count = waiting;
}

static int pre_commit(void *self, struct mr_offsets *offsets, struct mr_error **error)
{
    struct task *task = self;

    settle_futures(task);
    mr_offsets_clear(offsets);
    for (size_t i = 0; i < task->place_count; i++)
        if (task->places[i].next >= 0 &&
            mr_offsets_put(offsets, task->places[i].topic, task->places[i].partition, task->places[i].next) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for offsets");
    return 0;
}

/* What is kept of partitions that go is forgotten: it was not promised. */
static int close_partitions(void *self, const struct mr_offsets *partitions, struct mr_error **error)
{
    struct task *task = self;
    size_t kept = 0;

    (void)error;
    for (size_t i = 0; i < task->kept_count; i++) {
        struct mr_record *record = task->kept[i];
        bool goes = mr_offsets_get(partitions, mr_record_origin_topic(record), mr_record_origin_partition(record)) != -1;

        if (goes)
            mr_batch_drop(mr_record_batch(record));
        else
            task->kept[kept++] = record;
    }
    task->kept_count = kept;
    task->place_count = 0;
    return 0;
}

static void request_stop(void *self)
{
    (void)self; /* nothing of it blocks */
}

static void stop(void *self)
{
    struct task *task = self;

    while (task->kept_count > 0)
        mr_batch_drop(mr_record_batch(task->kept[--task->kept_count]));
    mr_batch_drop(task->own);
    task->own = NULL;
    while (task->future_count > 0)
        mr_future_drop(task->futures[--task->future_count]);
}

static const struct mr_sink_task_ops task_ops = {
    .size = sizeof(task_ops), .create = create, .prepare = prepare, .start = start, .open = open_partitions, .put = put,
    .pre_commit = pre_commit, .close = close_partitions, .request_stop = request_stop, .stop = stop, .destroy = free,
};

#include "one_connector.h"

SINK_CONNECTOR("org.acme.BufferingSinkConnector", "buffering_sink", options, task_ops)
