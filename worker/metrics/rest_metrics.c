#include "metrics/rest_metrics.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/reading_internal.h"

#include "base/bans.h"

#define CLASSES 5 /* 1xx to 5xx */

struct rest_cell {
    struct rest_route_name name;
    _Atomic uint64_t answers[CLASSES];
    struct histogram took;
};

struct rest_metrics {
    size_t count;
    struct rest_cell cells[];
};

struct rest_metrics *metrics_registry_add_rest(struct metrics_registry *registry, const struct rest_route_name *routes,
                                               size_t count)
{
    struct rest_metrics *metrics;

    if (registry == NULL)
        return NULL;
    metrics = mem_calloc(1, sizeof(*metrics) + count * sizeof(metrics->cells[0]));
    if (metrics == NULL)
        return NULL;
    metrics->count = count;
    for (size_t i = 0; i < count; i++)
        metrics->cells[i].name = routes[i];
    rest_metrics_destroy(atomic_exchange(&registry->rest, metrics));
    return metrics;
}

void rest_metrics_destroy(struct rest_metrics *metrics)
{
    mem_free(metrics);
}

void rest_metrics_note(struct rest_metrics *metrics, size_t route, int status, int64_t took_us)
{
    if (metrics == NULL || route >= metrics->count || status < 100 || status >= 600)
        return;
    atomic_fetch_add_explicit(&metrics->cells[route].answers[status / 100 - 1], 1, memory_order_relaxed);
    histogram_record(&metrics->cells[route].took, &HISTOGRAM_CALLS, took_us);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static bool is_asked(const struct rest_cell *cell)
{
    return histogram_read(&cell->took).count > 0;
}

static void write_cell(struct metrics_text *text, const struct rest_cell *cell, bool is_histogram)
{
    static const char *const codes[CLASSES] = {"code=\"1xx\"", "code=\"2xx\"", "code=\"3xx\"", "code=\"4xx\"", "code=\"5xx\""};
    struct str_buffer labels;

    str_buffer_init(&labels, LABELS_MAX);
    metrics_text_append_label(&labels, "method", cell->name.method);
    metrics_text_append_label(&labels, "route", cell->name.route);
    if (is_histogram)
        metrics_text_histogram(text, str_buffer_text(&labels), &cell->took, &HISTOGRAM_CALLS);
    for (int i = 0; i < CLASSES && !is_histogram; i++) {
        uint64_t answers = atomic_load_explicit(&cell->answers[i], memory_order_relaxed);

        if (answers > 0)
            metrics_text_sample(text, str_buffer_text(&labels), codes[i], (double)answers);
    }
    text->out->failed |= str_buffer_failed(&labels);
    str_buffer_release(&labels);
}

static void write_family(struct metrics_text *text, const struct rest_metrics *metrics, bool is_histogram)
{
    bool is_begun = false;

    for (size_t i = 0; i < metrics->count; i++) {
        if (!is_asked(&metrics->cells[i]))
            continue;
        if (!is_begun && is_histogram)
            metrics_text_family(text, "millrace_rest_request_duration_seconds", METRIC_HISTOGRAM,
                                "How long requests to the REST API took to be answered.");
        else if (!is_begun)
            metrics_text_family(text, "millrace_rest_requests_total", METRIC_COUNTER,
                                "Requests to the REST API by class of the answer's status.");
        is_begun = true;
        write_cell(text, &metrics->cells[i], is_histogram);
    }
}

void rest_families_write(struct metrics_text *text, struct metrics_registry *registry)
{
    const struct rest_metrics *metrics = atomic_load(&registry->rest);

    if (metrics == NULL)
        return;
    write_family(text, metrics, false);
    write_family(text, metrics, true);
}
