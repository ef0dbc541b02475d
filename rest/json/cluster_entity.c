#include "json/cluster_entity.h"

#include <stdlib.h>
#include <string.h>

#include "herder/cluster_view.h"
#include "json/json_out.h"

#include "base/bans.h"

static void write_flag(struct json_out *out, const char *name, bool flag)
{
    json_out_name(out, name);
    json_out_raw(out, flag ? "true" : "false", flag ? 4 : 5);
}

static void write_number(struct json_out *out, const char *name, int64_t number)
{
    json_out_name(out, name);
    json_out_int(out, number);
}

/* Which connectors the asker may see. */
struct shown {
    cluster_shows_fn *shows; /* NULL: all */
    const void *argument;
};

static bool is_shown(const struct shown *shown, const struct unit_entry *entry)
{
    return shown->shows == NULL || shown->shows(shown->argument, entry->connector);
}

/* --- units ----------------------------------------------------------------------------------------------------------- */

/* The connector itself has no task number. */
static void open_unit(struct json_out *out, const struct unit_entry *entry)
{
    json_out_open(out, '{');
    json_out_pair(out, "connector", entry->connector);
    if (entry->task != UNIT_IS_CONNECTOR)
        write_number(out, "task", entry->task);
}

static void write_units(struct json_out *out, const char *name, const struct unit_map *units, const struct shown *shown)
{
    json_out_name(out, name);
    json_out_open(out, '[');
    for (size_t i = 0; i < units->count; i++) {
        if (!is_shown(shown, &units->entries[i]))
            continue;
        open_unit(out, &units->entries[i]);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

static const char *text_of(const struct unit_entry *entry)
{
    return entry->text != NULL ? entry->text : "";
}

static const char *revocation_reason(const struct unit_entry *entry)
{
    struct cluster_stamp stamp;
    const char *reason = "";

    return cluster_revocation_parse(text_of(entry), &stamp, &reason) ? reason : text_of(entry);
}

static void write_reasons(struct json_out *out, const char *name, const struct unit_map *units,
                          const char *(*reason)(const struct unit_entry *entry), const struct shown *shown)
{
    json_out_name(out, name);
    json_out_open(out, '[');
    for (size_t i = 0; i < units->count; i++) {
        if (!is_shown(shown, &units->entries[i]))
            continue;
        open_unit(out, &units->entries[i]);
        json_out_pair(out, "reason", reason(&units->entries[i]));
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

/* "UNTIL_MS URL": where its worker may come back. */
static void write_waiting(struct json_out *out, const struct unit_map *units, const struct shown *shown)
{
    json_out_name(out, "waiting");
    json_out_open(out, '[');
    for (size_t i = 0; i < units->count; i++) {
        const char *text = text_of(&units->entries[i]), *url = strchr(text, ' ');

        if (!is_shown(shown, &units->entries[i]))
            continue;
        open_unit(out, &units->entries[i]);
        json_out_pair(out, "for", url != NULL ? url + 1 : NULL);
        write_number(out, "until_ms", strtoll(text, NULL, 10));
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

/* --- workers --------------------------------------------------------------------------------------------------------- */

static bool leads(const struct cluster_picture *picture, const struct cluster_known *known)
{
    const struct cluster_seat *seat = cluster_picture_seat(picture, known->url, known->boot);

    return seat != NULL && seat->leads && !cluster_known_is_gone(picture, known);
}

static const char *leader_url(const struct cluster_picture *picture)
{
    for (size_t i = 0; i < picture->known.count; i++)
        if (leads(picture, picture->known.items[i]))
            return ((const struct cluster_known *)picture->known.items[i])->url;
    return NULL;
}

/* What a member that has not introduced itself yet is like is not known. */
static void write_member(struct json_out *out, const struct herder_cluster_view *view, const struct cluster_known *known)
{
    const struct cluster_picture *picture = &view->picture;
    bool is_introduced = cluster_known_is_introduced(known);

    json_out_open(out, '{');
    json_out_pair(out, "url", known->url);
    json_out_pair(out, "boot", known->boot);
    json_out_pair(out, "version", is_introduced ? known->member.version : NULL);
    json_out_pair(out, "host", is_introduced ? known->member.host : NULL);
    json_out_pair(out, "labels", is_introduced ? known->member.labels : NULL);
    write_flag(out, "leads", leads(picture, known));
    write_flag(out, "introduced", is_introduced);
    write_flag(out, "drains", is_introduced && known->member.drains);
    write_flag(out, "leaves", is_introduced && known->member.leaves);
    write_flag(out, "unfit", cluster_known_has_orders(known) && known->assignment.is_unfit);
    write_flag(out, "gone", cluster_known_is_gone(picture, known));
    if (is_introduced)
        write_flag(out, "same_secret", cluster_member_shares_secret(&known->member, view->secret_mark));
    else
        json_out_pair(out, "same_secret", NULL);
    json_out_pair(out, "offset_topic", is_introduced ? known->member.offset_topic : NULL);
    json_out_pair(out, "status_topic", is_introduced ? known->member.status_topic : NULL);
    json_out_pair(out, "exactly_once", is_introduced ? known->member.exactly_once : NULL);
    json_out_close(out, '}');
}

static void write_members(struct json_out *out, const struct herder_cluster_view *view)
{
    const struct cluster_picture *picture = &view->picture;

    json_out_name(out, "members");
    json_out_open(out, '[');
    for (size_t i = 0; i < picture->known.count; i++) {
        const struct cluster_known *known = picture->known.items[i];

        if (known->boot[0] != '\0')
            write_member(out, view, known);
    }
    json_out_close(out, ']');
}

/* Also of workers that are gone: their work is not given out yet. */
/* Of a worker that is gone an empty one is left for a while. */
static bool has_anything_to_show(const struct cluster_known *known)
{
    return known->has_assignment &&
           (known->boot[0] != '\0' || known->assignment.units.count > 0 || known->assignment.revoking.count > 0);
}

static void write_assignments(struct json_out *out, const struct cluster_picture *picture, const struct shown *shown)
{
    json_out_name(out, "assignment");
    json_out_open(out, '[');
    for (size_t i = 0; i < picture->known.count; i++) {
        const struct cluster_known *known = picture->known.items[i];

        if (!has_anything_to_show(known))
            continue;
        json_out_open(out, '{');
        json_out_pair(out, "url", known->url);
        json_out_pair(out, "boot", known->assignment.boot);
        write_flag(out, "obeyed", cluster_known_has_orders(known) && !cluster_known_is_gone(picture, known));
        write_units(out, "units", &known->assignment.units, shown);
        write_reasons(out, "revoking", &known->assignment.revoking, revocation_reason, shown);
        write_units(out, "preparing", &known->assignment.preparing, shown);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

/* --- the cluster ----------------------------------------------------------------------------------------------------- */

static void write_rebalance(struct json_out *out, const struct cluster_head *head)
{
    json_out_name(out, "last_rebalance");
    if (head->rebalance_number == 0) {
        json_out_text(out, NULL);
        return;
    }
    json_out_open(out, '{');
    write_number(out, "number", (int64_t)head->rebalance_number);
    json_out_pair(out, "reason", head->rebalance_reason);
    write_number(out, "began_ms", head->rebalance_began_ms);
    json_out_name(out, "duration_ms");
    if (head->rebalance_took_ms < 0)
        json_out_text(out, NULL);
    else
        json_out_int(out, head->rebalance_took_ms);
    write_number(out, "moves", (int64_t)head->rebalance_moves);
    json_out_close(out, '}');
}

static void write_asked(struct json_out *out, const struct herder_cluster_view *view)
{
    json_out_name(out, "answered_by");
    json_out_open(out, '{');
    json_out_pair(out, "url", view->url);
    json_out_pair(out, "boot", view->boot);
    write_flag(out, "is_member", view->is_member);
    json_out_close(out, '}');
}

void cluster_entity_write(struct json_out *out, const struct herder_cluster_view *view, cluster_shows_fn *shows,
                          const void *argument)
{
    const struct shown shown = {shows, argument};
    const struct cluster_picture *picture = &view->picture;

    json_out_open(out, '{');
    write_asked(out, view);
    json_out_pair(out, "leader", leader_url(picture));
    json_out_pair(out, "fencing", picture->head.fencing);
    write_number(out, "epoch", (int64_t)picture->head.stamp.epoch);
    write_members(out, view);
    write_assignments(out, picture, &shown);
    write_reasons(out, "unassigned", &picture->head.unassigned, text_of, &shown);
    write_waiting(out, &picture->head.absent, &shown);
    write_rebalance(out, &picture->head);
    json_out_close(out, '}');
}

void drain_entity_write(struct json_out *out, const struct herder_cluster_view *view)
{
    static const struct unit_map nothing;
    const struct shown all = {NULL, NULL}; /* who drains is an admin */
    const struct cluster_known *own = cluster_picture_find(&view->picture, view->url);
    bool has_orders = own != NULL && cluster_known_has_orders(own) && strcmp(own->boot, view->boot) == 0;

    json_out_open(out, '{');
    write_units(out, "left", has_orders ? &own->assignment.units : &nothing, &all);
    write_reasons(out, "revoking", has_orders ? &own->assignment.revoking : &nothing, revocation_reason,
                  &all);
    json_out_close(out, '}');
}
