/* What a validation shows besides its errors: definitions, values, order, groups, recommendations. */
#include "config_room_test.h"

#include "base/mem.h"
#include "base/str_buffer.h"
#include "config/connector_config.h"
#include "config/connector_report_internal.h"
#include "support/alloc_torture.h"

static struct loader *loader;
static struct worker_config *worker;

static int set_up(void **state)
{
    struct mr_error *error = NULL;
    static const char path[] =
        MR_TEST_PLUGINS "/gallery.so," MR_TEST_PLUGINS "/picky.so," MR_PLUGINS "/override_policies.so";
    (void)state;
    loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, &error);
    assert_non_null(loader);
    assert_int_equal(loader_refusal_count(loader), 0);
    worker = worker_of(MINIMAL);
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
static struct string_map *raw_of(const char *text)
{
    struct string_map *raw = properties_of(text);
    for (size_t i = 0; i < string_map_count(raw); i++) {
        if (strcmp(string_map_value(raw, i), "NULL") == 0)
            assert_true(string_map_put_null(raw, string_map_key(raw, i)));
    }
    return raw;
}

static struct connector_report *try_report(const char *text, struct mr_error **error)
{
    struct string_map *raw = raw_of(text);
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = raw};
    struct connector_report *report = connector_config_validate(&validation, error);
    string_map_destroy(raw);
    return report;
}

static struct connector_report *report_of(const char *text)
{
    struct mr_error *error = NULL;
    struct connector_report *report = try_report(text, &error);
    if (report == NULL)
        fail_msg("%s", mr_error_message(error));
    return report;
}

/* One option in one line ------------------------------------------------------------------------------------------ */

static void append_texts(struct str_buffer *out, const char *const *texts, size_t count)
{
    str_buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++)
        str_buffer_printf(out, "%s%s", i == 0 ? "" : ",", texts[i]);
    str_buffer_append_char(out, ']');
}

static const char *or_null(const char *text)
{
    return text == NULL ? "null" : text;
}

/* TYPE req|opt default importance group order width display [dependents] = value [recommended] [errors] [hidden] */
static void append_line(struct str_buffer *out, const struct connector_option *option)
{
    const struct option_definition *d = &option->definition;
    if (option->is_defined) {
        str_buffer_printf(out, "%s %s %s %s %s %d %s \"%s\" ", config_type_name(d->type),
                          d->is_required ? "req" : "opt", or_null(d->default_text),
                          config_importance_name(d->importance), or_null(d->group), (int)d->order_in_group,
                          config_width_name(d->width), d->display_name);
        append_texts(out, d->dependents.items, d->dependents.count);
    }
    str_buffer_printf(out, " = %s ", or_null(option->value));
    append_texts(out, option->recommended.items, option->recommended.count);
    str_buffer_append_char(out, ' ');
    append_texts(out, (const char *const *)(void *)option->errors.items, option->errors.count);
    str_buffer_append_text(out, option->is_visible ? "" : " hidden");
}

static void assert_line(const char *text, const char *name, const char *line)
{
    struct connector_report *report = report_of(text);
    struct str_buffer out;
    str_buffer_init(&out, 100000);
    for (size_t i = 0; i < report->option_count; i++) {
        if (strcmp(report->options[i]->name, name) == 0) {
            str_buffer_clear(&out);
            append_line(&out, report->options[i]);
        }
    }
    if (strcmp(str_buffer_text(&out), line) != 0)
        fail_msg("%s\n%s\n is %s\nnot %s", text, name, str_buffer_text(&out), line);
    str_buffer_release(&out);
    connector_report_destroy(report);
}

#define PICKY "name=n\nconnector.class=PickySource\ntoken=t\n"
#define SINK "name=n\nconnector.class=ThingSink\ntopics=a\n"
#define CLASSES "[org.acme.PickyConverter,org.acme.ThingConverter]"
#define DEAR "transforms=d\ntransforms.d.type=org.acme.PickyTransform\n"

