#include "coordination/cluster_plan_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "base/bans.h"

/* --- where they should be ---------------------------------------------------------------------------------------------- */

/* Units on their way count for where they go to, so that a second look does not choose anew. */
static int32_t current_of(const struct planner *planner, const struct place *place)
{
    if (place->prepared_by != NOBODY && planner->workers[place->prepared_by].takes_work)
        return place->prepared_by;
    return place->is_double ? NOBODY : place->owner;
}

static bool compute(struct planner *planner)
{
    const struct cluster_plan_input *input = planner->input;
    struct assignment_unit *moving = mem_calloc(input->work_count + 1, sizeof(*moving));
    size_t count = 0;
    bool computed;

    if (moving == NULL)
        return false;
    for (size_t i = 0; i < input->work_count; i++) {
        const struct place *place = &planner->places[i];

        planner->units[i].worker = NOBODY;
        if (place->waits)
            continue;
        moving[count++] = (struct assignment_unit){
            .connector = input->work[i].connector,
            .task = input->work[i].task,
            .selector = input->work[i].selector,
            .weight = input->work[i].weight,
            .current = current_of(planner, place),
            .home = planner_worker_of_url(planner, place->home),
        };
    }
    computed = assignment_compute(planner->workers, input->worker_count, moving, count);
    for (size_t i = input->work_count; computed && i > 0; i--)
        if (!planner->places[i - 1].waits)
            planner->units[i - 1] = moving[--count];
    mem_free(moving);
    return computed;
}

/* --- what has changed --------------------------------------------------------------------------------------------------- */

static void use_stamp(struct planner *planner, struct cluster_stamp *stamp, struct cluster_stamp value)
{
    *stamp = value;
    if (cluster_stamp_compare(value, planner->plan->last) > 0)
        planner->plan->last = value;
}

static bool is_empty(const struct cluster_assignment *assignment)
{
    return assignment->units.count == 0 && assignment->revoking.count == 0 && assignment->preparing.count == 0;
}

/* What it had is given out, or noted as waiting for it, by this very plan. */
static void finish_dead(struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];
    struct cluster_assignment *next = &planner->plan->assignments[worker];

    if (of->boot != NULL)
        return;
    if (of->may_be_forgotten) {
        planner->plan->removed[worker] = of->assignment != NULL || of->member != NULL;
        return;
    }
    if (of->assignment == NULL || is_empty(of->assignment))
        return;
    snprintf(next->boot, sizeof(next->boot), "%s", of->assignment->boot);
    snprintf(next->leader, sizeof(next->leader), "%s", planner->input->leader_boot);
    planner->plan->changed[worker] = true;
    use_stamp(planner, &next->stamp, planner_stamp_of(planner, (int32_t)worker));
}

static void finish_assignment(struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];
    struct cluster_assignment *next = &planner->plan->assignments[worker];
    const struct cluster_assignment *read = of->assignment;

    if (!planner->alive[worker]) {
        finish_dead(planner, worker);
        return;
    }
    snprintf(next->boot, sizeof(next->boot), "%s", of->boot);
    snprintf(next->leader, sizeof(next->leader), "%s", planner->input->leader_boot);
    next->is_unfit = of->is_unfit;
    if (read == NULL && is_empty(next) && planner_present_member(of) == NULL)
        return; /* not to be told anything yet */
    if (read != NULL && !of->must_be_written && strcmp(read->boot, next->boot) == 0 &&
        unit_map_equals(&read->units, &next->units) && unit_map_equals(&read->revoking, &next->revoking) &&
        unit_map_equals(&read->preparing, &next->preparing) && read->is_unfit == next->is_unfit) {
        next->stamp = read->stamp;
        return;
    }
    planner->plan->changed[worker] = true;
    use_stamp(planner, &next->stamp, planner_stamp_of(planner, (int32_t)worker));
}

static char *copy(struct planner *planner, const char *text)
{
    char *copied = mem_strdup(text);

    if (copied == NULL && text != NULL)
        planner->no_memory = true;
    return copied;
}

