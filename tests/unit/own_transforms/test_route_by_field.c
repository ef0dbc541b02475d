#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

#define ORDER "{\"region\":\"eu\",\"bad\":\"a b\",\"none\":null,\"`x.y`\":{\"z[0]\":7}}"

static void the_topic_is_made_of_the_field(void **state)
{
    static const struct transform_case cases[] = {
        {"field=region", ORDER, "eu " ORDER},
        {"field=region;topic.format=${topic}-${field}-${topic}$x", ORDER, "error: makes no legal name"},
        {"field=region;topic.format=${topic}-${field}.${topic}", ORDER, "t-eu.t " ORDER},
        {"field=`\\`x.y\\``.`z[0]`;topic.format=n${field}", ORDER, "n7 " ORDER},
        {"field=bad", ORDER, "error: 'a b' at bad makes no legal name"},
        {"field=none", ORDER, "error: there is nothing, or null, at none"},
        {"field=none;missing.or.null.behavior=include", ORDER, "t " ORDER},
        {"field=region;topic.format=all", ORDER, "error: without ${field}"},
        {"field=", "\"..\"", "error: makes no legal name"},
    };

    (void)state;
    CHECK_VALUES(route_by_field, cases);
    CHECK_KEYS(route_by_field, cases);
}

static void a_name_has_249_characters_at_most(void **state)
{
    char value[300] = "\"", out[OUT_MAX];

    (void)state;
    memset(value + 1, 'a', 250);
    snprintf(value + 250, 3, "\"");
    bench_run(&route_by_field_value, SIDE_VALUE, "field=", value, out);
    assert_int_equal(0, strncmp(out, "aaaa", 4));
    snprintf(value + 250, 4, "a\"");
    bench_run(&route_by_field_value, SIDE_VALUE, "field=", value, out);
    assert_non_null(strstr(out, "makes no legal name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_topic_is_made_of_the_field),
        cmocka_unit_test(a_name_has_249_characters_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