static const struct {
    const char *text, *option, *line;
} lines[] = {
    /* the framework's */
    {PICKY, "name", "STRING req null HIGH Common 1 MEDIUM \"Connector name\" [] = n [] []"},
    {"connector.class=PickySource\n", "name",
     "STRING req null HIGH Common 1 MEDIUM \"Connector name\" [] = null [] "
     "[Missing required configuration \"name\" which has no default value.]"},
    {PICKY "tasks.max= 4 \n", "tasks.max", "INT opt 1 HIGH Common 4 SHORT \"Tasks max\" [] = 4 [] []"},
    {PICKY "tasks.max.enforce=FALSE\n", "tasks.max.enforce",
     "BOOLEAN opt true LOW Common 5 SHORT \"Enforce tasks max\" [] = false [] []"},
    {PICKY "transforms=\n", "transforms", "LIST opt  LOW Transforms 12 LONG \"Transforms\" [] =  [] []"},
    {PICKY, "exactly.once.support",
     "STRING opt requested MEDIUM Exactly Once Support 2 SHORT \"Exactly once support\" [] = requested [] []"},
    /* classes and versions */
    {PICKY, "connector.class", "STRING req null HIGH Common 2 LONG \"Connector class\" [] = PickySource [] []"},
    {PICKY, "connector.plugin.version",
     "STRING opt 2.0 MEDIUM Common 3 MEDIUM \"Connector version\" [] = 2.0 [1.5,2.0] []"},
    {PICKY "connector.plugin.version= 1.5\n", "connector.plugin.version",
     "STRING opt 2.0 MEDIUM Common 3 MEDIUM \"Connector version\" [] = 1.5 [1.5,2.0] []"},
    {PICKY, "key.converter",
     "CLASS opt org.acme.ThingConverter LOW Common 6 SHORT \"Key converter class\" [] = "
     "org.acme.ThingConverter " CLASSES " []"},
    {PICKY "key.converter=PickyConverter\n", "key.converter",
     "CLASS opt org.acme.ThingConverter LOW Common 6 SHORT \"Key converter class\" [] = "
     "org.acme.PickyConverter " CLASSES " []"},
    {PICKY, "key.converter.plugin.version",
     "STRING opt 1.0 LOW Common 7 SHORT \"Key converter version\" [] = 1.0 [1.0] []"},
    {PICKY "key.converter=PickyConverter\n", "key.converter.plugin.version",
     "STRING opt null LOW Common 7 SHORT \"Key converter version\" [] = null [] []"},
    {PICKY "key.converter=Nope\n", "key.converter",
     "CLASS opt org.acme.ThingConverter LOW Common 6 SHORT \"Key converter class\" [] = null " CLASSES
     " [Invalid value Nope for configuration key.converter: Class Nope could not be found.]"},
    {PICKY "key.converter=Nope\n", "key.converter.plugin.version",
     "STRING opt null LOW Common 7 SHORT \"Key converter version\" [] = null [] [] hidden"},
    {PICKY "key.converter=NULL\n", "key.converter.plugin.version",
     "STRING opt 1.0 LOW Common 7 SHORT \"Key converter version\" [] = 1.0 [] [] hidden"},
    {PICKY "key.converter.plugin.version=7\n", "key.converter.plugin.version",
     "STRING opt 1.0 LOW Common 7 SHORT \"Key converter version\" [] = 7 [1.0] []"},
    /* a version that is not there: the framework's options alone, without the worker's converters */
    {PICKY "connector.plugin.version=9\n", "value.converter",
     "CLASS opt null LOW Common 8 SHORT \"Value converter class\" [] = null [] []"},
    {PICKY "connector.plugin.version=9\n", "value.converter.plugin.version",
     "STRING opt null LOW Common 9 SHORT \"Value converter version\" [] = null [] [] hidden"},
    {PICKY "connector.plugin.version=9\n", "token", ""},
    /* the connector's own */
    {PICKY, "mode", "STRING opt fast HIGH Picky 1 SHORT \"Mode\" [depth] = fast [fast,deep] []"},
    {PICKY, "depth", "INT opt 7 LOW Picky 2 NONE \"depth\" [] = 7 [] [] hidden"},
    {PICKY "mode=deep\ndepth= +4\n", "depth", "INT opt 7 LOW Picky 2 NONE \"depth\" [] = 4 [] []"},
    {PICKY "mode=odd\n", "depth", "INT opt 7 LOW Picky 2 NONE \"depth\" [] = 7 [] [No depth is good for mode odd]"},
    {PICKY "depth=x\n", "depth",
     "INT opt 7 LOW Picky 2 NONE \"depth\" [] = null [] "
     "[Invalid value x for configuration depth: Not a number of type INT] hidden"},
    {PICKY, "token", "PASSWORD req null HIGH null -1 NONE \"token\" [] = [hidden] [] []"},
    {"name=n\nconnector.class=PickySource\ntoken=\n", "token",
     "PASSWORD req null HIGH null -1 NONE \"token\" [] = [hidden] [] []"},
    {PICKY "ratio=7\n", "ratio", "DOUBLE opt null LOW Rest 0 NONE \"ratio\" [] = 7.0 [] []"},
    {PICKY "hints= a ,b\n", "hints", "LIST opt null LOW null -1 NONE \"hints\" [] = a,b [] []"},
    {PICKY "hints=NULL\n", "hints", "LIST opt null LOW null -1 NONE \"hints\" [] = null [] []"},
    {PICKY "trouble=NULL\n", "trouble",
     "STRING opt  LOW null -1 NONE \"trouble\" [] = null [] [Null value can not be supplied as the configuration "
     "value.]"},
    {PICKY, "inner", ""},
    {PICKY "inner=5\n", "inner", "INT opt 3 LOW null -1 NONE \"inner\" [] = 5 [] []"},
    {PICKY "trouble=declared\n", "mode",
     "STRING opt fast HIGH Picky 1 SHORT \"Mode\" [depth] = fast [fast,deep] [mode and trouble do not go together]"},
    {PICKY "trouble=undeclared\n", "somewhere", " = null [] [nobody knows it]"},
    {PICKY "trouble=all\n", "connector.class",
     "STRING req null HIGH Common 2 LONG \"Connector class\" [] = PickySource [] [nothing fits]"},
    {PICKY "nobody.knows.it=1\n", "nobody.knows.it", ""},
    {PICKY "nobody.knows.it=NULL\n", "nobody.knows.it",
     " = null [] [Null value can not be supplied as the configuration value.]"},
    /* transformations: validators are told the short name, reading says the whole */
    {PICKY DEAR, "transforms.d.type",
     "CLASS req null HIGH Transforms: d 0 LONG \"Transformation type for d\" [] = org.acme.PickyTransform "
     "[org.acme.PickyTransform,org.acme.ThingRouter,org.acme.Turn$Key,org.acme.Turn$Value] []"},
    {PICKY DEAR, "transforms.d.plugin.version",
     "STRING opt 1.0 HIGH Transforms: d 1 LONG \"Transformation version for d\" [] = 1.0 [1.0] []"},
    {PICKY DEAR, "transforms.d.last",
     "SHORT req null LOW Transforms: d 2 NONE \"last\" [transforms.d.alpha] = null [] "
     "[Missing required configuration \"transforms.d.last\" which has no default value.]"},
    {PICKY DEAR "transforms.d.last=70000\n", "transforms.d.last",
     "SHORT req null LOW Transforms: d 2 NONE \"last\" [transforms.d.alpha] = null [] "
     "[Invalid value 70000 for configuration transforms.d.last: Not a number of type SHORT]"},
    {PICKY DEAR, "transforms.d.high", "BOOLEAN opt true HIGH Transforms: d 3 NONE \"high\" [] = true [] []"},
    {PICKY DEAR, "transforms.d.negate", "BOOLEAN opt false MEDIUM Transforms: d 4 NONE \"negate\" [] = false [] []"},
    {PICKY DEAR "transforms.d.alpha=bad\n", "transforms.d.alpha",
     "STRING opt null LOW Transforms: d 6 NONE \"alpha\" [] = bad [] "
     "[Invalid value bad for configuration alpha: alpha is bad]"},
    {PICKY DEAR, "transforms.d.grouped", "STRING opt g HIGH Transforms: d: Group 8 NONE \"Grouped\" [] = g [] []"},
    {PICKY "predicates=p\n", "predicates.p.plugin.version",
     "STRING opt null HIGH Predicates: p 1 LONG \"Predicate version for p\" [] = null [] []"},
    {PICKY "predicates=p\npredicates.p.type=PickySource\n", "predicates.p.type",
     "CLASS req null HIGH Predicates: p 0 LONG \"Predicate type for p\" [] = org.acme.PickySourceConnector "
     "[org.acme.IsThing] [Class class org.acme.PickySourceConnector does not implement the Predicate interface]"},
    /* converters: short names in all words */
    {PICKY "key.converter=PickyConverter\nkey.converter.schemas.cache.size=x\n", "key.converter.schemas.cache.size",
     "INT opt 1000 HIGH Schemas 1 NONE \"schemas.cache.size\" [] = null [] "
     "[Invalid value x for configuration schemas.cache.size: Not a number of type INT]"},
    {PICKY "value.converter=PickyConverter\n", "value.converter.converter.type",
     "STRING req null LOW null -1 NONE \"converter.type\" [] = value [] []"},
    /* clients */
    {PICKY "producer.override.linger.ms= 5 \n", "producer.override.linger.ms",
     "LONG opt 5 MEDIUM null -1 NONE \"linger.ms\" [] = 5 [] []"},
    {PICKY "producer.override.sasl.jaas.config=x\n", "producer.override.sasl.jaas.config",
     "PASSWORD opt null MEDIUM null -1 NONE \"sasl.jaas.config\" [] = [hidden] [] []"},
    {PICKY "producer.override.foo= bar\n", "producer.override.foo", " = bar [] []"},
    {PICKY "consumer.override.max.poll.records=1\n", "consumer.override.max.poll.records", ""},
    {PICKY "admin.override.retries=1\n", "admin.override.retries", ""},
    {PICKY "offsets.storage.topic=o\nadmin.override.retries=1\n", "admin.override.retries",
     "INT opt 2147483647 LOW null -1 NONE \"retries\" [] = 1 [] []"},
    {PICKY "offsets.storage.topic=o\nconsumer.override.max.poll.records=1\n", "consumer.override.max.poll.records",
     "INT opt 500 MEDIUM null -1 NONE \"max.poll.records\" [] = 1 [] []"},
    {PICKY "topic.creation.default.partitions=1\nadmin.override.retries=1\n", "admin.override.retries",
     "INT opt 2147483647 LOW null -1 NONE \"retries\" [] = 1 [] []"},
    {SINK "producer.override.acks=1\n", "producer.override.acks", ""},
    {SINK "errors.deadletterqueue.topic.name=d\nproducer.override.acks=1\n", "producer.override.acks",
     "STRING opt all LOW null -1 NONE \"acks\" [] = 1 [] []"},
};

