/* Versions of plugins (KIP-891) in a validation: three versions of one class of each kind are installed. */
#include "config_room_test.h"

#include "config/connector_config.h"
#include "config/connector_report.h"

static struct loader *loader;
static struct worker_config *worker;

static int set_up(void **state)
{
    (void)state;
    static const char path[] = MR_TEST_PLUGINS "/versioned_1_5.so," MR_TEST_PLUGINS "/versioned_2_0.so," MR_TEST_PLUGINS
                                               "/versioned_1_0.so," MR_PLUGINS "/transforms.so," MR_PLUGINS
                                               "/string_converter.so," MR_PLUGINS "/override_policies.so";
    loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, NULL);
    assert_non_null(loader);
    worker = worker_of("group.id=g\nbootstrap.servers=b:1\nconfig.storage.topic=c\noffset.storage.topic=o\n"
                       "status.storage.topic=s\nkey.converter=String\nvalue.converter=String\nheader.converter=String\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_config_destroy(worker);
    loader_destroy(loader);
    return 0;
}

static struct connector_report *report_of(const char *text)
{
    struct mr_error *error = NULL;
    char whole[1024];
    snprintf(whole, sizeof(whole), "name=n\nconnector.class=VersionedSink\ntopics=t\n%s", text);
    struct string_map *raw = properties_of(whole);
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = raw};
    struct connector_report *report = connector_config_validate(&validation, &error);
    if (report == NULL)
        fail_msg("%s: %s", text, mr_error_message(error));
    string_map_destroy(raw);
    return report;
}

/* The option that only one version has, with its part's prefix; which one is listed says which version was taken. */
static const char *taken(const struct connector_report *report, const char *prefix)
{
    const char *version = "none";
    size_t length = strlen(prefix);
    for (size_t i = 0; i < report->option_count; i++) {
        const char *name = report->options[i]->name;
        if (strncmp(name, prefix, length) == 0 && strncmp(name + length, "only.in.", 8) == 0) {
            assert_string_equal("none", version);
            version = name + length + 8;
        }
    }
    return version;
}

#define T "transforms=a\ntransforms.a.type="
#define P "predicates=a\npredicates.a.type="

struct part {
    const char *text, *version_option, *prefix;
};
static const struct part parts[] = {
    {"", "connector.plugin.version", ""},
    {T "VersionedTransform\n", "transforms.a.plugin.version", "transforms.a."},
    {P "VersionedPredicate\n", "predicates.a.plugin.version", "predicates.a."},
    {"key.converter=VersionedConverter\n", "key.converter.plugin.version", "key.converter."},
    {"value.converter=org.acme.VersionedConverter\n", "value.converter.plugin.version", "value.converter."},
    {"header.converter=VersionedConverter\n", "header.converter.plugin.version", "header.converter."},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void the_options_are_those_of_the_version_that_is_taken(void **state)
{
    static const char *const wishes[][2] = {
        {NULL, "2.0"},        {"1.0", "1.0"},   {"[1.0,2.0)", "1.5"}, {"(,1.5)", "1.0"}, {"1.0,1.5", "1.5"},
        {" [1.5] ", "1.5"},   {"latest", "2.0"}, {"[1.0,1.2],[1.4,1.6]", "1.5"},
    };
    (void)state;
    for (size_t i = 0; i < PARTS; i++) {
        for (size_t k = 0; k < sizeof(wishes) / sizeof(wishes[0]); k++) {
            char text[512];
            snprintf(text, sizeof(text), "%s%s%s%s\n", parts[i].text, wishes[k][0] != NULL ? parts[i].version_option : "#",
                     "=", wishes[k][0] != NULL ? wishes[k][0] : "");
            struct connector_report *report = report_of(text);
            if (strcmp(taken(report, parts[i].prefix), wishes[k][1]) != 0)
                fail_msg("%s: took %s", text, taken(report, parts[i].prefix));
            assert_int_equal(0, report->error_count);
            connector_report_destroy(report);
        }
    }
}

static const struct connector_option *option_of(const struct connector_report *report, const char *name)
{
    for (size_t i = 0; i < report->option_count; i++) {
        if (strcmp(report->options[i]->name, name) == 0)
            return report->options[i];
    }
    fail_msg("%s is not listed", name);
    return NULL;
}

static void all_versions_are_recommended_and_the_newest_is_the_default(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARTS; i++) {
        struct connector_report *report = report_of(parts[i].text);
        const struct connector_option *option = option_of(report, parts[i].version_option);
        assert_string_equal("2.0", option->definition.default_text);
        assert_string_equal("2.0", option->value);
        assert_int_equal(3, option->recommended.count);
        assert_string_equal("1.0", option->recommended.items[0]);
        assert_string_equal("1.5", option->recommended.items[1]);
        assert_string_equal("2.0", option->recommended.items[2]);
        connector_report_destroy(report);
    }
}

