/*
 * registry: which connectors and tasks are this worker's, and how the worker itself fares.
 *
 * The herder tells what comes, how it is, and what goes; what it counts itself, each task writes into its own cells
 * (task_metrics.h). Whoever reads (exposition.h) holds the lock only to take references: the way of records is never held up, and
 * what goes meanwhile is read to its end.
 *
 * Starts are counted here: the first RUNNING, PAUSED or STOPPED of an instance is one that worked, a FAILED before that one
 * that did not.
 *
 * Bounds: as many entries as units were added and not removed. Without memory a unit is not shown.
 * thread: any. locks: its own. NULL registry: nobody counts.
 */
#ifndef METRICS_REGISTRY_H
#define METRICS_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/client_metrics.h"
#include "metrics/unit_metrics.h"

struct clock;
struct metrics_registry;

/* Texts are copied. */
struct metrics_registry_setup {
    const struct clock *clock; /* NULL: the real one; outlives the registry */
    const char *version, *librdkafka_version;
    bool jvm_names;               /* memory and threads also under the names of a JVM */
    uint32_t client_interval_ms;  /* how often Kafka clients tell of themselves; 0: never */
    const char *connect_protocol; /* as configured, in any case; NULL: no group */
};

struct metrics_registry *metrics_registry_create(const struct metrics_registry_setup *setup); /* NULL: no memory */
/* References of units may be left. */
void metrics_registry_destroy(struct metrics_registry *registry);

/* The audit record's numbers, which live as long as the registry. NULL registry: nothing happens. */
struct audit_counters;
void metrics_registry_show_audit(struct metrics_registry *registry, const struct audit_counters *counters);

/* How the files of logins, bindings and certificates are. NULL registry: nothing happens. */
struct access_reading {
    bool has_logins, has_certificate; /* else what belongs to it is not shown */
    bool is_failing, certificate_is_failing;
    int64_t certificate_expires_s; /* since 1970 */
};
void metrics_registry_set_access(struct metrics_registry *registry, const struct access_reading *reading);

/* How the credentials of Kafka clients are. NULL registry: nothing happens. */
struct credentials_reading {
    bool is_in_use; /* else nothing is shown */
    bool is_failing;
    int64_t certificate_expires_s; /* since 1970; 0: there is no client certificate */
    uint64_t renewed;
};
void metrics_registry_set_credentials(struct metrics_registry *registry, const struct credentials_reading *reading);

/* Whether an internal topic deletes records that still count; `topic` is "config", "offset" or "status" and lives as long as the registry. One that was
 * never told of is not shown. NULL registry: nothing happens. */
void metrics_registry_set_forgetful(struct metrics_registry *registry, const char *topic, bool forgets);

/* ---- units: a new instance takes the place of the former one; RESTARTING stays its condition until it says more ---- */

/* A reference for the caller; NULL: no memory, or no registry. */
struct unit_metrics *metrics_registry_add_connector(struct metrics_registry *registry, const char *connector);
struct unit_metrics *metrics_registry_add_task(struct metrics_registry *registry, const char *connector, uint32_t task);
/* One that is not shown yet, for a task that may never be started. */
struct unit_metrics *metrics_registry_make_task(struct metrics_registry *registry, const char *connector, uint32_t task);
/* Shows it. Without memory it stays unseen. */
void metrics_registry_show_task(struct metrics_registry *registry, const char *connector, uint32_t task,
                                struct unit_metrics *unit);

/* A reference for the caller; NULL: it is not this worker's. */
struct unit_metrics *metrics_registry_find_task(struct metrics_registry *registry, const char *connector, uint32_t task);

/* How it is now. UNASSIGNED and DESTROYED remove it. One that was never added is there from now on. */
void metrics_registry_set_connector(struct metrics_registry *registry, const char *connector,
                                    enum unit_condition condition);
void metrics_registry_set_task(struct metrics_registry *registry, const char *connector, uint32_t task,
                               enum unit_condition condition);
/* With all of its tasks. */
void metrics_registry_remove(struct metrics_registry *registry, const char *connector);

/* ---- Kafka clients (client_metrics.h) ---- */

/* One that belongs to no task: a producer, which tasks share, or the worker's group member. A reference for the caller, shown until
 * client_metrics_close. Of two with one id the newer is shown. NULL: no memory, or no registry. */
struct client_metrics *metrics_registry_add_client(struct metrics_registry *registry, enum client_metrics_kind kind,
                                                   const char *client_id);

/* ---- the group: not shown before the first call ---- */

/* `leader_url` is copied; NULL: not known. */
void metrics_registry_set_group(struct metrics_registry *registry, int32_t generation, const char *leader_url);
/* This worker has something to come to. */
void metrics_registry_rebalance_began(struct metrics_registry *registry);
/* Its part is started. Without a beginning nothing happens. */
void metrics_registry_rebalance_ended(struct metrics_registry *registry);

#endif
