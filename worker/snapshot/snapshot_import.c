#include <millrace/error.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/worker_config.h"
#include "kafka/admin.h"
#include "kafka/compacted_log.h"
#include "kafka/internal_topics.h"
#include "snapshot/snapshot_internal.h"

#include "base/bans.h"

#define CONNECTOR "connector-"
#define NAMED_MAX 10
#define BATCH 500

enum written_topic { OFFSETS, CONFIGS, WRITTEN_TOPICS };

/* One import. */
struct import {
    const struct snapshot_setup *setup;
    const struct snapshot *snapshot;
    const struct snapshot_import *how;
    struct admin *admin;
    json_t *configs, *offsets; /* there now */
    json_t *new_configs, *new_offsets, *new_groups; /* to be written */
    size_t kept_offsets, kept_groups;
    struct str_buffer *report;
};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for an import");
}

/* What is there ------------------------------------------------------------------------------------------------ */

static int check_nobody_runs(struct import *import, struct mr_error **error)
{
    size_t members;
    const char *group = import->setup->worker->group_id;
    if (admin_count_members(import->admin, group, &members, import->setup->deadline_ms, error) != 0)
        return -1;
    if (members > 0)
        return mr_error_set(error, MR_ERR_CONFLICT, "%zu workers are in group %s: stop all of them first; nothing was written", members, group);
    return 0;
}

/* A topic that is not there holds nothing. */
static int read_topic(struct import *import, const char *name, bool (*wants)(const char *key), json_t *into, struct mr_error **error)
{
    int32_t partitions;
    if (admin_partition_count(import->admin, name, &partitions, import->setup->deadline_ms, error) != 0)
        return -1;
    if (partitions > 0)
        return snapshot_read_topic(import->setup, name, wants, into, error);
    str_buffer_printf(import->report, "topic %s is not there; it is made\n", name);
    return 0;
}

/* What is to be written ---------------------------------------------------------------------------------------- */

static int plan_configs(struct import *import, struct mr_error **error)
{
    struct str_buffer names;
    size_t found = 0;
    const char *key;
    json_t *value;
    str_buffer_init(&names, 64u << 10);
    json_object_foreach(import->snapshot->configs, key, value) {
        if (strncmp(key, CONNECTOR, strlen(CONNECTOR)) == 0 && json_object_get(import->configs, key) != NULL && found++ < NAMED_MAX)
            str_buffer_printf(&names, "%s%s", found > 1 ? ", " : "", key + strlen(CONNECTOR));
    }
    int status = 0;
    if (found > 0 && !import->how->replaces)
        status = mr_error_set(error, MR_ERR_CONFLICT, "%zu connectors of the snapshot are there already (%s%s): delete them, or replace them with "
                              "--replace; nothing was written", found, str_buffer_text(&names), found > NAMED_MAX ? ", …" : "");
    str_buffer_release(&names);
    if (status == 0 && json_object_update(import->new_configs, import->snapshot->configs) != 0)
        status = no_memory(error);
    return status;
}

/* What was stored since the snapshot is newer. */
static int plan_offsets(struct import *import, struct mr_error **error)
{
    const char *key;
    json_t *value;
    json_object_foreach(import->snapshot->offsets, key, value) {
        json_t *there = json_object_get(import->offsets, key);
        if (there != NULL && (!import->how->replaces || json_equal(there, value)))
            import->kept_offsets++;
        else if (json_object_set(import->new_offsets, key, value) != 0)
            return no_memory(error);
    }
    return 0;
}

/* Nothing is to be written for it. */
static bool has_offset(const struct import *import, const struct admin_offsets *offsets, const json_t *wanted)
{
    const char *topic = json_string_value(json_object_get(wanted, "topic"));
    for (size_t i = 0; i < offsets->count; i++) {
        const struct admin_offset *at = &offsets->items[i];
        if (at->offset >= 0 && at->partition == (int32_t)json_integer_value(json_object_get(wanted, "partition")) && strcmp(at->topic, topic) == 0)
            return !import->how->replaces || at->offset == json_integer_value(json_object_get(wanted, "offset"));
    }
    return false;
}

static const char *group_at(const json_t *groups, size_t i)
{
    return json_string_value(json_object_get(json_array_get(groups, i), "sink-group"));
}

