/*
 * Of two workers with one URL only one may be there: all that is written of a worker stands under that name. A worker introduces
 * itself only when no other member has its URL, or when that one is certainly no more: a ghost, killed, whose session still runs.
 *
 * - Its record says that it ran on this machine: its process tells.
 * - It is about to leave: it will.
 * - Else the URL is asked: when we answer it ourselves, the address is ours now and nobody can reach the other, unless it leads each
 *   machine to itself (http://localhost:8083/), which proves nothing; when the other answers it is alive.
 * - Else a ghost's session ends in time; a member that is there still after that is alive.
 *
 * What ran here before and was killed is said to be gone before this one joins, so that its work need not wait for its session's end: when
 * its process is seen to be gone, or, of one that ran on another machine (a container that was restarted is one), when we answer at its
 * URL. That nobody answers there proves nothing.
 *
 * A worker whose record was replaced by another's, while that one is a member, or says now that this very run is gone, has been taken for
 * a ghost, and ends.
 */
#include <millrace/error.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/loopback.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "coordination/membership.h"
#include "herder/cluster_internal.h"
#include "herder/leader_link.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 2000
#define LOOK_AGAIN_MS 500
#define SESSION_MARGIN_MS 2000 /* until the broker's word of the end has reached us */

enum rival_is { RIVAL_GHOST, RIVAL_ALIVE, RIVAL_LEAVING, RIVAL_UNKNOWN };

/* What can be told without asking. */
static enum rival_is look_at(const struct herder_cluster *cluster, const struct cluster_seat *rival)
{
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, rival->url);

    if (known == NULL || !known->has_member || strcmp(known->member.boot, rival->boot) != 0)
        return RIVAL_UNKNOWN;
    if (cluster->process.host[0] != '\0' && known->member.host != NULL &&
        strcmp(known->member.host, cluster->process.host) == 0) {
        if (process_is_gone(known->member.pid, known->member.started))
            return RIVAL_GHOST;
        return known->member.leaves ? RIVAL_LEAVING : RIVAL_ALIVE;
    }
    return known->member.leaves ? RIVAL_LEAVING : RIVAL_UNKNOWN;
}

/* NULL: the name is free. */
static const struct cluster_seat *find_rival(const struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.seats.count; i++) {
        const struct cluster_seat *seat = cluster->picture.seats.items[i];

        if (strcmp(seat->url, cluster->url) == 0 && strcmp(seat->boot, cluster->boot) != 0 &&
            look_at(cluster, seat) != RIVAL_GHOST)
            return seat;
    }
    return NULL;
}

static void give_way(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    char words[1400];

    snprintf(words, sizeof(words),
             cluster->has_stood ? "another worker has taken the place of this one: both say that they are reached at %s; give each an "
                                  "address of its own (listeners, or rest.advertised.host.name and rest.advertised.port)"
                                : "another worker of this cluster is reached at %s already: give this one an address of its own "
                                  "(listeners, or rest.advertised.host.name and rest.advertised.port), or end the other",
             cluster->url);
    herder_fail(herder, words);
    herder_suspend(herder);
}

/* --- asking who answers ---------------------------------------------------------------------------------------------- */

struct boot_answer {
    struct herder_post post;
    struct herder *herder;
    char boot[MEMBERSHIP_BOOT_ID_SIZE];
};

static void handle_answer(struct herder *herder, struct herder_post *post)
{
    struct boot_answer *answer = (struct boot_answer *)post;
    struct herder_cluster *cluster = herder->cluster;

    cluster->is_asking = false;
    cluster->rival_is_ghost = strcmp(answer->boot, cluster->boot) == 0 && !loopback_is_url(cluster->url);
    cluster->rival_is_alive = cluster->rival[0] != '\0' && strcmp(answer->boot, cluster->rival) == 0;
    if (cluster->rival_is_ghost || cluster->rival_is_alive)
        duty_report_later(herder);
    mem_free(answer);
}

/* thread: the link's. */
static void on_answer(void *argument, const char *boot)
{
    struct boot_answer *answer = argument;

    snprintf(answer->boot, sizeof(answer->boot), "%s", boot != NULL ? boot : "");
    herder_post(answer->herder, &answer->post);
}

static void ask(struct herder *herder)
{
    const struct leader_link *link = herder->setup.leader_link;
    struct boot_answer *answer;

    if (link == NULL || herder->cluster->is_asking)
        return;
    answer = mem_calloc(1, sizeof(*answer));
    if (answer == NULL)
        return; /* asked at the next look */
    answer->post.handle = handle_answer;
    answer->herder = herder;
    herder->cluster->is_asking = true;
    link->ask_boot(link->argument, herder->cluster->url, herder_now_ms() + ASK_TIMEOUT_MS, on_answer, answer);
}

