/*
 * How long this worker takes to come to what a new assignment wants of it, for the metrics: from the moment it is read until all that is
 * new was started (or has failed) and all that is revoked has stopped. An assignment that changes nothing here counts for nothing.
 */
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"

#include "base/bans.h"

/* It was started, or will not be: what is not in the config topic (yet) is nothing to wait for. */
static bool is_settled(const struct herder *herder, const struct unit_entry *unit)
{
    const struct herder_connector *connector = units_find((struct herder *)herder, unit->connector);
    enum task_phase phase;

    if (connector == NULL)
        return true;
    if (unit->task == UNIT_IS_CONNECTOR)
        return connector->phase == CONNECTOR_UP || connector->phase == CONNECTOR_BROKEN;
    if ((uint32_t)unit->task >= connector->task_count)
        return true;
    phase = connector->tasks[unit->task].phase;
    return phase == TASK_PHASE_UP || phase == TASK_PHASE_BROKEN;
}

static bool has_come_to(const struct herder *herder, const struct cluster_assignment *assignment)
{
    for (size_t i = 0; i < assignment->units.count; i++)
        if (!is_settled(herder, &assignment->units.entries[i]))
            return false;
    for (size_t i = 0; i < assignment->revoking.count; i++)
        if (duty_is_running(herder, assignment->revoking.entries[i].connector, assignment->revoking.entries[i].task))
            return false;
    return true;
}

void rebalance_look(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_assignment *assignment = cluster != NULL ? duty_assignment(cluster) : NULL;
    bool is_done;

    if (assignment == NULL || !herder_may_run(herder))
        return;
    if (!cluster->is_rebalancing && cluster_stamp_compare(assignment->stamp, cluster->counted) == 0)
        return;
    cluster->counted = assignment->stamp;
    is_done = has_come_to(herder, assignment);
    if (!is_done && !cluster->is_rebalancing)
        metrics_registry_rebalance_began(herder->metrics);
    else if (is_done && cluster->is_rebalancing)
        metrics_registry_rebalance_ended(herder->metrics);
    cluster->is_rebalancing = !is_done;
}

void rebalance_show_group(struct herder *herder)
{
    if (herder->membership != NULL)
        metrics_registry_set_group(herder->metrics, membership_generation(herder->membership),
                                   herder->stage == HERDER_LEADING ? herder->worker_url : herder->leader_url);
}
