/* What tasks count. One row a family; every task that it is about has one series in it. */
#include <math.h>

#include "base/mem.h"
#include "base/thread.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

#define CONNECTOR "kafka_connect_connector_"
#define TASK CONNECTOR "task_"
#define SOURCE "kafka_connect_source_task_"
#define SINK "kafka_connect_sink_task_"
#define ERROR "kafka_connect_task_error_"
#define OWN "millrace_task_"

enum task_value {
    RUNNING_RATIO,
    PAUSE_RATIO,
    COMMIT_AVG_MS,
    COMMIT_MAX_MS,
    COMMIT_SUCCESS,
    COMMIT_FAILURE,
    BATCH_AVG,
    BATCH_MAX,
    COMMITS_TOTAL,
    COMMITS_FAILED_TOTAL,

    IN_RATE,
    IN_TOTAL,
    OUT_RATE,
    OUT_TOTAL,
    CALL_AVG_MS,
    CALL_MAX_MS,
    ACTIVE,
    ACTIVE_AVG,
    ACTIVE_MAX,

    PARTITIONS,
    COMMIT_SEQUENCE,
    COMMIT_RATE,
    SKIP_RATE,
    SKIP_TOTAL,

    RECORD_FAILURES,
    RECORD_ERRORS,
    RECORDS_SKIPPED,
    RETRIES,
    ERRORS_LOGGED,
    LETTER_REQUESTS,
    LETTER_FAILURES,
    LAST_ERROR,

    STALLED_S,
    BREAKER,
    PUT_FAILURES,
    PUT_RETRIES,
    PUT_WAIT_S,
    RATE_WAIT_S,
    RATE_WAITS,
    RESTARTS,
    RESTART_WAIT_S,

    TRANSACTION_MIN,
    TRANSACTION_AVG,
    TRANSACTION_MAX,
    TRANSACTIONS_TOTAL,
    TRANSACTION_ABORTS_TOTAL,

    BYTES_IN,
    BYTES_OUT,
    CPU_S,
    MEMORY,
    STALLS,
    REBALANCES,
    LAG,

    TASK_VALUES
};

#define ALL (1u << UNIT_KIND_UNKNOWN | 1u << UNIT_KIND_SOURCE | 1u << UNIT_KIND_SINK)
#define OF_SOURCES (1u << UNIT_KIND_SOURCE)
#define OF_SINKS (1u << UNIT_KIND_SINK)
#define OF_EXACT (1u << 8)     /* sources that have ended a transaction */
#define OF_KNOWN_LAG (1u << 9) /* and only where it is known */

static bool is_of(const struct unit_family *family, const struct unit_reading *task);
static void write_status(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task);
static void write_info(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task);
static bool has_transforms(const struct unit_family *family, const struct unit_reading *task);
static bool has_predicates(const struct unit_family *family, const struct unit_reading *task);
static void write_transforms(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task);
static void write_predicates(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task);

