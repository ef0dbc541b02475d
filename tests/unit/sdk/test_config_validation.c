/* Findings: validators, the two moods, merged definitions, prefixes, classes, recommenders. */
#include "config_test.h"

#include "support/alloc_torture.h"

static const struct mr_range at_least_one = {1, INT64_MAX}, ten_to_twenty = {10, 20};
static const char *const levels[] = {"none", "all", NULL};
static const char *const formats[] = {"Base64", "numeric", NULL};

static const struct mr_config_row rows[] = {
    {.name = "topic", .type = MR_CONFIG_STRING, .default_text = MR_REQUIRED, .validator = mr_check_not_empty},
    {.name = "tasks.max",
     .type = MR_CONFIG_INT,
     .default_text = "1",
     .validator = mr_check_range,
     .validator_argument = &at_least_one},
    {.name = "size",
     .type = MR_CONFIG_DOUBLE,
     .default_text = "15",
     .validator = mr_check_range,
     .validator_argument = &ten_to_twenty},
    {.name = "tolerance",
     .type = MR_CONFIG_STRING,
     .default_text = "none",
     .validator = mr_check_one_of,
     .validator_argument = levels},
    {.name = "format",
     .type = MR_CONFIG_STRING,
     .default_text = "base64",
     .validator = mr_check_one_of_any_case,
     .validator_argument = formats},
    {.name = "fields",
     .type = MR_CONFIG_LIST,
     .default_text = "a",
     .validator = mr_check_valid_list,
     .validator_argument = ""},
    {.name = "spec", .type = MR_CONFIG_LIST, .default_text = "a", .validator = mr_check_list_not_empty},
    {.name = "extras", .type = MR_CONFIG_LIST, .default_text = NULL, .validator = mr_check_valid_list},
};
static const struct mr_config_def def = MR_CONFIG_DEF(rows);

static void assert_found(const char *name, const char *text, const char *message)
{
    struct parsed parsed = parse(&def, CONFIG_VALIDATE, map_of("topic", "t", name, text, NULL));
    assert_int_equal(config_report_count(parsed.report), 1);
    assert_finding(&parsed, 0, name, message);
    parsed_release(&parsed);
}

static void assert_fine(const char *name, const char *text)
{
    struct parsed parsed = parse(&def, CONFIG_VALIDATE, map_of("topic", "t", name, text, NULL));
    assert_no_findings(&parsed);
    parsed_release(&parsed);
}

static void the_ready_validators_speak_as_kafkas(void **state)
{
    (void)state;
    assert_found("topic", " ", "Invalid value  for configuration topic: String must be non-empty");
    assert_found("tasks.max", "0", "Invalid value 0 for configuration tasks.max: Value must be at least 1");
    assert_found("tasks.max", NULL_TEXT, "Invalid value null for configuration tasks.max: Value must be non-null");
    assert_found("size", "9.5", "Invalid value 9.5 for configuration size: Value must be at least 10");
    assert_found("size", "21", "Invalid value 21.0 for configuration size: Value must be no more than 20");
    assert_fine("size", "20");
    assert_found("tolerance", "ALL", "Invalid value ALL for configuration tolerance: String must be one of: none, all");
    assert_fine("tolerance", "all");
    assert_found(
        "format", "hex",
        "Invalid value hex for configuration format: String must be one of (case insensitive): BASE64, NUMERIC");
    assert_fine("format", "NuMeRiC");
    assert_found("fields", "", "Configuration 'fields' must not be empty. Valid values include: any non-empty value");
    assert_found("fields", "a,,b", "Configuration 'fields' values must not be empty.");
    assert_found("fields", NULL_TEXT, "Configuration 'fields' values must not be null.");
    assert_fine("fields", "a, b");
    assert_found("spec", "", "Invalid value [] for configuration spec: Empty list");
    assert_fine("spec", "a,a,");
    assert_fine("extras", "");
    assert_fine("extras", NULL_TEXT);
}

