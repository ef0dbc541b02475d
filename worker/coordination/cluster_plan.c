#include "coordination/cluster_plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "coordination/assignment.h"

#include "base/bans.h"

#define NOBODY ASSIGNMENT_NOWHERE
#define TEXT_SIZE 2048 /* a URL and a number */
#define RECORD_WAIT_MS 500 /* look again; how long a member may stay without a record is the caller's to say (is_unfit) */

/* Where one unit of the work stands, by what was read. Workers are indexes. */
struct place {
    int32_t owner;      /* alive, has it in `units` */
    int32_t holder;     /* alive, has it in `revoking`, not acknowledged */
    int32_t released_by; /* alive, has acknowledged */
    int32_t orphan_of;  /* gone; had it */
    int32_t prepared_by;
    int64_t preparing_since_ms;
    bool is_double;     /* more than one owner or holder */
    bool was_balance;   /* revoked for the balance: has no home to go back to */
    bool waits;         /* for its worker to come back */
    int64_t waits_until_ms;
    int64_t away_since_ms;
    const char *home; /* URL; NULL: none */
};

struct planner {
    const struct cluster_plan_input *input;
    struct cluster_plan *plan;
    struct place *places;           /* of the work, by index */
    struct assignment_unit *units;  /* those that do not wait; `worker` NOBODY for the others */
    struct assignment_worker *workers;
    bool *alive;
    bool no_memory;
};

/* --- who is alive --------------------------------------------------------------------------------------------------- */

bool cluster_is_proven_gone(const struct cluster_worker *workers, size_t count, const char *url, const char *boot)
{
    char id[TEXT_SIZE];

    snprintf(id, sizeof(id), "%s#%s", url, boot);
    for (size_t i = 0; i < count; i++) {
        const struct cluster_member *member = workers[i].member;

        if (member == NULL || workers[i].boot == NULL || strcmp(member->boot, workers[i].boot) != 0)
            continue; /* only a member's word counts */
        for (size_t k = 0; k < member->gone.count; k++)
            if (strcmp(member->gone.items[k], id) == 0)
                return true;
    }
    return false;
}

static bool is_alive(const struct cluster_plan_input *input, const struct cluster_worker *worker)
{
    return worker->boot != NULL &&
           !cluster_is_proven_gone(input->workers, input->worker_count, worker->url, worker->boot);
}

/* Its member record, if it is of the run that is in the group. */
static const struct cluster_member *present_member(const struct cluster_worker *worker)
{
    if (worker->member == NULL || worker->boot == NULL || strcmp(worker->member->boot, worker->boot) != 0)
        return NULL;
    return worker->member;
}

/* The assignment is for the run that is alive: what it lists may be running. */
static bool is_obeyed(const struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];

    return planner->alive[worker] && of->assignment != NULL && strcmp(of->assignment->boot, of->boot) == 0;
}

static void look_at_workers(struct planner *planner)
{
    for (size_t i = 0; i < planner->input->worker_count; i++) {
        const struct cluster_worker *worker = &planner->input->workers[i];
        const struct cluster_member *member = present_member(worker);

        planner->alive[i] = is_alive(planner->input, worker);
        planner->workers[i] = (struct assignment_worker){
            .id = worker->url,
            .labels = member != NULL ? member->labels : NULL,
            .keeps_work = planner->alive[i] && member != NULL && !member->drains && !member->leaves,
        };
        planner->workers[i].takes_work = planner->workers[i].keeps_work && !worker->is_unfit;
    }
}

static int32_t worker_of_url(const struct planner *planner, const char *url)
{
    for (size_t i = 0; url != NULL && i < planner->input->worker_count; i++)
        if (strcmp(planner->input->workers[i].url, url) == 0)
            return (int32_t)i;
    return NOBODY;
}

static bool someone_takes_work(const struct planner *planner)
{
    for (size_t i = 0; i < planner->input->worker_count; i++)
        if (planner->workers[i].takes_work)
            return true;
    return false;
}

/* --- where the units are --------------------------------------------------------------------------------------------- */

static bool is_acknowledged(const struct cluster_worker *worker, const char *connector, int32_t task, const char *text)
{
    const struct cluster_member *member = present_member(worker);
    struct cluster_stamp since;
    const char *reason;

    if (member == NULL || !unit_map_has(&member->stopped, connector, task))
        return false;
    cluster_revocation_parse(text, &since, &reason);
    return cluster_stamp_compare(member->as_of, since) >= 0;
}