/* Those of one group, which stand together; `end` is behind them. */
static int plan_group(struct import *import, size_t begin, size_t end, struct mr_error **error)
{
    struct admin_offsets there = {.count = 0};
    int status = 0;
    if (admin_list_group_offsets(import->admin, group_at(import->snapshot->groups, begin), &there, import->setup->deadline_ms, error) != 0)
        return -1;
    for (size_t i = begin; i < end && status == 0; i++) {
        json_t *wanted = json_array_get(import->snapshot->groups, i);
        if (has_offset(import, &there, wanted))
            import->kept_groups++;
        else if (json_array_append(import->new_groups, wanted) != 0)
            status = no_memory(error);
    }
    admin_offsets_release(&there);
    return status;
}

typedef int group_fn(struct import *import, size_t begin, size_t end, struct mr_error **error);

static int for_each_group(struct import *import, const json_t *groups, group_fn *each, struct mr_error **error)
{
    for (size_t begin = 0, end; begin < json_array_size(groups); begin = end) {
        for (end = begin + 1; end < json_array_size(groups) && strcmp(group_at(groups, begin), group_at(groups, end)) == 0; end++)
            ;
        if (each(import, begin, end, error) != 0)
            return -1;
    }
    return 0;
}

static int plan(struct import *import, struct mr_error **error)
{
    const struct worker_config *worker = import->setup->worker;
    if (check_nobody_runs(import, error) != 0 ||
        read_topic(import, worker->config_topic.name, snapshot_wants_config, import->configs, error) != 0 || plan_configs(import, error) != 0 ||
        read_topic(import, worker->offset_topic.name, NULL, import->offsets, error) != 0 || plan_offsets(import, error) != 0)
        return -1;
    return for_each_group(import, import->snapshot->groups, plan_group, error);
}

static void tell_plan(struct import *import)
{
    const char *key, *done = import->how->is_dry ? "would be " : "";
    json_t *value;
    size_t connectors = 0;
    json_object_foreach(import->new_configs, key, value) {
        if (strncmp(key, CONNECTOR, strlen(CONNECTOR)) != 0)
            continue;
        connectors++;
        str_buffer_printf(import->report, "connector %s%s\n", key + strlen(CONNECTOR),
                          json_object_get(import->configs, key) == NULL ? "" : " (replaced)");
    }
    str_buffer_printf(import->report, "%zu connectors with %zu records, %zu offsets of sources and %zu of sinks %swritten\n", connectors,
                      json_object_size(import->new_configs), json_object_size(import->new_offsets), json_array_size(import->new_groups), done);
    if (import->kept_offsets + import->kept_groups > 0)
        str_buffer_printf(import->report, "%zu offsets of sources and %zu of sinks are there and stay\n", import->kept_offsets,
                          import->kept_groups);
}

/* Writing ------------------------------------------------------------------------------------------------------ */

/* A sink's topic may be gone; the others have their offsets all the same. */
static int write_group(struct import *import, size_t begin, size_t end, struct mr_error **error)
{
    struct admin_offset *offsets = mem_calloc(end - begin, sizeof(*offsets));
    struct mr_error *own = NULL;
    if (offsets == NULL)
        return no_memory(error);
    for (size_t i = begin; i < end; i++) {
        json_t *wanted = json_array_get(import->new_groups, i);
        offsets[i - begin] = (struct admin_offset){.topic = (char *)(uintptr_t)json_string_value(json_object_get(wanted, "topic")),
                                                   .partition = (int32_t)json_integer_value(json_object_get(wanted, "partition")),
                                                   .offset = json_integer_value(json_object_get(wanted, "offset"))};
    }
    int status = admin_alter_group_offsets(import->admin, group_at(import->new_groups, begin), offsets, end - begin,
                                           import->setup->deadline_ms, &own);
    mem_free(offsets);
    if (status != 0 && mr_error_code(own) != MR_ERR_NOT_FOUND) {
        mr_error_set(error, mr_error_code(own), "%s; configurations are not written%s: run it again", mr_error_message(own),
                     mr_error_code(own) == MR_ERR_CONFLICT ? ". The places of a sink's tasks are kept for a session, 45 seconds unless "
                                                             "consumer.session.timeout.ms says otherwise" : "");
        mr_error_drop(own);
        return -1;
    }
    if (status != 0)
        str_buffer_printf(import->report, "group %s: its offsets are left out: %s\n", group_at(import->new_groups, begin), mr_error_message(own));
    mr_error_drop(own);
    return 0;
}

static struct mr_bytes bytes_of(const char *text)
{
    return (struct mr_bytes){.data = text, .size = strlen(text)};
}

static int append(struct import *import, struct compacted_log *log, struct compacted_log_entry *batch, size_t count, struct mr_error **error)
{
    return count == 0 ? 0 : compacted_log_append_and_read_back(log, batch, count, import->setup->deadline_ms, error);
}

