#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "script/lua_cage.h"
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
        {"script=return true", "1", "t 1"},
        {"script=record.value = 2 return record", "1", "t 2"},
        {"script=return false, true", "1", "dropped"},
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

/* The order in which Lua has them differs from process to process, and from state to state. */
static void what_comes_from_a_table_is_ordered_by_its_names(void **state)
{
    static const struct transform_case cases[] = {
        {"script=record.value={zeta=1,alpha=2,eta=3,gamma=4,epsilon=5,beta=6,delta=7,al=8}", "1",
         "t {\"al\":8,\"alpha\":2,\"beta\":6,\"delta\":7,\"epsilon\":5,\"eta\":3,\"gamma\":4,\"zeta\":1}"},
        {"script=record.value={zeta=1,alpha=2,eta={y=1,x=2},gamma=4,beta=6}", TYPED("{\"n\":1}"),
         "t {\"alpha\":2,\"beta\":6,\"eta\":{\"x\":2,\"y\":1},\"gamma\":4,\"zeta\":1}"},
        {"script=local t = {} for i = 1, 9 do t['k' .. i * 7 % 9] = i end record.value=t", "1",
         "t {\"k0\":9,\"k1\":4,\"k2\":8,\"k3\":3,\"k4\":7,\"k5\":2,\"k6\":6,\"k7\":1,\"k8\":5}"},
        {"script=record.value={b=record.value}", "{\"z\":1,\"a\":2}", "t {\"b\":{\"z\":1,\"a\":2}}"},
        {"script=record.value={[true]=1}", "1", "error: whose keys are texts"},
    };

    (void)state;
    for (int i = 0; i < 8; i++)
        RUN(cases);
}

static void nothing_tells_an_address(void **state)
{
    static const struct transform_case cases[] = {
        {"script=record.value = tostring({}) .. ' ' .. tostring(tostring) .. ' ' .. tostring(record) .. ' ' .. tostring(record.value)", "{}",
         "t \"table function millrace.record millrace.place\""},
        {"script=record.value = ('%%p%d%5s%-7s%s'):format(1, {}, tostring, 'x')", "1", "t \"%p1tablefunctionx\""},
        {"script=record.value = tostring(nil) .. tostring(1) .. tostring(true) .. tostring('x')", "1", "t \"nil1truex\""},
        {"script=record.value = ('\\0%p'):format({})", "1", "error: string.format has no %p"},
        {"script=record.value = ('%s%-20p'):format(1, 'x')", "1", "error: string.format has no %p"},
        {"script=record.value.n = {}", TYPED("{\"n\":1}"), "error: table is no whole number"},
        {"script=tostring()", "1", "error: bad argument"},
    };

    (void)state;
    RUN(cases);
}

static void nothing_is_cut_to_fit(void **state)
{
    static const struct transform_case cases[] = {
        {"script=record.partition = 1 << 40", "1", "error: record.partition is nil or a number from 0 to 2147483647, not 1099511627776"},
        {"script=record.partition = -1", "1", "error: record.partition is nil"},
        {"script=record.partition = 2147483647 record.value = record.partition", "1", "t 2147483647"},
        {"script=record.partition = nil", "1", "t 1"},
        {"script=record.topic = 'a\\0b'", "1", "error: a topic with a NUL in it"},
        {"script=record.headers['a\\0b'] = 1", "1", "error: the name of a header with a NUL in it"},
        {"script=return record.headers['a\\0b']", "1", "error: the name of a header with a NUL in it"},
        {"script=record.value = {['a\\0b']=1}", TYPED("{\"n\":1}"), "error: a member whose name has a NUL in it"},
        {"script=record.value = record.value[math.mininteger]", "[1]", "t null"},
        {"script=record.value[math.mininteger] = 1", "[1]", "error: an element by its number from 1 on"},
        {"script=record.value[math.maxinteger] = 1", "[1]", "error: the next element of this array is number 2"},
    };

    (void)state;
    RUN(cases);
}

#define MAP_OF(keys, values, payload)                                                                                  \
    "{\"schema\":{\"type\":\"map\",\"keys\":" keys ",\"values\":" values "},\"payload\":" payload "}"
