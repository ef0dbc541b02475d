/*
 * Reads a map by its definitions. First all texts are read, then all options are checked in order: so a validator may
 * look at every other option, and the findings of one option stand together.
 */
#include "sdk/config_internal.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

struct parser {
    struct mr_config *config;
    enum config_mood mood;
    struct config_class_finder classes;
    struct mr_config_report *report; /* NULL: the first finding is the error */
    struct mr_error **error;
};

/* -1: parsing ends here. */
static int found(struct parser *parser, const char *option, const char *message)
{
    if (parser->report == NULL)
        return mr_error_set(parser->error, MR_ERR_CONFIG, "%s", message);
    if (config_report_add(parser->report, option, message) != 0)
        return config_no_memory(parser->error);
    return 0;
}

/* Of a text that repeats a value. */
static void release_wiped(struct str_buffer *text)
{
    if (text->data != NULL)
        explicit_bzero(text->data, text->length);
    str_buffer_release(text);
}

/* "Invalid value V for configuration N: words" */
static int found_invalid(struct parser *parser, const struct config_slot *slot, const char *name, const char *value,
                         const char *words)
{
    struct str_buffer message;
    str_buffer_init(&message, CONFIG_MESSAGE_MAX);
    str_buffer_printf(&message, "Invalid value %s for configuration %s: %s", value, name, words);
    if (message.failed && message.over_max) { /* a huge value: say it without */
        str_buffer_clear(&message);
        str_buffer_printf(&message, "Invalid value for configuration %s: %s", name, words);
    }
    int status = str_buffer_failed(&message) ? config_no_memory(parser->error)
                                             : found(parser, slot->option.full_name, str_buffer_text(&message));
    release_wiped(&message);
    return status;
}

/* Reading ------------------------------------------------------------------------------------------------------ */

static int slot_read(struct parser *parser, struct config_slot *slot)
{
    const struct mr_config_row *row = &slot->option.row;
    bool is_set = string_map_has(parser->config->submitted, row->name);
    if (!is_set && slot->option.is_required) {
        slot->is_missing = true;
        return 0;
    }
    const char *text = is_set ? string_map_get(parser->config->submitted, row->name) : slot->default_text;
    struct str_buffer why;
    str_buffer_init(&why, CONFIG_MESSAGE_MAX);
    enum config_reading reading =
        config_value_read(&slot->value, row->type, slot->option.full_name, text, &parser->classes, &why);
    if (reading == CONFIG_REFUSED) {
        slot->refusal =
            str_buffer_failed(&why) && why.over_max ? mem_strdup("The text is too long") : str_buffer_take(&why, NULL);
        if (slot->refusal == NULL)
            reading = CONFIG_NO_MEMORY;
    }
    release_wiped(&why);
    return reading == CONFIG_NO_MEMORY ? config_no_memory(parser->error) : 0;
}

static bool has_unique_items(const struct config_slot *slot)
{
    return slot->option.row.type == MR_CONFIG_LIST && slot->option.row.validator == mr_check_valid_list;
}

static int read_all(struct parser *parser)
{
    for (size_t i = 0; i < parser->config->slot_count; i++) {
        struct config_slot *slot = &parser->config->slots[i];
        if (slot_read(parser, slot) != 0)
            return -1;
        if (parser->mood == CONFIG_PARSE && has_unique_items(slot) && !config_value_drop_duplicates(&slot->value))
            return config_no_memory(parser->error);
    }
    return 0;
}

/* Checking ----------------------------------------------------------------------------------------------------- */

static int report_unread(struct parser *parser, const struct config_slot *slot)
{
    const char *name = config_slot_name_read(parser->config, slot);
    if (slot->is_missing) {
        struct str_buffer message;
        str_buffer_init(&message, CONFIG_MESSAGE_MAX);
        str_buffer_printf(&message, "Missing required configuration \"%s\" which has no default value.", name);
        int status = str_buffer_failed(&message) ? config_no_memory(parser->error)
                                                 : found(parser, slot->option.full_name, str_buffer_text(&message));
        str_buffer_release(&message);
        return status;
    }
    if (slot->refusal == NULL)
        return 0;
    bool is_secret = slot->option.row.type == MR_CONFIG_PASSWORD;
    const char *text = string_map_get(parser->config->submitted, slot->option.row.name);
    if (text == NULL)
        text = slot->default_text;
    return found_invalid(parser, slot, name, is_secret ? CONFIG_HIDDEN_TEXT : text, slot->refusal);
}