static void each_option_is_shown_as_kafka_connect_shows_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_line(lines[i].text, lines[i].option, lines[i].line);
}

/* Order ----------------------------------------------------------------------------------------------------------- */

/* The names from the first that is not the framework's on, each with its part: null-valued keys stand before. */
static void assert_names(const char *text, const char *names)
{
    struct connector_report *report = report_of(text);
    struct str_buffer out;
    str_buffer_init(&out, 100000);
    for (size_t i = 0; i < report->option_count; i++) {
        const char *group = report->options[i]->definition.group;
        static const char *const known[] = {"Common",         "Transforms",           "Predicates",   "Error Handling",
                                            "Topic Creation", "Exactly Once Support", "offsets.topic"};
        bool is_framework = false;
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            is_framework = is_framework || (group != NULL && strcmp(group, known[k]) == 0);
        if (is_framework)
            str_buffer_append_text(&out, strcmp(report->options[i]->name, "name") == 0 ? "* " : "");
        else
            str_buffer_printf(&out, "%s ", report->options[i]->name);
    }
    assert_string_equal(str_buffer_text(&out), names);
    str_buffer_release(&out);
    connector_report_destroy(report);
}

static void options_have_kafka_connects_order(void **state)
{
    (void)state;
    assert_names(PICKY, "* mode depth token ratio hints trouble ");
    assert_names(PICKY "transforms=d\npredicates=p\ntransforms.d.type=PickyTransform\n",
                 "* transforms.d.type transforms.d.plugin.version transforms.d.last transforms.d.high "
                 "transforms.d.negate transforms.d.predicate transforms.d.alpha transforms.d.zulu "
                 "transforms.d.grouped predicates.p.type predicates.p.plugin.version mode depth token ratio hints "
                 "trouble ");
    /* as a worker of Kafka 4.3.1 listed them */
    assert_names(PICKY "key.converter=PickyConverter\nproducer.override.acks=1\n",
                 "* mode depth token ratio hints trouble producer.override.acks "
                 "key.converter.decimal.format key.converter.converter.type key.converter.schemas.cache.size "
                 "key.converter.replace.null.with.default key.converter.schemas.enable key.converter.schema.content ");
    assert_names(PICKY "b=NULL\nforeign=NULL\nalpha=NULL\nzz=NULL\nx.y=NULL\n",
                 "zz x.y foreign alpha b * mode depth token ratio hints trouble ");
    assert_names(SINK "consumer.override.group.id=x\n", "consumer.override.group.id * consumer.override.group.id ");
}