/* --- the decision ---------------------------------------------------------------------------------------------------- */

static void meet(struct herder *herder, const struct cluster_seat *rival)
{
    struct herder_cluster *cluster = herder->cluster;

    if (strcmp(cluster->rival, rival->boot) == 0)
        return;
    snprintf(cluster->rival, sizeof(cluster->rival), "%s", rival->boot);
    cluster->rival_since_ms = herder_now_ms();
    cluster->rival_is_ghost = cluster->rival_is_alive = false;
    log_info(HERDER_LOG, "the group still has a member at this worker's address %s: finding out whether it is alive", rival->url);
}

/* A ghost would be gone. Of two newcomers that cannot be told apart one stays. */
static bool has_outlived_its_session(const struct herder_cluster *cluster)
{
    return herder_now_ms() - cluster->rival_since_ms > (int64_t)cluster->session_timeout_ms + SESSION_MARGIN_MS;
}

static bool stays_before(const struct herder_cluster *cluster, const struct cluster_seat *rival)
{
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, rival->url);
    bool has_record = known != NULL && known->has_member && strcmp(known->member.boot, rival->boot) == 0;

    return !has_record && strcmp(cluster->boot, rival->boot) < 0;
}

static bool is_out_of_the_way(struct herder *herder, const struct cluster_seat *rival)
{
    struct herder_cluster *cluster = herder->cluster;
    enum rival_is is = look_at(cluster, rival);

    meet(herder, rival);
    if (is == RIVAL_ALIVE || (is == RIVAL_UNKNOWN && cluster->rival_is_alive)) {
        give_way(herder);
        return false;
    }
    if (is == RIVAL_UNKNOWN && cluster->rival_is_ghost)
        return true;
    if (is == RIVAL_UNKNOWN && has_outlived_its_session(cluster)) {
        if (stays_before(cluster, rival))
            return true;
        give_way(herder);
        return false;
    }
    if (is == RIVAL_UNKNOWN)
        ask(herder);
    herder_timer_set(herder, &cluster->newcomer_timer, herder_now_ms() + LOOK_AGAIN_MS);
    return false;
}

/* Told anew when the group has settled with us in it. */
static bool knows_the_group(const struct herder *herder)
{
    const struct herder_cluster *cluster = herder->cluster;

    return cluster->seats_epoch == membership_epoch(herder->membership) &&
           cluster_picture_seat(&cluster->picture, cluster->url, cluster->boot) != NULL;
}

bool newcomer_is_replaced(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, cluster->url);

    if (known == NULL || !known->has_member || strcmp(known->member.boot, cluster->boot) != 0 ||
        !cluster_member_says_gone(&known->member, cluster->url, cluster->boot))
        return false;
    give_way(herder);
    return true;
}

bool newcomer_may_introduce(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_known *known = cluster_picture_find(&cluster->picture, cluster->url);
    const struct cluster_seat *rival;

    if (!knows_the_group(herder))
        return false;
    if (cluster->has_stood && known != NULL && known->has_member && strcmp(known->member.boot, cluster->boot) != 0 &&
        cluster_picture_seat(&cluster->picture, cluster->url, known->member.boot) != NULL) {
        give_way(herder);
        return false;
    }
    if (!terms_fit(herder))
        return false;
    rival = find_rival(cluster);
    return rival == NULL || is_out_of_the_way(herder, rival);
}

static void look_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    duty_report_later(herder);
}

void newcomer_init(struct herder *herder)
{
    herder->cluster->session_timeout_ms = herder->setup.membership->session_timeout_ms;
    herder_timer_init(&herder->cluster->newcomer_timer, look_due);
}

/* Read before the herder's thread runs: what the picture will be made of. */
static bool find_own_record(struct herder *herder, struct cluster_member *member)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    size_t prefix = strlen(CLUSTER_MEMBER_PREFIX);
    bool is_read = false;

    for (size_t i = 0; i < config_snapshot_note_count(snapshot) && !is_read; i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        if (note.size > 0 && strncmp(note.key, CLUSTER_MEMBER_PREFIX, prefix) == 0 &&
            strcmp(note.key + prefix, herder->cluster->url) == 0)
            is_read = cluster_member_decode(member, note.text, note.size, NULL) == 0;
    }
    config_snapshot_drop(snapshot);
    return is_read;
}

