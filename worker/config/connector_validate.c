/* The order of a validation: framework options, aliases, what goes together, the connector's own, clients, converters; then what is set up. */
#include "config/connector_internal.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/plugin_call.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/unknown_plugin.h"
#include "config/variables.h"
#include "sdk/collect.h"

#include "base/bans.h"

/* Parts -------------------------------------------------------------------------------------------------------- */

int validating_no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to validate a connector");
}

void validating_add_error(struct validating *validating, const char *option, const char *format, ...)
{
    struct str_buffer text;
    va_list args;
    str_buffer_init(&text, CONFIG_MESSAGE_MAX);
    va_start(args, format);
    str_buffer_vprintf(&text, format, args);
    va_end(args);
    if (str_buffer_failed(&text) && !text.over_max)
        validating->report->failed = true;
    else
        report_file_error(validating->report, REPORT_MAIN, option,
                          text.over_max ? "The value is not valid" : str_buffer_text(&text));
    str_buffer_release(&text);
}

bool validating_has_error(const struct validating *validating, const char *option)
{
    const struct connector_option *found = report_find(validating->report, option);
    return found != NULL && found->errors.count > 0;
}

/* Every option has the value that plugins may count on: nothing is wrong, and null is nowhere it would take one away. */
static bool is_whole(const struct mr_config *config, const struct mr_config_report *found)
{
    bool is_whole = config_report_count(found) == 0;
    for (size_t i = 0; is_whole && i < config_option_count(config); i++) {
        const struct config_option *option = config_option_at(config, i);
        is_whole = config_option_value(config, i) != NULL || (!option->is_required && !option->has_default);
    }
    return is_whole;
}

/* Reads, and asks recommenders: both may run code of the plugin. */
static int read_part(struct validating *validating, const struct validating_part *part, struct mr_config_report *found,
                     struct mr_config **config, bool *is_readable)
{
    struct config_source source = {.mood = CONFIG_VALIDATE,
                                   .defs = part->defs,
                                   .def_count = part->def_count,
                                   .map = part->map,
                                   .prefix = part->prefix,
                                   .naming = part->naming,
                                   .class_find = part->class_find,
                                   .class_find_owner = validating};
    const struct plugin_call before = plugin_call_enter(part->plugin, "validate");
    int status = config_parse(&source, config, found, validating->error);
    if (status == 0 && is_readable != NULL)
        *is_readable = is_whole(*config, found);
    if (status == 0)
        status = report_add_config(validating->report, &part->look, *config, found, validating->error);
    plugin_call_leave(before);
    return status;
}

struct mr_config *validate_part(struct validating *validating, const struct validating_part *part, bool *is_readable)
{
    struct mr_config *config = NULL;
    struct mr_config_report *found = config_report_create();
    int status = found == NULL ? validating_no_memory(validating->error)
                               : read_part(validating, part, found, &config, is_readable);
    config_report_destroy(found);
    if (status == 0)
        return config;
    mr_config_destroy(config);
    return NULL;
}

/* The connector's own ------------------------------------------------------------------------------------------ */

typedef int plugin_validate_fn(const struct mr_config *config, struct mr_config_report *report,
                               struct mr_error **error);

static int call_plugin(struct validating *validating, plugin_validate_fn *validate, const struct mr_config *config)
{
    struct mr_error *reason = NULL;
    struct mr_config_report *found = config_report_create();
    if (found == NULL)
        return validating_no_memory(validating->error);
    const struct plugin_call before = plugin_call_enter(&validating->plugin->name, "validate");
    int status = validate(config, found, &reason);
    plugin_call_leave(before);
    if (status == 0)
        report_file_all(validating->report, REPORT_MAIN, found);
    else
        mr_error_set(validating->error, MR_ERR_CONNECT, "Connector %s could not validate its configuration: %s",
                     validating->plugin->class_name, reason == NULL ? "it gave no reason" : mr_error_message(reason));
    mr_error_drop(reason);
    config_report_destroy(found);
    return status;
}

/* The plugin is asked only when its own options could be read: its getters then always find a value. */
static int validate_own(struct validating *validating)
{
    const struct loader_plugin *plugin = validating->plugin;
    struct validating_part part = {.defs = {plugin->config_def},
                                   .def_count = 1,
                                   .map = validating->map,
                                   .look = {.part = REPORT_MAIN, .is_own = true},
                                   .plugin = &plugin->name};
    bool is_readable = false;
    struct mr_config *config = validate_part(validating, &part, &is_readable);
    if (config == NULL)
        return -1;
    plugin_validate_fn *validate = plugin->kind == MR_PLUGIN_SOURCE ? plugin->source->validate : plugin->sink->validate;
    int status = 0;
    if (is_readable && validate != NULL)
        status = call_plugin(validating, validate, config);
    if (status == 0)
        validate_exactly_once(validating, is_readable ? config : NULL);
    mr_config_destroy(config);
    return status;
}

