#include "script/script_record.h"

#include <lauxlib.h>
#include <string.h>

#include "own/own.h"
#include "script/lua_cage.h"

#define RECORD_KIND "millrace.record"
#define PLACE_KIND "millrace.place"
#define HEADERS_KIND "millrace.headers"

/* A struct, map or array inside a record, by its path: what stands there is looked up each time. The steps are the arena's. */
struct script_place {
    struct script_record *view;
    enum side side;
    struct value_path path;
};

/* Places ----------------------------------------------------------------------------------------------------- */

/* Entries, elements or fields: what is looked through to find one of them. */
static size_t entry_count(const struct mr_value *container)
{
    switch (mr_value_kind(container)) {
    case MR_KIND_ARRAY: return mr_array_count(container);
    case MR_KIND_MAP: return mr_map_count(container);
    case MR_KIND_STRUCT: return mr_schema_field_count(mr_struct_schema(container));
    default: return 0;
    }
}

/* Counts as work what is looked through on the way, the place itself included. */
static struct typed_value place_now(lua_State *lua, const struct script_place *place)
{
    struct typed_value at = place->view->sides[place->side];
    for (size_t i = 0; at.value != NULL && i < place->path.count; i++) {
        cage_work(lua, 4 + entry_count(at.value));
        const struct value_step *step = &place->path.steps[i];
        struct value_path one = { .steps = (struct value_step *)step, .count = 1 };
        const struct mr_schema *schema = at.schema;
        if (mr_value_kind(at.value) == MR_KIND_STRUCT) {
            int32_t field = step->kind == STEP_NAME ? mr_schema_field_index(mr_struct_schema(at.value), step->name) : -1;
            schema = field < 0 ? NULL : mr_schema_field(mr_struct_schema(at.value), (size_t)field);
        } else if (schema != NULL) {
            schema = mr_schema_element(schema);
        }
        at = (struct typed_value){ schema, value_path_find(&one, at.value, false) };
    }
    cage_work(lua, at.value == NULL ? 1 : entry_count(at.value));
    return at;
}

static void push_place(lua_State *lua, struct script_record *view, enum side side, const struct value_path *path,
                       const struct value_step *step)
{
    size_t count = path == NULL ? 0 : path->count, more = step == NULL ? 0 : 1;
    if (count + more > VALUE_PATH_STEPS_MAX)
        luaL_error(lua, "a place nested deeper than %d steps", VALUE_PATH_STEPS_MAX);
    struct script_place *place = lua_newuserdatauv(lua, sizeof(*place), 0);
    *place = (struct script_place){ view, side, { .count = count + more, .text = (char *)"" } };
    if (place->path.count > 0) {
        place->path.steps = mr_arena_alloc(view->arena, place->path.count * sizeof(*step));
        if (place->path.steps == NULL)
            script_raise(lua, view->arena, NULL);
        if (count > 0)
            memcpy(place->path.steps, path->steps, count * sizeof(*step));
        if (more > 0)
            place->path.steps[count] = *step;
    }
    luaL_setmetatable(lua, PLACE_KIND);
}

static void push_value(lua_State *lua, struct script_record *view, enum side side, const struct value_path *path,
                       const struct value_step *step, const struct mr_value *value)
{
    if (script_value_push(lua, value))
        return;
    enum mr_kind kind = mr_value_kind(value);
    if (kind == MR_KIND_STRUCT || kind == MR_KIND_MAP || kind == MR_KIND_ARRAY) {
        push_place(lua, view, side, path, step);
        return;
    }
    struct value_path whole = { .text = (char *)"a place" };
    struct mr_error *error = NULL;
    struct mr_bytes text = field_text(view->arena, &whole, value, &error);
    if (text.data == NULL)
        script_raise(lua, view->arena, error);
    lua_pushlstring(lua, text.data, text.size);
}

struct typed_value script_place_value(lua_State *lua, int index)
{
    const struct script_place *place = luaL_testudata(lua, index, PLACE_KIND);
    if (place == NULL)
        return (struct typed_value){ NULL, NULL };
    struct typed_value now = place_now(lua, place);
    if (now.value != NULL)
        script_weigh(lua, place->view, now.value);
    return now;
}

