#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

static void json_takes_the_place_of_its_text(void **state)
{
    static const struct transform_case cases[] = {
        {"", "\"{\\\"a\\\":[1,null]}\"", "t {\"a\":[1,null]}"},
        {"field=b.c", "{\"a\":1,\"b\":{\"c\":\"[true]\"}}", "t {\"a\":1,\"b\":{\"c\":[true]}}"},
        {"field=b[1]", "{\"b\":[\"x\",\"{}\"]}", "t {\"b\":[\"x\",{}]}"},
        {"field=none", "{\"a\":1}", "t {\"a\":1}"},
        {"field=a", "{\"a\":null}", "t {\"a\":null}"},
        {"field=a", "{\"a\":\"{\"}", "error: a: The text is not JSON"},
        {"field=a", "{\"a\":\"1 2\"}", "error: "},
        {"field=a", "{\"a\":5}", "error: no text but a value of kind"},
        {"field=a;schema={\"type\":\"strange\"}", "{\"a\":\"5\"}", "error: schema"},
    };

    (void)state;
    CHECK_VALUES(parse_json, cases);
    CHECK_KEYS(parse_json, cases);
}

#define TYPED(text)                                                                                                    \
    "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"field\":\"id\",\"type\":\"int32\"},{\"field\":\"json\",\"type\":\"string\","      \
    "\"optional\":true}]},\"payload\":{\"id\":7,\"json\":" text "}}"

static void a_schema_is_inferred_where_the_record_has_one(void **state)
{
    static const struct transform_case cases[] = {
        {"field=json", TYPED("\"{\\\"n\\\":1,\\\"list\\\":[{\\\"a\\\":null},{\\\"b\\\":1,\\\"a\\\":2.5},{\\\"a\\\":3}],\\\"none\\\":null}\""),
         "t {\"id\":7,\"json\":{\"n\":1,\"list\":[{\"a\":null,\"b\":null},{\"a\":2.5,\"b\":1},{\"a\":3.0,\"b\":null}],\"none\":null}}"},
        {"field=json", TYPED("\"[[],[1],null]\""), "t {\"id\":7,\"json\":[[],[1],null]}"},
        {"field=json", TYPED("\"[1,\\\"a\\\"]\""), "error: stand in one place: no schema fits both"},
        {"field=json", TYPED("\"{\\\"\\\":1}\""), "error: "},
        {"field=json", TYPED("null"), "t {\"id\":7,\"json\":null}"},
        {"field=json;schema={\"type\":\"struct\",\"fields\":[{\"field\":\"n\",\"type\":\"int8\"}]}", TYPED("\"{\\\"n\\\":5}\""),
         "t {\"id\":7,\"json\":{\"n\":5}}"},
        {"field=json;schema={\"type\":\"struct\",\"fields\":[{\"field\":\"n\",\"type\":\"int8\"}]}", TYPED("\"{}\""), "error: "},
    };

    (void)state;
    CHECK_VALUES(parse_json, cases);
}

static void texts_before_do_not_matter(void **state)
{
    static const char *const texts[] = {
        TYPED("\"{\\\"n\\\":1}\""),
        TYPED("\"{\\\"n\\\":2}\""),
        TYPED("\"{\\\"n\\\":2.5}\""),
        TYPED("\"{\\\"n\\\":null}\""),
        TYPED("\"{\\\"m\\\":1}\""),
        TYPED("\"{\\\"n\\\":1,\\\"m\\\":1}\""),
        TYPED("\"{\\\"m\\\":1,\\\"n\\\":1}\""),
        TYPED("\"{\\\"n\\\":[]}\""),
        TYPED("\"{\\\"n\\\":[1,2]}\""),
        TYPED("\"{\\\"n\\\":[1,2.5]}\""),
        TYPED("\"{\\\"n\\\":[2.5,1]}\""),
        TYPED("\"{\\\"n\\\":[null]}\""),
        TYPED("\"{\\\"n\\\":[null,1]}\""),
        TYPED("\"{\\\"n\\\":[\\\"x\\\",null]}\""),
        TYPED("\"{\\\"n\\\":[{\\\"a\\\":1},{\\\"a\\\":2}]}\""),
        TYPED("\"{\\\"n\\\":[{\\\"a\\\":1},{}]}\""),
        TYPED("\"{\\\"n\\\":[{\\\"a\\\":null},{\\\"a\\\":2}]}\""),
        TYPED("\"{}\""),
        TYPED("\"7\""),
        TYPED("null"),
    };

    (void)state;
    bench_check_forgets(&parse_json_value, "field=json", texts, sizeof(texts) / sizeof(texts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_takes_the_place_of_its_text),
        cmocka_unit_test(a_schema_is_inferred_where_the_record_has_one),
        cmocka_unit_test(texts_before_do_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
