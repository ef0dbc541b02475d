#include "script/lua_cage.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "script/lua_bounded.h"

#define HOOK_EVERY 100
/* Between two looks at the clock: steps of cage_work, and bytes of memory. */
#define LOOK_EVERY_STEPS 1000
#define LOOK_EVERY_BYTES ((size_t)1 << 20)

/* Keys of the registry, by their addresses. */
static const char libraries_key, chunk_key;

static const char *const base_names[] = { "assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", NULL };
static const char *const string_names[] = { "byte", "char", "format", "len", "lower", "rep", "reverse", "sub", "upper", NULL };
static const char *const table_names[] = { "concat", "insert", "remove", "sort", "unpack", NULL };
static const char *const utf8_names[] = { "char", "codepoint", "len", "offset", NULL };

/* Limits ----------------------------------------------------------------------------------------------------- */

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void count_steps(lua_State *lua, lua_Debug *debug);

/* The clock of the thread costs a call of the kernel: it is asked when the other one says that it may be late. */
static bool is_late(struct cage *cage)
{
    cage->steps_looked = cage->steps;
    cage->churn_looked_bytes = cage->churned_bytes;
    return now_ns(CLOCK_MONOTONIC) - cage->began_ns > CAGE_CPU_MS * 1000000LL &&
           now_ns(CLOCK_THREAD_CPUTIME_ID) - cage->began_cpu_ns > CAGE_CPU_MS * 1000000LL;
}

static void watch(struct cage *cage, int every)
{
    if (cage->watch_every != every)
        lua_sethook(cage->lua, count_steps, LUA_MASKCOUNT, every);
    cage->watch_every = every;
}

/* After how many instructions to look when there is a block of that size. A text is compared in one of them, a table takes a call. */
static int watch_for(size_t bytes, bool is_text)
{
    if (bytes <= CAGE_BIG_BYTES)
        return HOOK_EVERY;
    return is_text ? 1 : bytes > CAGE_BLOCK_BYTES / 4 ? 2 : 8;
}

/* May a run have these bytes? */
static bool allow(struct cage *cage, size_t bytes, bool is_text)
{
    int every = watch_for(bytes, is_text);
    cage->churned_bytes += bytes;
    if (cage->churned_bytes > cage->limit_bytes * CAGE_CHURN || bytes > CAGE_BLOCK_BYTES)
        return false;
    if (every < cage->watch_every)
        watch(cage, every);
    if (cage->churned_bytes - cage->churn_looked_bytes > LOOK_EVERY_BYTES && is_late(cage))
        cage->is_late = true;
    return !cage->is_late;
}

/* Making a block smaller always works: Lua counts on it. For a new block `old_bytes` says what it is for. */
static void *allocate(void *argument, void *block, size_t old_bytes, size_t new_bytes)
{
    struct cage *cage = argument;
    size_t had_bytes = block == NULL ? 0 : old_bytes;
    if (new_bytes == 0) {
        free(block);
        cage->used_bytes -= had_bytes;
        return NULL;
    }
    bool grows = new_bytes > had_bytes;
    if (grows && new_bytes - had_bytes > cage->limit_bytes - cage->used_bytes)
        return NULL;
    if (grows && cage->is_running && !allow(cage, new_bytes, block == NULL && old_bytes == LUA_TSTRING))
        return NULL;
    void *moved = realloc(block, new_bytes);
    if (moved == NULL)
        return grows ? NULL : block;
    cage->used_bytes = cage->used_bytes - had_bytes + new_bytes;
    return moved;
}

static struct cage *cage_of(lua_State *lua)
{
    void *cage;
    lua_getallocf(lua, &cage);
    return cage;
}

#define TOO_LATE "more than %d ms of processor time for one record"
#define TOO_MANY "more than %d steps for one record"

/* Are they too many? */
static bool count(struct cage *cage, size_t steps)
{
    cage->steps += steps < CAGE_STEPS_MAX ? (uint32_t)steps : CAGE_STEPS_MAX;
    return cage->steps > CAGE_STEPS_MAX;
}

static bool is_late_now(struct cage *cage)
{
    return cage->steps - cage->steps_looked > LOOK_EVERY_STEPS && is_late(cage);
}

static void count_steps(lua_State *lua, lua_Debug *debug)
{
    struct cage *cage = cage_of(lua);
    (void)debug;
    if (!cage->is_running)
        return;
    if (count(cage, (size_t)cage->watch_every))
        luaL_error(lua, TOO_MANY, CAGE_STEPS_MAX);
    if (is_late(cage))
        luaL_error(lua, TOO_LATE, CAGE_CPU_MS);
}

