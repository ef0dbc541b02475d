/* Parsed values: types, canonical text, defaults, getters, and what REST shows. */
#include "config_test.h"

#include "support/alloc_torture.h"

static const char *const option_dependents[] = {"count", NULL};

static const struct mr_config_row rows[] = {
    {.name = "flag", .type = MR_CONFIG_BOOLEAN, .default_text = " TRUE ", .importance = MR_LOW},
    {.name = "text",
     .type = MR_CONFIG_STRING,
     .default_text = NULL,
     .importance = MR_HIGH,
     .dependents = option_dependents},
    {.name = "count", .type = MR_CONFIG_INT, .default_text = "+07", .importance = MR_MEDIUM},
    {.name = "small", .type = MR_CONFIG_SHORT, .default_text = "3", .importance = MR_MEDIUM},
    {.name = "large", .type = MR_CONFIG_LONG, .default_text = NULL, .importance = MR_MEDIUM},
    {.name = "ratio", .type = MR_CONFIG_DOUBLE, .default_text = "7", .importance = MR_MEDIUM},
    {.name = "list", .type = MR_CONFIG_LIST, .default_text = "", .importance = MR_MEDIUM},
    {.name = "class", .type = MR_CONFIG_CLASS, .default_text = NULL, .importance = MR_MEDIUM},
    {.name = "secret", .type = MR_CONFIG_PASSWORD, .default_text = "hush", .importance = MR_MEDIUM},
};
static const struct mr_config_def def = MR_CONFIG_DEF(rows);

static void assert_value(const struct parsed *parsed, const char *name, const char *text)
{
    for (size_t i = 0; i < config_option_count(parsed->config); i++) {
        if (strcmp(config_option_at(parsed->config, i)->row.name, name) != 0)
            continue;
        const char *value = config_option_value(parsed->config, i);
        if (text == NULL)
            assert_null(value);
        else
            assert_string_equal(value, text);
        return;
    }
    fail_msg("no option %s", name);
}

static void assert_reads_as(const char *name, const char *text, const char *canonical)
{
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of(name, text, NULL));
    assert_no_findings(&parsed);
    assert_value(&parsed, name, canonical);
    parsed_release(&parsed);
}

static void assert_is_no(const char *name, const char *text, const char *message)
{
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of(name, text, NULL));
    assert_int_equal(config_report_count(parsed.report), 1);
    assert_finding(&parsed, 0, name, message);
    assert_value(&parsed, name, NULL);
    parsed_release(&parsed);
}

static void defaults_stand_where_nothing_was_given(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_VALIDATE, map_of(NULL));
    assert_no_findings(&parsed);
    assert_true(mr_config_boolean(parsed.config, "flag"));
    assert_null(mr_config_string(parsed.config, "text"));
    assert_false(mr_config_has_value(parsed.config, "text"));
    assert_int_equal(mr_config_integer(parsed.config, "count"), 7);
    assert_int_equal(mr_config_integer(parsed.config, "large"), 0);
    assert_true(mr_config_double(parsed.config, "ratio") == 7.0);
    assert_int_equal(mr_config_list_count(parsed.config, "list"), 0);
    assert_true(mr_config_has_value(parsed.config, "list"));
    assert_string_equal(mr_config_string(parsed.config, "secret"), "hush");
    assert_false(mr_config_has(parsed.config, "count"));
    assert_null(mr_config_text(parsed.config, "count"));
    parsed_release(&parsed);
}

static void texts_are_trimmed_and_made_canonical(void **state)
{
    (void)state;
    assert_reads_as("flag", " False\t", "false");
    assert_reads_as("text", " two words \n", "two words");
    assert_reads_as("text", "", "");
    assert_reads_as("count", " 4 ", "4");
    assert_reads_as("count", "+0012", "12");
    assert_reads_as("count", "-2147483648", "-2147483648");
    assert_reads_as("small", "-32768", "-32768");
    assert_reads_as("large", "9223372036854775807", "9223372036854775807");
    assert_reads_as("ratio", "7", "7.0");
    assert_reads_as("ratio", "1e3", "1000.0");
    assert_reads_as("ratio", "12345678.5", "1.23456785E7");
    assert_reads_as("ratio", "-0.5d", "-0.5");
    assert_reads_as("list", " a , b c,\td", "a,b c,d");
    assert_reads_as("list", "a,,b,", "a,,b,");
    assert_reads_as("list", "  ", "");
    assert_reads_as("class", " org.acme.X ", "org.acme.X");
    assert_reads_as("secret", " s ", "s");
    assert_reads_as("text", NULL_TEXT, NULL);
}

static void null_takes_no_value_away_that_a_plugin_counts_on(void **state)
{
    (void)state;
    assert_is_no("count", NULL_TEXT, "Invalid value null for configuration count: Value must be non-null");
}

