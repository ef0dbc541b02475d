/* registry_internal: units and the registry from inside; for the files of this room alone. */
#ifndef METRICS_REGISTRY_INTERNAL_H
#define METRICS_REGISTRY_INTERNAL_H

#include <pthread.h>

#include "base/refcount.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"

#define CONDITIONS (CONDITION_DESTROYED + 1)
#define TASK_OF_CONNECTOR (-1)
#define INTERNAL_TOPICS_MAX 3

struct unit_metrics {
    struct refcount references;
    char *connector;
    int64_t task; /* TASK_OF_CONNECTOR: the connector itself */
    pthread_mutex_t lock; /* guards all below but the cells */
    struct unit_description description;
    struct unit_stage *stages; /* each alias its own mem_strdup */
    size_t stage_count;
    const struct mr_metrics *plugin;
    uint32_t client_interval_ms;
    struct client_metrics *client; /* a reference; NULL: none */
    enum unit_condition condition;
    bool has_begun; /* its start is counted */
    int64_t since_ms;                /* in this condition */
    int64_t spent_ms[CONDITIONS];    /* in former ones */
    bool has_condition;              /* said by anybody */
    struct task_metrics cells[];     /* one of a task, none of a connector */
};

struct client_metrics *client_metrics_create(enum client_metrics_kind kind, const char *client_id, uint32_t interval_ms); /* NULL: no memory */

/* A reference for the caller; NULL: no memory. */
struct unit_metrics *unit_metrics_create(const char *connector, int64_t task, int64_t now_ms);
enum unit_condition unit_metrics_condition(struct unit_metrics *unit);
/* How a start turned out, told once. */
enum unit_start { UNIT_START_NONE, UNIT_START_WORKED, UNIT_START_FAILED };
enum unit_start unit_metrics_set_condition(struct unit_metrics *unit, enum unit_condition condition, int64_t now_ms);

/* Starts of connectors or of tasks. */
struct start_counts {
    uint64_t attempts, successes, failures;
    struct window outcome; /* 1: worked */
};

struct group_counts {
    bool is_known;
    uint64_t completed;
    int32_t generation;
    int64_t began_ms; /* 0: none under way */
    int64_t last_ms;  /* 0: none yet */
    struct window took_ms;
    int64_t took_total_ms;
    char *leader_url; /* NULL: not known */
};

struct audit_counters;
struct rest_metrics;
struct metrics_registry {
    const struct audit_counters *_Atomic audit; /* NULL: no record is kept */
    const struct clock *clock;
    bool jvm_names;
    uint32_t client_interval_ms;
    char *version, *librdkafka_version, *connect_protocol;
    pthread_mutex_t lock;           /* guards all below */
    struct pointer_map *connectors; /* name → unit, a reference each */
    struct pointer_map *tasks;      /* "number/name" → unit, a reference each */
    struct start_counts connector_starts, task_starts;
    struct group_counts group;
    struct access_reading access;
    struct credentials_reading credentials;
    struct {
        const char *topic;
        bool forgets;
    } internal_topics[INTERNAL_TOPICS_MAX]; /* filled from the front; topic NULL: no more */
    struct client_metrics *clients; /* a reference each, newest first */
    struct rest_metrics *_Atomic rest; /* NULL: no REST API */
};

/* The clients that are shown: those of units are added by the caller. Each with a reference, a block for mem_free with room for
 * `more`. NULL: no memory. */
struct client_metrics **metrics_registry_list_clients(struct metrics_registry *registry, size_t more, size_t *count);
void rest_metrics_destroy(struct rest_metrics *metrics);

/* All units now, connectors first, each with a reference; a block for mem_free. NULL: no memory. */
struct unit_metrics **metrics_registry_list(struct metrics_registry *registry, size_t *count);

#endif
