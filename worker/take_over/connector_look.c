/* One connector: does what it names exist here, is its configuration one that a worker takes, where does it stand? */
#include <millrace/arena.h>
#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "config/connector_hints.h"
#include "config/unknown_plugin.h"
#include "config/variables.h"
#include "config/worker_config.h"
#include "kafka/admin.h"
#include "loader/loader.h"
#include "store/config_snapshot.h"
#include "store/kafka_stores.h"
#include "store/offset_store.h"
#include "kafka/client_config.h"
#include "take_over/take_over_internal.h"

#include "base/bans.h"

#define OWN_OFFSETS "offsets.storage.topic"
#define OFFSETS_BYTES_MAX ((size_t)256 << 20)

struct looking {
    const struct take_over_setup *setup;
    const struct cluster_reading *reading;
    const char *name;
    const struct string_map *raw;
    struct string_map *resolved;
    const struct loader_plugin *plugin; /* NULL: none */
    json_t *problems, *notes, *unknown;
    struct string_map *told; /* options of whose class a problem was told */
    bool failed;             /* for want of memory */
};

static void problem(struct looking *looking, const char *option, const char *words)
{
    char *shown = looking->resolved == NULL ? mem_strdup(words) : variables_hide(looking->raw, looking->resolved, words);
    looking->failed |= shown == NULL || !words_add(looking->problems, "%s%s%s", option, option[0] == '\0' ? "" : ": ", shown);
    mem_free(shown);
}

/* A short name that means several classes: the loader names them (Kafka Connect's words). */
static bool is_ambiguous(const struct mr_error *error)
{
    static const char start[] = "More than one ";
    return strncmp(mr_error_message(error), start, sizeof(start) - 1) == 0;
}

static void problem_of_class(struct looking *looking, const char *option, enum mr_plugin_kind kind, const char *class_name,
                             struct mr_error *error)
{
    if (!is_ambiguous(error))
        unknown_plugin_explain(looking->setup->loader, kind, class_name, &error);
    problem(looking, option, mr_error_message(error));
    looking->failed |= !string_map_put(looking->told, option, "");
    mr_error_drop(error);
}

/* References ------------------------------------------------------------------------------------------------------- */

static void resolve(struct looking *looking)
{
    struct mr_error *error = NULL;
    looking->resolved = variables_resolve(looking->setup->variables, looking->raw, NULL, &error);
    if (looking->resolved == NULL) {
        problem(looking, "", mr_error_message(error));
        looking->resolved = string_map_copy(looking->raw);
    }
    mr_error_drop(error);
    for (size_t i = 0; looking->resolved != NULL && i < string_map_count(looking->raw); i++) {
        const char *name = string_map_key(looking->raw, i), *written = string_map_value(looking->raw, i);
        const char *became = string_map_get(looking->resolved, name);
        if (written != NULL && became != NULL && variables_missing(written, became) > 0)
            problem(looking, name, "no config provider of the worker's file answers its reference (config.providers)");
    }
    looking->failed |= looking->resolved == NULL;
}

/* Classes ---------------------------------------------------------------------------------------------------------- */

static void look_for_connector(struct looking *looking)
{
    struct mr_error *error = NULL;
    if (connector_config_plugin(looking->setup->loader, looking->resolved, &looking->plugin, &error) == 0)
        return;
    looking->plugin = NULL;
    problem_of_class(looking, "connector.class", MR_PLUGIN_SOURCE, string_map_get_or(looking->resolved, "connector.class", ""), error);
}

static void look_for(struct looking *looking, enum mr_plugin_kind kind, const char *option, const char *version)
{
    const char *class_name = string_map_get(looking->resolved, option);
    const struct loader_plugin *plugin;
    struct mr_error *error = NULL;
    if (class_name != NULL &&
        loader_find(looking->setup->loader, kind, class_name, string_map_get(looking->resolved, version), &plugin, &error) != 0)
        problem_of_class(looking, option, kind, class_name, error);
}

static bool join(char *out, size_t size, const char *start, const char *name, size_t length, const char *end)
{
    size_t before = strlen(start), after = strlen(end);
    if (before + length + after >= size)
        return false;
    memcpy(out, start, before);
    memcpy(out + before, name, length);
    memcpy(out + before + length, end, after + 1);
    return true;
}

