/* The worker's own families, its group's, and those that say what its connectors are. */
#include <math.h>
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

/* For each connector that has tasks here: all of them, or those in one condition. */
static void write_task_counts(struct metrics_text *text, const struct readings *readings, const char *name,
                              const char *help, int condition)
{
    size_t end;

    metrics_text_family(text, name, METRIC_GAUGE, help);
    for (size_t i = readings->connector_count; i < readings->count; i = end) {
        struct str_buffer labels;
        size_t count = 0;

        for (end = i; end < readings->count &&
                      strcmp(readings->units[end].unit->connector, readings->units[i].unit->connector) == 0;
             end++)
            count += condition < 0 || (int)readings->units[end].condition == condition;
        str_buffer_init(&labels, LABELS_MAX);
        metrics_text_append_label(&labels, "connector", readings->units[i].unit->connector);
        text->out->failed |= str_buffer_failed(&labels);
        metrics_text_sample(text, str_buffer_text(&labels), NULL, (double)count);
        str_buffer_release(&labels);
    }
}

static void write_all_task_counts(struct metrics_text *text, const struct readings *readings)
{
    static const struct {
        const char *name, *help;
        int condition;
    } families[] = {
        {WORKER "connector_total_task_count", "Tasks of the connector on this worker.", -1},
        {WORKER "connector_running_task_count", "Running tasks of the connector on this worker.", CONDITION_RUNNING},
        {WORKER "connector_paused_task_count", "Paused tasks of the connector on this worker.", CONDITION_PAUSED},
        {WORKER "connector_failed_task_count", "Failed tasks of the connector on this worker.", CONDITION_FAILED},
        {WORKER "connector_unassigned_task_count", "Tasks of the connector that have not begun yet.",
         CONDITION_UNASSIGNED},
        {WORKER "connector_destroyed_task_count", "Destroyed tasks of the connector on this worker.",
         CONDITION_DESTROYED},
        {WORKER "connector_restarting_task_count", "Restarting tasks of the connector on this worker.",
         CONDITION_RESTARTING},
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && readings->count > readings->connector_count; i++)
        write_task_counts(text, readings, families[i].name, families[i].help, families[i].condition);
}

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
    write_all_task_counts(text, readings);
    if (group.is_known) {
        write_group(text, &group, readings->now_ms);
        write_text(text, GROUP "leader_name", "The URL of the worker that leads, as label.", "leader_name", leader_url);
        write_text(text, GROUP "connect_protocol", "How workers talk with each other, as label.", "connect_protocol",
                   registry->connect_protocol);
    }
    mem_free(leader_url);
}

/* --- connectors --------------------------------------------------------------------------------------------------- */

static const char *value_status(const struct unit_reading *reading)
{
    return condition_name(reading->condition);
}

static const char *value_type(const struct unit_reading *reading)
{
    static const char *const names[] = {
        [UNIT_KIND_UNKNOWN] = NULL, [UNIT_KIND_SOURCE] = "source", [UNIT_KIND_SINK] = "sink"};

    return names[reading->description.kind];
}

static const char *value_class(const struct unit_reading *reading)
{
    return reading->description.connector_class;
}

static const char *value_version(const struct unit_reading *reading)
{
    return reading->description.connector_version;
}

static const struct {
    const char *name, *label, *help;
    const char *(*value)(const struct unit_reading *reading); /* NULL: not known */
} connector_families[] = {
    {CONNECTOR "status", "status", "The connector's status as label.", value_status},
    {CONNECTOR "connector_type", "connector_type", "Source or sink, as label.", value_type},
    {CONNECTOR "connector_class", "connector_class", "The connector's class as label.", value_class},
    {CONNECTOR "connector_version", "connector_version", "The connector's version as label.", value_version},
};

void connector_families_write(struct metrics_text *text, const struct readings *readings)
{
    for (size_t f = 0; f < sizeof(connector_families) / sizeof(connector_families[0]) && readings->connector_count > 0;
         f++) {
        metrics_text_family(text, connector_families[f].name, METRIC_GAUGE, connector_families[f].help);
        for (size_t i = 0; i < readings->connector_count; i++) {
            const struct unit_reading *reading = &readings->units[i];
            const char *value = connector_families[f].value(reading);

            if (value != NULL)
                sample_with_label(text, str_buffer_text(&reading->labels), connector_families[f].label, value);
        }
    }
}
