/*
 * task_metrics: what one task counts while it works: totals, and windows for what is lately.
 *
 * Written once per batch or plugin call, never per record: relaxed stores by whoever steps the task, no lock, nothing allocated.
 * Times are clock_monotonic_us. A reader sees each number whole, not all of one moment.
 * Meanings are those of Kafka Connect 4.3.1's source-task-metrics, sink-task-metrics and connector-task-metrics.
 *
 * thread: the task's, but for `errors` (error_counters.h) and `health` (task_health.h). NULL metrics count nothing. Part of a unit_metrics, which owns it.
 */
#ifndef METRICS_TASK_METRICS_H
#define METRICS_TASK_METRICS_H

#include <stddef.h>

#include "metrics/error_counters.h"
#include "metrics/histogram.h"
#include "metrics/task_health.h"
#include "metrics/window.h"

#define METRICS_UNKNOWN (-1)

struct task_metrics {
    /* Source: polled, written. Sink: read, sent. The window of batch sizes is that of `in` for a source, of `out` for a sink. */
    _Atomic uint64_t records_in, records_out;
    _Atomic int64_t active;          /* source: polled, not yet finished; sink: delivered, not yet committed */
    _Atomic int64_t partitions;      /* sink: assigned */
    _Atomic uint64_t commit_sequence; /* sink: attempts with something to commit */
    _Atomic uint64_t commits, commits_failed, commits_skipped;
    struct window in, out, active_lately;
    struct window call_us;        /* source: polls that gave something; sink: puts that worked */
    struct window commit_us;      /* commits that worked */
    struct window commit_outcome; /* 1: worked, 0: failed */
    struct window skipped;
    struct transaction_metrics {
        _Atomic uint64_t committed, aborted;
        struct window size, size_negated; /* records of those committed; the greatest of the negated is the least */
    } transactions;                       /* a source with exactly once */
    struct histogram calls, commits_took; /* of call_us and commit_us, since the beginning */
    /* Sink: age of the oldest record of a batch when put had taken it. Source: from a batch's poll until it was written. */
    struct histogram ages;
    _Atomic uint64_t bytes_in, bytes_out; /* keys and values: consumed; acknowledged */
    _Atomic uint64_t records_failed;      /* source: not acknowledged for good */
    _Atomic uint64_t rebalances;          /* sink: assignments received */
    _Atomic int64_t memory_bytes;         /* sink: read and kept; source: polled and not yet acknowledged */
    _Atomic int64_t lag_records;          /* sink: behind what was read, all partitions; METRICS_UNKNOWN */
    _Atomic uint64_t cpu_ns;              /* of the threads that step it; written by those */
    struct error_counters errors;
    struct task_health health;
};

/* A poll gave records. */
void task_metrics_polled(struct task_metrics *metrics, size_t records, int64_t begun_us, int64_t now_us);
/* A batch has come home: so many records of it were polled, so many were sent and acknowledged. */
void task_metrics_written(struct task_metrics *metrics, size_t polled, size_t written, int64_t now_us);

/* With exactly once. */
void task_metrics_transaction_committed(struct task_metrics *metrics, size_t records, int64_t now_us);
void task_metrics_transaction_aborted(struct task_metrics *metrics);

void task_metrics_read(struct task_metrics *metrics, size_t records, int64_t now_us);
/* A put has worked, of none or more records. */
void task_metrics_put(struct task_metrics *metrics, size_t records, int64_t begun_us, int64_t now_us);
void task_metrics_set_active(struct task_metrics *metrics, int64_t active, int64_t now_us);
void task_metrics_aged(struct task_metrics *metrics, int64_t age_us);
void task_metrics_read_bytes(struct task_metrics *metrics, uint64_t bytes);
void task_metrics_set_memory(struct task_metrics *metrics, uint64_t bytes);
void task_metrics_set_lag(struct task_metrics *metrics, int64_t records);
void task_metrics_rebalanced(struct task_metrics *metrics);
/* thread: the producer's. Records acknowledged with so many bytes; records that never will be. */
void task_metrics_landed(struct task_metrics *metrics, uint64_t bytes, size_t failed);
/* What a step of it has cost. thread: the one that stepped it. */
void task_metrics_used_cpu(struct task_metrics *metrics, int64_t ns);
void task_metrics_set_partitions(struct task_metrics *metrics, size_t partitions);

/* There is something to commit, and it begins. */
void task_metrics_commit_begun(struct task_metrics *metrics);
/* It worked: also when there was nothing to commit. */
void task_metrics_committed(struct task_metrics *metrics, int64_t took_us, int64_t now_us);
void task_metrics_commit_failed(struct task_metrics *metrics, int64_t now_us);
/* An answer came after its commit had been given up. */
void task_metrics_commit_skipped(struct task_metrics *metrics, int64_t now_us);

#endif
