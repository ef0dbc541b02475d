/* lua_bounded.h: those functions of Lua's libraries that work on and on inside C, where no count of instructions sees it, made to be seen.
 *
 *   string.rep     of nothing is nothing, however often it is repeated
 *   string.format  takes at most BOUNDED_ARGUMENTS_MAX arguments; no %p
 *   table.sort     counts each comparison as work (cage_work); so it can be stopped
 *
 * What others do is in proportion to the texts and tables they are given, and from CAGE_BIG_BYTES on the cage looks at the clock before
 * each of them.
 *
 * `tostring` and %s of string.format name tables, functions and places by their kinds alone: Lua would tell their addresses, which are
 * nobody's business and differ from run to run.
 */
#ifndef TRANSFORMS_SCRIPT_LUA_BOUNDED_H
#define TRANSFORMS_SCRIPT_LUA_BOUNDED_H

#include <lua.h>

#define BOUNDED_ARGUMENTS_MAX 1000

/* What stands at `index` as text, without an address; pushed. */
const char *bounded_text(lua_State *lua, int index);

/* Replaces them in the libraries that the table at `libraries` holds. Raises for want of memory. */
void bounded_install(lua_State *lua, int libraries);

#endif