#define LIST "{\"type\":\"array\",\"items\":{\"type\":\"int64\"}}"

static void maps_with_other_keys_than_texts_are_looked_through_or_refused(void **state)
{
    static const struct transform_case cases[] = {
        {"script=local s = 0 for k, v in pairs(record.value) do s = s + k * v end record.value = s",
         MAP_OF("{\"type\":\"int32\"}", "{\"type\":\"int64\"}", "[[1,10],[2,20]]"), "t 50"},
        {"script=for k, v in pairs(record.value) do end", MAP_OF(LIST, "{\"type\":\"int64\"}", "[[[1],10]]"), "error: a map with a key that is a"},
        {"script=for k, v in pairs(record.value) do end", MAP_OF("{\"type\":\"int32\"}", LIST, "[[1,[10]]]"), "error: behind a key that is no plain text"},
        {"script=local s = '' for k, v in pairs(record.value) do s = s .. k .. v[1] end record.value = s",
         MAP_OF("{\"type\":\"string\"}", LIST, "{\"a\":[10],\"b\":[20]}"), "t \"a10b20\""},
    };

    (void)state;
    RUN(cases);
}

/* Each becomes an error of the record's, soon. */
static const struct transform_case hostile[] = {
    {"script=while true do end", "1", "error: more than"},
    {"script=local s = 'x' while true do s = s .. s end", "1", "error: more memory"},
    {"script=record.value = ('x'):rep(10 * 1024 * 1024 * 1024)", "1", "error: "},
    {"script=local s = ('x'):rep(1000000) while true do local t = s .. 'y' end", "1", "error: "},
    {"script=local a, b = ('x'):rep(1000000), ('x'):rep(999999) .. 'x' while a == b do end", "1", "error: more than"},
    {"script=local function f() return 1 + f() end f()", "1", "error: "},
    {"script=local function f() return f() end f()", "1", "error: more than"},
    {"script=local t = {} while true do t[#t + 1] = {} end", "1", "error: more "},
    /* Names that are not there. */
    {"script=os.execute('true')", "1", "error: 'os'"},
    {"script=io.open('/etc/passwd')", "1", "error: 'io'"},
    {"script=require('x')", "1", "error: 'require'"},
    {"script=load('return 1')()", "1", "error: 'load'"},
    {"script=dofile('x')", "1", "error: 'dofile'"},
    {"script=debug.sethook()", "1", "error: 'debug'"},
    {"script=coroutine.wrap(print)", "1", "error: 'coroutine'"},
    {"script=collectgarbage('stop')", "1", "error: 'collectgarbage'"},
    {"script=pcall(error)", "1", "error: 'pcall'"},
    {"script=_G.x = 1", "1", "error: '_G'"},
    {"script=getmetatable('').__index = nil", "1", "error: 'getmetatable'"},
    {"script=setmetatable({}, {})", "1", "error: 'setmetatable'"},
    {"script=string.upper = nil", "1", "error: libraries cannot be changed"},
    {"script=string.dump(function() end)", "1", "error: 'dump'"},
    {"script=('x').find('x', 'y')", "1", "error: 'find'"},
    {"script=('a'):rep(30):match(('a?'):rep(30) .. ('a'):rep(30))", "1", "error: 'match'"},
    {"script=('x'):gsub('.*.*.*.*x', '')", "1", "error: 'gsub'"},
    /* Errors of its own. */
    {"script=error({})", "1", "error: without words"},
    {"script=error('own words')", "1", "error: own words"},
    {"script=error(('x'):rep(1000000))", "1", "error: xxx"},
    {"script=record.values = 1", "1", "error: record has the members topic, partition, timestamp, offset, key, value and headers, but no values"},
    {"script=return record.tpoic == nil", "1", "error: but no tpoic"},
    {"script=record[1] = 1", "1", "error: but no number"},
    {"script=record.offset = 3", "1", "error: record.offset is read only"},
    {"script=record.headers = {}", "1", "error: record.headers cannot be set as a whole; set record.headers.name"},
    /* What it returns. */
    {"script=return nil", "1", "error: script: it returned a nil; false drops the record, true or nothing lets it pass"},
    {"script=return record.value.paid", "{}", "error: it returned a nil"},
    {"script=return {topic='x'}", "1", "error: it returned a table"},
    {"script=return record.value", "{}", "error: it returned a userdata"},
    {"script=return 0, false", "1", "error: it returned a number"},
    {"script=x = ", "1", "error: unexpected symbol"},
    {"script=\x1bLua", "1", "error: "},
    /* What works long inside one call, or one instruction. */
    {"script=local n = 1 while true do n = #(''):rep(1 << 60) end", "1", "error: more than"},
    {"script=table.unpack({}, 1, 1e7)", "1", "error: too many results"},
    {"script=table.concat({}, '', 1, 2^53)", "1", "error: "},
    {"script=string.format('%99999d', 1)", "1", "error: "},
    {"script=string.format(('%s'):rep(5000), table.unpack({}, 1, 5000))", "1", "error: more than 1000 arguments"},
    {"script=while true do string.format('%99.99f', 1e308) end", "1", "error: more "},
    {"script=local s = ('x'):rep(1000000) while true do utf8.len(s) end", "1", "error: more than"},
    {"script=local s = ('x'):rep(1000000) while true do s:upper() end", "1", "error: "},
    {"script=local s = ('9'):rep(1000000) while true do local n = s + 1 end", "1", "error: "},
    {"script=local a = ('\\0'):rep(1000000) local b = a .. 'x' while a < b do end", "1", "error: more than"},
    {"script=local s = ('x'):rep(700000) local t = {} for i = 1, 20000 do t[i] = s end table.sort(t)", "1", "error: more than"},
    {"script=local t = {} for i = 1, 60000 do t[i] = -i % 977 end table.sort(t) table.sort(t) table.sort(t)", "1", "error: more than"},
    {"script=local t = {} for i = 1, 60000 do t[i] = i * 7919 % 10007 end table.sort(t, math.ult) table.sort(t, math.ult)", "1", "error: more "},
    {"script=local t = {} for i = 1, 60000 do t[i] = '' end while true do table.concat(t) end", "1", "error: more than"},
    {"script=local t = {} for i = 1, 60000 do t[i] = '' end while true do table.insert(t, 1, '') end", "1", "error: more "},
    {"script=local a = ('\\0'):rep(2000000) local b = a .. 'x' while a < b do end", "1", "error: more "},
    {"script=local s = ('x'):rep(4000000) while true do utf8.len(s) end", "1", "error: more "},
    /* What grows in the record. */
    {"script=local t = {} for i = 1, 60 do t = {t, t} end record.value = t", "1", "error: "},
    {"script=local t = {} for i = 1, 60 do t = {a=t, b=t} end record.value = t", "1", "error: "},
    {"script=local t = {} for i = 1, 20000 do t[i] = {['k' .. i]=i} end record.value.tags = t", TYPED("{\"n\":1}"), "error: "},
    {"script=local t = {} for i = 1, 10000 do t['k' .. i] = i end while true do record.value = t end", TYPED("{\"n\":1}"), "error: "},
    {"script=local i = 0 while true do i = i + 1 record.value['k' .. i] = i end", TYPED("{\"n\":1}"), "error: more "},
    {"script=local t = {} t[1] = t record.value = t", "1", "error: nested deeper"},
    {"script=for i = 1, 20 do record.value = {record.value, record.value} end", "[1]", "error: more than"},
    {"script=for i = 1, 40 do record.value = {a=record.value, b=record.value} end", "{}", "error: more than"},
    {"script=for i = 1, 40 do record.value.list = {record.value, record.value} end", "{\"list\":[]}", "error: more than"},
    {"script=record.value.g0 = {1} for i = 1, 40 do local g = record.value['g' .. i - 1] record.value['g' .. i] = {g, g} end",
     TYPED("{\"n\":1}"), "error: more than"},
    {"script=record.value = {('x'):rep(1000000)} for i = 1, 12 do record.value = {record.value, record.value} end", "1",
     "error: more than 32 MiB of what is in the record"},
    {"script=while true do record.value = {record.value} end", "[1]", "error: nested deeper than 1000 levels"},
    {"script=while true do record.headers.a = record.value end", "[1,2,3]", "error: more than"},
    /* Schemas for what is made: 12,000 structs of 900 fields. */
    {"script=local t = {} for i = 1, 12000 do t[i] = {['k' .. i % 900]=i} end record.value = t", TYPED("{\"n\":1}"), "error: more than"},
    {"script=local t, s = {}, ('y'):rep(20000) for i = 1, 190 do t[s .. i] = i end while true do record.value = t end", "1", "error: more "},
    {"script=record.value = {0} local v = record.value while true do v[#v + 1] = 1 end", "1", "error: more "},
    {"script=record.value = {a=1} local i = 0 while true do i = i + 1 record.value['f' .. i] = i end", "1", "error: more "},
    {"script=local i = 0 while true do i = i + 1 record.headers['f' .. i] = i end", "1", "error: more "},
    {"script=local s = ('x'):rep(1000000) while true do record.value = s end", "1", "error: more "},
    {"script=local s = ('x'):rep(1000000) while true do record.topic = s end", "1", "error: more "},
};
#define HOSTILE_COUNT (sizeof(hostile) / sizeof(hostile[0]))

