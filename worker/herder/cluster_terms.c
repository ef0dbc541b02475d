/*
 * What holds for all who share topics: one group.id has one set of the three topics, and one set of topics has one group.id.
 *
 * - Before a worker joins it looks for members of another group: whose process lives on this machine, or who answers at its URL, is
 *   alive, and the newcomer refuses to start. Whoever ran under another group.id and has ended is no hindrance.
 * - A newcomer whose offset or status topic is not that of a member refuses to start; of two that could not know of each other the one
 *   that does not lead ends.
 * - A leader that took the place of another group's leader, which writes on, is the later one and ends: balance.c asks here.
 *
 * Builds that do not say their group and topics are compared with nobody.
 */
#include <inttypes.h>
#include <millrace/error.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/worker_config.h"
#include "herder/cluster_internal.h"
#include "herder/cluster_view.h"
#include "herder/leader_link.h"

#include "base/bans.h"

#define ASK_TIMEOUT_MS 2000 /* for all together */
#define CONTEST_MAX 3       /* leaders of another group that overtook one that cannot tell which of the groups is the later */
#define ESTABLISHED_MS 10000 /* whoever has led so long without being overtaken was here first */
#define GROUPS_REMEDY                                                                                                               \
    "two groups must not share internal topics: give this group its own config.storage.topic, offset.storage.topic and "          \
    "status.storage.topic, or set group.id=%s"

/* --- groups, before this one joins --------------------------------------------------------------------------------------- */

struct question {
    sem_t *told;
    const struct cluster_known *whom;
    bool is_answered;
};

/* thread: the link's. */
static void on_answer(void *argument, const char *boot)
{
    struct question *question = argument;

    question->is_answered = boot != NULL && strcmp(boot, question->whom->member.boot) == 0;
    sem_post(question->told);
}

static bool is_of_another_group(const struct herder *herder, const struct cluster_known *known)
{
    return known->has_member && !known->member.leaves && cluster_terms_differ(known->member.group, herder->setup.worker->group_id);
}

static bool is_of_this_machine(const struct herder *herder, const struct cluster_known *known)
{
    const char *host = herder->cluster->process.host;

    return host[0] != '\0' && known->member.host != NULL && strcmp(known->member.host, host) == 0;
}

/* Of this machine its process tells; the others are asked, all at once. Waits; the link answers in time. NULL: nobody lives. */
static const struct cluster_known *find_living(struct herder *herder, const struct ptr_array *workers, struct question *questions)
{
    const struct leader_link *link = herder->setup.leader_link;
    const struct cluster_known *living = NULL;
    size_t asked = 0;
    sem_t told;

    if (sem_init(&told, 0, 0) != 0)
        return NULL;
    for (size_t i = 0; i < workers->count; i++) {
        const struct cluster_known *known = workers->items[i];

        if (!is_of_another_group(herder, known))
            continue;
        if (is_of_this_machine(herder, known)) {
            living = process_is_gone(known->member.pid, known->member.started) ? living : known;
        } else if (link != NULL && link->ask_boot != NULL) {
            questions[asked] = (struct question){&told, known, false};
            link->ask_boot(link->argument, known->url, herder_now_ms() + ASK_TIMEOUT_MS, on_answer, &questions[asked++]);
        }
    }
    for (size_t i = 0; i < asked; i++)
        while (sem_wait(&told) != 0)
            ; /* a signal */
    for (size_t i = 0; i < asked; i++)
        living = questions[i].is_answered ? questions[i].whom : living;
    sem_destroy(&told);
    return living;
}

static int refuse(const struct herder *herder, const struct cluster_known *living, struct mr_error **error)
{
    const struct worker_config *worker = herder->setup.worker;

    return mr_error_set(error, MR_ERR_CONFIG,
                        "group.id is %s, but worker %s of group %s is alive and uses the same config.storage.topic=%s: " GROUPS_REMEDY
                        " to join that one",
                        worker->group_id, living->url, living->member.group,
                        worker->config_topic.name != NULL ? worker->config_topic.name : "", living->member.group);
}

