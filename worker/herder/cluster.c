/* What the config topic and the group say of the cluster. */
#include "herder/cluster_internal.h"

#include <millrace/error.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/worker_config.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "herder/units_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

static void known_free(void *item)
{
    struct cluster_known *known = item;

    cluster_member_release(&known->member);
    cluster_assignment_release(&known->assignment);
    mem_free(known->url);
    mem_free(known);
}

static void seat_free(void *item)
{
    struct cluster_seat *seat = item;

    mem_free(seat->url);
    mem_free(seat);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

int cluster_create(struct herder *herder, struct mr_error **error)
{
    const struct worker_config *worker = herder->setup.worker;
    struct herder_cluster *cluster = mem_calloc(1, sizeof(*cluster));

    if (cluster == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
    herder->cluster = cluster;
    ptr_array_init(&cluster->known, known_free);
    ptr_array_init(&cluster->seats, seat_free);
    cluster_head_init(&cluster->head);
    cluster_member_init(&cluster->own);
    cluster->return_delay_ms = worker->rebalance_delay_max_ms;
    cluster->rebalance_timeout_ms = worker->rebalance_timeout_ms;
    cluster->url = mem_strdup(herder->setup.membership->worker_url);
    snprintf(cluster->boot, sizeof(cluster->boot), "%s", membership_boot_id(herder->membership));
    cluster->is_stale = true;
    duty_init(herder);
    balance_init(herder);
    process_identity_read(&cluster->process);
    return cluster->url != NULL ? 0 : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the herder");
}

void cluster_destroy(struct herder_cluster *cluster)
{
    if (cluster == NULL)
        return;
    ptr_array_release(&cluster->known);
    ptr_array_release(&cluster->seats);
    cluster_head_release(&cluster->head);
    cluster_member_release(&cluster->own);
    mem_free(cluster->own_text);
    mem_free(cluster->own_written);
    mem_free(cluster->url);
    mem_free(cluster);
}

/* --- known workers ----------------------------------------------------------------------------------------------------- */

static size_t place_of(const struct herder_cluster *cluster, const char *url)
{
    size_t i = 0;

    while (i < cluster->known.count && strcmp(((struct cluster_known *)cluster->known.items[i])->url, url) < 0)
        i++;
    return i;
}

struct cluster_known *cluster_find(const struct herder_cluster *cluster, const char *url)
{
    size_t place = place_of(cluster, url);
    struct cluster_known *known = place < cluster->known.count ? cluster->known.items[place] : NULL;

    return known != NULL && strcmp(known->url, url) == 0 ? known : NULL;
}

static struct cluster_known *find_or_add(struct herder_cluster *cluster, const char *url)
{
    struct cluster_known *known = cluster_find(cluster, url);
    size_t place;

    if (known != NULL)
        return known;
    known = mem_calloc(1, sizeof(*known));
    if (known == NULL)
        return NULL;
    cluster_member_init(&known->member);
    cluster_assignment_init(&known->assignment);
    known->url = mem_strdup(url);
    if (known->url == NULL || !ptr_array_push(&cluster->known, known)) {
        known_free(known);
        return NULL;
    }
    place = place_of(cluster, url); /* among those before the new one, which stands last */
    memmove(&cluster->known.items[place + 1], &cluster->known.items[place],
            (cluster->known.count - 1 - place) * sizeof(void *));
    cluster->known.items[place] = known;
    return known;
}

bool cluster_has_seat(const struct herder_cluster *cluster, const char *url, const char *boot)
{
    for (size_t i = 0; i < cluster->seats.count; i++) {
        const struct cluster_seat *seat = cluster->seats.items[i];

        if (strcmp(seat->url, url) == 0 && strcmp(seat->boot, boot) == 0)
            return true;
    }
    return false;
}

void cluster_take_seats(struct herder *herder, uint64_t epoch, const struct membership_peer *peers, size_t count)
{
    struct herder_cluster *cluster = herder->cluster;

    ptr_array_clear(&cluster->seats);
    for (size_t i = 0; i < count; i++) {
        struct cluster_seat *seat = mem_calloc(1, sizeof(*seat));

        if (seat != NULL)
            seat->url = mem_strdup(peers[i].url);
        if (seat == NULL || seat->url == NULL || !ptr_array_push(&cluster->seats, seat)) {
            if (seat != NULL)
                seat_free(seat);
            herder_event_lost(herder);
            return;
        }
        snprintf(seat->boot, sizeof(seat->boot), "%s", peers[i].boot_id);
    }
    cluster->seats_epoch = epoch;
    cluster->is_stale = true;
}

/* Of two members with one URL the one counts that has introduced itself last: its record stands in the topic. A ghost (killed,
 * its session not over) loses to its successor like that. */
static void seat_workers(struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->known.count; i++)
        ((struct cluster_known *)cluster->known.items[i])->boot[0] = '\0';
    for (size_t i = 0; i < cluster->seats.count; i++) {
        const struct cluster_seat *seat = cluster->seats.items[i];
        struct cluster_known *known = cluster_find(cluster, seat->url);

        if (known == NULL)
            continue; /* no memory when it was read; stale still */
        if (known->boot[0] == '\0' || (known->has_member && strcmp(known->member.boot, seat->boot) == 0))
            snprintf(known->boot, sizeof(known->boot), "%s", seat->boot);
    }
}

/* --- records ------------------------------------------------------------------------------------------------------------ */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What cannot be read is as if it was not there; no memory is said as false. */
static bool was_read(int status, const char *key, struct mr_error *error, bool *is_there)
{
    bool had_memory = status == 0 || mr_error_code(error) != MR_ERR_NO_MEMORY;

    *is_there = status == 0;
    if (status != 0)
        log_error(HERDER_LOG, "config topic: record %s is not understood: %s", key, mr_error_message(error));
    mr_error_drop(error);
    return had_memory;
}

static bool read_member(struct herder_cluster *cluster, const struct config_note *note)
{
    struct cluster_known *known = find_or_add(cluster, note->key + strlen(CLUSTER_MEMBER_PREFIX));
    struct mr_error *error = NULL;
    int status;

    if (known == NULL)
        return false;
    status = cluster_member_decode(&known->member, note->text, note->size, &error);
    return was_read(status, note->key, error, &known->has_member);
}

static bool read_assignment(struct herder_cluster *cluster, const struct config_note *note)
{
    struct cluster_known *known = find_or_add(cluster, note->key + strlen(CLUSTER_ASSIGNMENT_PREFIX));
    struct mr_error *error = NULL;
    int status;

    if (known == NULL)
        return false;
    known->must_be_written = note->is_overruled;
    if (note->size == 0)
        return true;
    status = cluster_assignment_decode(&known->assignment, note->text, note->size, &error);
    return was_read(status, note->key, error, &known->has_assignment);
}

static bool read_head(struct herder_cluster *cluster, const struct config_note *note)
{
    struct mr_error *error = NULL;
    int status;

    if (note->size == 0)
        return true;
    status = cluster_head_decode(&cluster->head, note->text, note->size, &error);
    return was_read(status, note->key, error, &cluster->has_head);
}

static bool read_note(struct herder_cluster *cluster, const struct config_note *note)
{
    if (strcmp(note->key, CLUSTER_HEAD_KEY) == 0)
        return read_head(cluster, note);
    if (has_prefix(note->key, CLUSTER_MEMBER_PREFIX))
        return read_member(cluster, note);
    if (has_prefix(note->key, CLUSTER_ASSIGNMENT_PREFIX))
        return read_assignment(cluster, note);
    return true; /* a later build's */
}

static void forget_records(struct herder_cluster *cluster)
{
    for (size_t i = 0; i < cluster->known.count; i++) {
        struct cluster_known *known = cluster->known.items[i];

        cluster_member_release(&known->member);
        cluster_assignment_release(&known->assignment);
        known->has_member = known->has_assignment = known->must_be_written = false;
    }
    cluster_head_release(&cluster->head);
    cluster->has_head = false;
}

static void drop_unknown(struct herder_cluster *cluster)
{
    for (size_t i = cluster->known.count; i > 0; i--) {
        const struct cluster_known *known = cluster->known.items[i - 1];

        if (known->boot[0] == '\0' && !known->has_member && !known->has_assignment && !known->must_be_written)
            known_free(ptr_array_take_at(&cluster->known, i - 1));
    }
}

bool cluster_refresh(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct config_snapshot *snapshot;
    bool all = true;

    if (!cluster->is_stale)
        return true;
    snapshot = config_store_snapshot(herder->setup.configs);
    forget_records(cluster);
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        all = read_note(cluster, &note) && all;
    }
    config_snapshot_drop(snapshot);
    for (size_t i = 0; i < cluster->seats.count; i++)
        all = find_or_add(cluster, ((struct cluster_seat *)cluster->seats.items[i])->url) != NULL && all;
    seat_workers(cluster);
    drop_unknown(cluster);
    cluster->is_stale = !all;
    return all;
}

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

    for (size_t i = 0; cluster != NULL && i < cluster->known.count; i++) {
        const struct cluster_known *known = cluster->known.items[i];

        if (known->has_assignment && strcmp(known->assignment.boot, known->boot) == 0 &&
            (has_task_of(&known->assignment.units, connector) || has_task_of(&known->assignment.revoking, connector)))
            return true;
    }
    return false;
}

const char *cluster_owner(const struct herder *herder, const char *connector, int32_t task)
{
    const struct herder_cluster *cluster = herder->cluster;

    for (size_t i = 0; cluster != NULL && i < cluster->known.count; i++) {
        const struct cluster_known *known = cluster->known.items[i];

        if (known->has_assignment && strcmp(known->assignment.boot, known->boot) == 0 &&
            unit_map_has(&known->assignment.units, connector, task))
            return known->url;
    }
    return NULL;
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

    if (cluster == NULL || !cluster->is_stale)
        return;
    if (!cluster_refresh(herder))
        herder->look_at_all = true;
    own = cluster_find(cluster, cluster->url);
    if (own != NULL && own->has_assignment)
        stamp = own->assignment.stamp;
    if (cluster_stamp_compare(stamp, cluster->seen) != 0 || herder->stage == HERDER_LEADING)
        units_mark_all(herder); /* ours are others now; a request may wait for another worker's */
    cluster->seen = stamp;
}
