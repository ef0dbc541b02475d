/* The order of a validation: framework options, what goes together, the connector's own, then its parts. */
#include "config/connector_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/variables.h"
#include "sdk/collect.h"

#include "base/bans.h"

#define SECRET_LEAST 3 /* shorter texts than this are looked for in findings about their own option alone */

/* Parts -------------------------------------------------------------------------------------------------------- */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "No memory to validate a connector");
}

static int add_report(struct validating *validating, const struct mr_config_report *report)
{
    for (size_t i = 0; i < config_report_count(report); i++) {
        const char *option = config_report_option(report, i);
        if (finding_add(validating, option == NULL ? "" : option, "%s", config_report_message(report, i)) != 0)
            return -1;
    }
    return config_report_failed(report) ? no_memory(validating->error) : 0;
}

struct mr_config *validate_part(struct validating *validating, const struct validating_part *part)
{
    struct mr_config *config = NULL;
    struct mr_config_report *report = config_report_create();
    struct config_source source = {.mood = CONFIG_VALIDATE,
                                   .defs = part->defs,
                                   .def_count = part->def_count,
                                   .map = part->map,
                                   .prefix = part->prefix,
                                   .class_find = part->class_find,
                                   .class_find_owner = validating};
    int status =
        report == NULL ? no_memory(validating->error) : config_parse(&source, &config, report, validating->error);
    if (status == 0)
        status = add_report(validating, report);
    config_report_destroy(report);
    if (status == 0)
        return config;
    mr_config_destroy(config);
    return NULL;
}

/* Framework ---------------------------------------------------------------------------------------------------- */

static const char *find_converter(void *owner, const char *option, const char *text)
{
    const struct validating *validating = owner;
    const struct loader_plugin *plugin;
    enum mr_plugin_kind kind =
        strcmp(option, "header.converter") == 0 ? MR_PLUGIN_HEADER_CONVERTER : MR_PLUGIN_CONVERTER;
    return loader_find(validating->loader, kind, text, NULL, &plugin, NULL) == 0 ? plugin->class_name : NULL;
}

static int validate_framework(struct validating *validating)
{
    struct validating_part part = {.map = validating->map, .class_find = find_converter};
    connector_config_defs(validating->kind, part.defs);
    part.def_count = validating->plugin == NULL ? 1 : CONNECTOR_DEFS;
    struct mr_config *config = validate_part(validating, &part);
    mr_config_destroy(config);
    return config == NULL ? -1 : 0;
}

static int validate_nulls(struct validating *validating)
{
    for (size_t i = 0; i < string_map_count(validating->map); i++) {
        if (string_map_value(validating->map, i) == NULL &&
            finding_add(validating, string_map_key(validating->map, i),
                        "Null value can not be supplied as the configuration value.") != 0)
            return -1;
    }
    return 0;
}

/* The connector's own ------------------------------------------------------------------------------------------ */

typedef int plugin_validate_fn(const struct mr_config *config, struct mr_config_report *report,
                               struct mr_error **error);

static int call_plugin(struct validating *validating, plugin_validate_fn *validate, const struct mr_config *config)
{
    struct mr_error *reason = NULL;
    struct mr_config_report *report = config_report_create();
    if (report == NULL)
        return no_memory(validating->error);
    int status = validate(config, report, &reason);
    if (status == 0)
        status = add_report(validating, report);
    else
        mr_error_set(validating->error, reason == NULL ? MR_ERR_CONNECT : mr_error_code(reason),
                     "Connector %s could not validate its configuration: %s", validating->plugin->class_name,
                     reason == NULL ? "it gave no reason" : mr_error_message(reason));
    mr_error_drop(reason);
    config_report_destroy(report);
    return status;
}

/* The plugin is asked only when its own options could be read: its getters then always find a value. */
static int validate_own(struct validating *validating)
{
    const struct loader_plugin *plugin = validating->plugin;
    struct validating_part part = {.defs = {plugin->config_def}, .def_count = 1, .map = validating->map};
    size_t before = validating->findings->count;
    struct mr_config *config = validate_part(validating, &part);
    if (config == NULL)
        return -1;
    bool is_readable = validating->findings->count == before;
    plugin_validate_fn *validate = plugin->kind == MR_PLUGIN_SOURCE ? plugin->source->validate : plugin->sink->validate;
    int status = 0;
    if (is_readable && validate != NULL)
        status = call_plugin(validating, validate, config);
    if (status == 0)
        status = validate_exactly_once(validating, is_readable ? config : NULL);
    mr_config_destroy(config);
    return status;
}

/* Secrets ------------------------------------------------------------------------------------------------------ */

