/* Each built-in plugin goes by the names that Kafka Connect 4.3.1 knows its class by, and reports that version. */
#include "loader_test.h"

#define VERSION "4.3.1"
#define SMT "org.apache.kafka.connect.transforms."
#define PREDICATE SMT "predicates."
#define NUMBERS "org.apache.kafka.connect.converters."
#define STORAGE "org.apache.kafka.connect.storage."
#define POLICY "org.apache.kafka.connect.connector.policy."
#define PROVIDER "org.apache.kafka.common.config.provider."
#define FILE_STREAM "org.apache.kafka.connect.file."
#define TOOLS "org.apache.kafka.connect.tools."

/* `pruned`: without the kind's suffix; NULL: a nested class, which has its full name alone. */
struct builtin {
    enum mr_plugin_kind kind;
    const char *class_name, *pruned;
};

#define VARIANTS(name) { MR_PLUGIN_TRANSFORM, SMT name "$Key", NULL }, { MR_PLUGIN_TRANSFORM, SMT name "$Value", NULL }
#define CONVERTER(package, name)                                                                                        \
    { MR_PLUGIN_CONVERTER, package name "Converter", name }, { MR_PLUGIN_HEADER_CONVERTER, package name "Converter", name }

static const struct builtin builtins[] = {
    VARIANTS("Cast"),
    { MR_PLUGIN_TRANSFORM, SMT "DropHeaders", "DropHeaders" },
    VARIANTS("ExtractField"),
    { MR_PLUGIN_TRANSFORM, SMT "Filter", "Filter" },
    VARIANTS("Flatten"),
    VARIANTS("HeaderFrom"),
    VARIANTS("HoistField"),
    VARIANTS("InsertField"),
    { MR_PLUGIN_TRANSFORM, SMT "InsertHeader", "InsertHeader" },
    VARIANTS("MaskField"),
    { MR_PLUGIN_TRANSFORM, SMT "RegexRouter", "RegexRouter" },
    VARIANTS("ReplaceField"),
    VARIANTS("SetSchemaMetadata"),
    VARIANTS("TimestampConverter"),
    { MR_PLUGIN_TRANSFORM, SMT "TimestampRouter", "TimestampRouter" },
    { MR_PLUGIN_TRANSFORM, SMT "ValueToKey", "ValueToKey" },
    { MR_PLUGIN_PREDICATE, PREDICATE "HasHeaderKey", "HasHeaderKey" },
    { MR_PLUGIN_PREDICATE, PREDICATE "RecordIsTombstone", "RecordIsTombstone" },
    { MR_PLUGIN_PREDICATE, PREDICATE "TopicNameMatches", "TopicNameMatches" },
    CONVERTER(NUMBERS, "Boolean"),
    CONVERTER(NUMBERS, "ByteArray"),
    CONVERTER(NUMBERS, "Double"),
    CONVERTER(NUMBERS, "Float"),
    CONVERTER(NUMBERS, "Integer"),
    CONVERTER(NUMBERS, "Long"),
    CONVERTER(NUMBERS, "Short"),
    CONVERTER("org.apache.kafka.connect.json.", "Json"),
    CONVERTER(STORAGE, "String"),
    { MR_PLUGIN_HEADER_CONVERTER, STORAGE "SimpleHeaderConverter", "Simple" },
    { MR_PLUGIN_OVERRIDE_POLICY, POLICY "AllConnectorClientConfigOverridePolicy", "All" },
    { MR_PLUGIN_OVERRIDE_POLICY, POLICY "AllowlistConnectorClientConfigOverridePolicy", "Allowlist" },
    { MR_PLUGIN_OVERRIDE_POLICY, POLICY "NoneConnectorClientConfigOverridePolicy", "None" },
    { MR_PLUGIN_OVERRIDE_POLICY, POLICY "PrincipalConnectorClientConfigOverridePolicy", "Principal" },
    { MR_PLUGIN_CONFIG_PROVIDER, PROVIDER "DirectoryConfigProvider", "Directory" },
    { MR_PLUGIN_CONFIG_PROVIDER, PROVIDER "EnvVarConfigProvider", "EnvVar" },
    { MR_PLUGIN_CONFIG_PROVIDER, PROVIDER "FileConfigProvider", "File" },
    { MR_PLUGIN_SINK, FILE_STREAM "FileStreamSinkConnector", "FileStreamSink" },
    { MR_PLUGIN_SOURCE, FILE_STREAM "FileStreamSourceConnector", "FileStreamSource" },
    { MR_PLUGIN_SINK, TOOLS "MockSinkConnector", "MockSink" },
    { MR_PLUGIN_SOURCE, TOOLS "MockSourceConnector", "MockSource" },
    { MR_PLUGIN_SINK, TOOLS "VerifiableSinkConnector", "VerifiableSink" },
    { MR_PLUGIN_SOURCE, TOOLS "VerifiableSourceConnector", "VerifiableSource" },
};
#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static int set_up(void **state)
{
    *state = load(MR_PLUGINS);
    return 0;
}