#define TEXT(name, help, write) {TASK name, METRIC_GAUGE, ALL, 0, help, is_of, write}
#define ROW(name, type, kinds, value, help) {name, type, kinds, value, help, is_of, NULL}
static const struct unit_family families[] = {
    TEXT("status", "The task's status as label.", write_status),
    TEXT("info", "What the task is, as labels.", write_info),
    {CONNECTOR "transform_info", METRIC_GAUGE, ALL, 0, "A transform of the task, as labels.", has_transforms, write_transforms},
    {CONNECTOR "predicate_info", METRIC_GAUGE, ALL, 0, "A predicate of the task's transforms, as labels.", has_predicates, write_predicates},
    ROW(TASK "running_ratio", METRIC_GAUGE, ALL, RUNNING_RATIO, "Share of its time that the task was running, 0 to 1."),
    ROW(TASK "pause_ratio", METRIC_GAUGE, ALL, PAUSE_RATIO, "Share of its time that the task was paused, 0 to 1."),
    ROW(TASK "offset_commit_avg_time_ms", METRIC_GAUGE, ALL, COMMIT_AVG_MS, "Recent average time of commits that worked."),
    ROW(TASK "offset_commit_max_time_ms", METRIC_GAUGE, ALL, COMMIT_MAX_MS, "Recent longest time of a commit that worked."),
    ROW(TASK "offset_commit_success_percentage", METRIC_GAUGE, ALL, COMMIT_SUCCESS,
     "Share of recent commits that worked, 0 to 1."),
    ROW(TASK "offset_commit_failure_percentage", METRIC_GAUGE, ALL, COMMIT_FAILURE,
     "Share of recent commits that failed, 0 to 1."),
    ROW(TASK "batch_size_avg", METRIC_GAUGE, ALL, BATCH_AVG, "Recent average size of batches, in records."),
    ROW(TASK "batch_size_max", METRIC_GAUGE, ALL, BATCH_MAX, "Size of the largest recent batch, in records."),
    ROW("millrace_task_offset_commits_total", METRIC_COUNTER, ALL, COMMITS_TOTAL, "Offset commits that worked."),
    ROW("millrace_task_offset_commit_failures_total", METRIC_COUNTER, ALL, COMMITS_FAILED_TOTAL,
     "Offset commits that failed or were not answered in time."),

    ROW(SOURCE "source_record_poll_rate", METRIC_GAUGE, OF_SOURCES, IN_RATE,
     "Records polled per second lately, before transforms."),
    ROW(SOURCE "source_record_poll_total", METRIC_COUNTER, OF_SOURCES, IN_TOTAL, "Records polled, before transforms."),
    ROW(SOURCE "source_record_write_rate", METRIC_GAUGE, OF_SOURCES, OUT_RATE,
     "Records written to Kafka per second lately, after transforms."),
    ROW(SOURCE "source_record_write_total", METRIC_COUNTER, OF_SOURCES, OUT_TOTAL,
     "Records that Kafka has acknowledged, after transforms; counted by whole batches."),
    ROW(SOURCE "poll_batch_avg_time_ms", METRIC_GAUGE, OF_SOURCES, CALL_AVG_MS,
     "Recent average time of a poll that gave records."),
    ROW(SOURCE "poll_batch_max_time_ms", METRIC_GAUGE, OF_SOURCES, CALL_MAX_MS,
     "Recent longest time of a poll that gave records."),
    ROW(SOURCE "source_record_active_count", METRIC_GAUGE, OF_SOURCES, ACTIVE,
     "Records polled whose batch is not completely written yet."),
    ROW(SOURCE "source_record_active_count_avg", METRIC_GAUGE, OF_SOURCES, ACTIVE_AVG,
     "Recent average of the records polled and not written yet."),
    ROW(SOURCE "source_record_active_count_max", METRIC_GAUGE, OF_SOURCES, ACTIVE_MAX,
     "Recent maximum of the records polled and not written yet."),

    ROW(SOURCE "transaction_size_min", METRIC_GAUGE, OF_EXACT, TRANSACTION_MIN, "Records in the smallest recent transaction."),
    ROW(SOURCE "transaction_size_avg", METRIC_GAUGE, OF_EXACT, TRANSACTION_AVG, "Recent average of the records in a transaction."),
    ROW(SOURCE "transaction_size_max", METRIC_GAUGE, OF_EXACT, TRANSACTION_MAX, "Records in the largest recent transaction."),
    ROW(OWN "transactions_total", METRIC_COUNTER, OF_EXACT, TRANSACTIONS_TOTAL, "Transactions committed."),
    ROW(OWN "transaction_aborts_total", METRIC_COUNTER, OF_EXACT, TRANSACTION_ABORTS_TOTAL, "Transactions undone."),

    ROW(SINK "sink_record_read_rate", METRIC_GAUGE, OF_SINKS, IN_RATE,
     "Records consumed per second lately, before transforms."),
    ROW(SINK "sink_record_read_total", METRIC_COUNTER, OF_SINKS, IN_TOTAL, "Records consumed, before transforms."),
    ROW(SINK "sink_record_send_rate", METRIC_GAUGE, OF_SINKS, OUT_RATE,
     "Records that put has taken per second lately, after transforms."),
    ROW(SINK "sink_record_send_total", METRIC_COUNTER, OF_SINKS, OUT_TOTAL, "Records that put has taken, after transforms."),
    ROW(SINK "sink_record_active_count", METRIC_GAUGE, OF_SINKS, ACTIVE,
     "Records delivered whose offsets are not committed yet."),
    ROW(SINK "sink_record_active_count_avg", METRIC_GAUGE, OF_SINKS, ACTIVE_AVG,
     "Recent average of the records delivered and not committed yet."),
    ROW(SINK "sink_record_active_count_max", METRIC_GAUGE, OF_SINKS, ACTIVE_MAX,
     "Recent maximum of the records delivered and not committed yet."),
    ROW(SINK "partition_count", METRIC_GAUGE, OF_SINKS, PARTITIONS, "Topic partitions that the task is assigned."),
    ROW(SINK "offset_commit_seq_no", METRIC_GAUGE, OF_SINKS, COMMIT_SEQUENCE, "Commits begun with something to commit."),
    ROW(SINK "offset_commit_completion_rate", METRIC_GAUGE, OF_SINKS, COMMIT_RATE, "Commits that worked, per second lately."),
    ROW(SINK "offset_commit_completion_total", METRIC_COUNTER, OF_SINKS, COMMITS_TOTAL,
     "Commits that worked, those with nothing to commit included."),
    ROW(SINK "offset_commit_skip_rate", METRIC_GAUGE, OF_SINKS, SKIP_RATE,
     "Answers to commits that came too late, per second lately."),
    ROW(SINK "offset_commit_skip_total", METRIC_COUNTER, OF_SINKS, SKIP_TOTAL, "Answers to commits that came too late."),
    ROW(SINK "put_batch_avg_time_ms", METRIC_GAUGE, OF_SINKS, CALL_AVG_MS, "Recent average time of a put that worked."),
    ROW(SINK "put_batch_max_time_ms", METRIC_GAUGE, OF_SINKS, CALL_MAX_MS, "Recent longest time of a put that worked."),

    ROW(ERROR "total_record_failures", METRIC_GAUGE, ALL, RECORD_FAILURES, "Failed operations on records, each attempt."),
    ROW(ERROR "total_record_errors", METRIC_GAUGE, ALL, RECORD_ERRORS, "Records that were given up."),
    ROW(ERROR "total_records_skipped", METRIC_GAUGE, ALL, RECORDS_SKIPPED, "Records skipped because errors are tolerated."),
    ROW(ERROR "total_retries", METRIC_GAUGE, ALL, RETRIES, "Operations tried again."),
    ROW(ERROR "total_errors_logged", METRIC_GAUGE, ALL, ERRORS_LOGGED, "Errors written to the log."),
    ROW(ERROR "deadletterqueue_produce_requests", METRIC_GAUGE, ALL, LETTER_REQUESTS, "Dead letters to be written."),
    ROW(ERROR "deadletterqueue_produce_failures", METRIC_GAUGE, ALL, LETTER_FAILURES, "Dead letters that could not be written."),
    ROW(ERROR "last_error_timestamp", METRIC_GAUGE, ALL, LAST_ERROR,
     "When a record was last given up, in milliseconds since 1970; 0: never."),

    ROW(OWN "stalled_seconds", METRIC_GAUGE, ALL, STALLED_S,
     "How long the task has run and not done what it should, once that is too long; 0: it does."),
    ROW(OWN "restarts_total", METRIC_COUNTER, ALL, RESTARTS, "Starts of the task by itself, after it failed or stalled."),
    ROW(OWN "restart_wait_seconds", METRIC_GAUGE, ALL, RESTART_WAIT_S,
     "How long until the failed task is started again by itself; 0: it is not."),
    ROW(OWN "rate_wait_seconds", METRIC_GAUGE, ALL, RATE_WAIT_S, "How long the configured rate lets nothing be read."),
    ROW(OWN "rate_waits_total", METRIC_COUNTER, ALL, RATE_WAITS, "How often the configured rate made the task wait."),
    ROW(OWN "put_breaker", METRIC_GAUGE, OF_SINKS, BREAKER,
     "Whether the target is left alone after failures: 0 no, 1 yes, 2 it is being tried."),
    ROW(OWN "put_failures", METRIC_GAUGE, OF_SINKS, PUT_FAILURES, "Retriable failures of put in a row, up to now."),
    ROW(OWN "put_retries_total", METRIC_COUNTER, OF_SINKS, PUT_RETRIES, "Times that put was given the same records again."),
    ROW(OWN "bytes_in_total", METRIC_COUNTER, OF_SINKS, BYTES_IN, "Bytes of keys and values consumed."),
    ROW(OWN "bytes_out_total", METRIC_COUNTER, OF_SOURCES, BYTES_OUT, "Bytes of keys and values that Kafka has acknowledged."),
    ROW(OWN "cpu_seconds_total", METRIC_COUNTER, ALL, CPU_S, "Processor time of the threads that step the task."),
    ROW(OWN "memory_bytes", METRIC_GAUGE, ALL, MEMORY, "Records that the task keeps: read, or not yet acknowledged."),
    ROW(OWN "stalls_total", METRIC_COUNTER, ALL, STALLS, "Times that the task was found not to do what it should."),
    ROW(OWN "rebalances_total", METRIC_COUNTER, OF_SINKS, REBALANCES, "Assignments of partitions received."),
    ROW(OWN "consumer_lag_records", METRIC_GAUGE, OF_SINKS | OF_KNOWN_LAG, LAG, "Records in the task's partitions that it has not read."),
    ROW(OWN "put_wait_seconds", METRIC_GAUGE, OF_SINKS, PUT_WAIT_S, "How long until put is given the same records again."),
};