/* Plugins are promised a value where one is required or defaulted: submitted null takes it away. A validation tells of null
 * by other words. */
static bool lacks_value(const struct parser *parser, const struct config_slot *slot)
{
    return parser->mood == CONFIG_PARSE && slot->value.text == NULL && slot->refusal == NULL && !slot->is_missing &&
           (slot->option.is_required || slot->option.has_default);
}

/* What a validator said becomes a finding; only missing memory is ours. */
static int report_refused(struct parser *parser, const struct config_slot *slot, struct mr_error *refusal)
{
    if (refusal == NULL)
        return found(parser, slot->option.full_name, "The value was refused without a reason");
    if (mr_error_code(refusal) == MR_ERR_NO_MEMORY)
        return config_no_memory(parser->error);
    if (mr_error_code(refusal) != MR_ERR_CONFIG)
        return found(parser, slot->option.full_name, mr_error_message(refusal));
    struct str_buffer value;
    str_buffer_init(&value, CONFIG_MESSAGE_MAX);
    config_value_print(&slot->value, slot->option.row.type, &value);
    int status = str_buffer_failed(&value) && !value.over_max
                     ? config_no_memory(parser->error)
                     : found_invalid(parser, slot, config_slot_name_told(parser->config, slot), str_buffer_text(&value),
                                     mr_error_message(refusal));
    release_wiped(&value);
    return status;
}

static int validator_run(struct parser *parser, const struct config_slot *slot)
{
    const struct mr_config_row *row = &slot->option.row;
    if (row->validator == NULL)
        return 0;
    bool is_unread = slot->is_missing || slot->refusal != NULL;
    if (is_unread && parser->mood == CONFIG_PARSE)
        return 0;
    /* ConfigDef.ValidList is told whether null is allowed; here a default of NULL says so. */
    if (has_unique_items(slot) && slot->value.text == NULL && row->default_text == NULL && !is_unread)
        return 0;
    struct mr_error *refusal = NULL;
    int status = 0;
    if (row->validator(config_slot_name_told(parser->config, slot), slot->value.text, parser->config,
                       row->validator_argument, &refusal) != 0)
        status = report_refused(parser, slot, refusal);
    mr_error_drop(refusal);
    return status;
}

static int check_all(struct parser *parser)
{
    for (size_t i = 0; i < parser->config->slot_count; i++) {
        const struct config_slot *slot = &parser->config->slots[i];
        const char *name = config_slot_name_read(parser->config, slot);
        if (lacks_value(parser, slot) && found_invalid(parser, slot, name, "null", "Value must be non-null") != 0)
            return -1;
        if (report_unread(parser, slot) != 0 || validator_run(parser, slot) != 0)
            return -1;
    }
    return 0;
}

static int dependent_check(struct parser *parser, const char *dependent)
{
    if (config_slot_find(parser->config, dependent) != NULL)
        return 0;
    struct str_buffer name, message;
    str_buffer_init(&name, CONFIG_MESSAGE_MAX);
    str_buffer_init(&message, CONFIG_MESSAGE_MAX);
    str_buffer_printf(&name, "%s%s", parser->config->prefix == NULL ? "" : parser->config->prefix, dependent);
    str_buffer_printf(&message, "%s is referred in the dependents, but not defined.", str_buffer_text(&name));
    int status = str_buffer_failed(&name) || str_buffer_failed(&message)
                     ? config_no_memory(parser->error)
                     : found(parser, str_buffer_text(&name), str_buffer_text(&message));
    str_buffer_release(&name);
    str_buffer_release(&message);
    return status;
}

static int dependents_check(struct parser *parser)
{
    if (parser->mood != CONFIG_VALIDATE)
        return 0;
    for (size_t i = 0; i < parser->config->slot_count; i++) {
        const char *const *dependents = parser->config->slots[i].option.row.dependents;
        for (; dependents != NULL && *dependents != NULL; dependents++) {
            if (dependent_check(parser, *dependents) != 0)
                return -1;
        }
    }
    return 0;
}

/* The doors ---------------------------------------------------------------------------------------------------- */