void cage_work(lua_State *lua, size_t steps)
{
    struct cage *cage = cage_of(lua);
    if (!cage->is_running)
        return;
    if (count(cage, steps))
        luaL_error(lua, TOO_MANY, CAGE_STEPS_MAX);
    if (is_late_now(cage))
        luaL_error(lua, TOO_LATE, CAGE_CPU_MS);
}

int cage_count(lua_State *lua, size_t steps, struct mr_error **error)
{
    struct cage *cage = cage_of(lua);
    if (cage->is_running && count(cage, steps))
        return mr_error_set(error, MR_ERR_DATA, TOO_MANY, CAGE_STEPS_MAX);
    if (cage->is_running && is_late_now(cage))
        return mr_error_set(error, MR_ERR_DATA, TOO_LATE, CAGE_CPU_MS);
    return 0;
}

/* The environment ---------------------------------------------------------------------------------------------- */

static int refuse_change(lua_State *lua)
{
    return luaL_error(lua, "libraries cannot be changed");
}

/* Replaces the table on top by an empty one that reads from it and cannot be written to. */
static void seal(lua_State *lua)
{
    lua_newtable(lua);
    lua_createtable(lua, 0, 2);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_change);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

/* From the table at `from` to the table on top. */
static void copy_names(lua_State *lua, int from, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_getfield(lua, from, *names);
        lua_setfield(lua, -2, *names);
    }
}

static void add_library(lua_State *lua, int libraries, const char *name, lua_CFunction open, const char *const *names)
{
    luaL_requiref(lua, name, open, 0);
    int whole = lua_gettop(lua);
    lua_newtable(lua);
    copy_names(lua, whole, names);
    lua_setfield(lua, libraries, name);
    lua_pop(lua, 1);
}

static void add_math(lua_State *lua, int libraries)
{
    luaL_requiref(lua, "math", luaopen_math, 0);
    lua_pushnil(lua);
    lua_setfield(lua, -2, "random"); /* chance has no place here; the order of `pairs` over a script's own table still differs by process */
    lua_pushnil(lua);
    lua_setfield(lua, -2, "randomseed");
    lua_setfield(lua, libraries, "math");
}

/* In protected mode: any of this may lack memory. */
static int build(lua_State *lua)
{
    lua_newtable(lua);
    int libraries = lua_gettop(lua);
    luaL_requiref(lua, "_G", luaopen_base, 0);
    lua_pushvalue(lua, libraries);
    copy_names(lua, libraries + 1, base_names);
    lua_settop(lua, libraries);
    add_library(lua, libraries, "string", luaopen_string, string_names);
    add_library(lua, libraries, "table", luaopen_table, table_names);
    add_library(lua, libraries, "utf8", luaopen_utf8, utf8_names);
    add_math(lua, libraries);
    bounded_install(lua, libraries);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &libraries_key);
    return 0;
}

/* Libraries that are complete are sealed; methods of texts are those of the sealed `string`. */
static void seal_all(lua_State *lua)
{
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &libraries_key);
    int libraries = lua_gettop(lua);
    lua_newtable(lua);
    int sealed = lua_gettop(lua);
    for (lua_pushnil(lua); lua_next(lua, libraries) != 0;) {
        if (lua_istable(lua, -1))
            seal(lua);
        lua_pushvalue(lua, -2);
        lua_insert(lua, -2);
        lua_settable(lua, sealed);
    }
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_getfield(lua, sealed, "string");
    lua_setfield(lua, -2, "__index");
    lua_settop(lua, sealed);
    lua_createtable(lua, 0, 1); /* the metatable of each run's variables */
    lua_insert(lua, sealed);
    lua_setfield(lua, sealed, "__index");
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &libraries_key);
    lua_settop(lua, libraries - 1);
}

/* Life ------------------------------------------------------------------------------------------------------- */

static int no_memory(struct mr_error **error)
{
    return mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a script");
}

static int protect(struct cage *cage, lua_CFunction function, struct mr_error **error)
{
    lua_pushcfunction(cage->lua, function);
    return lua_pcall(cage->lua, 0, 0, 0) == LUA_OK ? 0 : no_memory(error);
}

int cage_open(struct cage *cage, size_t limit_bytes, struct mr_error **error)
{
    *cage = (struct cage){ .limit_bytes = limit_bytes };
    cage->lua = lua_newstate(allocate, cage);
    if (cage->lua == NULL)
        return no_memory(error);
    watch(cage, HOOK_EVERY);
    if (protect(cage, build, error) == 0)
        return 0;
    cage_close(cage);
    return -1;
}

void cage_close(struct cage *cage)
{
    if (cage->lua != NULL)
        lua_close(cage->lua);
    cage->lua = NULL;
}

struct gift {
    const char *library, *name;
    lua_CFunction function;
    void *argument;
};