const struct unit_families TASK_FAMILIES = {families, sizeof(families) / sizeof(families[0])};

/* --- reading ------------------------------------------------------------------------------------------------------ */

static double total(const _Atomic uint64_t *cell)
{
    return (double)atomic_load_explicit(cell, memory_order_relaxed);
}

static double level(const _Atomic int64_t *cell)
{
    return (double)atomic_load_explicit(cell, memory_order_relaxed);
}

static void read_commits(const struct task_metrics *cells, int64_t now_ms, double *values)
{
    const struct window_reading took = window_read(&cells->commit_us, now_ms);
    const struct window_reading outcome = window_read(&cells->commit_outcome, now_ms);
    const struct window_reading skipped = window_read(&cells->skipped, now_ms);

    values[COMMIT_AVG_MS] = window_avg(&took) / 1000;
    values[COMMIT_MAX_MS] = window_max(&took) / 1000;
    values[COMMIT_SUCCESS] = outcome.count == 0 ? 0 : window_avg(&outcome);
    values[COMMIT_FAILURE] = outcome.count == 0 ? 0 : 1 - window_avg(&outcome);
    values[COMMIT_RATE] = window_rate(&outcome);
    values[COMMITS_TOTAL] = total(&cells->commits);
    values[COMMITS_FAILED_TOTAL] = total(&cells->commits_failed);
    values[COMMIT_SEQUENCE] = total(&cells->commit_sequence);
    values[SKIP_RATE] = window_rate(&skipped);
    values[SKIP_TOTAL] = total(&cells->commits_skipped);
}

