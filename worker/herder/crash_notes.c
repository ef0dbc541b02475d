/*
 * Units that have ended a worker process, as all workers know them: a record a death (coordination/crash_record.h). Whoever is given such
 * a unit next has read it by then: it stands in the config topic before the assignment that followed from the death.
 *
 * Written by the dying process itself (herder_tell_crash), or by its next start from its file; removed by whoever forgives, and by the
 * leader when it is over. What counts is executor/quarantine.h's to say.
 */
#include <millrace/error.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "coordination/crash_record.h"
#include "executor/quarantine.h"
#include "herder/cluster_internal.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define RETRY_MS 1000
#define KEY_MAX 4096

static void destroy_report(void *report)
{
    string_map_destroy(report);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static void read_note(const struct config_note *note, struct ptr_array *reports)
{
    struct mr_error *error = NULL;
    struct string_map *report = crash_record_decode(note->text, note->size, &error);

    if (report == NULL)
        log_warn(HERDER_LOG, "record %s of the config topic is passed over: %s", note->key, mr_error_message(error));
    else if (!ptr_array_push(reports, report))
        string_map_destroy(report);
    mr_error_drop(error);
}

void crash_notes_hear(struct herder *herder, const struct config_snapshot *snapshot)
{
    struct ptr_array reports;

    ptr_array_init(&reports, destroy_report);
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        if (strncmp(note.key, CRASH_RECORD_PREFIX, strlen(CRASH_RECORD_PREFIX)) == 0 && note.size > 0)
            read_note(&note, &reports);
    }
    quarantine_hear(herder->quarantine, &reports, config_snapshot_offset(snapshot), clock_wall_ms(NULL));
    ptr_array_release(&reports);
    herder->cluster->crashes_are_due = true;
}

/* --- writing; thread: any ---------------------------------------------------------------------------------------------- */

/* `text` NULL: a tombstone. */
static int put(struct herder *herder, const char *id, const char *text, int64_t deadline_ms, struct mr_error **error)
{
    struct str_buffer key;
    int result = -1;

    str_buffer_init(&key, KEY_MAX);
    str_buffer_printf(&key, "%s%s", CRASH_RECORD_PREFIX, id);
    if (str_buffer_failed(&key))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    else
        result = config_store_put_own_note(herder->setup.configs, &(struct config_note_write){str_buffer_text(&key), text},
                                           deadline_ms, error);
    str_buffer_release(&key);
    return result;
}

/* It counts for the configuration that its connector has now. */
static bool seal(struct herder *herder, struct string_map *report)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    bool is_sealed =
        quarantine_report_seal(report, config_snapshot_config(snapshot, string_map_get_or(report, "connector", "")));

    config_snapshot_drop(snapshot);
    return is_sealed;
}

static int put_report(struct herder *herder, struct string_map *report, int64_t deadline_ms, struct mr_error **error)
{
    char *id = quarantine_report_id(report);
    struct str_buffer text;
    int result = -1;

    str_buffer_init(&text, CRASH_RECORD_MAX);
    if (id == NULL || !seal(herder, report))
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    else if (crash_record_encode(report, &text, error) == 0)
        result = put(herder, id, str_buffer_text(&text), deadline_ms, error);
    str_buffer_release(&text);
    mem_free(id);
    return result;
}

int herder_tell_crash(struct herder *herder, struct string_map *report, int64_t deadline_ms, struct mr_error **error)
{
    if (herder->cluster == NULL || !quarantine_names_a_unit(report))
        return mr_error_set(error, MR_ERR_ILLEGAL_STATE, "this crash is for no other worker to know");
    return put_report(herder, report, deadline_ms, error);
}

/* --- the turn -------------------------------------------------------------------------------------------------------------- */

/* Of one job. */
struct crash_write {
    struct ptr_array reports; /* struct string_map, to be said */
    struct ptr_array ids;     /* char *, to be removed */
};

static void write_free(void *data)
{
    struct crash_write *write = data;

    if (write == NULL)
        return;
    ptr_array_release(&write->reports);
    ptr_array_release(&write->ids);
    mem_free(write);
}