static void overrides_have_the_order_of_javas_hash_maps(void **state)
{
    (void)state;
    static const char *const names[] = {"linger.ms",
                                        "batch.size",
                                        "acks",
                                        "retries",
                                        "foo",
                                        "compression.type",
                                        "max.in.flight.requests.per.connection",
                                        "buffer.memory",
                                        "client.id",
                                        "a",
                                        "b",
                                        "c",
                                        "d",
                                        "e",
                                        "f",
                                        "g"};
    /* as a worker of Kafka 4.3.1 listed them */
    static const char *const listed[] = {"compression.type",
                                         "a",
                                         "b",
                                         "c",
                                         "d",
                                         "e",
                                         "f",
                                         "foo",
                                         "batch.size",
                                         "g",
                                         "acks",
                                         "buffer.memory",
                                         "retries",
                                         "max.in.flight.requests.per.connection",
                                         "client.id",
                                         "linger.ms"};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    char text[4000] = PICKY, expected[4000] = "* mode depth token ratio hints trouble ";
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "producer.override.%s=1\n", names[i]);
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "producer.override.%s ", listed[i]);
    }
    assert_names(text, expected);
}

static void hashes_are_of_utf_16(void **state)
{
    (void)state;
    /* hash codes: 1772899 and 233 */
    static const char *const names[] = {"\xF0\x9F\x98\x80", "\xC3\xA9", ""};
    size_t order[3];
    assert_true(java_order(names, 3, 3, order));
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 1);
}

