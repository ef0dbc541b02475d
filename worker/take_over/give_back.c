/*
 * The way back to Kafka Connect's own workers. What they know they find as they left it; what is ours alone is removed: they would skip it,
 * with a line in the log each, and nobody would remove it later.
 *
 * The committed offset of the worker's group stays, and with it the group: without one it would begin at generation 1 again, and the JVM
 * worker does not write FAILED over a status of a greater generation.
 */
#include <millrace/error.h>
#include <string.h>

#include "base/log.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "kafka/producer_fence.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"
#include "store/kafka_stores.h"
#include "take_over/give_back_internal.h"
#include "take_over/own_keys.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define CLIENT_ID "millrace-give-back"
#define LOG_NAME "millrace.give-back"
#define REFUSED "refused"
#define GIVEN_BACK "given back"
#define WRITTEN_AT_ONCE 100 /* tombstones in one go */
#define KAFKA_CLASSES "org.apache.kafka.connect."

/* Connectors ------------------------------------------------------------------------------------------------------- */

static bool is_class(const char *option)
{
    size_t length = strlen(option);
    return strcmp(option, "connector.class") == 0 || (length > 5 && strcmp(option + length - 5, ".type") == 0) ||
           (length > 9 && strcmp(option + length - 9, "converter") == 0);
}

/* What a JVM worker does not have by itself, or does not know. */
static bool add_option_notes(json_t *notes, const struct string_map *config)
{
    bool fine = true;
    for (size_t i = 0; fine && i < string_map_count(config); i++) {
        const char *name = string_map_key(config, i), *value = string_map_value(config, i);
        bool is_foreign = value != NULL && strchr(value, '.') != NULL && !variables_has_reference(value) &&
                          strncmp(value, KAFKA_CLASSES, strlen(KAFKA_CLASSES)) != 0;
        if (connector_config_own_def(name) != NULL)
            fine = words_add(notes, "%s is Millrace's and has no effect there", name);
        else if (is_class(name) && is_foreign)
            fine = words_add(notes, "%s: the JVM workers need the plugin %s", name, value);
    }
    return fine;
}

static json_t *connector_show(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *name, bool may_write)
{
    const struct string_map *config = config_snapshot_config(reading->configs, name);
    json_t *notes = json_array(), *tasks = tasks_look(reading->configs, name);
    bool fine = notes != NULL && tasks != NULL && add_option_notes(notes, config);
    if (fine && tasks_are_half_written(tasks))
        fine = words_add(notes, "its task configurations are half-written: the worker that is given the connector writes them anew; let one "
                         "of Millrace run until they are whole, if they are to be kept");
    if (fine && (string_map_has(config, "topics") || string_map_has(config, "topics.regex")))
        fine = sink_group_clear(setup, reading, name, config, may_write, notes);
    if (fine)
        return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", name, "target",
                         target_state_name(config_snapshot_target(reading->configs, name)), "status", status_look(reading->stores, name),
                         "tasks", tasks, "notes", notes);
    json_decref(notes);
    json_decref(tasks);
    return NULL;
}

static json_t *connectors_show(const struct take_over_setup *setup, const struct cluster_reading *reading, bool may_write)
{
    json_t *list = json_array();
    bool fine = list != NULL;
    for (size_t i = 0; fine && i < config_snapshot_connector_count(reading->configs); i++)
        fine = json_array_append_new(list, connector_show(setup, reading, config_snapshot_connector_at(reading->configs, i), may_write)) == 0;
    if (fine)
        return list;
    json_decref(list);
    return NULL;
}

/* Our own records --------------------------------------------------------------------------------------------------- */

/* [{"kind", "what", "count"}]; the last one, if any, of what no row of the table is for. */
static json_t *own_records_show(const struct config_snapshot *configs)
{
    json_t *list = json_array();
    bool fine = list != NULL;
    for (size_t row = 0; fine && row <= own_key_count(); row++) {
        const struct own_key *kind = row < own_key_count() ? own_key_at(row) : NULL;
        json_int_t count = 0;
        for (size_t i = 0; i < config_snapshot_note_count(configs); i++)
            count += own_key_of(config_snapshot_note_at(configs, i).key) == kind;
        if (count > 0)
            fine = json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "kind", kind == NULL ? OWN_KEY_START : kind->start, "what",
                                                         kind == NULL ? "of a kind that this build does not know" : kind->what, "count",
                                                         count)) == 0;
    }
    if (fine)
        return list;
    json_decref(list);
    return NULL;
}