static void assert_default(const struct connector_report *report, const char *option, const char *expected)
{
    assert_string_equal(expected, option_of(report, option)->definition.default_text);
    assert_string_equal(expected, option_of(report, option)->value);
}

static void the_workers_wish_is_the_default_for_the_workers_converter(void **state)
{
    (void)state;
    struct worker_config *usual = worker;
    worker = worker_of(MINIMAL "key.converter=VersionedConverter\nkey.converter.plugin.version= [1.0,2.0) \n"
                               "value.converter=VersionedConverter\nheader.converter=String\n");
    struct connector_report *report = report_of("");
    assert_default(report, "key.converter.plugin.version", "[1.0,2.0)");
    assert_default(report, "value.converter.plugin.version", "2.0");
    connector_report_destroy(report);
    report = report_of("key.converter=VersionedConverter\n");
    assert_default(report, "key.converter.plugin.version", "2.0");
    connector_report_destroy(report);
    worker_config_destroy(worker);
    worker = usual;
}

static void definitions_of_an_older_version_name_the_newest_as_default(void **state)
{
    const struct loader_plugin *plugin;
    (void)state;
    assert_int_equal(0, loader_find_connector(loader, "VersionedSink", "1.0", &plugin, NULL));
    struct connector_report *report = connector_definitions(loader, plugin, NULL);
    assert_string_equal("1.0", taken(report, ""));
    assert_string_equal("2.0", option_of(report, "connector.plugin.version")->definition.default_text);
    connector_report_destroy(report);
}

/* As "option: message; option: message". */
static void assert_errors(const char *text, const char *expected)
{
    char found[2048] = "";
    struct connector_report *report = report_of(text);
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        for (size_t k = 0; k < option->errors.count; k++)
            snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s: %s", found[0] != '\0' ? "; " : "",
                     option->name, (const char *)option->errors.items[k]);
    }
    connector_report_destroy(report);
    if (strcmp(found, expected) != 0)
        fail_msg("%s\n  found    %s\n  expected %s", text, found, expected);
}

#define NONE(class, range) "Plugin org.acme." class " not found that matches the version range " range ", available versions: [1.0, 1.5, 2.0]"
#define OURS(range) "Plugin org.apache.kafka.connect.transforms.Filter not found that matches the version range " range ", available versions: [4.3.1]"

/* Where, how often and in which words: as a JVM worker answers. */
static void a_version_that_is_not_there_is_an_error_of_class_and_version(void **state)
{
    (void)state;
    assert_errors("connector.plugin.version=3.0\n", "connector.class: " NONE("VersionedSinkConnector", "[3.0,3.0]")
                  "; connector.plugin.version: " NONE("VersionedSinkConnector", "[3.0,3.0]"));
    assert_errors(T "VersionedTransform\ntransforms.a.plugin.version=3.0\n",
                  "transforms.a.type: " NONE("VersionedTransform", "[3.0,3.0]")
                  "; transforms.a.plugin.version: " NONE("VersionedTransform", "[3.0,3.0]"));
    assert_errors(P "VersionedPredicate\npredicates.a.plugin.version=(2.0,)\n",
                  "predicates.a.type: " NONE("VersionedPredicate", "(2.0,)")
                  "; predicates.a.plugin.version: " NONE("VersionedPredicate", "(2.0,)"));
    assert_errors("key.converter=VersionedConverter\nkey.converter.plugin.version=\n",
                  "key.converter: " NONE("VersionedConverter", "[,]")
                  "; key.converter.plugin.version: " NONE("VersionedConverter", "[,]"));
    assert_errors("header.converter=VersionedConverter\nheader.converter.plugin.version=(1.0,1.5)\n",
                  "header.converter: " NONE("VersionedConverter", "(1.0,1.5)")
                  "; header.converter.plugin.version: " NONE("VersionedConverter", "(1.0,1.5)"));
    assert_errors(T "Filter\ntransforms.a.plugin.version=[3.0,4.0)\n",
                  "transforms.a.type: " OURS("[3.0,4.0)") "; transforms.a.plugin.version: " OURS("[3.0,4.0)"));
}

