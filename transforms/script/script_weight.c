/* script_weight.c: what a value weighs that is put into a record once more. */
#include <lauxlib.h>

#include "script/lua_cage.h"
#include "script/script_record.h"

#define DEPTH_MAX 1000
#define VALUE_BYTES 16 /* of each, whatever it is */

static void weigh(lua_State *lua, struct script_record *view, const struct mr_value *value, int depth);

static void weigh_members(lua_State *lua, struct script_record *view, const struct mr_value *value, enum mr_kind kind, int depth)
{
    if (depth > DEPTH_MAX)
        luaL_error(lua, "what is put into the record is nested deeper than %d levels", DEPTH_MAX);
    for (size_t i = 0; kind == MR_KIND_ARRAY && i < mr_array_count(value); i++)
        weigh(lua, view, mr_array_at(value, i), depth);
    for (size_t i = 0; kind == MR_KIND_STRUCT && i < mr_schema_field_count(mr_struct_schema(value)); i++)
        weigh(lua, view, mr_struct_at(value, i), depth);
    for (size_t i = 0; kind == MR_KIND_MAP && i < mr_map_count(value); i++) {
        weigh(lua, view, mr_map_key_at(value, i), depth);
        weigh(lua, view, mr_map_value_at(value, i), depth);
    }
}

static void weigh(lua_State *lua, struct script_record *view, const struct mr_value *value, int depth)
{
    enum mr_kind kind = mr_value_kind(value);
    bool has_bytes = kind == MR_KIND_STRING || kind == MR_KIND_BYTES;
    view->again_bytes += VALUE_BYTES + (has_bytes ? mr_value_bytes(value).size : 0);
    if (view->again_bytes > SCRIPT_AGAIN_BYTES_MAX)
        luaL_error(lua, "more than %d MiB of what is in the record are put into it again", (int)(SCRIPT_AGAIN_BYTES_MAX >> 20));
    cage_work(lua, 2);
    if (kind == MR_KIND_ARRAY || kind == MR_KIND_STRUCT || kind == MR_KIND_MAP)
        weigh_members(lua, view, value, kind, depth + 1);
}

void script_weigh(lua_State *lua, struct script_record *view, const struct mr_value *value)
{
    weigh(lua, view, value, 0);
}
