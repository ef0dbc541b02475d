#include "script/lua_bounded.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

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

/* Texts ----------------------------------------------------------------------------------------------------------- */

static bool is_simple(int type)
{
    return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
}

const char *bounded_text(lua_State *lua, int index)
{
    if (is_simple(lua_type(lua, index)))
        return luaL_tolstring(lua, index, NULL);
    int has_name = luaL_getmetafield(lua, index, "__name") == LUA_TSTRING;
    return has_name ? lua_tostring(lua, -1) : lua_pushstring(lua, luaL_typename(lua, index));
}

static int to_string(lua_State *lua)
{
    luaL_checkany(lua, 1);
    bounded_text(lua, 1);
    return 1;
}

/* The letter of the next conversion from `at` on, passed; %% is none. '\0': no more. Formats end with a NUL, and may hold some. */
static char next_conversion(const char **at, const char *end)
{
    while ((*at = memchr(*at, '%', (size_t)(end - *at))) != NULL && (*at)[1] == '%')
        *at += 2;
    if (*at == NULL)
        return '\0';
    *at += 1 + strspn(*at + 1, "-+ #.0123456789");
    return **at == '\0' ? '\0' : *(*at)++;
}

static int format(lua_State *lua)
{
    int count = lua_gettop(lua), argument = 2;
    size_t size;
    const char *at = luaL_checklstring(lua, 1, &size), *end = at + size;
    if (count > BOUNDED_ARGUMENTS_MAX)
        return luaL_error(lua, "more than %d arguments", BOUNDED_ARGUMENTS_MAX);
    for (char letter; (letter = next_conversion(&at, end)) != '\0' && argument <= count; argument++) {
        if (letter == 'p')
            return luaL_error(lua, "string.format has no %%p: addresses are not told");
        if (letter != 's' || is_simple(lua_type(lua, argument)))
            continue;
        bounded_text(lua, argument);
        lua_replace(lua, argument);
    }
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
    lua_pushcfunction(lua, to_string);
    lua_setfield(lua, libraries, "tostring");
    replace(lua, libraries, "string", "rep", repeat);
    replace(lua, libraries, "string", "format", format);
    replace(lua, libraries, "table", "sort", sort);
}
