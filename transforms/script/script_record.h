/* script_record.h: a record as a script sees it: `record`.
 *
 * record.topic, .partition, .timestamp (ms), .offset (of sinks; read only), .key, .value, .headers.name (the last of that name).
 * Whole numbers are integers, texts and bytes strings, decimals strings, instants ms, null is nil. Structs, maps and arrays are places:
 * reading one reads what is there now, assigning to one of its fields or elements changes it and nothing else; pairs, ipairs and # work.
 * An unknown field of a struct that is assigned to becomes a field of its schema, optional; nil takes an entry out of a map, and is null
 * in a struct. Tables become arrays (when they have [1]) or maps, by the order of their keys' bytes; where the record has a schema, one is inferred
 * for them.
 *
 * All memory is the record's arena. Errors of values are raised as Lua's.
 */
#ifndef TRANSFORMS_SCRIPT_SCRIPT_RECORD_H
#define TRANSFORMS_SCRIPT_SCRIPT_RECORD_H

#include <lua.h>
#include <millrace/millrace.h>

#include "own/value_rewrite.h"

struct script_record {
    struct mr_record *record;
    struct mr_arena *arena;
    struct typed_value sides[2]; /* key, value as they are now */
    size_t again_bytes;          /* what was put into it that stood in it already */
};

/* Whoever writes the record writes what stands in it twice two times: that is bounded, by each value's weight for each time it is put. */
#define SCRIPT_AGAIN_BYTES_MAX ((size_t)32 << 20)

/* Once for a state: the kinds of values. Raises. */
void script_record_register(lua_State *lua);
void script_record_begin(struct script_record *view, struct mr_record *record);
/* cage_push_fn; the argument is the struct script_record, which outlives the run. */
void script_record_push(lua_State *lua, void *view);
/* Key and value into the record; the rest is there already. -1: no memory. */
int script_record_end(struct script_record *view, struct mr_error **error);

/* ---- script_value.c ---- */

/* Raises with the words of `error`, which it ends, or for want of memory. */
int script_raise(lua_State *lua, struct mr_arena *arena, struct mr_error *error);
/* Scalars; false: a container, nothing was pushed. */
bool script_value_push(lua_State *lua, const struct mr_value *value);
/* What stands at `index`, under a schema; NULL: by its own kind, in *schema what fits it when `is_typed`. Raises. */
struct typed_value script_value_read(lua_State *lua, int index, struct mr_arena *arena, const struct mr_schema *schema, bool is_typed);
/* The value of a place at `index`, to be put into the record, and weighed for that; value NULL: it is none. Raises. */
struct typed_value script_place_value(lua_State *lua, int index);

/* ---- script_weight.c ---- */

/* Adds all that `value` holds to what was put into the record again, and counts that as work. Raises beyond the limit. */
void script_weigh(lua_State *lua, struct script_record *view, const struct mr_value *value);

/* ---- script_entries.c ---- */

/* The keys of the table at `index` (absolute), which are all to be texts, by their bytes: Lua's own order differs from process to
 * process. They are the table's; the list is pushed. Raises. */
const struct mr_bytes *script_keys_push(lua_State *lua, int index, size_t *count);

#endif