static void see_revocation(struct place *place, const struct cluster_worker *worker, int32_t index,
                           const struct unit_entry *entry)
{
    struct cluster_stamp since;
    const char *reason;

    if (!is_acknowledged(worker, entry->connector, entry->task, entry->text)) {
        place->is_double = place->is_double || place->owner != NOBODY || place->holder != NOBODY;
        place->holder = index;
        return;
    }
    cluster_revocation_parse(entry->text, &since, &reason);
    place->released_by = index;
    place->was_balance = strcmp(reason, "balance") == 0;
}

static void see_at_worker(struct planner *planner, struct place *place, const struct cluster_work *work, size_t index)
{
    const struct cluster_worker *worker = &planner->input->workers[index];
    const struct cluster_assignment *assignment = worker->assignment;
    bool runs, revoked;
    size_t at;

    if (assignment == NULL)
        return;
    runs = unit_map_has(&assignment->units, work->connector, work->task);
    at = unit_map_find(&assignment->revoking, work->connector, work->task);
    revoked = at != UNIT_MAP_NONE;
    if (!is_obeyed(planner, index)) {
        if (runs || revoked)
            place->orphan_of = (int32_t)index;
        return;
    }
    if (revoked) {
        see_revocation(place, worker, (int32_t)index, &assignment->revoking.entries[at]);
    } else if (runs) {
        place->is_double = place->is_double || place->owner != NOBODY || place->holder != NOBODY;
        place->owner = (int32_t)index;
    }
    at = unit_map_find(&assignment->preparing, work->connector, work->task);
    if (at != UNIT_MAP_NONE) {
        const char *since = assignment->preparing.entries[at].text;
        int64_t since_ms = since != NULL ? strtoll(since, NULL, 10) : 0;

        place->prepared_by = (int32_t)index;
        place->preparing_since_ms = since_ms < planner->input->now_ms ? since_ms : planner->input->now_ms; /* another's clock */
    }
}

/* "NUMBER TEXT" of the cluster record. */
static const char *parse_numbered(const char *text, int64_t *number)
{
    char *end;

    *number = 0;
    if (text == NULL)
        return NULL;
    *number = strtoll(text, &end, 10);
    return *end == ' ' ? end + 1 : NULL;
}

static void find_home(struct planner *planner, struct place *place, const struct cluster_work *work)
{
    const struct cluster_head *head = planner->input->head;
    int32_t last = place->owner != NOBODY        ? place->owner
                   : place->holder != NOBODY     ? place->holder
                   : place->released_by != NOBODY ? place->released_by
                                                 : place->orphan_of;

    place->away_since_ms = planner->input->now_ms;
    if (place->was_balance && place->owner == NOBODY)
        return; /* it is at home where it comes to */
    if (head != NULL) {
        int64_t since_ms;
        const char *url = parse_numbered(unit_map_text(&head->away, work->connector, work->task), &since_ms);

        if (url != NULL && planner->input->now_ms - since_ms < CLUSTER_HOME_KEEP_MS) {
            place->home = url;
            place->away_since_ms = since_ms;
            return;
        }
    }
    place->home = last != NOBODY ? planner->input->workers[last].url : NULL;
}

/* Its worker came back under its name and will say in a moment what it is. */
static bool waits_for_record(const struct planner *planner, const struct place *place)
{
    const struct cluster_worker *worker;

    if (place->orphan_of == NOBODY || !planner->alive[place->orphan_of])
        return false;
    worker = &planner->input->workers[place->orphan_of];
    return present_member(worker) == NULL && !worker->is_unfit;
}

/* A unit whose worker died waits for it to come back, if there is a delay. */
static void find_wait(struct planner *planner, struct place *place, const struct cluster_work *work)
{
    const struct cluster_head *head = planner->input->head;
    const char *url = NULL;
    int64_t until_ms = 0;
    int32_t worker;

    if (place->owner != NOBODY || place->holder != NOBODY || place->released_by != NOBODY)
        return;
    if (waits_for_record(planner, place)) {
        place->home = planner->input->workers[place->orphan_of].url;
        place->waits_until_ms = planner->input->now_ms + RECORD_WAIT_MS;
        place->waits = true;
        return;
    }
    if (planner->input->return_delay_ms == 0)
        return;
    if (head != NULL)
        url = parse_numbered(unit_map_text(&head->absent, work->connector, work->task), &until_ms);
    if (url == NULL && place->orphan_of != NOBODY) {
        url = planner->input->workers[place->orphan_of].url;
        until_ms = planner->input->now_ms + planner->input->return_delay_ms;
    }
    if (url == NULL || until_ms <= planner->input->now_ms)
        return;
    place->home = url;
    worker = worker_of_url(planner, url);
    if (worker != NOBODY && planner->alive[worker])
        return; /* it is back */
    place->waits = true;
    place->waits_until_ms = until_ms;
}

