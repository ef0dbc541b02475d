/*
 * Transformations, predicates and converters are set up as a task sets them up, and let go of: what they refuse is told here, before
 * there is a task. Only those whose options are fine so far; predicates only if a transformation uses them, as in a task.
 */
#include <millrace/error.h>
#include <string.h>

#include "base/mem.h"
#include "base/secrets.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_internal.h"
#include "config/plugin_instance.h"
#include "config/plugin_options.h"

#include "base/bans.h"

#define CALL "validate" /* a crash is no unit's */

struct setup {
    const struct loader_plugin *plugin;
    const char *prefix, *class_option; /* kept by the report, or literals */
    const char *converter_type;        /* NULL: no converter */
    bool is_used;
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int setups_add(struct validating *validating, const struct loader_plugin *plugin, const char *prefix,
               const char *class_option, const char *converter_type)
{
    struct setup *setup = mem_alloc(sizeof(*setup));
    if (setup != NULL)
        *setup = (struct setup){plugin, prefix, class_option, converter_type, plugin->kind != MR_PLUGIN_PREDICATE};
    if (setup != NULL && ptr_array_push(&validating->setups, setup))
        return 0;
    mem_free(setup);
    return validating_no_memory(validating->error);
}

/* Predicates of transformations ---------------------------------------------------------------------------------- */

/* Its own text, without blanks around it; NULL: none. */
static const char *predicate_of(struct validating *validating, const struct setup *transform, const char **option_name)
{
    *option_name = report_keep_printf(validating->report, "%spredicate", transform->prefix);
    const struct connector_option *option = *option_name == NULL ? NULL : report_find(validating->report, *option_name);
    return option == NULL || option->errors.count > 0 ? NULL : option->value;
}

static bool is_listed(const struct mr_config *list, const char *alias)
{
    bool is_listed = false;
    for (size_t i = 0; !is_listed && i < mr_config_list_count(list, "predicates"); i++)
        is_listed = strcmp(mr_config_list_at(list, "predicates", i), alias) == 0;
    return is_listed;
}

static void use(struct validating *validating, const char *alias)
{
    static const char head[] = "predicates.";
    size_t length = strlen(alias);
    for (size_t i = 0; i < validating->setups.count; i++) {
        struct setup *setup = validating->setups.items[i];
        if (setup->plugin->kind != MR_PLUGIN_PREDICATE)
            continue;
        const char *theirs = setup->prefix + sizeof(head) - 1;
        setup->is_used |= strncmp(theirs, alias, length) == 0 && strcmp(theirs + length, ".") == 0;
    }
}

int validate_predicate_names(struct validating *validating)
{
    struct mr_config *list = validating_read_aliases(validating, MR_PLUGIN_PREDICATE);
    if (list == NULL)
        return -1;
    for (size_t i = 0; i < validating->setups.count; i++) {
        const struct setup *setup = validating->setups.items[i];
        const char *option, *alias;
        if (setup->plugin->kind != MR_PLUGIN_TRANSFORM || (alias = predicate_of(validating, setup, &option)) == NULL)
            continue;
        if (is_listed(list, alias))
            use(validating, alias);
        else
            validating_add_error(validating, option,
                                 "Invalid value %s for configuration %s: the list 'predicates' of the connector has no such "
                                 "alias: add it there",
                                 alias, option);
    }
    mr_config_destroy(list);
    return 0;
}

/* One of them ---------------------------------------------------------------------------------------------------- */

static bool has_errors(const struct validating *validating, const struct setup *setup)
{
    for (size_t part = 0; part < REPORT_PARTS; part++) {
        const struct ptr_array *options = &validating->report->parts[part];
        for (size_t i = 0; i < options->count; i++) {
            const struct connector_option *option = options->items[i];
            if (option->errors.count > 0 &&
                (begins_with(option->name, setup->prefix) || strcmp(option->name, setup->class_option) == 0))
                return true;
        }
    }
    return false;
}

/* As the pipeline hands them over. NULL: no memory. */
static struct string_map *options_of(const struct validating *validating, const struct setup *setup)
{
    struct string_map *options = string_map_with_prefix(validating->map, setup->prefix);
    if (options != NULL && setup->plugin->kind == MR_PLUGIN_TRANSFORM) {
        string_map_remove(options, "predicate");
        string_map_remove(options, "negate");
    }
    if (options == NULL || setup->converter_type == NULL || string_map_put(options, "converter.type", setup->converter_type))
        return options;
    string_map_destroy(options);
    return NULL;
}

static int set_up(const struct setup *setup, const struct string_map *options, struct mr_error **error)
{
    struct mr_config *config = plugin_options_read_in(CALL, setup->plugin, options, setup->prefix, NULL, error);
    void *instance = config == NULL ? NULL : plugin_instance_create(setup->plugin, config, CALL, error);
    plugin_instance_destroy(setup->plugin, instance, CALL);
    mr_config_destroy(config);
    return instance == NULL ? -1 : 0;
}

/* The refusal and what caused it, in one line. */
static void word(struct str_buffer *words, const struct mr_error *error)
{
    for (const struct mr_error *at = error; at != NULL; at = mr_error_cause(at))
        str_buffer_printf(words, "%s%s", at == error ? "" : ": ", mr_error_message(at));
}

/* Its text for words. */
static const char *shown_value(const struct setup *setup, const struct string_map *options, const char *option)
{
    const struct mr_config_def *def = setup->plugin->config_def;
    for (size_t i = 0; i < def->count; i++)
        if (strcmp(def->rows[i].name, option) == 0 && def->rows[i].type == MR_CONFIG_PASSWORD)
            return CONFIG_HIDDEN_TEXT;
    return string_map_get_or(options, option, "null");
}

static void tell(struct validating *validating, const struct setup *setup, const struct string_map *options, const char *words)
{
    const char *option = fault_option(words, setup->plugin->config_def, options, setup->prefix);
    struct str_buffer told;
    if (option == NULL) {
        validating_add_error(validating, setup->class_option, "%s cannot be set up with these options: %s",
                             setup->plugin->class_name, words);
        return;
    }
    size_t length = strlen(option);
    if (begins_with(words, option) && strncmp(words + length, ": ", 2) == 0)
        words += length + 2;
    str_buffer_init(&told, CONNECTOR_MESSAGE_MAX);
    if (strstr(words, " for configuration ") == NULL)
        str_buffer_printf(&told, "Invalid value %s for configuration %s%s: ", shown_value(setup, options, option), setup->prefix, option);
    str_buffer_append_text(&told, words);
    const char *name = report_keep_printf(validating->report, "%s%s", setup->prefix, option);
    if (str_buffer_failed(&told) && !told.over_max)
        validating->report->failed = true;
    else if (name != NULL)
        report_file_error(validating->report, setup->converter_type != NULL ? REPORT_CONVERTERS : REPORT_MAIN, name,
                          told.over_max ? "The value is not valid" : str_buffer_text(&told));
    str_buffer_release(&told);
}

/* Memory that is short is nobody's mistake. */
static int judge(struct validating *validating, const struct setup *setup, const struct string_map *options, struct mr_error *error)
{
    struct str_buffer words;
    if (mr_error_code(error) == MR_ERR_NO_MEMORY)
        return validating_no_memory(validating->error);
    str_buffer_init(&words, CONNECTOR_MESSAGE_MAX); /* more than an error and its causes hold */
    word(&words, error);
    char *text = str_buffer_take(&words, NULL);
    str_buffer_release(&words);
    if (text == NULL)
        return validating_no_memory(validating->error);
    secrets_hide_text(text); /* a plugin may word its passwords */
    tell(validating, setup, options, text);
    explicit_bzero(text, strlen(text));
    mem_free(text);
    return 0;
}

static int try_one(struct validating *validating, const struct setup *setup)
{
    struct mr_error *error = NULL;
    struct string_map *options = options_of(validating, setup);
    if (options == NULL)
        return validating_no_memory(validating->error);
    int status = set_up(setup, options, &error) == 0 ? 0 : judge(validating, setup, options, error);
    mr_error_drop(error);
    string_map_destroy(options);
    return status;
}

int validate_setups(struct validating *validating)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < validating->setups.count; i++) {
        const struct setup *setup = validating->setups.items[i];
        if (!validating->report->is_too_long && setup->is_used && !has_errors(validating, setup))
            status = try_one(validating, setup);
    }
    return status;
}