/* The key at `index` as a step; Lua counts from 1. false: nothing can stand there. */
static bool read_step(lua_State *lua, int index, struct script_record *view, struct value_step *step)
{
    size_t size;
    int is_whole;
    if (lua_type(lua, index) == LUA_TSTRING) {
        const char *name = lua_tolstring(lua, index, &size);
        if (strlen(name) != size)
            return false;
        *step = (struct value_step){ .kind = STEP_NAME, .name = mr_arena_text(view->arena, name) };
        if (step->name == NULL)
            script_raise(lua, view->arena, NULL);
        return true;
    }
    lua_Integer position = lua_tointegerx(lua, index, &is_whole);
    if (!is_whole || position < 1)
        return false;
    *step = (struct value_step){ .kind = STEP_INDEX, .index = position - 1 };
    return true;
}

static int place_index(lua_State *lua)
{
    struct script_place *place = luaL_checkudata(lua, 1, PLACE_KIND);
    struct value_step step;
    struct value_path one = { .steps = &step, .count = 1 };
    const struct mr_value *now = place_now(lua, place).value;
    const struct mr_value *found = now == NULL || !read_step(lua, 2, place->view, &step) ? NULL : value_path_find(&one, now, true);
    if (found == NULL)
        lua_pushnil(lua);
    else
        push_value(lua, place->view, place->side, &place->path, &step, found);
    return 1;
}

static int place_length(lua_State *lua)
{
    const struct mr_value *now = place_now(lua, luaL_checkudata(lua, 1, PLACE_KIND)).value;
    lua_pushinteger(lua, now == NULL ? 0 : (lua_Integer)entry_count(now));
    return 1;
}

/* Assigning -------------------------------------------------------------------------------------------------- */

/* What is put under which step; the new value stands on the stack. */
struct assignment {
    lua_State *lua;
    struct script_place *place;
    struct value_step step;
    int index;
};

static struct mr_value *struct_with(lua_State *lua, struct mr_arena *arena, const struct mr_value *value, const struct mr_schema *schema)
{
    struct mr_value *made = mr_struct_create(arena, schema);
    for (size_t i = 0; made != NULL && i < mr_schema_field_count(mr_struct_schema(value)); i++)
        if (mr_struct_put_unchecked(made, i, mr_struct_at(value, i)) < 0)
            made = NULL;
    if (made == NULL)
        script_raise(lua, arena, NULL);
    return made;
}

/* A builder must not be left behind by an error of Lua's: the value is read before. The record pays for the schema, of which a script
 * could make many, as if the arena held it. */
#define SCHEMA_FIELD_BYTES 64

static const struct mr_schema *schema_with(lua_State *lua, struct mr_arena *arena, const struct mr_schema *schema, const char *name,
                                           const struct mr_schema *field)
{
    struct mr_error *error = NULL;
    if (mr_arena_alloc(arena, (mr_schema_field_count(schema) + 1) * SCHEMA_FIELD_BYTES) == NULL)
        script_raise(lua, arena, NULL);
    struct mr_schema_builder *builder = mr_schema_builder_from(schema, MR_TYPE_STRUCT);
    mr_schema_builder_set_optional(builder, mr_schema_is_optional(schema));
    for (size_t i = 0; i < mr_schema_field_count(schema); i++)
        mr_schema_builder_add_field(builder, mr_schema_field_name(schema, i), mr_schema_field(schema, i));
    mr_schema_builder_add_field(builder, name, field);
    const struct mr_schema *made = mr_schema_builder_build(builder, &error);
    bool is_kept = made != NULL && mr_arena_keep_schema(arena, made) == 0;
    mr_schema_drop(made);
    if (!is_kept)
        script_raise(lua, arena, error);
    return made;
}

static void assign_to_struct(const struct assignment *assign, struct mr_arena *arena, struct typed_value *at)
{
    struct mr_error *error = NULL;
    const struct mr_schema *schema = mr_struct_schema(at->value);
    if (assign->step.kind != STEP_NAME)
        luaL_error(assign->lua, "the fields of a struct have names");
    int32_t field = mr_schema_field_index(schema, assign->step.name);
    if (field < 0 && lua_isnil(assign->lua, assign->index))
        return;
    struct typed_value value = script_value_read(assign->lua, assign->index, arena, field < 0 ? NULL : mr_schema_field(schema, (size_t)field), true);
    if (field < 0) {
        if (value.schema == NULL)
            luaL_error(assign->lua, "a value without a schema cannot become a field of a struct");
        field = (int32_t)mr_schema_field_count(schema);
        schema = schema_with(assign->lua, arena, schema, assign->step.name, value.schema);
    }
    struct mr_value *made = struct_with(assign->lua, arena, at->value, schema);
    if (mr_struct_put(made, (size_t)field, value.value, &error) < 0)
        script_raise(assign->lua, arena, error);
    *at = (struct typed_value){ at->schema == NULL ? NULL : schema, made };
}

