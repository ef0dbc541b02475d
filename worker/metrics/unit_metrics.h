/*
 * unit_metrics: the numbers of one instance of a connector or task: what it is, how it is, what it counts.
 *
 * The registry shows it as long as the instance is this worker's; whoever counts or describes holds a reference of its own and may
 * outlive that (a task that was abandoned counts for nobody). A FAILED one is shown until it is started again or goes.
 *
 * Life: metrics_registry_add_* → _take … → _drop. thread: any. locks: its own, for a few stores; not on the way of records.
 * Everything takes NULL and does nothing then: nobody counts.
 */
#ifndef METRICS_UNIT_METRICS_H
#define METRICS_UNIT_METRICS_H

#include <stdbool.h>
#include <stddef.h>

struct client_metrics;
struct mr_metrics;
struct task_metrics;
struct unit_metrics;

/* As connectors' and tasks' statuses are called. UNASSIGNED and DESTROYED: it is not this worker's any more. */
enum unit_condition {
    CONDITION_UNASSIGNED,
    CONDITION_RUNNING,
    CONDITION_PAUSED,
    CONDITION_STOPPED,
    CONDITION_FAILED,
    CONDITION_RESTARTING,
    CONDITION_DESTROYED
};

enum unit_kind { UNIT_KIND_UNKNOWN, UNIT_KIND_SOURCE, UNIT_KIND_SINK };

struct unit_metrics *unit_metrics_take(struct unit_metrics *unit);
void unit_metrics_drop(struct unit_metrics *unit);

/* The cells of a task; they live as long as the reference. NULL: a connector. */
struct task_metrics *unit_metrics_cells(struct unit_metrics *unit);

/* Known once its plugin was found; of a task, the converters once they were made. Texts are the loader's: they outlive the unit.
 * NULL: not known, not shown. */
struct unit_converter {
    const char *class_name, *version;
};
struct unit_description {
    enum unit_kind kind;
    const char *connector_class, *connector_version, *task_class;
    struct unit_converter key_converter, value_converter, header_converter;
};
void unit_metrics_describe(struct unit_metrics *unit, const struct unit_description *description);

/* A transform of a task, or a predicate. `alias` is copied; class and version as above. */
struct unit_stage {
    const char *alias, *class_name;
    const char *version; /* NULL: none */
    bool is_predicate;
};
#define UNIT_STAGES_MAX 64 /* shown of a task; the rest is not */
/* In place of those it had. Without memory for them none are shown. */
void unit_metrics_set_stages(struct unit_metrics *unit, const struct unit_stage *stages, size_t count);

/* The metrics that its plugin registers for itself (sdk/plugin_metrics.h) are shown beside, until NULL is set: before they are
 * destroyed. Waits for a reader that is inside (some µs). */
void unit_metrics_set_plugin(struct unit_metrics *unit, const struct mr_metrics *plugin);

/* The consumer of a sink task (client_metrics.h), shown with the task until client_metrics_close. A reference for the caller;
 * NULL: no memory, or no unit. */
struct client_metrics *unit_metrics_add_client(struct unit_metrics *unit, const char *client_id);

#endif
