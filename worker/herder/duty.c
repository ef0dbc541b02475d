/*
 * What this worker is to run, and what it says of itself: its member record. The record is level-triggered as everything here: what it
 * should say is worked out anew after each pass, and written when it differs from what the topic holds.
 */
#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "herder/units_internal.h"
#include "store/config_store.h"
#include "store/status_store.h"

#include "base/bans.h"

#define FLUSH_TIMEOUT_MS 2000
#define WRITE_RETRY_MS 500
#define STATUS_INTERVAL_MS 3000
#define WATCH_INTERVAL_MS 500 /* how soon a process that ended beside this one is noticed */

/* --- what is to be run ----------------------------------------------------------------------------------------------- */

const struct cluster_assignment *duty_assignment(const struct herder_cluster *cluster)
{
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, cluster->url);

    if (known == NULL || !known->has_assignment || strcmp(known->assignment.boot, cluster->boot) != 0)
        return NULL;
    return &known->assignment;
}

bool duty_has(const struct herder *herder, const char *connector, int32_t task)
{
    const struct cluster_assignment *assignment;

    if (herder->cluster == NULL)
        return true;
    assignment = duty_assignment(herder->cluster);
    return assignment != NULL && unit_map_has(&assignment->units, connector, task);
}

bool duty_prepares(const struct herder *herder, const char *connector, int32_t task)
{
    const struct cluster_assignment *assignment = herder->cluster != NULL ? duty_assignment(herder->cluster) : NULL;

    return assignment != NULL && unit_map_has(&assignment->preparing, connector, task);
}

bool duty_revokes(const struct herder *herder, const char *connector, int32_t task)
{
    const struct cluster_assignment *assignment = herder->cluster != NULL ? duty_assignment(herder->cluster) : NULL;

    return assignment != NULL && unit_map_has(&assignment->revoking, connector, task);
}

bool duty_is_running(const struct herder *herder, const char *connector, int32_t task)
{
    const struct herder_connector *of = units_find((struct herder *)herder, connector);

    if (of == NULL)
        return false;
    if (task == UNIT_IS_CONNECTOR)
        return of->phase != CONNECTOR_GONE && of->phase != CONNECTOR_BROKEN;
    return (uint32_t)task < of->task_count && units_task_is_up(&of->tasks[task]);
}

/* --- what is said -------------------------------------------------------------------------------------------------------- */

/* As it stands in the record. */
static const char *how_stopped(const struct herder *herder, const struct unit_entry *entry)
{
    const struct herder_connector *of = units_find((struct herder *)herder, entry->connector);

    if (of == NULL || entry->task == UNIT_IS_CONNECTOR || (uint32_t)entry->task >= of->task_count)
        return NULL;
    return of->tasks[entry->task].was_abandoned ? "abandoned" : NULL;
}

static bool list_stopped(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_assignment *assignment = duty_assignment(cluster);

    unit_map_release(&cluster->own.stopped);
    cluster->own.as_of = (struct cluster_stamp){0};
    if (assignment == NULL ||
        (assignment->revoking.count == 0 && assignment->preparing.count == 0 && !assignment->is_unfit))
        return true;
    cluster->own.as_of = assignment->stamp;
    for (size_t i = 0; i < assignment->revoking.count; i++) {
        const struct unit_entry *entry = &assignment->revoking.entries[i];

        if (!duty_is_running(herder, entry->connector, entry->task) &&
            !unit_map_put(&cluster->own.stopped, entry->connector, entry->task, how_stopped(herder, entry)))
            return false;
    }
    return true;
}

/* Of a connector there is nothing to prepare. */
static bool is_ready(const struct herder *herder, const char *connector, int32_t task)
{
    const struct herder_connector *of = units_find((struct herder *)herder, connector);

    return task == UNIT_IS_CONNECTOR || (of != NULL && (uint32_t)task < of->task_count && of->tasks[task].is_ready);
}

static bool list_prepared(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_assignment *assignment = duty_assignment(cluster);

    unit_map_release(&cluster->own.prepared);
    for (size_t i = 0; assignment != NULL && i < assignment->preparing.count; i++) {
        const struct unit_entry *entry = &assignment->preparing.entries[i];

        if (is_ready(herder, entry->connector, entry->task) &&
            !unit_map_put(&cluster->own.prepared, entry->connector, entry->task, NULL))
            return false;
    }
    return true;
}

/* true: it was not known. Without memory it is seen again at the next look. */
static bool note_death(struct herder_cluster *cluster, const char *id)
{
    struct ptr_array *gone = &cluster->own.gone;
    char *copy;

    for (size_t i = 0; i < gone->count; i++)
        if (strcmp(gone->items[i], id) == 0)
            return false;
    copy = mem_strdup(id);
    if (copy != NULL && ptr_array_push(gone, copy))
        return true;
    mem_free(copy);
    return false;
}

/* A member that has proof of a death may end before the brokers know of it. Then its word counts no more, and what was given to others
 * would seem to run twice; so all say what one knows. */