int config_parse(const struct config_source *source, struct mr_config **config, struct mr_config_report *report,
                 struct mr_error **error)
{
    *config = NULL;
    struct mr_config *made = config_slots_create(source, error);
    if (made == NULL)
        return -1;
    struct parser parser = {made, source->mood, {source->class_find, source->class_find_owner}, report, error};
    if (read_all(&parser) != 0 || check_all(&parser) != 0 || dependents_check(&parser) != 0) {
        mr_config_destroy(made);
        return -1;
    }
    *config = made;
    return 0;
}

struct mr_config *config_create(const struct mr_config_def *def, const struct string_map *map, struct mr_error **error)
{
    struct mr_config *config;
    struct config_source source = {.mood = CONFIG_PARSE, .defs = &def, .def_count = 1, .map = map};
    return config_parse(&source, &config, NULL, error) == 0 ? config : NULL;
}

struct mr_config *mr_config_parse(const struct mr_config_def *def, const char *const *names, const char *const *texts,
                                  size_t count, struct mr_error **error)
{
    struct mr_config *config = NULL;
    struct string_map *map = string_map_create();
    bool is_filled = map != NULL;
    for (size_t i = 0; is_filled && i < count; i++)
        is_filled = string_map_put(map, names[i], texts[i]);
    if (is_filled)
        config = config_create(def, map, error);
    else
        config_no_memory(error);
    string_map_destroy(map);
    return config;
}

/* Checking a definition ---------------------------------------------------------------------------------------- */

static bool needs_argument(mr_config_validator *validator)
{
    return validator == mr_check_range || validator == mr_check_one_of || validator == mr_check_one_of_any_case;
}

static int row_shape_check(const struct mr_config_row *row, struct mr_error **error)
{
    if (needs_argument(row->validator) && row->validator_argument == NULL)
        return mr_error_set(error, MR_ERR_CONFIG,
                            "Option %s is defined with a validator that needs a validator_argument and has none",
                            row->name);
    if (config_importance_name(row->importance) == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Option %s is defined with the unknown importance %d", row->name,
                            (int)row->importance);
    if (config_width_name(row->width) == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Option %s is defined with the unknown width %d", row->name,
                            (int)row->width);
    return 0;
}

/* As ConfigDef.define: a default must pass its own validator. */
static int default_check(struct mr_config *config, struct config_slot *slot, struct mr_error **error)
{
    const struct mr_config_row *row = &slot->option.row;
    if (!slot->option.has_default || row->validator == NULL)
        return 0;
    struct mr_error *refusal = NULL;
    int status = 0;
    if (row->validator(row->name, slot->value.text, config, row->validator_argument, &refusal) != 0)
        status =
            mr_error_set(error, MR_ERR_CONFIG, "Option %s is defined with a default that its validator refuses: %s",
                         row->name, refusal == NULL ? "no reason given" : mr_error_message(refusal));
    mr_error_drop(refusal);
    return status;
}

static int def_check_slots(struct mr_config *config, const struct mr_config_def *def, struct mr_error **error)
{
    if (config->slot_count != def->count)
        return mr_error_set(error, MR_ERR_CONFIG, "A definition has two options of the same name");
    struct parser parser = {.config = config, .mood = CONFIG_PARSE, .error = error};
    if (read_all(&parser) != 0)
        return -1;
    for (size_t i = 0; i < config->slot_count; i++) {
        struct config_slot *slot = &config->slots[i];
        if (row_shape_check(&slot->option.row, error) != 0 || default_check(config, slot, error) != 0)
            return -1;
    }
    return 0;
}

int config_def_check(const struct mr_config_def *def, struct mr_error **error)
{
    if (def->size < sizeof(*def) || def->row_size < sizeof(const char *) || (def->rows == NULL && def->count > 0))
        return mr_error_set(error, MR_ERR_CONFIG, "A definition of options is not a valid table");
    struct string_map *none = string_map_create();
    if (none == NULL)
        return config_no_memory(error);
    struct config_source source = {.mood = CONFIG_PARSE, .defs = &def, .def_count = 1, .map = none};
    struct mr_config *config = config_slots_create(&source, error);
    string_map_destroy(none);
    int status = config == NULL ? -1 : def_check_slots(config, def, error);
    mr_config_destroy(config);
    return status;
}