static void read_records(const struct task_metrics *cells, enum unit_kind kind, int64_t now_ms, double *values)
{
    const struct window_reading in = window_read(&cells->in, now_ms), out = window_read(&cells->out, now_ms);
    const struct window_reading active = window_read(&cells->active_lately, now_ms);
    const struct window_reading call = window_read(&cells->call_us, now_ms);
    const struct window_reading *batches = kind == UNIT_KIND_SINK ? &out : &in;

    values[IN_RATE] = window_rate(&in);
    values[IN_TOTAL] = total(&cells->records_in);
    values[OUT_RATE] = window_rate(&out);
    values[OUT_TOTAL] = total(&cells->records_out);
    values[BATCH_AVG] = window_avg(batches);
    values[BATCH_MAX] = window_max(batches);
    values[CALL_AVG_MS] = window_avg(&call) / 1000;
    values[CALL_MAX_MS] = window_max(&call) / 1000;
    values[ACTIVE] = level(&cells->active);
    values[ACTIVE_AVG] = window_avg(&active);
    values[ACTIVE_MAX] = window_max(&active);
    values[PARTITIONS] = level(&cells->partitions);
}

static void read_transactions(const struct transaction_metrics *cells, int64_t now_ms, double *values)
{
    const struct window_reading size = window_read(&cells->size, now_ms), negated = window_read(&cells->size_negated, now_ms);

    values[TRANSACTION_MIN] = -window_max(&negated);
    values[TRANSACTION_AVG] = window_avg(&size);
    values[TRANSACTION_MAX] = window_max(&size);
    values[TRANSACTIONS_TOTAL] = total(&cells->committed);
    values[TRANSACTION_ABORTS_TOTAL] = total(&cells->aborted);
}

