#include "store/config_records_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/bans.h"

void config_records_init(struct config_records *records)
{
    *records = (struct config_records){0};
}

void config_records_release(struct config_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        mem_free((void *)records->items[i].key.data);
        mem_free((void *)records->items[i].value.data);
    }
    mem_free(records->items);
    config_records_init(records);
}

static bool reserve(struct config_records *records)
{
    if (records->count < records->capacity)
        return true;
    size_t capacity = records->capacity == 0 ? 4 : records->capacity * 2;
    struct store_record *items = mem_realloc(records->items, capacity * sizeof(*items));
    if (items == NULL)
        return false;
    records->items = items;
    records->capacity = capacity;
    return true;
}

/* Takes both texts; an empty value buffer is a tombstone. */
static bool add(struct config_records *records, struct str_buffer *key, struct str_buffer *value, bool tombstone)
{
    struct store_record record = {0};
    record.key.data = str_buffer_take(key, &record.key.size);
    if (!tombstone)
        record.value.data = str_buffer_take(value, &record.value.size);
    if (record.key.data == NULL || (!tombstone && record.value.data == NULL) || !reserve(records)) {
        mem_free((void *)record.key.data);
        mem_free((void *)record.value.data);
        str_buffer_release(value);
        return false;
    }
    records->items[records->count++] = record;
    return true;
}

static void begin(struct str_buffer *key, struct str_buffer *value, const char *prefix, const char *name)
{
    str_buffer_init(key, RECORD_TEXT_MAX);
    str_buffer_init(value, RECORD_TEXT_MAX);
    str_buffer_append_text(key, prefix);
    str_buffer_append_text(key, name);
}

bool config_records_add_target(struct config_records *records, const char *connector, enum target_state state)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_TARGET, connector);
    /* `state` is what workers before STOPPED understand. */
    const char *old = state == TARGET_STOPPED ? target_state_name(TARGET_PAUSED) : target_state_name(state);
    str_buffer_printf(&value, "{\"state\":\"%s\",\"state.v2\":\"%s\"}", old, target_state_name(state));
    return add(records, &key, &value, false);
}

static void put_properties(struct str_buffer *value, const struct string_map *map)
{
    str_buffer_append_text(value, "{\"properties\":");
    record_text_map(value, map);
    str_buffer_append_char(value, '}');
}

bool config_records_add_connector(struct config_records *records, const char *connector, const struct string_map *map)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_CONNECTOR, connector);
    put_properties(&value, map);
    return add(records, &key, &value, false);
}

bool config_records_add_task(struct config_records *records, const char *connector, size_t task,
                             const struct string_map *map)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_TASK, connector);
    str_buffer_printf(&key, "-%zu", task);
    put_properties(&value, map);
    return add(records, &key, &value, false);
}

bool config_records_add_commit(struct config_records *records, const char *connector, size_t tasks)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_COMMIT, connector);
    str_buffer_printf(&value, "{\"tasks\":%zu}", tasks);
    return add(records, &key, &value, false);
}

bool config_records_add_fencing(struct config_records *records, const char *connector, uint32_t tasks)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_FENCING, connector);
    str_buffer_printf(&value, "{\"task-count\":%" PRIu32 "}", tasks);
    return add(records, &key, &value, false);
}

bool config_records_add_restart(struct config_records *records, const char *connector, bool include_tasks,
                                bool only_failed)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_RESTART, connector);
    str_buffer_printf(&value, "{\"include-tasks\":%s,\"only-failed\":%s}", include_tasks ? "true" : "false",
                      only_failed ? "true" : "false");
    return add(records, &key, &value, false);
}

bool config_records_add_session_key(struct config_records *records, const struct session_key *session)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_SESSION, "");
    str_buffer_append_text(&value, "{\"key\":");
    record_text_string(&value, session->key);
    str_buffer_append_text(&value, ",\"algorithm\":");
    record_text_string(&value, session->algorithm);
    str_buffer_printf(&value, ",\"creation-timestamp\":%" PRId64 "}", session->created_ms);
    return add(records, &key, &value, false);
}

bool config_records_add_logger(struct config_records *records, const char *logger, const char *level)
{
    struct str_buffer key, value;
    begin(&key, &value, CONFIG_KEY_LOGGER, logger);
    str_buffer_append_text(&value, "{\"level\":");
    record_text_string(&value, level);
    str_buffer_append_char(&value, '}');
    return add(records, &key, &value, false);
}

bool config_records_add_tombstone(struct config_records *records, const char *prefix, const char *name)
{
    struct str_buffer key, value;
    begin(&key, &value, prefix, name);
    return add(records, &key, &value, true);
}

bool config_records_add_note(struct config_records *records, const char *note, const char *text)
{
    struct str_buffer key, value;
    begin(&key, &value, note, "");
    if (text != NULL)
        str_buffer_append_text(&value, text);
    return add(records, &key, &value, text == NULL);
}
