/* What a dry run says of options that a worker would pass over. */
#include "dry_run_test.h"

#define STRINGS "key.converter", STRING_CONVERTER, "value.converter", STRING_CONVERTER
#define MASKING STRINGS, "transforms", "mask", "transforms.mask.type", SMT "MaskField$Value"

/* The hints, a line each. Takes the configuration. */
static const char *hints_of(struct string_map *config)
{
    static char lines[8192];
    struct dry_run *dry_run = try_open(config);
    lines[0] = '\0';
    for (size_t i = 0; i < dry_run_hint_count(dry_run); i++) {
        size_t length = strlen(lines);
        snprintf(lines + length, sizeof(lines) - length, "%s\n", dry_run_hint(dry_run, i));
    }
    dry_run_destroy(dry_run);
    return lines;
}

/* Why it is refused. Takes the configuration. */
static const char *refusal_of(struct string_map *config)
{
    static char words[8192];
    struct mr_error *error = NULL;
    assert_null(try_create(config, &error));
    snprintf(words, sizeof(words), "%s", mr_error_message(error));
    mr_error_drop(error);
    return words;
}

static void options_that_count_are_not_talked_about(void **state)
{
    (void)state;
    assert_string_equal("", hints_of(sink(MASKING, "transforms.mask.fields", "card", "transforms.mask.predicate", "p", "predicates", "p",
                                          "predicates.p.type", SMT "predicates.RecordIsTombstone", "value.converter.converter.encoding",
                                          "UTF-8", "errors.tolerance", "all", "consumer.override.fetch.max.bytes", "1000", NULL)));
}

static void a_misspelt_option_of_a_transform_is_told_with_the_right_one(void **state)
{
    (void)state;
    assert_string_equal("transforms.mask.replcement has no effect: there is no such option (`millrace plugin doc CLASS` lists them); did "
                        "you mean transforms.mask.replacement?\n",
                        hints_of(sink(MASKING, "transforms.mask.fields", "card", "transforms.mask.replcement", "x", NULL)));
}

static void a_misspelt_option_is_told_also_where_the_right_one_is_missing(void **state)
{
    (void)state;
    const char *words = refusal_of(sink(MASKING, "transforms.mask.feilds", "card", NULL));
    assert_non_null(strstr(words, "\ntransforms.mask.fields: Missing required"));
    assert_non_null(strstr(words, "\ntransforms.mask.feilds has no effect: "));
    words = refusal_of(sink(STRINGS, "transforms", "put", "transforms.put.type", SMT "InsertField$Value", "transforms.put.topic.fild", "x", NULL));
    assert_non_null(strstr(words, "\ntransforms.put.type: " SMT "InsertField$Value cannot be set up with these options: No field insertion "
                                  "configured\ntransforms.put.topic.fild has no effect: "));
    assert_non_null(strstr(words, "did you mean transforms.put.topic.field?"));
}

static void options_of_a_transform_that_is_not_listed_are_told(void **state)
{
    (void)state;
    assert_string_equal("transforms.other.type has no effect: transforms does not list 'other'\n",
                        hints_of(sink(MASKING, "transforms.mask.fields", "card", "transforms.other.type", SMT "Filter", NULL)));
    assert_string_equal("predicates.p.type has no effect: predicates does not list 'p'\n",
                        hints_of(sink(STRINGS, "predicates.p.type", SMT "predicates.RecordIsTombstone", NULL)));
}

static void options_for_a_converter_that_the_connector_does_not_name_are_told(void **state)
{
    (void)state;
    assert_string_equal("value.converter.schemas.enable has no effect: the connector names no value.converter, so the worker's counts, with "
                        "the worker's options\n",
                        hints_of(sink("value.converter.schemas.enable", "false", NULL)));
}

static void misspelt_options_of_a_converter_and_of_the_framework_are_told(void **state)
{
    (void)state;
    assert_string_equal("value.converter.schema.enable has no effect: the converter declares no such option; did you mean "
                        "value.converter.schemas.enable?\n",
                        hints_of(sink("value.converter", JSON_CONVERTER, "value.converter.schema.enable", "false", NULL)));
    assert_string_equal("error.tolerance has no effect: nobody declares such an option; did you mean errors.tolerance?\n",
                        hints_of(sink(STRINGS, "error.tolerance", "all", NULL)));
}

static void a_connector_and_a_converter_may_have_options_that_they_do_not_declare(void **state)
{
    (void)state;
    assert_string_equal("", hints_of(sink(STRINGS, "acme.shard.count", "3", "value.converter.acme.registry", "x", "x", "y", NULL)));
}

static void a_class_that_is_not_there_is_answered_by_those_it_may_mean(void **state)
{
    (void)state;
    const char *words = refusal_of(sink(STRINGS, "transforms", "a", "transforms.a.type", "org.acme.MaskFeld$Value", "transforms.a.fields", "x", NULL));
    assert_non_null(strstr(words, "could not be found. Did you mean " SMT "MaskField$Value?"));
    assert_null(strstr(words, "transforms.a.fields"));
    words = refusal_of(connector("FileStreamSinc", NULL));
    assert_string_equal("there is no connector FileStreamSinc, or several go by that name. Did you mean "
                        "org.apache.kafka.connect.file.FileStreamSinkConnector?",
                        words);
    assert_non_null(strstr(refusal_of(connector("Zzzzzzzzz", NULL)), "`millrace plugin list` shows what there is."));
}

static void a_flood_of_unknown_options_is_bounded(void **state)
{
    (void)state;
    struct string_map *config = sink(MASKING, "transforms.mask.fields", "card", NULL);
    char name[64];
    for (int i = 0; i < 9000; i++) {
        snprintf(name, sizeof(name), "transforms.mask.fields%d", i);
        assert_true(string_map_put(config, name, "x"));
    }
    struct dry_run *dry_run = try_open(config);
    assert_int_equal(20, dry_run_hint_count(dry_run));
    dry_run_destroy(dry_run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_count_are_not_talked_about),
        cmocka_unit_test(a_misspelt_option_of_a_transform_is_told_with_the_right_one),
        cmocka_unit_test(a_misspelt_option_is_told_also_where_the_right_one_is_missing),
        cmocka_unit_test(options_of_a_transform_that_is_not_listed_are_told),
        cmocka_unit_test(options_for_a_converter_that_the_connector_does_not_name_are_told),
        cmocka_unit_test(misspelt_options_of_a_converter_and_of_the_framework_are_told),
        cmocka_unit_test(a_connector_and_a_converter_may_have_options_that_they_do_not_declare),
        cmocka_unit_test(a_class_that_is_not_there_is_answered_by_those_it_may_mean),
        cmocka_unit_test(a_flood_of_unknown_options_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