static void push_nothing(lua_State *lua, void *argument)
{
    (void)argument;
    lua_pushnil(lua);
}

/* Under a sanitizer all is slower, and the limit of time may be met before another one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STOPPED_WITHIN_MS 500
#define IS_SLOW true
#else
#define STOPPED_WITHIN_MS 50
#define IS_SLOW false
#endif

static int64_t thread_cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Processor time, since others may be at work on the machine. One of three: a machine may stumble. */
static void check_is_stopped_soon(const struct transform_case *test)
{
    int64_t took_ms = STOPPED_WITHIN_MS + 1;

    for (int i = 0; i < 3 && took_ms > STOPPED_WITHIN_MS; i++) {
        int64_t began_ms = thread_cpu_ms();

        bench_check(&script_transform, SIDE_VALUE, test, 1);
        took_ms = thread_cpu_ms() - began_ms;
    }
    if (took_ms > STOPPED_WITHIN_MS)
        fail_msg("%s: %d ms of processor time", test->options, (int)took_ms);
}

static void hostile_scripts_are_stopped(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct transform_case test = hostile[i];

        if (IS_SLOW)
            test.out = "error: ";
        check_is_stopped_soon(&test);
    }
}

static void hostile_scripts_are_stopped_with_much_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        char options[1024];
        struct transform_case test = { options, hostile[i].value, "error: " };

        snprintf(options, sizeof(options), "memory.max.bytes=268435456;%s", hostile[i].options);
        check_is_stopped_soon(&test);
    }
}

