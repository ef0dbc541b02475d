/*
 * The leader's turn: look at who is there, what is to be run and where it runs; make a plan (coordination/cluster_plan.h); write what
 * differs; and again when anything has changed. One plan is under way at a time. Nothing that a next leader needs is kept here.
 */
#include <inttypes.h>
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "coordination/cluster_plan.h"
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define RETRY_MS 250
#define CONTEST_MAX 3 /* epochs taken by others while we lead, within CONTEST_WITHIN_MS: then we wait as long */
#define CONTEST_WITHIN_MS 10000
#define RECORD_OVERDUE_MS 5000 /* a member that does not introduce itself */
#define FORGET_MS CLUSTER_HOME_KEEP_MS /* after it is gone: see may_be_forgotten */
#define SILENT_MS (CLUSTER_PREPARE_MOST_MS / 2) /* known before the task is revoked although its successor is not ready */

/* What one plan writes; belongs to its job while that runs. */
struct balance_write {
    struct config_note_write *notes;
    size_t count;
    struct membership *membership;
    uint64_t seats_epoch; /* the group it is made for */
};

static void write_free(struct balance_write *write)
{
    if (write == NULL)
        return;
    for (size_t i = 0; i < write->count; i++) {
        mem_free((char *)write->notes[i].key);
        mem_free((char *)write->notes[i].text);
    }
    mem_free(write->notes);
    mem_free(write);
}

/* --- the input ----------------------------------------------------------------------------------------------------------- */

static bool is_acknowledging(const struct cluster_known *known)
{
    for (size_t i = 0; i < known->assignment.revoking.count; i++) {
        const struct unit_entry *entry = &known->assignment.revoking.entries[i];
        struct cluster_stamp since;
        const char *reason;

        cluster_revocation_parse(entry->text, &since, &reason);
        if (!unit_map_has(&known->member.stopped, entry->connector, entry->task) ||
            cluster_stamp_compare(known->member.as_of, since) < 0)
            return false;
    }
    return true;
}

/* How long may it owe what it owes? 0: it owes nothing. */
static uint32_t patience_ms(const struct herder_cluster *cluster, const struct cluster_known *known)
{
    if (known->boot[0] == '\0')
        return 0;
    if (!known->has_member || strcmp(known->member.boot, known->boot) != 0)
        return RECORD_OVERDUE_MS;
    if (!known->has_assignment || strcmp(known->assignment.boot, known->boot) != 0 || is_acknowledging(known))
        return 0;
    return cluster->rebalance_timeout_ms;
}

/* Who has just been asked to prepare something says at once that it has read so. One that does not is frozen, or cut off: what
 * was to come to it had better stay where it is, or go elsewhere. */
static bool is_silent(const struct cluster_known *known)
{
    return cluster_known_is_introduced(known) && cluster_known_has_orders(known) &&
           (known->assignment.preparing.count > 0 || known->assignment.is_unfit) &&
           cluster_stamp_compare(known->member.as_of, known->assignment.stamp) < 0;
}

static void look_again_by(struct herder *herder, int64_t when_ms)
{
    struct herder_timer *timer = &herder->cluster->balance_timer;

    if (!timer_entry_is_set(&timer->entry) || timer->entry.deadline_ms > when_ms)
        herder_timer_set(herder, timer, when_ms);
}

/* Has it lasted too long? `patience_ms` 0: it is not so. */
static bool is_overdue(struct herder *herder, int64_t *since_ms, uint32_t patience_ms)
{
    int64_t now_ms = herder_now_ms();

    if (patience_ms == 0) {
        *since_ms = 0;
        return false;
    }
    if (*since_ms == 0)
        *since_ms = now_ms;
    if (now_ms - *since_ms >= patience_ms)
        return true;
    look_again_by(herder, *since_ms + patience_ms);
    return false;
}

static void watch_patience(struct herder *herder, struct cluster_known *known)
{
    bool owes = is_overdue(herder, &known->owes_since_ms, patience_ms(herder->cluster, known));
    bool silent = is_overdue(herder, &known->silent_since_ms, is_silent(known) ? SILENT_MS : 0);
    bool was_unfit = known->is_unfit;

    known->is_unfit = owes || silent;
    if (known->is_unfit && !was_unfit)
        log_warn(HERDER_LOG, "worker %s has not answered for %" PRId64 " ms: it gets no further work until it does",
                 known->url, herder_now_ms() - (silent ? known->silent_since_ms : known->owes_since_ms));
}

