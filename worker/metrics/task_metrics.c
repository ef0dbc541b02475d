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