static void a_missing_required_option_is_found_once_when_its_validator_takes_null(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_VALIDATE, map_of(NULL));
    assert_int_equal(config_report_count(parsed.report), 1);
    assert_finding(&parsed, 0, "topic", "Missing required configuration \"topic\" which has no default value.");
    parsed_release(&parsed);
}

static void all_findings_are_collected_in_the_order_of_options(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_VALIDATE, map_of("tolerance", "x", "tasks.max", "abc", NULL));
    assert_int_equal(config_report_count(parsed.report), 4);
    assert_finding(&parsed, 0, "topic", "Missing required configuration \"topic\" which has no default value.");
    assert_finding(&parsed, 1, "tasks.max", "Invalid value abc for configuration tasks.max: Not a number of type INT");
    assert_finding(&parsed, 2, "tasks.max", "Invalid value null for configuration tasks.max: Value must be non-null");
    assert_finding(&parsed, 3, "tolerance",
                   "Invalid value x for configuration tolerance: String must be one of: none, all");
    assert_int_equal(config_report_count_of(parsed.report, "tasks.max"), 2);
    parsed_release(&parsed);
}

static void parsing_for_use_does_not_check_what_it_could_not_read(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("topic", "t", "tasks.max", "abc", NULL));
    assert_int_equal(config_report_count(parsed.report), 1);
    parsed_release(&parsed);
}

static void duplicates_drop_out_in_use_and_are_found_in_validation(void **state)
{
    (void)state;
    assert_found("fields", "b,a , b", "Configuration 'fields' values must not be duplicated.");
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("topic", "t", "fields", "b,a , b", "spec", "x,x", NULL));
    assert_no_findings(&parsed);
    assert_int_equal(mr_config_list_count(parsed.config, "fields"), 2);
    assert_string_equal(mr_config_list_at(parsed.config, "fields", 0), "b");
    assert_string_equal(mr_config_list_at(parsed.config, "fields", 1), "a");
    assert_string_equal(config_option_value(parsed.config, 5), "b,a");
    assert_int_equal(mr_config_list_count(parsed.config, "spec"), 2);
    parsed_release(&parsed);
}

/* A validator that looks at its neighbour, and speaks in the ways a plugin may. */
static int check_speech(const char *name, const char *text, const struct mr_config *config, const void *argument,
                        struct mr_error **error)
{
    (void)argument;
    if (text == NULL || *text == '\0')
        return 0;
    if (strcmp(text, "alone") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "%s cannot be so", name);
    if (strcmp(text, "mute") == 0)
        return -1;
    if (strcmp(text, "neighbour") == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "beside %s", mr_config_string(config, "later"));
    if (strcmp(text, "self") == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "am %s", mr_config_string(config, name));
    mr_error_set(error, MR_ERR_CONFIG, "set by mistake");
    return 0;
}

static int recommend(const char *name, const struct mr_config *config, struct mr_text_list *values, bool *visible,
                     struct mr_error **error)
{
    const char *speech = mr_config_string(config, name);
    if (strcmp(speech, "refuse") == 0)
        return mr_error_set(error, MR_ERR_CONFIG, "ask me later");
    if (strcmp(speech, "break") == 0)
        return mr_error_set(error, MR_ERR_CONNECT, "no network");
    *visible = false;
    return mr_text_list_append(values, "one") != 0 || mr_text_list_append(values, "two") != 0 ? -1 : 0;
}

static const char *const unknown_dependents[] = {"later", "nobody", NULL};
static const struct mr_config_row speech_rows[] = {
    {.name = "speech",
     .type = MR_CONFIG_STRING,
     .default_text = "",
     .validator = check_speech,
     .recommender = recommend},
    {.name = "later", .type = MR_CONFIG_STRING, .default_text = "b"},
    {.name = "word", .type = MR_CONFIG_PASSWORD, .default_text = "", .validator = check_speech},
    {.name = "kind", .type = MR_CONFIG_CLASS, .default_text = NULL},
};
static const struct mr_config_def speech_def = MR_CONFIG_DEF(speech_rows);