int terms_check_groups(struct herder *herder, struct mr_error **error)
{
    struct herder_cluster_view *view = herder_cluster_view(herder);
    struct question *questions = view != NULL ? mem_calloc(view->picture.known.count + 1, sizeof(*questions)) : NULL;
    const struct cluster_known *living = NULL;
    int result;

    if (questions != NULL) {
        herder->cluster->head_at_start = view->picture.has_head ? view->picture.head.stamp : (struct cluster_stamp){0};
        living = find_living(herder, &view->picture.known, questions);
        result = living == NULL ? 0 : refuse(herder, living, error);
    } else {
        result = mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
    }
    mem_free(questions);
    herder_cluster_view_destroy(view);
    return result;
}

/* --- groups, while it leads ------------------------------------------------------------------------------------------------ */

static void end(struct herder *herder, const char *words)
{
    herder_fail(herder, words);
    herder_suspend(herder);
}

/* The cluster record, if another group's leader wrote it. */
static const struct cluster_head *foreign_head(const struct herder *herder)
{
    const struct cluster_picture *picture = &herder->cluster->picture;

    if (!picture->has_head || !cluster_terms_differ(picture->head.group, herder->setup.worker->group_id))
        return NULL;
    return &picture->head;
}

static void end_for(struct herder *herder, const struct cluster_head *head)
{
    char words[1400];

    snprintf(words, sizeof(words),
             "group.id is %s, but worker %s leads group %s with the same internal topics, and did so before: " GROUPS_REMEDY
             " on all workers",
             herder->setup.worker->group_id, head->leader_url != NULL ? head->leader_url : "?", head->group, head->group);
    end(herder, words);
}

bool terms_may_lead(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_head *head = foreign_head(herder);

    cluster->displaced[0] = '\0';
    cluster->foreign_told[0] = '\0';
    cluster->foreign_count = 0;
    cluster->lead_began_ms = herder_now_ms();
    cluster->is_established = head == NULL && cluster->picture.has_head && cluster->picture.head.group != NULL;
    if (head == NULL)
        return true;
    if (cluster_stamp_compare(head->stamp, cluster->head_at_start) > 0) {
        end_for(herder, head); /* it was written while this one ran already: that group lives */
        return false;
    }
    snprintf(cluster->displaced, sizeof(cluster->displaced), "%s", head->leader);
    log_info(HERDER_LOG, "group %s used these topics before; none of its workers was found alive: group %s goes on with what they hold",
             head->group, herder->setup.worker->group_id);
    return true;
}

/* It took the place of that very one; or nobody can tell, and it was overtaken too often. */
static bool is_the_later(struct herder_cluster *cluster, const struct cluster_head *head)
{
    if (cluster->foreign_count == 0 && herder_now_ms() - cluster->lead_began_ms > ESTABLISHED_MS)
        cluster->is_established = true;
    cluster->foreign_count++;
    return strcmp(head->leader, cluster->displaced) == 0 || (cluster->foreign_count >= CONTEST_MAX && !cluster->is_established);
}

bool terms_stand_contest(struct herder *herder, bool *is_foreign)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_head *head = foreign_head(herder);

    *is_foreign = head != NULL;
    if (head == NULL)
        return true;
    if (is_the_later(cluster, head)) {
        end_for(herder, head);
        return false;
    }
    if (strcmp(cluster->foreign_told, head->leader) != 0)
        log_error(HERDER_LOG, "worker %s of group %s has begun to lead with the internal topics of this group, %s, and must end: two groups "
                              "must not share them. This group goes on; give the other one topics of its own",
                  head->leader_url != NULL ? head->leader_url : "?", head->group, herder->setup.worker->group_id);
    snprintf(cluster->foreign_told, sizeof(cluster->foreign_told), "%s", head->leader);
    return true;
}

/* --- topics ---------------------------------------------------------------------------------------------------------------------- */

static bool differs(const struct worker_config *worker, const struct cluster_member *member)
{
    return cluster_terms_differ(member->offset_topic, worker->offset_topic.name) ||
           cluster_terms_differ(member->status_topic, worker->status_topic.name);
}