static void what_is_no_version_is_an_error_of_the_version(void **state)
{
    (void)state;
    assert_errors(T "VersionedTransform\ntransforms.a.plugin.version=[bad\n",
                  "transforms.a.type: Unbounded range: [bad; transforms.a.plugin.version: Unbounded range: [bad");
    assert_errors(T "Nope\ntransforms.a.plugin.version=[bad\n",
                  "transforms.a.type: Invalid value Nope for configuration transforms.a.type: Class Nope could not be "
                  "found.; transforms.a.plugin.version: Unbounded range: [bad");
    assert_errors("transforms=a\ntransforms.a.plugin.version=[bad\n",
                  "transforms.a.type: Missing required configuration \"transforms.a.type\" which has no default value.");
    assert_errors("key.converter=VersionedConverter\nkey.converter.plugin.version=[bad\n",
                  "key.converter.plugin.version: Unbounded range: [bad");
    assert_errors("key.converter=Nope\nkey.converter.plugin.version=[bad\n",
                  "key.converter: Invalid value Nope for configuration key.converter: Class Nope could not be found.; "
                  "key.converter.plugin.version: Unbounded range: [bad");
    assert_errors("value.converter.plugin.version=[bad\n", "value.converter.plugin.version: Unbounded range: [bad");
}

#define CAST "org.apache.kafka.connect.transforms.Cast"

static void an_abstract_class_is_refused_with_its_variants(void **state)
{
    (void)state;
    assert_errors(T CAST "\ntransforms.a.plugin.version=4.3.1\n",
                  "transforms.a.type: This class is abstract and cannot be created. Did you mean " CAST "$Key, " CAST
                  "$Value?");
    struct connector_report *report = report_of(T CAST "\n");
    assert_string_equal(CAST, option_of(report, "transforms.a.type")->value);
    connector_report_destroy(report);
}

static void without_the_connectors_version_no_other_is_known(void **state)
{
    (void)state;
    struct connector_report *report = report_of("connector.plugin.version=3.0\nkey.converter=VersionedConverter\n");
    const struct connector_option *option = option_of(report, "key.converter.plugin.version");
    assert_null(option->definition.default_text);
    assert_null(option->value);
    assert_int_equal(0, option->recommended.count);
    connector_report_destroy(report);
}

static void a_version_without_a_converter_of_its_own_is_passed_over(void **state)
{
    (void)state;
    assert_errors("key.converter.plugin.version=1.0\nvalue.converter.plugin.version=[9,)\n", "");
}

static void a_workers_converter_may_be_of_an_older_version(void **state)
{
    static const char *const wishes[][2] = {{"[1.0,2.0)", ""}, {"3.0", "[3.0,3.0]"}, {"[bad", "Unbounded range: [bad"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mr_error *error = NULL;
        char text[512];
        snprintf(text, sizeof(text), MINIMAL "key.converter=VersionedConverter\nkey.converter.plugin.version=%s\n"
                 "value.converter=String\nheader.converter=String\n", wishes[i][0]);
        struct worker_config *config = worker_of(text);
        int status = worker_config_check_plugins(config, loader, &error);
        assert_int_equal(wishes[i][1][0] == '\0' ? 0 : -1, status);
        if (status != 0)
            assert_contains(mr_error_message(error), wishes[i][1]);
        mr_error_drop(error);
        worker_config_destroy(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_options_are_those_of_the_version_that_is_taken),
        cmocka_unit_test(all_versions_are_recommended_and_the_newest_is_the_default),
        cmocka_unit_test(the_workers_wish_is_the_default_for_the_workers_converter),
        cmocka_unit_test(definitions_of_an_older_version_name_the_newest_as_default),
        cmocka_unit_test(a_version_that_is_not_there_is_an_error_of_class_and_version),
        cmocka_unit_test(what_is_no_version_is_an_error_of_the_version),
        cmocka_unit_test(an_abstract_class_is_refused_with_its_variants),
        cmocka_unit_test(without_the_connectors_version_no_other_is_known),
        cmocka_unit_test(a_version_without_a_converter_of_its_own_is_passed_over),
        cmocka_unit_test(a_workers_converter_may_be_of_an_older_version),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
