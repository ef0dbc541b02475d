/* The worker's own families, its group's, and those that say what its connectors are. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

#define WORKER "kafka_connect_worker_"
#define GROUP "kafka_connect_worker_rebalance_"
#define CONNECTOR "kafka_connect_connector_"

static void write_value(struct metrics_text *text, const char *name, enum metric_type type, const char *help, double value)
{
    metrics_text_family(text, name, type, help);
    metrics_text_sample(text, NULL, NULL, value);
}

/* --- the worker --------------------------------------------------------------------------------------------------- */

/* Of no starts, none failed and none worked. */
static double success_share(const struct window_reading *outcome)
{
    return outcome->count == 0 ? 0 : window_avg(outcome);
}

static double failure_share(const struct window_reading *outcome)
{
    return outcome->count == 0 ? 0 : 1 - window_avg(outcome);
}

struct start_names {
    const char *attempts, *successes, *failures, *success_share, *failure_share;
};
#define START_NAMES(unit)                                                                                              \
    {                                                                                                                  \
        WORKER unit "_startup_attempts_total", WORKER unit "_startup_success_total",                                   \
            WORKER unit "_startup_failure_total", WORKER unit "_startup_success_percentage",                           \
            WORKER unit "_startup_failure_percentage"                                                                  \
    }
static const struct start_names connector_names = START_NAMES("connector"), task_names = START_NAMES("task");

static void write_starts(struct metrics_text *text, const struct start_names *names, const struct start_counts *counts,
                         int64_t now_ms)
{
    const struct window_reading outcome = window_read(&counts->outcome, now_ms);

    write_value(text, names->attempts, METRIC_COUNTER, "Starts that this worker attempted.", (double)counts->attempts);
    write_value(text, names->successes, METRIC_COUNTER, "Starts that worked.", (double)counts->successes);
    write_value(text, names->failures, METRIC_COUNTER, "Starts that failed.", (double)counts->failures);
    write_value(text, names->success_share, METRIC_GAUGE, "Share of recent starts that worked, 0 to 1.",
                success_share(&outcome));
    write_value(text, names->failure_share, METRIC_GAUGE, "Share of recent starts that failed, 0 to 1.",
                failure_share(&outcome));
}

/* Once for each connector that has tasks here: at its first one. */
static bool is_first_task(const struct unit_family *family, const struct unit_reading *reading)
{
    (void)family;
    return reading->unit->task == reading->first_task;
}

/* All of them (value -1), or those in one condition. */
static void write_task_count(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *first)
{
    struct str_buffer labels;
    size_t count = 0;

    for (const struct unit_reading *at = first; at->unit != NULL && strcmp(at->unit->connector, first->unit->connector) == 0; at++)
        count += family->value < 0 || (int)at->condition == family->value;
    str_buffer_init(&labels, LABELS_MAX);
    metrics_text_append_label(&labels, "connector", first->unit->connector);
    text->out->failed |= str_buffer_failed(&labels);
    metrics_text_sample(text, str_buffer_text(&labels), NULL, (double)count);
    str_buffer_release(&labels);
}

#define COUNT(name, condition, help)                                                                                    \
    {                                                                                                                   \
        WORKER "connector_" name "_task_count", METRIC_GAUGE, 0, condition, help, is_first_task, write_task_count       \
    }
static const struct unit_family task_counts[] = {
    COUNT("total", -1, "Tasks of the connector on this worker."),
    COUNT("running", CONDITION_RUNNING, "Running tasks of the connector on this worker."),
    COUNT("paused", CONDITION_PAUSED, "Paused tasks of the connector on this worker."),
    COUNT("failed", CONDITION_FAILED, "Failed tasks of the connector on this worker."),
    COUNT("unassigned", CONDITION_UNASSIGNED, "Tasks of the connector that have not begun yet."),
    COUNT("destroyed", CONDITION_DESTROYED, "Destroyed tasks of the connector on this worker."),
    COUNT("restarting", CONDITION_RESTARTING, "Restarting tasks of the connector on this worker."),
};
const struct unit_families TASK_COUNTS = {task_counts, sizeof(task_counts) / sizeof(task_counts[0])};

static void write_text(struct metrics_text *text, const char *name, const char *help, const char *label, const char *value)
{
    if (value == NULL)
        return;
    metrics_text_family(text, name, METRIC_GAUGE, help);
    sample_with_label(text, NULL, label, value);
}

