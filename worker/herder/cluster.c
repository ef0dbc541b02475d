/* What the config topic and the group say of the cluster. */
#include "herder/cluster_internal.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "herder/cluster_view.h"
#include "herder/leader_link.h"
#include "herder/units_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

/* --- life ------------------------------------------------------------------------------------------------------------ */

int cluster_create(struct herder *herder, struct mr_error **error)
{
    const struct worker_config *worker = herder->setup.worker;
    struct herder_cluster *cluster = mem_calloc(1, sizeof(*cluster));

    if (cluster == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
    herder->cluster = cluster;
    mutex_init(&cluster->seats_lock);
    cluster_picture_init(&cluster->picture);
    cluster_member_init(&cluster->own);
    cluster->return_delay_ms = worker->rebalance_delay_max_ms;
    cluster->rebalance_timeout_ms = worker->rebalance_timeout_ms;
    cluster->url = mem_strdup(herder->setup.membership->worker_url);
    snprintf(cluster->boot, sizeof(cluster->boot), "%s", membership_boot_id(herder->membership));
    cluster->secret_mark = herder->setup.leader_link != NULL ? herder->setup.leader_link->secret_mark : NULL;
    cluster->is_stale = true;
    duty_init(herder);
    newcomer_init(herder);
    balance_init(herder);
    crash_notes_init(herder);
    process_identity_read(&cluster->process);
    return cluster->url != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
}

void cluster_destroy(struct herder_cluster *cluster)
{
    if (cluster == NULL)
        return;
    cluster_picture_release(&cluster->picture);
    mutex_destroy(&cluster->seats_lock);
    cluster_member_release(&cluster->own);
    unit_map_release(&cluster->told_unassigned);
    mem_free(cluster->own_text);
    mem_free(cluster->own_written);
    mem_free(cluster->url);
    mem_free(cluster);
}

/* --- what is read ----------------------------------------------------------------------------------------------------- */

void cluster_take_seats(struct herder *herder, uint64_t epoch, const struct membership_peer *peers, size_t count)
{
    struct herder_cluster *cluster = herder->cluster;
    bool all = true;

    mutex_lock(&cluster->seats_lock);
    cluster_picture_clear_seats(&cluster->picture);
    for (size_t i = 0; i < count; i++)
        all = all && cluster_picture_add_seat(&cluster->picture, peers[i].url, peers[i].boot_id, peers[i].leads);
    mutex_unlock(&cluster->seats_lock);
    if (!all) {
        herder_event_lost(herder);
        return;
    }
    cluster->seats_epoch = epoch;
    cluster->is_stale = true;
    duty_report_later(herder); /* a newcomer looks whether its name is free */
}

static bool read_notes(struct cluster_picture *picture, const struct config_snapshot *snapshot)
{
    bool all = true;

    cluster_picture_forget(picture);
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        all = cluster_picture_read(picture, note.key, note.text, note.size, note.is_overruled) && all;
    }
    return cluster_picture_settle(picture) && all;
}

bool cluster_refresh(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct config_snapshot *snapshot;

    if (!cluster->is_stale)
        return true;
    snapshot = config_store_snapshot(herder->setup.configs);
    cluster->is_stale = !read_notes(&cluster->picture, snapshot);
    cluster->is_unseen = true;
    crash_notes_hear(herder, snapshot);
    config_snapshot_drop(snapshot);
    return !cluster->is_stale;
}

/* --- showing it; thread: any ------------------------------------------------------------------------------------------------- */

static bool copy_seats(struct herder_cluster *cluster, struct cluster_picture *to)
{
    bool all = true;

    mutex_lock(&cluster->seats_lock);
    for (size_t i = 0; i < cluster->picture.seats.count; i++) {
        const struct cluster_seat *seat = cluster->picture.seats.items[i];

        all = all && cluster_picture_add_seat(to, seat->url, seat->boot, seat->leads);
    }
    mutex_unlock(&cluster->seats_lock);
    return all;
}

bool herder_has_cluster(const struct herder *herder)
{
    return herder->cluster != NULL;
}