static void look_at_places(struct planner *planner)
{
    for (size_t i = 0; i < planner->input->work_count; i++) {
        struct place *place = &planner->places[i];

        *place = (struct place){NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, .home = NULL};
        for (size_t worker = 0; worker < planner->input->worker_count; worker++)
            see_at_worker(planner, place, &planner->input->work[i], worker);
        find_home(planner, place, &planner->input->work[i]);
        find_wait(planner, place, &planner->input->work[i]);
    }
}

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
            .home = worker_of_url(planner, place->home),
        };
    }
    computed = assignment_compute(planner->workers, input->worker_count, moving, count);
    for (size_t i = input->work_count; computed && i > 0; i--)
        if (!planner->places[i - 1].waits)
            planner->units[i - 1] = moving[--count];
    mem_free(moving);
    return computed;
}

/* --- what is written --------------------------------------------------------------------------------------------------- */

static void put_unit(struct planner *planner, struct unit_map *map, const char *connector, int32_t task, const char *text)
{
    if (!unit_map_put(map, connector, task, text))
        planner->no_memory = true;
}

static void put_numbered(struct planner *planner, struct unit_map *map, const struct cluster_work *work, int64_t number,
                         const char *text)
{
    char numbered[TEXT_SIZE];

    snprintf(numbered, sizeof(numbered), "%" PRId64 " %s", number, text);
    put_unit(planner, map, work->connector, work->task, numbered);
}

/* The stamp that a worker's assignment gets if it is written. */
static struct cluster_stamp stamp_of(const struct planner *planner, int32_t worker)
{
    return (struct cluster_stamp){planner->input->last.epoch, planner->input->last.sequence + 1 + (uint64_t)worker};
}

static void revoke(struct planner *planner, int32_t worker, const char *connector, int32_t task, const char *reason)
{
    struct cluster_stamp stamp = stamp_of(planner, worker);
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 " %s", stamp.epoch, stamp.sequence, reason);
    put_unit(planner, &planner->plan->assignments[worker].revoking, connector, task, text);
    planner->plan->moves++;
}

static void let_prepare(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t target)
{
    char since[24];

    snprintf(since, sizeof(since), "%" PRId64,
             place->prepared_by == target ? place->preparing_since_ms : planner->input->now_ms);
    put_unit(planner, &planner->plan->assignments[target].preparing, work->connector, work->task, since);
}

static void look_again(struct planner *planner, int64_t when_ms)
{
    if (planner->plan->look_again_ms == 0 || when_ms < planner->plan->look_again_ms)
        planner->plan->look_again_ms = when_ms;
}

/* Of a connector there is nothing to prepare, and nobody feels a moment without it. */
static bool waits_for_successor(struct planner *planner, const struct place *place, const struct cluster_work *work,
                                int32_t target)
{
    const struct cluster_member *member;
    int64_t until_ms = planner->input->now_ms + CLUSTER_PREPARE_MOST_MS;

    if (target == NOBODY || work->task == UNIT_IS_CONNECTOR)
        return false;
    if (place->prepared_by == target) {
        member = present_member(&planner->input->workers[target]);
        until_ms = place->preparing_since_ms + CLUSTER_PREPARE_MOST_MS;
        if (until_ms <= planner->input->now_ms || (member != NULL && unit_map_has(&member->prepared, work->connector, work->task)))
            return false;
    }
    look_again(planner, until_ms);
    return true;
}

static const char *reason_to_leave(const struct planner *planner, int32_t owner, const struct cluster_work *work)
{
    const struct cluster_member *member = present_member(&planner->input->workers[owner]);

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
    const struct cluster_member *member = present_member(&planner->input->workers[owner]);

    return member == NULL || (member->leaves && !someone_takes_work(planner));
}

