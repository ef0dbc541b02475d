/* What all workers know of units that have ended one of them, beside what this worker's own file says. */
#include "executor/quarantine_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/thread.h"

#include "base/bans.h"

#define LOG_NAME "millrace.crash"
#define ID_MAX 2048

/* --- one report ------------------------------------------------------------------------------------------------------ */

char *quarantine_report_id(const struct string_map *report)
{
    struct str_buffer id;

    str_buffer_init(&id, ID_MAX);
    str_buffer_printf(&id, "%s@%s", string_map_get_or(report, "worker", "?"), string_map_get_or(report, "time_ms", "0"));
    return str_buffer_take(&id, NULL);
}

bool quarantine_report_seal(struct string_map *report, const struct string_map *config)
{
    char text[FINGERPRINT_SIZE];

    if (config == NULL || string_map_has(report, "config"))
        return true;
    fingerprint(config, text);
    return string_map_put(report, "config", text);
}

static bool are_one(const struct string_map *one, const struct string_map *other)
{
    return strcmp(string_map_get_or(one, "worker", "?"), string_map_get_or(other, "worker", "?")) == 0 &&
           strcmp(string_map_get_or(one, "time_ms", "0"), string_map_get_or(other, "time_ms", "0")) == 0;
}

static struct string_map *find(const struct ptr_array *reports, const struct string_map *report)
{
    for (size_t i = 0; i < reports->count; i++)
        if (are_one(ptr_array_at(reports, i), report))
            return ptr_array_at(reports, i);
    return NULL;
}

static bool is_sent(const struct string_map *report)
{
    return quarantine_report_is(report, "sent", "yes");
}

/* --- hearing; locks: quarantine->lock ------------------------------------------------------------------------------------ */

/* An older snapshot cannot have it yet. */
static bool is_newer(const struct string_map *report, int64_t offset)
{
    const char *sent_at = string_map_get(report, "sent_at");

    return sent_at != NULL && strtoll(sent_at, NULL, 10) > offset;
}

static void drop_forgotten(struct quarantine *quarantine, const struct ptr_array *heard, int64_t offset)
{
    for (size_t i = quarantine->reports.count; i-- > 0;) {
        const struct string_map *report = ptr_array_at(&quarantine->reports, i);

        if (is_sent(report) && !is_newer(report, offset) && find(heard, report) == NULL)
            quarantine_remove_at(quarantine, i);
    }
}

/* One that does not count any more is not told either. */
static bool add(struct quarantine *quarantine, const struct string_map *heard, int64_t now_ms)
{
    struct string_map *report = string_map_copy(heard);

    if (report == NULL || !string_map_put(report, "sent", "yes") || !string_map_put(report, "told", "yes") ||
        !string_map_put(report, "heard", "yes") || !ptr_array_push(&quarantine->reports, report)) {
        string_map_destroy(report);
        return false;
    }
    return quarantine_is_done_with(quarantine, report, now_ms) || ptr_array_push(&quarantine->untold, report);
}

/* true: nothing is missing. */
static bool hear(struct quarantine *quarantine, const struct string_map *heard, int64_t now_ms)
{
    struct string_map *report = find(&quarantine->reports, heard);
    const char *config = string_map_get(heard, "config");

    if (!quarantine_names_a_unit(heard))
        return true;
    if (report == NULL)
        return add(quarantine, heard, now_ms);
    return (is_sent(report) || string_map_put(report, "sent", "yes")) &&
           (config == NULL || string_map_has(report, "config") || string_map_put(report, "config", config));
}

void quarantine_hear(struct quarantine *quarantine, const struct ptr_array *reports, int64_t offset, int64_t now_wall_ms)
{
    bool all = true;

    if (quarantine == NULL)
        return;
    mutex_lock(&quarantine->lock);
    drop_forgotten(quarantine, reports, offset);
    for (size_t i = 0; i < reports->count; i++)
        all = hear(quarantine, ptr_array_at(reports, i), now_wall_ms) && all;
    mutex_unlock(&quarantine->lock);
    if (!all)
        log_warn(LOG_NAME, "no memory to keep what is known about a crash");
}

/* --- what is to be said ------------------------------------------------------------------------------------------------- */

void quarantine_list_unsent(struct quarantine *quarantine, struct ptr_array *reports)
{
    if (quarantine == NULL)
        return;
    mutex_lock(&quarantine->lock);
    for (size_t i = 0; i < quarantine->reports.count; i++) {
        const struct string_map *report = ptr_array_at(&quarantine->reports, i);
        struct string_map *copy = quarantine_names_a_unit(report) && !is_sent(report) ? string_map_copy(report) : NULL;

        if (copy != NULL && !ptr_array_push(reports, copy))
            string_map_destroy(copy);
    }
    mutex_unlock(&quarantine->lock);
}

void quarantine_set_sent(struct quarantine *quarantine, const struct string_map *report, int64_t offset)
{
    struct string_map *own;
    char sent_at[24];

    if (quarantine == NULL)
        return;
    snprintf(sent_at, sizeof(sent_at), "%" PRId64, offset);
    mutex_lock(&quarantine->lock);
    own = find(&quarantine->reports, report);
    if (own != NULL && !(string_map_put(own, "sent_at", sent_at) && string_map_put(own, "sent", "yes")))
        log_warn(LOG_NAME, "no memory to keep what is known about a crash");
    mutex_unlock(&quarantine->lock);
}

static bool has_another_config(const struct string_map *report, const struct string_map *config)
{
    char now[FINGERPRINT_SIZE];

    if (config == NULL)
        return true;
    fingerprint(config, now);
    return string_map_has(report, "config") && !quarantine_report_is(report, "config", now);
}

void quarantine_list_settled(struct quarantine *quarantine, int64_t now_wall_ms, quarantine_config_fn *config_of, void *argument,
                             struct ptr_array *ids)
{
    if (quarantine == NULL)
        return;
    mutex_lock(&quarantine->lock);
    for (size_t i = 0; i < quarantine->reports.count; i++) {
        const struct string_map *report = ptr_array_at(&quarantine->reports, i);
        char *id;

        if (!is_sent(report) ||
            (!quarantine_report_is(report, "void", "yes") &&
             (config_of == NULL || (!quarantine_is_done_with(quarantine, report, now_wall_ms) &&
                                    !has_another_config(report, config_of(argument, string_map_get(report, "connector")))))))
            continue;
        id = quarantine_report_id(report);
        if (id != NULL && !ptr_array_push(ids, id))
            mem_free(id);
    }
    mutex_unlock(&quarantine->lock);
}
