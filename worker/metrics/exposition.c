#include "metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
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
    for (size_t i = 0; i < unit->stage_count; i++)
        ++*(unit->stages[i].is_predicate ? &reading->predicate_count : &reading->transform_count);
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
    for (size_t i = 0; i < readings->client_count; i++) {
        str_buffer_release(&readings->clients[i].labels);
        client_metrics_drop(readings->clients[i].client);
    }
    mem_free(readings->clients);
    mem_free(readings->values);
    mem_free(readings->units);
}

/* false: no memory. Released all the same. */
static bool take_units(struct readings *readings, struct metrics_registry *registry)
{
    size_t count;
    struct unit_metrics **units = metrics_registry_list(registry, &count);
    bool is_whole = true;

    readings->units = mem_calloc(count + 1, sizeof(*readings->units));
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
        readings->units[i].first_task = i > 0 && strcmp(units[i - 1]->connector, units[i]->connector) == 0 &&
                                                units[i - 1]->task != TASK_OF_CONNECTOR
                                            ? readings->units[i - 1].first_task
                                            : units[i]->task;
    }
    readings->connectors = (double)readings->connector_count;
    readings->tasks = (double)(count - readings->connector_count);
    mem_free(units);
    return is_whole;
}

/* --- reading clients ---------------------------------------------------------------------------------------------- */

/* The newer first of two with one id. */
static int compare_clients(const void *one, const void *other)
{
    const struct client_metrics *a = ((const struct client_reading *)one)->client;
    const struct client_metrics *b = ((const struct client_reading *)other)->client;
    int order = (a->kind > b->kind) - (a->kind < b->kind);

    if (order == 0)
        order = strcmp(a->client_id, b->client_id);
    return order != 0 ? order : (a->number < b->number) - (a->number > b->number);
}

static void add_clients_of_units(struct readings *readings)
{
    for (size_t i = readings->connector_count; i < readings->count; i++) {
        struct unit_metrics *unit = readings->units[i].unit;

        mutex_lock(&unit->lock);
        if (unit->client != NULL && !atomic_load(&unit->client->is_closed))
            readings->clients[readings->client_count++] = (struct client_reading){
                .client = client_metrics_take(unit->client), .unit_labels = str_buffer_text(&readings->units[i].labels)};
        mutex_unlock(&unit->lock);
    }
}

static void drop_doubles(struct readings *readings)
{
    size_t kept = 0;

    for (size_t i = 0; i < readings->client_count; i++) {
        struct client_metrics *client = readings->clients[i].client;
        const struct client_metrics *last = kept == 0 ? NULL : readings->clients[kept - 1].client;

        if (last != NULL && last->kind == client->kind && strcmp(last->client_id, client->client_id) == 0)
            client_metrics_drop(client);
        else
            readings->clients[kept++] = readings->clients[i];
    }
    readings->client_count = kept;
}

/* How many of its partitions are shown, and what the limits leave out. */
static void share_out(struct readings *readings)
{
    size_t left = METRICS_PARTITIONS_SHOWN_MAX;

    for (size_t i = 0; i < readings->client_count; i++) {
        struct client_reading *reading = &readings->clients[i];
        struct client_metrics *client = reading->client;

        mutex_lock(&client->lock);
        reading->partitions_shown = client->partition_count < left ? client->partition_count : left;
        readings->left_out += client->partition_count - reading->partitions_shown + client->partitions_left_out +
                              client->topics_left_out;
        mutex_unlock(&client->lock);
        left -= reading->partitions_shown;
    }
}

/* false: no memory. */
static bool take_clients(struct readings *readings, struct metrics_registry *registry)
{
    size_t tasks = readings->count - readings->connector_count, count;
    struct client_metrics **clients = metrics_registry_list_clients(registry, tasks, &count);
    bool is_whole = clients != NULL;

    readings->clients = mem_calloc(count + tasks + 1, sizeof(*readings->clients));
    for (size_t i = 0; i < count; i++) {
        if (readings->clients == NULL)
            client_metrics_drop(clients[i]);
        else
            readings->clients[readings->client_count++].client = clients[i];
    }
    mem_free(clients);
    if (readings->clients == NULL)
        return false;
    add_clients_of_units(readings);
    qsort(readings->clients, readings->client_count, sizeof(*readings->clients), compare_clients);
    drop_doubles(readings);
    share_out(readings);
    for (size_t i = 0; i < readings->client_count; i++) {
        str_buffer_init(&readings->clients[i].labels, LABELS_MAX);
        metrics_text_append_label(&readings->clients[i].labels, "clientid", readings->clients[i].client->client_id);
        is_whole = is_whole && !str_buffer_failed(&readings->clients[i].labels);
    }
    return is_whole;
}