static bool may_be_forgotten(struct herder *herder, struct cluster_known *known)
{
    return is_overdue(herder, &known->gone_since_ms, known->boot[0] == '\0' ? FORGET_MS : 0);
}

static struct cluster_worker *list_workers(struct herder *herder)
{
    const struct ptr_array *known = &herder->cluster->picture.known;
    struct cluster_worker *workers = mem_calloc(known->count + 1, sizeof(*workers));

    for (size_t i = 0; workers != NULL && i < known->count; i++) {
        struct cluster_known *worker = known->items[i];

        watch_patience(herder, worker);
        workers[i] = (struct cluster_worker){
            .url = worker->url,
            .boot = worker->boot[0] != '\0' ? worker->boot : NULL,
            .member = worker->has_member ? &worker->member : NULL,
            .assignment = worker->has_assignment ? &worker->assignment : NULL,
            .is_unfit = worker->is_unfit,
            .must_be_written = worker->must_be_written,
            .may_be_forgotten = may_be_forgotten(herder, worker),
        };
    }
    return workers;
}

static size_t units_of(const struct config_snapshot *snapshot, const char *connector)
{
    if (config_snapshot_target(snapshot, connector) == TARGET_STOPPED)
        return 1;
    return 1 + config_snapshot_task_count(snapshot, connector);
}

/* In the order that a plan wants: by name, the connector before its tasks. */
static struct cluster_work *list_work(const struct config_snapshot *snapshot, size_t *count)
{
    size_t connectors = config_snapshot_connector_count(snapshot), total = 0, at = 0;
    struct cluster_work *work;

    for (size_t i = 0; i < connectors; i++)
        total += units_of(snapshot, config_snapshot_connector_at(snapshot, i));
    work = mem_calloc(total + 1, sizeof(*work));
    for (size_t i = 0; work != NULL && i < connectors; i++) {
        const char *name = config_snapshot_connector_at(snapshot, i);
        const char *selector = string_map_get(config_snapshot_config(snapshot, name), CONNECTOR_SELECTOR);
        size_t units = units_of(snapshot, name);

        for (size_t unit = 0; unit < units; unit++)
            work[at++] = (struct cluster_work){name, (int32_t)unit + UNIT_IS_CONNECTOR, selector, 1};
    }
    *count = total;
    return work;
}

/* --- the output ------------------------------------------------------------------------------------------------------------- */

/* `text` NULL: a tombstone. Takes it. */
static bool add_note(struct balance_write *write, const char *prefix, const char *name, char *text)
{
    struct str_buffer key;
    struct config_note_write *note = &write->notes[write->count];

    str_buffer_init(&key, CLUSTER_RECORD_MAX);
    str_buffer_printf(&key, "%s%s", prefix, name);
    *note = (struct config_note_write){str_buffer_take(&key, NULL), text};
    str_buffer_release(&key);
    if (note->key == NULL) {
        mem_free(text);
        return false;
    }
    write->count++;
    return true;
}

static bool add_assignment(struct balance_write *write, const char *url, const struct cluster_assignment *assignment)
{
    struct str_buffer text;
    char *taken = NULL;

    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    if (cluster_assignment_encode(assignment, &text, NULL) == 0)
        taken = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return taken != NULL && add_note(write, CLUSTER_ASSIGNMENT_PREFIX, url, taken);
}

static bool add_head(struct balance_write *write, const struct cluster_head *head)
{
    struct str_buffer text;
    char *taken = NULL;

    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    if (cluster_head_encode(head, &text, NULL) == 0)
        taken = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    return taken != NULL && add_note(write, CLUSTER_HEAD_KEY, "", taken);
}

static bool fill_write(struct balance_write *write, const struct cluster_plan_input *input, const struct cluster_plan *plan)
{
    for (size_t i = 0; i < plan->worker_count; i++)
        if (plan->changed[i] && !add_assignment(write, input->workers[i].url, &plan->assignments[i]))
            return false;
    if (plan->head_changed && !add_head(write, &plan->head))
        return false;
    for (size_t i = 0; i < plan->worker_count; i++)
        if (plan->removed[i] && (!add_note(write, CLUSTER_ASSIGNMENT_PREFIX, input->workers[i].url, NULL) ||
                                 !add_note(write, CLUSTER_MEMBER_PREFIX, input->workers[i].url, NULL)))
            return false;
    return true;
}

