#include "executor/quarantine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crash_file.h"
#include "base/fingerprint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"

#include "base/bans.h"

#define LOG_NAME "millrace.crash"
#define WORDS_MAX (16u << 10)

/* --- one report ------------------------------------------------------------------------------------------------------ */

bool quarantine_report_is(const struct string_map *report, const char *name, const char *value)
{
    const char *text = string_map_get(report, name);

    return text != NULL && strcmp(text, value) == 0;
}

static int64_t number(const struct string_map *report, const char *name, int64_t otherwise)
{
    const char *text = string_map_get(report, name);

    return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

bool quarantine_names_a_unit(const struct string_map *report)
{
    return quarantine_report_is(report, "inside", "yes") && string_map_has(report, "connector") &&
           !string_map_has(report, "sender") && !quarantine_report_is(report, "call", "validate") &&
           !quarantine_report_is(report, "call", "alter_offsets");
}

bool quarantine_is_of(const struct string_map *report, const char *connector, int64_t task, bool with_tasks)
{
    return quarantine_names_a_unit(report) && quarantine_report_is(report, "connector", connector) &&
           !quarantine_report_is(report, "void", "yes") &&
           (with_tasks || number(report, "task", QUARANTINE_CONNECTOR) == task);
}

static bool are_of_one_unit(const struct string_map *one, const struct string_map *other)
{
    return quarantine_names_a_unit(one) && quarantine_is_of(other, string_map_get(one, "connector"),
                                                            number(one, "task", QUARANTINE_CONNECTOR), false);
}

static bool are_near(const struct string_map *one, const struct string_map *other)
{
    int64_t apart_ms = number(one, "time_ms", 0) - number(other, "time_ms", 0);

    return apart_ms > -QUARANTINE_WINDOW_MS && apart_ms < QUARANTINE_WINDOW_MS;
}

/* "SIGSEGV inside poll of Class (file)", "[connector|task-0]" in front where it is known. */
static void describe(struct str_buffer *words, const struct string_map *report)
{
    time_t seconds = (time_t)(number(report, "time_ms", 0) / 1000);
    struct tm parts;
    char when[40] = "";

    if (localtime_r(&seconds, &parts) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
    str_buffer_printf(words, "%s: %s", when, string_map_get_or(report, "signal", "a fatal signal"));
    if (string_map_has(report, "sender"))
        str_buffer_printf(words, " sent by process %s", string_map_get(report, "sender"));
    else if (string_map_has(report, "class"))
        str_buffer_printf(words, " %s %s of %s (%s)",
                          quarantine_report_is(report, "inside", "yes") ? "inside" : "in the worker itself, after",
                          string_map_get_or(report, "call", "a call"), string_map_get(report, "class"),
                          string_map_get_or(report, "file", "file not known"));
    if (string_map_has(report, "module"))
        str_buffer_printf(words, ", at %s+%s", string_map_get(report, "module"), string_map_get_or(report, "offset", "?"));
}

static void log_report(const struct string_map *report)
{
    struct str_buffer words;

    str_buffer_init(&words, WORDS_MAX);
    if (string_map_has(report, "task"))
        str_buffer_printf(&words, " for task %s of connector %s", string_map_get(report, "task"),
                          string_map_get_or(report, "connector", "?"));
    else if (string_map_has(report, "connector"))
        str_buffer_printf(&words, " for connector %s", string_map_get(report, "connector"));
    str_buffer_append_text(&words, ", at ");
    describe(&words, report);
    log_error(LOG_NAME, "a worker process ended by a crash%s", str_buffer_text(&words));
    str_buffer_release(&words);
}

/* --- the list; locks: quarantine->lock, or nobody knows it yet ---------------------------------------------------------- */

static bool has_another_near(const struct quarantine *quarantine, const struct string_map *report)
{
    for (size_t i = 0; i < quarantine->reports.count; i++) {
        const struct string_map *other = ptr_array_at(&quarantine->reports, i);

        if (other != report && are_of_one_unit(report, other) && are_near(report, other))
            return true;
    }
    return false;
}

/* The newest report of the unit that has another one near it; NULL: it may start. */
static const struct string_map *held_for(const struct quarantine *quarantine, const char *connector, int64_t task)
{
    const struct string_map *found = NULL;

    for (size_t i = 0; i < quarantine->reports.count; i++) {
        const struct string_map *report = ptr_array_at(&quarantine->reports, i);

        if (quarantine_is_of(report, connector, task, false) && has_another_near(quarantine, report) &&
            (found == NULL || number(report, "time_ms", 0) >= number(found, "time_ms", 0)))
            found = report;
    }
    return found;
}

/* Nobody needs it any more: told, old, and not one of two. */
bool quarantine_is_done_with(const struct quarantine *quarantine, const struct string_map *report, int64_t now_ms)
{
    int64_t age_ms = now_ms - number(report, "time_ms", 0);

    if (age_ms >= 0 && age_ms < QUARANTINE_WINDOW_MS && quarantine_names_a_unit(report))
        return false;
    return !has_another_near(quarantine, report);
}

void quarantine_remove_at(struct quarantine *quarantine, size_t index)
{
    struct string_map *report = ptr_array_take_at(&quarantine->reports, index);

    (void)ptr_array_take_item(&quarantine->untold, report);
    string_map_destroy(report);
}

/* The cluster's word stays known until the cluster has forgotten it. */
static void void_at(struct quarantine *quarantine, size_t index)
{
    struct string_map *report = ptr_array_at(&quarantine->reports, index);

    if (!quarantine_report_is(report, "sent", "yes"))
        quarantine_remove_at(quarantine, index);
    else if (ptr_array_take_item(&quarantine->untold, report), !string_map_put(report, "void", "yes"))
        log_warn(LOG_NAME, "no memory to keep what is known about a crash");
}

/* What was not told before is logged now, and is for a status to show. */
static bool tell_new(struct quarantine *quarantine)
{
    bool has_changed = false;

    for (size_t i = 0; i < quarantine->reports.count; i++) {
        struct string_map *report = ptr_array_at(&quarantine->reports, i);

        if (quarantine_report_is(report, "told", "yes"))
            continue;
        log_report(report);
        has_changed = true;
        if (!string_map_put(report, "told", "yes") ||
            (quarantine_names_a_unit(report) && !ptr_array_push(&quarantine->untold, report)))
            log_warn(LOG_NAME, "no memory to keep what is known about a crash");
    }
    return has_changed;
}

/* A report that was told now is kept for the status of this start. */
static bool forget_old(struct quarantine *quarantine, int64_t now_ms)
{
    size_t before = quarantine->reports.count;

    for (size_t i = quarantine->reports.count; i-- > 0;) {
        const struct string_map *report = ptr_array_at(&quarantine->reports, i);
        bool is_untold = false;

        for (size_t k = 0; k < quarantine->untold.count && !is_untold; k++)
            is_untold = ptr_array_at(&quarantine->untold, k) == report;
        if (!is_untold && quarantine_is_done_with(quarantine, report, now_ms))
            quarantine_remove_at(quarantine, i);
    }
    return quarantine->reports.count != before;
}

/* Reports that knew no configuration yet belong to this one; those of another one are forgotten. true: something has changed. */
static bool settle_on(struct quarantine *quarantine, const char *connector, int64_t task, const char *config)
{
    bool has_changed = false;

    for (size_t i = quarantine->reports.count; i-- > 0;) {
        struct string_map *report = ptr_array_at(&quarantine->reports, i);

        if (!quarantine_is_of(report, connector, task, false) || quarantine_report_is(report, "config", config))
            continue;
        has_changed = true;
        if (string_map_has(report, "config"))
            void_at(quarantine, i);
        else if (!string_map_put(report, "config", config))
            log_warn(LOG_NAME, "no memory to keep what is known about a crash");
    }
    return has_changed;
}


/* --- life ---------------------------------------------------------------------------------------------------------------- */

static void destroy_report(void *report)
{
    string_map_destroy(report);
}

struct quarantine *quarantine_create(const char *path, int64_t now_wall_ms)
{
    struct quarantine *quarantine = mem_calloc(1, sizeof(*quarantine));
    char *copy = mem_strdup(path);
    char why[512];
    bool has_changed;

    if (quarantine == NULL || copy == NULL) {
        mem_free(quarantine);
        mem_free(copy);
        return NULL;
    }
    quarantine->path = copy;
    mutex_init(&quarantine->writing);
    mutex_init(&quarantine->lock);
    ptr_array_init(&quarantine->reports, destroy_report);
    ptr_array_init(&quarantine->untold, NULL);
    if (!crash_file_read(path, &quarantine->reports, why, sizeof(why))) {
        log_warn(LOG_NAME, "what is known about crashes cannot be used: %s", why);
        ptr_array_clear(&quarantine->reports); /* a part of it must not replace the whole */
        return quarantine;
    }
    has_changed = tell_new(quarantine);
    has_changed = forget_old(quarantine, now_wall_ms) || has_changed;
    if (has_changed)
        quarantine_save(quarantine);
    return quarantine;
}

void quarantine_destroy(struct quarantine *quarantine)
{
    if (quarantine == NULL)
        return;
    ptr_array_release(&quarantine->untold);
    ptr_array_release(&quarantine->reports);
    mutex_destroy(&quarantine->lock);
    mutex_destroy(&quarantine->writing);
    mem_free(quarantine->path);
    mem_free(quarantine);
}

/* --- questions ----------------------------------------------------------------------------------------------------------- */

/* `when` follows the worker's name. */
static char *words_about(const struct string_map *report, int64_t task, const char *what, const char *when)
{
    struct str_buffer words;

    str_buffer_init(&words, WORDS_MAX);
    str_buffer_printf(&words, "This %s %s", task < 0 ? "connector" : "task", what);
    if (quarantine_report_is(report, "heard", "yes"))
        str_buffer_printf(&words, " (worker %s)", string_map_get_or(report, "worker", "?"));
    str_buffer_append_text(&words, when);
    describe(&words, report);
    return str_buffer_take(&words, NULL);
}

char *quarantine_reason(struct quarantine *quarantine, const char *connector, int64_t task,
                        const struct string_map *config)
{
    const struct string_map *report;
    char *words = NULL, known_for[FINGERPRINT_SIZE];
    bool has_changed;

    if (quarantine == NULL)
        return NULL;
    fingerprint(config, known_for);
    mutex_lock(&quarantine->lock);
    has_changed = settle_on(quarantine, connector, task, known_for);
    report = held_for(quarantine, connector, task);
    if (report != NULL) {
        words = words_about(report, task,
                            "has ended the worker process twice within ten minutes and is not started again until it is "
                            "restarted or its connector gets another configuration. The last time",
                            ", at ");
        if (words == NULL)
            words = mem_strdup("Held after two crashes of the worker process; no memory for more words");
    }
    mutex_unlock(&quarantine->lock);
    if (has_changed)
        quarantine_save(quarantine);
    return words;
}

char *quarantine_take_note(struct quarantine *quarantine, const char *connector, int64_t task)
{
    char *words = NULL;

    if (quarantine == NULL)
        return NULL;
    mutex_lock(&quarantine->lock);
    for (size_t i = quarantine->untold.count; i-- > 0;) {
        const struct string_map *report = ptr_array_at(&quarantine->untold, i);

        if (!quarantine_is_of(report, connector, task, false))
            continue;
        if (words == NULL)
            words = words_about(report, task,
                                quarantine_report_is(report, "heard", "yes") ? "ended a worker process"
                                                                             : "ended the former worker process",
                                " and was started again; a second time within ten minutes holds it back as FAILED. It was "
                                "at ");
        (void)ptr_array_take_at(&quarantine->untold, i);
    }
    mutex_unlock(&quarantine->lock);
    return words;
}

bool quarantine_forgive(struct quarantine *quarantine, const char *connector, int64_t task, bool with_tasks)
{
    bool has_changed = false;

    if (quarantine == NULL)
        return false;
    mutex_lock(&quarantine->lock);
    for (size_t i = quarantine->reports.count; i-- > 0;) {
        if (!quarantine_is_of(ptr_array_at(&quarantine->reports, i), connector, task, with_tasks))
            continue;
        void_at(quarantine, i);
        has_changed = true;
    }
    mutex_unlock(&quarantine->lock);
    return has_changed;
}

/* What the cluster knows is not the file's any more. NULL: no memory, or too many. */
static char *text_of_own(const struct quarantine *quarantine, size_t *length)
{
    struct ptr_array own;
    bool all = true;
    char *text;

    ptr_array_init(&own, NULL);
    for (size_t i = 0; i < quarantine->reports.count; i++) {
        struct string_map *report = ptr_array_at(&quarantine->reports, i);

        all = all && (quarantine_report_is(report, "sent", "yes") || ptr_array_push(&own, report));
    }
    text = all ? crash_file_text(&own, length) : NULL;
    ptr_array_release(&own);
    return text;
}

void quarantine_save(struct quarantine *quarantine)
{
    char why[512] = "no memory, or too many reports";
    char *text;
    size_t length;
    bool is_written;

    mutex_lock(&quarantine->writing);
    mutex_lock(&quarantine->lock);
    text = text_of_own(quarantine, &length);
    mutex_unlock(&quarantine->lock);
    is_written = text != NULL && crash_file_write(quarantine->path, text, length, why, sizeof(why));
    mutex_unlock(&quarantine->writing);
    if (!is_written)
        log_warn(LOG_NAME, "what is known about crashes is not written: %s", why);
    mem_free(text);
}
