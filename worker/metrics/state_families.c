/* How connectors and tasks are: a series for each state, so that a rule can compare with 1 whatever happens; what took how long;
 * dead letters; and what producers' own counters say of source tasks. */
#include <inttypes.h>
#include <stdio.h>

#include "metrics/reading_internal.h"

#include "base/bans.h"

#define ALL (1u << UNIT_KIND_UNKNOWN | 1u << UNIT_KIND_SOURCE | 1u << UNIT_KIND_SINK)
#define SOURCES (1u << UNIT_KIND_SOURCE)
#define SINKS (1u << UNIT_KIND_SINK)

/* --- states ------------------------------------------------------------------------------------------------------- */

static void write_states(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading)
{
    static const char *const labels[] = {
        [CONDITION_UNASSIGNED] = "state=\"unassigned\"", [CONDITION_RUNNING] = "state=\"running\"",
        [CONDITION_PAUSED] = "state=\"paused\"",         [CONDITION_STOPPED] = "state=\"stopped\"",
        [CONDITION_FAILED] = "state=\"failed\"",         [CONDITION_RESTARTING] = "state=\"restarting\"",
    };

    (void)family;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        metrics_text_sample(text, str_buffer_text(&reading->labels), labels[i], reading->condition == (enum unit_condition)i);
}

/* --- durations: only of tasks that have some ---------------------------------------------------------------------- */

enum { TOOK_CALL, TOOK_COMMIT, TOOK_AGE };

static const struct histogram *histogram_of(int value, const struct task_metrics *cells)
{
    return value == TOOK_CALL ? &cells->calls : value == TOOK_COMMIT ? &cells->commits_took : &cells->ages;
}

static bool has_any(const struct unit_family *family, const struct unit_reading *reading)
{
    return (family->kinds & 1u << reading->description.kind) != 0 &&
           histogram_read(histogram_of(family->value, reading->unit->cells)).count > 0;
}

static void write_histogram(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading)
{
    metrics_text_histogram(text, str_buffer_text(&reading->labels), histogram_of(family->value, reading->unit->cells),
                           family->value == TOOK_AGE ? &HISTOGRAM_AGES : &HISTOGRAM_CALLS);
}

/* --- dead letters ------------------------------------------------------------------------------------------------- */

static const char *const stages[ERROR_STAGES] = {"TASK_POLL",       "TASK_PUT",         "TRANSFORMATION", "KEY_CONVERTER",
                                                 "VALUE_CONVERTER", "HEADER_CONVERTER", "KAFKA_PRODUCE",  "KAFKA_CONSUME"};
static const char *const causes[ERROR_CAUSES] = {"other",     "connect",   "data",    "config",   "retriable",    "not_supported",
                                                 "not_found", "no_memory", "timeout", "conflict", "illegal_state"};

static bool has_letters(const struct unit_family *family, const struct unit_reading *reading)
{
    (void)family;
    return atomic_load_explicit(&reading->unit->cells->errors.dead_letter_requests, memory_order_relaxed) > 0;
}

static void write_letters(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading)
{
    char labels[80];

    (void)family;
    for (int stage = 0; stage < ERROR_STAGES; stage++)
        for (int cause = 0; cause < ERROR_CAUSES; cause++) {
            uint32_t count = atomic_load_explicit(&reading->unit->cells->errors.letters[stage][cause], memory_order_relaxed);

            if (count == 0)
                continue;
            snprintf(labels, sizeof(labels), "stage=\"%s\",cause=\"%s\"", stages[stage], causes[cause]);
            metrics_text_sample(text, str_buffer_text(&reading->labels), labels, count);
        }
}

/* --- what a producer of its own would say of a source task -------------------------------------------------------- */

enum { SENT, SENT_BYTES, NOT_SENT };

static double sent(int value, const struct task_metrics *cells)
{
    const _Atomic uint64_t *cell = value == SENT ? &cells->records_out : value == SENT_BYTES ? &cells->bytes_out : &cells->records_failed;

    return (double)atomic_load_explicit(cell, memory_order_relaxed);
}

static void write_sent(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading)
{
    struct str_buffer id, labels;

    str_buffer_init(&id, LABELS_MAX);
    str_buffer_init(&labels, LABELS_MAX);
    str_buffer_printf(&id, "connector-producer-%s-%" PRId64, reading->unit->connector, reading->unit->task);
    metrics_text_append_label(&labels, "clientid", str_buffer_text(&id));
    text->out->failed |= str_buffer_failed(&id) || str_buffer_failed(&labels);
    metrics_text_sample(text, str_buffer_text(&labels), NULL, sent(family->value, reading->unit->cells));
    str_buffer_release(&labels);
    str_buffer_release(&id);
}

static const struct unit_family connector_states[] = {
    {"millrace_connector_state", METRIC_GAUGE, ALL, 0, "1 for the state that the connector is in, 0 for the others.", NULL,
     write_states},
};
const struct unit_families CONNECTOR_STATES = {connector_states, 1};

static const struct unit_family task_states[] = {
    {"millrace_task_state", METRIC_GAUGE, ALL, 0, "1 for the state that the task is in, 0 for the others.", NULL, write_states},
    {"millrace_task_put_duration_seconds", METRIC_HISTOGRAM, SINKS, TOOK_CALL, "How long puts that worked took.", has_any,
     write_histogram},
    {"millrace_task_poll_duration_seconds", METRIC_HISTOGRAM, SOURCES, TOOK_CALL, "How long polls that gave records took.",
     has_any, write_histogram},
    {"millrace_task_offset_commit_duration_seconds", METRIC_HISTOGRAM, ALL, TOOK_COMMIT,
     "How long offset commits that worked took.", has_any, write_histogram},
    {"millrace_task_record_age_seconds", METRIC_HISTOGRAM, ALL, TOOK_AGE,
     "Sinks: age of the oldest record of each batch when put had taken it. Sources: from a batch's poll until Kafka had all of it.",
     has_any, write_histogram},
    {"millrace_task_dead_letters_total", METRIC_COUNTER, ALL, 0, "Dead letters by failed stage and kind of error.", has_letters,
     write_letters},
    {"kafka_producer_record_send_total", METRIC_COUNTER, SOURCES, SENT, "Records of the task that Kafka has acknowledged.", NULL,
     write_sent},
    {"kafka_producer_record_error_total", METRIC_COUNTER, SOURCES, NOT_SENT, "Records of the task that Kafka has refused.", NULL,
     write_sent},
    {"kafka_producer_byte_total", METRIC_COUNTER, SOURCES, SENT_BYTES, "Bytes of the task's records that Kafka has acknowledged.",
     NULL, write_sent},
};
const struct unit_families TASK_STATES = {task_states, sizeof(task_states) / sizeof(task_states[0])};
