#include "coordination/assignment.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/placement.h"
#include "coordination/unit_map.h"

#include "base/bans.h"

/* One run for one kind of unit (connectors, or tasks). */
struct plan {
    const struct assignment_worker *workers;
    size_t worker_count;
    struct assignment_unit *units;
    size_t unit_count;
    bool tasks;
    uint64_t *loads;     /* of this kind, by worker */
    uint64_t *all_loads; /* of both kinds: breaks ties */
};

static bool is_of_kind(const struct plan *plan, const struct assignment_unit *unit)
{
    return (unit->task != UNIT_IS_CONNECTOR) == plan->tasks;
}

static bool fits(const struct plan *plan, const struct assignment_unit *unit, size_t worker)
{
    const struct assignment_worker *at = &plan->workers[worker];

    if (unit->current == (int32_t)worker ? !at->keeps_work : !at->takes_work)
        return false;
    return placement_fits(unit->selector, at->labels);
}

static void place(struct plan *plan, struct assignment_unit *unit, size_t worker)
{
    if (unit->worker != ASSIGNMENT_NOWHERE) {
        plan->loads[unit->worker] -= unit->weight;
        plan->all_loads[unit->worker] -= unit->weight;
    }
    unit->worker = (int32_t)worker;
    plan->loads[worker] += unit->weight;
    plan->all_loads[worker] += unit->weight;
}

/* --- what stays, what has no place ------------------------------------------------------------------------------- */

static void keep_current(struct plan *plan)
{
    for (size_t i = 0; i < plan->unit_count; i++) {
        struct assignment_unit *unit = &plan->units[i];

        if (is_of_kind(plan, unit) && unit->current != ASSIGNMENT_NOWHERE && fits(plan, unit, (size_t)unit->current))
            place(plan, unit, (size_t)unit->current);
    }
}

static bool is_lighter(const struct plan *plan, size_t one, size_t other)
{
    if (plan->loads[one] != plan->loads[other])
        return plan->loads[one] < plan->loads[other];
    return plan->all_loads[one] < plan->all_loads[other];
}

