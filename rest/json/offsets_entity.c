#include "json/offsets_entity.h"

#include <millrace/arena.h>
#include <millrace/error.h>
#include <millrace/json.h>

#include "json/json_out.h"
#include "store/offset_store.h"

#include "base/bans.h"

#define ARENA_MAX (64u << 20)

static int write_value(struct json_out *out, struct mr_arena *arena, const char *name, const struct mr_value *value,
                       struct mr_error **error)
{
    struct mr_bytes text;
    if (mr_json_write(arena, NULL, value, 0, &text, error) != 0)
        return -1;
    json_out_name(out, name);
    json_out_raw(out, text.data, text.size);
    return 0;
}

static int write_entry(struct json_out *out, struct mr_arena *arena, const struct offset_entry *entry,
                       struct mr_error **error)
{
    json_out_open(out, '{');
    int status = write_value(out, arena, "partition", entry->partition, error);
    if (status == 0)
        status = write_value(out, arena, "offset", entry->offset, error);
    json_out_close(out, '}');
    mr_arena_clear(arena);
    return status;
}

int offsets_entity_write(struct json_out *out, const struct offset_entry *entries, size_t count,
                         struct mr_error **error)
{
    struct mr_arena *arena = mr_arena_create(ARENA_MAX);
    if (arena == NULL)
        return mr_error_set(error, MR_ERR_NO_MEMORY, "Out of memory");
    int status = 0;
    json_out_open(out, '{');
    json_out_name(out, "offsets");
    json_out_open(out, '[');
    for (size_t i = 0; i < count && status == 0; i++)
        status = write_entry(out, arena, &entries[i], error);
    json_out_close(out, ']');
    json_out_close(out, '}');
    mr_arena_destroy(arena);
    return status;
}
