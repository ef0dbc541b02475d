#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "transform_bench.h"

extern const struct mr_plugin script_transform;

#define RUN(cases) bench_check(&script_transform, SIDE_VALUE, cases, sizeof(cases) / sizeof((cases)[0]))
#define ORDER "{\"id\":1,\"price\":2.5,\"who\":{\"name\":\"ann\"},\"lines\":[{\"n\":2},{\"n\":3}],\"none\":null}"

static void a_script_changes_what_it_assigns_to(void **state)
{
    static const struct transform_case cases[] = {
        {"script=record.value.id = record.value.id + 1", "{\"id\":1,\"x\":[]}", "t {\"id\":2,\"x\":[]}"},
        {"script=record.topic = record.topic .. '-' .. record.value.who.name", ORDER, "t-ann " ORDER},
        {"script=local sum = 0 for _, line in ipairs(record.value.lines) do sum = sum + line.n end record.value = {sum=sum}", ORDER,
         "t {\"sum\":5}"},
        {"script=record.value.lines[2].n = nil record.value.lines[3] = {n=4}", "{\"lines\":[{\"n\":2},{\"n\":3}]}",
         "t {\"lines\":[{\"n\":2},{},{\"n\":4}]}"},
        {"script=local v = record.value record.value.a = 1 v.b = 2", "{}", "t {\"a\":1,\"b\":2}"},
        {"script=local t = {} for k, v in pairs(record.value) do t[#t+1] = k .. '=' .. v end record.value = t", "{\"a\":1,\"b\":\"x\"}",
         "t [\"a=1\",\"b=x\"]"},
        {"script=record.value = #record.value.lines", ORDER, "t 2"},
        {"script=record.value = record.value.who", ORDER, "t {\"name\":\"ann\"}"},
        {"script=record.value = nil", ORDER, "t null"},
        {"script=return record.value.id > 1", ORDER, "dropped"},
        {"script=return record.value.none == nil and record.value.nowhere == nil", ORDER, "t " ORDER},
        {"script=record.value = ('x'):rep(3):upper()", "1", "t \"XXX\""},
        {"script=return", "1", "t 1"},
    };

    (void)state;
    RUN(cases);
}

#define TYPED(payload)                                                                                                 \
    "{\"schema\":{\"type\":\"struct\",\"name\":\"o\",\"fields\":[{\"field\":\"n\",\"type\":\"int8\"},{\"field\":\"s\",\"type\":\"string\"," \
    "\"optional\":true},{\"field\":\"list\",\"type\":\"array\",\"items\":{\"type\":\"int32\"},\"optional\":true}]},\"payload\":" payload "}"

static void structs_keep_to_their_schema_or_gain_fields(void **state)
{
    static const struct transform_case cases[] = {
        {"script=record.value.n = 7 record.value.s = nil", TYPED("{\"n\":1,\"s\":\"x\"}"), "t {\"n\":7,\"s\":null,\"list\":null}"},
        {"script=record.value.n = 300", TYPED("{\"n\":1}"), "error: 300 is no whole number from -128 to 127"},
        {"script=record.value.n = nil", TYPED("{\"n\":1}"), "error: "},
        {"script=record.value.s = 5", TYPED("{\"n\":1}"), "error: a number cannot stand where the schema wants string"},
        {"script=record.value.list = {1,2,3} record.value.list[1] = 9", TYPED("{\"n\":1}"), "t {\"n\":1,\"s\":null,\"list\":[9,2,3]}"},
        {"script=record.value.total = record.value.n * 1.5 record.value.tags = {'a'}", TYPED("{\"n\":2}"),
         "t {\"n\":2,\"s\":null,\"list\":null,\"total\":3.0,\"tags\":[\"a\"]}"},
    };

    (void)state;
    RUN(cases);
}

/* Each becomes an error of the record's, soon. */
static void hostile_scripts_are_stopped(void **state)
{
    static const struct transform_case cases[] = {
        {"script=while true do end", "1", "error: more than"},
        {"script=local s = 'x' while true do s = s .. s end", "1", "error: more memory"},
        {"script=record.value = ('x'):rep(10 * 1024 * 1024 * 1024)", "1", "error: "},
        {"script=local s = ('x'):rep(1000000) while true do local t = s .. 'y' end", "1", "error: more "},
        {"script=local a, b = ('x'):rep(1000000), ('x'):rep(999999) .. 'x' while a == b do end", "1", "error: more than"},
        {"script=local function f() return 1 + f() end f()", "1", "error: "},
        {"script=local t = {} while true do t[#t + 1] = {} end", "1", "error: more memory"},
        {"script=os.execute('true')", "1", "error: 'os'"},
        {"script=io.open('/etc/passwd')", "1", "error: 'io'"},
        {"script=require('x')", "1", "error: 'require'"},
        {"script=load('return 1')()", "1", "error: 'load'"},
        {"script=pcall(error)", "1", "error: 'pcall'"},
        {"script=string.upper = nil", "1", "error: libraries cannot be changed"},
        {"script=('x').find('x', 'y')", "1", "error: 'find'"},
        {"script=setmetatable({}, {})", "1", "error: 'setmetatable'"},
        {"script=error({})", "1", "error: without words"},
        {"script=error('own words')", "1", "error: own words"},
        {"script=record.values = 1", "1", "error: invalid option 'values'"},
        {"script=x = ", "1", "error: unexpected symbol"},
        {"script=\x1bLua", "1", "error: "},
        {"script=table.unpack({}, 1, 1e7)", "1", "error: too many results"},
        {"script=table.concat({}, '', 1, 2^53)", "1", "error: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct timespec before, after;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        bench_check(&script_transform, SIDE_VALUE, &cases[i], 1);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        int64_t took_ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
        if (took_ms > 50)
            print_message("%s: %d ms\n", cases[i].options, (int)took_ms);
    }
}

/* What one record's script leaves behind is not there for the next. */
static void nothing_is_left_for_the_next_record(void **state)
{
    const struct mr_transform_ops *ops = script_transform.ops;
    struct mr_config *config = bench_config(&script_transform, "script=seen = (seen or 0) + 1 record.value = seen", NULL);
    struct mr_batch *batch = mr_batch_create(16u << 20);
    struct mr_emitter emitter;
    void *self = ops->create(config, NULL);

    (void)state;
    emitter_init(&emitter);
    for (int i = 0; i < 1000; i++) {
        struct mr_record *record = mr_batch_append(batch);

        assert_int_equal(0, ops->apply(self, record, &emitter, NULL));
        assert_int_equal(1, mr_value_integer(mr_record_value(record)));
    }
    emitter_release(&emitter);
    ops->destroy(self);
    mr_config_destroy(config);
    mr_batch_drop(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_script_changes_what_it_assigns_to),
        cmocka_unit_test(structs_keep_to_their_schema_or_gain_fields),
        cmocka_unit_test(hostile_scripts_are_stopped),
        cmocka_unit_test(nothing_is_left_for_the_next_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
