/*
 * Scripts of the transform Script, and records for them: any text is compiled or refused in words; any script ends, with a record that
 * can be written out or an error in words, and can be run again. Behind a byte 0 a record may follow as JSON.
 */
#include <millrace/error.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dry_run/decode.h"
#include "dry_run/encode.h"
#include "script/lua_cage.h"
#include "script/script_record.h"

#define BATCH_BYTES ((size_t)4 << 20)
#define MEMORY_BYTES ((size_t)256 << 10)

static const char standard_record[] =
    "{\"kind\":\"sink\",\"topic\":\"t\",\"partition\":1,\"offset\":\"42\",\"timestamp\":\"1700000000123\",\"keySchema\":null,"
    "\"key\":{\"t\":\"map\",\"v\":[[{\"t\":\"string\",\"v\":\"a\"},{\"t\":\"array\",\"v\":[{\"t\":\"int64\",\"v\":\"1\"},null]}]]},"
    "\"valueSchema\":{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"schema\":{\"type\":\"int32\"}},{\"name\":\"s\",\"schema\":"
    "{\"type\":\"string\",\"optional\":true}},{\"name\":\"l\",\"schema\":{\"type\":\"array\",\"valueSchema\":{\"type\":\"int8\"}}}]},"
    "\"value\":{\"t\":\"struct\",\"v\":[[\"a\",{\"t\":\"int32\",\"v\":7}],[\"s\",{\"t\":\"string\",\"v\":\"x\"}],"
    "[\"l\",{\"t\":\"array\",\"v\":[{\"t\":\"int8\",\"v\":1}]}]]},\"headers\":[{\"key\":\"h\",\"schema\":null,\"value\":null}]}";

static void must(int fact)
{
    if (!fact)
        abort();
}

static int register_kinds(lua_State *lua)
{
    script_record_register(lua);
    return 0;
}

/* NULL: the JSON is no record. */
static struct mr_record *record_of(struct mr_batch *batch, const char *text, size_t size)
{
    json_t *json = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    struct mr_record *record = json == NULL ? NULL : decode_record(batch, json, NULL);
    json_decref(json);
    return record;
}

/* What came out, NULL for an error. json_decref. */
static json_t *run(struct cage *cage, const char *text, size_t size)
{
    struct mr_batch *batch = mr_batch_create(BATCH_BYTES);
    must(batch != NULL);
    struct mr_record *record = record_of(batch, text, size);
    struct script_record view;
    struct mr_error *error = NULL;
    json_t *out = NULL;
    bool returned_false;
    if (record != NULL) {
        script_record_begin(&view, record);
        bool ran = cage_run(cage, "record", script_record_push, &view, &returned_false, &error) == 0 &&
                   (returned_false || script_record_end(&view, &error) == 0);
        must(ran == (error == NULL));
        out = !ran ? NULL : returned_false ? json_false() : encode_record(record);
        must(!ran || out != NULL);
    }
    mr_error_drop(error);
    mr_batch_drop(batch);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cage cage;
    struct mr_error *error = NULL;
    char *script = strndup((const char *)bytes, length);
    must(script != NULL && cage_open(&cage, MEMORY_BYTES, NULL) == 0);
    size_t script_size = strlen(script);
    const char *record = script_size + 1 < length ? (const char *)bytes + script_size + 1 : standard_record;
    size_t size = record == standard_record ? sizeof(standard_record) - 1 : length - script_size - 1;
    lua_pushcfunction(cage.lua, register_kinds);
    must(lua_pcall(cage.lua, 0, 0, 0) == LUA_OK);
    bool is_loaded = cage_load(&cage, script, &error) == 0;
    must(is_loaded == (error == NULL));
    mr_error_drop(error);
    if (is_loaded) {
        json_decref(run(&cage, record, size));
        json_decref(run(&cage, record, size));
    }
    cage_close(&cage);
    free(script);
    return 0;
}