static const char *class_find(void *owner, const char *option, const char *text)
{
    assert_ptr_equal(owner, &speech_def);
    assert_string_equal(option, "transforms.a.kind");
    return strcmp(text, "Short") == 0 ? "org.acme.Short" : NULL;
}

static struct parsed parse_speech(struct string_map *map)
{
    struct parsed parsed = {NULL, config_report_create()};
    struct mr_error *error = NULL;
    const struct mr_config_def *defs[] = {NULL, &speech_def, &def};
    struct config_source source = {.mood = CONFIG_PARSE,
                                   .defs = defs,
                                   .def_count = 2,
                                   .map = map,
                                   .prefix = "transforms.a.",
                                   .class_find = class_find,
                                   .class_find_owner = (void *)&speech_def};
    assert_int_equal(config_parse(&source, &parsed.config, parsed.report, &error), 0);
    string_map_destroy(map);
    return parsed;
}

static void assert_speech(const char *name, const char *text, const char *message)
{
    struct parsed parsed = parse_speech(map_of(name, text, NULL));
    char full_name[64];
    snprintf(full_name, sizeof(full_name), "transforms.a.%s", name);
    assert_int_equal(config_report_count(parsed.report), 1);
    assert_finding(&parsed, 0, full_name, message);
    parsed_release(&parsed);
}

static void a_prefix_stands_in_messages_and_getters_take_both_names(void **state)
{
    (void)state;
    assert_speech("speech", "neighbour", "Invalid value neighbour for configuration transforms.a.speech: beside b");
    assert_speech("speech", "self", "Invalid value self for configuration transforms.a.speech: am self");
    struct parsed parsed = parse_speech(map_of("later", "x", NULL));
    assert_no_findings(&parsed);
    assert_string_equal(mr_config_string(parsed.config, "later"), "x");
    assert_string_equal(mr_config_text(parsed.config, "transforms.a.later"), "x");
    assert_true(mr_config_has(parsed.config, "transforms.a.later"));
    assert_string_equal(config_option_at(parsed.config, 1)->full_name, "transforms.a.later");
    parsed_release(&parsed);
}

/* `naming` decides which name stands in what is read, and which one validators get and tell. */
static void assert_named(enum config_naming naming, const char *name, const char *text, const char *message)
{
    struct parsed parsed = {NULL, config_report_create()};
    struct mr_error *error = NULL;
    const struct mr_config_def *defs[] = {&speech_def, &def};
    struct string_map *map = map_of(name, text, NULL);
    struct config_source source = {
        .mood = CONFIG_PARSE, .defs = defs, .def_count = 2, .map = map, .prefix = "a.", .naming = naming};
    assert_int_equal(config_parse(&source, &parsed.config, parsed.report, &error), 0);
    string_map_destroy(map);
    bool is_found = false;
    for (size_t i = 0; i < config_report_count(parsed.report); i++) {
        char full_name[64];
        snprintf(full_name, sizeof(full_name), "a.%s", name);
        if (strcmp(config_report_message(parsed.report, i), message) == 0) {
            assert_string_equal(config_report_option(parsed.report, i), full_name);
            is_found = true;
        }
    }
    if (!is_found)
        fail_msg("not found: %s", message);
    parsed_release(&parsed);
}

static void an_embedded_definition_tells_validators_its_own_names(void **state)
{
    (void)state;
    assert_named(CONFIG_NAMES_EMBEDDED, "speech", "self", "Invalid value self for configuration speech: am self");
    assert_named(CONFIG_NAMES_EMBEDDED, "speech", "alone", "speech cannot be so");
    assert_named(CONFIG_NAMES_EMBEDDED, "tasks.max", "x", "Invalid value x for configuration a.tasks.max: Not a number of type INT");
    assert_named(CONFIG_NAMES_SHORT, "speech", "self", "Invalid value self for configuration speech: am self");
    assert_named(CONFIG_NAMES_SHORT, "tasks.max", "x", "Invalid value x for configuration tasks.max: Not a number of type INT");
    assert_named(CONFIG_NAMES_FULL, "tasks.max", "x", "Invalid value x for configuration a.tasks.max: Not a number of type INT");
}

