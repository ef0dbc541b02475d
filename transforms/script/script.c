#include <inttypes.h>
#include <stdlib.h>

#include "own/own.h"
#include "plugin_module.h"
#include "script/lua_cage.h"
#include "script/script_record.h"

#define MEMORY "memory.max.bytes"

static const struct mr_range memory_range = { 128 << 10, 256 << 20 };

static int open_cage(struct cage *cage, const char *script, int64_t memory_bytes, struct mr_error **error);

/* A mistake in the script is found where it is submitted. */
static int check_script(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    struct cage cage;
    (void)name, (void)config, (void)argument;
    if (text == NULL || open_cage(&cage, text, 16 << 20, error) < 0)
        return text == NULL ? 0 : -1;
    cage_close(&cage);
    return 0;
}

static const struct mr_config_row rows[] = {
    {
        .name = "script",
        .type = MR_CONFIG_STRING,
        .default_text = MR_REQUIRED,
        .importance = MR_HIGH,
        .doc = "Lua 5.4, run for each record with `record` (topic, partition, timestamp, key, value, headers), which it may change. A script that "
               "returns false drops the record; true, the record or nothing lets it pass, anything else is a data error.",
        .validator = check_script,
    },
    {
        .name = MEMORY,
        .type = MR_CONFIG_LONG,
        .default_text = "4194304",
        .importance = MR_LOW,
        .doc = "How much memory the script may hold in all, in bytes; one that needs more fails the record.",
        .validator = mr_check_range,
        .validator_argument = &memory_range,
    },
};
static const struct mr_config_def options = MR_CONFIG_DEF(rows);

struct script {
    struct cage cage;
};

/* A function of Lua's, to be called in protected mode: it may lack memory. */
static int register_kinds(lua_State *lua)
{
    script_record_register(lua);
    return 0;
}

static int open_cage(struct cage *cage, const char *script, int64_t memory_bytes, struct mr_error **error)
{
    if (cage_open(cage, (size_t)memory_bytes, error) < 0)
        return -1;
    lua_pushcfunction(cage->lua, register_kinds);
    if (lua_pcall(cage->lua, 0, 0, 0) != LUA_OK)
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a script");
    else if (cage_load(cage, script, error) == 0)
        return 0;
    cage_close(cage);
    return -1;
}

static void destroy(void *self)
{
    struct script *script = self;
    if (script != NULL)
        cage_close(&script->cage);
    free(script);
}

static void *create(const struct mr_config *config, struct mr_error **error)
{
    struct script *script = calloc(1, sizeof(*script));
    if (script == NULL) {
        mr_error_set(error, MR_ERR_NO_MEMORY, "no memory for a script");
        return NULL;
    }
    struct mr_error *why = NULL;
    int64_t bytes = mr_config_integer(config, MEMORY);
    if (open_cage(&script->cage, mr_config_string(config, "script"), bytes, &why) == 0)
        return script;
    if (mr_error_code(why) == MR_ERR_NO_MEMORY) /* mostly the cage's own limit */
        mr_error_set(error, MR_ERR_CONFIG, MEMORY ": the script cannot be loaded with %" PRId64 " bytes", bytes);
    else
        mr_error_set(error, mr_error_code(why), "%s", mr_error_message(why));
    mr_error_drop(why);
    free(script);
    return NULL;
}

static int apply(void *self, struct mr_record *record, struct mr_emitter *emitter, struct mr_error **error)
{
    struct script *script = self;
    struct script_record view;
    bool returned_false;
    script_record_begin(&view, record);
    if (cage_run(&script->cage, "record", script_record_push, &view, &returned_false, error) < 0)
        return -1;
    if (returned_false)
        return 0;
    return script_record_end(&view, error) < 0 ? -1 : mr_emit(emitter, record);
}

static const struct mr_transform_ops ops = {
    .size = sizeof(ops), .create = create, .apply = apply, .destroy = destroy
};

const struct mr_plugin script_transform = {
    .size = sizeof(script_transform),
    .kind = MR_PLUGIN_TRANSFORM,
    .class_name = OWN_CLASS("Script"),
    .version = OWN_VERSION,
    .doc = "Changes records by a script in Lua, within firm limits of time and memory.",
    .config_def = &options,
    .ops = &ops,
};
