#include "loader_test.h"

static char answer[8192];

static const char *settle(int status, const struct loader_plugin *plugin, struct mr_error *error)
{
    if (status == 0) {
        assert_null(error);
        snprintf(answer, sizeof(answer), "%s %s", plugin->class_name,
                 plugin->version != NULL ? plugin->version : "-");
    } else {
        assert_null(plugin);
        snprintf(answer, sizeof(answer), "%d: %s: %s", mr_error_code(error), mr_error_class_name(error),
                 mr_error_message(error));
    }
    mr_error_drop(error);
    return answer;
}

static const char *connector(const struct loader *loader, const char *name, const char *version_range)
{
    struct mr_error *error = NULL;
    const struct loader_plugin *plugin = NULL;
    int status = loader_find_connector(loader, name, version_range, &plugin, &error);
    return settle(status, plugin, error);
}

static const char *find(const struct loader *loader, enum mr_plugin_kind kind, const char *name)
{
    struct mr_error *error = NULL;
    const struct loader_plugin *plugin = NULL;
    int status = loader_find(loader, kind, name, NULL, &plugin, &error);
    assert_true(plugin == NULL || plugin->kind == kind);
    return settle(status, plugin, error);
}

static const char *any(const struct loader *loader, const char *name)
{
    struct mr_error *error = NULL;
    const struct loader_plugin *plugin = NULL;
    int status = loader_find_any(loader, name, NULL, &plugin, &error);
    return settle(status, plugin, error);
}

/* One loader for all tests: it is immutable. */
static int set_up(void **state)
{
    *state = load(MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS "/versioned_1_5.so," MR_TEST_PLUGINS
                                  "/versioned_2_0.so," MR_TEST_PLUGINS "/versioned_1_0.so");
    return 0;
}

static int tear_down(void **state)
{
    loader_destroy(*state);
    return 0;
}

static void a_connector_goes_by_three_names(void **state)
{
    assert_string_equal("org.acme.ThingSourceConnector 1.2.3", connector(*state, "org.acme.ThingSourceConnector", NULL));
    assert_string_equal("org.acme.ThingSourceConnector 1.2.3", connector(*state, "ThingSourceConnector", NULL));
    assert_string_equal("org.acme.ThingSourceConnector 1.2.3", connector(*state, "ThingSource", NULL));
    assert_string_equal("org.acme.ThingSinkConnector 1.0", connector(*state, "ThingSink", NULL));
}

static void an_alias_counts_as_a_further_full_name(void **state)
{
    assert_string_equal("org.acme.ThingSourceConnector 1.2.3",
                        connector(*state, "com.older.StuffSourceConnector", NULL));
    assert_string_equal("org.acme.ThingSourceConnector 1.2.3", connector(*state, "StuffSource", NULL));
}

static void case_matters(void **state)
{
    assert_non_null(strstr(connector(*state, "thingsource", NULL), "Failed to find any class"));
}

static void other_kinds_have_suffixes_of_their_own(void **state)
{
    assert_string_equal("org.acme.ThingConverter 1.0", find(*state, MR_PLUGIN_CONVERTER, "Thing"));
    assert_string_equal("org.acme.SafeConfigProvider 1.0", find(*state, MR_PLUGIN_CONFIG_PROVIDER, "Safe"));
    assert_string_equal("org.acme.SomeConnectorClientConfigOverridePolicy 1.0",
                        find(*state, MR_PLUGIN_OVERRIDE_POLICY, "Some"));
    assert_string_equal("org.acme.PeekRestExtension 1.0", find(*state, MR_PLUGIN_REST_EXTENSION, "Peek"));
    assert_string_equal("org.acme.IsThing -", find(*state, MR_PLUGIN_PREDICATE, "IsThing"));
    assert_string_equal("org.acme.ThingRouter 1.0", find(*state, MR_PLUGIN_TRANSFORM, "ThingRouter"));
}

static void a_short_name_made_for_converters_serves_header_converters(void **state)
{
    assert_string_equal("org.acme.ThingConverter 1.0", find(*state, MR_PLUGIN_HEADER_CONVERTER, "Thing"));
}

static void nested_classes_have_no_short_name(void **state)
{
    assert_string_equal("org.acme.Turn$Value 1.0", find(*state, MR_PLUGIN_TRANSFORM, "org.acme.Turn$Value"));
    assert_non_null(strstr(find(*state, MR_PLUGIN_TRANSFORM, "Value"), "Failed to find any class"));
    assert_non_null(strstr(find(*state, MR_PLUGIN_TRANSFORM, "Turn$Value"), "Failed to find any class"));
}

