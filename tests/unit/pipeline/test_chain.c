/* Transforms in a row, with predicates; what a bad one may do to the others. */
#include "pipeline_test.h"

#include "pipeline/chain.h"
#include "support/fake_producer.h"

static struct loader *loader;

struct bench {
    struct mr_batch *batch;
    struct chain *chain;
    struct record_array out;
    struct mr_error *error;
    /* The policy: this verdict, after that many more attempts. */
    struct chain_policy policy;
    enum chain_verdict verdict;
    int attempts;
    const char *failed_class;
};

static enum chain_verdict decide(void *argument, const struct chain_failure *failure, struct mr_error **error)
{
    struct bench *bench = argument;
    bench->failed_class = failure->class_name;
    for (; bench->attempts > 0 && failure->again != NULL; bench->attempts--) {
        mr_error_clear(error);
        if (failure->again(failure->again_argument, error) == 0)
            return CHAIN_RECOVERED;
    }
    if (bench->verdict == CHAIN_SKIP)
        mr_error_clear(error);
    return bench->verdict;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    bench->batch = mr_batch_create(64 << 20);
    record_array_init(&bench->out);
    bench->policy = (struct chain_policy){ .recover = decide, .argument = bench };
    bench->verdict = CHAIN_FAIL;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    chain_destroy(bench->chain);
    record_array_release(&bench->out);
    mr_error_drop(bench->error);
    mr_batch_drop(bench->batch);
    free(bench);
    return 0;
}

static struct chain *try_build(struct bench *bench, struct string_map *map)
{
    chain_destroy(bench->chain);
    mr_error_clear(&bench->error);
    bench->chain = chain_create(loader, map, &bench->error);
    string_map_destroy(map);
    return bench->chain;
}

static void build(struct bench *bench, struct string_map *map)
{
    assert_non_null(try_build(bench, map));
}

static enum chain_outcome apply(struct bench *bench, struct mr_record *record)
{
    bench->out.count = 0;
    return chain_apply(bench->chain, &bench->policy, record, &bench->out, &bench->error);
}

static void an_empty_chain_passes_the_record_itself(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("name", "c", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(0, chain_count(bench->chain));
    assert_int_equal(CHAIN_PASSED, apply(bench, record));
    assert_int_equal(1, bench->out.count);
    assert_ptr_equal(record, bench->out.items[0]);
}

static void transforms_apply_in_the_order_of_the_list(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "h, i", "transforms.i.type", SMT "InsertField$Value", "transforms.i.topic.field",
                            "t", "transforms.h.type", SMT "HoistField$Value", "transforms.h.field", "line", NULL));
    assert_string_equal(SMT "HoistField$Value", chain_class_name(bench->chain, 0));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(CHAIN_PASSED, apply(bench, record));
    const struct mr_value *value = mr_record_value(bench->out.items[0]);
    assert_text("v", mr_struct_get(value, "line"));
    assert_text("out", mr_struct_get(value, "t"));
}

static void the_predicate_sees_what_earlier_transforms_left(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "f,h", "transforms.f.type", "org.acme.Failing", "transforms.h.type",
                            SMT "HoistField$Value", "transforms.h.field", "line", "transforms.h.predicate", " p ",
                            "transforms.h.negate", "TRUE", "predicates", "p", "predicates.p.type", "HasHeaderKey",
                            "predicates.p.name", "done", NULL));
    assert_int_equal(CHAIN_PASSED, apply(bench, append_polled(bench->batch, "k", "v")));
    assert_text("v", mr_record_value(bench->out.items[0]));
}

