/* cluster_plan_write.c: units, by where they stand and where they should be, into the assignments and the head. */
#include "coordination/cluster_plan_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bans.h"

void planner_put_unit(struct planner *planner, struct unit_map *map, const char *connector, int32_t task, const char *text)
{
    if (!unit_map_put(map, connector, task, text))
        planner->no_memory = true;
}

static void put_numbered(struct planner *planner, struct unit_map *map, const struct cluster_work *work, int64_t number,
                         const char *text)
{
    char numbered[TEXT_SIZE];

    snprintf(numbered, sizeof(numbered), "%" PRId64 " %s", number, text);
    planner_put_unit(planner, map, work->connector, work->task, numbered);
}

struct cluster_stamp planner_stamp_of(const struct planner *planner, int32_t worker)
{
    return (struct cluster_stamp){planner->input->last.epoch, planner->input->last.sequence + 1 + (uint64_t)worker};
}

static void revoke(struct planner *planner, int32_t worker, const char *connector, int32_t task, const char *reason)
{
    struct cluster_stamp stamp = planner_stamp_of(planner, worker);
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 " %s", stamp.epoch, stamp.sequence, reason);
    planner_put_unit(planner, &planner->plan->assignments[worker].revoking, connector, task, text);
    planner->plan->moves++;
}

static void let_prepare(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t target)
{
    char since[24];

    snprintf(since, sizeof(since), "%" PRId64,
             place->prepared_by == target ? place->preparing_since_ms : planner->input->now_ms);
    planner_put_unit(planner, &planner->plan->assignments[target].preparing, work->connector, work->task, since);
}

static void look_again(struct planner *planner, int64_t when_ms)
{
    if (planner->plan->look_again_ms == 0 || when_ms < planner->plan->look_again_ms)
        planner->plan->look_again_ms = when_ms;
}

static bool waits_for_successor(struct planner *planner, const struct place *place, const struct cluster_work *work,
                                int32_t target)
{
    const struct cluster_member *member;
    int64_t until_ms = planner->input->now_ms + CLUSTER_PREPARE_MOST_MS;

    if (target == NOBODY)
        return false;
    if (place->prepared_by == target) {
        member = planner_present_member(&planner->input->workers[target]);
        until_ms = place->preparing_since_ms + CLUSTER_PREPARE_MOST_MS;
        if (until_ms <= planner->input->now_ms || (member != NULL && unit_map_has(&member->prepared, work->connector, work->task)))
            return false;
    }
    look_again(planner, until_ms);
    return true;
}

static const char *reason_to_leave(const struct planner *planner, int32_t owner, const struct cluster_work *work)
{
    const struct cluster_member *member = planner_present_member(&planner->input->workers[owner]);

    (void)work;
    if (member != NULL && member->leaves)
        return "leave";
    if (member != NULL && member->drains)
        return "drain";
    return "balance";
}

/* A worker that leaves while nobody else is there just goes on until it ends. */
static bool may_stay_without_successor(const struct planner *planner, int32_t owner)
{
    const struct cluster_member *member = planner_present_member(&planner->input->workers[owner]);

    return member == NULL || (member->leaves && !planner_someone_takes_work(planner));
}

static void say_unassigned(struct planner *planner, const struct cluster_work *work)
{
    const char *words = "no worker takes work now";
    char asked[TEXT_SIZE];

    if (planner_someone_takes_work(planner)) {
        snprintf(asked, sizeof(asked), "no worker has the labels that millrace.placement.selector asks for: %s",
                 work->selector != NULL ? work->selector : "");
        words = work->selector != NULL ? asked : "no worker can take it now";
    }
    planner_put_unit(planner, &planner->plan->head.unassigned, work->connector, work->task, words);
}

static void note_home(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t at,
                      bool settles)
{
    if (place->home == NULL || settles || strcmp(place->home, planner->input->workers[at].url) == 0)
        return;
    put_numbered(planner, &planner->plan->head.away, work, place->away_since_ms, place->home);
}

static void write_owned(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t target)
{
    struct cluster_assignment *assignments = planner->plan->assignments;
    int32_t owner = place->owner;

    if (target == owner || (target == NOBODY && may_stay_without_successor(planner, owner))) {
        planner_put_unit(planner, &assignments[owner].units, work->connector, work->task, NULL);
        note_home(planner, place, work, owner, false);
        return;
    }
    if (target != NOBODY)
        let_prepare(planner, place, work, target);
    planner->plan->is_settled = false;
    if (waits_for_successor(planner, place, work, target)) {
        planner_put_unit(planner, &assignments[owner].units, work->connector, work->task, NULL);
        note_home(planner, place, work, owner, false);
        return;
    }
    revoke(planner, owner, work->connector, work->task,
           target == NOBODY && planner->workers[owner].keeps_work ? "selector" : reason_to_leave(planner, owner, work));
    note_home(planner, place, work, owner, false);
}

