/*
 * Who may act. Only a leader runs anything: on leading it reads the topics to their end first; when it leads no more, everything is
 * stopped, without a commit beyond the lease (tasks look at it themselves).
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/lease.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "metrics/registry.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define CATCH_UP_RETRY_FIRST_MS 250
#define CATCH_UP_RETRY_MAX_MS 10000

/* --- leading -------------------------------------------------------------------------------------------------------- */

static void see_all_connectors(struct herder *herder, const struct config_snapshot *snapshot)
{
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        if (units_find_or_create(herder, config_snapshot_connector_at(snapshot, i)) == NULL)
            herder_event_lost(herder);
    units_mark_all(herder);
}

static void lead(struct herder *herder)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);

    herder_stage_set(herder, HERDER_LEADING);
    log_info(HERDER_LOG, "this worker leads and runs %zu connectors", config_snapshot_connector_count(snapshot));
    status_sweep(herder, snapshot);
    see_all_connectors(herder, snapshot);
    if (herder->membership != NULL)
        metrics_registry_rebalance_ended(herder->metrics, true, membership_generation(herder->membership),
                                         herder->worker_url);
    config_snapshot_drop(snapshot);
    lanes_advance(herder);
}

void herder_begin_standalone(struct herder *herder, struct herder_post *post)
{
    (void)post;
    if (herder->stage == HERDER_JOINING)
        lead(herder);
}

static void catch_up_run(struct herder_job *job)
{
    const struct herder_setup *setup = &job->herder->setup;

    if (config_store_refresh(setup->configs, job->deadline_ms, &job->error) == 0)
        status_store_refresh(setup->statuses, job->deadline_ms, &job->error);
}

static void catch_up_failed(struct herder *herder, const char *words)
{
    log_warn(HERDER_LOG, "the internal topics could not be read to their end, trying again: %s", words);
    herder->catch_up_retry_ms = herder->catch_up_retry_ms * 2;
    if (herder->catch_up_retry_ms > CATCH_UP_RETRY_MAX_MS)
        herder->catch_up_retry_ms = CATCH_UP_RETRY_MAX_MS;
    herder_timer_set(herder, &herder->catch_up_timer, herder_now_ms() + herder->catch_up_retry_ms);
}

static bool is_of_now(const struct herder *herder, const struct herder_job *job)
{
    return herder->stage == HERDER_CATCHING_UP && job->number == herder->leading_count;
}

static void catch_up_done(struct herder *herder, struct herder_job *job)
{
    if (!is_of_now(herder, job))
        return;
    if (job->error != NULL)
        catch_up_failed(herder, mr_error_message(job->error));
    else
        lead(herder);
}

static void catch_up_late(struct herder *herder, struct herder_job *job)
{
    if (is_of_now(herder, job))
        catch_up_failed(herder, "not in time");
}

static void catch_up(struct herder *herder)
{
    if (!herder_job_post(herder, &(struct herder_job_setup){
                                     .run = catch_up_run,
                                     .done = catch_up_done,
                                     .late = catch_up_late,
                                     .number = herder->leading_count,
                                     .deadline_ms = herder_now_ms() + herder->setup.worker->worker_sync_timeout_ms,
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

static void handle_leading(struct herder *herder, struct herder_post *post)
{
    mem_free(post);
    if (is_stopping(herder))
        return;
    leader_url_set(herder, NULL);
    herder->was_member = true;
    herder->leading_count++;
    metrics_registry_rebalance_began(herder->metrics);
    herder->catch_up_retry_ms = CATCH_UP_RETRY_FIRST_MS;
    herder_stage_set(herder, HERDER_CATCHING_UP);
    catch_up(herder);
}

/* Everything that runs is unwanted now. */
static void stand_by(struct herder *herder)
{
    herder_stage_set(herder, HERDER_STANDBY);
    metrics_registry_rebalance_ended(herder->metrics, false, membership_generation(herder->membership),
                                     herder->leader_url);
    herder->was_member = true;
    requests_answer_begun(herder, 409,
                          "Cannot complete request because of a conflicting operation (e.g. worker rebalance)");
    units_mark_all(herder);
    lanes_advance(herder);
}

static void handle_following(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        leader_url_set(herder, event->words);
        log_info(HERDER_LOG, "standing by: worker %s leads this cluster; this one takes over when that one goes",
                 herder->leader_url != NULL ? herder->leader_url : "(not known yet)");
        stand_by(herder);
    }
    mem_free(event);
}

static void handle_lost(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        log_warn(HERDER_LOG, "this worker leads no more, its connectors and tasks stop: %s", event->words);
        leader_url_set(herder, NULL);
        stand_by(herder);
    }
    mem_free(event);
}

static void handle_failed(struct herder *herder, struct herder_post *post)
{
    struct leadership_event *event = (struct leadership_event *)post;

    if (!is_stopping(herder)) {
        herder_fail(herder, event->words);
        leader_url_set(herder, NULL);
        if (herder->stage != HERDER_JOINING)
            stand_by(herder);
    }
    mem_free(event);
}

/* --- the listener; threads: the membership's ------------------------------------------------------------------------- */

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
    .on_lost = on_lost,
    .on_failed = on_failed,
};

/* --- the guard of the leader's writes; thread: job --------------------------------------------------------------------- */

int herder_guard(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct herder *herder = argument;

    (void)moment;
    if (!lease_is_valid(herder->lease, herder->setup.clock))
        return mr_error_set(error, MR_ERR_CONFLICT,
                            "this worker's lease has run out: the brokers did not answer for too long");
    return membership_guard(herder->membership, deadline_ms, error);
}