static void one_record_may_become_many_or_none(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "a,h,b", "transforms.a.type", "org.acme.Exploding", "transforms.a.count", "2",
                            "transforms.h.type", SMT "HoistField$Value", "transforms.h.field", "line",
                            "transforms.b.type", "Exploding", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(CHAIN_PASSED, apply(bench, record));
    assert_int_equal(6, bench->out.count);
    for (int64_t i = 0; i < 6; i++) {
        struct mr_record *part = bench->out.items[i];
        assert_ptr_equal(record, part->original);
        assert_int_equal(i / 3, mr_value_integer(mr_record_header_value(part, 0)));
        assert_int_equal(i % 3, mr_value_integer(mr_record_header_value(part, 1)));
        assert_text("v", mr_struct_get(mr_record_value(part), "line"));
    }
    build(bench, properties("transforms", "a,b", "transforms.a.type", "org.acme.Exploding", "transforms.a.count", "0",
                            "transforms.b.type", "org.acme.Failing", "transforms.b.times", "1", NULL));
    assert_int_equal(CHAIN_DROPPED, apply(bench, record));
}

static void many_parts_that_all_vanish_are_a_drop(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "a,b", "transforms.a.type", "org.acme.Exploding", "transforms.b.type",
                            "org.acme.Exploding", "transforms.b.count", "0", NULL));
    assert_int_equal(CHAIN_DROPPED, apply(bench, append_polled(bench->batch, "k", "v")));
}

static void a_part_that_fails_takes_the_whole_record_with_it(void **state)
{
    struct bench *bench = *state;
    bench->verdict = CHAIN_SKIP;
    build(bench, properties("transforms", "a,f", "transforms.a.type", "org.acme.Exploding", "transforms.f.type",
                            "org.acme.Failing", "transforms.f.part", "1", NULL));
    assert_int_equal(CHAIN_SKIPPED, apply(bench, append_polled(bench->batch, "k", "v")));
    assert_int_equal(0, bench->out.count);
    assert_string_equal("org.acme.Failing", bench->failed_class);
    bench->verdict = CHAIN_FAIL;
    assert_int_equal(CHAIN_FAILED, apply(bench, append_polled(bench->batch, "k", "v")));
    assert_string_equal("a bad record", mr_error_message(bench->error));
}

static void too_many_parts_of_parts_fail_the_record(void **state)
{
    struct bench *bench = *state;
    bench->verdict = CHAIN_SKIP;
    build(bench, properties("transforms", "a,b", "transforms.a.type", "org.acme.Exploding", "transforms.a.count", "400",
                            "transforms.b.type", "org.acme.Exploding", "transforms.b.count", "400", NULL));
    assert_int_equal(CHAIN_SKIPPED, apply(bench, append_polled(bench->batch, "k", "v")));
}

static void a_second_attempt_starts_from_the_record_as_it_was(void **state)
{
    struct bench *bench = *state;
    bench->policy.tries_again = true;
    bench->attempts = 5;
    build(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", "transforms.f.times", "3", NULL));
    assert_int_equal(CHAIN_PASSED, apply(bench, append_polled(bench->batch, "k", "v")));
    assert_int_equal(1, bench->out.count);
    assert_text("v", mr_record_value(bench->out.items[0]));
    assert_string_equal("out", mr_record_topic(bench->out.items[0]));
    assert_int_equal(1, mr_record_header_count(bench->out.items[0]));
    assert_null(bench->error);
}

static void a_record_given_up_is_as_it_was(void **state)
{
    struct bench *bench = *state;
    bench->policy.tries_again = true;
    bench->verdict = CHAIN_SKIP;
    bench->attempts = 2;
    build(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", "transforms.f.times", "9", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(CHAIN_SKIPPED, apply(bench, record));
    assert_text("v", mr_record_value(record));
    assert_string_equal("out", mr_record_topic(record));
    assert_int_equal(0, mr_record_header_count(record));
}

static void the_original_stays_untouched_where_that_is_wanted(void **state)
{
    struct bench *bench = *state;
    bench->policy.keeps_original = true;
    build(bench, properties("transforms", "f,h", "transforms.f.type", "org.acme.Failing", "transforms.h.type",
                            SMT "HoistField$Value", "transforms.h.field", "line", NULL));
    struct mr_record *record = append_polled(bench->batch, "k", "v");
    assert_int_equal(CHAIN_PASSED, apply(bench, record));
    assert_text("v", mr_record_value(record));
    assert_int_equal(0, mr_record_header_count(record));
    assert_ptr_not_equal(record, bench->out.items[0]);
    assert_ptr_equal(record, bench->out.items[0]->original);
    assert_int_equal(MR_KIND_STRUCT, mr_value_kind(mr_record_value(bench->out.items[0])));
    assert_int_equal(1, batch_copy_count(bench->batch));
}

static void a_transform_that_fails_without_a_reason_is_named(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", NULL));
    assert_int_equal(CHAIN_FAILED, apply(bench, append_polled(bench->batch, "k", "silent")));
    assert_non_null(strstr(mr_error_message(bench->error), "org.acme.Failing"));
}

static void anything_but_zero_is_a_failure(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "f", "transforms.f.type", "org.acme.Failing", NULL));
    assert_int_equal(CHAIN_FAILED, apply(bench, append_polled(bench->batch, "k", "odd")));
    assert_int_equal(0, bench->out.count);
}

