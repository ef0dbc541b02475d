/*
 * audit_counters: how the audit record fares; written by rest/audit, shown by the registry (metrics_registry_show_audit).
 * All zero is the beginning. thread: any writes and reads, relaxed.
 */
#ifndef METRICS_AUDIT_COUNTERS_H
#define METRICS_AUDIT_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct audit_counters {
    _Atomic bool is_failing; /* changes are refused now */
    _Atomic uint64_t lines;  /* written */
    _Atomic uint64_t lost;   /* that had no place while none could be written */
    _Atomic uint64_t refused_changes;
    _Atomic uint64_t refused_calls; /* by authentication, authorization or limits */
};

#endif
