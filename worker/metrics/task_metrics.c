#include "metrics/task_metrics.h"

#include "base/bans.h"

/* One thread writes: no read-modify-write instruction is needed. */
static void grow(_Atomic uint64_t *total, uint64_t by)
{
    atomic_store_explicit(total, atomic_load_explicit(total, memory_order_relaxed) + by, memory_order_relaxed);
}

static int64_t ms(int64_t us)
{
    return us / 1000;
}

void task_metrics_set_active(struct task_metrics *metrics, int64_t active, int64_t now_us)
{
    if (metrics == NULL)
        return;
    atomic_store_explicit(&metrics->active, active, memory_order_relaxed);
    window_record(&metrics->active_lately, active, ms(now_us));
}

static void move_active(struct task_metrics *metrics, int64_t by, int64_t now_us)
{
    int64_t active = atomic_load_explicit(&metrics->active, memory_order_relaxed) + by;

    task_metrics_set_active(metrics, active < 0 ? 0 : active, now_us);
}

/* --- source ------------------------------------------------------------------------------------------------------- */

void task_metrics_polled(struct task_metrics *metrics, size_t records, int64_t begun_us, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->records_in, records);
    window_record(&metrics->in, (int64_t)records, ms(now_us));
    window_record(&metrics->call_us, now_us - begun_us, ms(now_us));
    histogram_record(&metrics->calls, &HISTOGRAM_CALLS, now_us - begun_us);
    move_active(metrics, (int64_t)records, now_us);
}

void task_metrics_written(struct task_metrics *metrics, size_t polled, size_t written, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->records_out, written);
    window_record(&metrics->out, (int64_t)written, ms(now_us));
    move_active(metrics, -(int64_t)polled, now_us);
}

void task_metrics_transaction_committed(struct task_metrics *metrics, size_t records, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->transactions.committed, 1);
    window_record(&metrics->transactions.size, (int64_t)records, ms(now_us));
    window_record(&metrics->transactions.size_negated, -(int64_t)records, ms(now_us));
}

void task_metrics_transaction_aborted(struct task_metrics *metrics)
{
    if (metrics != NULL)
        grow(&metrics->transactions.aborted, 1);
}

/* --- sink --------------------------------------------------------------------------------------------------------- */

void task_metrics_read(struct task_metrics *metrics, size_t records, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->records_in, records);
    window_record(&metrics->in, (int64_t)records, ms(now_us));
}

void task_metrics_put(struct task_metrics *metrics, size_t records, int64_t begun_us, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->records_out, records);
    window_record(&metrics->out, (int64_t)records, ms(now_us));
    window_record(&metrics->call_us, now_us - begun_us, ms(now_us));
    histogram_record(&metrics->calls, &HISTOGRAM_CALLS, now_us - begun_us);
}

void task_metrics_aged(struct task_metrics *metrics, int64_t age_us)
{
    if (metrics != NULL)
        histogram_record(&metrics->ages, &HISTOGRAM_AGES, age_us);
}

void task_metrics_read_bytes(struct task_metrics *metrics, uint64_t bytes)
{
    if (metrics != NULL)
        grow(&metrics->bytes_in, bytes);
}

void task_metrics_set_memory(struct task_metrics *metrics, uint64_t bytes)
{
    if (metrics != NULL)
        atomic_store_explicit(&metrics->memory_bytes, (int64_t)bytes, memory_order_relaxed);
}

void task_metrics_set_lag(struct task_metrics *metrics, int64_t records)
{
    if (metrics != NULL)
        atomic_store_explicit(&metrics->lag_records, records, memory_order_relaxed);
}

void task_metrics_rebalanced(struct task_metrics *metrics)
{
    if (metrics != NULL)
        grow(&metrics->rebalances, 1);
}

void task_metrics_landed(struct task_metrics *metrics, uint64_t bytes, size_t failed)
{
    if (metrics == NULL)
        return;
    atomic_fetch_add_explicit(&metrics->bytes_out, bytes, memory_order_relaxed);
    if (failed > 0)
        atomic_fetch_add_explicit(&metrics->records_failed, failed, memory_order_relaxed);
}

void task_metrics_used_cpu(struct task_metrics *metrics, int64_t ns)
{
    if (metrics != NULL && ns > 0)
        grow(&metrics->cpu_ns, (uint64_t)ns);
}

void task_metrics_set_partitions(struct task_metrics *metrics, size_t partitions)
{
    if (metrics != NULL)
        atomic_store_explicit(&metrics->partitions, (int64_t)partitions, memory_order_relaxed);
}

/* --- commits ------------------------------------------------------------------------------------------------------ */

void task_metrics_commit_begun(struct task_metrics *metrics)
{
    if (metrics != NULL)
        grow(&metrics->commit_sequence, 1);
}

void task_metrics_committed(struct task_metrics *metrics, int64_t took_us, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->commits, 1);
    window_record(&metrics->commit_us, took_us, ms(now_us));
    histogram_record(&metrics->commits_took, &HISTOGRAM_CALLS, took_us);
    window_record(&metrics->commit_outcome, 1, ms(now_us));
}

void task_metrics_commit_failed(struct task_metrics *metrics, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->commits_failed, 1);
    window_record(&metrics->commit_outcome, 0, ms(now_us));
}

void task_metrics_commit_skipped(struct task_metrics *metrics, int64_t now_us)
{
    if (metrics == NULL)
        return;
    grow(&metrics->commits_skipped, 1);
    window_record(&metrics->skipped, 1, ms(now_us));
}