static void an_unknown_class_is_refused_with_those_there_are(void **state)
{
    const char *words = connector(*state, "Nothing", NULL);
    assert_int_equal(0, strncmp(words,
                                "6: org.apache.kafka.connect.errors.ConnectException: Failed to find any class that "
                                "implements Connector and which name matches Nothing, available connectors are: "
                                "PluginDesc{klass=class org.acme.ThingSinkConnector, name='org.acme.ThingSinkConnector', "
                                "version='1.0', encodedVersion=1.0, type=sink, typeName='sink', location='",
                                300));
    assert_non_null(strstr(words, "name='org.acme.ThingSourceConnector'"));
    assert_null(strstr(words, "ThingConverter"));
}

static void a_class_of_another_kind_is_not_found(void **state)
{
    assert_non_null(strstr(connector(*state, "org.acme.ThingConverter", NULL), "Failed to find any class"));
    assert_non_null(strstr(find(*state, MR_PLUGIN_PREDICATE, "ThingRouter"),
                           "Failed to find any class that implements Predicate and which name matches ThingRouter, "
                           "available predicates are: PluginDesc{klass=class org.acme.IsThing, name='org.acme.IsThing', "
                           "version='undefined'"));
}

static void any_kind_may_be_asked_for(void **state)
{
    assert_string_equal("org.acme.ThingSinkConnector 1.0", any(*state, "ThingSink"));
    assert_string_equal("org.acme.IsThing -", any(*state, "IsThing"));
    assert_string_equal("org.acme.ThingConverter 1.0", any(*state, "org.acme.ThingConverter"));
    assert_non_null(strstr(any(*state, "Nothing"), "Failed to find any class"));
}

static void without_a_range_the_newest_version_is_taken(void **state)
{
    assert_string_equal("org.acme.VersionedSinkConnector 2.0", connector(*state, "VersionedSink", NULL));
    assert_string_equal("org.acme.VersionedSinkConnector 2.0", connector(*state, "VersionedSink", "latest"));
}

static void a_bare_version_means_exactly_that_one(void **state)
{
    assert_string_equal("org.acme.VersionedSinkConnector 1.0", connector(*state, "VersionedSink", "1.0"));
    assert_string_equal("org.acme.VersionedSinkConnector 1.0", connector(*state, "VersionedSink", " 1.0.0 "));
    assert_string_equal("org.acme.VersionedSinkConnector 1.5", connector(*state, "VersionedSink", "[1.5]"));
}

static void of_a_range_the_newest_version_is_taken(void **state)
{
    assert_string_equal("org.acme.VersionedSinkConnector 1.5", connector(*state, "VersionedSink", "[1.0,2.0)"));
    assert_string_equal("org.acme.VersionedSinkConnector 1.0", connector(*state, "VersionedSink", "(,1.5)"));
    assert_string_equal("org.acme.VersionedSinkConnector 2.0", connector(*state, "VersionedSink", "(1.0,)"));
    assert_string_equal("org.acme.VersionedSinkConnector 1.5", connector(*state, "VersionedSink", "[0.1,1.1],[1.4,1.6]"));
    assert_string_equal("org.acme.VersionedSinkConnector 1.5", connector(*state, "VersionedSink", "[0.1,1.1][1.4,1.6]"));
    assert_string_equal("org.acme.VersionedSinkConnector 2.0", connector(*state, "VersionedSink", "(,)"));
}

static void ranges_are_read_as_mavens_parser_reads_them(void **state)
{
    assert_string_equal("org.acme.VersionedSinkConnector 1.0", connector(*state, "VersionedSink", "[1.0,1.0]"));
    assert_string_equal("org.acme.VersionedSinkConnector 1.5", connector(*state, "VersionedSink", "\n1.0,1.7\t"));
    assert_string_equal("org.acme.VersionedSinkConnector 2.0", connector(*state, "VersionedSink", "[1.0,),[1.5,3.0]"));
    assert_non_null(strstr(connector(*state, "VersionedSink", ""), "the version range [,], available"));
    assert_non_null(strstr(connector(*state, "VersionedSink", "LATEST"), "the version range [LATEST,LATEST], available"));
}

static void a_version_that_is_not_there_is_refused_with_those_that_are(void **state)
{
    assert_string_equal("3: org.apache.kafka.connect.runtime.isolation.VersionedPluginLoadingException: Plugin "
                        "org.acme.VersionedSinkConnector not found that matches the version range [3.0,3.0], available "
                        "versions: [1.0, 1.5, 2.0]",
                        connector(*state, "VersionedSink", "3.0"));
    assert_non_null(strstr(connector(*state, "VersionedSink", "(1.5,2.0)"), "the version range (1.5,2.0), available"));
}

