/* Shuts out the producers of a connector's former tasks. */
#include <millrace/error.h>

#include "base/string_map.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "executor/executor_internal.h"
#include "kafka/producer_fence.h"

#include "base/bans.h"

int executor_shut_out_producers(const struct executor *executor, const struct executor_fence *fence, struct mr_error **error)
{
    const struct executor_setup *setup = &executor->setup;
    if (fence->count == 0)
        return 0;
    const struct fence_bound bound = {.why_not = fence->why_not, .argument = fence->argument};
    struct string_map *resolved = variables_resolve(setup->variables, fence->config, NULL, error);
    const struct fence_of_tasks tasks = {.worker = setup->worker->properties,
                                         .connector = resolved,
                                         .group_id = setup->worker->group_id,
                                         .name = fence->connector,
                                         .count = fence->count,
                                         .bound = &bound};
    int status = resolved == NULL ? -1 : producers_shut_out_of_tasks(&tasks, setup->graveyard, fence->deadline_ms, error);
    variables_hide_error(fence->config, resolved, error);
    string_map_destroy(resolved);
    return status;
}