static void assign_to_map(const struct assignment *assign, struct mr_arena *arena, struct typed_value *at)
{
    if (assign->step.kind != STEP_NAME)
        luaL_error(assign->lua, "the keys of a map are texts");
    struct mr_value *made = mr_map_copy(arena, at->value, 1);
    if (made != NULL && lua_isnil(assign->lua, assign->index)) {
        mr_map_remove(made, assign->step.name);
    } else {
        const struct mr_schema *element = at->schema == NULL ? NULL : mr_schema_element(at->schema);
        const struct mr_value *value = script_value_read(assign->lua, assign->index, arena, element, false).value;
        if (made == NULL || mr_map_put_text(arena, made, assign->step.name, value) < 0)
            script_raise(assign->lua, arena, NULL);
    }
    at->value = made;
}

static void assign_to_array(const struct assignment *assign, struct mr_arena *arena, struct typed_value *at)
{
    size_t count = mr_array_count(at->value), position = (size_t)assign->step.index;
    if (assign->step.kind != STEP_INDEX || position > count)
        luaL_error(assign->lua, "the next element of this array is number %I", (LUAI_UACINT)count + 1);
    const struct mr_schema *element = at->schema == NULL ? NULL : mr_schema_element(at->schema);
    const struct mr_value *value = script_value_read(assign->lua, assign->index, arena, element, false).value;
    struct mr_value *made = mr_array_create(arena, count + 1);
    for (size_t i = 0; i < count + (position == count); i++)
        if (made == NULL || mr_array_append(arena, made, i == position ? value : mr_array_at(at->value, i)) < 0)
            script_raise(assign->lua, arena, NULL);
    at->value = made;
}

static int assign_here(void *argument, struct mr_arena *arena, struct typed_value *at, struct mr_error **error)
{
    (void)error;
    enum mr_kind kind = mr_value_kind(at->value);
    if (kind == MR_KIND_STRUCT)
        assign_to_struct(argument, arena, at);
    else if (kind == MR_KIND_MAP)
        assign_to_map(argument, arena, at);
    else if (kind == MR_KIND_ARRAY)
        assign_to_array(argument, arena, at);
    return 0;
}

/* Nothing that is to be freed is held while errors of Lua's may jump over us: all is the arena's. */
static int place_assign(lua_State *lua)
{
    struct script_place *place = luaL_checkudata(lua, 1, PLACE_KIND);
    struct assignment assign = { .lua = lua, .place = place, .index = 3 };
    struct value_rewrite rewrite = { .path = &place->path, .rewrite = assign_here, .argument = &assign };
    struct mr_error *error = NULL;
    struct typed_value top = place->view->sides[place->side];
    place_now(lua, place);
    if (!read_step(lua, 2, place->view, &assign.step))
        luaL_error(lua, "a field is named by a text, an element by its number from 1 on");
    if (value_rewrite_run(&rewrite, place->view->arena, &top, &error) < 0)
        script_raise(lua, place->view->arena, error);
    if (rewrite.places == 0)
        luaL_error(lua, "this place is not in the record any more");
    place->view->sides[place->side] = top;
    return 0;
}

/* Looking through ---------------------------------------------------------------------------------------------- */

/* Of a map: a place behind it is found by a text, so other keys have to have simple values. */
static void push_entry(lua_State *lua, const struct script_place *place, const struct mr_value *map, size_t at)
{
    const struct mr_value *key = mr_map_key_at(map, at), *value = mr_map_value_at(map, at);
    if (mr_value_is_null(key) || !script_value_push(lua, key))
        luaL_error(lua, "a map with a key that is a %s cannot be looked through", mr_kind_name(mr_value_kind(key)));
    if (script_value_push(lua, value))
        return;
    size_t size;
    struct value_step step = { .kind = STEP_NAME, .name = (char *)lua_tolstring(lua, -1, &size) };
    if (mr_value_kind(key) != MR_KIND_STRING || strlen(step.name) != size)
        luaL_error(lua, "a map with a %s behind a key that is no plain text cannot be looked through", mr_kind_name(mr_value_kind(value)));
    step.name = mr_arena_text(place->view->arena, step.name);
    if (step.name == NULL)
        script_raise(lua, place->view->arena, NULL);
    push_value(lua, place->view, place->side, &place->path, &step, value);
}

