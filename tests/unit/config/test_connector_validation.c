#include "config_room_test.h"

#include "base/mem.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "support/alloc_torture.h"

static struct loader *loader;
static struct worker_config *worker;

static int set_up(void **state)
{
    (void)state;
    loader = test_loader();
    worker = worker_of("group.id=connect-taken\nbootstrap.servers=b:1\nconfig.storage.topic=c\noffset.storage.topic=o\n"
                       "status.storage.topic=s\nkey.converter=Thing\nvalue.converter=Thing\n"
                       "connector.client.config.override.policy=Principal\nconfig.providers=vault\n"
                       "config.providers.vault.class=SecretConfigProvider\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_config_destroy(worker);
    loader_destroy(loader);
    return 0;
}

static struct connector_findings findings_of(const char *text, const struct variables *variables)
{
    struct mr_error *error = NULL;
    struct connector_findings findings;
    struct string_map *raw = properties_of(text);
    for (size_t i = 0; i < string_map_count(raw); i++) {
        if (strcmp(string_map_value(raw, i), "NULL") == 0)
            assert_true(string_map_put_null(raw, string_map_key(raw, i)));
    }
    struct connector_validation validation = {
        .loader = loader, .worker = worker, .variables = variables, .name = "n", .raw = raw};
    if (connector_config_validate(&validation, &findings, &error) != 0)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(raw);
    return findings;
}

#define SOURCE "name=n\nconnector.class=ThingSource\npath=/x\n"
#define SINK "name=n\nconnector.class=ThingSink\n"

struct expected {
    const char *option, *message;
};
#define EXPECTED_MAX 6

static void assert_findings(const char *text, const struct expected *expected)
{
    size_t count = 0;
    struct connector_findings findings = findings_of(text, NULL);
    while (count < EXPECTED_MAX && expected[count].option != NULL)
        count++;
    for (size_t i = 0; i < findings.count; i++) {
        if (i >= count)
            fail_msg("%s: unexpected: %s: %s", text, findings.items[i].option, findings.items[i].message);
        assert_string_equal(findings.items[i].option, expected[i].option);
        assert_contains(findings.items[i].message, expected[i].message);
    }
    if (findings.count != count)
        fail_msg("%s: %zu findings, not %zu", text, findings.count, count);
    connector_findings_release(&findings);
}

static const struct {
    const char *text;
    struct expected expected[EXPECTED_MAX];
} cases[] = {
    {SOURCE, {{NULL, NULL}}},
    {SOURCE "nobody.knows.it=1\n", {{NULL, NULL}}},
    {SINK "topics=a, b\n", {{NULL, NULL}}},
    {SINK "topics.regex=a.*\n", {{NULL, NULL}}},
    /* framework options */
    {"connector.class=ThingSource\npath=/x\n",
     {{"name", "Missing required configuration \"name\" which has no default value."}}},
    {"name=\nconnector.class=ThingSource\npath=/x\n",
     {{"name", "Invalid value  for configuration name: String may not be empty"}}},
    {"name=a\\tb\nconnector.class=ThingSource\npath=/x\n",
     {{"name", "String may not contain control sequences but had the following ASCII chars: 9"}}},
    {SOURCE "tasks.max=0\n", {{"tasks.max", "Invalid value 0 for configuration tasks.max: Value must be at least 1"}}},
    {SOURCE "tasks.max=abc\n",
     {{"tasks.max", "Invalid value abc for configuration tasks.max: Not a number of type INT"},
      {"tasks.max", "Value must be non-null"}}},
    {SOURCE "tasks.max=NULL\n",
     {{"tasks.max", "Value must be non-null"},
      {"tasks.max", "Null value can not be supplied as the configuration value."}}},
    {SOURCE "foreign=NULL\n", {{"foreign", "Null value can not be supplied"}}},
    {SOURCE "errors.tolerance=ALL\n", {{"errors.tolerance", "String must be one of: none, all"}}},
    {SOURCE "config.action.reload=never\n", {{"config.action.reload", "String must be one of: none, restart"}}},
    {SOURCE "transaction.boundary=Interval\ntransaction.boundary.interval.ms=-1\n",
     {{"transaction.boundary.interval.ms", "Value must be at least 0"}}},
    {SOURCE "transaction.boundary=connector\n", {{"transaction.boundary", "does not support connector-defined"}}},
    {SOURCE "exactly.once.support=REQUIRED\n",
     {{"exactly.once.support", "This worker does not have exactly-once source support enabled."},
      {"exactly.once.support", "does not say whether it supports"}}},
    /* own options */
    {"name=n\nconnector.class=ThingSource\n",
     {{"path", "Missing required configuration \"path\" which has no default value."}}},
    {SOURCE "mode=slow\n", {{"mode", "Invalid value slow for configuration mode: String must be one of: fast, safe"}}},
    /* sinks */
    {SINK, {{"topics", "Must configure one of topics or topics.regex"}, {"topics.regex", "Must configure one of"}}},
    {SINK "topics=a\ntopics.regex=b\n",
     {{"topics", "topics and topics.regex are mutually exclusive options, but both are set."},
      {"topics.regex", "mutually exclusive"}}},
    {SINK "topics=a,a\n", {{"topics", "Configuration 'topics' values must not be duplicated."}}},
    {SINK "topics=a,,b\n", {{"topics", "Configuration 'topics' values must not be empty."}}},
    {SINK "topics=NULL\n",
     {{"topics", "must not be null"},
      {"topics", "Null value"},
      {"topics", "Must configure one of"},
      {"topics.regex", "Must configure one of"}}},
    {SINK "topics.regex=a[\n", {{"topics.regex", "Invalid regex: Unclosed character class"}}},
    {SINK "topics.regex=*a\n", {{"topics.regex", "Invalid value *a for configuration topics.regex: Invalid regex: D"}}},
    {SINK "topics.regex=(a\n", {{"topics.regex", "Unclosed group"}}},
    {SINK "topics.regex=a)\n", {{"topics.regex", "Unmatched closing"}}},
    {SINK "topics.regex=(?:a|b[]c])\\\\d+\n", {{NULL, NULL}}},
    {SINK "topics=a,dlq\nerrors.deadletterqueue.topic.name= dlq \n",
     {{"topics", "The DLQ topic 'dlq' may not be included in the list of topics ('topics=[a, dlq]')"}}},
    {SINK "topics.regex=d.*\nerrors.deadletterqueue.topic.name=dlq\n",
     {{"topics.regex", "The DLQ topic 'dlq' may not be matched by the regex"}}},
    {SINK "topics.regex=d\nerrors.deadletterqueue.topic.name=dlq\n", {{NULL, NULL}}},
    {"name=taken\nconnector.class=ThingSink\ntopics=a\n",
     {{"name", "Consumer group for sink connector named taken conflicts with Connect worker group connect-taken"}}},
    /* converters, transformations, predicates */
    {SOURCE "key.converter=Nope\n",
     {{"key.converter", "Invalid value Nope for configuration key.converter: Class Nope could not be found."}}},
    {SOURCE "key.converter=Thing\nvalue.converter=org.acme.ThingConverter\nheader.converter=Thing\n", {{NULL, NULL}}},
    {SOURCE "key.converter=Thing\nkey.converter.plugin.version=7\n",
     {{"key.converter", "matches the version range [7"},
      {"key.converter.plugin.version", "available versions: [1.0]"}}},
    {SOURCE "transforms=t\n",
     {{"transforms.t.type", "Missing required configuration \"transforms.t.type\" which has no default value."}}},
    {SOURCE "transforms=t\ntransforms.t.type=Nope\n",
     {{"transforms.t.type", "Invalid value Nope for configuration transforms.t.type: Class Nope could not be found."}}},
    {SOURCE "transforms=t,t\ntransforms.t.type=org.acme.Turn$Value\n",
     {{"transforms", "Configuration 'transforms' values must not be duplicated."}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.negate=true\n",
     {{"transforms.t.type",
       "Config 'transforms.t.negate' was provided but there is no config 'transforms.t.predicate'"}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.negate=perhaps\n",
     {{"transforms.t.type", "there is no config"},
      {"transforms.t.negate", "Expected value to be either true or false"}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.apache.kafka.connect.transforms.HoistField$Value\n",
     {{"transforms.t.field", "Missing required configuration \"transforms.t.field\" which has no default value."}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.predicate=undefined\n", {{NULL, NULL}}},
    {SOURCE "predicates=p\npredicates.p.type=HasHeaderKey\n", {{"predicates.p.name", "Missing required"}}},
    {SOURCE "predicates=p\npredicates.p.type=ThingRouter\n", {{"predicates.p.type", "could not be found"}}},
    /* overrides: the policy is Principal */
    {SOURCE "producer.override.security.protocol=SSL\nconsumer.override.max.poll.records=1\n", {{NULL, NULL}}},
    {SOURCE "producer.override.linger.ms=1\nproducer.override.acks=1\n",
     {{"producer.override.linger.ms",
       "The 'Principal' policy does not allow 'linger.ms' to be overridden in the connector configuration."},
      {"producer.override.acks", "'acks'"}}},
    {SINK "topics=a\nproducer.override.linger.ms=1\n", {{NULL, NULL}}},
    {SINK "topics=a\nconsumer.override.group.id=connect-taken\n",
     {{"consumer.override.group.id", "Consumer group connect-taken conflicts with Connect worker group connect-taken"},
      {"consumer.override.group.id", "'group.id'"}}},
    /* versions */
    {"name=n\nconnector.class=ThingSource\nconnector.plugin.version=9\n",
     {{"connector.class", "matches the version range [9"},
      {"connector.plugin.version", "available versions: [1.2.3]"}}},
};

static void each_mistake_is_found_in_kafka_connects_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_findings(cases[i].text, cases[i].expected);
}

static void findings_become_one_message(void **state)
{
    (void)state;
    struct connector_findings findings = findings_of("connector.class=ThingSource\ntasks.max=0\n", NULL);
    char *message = connector_findings_message(&findings);
    assert_string_equal(message, "Connector configuration is invalid and contains the following 3 error(s):\n"
                                 "Missing required configuration \"name\" which has no default value.\n"
                                 "Invalid value 0 for configuration tasks.max: Value must be at least 1\n"
                                 "Missing required configuration \"path\" which has no default value.\n"
                                 "You can also find the above list of errors at the endpoint "
                                 "`/connector-plugins/{connectorType}/config/validate`");
    mem_free(message);
    connector_findings_release(&findings);
}

static void a_connector_without_a_known_class_is_not_validated(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
        enum mr_error_code code;
    } unknown[] = {
        {"name=n\npassword=hunter2\n", "Connector config {name=n} contains no connector type", MR_ERR_CONFIG},
        {"name=n\nconnector.class=Nope\n",
         "Failed to find any class that implements Connector and which name matches Nope, available connectors are: ",
         MR_ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct mr_error *error = NULL;
        struct connector_findings findings;
        struct string_map *raw = properties_of(unknown[i].text);
        struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = raw};
        assert_int_equal(connector_config_validate(&validation, &findings, &error), -1);
        assert_contains(mr_error_message(error), unknown[i].words);
        assert_lacks(mr_error_message(error), "hunter2");
        assert_int_equal(mr_error_code(error), unknown[i].code);
        assert_int_equal(findings.count, 0);
        mr_error_drop(error);
        string_map_destroy(raw);
    }
}

static void references_are_resolved_and_what_they_hold_is_not_told(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct variables *variables = variables_create(loader, worker->properties, &error);
    assert_non_null(variables);
    struct connector_findings findings = findings_of(SOURCE "tasks.max=${vault:db:number}\n", variables);
    assert_int_equal(findings.count, 0);
    connector_findings_release(&findings);
    findings = findings_of(SOURCE "tasks.max=${vault:db:password}\nmode=${vault:db:password}\n"
                                  "transforms=t\ntransforms.t.type=${vault:mail:password}\n"
                                  "errors.tolerance=s3cr3t-of-mail\n",
                           variables);
    assert_int_equal(findings.count, 5);
    for (size_t i = 0; i < findings.count; i++)
        assert_lacks(findings.items[i].message, "s3cr3t");
    assert_string_equal(findings.items[0].message,
                        "Invalid value ${vault:db:password} for configuration tasks.max: Not a number of type INT");
    connector_findings_release(&findings);
    variables_destroy(variables);
}

static bool validate_and_release(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_findings findings;
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = argument};
    bool worked = connector_config_validate(&validation, &findings, &error) == 0;
    char *message = worked ? connector_findings_message(&findings) : NULL;
    bool is_said = message != NULL;
    mem_free(message);
    connector_findings_release(&findings);
    mr_error_drop(error);
    return worked && is_said;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    struct string_map *raw = properties_of(SINK "topics=a,a\ntransforms=t\ntransforms.t.type=Nope\n"
                                                "consumer.override.acks=1\nkey.converter=Thing\n");
    alloc_torture(validate_and_release, raw);
    string_map_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_found_in_kafka_connects_words),
        cmocka_unit_test(findings_become_one_message),
        cmocka_unit_test(a_connector_without_a_known_class_is_not_validated),
        cmocka_unit_test(references_are_resolved_and_what_they_hold_is_not_told),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
