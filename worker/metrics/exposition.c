#include "metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "metrics/process.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

static const char *const condition_names[] = {
    [CONDITION_UNASSIGNED] = "unassigned", [CONDITION_RUNNING] = "running",       [CONDITION_PAUSED] = "paused",
    [CONDITION_STOPPED] = "stopped",       [CONDITION_FAILED] = "failed",         [CONDITION_RESTARTING] = "restarting",
    [CONDITION_DESTROYED] = "destroyed",
};

const char *condition_name(enum unit_condition condition)
{
    return condition_names[condition];
}

void sample_with_label(struct metrics_text *text, const char *labels, const char *name, const char *value)
{
    struct str_buffer label;

    str_buffer_init(&label, LABELS_MAX);
    metrics_text_append_label(&label, name, value);
    if (str_buffer_failed(&label))
        text->out->failed = true; /* said by metrics_write */
    else
        metrics_text_sample(text, labels, str_buffer_text(&label), 1);
    str_buffer_release(&label);
}

/* --- reading units ------------------------------------------------------------------------------------------------ */

static double share(const struct unit_metrics *unit, enum unit_condition condition, int64_t at_ms)
{
    int64_t current_ms = at_ms - unit->since_ms, wanted_ms = unit->spent_ms[condition], total_ms = current_ms;

    if (!unit->has_condition)
        return 0;
    for (int i = 0; i < CONDITIONS; i++)
        total_ms += unit->spent_ms[i];
    if (unit->condition == condition)
        wanted_ms += current_ms;
    return total_ms <= 0 ? 0 : (double)wanted_ms / (double)total_ms;
}

static void read_unit(struct unit_reading *reading, struct unit_metrics *unit, int64_t at_ms)
{
    char number[24];

    *reading = (struct unit_reading){.unit = unit};
    str_buffer_init(&reading->labels, LABELS_MAX);
    metrics_text_append_label(&reading->labels, "connector", unit->connector);
    if (unit->task != TASK_OF_CONNECTOR) {
        snprintf(number, sizeof(number), "%" PRId64, unit->task);
        metrics_text_append_label(&reading->labels, "task", number);
    }
    mutex_lock(&unit->lock);
    reading->condition = unit->condition;
    reading->description = unit->description;
    reading->running_ratio = share(unit, CONDITION_RUNNING, at_ms);
    reading->pause_ratio = share(unit, CONDITION_PAUSED, at_ms);
    mutex_unlock(&unit->lock);
}

/* Connectors first; then by name, then by number. */
static int compare(const void *one, const void *other)
{
    const struct unit_metrics *a = *(struct unit_metrics *const *)one, *b = *(struct unit_metrics *const *)other;
    int order = (a->task != TASK_OF_CONNECTOR) - (b->task != TASK_OF_CONNECTOR);

    if (order == 0)
        order = strcmp(a->connector, b->connector);
    return order != 0 ? order : (a->task > b->task) - (a->task < b->task);
}

static void readings_release(struct readings *readings)
{
    for (size_t i = 0; i < readings->count; i++) {
        str_buffer_release(&readings->units[i].labels);
        unit_metrics_drop(readings->units[i].unit);
    }
    mem_free(readings->units);
}

/* false: no memory. Released all the same. */
static bool readings_take(struct readings *readings, struct metrics_registry *registry)
{
    size_t count;
    struct unit_metrics **units = metrics_registry_list(registry, &count);
    bool is_whole = true;

    *readings = (struct readings){.now_ms = clock_monotonic_ms(registry->clock)};
    readings->units = mem_alloc((count + 1) * sizeof(*readings->units));
    if (units == NULL || readings->units == NULL) {
        for (size_t i = 0; i < count; i++)
            unit_metrics_drop(units[i]);
        mem_free(units);
        return false;
    }
    qsort(units, count, sizeof(*units), compare);
    readings->count = count;
    for (size_t i = 0; i < count; i++) {
        read_unit(&readings->units[i], units[i], readings->now_ms);
        is_whole = is_whole && !str_buffer_failed(&readings->units[i].labels);
        readings->connector_count += units[i]->task == TASK_OF_CONNECTOR;
    }
    mem_free(units);
    return is_whole;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void write_build(struct metrics_text *text, const struct metrics_registry *registry)
{
    struct str_buffer labels;

    str_buffer_init(&labels, LABELS_MAX);
    metrics_text_append_label(&labels, "version", registry->version);
    metrics_text_append_label(&labels, "librdkafka", registry->librdkafka_version);
    metrics_text_family(text, "millrace_build_info", METRIC_GAUGE, "Versions of the worker and of the Kafka client library.");
    metrics_text_sample(text, str_buffer_text(&labels), NULL, 1);
    str_buffer_release(&labels);
}

bool metrics_write(struct metrics_registry *registry, enum metrics_format format, struct str_buffer *out)
{
    struct metrics_text text = {.out = out, .format = format};
    struct readings readings;
    bool is_whole = readings_take(&readings, registry);

    if (is_whole) {
        worker_families_write(&text, registry, &readings);
        connector_families_write(&text, &readings);
        is_whole = task_families_write(&text, &readings) && plugin_families_write(&text, &readings);
        audit_families_write(&text, registry);
        access_families_write(&text, registry);
        write_build(&text, registry);
        metrics_process_write(&text);
        metrics_text_end(&text);
    }
    readings_release(&readings);
    return is_whole && !str_buffer_failed(out);
}