/* Null --------------------------------------------------------------------------------------------------------- */

/* The same key may be there already: for the group of a sink's consumer. */
static struct connector_option *unknown_option(struct report_builder *report, const char *name)
{
    struct connector_option *option = report_find(report, name);
    for (size_t i = 0; option == NULL && i < report->parts[REPORT_UNKNOWN].count; i++) {
        struct connector_option *unknown = report->parts[REPORT_UNKNOWN].items[i];
        option = strcmp(unknown->name, name) == 0 ? unknown : NULL;
    }
    return option != NULL ? option : report_add(report, REPORT_UNKNOWN, report_keep(report, name));
}

/* For the connector's own option null is what leaving it out is, if that has no value either. */
static bool may_be_null(const struct connector_option *option)
{
    return option != NULL && option->is_own && !option->definition.is_required &&
           option->definition.default_text == NULL;
}

static void validate_nulls(struct validating *validating)
{
    for (size_t i = 0; i < string_map_count(validating->map); i++) {
        if (string_map_value(validating->map, i) != NULL)
            continue;
        struct connector_option *option = unknown_option(validating->report, string_map_key(validating->map, i));
        if (!may_be_null(option))
            report_add_error(validating->report, option, "Null value can not be supplied as the configuration value.");
    }
}

/* Ours -------------------------------------------------------------------------------------------------------------- */

/* Keys that nobody knows are the plugin's to judge, as in Kafka Connect. Those with our prefix nobody else can know: a misspelt
 * one must not pass for a wish that is honoured. */
static void refuse_unknown_own(struct validating *validating)
{
    static const char prefix[] = "millrace.";
    for (size_t i = 0; i < string_map_count(validating->map); i++) {
        const char *key = string_map_key(validating->map, i);
        if (strncmp(key, prefix, sizeof(prefix) - 1) != 0 || report_find(validating->report, key) != NULL)
            continue;
        validating_add_error(validating, key, "%.200s: this worker knows no such option of connectors: check its spelling, and whether it is one of the worker's file", key);
    }
}

/* Classes that are not there ------------------------------------------------------------------------------------- */

static enum mr_plugin_kind kind_of(const char *option)
{
    if (strcmp(option, "header.converter") == 0)
        return MR_PLUGIN_HEADER_CONVERTER;
    if (strncmp(option, "transforms.", 11) == 0)
        return MR_PLUGIN_TRANSFORM;
    return strncmp(option, "predicates.", 11) == 0 ? MR_PLUGIN_PREDICATE : MR_PLUGIN_CONVERTER;
}

/* Which were meant, behind Kafka Connect's words. What a provider answered is compared with nothing: the suggestion would tell it. */
static void suggest_class(struct validating *validating, struct connector_option *option)
{
    static const char ending[] = " could not be found.";
    const char *name = string_map_get(validating->asked->raw, option->name);
    for (size_t i = 0; i < option->errors.count && !variables_has_reference(name); i++) {
        const char *words = option->errors.items[i];
        size_t length = strlen(words);
        if (length < sizeof(ending) || strcmp(words + length - (sizeof(ending) - 1), ending) != 0)
            continue;
        struct str_buffer text;
        str_buffer_init(&text, CONNECTOR_MESSAGE_MAX);
        str_buffer_append(&text, words, length);
        unknown_plugin_suggest(validating->loader, kind_of(option->name), name, &text);
        const char *kept = str_buffer_failed(&text) ? NULL : report_keep(validating->report, str_buffer_text(&text));
        if (kept != NULL)
            option->errors.items[i] = (void *)(uintptr_t)kept;
        str_buffer_release(&text);
    }
}

static void suggest_classes(struct validating *validating)
{
    const struct ptr_array *options = &validating->report->parts[REPORT_MAIN];
    for (size_t i = 0; i < options->count; i++) {
        struct connector_option *option = options->items[i];
        if (option->errors.count > 0 && option->is_defined && option->definition.type == MR_CONFIG_CLASS)
            suggest_class(validating, option);
    }
}

/* The whole ------------------------------------------------------------------------------------------------------ */