/* --- the last word of the one before ----------------------------------------------------------------------------------- */

/* The record of the run before, which says now that it has ended: the leader takes that for a member's word, and gives out at once what that
 * run had, although the group counts it as a member until its session is over. NULL: no memory. */
static char *last_word(const char *url, struct cluster_member *before)
{
    char id[1100];
    char *gone, *text = NULL;
    struct str_buffer record;

    snprintf(id, sizeof(id), "%s#%s", url, before->boot);
    gone = mem_strdup(id);
    if (gone == NULL || !ptr_array_push(&before->gone, gone)) {
        mem_free(gone);
        return NULL;
    }
    str_buffer_init(&record, CLUSTER_RECORD_MAX);
    if (cluster_member_encode(before, &record, NULL) == 0)
        text = str_buffer_take(&record, NULL);
    str_buffer_release(&record);
    return text;
}

/* Nobody has written there meanwhile: not this worker itself, and no leader that has forgotten the dead one. */
static bool is_still_the_last(struct herder *herder, const char *boot)
{
    struct cluster_member now;
    bool is_last;

    cluster_member_init(&now);
    is_last = find_own_record(herder, &now) && strcmp(now.boot, boot) == 0;
    cluster_member_release(&now);
    return is_last;
}

/* thread: job. */
static void tell_run(struct herder_job *job)
{
    char key[1100];

    if (!is_still_the_last(job->herder, job->data))
        return;
    snprintf(key, sizeof(key), "%s%s", CLUSTER_MEMBER_PREFIX, job->herder->cluster->url);
    config_store_put_own_note(job->herder->setup.configs, &(struct config_note_write){key, job->text}, job->deadline_ms,
                              &job->error);
}

static void tell_done(struct herder *herder, struct herder_job *job)
{
    (void)herder;
    if (job->error != NULL)
        log_warn(HERDER_LOG, "the others learn from the group alone that the worker which ran here before has ended: %s",
                 mr_error_message(job->error));
}

static void tell_late(struct herder *herder, struct herder_job *job)
{
    (void)herder;
    (void)job;
}

static void free_text(void *text)
{
    mem_free(text);
}

static void tell_death(struct herder *herder, struct cluster_member *before)
{
    char *text = NULL, *boot = mem_strdup(before->boot);

    if (boot != NULL && !cluster_member_says_gone(before, herder->cluster->url, boot))
        text = last_word(herder->cluster->url, before);
    if (text == NULL)
        mem_free(boot);
    else
        herder_job_post(herder, &(struct herder_job_setup){.run = tell_run,
                                                           .done = tell_done,
                                                           .late = tell_late,
                                                           .text = text,
                                                           .data = boot,
                                                           .data_free = free_text,
                                                           .deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS});
}

struct own_answer {
    sem_t told;
    bool is_ours;
    const char *boot;
};

/* thread: the link's. */
static void on_own_answer(void *argument, const char *boot)
{
    struct own_answer *answer = argument;

    answer->is_ours = boot != NULL && strcmp(boot, answer->boot) == 0;
    sem_post(&answer->told);
}

/* Waits; the link answers in time. Our REST listens already. */
static bool answers_at_own_url(struct herder *herder)
{
    const struct leader_link *link = herder->setup.leader_link;
    struct own_answer answer = {.boot = herder->cluster->boot};

    if (link == NULL || link->ask_boot == NULL || sem_init(&answer.told, 0, 0) != 0)
        return false;
    link->ask_boot(link->argument, herder->cluster->url, herder_now_ms() + ASK_TIMEOUT_MS, on_own_answer, &answer);
    while (sem_wait(&answer.told) != 0)
        ; /* a signal */
    sem_destroy(&answer.told);
    return answer.is_ours;
}

/* One that is about to leave hands over, and is let do so. */
static bool has_been_killed(struct herder *herder, const struct cluster_member *before)
{
    const struct process_identity *self = &herder->cluster->process;

    if (self->host[0] != '\0' && before->host != NULL && strcmp(before->host, self->host) == 0)
        return process_is_gone(before->pid, before->started);
    return before->boot[0] != '\0' && !before->leaves && !loopback_is_url(herder->cluster->url) && answers_at_own_url(herder);
}

void newcomer_begin(struct herder *herder)
{
    struct cluster_member before;

    cluster_member_init(&before);
    if (find_own_record(herder, &before) && has_been_killed(herder, &before)) {
        membership_wait_out(herder->membership, before.boot);
        tell_death(herder, &before);
    }
    cluster_member_release(&before);
}
