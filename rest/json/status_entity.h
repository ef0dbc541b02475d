/*
 * status_entity: how a connector and its tasks are (rest, section 9).
 */
#ifndef JSON_STATUS_ENTITY_H
#define JSON_STATUS_ENTITY_H

#include <stdint.h>

struct herder_restart_plan;
struct json_out;
struct status_view;
struct task_status;

/* {"name","connector":{"state","worker_id","version"},"tasks":[…],"type"}; what the plan (NULL: none) names is shown as
 * RESTARTING. The view must have a status of the connector. */
void status_entity_write(struct json_out *out, const char *name, const char *type, const struct status_view *view,
                         const struct herder_restart_plan *plan);
/* {"id","state","worker_id","version"} */
void task_status_write(struct json_out *out, const struct task_status *task);

#endif
