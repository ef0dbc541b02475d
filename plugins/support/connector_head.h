/* connector_head: a connector that only hands its configuration on: its tasks get what it got. The functions fit into the
 * ops tables of sources and sinks; a start of one's own ends with connector_head_start. */
#ifndef SUPPORT_CONNECTOR_HEAD_H
#define SUPPORT_CONNECTOR_HEAD_H

#include <millrace/connector.h>

void *connector_head_create(struct mr_connector_context *context, struct mr_error **error);
int connector_head_start(void *self, const struct mr_config *config, struct mr_error **error);
/* One task, whatever tasks.max says; or as many as it says. */
int connector_head_one_task(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error);
int connector_head_all_tasks(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error);
/* As many as it says, each with its number, from 0 on, as its option `id`. */
int connector_head_numbered_tasks(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error);
void connector_head_stop(void *self);
void connector_head_destroy(void *self);

#endif