static int tear_down(void **state)
{
    loader_destroy(*state);
    return 0;
}

static void assert_finds(const struct loader *loader, const struct builtin *builtin, const char *name, const char *range)
{
    const struct loader_plugin *plugin = NULL;
    struct mr_error *error = NULL;
    if (loader_find(loader, builtin->kind, name, range, &plugin, &error) != 0)
        fail_msg("%s %s: %s", name, range != NULL ? range : "", mr_error_message(error));
    assert_string_equal(builtin->class_name, plugin->class_name);
    assert_string_equal(VERSION, plugin->version);
}

static void each_goes_by_its_full_simple_and_short_name(void **state)
{
    for (size_t i = 0; i < BUILTINS; i++) {
        assert_finds(*state, &builtins[i], builtins[i].class_name, NULL);
        if (builtins[i].pruned == NULL)
            continue;
        assert_finds(*state, &builtins[i], strrchr(builtins[i].class_name, '.') + 1, NULL);
        assert_finds(*state, &builtins[i], builtins[i].pruned, NULL);
    }
}

static void each_lies_in_the_ranges_of_existing_configurations(void **state)
{
    static const char *const ranges[] = { "4.3.1", "[4.3.1]", "[4.0,5.0)", "[4.3,)", "(,4.3.1]", "latest" };
    for (size_t i = 0; i < BUILTINS; i++) {
        for (size_t k = 0; k < sizeof(ranges) / sizeof(ranges[0]); k++)
            assert_finds(*state, &builtins[i], builtins[i].class_name, ranges[k]);
    }
}

static void variants_have_to_be_named(void **state)
{
    static const char *const names[] = { SMT "Cast", "Cast", "Cast$Value", "Key", "Value", SMT "ValueToKey$Value" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct loader_plugin *plugin = NULL;
        if (loader_find(*state, MR_PLUGIN_TRANSFORM, names[i], NULL, &plugin, NULL) == 0)
            fail_msg("%s is %s", names[i], plugin->class_name);
    }
}

static bool is_listed(const struct loader_plugin *plugin)
{
    for (size_t i = 0; i < BUILTINS; i++) {
        if (builtins[i].kind == plugin->kind && strcmp(builtins[i].class_name, plugin->class_name) == 0)
            return true;
    }
    return false;
}

static void all_that_take_the_place_of_a_java_class_are_tried(void **state)
{
    size_t count = 0;
    for (size_t i = 0; i < loader_count(*state); i++) {
        const struct loader_plugin *plugin = loader_at(*state, i);
        if (strncmp(plugin->class_name, "org.apache.kafka.", 17) != 0)
            continue;
        count++;
        if (!is_listed(plugin))
            fail_msg("%s is not in the table", plugin->class_name);
    }
    assert_int_equal(BUILTINS, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_by_its_full_simple_and_short_name),
        cmocka_unit_test(each_lies_in_the_ranges_of_existing_configurations),
        cmocka_unit_test(variants_have_to_be_named),
        cmocka_unit_test(all_that_take_the_place_of_a_java_class_are_tried),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
