/* lua_cage.h: a Lua 5.4 state for scripts that nobody has looked at.
 *
 * What a script reaches is what it is given: its own variables, which are new at each run, and functions without side effects (a part of
 * base, string, math, table, utf8) whose results say nothing about the process: no random, no addresses. There is no os, io, debug, load,
 * require, coroutine or pcall, no metatables and no Lua patterns, whose running time nobody can bound. Libraries cannot be changed by
 * scripts.
 *
 * Limits of a run, each an error that ends it: CAGE_STEPS_MAX instructions, CAGE_CPU_MS of processor time, the memory given at _open (all
 * that the state holds), CAGE_CHURN times that allocated in all, CAGE_BLOCK_BYTES for one text or table; nesting as Lua has it. An error
 * inside is caught by the cage alone.
 *
 * One instruction of Lua's may be a call of a C function that works long. The clock is therefore looked at every HOOK_EVERY instructions
 * while all texts and tables are small, more often from the first big one on (a text: at each), when memory is asked for, and where functions
 * themselves count their work (cage_work, lua_bounded.h).
 *
 * Life: _open → _give* → _load → _run* → _close. Thread: one at a time.
 */
#ifndef TRANSFORMS_SCRIPT_LUA_CAGE_H
#define TRANSFORMS_SCRIPT_LUA_CAGE_H

#include <lua.h>
#include <millrace/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CAGE_CPU_MS /* fuzzing has less time for each script */
#define CAGE_STEPS_MAX 2000000
#define CAGE_CPU_MS 25
#endif
#define CAGE_CHURN 16
#define CAGE_BLOCK_BYTES ((size_t)2 << 20)
/* From here on a text or table is big: working through it takes longer than the instructions between two looks at the clock. */
#define CAGE_BIG_BYTES ((size_t)32 << 10)

struct cage {
    lua_State *lua;
    size_t used_bytes, limit_bytes, churned_bytes;
    size_t churn_looked_bytes; /* churned_bytes when the clock was looked at */
    uint32_t steps, steps_looked;
    int64_t began_ns, began_cpu_ns;
    bool is_running; /* limits of work count */
    int watch_every; /* instructions between two looks at the clock */
    bool has_big_script; /* then at each, from the beginning */
    bool is_late;    /* met the limit of time where no error could be raised */
};

/* -1: MR_ERR_NO_MEMORY. */
int cage_open(struct cage *cage, size_t limit_bytes, struct mr_error **error);
void cage_close(struct cage *cage);

/* A function that scripts see as `name`, of the environment or of a library ("regex.find"). Call before _load. -1: no memory. */
int cage_give(struct cage *cage, const char *library, const char *name, lua_CFunction function, void *argument, struct mr_error **error);

/* Compiles the text. MR_ERR_CONFIG names the line. */
int cage_load(struct cage *cage, const char *script, struct mr_error **error);

/* For functions given to it, about work that is not instructions: `steps` of about 10 ns. Raises when a limit of the run is met. */
void cage_work(lua_State *lua, size_t steps);

/* The same where an error must not jump away. -1: MR_ERR_DATA. */
int cage_count(lua_State *lua, size_t steps, struct mr_error **error);

/* Pushes one value; may fail as Lua does. */
typedef void cage_push_fn(lua_State *lua, void *argument);

/* Runs it once, with what `push` pushes as the variable `name`. *returned_false: so the script did. MR_ERR_DATA: it failed, met a
 * limit, or returned what is neither a boolean nor what was pushed. */
int cage_run(struct cage *cage, const char *name, cage_push_fn *push, void *argument, bool *returned_false, struct mr_error **error);

#endif