static void a_record_of_another_batch_is_refused(void **state)
{
    struct bench *bench = *state;
    build(bench, properties("transforms", "a", "transforms.a.type", "org.acme.Exploding", "transforms.a.foreign", "true",
                            NULL));
    assert_int_equal(CHAIN_FAILED, apply(bench, append_polled(bench->batch, "k", "v")));
    assert_non_null(strstr(mr_error_message(bench->error), "mr_record_copy"));
}

static void wrong_properties_are_refused_by_name(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *names[4][2];
        const char *words;
    } cases[] = {
        { { { "transforms", "a" } }, "transforms.a.type" },
        { { { "transforms", "a,a" }, { "transforms.a.type", "Exploding" } }, "Duplicate alias" },
        { { { "transforms", "a" }, { "transforms.a.type", "org.acme.Missing" } }, "org.acme.Missing could not be found" },
        { { { "transforms", "a" }, { "transforms.a.type", SMT "HoistField" } }, "HoistField$Key" },
        { { { "transforms", "a" }, { "transforms.a.type", SMT "HoistField$Key" } }, "transforms.a.field" },
        { { { "transforms", "a" }, { "transforms.a.type", "Exploding" }, { "transforms.a.negate", "false" } },
          "transforms.a.predicate" },
        { { { "transforms", "a" }, { "transforms.a.type", "Exploding" }, { "transforms.a.predicate", "p" } }, "'p'" },
        { { { "transforms", "a" }, { "transforms.a.type", SMT "InsertField$Value" }, { "transforms.a.static.field", "x" } },
          "transforms.a: " SMT "InsertField$Value cannot be set up" },
        { { { "predicates", "p" }, { "predicates.p.type", "HasHeaderKey" } }, "predicates.p.name" },
        { { { "predicates", "p" } }, "predicates.p.type" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct string_map *map = string_map_create();
        for (size_t j = 0; j < 4 && cases[i].names[j][0] != NULL; j++)
            string_map_put(map, cases[i].names[j][0], cases[i].names[j][1]);
        assert_null(try_build(bench, map));
        assert_int_equal(MR_ERR_CONFIG, mr_error_code(bench->error));
        if (strstr(mr_error_message(bench->error), cases[i].words) == NULL)
            fail_msg("'%s' does not say '%s'", mr_error_message(bench->error), cases[i].words);
    }
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
        TEST(an_empty_chain_passes_the_record_itself),
        TEST(transforms_apply_in_the_order_of_the_list),
        TEST(the_predicate_sees_what_earlier_transforms_left),
        TEST(one_record_may_become_many_or_none),
        TEST(many_parts_that_all_vanish_are_a_drop),
        TEST(a_part_that_fails_takes_the_whole_record_with_it),
        TEST(too_many_parts_of_parts_fail_the_record),
        TEST(a_second_attempt_starts_from_the_record_as_it_was),
        TEST(a_record_given_up_is_as_it_was),
        TEST(the_original_stays_untouched_where_that_is_wanted),
        TEST(a_transform_that_fails_without_a_reason_is_named),
        TEST(anything_but_zero_is_a_failure),
        TEST(a_record_of_another_batch_is_refused),
        TEST(wrong_properties_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, load_plugins, unload_plugins);
}