static void note_rebalance(struct planner *planner)
{
    const struct cluster_head *before = planner->input->head;
    struct cluster_head *head = &planner->plan->head;
    bool was_going_on = before != NULL && before->rebalance_number > 0 && before->rebalance_took_ms < 0;

    if (before != NULL) {
        head->rebalance_number = before->rebalance_number;
        head->rebalance_began_ms = before->rebalance_began_ms;
        head->rebalance_took_ms = before->rebalance_took_ms;
        head->rebalance_moves = before->rebalance_moves;
    }
    if (planner->plan->moves > 0 && !was_going_on) {
        head->rebalance_number++;
        head->rebalance_began_ms = planner->input->now_ms;
        head->rebalance_took_ms = -1;
        head->rebalance_moves = planner->plan->moves;
        head->rebalance_reason = copy(planner, planner->input->reason);
    } else {
        head->rebalance_moves += planner->plan->moves;
        head->rebalance_reason = copy(planner, before != NULL ? before->rebalance_reason : NULL);
    }
    if (head->rebalance_number > 0 && head->rebalance_took_ms < 0 && planner->plan->is_settled)
        head->rebalance_took_ms = planner->input->now_ms - head->rebalance_began_ms;
}

static bool same_text(const char *one, const char *other)
{
    return strcmp(one != NULL ? one : "", other != NULL ? other : "") == 0;
}

static void finish_head(struct planner *planner)
{
    const struct cluster_head *before = planner->input->head;
    struct cluster_head *head = &planner->plan->head;

    note_rebalance(planner);
    snprintf(head->leader, sizeof(head->leader), "%s", planner->input->leader_boot);
    head->leader_url = copy(planner, planner->input->leader_url);
    head->fencing = copy(planner, planner->input->fencing);
    head->group = copy(planner, planner->input->group);
    if (before != NULL && before->stamp.epoch == planner->input->last.epoch && same_text(before->leader, head->leader) &&
        same_text(before->leader_url, head->leader_url) && same_text(before->fencing, head->fencing) &&
        same_text(before->group, head->group) &&
        unit_map_equals(&before->unassigned, &head->unassigned) && unit_map_equals(&before->away, &head->away) &&
        unit_map_equals(&before->absent, &head->absent) && before->rebalance_number == head->rebalance_number &&
        before->rebalance_took_ms == head->rebalance_took_ms && before->rebalance_moves == head->rebalance_moves) {
        head->stamp = before->stamp;
        return;
    }
    planner->plan->head_changed = true;
    use_stamp(planner, &head->stamp, planner_stamp_of(planner, (int32_t)planner->input->worker_count));
}

/* --- together -------------------------------------------------------------------------------------------------------- */

static bool planner_init(struct planner *planner, const struct cluster_plan_input *input, struct cluster_plan *plan)
{
    size_t workers = input->worker_count + 1, work = input->work_count + 1;

    *plan = (struct cluster_plan){.worker_count = input->worker_count, .last = input->last, .is_settled = true};
    cluster_head_init(&plan->head);
    plan->assignments = mem_calloc(workers, sizeof(*plan->assignments));
    plan->changed = mem_calloc(workers, sizeof(*plan->changed));
    plan->removed = mem_calloc(workers, sizeof(*plan->removed));
    *planner = (struct planner){.input = input, .plan = plan};
    planner->places = mem_calloc(work, sizeof(*planner->places));
    planner->units = mem_calloc(work, sizeof(*planner->units));
    planner->workers = mem_calloc(workers, sizeof(*planner->workers));
    planner->alive = mem_calloc(workers, sizeof(*planner->alive));
    return plan->assignments != NULL && plan->changed != NULL && plan->removed != NULL && planner->places != NULL &&
           planner->units != NULL && planner->workers != NULL && planner->alive != NULL;
}

static void planner_release(struct planner *planner)
{
    mem_free(planner->places);
    mem_free(planner->units);
    mem_free(planner->workers);
    mem_free(planner->alive);
}

static void make(struct planner *planner)
{
    planner_look_at_workers(planner);
    planner_look_at_places(planner);
    if (!compute(planner)) {
        planner->no_memory = true;
        return;
    }
    planner_write_work(planner);
    for (size_t i = 0; i < planner->input->worker_count; i++)
        if (planner_is_obeyed(planner, i))
            planner_write_removed(planner, i);
    for (size_t i = 0; i < planner->input->worker_count; i++)
        finish_assignment(planner, i);
    finish_head(planner);
}

bool cluster_plan_make(const struct cluster_plan_input *input, struct cluster_plan *plan)
{
    struct planner planner;
    bool made = planner_init(&planner, input, plan);

    if (made) {
        make(&planner);
        made = !planner.no_memory;
    }
    planner_release(&planner);
    if (!made)
        cluster_plan_release(plan);
    return made;
}

void cluster_plan_release(struct cluster_plan *plan)
{
    for (size_t i = 0; plan->assignments != NULL && i < plan->worker_count; i++)
        cluster_assignment_release(&plan->assignments[i]);
    mem_free(plan->assignments);
    mem_free(plan->changed);
    mem_free(plan->removed);
    cluster_head_release(&plan->head);
    *plan = (struct cluster_plan){0};
}
