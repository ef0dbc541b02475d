/* What transformations, predicates and converters refuse when they are set up is found by validation, on the option that is at fault. */
#include "config_room_test.h"

#include "base/mem.h"
#include "base/plugin_call.h"
#include "config/connector_config.h"
#include "config/variables.h"
#include "support/alloc_torture.h"

static struct loader *loader;
static struct worker_config *worker;

static int set_up(void **state)
{
    struct mr_error *error = NULL;
    static const char path[] = MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS "/refusing.so," MR_TEST_PLUGINS
                                               "/secret_provider.so," MR_PLUGINS "/override_policies.so," MR_PLUGINS
                                               "/transforms.so," MR_PLUGINS "/millrace_transforms.so," MR_PLUGINS
                                               "/script_transform.so," MR_PLUGINS "/string_converter.so," MR_PLUGINS
                                               "/json_converter.so";
    (void)state;
    loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, &error);
    assert_non_null(loader);
    assert_int_equal(loader_refusal_count(loader), 0);
    worker = worker_of(MINIMAL "config.providers=vault\nconfig.providers.vault.class=SecretConfigProvider\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_config_destroy(worker);
    loader_destroy(loader);
    return 0;
}

#define SOURCE "name=n\nconnector.class=ThingSource\npath=/x\n"
#define T(class_) SOURCE "transforms=t\ntransforms.t.type=" class_ "\n"
#define KAFKAS "org.apache.kafka.connect.transforms."
#define OURS "millrace.transforms."
#define REFUSING T("org.acme.Refusing")

static struct connector_report *report_of(const char *text, const struct variables *variables, struct mr_error **error)
{
    struct string_map *raw = properties_of(text);
    struct connector_report *report = connector_config_validate(
        &(struct connector_validation){.loader = loader, .worker = worker, .variables = variables, .name = "n", .raw = raw}, error);
    string_map_destroy(raw);
    return report;
}

/* All findings as "option: words", a line each. */
static const char *findings_of(const char *text, const struct variables *variables)
{
    static char lines[16384];
    struct mr_error *error = NULL;
    struct connector_report *report = report_of(text, variables, &error);
    size_t length = 0;
    if (report == NULL)
        fail_msg("%s: %s", text, mr_error_message(error));
    lines[0] = '\0';
    for (size_t i = 0; i < report->option_count; i++)
        for (size_t k = 0; k < report->options[i]->errors.count; k++)
            length += (size_t)snprintf(lines + length, sizeof(lines) - length, "%s: %s\n", report->options[i]->name,
                                       (const char *)report->options[i]->errors.items[k]);
    connector_report_destroy(report);
    return lines;
}

