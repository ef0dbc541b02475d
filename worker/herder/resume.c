/*
 * Back in the group after it was lost: the lease is held back until the topics are read. What was given to others meanwhile runs there
 * by now: our instance of it gets no word out any more, neither what it holds nor its offsets. Then the lease comes back, and the rest
 * goes on where it stood.
 */
#include "base/pointer_map.h"
#include "coordination/membership.h"
#include "coordination/unit_map.h"
#include "herder/cluster_internal.h"
#include "herder/units_internal.h"

#include "base/bans.h"

/* Also what we were told to stop and have not let go of: nobody else has it. */
static bool is_ours(const struct herder *herder, const char *connector, int32_t task)
{
    const struct cluster_assignment *assignment = duty_assignment(herder->cluster);

    return duty_has(herder, connector, task) || (assignment != NULL && unit_map_has(&assignment->revoking, connector, task));
}

static void oust_tasks(struct herder *herder, const struct herder_connector *connector)
{
    for (uint32_t i = 0; i < connector->task_count; i++)
        if (units_task_is_up(&connector->tasks[i]) && !is_ours(herder, connector->name, (int32_t)i))
            executor_oust_task(herder->executor, connector->name, i);
}

void resume_begin(struct herder *herder)
{
    herder->losses = herder->membership != NULL ? membership_losses(herder->membership) : 0;
}

bool resume_what_is_ours(struct herder *herder)
{
    if (herder->cluster == NULL || herder->losses == herder->resumed_losses)
        return true;
    herder->cluster->is_stale = true;
    if (!cluster_refresh(herder))
        return false;
    for (size_t i = 0; i < pointer_map_count(herder->connectors); i++)
        oust_tasks(herder, pointer_map_value(herder->connectors, i));
    membership_resume(herder->membership, herder->losses);
    herder->resumed_losses = herder->losses;
    return true;
}
