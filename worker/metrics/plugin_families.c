/*
 * Metrics that connectors and tasks register for themselves (KIP-877, group "plugins"): kafka_connect_plugins_NAME, counters with
 * _total, under the labels of their unit. Names are theirs, so nothing about them is taken for granted: those that become the same
 * are one family, its first description counts, and one that is a counter here and a gauge there is neither. OpenMetrics, where
 * the name of a counter claims others, is told no types of counters at all.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "metrics/reading_internal.h"
#include "sdk/plugin_metrics.h"

#include "base/bans.h"

#define PREFIX "kafka_connect_plugins_"
#define NAME_MAX_BYTES 1024

struct plugin_sample {
    struct str_buffer name;
    char *help;
    const char *labels; /* the reading's */
    size_t unit;        /* its number */
    enum metric_type type;
    double value;
};

struct plugin_samples {
    struct plugin_sample *items;
    size_t count;
};

static void samples_release(struct plugin_samples *samples)
{
    for (size_t i = 0; i < samples->count; i++) {
        str_buffer_release(&samples->items[i].name);
        mem_free(samples->items[i].help);
    }
    mem_free(samples->items);
}

static bool ends_with_total(const struct str_buffer *name)
{
    return name->length > 6 && strcmp(name->data + name->length - 6, "_total") == 0;
}

static bool sample_fill(struct plugin_sample *sample, const struct plugin_metric_reading *metric)
{
    sample->type = metric->kind == PLUGIN_METRIC_COUNTER ? METRIC_COUNTER : METRIC_GAUGE;
    sample->value = metric->value;
    sample->help = mem_strdup(metric->doc);
    str_buffer_init(&sample->name, NAME_MAX_BYTES);
    str_buffer_append_text(&sample->name, PREFIX);
    metrics_text_append_name(&sample->name, metric->name);
    if (sample->type == METRIC_COUNTER && !str_buffer_failed(&sample->name) && !ends_with_total(&sample->name))
        str_buffer_append_text(&sample->name, "_total");
    return sample->help != NULL && !str_buffer_failed(&sample->name);
}

/* locks: the unit's, which keeps the plugin's metrics there. */
static bool read_plugin(struct plugin_samples *samples, const struct mr_metrics *plugin, const char *labels, size_t unit)
{
    size_t count = plugin_metrics_count(plugin);
    struct plugin_sample *grown;

    if (count == 0)
        return true;
    grown = mem_realloc(samples->items, (samples->count + count) * sizeof(*grown));
    if (grown == NULL)
        return false;
    samples->items = grown;
    for (size_t i = 0; i < count; i++) {
        const struct plugin_metric_reading metric = plugin_metrics_read(plugin, i);
        struct plugin_sample *sample = &samples->items[samples->count++];

        *sample = (struct plugin_sample){.labels = labels, .unit = unit};
        if (!sample_fill(sample, &metric))
            return false;
    }
    return true;
}

static bool read_all(struct plugin_samples *samples, const struct readings *readings)
{
    bool is_whole = true;

    for (size_t i = 0; i < readings->count && is_whole; i++) {
        const struct unit_reading *reading = &readings->units[i];

        mutex_lock(&reading->unit->lock);
        is_whole = read_plugin(samples, reading->unit->plugin, str_buffer_text(&reading->labels), i);
        mutex_unlock(&reading->unit->lock);
    }
    return is_whole;
}

static int compare(const void *one, const void *other)
{
    const struct plugin_sample *a = one, *b = other;
    int order = strcmp(str_buffer_text(&a->name), str_buffer_text(&b->name));

    return order != 0 ? order : (a->unit > b->unit) - (a->unit < b->unit);
}

static enum metric_type type_of(const struct metrics_text *text, const struct plugin_sample *first, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (first[i].type != first[0].type)
            return METRIC_UNTYPED;
    return first[0].type == METRIC_COUNTER && text->format == METRICS_OPENMETRICS ? METRIC_UNTYPED : first[0].type;
}

/* The samples of one name. */
static void write_family(struct metrics_text *text, const struct plugin_sample *first, size_t count)
{
    metrics_text_family(text, str_buffer_text(&first->name), type_of(text, first, count), first->help);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || first[i].unit != first[i - 1].unit)
            metrics_text_sample(text, first[i].labels, NULL, first[i].value);
}

static void write_all(struct metrics_text *text, const struct plugin_samples *samples)
{
    size_t end;

    for (size_t i = 0; i < samples->count; i = end) {
        const char *name = str_buffer_text(&samples->items[i].name);

        for (end = i + 1; end < samples->count && strcmp(str_buffer_text(&samples->items[end].name), name) == 0; end++)
            ;
        write_family(text, &samples->items[i], end - i);
    }
}

bool plugin_families_write(struct metrics_text *text, const struct readings *readings)
{
    struct plugin_samples samples = {.items = NULL};
    bool is_whole = read_all(&samples, readings);

    if (is_whole && samples.count > 0) {
        qsort(samples.items, samples.count, sizeof(*samples.items), compare);
        write_all(text, &samples);
    }
    samples_release(&samples);
    return is_whole;
}