static void words_of_validators_are_contained(void **state)
{
    (void)state;
    assert_speech("speech", "alone", "transforms.a.speech cannot be so");
    assert_speech("speech", "mute", "The value was refused without a reason");
    struct parsed parsed = parse_speech(map_of("speech", "anything", NULL));
    assert_no_findings(&parsed); /* 0 is 0, whatever else the validator left */
    parsed_release(&parsed);
}

static void a_password_never_stands_in_a_finding(void **state)
{
    (void)state;
    assert_speech("word", "neighbour", "Invalid value [hidden] for configuration transforms.a.word: beside b");
}

static void classes_are_found_by_the_worker(void **state)
{
    (void)state;
    struct parsed parsed = parse_speech(map_of("kind", " Short ", NULL));
    assert_no_findings(&parsed);
    assert_string_equal(mr_config_string(parsed.config, "kind"), "org.acme.Short");
    parsed_release(&parsed);
    assert_speech("kind", "Nope",
                  "Invalid value Nope for configuration transforms.a.kind: Class Nope could not be found.");
}

static void of_merged_definitions_the_first_counts(void **state)
{
    (void)state;
    static const struct mr_config_row more_rows[] = {{.name = "later", .type = MR_CONFIG_INT, .default_text = "5"},
                                                     {.name = "new", .type = MR_CONFIG_INT, .default_text = "6"}};
    static const struct mr_config_def more = MR_CONFIG_DEF(more_rows);
    const struct mr_config_def *defs[] = {&speech_def, &more};
    struct string_map *map = map_of(NULL);
    struct config_source source = {.mood = CONFIG_VALIDATE, .defs = defs, .def_count = 2, .map = map};
    struct mr_config *config = NULL;
    assert_int_equal(config_parse(&source, &config, NULL, NULL), 0);
    assert_int_equal(config_option_count(config), 5);
    assert_string_equal(mr_config_string(config, "later"), "b");
    assert_int_equal(mr_config_integer(config, "new"), 6);
    assert_ptr_not_equal(config_submitted(config), map);
    string_map_destroy(map);
    mr_config_destroy(config);
}

static void undefined_dependents_are_found_in_validation(void **state)
{
    (void)state;
    static const struct mr_config_row dependent_rows[] = {
        {.name = "a", .type = MR_CONFIG_INT, .default_text = "5", .dependents = unknown_dependents},
        {.name = "later", .type = MR_CONFIG_INT, .default_text = "5"}};
    static const struct mr_config_def dependent_def = MR_CONFIG_DEF(dependent_rows);
    struct parsed parsed = parse(&dependent_def, CONFIG_VALIDATE, map_of(NULL));
    assert_int_equal(config_report_count(parsed.report), 1);
    assert_finding(&parsed, 0, "nobody", "nobody is referred in the dependents, but not defined.");
    parsed_release(&parsed);
}

static void recommenders_are_asked(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    bool visible;
    struct mr_text_list *values = text_list_create();
    struct parsed parsed = parse(&speech_def, CONFIG_VALIDATE, map_of("speech", "x", NULL));
    assert_int_equal(config_option_recommend(parsed.config, 0, values, &visible, parsed.report, &error), 0);
    assert_false(visible);
    assert_int_equal(text_list_count(values), 2);
    assert_string_equal(text_list_at(values, 1), "two");
    assert_int_equal(config_option_recommend(parsed.config, 1, values, &visible, parsed.report, &error), 0);
    assert_true(visible);
    assert_no_findings(&parsed);
    parsed_release(&parsed);

    parsed = parse(&speech_def, CONFIG_VALIDATE, map_of("speech", "refuse", NULL));
    assert_int_equal(config_option_recommend(parsed.config, 0, values, &visible, parsed.report, &error), 0);
    assert_finding(&parsed, 0, "speech", "ask me later");
    parsed_release(&parsed);

    parsed = parse(&speech_def, CONFIG_VALIDATE, map_of("speech", "break", NULL));
    assert_int_equal(config_option_recommend(parsed.config, 0, values, &visible, parsed.report, &error), -1);
    assert_string_equal(mr_error_message(error), "Option speech: no network");
    mr_error_clear(&error);
    parsed_release(&parsed);
    text_list_destroy(values);
}