static void read_errors(const struct error_counters *errors, double *values)
{
    values[RECORD_FAILURES] = total(&errors->record_failures);
    values[RECORD_ERRORS] = total(&errors->record_errors);
    values[RECORDS_SKIPPED] = total(&errors->records_skipped);
    values[RETRIES] = total(&errors->retries);
    values[ERRORS_LOGGED] = total(&errors->errors_logged);
    values[LETTER_REQUESTS] = total(&errors->dead_letter_requests);
    values[LETTER_FAILURES] = total(&errors->dead_letter_failures);
    values[LAST_ERROR] = level(&errors->last_error_ms);
}

static double seconds_between(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0;
}

static double seconds_until(const _Atomic int64_t *at_ms, int64_t now_ms)
{
    return seconds_between(now_ms, atomic_load_explicit(at_ms, memory_order_relaxed));
}

static void read_health(const struct task_health *health, int64_t now_ms, double *values)
{
    bool is_stalled = atomic_load_explicit(&health->stall, memory_order_relaxed) != TASK_STALL_NONE;
    int64_t since_ms = atomic_load_explicit(&health->stalled_since_ms, memory_order_relaxed);

    values[STALLED_S] = is_stalled ? seconds_between(since_ms, now_ms) : 0;
    values[BREAKER] = atomic_load_explicit(&health->breaker, memory_order_relaxed);
    values[PUT_FAILURES] = atomic_load_explicit(&health->put_failures, memory_order_relaxed);
    values[PUT_RETRIES] = total(&health->put_retries);
    values[PUT_WAIT_S] = seconds_until(&health->put_again_ms, now_ms);
    values[RATE_WAIT_S] = seconds_until(&health->rate_until_ms, now_ms);
    values[RATE_WAITS] = total(&health->rate_waits);
    values[RESTARTS] = total(&health->restarts);
    values[STALLS] = total(&health->stalls);
    values[RESTART_WAIT_S] = seconds_until(&health->restart_due_ms, now_ms);
}

static void read_use(const struct task_metrics *cells, double *values)
{
    values[BYTES_IN] = total(&cells->bytes_in);
    values[BYTES_OUT] = total(&cells->bytes_out);
    values[CPU_S] = total(&cells->cpu_ns) / 1e9;
    values[MEMORY] = level(&cells->memory_bytes);
    values[REBALANCES] = total(&cells->rebalances);
    values[LAG] = level(&cells->lag_records);
}

static void read_task(const struct unit_reading *reading, int64_t now_ms, double *values)
{
    const struct task_metrics *cells = reading->unit->cells;

    values[RUNNING_RATIO] = reading->running_ratio;
    values[PAUSE_RATIO] = reading->pause_ratio;
    read_commits(cells, now_ms, values);
    read_records(cells, reading->description.kind, now_ms, values);
    read_transactions(&cells->transactions, now_ms, values);
    read_errors(&cells->errors, values);
    read_health(&cells->health, now_ms, values);
    read_use(cells, values);
}