/* A version that does not exist counts twice: on the class and on the version. */
static void add_no_version(struct validating *validating, const struct mr_error *reason)
{
    validating_add_error(validating, "connector.class", "%s", mr_error_message(reason));
    validating_add_error(validating, "connector.plugin.version", "%s", mr_error_message(reason));
}

/* Kafka Connect's words list all there is; which was meant stands behind them. */
static void refuse_class(struct validating *validating, const struct mr_error *reason)
{
    const char *name = string_map_get(validating->asked->raw, "connector.class");
    struct str_buffer words;
    str_buffer_init(&words, CONNECTOR_MESSAGE_MAX);
    str_buffer_append_text(&words, mr_error_message(reason));
    if (mr_error_code(reason) == MR_ERR_NOT_FOUND && !variables_has_reference(name))
        unknown_plugin_suggest(validating->loader, MR_PLUGIN_SOURCE, name, &words);
    mr_error_set(validating->error, mr_error_code(reason), "%s", str_buffer_text(&words));
    str_buffer_release(&words);
}

/* `*no_version`: the class is there, the version is not; the plugin stays NULL. */
static int find_plugin(struct validating *validating, struct mr_error **no_version)
{
    struct mr_error *reason = NULL;
    if (connector_config_plugin(validating->loader, validating->map, &validating->plugin, &reason) == 0) {
        validating->kind = validating->plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
        return 0;
    }
    validating->plugin = NULL;
    if (mr_error_code(reason) == MR_ERR_CONFIG && string_map_get(validating->map, "connector.class") != NULL) {
        *no_version = reason;
        return 0;
    }
    refuse_class(validating, reason);
    mr_error_drop(reason);
    return -1;
}

static int validate_with_plugin(struct validating *validating)
{
    if (validate_aliases(validating, MR_PLUGIN_TRANSFORM) != 0 ||
        validate_aliases(validating, MR_PLUGIN_PREDICATE) != 0)
        return -1;
    validating->report->hashed_count = validating->report->parts[REPORT_MAIN].count;
    validate_rules(validating);
    if (validate_own(validating) != 0)
        return -1;
    validate_nulls(validating);
    refuse_unknown_own(validating);
    if (validate_overrides(validating) != 0 || validate_converters(validating) != 0 || validate_predicate_names(validating) != 0)
        return -1;
    return validate_setups(validating);
}

static int validate_all(struct validating *validating)
{
    struct mr_error *no_version = NULL;
    if (find_plugin(validating, &no_version) != 0)
        return -1;
    int status = validate_framework(validating);
    if (status == 0 && no_version == NULL) {
        status = validate_with_plugin(validating);
    } else if (status == 0) {
        add_no_version(validating, no_version);
        validating->report->hashed_count = validating->report->parts[REPORT_MAIN].count;
        validate_nulls(validating);
    }
    if (status == 0)
        suggest_classes(validating);
    mr_error_drop(no_version);
    return status;
}

/* Takes the builder. */
static struct connector_report *finish(struct validating *validating, int status)
{
    struct report_builder *report = validating->report;
    const struct string_map *raw = validating->asked->raw;
    report->report.class_name = report_keep(report, string_map_get(raw, "connector.class"));
    if (status == 0)
        report_hide_secrets(report, raw, validating->map);
    if (status == 0 && report_finish(report, validating->error) == 0)
        return &report->report;
    connector_report_destroy(&report->report);
    return NULL;
}

static struct connector_report *resolve_and_validate(const struct connector_validation *validation, struct mr_error **error)
{
    struct string_map *resolved = variables_resolve(validation->variables, validation->raw, NULL, error);
    struct validating validating = {.asked = validation,
                                    .loader = validation->loader,
                                    .worker = validation->worker,
                                    .map = resolved,
                                    .report = resolved == NULL ? NULL : report_create(),
                                    .error = error};
    struct connector_report *report = NULL;
    ptr_array_init(&validating.setups, mem_free);
    if (validating.report != NULL)
        report = finish(&validating, validate_all(&validating));
    else if (resolved != NULL)
        validating_no_memory(error);
    if (report == NULL)
        variables_hide_error(validation->raw, resolved, error);
    ptr_array_release(&validating.setups);
    string_map_destroy(resolved);
    return report;
}

struct connector_report *connector_config_validate(const struct connector_validation *validation,
                                                   struct mr_error **error)
{
    bool before = secrets_trial(true);
    struct connector_report *report = resolve_and_validate(validation, error);
    secrets_trial(before);
    return report;
}