/* Of a list of aliases: "transforms", "predicates". */
static void look_for_aliases(struct looking *looking, enum mr_plugin_kind kind, const char *list, const char *start)
{
    const char *at = string_map_get_or(looking->resolved, list, "");
    char type[512], version[512];
    while (*at != '\0') {
        at += strspn(at, ", \t\r\n");
        size_t length = strcspn(at, ", \t\r\n");
        if (length > 0 && join(type, sizeof(type), start, at, length, ".type") &&
            join(version, sizeof(version), start, at, length, ".plugin.version"))
            look_for(looking, kind, type, version);
        at += length;
    }
}

static void look_for_classes(struct looking *looking)
{
    look_for_connector(looking);
    look_for(looking, MR_PLUGIN_CONVERTER, "key.converter", "key.converter.plugin.version");
    look_for(looking, MR_PLUGIN_CONVERTER, "value.converter", "value.converter.plugin.version");
    look_for(looking, MR_PLUGIN_HEADER_CONVERTER, "header.converter", "header.converter.plugin.version");
    look_for_aliases(looking, MR_PLUGIN_TRANSFORM, "transforms", "transforms.");
    look_for_aliases(looking, MR_PLUGIN_PREDICATE, "predicates", "predicates.");
}

/* Options ---------------------------------------------------------------------------------------------------------- */

static void take_option(struct looking *looking, const struct connector_option *option)
{
    if (string_map_has(looking->told, option->name))
        return;
    for (size_t i = 0; i < option->errors.count; i++)
        problem(looking, option->name, option->errors.items[i]);
}

static bool is_declared(const struct connector_report *report, const char *name)
{
    for (size_t i = 0; i < report->option_count; i++)
        if (report->options[i]->is_defined && strcmp(report->options[i]->name, name) == 0)
            return true;
    return false;
}