static int remove_some(struct config_store *store, const struct config_snapshot *configs, size_t from, struct mr_error **error)
{
    struct config_note_write writes[WRITTEN_AT_ONCE];
    size_t count = 0;
    while (count < WRITTEN_AT_ONCE && from + count < config_snapshot_note_count(configs)) {
        writes[count] = (struct config_note_write){.key = config_snapshot_note_at(configs, from + count).key, .text = NULL};
        count++;
    }
    return config_store_put_notes(store, writes, count, NULL, deadline_after_ms(CONFIG_WRITE_TIMEOUT_MS), error);
}

static int remove_records(struct config_store *store, const struct config_snapshot *configs, struct mr_error **error)
{
    for (size_t i = 0; i < config_snapshot_note_count(configs); i += WRITTEN_AT_ONCE) {
        if (remove_some(store, configs, i, error) != 0)
            return -1;
    }
    return 0;
}

/* Whoever led may have died with a transaction open: taking its id ends it. */
static int claim(const struct worker_config *worker, struct config_store *store, struct mr_error **error)
{
    struct mr_error *why = NULL;
    if (!worker_config_wants_leader_transactions(worker))
        return 0;
    if (config_store_claim(store, CONFIG_FENCING_TRANSACTION, deadline_after_ms(CONFIG_WRITE_TIMEOUT_MS), &why) == 0)
        return 0;
    /* As a leader with `auto`: where transactions are denied there were none. */
    bool may_go_on = mr_error_code(why) == MR_ERR_NOT_SUPPORTED && worker->leader_fencing == LEADER_FENCING_AUTO &&
                     worker->exactly_once_source != EXACTLY_ONCE_ENABLED;
    if (!may_go_on)
        mr_error_set(error, mr_error_code(why), "%s", mr_error_message(why));
    mr_error_drop(why);
    return may_go_on ? 0 : -1;
}

/* Tasks that deliver exactly once may have died, or be frozen, inside a transaction: it would hide the offsets of all until its time is
 * over. What cannot be ended so is waited for. */
static void end_transactions(const struct take_over_setup *setup, const struct config_snapshot *configs, const char *name)
{
    int64_t fenced = config_snapshot_fenced_count(configs, name), tasks = config_snapshot_task_count(configs, name);
    struct mr_error *error = NULL;
    if (fenced <= 0 && !connector_wants_exactly_once(config_snapshot_config(configs, name), setup->worker))
        return;
    struct string_map *resolved = variables_resolve(setup->variables, config_snapshot_config(configs, name), NULL, &error);
    const struct fence_of_tasks fence = {.worker = setup->worker->properties,
                                         .connector = resolved,
                                         .group_id = setup->worker->group_id,
                                         .name = name,
                                         .count = (uint32_t)(fenced > tasks ? fenced : tasks)};
    if (resolved != NULL && fence.count > 0 &&
        !(string_map_has(resolved, "topics") || string_map_has(resolved, "topics.regex")))
        producers_shut_out_of_tasks(&fence, setup->graveyard, setup->deadline_ms, &error);
    variables_hide_error(config_snapshot_config(configs, name), resolved, &error);
    if (error != NULL)
        log_warn(LOG_NAME, "connector %s: transactions that its tasks left open are not ended, but waited for: %s", name,
                 mr_error_message(error));
    mr_error_drop(error);
    string_map_destroy(resolved);
}

/* The whole --------------------------------------------------------------------------------------------------------- */

/* Nobody else writes any more; what a transaction that was open has hidden is read. */
static int take_topics(const struct take_over_setup *setup, struct cluster_reading *reading, struct mr_error **error)
{
    if (claim(setup->worker, kafka_stores_configs(reading->stores), error) != 0)
        return -1;
    for (size_t i = 0; i < config_snapshot_connector_count(reading->configs); i++)
        end_transactions(setup, reading->configs, config_snapshot_connector_at(reading->configs, i));
    return cluster_reading_refresh(reading, setup->deadline_ms, error);
}

static int give(const struct take_over_setup *setup, struct cluster_reading *reading, json_t *notes, struct mr_error **error)
{
    struct config_store *store = kafka_stores_configs(reading->stores);
    if (give_back_right(setup, reading, notes, error) != 0 || remove_records(store, reading->configs, error) != 0 ||
        cluster_reading_refresh(reading, setup->deadline_ms, error) != 0)
        return -1;
    if (config_snapshot_note_count(reading->configs) > 0 &&
        !words_add(notes, "records of Millrace came while they were removed: a worker of it has started; end it and call this again"))
        return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a report");
    return 0;
}

