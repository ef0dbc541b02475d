#include "coordination/crash_record.h"

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "base/string_map.h"
#include "coordination/cluster_records.h"

#include "base/bans.h"

/* --- writing --------------------------------------------------------------------------------------------------------- */

static struct mr_value *map_of(struct mr_arena *arena, const struct string_map *report)
{
    struct mr_value *map = mr_map_create(arena, string_map_count(report) + 1);

    if (map == NULL || mr_map_put_text(arena, map, "v", mr_int64(arena, CLUSTER_FORMAT)) != 0)
        return NULL;
    for (size_t i = 0; i < string_map_count(report); i++) {
        const char *text = string_map_value(report, i);

        if (text != NULL &&
            mr_map_put_text(arena, map, string_map_key(report, i), mr_string_ref(arena, text, strlen(text))) != 0)
            return NULL;
    }
    return map;
}

int crash_record_encode(const struct string_map *report, struct str_buffer *text, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(CRASH_RECORD_MAX * 4ul);
    struct mr_value *map = arena != NULL ? map_of(arena, report) : NULL;
    struct mr_bytes bytes;
    int result = -1;

    if (map == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    else if (mr_json_write(arena, NULL, map, 0, &bytes, error) == 0)
        result = str_buffer_append(text, bytes.data, bytes.size)
                     ? 0
                     : mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    mr_arena_destroy(arena);
    return result;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static bool put_text(struct string_map *report, const struct mr_value *name, const struct mr_value *text)
{
    struct mr_bytes key, bytes;
    char *name_copy, *text_copy;
    bool is_put;

    if (mr_value_kind(name) != MR_KIND_STRING || mr_value_kind(text) != MR_KIND_STRING)
        return true;
    key = mr_value_bytes(name);
    bytes = mr_value_bytes(text);
    name_copy = mem_strndup(key.data, key.size);
    text_copy = mem_strndup(bytes.data, bytes.size);
    is_put = name_copy != NULL && text_copy != NULL && string_map_put(report, name_copy, text_copy);
    mem_free(name_copy);
    mem_free(text_copy);
    return is_put;
}

static struct string_map *report_of(const struct mr_value *map, struct mr_error **error)
{
    struct string_map *report = string_map_create();
    bool all = report != NULL;

    for (size_t i = 0; all && i < mr_map_count(map); i++)
        all = put_text(report, mr_map_key_at(map, i), mr_map_value_at(map, i));
    if (all)
        return report;
    string_map_destroy(report);
    mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    return NULL;
}

struct string_map *crash_record_decode(const char *text, size_t size, struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(CRASH_RECORD_MAX * 4ul);
    const struct mr_value *map = NULL;
    struct string_map *report = NULL;

    if (arena != NULL)
        map = mr_json_read(arena, (struct mr_bytes){text, size}, MR_JSON_WHOLE_TEXT, error);
    if (arena == NULL)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for the record of a crash");
    else if (map != NULL && mr_value_kind(map) != MR_KIND_MAP)
        mr_error_set(error, MR_ERR_DATA, "the record of a crash is not a JSON object");
    else if (map != NULL)
        report = report_of(map, error);
    mr_arena_destroy(arena);
    return report;
}
