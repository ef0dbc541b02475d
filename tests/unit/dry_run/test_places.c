/* What a dry run says behind the last record: fields that transforms look for and no record had. And which versions it took. */
#include "dry_run_test.h"

#define OWN "millrace.transforms."
#define JSON "key.converter", STRING_CONVERTER, "value.converter", JSON_CONVERTER, "value.converter.schemas.enable", "false"
#define ONE(class_name, option, text) JSON, "transforms", "t", "transforms.t.type", class_name, "transforms.t." option, text

/* The hints for these records, a line each. Takes the configuration. */
static const char *told(struct string_map *config, const char *const *records)
{
    static char lines[8192];
    struct dry_run *dry_run = try_open(config);
    lines[0] = '\0';
    for (; *records != NULL; records++)
        json_decref(try_one(dry_run, *records));
    assert_int_equal(0, dry_run_hint_count(dry_run));
    dry_run_end(dry_run);
    for (size_t i = 0; i < dry_run_hint_count(dry_run); i++) {
        size_t length = strlen(lines);
        snprintf(lines + length, sizeof(lines) - length, "%s\n", dry_run_hint(dry_run, i));
    }
    dry_run_destroy(dry_run);
    return lines;
}

#define TOLD(config, ...) told(config, (const char *const[]){__VA_ARGS__, NULL})

static void a_field_that_no_record_has_is_told(void **state)
{
    (void)state;
    assert_string_equal("transforms.t.fields: crad was in none of the records that came there (2); is it spelt as in the records?\n",
                        TOLD(sink(ONE(OWN "Redact$Value", "fields", "card, crad"), NULL), "{\"value\":{\"card\":1}}", "{\"value\":{}}"));
    assert_string_equal("transforms.t.fields: crad was in none of the records that came there (1); is it spelt as in the records?\n",
                        TOLD(sink(ONE(SMT "MaskField$Value", "fields", "crad"), NULL), "{\"value\":{\"card\":1}}"));
    assert_string_equal("transforms.t.exclude: ssm was in none of the records that came there (1); is it spelt as in the records?\n",
                        TOLD(sink(ONE(SMT "ReplaceField$Value", "exclude", "ssm"), NULL), "{\"value\":{\"ssn\":1}}"));
}

static void one_record_that_has_it_is_enough(void **state)
{
    (void)state;
    const char *paths = "card,who.name,lines[*].sku,lines[0].sku,lines[-1],none[*].x,gone.x,`a.b`.c,`q\\`q`";
    assert_string_equal("", TOLD(sink(ONE(OWN "Redact$Value", "fields", paths), NULL), "{\"value\":{}}", "{\"value\":[1]}",
                                 "{\"value\":{\"card\":null,\"who\":{\"name\":1},\"lines\":[{},{\"sku\":1}],\"none\":[],\"gone\":null}}",
                                 "{\"value\":{\"lines\":[{\"sku\":1}],\"a.b\":{\"c\":1},\"q`q\":2}}"));
    assert_string_equal("", TOLD(sink(ONE(SMT "MaskField$Value", "fields", "a.b"), NULL), "{\"value\":{\"a.b\":1}}"));
    assert_string_equal("", TOLD(sink(ONE(SMT "ExtractField$Value", "field", "a.b"), "transforms.t.field.syntax.version", "V2", NULL),
                                 "{\"value\":{\"a\":{\"b\":1}}}"));
}

static void what_came_to_no_transform_or_is_to_be_made_is_not_told(void **state)
{
    (void)state;
    assert_string_equal("", TOLD(sink(ONE(SMT "MaskField$Value", "fields", "crad"), NULL), "{\"value\":null}"));
    assert_string_equal("", TOLD(sink(ONE(SMT "HoistField$Value", "field", "made"), NULL), "{\"value\":{}}"));
    assert_string_equal("", TOLD(sink(ONE(SMT "MaskField$Value", "fields", "crad"), "transforms.t.predicate", "p", "predicates", "p",
                                      "predicates.p.type", SMT "predicates.RecordIsTombstone", NULL),
                                 "{\"value\":{\"card\":1}}"));
    assert_string_equal("", TOLD(sink(ONE(OWN "Redact$Value", "fields", "${secret:password}"), NULL), "{\"value\":{}}"));
}

/* Versions ---------------------------------------------------------------------------------------------------- */

/* The members "version" of all stages of one record, and of predicates, a blank before each. Takes the configuration. */
static const char *versions_of(struct string_map *config)
{
    static char words[512];
    struct dry_run *dry_run = try_open(config);
    json_t *report = try_one(dry_run, "{\"value\":{\"card\":1}}"), *stage;
    size_t i;
    words[0] = '\0';
    json_array_foreach(json_object_get(report, "stages"), i, stage)
    {
        size_t length = strlen(words);
        const json_t *test = json_object_get(stage, "predicate");
        snprintf(words + length, sizeof(words) - length, " %s%s%s", member(stage, "version"), test == NULL ? "" : "/", member(test, "version"));
    }
    json_decref(report);
    dry_run_destroy(dry_run);
    return words;
}

static void versions_are_told_when_one_is_asked_for(void **state)
{
    (void)state;
    assert_string_equal("  ", versions_of(sink(JSON, NULL)));
    assert_string_equal(" 4.3.1 4.3.1 4.3.1/4.3.1",
                        versions_of(sink(ONE(SMT "MaskField$Value", "fields", "card"), "transforms.t.plugin.version", "[4.0,5.0)",
                                         "transforms.t.predicate", "p", "transforms.t.negate", "true", "predicates", "p",
                                         "predicates.p.type", SMT "predicates.RecordIsTombstone", NULL)));
}

static void the_text_for_people_tells_versions_behind_their_class(void **state)
{
    (void)state;
    struct dry_run *dry_run = try_open(sink(ONE(SMT "MaskField$Value", "fields", "card"), "transforms.t.plugin.version", "4.3.1", NULL));
    struct dry_run_report report;
    struct str_buffer text;
    str_buffer_init(&text, 1 << 16);
    assert_int_equal(0, dry_run_text(dry_run, "{\"value\":{\"card\":1}}", 20, &report, NULL));
    assert_true(dry_run_report_write_text(&report, &text));
    assert_non_null(strstr(str_buffer_text(&text), "  TRANSFORMATION t " SMT "MaskField$Value 4.3.1\n"));
    str_buffer_release(&text);
    dry_run_report_release(&report);
    dry_run_destroy(dry_run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_that_no_record_has_is_told),
        cmocka_unit_test(one_record_that_has_it_is_enough),
        cmocka_unit_test(what_came_to_no_transform_or_is_to_be_made_is_not_told),
        cmocka_unit_test(versions_are_told_when_one_is_asked_for),
        cmocka_unit_test(the_text_for_people_tells_versions_behind_their_class),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
