/* One slot per option of the merged definitions: row, names, canonical default. */
#include "sdk/config_internal.h"

#include <string.h>

#include "base/mem.h"
#include "base/pointer_map.h"
#include "base/str_buffer.h"
#include "base/string_map.h"

#include "base/bans.h"

/* Not a text that anybody would write; compared by content, since a program may hold more than one copy of it. */
const char mr_config_required_text[] = "\001required";

#define DEFAULT_REASON_MAX 4096

int config_no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory while reading a configuration");
}

/* Rows of an older minor version are shorter: what they lack is zero. */
static void row_copy(const struct mr_config_def *def, size_t index, struct mr_config_row *row)
{
    const char *theirs = (const char *)def->rows + index * def->row_size;
    *row = (struct mr_config_row){0};
    memcpy(row, theirs, def->row_size < sizeof(*row) ? def->row_size : sizeof(*row));
}

static int row_check(const struct mr_config_row *row, struct mr_error **error)
{
    if (row->name == NULL || *row->name == '\0')
        return mr_error_set(error, MR_ERR_CONFIG, "A definition has an option without a name");
    if (config_type_name(row->type) == NULL)
        return mr_error_set(error, MR_ERR_CONFIG, "Option %s is defined with the unknown type %d", row->name,
                            (int)row->type);
    return 0;
}

static bool is_required_text(const char *text)
{
    return text != NULL && strcmp(text, mr_config_required_text) == 0;
}

static int default_read(struct config_slot *slot, const struct config_source *source, struct mr_error **error)
{
    const struct mr_config_row *row = &slot->option.row;
    struct config_value value;
    struct str_buffer why;
    str_buffer_init(&why, DEFAULT_REASON_MAX);
    struct config_class_finder classes = {source->class_find, source->class_find_owner};
    enum config_reading reading =
        config_value_read(&value, row->type, slot->option.full_name, row->default_text, &classes, &why);
    if (reading == CONFIG_READ) {
        slot->default_text = value.text;
        value.text = NULL;
        config_value_release(&value);
    } else if (reading == CONFIG_REFUSED && row->type == MR_CONFIG_CLASS) {
        /* A default class that is not installed matters only where it is used. */
        slot->default_text = mem_strdup(row->default_text);
        reading = slot->default_text == NULL ? CONFIG_NO_MEMORY : CONFIG_READ;
    }
    int status = 0;
    if (reading == CONFIG_NO_MEMORY)
        status = config_no_memory(error);
    else if (reading == CONFIG_REFUSED)
        status = mr_error_set(error, MR_ERR_CONFIG, "Option %s is defined with a default that cannot be read: %s",
                              row->name, row->type == MR_CONFIG_PASSWORD ? "" : str_buffer_text(&why));
    str_buffer_release(&why);
    return status;
}

static int slot_init(struct mr_config *config, struct config_slot *slot, const struct config_source *source,
                     struct mr_error **error)
{
    const struct mr_config_row *row = &slot->option.row;
    slot->option.full_name = row->name;
    if (config->prefix != NULL) {
        size_t length = config->prefix_length + strlen(row->name) + 1;
        slot->full_name_owned = mem_alloc(length);
        if (slot->full_name_owned == NULL)
            return config_no_memory(error);
        memcpy(slot->full_name_owned, config->prefix, config->prefix_length);
        memcpy(slot->full_name_owned + config->prefix_length, row->name, length - config->prefix_length);
        slot->option.full_name = slot->full_name_owned;
    }
    slot->option.is_required = is_required_text(row->default_text);
    slot->option.has_default = row->default_text != NULL && !slot->option.is_required;
    if (slot->option.has_default && default_read(slot, source, error) != 0)
        return -1;
    return pointer_map_put(config->by_name, row->name, slot) ? 0 : config_no_memory(error);
}

static int slots_add(struct mr_config *config, const struct mr_config_def *def, const struct config_source *source,
                     struct mr_error **error)
{
    for (size_t i = 0; i < def->count; i++) {
        struct config_slot *slot = &config->slots[config->slot_count];
        row_copy(def, i, &slot->option.row);
        if (row_check(&slot->option.row, error) != 0)
            return -1;
        if (pointer_map_has(config->by_name, slot->option.row.name))
            continue;
        config->slot_count++;
        if (slot_init(config, slot, source, error) != 0)
            return -1;
    }
    return 0;
}

static int slots_fill(struct mr_config *config, const struct config_source *source, struct mr_error **error)
{
    size_t room = 0;
    for (size_t i = 0; i < source->def_count; i++)
        room += source->defs[i] == NULL ? 0 : source->defs[i]->count;
    if (room > CONFIG_OPTIONS_MAX)
        return mr_error_set(error, MR_ERR_CONFIG, "%zu options are defined; at most %d are possible", room,
                            CONFIG_OPTIONS_MAX);
    if (source->prefix != NULL) {
        config->prefix = mem_strdup(source->prefix);
        config->prefix_length = strlen(source->prefix);
    }
    config->slots = mem_calloc(room + 1, sizeof(*config->slots));
    config->by_name = pointer_map_create(NULL);
    config->submitted = source->map == NULL ? string_map_create() : string_map_copy(source->map);
    config->naming = source->naming;
    if (config->slots == NULL || config->by_name == NULL || config->submitted == NULL ||
        (source->prefix != NULL && config->prefix == NULL))
        return config_no_memory(error);
    for (size_t i = 0; i < source->def_count; i++) {
        if (source->defs[i] != NULL && slots_add(config, source->defs[i], source, error) != 0)
            return -1;
    }
    return 0;
}

struct mr_config *config_slots_create(const struct config_source *source, struct mr_error **error)
{
    struct mr_config *config = mem_calloc(1, sizeof(*config));
    if (config == NULL) {
        config_no_memory(error);
        return NULL;
    }
    if (slots_fill(config, source, error) != 0) {
        mr_config_destroy(config);
        return NULL;
    }
    return config;
}

struct mr_config *config_describe(const struct config_source *source, struct mr_error **error)
{
    return config_slots_create(source, error);
}

void mr_config_destroy(struct mr_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->slot_count; i++) {
        struct config_slot *slot = &config->slots[i];
        config_value_release(&slot->value);
        mem_free(slot->default_text);
        if (slot->refusal != NULL)
            explicit_bzero(slot->refusal, strlen(slot->refusal));
        mem_free(slot->refusal);
        mem_free(slot->full_name_owned);
    }
    mem_free(config->slots);
    pointer_map_destroy(config->by_name);
    string_map_destroy(config->submitted);
    mem_free(config->prefix);
    mem_free(config);
}