static void repeat_deaths(struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        for (size_t k = 0; cluster_known_is_introduced(known) && k < known->member.gone.count; k++)
            if (strcmp(known->boot, cluster->boot) != 0)
                note_death(cluster, known->member.gone.items[k]);
    }
}

/* Whoever is no member any more needs no word about it. */
static void forget_settled_deaths(struct herder_cluster *cluster)
{
    for (size_t i = cluster->own.gone.count; i > 0; i--) {
        char url[1024], boot[MEMBERSHIP_BOOT_ID_SIZE];
        const char *id = cluster->own.gone.items[i - 1];

        if (!membership_parse_client_id(id, url, sizeof(url), boot, sizeof(boot)) ||
            cluster_picture_seat(&cluster->picture, url, boot) == NULL)
            mem_free(ptr_array_take_at(&cluster->own.gone, i - 1));
    }
}

/* Texts of the worker's that stay as they are. */
static bool fill_in_once(char **to, const char *text)
{
    if (*to == NULL && text != NULL)
        *to = mem_strdup(text);
    return *to != NULL || text == NULL;
}

static bool fill_in_terms(struct cluster_member *own, const struct worker_config *worker)
{
    return fill_in_once(&own->group, worker->group_id) && fill_in_once(&own->offset_topic, worker->offset_topic.name) &&
           fill_in_once(&own->status_topic, worker->status_topic.name) &&
           fill_in_once(&own->exactly_once, exactly_once_source_name(worker->exactly_once_source));
}

static bool fill_in(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct cluster_member *own = &cluster->own;
    const struct worker_config *worker = herder->setup.worker;

    snprintf(own->boot, sizeof(own->boot), "%s", cluster->boot);
    own->pid = cluster->process.pid;
    own->started = cluster->process.started;
    repeat_deaths(cluster);
    forget_settled_deaths(cluster);
    return fill_in_once(&own->version, MILLRACE_VERSION) && fill_in_once(&own->host, cluster->process.host) &&
           fill_in_once(&own->labels, worker->placement_labels) && fill_in_once(&own->secret_mark, cluster->secret_mark) &&
           fill_in_terms(own, worker) && list_stopped(herder) && list_prepared(herder);
}

/* false: no memory; own_text stays. */
static bool compose(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct str_buffer text;
    char *composed = NULL;

    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    if (fill_in(herder) && cluster_member_encode(&cluster->own, &text, NULL) == 0)
        composed = str_buffer_take(&text, NULL);
    str_buffer_release(&text);
    if (composed == NULL)
        return false;
    mem_free(cluster->own_text);
    cluster->own_text = composed;
    return true;
}

/* --- writing it --------------------------------------------------------------------------------------------------------- */

static void retry_later(struct herder *herder)
{
    herder_timer_set(herder, &herder->cluster->own_timer, herder_now_ms() + WRITE_RETRY_MS);
}

/* Who cannot answer holds up everybody's work: better no worker than one like that. */
static void note_failure(struct herder *herder, const char *words)
{
    struct herder_cluster *cluster = herder->cluster;

    cluster->own_is_in_doubt = true;
    if (cluster->own_failing_since_ms == 0)
        cluster->own_failing_since_ms = herder_now_ms();
    log_warn(HERDER_LOG, "this worker's member record was not written, trying again: %s", words);
    if (herder_may_run(herder) && herder_now_ms() - cluster->own_failing_since_ms > cluster->rebalance_timeout_ms)
        herder_fail(herder, "this worker cannot write to the config topic, so that the cluster cannot tell what it runs: give "
                            "its principal the right to write, or mend the topic");
    retry_later(herder);
}

/* Statuses go first: a successor's must come after them (KafkaStatusBackingStore's generations). */
static void write_run(struct herder_job *job)
{
    struct herder *herder = job->herder;
    char key[1100];
    struct mr_error *ignored = NULL;

    snprintf(key, sizeof(key), "%s%s", CLUSTER_MEMBER_PREFIX, herder->cluster->url);
    status_store_flush(herder->setup.statuses, herder_now_ms() + FLUSH_TIMEOUT_MS, &ignored);
    mr_error_drop(ignored);
    config_store_put_own_note(herder->setup.configs, &(struct config_note_write){key, job->text}, job->deadline_ms,
                              &job->error);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    struct herder_cluster *cluster = herder->cluster;

    cluster->own_write_is_under_way = false;
    if (job->error != NULL) {
        note_failure(herder, mr_error_message(job->error));
        return;
    }
    cluster->own_failing_since_ms = 0;
    cluster->own_is_in_doubt = false;
    mem_free(cluster->own_written);
    cluster->own_written = job->text;
    job->text = NULL;
    duty_report_later(herder);
}

static void write_late(struct herder *herder, struct herder_job *job)
{
    (void)job;
    herder->cluster->own_write_is_under_way = false;
    note_failure(herder, "not in time");
}

static bool may_speak(const struct herder *herder)
{
    return herder->stage == HERDER_LEADING || herder->stage == HERDER_FOLLOWING || herder->stage == HERDER_STOPPING;
}

