#include "store/config_change_internal.h"

#include <millrace/error.h>

#include "base/mem.h"
#include "base/bans.h"

struct config_change *config_change_create(void)
{
    struct config_change *change = mem_calloc(1, sizeof(*change));
    if (change == NULL)
        return NULL;
    refcount_init(&change->owners);
    config_records_init(&change->records);
    change->is_guarded = true;
    return change;
}

void config_change_take(struct config_change *change)
{
    refcount_take(&change->owners);
}

void config_change_drop(struct config_change *change)
{
    if (change == NULL || !refcount_drop(&change->owners))
        return;
    if (change->condition.argument_drop != NULL)
        change->condition.argument_drop(change->condition.argument);
    config_records_release(&change->records);
    mr_error_drop(change->error);
    mem_free(change);
}

void config_change_set_condition(struct config_change *change, const struct config_condition *condition)
{
    change->condition = *condition;
}

size_t config_change_bytes(const struct config_change *change)
{
    size_t bytes = 0;
    for (size_t i = 0; i < change->records.count; i++)
        bytes += change->records.items[i].key.size + change->records.items[i].value.size;
    return bytes;
}

/* The change when its records were made, else NULL. */
static struct config_change *change_if(struct config_change *change, bool built)
{
    if (built)
        return change;
    config_change_drop(change);
    return NULL;
}

struct config_change *config_change_of_connector(const char *connector, const struct string_map *config,
                                                 const enum target_state *initial)
{
    struct config_change *change = config_change_create();
    return change_if(change, change != NULL &&
                                 (initial == NULL || config_records_add_target(&change->records, connector, *initial)) &&
                                 config_records_add_connector(&change->records, connector, config));
}

struct config_change *config_change_of_removal(const char *connector)
{
    struct config_change *change = config_change_create();
    return change_if(change, change != NULL &&
                                 config_records_add_tombstone(&change->records, CONFIG_KEY_CONNECTOR, connector) &&
                                 config_records_add_tombstone(&change->records, CONFIG_KEY_TARGET, connector));
}

bool config_change_add_note_removal(struct config_change *change, const char *key)
{
    return config_records_add_note(&change->records, key, NULL);
}

/* The last record is the commit. It must follow what every reader can see: the tasks are read back before it is written, unless all
 * of them are seen at once. */
struct config_change *config_change_of_tasks(const char *connector, const struct string_map *const *configs, size_t count)
{
    struct config_change *change = config_change_create();
    bool built = change != NULL;
    for (size_t i = 0; built && i < count; i++)
        built = config_records_add_task(&change->records, connector, i, configs[i]);
    built = built && config_records_add_commit(&change->records, connector, count);
    if (built)
        change->first_count = change->records.count - 1;
    return change_if(change, built);
}
