/*
 * Who may act. A member runs what the leader gave it; before it does anything, leading or following, it reads the topics to their end.
 * Out of the group nothing is started or stopped: tasks look at the lease themselves.
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secrets.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "herder/session_key_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define CATCH_UP_RETRY_FIRST_MS 250
#define CATCH_UP_RETRY_MAX_MS 10000
/* For so long the question after one write is the question before the next. Who leads after us joins the group and reads the topics
 * first, which takes several questions to the brokers; and each write is followed by a question of its own. */
#define GUARD_HOLDS_MS 10

/* --- leading -------------------------------------------------------------------------------------------------------- */

static void see_all_connectors(struct herder *herder, const struct config_snapshot *snapshot)
{
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        if (units_find_or_create(herder, config_snapshot_connector_at(snapshot, i)) == NULL)
            herder_event_lost(herder);
    units_mark_all(herder);
}

void herder_key_due(struct herder *herder, struct herder_timer *timer)
{
    if (herder->stage == HERDER_LEADING)
        herder_timer_set(herder, timer, herder_now_ms() + session_key_tend(herder));
}

static void catch_up_failed(struct herder *herder, const char *words);

/* The topics are read: the units that are ours start, the others stop. */
static void act(struct herder *herder, bool leads)
{
    struct config_snapshot *snapshot;

    if (!resume_what_is_ours(herder)) {
        catch_up_failed(herder, "no memory");
        return;
    }
    snapshot = config_store_snapshot(herder->setup.configs);
    herder_stage_set(herder, leads ? HERDER_LEADING : HERDER_FOLLOWING);
    if (leads)
        log_info(HERDER_LOG, "this worker leads the cluster; there are %zu connectors", config_snapshot_connector_count(snapshot));
    else
        log_info(HERDER_LOG, "this worker follows; worker %s leads the cluster",
                 herder->leader_url != NULL ? herder->leader_url : "(not known yet)");
    if (herder->cluster != NULL) {
        herder->cluster->is_stale = true;
        duty_begin(herder);
    }
    if (leads && herder->cluster != NULL) {
        if (!balance_begin(herder)) {
            config_snapshot_drop(snapshot);
            return;
        }
        herder_key_due(herder, &herder->key_timer);
    } else if (leads) {
        status_sweep(herder, snapshot);
    }
    see_all_connectors(herder, snapshot);
    metrics_registry_rebalance_ended(herder->metrics);
    rebalance_show_group(herder);
    config_snapshot_drop(snapshot);
    lanes_advance(herder);
}

void herder_begin_standalone(struct herder *herder, struct herder_post *post)
{
    (void)post;
    if (herder->stage == HERDER_JOINING)
        act(herder, true);
}

/* Others are shut out before the topics are read: nobody writes behind what is read. `data`: a claim, of one who is to lead. */
static void catch_up_run(struct herder_job *job)
{
    const struct herder_setup *setup = &job->herder->setup;

    if (job->data != NULL && fencing_claim(job->herder, job->data, job->deadline_ms, &job->error) != 0)
        return;
    if (config_store_refresh(setup->configs, job->deadline_ms, &job->error) == 0)
        status_store_refresh(setup->statuses, job->deadline_ms, &job->error);
}

/* `words` NULL: it is forgotten. */
static void note_failure(struct herder *herder, const char *words)
{
    mem_free(herder->catch_up_why);
    herder->catch_up_why = words != NULL ? mem_strdup(words) : NULL;
    secrets_hide_text(herder->catch_up_why);
}

static void catch_up_again(struct herder *herder, const char *words)
{
    note_failure(herder, words);
    herder->catch_up_retry_ms = herder->catch_up_retry_ms * 2;
    if (herder->catch_up_retry_ms > CATCH_UP_RETRY_MAX_MS)
        herder->catch_up_retry_ms = CATCH_UP_RETRY_MAX_MS;
    herder_timer_set(herder, &herder->catch_up_timer, herder_now_ms() + herder->catch_up_retry_ms);
}

static void catch_up_failed(struct herder *herder, const char *words)
{
    log_warn(HERDER_LOG, "the internal topics could not be %s, trying again: %s",
             herder->catches_up_to_lead ? "claimed and read to their end" : "read to their end", words);
    catch_up_again(herder, words);
}

static bool is_of_now(const struct herder *herder, const struct herder_job *job)
{
    return herder->stage == HERDER_CATCHING_UP && job->number == herder->catch_up_count;
}