static json_t *show(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *state, json_t *group,
                    json_t *notes)
{
    return json_pack("{s:s, s:O, s:o, s:o, s:O}", "state", state, "group", group, "own_records", own_records_show(reading->configs),
                     "connectors", connectors_show(setup, reading, strcmp(state, GIVEN_BACK) == 0), "notes", notes);
}

static json_t *look_and_give(const struct take_over_setup *setup, struct cluster_reading *reading, bool is_dry, struct mr_error **error)
{
    json_t *group = group_look(reading->admin, setup->worker->group_id, setup->deadline_ms, error), *notes = json_array(), *report = NULL;
    const char *state = group == NULL || !group_is_left(group) ? REFUSED : is_dry ? "ready" : GIVEN_BACK;
    bool gives = strcmp(state, GIVEN_BACK) == 0;
    bool failed = group == NULL || notes == NULL || (gives && take_topics(setup, reading, error) != 0);
    if (!failed)
        report = show(setup, reading, state, group, notes);
    if (report != NULL && gives && give(setup, reading, notes, error) != 0) {
        json_decref(report);
        report = NULL;
    }
    if (report == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for what is given back"); /* unless it says another reason */
    json_decref(group);
    json_decref(notes);
    return report;
}

json_t *give_back(const struct take_over_setup *setup, bool is_dry, struct mr_error **error)
{
    const struct cluster_reading_setup read = {.worker = setup->worker,
                                               .client_id = CLIENT_ID,
                                               .graveyard = setup->graveyard,
                                               .may_claim = worker_config_wants_leader_transactions(setup->worker),
                                               .deadline_ms = setup->deadline_ms};
    struct cluster_reading reading;
    json_t *report = cluster_reading_open(&reading, &read, error) == 0 ? look_and_give(setup, &reading, is_dry, error) : NULL;
    cluster_reading_close(&reading);
    return report;
}

bool give_back_is_done(const json_t *report)
{
    return strcmp(words_in(report, "state"), REFUSED) != 0;
}

/* For people -------------------------------------------------------------------------------------------------------- */

static void write_records(const json_t *records, bool is_done, struct str_buffer *out)
{
    const json_t *kind;
    size_t i;
    if (json_array_size(records) == 0)
        str_buffer_append_text(out, "There are no records of Millrace's own.\n");
    json_array_foreach(records, i, kind)
        str_buffer_printf(out, "%s %" JSON_INTEGER_FORMAT " × %s… (%s)\n", is_done ? "removed" : "to be removed:",
                          number_in(kind, "count"), words_in(kind, "kind"), words_in(kind, "what"));
}

static void write_connector(const json_t *connector, struct str_buffer *out)
{
    const json_t *tasks = json_object_get(connector, "tasks"), *status = json_object_get(connector, "status");
    json_int_t count = number_in(tasks, "count");
    str_buffer_printf(out, "%s: %s, says %s; %" JSON_INTEGER_FORMAT " task%s, configurations %s\n", words_in(connector, "name"),
                      words_in(connector, "target"), words_in(status, "connector"), count, count == 1 ? "" : "s", words_in(tasks, "state"));
    words_write(json_object_get(connector, "notes"), "    - ", out);
}

bool give_back_write(const json_t *report, struct str_buffer *out)
{
    const char *state = words_in(report, "state");
    const json_t *connector;
    size_t i;
    group_write(json_object_get(report, "group"), out);
    str_buffer_append_text(out, "\n");
    json_array_foreach(json_object_get(report, "connectors"), i, connector)
        write_connector(connector, out);
    write_records(json_object_get(report, "own_records"), strcmp(state, GIVEN_BACK) == 0, out);
    words_write(json_object_get(report, "notes"), "- ", out);
    if (strcmp(state, REFUSED) == 0)
        str_buffer_append_text(out, "Nothing was written: end all workers first. One that was killed leaves its group when its session "
                                    "(session.timeout.ms) is over.\n");
    else
        str_buffer_append_text(out, strcmp(state, "ready") == 0 ? "Ready to be given back.\n"
                                                                : "Given back: workers of Kafka Connect may start.\n");
    return !str_buffer_failed(out);
}
