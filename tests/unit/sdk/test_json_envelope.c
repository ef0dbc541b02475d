#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "json_test.h"
#include "support/alloc_torture.h"

static struct mr_json_envelope *envelope;

static int open_all(void **state)
{
    envelope = mr_json_envelope_create(0, 4);
    return envelope == NULL ? -1 : open_arena(state);
}

static int close_all(void **state)
{
    mr_json_envelope_destroy(envelope);
    return close_arena(state);
}

static const struct mr_value *read_all(const char *text, const struct mr_schema **schema)
{
    const struct mr_value *value = NULL;
    struct mr_error *error = NULL;
    if (mr_json_envelope_read(envelope, arena, bytes_of(text), schema, &value, &error) != 0)
        fail_msg("%s: %s", text, mr_error_message(error));
    return value;
}

static void assert_refused(const char *text)
{
    const struct mr_schema *schema;
    const struct mr_value *value;
    struct mr_error *error = NULL;
    if (mr_json_envelope_read(envelope, arena, bytes_of(text), &schema, &value, &error) == 0)
        fail_msg("%s was taken", text);
    assert_int_equal(mr_error_code(error), MR_ERR_DATA);
    mr_error_drop(error);
}

static void schema_and_payload_come_out(void **state)
{
    (void)state;
    const struct mr_schema *schema;
    const struct mr_value *value = read_all(" { \"schema\" : {\"type\":\"int8\"} , \"payload\" : 5 } ", &schema);
    assert_ptr_equal(schema, mr_schema_primitive(MR_TYPE_INT8, false));
    assert_int_equal(mr_value_kind(value), MR_KIND_INT8);
    value = read_all("{\"schema\":null,\"payload\":[1]}", &schema);
    assert_null(schema);
    assert_int_equal(mr_array_count(value), 1);
}

static void the_order_of_the_members_does_not_matter(void **state)
{
    (void)state;
    const struct mr_schema *schema;
    assert_int_equal(mr_value_integer(read_all("{\"payload\":5,\"schema\":{\"type\":\"int8\"}}", &schema)), 5);
    assert_int_equal(mr_value_integer(read_all("{\"p\\u0061yload\":6,\"schema\":{\"type\":\"int8\"}}", &schema)), 6);
}

static void of_members_given_twice_the_last_wins(void **state)
{
    (void)state;
    const struct mr_schema *schema;
    const struct mr_value *value = read_all(
        "{\"schema\":{\"type\":\"int8\"},\"payload\":5,\"schema\":{\"type\":\"string\"},\"payload\":\"x\"}", &schema);
    assert_text(value, "x");
    assert_text(
        read_all("{\"schema\":{\"type\":\"nope\"},\"payload\":5,\"schema\":{\"type\":\"string\"},\"payload\":\"y\"}",
                 &schema),
        "y");
    assert_text(
        read_all("{\"schema\":{\"type\":\"bytes\"},\"payload\":\"!\",\"schema\":null,\"payload\":\"z\"}", &schema),
        "z");
}

static void anything_but_the_two_members_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"",
                                        " ",
                                        "null",
                                        "5",
                                        "[]",
                                        "{}",
                                        "{\"schema\":null}",
                                        "{\"payload\":1}",
                                        "{\"schema\":null,\"payload\":1,\"x\":2}",
                                        "{\"x\":0,\"schema\":null,\"payload\":1}",
                                        "{\"schema\":{},\"payload\":1}",
                                        "{\"schema\":\"int8\",\"payload\":1}",
                                        "{\"schema\":[],\"payload\":1}",
                                        "{\"schema\":{\"type\":\"int8\"},\"payload\":null}",
                                        "{\"schema\":null,\"payload\":1",
                                        "{\"schema\":null,\"payload\":}",
                                        "{\"schema\":{\"type\":\"int8\"}\"payload\":1}",
                                        "{\"schema\":{\"type\":\"int8\"},\"payload\":1]"};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_refused(TEXTS[i]);
}

/* The last schema's text must not be mistaken for the beginning of another. */
static void a_schema_seen_before_is_the_same_pointer(void **state)
{
    (void)state;
    const struct mr_schema *first, *again, *other;
    char text[300];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 12; i++) { /* more than the cache holds */
            snprintf(text, sizeof(text),
                     "{\"schema\":{\"type\":\"struct\",\"name\":\"n%d\",\"fields\":[]},\"payload\":{}}", i);
            read_all(text, &first);
            read_all(text, &again);
            assert_ptr_equal(first, again);
            char name[16];
            snprintf(name, sizeof(name), "n%d", i);
            assert_string_equal(mr_schema_name(first), name);
        }
        read_all("{\"schema\":{\"type\":\"int8\"},\"payload\":1}", &other);
        assert_ptr_not_equal(other, first);
    }
}