static void write_group(struct metrics_text *text, const struct group_counts *group, int64_t now_ms)
{
    const struct window_reading took = window_read(&group->took_ms, now_ms);

    write_value(text, GROUP "completed_rebalances_total", METRIC_COUNTER,
                "Rebalances after which this worker started its work.", (double)group->completed);
    write_value(text, GROUP "epoch", METRIC_GAUGE, "Generation of the worker's group.", group->generation);
    write_value(text, GROUP "rebalancing", METRIC_GAUGE, "1 while this worker takes over work, else 0.",
                group->began_ms != 0);
    write_value(text, GROUP "rebalance_avg_time_ms", METRIC_GAUGE,
                "Recent average time from an assignment until its work was started, and what was revoked has stopped.", window_avg(&took));
    write_value(text, GROUP "rebalance_max_time_ms", METRIC_GAUGE,
                "Recent longest time from an assignment until its work was started, and what was revoked has stopped.", window_max(&took));
    write_value(text, GROUP "time_since_last_rebalance_ms", METRIC_GAUGE, "Time since the last one completed.",
                group->last_ms == 0 ? (double)INFINITY : (double)(now_ms - group->last_ms));
}

static void write_internal_topics(struct metrics_text *text, struct metrics_registry *registry)
{
    mutex_lock(&registry->lock);
    if (registry->internal_topics[0].topic != NULL)
        metrics_text_family(text, "millrace_internal_topic_forgets", METRIC_GAUGE,
                            "1 while the internal topic deletes records by age or size, valid or not, else 0.");
    for (size_t i = 0; i < INTERNAL_TOPICS_MAX && registry->internal_topics[i].topic != NULL; i++) {
        char label[32];
        snprintf(label, sizeof(label), "topic=\"%s\"", registry->internal_topics[i].topic);
        metrics_text_sample(text, label, NULL, registry->internal_topics[i].forgets);
    }
    mutex_unlock(&registry->lock);
}

void worker_families_write(struct metrics_text *text, struct metrics_registry *registry, const struct readings *readings)
{
    struct start_counts connectors, tasks;
    struct group_counts group;
    char *leader_url;

    mutex_lock(&registry->lock);
    connectors = registry->connector_starts;
    tasks = registry->task_starts;
    group = registry->group;
    leader_url = mem_strdup(group.leader_url);
    mutex_unlock(&registry->lock);
    write_value(text, WORKER "connector_count", METRIC_GAUGE, "Connectors that this worker runs, failed ones included.",
                (double)readings->connector_count);
    write_value(text, WORKER "task_count", METRIC_GAUGE, "Tasks that this worker runs, failed ones included.",
                (double)(readings->count - readings->connector_count));
    write_starts(text, &connector_names, &connectors, readings->now_ms);
    write_starts(text, &task_names, &tasks, readings->now_ms);
    if (group.is_known) {
        write_group(text, &group, readings->now_ms);
        write_text(text, GROUP "leader_name", "The URL of the worker that leads, as label.", "leader_name", leader_url);
        write_text(text, GROUP "connect_protocol", "How workers talk with each other, as label.", "connect_protocol",
                   registry->connect_protocol);
    }
    mem_free(leader_url);
    write_internal_topics(text, registry);
}

/* --- connectors --------------------------------------------------------------------------------------------------- */

static const char *type_word(const struct unit_reading *reading)
{
    static const char *const names[] = {
        [UNIT_KIND_UNKNOWN] = NULL, [UNIT_KIND_SOURCE] = "source", [UNIT_KIND_SINK] = "sink"};

    return names[reading->description.kind];
}

enum connector_value { CONNECTOR_STATUS, CONNECTOR_TYPE, CONNECTOR_CLASS, CONNECTOR_VERSION };
static const char *const value_labels[] = {"status", "connector_type", "connector_class", "connector_version"};

/* NULL: not known. */
static const char *value_of(int value, const struct unit_reading *reading)
{
    switch (value) {
    case CONNECTOR_STATUS:
        return condition_name(reading->condition);
    case CONNECTOR_TYPE:
        return type_word(reading);
    case CONNECTOR_CLASS:
        return reading->description.connector_class;
    default:
        return reading->description.connector_version;
    }
}

static bool is_known(const struct unit_family *family, const struct unit_reading *reading)
{
    return value_of(family->value, reading) != NULL;
}

static void write_value_label(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading)
{
    sample_with_label(text, str_buffer_text(&reading->labels), value_labels[family->value], value_of(family->value, reading));
}

static const struct unit_family connector_families[] = {
    {CONNECTOR "status", METRIC_GAUGE, 0, CONNECTOR_STATUS, "The connector's status as label.", is_known, write_value_label},
    {CONNECTOR "connector_type", METRIC_GAUGE, 0, CONNECTOR_TYPE, "Source or sink, as label.", is_known, write_value_label},
    {CONNECTOR "connector_class", METRIC_GAUGE, 0, CONNECTOR_CLASS, "The connector's class as label.", is_known,
     write_value_label},
    {CONNECTOR "connector_version", METRIC_GAUGE, 0, CONNECTOR_VERSION, "The connector's version as label.", is_known,
     write_value_label},
};
const struct unit_families CONNECTOR_FAMILIES = {connector_families, sizeof(connector_families) / sizeof(connector_families[0])};
