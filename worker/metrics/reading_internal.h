/*
 * reading_internal: what was read of one unit for one answer, and the parts of an answer; for the files of this room alone.
 *
 *   exposition.c       the whole
 *   worker_families.c  the worker, its group, connectors
 *   task_families.c    tasks
 *   plugin_families.c  what plugins register for themselves
 */
#ifndef METRICS_READING_INTERNAL_H
#define METRICS_READING_INTERNAL_H

#include <stdbool.h>

#include "base/str_buffer.h"
#include "metrics/registry_internal.h"
#include "metrics/text.h"

#define LABELS_MAX (1u << 20)

struct unit_reading {
    struct unit_metrics *unit; /* a reference */
    struct str_buffer labels;  /* connector="…",task="…" */
    enum unit_condition condition;
    struct unit_description description;
    double running_ratio, pause_ratio;
};

struct readings {
    struct unit_reading *units; /* connectors, then tasks; each by name and number */
    size_t connector_count, count;
    int64_t now_ms;
};

const char *condition_name(enum unit_condition condition); /* "running" */

void worker_families_write(struct metrics_text *text, struct metrics_registry *registry, const struct readings *readings);
void connector_families_write(struct metrics_text *text, const struct readings *readings);
/* false: no memory. */
bool task_families_write(struct metrics_text *text, const struct readings *readings);
bool plugin_families_write(struct metrics_text *text, const struct readings *readings);

/* A sample with one label more. */
void sample_with_label(struct metrics_text *text, const char *labels, const char *name, const char *value);

/* Nothing where no record is kept. */
void access_families_write(struct metrics_text *text, struct metrics_registry *registry);
void audit_families_write(struct metrics_text *text, const struct metrics_registry *registry);

#endif
