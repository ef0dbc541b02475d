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

/* "NULL" stands for a JSON null. */
static struct connector_report *report_of(const char *text, const struct variables *variables)
{
    struct mr_error *error = NULL;
    struct string_map *raw = properties_of(text);
    for (size_t i = 0; i < string_map_count(raw); i++) {
        if (strcmp(string_map_value(raw, i), "NULL") == 0)
            assert_true(string_map_put_null(raw, string_map_key(raw, i)));
    }
    struct connector_validation validation = {
        .loader = loader, .worker = worker, .variables = variables, .name = "n", .raw = raw};
    struct connector_report *report = connector_config_validate(&validation, &error);
    if (report == NULL)
        fail_msg("%s: %s", text, mr_error_message(error));
    string_map_destroy(raw);
    return report;
}

#define SOURCE "name=n\nconnector.class=ThingSource\npath=/x\n"
#define SINK "name=n\nconnector.class=ThingSink\n"

struct expected {
    const char *option, *message;
};
#define EXPECTED_MAX 6

static void assert_findings(const char *text, const struct expected *expected)
{
    size_t count = 0, at = 0;
    struct connector_report *report = report_of(text, NULL);
    while (count < EXPECTED_MAX && expected[count].option != NULL)
        count++;
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        for (size_t k = 0; k < option->errors.count; k++, at++) {
            if (at >= count)
                fail_msg("%s: unexpected: %s: %s", text, option->name, (const char *)option->errors.items[k]);
            assert_string_equal(option->name, expected[at].option);
            assert_contains(option->errors.items[k], expected[at].message);
        }
    }
    if (at != count)
        fail_msg("%s: %zu findings, not %zu", text, at, count);
    assert_int_equal(report->error_count, count);
    connector_report_destroy(report);
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
    {SOURCE "millrace.placement.selector=zone=a, disk!=hdd, ssd, !spare\n", {{NULL, NULL}}},
    {SOURCE "millrace.placement.selector=zone=a;ssd\n", {{"millrace.placement.selector", "key=value, key!=value, key or !key"}}},
    {SOURCE "millrace.placement.selectors=zone=a\nmillraces=1\n", {{"millrace.placement.selectors", "millrace.placement.selectors: this worker knows no such option"}}},
    {SOURCE "millrace.errors.deadletterqueue.topic.name=letters\nmillrace.errors.deadletterqueue.topic.replication.factor=1\n"
            "millrace.errors.deadletterqueue.context.headers.enable=true\n", {{NULL, NULL}}},
    {SOURCE "millrace.errors.deadletterqueue.topic.replication.factor=many\n",
     {{"millrace.errors.deadletterqueue.topic.replication.factor", "Not a number of type SHORT"}}},
    {SOURCE "topic=t\nmillrace.errors.deadletterqueue.topic.name= t \n",
     {{"millrace.errors.deadletterqueue.topic.name", "may not be the connector's topic"}}},
    {SOURCE "millrace.errors.isolate=true\n", {{"millrace.errors.isolate", "is for sink connectors"}}},
    {SINK "topics=a\nmillrace.errors.deadletterqueue.topic.name=letters\n",
     {{"millrace.errors.deadletterqueue.topic.name", "a sink has errors.deadletterqueue.topic.name"}}},
    {SINK "topics=a\nmillrace.errors.isolate=true\n",
     {{"millrace.errors.isolate", "needs errors.tolerance=all"},
      {"millrace.errors.isolate", "errors.deadletterqueue.topic.name or errors.log.enable=true"}}},
    {SINK "topics=a\nmillrace.errors.isolate=true\nerrors.tolerance=all\nerrors.log.enable=true\n", {{NULL, NULL}}},
    {SINK "topics=a\nmillrace.errors.isolate=true\nerrors.tolerance=all\nerrors.deadletterqueue.topic.name=d\n",
     {{NULL, NULL}}},
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
      {"topics", "Must configure one of"},
      {"topics", "Null value"},
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
    {SOURCE "key.converter=org.other.ThingConvertr\n",
     {{"key.converter", "Class org.other.ThingConvertr could not be found. Did you mean org.acme.ThingConverter"}}},
    {SOURCE "key.converter=Thing\nvalue.converter=org.acme.ThingConverter\nheader.converter=Thing\n", {{NULL, NULL}}},
    {SOURCE "key.converter=Thing\nkey.converter.plugin.version=7\n",
     {{"key.converter", "matches the version range [7"},
      {"key.converter.plugin.version", "available versions: [1.0]"}}},
    {SOURCE "transforms=t\n",
     {{"transforms.t.type", "Missing required configuration \"transforms.t.type\" which has no default value."}}},
    {SOURCE "transforms=t\ntransforms.t.type=Nope\n",
     {{"transforms.t.type", "Invalid value Nope for configuration transforms.t.type: Class Nope could not be found."}}},
    {SOURCE "transforms=t,t\ntransforms.t.type=org.acme.Turn$Value\n",
     {{"transforms", "Invalid value [t, t] for configuration transforms: Duplicate alias provided."}}},
    {SOURCE "transforms=NULL\n",
     {{"transforms", "Invalid value null for configuration transforms: entry must be non null"},
      {"transforms", "Null value can not be supplied as the configuration value."}}},
    {SOURCE "transforms=t,\ntransforms.t.type=org.acme.Turn$Value\n",
     {{"transforms..type", "Missing required configuration \"transforms..type\" which has no default value."}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.negate=true\n",
     {{"transforms.t.type",
       "Config 'transforms.t.negate' was provided but there is no config 'transforms.t.predicate'"}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.negate=perhaps\n",
     {{"transforms.t.type", "there is no config"},
      {"transforms.t.negate", "Expected value to be either true or false"}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.apache.kafka.connect.transforms.HoistField$Value\n",
     {{"transforms.t.field", "Missing required configuration \"transforms.t.field\" which has no default value."}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.predicate= undefined \n",
     {{"transforms.t.predicate", "Invalid value undefined for configuration transforms.t.predicate: the list 'predicates' of"}}},
    {SOURCE "predicates=p\npredicates.p.type=HasHeaderKey\n", {{"predicates.p.name", "Missing required"}}},
    {SOURCE "predicates=p\npredicates.p.type=ThingRouter\n",
     {{"predicates.p.type", "Class class org.acme.ThingRouter does not implement the Predicate interface"}}},
    {SOURCE "key.converter=ThingSink\nheader.converter=Nope\n",
     {{"key.converter", "Class class org.acme.ThingSinkConnector does not implement the Converter interface"},
      {"header.converter", "Class Nope could not be found."}}},
    {SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\ntransforms.t.plugin.version=7\n",
     {{"transforms.t.type", "matches the version range [7"},
      {"transforms.t.plugin.version", "available versions: [1.0]"}}},
    /* overrides: the policy is Principal */
    {SOURCE "producer.override.security.protocol=SSL\nconsumer.override.max.poll.records=1\n", {{NULL, NULL}}},
    {SOURCE "producer.override.linger.ms=1\nproducer.override.acks=1\n",
     {{"producer.override.acks", "'acks'"},
      {"producer.override.linger.ms",
       "The 'Principal' policy does not allow 'linger.ms' to be overridden in the connector configuration."}}},
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

/* With exactly once, as the workers' mode allows. */
static const struct {
    enum exactly_once_source workers;
    const char *text;
    struct expected expected[EXPECTED_MAX];
} exactly_once_cases[] = {
    {EXACTLY_ONCE_DISABLED, SOURCE "millrace.exactly.once.source=Enabled\n",
     {{"millrace.exactly.once.source", "set exactly.once.source.support=preparing on all of them"}}},
    {EXACTLY_ONCE_DISABLED, SOURCE "millrace.exactly.once.source=disabled\n", {{NULL, NULL}}},
    {EXACTLY_ONCE_DISABLED, SOURCE "producer.override.enable.idempotence=false\n", {{NULL, NULL}}},
    {EXACTLY_ONCE_PREPARING, SOURCE "millrace.exactly.once.source=enabled\n", {{NULL, NULL}}},
    {EXACTLY_ONCE_PREPARING, SOURCE "millrace.exactly.once.source=perhaps\n",
     {{"millrace.exactly.once.source", "Invalid value perhaps"}}},
    {EXACTLY_ONCE_PREPARING, SOURCE "exactly.once.support=required\n",
     {{"exactly.once.support", "This worker does not have exactly-once source support enabled."},
      {"exactly.once.support", "does not say whether it supports"}}},
    {EXACTLY_ONCE_PREPARING, SOURCE "exactly.once.support=required\nmillrace.exactly.once.source=enabled\n",
     {{"exactly.once.support", "does not say whether it supports"}}},
    {EXACTLY_ONCE_PREPARING, SOURCE "producer.override.transactional.id=mine\n", {{NULL, NULL}}},
    {EXACTLY_ONCE_ENABLED, SOURCE "producer.override.enable.idempotence=true\n", {{NULL, NULL}}},
    {EXACTLY_ONCE_ENABLED, SOURCE "producer.override.enable.idempotence=False\n",
     {{"producer.override.enable.idempotence", "needs idempotent producers"}}},
    {EXACTLY_ONCE_ENABLED, SOURCE "producer.override.transactional.id=mine\n",
     {{"producer.override.transactional.id", "the worker gives its tasks their transactional ids"}}},
    {EXACTLY_ONCE_ENABLED, SOURCE "exactly.once.support=required\n",
     {{"exactly.once.support", "does not say whether it supports"}}},
};

static void exactly_once_is_held_against_what_the_workers_do(void **state)
{
    (void)state;
    const char *policy = worker->override_policy;
    worker->override_policy = "All";
    for (size_t i = 0; i < sizeof(exactly_once_cases) / sizeof(exactly_once_cases[0]); i++) {
        worker->exactly_once_source = exactly_once_cases[i].workers;
        assert_findings(exactly_once_cases[i].text, exactly_once_cases[i].expected);
    }
    worker->exactly_once_source = EXACTLY_ONCE_DISABLED;
    worker->override_policy = policy;
}

static void findings_become_one_message(void **state)
{
    (void)state;
    struct connector_report *report = report_of("connector.class=ThingSource\ntasks.max=0\n", NULL);
    char *message = connector_report_message(report);
    assert_string_equal(message, "Connector configuration is invalid and contains the following 3 error(s):\n"
                                 "Missing required configuration \"name\" which has no default value.\n"
                                 "Invalid value 0 for configuration tasks.max: Value must be at least 1\n"
                                 "Missing required configuration \"path\" which has no default value.\n"
                                 "You can also find the above list of errors at the endpoint "
                                 "`/connector-plugins/{connectorType}/config/validate`");
    mem_free(message);
    connector_report_destroy(report);
}

/* So that a reader knows which of the seven transformations is meant. */
static void a_message_that_names_no_option_has_it_before_it(void **state)
{
    (void)state;
    struct connector_report *report =
        report_of(SOURCE "transforms=a,b,c\ntransforms.a.type=org.apache.kafka.connect.transforms.MaskField\n"
                         "transforms.b.type=org.acme.Turn$Value\ntransforms.b.plugin.version=7\nmode=slow\n"
                         "transforms.c.type=org.acme.ThingRoutr\nforeign=NULL\n",
                  NULL);
    char *message = connector_report_message(report);
    assert_contains(message, "contains the following 5 error(s):\n");
    assert_contains(message, "\nforeign: Null value can not be supplied as the configuration value.\n"
                             "transforms.a.type: This class is abstract and cannot be created. Did you mean ");
    assert_contains(message, "\ntransforms.b.type and transforms.b.plugin.version: Plugin org.acme.Turn$Value not found that matches");
    assert_contains(message, "\nInvalid value org.acme.ThingRoutr for configuration transforms.c.type: Class org.acme.ThingRoutr could "
                             "not be found. Did you mean org.acme.ThingRouter?\n");
    assert_contains(message, "\nInvalid value slow for configuration mode: ");
    assert_int_equal(report->error_count, 6);
    mem_free(message);
    connector_report_destroy(report);
}

static void some_configurations_are_not_validated_at_all(void **state)
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
        {"name=n\nconnector.class=ThingSinc\n", " Did you mean org.acme.ThingSinkConnector?", MR_ERR_NOT_FOUND},
        {SOURCE "producer.override.linger.ms=abc\n",
         "Invalid value abc for configuration linger.ms: Not a number of type LONG", MR_ERR_CONNECT},
    };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct mr_error *error = NULL;
        struct string_map *raw = properties_of(unknown[i].text);
        struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = raw};
        assert_null(connector_config_validate(&validation, &error));
        assert_contains(mr_error_message(error), unknown[i].words);
        assert_lacks(mr_error_message(error), "hunter2");
        assert_int_equal(mr_error_code(error), unknown[i].code);
        mr_error_drop(error);
        string_map_destroy(raw);
    }
}