const char *herder_boot_id(const struct herder *herder)
{
    return herder->cluster != NULL ? herder->cluster->boot : NULL;
}

struct herder_cluster_view *herder_cluster_view(const struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct herder_cluster_view *view = mem_calloc(1, sizeof(*view));
    struct config_snapshot *snapshot;
    bool all;

    if (view == NULL)
        return NULL;
    cluster_picture_init(&view->picture);
    view->url = cluster->url;
    view->boot = cluster->boot;
    view->secret_mark = cluster->secret_mark;
    view->is_member = !atomic_load(&herder->runs_nothing);
    snapshot = config_store_snapshot(herder->setup.configs);
    all = copy_seats(cluster, &view->picture) && read_notes(&view->picture, snapshot);
    config_snapshot_drop(snapshot);
    if (all)
        return view;
    herder_cluster_view_destroy(view);
    return NULL;
}

void herder_cluster_view_destroy(struct herder_cluster_view *view)
{
    if (view == NULL)
        return;
    cluster_picture_release(&view->picture);
    mem_free(view);
}

/* --- where units are ----------------------------------------------------------------------------------------------------------- */

static bool has_task_of(const struct unit_map *units, const char *connector)
{
    for (size_t i = 0; i < units->count; i++)
        if (units->entries[i].task != UNIT_IS_CONNECTOR && strcmp(units->entries[i].connector, connector) == 0)
            return true;
    return false;
}

bool cluster_runs_tasks(const struct herder *herder, const char *connector)
{
    const struct herder_cluster *cluster = herder->cluster;

    for (size_t i = 0; cluster != NULL && i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if ((has_task_of(&known->assignment.units, connector) || has_task_of(&known->assignment.revoking, connector)) &&
            cluster_known_is_at_work(&cluster->picture, known))
            return true;
    }
    return false;
}

bool cluster_holds(const struct herder *herder, const char *connector, int32_t task)
{
    const struct herder_cluster *cluster = herder->cluster;

    for (size_t i = 0; cluster != NULL && i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if ((unit_map_has(&known->assignment.units, connector, task) || unit_map_has(&known->assignment.revoking, connector, task)) &&
            cluster_known_is_at_work(&cluster->picture, known))
            return true;
    }
    return false;
}

const char *cluster_owner(const struct herder *herder, const char *connector, int32_t task)
{
    const struct herder_cluster *cluster = herder->cluster;

    for (size_t i = 0; cluster != NULL && i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if (unit_map_has(&known->assignment.units, connector, task) && cluster_known_is_at_work(&cluster->picture, known))
            return known->url;
    }
    return NULL;
}

bool cluster_others_take_work(const struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->picture.known.count; i++) {
        const struct cluster_known *known = cluster->picture.known.items[i];

        if (strcmp(known->url, cluster->url) != 0 && cluster_known_takes_work(&cluster->picture, known))
            return true;
    }
    return false;
}

void cluster_note_came(struct herder *herder)
{
    if (herder->cluster == NULL)
        return;
    herder->cluster->is_stale = true;
    duty_report_later(herder);
}

void cluster_look(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    const struct cluster_known *own;
    struct cluster_stamp stamp = {0};

    if (cluster == NULL || (!cluster->is_stale && !cluster->is_unseen))
        return;
    if (!cluster_refresh(herder))
        herder->look_at_all = true;
    cluster->is_unseen = false;
    own = cluster_picture_find(&cluster->picture, cluster->url);
    if (own != NULL && own->has_assignment)
        stamp = own->assignment.stamp;
    if (cluster_stamp_compare(stamp, cluster->seen) != 0 || herder->stage == HERDER_LEADING)
        units_mark_all(herder); /* ours are others now; a request may wait for another worker's */
    cluster->seen = stamp;
    fencing_watch(herder);
    worker_secret_watch(cluster);
    terms_watch(herder);
    terms_compare_supports(herder);
    if (herder->stage == HERDER_LEADING)
        status_of_unassigned(herder);
}