static void what_is_no_value_of_its_type_is_told_in_kafkas_words(void **state)
{
    (void)state;
    assert_is_no("flag", "yes", "Invalid value yes for configuration flag: Expected value to be either true or false");
    assert_is_no("flag", "", "Invalid value  for configuration flag: Expected value to be either true or false");
    assert_is_no("count", "abc", "Invalid value abc for configuration count: Not a number of type INT");
    assert_is_no("count", " 1 2", "Invalid value  1 2 for configuration count: Not a number of type INT");
    assert_is_no("count", "2147483648", "Invalid value 2147483648 for configuration count: Not a number of type INT");
    assert_is_no("count", "1.0", "Invalid value 1.0 for configuration count: Not a number of type INT");
    assert_is_no("count", "", "Invalid value  for configuration count: Not a number of type INT");
    assert_is_no("count", "+", "Invalid value + for configuration count: Not a number of type INT");
    assert_is_no("small", "32768", "Invalid value 32768 for configuration small: Not a number of type SHORT");
    assert_is_no("large", "9223372036854775808",
                 "Invalid value 9223372036854775808 for configuration large: Not a number of type LONG");
    assert_is_no("ratio", "inf", "Invalid value inf for configuration ratio: Not a number of type DOUBLE");
}

static void getters_answer_by_type(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE,
                                 map_of("flag", "false", "text", "t", "count", "-3", "large", "5", "ratio", "0.25",
                                        "list", "x, y", "other", "o", "null", NULL_TEXT, NULL));
    const struct mr_config *config = parsed.config;
    assert_false(mr_config_boolean(config, "flag"));
    assert_string_equal(mr_config_string(config, "text"), "t");
    assert_int_equal(mr_config_integer(config, "count"), -3);
    assert_int_equal(mr_config_integer(config, "large"), 5);
    assert_true(mr_config_double(config, "ratio") == 0.25);
    assert_int_equal(mr_config_list_count(config, "list"), 2);
    assert_string_equal(mr_config_list_at(config, "list", 1), "y");
    assert_string_equal(mr_config_text(config, "list"), "x, y");
    assert_true(mr_config_has(config, "other"));
    assert_true(mr_config_has(config, "null"));
    assert_null(mr_config_text(config, "null"));
    assert_int_equal(mr_config_count(config), 8);
    assert_string_equal(mr_config_name_at(config, 6), "other");
    assert_string_equal(mr_config_text_at(config, 6), "o");
    parsed_release(&parsed);
}

static void passwords_are_hidden_wherever_they_are_shown(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of("secret", "", NULL));
    size_t secret = sizeof(rows) / sizeof(rows[0]) - 1;
    assert_string_equal(config_option_value(parsed.config, secret), "");
    assert_string_equal(config_option_shown(parsed.config, secret), "[hidden]");
    assert_string_equal(config_option_default(parsed.config, secret), "[hidden]");
    parsed_release(&parsed);
}

static void options_show_their_rows_and_canonical_defaults(void **state)
{
    (void)state;
    struct parsed parsed = parse(&def, CONFIG_PARSE, map_of(NULL));
    assert_int_equal(config_option_count(parsed.config), sizeof(rows) / sizeof(rows[0]));
    assert_string_equal(config_option_default(parsed.config, 0), "true");
    assert_null(config_option_default(parsed.config, 1));
    assert_string_equal(config_option_default(parsed.config, 2), "7");
    assert_string_equal(config_option_default(parsed.config, 5), "7.0");
    assert_string_equal(config_option_default(parsed.config, 6), "");
    const struct config_option *option = config_option_at(parsed.config, 1);
    assert_string_equal(option->full_name, "text");
    assert_false(option->is_required);
    assert_false(option->has_default);
    assert_ptr_equal(option->row.dependents, option_dependents);
    assert_string_equal(config_type_name(MR_CONFIG_CLASS), "CLASS");
    assert_string_equal(config_importance_name(MR_MEDIUM), "MEDIUM");
    assert_string_equal(config_width_name(MR_WIDTH_NONE), "NONE");
    assert_null(config_type_name((enum mr_config_type)99));
    assert_null(config_type_name((enum mr_config_type)0));
    parsed_release(&parsed);
}

static void a_row_of_an_older_plugin_is_filled_up(void **state)
{
    (void)state;
    struct short_row {
        const char *name;
        enum mr_config_type type;
        const char *default_text;
    };
    static const struct short_row short_rows[] = {{"a", MR_CONFIG_STRING, "x"}, {"b", MR_CONFIG_INT, "2"}};
    struct mr_config_def short_def = {sizeof(short_def), sizeof(struct short_row),
                                      (const struct mr_config_row *)(const void *)short_rows, 2};
    struct parsed parsed = parse(&short_def, CONFIG_VALIDATE, map_of("a", "y", NULL));
    assert_string_equal(mr_config_string(parsed.config, "a"), "y");
    assert_int_equal(mr_config_integer(parsed.config, "b"), 2);
    assert_null(config_option_at(parsed.config, 1)->row.doc);
    parsed_release(&parsed);
}

