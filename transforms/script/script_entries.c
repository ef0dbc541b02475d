/* script_entries.c: the keys of a table in an order that is the same in each process. */
#include <lauxlib.h>
#include <string.h>

#include "script/lua_cage.h"
#include "script/script_record.h"

/* A heap, since an error may end the sort anywhere: nothing is held that is not Lua's. The greatest is first. */

static bool is_less(lua_State *lua, const struct mr_bytes *one, const struct mr_bytes *other)
{
    size_t shorter = one->size < other->size ? one->size : other->size;
    cage_work(lua, 1 + shorter / 128);
    int order = memcmp(one->data, other->data, shorter);
    return order != 0 ? order < 0 : one->size < other->size;
}

static void sink_down(lua_State *lua, struct mr_bytes *keys, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_less(lua, &keys[child], &keys[child + 1]))
            child++;
        if (!is_less(lua, &keys[at], &keys[child]))
            return;
        struct mr_bytes key = keys[at];
        keys[at] = keys[child];
        keys[child] = key;
    }
}

static void sort(lua_State *lua, struct mr_bytes *keys, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sink_down(lua, keys, i, count);
    for (size_t last = count; last-- > 1;) {
        struct mr_bytes key = keys[0];
        keys[0] = keys[last];
        keys[last] = key;
        sink_down(lua, keys, 0, last);
    }
}

static size_t count_entries(lua_State *lua, int index)
{
    size_t count = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1), count++) {
        cage_work(lua, 1);
        if (lua_type(lua, -2) != LUA_TSTRING)
            luaL_error(lua, "a table without [1] is taken for a map, whose keys are texts");
    }
    return count;
}

const struct mr_bytes *script_keys_push(lua_State *lua, int index, size_t *count)
{
    *count = count_entries(lua, index);
    struct mr_bytes *keys = lua_newuserdatauv(lua, (*count + 1) * sizeof(*keys), 0);
    size_t at = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1), at++)
        keys[at].data = lua_tolstring(lua, -2, &keys[at].size);
    sort(lua, keys, *count);
    return keys;
}