static const struct {
    const char *text, *findings; /* "" or the beginning of the only line */
} cases[] = {
    /* Kafka's */
    {T(KAFKAS "TimestampConverter$Value") "transforms.t.target.type=string\ntransforms.t.format=yyyy-MM-ddTHH\n",
     "transforms.t.format: Invalid value yyyy-MM-ddTHH for configuration transforms.t.format: TimestampConverter requires a "
     "SimpleDateFormat-compatible pattern for string timestamps: yyyy-MM-ddTHH: Illegal pattern character 'T'"},
    {T(KAFKAS "TimestampConverter$Value") "transforms.t.target.type=Date\ntransforms.t.format=T\n", "transforms.t.format: "},
    {T(KAFKAS "TimestampConverter$Value") "transforms.t.target.type=string\n",
     "transforms.t.format: Invalid value null for configuration transforms.t.format: TimestampConverter requires format option"},
    {T(KAFKAS "TimestampConverter$Value") "transforms.t.target.type=string\ntransforms.t.format=yyyy\n", ""},
    {T(KAFKAS "InsertField$Value"),
     "transforms.t.type: " KAFKAS "InsertField$Value cannot be set up with these options: No field insertion configured"},
    {T(KAFKAS "InsertField$Value") "transforms.t.static.field=a\n",
     "transforms.t.static.value: Invalid value null for configuration static.value: No value specified for static field: a"},
    {T(KAFKAS "InsertField$Value") "transforms.t.topic.field=a\n", ""},
    {T(KAFKAS "HeaderFrom$Value") "transforms.t.fields=a,b\ntransforms.t.headers=a\ntransforms.t.operation=copy\n",
     "transforms.t.fields: Invalid value a,b for configuration transforms.t.fields: 'fields' config must have"},
    {T(KAFKAS "SetSchemaMetadata$Value"), "transforms.t.type: "},
    {T(KAFKAS "RegexRouter") "transforms.t.regex=a\ntransforms.t.replacement=$2\n", ""}, /* runs on a JVM worker until a topic matches */
    {T(KAFKAS "TimestampRouter") "transforms.t.timestamp.format=T\n", ""},               /* the same for the first record */
    /* ours */
    {T(OURS "Redact$Value") "transforms.t.pattern=4111\ntransforms.t.replacement=$2\n",
     "transforms.t.replacement: Invalid value $2 for configuration replacement: No group 2"},
    {T(OURS "Redact$Value") "transforms.t.pattern=(4)(1)\ntransforms.t.replacement=$2\n", ""},
    {T(OURS "Redact$Value") "transforms.t.fields=a\ntransforms.t.replacement=$2\n", ""},
    {T(OURS "Redact$Value") "transforms.t.pattern=(\ntransforms.t.replacement=$2\n", "transforms.t.pattern: "},
    {T(OURS "RouteByField$Value") "transforms.t.field=a[\n", "transforms.t.field: "},
    {T(OURS "FilterByField$Value") "transforms.t.field=a\ntransforms.t.values=x\ntransforms.t.pattern=x\n", "transforms.t.pattern: "},
    {T(OURS "Script") "transforms.t.script=record.topic =\n", "transforms.t.script: "},
    {T(OURS "Script") "transforms.t.script=record.topic = 'x'\n", ""},
    /* predicates */
    {T(KAFKAS "Filter") "transforms.t.predicate=p\n",
     "transforms.t.predicate: Invalid value p for configuration transforms.t.predicate: the list 'predicates' of the connector has no "
     "such alias: add it there"},
    {T(KAFKAS "Filter") "transforms.t.predicate=\n", "transforms.t.predicate: Invalid value  for"},
    {T(KAFKAS "Filter") "transforms.t.predicate= p \npredicates=p\npredicates.p.type=RecordIsTombstone\n", ""},
    {T(KAFKAS "Filter") "transforms.t.predicate=p\npredicates=p\npredicates.p.type=RefusingPredicate\npredicates.p.how=mute\n",
     "predicates.p.type: org.acme.RefusingPredicate cannot be set up with these options: org.acme.RefusingPredicate could not be "
     "created, and does not say why"},
    {SOURCE "predicates=p\npredicates.p.type=RefusingPredicate\npredicates.p.how=mute\n", ""}, /* nobody makes it */
    {SOURCE "transforms=t,u\ntransforms.t.type=Refusing\ntransforms.u.type=Refusing\ntransforms.t.predicate=p\n"
            "transforms.u.predicate=p\npredicates=p\npredicates.p.type=RefusingPredicate\npredicates.p.how=mute\n",
     "predicates.p.type: "}, /* once */
    /* converters */
    {SOURCE "value.converter=org.apache.kafka.connect.storage.StringConverter\nvalue.converter.converter.encoding=utf-99\n",
     "value.converter.converter.encoding: Invalid value utf-99 for configuration value.converter.converter.encoding: \"utf-99\" is no name of a charset"},
    {SOURCE "key.converter=org.apache.kafka.connect.json.JsonConverter\nkey.converter.schema.content={\n",
     "key.converter.schema.content: "},
    {SOURCE "header.converter=org.acme.RefusingHeaderConverter\nheader.converter.how=mute\n",
     "header.converter: org.acme.RefusingHeaderConverter cannot be set up"},
    {SOURCE "key.converter.how=mute\n", ""}, /* the worker's converter does not get it */
    /* words of plugins */
    {REFUSING "transforms.t.how=words\ntransforms.t.words=there is no such thing\n",
     "transforms.t.type: "}, /* all of it are its words: no value is told */
    {REFUSING "transforms.t.how=cause\ntransforms.t.words=there is no such thing\n", "transforms.t.words: "},
    {REFUSING "transforms.t.how=words\n", "transforms.t.type: org.acme.Refusing cannot be set up with these options: no"},
    {REFUSING "transforms.t.how=words\ntransforms.t.words=deep.path must not be empty.\n",
     "transforms.t.deep.path: Invalid value null for configuration transforms.t.deep.path: deep.path must not be empty."},
    {REFUSING "transforms.t.how=words\ntransforms.t.words=deep.path: no\n",
     "transforms.t.deep.path: Invalid value null for configuration transforms.t.deep.path: no"},
    {REFUSING "transforms.t.how=cause\ntransforms.t.deep.path=xyz1\ntransforms.t.words=Invalid value 7 for configuration deep.path: odd\n",
     "transforms.t.deep.path: It does not work: Invalid value 7 for configuration deep.path: odd"},
    {REFUSING "transforms.t.how=cause\ntransforms.t.deep.path=xyz1\ntransforms.t.words=nothing is at 'xyz1'\n",
     "transforms.t.type: "}, /* two values are told */
    {REFUSING "transforms.t.how=words\ntransforms.t.words=the deep.path.of.others is wrong\n", "transforms.t.type: "},
    /* nothing is set up whose options are wrong, or which a null belongs to */
    {REFUSING "transforms.t.how=words\ntransforms.t.negate=perhaps\ntransforms.t.predicate=p\npredicates=p\n"
              "predicates.p.type=RefusingPredicate\n",
     "transforms.t.negate: "},
};

