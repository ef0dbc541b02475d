#include "dry_run/dry_run_internal.h"

#include <millrace/error.h>
#include <millrace/module.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_hints.h"
#include "config/unknown_plugin.h"
#include "config/variables.h"
#include "errors/tolerance.h"
#include "loader/loader.h"

#include "base/bans.h"

#define MISTAKES_MAX (256u << 10) /* bytes */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a dry run");
}

/* The configuration ------------------------------------------------------------------------------------------- */

static void append_list_words(struct str_buffer *words)
{
    str_buffer_append_text(words, " `millrace plugin list` shows what there is.");
}

/* "name: what is wrong", a line each, then the hints: a misspelt option may be why another is missing. */
static int refuse(const struct dry_run *dry_run, const struct connector_report *report, struct mr_error **error)
{
    struct str_buffer words;
    str_buffer_init(&words, MISTAKES_MAX);
    connector_report_list(report, true, &words);
    if (strstr(str_buffer_text(&words), "could not be found.") != NULL && strstr(str_buffer_text(&words), "Did you mean ") == NULL)
        append_list_words(&words);
    for (size_t i = 0; i < dry_run->hints.count; i++)
        str_buffer_printf(&words, "\n%s", (const char *)dry_run->hints.items[i]);
    mr_error_set(error, MR_ERR_CONFIG, "the configuration of the connector is not valid:%s", str_buffer_text(&words));
    str_buffer_release(&words);
    return -1;
}

/* Instead of all connectors there are, which Kafka Connect's words list. */
static void explain_class(const struct dry_run *dry_run, struct mr_error **error)
{
    const char *name = string_map_get(dry_run->raw, "connector.class");
    struct str_buffer words;
    if (mr_error_code(*error) != MR_ERR_NOT_FOUND || name == NULL)
        return;
    str_buffer_init(&words, MISTAKES_MAX);
    str_buffer_printf(&words, "there is no connector %.200s, or several go by that name.", name);
    size_t length = words.length;
    unknown_plugin_suggest(dry_run->loader, MR_PLUGIN_SOURCE, name, &words);
    if (words.length == length)
        append_list_words(&words);
    mr_error_clear(error);
    mr_error_set(error, MR_ERR_NOT_FOUND, "%s", str_buffer_text(&words));
    str_buffer_release(&words);
}

static int validate(struct dry_run *dry_run, const struct dry_run_setup *setup, struct mr_error **error)
{
    const struct connector_validation validation = {
        .loader = setup->loader,
        .worker = setup->worker,
        .variables = setup->variables,
        .name = string_map_get(dry_run->raw, "name"),
        .raw = dry_run->raw,
    };
    struct connector_report *report = connector_config_validate(&validation, error);
    if (report == NULL)
        explain_class(dry_run, error);
    else
        connector_hints_find(&dry_run->hints, report, dry_run->raw);
    int status = report == NULL ? -1 : report->error_count > 0 ? refuse(dry_run, report, error) : 0;
    connector_report_destroy(report);
    return status;
}

static int read_config(struct dry_run *dry_run, const struct dry_run_setup *setup, struct mr_error **error)
{
    const struct loader_plugin *plugin;
    dry_run->raw = string_map_copy(setup->config);
    if (dry_run->raw == NULL || (!string_map_has(dry_run->raw, "name") && !string_map_put(dry_run->raw, "name", DRY_RUN_NAME)))
        return no_memory(error);
    if (validate(dry_run, setup, error) != 0)
        return -1;
    dry_run->resolved = variables_resolve(setup->variables, dry_run->raw, NULL, error);
    if (dry_run->resolved == NULL || connector_config_plugin(setup->loader, dry_run->resolved, &plugin, error) != 0)
        return -1;
    enum connector_kind kind = plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
    dry_run->config = connector_config_create(kind, dry_run->resolved, setup->worker, error);
    return dry_run->config == NULL ? -1 : mask_init(&dry_run->mask, setup->loader, dry_run->raw, dry_run->resolved, error);
}

/* Where records come from, or go to, that do not say it. */
static const char *usual_topic(const struct dry_run *dry_run)
{
    static const char *const options[] = {"topic", "kafka.topic"};
    if (dry_run->config->topic_count > 0)
        return dry_run->config->topics[0];
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *topic = string_map_get(dry_run->resolved, options[i]);
        if (topic != NULL && *topic != '\0')
            return topic;
    }
    return DRY_RUN_NAME;
}

static bool asks_for_version(const struct string_map *config)
{
    static const char suffix[] = ".plugin.version"; /* of connector, transforms, predicates and converters */
    for (size_t i = 0; i < string_map_count(config); i++) {
        const char *name = string_map_key(config, i);
        size_t length = strlen(name);
        if (length >= sizeof(suffix) && strcmp(name + length - sizeof(suffix) + 1, suffix) == 0)
            return true;
    }
    return false;
}

/* The pipeline ------------------------------------------------------------------------------------------------ */

