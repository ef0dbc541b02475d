/*
 * status_entity: how a connector and its tasks are (Kafka's ConnectorStateInfo).
 */
#ifndef JSON_STATUS_ENTITY_H
#define JSON_STATUS_ENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/status_store.h"

struct herder_restart_plan;
struct json_out;

/* What is known beyond the status topic. */
struct status_beyond {
    const struct herder_restart_plan *plan; /* what it names is shown as RESTARTING; NULL: none */
    /* Writes further members of a task; NULL: there are none. */
    void (*more)(void *argument, struct json_out *out, const char *connector, uint32_t task);
    void *more_argument;
    const char *idle_worker_id; /* herder_idle_worker_id: what this worker says to run is shown as UNASSIGNED; NULL: none */
};

/* The state that is shown: idle_worker_id as above; `restarts`: it is about to. */
enum unit_state status_state_shown(const struct unit_status *status, bool restarts, const char *idle_worker_id);
/* {"name","connector":{"state","worker_id","version"},"tasks":[…],"type"}. The view must have a status of the connector. */
void status_entity_write(struct json_out *out, const char *name, const char *type, const struct status_view *view,
                         const struct status_beyond *beyond);
/* {"id","state","worker_id","version"}, and more */
void task_status_write(struct json_out *out, const char *connector, const struct task_status *task,
                       const struct status_beyond *beyond);

#endif