static void say_unassigned(struct planner *planner, const struct cluster_work *work)
{
    const char *words = "no worker takes work now";

    if (someone_takes_work(planner))
        words = work->selector != NULL ? "no worker has the labels that millrace.placement.selector asks for"
                                       : "no worker can take it now";
    put_unit(planner, &planner->plan->head.unassigned, work->connector, work->task, words);
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
        put_unit(planner, &assignments[owner].units, work->connector, work->task, NULL);
        note_home(planner, place, work, owner, false);
        return;
    }
    if (target != NOBODY)
        let_prepare(planner, place, work, target);
    planner->plan->is_settled = false;
    if (waits_for_successor(planner, place, work, target)) {
        put_unit(planner, &assignments[owner].units, work->connector, work->task, NULL);
        note_home(planner, place, work, owner, false);
        return;
    }
    revoke(planner, owner, work->connector, work->task,
           target == NOBODY && planner->workers[owner].keeps_work ? "selector" : reason_to_leave(planner, owner, work));
    note_home(planner, place, work, owner, false);
}

static void write_free(struct planner *planner, const struct place *place, const struct cluster_work *work, int32_t target)
{
    if (target == NOBODY) {
        say_unassigned(planner, work);
        return;
    }
    put_unit(planner, &planner->plan->assignments[target].units, work->connector, work->task, NULL);
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

        if (!is_obeyed(planner, worker))
            continue;
        at = unit_map_find(&read->revoking, work->connector, work->task);
        if (at != UNIT_MAP_NONE) {
            if (!is_acknowledged(&planner->input->workers[worker], work->connector, work->task,
                                 read->revoking.entries[at].text))
                put_unit(planner, &planner->plan->assignments[worker].revoking, work->connector, work->task,
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

    if (!waits_for_record(planner, place)) {
        snprintf(words, sizeof(words), "waits for worker %s to come back (scheduled.rebalance.max.delay.ms)", place->home);
        put_unit(planner, &planner->plan->head.unassigned, work->connector, work->task, words);
        put_numbered(planner, &planner->plan->head.absent, work, place->waits_until_ms, place->home);
    }
    planner->plan->is_settled = false;
    look_again(planner, place->waits_until_ms);
}

static void write_work(struct planner *planner)
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

/* What is no work any more (deleted, stopped, fewer tasks) may still run: it is revoked like everything else. */
static void write_removed(struct planner *planner, size_t worker)
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
            is_acknowledged(of, entry->connector, entry->task, entry->text))
            continue;
        put_unit(planner, &planner->plan->assignments[worker].revoking, entry->connector, entry->task, entry->text);
    }
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

static void finish_assignment(struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];
    struct cluster_assignment *next = &planner->plan->assignments[worker];
    const struct cluster_assignment *read = of->assignment;

    if (!planner->alive[worker]) {
        planner->plan->removed[worker] = of->boot == NULL && (read != NULL || of->member != NULL);
        return;
    }
    snprintf(next->boot, sizeof(next->boot), "%s", of->boot);
    snprintf(next->leader, sizeof(next->leader), "%s", planner->input->leader_boot);
    next->is_unfit = of->is_unfit;
    if (read == NULL && is_empty(next) && present_member(of) == NULL)
        return; /* not to be told anything yet */
    if (read != NULL && !of->must_be_written && strcmp(read->boot, next->boot) == 0 &&
        unit_map_equals(&read->units, &next->units) && unit_map_equals(&read->revoking, &next->revoking) &&
        unit_map_equals(&read->preparing, &next->preparing) && read->is_unfit == next->is_unfit) {
        next->stamp = read->stamp;
        return;
    }
    planner->plan->changed[worker] = true;
    use_stamp(planner, &next->stamp, stamp_of(planner, (int32_t)worker));
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
    if (before != NULL && before->stamp.epoch == planner->input->last.epoch && same_text(before->leader, head->leader) &&
        same_text(before->leader_url, head->leader_url) && same_text(before->fencing, head->fencing) &&
        unit_map_equals(&before->unassigned, &head->unassigned) && unit_map_equals(&before->away, &head->away) &&
        unit_map_equals(&before->absent, &head->absent) && before->rebalance_number == head->rebalance_number &&
        before->rebalance_took_ms == head->rebalance_took_ms && before->rebalance_moves == head->rebalance_moves) {
        head->stamp = before->stamp;
        return;
    }
    planner->plan->head_changed = true;
    use_stamp(planner, &head->stamp, stamp_of(planner, (int32_t)planner->input->worker_count));
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
    look_at_workers(planner);
    look_at_places(planner);
    if (!compute(planner)) {
        planner->no_memory = true;
        return;
    }
    write_work(planner);
    for (size_t i = 0; i < planner->input->worker_count; i++)
        if (is_obeyed(planner, i))
            write_removed(planner, i);
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
