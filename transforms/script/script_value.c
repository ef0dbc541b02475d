/* script_value.c: values between Lua and records. */
#include <lauxlib.h>
#include <string.h>

#include "own/schema_infer.h"
#include "script/lua_bounded.h"
#include "script/lua_cage.h"
#include "script/script_record.h"
#include "text.h"
#include "transform.h"
#include "utf8_text.h"

#define DEPTH_MAX 100

int script_raise(lua_State *lua, struct mr_arena *arena, struct mr_error *error)
{
    if (error == NULL)
        mr_arena_failed(arena, &error);
    lua_pushfstring(lua, "script: %s", mr_error_message(error));
    mr_error_clear(&error);
    return lua_error(lua);
}

static const struct mr_value *sure(lua_State *lua, struct mr_arena *arena, const struct mr_value *value)
{
    if (value == NULL)
        script_raise(lua, arena, NULL);
    return value;
}

/* To Lua ----------------------------------------------------------------------------------------------------- */

bool script_value_push(lua_State *lua, const struct mr_value *value)
{
    struct mr_bytes bytes = { .data = NULL };
    switch (mr_value_kind(value)) {
    case MR_KIND_NULL: lua_pushnil(lua); return true;
    case MR_KIND_BOOLEAN: lua_pushboolean(lua, mr_value_boolean(value)); return true;
    case MR_KIND_INT8:
    case MR_KIND_INT16:
    case MR_KIND_INT32:
    case MR_KIND_INT64:
    case MR_KIND_INSTANT: lua_pushinteger(lua, mr_value_integer(value)); return true;
    case MR_KIND_FLOAT32:
    case MR_KIND_FLOAT64: lua_pushnumber(lua, mr_value_float64(value)); return true;
    case MR_KIND_STRING:
    case MR_KIND_BYTES:
        bytes = mr_value_bytes(value);
        lua_pushlstring(lua, bytes.data == NULL ? "" : bytes.data, bytes.size);
        return true;
    default: return false;
    }
}

/* From Lua, by its own kind ------------------------------------------------------------------------------------ */

static const struct mr_value *read_any(lua_State *lua, int index, struct mr_arena *arena, int depth);

