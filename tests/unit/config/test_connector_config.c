#include "config_room_test.h"

#include <stdlib.h>
#include <unistd.h>

#include <millrace/config_def.h>

#include "config/connector_config.h"
#include "support/alloc_torture.h"

static struct worker_config *worker;

static int set_up(void **state)
{
    (void)state;
    worker = worker_of(MINIMAL "key.converter.schemas.enable=false\nvalue.converter.x=worker\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_config_destroy(worker);
    return 0;
}

static struct connector_config *config_of(enum connector_kind kind, const char *text)
{
    struct mr_error *error = NULL;
    struct string_map *raw = properties_of(text);
    struct connector_config *config = connector_config_create(kind, raw, worker, &error);
    if (config == NULL)
        fail_msg("%s", mr_error_message(error));
    string_map_destroy(raw);
    return config;
}

static void defaults_are_kafka_connects(void **state)
{
    (void)state;
    struct connector_config *config = config_of(CONNECTOR_SINK, "name=n\nconnector.class=C\ntopics=a , b,a\n");
    assert_string_equal(config->name, "n");
    assert_string_equal(config->class_name, "C");
    assert_null(config->plugin_version);
    assert_int_equal(config->tasks_max, 1);
    assert_true(config->tasks_max_enforce);
    assert_int_equal(config->errors.retry_timeout_ms, 0);
    assert_int_equal(config->errors.retry_delay_max_ms, 60000);
    assert_false(config->errors.tolerate_all || config->errors.log_enable || config->errors.log_messages);
    assert_null(config->errors.dead_letter_topic);
    assert_int_equal(config->errors.dead_letter_replication_factor, 3);
    assert_int_equal(config->topic_count, 2); /* what stands twice counts once */
    assert_string_equal(config->topics[1], "b");
    assert_null(config->topics_regex);
    connector_config_destroy(config);
}

static void all_of_it_is_read(void **state)
{
    (void)state;
    struct connector_config *config =
        config_of(CONNECTOR_SINK, "name=n\nconnector.class=C\nconnector.plugin.version=[1,2)\ntasks.max= 7 \n"
                                  "tasks.max.enforce=FALSE\nerrors.retry.timeout=-1\nerrors.retry.delay.max.ms=5\n"
                                  "errors.tolerance=all\nerrors.log.enable=true\nerrors.log.include.messages=true\n"
                                  "errors.deadletterqueue.topic.name=  dlq \n"
                                  "errors.deadletterqueue.topic.replication.factor=-1\n"
                                  "errors.deadletterqueue.context.headers.enable=true\ntopics.regex=x.*\nmillrace.errors.isolate=true\n");
    assert_true(config->errors.isolate);
    assert_string_equal(config->plugin_version, "[1,2)");
    assert_int_equal(config->tasks_max, 7);
    assert_false(config->tasks_max_enforce);
    assert_int_equal(config->errors.retry_timeout_ms, -1);
    assert_int_equal(config->errors.retry_delay_max_ms, 5);
    assert_true(config->errors.tolerate_all && config->errors.log_enable && config->errors.log_messages);
    assert_string_equal(config->errors.dead_letter_topic, "dlq");
    assert_int_equal(config->errors.dead_letter_replication_factor, -1);
    assert_true(config->errors.dead_letter_context_headers);
    assert_string_equal(config->topics_regex, "x.*");
    assert_string_equal(string_map_get(config->raw, "tasks.max"), "7 ");
    connector_config_destroy(config);
}

static void a_source_has_dead_letters_by_options_of_our_own(void **state)
{
    (void)state;
    struct connector_config *config =
        config_of(CONNECTOR_SOURCE, "name=n\nconnector.class=C\nerrors.deadletterqueue.topic.name=not-of-a-source\n"
                                    "millrace.errors.deadletterqueue.topic.name= dlq \n"
                                    "millrace.errors.deadletterqueue.context.headers.enable=true\n");
    assert_string_equal(config->errors.dead_letter_topic, "dlq");
    assert_int_equal(config->errors.dead_letter_replication_factor, 3);
    assert_true(config->errors.dead_letter_context_headers);
    connector_config_destroy(config);
    config = config_of(CONNECTOR_SOURCE, "name=n\nconnector.class=C\nerrors.deadletterqueue.topic.name=not-of-a-source\n");
    assert_null(config->errors.dead_letter_topic);
    connector_config_destroy(config);
}

static void a_converter_comes_whole_from_one_side(void **state)
{
    (void)state;
    struct connector_config *config =
        config_of(CONNECTOR_SOURCE, "name=n\nconnector.class=C\nkey.converter.schemas.enable=true\n"
                                    "value.converter=Own\nvalue.converter.y=own\n");
    assert_string_equal(config->key_converter.class_name, "Thing");
    assert_string_equal(string_map_get(config->key_converter.options, "schemas.enable"), "false");
    assert_string_equal(config->value_converter.class_name, "Own");
    assert_null(string_map_get(config->value_converter.options, "x"));
    assert_string_equal(string_map_get(config->value_converter.options, "y"), "own");
    connector_config_destroy(config);
}

static void what_does_not_parse_is_refused(void **state)
{
    (void)state;
    struct mr_error *error = NULL;
    struct string_map *raw = properties_of("name=n\nconnector.class=C\ntasks.max=x\n");
    assert_null(connector_config_create(CONNECTOR_SOURCE, raw, worker, &error));
    assert_string_equal(mr_error_message(error),
                        "Invalid value x for configuration tasks.max: Not a number of type INT");
    mr_error_drop(error);
    string_map_destroy(raw);
}

/* Even an admin could otherwise be overheard, and a sink would write whoever it likes among the logins. */
static void files_of_the_worker_are_no_connectors_business(void **state)
{
    char folder[] = "/tmp/millrace-own-files.XXXXXX", path[100], alias[100], text[1000];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/passwords", folder);
    snprintf(alias, sizeof(alias), "%s/alias", folder);
    fclose(fopen(path, "w"));
    assert_int_equal(symlink(path, alias), 0);
    snprintf(text, sizeof(text), MINIMAL "millrace.rest.auth.passwords.file=%s\nmillrace.rest.bindings.file=/b/bindings\n"
             "listeners=http://127.0.0.1:1\nmillrace.audit.file=/a/audit\nproducer.ssl.keystore.location=/k/store.pem\n", path);
    struct worker_config *guarded = worker_of(text);
    const char *const refused[] = {path, alias, "/b/bindings", "  /a/audit ", "/k/store.pem"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct mr_error *error = NULL;
        struct string_map *raw = properties_of("name=n\nconnector.class=FileStreamSink\ntopics=t\n");
        assert_true(string_map_put(raw, "file", refused[i]));
        assert_null(connector_config_create(CONNECTOR_SINK, raw, guarded, &error));
        assert_contains(mr_error_message(error), "one of the worker's own files");
        mr_error_clear(&error);
        assert_true(string_map_put(raw, "file", "/elsewhere"));
        struct connector_config *config = connector_config_create(CONNECTOR_SINK, raw, guarded, &error);
        assert_non_null(config);
        connector_config_destroy(config);
        string_map_destroy(raw);
    }
    worker_config_destroy(guarded);
    unlink(alias);
    unlink(path);
    rmdir(folder);
}

/* As in the table of the REST reference: name, type, importance, group, order, width, display name. */
static void options_look_as_kafka_connect_shows_them(void **state)
{
    (void)state;
    const struct mr_config_def *source[CONNECTOR_DEFS], *sink[CONNECTOR_DEFS];
    connector_config_defs(CONNECTOR_SOURCE, source);
    connector_config_defs(CONNECTOR_SINK, sink);
    assert_int_equal(source[0]->count, 19);
    assert_int_equal(source[0]->count + source[1]->count, 24);
    assert_int_equal(sink[0]->count + sink[1]->count, 24);
    const struct mr_config_row *row = &source[0]->rows[10];
    assert_string_equal(row->name, "header.converter.plugin.version");
    assert_int_equal(row->order_in_group, 11);
    assert_string_equal(row->display_name, "Header converter version");
    row = &source[0]->rows[15];
    assert_string_equal(row->name, "errors.retry.delay.max.ms");
    assert_string_equal(row->group, "Error Handling");
    assert_int_equal(row->width, MR_WIDTH_MEDIUM);
    assert_int_equal(row->importance, MR_MEDIUM);
    assert_string_equal(sink[1]->rows[1].name, "topics.regex");
    assert_string_equal(source[1]->rows[4].group, "offsets.topic");
}

static bool create_and_destroy(void *argument)
{
    struct mr_error *error = NULL;
    struct connector_config *config = connector_config_create(CONNECTOR_SINK, argument, worker, &error);
    bool worked = config != NULL;
    connector_config_destroy(config);
    mr_error_drop(error);
    return worked;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    struct string_map *raw = properties_of("name=n\nconnector.class=C\ntopics=a,b\nkey.converter=K\n");
    alloc_torture(create_and_destroy, raw);
    string_map_destroy(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_kafka_connects),
        cmocka_unit_test(all_of_it_is_read),
        cmocka_unit_test(a_source_has_dead_letters_by_options_of_our_own),
        cmocka_unit_test(a_converter_comes_whole_from_one_side),
        cmocka_unit_test(what_does_not_parse_is_refused),
        cmocka_unit_test(files_of_the_worker_are_no_connectors_business),
        cmocka_unit_test(options_look_as_kafka_connect_shows_them),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