/* Some may be looked at all the same: clients and converters have options that they do not declare. */
static bool may_be_undeclared(const char *name)
{
    static const char *const starts[] = {"producer.override.", "consumer.override.", "admin.override.", "topic.creation.",
                                         "key.converter.", "value.converter.", "header.converter."};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static void take_unknown(struct looking *looking, const struct connector_report *report)
{
    for (size_t i = 0; i < string_map_count(looking->raw); i++) {
        const char *name = string_map_key(looking->raw, i);
        if (!is_declared(report, name) && !may_be_undeclared(name))
            looking->failed |= json_array_append_new(looking->unknown, json_string(name)) != 0;
    }
}

static void take_hints(struct looking *looking, const struct connector_report *report)
{
    struct ptr_array hints;
    ptr_array_init(&hints, mem_free);
    connector_hints_find(&hints, report, looking->raw);
    for (size_t i = 0; i < hints.count; i++)
        looking->failed |= !words_add(looking->notes, "%s", (const char *)hints.items[i]);
    ptr_array_release(&hints);
}

/* As a worker does when it is asked to. Without the connector's plugin nobody knows its options. */
static void validate(struct looking *looking)
{
    const struct take_over_setup *setup = looking->setup;
    const struct connector_validation validation = {.loader = setup->loader,
                                                    .worker = setup->worker,
                                                    .variables = setup->variables,
                                                    .name = looking->name,
                                                    .raw = looking->raw};
    struct mr_error *error = NULL;
    if (looking->plugin == NULL)
        return;
    struct connector_report *report = connector_config_validate(&validation, &error);
    if (report == NULL)
        problem(looking, "", mr_error_message(error));
    for (size_t i = 0; report != NULL && i < report->option_count; i++)
        take_option(looking, report->options[i]);
    if (report != NULL) {
        take_unknown(looking, report);
        take_hints(looking, report);
    }
    connector_report_destroy(report);
    mr_error_drop(error);
}

/* Offsets ---------------------------------------------------------------------------------------------------------- */

static int count_one(void *argument, const struct mr_value *partition, const struct mr_value *offset)
{
    json_int_t *count = argument;
    (void)partition;
    (void)offset;
    ++*count;
    return 0;
}

static json_t *source_offsets(const struct looking *looking, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(OFFSETS_BYTES_MAX);
    struct offset_store *offsets = kafka_stores_offsets(looking->reading->stores);
    json_int_t count = 0;
    int status = arena == NULL ? -1 : offset_store_each(offsets, looking->name, arena, count_one, &count, error);
    mr_arena_destroy(arena);
    return status != 0 ? NULL : json_pack("{s:I}", "partitions", count);
}

static json_t *sink_offsets(const struct looking *looking, struct mr_error **error)
{
    char *group = client_sink_group(looking->setup->worker->properties, looking->resolved, looking->name);
    struct admin_offsets offsets;
    json_t *look = NULL;
    if (group != NULL && admin_list_group_offsets(looking->reading->admin, group, &offsets, looking->setup->deadline_ms, error) == 0) {
        look = json_pack("{s:s, s:I}", "group", group, "partitions", (json_int_t)offsets.count);
        admin_offsets_release(&offsets);
    }
    mem_free(group);
    return look;
}

/* NULL: not known. */
static json_t *offsets_look(struct looking *looking)
{
    struct mr_error *error = NULL;
    bool is_sink = looking->plugin != NULL ? looking->plugin->kind == MR_PLUGIN_SINK
                                           : string_map_has(looking->raw, "topics") || string_map_has(looking->raw, "topics.regex");
    json_t *look = is_sink ? sink_offsets(looking, &error) : source_offsets(looking, &error);
    if (!is_sink && string_map_has(looking->resolved, OWN_OFFSETS))
        looking->failed |= !words_add(looking->notes, "it keeps its offsets in a topic of its own as well (" OWN_OFFSETS "), which is not "
                                      "looked at");
    if (look == NULL)
        looking->failed |= !words_add(looking->notes, "its offsets are not known: %s",
                                      error == NULL ? "no memory" : mr_error_message(error));
    mr_error_drop(error);
    return look != NULL ? look : json_null();
}

/* The whole -------------------------------------------------------------------------------------------------------- */

static json_t *plugin_look(const struct loader_plugin *plugin)
{
    if (plugin == NULL)
        return json_null();
    return json_pack("{s:s, s:s?, s:s, s:s}", "class", plugin->class_name, "version", plugin->version, "type",
                     loader_kind_name(plugin->kind), "file", plugin->path);
}

static json_t *show(struct looking *looking)
{
    const struct config_snapshot *configs = looking->reading->configs;
    json_t *tasks = tasks_look(configs, looking->name);
    if (tasks_are_half_written(tasks))
        looking->failed |= !words_add(looking->notes, "its task configurations are half-written; whoever is given the connector computes "
                                      "and writes them anew");
    json_t *offsets = offsets_look(looking);
    return json_pack("{s:s, s:s?, s:o, s:s, s:o, s:o, s:o, s:b, s:O, s:O, s:O}", "name", looking->name, "class",
                     string_map_get(looking->raw, "connector.class"), "plugin", plugin_look(looking->plugin), "target",
                     target_state_name(config_snapshot_target(configs, looking->name)), "status",
                     status_look(looking->reading->stores, looking->name), "tasks", tasks, "offsets", offsets, "runs",
                     json_array_size(looking->problems) == 0, "problems", looking->problems, "unknown", looking->unknown, "notes",
                     looking->notes);
}

json_t *connector_look(const struct take_over_setup *setup, const struct cluster_reading *reading, const char *name)
{
    struct looking looking = {.setup = setup,
                              .reading = reading,
                              .name = name,
                              .raw = config_snapshot_config(reading->configs, name),
                              .problems = json_array(),
                              .notes = json_array(),
                              .unknown = json_array(),
                              .told = string_map_create()};
    json_t *look = NULL;
    looking.failed = looking.problems == NULL || looking.notes == NULL || looking.unknown == NULL || looking.told == NULL;
    if (!looking.failed)
        resolve(&looking);
    if (!looking.failed) {
        look_for_classes(&looking);
        validate(&looking);
        look = show(&looking);
    }
    if (looking.failed) {
        json_decref(look);
        look = NULL;
    }
    json_decref(looking.problems);
    json_decref(looking.notes);
    json_decref(looking.unknown);
    string_map_destroy(looking.told);
    string_map_destroy(looking.resolved);
    return look;
}