bool task_values_read(struct readings *readings)
{
    size_t count = readings->count - readings->connector_count;

    readings->values = mem_alloc((count + 1) * TASK_VALUES * sizeof(*readings->values));
    for (size_t i = 0; i < count && readings->values != NULL; i++) {
        struct unit_reading *task = &readings->units[readings->connector_count + i];
        double *values = readings->values + i * TASK_VALUES;

        read_task(task, readings->now_ms, values);
        task->values = values;
    }
    return readings->values != NULL;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void write_status(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task)
{
    (void)family;
    sample_with_label(text, str_buffer_text(&task->labels), "status", condition_name(task->condition));
}

static void append_if_known(struct str_buffer *labels, const char *name, const char *value)
{
    if (value != NULL)
        metrics_text_append_label(labels, name, value);
}

/* KIP-891: a class may be there in several versions. */
static void append_converter(struct str_buffer *labels, const struct unit_converter *converter, const char *class_label,
                             const char *version_label)
{
    append_if_known(labels, class_label, converter->class_name);
    append_if_known(labels, version_label, converter->version);
}

static void append_info(struct str_buffer *labels, const struct unit_description *description)
{
    append_if_known(labels, "connector_class", description->connector_class);
    append_if_known(labels, "connector_type", description->kind == UNIT_KIND_SOURCE ? "source" : "sink");
    append_if_known(labels, "connector_version", description->connector_version);
    append_if_known(labels, "task_class", description->task_class);
    append_if_known(labels, "task_version", description->connector_version);
    append_converter(labels, &description->key_converter, "key_converter_class", "key_converter_version");
    append_converter(labels, &description->value_converter, "value_converter_class", "value_converter_version");
    append_converter(labels, &description->header_converter, "header_converter_class", "header_converter_version");
}

static void write_info(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task)
{
    struct str_buffer more;

    (void)family;
    str_buffer_init(&more, LABELS_MAX);
    append_info(&more, &task->description);
    text->out->failed |= str_buffer_failed(&more);
    metrics_text_sample(text, str_buffer_text(&task->labels), str_buffer_text(&more), 1);
    str_buffer_release(&more);
}

static bool has_transforms(const struct unit_family *family, const struct unit_reading *task)
{
    (void)family;
    return task->transform_count > 0;
}

static bool has_predicates(const struct unit_family *family, const struct unit_reading *task)
{
    (void)family;
    return task->predicate_count > 0;
}

struct stage_labels {
    const char *alias, *class_name, *version;
};

static void write_stages(struct metrics_text *text, const struct unit_reading *task, bool predicates, const struct stage_labels *names)
{
    struct str_buffer more;

    mutex_lock(&task->unit->lock);
    for (size_t i = 0; i < task->unit->stage_count; i++) {
        const struct unit_stage *stage = &task->unit->stages[i];

        if (stage->is_predicate != predicates)
            continue;
        str_buffer_init(&more, LABELS_MAX);
        metrics_text_append_label(&more, names->alias, stage->alias);
        append_if_known(&more, names->class_name, stage->class_name);
        append_if_known(&more, names->version, stage->version);
        text->out->failed |= str_buffer_failed(&more);
        metrics_text_sample(text, str_buffer_text(&task->labels), str_buffer_text(&more), 1);
        str_buffer_release(&more);
    }
    mutex_unlock(&task->unit->lock);
}

static void write_transforms(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task)
{
    (void)family;
    write_stages(text, task, false, &(struct stage_labels){"transform", "transform_class", "transform_version"});
}

static void write_predicates(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *task)
{
    (void)family;
    write_stages(text, task, true, &(struct stage_labels){"predicate", "predicate_class", "predicate_version"});
}

static bool is_of(const struct unit_family *family, const struct unit_reading *task)
{
    bool is_exact = task->values[TRANSACTIONS_TOTAL] + task->values[TRANSACTION_ABORTS_TOTAL] > 0;

    if (family->write == write_info && task->description.kind == UNIT_KIND_UNKNOWN)
        return false;
    if ((family->kinds & OF_KNOWN_LAG) != 0 && task->values[LAG] < 0)
        return false;
    return (family->kinds & (1u << task->description.kind | (is_exact ? OF_EXACT : 0))) != 0;
}
