/* Of three installed versions of a class, the one that is wished for runs (KIP-891). */
#include "pipeline_test.h"

#include <millrace/converter.h>

#include "pipeline/chain.h"
#include "pipeline/converters.h"
#include "support/fake_producer.h"

static struct loader *loader;

static int load_versions(void **state)
{
    static const char path[] = MR_TEST_PLUGINS "/versioned_2_0.so," MR_TEST_PLUGINS "/versioned_1_0.so," MR_TEST_PLUGINS
                                               "/versioned_1_5.so";
    (void)state;
    loader = loader_create(&(struct loader_setup){ .plugin_path = path, .host = loader_host() }, NULL);
    return loader != NULL && loader_refusal_count(loader) == 0 ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

static struct chain *chain_of(struct string_map *map)
{
    struct mr_error *error = NULL;
    struct chain *chain = chain_create(loader, map, &error);
    if (chain == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(map);
    return chain;
}

/* What the transforms write into headers: the versions of those that ran, in order. */
static void assert_ran(const char *expected, struct string_map *map)
{
    char versions[64] = "";
    struct record_array out;
    struct mr_error *error = NULL;
    struct chain *chain = chain_of(map);
    struct mr_batch *batch = mr_batch_create(1 << 16);
    record_array_init(&out);
    assert_int_equal(CHAIN_PASSED, chain_apply(chain, &(struct chain_policy){ .recover = NULL },
                                               append_polled(batch, NULL, "x"), &out, &error));
    for (size_t i = 0; i < mr_record_header_count(out.items[0]); i++) {
        struct mr_bytes version = mr_value_bytes(mr_record_header_value(out.items[0], i));
        snprintf(versions + strlen(versions), sizeof(versions) - strlen(versions), "%.*s ", (int)version.size,
                 (const char *)version.data);
    }
    assert_string_equal(expected, versions);
    record_array_release(&out);
    chain_destroy(chain);
    mr_batch_drop(batch);
}

static void two_versions_of_a_transform_run_side_by_side(void **state)
{
    (void)state;
    assert_ran("1.0 2.0 1.5 ",
               properties("transforms", "a,b,c", "transforms.a.type", "VersionedTransform", "transforms.a.plugin.version",
                          "1.0", "transforms.b.type", "VersionedTransform", "transforms.c.type",
                          "org.acme.VersionedTransform", "transforms.c.plugin.version", "[1.0,2.0)", NULL));
}

static void a_predicate_has_a_version_of_its_own(void **state)
{
    (void)state;
    assert_ran("1.0 ",
               properties("transforms", "a,b", "transforms.a.type", "VersionedTransform", "transforms.a.plugin.version",
                          "1.0", "transforms.a.predicate", "p", "transforms.b.type", "VersionedTransform",
                          "transforms.b.predicate", "q", "predicates", "p,q", "predicates.p.type", "VersionedPredicate",
                          "predicates.p.plugin.version", "(,1.5]", "predicates.p.wanted", "1.5", "predicates.q.type",
                          "VersionedPredicate", "predicates.q.wanted", "1.5", NULL));
}

static void a_version_that_is_gone_fails_the_start(void **state)
{
    struct mr_error *error = NULL;
    struct string_map *map = properties("transforms", "a", "transforms.a.type", "VersionedTransform",
                                        "transforms.a.plugin.version", "[3.0,)", NULL);
    (void)state;
    assert_null(chain_create(loader, map, &error));
    assert_non_null(strstr(mr_error_message(error), "transforms.a.type: Plugin org.acme.VersionedTransform not found that "
                                                    "matches the version range [3.0,), available versions: [1.0, 1.5, 2.0]"));
    mr_error_drop(error);
    string_map_destroy(map);
}

/* What key, value and header converter write for x: "1.0:x 2.0:x 1.5:x ". */
static void assert_writes(const char *expected, struct string_map *connector, struct string_map *worker)
{
    char written[64] = "";
    struct mr_error *error = NULL;
    struct converters converters;
    const struct converters_setup setup = { .loader = loader, .connector = connector, .worker = worker };
    if (converters_init(&converters, &setup, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    const struct converter *const sides[] = { &converters.key, &converters.value, &converters.header };
    struct mr_arena *arena = mr_arena_create(1 << 16);
    const struct mr_converter_place place = { .size = sizeof(place), .topic = "t" };
    for (size_t i = 0; i < 3; i++) {
        struct mr_bytes bytes;
        assert_int_equal(0, sides[i]->ops->from_connect(sides[i]->self, &place, NULL, mr_string(arena, "x"), arena, &bytes,
                                                        NULL));
        snprintf(written + strlen(written), sizeof(written) - strlen(written), "%.*s ", (int)bytes.size,
                 (const char *)bytes.data);
    }
    assert_string_equal(expected, written);
    assert_memory_equal(expected, converters.key.version, strlen(converters.key.version));
    mr_arena_destroy(arena);
    converters_release(&converters);
    string_map_destroy(connector);
    string_map_destroy(worker);
}

static struct string_map *worker_properties(void)
{
    return properties("key.converter", "VersionedConverter", "key.converter.plugin.version", "[1.0,1.5)", "value.converter",
                      "VersionedConverter", "header.converter", "VersionedConverter", "header.converter.plugin.version",
                      "1.5", NULL);
}

static void each_side_has_a_converter_of_its_version(void **state)
{
    (void)state;
    assert_writes("1.0:x 2.0:x 1.5:x ",
                  properties("key.converter", "VersionedConverter", "key.converter.plugin.version", " 1.0 ",
                             "value.converter", "VersionedConverter", "header.converter", "VersionedConverter",
                             "header.converter.plugin.version", "[1.0,2.0)", NULL), NULL);
}

static void the_workers_converters_have_the_workers_versions(void **state)
{
    (void)state;
    assert_writes("1.0:x 2.0:x 1.5:x ", properties("name", "c", NULL), worker_properties());
}

/* As in Kafka Connect: a version goes with the class beside it. */
static void a_version_alone_does_not_change_the_workers_converter(void **state)
{
    (void)state;
    assert_writes("1.0:x 2.0:x 1.5:x ", properties("key.converter.plugin.version", "2.0", NULL), worker_properties());
    assert_writes("2.0:x 2.0:x 1.5:x ", properties("key.converter", "VersionedConverter", NULL), worker_properties());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_versions_of_a_transform_run_side_by_side),
        cmocka_unit_test(a_predicate_has_a_version_of_its_own),
        cmocka_unit_test(a_version_that_is_gone_fails_the_start),
        cmocka_unit_test(each_side_has_a_converter_of_its_version),
        cmocka_unit_test(the_workers_converters_have_the_workers_versions),
        cmocka_unit_test(a_version_alone_does_not_change_the_workers_converter),
    };
    return cmocka_run_group_tests(tests, load_versions, unload);
}
