#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transform_bench.h"

#define ORDER "{\"card\":\"4111 1111\",\"pin\":1234,\"who\":{\"mail\":\"a@b.c\",\"n\":null},\"lines\":[{\"note\":\"x\"},{\"note\":\"y 99\"}]}"

static void named_fields_are_replaced_as_a_whole(void **state)
{
    static const struct transform_case cases[] = {
        {"fields=card,pin,who.n,nothing.there", ORDER,
         "t {\"card\":\"****\",\"pin\":0,\"who\":{\"mail\":\"a@b.c\",\"n\":null},\"lines\":[{\"note\":\"x\"},{\"note\":\"y 99\"}]}"},
        {"fields=lines[*].note;replacement=-", ORDER,
         "t {\"card\":\"4111 1111\",\"pin\":1234,\"who\":{\"mail\":\"a@b.c\",\"n\":null},\"lines\":[{\"note\":\"-\"},{\"note\":\"-\"}]}"},
        {"fields=lines[-1].note,who;replacement=", ORDER,
         "t {\"card\":\"4111 1111\",\"pin\":1234,\"who\":{},\"lines\":[{\"note\":\"x\"},{\"note\":\"\"}]}"},
        {"fields=a", "\"text\"", "t \"text\""},
        {"fields=a", "null", "t null"},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
    CHECK_KEYS(redact, cases);
}

static void parts_that_a_pattern_finds_are_replaced(void **state)
{
    static const struct transform_case cases[] = {
        {"pattern=\\d{2,}", ORDER,
         "t {\"card\":\"**** ****\",\"pin\":0,\"who\":{\"mail\":\"a@b.c\",\"n\":null},\"lines\":[{\"note\":\"x\"},{\"note\":\"y ****\"}]}"},
        {"pattern=(\\d)\\d+;replacement=$1_;fields=card", ORDER,
         "t {\"card\":\"4_ 1_\",\"pin\":1234,\"who\":{\"mail\":\"a@b.c\",\"n\":null},\"lines\":[{\"note\":\"x\"},{\"note\":\"y 99\"}]}"},
        {"pattern=@.*;fields=who", ORDER,
         "t {\"card\":\"4111 1111\",\"pin\":1234,\"who\":{\"mail\":\"a****\",\"n\":null},\"lines\":[{\"note\":\"x\"},{\"note\":\"y 99\"}]}"},
        {"pattern=zzz", ORDER, "t " ORDER},
        {"pattern=o", "\"foo\"", "t \"f********\""},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
}

/* What could not be searched must not pass. */
static void nothing_passes_that_was_not_searched(void **state)
{
    static const struct transform_case cases[] = {
        {"pattern=(a|aa|aaa)*[bc]", "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]",
         "error: was not searched to its end"},
        {"pattern=a;replacement=$1", "[\"a\"]", "error: No group 1"},
        {"", "1", "error: give fields, pattern or both"},
        {"fields=a[", "1", "error: a bracket that nothing closes at position 1"},
        {"pattern=(", "1", "error: Invalid regex"},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
}

#define SCHEMA                                                                                                         \
    "{\"schema\":{\"type\":\"struct\",\"name\":\"order\",\"fields\":[{\"field\":\"card\",\"type\":\"string\"},"            \
    "{\"field\":\"tags\",\"type\":\"array\",\"items\":{\"type\":\"string\",\"optional\":true}}]},\"payload\":"

static void a_place_that_is_not_there_passes_or_fails(void **state)
{
    static const struct transform_case cases[] = {
        {"fields=crad", "{\"card\":1}", "t {\"card\":1}"},
        {"fields=crad;missing.behavior=fail", "{\"card\":1}", "error: there is no crad in this record"},
        {"fields=card,crad;missing.behavior=fail", "{\"card\":1}", "error: there is no crad in this record"},
        {"fields=card;missing.behavior=fail", "{\"card\":1}", "t {\"card\":0}"},
        {"fields=card;missing.behavior=fail", "{\"card\":null}", "t {\"card\":null}"},
        {"fields=who.card;missing.behavior=fail", "{\"who\":null}", "t {\"who\":null}"},
        {"fields=who.card;missing.behavior=fail", "{\"who\":1}", "error: there is no who.card"},
        {"fields=lines[*].card;missing.behavior=fail", "{\"lines\":[]}", "t {\"lines\":[]}"},
        {"fields=lines[*].card;missing.behavior=fail", "{\"lines\":[{\"card\":1},{}]}", "t {\"lines\":[{\"card\":0},{}]}"},
        {"fields=lines[*].crad;missing.behavior=fail", "{\"lines\":[{\"card\":1},{}]}", "error: there is no lines[*].crad"},
        {"fields=lines[2];missing.behavior=fail", "{\"lines\":[1,2]}", "error: there is no lines[2]"},
        {"fields=lines[-1];missing.behavior=fail", "{\"lines\":[1,2]}", "t {\"lines\":[1,0]}"},
        {"fields=a;missing.behavior=fail", "null", "t null"},
        {"fields=a;missing.behavior=drop", "null", "error: missing.behavior"},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
    CHECK_KEYS(redact, cases);
}

static void keys_of_maps_are_kept_refused_or_replaced(void **state)
{
    static const struct transform_case cases[] = {
        {"pattern=\\d{4}", "{\"a\":{\"4111\":1}}", "t {\"a\":{\"4111\":1}}"},
        {"pattern=\\d{4};map.keys=fail", "{\"a\":{\"4111\":1}}", "error: pattern finds something in the key of a map"},
        {"pattern=\\d{4};map.keys=fail", "{\"a\":{\"411\":\"4111\"}}", "t {\"a\":{\"411\":\"****\"}}"},
        {"pattern=\\d{4};map.keys=replace", "{\"a\":[{\"x4111\":1}]}", "t {\"a\":[{\"x****\":1}]}"},
        {"pattern=\\d{4};map.keys=replace", "{\"4111\":1,\"4112\":2}", "error: two keys of a map became the same"},
        {"pattern=\\d{4};map.keys=fail;fields=b", "{\"4111\":1,\"b\":{\"4111\":1}}", "error: in the key of a map"},
        {"fields=a;map.keys=fail", "1", "error: only a pattern searches keys of maps"},
        {"pattern=a;map.keys=hash", "1", "error: map.keys"},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
}

static void structs_keep_their_schema(void **state)
{
    static const struct transform_case cases[] = {
        {"fields=card,tags[1]", SCHEMA "{\"card\":\"4111\",\"tags\":[\"a\",\"b\",null]}}", "t {\"card\":\"****\",\"tags\":[\"a\",\"****\",null]}"},
        {"pattern=[a4]", SCHEMA "{\"card\":\"4111\",\"tags\":[\"a\",\"b\",null]}}", "t {\"card\":\"****111\",\"tags\":[\"****\",\"b\",null]}"},
        {"fields=", SCHEMA "{\"card\":\"4111\",\"tags\":[]}}", "error: give fields"},
    };

    (void)state;
    CHECK_VALUES(redact, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_fields_are_replaced_as_a_whole),
        cmocka_unit_test(parts_that_a_pattern_finds_are_replaced),
        cmocka_unit_test(nothing_passes_that_was_not_searched),
        cmocka_unit_test(a_place_that_is_not_there_passes_or_fails),
        cmocka_unit_test(keys_of_maps_are_kept_refused_or_replaced),
        cmocka_unit_test(structs_keep_their_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
