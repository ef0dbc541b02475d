/*
 * reading_internal: what was read for one answer, and the families that are written of it; for the files of this room alone.
 *
 *   exposition.c       the whole, piece by piece
 *   worker_families.c  the worker, its group, connectors
 *   task_families.c    tasks
 *   state_families.c   how connectors and tasks are
 *   client_families.c  Kafka clients
 *   plugin_families.c  what plugins register for themselves
 */
#ifndef METRICS_READING_INTERNAL_H
#define METRICS_READING_INTERNAL_H

#include <stdbool.h>

#include "base/str_buffer.h"
#include "metrics/client_metrics_internal.h"
#include "metrics/registry_internal.h"
#include "metrics/rest_metrics.h"
#include "metrics/text.h"

#define LABELS_MAX (1u << 20)

struct unit_reading {
    struct unit_metrics *unit; /* a reference; NULL: the end of the list */
    struct str_buffer labels;  /* connector="…",task="…" */
    enum unit_condition condition;
    struct unit_description description;
    size_t transform_count, predicate_count;
    double running_ratio, pause_ratio;
    int64_t first_task;   /* the least number of its connector's tasks here */
    const double *values; /* of a task, by enum task_value */
};

struct client_reading {
    struct client_metrics *client; /* a reference */
    struct str_buffer labels;      /* clientid="…" */
    const char *unit_labels;       /* of the task whose it is; NULL: none's */
    size_t partitions_shown;       /* at most */
};

struct readings {
    struct unit_reading *units; /* connectors, then tasks; each by name and number */
    size_t connector_count, count;
    double *values;
    struct client_reading *clients; /* by kind and id, each once */
    size_t client_count;
    size_t left_out; /* series */
    double connectors, tasks;
    double rebalance_avg_ms, rebalance_total_ms;
    int64_t last_rebalance_ms; /* 0: none yet */
    const char *library_version;
    int64_t now_ms;
};

const char *condition_name(enum unit_condition condition); /* "running" */

/* One family of units: each unit that it is about has one series in it, or what `write` makes. */
struct unit_family {
    const char *name;
    enum metric_type type;
    unsigned kinds; /* bits of enum unit_kind, and OF_… of task_families.c */
    int value;      /* the writer's */
    const char *help;
    bool (*is_of)(const struct unit_family *family, const struct unit_reading *reading); /* NULL: by kinds */
    void (*write)(struct metrics_text *text, const struct unit_family *family, const struct unit_reading *reading);
};
struct unit_families {
    const struct unit_family *at;
    size_t count;
};

struct client_family {
    const char *name;
    enum metric_type type;
    unsigned kinds; /* bits of enum client_metrics_kind */
    int value;      /* the writer's */
    const char *help;
    /* locks: the client's. */
    void (*write)(struct metrics_text *text, const struct client_family *family, const struct client_reading *reading,
                  const struct readings *readings);
    bool needs_report; /* not shown before the first */
};
extern const struct client_family CLIENT_FAMILIES[];
extern const size_t CLIENT_FAMILY_COUNT;

extern const struct unit_families CONNECTOR_FAMILIES, CONNECTOR_STATES; /* of connectors */
extern const struct unit_families TASK_COUNTS, TASK_FAMILIES, TASK_STATES; /* of tasks */

void worker_families_write(struct metrics_text *text, struct metrics_registry *registry, const struct readings *readings);
/* Fills readings->values. false: no memory. */
bool task_values_read(struct readings *readings);
/* false: no memory. */
bool plugin_families_write(struct metrics_text *text, const struct readings *readings);
void rest_families_write(struct metrics_text *text, struct metrics_registry *registry);

/* A sample with one label more. */
void sample_with_label(struct metrics_text *text, const char *labels, const char *name, const char *value);

/* Nothing where no record is kept. */
void access_families_write(struct metrics_text *text, struct metrics_registry *registry);
void audit_families_write(struct metrics_text *text, const struct metrics_registry *registry);

#endif