static const struct mr_value *read_sequence(lua_State *lua, int index, struct mr_arena *arena, int depth)
{
    lua_Integer count = luaL_len(lua, index);
    struct mr_value *array = mr_array_create(arena, (size_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(lua, index, i);
        const struct mr_value *item = read_any(lua, lua_gettop(lua), arena, depth + 1);
        if (array == NULL || mr_array_append(arena, array, item) < 0)
            script_raise(lua, arena, NULL);
        lua_pop(lua, 1);
    }
    return sure(lua, arena, array);
}

static const struct mr_value *read_entries(lua_State *lua, int index, struct mr_arena *arena, int depth)
{
    size_t count;
    const struct mr_bytes *keys = script_keys_push(lua, index, &count);
    struct mr_value *map = mr_map_create(arena, count);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(lua, keys[i].data, keys[i].size);
        lua_rawget(lua, index);
        const struct mr_value *key = mr_string_copy(arena, keys[i].data, keys[i].size);
        const struct mr_value *value = read_any(lua, lua_gettop(lua), arena, depth + 1);
        if (map == NULL || key == NULL || mr_map_put(arena, map, key, value) < 0)
            script_raise(lua, arena, NULL);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return sure(lua, arena, map);
}

static const struct mr_value *read_table(lua_State *lua, int index, struct mr_arena *arena, int depth)
{
    luaL_checkstack(lua, 8, "nested too deep");
    if (depth > DEPTH_MAX)
        luaL_error(lua, "a table nested deeper than %d levels", DEPTH_MAX);
    bool is_sequence = lua_rawgeti(lua, index, 1) != LUA_TNIL;
    lua_pop(lua, 1);
    return is_sequence ? read_sequence(lua, index, arena, depth) : read_entries(lua, index, arena, depth);
}

static bool is_utf8(const char *text, size_t size)
{
    for (size_t at = 0, step; at < size; at += step)
        if ((step = utf8_text_character((const unsigned char *)text + at, size - at)) == 0)
            return false;
    return true;
}

static const struct mr_value *read_string(lua_State *lua, int index, struct mr_arena *arena)
{
    size_t size;
    const char *text = lua_tolstring(lua, index, &size);
    cage_work(lua, size / 8);
    return is_utf8(text, size) ? mr_string_copy(arena, text, size) : mr_bytes_copy(arena, text, size);
}

static const struct mr_value *read_any(lua_State *lua, int index, struct mr_arena *arena, int depth)
{
    struct typed_value place;
    cage_work(lua, 2);
    switch (lua_type(lua, index)) {
    case LUA_TNIL: return mr_null();
    case LUA_TBOOLEAN: return mr_boolean(lua_toboolean(lua, index));
    case LUA_TNUMBER:
        return sure(lua, arena, lua_isinteger(lua, index) ? mr_int64(arena, lua_tointeger(lua, index))
                                                          : mr_float64(arena, lua_tonumber(lua, index)));
    case LUA_TSTRING: return sure(lua, arena, read_string(lua, index, arena));
    case LUA_TTABLE: return read_table(lua, index, arena, depth);
    default:
        place = script_place_value(lua, index);
        if (place.value == NULL)
            luaL_error(lua, "a %s cannot stand in a record", luaL_typename(lua, index));
        return place.value;
    }
}

/* From Lua, under a schema ------------------------------------------------------------------------------------- */

static int64_t read_integer(lua_State *lua, int index, int64_t least, int64_t most)
{
    int is_whole;
    lua_Integer number = lua_type(lua, index) == LUA_TNUMBER ? lua_tointegerx(lua, index, &is_whole) : (is_whole = 0);
    if (!is_whole || number < least || number > most)
        luaL_error(lua, "%s is no whole number from %I to %I, which the schema wants", bounded_text(lua, index), (LUAI_UACINT)least,
                   (LUAI_UACINT)most);
    return number;
}

static const struct mr_value *read_number(lua_State *lua, int index, struct mr_arena *arena, enum mr_type type)
{
    if (lua_type(lua, index) != LUA_TNUMBER)
        luaL_error(lua, "a %s cannot stand where the schema wants a number", luaL_typename(lua, index));
    lua_Number number = lua_tonumber(lua, index);
    return type == MR_TYPE_FLOAT32 ? mr_float32(arena, (float)number) : mr_float64(arena, number);
}

static const struct mr_value *read_simple(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema)
{
    size_t size;
    const char *text;
    enum mr_type type = mr_schema_type(schema);
    if (mr_schema_logical_type(schema) == MR_LOGICAL_DECIMAL)
        luaL_error(lua, "a Decimal can be read and not be set");
    if (mr_schema_logical_type(schema) != MR_LOGICAL_NONE)
        return mr_instant(arena, read_integer(lua, index, INT64_MIN, INT64_MAX));
    switch (type) {
    case MR_TYPE_INT8: return mr_int8(arena, (int8_t)read_integer(lua, index, INT8_MIN, INT8_MAX));
    case MR_TYPE_INT16: return mr_int16(arena, (int16_t)read_integer(lua, index, INT16_MIN, INT16_MAX));
    case MR_TYPE_INT32: return mr_int32(arena, (int32_t)read_integer(lua, index, INT32_MIN, INT32_MAX));
    case MR_TYPE_INT64: return mr_int64(arena, read_integer(lua, index, INT64_MIN, INT64_MAX));
    case MR_TYPE_FLOAT32:
    case MR_TYPE_FLOAT64: return read_number(lua, index, arena, type);
    case MR_TYPE_BOOLEAN:
        if (lua_type(lua, index) != LUA_TBOOLEAN)
            luaL_error(lua, "a %s cannot stand where the schema wants a boolean", luaL_typename(lua, index));
        return mr_boolean(lua_toboolean(lua, index));
    default:
        if (lua_type(lua, index) != LUA_TSTRING)
            luaL_error(lua, "a %s cannot stand where the schema wants %s", luaL_typename(lua, index), mr_type_name(type));
        text = lua_tolstring(lua, index, &size);
        return type == MR_TYPE_STRING ? mr_string_copy(arena, text, size) : mr_bytes_copy(arena, text, size);
    }
}

static const struct mr_value *read_as(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema);

static const struct mr_value *read_struct(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema)
{
    struct mr_value *made = mr_struct_create(arena, schema);
    for (size_t i = 0; made != NULL && i < mr_schema_field_count(schema); i++) {
        struct mr_error *error = NULL;
        lua_getfield(lua, index, mr_schema_field_name(schema, i));
        const struct mr_value *field = read_as(lua, lua_gettop(lua), arena, mr_schema_field(schema, i));
        if (mr_struct_put(made, i, field, &error) < 0)
            script_raise(lua, arena, error);
        lua_pop(lua, 1);
    }
    return made;
}

static const struct mr_value *read_elements(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema)
{
    lua_Integer count = luaL_len(lua, index);
    struct mr_value *array = mr_array_create(arena, (size_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(lua, index, i);
        if (array == NULL || mr_array_append(arena, array, read_as(lua, lua_gettop(lua), arena, mr_schema_element(schema))) < 0)
            script_raise(lua, arena, NULL);
        lua_pop(lua, 1);
    }
    return array;
}

static const struct mr_value *read_as(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema)
{
    const struct mr_value *value = script_place_value(lua, index).value;
    enum mr_type type = mr_schema_type(schema);
    cage_work(lua, 4);
    luaL_checkstack(lua, 8, "nested too deep");
    if (value != NULL)
        return value; /* checked where it is put */
    if (lua_isnil(lua, index))
        return mr_null();
    if (type != MR_TYPE_STRUCT && type != MR_TYPE_ARRAY && type != MR_TYPE_MAP)
        return sure(lua, arena, read_simple(lua, index, arena, schema));
    if (lua_type(lua, index) != LUA_TTABLE)
        luaL_error(lua, "a %s cannot stand where the schema wants %s", luaL_typename(lua, index), mr_type_name(type));
    if (type == MR_TYPE_STRUCT)
        return sure(lua, arena, read_struct(lua, index, arena, schema));
    return sure(lua, arena, type == MR_TYPE_ARRAY ? read_elements(lua, index, arena, schema) : read_entries(lua, index, arena, 0));
}

/* Under a builder of a schema no error of Lua's may jump away. */
static int count_work(void *lua, size_t steps, struct mr_error **error)
{
    return cage_count(lua, steps, error);
}

struct typed_value script_value_read(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema, bool is_typed)
{
    struct mr_error *error = NULL;
    if (schema != NULL)
        return (struct typed_value){ schema, read_as(lua, index, arena, schema) };
    struct typed_value place = script_place_value(lua, index);
    if (place.value != NULL)
        return place;
    struct typed_value read = { NULL, read_any(lua, index, arena, 0) };
    if (!is_typed || mr_value_is_null(read.value))
        return read;
    const struct schema_work work = { count_work, lua };
    read.schema = schema_infer(arena, read.value, &work, &error);
    if (read.schema != NULL)
        read.value = schema_apply(arena, read.schema, read.value, &work, &error);
    if (read.schema == NULL || read.value == NULL)
        script_raise(lua, arena, error);
    return read;
}
