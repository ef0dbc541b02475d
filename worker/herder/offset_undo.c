/*
 * The undo of the last change of a connector's offsets: what they were before it, as one record of our own in the config topic, written
 * before the change. It counts until the connector has tasks again, which the topic itself says: then a commit record is newer.
 *
 * {"v": 1, "time": ms, "change": "reset", "kind": "sink", "where": "…", "offsets": [{"partition": {…}, "offset": {…} or null}, …]}
 */
#include <inttypes.h>
#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <millrace/value.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "config/connector_config.h"
#include "herder/herder_internal.h"
#include "herder/offsets_internal.h"
#include "herder/requests_internal.h"
#include "store/config_snapshot.h"
#include "store/config_store.h"

#include "base/bans.h"

#define VERSION 1
#define ENTRY_ARENA_MAX (4u << 20)

static const char *const changes[] = {[OFFSETS_ALTERED] = "altered", [OFFSETS_RESET] = "reset", [OFFSETS_SET_BACK] = "set back"};

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the former offsets of a connector");
}

static bool write_key(struct str_buffer *key, const char *connector)
{
    str_buffer_init(key, OFFSET_UNDO_KEY_MAX);
    return str_buffer_printf(key, "%s%s", OFFSET_UNDO_PREFIX, connector);
}

/* Offsets of another group, or topic, are not this one's former ones. The text as it was submitted. */
static const char *where_of(const struct offset_place *place)
{
    return string_map_get_or(place->config, place->is_sink ? "consumer.override.group.id" : "offsets.storage.topic", "");
}

/* ---- writing ---- */

static int write_value(struct str_buffer *out, struct mr_arena *arena, const char *before, const struct mr_value *value,
                       struct mr_error **error)
{
    struct mr_bytes text;

    if (mr_json_write(arena, NULL, value, 0, &text, error) != 0)
        return -1;
    str_buffer_append_text(out, before);
    str_buffer_append(out, text.data, text.size);
    mr_arena_clear(arena);
    return 0;
}

static int write_entries(struct str_buffer *out, struct mr_arena *arena, const struct offset_list *former, struct mr_error **error)
{
    int status = 0;

    for (size_t i = 0; status == 0 && i < former->count && !str_buffer_failed(out); i++) {
        status = write_value(out, arena, i == 0 ? "{\"partition\":" : ",{\"partition\":", former->entries[i].partition, error);
        if (status == 0)
            status = write_value(out, arena, ",\"offset\":", former->entries[i].offset, error);
        str_buffer_append_char(out, '}');
    }
    return status;
}

static int check_size(const struct str_buffer *out, const struct offset_place *place, size_t count, struct mr_error **error)
{
    if (!str_buffer_failed(out))
        return 0;
    if (!out->over_max)
        return no_memory(error);
    return mr_error_set(error, MR_ERR_CONFIG,
                        "The former offsets of %zu partitions of connector %s are more than the record for an undo may have (%u KiB). Change "
                        "fewer partitions at a time, or add ?undo=false: then it cannot be undone",
                        count, place->connector, OFFSET_UNDO_MAX >> 10);
}

static int encode(struct str_buffer *out, const struct offset_place *place, enum offset_change change,
                  const struct offset_list *former, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(ENTRY_ARENA_MAX);
    int status;

    if (arena == NULL)
        return no_memory(error);
    str_buffer_printf(out, "{\"v\":%d,\"time\":%" PRId64 ",\"change\":\"%s\",\"kind\":\"%s\"", VERSION, clock_wall_ms(NULL), changes[change],
                      place->is_sink ? "sink" : "source");
    status = write_value(out, arena, ",\"where\":", mr_string(arena, where_of(place)), error);
    str_buffer_append_text(out, ",\"offsets\":[");
    if (status == 0)
        status = write_entries(out, arena, former, error);
    str_buffer_append_text(out, "]}");
    mr_arena_destroy(arena);
    return status == 0 ? check_size(out, place, former->count, error) : -1;
}

int offset_undo_check(const struct offset_place *place, const struct offset_list *former, struct mr_error **error)
{
    struct str_buffer text;
    int status;

    str_buffer_init(&text, OFFSET_UNDO_MAX);
    status = encode(&text, place, OFFSETS_ALTERED, former, error);
    str_buffer_release(&text);
    return status;
}

/* `text` NULL: a tombstone. */
static int put(const struct offset_place *place, const char *text, struct mr_error **error)
{
    struct str_buffer key;
    struct mr_error *why = NULL;
    int status;

    status = write_key(&key, place->connector)
                 ? config_store_put_notes(place->herder->setup.configs, &(struct config_note_write){str_buffer_text(&key), text}, 1, NULL,
                                          place->deadline_ms, &why)
                 : no_memory(&why);
    str_buffer_release(&key);
    if (status != 0)
        mr_error_set(error, mr_error_code(why) == MR_ERR_DATA ? MR_ERR_CONFIG : mr_error_code(why),
                     "Nothing was changed, since what is needed to undo it could not be written to the config topic: %s%s",
                     mr_error_message(why), mr_error_code(why) == MR_ERR_DATA ? ". Add ?undo=false: then it cannot be undone" : "");
    mr_error_drop(why);
    return status;
}

int offset_undo_keep(const struct offset_place *place, enum offset_change change, const struct offset_list *former,
                     struct mr_error **error)
{
    struct str_buffer text;
    int status;