static void each_mistake_is_found_on_its_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *found = findings_of(cases[i].text, NULL), *end = strchr(found, '\n');
        bool is_one = end == NULL ? *cases[i].findings == '\0' : *cases[i].findings != '\0' && end[1] == '\0';
        if (!is_one || strncmp(found, cases[i].findings, strlen(cases[i].findings)) != 0)
            fail_msg("%s\nfound: %s\nnot: %s", cases[i].text, found, cases[i].findings);
    }
}

static void passwords_and_what_providers_answer_are_not_told(void **state)
{
    struct mr_error *error = NULL;
    struct variables *variables = variables_create(loader, worker->properties, &error);
    const char *found = findings_of(REFUSING "transforms.t.how=password\ntransforms.t.password=swordfish\n", NULL);
    (void)state;
    assert_string_equal(found, "transforms.t.type: org.acme.Refusing cannot be set up with these options: [hidden] is no password\n");
    found = findings_of(REFUSING "transforms.t.how=words\ntransforms.t.words=${vault:db:password}\n", variables);
    assert_lacks(found, "s3cr3t");
    assert_contains(found, "transforms.t.type: ");
    found = findings_of(T(KAFKAS "TimestampConverter$Value") "transforms.t.target.type=string\ntransforms.t.format=${vault:db:password}\n",
                        variables);
    assert_lacks(found, "s3cr3t");
    assert_contains(found, "transforms.t.format: Invalid value ");
    variables_destroy(variables);
}

static void a_lack_of_memory_is_no_mistake_of_the_configuration(void **state)
{
    struct mr_error *error = NULL;
    (void)state;
    assert_null(report_of(REFUSING "transforms.t.how=memory\n", NULL, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_drop(error);
}

/* So that no unit is blamed for what a validation crashes. */
static void a_plugin_is_called_in_the_name_of_the_validation(void **state)
{
    (void)state;
    findings_of(REFUSING, NULL);
    assert_string_equal(plugin_call_last.name, "validate");
    assert_string_equal(plugin_call_last.plugin->class_name, "org.acme.Refusing");
}

static bool validate_and_release(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_report *report = connector_config_validate(
        &(struct connector_validation){.loader = loader, .worker = worker, .name = "n", .raw = argument}, &error);
    bool is_done = report != NULL && report->error_count == 3;
    connector_report_destroy(report);
    mr_error_drop(error);
    return is_done;
}

static void memory_may_run_short_anywhere(void **state)
{
    struct string_map *raw = properties_of(REFUSING "transforms.t.how=words\ntransforms.t.words=deep.path: no\ntransforms.t.predicate=q\n"
                                                    "key.converter=RefusingConverter\nkey.converter.how=cause\n"
                                                    "header.converter=RefusingHeaderConverter\nheader.converter.how=mute\n"
                                                    "value.converter=RefusingConverter\n");
    (void)state;
    string_map_remove(raw, "transforms.t.predicate");
    alloc_torture(validate_and_release, raw);
    string_map_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_found_on_its_option),
        cmocka_unit_test(passwords_and_what_providers_answer_are_not_told),
        cmocka_unit_test(a_lack_of_memory_is_no_mistake_of_the_configuration),
        cmocka_unit_test(a_plugin_is_called_in_the_name_of_the_validation),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