/* NULL: no memory. */
static struct balance_write *write_of(struct herder *herder, const struct cluster_plan_input *input,
                                      const struct cluster_plan *plan)
{
    struct balance_write *write = mem_calloc(1, sizeof(*write));

    if (write == NULL)
        return NULL;
    write->membership = herder->membership;
    write->seats_epoch = herder->cluster->seats_epoch;
    write->notes = mem_calloc(plan->worker_count * 3 + 1, sizeof(*write->notes));
    if (write->notes != NULL && fill_write(write, input, plan))
        return write;
    write_free(write);
    return NULL;
}

/* --- one turn ------------------------------------------------------------------------------------------------------------------ */

static void retry_later(struct herder *herder)
{
    herder_timer_set(herder, &herder->cluster->balance_timer, herder_now_ms() + RETRY_MS);
}

/* A worker that is back by now must not lose what it has, to another or as one that is gone. */
static bool is_for_this_group(void *argument)
{
    const struct balance_write *write = argument;

    return membership_epoch(write->membership) == write->seats_epoch;
}

static const char *what_forbids(void *argument)
{
    return is_for_this_group(argument) ? NULL : "config topic: what was to be written is out of date by now";
}

static void write_run(struct herder_job *job)
{
    const struct balance_write *write = job->data;
    struct config_condition condition = {.forbids = what_forbids, .argument = job->data};

    config_store_put_notes(job->herder->setup.configs, write->notes, write->count, &condition, job->deadline_ms, &job->error);
}

static void write_data_free(void *data)
{
    write_free(data);
}

/* What the brokers refuse to this worker they may allow to another one, which leads when this one has left. That they do not answer,
 * or lack replicas, is so for all. */
static void note_refusal(struct herder *herder, const struct mr_error *error)
{
    struct herder_cluster *cluster = herder->cluster;

    if (mr_error_code(error) != MR_ERR_CONNECT || herder->stage != HERDER_LEADING)
        return;
    if (cluster->refused_since_ms == 0)
        cluster->refused_since_ms = herder_now_ms();
    if (herder_now_ms() - cluster->refused_since_ms > cluster->rebalance_timeout_ms && cluster_others_take_work(cluster))
        herder_fail(herder, "this worker leads, and may not write to the config topic, so that no work can be given out: give its "
                            "principal the right to write");
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    herder->cluster->is_under_way = false;
    if (job->error == NULL) {
        herder->cluster->refused_since_ms = 0;
        return; /* what it wrote comes back as notes */
    }
    if (!is_for_this_group(job->data)) {
        herder->cluster->is_due = true; /* made anew when the group has settled */
        return;
    }
    log_warn(HERDER_LOG, "the assignment of work was not written, trying again: %s", mr_error_message(job->error));
    note_refusal(herder, job->error);
    retry_later(herder);
}

static void write_late(struct herder *herder, struct herder_job *job)
{
    (void)job;
    herder->cluster->is_under_way = false;
    log_warn(HERDER_LOG, "the assignment of work was not written in time, trying again");
    retry_later(herder);
}

static void sweep_soon(struct herder *herder)
{
    struct herder_timer *timer = &herder->cluster->sweep_timer;
    uint32_t sweep_ms = herder->setup.sweep_ms != 0 ? herder->setup.sweep_ms : HERDER_SWEEP_MS;

    if (!timer_entry_is_set(&timer->entry))
        herder_timer_set(herder, timer, herder_now_ms() + sweep_ms);
}

/* false: no memory. */
static bool write_plan(struct herder *herder, const struct cluster_plan_input *input, const struct cluster_plan *plan)
{
    struct herder_cluster *cluster = herder->cluster;
    struct balance_write *write = write_of(herder, input, plan);

    if (write == NULL)
        return false;
    if (plan->look_again_ms > 0)
        look_again_by(herder, herder_now_ms() +
                                  (plan->look_again_ms - input->now_ms > 0 ? plan->look_again_ms - input->now_ms : 1));
    if (write->count == 0) {
        write_free(write);
        return true;
    }
    sweep_soon(herder);
    cluster->last = plan->last;
    cluster->is_under_way = herder_job_post(herder, &(struct herder_job_setup){.run = write_run,
                                                                              .done = write_done,
                                                                              .late = write_late,
                                                                              .data = write,
                                                                              .data_free = write_data_free,
                                                                              .deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS});
    return cluster->is_under_way;
}

