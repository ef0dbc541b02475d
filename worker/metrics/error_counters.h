/*
 * error_counters: Kafka Connect's task-error-metrics of one task. They only grow, last_error_ms excepted.
 * All zero is the beginning. thread: any writes and reads, relaxed; one event may be seen in one counter and not yet in another.
 * Dead letters are counted by where (errors/stage.h: enum stage) and why (millrace/error.h: enum mr_error_code; 0: none of these).
 */
#ifndef METRICS_ERROR_COUNTERS_H
#define METRICS_ERROR_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define ERROR_STAGES 8
#define ERROR_CAUSES 11

struct error_counters {
    _Atomic uint64_t record_failures; /* total-record-failures: each failed attempt */
    _Atomic uint64_t record_errors;   /* total-record-errors: records that were given up */
    _Atomic uint64_t records_skipped;
    _Atomic uint64_t retries;
    _Atomic uint64_t errors_logged;
    _Atomic uint64_t dead_letter_requests;
    _Atomic uint64_t dead_letter_failures;
    _Atomic uint32_t letters[ERROR_STAGES][ERROR_CAUSES];
    _Atomic int64_t last_error_ms; /* wall clock; 0: none yet */
};

#endif