static void a_malformed_range_is_refused(void **state)
{
    static const char *const cases[][2] = {
        { "[1.0", "Unbounded range: [1.0" },
        { "(1.0)", "Single version must be surrounded by []: (1.0)" },
        { "[1.0,1.0)", "Range defies version ordering: [1.0,1.0)" },
        { "[0.5],[2.0,1.0]", "Range defies version ordering: [2.0,1.0]" },
        { "[1.0,2.0],[1.5,3.0]", "Ranges overlap: [1.0,2.0],[1.5,3.0]" },
        { "[1.0,2.0],3.0", "Only fully-qualified sets allowed in multiple set scenario: [1.0,2.0],3.0" },
        { "1.0,[2.0,3.0]", "Range defies version ordering: [1.0,[2.0,3.0]" },
        { "1.0]", "Only fully-qualified sets allowed in multiple set scenario: [1.0]]" },
        { "]", "Only fully-qualified sets allowed in multiple set scenario: []]" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_non_null(strstr(connector(*state, "VersionedSink", cases[i][0]), cases[i][1]));
}

static void an_ambiguous_short_name_is_refused(void **state)
{
    (void)state;
    struct loader *loader = load(MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS "/other_vendor.so");
    const char *words = connector(loader, "ThingSource", NULL);
    assert_non_null(strstr(words, "More than one connector matches alias ThingSource. Please use full package and class "
                                  "name instead. Classes found: PluginDesc{klass=class net.other.ThingSourceConnector"));
    assert_non_null(strstr(words, "name='org.acme.ThingSourceConnector'"));
    assert_null(strstr(words, "ThingSinkConnector"));
    assert_non_null(strstr(find(loader, MR_PLUGIN_TRANSFORM, "ThingRouter"), "More than one transformation matches"));
    assert_string_equal("net.other.ThingRouter 1.0", find(loader, MR_PLUGIN_TRANSFORM, "net.other.ThingRouter"));
    assert_string_equal("org.acme.ThingSinkConnector 1.0", connector(loader, "ThingSink", NULL));
    loader_destroy(loader);
}

static const char *suggested(const struct loader *loader, const char *name)
{
    const char *class_names[3];
    size_t count = loader_suggest(loader, name, class_names, 3);
    answer[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(answer, class_names[i]);
        strcat(answer, " ");
    }
    return answer;
}

static void a_misspelt_name_brings_those_it_may_have_meant(void **state)
{
    assert_string_equal("org.acme.Turn$Key org.acme.Turn$Value ", suggested(*state, "Turn"));
    assert_string_equal("org.acme.Turn$Key org.acme.Turn$Value ", suggested(*state, "Trn"));
    assert_string_equal("org.acme.Turn$Key org.acme.Turn$Value ", suggested(*state, "turn"));
    assert_string_equal("", suggested(*state, "Torn")); /* another word */
    assert_string_equal("org.acme.Turn$Key ", suggested(*state, "turn$key"));
    assert_string_equal("org.acme.ThingRouter ", suggested(*state, "ThigRouter"));
    assert_string_equal("org.acme.ThingConverter ", suggested(*state, "thingconverter")); /* of two kinds, named once */
    assert_string_equal("org.acme.IsThing ", suggested(*state, "IsThng"));
    assert_string_equal("org.acme.ThingSourceConnector ", suggested(*state, "ThingSrouce"));
    assert_string_equal("", suggested(*state, "Elsewhere"));
    assert_string_equal("", suggested(*state, ""));
}

static void a_name_too_long_to_be_compared_suggests_nothing(void **state)
{
    char name[5000];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_string_equal("", suggested(*state, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connector_goes_by_three_names),
        cmocka_unit_test(an_alias_counts_as_a_further_full_name),
        cmocka_unit_test(case_matters),
        cmocka_unit_test(other_kinds_have_suffixes_of_their_own),
        cmocka_unit_test(a_short_name_made_for_converters_serves_header_converters),
        cmocka_unit_test(nested_classes_have_no_short_name),
        cmocka_unit_test(an_unknown_class_is_refused_with_those_there_are),
        cmocka_unit_test(a_class_of_another_kind_is_not_found),
        cmocka_unit_test(any_kind_may_be_asked_for),
        cmocka_unit_test(without_a_range_the_newest_version_is_taken),
        cmocka_unit_test(a_bare_version_means_exactly_that_one),
        cmocka_unit_test(of_a_range_the_newest_version_is_taken),
        cmocka_unit_test(ranges_are_read_as_mavens_parser_reads_them),
        cmocka_unit_test(a_version_that_is_not_there_is_refused_with_those_that_are),
        cmocka_unit_test(a_malformed_range_is_refused),
        cmocka_unit_test(an_ambiguous_short_name_is_refused),
        cmocka_unit_test(a_misspelt_name_brings_those_it_may_have_meant),
        cmocka_unit_test(a_name_too_long_to_be_compared_suggests_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