/* Another leader has written in this very epoch, or beyond it: whoever still leads takes the next. false: nobody has. */
static bool watch_epoch(struct herder_cluster *cluster, const struct config_snapshot *snapshot)
{
    const struct cluster_head *head = &cluster->picture.head;
    uint64_t seen = config_snapshot_epoch(snapshot);
    bool is_shared = cluster->picture.has_head && head->stamp.epoch == cluster->last.epoch && strcmp(head->leader, cluster->boot) != 0;

    if (seen <= cluster->last.epoch && !is_shared)
        return false;
    log_warn(HERDER_LOG, "another worker (%s) has written as leader in epoch %" PRIu64 ": going on in the next",
             cluster->picture.has_head && head->leader_url != NULL ? head->leader_url : "?", seen);
    cluster->last = (struct cluster_stamp){seen + 1, 0};
    return true;
}

/* One overtakes another now and then, when the group has just changed. Two that go on doing it are in two groups. */
static bool is_contested(struct herder_cluster *cluster)
{
    int64_t now_ms = herder_now_ms();

    if (now_ms - cluster->contest_began_ms > CONTEST_WITHIN_MS) {
        cluster->contest_began_ms = now_ms;
        cluster->contest_count = 0;
    }
    if (++cluster->contest_count < CONTEST_MAX)
        return false;
    if (cluster->contest_count == CONTEST_MAX)
        log_error(HERDER_LOG, "worker %s goes on writing as leader to the same config topic: two groups must not share it; give both "
                              "the same group.id, or each its own internal topics",
                  cluster->picture.head.leader_url != NULL ? cluster->picture.head.leader_url : "?");
    return true;
}

/* What workers say of themselves and of others is the reason; else what was noticed here. */
static const char *reason_of(const struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if (!cluster_known_is_introduced(known) || !cluster_known_has_orders(known) || known->assignment.units.count == 0)
            continue;
        if (cluster_known_is_gone(&cluster->picture, known))
            return "a worker ended without leaving";
        if (known->member.leaves)
            return "a worker leaves";
        if (known->member.drains)
            return "a worker drains";
    }
    return cluster->reason != NULL ? cluster->reason : "work has changed";
}

/* A worker is in the group before it introduces itself; what is noticed of it stays the reason until then. */
static bool all_are_introduced(const struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if (known->boot[0] != '\0' && !cluster_known_is_introduced(known))
            return false;
    }
    return true;
}

static bool make_plan(struct herder *herder, const struct config_snapshot *snapshot)
{
    struct herder_cluster *cluster = herder->cluster;
    struct cluster_plan_input input = {
        .worker_count = cluster->picture.known.count,
        .head = cluster->picture.has_head ? &cluster->picture.head : NULL,
        .leader_url = cluster->url,
        .leader_boot = cluster->boot,
        .fencing = fencing_name(cluster->fencing),
        .group = herder->setup.worker->group_id,
        .last = cluster->last,
        .reason = reason_of(cluster),
        .now_ms = clock_wall_ms(NULL),
        .return_delay_ms = cluster->return_delay_ms,
    };
    struct cluster_worker *workers = list_workers(herder);
    struct cluster_work *work = list_work(snapshot, &input.work_count);
    struct cluster_plan plan;
    bool made;

    input.workers = workers;
    input.work = work;
    made = workers != NULL && work != NULL && cluster_plan_make(&input, &plan);
    if (made) {
        made = write_plan(herder, &input, &plan);
        if (made && (plan.moves > 0 || (plan.is_settled && all_are_introduced(cluster))))
            cluster->reason = NULL;
        cluster_plan_release(&plan);
    }
    mem_free(workers);
    mem_free(work);
    return made;
}

/* Said when it is read, so that a write that had to be repeated is said once. */
static void tell(struct herder_cluster *cluster)
{
    const struct cluster_head *head = &cluster->picture.head;

    if (!cluster->picture.has_head || head->rebalance_took_ms < 0 || head->rebalance_number <= cluster->told_rebalance)
        return;
    cluster->told_rebalance = head->rebalance_number;
    log_info(HERDER_LOG, "rebalance %" PRIu64 " (%s): %" PRIu64 " units moved in %" PRId64 " ms; %zu without a worker",
             head->rebalance_number, head->rebalance_reason != NULL ? head->rebalance_reason : "", head->rebalance_moves,
             head->rebalance_took_ms, head->unassigned.count);
}

/* What a former leader has said is not said again. */
static uint64_t told_before(const struct cluster_picture *picture)
{
    uint64_t number = picture->has_head ? picture->head.rebalance_number : 0;

    return number > 0 && picture->head.rebalance_took_ms < 0 ? number - 1 : number;
}

