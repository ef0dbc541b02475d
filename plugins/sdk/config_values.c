/* Reading a parsed configuration: the typed getters of the ABI and what REST shows. */
#include "sdk/config_internal.h"

#include <assert.h>
#include <string.h>

#include "base/pointer_map.h"
#include "base/string_map.h"
#include "sdk/collect.h"

#include "base/bans.h"

/* NULL: the name does not start with the prefix. */
static const char *without_prefix(const struct mr_config *config, const char *name)
{
    if (config->prefix == NULL || strncmp(name, config->prefix, config->prefix_length) != 0)
        return NULL;
    return name + config->prefix_length;
}

struct config_slot *config_slot_find(const struct mr_config *config, const char *name)
{
    struct config_slot *slot = pointer_map_get(config->by_name, name);
    if (slot != NULL)
        return slot;
    const char *rest = without_prefix(config, name);
    return rest == NULL ? NULL : pointer_map_get(config->by_name, rest);
}

const char *config_slot_name_read(const struct mr_config *config, const struct config_slot *slot)
{
    return config->naming == CONFIG_NAMES_SHORT ? slot->option.row.name : slot->option.full_name;
}

const char *config_slot_name_told(const struct mr_config *config, const struct config_slot *slot)
{
    return config->naming == CONFIG_NAMES_FULL ? slot->option.full_name : slot->option.row.name;
}

#define TYPE_BIT(type) (1u << (type))
#define TYPES_OF_TEXT (TYPE_BIT(MR_CONFIG_STRING) | TYPE_BIT(MR_CONFIG_CLASS) | TYPE_BIT(MR_CONFIG_PASSWORD))
#define TYPES_OF_INTEGER (TYPE_BIT(MR_CONFIG_INT) | TYPE_BIT(MR_CONFIG_SHORT) | TYPE_BIT(MR_CONFIG_LONG))

/* The value of an option of one of these types; NULL: it has none, or the caller is wrong. */
static const struct config_value *value_of(const struct mr_config *config, const char *name, unsigned types)
{
    const struct config_slot *slot = config_slot_find(config, name);
    assert(slot != NULL && "the option is declared");
    if (slot == NULL)
        return NULL;
    bool is_of_type = (TYPE_BIT(slot->option.row.type) & types) != 0;
    assert(is_of_type && "the option is read as its type");
    return is_of_type && slot->value.text != NULL ? &slot->value : NULL;
}

bool mr_config_has(const struct mr_config *config, const char *name)
{
    if (string_map_has(config->submitted, name))
        return true;
    const char *rest = without_prefix(config, name);
    return rest != NULL && string_map_has(config->submitted, rest);
}

const char *mr_config_text(const struct mr_config *config, const char *name)
{
    if (string_map_has(config->submitted, name))
        return string_map_get(config->submitted, name);
    const char *rest = without_prefix(config, name);
    return rest == NULL ? NULL : string_map_get(config->submitted, rest);
}

const char *mr_config_string(const struct mr_config *config, const char *name)
{
    const struct config_value *value = value_of(config, name, TYPES_OF_TEXT);
    return value == NULL ? NULL : value->text;
}

bool mr_config_boolean(const struct mr_config *config, const char *name)
{
    const struct config_value *value = value_of(config, name, TYPE_BIT(MR_CONFIG_BOOLEAN));
    return value != NULL && value->boolean;
}

int64_t mr_config_integer(const struct mr_config *config, const char *name)
{
    const struct config_value *value = value_of(config, name, TYPES_OF_INTEGER);
    return value == NULL ? 0 : value->integer;
}

double mr_config_double(const struct mr_config *config, const char *name)
{
    const struct config_value *value = value_of(config, name, TYPE_BIT(MR_CONFIG_DOUBLE));
    return value == NULL ? 0 : value->number;
}

bool mr_config_has_value(const struct mr_config *config, const char *name)
{
    return value_of(config, name, ~0u) != NULL;
}

size_t mr_config_list_count(const struct mr_config *config, const char *name)
{
    const struct config_value *value = value_of(config, name, TYPE_BIT(MR_CONFIG_LIST));
    return value == NULL ? 0 : value->item_count;
}

const char *mr_config_list_at(const struct mr_config *config, const char *name, size_t index)
{
    const struct config_value *value = value_of(config, name, TYPE_BIT(MR_CONFIG_LIST));
    bool is_within = value != NULL && index < value->item_count;
    assert(is_within && "the index is below the count");
    return is_within ? value->items[index] : NULL;
}

size_t mr_config_count(const struct mr_config *config)
{
    return string_map_count(config->submitted);
}

const char *mr_config_name_at(const struct mr_config *config, size_t index)
{
    return string_map_key(config->submitted, index);
}

const char *mr_config_text_at(const struct mr_config *config, size_t index)
{
    return string_map_value(config->submitted, index);
}

/* For the worker ----------------------------------------------------------------------------------------------- */

const struct string_map *config_submitted(const struct mr_config *config)
{
    return config->submitted;
}

size_t config_option_count(const struct mr_config *config)
{
    return config->slot_count;
}

static const struct config_slot *slot_at(const struct mr_config *config, size_t index)
{
    assert(index < config->slot_count);
    return &config->slots[index];
}

const struct config_option *config_option_at(const struct mr_config *config, size_t index)
{
    return &slot_at(config, index)->option;
}

static const char *shown(const struct config_slot *slot, const char *text)
{
    return text != NULL && slot->option.row.type == MR_CONFIG_PASSWORD ? CONFIG_HIDDEN_TEXT : text;
}

const char *config_option_value(const struct mr_config *config, size_t index)
{
    return slot_at(config, index)->value.text;
}

const char *config_option_shown(const struct mr_config *config, size_t index)
{
    const struct config_slot *slot = slot_at(config, index);
    return shown(slot, slot->value.text);
}

const char *config_option_default(const struct mr_config *config, size_t index)
{
    const struct config_slot *slot = slot_at(config, index);
    return shown(slot, slot->default_text);
}

int config_option_recommend(const struct mr_config *config, size_t index, struct mr_text_list *values, bool *visible,
                            struct mr_config_report *report, struct mr_error **error)
{
    const struct config_slot *slot = slot_at(config, index);
    const struct config_option *option = &slot->option;
    *visible = true;
    if (option->row.recommender == NULL)
        return 0;
    struct mr_error *refusal = NULL;
    int status =
        option->row.recommender(config_slot_name_told(config, slot), config, values, visible, &refusal);
    if (status == 0) {
        mr_error_drop(refusal);
        return text_list_failed(values) ? config_no_memory(error) : 0;
    }
    *visible = true;
    if (refusal != NULL && mr_error_code(refusal) != MR_ERR_CONFIG) {
        status =
            mr_error_set(error, mr_error_code(refusal), "Option %s: %s", option->full_name, mr_error_message(refusal));
    } else {
        const char *words = refusal == NULL ? "The recommender failed without a reason" : mr_error_message(refusal);
        status = config_report_add(report, option->full_name, words) == 0 ? 0 : config_no_memory(error);
    }
    mr_error_drop(refusal);
    return status;
}