/* Nothing is written and nothing waits; both are told instead. */
static int make_tolerance(struct dry_run *dry_run, struct mr_error **error)
{
    const struct error_settings settings = {.tolerate_all = dry_run->config->errors.tolerate_all};
    dry_run->tolerance = tolerance_create(&(struct tolerance_setup){.connector = dry_run->config->name,
                                                                    .settings = &settings,
                                                                    .failed = trace_failed,
                                                                    .failed_argument = &dry_run->trace},
                                          error);
    return dry_run->tolerance == NULL ? -1 : 0;
}

static int make_sink(struct dry_run *dry_run, struct mr_error **error)
{
    const struct sink_pipeline_setup setup = {.loader = dry_run->loader,
                                              .connector = dry_run->resolved,
                                              .worker = dry_run->worker->properties,
                                              .tolerance = dry_run->tolerance};
    dry_run->sink = sink_pipeline_create(&setup, error);
    return dry_run->sink == NULL ? -1 : sink_pipeline_observe(dry_run->sink, &dry_run->observer, error);
}

static int make_source(struct dry_run *dry_run, struct mr_error **error)
{
    const struct source_pipeline_setup setup = {.loader = dry_run->loader,
                                                .connector = dry_run->resolved,
                                                .worker = dry_run->worker->properties,
                                                .tolerance = dry_run->tolerance};
    dry_run->source = source_pipeline_create(&setup, error);
    return dry_run->source == NULL ? -1 : source_pipeline_observe(dry_run->source, &dry_run->observer, error);
}

static int make_pipeline(struct dry_run *dry_run, struct mr_error **error)
{
    if (make_tolerance(dry_run, error) != 0)
        return -1;
    return dry_run_is_sink(dry_run) ? make_sink(dry_run, error) : make_source(dry_run, error);
}

/* Life -------------------------------------------------------------------------------------------------------- */

struct dry_run *dry_run_create(const struct dry_run_setup *setup, struct mr_error **error)
{
    struct dry_run *dry_run = mem_calloc(1, sizeof(*dry_run));
    if (dry_run == NULL) {
        no_memory(error);
        return NULL;
    }
    ptr_array_init(&dry_run->hints, mem_free);
    dry_run->loader = setup->loader;
    dry_run->worker = setup->worker;
    dry_run->trace.shown_max = setup->shown_max;
    dry_run->trace.shown_all_max = setup->shown_all_max;
    dry_run->trace.held_max = setup->held_max;
    dry_run->trace.loader = setup->loader;
    dry_run->observer = trace_observer(&dry_run->trace);
    if (read_config(dry_run, setup, error) == 0) {
        dry_run->trace.is_sink = dry_run_is_sink(dry_run);
        dry_run->trace.tells_versions = asks_for_version(dry_run->raw);
        places_init(&dry_run->trace.places, dry_run->raw, dry_run->resolved);
        dry_run->topic = usual_topic(dry_run);
        if (make_pipeline(dry_run, error) == 0)
            return dry_run;
    }
    variables_hide_error(dry_run->raw, dry_run->resolved, error);
    dry_run_destroy(dry_run);
    return NULL;
}

void dry_run_destroy(struct dry_run *dry_run)
{
    if (dry_run == NULL)
        return;
    sink_pipeline_destroy(dry_run->sink);
    source_pipeline_destroy(dry_run->source);
    tolerance_destroy(dry_run->tolerance, 0);
    mask_release(&dry_run->mask);
    places_release(&dry_run->trace.places);
    ptr_array_release(&dry_run->hints);
    connector_config_destroy(dry_run->config);
    string_map_destroy(dry_run->raw);
    string_map_destroy(dry_run->resolved);
    mem_free(dry_run);
}

size_t dry_run_hint_count(const struct dry_run *dry_run)
{
    return dry_run->hints.count;
}

const char *dry_run_hint(const struct dry_run *dry_run, size_t i)
{
    return dry_run->hints.items[i];
}

void dry_run_end(struct dry_run *dry_run)
{
    places_tell(&dry_run->trace.places, &dry_run->hints);
}

bool dry_run_write_hints(const struct dry_run *dry_run, struct str_buffer *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < dry_run->hints.count; i++)
        json_array_append_new(list, json_string(dry_run->hints.items[i]));
    char *text = list == NULL ? NULL : json_dumps(list, JSON_COMPACT);
    bool fine = text != NULL && str_buffer_append_text(out, text);
    free(text);
    json_decref(list);
    return fine;
}

bool dry_run_is_sink(const struct dry_run *dry_run)
{
    return dry_run->config->kind == CONNECTOR_SINK;
}

int dry_run_text(struct dry_run *dry_run, const char *text, size_t length, struct dry_run_report *report,
                 struct mr_error **error)
{
    struct input input;
    trace_reset(&dry_run->trace);
    if (input_of_text(&input, dry_run, text, length, error) != 0)
        return -1;
    return report_make(dry_run, &input, report, error);
}

int dry_run_consumed(struct dry_run *dry_run, const struct record_origin *origin, struct dry_run_report *report,
                     struct mr_error **error)
{
    struct input input;
    trace_reset(&dry_run->trace);
    if (input_of_origin(&input, dry_run, origin, error) != 0)
        return -1;
    return report_make(dry_run, &input, report, error);
}