static void assert_groups(const char *text, const char *groups)
{
    struct connector_report *report = report_of(text);
    struct str_buffer out;
    str_buffer_init(&out, 100000);
    append_texts(&out, report->groups.items, report->groups.count);
    assert_string_equal(str_buffer_text(&out), groups);
    str_buffer_release(&out);
    connector_report_destroy(report);
}

static void groups_have_kafka_connects_order(void **state)
{
    (void)state;
    assert_groups(SINK, "[Common,Transforms,Predicates,Error Handling]");
    assert_groups(PICKY DEAR "predicates=p\nkey.converter=PickyConverter\n",
                  "[Common,Transforms,Predicates,Error Handling,Topic Creation,Exactly Once Support,offsets.topic,"
                  "Transforms: d,Transforms: d: Group,Predicates: p,Picky,Rest,Serialization,Schemas]");
    assert_groups(PICKY "connector.plugin.version=9\ntransforms=d\n", "[Common,Transforms,Predicates,Error Handling]");
}

/* Trouble --------------------------------------------------------------------------------------------------------- */

static void a_plugin_that_fails_ends_the_validation(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {PICKY "trouble=error\n",
         "Connector org.acme.PickySourceConnector could not validate its configuration: cannot"},
        {PICKY "trouble=mute\n", "it gave no reason"},
        {PICKY "mode=broken\n", "the recommender broke"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mr_error *error = NULL;
        assert_null(try_report(cases[i].text, &error));
        assert_contains(mr_error_message(error), cases[i].words);
        assert_int_equal(mr_error_code(error), MR_ERR_CONNECT); /* not the asker's fault */
        mr_error_drop(error);
    }
}

