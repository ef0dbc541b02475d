#include "metrics/client_metrics_internal.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/thread.h"
#include "metrics/registry_internal.h"

#include "base/bans.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

struct client_metrics *client_metrics_create(enum client_metrics_kind kind, const char *client_id, uint32_t interval_ms)
{
    static _Atomic uint64_t numbers;
    struct client_metrics *metrics = mem_calloc(1, sizeof(*metrics));
    struct timespec now;

    if (metrics == NULL)
        return NULL;
    metrics->client_id = mem_strdup(client_id);
    if (metrics->client_id == NULL) {
        mem_free(metrics);
        return NULL;
    }
    refcount_init(&metrics->references);
    mutex_init(&metrics->lock);
    metrics->kind = kind;
    metrics->interval_ms = interval_ms;
    metrics->number = atomic_fetch_add(&numbers, 1);
    clock_gettime(CLOCK_REALTIME, &now);
    metrics->start_s = (double)now.tv_sec + (double)(now.tv_nsec / 1000000) / 1e3;
    return metrics;
}

struct client_metrics *client_metrics_take(struct client_metrics *metrics)
{
    if (metrics != NULL)
        refcount_take(&metrics->references);
    return metrics;
}

uint32_t client_metrics_interval_ms(const struct client_metrics *metrics)
{
    return metrics == NULL ? 0 : metrics->interval_ms;
}

void client_metrics_close(struct client_metrics *metrics)
{
    if (metrics != NULL)
        atomic_store(&metrics->is_closed, true);
}

static void forget_topics(struct client_metrics *metrics)
{
    for (size_t i = 0; i < metrics->topic_count; i++)
        mem_free(metrics->topics[i].name);
    mem_free(metrics->topics);
    metrics->topics = NULL;
    metrics->topic_count = 0;
}

static void forget_partitions(struct partition_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free(cells[i].topic);
    mem_free(cells);
}

void client_metrics_drop(struct client_metrics *metrics)
{
    if (metrics == NULL || !refcount_drop(&metrics->references))
        return;
    forget_topics(metrics);
    forget_partitions(metrics->partitions, metrics->partition_count);
    mutex_destroy(&metrics->lock);
    mem_free(metrics->client_id);
    mem_free(metrics);
}

void client_list_sweep(struct client_metrics **list)
{
    while (*list != NULL) {
        struct client_metrics *at = *list;

        if (!atomic_load(&at->is_closed)) {
            list = &at->next;
            continue;
        }
        *list = at->next;
        client_metrics_drop(at);
    }
}

void client_list_release(struct client_metrics *list)
{
    while (list != NULL) {
        struct client_metrics *next = list->next;

        client_metrics_drop(list);
        list = next;
    }
}

/* --- what it tells ------------------------------------------------------------------------------------------------ */

static bool are_same_topics(const struct client_metrics *metrics, const struct client_report *report)
{
    for (size_t i = 0; i < metrics->topic_count && i < report->topic_count; i++)
        if (strcmp(metrics->topics[i].name, report->topics[i].name) != 0)
            return false;
    return metrics->topic_count == report->topic_count;
}

/* locks: held. Without memory there are none. */
static void keep_topics(struct client_metrics *metrics, const struct client_report *report)
{
    if (!are_same_topics(metrics, report)) {
        forget_topics(metrics);
        metrics->topics = mem_calloc(report->topic_count + 1, sizeof(*metrics->topics));
    }
    for (size_t i = 0; i < report->topic_count && metrics->topics != NULL; i++) {
        struct topic_cell *cell = &metrics->topics[i];

        if (i == metrics->topic_count && (cell->name = mem_strdup(report->topics[i].name)) == NULL)
            return;
        if (i == metrics->topic_count)
            metrics->topic_count++;
        cell->records = report->topics[i].records;
        cell->bytes = report->topics[i].bytes;
    }
}

void client_metrics_report(struct client_metrics *metrics, const struct client_report *report)
{
    if (metrics == NULL)
        return;
    if (pthread_mutex_trylock(&metrics->lock) != 0)
        return;
    metrics->has_report = true;
    memcpy(metrics->values, report->values, sizeof(metrics->values));
    metrics->topics_left_out = report->topics_left_out;
    keep_topics(metrics, report);
    mutex_unlock(&metrics->lock);
}

static bool is_same_partition(const struct partition_cell *cell, const struct client_lag *lag)
{
    return cell->partition == lag->partition && strcmp(cell->topic, lag->topic) == 0;
}

static bool are_same_partitions(const struct client_metrics *metrics, const struct client_lag *lags, size_t count)
{
    for (size_t i = 0; i < count && i < metrics->partition_count; i++)
        if (!is_same_partition(&metrics->partitions[i], &lags[i]))
            return false;
    return metrics->partition_count == count;
}

/* locks: held. What is still there keeps its past. Without memory there are none. */
static void renew_partitions(struct client_metrics *metrics, const struct client_lag *lags, size_t count)
{
    struct partition_cell *former = metrics->partitions, *cells = mem_calloc(count + 1, sizeof(*cells));
    size_t former_count = metrics->partition_count, made = 0;

    for (; cells != NULL && made < count; made++) {
        for (size_t i = 0; i < former_count; i++)
            if (is_same_partition(&former[i], &lags[made]))
                cells[made] = former[i];
        cells[made].partition = lags[made].partition;
        cells[made].topic = mem_strdup(lags[made].topic);
        if (cells[made].topic == NULL)
            break;
    }
    forget_partitions(former, former_count);
    metrics->partitions = cells;
    metrics->partition_count = made;
}

void client_metrics_set_lags(struct client_metrics *metrics, const struct client_lag *lags, size_t count, size_t left_out,
                             int64_t now_ms)
{
    if (metrics == NULL)
        return;
    if (count > METRICS_PARTITIONS_MAX) {
        left_out += count - METRICS_PARTITIONS_MAX;
        count = METRICS_PARTITIONS_MAX;
    }
    if (pthread_mutex_trylock(&metrics->lock) != 0)
        return;
    metrics->partitions_left_out = left_out;
    if (!are_same_partitions(metrics, lags, count))
        renew_partitions(metrics, lags, count);
    for (size_t i = 0; i < metrics->partition_count; i++) {
        metrics->partitions[i].lag = lags[i].lag;
        window_record(&metrics->partitions[i].lately, lags[i].lag, now_ms);
    }
    mutex_unlock(&metrics->lock);
}

void client_metrics_lost(struct client_metrics *metrics)
{
    if (metrics != NULL)
        atomic_fetch_add_explicit(&metrics->losses, 1, memory_order_relaxed);
}

void client_metrics_heartbeat(struct client_metrics *metrics, int64_t now_ms)
{
    if (metrics != NULL)
        atomic_store_explicit(&metrics->heartbeat_ms, now_ms, memory_order_relaxed);
}

void client_metrics_joined(struct client_metrics *metrics, int64_t took_us, int64_t now_ms)
{
    if (metrics != NULL)
        window_record(&metrics->join_us, took_us, now_ms);
}

void client_metrics_synced(struct client_metrics *metrics, int64_t took_us, int64_t now_ms)
{
    if (metrics != NULL)
        window_record(&metrics->sync_us, took_us, now_ms);
}
