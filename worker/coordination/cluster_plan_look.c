/* cluster_plan_look.c: what is read: who is alive, and where each unit stands. */
#include "coordination/cluster_plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bans.h"

/* --- who is alive --------------------------------------------------------------------------------------------------- */

const struct cluster_member *planner_present_member(const struct cluster_worker *worker)
{
    if (worker->member == NULL || worker->boot == NULL || strcmp(worker->member->boot, worker->boot) != 0)
        return NULL;
    return worker->member;
}

bool cluster_is_proven_gone(const struct cluster_worker *workers, size_t count, const char *url, const char *boot)
{
    for (size_t i = 0; i < count; i++) {
        const struct cluster_member *member = planner_present_member(&workers[i]);

        if (member != NULL && cluster_member_says_gone(member, url, boot))
            return true;
    }
    return false;
}

static bool is_alive(const struct cluster_plan_input *input, const struct cluster_worker *worker)
{
    return worker->boot != NULL &&
           !cluster_is_proven_gone(input->workers, input->worker_count, worker->url, worker->boot);
}

bool planner_is_obeyed(const struct planner *planner, size_t worker)
{
    const struct cluster_worker *of = &planner->input->workers[worker];

    return planner->alive[worker] && of->assignment != NULL && strcmp(of->assignment->boot, of->boot) == 0;
}

void planner_look_at_workers(struct planner *planner)
{
    for (size_t i = 0; i < planner->input->worker_count; i++) {
        const struct cluster_worker *worker = &planner->input->workers[i];
        const struct cluster_member *member = planner_present_member(worker);

        planner->alive[i] = is_alive(planner->input, worker);
        planner->workers[i] = (struct assignment_worker){
            .id = worker->url,
            .labels = member != NULL ? member->labels : NULL,
            .keeps_work = planner->alive[i] && member != NULL && !member->drains && !member->leaves,
        };
        planner->workers[i].takes_work = planner->workers[i].keeps_work && !worker->is_unfit;
    }
}

int32_t planner_worker_of_url(const struct planner *planner, const char *url)
{
    for (size_t i = 0; url != NULL && i < planner->input->worker_count; i++)
        if (strcmp(planner->input->workers[i].url, url) == 0)
            return (int32_t)i;
    return NOBODY;
}

bool planner_someone_takes_work(const struct planner *planner)
{
    for (size_t i = 0; i < planner->input->worker_count; i++)
        if (planner->workers[i].takes_work)
            return true;
    return false;
}

/* --- where the units are --------------------------------------------------------------------------------------------- */

bool planner_is_acknowledged(const struct cluster_worker *worker, const char *connector, int32_t task, const char *text)
{
    const struct cluster_member *member = planner_present_member(worker);
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

    if (!planner_is_acknowledged(worker, entry->connector, entry->task, entry->text)) {
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
    if (!planner_is_obeyed(planner, index)) {
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

bool planner_waits_for_record(const struct planner *planner, const struct place *place)
{
    const struct cluster_worker *worker;

    if (place->orphan_of == NOBODY || !planner->alive[place->orphan_of])
        return false;
    worker = &planner->input->workers[place->orphan_of];
    return planner_present_member(worker) == NULL && !worker->is_unfit;
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
    if (planner_waits_for_record(planner, place)) {
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
    worker = planner_worker_of_url(planner, url);
    if (worker != NOBODY && planner->alive[worker])
        return; /* it is back */
    place->waits = true;
    place->waits_until_ms = until_ms;
}

void planner_look_at_places(struct planner *planner)
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