static void read_group(struct readings *readings, struct metrics_registry *registry)
{
    mutex_lock(&registry->lock);
    const struct window_reading took = window_read(&registry->group.took_ms, readings->now_ms);
    readings->rebalance_avg_ms = window_avg(&took);
    readings->rebalance_total_ms = (double)registry->group.took_total_ms;
    readings->last_rebalance_ms = registry->group.last_ms;
    mutex_unlock(&registry->lock);
    readings->library_version = registry->librdkafka_version;
}

/* false: no memory. Released all the same. */
static bool readings_take(struct readings *readings, struct metrics_registry *registry)
{
    *readings = (struct readings){.now_ms = clock_monotonic_ms(registry->clock)};
    read_group(readings, registry);
    return take_units(readings, registry) && task_values_read(readings) && take_clients(readings, registry);
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

struct metrics_stream {
    struct metrics_registry *registry;
    struct readings readings;
    struct metrics_text text;
    size_t part, family, item; /* where it has come to */
    bool is_begun;             /* the family is */
};

/* true: the part is over; false: the piece is full. */
typedef bool part_fn(struct metrics_stream *stream);

static bool is_full(const struct metrics_stream *stream)
{
    return stream->text.out->length >= METRICS_PIECE_BYTES || stream->text.out->failed;
}

static void next_family(struct metrics_stream *stream)
{
    stream->family++;
    stream->item = 0;
    stream->is_begun = false;
}

static bool is_about(const struct unit_family *family, const struct unit_reading *reading)
{
    return family->is_of != NULL ? family->is_of(family, reading)
                                 : (family->kinds & 1u << reading->description.kind) != 0;
}

/* Families without a series are not begun. */
static bool write_units(struct metrics_stream *stream, const struct unit_families *families, const struct unit_reading *units,
                        size_t count)
{
    for (; stream->family < families->count; next_family(stream)) {
        const struct unit_family *family = &families->at[stream->family];

        for (; stream->item < count; stream->item++) {
            const struct unit_reading *unit = &units[stream->item];

            if (is_full(stream))
                return false;
            if (!is_about(family, unit))
                continue;
            if (!stream->is_begun)
                metrics_text_family(&stream->text, family->name, family->type, family->help);
            stream->is_begun = true;
            if (family->write != NULL)
                family->write(&stream->text, family, unit);
            else
                metrics_text_sample(&stream->text, str_buffer_text(&unit->labels), NULL, unit->values[family->value]);
        }
    }
    return true;
}

static bool write_tasks(struct metrics_stream *stream, const struct unit_families *families)
{
    const struct readings *readings = &stream->readings;

    return write_units(stream, families, readings->units + readings->connector_count,
                       readings->count - readings->connector_count);
}

static bool part_worker(struct metrics_stream *stream)
{
    worker_families_write(&stream->text, stream->registry, &stream->readings);
    return true;
}

static bool part_task_counts(struct metrics_stream *stream)
{
    return write_tasks(stream, &TASK_COUNTS);
}

static bool part_connectors(struct metrics_stream *stream)
{
    return write_units(stream, &CONNECTOR_FAMILIES, stream->readings.units, stream->readings.connector_count);
}

static bool part_connector_states(struct metrics_stream *stream)
{
    return write_units(stream, &CONNECTOR_STATES, stream->readings.units, stream->readings.connector_count);
}

static bool part_tasks(struct metrics_stream *stream)
{
    return write_tasks(stream, &TASK_FAMILIES);
}

static bool part_task_states(struct metrics_stream *stream)
{
    return write_tasks(stream, &TASK_STATES);
}

static void write_client(struct metrics_stream *stream, const struct client_family *family, const struct client_reading *reading)
{
    if (!stream->is_begun)
        metrics_text_family(&stream->text, family->name, family->type, family->help);
    stream->is_begun = true;
    family->write(&stream->text, family, reading, &stream->readings);
}

static bool part_clients(struct metrics_stream *stream)
{
    for (; stream->family < CLIENT_FAMILY_COUNT; next_family(stream)) {
        const struct client_family *family = &CLIENT_FAMILIES[stream->family];

        for (; stream->item < stream->readings.client_count; stream->item++) {
            const struct client_reading *reading = &stream->readings.clients[stream->item];

            if (is_full(stream))
                return false;
            if ((family->kinds & 1u << reading->client->kind) == 0)
                continue;
            mutex_lock(&reading->client->lock);
            if (reading->client->has_report || !family->needs_report)
                write_client(stream, family, reading);
            mutex_unlock(&reading->client->lock);
        }
    }
    return true;
}

static bool part_plugins(struct metrics_stream *stream)
{
    if (!plugin_families_write(&stream->text, &stream->readings))
        stream->text.out->failed = true;
    return true;
}

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

static void write_log_lines(struct metrics_text *text)
{
    char label[32];

    metrics_text_family(text, "millrace_log_lines_total", METRIC_COUNTER, "Lines logged, also those that repeat and were left out.");
    for (enum log_level level = LOG_LEVEL_FATAL; level <= LOG_LEVEL_TRACE; level++) {
        snprintf(label, sizeof(label), "level=\"%s\"", log_level_name(level));
        metrics_text_sample(text, label, NULL, (double)log_line_count(level));
    }
}

static bool part_rest(struct metrics_stream *stream)
{
    struct metrics_text *text = &stream->text;

    rest_families_write(text, stream->registry);
    metrics_text_family(text, "millrace_metrics_series_omitted", METRIC_GAUGE,
                        "Series of partitions and topics that limits left out of this answer.");
    metrics_text_sample(text, NULL, NULL, (double)stream->readings.left_out);
    audit_families_write(text, stream->registry);
    access_families_write(text, stream->registry);
    write_build(text, stream->registry);
    write_log_lines(text);
    metrics_process_write(text);
    if (stream->registry->jvm_names)
        metrics_process_write_as_jvm(text);
    metrics_text_end(text);
    return true;
}

static part_fn *const parts[] = {part_worker,      part_task_counts, part_connectors, part_connector_states, part_tasks,
                                 part_task_states, part_clients,     part_plugins,    part_rest};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* --- the whole ---------------------------------------------------------------------------------------------------- */

struct metrics_stream *metrics_stream_begin(struct metrics_registry *registry, enum metrics_format format)
{
    struct metrics_stream *stream = mem_calloc(1, sizeof(*stream));

    if (stream == NULL)
        return NULL;
    stream->registry = registry;
    stream->text.format = format;
    if (readings_take(&stream->readings, registry))
        return stream;
    metrics_stream_end(stream);
    return NULL;
}

bool metrics_stream_next(struct metrics_stream *stream, struct str_buffer *out, bool *is_over)
{
    stream->text.out = out;
    while (stream->part < PARTS && !is_full(stream)) {
        if (!parts[stream->part](stream))
            break;
        stream->part++;
        stream->family = stream->item = 0;
        stream->is_begun = false;
    }
    *is_over = stream->part == PARTS;
    return !str_buffer_failed(out);
}

void metrics_stream_end(struct metrics_stream *stream)
{
    if (stream == NULL)
        return;
    readings_release(&stream->readings);
    mem_free(stream);
}

bool metrics_write(struct metrics_registry *registry, enum metrics_format format, struct str_buffer *out)
{
    struct metrics_stream *stream = metrics_stream_begin(registry, format);
    struct str_buffer piece;
    bool is_over = false, is_whole = stream != NULL;

    str_buffer_init(&piece, out->max);
    while (is_whole && !is_over) {
        str_buffer_clear(&piece);
        is_whole = metrics_stream_next(stream, &piece, &is_over) && str_buffer_append(out, str_buffer_text(&piece), piece.length);
    }
    str_buffer_release(&piece);
    metrics_stream_end(stream);
    return is_whole && !str_buffer_failed(out);
}