static int give(lua_State *lua)
{
    const struct gift *gift = lua_touserdata(lua, 1);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &libraries_key);
    if (gift->library != NULL && lua_getfield(lua, -1, gift->library) != LUA_TTABLE) {
        lua_pop(lua, 1);
        lua_newtable(lua);
        lua_pushvalue(lua, -1);
        lua_setfield(lua, -3, gift->library);
    }
    lua_pushlightuserdata(lua, gift->argument);
    lua_pushcclosure(lua, gift->function, 1);
    lua_setfield(lua, -2, gift->name);
    return 0;
}

int cage_give(struct cage *cage, const char *library, const char *name, lua_CFunction function, void *argument, struct mr_error **error)
{
    struct gift gift = { library, name, function, argument };
    lua_pushcfunction(cage->lua, give);
    lua_pushlightuserdata(cage->lua, &gift);
    return lua_pcall(cage->lua, 1, 0, 0) == LUA_OK ? 0 : no_memory(error);
}

struct chunk {
    const char *text;
    const char *words; /* of a mistake in it */
};

static int load(lua_State *lua)
{
    struct chunk *chunk = lua_touserdata(lua, 1);
    seal_all(lua);
    if (luaL_loadbufferx(lua, chunk->text, strlen(chunk->text), "=script", "t") != LUA_OK) {
        chunk->words = "";
        return lua_error(lua);
    }
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &chunk_key);
    return 0;
}

int cage_load(struct cage *cage, const char *script, struct mr_error **error)
{
    struct chunk chunk = { .text = script };
    cage->has_big_script = strlen(script) > CAGE_BIG_BYTES;
    lua_pushcfunction(cage->lua, load);
    lua_pushlightuserdata(cage->lua, &chunk);
    int status = lua_pcall(cage->lua, 1, 0, 0);
    if (status == LUA_OK)
        return 0;
    if (chunk.words == NULL || lua_type(cage->lua, -1) != LUA_TSTRING)
        return no_memory(error);
    mr_error_set(error, MR_ERR_CONFIG, "%.1000s", lua_tostring(cage->lua, -1));
    lua_settop(cage->lua, 0);
    return -1;
}

/* Running ---------------------------------------------------------------------------------------------------- */

struct visit {
    const char *name;
    cage_push_fn *push;
    void *argument;
};

/* What it returned stands from index 3 on, what was pushed at 2. Who returns something else means something that would not happen. */
static int judge(lua_State *lua, const struct visit *visit)
{
    bool says_nothing = lua_gettop(lua) == 2;
    lua_settop(lua, 3);
    if (says_nothing || lua_isboolean(lua, 3) || (!lua_isnil(lua, 3) && lua_rawequal(lua, 2, 3)))
        return 1;
    return luaL_error(lua, "script: it returned a %s; false drops the %s, true or nothing lets it pass", luaL_typename(lua, 3), visit->name);
}

static int run(lua_State *lua)
{
    const struct visit *visit = lua_touserdata(lua, 1);
    visit->push(lua, visit->argument);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &chunk_key);
    lua_newtable(lua);
    lua_pushvalue(lua, 2);
    lua_setfield(lua, -2, visit->name);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &libraries_key);
    lua_setmetatable(lua, -2);
    if (lua_setupvalue(lua, -2, 1) == NULL) /* a script that names nothing has no environment */
        lua_pop(lua, 1);
    lua_call(lua, 0, LUA_MULTRET);
    return judge(lua, visit);
}

static int tell(const struct cage *cage, int status, struct mr_error **error)
{
    lua_State *lua = cage->lua;
    const char *words = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "script: an error without words";
    if (status == LUA_ERRMEM && cage->is_late)
        words = "script: it needs more time than it may have";
    else if (status == LUA_ERRMEM)
        words = "script: it needs more memory than it may have";
    return mr_error_set(error, MR_ERR_DATA, "%.1000s", words);
}

int cage_run(struct cage *cage, const char *name, cage_push_fn *push, void *argument, bool *returned_false, struct mr_error **error)
{
    struct visit visit = { name, push, argument };
    lua_State *lua = cage->lua;
    cage->steps = cage->steps_looked = 0;
    cage->churned_bytes = cage->churn_looked_bytes = 0;
    cage->is_late = false;
    watch(cage, cage->has_big_script ? 1 : HOOK_EVERY);
    cage->began_ns = now_ns(CLOCK_MONOTONIC);
    cage->began_cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    lua_pushcfunction(lua, run);
    lua_pushlightuserdata(lua, &visit);
    cage->is_running = true;
    int status = lua_pcall(lua, 1, 1, 0);
    cage->is_running = false;
    *returned_false = status == LUA_OK && lua_isboolean(lua, -1) && !lua_toboolean(lua, -1);
    int result = status == LUA_OK ? 0 : tell(cage, status, error);
    lua_settop(lua, 0);
    return result;
}