/* It was read back: what is there now has it. */
static void set_sent(struct herder *herder, const struct string_map *report)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);

    quarantine_set_sent(herder->quarantine, report, config_snapshot_offset(snapshot));
    config_snapshot_drop(snapshot);
}

static void write_run(struct herder_job *job)
{
    const struct crash_write *write = job->data;
    int result = 0;

    for (size_t i = 0; result == 0 && i < write->reports.count; i++) {
        result = put_report(job->herder, write->reports.items[i], job->deadline_ms, &job->error);
        if (result == 0)
            set_sent(job->herder, write->reports.items[i]);
    }
    for (size_t i = 0; result == 0 && i < write->ids.count; i++)
        result = put(job->herder, write->ids.items[i], NULL, job->deadline_ms, &job->error);
    if (write->reports.count > 0)
        quarantine_save(job->herder->quarantine);
}

static void write_ended(struct herder *herder, const char *words)
{
    herder->cluster->crashes_are_written = false;
    if (words == NULL)
        return;
    log_warn(HERDER_LOG, "what is known about crashes was not written for the other workers, trying again: %s", words);
    herder_timer_set(herder, &herder->cluster->crash_timer, herder_now_ms() + RETRY_MS);
}

/* What was forgiven between a report and the offset that was taken for it was not heard. */
static void hear_again(struct herder *herder)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);

    crash_notes_hear(herder, snapshot);
    config_snapshot_drop(snapshot);
}

static void write_done(struct herder *herder, struct herder_job *job)
{
    write_ended(herder, job->error != NULL ? mr_error_message(job->error) : NULL);
    if (job->error == NULL)
        hear_again(herder);
}

static void write_late(struct herder *herder, struct herder_job *job)
{
    (void)job;
    write_ended(herder, "not in time");
}

static void retry_due(struct herder *herder, struct herder_timer *timer)
{
    (void)timer;
    herder->cluster->crashes_are_due = true;
}

static const struct string_map *config_of(void *argument, const char *connector)
{
    return config_snapshot_config(argument, connector);
}

/* NULL: there is nothing to write, or no memory. */
static struct crash_write *list(struct herder *herder)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    struct crash_write *write = mem_calloc(1, sizeof(*write));

    if (write != NULL) {
        ptr_array_init(&write->reports, destroy_report);
        ptr_array_init(&write->ids, mem_free);
        quarantine_list_unsent(herder->quarantine, &write->reports);
        quarantine_list_settled(herder->quarantine, clock_wall_ms(NULL),
                                herder->stage == HERDER_LEADING ? config_of : NULL, snapshot, &write->ids);
    }
    config_snapshot_drop(snapshot);
    if (write == NULL || write->reports.count + write->ids.count > 0)
        return write;
    write_free(write);
    return NULL;
}

void crash_notes_tend(struct herder *herder)
{
    struct herder_cluster *cluster = herder->cluster;
    struct crash_write *write;

    if (cluster == NULL || !cluster->crashes_are_due || cluster->crashes_are_written || !herder_may_run(herder))
        return;
    cluster->crashes_are_due = false;
    write = list(herder);
    if (write == NULL)
        return;
    cluster->crashes_are_written = herder_job_post(
        herder, &(struct herder_job_setup){.run = write_run,
                                           .done = write_done,
                                           .late = write_late,
                                           .data = write,
                                           .data_free = write_free,
                                           .deadline_ms = herder_now_ms() + STORE_WRITE_TIMEOUT_MS});
    if (!cluster->crashes_are_written)
        herder_timer_set(herder, &cluster->crash_timer, herder_now_ms() + RETRY_MS);
}

void crash_notes_forgive(struct herder *herder, const char *connector, int64_t task, bool with_tasks)
{
    executor_forgive(herder->executor, connector, task, with_tasks);
    if (herder->cluster != NULL)
        herder->cluster->crashes_are_due = true;
}

void crash_notes_init(struct herder *herder)
{
    herder_timer_init(&herder->cluster->crash_timer, retry_due);
}
