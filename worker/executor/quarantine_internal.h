/*
 * quarantine_internal: the list of reports, for quarantine.c (one worker's file) and quarantine_cluster.c (what all workers know).
 *
 * A report is a struct string_map as in the file. Besides what crash_file.h lists it may say: "told" yes: it was logged; "config": for
 * which configuration it counts; "sent" yes: the cluster's word about it counts, not the file's, "sent_at": a
 * config snapshot of this offset has it, an older one may not; "void" yes: forgiven here,
 * while the cluster still has it; "heard" yes: it never was in the file of this worker.
 */
#ifndef EXECUTOR_QUARANTINE_INTERNAL_H
#define EXECUTOR_QUARANTINE_INTERNAL_H

#include <pthread.h>

#include "base/ptr_array.h"
#include "base/string_map.h"
#include "executor/quarantine.h"

struct quarantine {
    char *path;
    pthread_mutex_t writing;   /* one save at a time; before `lock`, held while the file is written */
    pthread_mutex_t lock;      /* for all below */
    struct ptr_array reports;  /* struct string_map */
    struct ptr_array untold;   /* of these: those that no status has shown yet. Not owned */
};

bool quarantine_report_is(const struct string_map *report, const char *name, const char *value);
bool quarantine_names_a_unit(const struct string_map *report);
/* It names that unit, or, `with_tasks`, any of the connector's, and was not forgiven. */
bool quarantine_is_of(const struct string_map *report, const char *connector, int64_t task, bool with_tasks);

/* locks: quarantine->lock is held. */
bool quarantine_is_done_with(const struct quarantine *quarantine, const struct string_map *report, int64_t now_ms);
void quarantine_remove_at(struct quarantine *quarantine, size_t index);

#endif
