#include "connector_head.h"

#include <stdio.h>
#include <stdlib.h>

struct connector_head {
    const struct mr_config *config; /* the worker keeps it until the next start or the end */
};

void *connector_head_create(struct mr_connector_context *context, struct mr_error **error)
{
    struct connector_head *head = calloc(1, sizeof(*head));
    (void)context;
    if (head == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the connector");
    return head;
}

int connector_head_start(void *self, const struct mr_config *config, struct mr_error **error)
{
    struct connector_head *head = self;
    (void)error;
    head->config = config;
    return 0;
}

int connector_head_all_tasks(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    const struct connector_head *head = self;
    for (uint32_t i = 0; i < tasks_max; i++)
        if (mr_task_configs_add_copy(configs, head->config) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the configurations of the tasks");
    return 0;
}

int connector_head_numbered_tasks(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    const struct connector_head *head = self;
    char id[16];

    for (uint32_t i = 0; i < tasks_max; i++) {
        snprintf(id, sizeof(id), "%u", i);
        if (mr_task_configs_add_copy(configs, head->config) != 0 || mr_task_configs_put(configs, "id", id) != 0)
            return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the configurations of the tasks");
    }
    return 0;
}

int connector_head_one_task(void *self, uint32_t tasks_max, struct mr_task_configs *configs, struct mr_error **error)
{
    (void)tasks_max;
    return connector_head_all_tasks(self, 1, configs, error);
}

void connector_head_stop(void *self)
{
    (void)self;
}

void connector_head_destroy(void *self)
{
    free(self);
}
