/* Which converter a task gets, and whose settings. */
#include "pipeline_test.h"

#include <millrace/converter.h>

#include "pipeline/converters.h"
#include "support/fake_producer.h"

static struct loader *loader;

struct bench {
    struct converters converters;
    struct mr_error *error;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    converters_release(&bench->converters);
    mr_error_drop(bench->error);
    free(bench);
    return 0;
}

static int init(struct bench *bench, struct string_map *connector, struct string_map *worker)
{
    const struct converters_setup setup = { .loader = loader, .connector = connector, .worker = worker };
    converters_release(&bench->converters);
    mr_error_clear(&bench->error);
    int result = converters_init(&bench->converters, &setup, &bench->error);
    string_map_destroy(connector);
    string_map_destroy(worker);
    return result;
}

/* What the value converter writes for the text x. */
static void assert_writes(struct bench *bench, const char *expected)
{
    struct mr_arena *arena = mr_arena_create(1 << 16);
    const struct mr_converter_place place = { .size = sizeof(place), .topic = "t" };
    const struct converter *converter = &bench->converters.value;
    struct mr_bytes bytes;
    assert_int_equal(0, converter->ops->from_connect(converter->self, &place, NULL, mr_string(arena, "x"), arena, &bytes,
                                                     NULL));
    assert_bytes(expected, bytes);
    mr_arena_destroy(arena);
}

static struct string_map *worker_properties(const char *schemas_enable)
{
    return properties("key.converter", STRING_CONVERTER, "value.converter", JSON_CONVERTER,
                      "value.converter.schemas.enable", schemas_enable, "header.converter", STRING_CONVERTER, NULL);
}

static void the_workers_converter_comes_with_the_workers_settings(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(0, init(bench, properties("value.converter.schemas.enable", "true", NULL), worker_properties("false")));
    assert_string_equal(STRING_CONVERTER, bench->converters.key.class_name);
    assert_writes(bench, "\"x\"");
}

static void a_connectors_converter_inherits_no_settings(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(0, init(bench, properties("value.converter", " JsonConverter ", NULL), worker_properties("false")));
    assert_string_equal(JSON_CONVERTER, bench->converters.value.class_name);
    assert_writes(bench, "{\"schema\":null,\"payload\":\"x\"}");
    assert_int_equal(0, init(bench, properties("value.converter", "JsonConverter", "value.converter.schemas.enable", "false",
                                               NULL), worker_properties("true")));
    assert_writes(bench, "\"x\"");
}

static void the_runtime_says_which_side_a_converter_serves(void **state)
{
    struct bench *bench = *state;
    /* It requires converter.type. */
    assert_int_equal(0, init(bench, properties("key.converter", FAILING_CONVERTER, "value.converter", FAILING_CONVERTER,
                                               "header.converter", FAILING_CONVERTER, NULL), NULL));
}

static void a_missing_converter_is_named(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(-1, init(bench, properties("name", "c", NULL), NULL));
    assert_int_equal(MR_ERR_CONFIG, mr_error_code(bench->error));
    assert_non_null(strstr(mr_error_message(bench->error), "key.converter"));
    assert_int_equal(-1, init(bench, properties("value.converter", "org.acme.None", NULL), worker_properties("true")));
    assert_non_null(strstr(mr_error_message(bench->error), "org.acme.None"));
    assert_non_null(strstr(mr_error_message(bench->error), "value.converter"));
    assert_int_equal(-1, init(bench, properties("value.converter", "JsonConverter", "value.converter.schemas.enable", "maybe",
                                                NULL), worker_properties("true")));
    assert_non_null(strstr(mr_error_message(bench->error), "value.converter.schemas.enable"));
}

static int load_plugins(void **state)
{
    (void)state;
    loader = load_all();
    return 0;
}

static int unload_plugins(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_workers_converter_comes_with_the_workers_settings),
        TEST(a_connectors_converter_inherits_no_settings),
        TEST(the_runtime_says_which_side_a_converter_serves),
        TEST(a_missing_converter_is_named),
    };
    return cmocka_run_group_tests(tests, load_plugins, unload_plugins);
}
