#include "script/lua_bounded.h"

#include <lauxlib.h>
#include <stdbool.h>

#include "script/lua_cage.h"

/* Of Lua's own function, which the replacement has as its upvalue, with the same arguments. */
static int call_original(lua_State *lua)
{
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

static bool is_empty_text(lua_State *lua, int index)
{
    return lua_isnoneornil(lua, index) || (lua_type(lua, index) == LUA_TSTRING && lua_rawlen(lua, index) == 0);
}

/* Lua copies nothing as many times as it is told. */
static int repeat(lua_State *lua)
{
    if (lua_type(lua, 1) != LUA_TSTRING || !is_empty_text(lua, 1) || !is_empty_text(lua, 3))
        return call_original(lua);
    luaL_checkinteger(lua, 2);
    lua_pushliteral(lua, "");
    return 1;
}

static int format(lua_State *lua)
{
    if (lua_gettop(lua) > BOUNDED_ARGUMENTS_MAX)
        return luaL_error(lua, "more than %d arguments", BOUNDED_ARGUMENTS_MAX);
    return call_original(lua);
}

/* Sorting --------------------------------------------------------------------------------------------------------- */

static int is_less(lua_State *lua)
{
    cage_work(lua, 4);
    lua_pushboolean(lua, lua_compare(lua, 1, 2, LUA_OPLT));
    return 1;
}

/* By a function of C's, which no hook sees either. */
static int is_before(lua_State *lua)
{
    cage_work(lua, 4);
    lua_settop(lua, 2);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 2, 1);
    return 1;
}

static int sort(lua_State *lua)
{
    if (lua_isnoneornil(lua, 2)) {
        lua_settop(lua, 1);
        lua_pushcfunction(lua, is_less);
    } else if (lua_iscfunction(lua, 2)) {
        lua_settop(lua, 2);
        lua_pushcclosure(lua, is_before, 1);
    }
    return call_original(lua);
}

/* ----------------------------------------------------------------------------------------------------------------- */

static void replace(lua_State *lua, int libraries, const char *library, const char *name, lua_CFunction function)
{
    lua_getfield(lua, libraries, library);
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

void bounded_install(lua_State *lua, int libraries)
{
    replace(lua, libraries, "string", "rep", repeat);
    replace(lua, libraries, "string", "format", format);
    replace(lua, libraries, "table", "sort", sort);
}