static void claim_denied(struct herder *herder, const char *words)
{
    if (fencing_denied(herder, words))
        herder_suspend(herder);
    else
        catch_up_again(herder, words);
}

/* There is nothing to be read any more: what was read is what the cluster is, until somebody restarts it. */
static void catch_up_ended(struct herder *herder, const char *words)
{
    if (config_store_is_lost(herder->setup.configs, NULL))
        act(herder, herder->catches_up_to_lead);
    else
        catch_up_failed(herder, words);
}

static void catch_up_done(struct herder *herder, struct herder_job *job)
{
    const struct fencing_claim *claim = job->data;

    if (!is_of_now(herder, job))
        return;
    if (job->error != NULL && claim != NULL && claim->is_denied) {
        claim_denied(herder, mr_error_message(job->error));
    } else if (job->error != NULL) {
        catch_up_ended(herder, mr_error_message(job->error));
    } else {
        if (claim != NULL)
            fencing_begin(herder, claim);
        act(herder, herder->catches_up_to_lead);
    }
}

static void catch_up_late(struct herder *herder, struct herder_job *job)
{
    if (is_of_now(herder, job))
        catch_up_ended(herder, "not in time");
}

static void catch_up(struct herder *herder)
{
    bool claims = herder->catches_up_to_lead && herder->cluster != NULL;
    struct fencing_claim *claim = claims ? mem_calloc(1, sizeof(*claim)) : NULL;
    uint32_t timeout_ms = herder->setup.worker->worker_sync_timeout_ms + (claims ? fencing_claim_timeout_ms(herder) : 0);

    if (claims && claim == NULL) {
        catch_up_failed(herder, "no memory");
        return;
    }
    if (!herder_job_post(herder, &(struct herder_job_setup){
                                     .run = catch_up_run,
                                     .done = catch_up_done,
                                     .late = catch_up_late,
                                     .number = herder->catch_up_count,
                                     .data = claim,
                                     .data_free = mem_free,
                                     .deadline_ms = herder_now_ms() + timeout_ms,
                                 }))
        catch_up_failed(herder, "the job pool is full");
}

void herder_catch_up_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    if (herder->stage == HERDER_CATCHING_UP)
        catch_up(herder);
}

/* --- events --------------------------------------------------------------------------------------------------------- */

struct leadership_event {
    struct herder_post post;
    char words[]; /* "": none */
};

static bool is_stopping(const struct herder *herder)
{
    return herder->stage == HERDER_STOPPING || herder->stage == HERDER_ENDED;
}

static void leader_url_set(struct herder *herder, const char *url)
{
    mem_free(herder->leader_url);
    herder->leader_url = url != NULL && url[0] != '\0' ? mem_strdup(url) : NULL;
}

static void prepare_to_catch_up(struct herder *herder, bool to_lead)
{
    herder->catches_up_to_lead = to_lead;
    herder->catch_up_count++;
    resume_begin(herder);
    herder->catch_up_retry_ms = CATCH_UP_RETRY_FIRST_MS;
    note_failure(herder, NULL);
    metrics_registry_rebalance_began(herder->metrics);
    herder_stage_set(herder, HERDER_CATCHING_UP);
}

static void begin_to_catch_up(struct herder *herder, bool to_lead)
{
    prepare_to_catch_up(herder, to_lead);
    catch_up(herder);
}

static void handle_leading(struct herder *herder, struct herder_post *post)
{
    mem_free(post);
    if (is_stopping(herder))
        return;
    leader_url_set(herder, NULL);
    begin_to_catch_up(herder, true);
}

static void answer_conflict(struct herder *herder)
{
    requests_answer_begun(herder, 409,
                          "Cannot complete request because of a conflicting operation (e.g. worker rebalance)");
}

static void handle_following(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        config_store_renounce(herder->setup.configs);
        leader_url_set(herder, event->words);
        if (herder->stage == HERDER_LEADING) {
            answer_conflict(herder);
            act(herder, false);
        } else if (herder->stage == HERDER_FOLLOWING) {
            log_info(HERDER_LOG, "worker %s leads the cluster now", event->words);
            rebalance_show_group(herder);
        } else if (herder->stage != HERDER_CATCHING_UP || herder->catches_up_to_lead) {
            begin_to_catch_up(herder, false);
        }
    }
    mem_free(event);
}

/* It does nothing outside without the lease, and goes on in its place if it is still ours when the group is joined again. */
void herder_suspend(struct herder *herder)
{
    herder_stage_set(herder, HERDER_SUSPENDED);
    config_store_renounce(herder->setup.configs);
    leader_url_set(herder, NULL);
    answer_conflict(herder);
    lanes_advance(herder);
}