/* Arguments: the place, the last position (an upvalue counts). */
static int next_entry(lua_State *lua)
{
    struct script_place *place = luaL_checkudata(lua, 1, PLACE_KIND);
    const struct mr_value *now = place_now(lua, place).value;
    lua_Integer position = lua_tointeger(lua, lua_upvalueindex(1));
    lua_pushinteger(lua, position + 1);
    lua_replace(lua, lua_upvalueindex(1));
    size_t at = (size_t)position;
    enum mr_kind kind = now == NULL ? MR_KIND_NULL : mr_value_kind(now);
    if (kind == MR_KIND_ARRAY && at < mr_array_count(now))
        lua_pushinteger(lua, position + 1);
    else if (kind == MR_KIND_STRUCT && at < mr_schema_field_count(mr_struct_schema(now)))
        lua_pushstring(lua, mr_schema_field_name(mr_struct_schema(now), at));
    else if (kind == MR_KIND_MAP && at < mr_map_count(now))
        push_entry(lua, place, now, at);
    else
        return 0;
    if (kind == MR_KIND_MAP)
        return 2;
    lua_pushvalue(lua, -1);
    lua_gettable(lua, 1);
    return 2;
}

static int place_pairs(lua_State *lua)
{
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_entry, 1);
    lua_pushvalue(lua, 1);
    return 2;
}

/* Texts of the record's own --------------------------------------------------------------------------------------- */

/* Beyond a NUL nobody would see it. */
static const char *plain_text(lua_State *lua, int index, const char *what)
{
    size_t size;
    const char *text = luaL_checklstring(lua, index, &size);
    if (strlen(text) != size)
        luaL_error(lua, "%s with a NUL in it", what);
    return text;
}

/* Headers ---------------------------------------------------------------------------------------------------- */

static int headers_index(lua_State *lua)
{
    struct script_record *view = *(struct script_record **)luaL_checkudata(lua, 1, HEADERS_KIND);
    const char *name = plain_text(lua, 2, "the name of a header");
    cage_work(lua, mr_record_header_count(view->record));
    for (size_t i = mr_record_header_count(view->record); i-- > 0;) {
        if (strcmp(mr_record_header_key(view->record, i), name) != 0)
            continue;
        if (!script_value_push(lua, mr_record_header_value(view->record, i)))
            luaL_error(lua, "the header %s holds no text, number or boolean", name);
        return 1;
    }
    lua_pushnil(lua);
    return 1;
}

static int headers_assign(lua_State *lua)
{
    struct script_record *view = *(struct script_record **)luaL_checkudata(lua, 1, HEADERS_KIND);
    const char *name = plain_text(lua, 2, "the name of a header");
    struct typed_value value = script_value_read(lua, 3, view->arena, NULL, true);
    cage_work(lua, 2 * mr_record_header_count(view->record));
    if (mr_record_remove_headers(view->record, name) < 0 ||
        (!lua_isnil(lua, 3) && mr_record_add_header(view->record, name, value.schema, value.value) < 0))
        script_raise(lua, view->arena, NULL);
    return 0;
}

/* The record --------------------------------------------------------------------------------------------------- */

static const char *const members[] = { "topic", "partition", "timestamp", "offset", "key", "value", "headers", NULL };
enum member { MEMBER_TOPIC, MEMBER_PARTITION, MEMBER_TIMESTAMP, MEMBER_OFFSET, MEMBER_KEY, MEMBER_VALUE, MEMBER_HEADERS };

static int member_at(lua_State *lua, int index)
{
    bool is_text = lua_type(lua, index) == LUA_TSTRING;
    for (int i = 0; is_text && members[i] != NULL; i++)
        if (strcmp(lua_tostring(lua, index), members[i]) == 0)
            return i;
    return luaL_error(lua, "record has the members topic, partition, timestamp, offset, key, value and headers, but no %s",
                      is_text ? lua_tostring(lua, index) : luaL_typename(lua, index));
}

static void push_headers(lua_State *lua, struct script_record *view)
{
    struct script_record **headers = lua_newuserdatauv(lua, sizeof(struct script_record *), 0);
    *headers = view;
    luaL_setmetatable(lua, HEADERS_KIND);
}