/* Worker indexes, the heaviest first; among equals the later id first, so that the earlier keep what they have. */
static void sort_by_load(const struct plan *plan, size_t *order)
{
    for (size_t i = 0; i < plan->worker_count; i++) {
        size_t at = i;

        while (at > 0 && !is_lighter(plan, i, order[at - 1])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

/* What each worker carries when all is even; who has the most now may keep one more than the others. */
static void share_evenly(const struct plan *plan, const size_t *order, uint64_t *shares)
{
    uint64_t total = 0, workers = 0, more;

    for (size_t i = 0; i < plan->unit_count; i++)
        if (is_of_kind(plan, &plan->units[i]))
            total += plan->units[i].weight;
    for (size_t i = 0; i < plan->worker_count; i++)
        workers += plan->workers[i].takes_work || plan->workers[i].keeps_work;
    more = workers == 0 ? 0 : total % workers;
    for (size_t i = 0; i < plan->worker_count; i++) {
        const struct assignment_worker *worker = &plan->workers[order[i]];

        shares[order[i]] = 0;
        if (!worker->takes_work && !worker->keeps_work)
            continue;
        shares[order[i]] = total / workers + (more > 0);
        more -= more > 0;
    }
}

/* As many as there are: those that are too many there are the first to go again, nothing of them runs yet. */
static void bring_home(struct plan *plan)
{
    for (size_t i = 0; i < plan->unit_count; i++) {
        struct assignment_unit *unit = &plan->units[i];

        if (!is_of_kind(plan, unit) || unit->worker != ASSIGNMENT_NOWHERE || unit->home == ASSIGNMENT_NOWHERE)
            continue;
        if (fits(plan, unit, (size_t)unit->home))
            place(plan, unit, (size_t)unit->home);
    }
}

static void place_rest(struct plan *plan)
{
    for (size_t i = 0; i < plan->unit_count; i++) {
        struct assignment_unit *unit = &plan->units[i];
        size_t best = plan->worker_count;

        if (!is_of_kind(plan, unit) || unit->worker != ASSIGNMENT_NOWHERE)
            continue;
        for (size_t worker = 0; worker < plan->worker_count; worker++)
            if (fits(plan, unit, worker) && (best == plan->worker_count || is_lighter(plan, worker, best)))
                best = worker;
        if (best != plan->worker_count)
            place(plan, unit, best);
    }
}

/* --- the balance ------------------------------------------------------------------------------------------------- */

/* How little is lost when the unit goes from where the plan has it to `to`: 0 is nothing, it does not run there yet. */
static unsigned cost_of_move(const struct assignment_unit *unit, size_t to)
{
    if (unit->worker != unit->current)
        return unit->home == unit->worker ? 1 : 0;
    if (unit->home == (int32_t)to)
        return 2;
    return unit->home == unit->worker ? 4 : 3;
}

static bool is_running_at(const struct assignment_unit *unit, size_t worker)
{
    return unit->current == (int32_t)worker;
}

/* The unit that should go from one worker to the other, or NULL. */
static struct assignment_unit *unit_to_move(const struct plan *plan, size_t from, size_t to)
{
    struct assignment_unit *best = NULL;

    for (size_t i = plan->unit_count; i > 0; i--) {
        struct assignment_unit *unit = &plan->units[i - 1];

        if (unit->worker != (int32_t)from || !is_of_kind(plan, unit))
            continue;
        if (plan->loads[to] + unit->weight >= plan->loads[from] || !fits(plan, unit, to))
            continue;
        if (!is_running_at(unit, from))
            return unit; /* nothing is lost; who comes home is seen to at the end */
        if (best == NULL || cost_of_move(unit, to) < cost_of_move(best, to))
            best = unit;
    }
    return best;
}

/* One move that makes the balance better: the cheapest, among equals from the heaviest to the lightest. With shares only from
 * above a share to below one: then nothing moves twice. false: there is none. */
static bool improve(struct plan *plan, size_t *order, const uint64_t *shares)
{
    struct assignment_unit *best = NULL;
    size_t best_to = 0;

    sort_by_load(plan, order);
    for (size_t heavy = 0; heavy < plan->worker_count; heavy++) {
        for (size_t light = plan->worker_count; light > heavy + 1; light--) {
            size_t from = order[heavy], to = order[light - 1];
            struct assignment_unit *unit;

            if (plan->loads[to] + 1 >= plan->loads[from] || !plan->workers[to].takes_work)
                continue;
            if (shares != NULL && (plan->loads[from] <= shares[from] || plan->loads[to] >= shares[to]))
                continue;
            unit = unit_to_move(plan, from, to);
            if (unit != NULL && (best == NULL || cost_of_move(unit, to) < cost_of_move(best, best_to))) {
                best = unit;
                best_to = to;
            }
        }
    }
    if (best != NULL)
        place(plan, best, best_to);
    return best != NULL;
}

/* --- home, at no cost ---------------------------------------------------------------------------------------------- */

/* It has to move anyway, and could as well go home. */
static bool could_go_home(const struct plan *plan, const struct assignment_unit *unit)
{
    return is_of_kind(plan, unit) && unit->worker != ASSIGNMENT_NOWHERE && unit->worker != unit->current &&
           unit->home != ASSIGNMENT_NOWHERE && unit->home != unit->worker && fits(plan, unit, (size_t)unit->home);
}

/* Who is about to come to the home of `unit`, does not belong there, and may as well go where that one was to go. NULL: nobody. */
static struct assignment_unit *stranger_at_home(const struct plan *plan, const struct assignment_unit *unit)
{
    for (size_t i = 0; i < plan->unit_count; i++) {
        struct assignment_unit *other = &plan->units[i];

        if (is_of_kind(plan, other) && other->worker == unit->home && other->worker != other->current &&
            other->home != other->worker && other->weight == unit->weight && fits(plan, other, (size_t)unit->worker))
            return other;
    }
    return NULL;
}

/* Where the balance stays as good as it is. false: nobody went. */
static bool go_home(struct plan *plan)
{
    bool has_gone = false;

    for (size_t i = 0; i < plan->unit_count; i++) {
        struct assignment_unit *unit = &plan->units[i], *stranger;
        size_t left = (size_t)unit->worker;

        if (!could_go_home(plan, unit))
            continue;
        stranger = stranger_at_home(plan, unit);
        if (stranger == NULL && plan->loads[unit->home] + unit->weight > plan->loads[left])
            continue;
        place(plan, unit, (size_t)unit->home);
        if (stranger != NULL)
            place(plan, stranger, left);
        has_gone = true;
    }
    return has_gone;
}

/* One kind of unit. It ends: each improvement lessens the sum of the squares of the loads, whoever goes home lets it be and stays. */
static void compute(struct plan *plan, size_t *order, uint64_t *shares)
{
    memset(plan->loads, 0, plan->worker_count * sizeof(plan->loads[0]));
    keep_current(plan);
    sort_by_load(plan, order);
    share_evenly(plan, order, shares);
    bring_home(plan);
    place_rest(plan);
    while (improve(plan, order, shares))
        ;
    do {
        while (improve(plan, order, NULL)) /* where labels do not let all have their share */
            ;
    } while (go_home(plan));
}

static bool is_sorted(const struct assignment_worker *workers, size_t worker_count, const struct assignment_unit *units,
                      size_t unit_count)
{
    for (size_t i = 1; i < worker_count; i++)
        if (strcmp(workers[i - 1].id, workers[i].id) >= 0)
            return false;
    for (size_t i = 1; i < unit_count; i++)
        if (unit_compare(units[i - 1].connector, units[i - 1].task, units[i].connector, units[i].task) >= 0)
            return false;
    return true;
}

bool assignment_compute(const struct assignment_worker *workers, size_t worker_count, struct assignment_unit *units,
                        size_t unit_count)
{
    uint64_t *loads = mem_calloc(worker_count * 3 + 1, sizeof(*loads));
    size_t *order = mem_calloc(worker_count + 1, sizeof(*order));

    if (loads == NULL || order == NULL) {
        mem_free(loads);
        mem_free(order);
        return false;
    }
    assert(is_sorted(workers, worker_count, units, unit_count));
    for (size_t i = 0; i < unit_count; i++) {
        assert(units[i].weight > 0 && units[i].current < (int32_t)worker_count && units[i].home < (int32_t)worker_count);
        units[i].worker = ASSIGNMENT_NOWHERE;
    }
    for (int kind = 0; kind < 2; kind++) {
        struct plan plan = {workers, worker_count, units, unit_count, kind == 1, loads, loads + worker_count};

        compute(&plan, order, loads + 2 * worker_count);
    }
    mem_free(loads);
    mem_free(order);
    return true;
}