static void writing_and_reading_are_each_others_way_back(void **state)
{
    (void)state;
    static const char text[] =
        "{\"schema\":{\"type\":\"struct\",\"fields\":["
        "{\"type\":\"int64\",\"optional\":false,\"field\":\"id\"},"
        "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"optional\":true},\"optional\":true,\"field\":\"tags\"},"
        "{\"type\":\"map\",\"keys\":{\"type\":\"int32\",\"optional\":false},\"values\":{\"type\":\"double\","
        "\"optional\":false},"
        "\"optional\":false,\"field\":\"m\"},"
        "{\"type\":\"int32\",\"optional\":true,\"name\":\"n\",\"version\":2,\"doc\":\"d \\\" "
        "\",\"parameters\":{\"b\":\"2\",\"a\":\"1\"},"
        "\"default\":5,\"field\":\"f\"},"
        "{\"type\":\"bytes\",\"optional\":false,\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"
        "\"parameters\":{\"scale\":\"2\"},\"default\":\"AJw=\",\"field\":\"amount\"}"
        "],\"optional\":false,\"name\":\"com.example.Everything\"},"
        "\"payload\":{\"id\":1,\"tags\":[\"a\",null],\"m\":[[1,1.5]],\"f\":7,\"amount\":\"BNI=\"}}";
    const struct mr_schema *schema;
    for (int round = 0; round < 2; round++) { /* without the cache and with it */
        const struct mr_value *value = read_all(text, &schema);
        struct mr_bytes written;
        assert_int_equal(mr_json_envelope_write(envelope, arena, schema, value, &written, NULL), 0);
        assert_int_equal(written.size, strlen(text));
        assert_memory_equal(written.data, text, written.size);
    }
}

static void an_envelope_counts_as_a_level(void **state)
{
    (void)state;
    static char text[4000];
    for (int depth = MR_JSON_DEPTH_MAX - 1; depth <= MR_JSON_DEPTH_MAX; depth++) {
        char *at = stpcpy(text, "{\"schema\":null,\"payload\":");
        memset(at, '[', (size_t)depth);
        memset(at + depth, ']', (size_t)depth);
        strcpy(at + 2 * depth, "}");
        const struct mr_schema *schema;
        if (depth < MR_JSON_DEPTH_MAX)
            read_all(text, &schema);
        else
            assert_refused(text);
    }
}

static void a_schema_outlives_the_cache_it_came_from(void **state)
{
    (void)state;
    const struct mr_schema *schema;
    const struct mr_value *value;
    struct mr_json_envelope *short_lived = mr_json_envelope_create(0, 1);
    assert_int_equal(mr_json_envelope_read(short_lived, arena,
                                           bytes_of("{\"schema\":{\"type\":\"int8\",\"name\":\"kept\"},\"payload\":1}"),
                                           &schema, &value, NULL),
                     0);
    mr_json_envelope_destroy(short_lived);
    assert_string_equal(mr_schema_name(schema), "kept");
}

static bool both_ways_with_little_memory(void *argument)
{
    static const char text[] = "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"string\",\"optional\":false,"
                               "\"default\":\"x\",\"field\":\"a\"}],\"optional\":false},\"payload\":{\"a\":\"y\"}}";
    (void)argument;
    struct mr_arena *own = mr_arena_create(1 << 20);
    struct mr_json_envelope *codec = mr_json_envelope_create(0, 10);
    const struct mr_schema *schema;
    const struct mr_value *value;
    struct mr_error *error = NULL;
    struct mr_bytes written;
    bool worked = own != NULL && codec != NULL &&
                  mr_json_envelope_read(codec, own, bytes_of(text), &schema, &value, &error) == 0 &&
                  mr_json_envelope_write(codec, own, schema, value, &written, &error) == 0;
    if (worked)
        assert_memory_equal(written.data, text, sizeof(text) - 1);
    mr_error_drop(error);
    mr_arena_destroy(own);
    mr_json_envelope_destroy(codec);
    return worked;
}

static void short_memory_leaks_nothing(void **state)
{
    (void)state;
    alloc_torture(both_ways_with_little_memory, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_and_payload_come_out),
        cmocka_unit_test(the_order_of_the_members_does_not_matter),
        cmocka_unit_test(of_members_given_twice_the_last_wins),
        cmocka_unit_test(anything_but_the_two_members_is_refused),
        cmocka_unit_test(a_schema_seen_before_is_the_same_pointer),
        cmocka_unit_test(writing_and_reading_are_each_others_way_back),
        cmocka_unit_test(an_envelope_counts_as_a_level),
        cmocka_unit_test(a_schema_outlives_the_cache_it_came_from),
        cmocka_unit_test(short_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