static int record_index(lua_State *lua)
{
    struct script_record *view = *(struct script_record **)luaL_checkudata(lua, 1, RECORD_KIND);
    const struct mr_record *record = view->record;
    int member = member_at(lua, 2);
    switch (member) {
    case MEMBER_TOPIC: lua_pushstring(lua, mr_record_topic(record)); break;
    case MEMBER_PARTITION:
        lua_pushinteger(lua, mr_record_partition(record));
        if (mr_record_partition(record) == MR_PARTITION_NONE)
            lua_pushnil(lua);
        break;
    case MEMBER_TIMESTAMP:
        lua_pushinteger(lua, mr_record_timestamp_ms(record));
        if (!mr_record_has_timestamp(record))
            lua_pushnil(lua);
        break;
    case MEMBER_OFFSET:
        lua_pushinteger(lua, mr_record_offset(record));
        if (!mr_record_is_sink(record))
            lua_pushnil(lua);
        break;
    case MEMBER_HEADERS: push_headers(lua, view); break;
    default: {
        enum side side = member == MEMBER_KEY ? SIDE_KEY : SIDE_VALUE;
        push_value(lua, view, side, NULL, NULL, view->sides[side].value);
    }
    }
    return 1;
}

static void assign_side(lua_State *lua, struct script_record *view, enum side side)
{
    bool is_typed = view->sides[side].schema != NULL;
    view->sides[side] = script_value_read(lua, 3, view->arena, NULL, is_typed);
}

static int32_t partition_at(lua_State *lua, int index)
{
    lua_Integer partition = luaL_checkinteger(lua, index);
    if (partition < 0 || partition > INT32_MAX)
        luaL_error(lua, "record.partition is nil or a number from 0 to %d, not %I", INT32_MAX, (LUAI_UACINT)partition);
    return (int32_t)partition;
}

static int record_assign(lua_State *lua)
{
    struct script_record *view = *(struct script_record **)luaL_checkudata(lua, 1, RECORD_KIND);
    struct mr_record *record = view->record;
    int member = member_at(lua, 2);
    if (member == MEMBER_TOPIC && mr_record_set_topic(record, plain_text(lua, 3, "a topic")) < 0)
        script_raise(lua, view->arena, NULL);
    else if (member == MEMBER_PARTITION)
        mr_record_set_partition(record, lua_isnil(lua, 3) ? MR_PARTITION_NONE : partition_at(lua, 3));
    else if (member == MEMBER_TIMESTAMP && lua_isnil(lua, 3))
        mr_record_clear_timestamp(record);
    else if (member == MEMBER_TIMESTAMP)
        mr_record_set_timestamp_ms(record, luaL_checkinteger(lua, 3));
    else if (member == MEMBER_OFFSET)
        luaL_error(lua, "record.offset is read only");
    else if (member == MEMBER_HEADERS)
        luaL_error(lua, "record.headers cannot be set as a whole; set record.headers.name");
    else if (member == MEMBER_KEY || member == MEMBER_VALUE)
        assign_side(lua, view, member == MEMBER_KEY ? SIDE_KEY : SIDE_VALUE);
    return 0;
}

/* Registration ------------------------------------------------------------------------------------------------- */

static void register_kind(lua_State *lua, const char *kind, const luaL_Reg *functions)
{
    luaL_newmetatable(lua, kind);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}

void script_record_register(lua_State *lua)
{
    static const luaL_Reg record[] = { { "__index", record_index }, { "__newindex", record_assign }, { NULL, NULL } };
    static const luaL_Reg headers[] = { { "__index", headers_index }, { "__newindex", headers_assign }, { NULL, NULL } };
    static const luaL_Reg place[] = { { "__index", place_index }, { "__newindex", place_assign }, { "__len", place_length },
                                      { "__pairs", place_pairs }, { NULL, NULL } };
    register_kind(lua, RECORD_KIND, record);
    register_kind(lua, HEADERS_KIND, headers);
    register_kind(lua, PLACE_KIND, place);
}

void script_record_begin(struct script_record *view, struct mr_record *record)
{
    *view = (struct script_record){ .record = record, .arena = mr_record_arena(record) };
    for (int side = SIDE_KEY; side <= SIDE_VALUE; side++)
        view->sides[side] = (struct typed_value){ operand_schema(record, side), operand_value(record, side) };
}

void script_record_push(lua_State *lua, void *view)
{
    struct script_record **record = lua_newuserdatauv(lua, sizeof(struct script_record *), 0);
    *record = view;
    luaL_setmetatable(lua, RECORD_KIND);
}

int script_record_end(struct script_record *view, struct mr_error **error)
{
    if (mr_record_set_key(view->record, view->sides[SIDE_KEY].schema, view->sides[SIDE_KEY].value) < 0 ||
        mr_record_set_value(view->record, view->sides[SIDE_VALUE].schema, view->sides[SIDE_VALUE].value) < 0)
        return mr_arena_failed(view->arena, error);
    return 0;
}