    str_buffer_init(&text, OFFSET_UNDO_MAX);
    status = encode(&text, place, change, former, error);
    if (status == 0)
        status = put(place, str_buffer_text(&text), error);
    str_buffer_release(&text);
    return status;
}

int offset_undo_forget(const struct offset_place *place, struct mr_error **error)
{
    struct config_snapshot *snapshot = config_store_snapshot(place->herder->setup.configs);
    char *key = offset_undo_key_if_any(snapshot, place->connector);
    int status = key != NULL ? put(place, NULL, error) : 0;

    config_snapshot_drop(snapshot);
    mem_free(key);
    return status;
}

/* ---- reading ---- */

static bool find_note(const struct config_snapshot *snapshot, const char *connector, struct config_note *note)
{
    struct str_buffer key;
    bool is_there = write_key(&key, connector) && config_snapshot_note_find(snapshot, str_buffer_text(&key), note);

    str_buffer_release(&key);
    return is_there;
}

char *offset_undo_key_if_any(const struct config_snapshot *snapshot, const char *connector)
{
    struct config_note note;

    return find_note(snapshot, connector, &note) ? mem_strdup(note.key) : NULL;
}

static bool says(const struct mr_value *record, const char *member, const char *text)
{
    const struct mr_value *value = mr_map_get(record, member);
    struct mr_bytes said;

    if (value == NULL || mr_value_kind(value) != MR_KIND_STRING)
        return false;
    said = mr_value_bytes(value);
    return said.size == strlen(text) && memcmp(said.data, text, said.size) == 0;
}

static bool is_map_or_null(const struct mr_value *value)
{
    return value != NULL && (mr_value_kind(value) == MR_KIND_MAP || mr_value_is_null(value));
}

/* -1, and maybe no error: it is not what it should be. */
static int take_entries(const struct mr_value *record, struct offset_list *list, struct mr_error **error)
{
    const struct mr_value *all = mr_map_get(record, "offsets");

    if (all == NULL || mr_value_kind(all) != MR_KIND_ARRAY)
        return -1;
    for (size_t i = 0; i < mr_array_count(all); i++) {
        const struct mr_value *entry = mr_array_at(all, i), *partition, *offset;

        if (mr_value_kind(entry) != MR_KIND_MAP)
            return -1;
        partition = mr_map_get(entry, "partition");
        offset = mr_map_get(entry, "offset");
        if (!is_map_or_null(partition) || !is_map_or_null(offset) || offset_list_append(list, partition, offset, error) != 0)
            return -1;
    }
    return 0;
}

static int decode(const struct offset_place *place, const struct config_note *note, struct offset_list *list, struct mr_error **error)
{
    struct mr_arena *arena = offset_list_arena(list, error);
    const struct mr_value *record;

    if (arena == NULL)
        return -1;
    record = mr_json_read(arena, (struct mr_bytes){.data = note->text, .size = note->size}, MR_JSON_COPY_TEXT | MR_JSON_WHOLE_TEXT, error);
    if (record == NULL)
        return -1;
    if (mr_value_kind(record) != MR_KIND_MAP)
        return mr_error_set(error, MR_ERR_CONFLICT, "The record for an undo of connector %s is damaged", place->connector);
    if (!says(record, "kind", place->is_sink ? "sink" : "source") || !says(record, "where", where_of(place)))
        return mr_error_set(error, MR_ERR_CONFLICT,
                            "The last change of the offsets of connector %s cannot be undone: it was made to offsets that are kept elsewhere "
                            "than those of its present configuration",
                            place->connector);
    if (take_entries(record, list, error) != 0)
        return mr_error_set(error, MR_ERR_CONFLICT, "The record for an undo of connector %s is damaged", place->connector);
    return 0;
}

int offset_undo_find(const struct offset_place *place, const struct config_snapshot *snapshot, struct offset_list *list,
                     struct mr_error **error)
{
    struct config_note note;

    if (!find_note(snapshot, place->connector, &note))
        return mr_error_set(error, MR_ERR_CONFLICT,
                            "There is nothing to undo: no change of the offsets of connector %s is known that has an undo", place->connector);
    if (config_snapshot_tasks_offset(snapshot, place->connector) > note.offset)
        return mr_error_set(error, MR_ERR_CONFLICT,
                            "The last change of the offsets of connector %s cannot be undone: its tasks have run since. GET its offsets and "
                            "PATCH them instead",
                            place->connector);
    return decode(place, &note, list, error);
}

int herder_each_undone(const struct herder *herder, const char *connector, herder_partition_fn *each, void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(herder->setup.configs);
    const struct string_map *config = config_snapshot_config(snapshot, connector);
    struct offset_place place = {(struct herder *)(uintptr_t)herder, connector, config, 0, false};
    struct offset_list list = {0};
    struct mr_error *error = NULL;
    int status = 0;

    if (config != NULL && offset_place_find(&place, &error) == 0 && offset_undo_find(&place, snapshot, &list, &error) == 0)
        for (size_t i = 0; status == 0 && i < list.count; i++)
            status = each(argument, list.entries[i].partition);
    if (error != NULL && mr_error_code(error) == MR_ERR_NO_MEMORY)
        status = -1;
    mr_error_drop(error);
    offset_list_release(&list);
    config_snapshot_drop(snapshot);
    return status;
}