static void a_huge_value_is_refused_in_a_bounded_message(void **state)
{
    (void)state;
    char *huge = mem_alloc(100001);
    memset(huge, 'x', 100000);
    huge[100000] = '\0';
    assert_found("tasks.max", "0", "Invalid value 0 for configuration tasks.max: Value must be at least 1");
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("topic", "t", "tolerance", huge, "tasks.max", huge, NULL));
    assert_int_equal(config_report_count(parsed.report), 2);
    assert_finding(&parsed, 0, "tasks.max", "Invalid value for configuration tasks.max: Not a number of type INT");
    assert_true(strlen(config_report_message(parsed.report, 1)) <= CONFIG_MESSAGE_MAX);
    parsed_release(&parsed);
    mem_free(huge);
}

static void a_report_takes_findings_of_others(void **state)
{
    (void)state;
    struct mr_config_report *inner = config_report_create(), *outer = config_report_create();
    assert_int_equal(mr_config_report_error(inner, "a", "%d too many", 3), 0);
    assert_int_equal(mr_config_report_error(inner, NULL, "all wrong"), 0);
    assert_int_equal(config_report_add_all(outer, inner, "p."), 0);
    assert_string_equal(config_report_option(outer, 0), "p.a");
    assert_string_equal(config_report_message(outer, 0), "3 too many");
    assert_null(config_report_option(outer, 1));
    assert_int_equal(config_report_count_of(outer, "p.a"), 1);
    for (size_t i = 0; i < CONFIG_REPORT_MAX; i++)
        mr_config_report_error(inner, "a", "again");
    assert_int_equal(config_report_count(inner), CONFIG_REPORT_MAX);
    assert_true(config_report_failed(inner));
    config_report_destroy(inner);
    config_report_destroy(outer);
}

static bool validate_all(void *argument)
{
    (void)argument;
    struct mr_config *config = NULL;
    struct mr_config_report *report = config_report_create();
    struct string_map *map = string_map_create();
    bool is_filled = map != NULL && string_map_put(map, "fields", "a,b,a") && string_map_put(map, "tolerance", "x") &&
                     string_map_put(map, "tasks.max", "none");
    const struct mr_config_def *defs[] = {&def};
    struct config_source source = {.mood = CONFIG_VALIDATE, .defs = defs, .def_count = 1, .map = map};
    struct mr_error *error = NULL;
    bool worked = report != NULL && is_filled && config_parse(&source, &config, report, &error) == 0;
    if (worked)
        assert_int_equal(config_report_count(report), 5);
    mr_error_clear(&error);
    mr_config_destroy(config);
    config_report_destroy(report);
    string_map_destroy(map);
    return worked;
}

static void validation_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(validate_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ready_validators_speak_as_kafkas),
        cmocka_unit_test(a_missing_required_option_is_found_once_when_its_validator_takes_null),
        cmocka_unit_test(all_findings_are_collected_in_the_order_of_options),
        cmocka_unit_test(parsing_for_use_does_not_check_what_it_could_not_read),
        cmocka_unit_test(duplicates_drop_out_in_use_and_are_found_in_validation),
        cmocka_unit_test(a_prefix_stands_in_messages_and_getters_take_both_names),
        cmocka_unit_test(an_embedded_definition_tells_validators_its_own_names),
        cmocka_unit_test(words_of_validators_are_contained),
        cmocka_unit_test(a_password_never_stands_in_a_finding),
        cmocka_unit_test(classes_are_found_by_the_worker),
        cmocka_unit_test(of_merged_definitions_the_first_counts),
        cmocka_unit_test(undefined_dependents_are_found_in_validation),
        cmocka_unit_test(recommenders_are_asked),
        cmocka_unit_test(a_huge_value_is_refused_in_a_bounded_message),
        cmocka_unit_test(a_report_takes_findings_of_others),
        cmocka_unit_test(validation_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
