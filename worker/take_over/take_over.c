/* What a cluster is, before it is taken over. */
#include <millrace/error.h>

#include "base/str_buffer.h"
#include "config/worker_config.h"
#include "store/config_snapshot.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define CLIENT_ID "millrace-adopt"

static json_t *warnings_of(const struct worker_config *worker)
{
    json_t *warnings = json_array();
    bool fine = warnings != NULL;
    for (size_t i = 0; fine && i < worker_config_warning_count(worker); i++)
        fine = words_add(warnings, "%s", worker_config_warning(worker, i));
    if (fine)
        return warnings;
    json_decref(warnings);
    return NULL;
}

static json_t *topics_look(const struct worker_config *worker)
{
    return json_pack("{s:s, s:s, s:s}", "config", worker->config_topic.name, "offset", worker->offset_topic.name, "status",
                     worker->status_topic.name);
}

static json_t *connectors_look(const struct take_over_setup *setup, const struct cluster_reading *reading)
{
    json_t *list = json_array();
    bool fine = list != NULL;
    for (size_t i = 0; fine && i < config_snapshot_connector_count(reading->configs); i++)
        fine = json_array_append_new(list, connector_look(setup, reading, config_snapshot_connector_at(reading->configs, i))) == 0;
    if (fine)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *show(const struct take_over_setup *setup, const struct cluster_reading *reading, struct mr_error **error)
{
    json_t *group = group_look(reading->admin, setup->worker->group_id, setup->deadline_ms, error);
    if (group == NULL)
        return NULL;
    json_t *report = json_pack("{s:o, s:o, s:I, s:b, s:o, s:o}", "group", group, "topics", topics_look(setup->worker), "own_records",
                               (json_int_t)config_snapshot_note_count(reading->configs), "session_key",
                               config_snapshot_session_key(reading->configs) != NULL, "warnings", warnings_of(setup->worker),
                               "connectors", connectors_look(setup, reading));
    if (report == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for what the cluster is");
    return report;
}

json_t *take_over_look(const struct take_over_setup *setup, struct mr_error **error)
{
    const struct cluster_reading_setup read = {
        .worker = setup->worker, .client_id = CLIENT_ID, .graveyard = setup->graveyard, .deadline_ms = setup->deadline_ms};
    struct cluster_reading reading;
    json_t *report = cluster_reading_open(&reading, &read, error) == 0 ? show(setup, &reading, error) : NULL;
    cluster_reading_close(&reading);
    return report;
}

static size_t count_running(const json_t *report)
{
    const json_t *connector;
    size_t i, count = 0;
    json_array_foreach(json_object_get(report, "connectors"), i, connector)
        count += json_is_true(json_object_get(connector, "runs"));
    return count;
}

bool take_over_all_runs(const json_t *report)
{
    return count_running(report) == json_array_size(json_object_get(report, "connectors"));
}

/* For people ------------------------------------------------------------------------------------------------------- */

static void write_offsets(const json_t *offsets, struct str_buffer *out)
{
    const char *group = json_string_value(json_object_get(offsets, "group"));
    json_int_t count = number_in(offsets, "partitions");
    if (json_is_null(offsets))
        str_buffer_append_text(out, "offsets not known");
    else if (count == 0)
        str_buffer_append_text(out, "no offsets yet");
    else if (group == NULL)
        str_buffer_printf(out, "offsets of %" JSON_INTEGER_FORMAT " source partition%s", count, count == 1 ? "" : "s");
    else
        str_buffer_printf(out, "group %s has offsets of %" JSON_INTEGER_FORMAT " partition%s", group, count, count == 1 ? "" : "s");
}

static void write_names(const json_t *names, struct str_buffer *out)
{
    const json_t *name;
    size_t i;
    if (json_array_size(names) == 0)
        return;
    str_buffer_append_text(out, "    no plugin declares:");
    json_array_foreach(names, i, name)
        str_buffer_printf(out, "%s %s", i == 0 ? "" : ",", json_string_value(name));
    str_buffer_append_text(out, "\n");
}

static void write_connector(const json_t *connector, struct str_buffer *out)
{
    const json_t *plugin = json_object_get(connector, "plugin"), *tasks = json_object_get(connector, "tasks");
    const json_t *status = json_object_get(connector, "status");
    bool runs = json_is_true(json_object_get(connector, "runs"));
    str_buffer_printf(out, "\n%s: %s\n", words_in(connector, "name"), runs ? "runs" : "DOES NOT RUN");
    str_buffer_printf(out, "    %s", words_in(connector, "class"));
    if (json_is_object(plugin))
        str_buffer_printf(out, " is %s %s of %s", words_in(plugin, "type"), words_in(plugin, "version"), words_in(plugin, "file"));
    str_buffer_printf(out, "\n    to be %s, was %s; %" JSON_INTEGER_FORMAT " task%s", words_in(connector, "target"),
                      words_in(status, "connector"), number_in(tasks, "count"), number_in(tasks, "count") == 1 ? "" : "s");
    if (number_in(status, "failed") > 0)
        str_buffer_printf(out, ", %" JSON_INTEGER_FORMAT " FAILED", number_in(status, "failed"));
    str_buffer_printf(out, "; task configurations %s; ", words_in(tasks, "state"));
    write_offsets(json_object_get(connector, "offsets"), out);
    str_buffer_append_text(out, "\n");
    words_write(json_object_get(connector, "problems"), "    ! ", out);
    write_names(json_object_get(connector, "unknown"), out);
    words_write(json_object_get(connector, "notes"), "    - ", out);
}

bool take_over_write(const json_t *report, struct str_buffer *out)
{
    const json_t *topics = json_object_get(report, "topics"), *connectors = json_object_get(report, "connectors"), *connector;
    size_t i, runs = count_running(report);
    group_write(json_object_get(report, "group"), out);
    str_buffer_printf(out, " Topics: %s, %s, %s.\n", words_in(topics, "config"), words_in(topics, "offset"), words_in(topics, "status"));
    if (number_in(report, "own_records") > 0)
        str_buffer_printf(out, "Workers of Millrace were here before: %" JSON_INTEGER_FORMAT " records of theirs.\n",
                          number_in(report, "own_records"));
    words_write(json_object_get(report, "warnings"), "worker: ", out);
    json_array_foreach(connectors, i, connector)
        write_connector(connector, out);
    return str_buffer_printf(out, "\n%zu of %zu connectors run.\n", runs, json_array_size(connectors));
}