static void handle_lost(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        log_warn(HERDER_LOG, "connectors and tasks are suspended: %s", event->words);
        herder_suspend(herder);
    }
    mem_free(event);
}

/* If the group still holds this worker for the leader it leads again, after it has read what the other one wrote; not at once, so that two
 * who both believe to lead do not take turns without end. */
void herder_claim_lost(struct herder *herder)
{
    bool leads = herder->stage == HERDER_LEADING;

    if (!leads && (herder->stage != HERDER_CATCHING_UP || !herder->catches_up_to_lead))
        return;
    log_warn(HERDER_LOG, "this worker's writes as leader are refused: another worker leads, or did; asking the group");
    if (leads)
        answer_conflict(herder);
    prepare_to_catch_up(herder, true);
    herder_timer_set(herder, &herder->catch_up_timer, herder_now_ms() + herder->catch_up_retry_ms);
}

static void handle_failed(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        herder_fail(herder, event->words);
        if (herder->stage != HERDER_JOINING)
            herder_suspend(herder);
    }
    mem_free(event);
}

/* --- the listener; threads: the membership's ------------------------------------------------------------------------- */

/* Seats, with their texts behind them. */
struct peers_event {
    struct herder_post post;
    uint64_t epoch;
    size_t count;
    struct membership_peer peers[];
};

static void handle_peers(struct herder *herder, struct herder_post *post)
{
    struct peers_event *event = (struct peers_event *)post;

    if (!is_stopping(herder)) {
        cluster_take_seats(herder, event->epoch, event->peers, event->count);
        rebalance_show_group(herder);
        balance_want(herder, "the workers in the group have changed");
    }
    mem_free(event);
}

static void on_peers(void *argument, uint64_t epoch, const struct membership_peer *peers, size_t count)
{
    size_t size = sizeof(struct peers_event) + count * sizeof(*peers), texts = 0;
    struct peers_event *event;
    char *text;

    for (size_t i = 0; i < count; i++)
        texts += strlen(peers[i].url) + strlen(peers[i].boot_id) + 2;
    event = mem_alloc(size + texts);
    if (event == NULL) {
        herder_event_lost(argument);
        return;
    }
    event->post.handle = handle_peers;
    event->epoch = epoch;
    event->count = count;
    text = (char *)event + size;
    for (size_t i = 0; i < count; i++) {
        size_t url_size = strlen(peers[i].url) + 1, boot_size = strlen(peers[i].boot_id) + 1;

        event->peers[i] = (struct membership_peer){text, text + url_size, peers[i].leads};
        memcpy(text, peers[i].url, url_size);
        memcpy(text + url_size, peers[i].boot_id, boot_size);
        text += url_size + boot_size;
    }
    herder_post(argument, &event->post);
}

static void post_event(struct herder *herder, void (*handle)(struct herder *, struct herder_post *), const char *words)
{
    size_t size = (words != NULL ? strlen(words) : 0) + 1;
    struct leadership_event *event = mem_alloc(sizeof(*event) + size);

    if (event == NULL) {
        herder_event_lost(herder);
        return;
    }
    event->post.handle = handle;
    snprintf(event->words, size, "%s", words != NULL ? words : "");
    herder_post(herder, &event->post);
}

static void on_leading(void *argument)
{
    post_event(argument, handle_leading, NULL);
}

static void on_following(void *argument, const char *leader_url)
{
    post_event(argument, handle_following, leader_url);
}

static void on_lost(void *argument, const char *words)
{
    post_event(argument, handle_lost, words);
}

static void on_failed(void *argument, const struct mr_error *error)
{
    post_event(argument, handle_failed, mr_error_message(error));
}

const struct membership_listener herder_membership_listener = {
    .on_leading = on_leading,
    .on_following = on_following,
    .on_peers = on_peers,
    .on_lost = on_lost,
    .on_failed = on_failed,
};

/* --- the guard of the leader's writes; thread: job --------------------------------------------------------------------- */

int herder_guard(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct herder *herder = argument;

    if (!lease_is_valid(herder->lease, herder->setup.clock))
        return mr_error_set(error, MR_ERR_CONFLICT,
                            "this worker's lease has run out: the brokers did not answer for too long");
    return moment == CONFIG_GUARD_CLAIMED ? 0
                                          : membership_guard(herder->membership, moment == CONFIG_GUARD_BEFORE ? GUARD_HOLDS_MS : 0,
                                                             deadline_ms, error);
}
