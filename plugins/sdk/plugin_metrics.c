#include "sdk/plugin_metrics.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/utf8.h"

#include "base/bans.h"

#define BLOCK_PLACES 8
_Static_assert(MR_METRICS_MAX % BLOCK_PLACES == 0, "whole blocks");

struct mr_metric {
    enum plugin_metric_kind kind;
    char *name, *doc;
    _Atomic double value;
};

struct mr_metrics {
    pthread_mutex_t lock;   /* for registering */
    _Atomic uint32_t count; /* published last: places below it are complete */
    struct mr_metric *places[MR_METRICS_MAX / BLOCK_PLACES]; /* blocks, made when their first place is taken: most plugins have none */
};

static struct mr_metric *place_at(const struct mr_metrics *metrics, size_t index)
{
    return &metrics->places[index / BLOCK_PLACES][index % BLOCK_PLACES];
}

/* lock held. NULL: no memory. */
static struct mr_metric *place_new(struct mr_metrics *metrics, size_t index)
{
    struct mr_metric **block = &metrics->places[index / BLOCK_PLACES];

    if (*block == NULL)
        *block = mem_calloc(BLOCK_PLACES, sizeof(**block));
    return *block == NULL ? NULL : place_at(metrics, index);
}

struct mr_metrics *plugin_metrics_create(void)
{
    struct mr_metrics *metrics = mem_calloc(1, sizeof(*metrics));
    if (metrics != NULL)
        mutex_init(&metrics->lock);
    return metrics;
}

void plugin_metrics_destroy(struct mr_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (uint32_t i = 0; i < atomic_load_explicit(&metrics->count, memory_order_acquire); i++) {
        mem_free(place_at(metrics, i)->name);
        mem_free(place_at(metrics, i)->doc);
    }
    for (size_t i = 0; i < MR_METRICS_MAX / BLOCK_PLACES; i++)
        mem_free(metrics->places[i]);
    mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

/* lock held. */
static struct mr_metric *find(struct mr_metrics *metrics, const char *name, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(place_at(metrics, i)->name, name) == 0)
            return place_at(metrics, i);
    }
    return NULL;
}

/* lock held. */
static struct mr_metric *place_fill(struct mr_metric *place, enum plugin_metric_kind kind, const char *name,
                                    const char *doc)
{
    if (place == NULL)
        return NULL;
    if (doc == NULL)
        doc = "";
    place->kind = kind;
    place->name = mem_strdup(name);
    place->doc = mem_strndup(doc, utf8_cut(doc, strlen(doc), PLUGIN_METRIC_DOC_MAX));
    if (place->name != NULL && place->doc != NULL)
        return place;
    mem_free(place->name);
    mem_free(place->doc);
    return NULL;
}

static struct mr_metric *register_metric(struct mr_metrics *metrics, enum plugin_metric_kind kind, const char *name,
                                         const char *doc)
{
    if (metrics == NULL || name == NULL || *name == '\0' || strlen(name) > PLUGIN_METRIC_NAME_MAX)
        return NULL;
    mutex_lock(&metrics->lock);
    uint32_t count = atomic_load_explicit(&metrics->count, memory_order_relaxed);
    struct mr_metric *metric = find(metrics, name, count);
    if (metric != NULL) {
        metric = metric->kind == kind ? metric : NULL;
    } else if (count < MR_METRICS_MAX) {
        metric = place_fill(place_new(metrics, count), kind, name, doc);
        if (metric != NULL)
            atomic_store_explicit(&metrics->count, count + 1, memory_order_release);
    }
    mutex_unlock(&metrics->lock);
    return metric;
}

struct mr_metric *mr_metric_counter(struct mr_metrics *metrics, const char *name, const char *doc)
{
    return register_metric(metrics, PLUGIN_METRIC_COUNTER, name, doc);
}

struct mr_metric *mr_metric_gauge(struct mr_metrics *metrics, const char *name, const char *doc)
{
    return register_metric(metrics, PLUGIN_METRIC_GAUGE, name, doc);
}

void mr_metric_add(struct mr_metric *metric, double amount)
{
    if (metric == NULL || (metric->kind == PLUGIN_METRIC_COUNTER && !(amount >= 0)))
        return;
    double before = atomic_load_explicit(&metric->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&metric->value, &before, before + amount, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void mr_metric_set(struct mr_metric *metric, double value)
{
    if (metric != NULL && metric->kind == PLUGIN_METRIC_GAUGE)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

size_t plugin_metrics_count(const struct mr_metrics *metrics)
{
    return metrics == NULL ? 0 : atomic_load_explicit(&metrics->count, memory_order_acquire);
}

struct plugin_metric_reading plugin_metrics_read(const struct mr_metrics *metrics, size_t index)
{
    assert(index < plugin_metrics_count(metrics));
    const struct mr_metric *metric = place_at(metrics, index);
    return (struct plugin_metric_reading){
        .kind = metric->kind,
        .name = metric->name,
        .doc = metric->doc,
        .value = atomic_load_explicit(&metric->value, memory_order_relaxed),
    };
}