static bool is_alive(const struct herder *herder, const struct cluster_known *known)
{
    if (!cluster_known_is_introduced(known) || cluster_known_is_gone(&herder->cluster->picture, known))
        return false;
    return !is_of_this_machine(herder, known) || !process_is_gone(known->member.pid, known->member.started);
}

static void end_over_topics(struct herder *herder, const struct cluster_known *known)
{
    const struct worker_config *worker = herder->setup.worker;
    bool of_offsets = cluster_terms_differ(known->member.offset_topic, worker->offset_topic.name);
    bool of_statuses = cluster_terms_differ(known->member.status_topic, worker->status_topic.name);
    char offsets[700] = "", statuses[700] = "", words[2400];

    if (of_offsets)
        snprintf(offsets, sizeof(offsets), "offset.storage.topic is %s here and %s there", worker->offset_topic.name,
                 known->member.offset_topic);
    if (of_statuses)
        snprintf(statuses, sizeof(statuses), "status.storage.topic is %s here and %s there", worker->status_topic.name,
                 known->member.status_topic);
    snprintf(words, sizeof(words),
             "worker %s has the same group.id and other topics: %s%s%s; sources would begin anew and statuses be missing. Set the same on "
             "all workers (to change them stop all first), or give this one another group.id and three topics of its own",
             known->url, offsets, of_offsets && of_statuses ? ", " : "", statuses);
    end(herder, words);
}

bool terms_fit(struct herder *herder)
{
    const struct ptr_array *workers = &herder->cluster->picture.known;

    for (size_t i = 0; i < workers->count; i++) {
        const struct cluster_known *known = workers->items[i];

        if (strcmp(known->url, herder->cluster->url) != 0 && is_alive(herder, known) &&
            differs(herder->setup.worker, &known->member)) {
            end_over_topics(herder, known);
            return false;
        }
    }
    return true;
}

void terms_watch(struct herder *herder)
{
    const struct cluster_picture *picture = &herder->cluster->picture;

    if (!herder->cluster->has_stood || herder->stage != HERDER_FOLLOWING)
        return;
    for (size_t i = 0; i < picture->seats.count; i++) {
        const struct cluster_seat *seat = picture->seats.items[i];
        const struct cluster_known *leader = seat->leads ? cluster_picture_find(picture, seat->url) : NULL;

        if (leader != NULL && strcmp(leader->boot, seat->boot) == 0 && is_alive(herder, leader) &&
            differs(herder->setup.worker, &leader->member)) {
            end_over_topics(herder, leader);
            return;
        }
    }
}

/* --- exactly once ---------------------------------------------------------------------------------------------------------------- */

static bool is_said(const struct cluster_known *known, enum exactly_once_source source)
{
    return strcmp(known->member.exactly_once, exactly_once_source_name(source)) == 0;
}

/* One shuts nobody out, the other relies on it. */
static bool supports_clash(const struct cluster_known *known, enum exactly_once_source own)
{
    if (known->member.exactly_once == NULL)
        return false;
    return (own == EXACTLY_ONCE_ENABLED && is_said(known, EXACTLY_ONCE_DISABLED)) ||
           (own == EXACTLY_ONCE_DISABLED && is_said(known, EXACTLY_ONCE_ENABLED));
}

void terms_compare_supports(struct herder *herder)
{
    enum exactly_once_source own = herder->setup.worker->exactly_once_source;
    const struct ptr_array *workers = &herder->cluster->picture.known;

    for (size_t i = 0; i < workers->count; i++) {
        struct cluster_known *known = workers->items[i];

        if (strcmp(known->url, herder->cluster->url) == 0 || strcmp(known->support_told, known->boot) == 0 ||
            !cluster_known_is_introduced(known) || !supports_clash(known, own))
            continue;
        snprintf(known->support_told, sizeof(known->support_told), "%s", known->boot);
        log_warn(HERDER_LOG, "worker %s has exactly.once.source.support=%s, this one %s: tasks that move between them shut each other out too "
                             "late, and records come twice. Go by way of preparing: set it on all workers, one after another, and only "
                             "then the other",
                 known->url, known->member.exactly_once, exactly_once_source_name(own));
    }
}