/* A task goes on: the same script fails each record anew, and the state does not grow. */
static void what_a_script_holds_stays_within_its_limit(void **state)
{
    const size_t limit_bytes = 1 << 20;

    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct cage cage;
        bool returned_false;

        assert_int_equal(0, cage_open(&cage, limit_bytes, NULL));
        for (int k = 0; k < 3 && cage_load(&cage, strchr(hostile[i].options, '=') + 1, NULL) == 0; k++) {
            assert_int_equal(-1, cage_run(&cage, "nothing", push_nothing, NULL, &returned_false, NULL));
            assert_true(cage.used_bytes <= limit_bytes);
        }
        cage_close(&cage);
        assert_int_equal(0, cage.used_bytes);
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
        cmocka_unit_test(what_comes_from_a_table_is_ordered_by_its_names),
        cmocka_unit_test(nothing_tells_an_address),
        cmocka_unit_test(nothing_is_cut_to_fit),
        cmocka_unit_test(maps_with_other_keys_than_texts_are_looked_through_or_refused),
        cmocka_unit_test(hostile_scripts_are_stopped),
        cmocka_unit_test(hostile_scripts_are_stopped_with_much_memory),
        cmocka_unit_test(what_a_script_holds_stays_within_its_limit),
        cmocka_unit_test(nothing_is_left_for_the_next_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