static void a_configuration_with_too_many_options_is_refused(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct string_map *raw = properties_of(SOURCE);
    char aliases[CONNECTOR_REPORT_OPTIONS_MAX * 3] = "";
    for (size_t i = 0, at = 0; i < CONNECTOR_REPORT_OPTIONS_MAX / 2; i++)
        at += (size_t)snprintf(aliases + at, sizeof(aliases) - at, "%s%zx", i == 0 ? "" : ",", i);
    assert_true(string_map_put(raw, "transforms", aliases));
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = raw};
    assert_null(connector_config_validate(&validation, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_contains(mr_error_message(error), "more than 10000 options");
    mr_error_drop(error);
    string_map_destroy(raw);
}

static void lacks_secret(const char *text)
{
    if (text != NULL)
        assert_lacks(text, "s3cr3t");
}

static void references_are_resolved_and_what_they_hold_is_not_told(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct variables *variables = variables_create(loader, worker->properties, &error);
    assert_non_null(variables);
    struct connector_report *report = report_of(SOURCE "tasks.max=${vault:db:number}\n", variables);
    assert_int_equal(report->error_count, 0);
    connector_report_destroy(report);
    report = report_of(SOURCE "tasks.max=${vault:db:password}\nmode=${vault:db:password}\n"
                              "transforms=t,${vault:db:password}\ntransforms.t.type=${vault:mail:password}\n"
                              "errors.tolerance=s3cr3t-of-mail\nproducer.override.foo=${vault:mail:password}\n"
                              "errors.deadletterqueue.topic.name=x\n",
                       variables);
    assert_int_equal(report->error_count, 7);
    char *message = connector_report_message(report);
    assert_lacks(message, "Did you mean"); /* what is near to it would tell it */
    mem_free(message);
    for (size_t i = 0; i < report->option_count; i++) {
        const struct connector_option *option = report->options[i];
        lacks_secret(option->name);
        if (strcmp(option->name, "errors.tolerance") != 0) /* which the user wrote */
            lacks_secret(option->value);
        lacks_secret(option->definition.group);
        lacks_secret(option->definition.doc);
        lacks_secret(option->definition.display_name);
        for (size_t k = 0; k < option->errors.count; k++)
            lacks_secret(option->errors.items[k]);
        if (strcmp(option->name, "mode") == 0 || strcmp(option->name, "transforms") == 0)
            assert_contains(option->value, "${vault:db:password}");
        if (strcmp(option->name, "producer.override.foo") == 0)
            assert_string_equal(option->value, "${vault:mail:password}");
        if (strcmp(option->name, "tasks.max") == 0)
            assert_string_equal(
                option->errors.items[0],
                "Invalid value ${vault:db:password} for configuration tasks.max: Not a number of type INT");
    }
    for (size_t i = 0; i < report->groups.count; i++)
        lacks_secret(report->groups.items[i]);
    connector_report_destroy(report);
    variables_destroy(variables);
}

static void a_validation_that_fails_does_not_tell_it_either(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct variables *variables = variables_create(loader, worker->properties, &error);
    struct string_map *raw = properties_of(SOURCE "producer.override.linger.ms=${vault:db:password}\n");
    struct connector_validation validation = {
        .loader = loader, .worker = worker, .variables = variables, .name = "n", .raw = raw};
    assert_null(connector_config_validate(&validation, &error));
    assert_string_equal(mr_error_message(error),
                        "Invalid value ${vault:db:password} for configuration linger.ms: Not a number of type LONG");
    mr_error_drop(error);
    string_map_destroy(raw);
    variables_destroy(variables);
}

static bool validate_and_release(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = argument};
    struct connector_report *report = connector_config_validate(&validation, &error);
    char *message = report == NULL ? NULL : connector_report_message(report);
    bool is_said = message != NULL;
    mem_free(message);
    connector_report_destroy(report);
    mr_error_drop(error);
    return is_said;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    static const char *const texts[] = {
        SINK "topics=a,a\ntransforms=t\ntransforms.t.type=Nope\nconsumer.override.acks=1\nkey.converter=Thing\n"
             "consumer.override.group.id=x\n",
        SOURCE "transforms=t\ntransforms.t.type=org.acme.Turn$Value\nforeign=NULL\nmode=x\npredicates=p\n"
               "predicates.p.type=HasHeaderKey\nproducer.override.linger.ms=1\n",
        "name=n\nconnector.class=ThingSource\nconnector.plugin.version=9\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct string_map *raw = properties_of(texts[i]);
        alloc_torture(validate_and_release, raw);
        string_map_destroy(raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_found_in_kafka_connects_words),
        cmocka_unit_test(exactly_once_is_held_against_what_the_workers_do),
        cmocka_unit_test(findings_become_one_message),
        cmocka_unit_test(a_message_that_names_no_option_has_it_before_it),
        cmocka_unit_test(some_configurations_are_not_validated_at_all),
        cmocka_unit_test(a_configuration_with_too_many_options_is_refused),
        cmocka_unit_test(references_are_resolved_and_what_they_hold_is_not_told),
        cmocka_unit_test(a_validation_that_fails_does_not_tell_it_either),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