static void append_replaced(struct str_buffer *out, const char *text, const char *secret, const char *raw)
{
    size_t length = strlen(secret);
    for (const char *found; length > 0 && (found = strstr(text, secret)) != NULL; text = found + length) {
        str_buffer_append(out, text, (size_t)(found - text));
        str_buffer_append_text(out, raw);
    }
    str_buffer_append_text(out, text);
}

/* "Invalid value V for configuration NAME: words" of the option itself, whatever V has become; else the text by text. */
static bool hide_in(struct connector_finding *finding, const char *name, const char *raw, const char *secret)
{
    struct str_buffer marker, out;
    bool is_own = strcmp(finding->option, name) == 0;
    if (!is_own && strlen(secret) < SECRET_LEAST)
        return true;
    str_buffer_init(&marker, CONNECTOR_MESSAGE_MAX);
    str_buffer_init(&out, CONNECTOR_MESSAGE_MAX);
    str_buffer_printf(&marker, " for configuration %s: ", name);
    const char *rest = is_own ? strstr(finding->message, str_buffer_text(&marker)) : NULL;
    if (rest != NULL)
        str_buffer_printf(&out, "Invalid value %s", raw);
    if (rest == NULL || strlen(secret) >= SECRET_LEAST)
        append_replaced(&out, rest != NULL ? rest : finding->message, secret, raw);
    else
        str_buffer_append_text(&out, rest);
    char *message = str_buffer_failed(&marker) ? NULL : str_buffer_take(&out, NULL);
    if (message != NULL) {
        mem_free(finding->message);
        finding->message = message;
    }
    str_buffer_release(&marker);
    str_buffer_release(&out);
    return message != NULL;
}

/* What a provider answered is not told: the reference stands in its place. */
static int hide_secrets(struct validating *validating)
{
    const struct string_map *raw = validating->asked->raw;
    for (size_t i = 0; i < string_map_count(raw); i++) {
        const char *name = string_map_key(raw, i), *text = string_map_value(raw, i);
        const char *secret = string_map_get(validating->map, name);
        if (!variables_has_reference(text) || secret == NULL || strcmp(text, secret) == 0)
            continue;
        for (size_t f = 0; f < validating->findings->count; f++) {
            if (!hide_in(&validating->findings->items[f], name, text, secret))
                return no_memory(validating->error);
        }
    }
    return 0;
}

/* The whole ---------------------------------------------------------------------------------------------------- */

/* A version that does not exist counts twice: on the class and on the version. */
static int add_no_version(struct validating *validating, const struct mr_error *reason)
{
    return finding_add(validating, "connector.class", "%s", mr_error_message(reason)) == 0 &&
                   finding_add(validating, "connector.plugin.version", "%s", mr_error_message(reason)) == 0
               ? 0
               : -1;
}

static int find_plugin(struct validating *validating)
{
    struct mr_error *reason = NULL;
    int status = connector_config_plugin(validating->loader, validating->map, &validating->plugin, &reason);
    if (status == 0) {
        validating->kind = validating->plugin->kind == MR_PLUGIN_SOURCE ? CONNECTOR_SOURCE : CONNECTOR_SINK;
    } else if (mr_error_code(reason) == MR_ERR_CONFIG && string_map_get(validating->map, "connector.class") != NULL) {
        validating->plugin = NULL;
        status = add_no_version(validating, reason);
    } else {
        mr_error_set(validating->error, mr_error_code(reason), "%s", mr_error_message(reason));
    }
    mr_error_drop(reason);
    return status;
}

static int validate_all(struct validating *validating)
{
    if (find_plugin(validating) != 0 || validate_framework(validating) != 0 || validate_nulls(validating) != 0)
        return -1;
    if (validating->plugin == NULL)
        return 0;
    if (validate_rules(validating) != 0 || validate_own(validating) != 0 ||
        validate_aliases(validating, MR_PLUGIN_TRANSFORM) != 0 ||
        validate_aliases(validating, MR_PLUGIN_PREDICATE) != 0 || validate_overrides(validating) != 0 ||
        validate_converters(validating) != 0)
        return -1;
    return 0;
}

int connector_config_validate(const struct connector_validation *validation, struct connector_findings *findings,
                              struct mr_error **error)
{
    *findings = (struct connector_findings){0};
    struct string_map *resolved = variables_resolve(validation->variables, validation->raw, NULL, error);
    if (resolved == NULL)
        return -1;
    struct validating validating = {.asked = validation,
                                    .loader = validation->loader,
                                    .worker = validation->worker,
                                    .map = resolved,
                                    .findings = findings,
                                    .error = error};
    int status = validate_all(&validating);
    if (status == 0)
        status = hide_secrets(&validating);
    if (status != 0)
        connector_findings_release(findings);
    string_map_destroy(resolved);
    return status;
}