/* A member that has not yet said what it is may be the one that takes it: that comes in a moment. */
static bool may_be_taken_soon(const struct planner *planner, const struct cluster_work *work)
{
    const struct cluster_head *head = planner->input->head;

    if (head != NULL && unit_map_has(&head->unassigned, work->connector, work->task))
        return false;
    for (size_t i = 0; i < planner->input->worker_count; i++)
        if (planner->alive[i] && planner_present_member(&planner->input->workers[i]) == NULL && !planner->input->workers[i].is_unfit)
            return true;
    return false;
}

static void write_free(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t target)
{
    if (target == NOBODY && may_be_taken_soon(planner, work)) {
        planner->plan->is_settled = false;
        look_again(planner, planner->input->now_ms + RECORD_WAIT_MS);
        return;
    }
    if (target == NOBODY) {
        say_unassigned(planner, work);
        return;
    }
    planner_put_unit(planner, &planner->plan->assignments[target].units, work->connector, work->task, NULL);
    note_home(planner, place, work, target, place->was_balance);
    if (place->orphan_of != NOBODY && place->released_by == NOBODY)
        planner->plan->moves++;
}

/* What is being revoked stays so until it is acknowledged; of two owners both let go. */
static void write_held(struct planner *planner, size_t index, const struct cluster_work *work)
{
    for (size_t worker = 0; worker < planner->input->worker_count; worker++) {
        const struct cluster_assignment *read = planner->input->workers[worker].assignment;
        size_t at;

        if (!planner_is_obeyed(planner, worker))
            continue;
        at = unit_map_find(&read->revoking, work->connector, work->task);
        if (at != UNIT_MAP_NONE) {
            if (!planner_is_acknowledged(&planner->input->workers[worker], work->connector, work->task,
                                 read->revoking.entries[at].text))
                planner_put_unit(planner, &planner->plan->assignments[worker].revoking, work->connector, work->task,
                         read->revoking.entries[at].text);
        } else if (unit_map_has(&read->units, work->connector, work->task)) {
            revoke(planner, (int32_t)worker, work->connector, work->task, "double");
        }
    }
    if (planner->units[index].worker != NOBODY && planner->units[index].worker != planner->places[index].holder)
        let_prepare(planner, &planner->places[index], work, planner->units[index].worker);
    planner->plan->is_settled = false;
}

static void write_waiting(struct planner *planner, const struct place *place, const struct cluster_work *work)
{
    char words[TEXT_SIZE];

    if (!planner_waits_for_record(planner, place)) {
        snprintf(words, sizeof(words), "waits for worker %s to come back (scheduled.rebalance.max.delay.ms)", place->home);
        planner_put_unit(planner, &planner->plan->head.unassigned, work->connector, work->task, words);
        put_numbered(planner, &planner->plan->head.absent, work, place->waits_until_ms, place->home);
    }
    planner->plan->is_settled = false;
    look_again(planner, place->waits_until_ms);
}

void planner_write_work(struct planner *planner)
{
    for (size_t i = 0; i < planner->input->work_count; i++) {
        const struct place *place = &planner->places[i];
        const struct cluster_work *work = &planner->input->work[i];
        int32_t target = planner->units[i].worker;

        if (place->waits) {
            write_waiting(planner, place, work);
        } else if (place->is_double || place->holder != NOBODY) {
            write_held(planner, i, work);
            note_home(planner, place, work, place->holder != NOBODY ? place->holder : place->owner, place->was_balance);
        } else if (place->owner != NOBODY) {
            write_owned(planner, place, work, target);
        } else {
            write_free(planner, place, work, target);
        }
    }
}

static bool is_work(const struct cluster_plan_input *input, const char *connector, int32_t task)
{
    size_t low = 0, high = input->work_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = unit_compare(input->work[middle].connector, input->work[middle].task, connector, task);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void planner_write_removed(struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];
    const struct unit_map *units = &of->assignment->units, *revoking = &of->assignment->revoking;

    for (size_t i = 0; i < units->count; i++) {
        const struct unit_entry *entry = &units->entries[i];

        if (is_work(planner->input, entry->connector, entry->task))
            continue;
        revoke(planner, (int32_t)worker, entry->connector, entry->task, "removed");
        planner->plan->moves--; /* it ends, it does not move */
    }
    for (size_t i = 0; i < revoking->count; i++) {
        const struct unit_entry *entry = &revoking->entries[i];

        if (is_work(planner->input, entry->connector, entry->task) ||
            planner_is_acknowledged(of, entry->connector, entry->task, entry->text))
            continue;
        planner_put_unit(planner, &planner->plan->assignments[worker].revoking, entry->connector, entry->task, entry->text);
    }
}