static int write_records(struct import *import, struct compacted_log *log, enum written_topic topic, json_t *records, struct mr_error **error)
{
    struct compacted_log_entry *batch = mem_calloc(BATCH, sizeof(*batch));
    size_t count = 0;
    int status = batch == NULL ? no_memory(error) : 0;
    const char *key;
    json_t *value;
    json_object_foreach(records, key, value) {
        if (status != 0)
            break;
        batch[count++] = (struct compacted_log_entry){
            .topic = topic, .key = bytes_of(key), .value = {.data = json_string_value(value), .size = json_string_length(value)}};
        if (count == BATCH) {
            status = append(import, log, batch, count, error);
            count = 0;
        }
    }
    if (status == 0)
        status = append(import, log, batch, count, error);
    mem_free(batch);
    return status;
}

static void ignore_record(void *argument, const struct compacted_log_record *record)
{
    (void)argument, (void)record;
}

static struct compacted_log *open_log(struct import *import, struct mr_error **error)
{
    static const struct compacted_log_listener listener = {.on_record = ignore_record};
    const struct worker_config *worker = import->setup->worker;
    const struct compacted_log_topic topics[WRITTEN_TOPICS] = {
        [OFFSETS] = {.name = worker->offset_topic.name, .append_timeout_ms = 30000, .listener = &listener},
        [CONFIGS] = {.name = worker->config_topic.name, .append_timeout_ms = 30000, .listener = &listener},
    };
    struct client_config *consumer = snapshot_client(import->setup, CLIENT_INTERNAL_CONSUMER, error);
    struct client_config *producer = consumer == NULL ? NULL : snapshot_client(import->setup, CLIENT_INTERNAL_PRODUCER, error);
    struct compacted_log *log = NULL;
    if (producer != NULL)
        log = compacted_log_create(&(struct compacted_log_setup){.consumer = consumer,
                                                                 .producer = producer,
                                                                 .topics = topics,
                                                                 .topic_count = WRITTEN_TOPICS,
                                                                 .graveyard = import->setup->graveyard},
                                   error);
    client_config_drop(consumer);
    client_config_drop(producer);
    return log;
}

/* Configurations last: without them nothing runs, so whatever went wrong before can be done again. */
static int write_all(struct import *import, struct mr_error **error)
{
    if (internal_topics_ensure(import->admin, import->setup->worker->properties, import->setup->deadline_ms, error) != 0 ||
        for_each_group(import, import->new_groups, write_group, error) != 0)
        return -1;
    struct compacted_log *log = open_log(import, error);
    if (log == NULL)
        return -1;
    int status = compacted_log_start(log, import->setup->deadline_ms, error);
    if (status == 0 && (write_records(import, log, OFFSETS, import->new_offsets, error) != 0 ||
                        write_records(import, log, CONFIGS, import->new_configs, error) != 0))
        status = mr_error_wrap(error, "a part may be written: run it again with --replace before workers start");
    compacted_log_stop(log, 0);
    compacted_log_destroy(log);
    return status;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

static void tell_origin(struct import *import, const char *cluster_id)
{
    if (strcmp(cluster_id, import->snapshot->cluster_id) != 0)
        str_buffer_printf(import->report, "the snapshot is of Kafka cluster %s, this is %s: offsets of sinks mean records of that one\n",
                          import->snapshot->cluster_id, cluster_id);
}

static int run(struct import *import, struct mr_error **error)
{
    char *cluster_id = admin_cluster_id(import->admin, import->setup->deadline_ms, error);
    if (cluster_id == NULL)
        return -1;
    tell_origin(import, cluster_id);
    mem_free(cluster_id);
    if (plan(import, error) != 0)
        return -1;
    tell_plan(import);
    return import->how->is_dry ? 0 : write_all(import, error);
}

int snapshot_import(const struct snapshot_setup *setup, const struct snapshot *snapshot, const struct snapshot_import *how,
                    struct str_buffer *report, struct mr_error **error)
{
    struct import import = {.setup = setup, .snapshot = snapshot, .how = how, .report = report, .configs = json_object(),
                            .offsets = json_object(), .new_configs = json_object(), .new_offsets = json_object(), .new_groups = json_array()};
    int status = -1;
    if (import.configs == NULL || import.offsets == NULL || import.new_configs == NULL || import.new_offsets == NULL || import.new_groups == NULL)
        no_memory(error);
    else if ((import.admin = snapshot_admin(setup, error)) != NULL)
        status = run(&import, error);
    admin_close(import.admin);
    json_decref(import.configs);
    json_decref(import.offsets);
    json_decref(import.new_configs);
    json_decref(import.new_offsets);
    json_decref(import.new_groups);
    return status;
}