static bool report_and_release(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_validation validation = {.loader = loader, .worker = worker, .name = "n", .raw = argument};
    struct connector_report *report = connector_config_validate(&validation, &error);
    bool worked = report != NULL;
    connector_report_destroy(report);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    static const char text[] = PICKY DEAR "key.converter=PickyConverter\nproducer.override.acks=1\ntrouble=undeclared\n"
                                          "x=NULL\nmode=odd\n";
    struct string_map *raw = raw_of(text);
    alloc_torture(report_and_release, raw);
    string_map_destroy(raw);
}

/* Definitions alone ----------------------------------------------------------------------------------------------- */

static struct connector_report *definitions_of(const char *name)
{
    const struct loader_plugin *plugin;
    struct mr_error *error = NULL;
    assert_int_equal(loader_find_any(loader, name, NULL, &plugin, &error), 0);
    struct connector_report *report = connector_definitions(loader, plugin, &error);
    if (report == NULL)
        fail_msg("%s", mr_error_message(error));
    return report;
}

static void definitions_show_the_plugins_own_options_first(void **state)
{
    (void)state;
    struct connector_report *report = definitions_of("PickySource");
    assert_int_equal(report->option_count, 6 + 24);
    assert_string_equal(report->options[0]->name, "mode");
    assert_string_equal(report->options[5]->name, "trouble");
    assert_string_equal(report->options[6]->name, "name");
    assert_string_equal(report->options[8]->name, "connector.plugin.version");
    assert_string_equal(report->options[8]->definition.default_text, "2.0");
    assert_string_equal(report->options[11]->name, "key.converter");
    assert_null(report->options[11]->definition.default_text);
    assert_string_equal(report->options[29]->name, "offsets.storage.topic");
    connector_report_destroy(report);
    report = definitions_of("ThingSink");
    assert_int_equal(report->option_count, 24);
    connector_report_destroy(report);
    report = definitions_of("PickyConverter");
    assert_int_equal(report->option_count, 6);
    assert_string_equal(report->options[1]->definition.group, "Schemas");
    assert_int_equal(report->options[1]->definition.order_in_group, 0);
    connector_report_destroy(report);
}

static bool define_and_release(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_report *report = connector_definitions(loader, argument, &error);
    bool worked = report != NULL;
    connector_report_destroy(report);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_for_definitions(void **state)
{
    (void)state;
    const struct loader_plugin *plugin;
    assert_int_equal(loader_find_any(loader, "PickySource", NULL, &plugin, NULL), 0);
    alloc_torture(define_and_release, (void *)(uintptr_t)plugin);
}

static const struct connector_option *find(const struct connector_report *report, const char *name)
{
    for (size_t i = 0; i < report->option_count; i++)
        if (strcmp(report->options[i]->name, name) == 0)
            return report->options[i];
    return NULL;
}

static void an_option_of_our_own_is_shown_when_it_is_submitted(void **state)
{
    struct connector_report *report = report_of(PICKY);
    (void)state;
    size_t without = report->option_count;
    assert_null(find(report, CONNECTOR_SELECTOR));
    connector_report_destroy(report);
    report = report_of(PICKY CONNECTOR_SELECTOR "=zone=a\n");
    assert_int_equal(report->option_count, without + 1);
    assert_string_equal(find(report, CONNECTOR_SELECTOR)->value, "zone=a");
    assert_string_equal(find(report, CONNECTOR_SELECTOR)->definition.group, "Millrace");
    connector_report_destroy(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_is_shown_as_kafka_connect_shows_it),
        cmocka_unit_test(an_option_of_our_own_is_shown_when_it_is_submitted),
        cmocka_unit_test(options_have_kafka_connects_order),
        cmocka_unit_test(overrides_have_the_order_of_javas_hash_maps),
        cmocka_unit_test(hashes_are_of_utf_16),
        cmocka_unit_test(groups_have_kafka_connects_order),
        cmocka_unit_test(a_plugin_that_fails_ends_the_validation),
        cmocka_unit_test(memory_may_run_short_anywhere),
        cmocka_unit_test(definitions_show_the_plugins_own_options_first),
        cmocka_unit_test(memory_may_run_short_for_definitions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