static void parsing_for_a_plugin_stops_at_the_first_mistake(void **state)
{
    (void)state;
    const char *names[] = {"count", "flag", "ratio"}, *texts[] = {"many", "perhaps", "1"};
    struct mr_error *error = NULL;
    assert_null(mr_config_parse(&def, names, texts, 3, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_string_equal(mr_error_message(error),
                        "Invalid value perhaps for configuration flag: Expected value to be either true or false");
    mr_error_clear(&error);
    struct mr_config *config = mr_config_parse(&def, names + 2, texts + 2, 1, &error);
    assert_non_null(config);
    assert_true(mr_config_double(config, "ratio") == 1.0);
    mr_config_destroy(config);
}

static void a_definition_is_checked_as_a_whole(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    assert_int_equal(config_def_check(&def, &error), 0);
    struct {
        struct mr_config_row rows[2];
        size_t count;
        const char *words;
    } broken[] = {
        {{{.name = "a", .type = MR_CONFIG_INT, .default_text = "x", .importance = MR_LOW}},
         1,
         "Option a is defined with a default that cannot be read: Not a number of type INT"},
        {{{.name = "a",
           .type = MR_CONFIG_STRING,
           .default_text = "",
           .importance = MR_LOW,
           .validator = mr_check_not_empty}},
         1,
         "Option a is defined with a default that its validator refuses: String must be non-empty"},
        {{{.name = "a", .type = MR_CONFIG_INT, .default_text = "1", .importance = MR_LOW, .validator = mr_check_range}},
         1,
         "Option a is defined with a validator that needs a validator_argument and has none"},
        {{{.name = "a", .type = MR_CONFIG_STRING, .importance = MR_LOW, .validator = mr_check_one_of}},
         1,
         "Option a is defined with a validator that needs a validator_argument and has none"},
        {{{.name = "a", .type = 77, .importance = MR_LOW}}, 1, "Option a is defined with the unknown type 77"},
        {{{.name = "a", .type = MR_CONFIG_INT}}, 1, "Option a is defined with the unknown importance 0"},
        {{{.type = MR_CONFIG_INT, .importance = MR_LOW}}, 1, "A definition has an option without a name"},
        {{{.name = "a", .type = MR_CONFIG_INT, .importance = MR_LOW},
          {.name = "a", .type = MR_CONFIG_INT, .importance = MR_LOW}},
         2,
         "A definition has two options of the same name"},
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct mr_config_def one = {sizeof(one), sizeof(struct mr_config_row), broken[i].rows, broken[i].count};
        assert_int_equal(config_def_check(&one, &error), -1);
        assert_string_equal(mr_error_message(error), broken[i].words);
        mr_error_clear(&error);
    }
}

static bool parse_all(void *argument)
{
    (void)argument;
    struct mr_config *config = NULL;
    struct mr_config_report *report = config_report_create();
    struct string_map *map = string_map_create();
    bool is_filled = map != NULL && string_map_put(map, "list", "a,b, c") && string_map_put(map, "count", "x") &&
                     string_map_put(map, "ratio", "2.5") && string_map_put(map, "flag", "true");
    const struct mr_config_def *defs[] = {&def};
    struct config_source source = {.defs = defs, .def_count = 1, .map = map, .prefix = "transforms.a."};
    struct mr_error *error = NULL;
    bool worked = false;
    if (report != NULL && is_filled) {
        worked = config_parse(&source, &config, report, &error) == 0;
        if (!worked)
            assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
        else
            assert_int_equal(config_report_count(report), 1);
    }
    mr_error_clear(&error);
    mr_config_destroy(config);
    config_report_destroy(report);
    string_map_destroy(map);
    return worked;
}

static void parsing_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(parse_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_where_nothing_was_given),
        cmocka_unit_test(texts_are_trimmed_and_made_canonical),
        cmocka_unit_test(null_takes_no_value_away_that_a_plugin_counts_on),
        cmocka_unit_test(what_is_no_value_of_its_type_is_told_in_kafkas_words),
        cmocka_unit_test(getters_answer_by_type),
        cmocka_unit_test(passwords_are_hidden_wherever_they_are_shown),
        cmocka_unit_test(options_show_their_rows_and_canonical_defaults),
        cmocka_unit_test(a_row_of_an_older_plugin_is_filled_up),
        cmocka_unit_test(parsing_for_a_plugin_stops_at_the_first_mistake),
        cmocka_unit_test(a_definition_is_checked_as_a_whole),
        cmocka_unit_test(parsing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