/* Neither a record of the cluster nor of somebody who is a member, but statuses of connectors that nobody has configured: it may be another
 * topic than the one that member wrote to, who may run what that one held. */
static bool is_another_topic(struct herder *herder, const struct config_snapshot *snapshot)
{
    struct herder_cluster *cluster = herder->cluster;
    int64_t now_ms = herder_now_ms();

    if (cluster->picture.has_head || all_are_introduced(cluster) || !status_has_strangers(herder, snapshot)) {
        cluster->unknown_since_ms = 0;
        return false;
    }
    if (cluster->unknown_since_ms == 0)
        cluster->unknown_since_ms = now_ms;
    if (cluster->unknown_since_ms > 0 && now_ms - cluster->unknown_since_ms >= RECORD_OVERDUE_MS) {
        cluster->unknown_since_ms = -1;
        log_error(HERDER_LOG, "the config topic knows neither the connectors that the status topic knows, nor all workers of the group: was "
                              "it created anew while they ran, or is this worker's config.storage.topic not theirs? They may run "
                              "what theirs holds: nothing is given out until they agree");
    }
    herder_timer_set(herder, &cluster->balance_timer, now_ms + RECORD_OVERDUE_MS);
    return true;
}

static void plan_now(struct herder *herder, const struct config_snapshot *snapshot)
{
    struct herder_cluster *cluster = herder->cluster;
    bool is_foreign;

    if (!cluster->has_swept && !status_sweep(herder, snapshot))
        sweep_soon(herder);
    cluster->has_swept = true;
    if (watch_epoch(cluster, snapshot)) {
        if (!terms_stand_contest(herder, &is_foreign))
            return;
        if (!is_foreign && is_contested(cluster))
            cluster->stands_back_until_ms = herder_now_ms() + CONTEST_WITHIN_MS;
    }
    if (herder_now_ms() < cluster->stands_back_until_ms) {
        look_again_by(herder, cluster->stands_back_until_ms);
        return;
    }
    if (!make_plan(herder, snapshot))
        retry_later(herder);
}

void balance_run(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct config_snapshot *snapshot;

    if (cluster == NULL || !cluster->is_due || cluster->is_under_way || herder->stage != HERDER_LEADING ||
        config_store_is_lost(herder->setup.configs, NULL))
        return;
    if (cluster->seats_epoch != membership_epoch(herder->membership))
        return; /* the group is changing: told when it has settled */
    cluster->is_due = false;
    if (!cluster_refresh(herder)) {
        retry_later(herder);
        return;
    }
    tell(cluster);
    snapshot = config_store_snapshot(herder->setup.configs);
    if (!is_another_topic(herder, snapshot))
        plan_now(herder, snapshot);
    config_snapshot_drop(snapshot);
}

static void balance_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    herder->cluster->is_due = true;
}

static void sweep_due(struct herder *herder, struct herder_timer *timer)
{
    struct config_snapshot *snapshot;

    (void)timer;
    if (herder->stage != HERDER_LEADING || config_store_is_lost(herder->setup.configs, NULL))
        return;
    snapshot = config_store_snapshot(herder->setup.configs);
    if (!status_sweep(herder, snapshot))
        sweep_soon(herder);
    config_snapshot_drop(snapshot);
}

void balance_init(struct herder *herder)
{
    herder_timer_init(&herder->cluster->sweep_timer, sweep_due);
    herder_timer_init(&herder->cluster->balance_timer, balance_due);
}

bool balance_begin(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);

    cluster_refresh(herder); /* without memory it is tried again with the first plan */
    cluster->last = (struct cluster_stamp){config_snapshot_epoch(snapshot) + 1, 0};
    unit_map_release(&cluster->told_unassigned);
    cluster->told_rebalance = told_before(&cluster->picture);
    config_snapshot_drop(snapshot);
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        struct cluster_known *known = cluster->picture.known.items[i];

        known->owes_since_ms = known->silent_since_ms = 0;
        known->is_unfit = false;
    }
    cluster->has_swept = false;
    cluster->unknown_since_ms = cluster->stands_back_until_ms = cluster->refused_since_ms = 0;
    if (!terms_may_lead(herder))
        return false;
    balance_want(herder, "this worker began to lead");
    return true;
}

void balance_want(struct herder *herder, const char *reason)
{
    struct herder_cluster *cluster = herder->cluster;

    if (cluster == NULL)
        return;
    cluster->is_due = true;
    if (cluster->reason == NULL)
        cluster->reason = reason;
}