/* A leader that thought us gone has removed it. */
static bool stands_in_topic(const struct herder_cluster *cluster)
{
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, cluster->url);

    return cluster->own_written != NULL && known != NULL && known->has_member &&
           strcmp(known->member.boot, cluster->boot) == 0;
}

static void report(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    char *text;

    if (cluster == NULL || !may_speak(herder) || cluster->own_write_is_under_way ||
        config_store_is_lost(herder->setup.configs, NULL))
        return;
    if (!cluster_refresh(herder) || !compose(herder)) {
        retry_later(herder);
        return;
    }
    if (newcomer_is_replaced(herder))
        return;
    if (!stands_in_topic(cluster)) {
        if (!newcomer_may_introduce(herder))
            return;
    } else {
        herder->was_member = cluster->has_stood = true;
        if (!cluster->own_is_in_doubt && strcmp(cluster->own_text, cluster->own_written) == 0)
            return;
    }
    text = mem_strdup(cluster->own_text);
    cluster->own_write_is_under_way =
        text != NULL && herder_job_post(herder, &(struct herder_job_setup){.run = write_run,
                                                                           .done = write_done,
                                                                           .late = write_late,
                                                                           .text = text,
                                                                           .deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS});
    if (!cluster->own_write_is_under_way)
        retry_later(herder);
}

static void report_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    duty_report_later(herder);
}

/* --- who has ended beside this one ----------------------------------------------------------------------------------------- */

/* Leaving, with everything handed over: that its process ends then is as it should be, though it is counted for a moment yet. */
static bool has_left_in_order(const struct cluster_known *known)
{
    return known->member.leaves && (!cluster_known_has_orders(known) ||
                                    known->assignment.units.count + known->assignment.revoking.count == 0);
}

static bool has_ended(const struct herder_cluster *cluster, const struct cluster_known *known)
{
    if (known->boot[0] == '\0' || !known->has_member || strcmp(known->member.boot, known->boot) != 0)
        return false;
    if (strcmp(known->boot, cluster->boot) == 0 || cluster->process.host[0] == '\0' || known->member.host == NULL ||
        strcmp(known->member.host, cluster->process.host) != 0 || has_left_in_order(known))
        return false;
    return process_is_gone(known->member.pid, known->member.started);
}

static void say_gone(struct herder *herder, const struct cluster_known *known)
{
    char id[1100];

    snprintf(id, sizeof(id), "%s#%s", known->url, known->boot);
    if (note_death(herder->cluster, id))
        log_warn(HERDER_LOG, "worker %s (process %lld on this machine) has ended without leaving", known->url,
                 (long long)known->member.pid);
}

static void watch_due(struct herder *herder, struct herder_timer *timer)
{
    struct herder_cluster *cluster = herder->cluster;
    size_t before = cluster->own.gone.count;

    if (may_speak(herder) && cluster_refresh(herder))
        for (size_t i = 0; i < cluster->picture.known.count; i++)
            if (has_ended(cluster, cluster->picture.known.items[i]))
                say_gone(herder, cluster->picture.known.items[i]);
    if (cluster->own.gone.count != before) {
        balance_want(herder, "a worker ended without leaving");
        duty_report_later(herder);
    }
    herder_timer_set(herder, timer, herder_now_ms() + WATCH_INTERVAL_MS);
}

static void statuses_due(struct herder *herder, struct herder_timer *timer)
{
    if (herder_may_run(herder))
        status_say_again(herder);
    herder_timer_set(herder, timer, herder_now_ms() + STATUS_INTERVAL_MS);
}

/* --- beginning and end ------------------------------------------------------------------------------------------------------ */

void duty_init(struct herder *herder)
{
    herder_timer_init(&herder->cluster->own_timer, report_due);
    herder_timer_init(&herder->cluster->watch_timer, watch_due);
    herder_timer_init(&herder->cluster->statuses_timer, statuses_due);
}

void duty_begin(struct herder *herder)
{
    herder_timer_set(herder, &herder->cluster->watch_timer, herder_now_ms() + WATCH_INTERVAL_MS);
    herder_timer_set(herder, &herder->cluster->statuses_timer, herder_now_ms() + STATUS_INTERVAL_MS);
    duty_report_later(herder);
}

void duty_report_later(struct herder *herder)
{
    if (herder->cluster != NULL)
        herder->cluster->must_report = true;
}

void duty_report_if_due(struct herder *herder)
{
    if (herder->cluster == NULL || !herder->cluster->must_report)
        return;
    herder->cluster->must_report = false;
    report(herder);
}

void duty_leave(struct herder *herder)
{
    if (herder->cluster == NULL)
        return;
    herder->cluster->own.leaves = true;
    duty_report_later(herder);
    balance_want(herder, "a worker leaves");
}

bool duty_is_done(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_assignment *assignment;

    if (cluster == NULL || !cluster_others_take_work(cluster) || config_store_is_lost(herder->setup.configs, NULL))
        return true;
    assignment = duty_assignment(cluster);
    return assignment == NULL || (assignment->units.count == 0 && assignment->revoking.count == 0);
}
