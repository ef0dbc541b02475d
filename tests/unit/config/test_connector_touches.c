/* What a configuration reaches: to overlook something is to allow it. */
#include "config_room_test.h"

#include "base/mem.h"
#include "config/connector_touches.h"
#include "support/alloc_torture.h"

static struct loader *loader;

static int set_up(void **state)
{
    static const char path[] = MR_TEST_PLUGINS "/gallery.so," MR_PLUGINS "/file_connectors.so," MR_PLUGINS "/transforms.so";
    (void)state;
    loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, NULL);
    assert_non_null(loader);
    assert_int_equal(loader_refusal_count(loader), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

static void list(char *words, size_t size, const char *what, const struct ptr_array *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        snprintf(words + strlen(words), size - strlen(words), " %s=%s", what, (const char *)texts->items[i]);
}

/* "class topic=… group=… reference=… override=… any:… unknowable:…" */
static const char *touches_of(const char *properties)
{
    static char words[2000];
    struct string_map *config = properties_of(properties);
    struct connector_touches *touches = connector_touches_create(loader, config);
    assert_non_null(touches);
    snprintf(words, sizeof(words), "%s", touches->class_name == NULL ? "-" : touches->class_name);
    list(words, sizeof(words), "topic", &touches->topics);
    list(words, sizeof(words), "group", &touches->group_ids);
    list(words, sizeof(words), "reference", &touches->references);
    list(words, sizeof(words), "override", &touches->overrides);
    list(words, sizeof(words), "file", &touches->files);
    if (touches->any_topic != NULL)
        snprintf(words + strlen(words), sizeof(words) - strlen(words), " any:%s", touches->any_topic);
    if (touches->unknowable != NULL)
        snprintf(words + strlen(words), sizeof(words) - strlen(words), " unknowable:%s", touches->unknowable);
    connector_touches_destroy(touches);
    string_map_destroy(config);
    return words;
}

static void expect_touches(const char *properties, const char *expected)
{
    assert_string_equal(touches_of(properties), expected);
}

#define SOURCE "org.apache.kafka.connect.file.FileStreamSourceConnector"
#define SINK "org.apache.kafka.connect.file.FileStreamSinkConnector"

static void a_class_is_known_by_its_whole_name(void **state)
{
    (void)state;
    expect_touches("connector.class=FileStreamSource\ntopic=t", SOURCE " topic=t");
    expect_touches("connector.class=FileStreamSourceConnector\ntopic=t", SOURCE " topic=t");
    expect_touches("connector.class=" SOURCE "\ntopic=t", SOURCE " topic=t");
    expect_touches("connector.class=FileStreamSource\ntopic=t\nconnector.plugin.version=99", SOURCE " topic=t");
    expect_touches("connector.class=com.older.StuffSourceConnector\ntopic=t", "org.acme.ThingSourceConnector topic=t");
    expect_touches("connector.class=filestreamsource\ntopic=t", "filestreamsource topic=t");
    assert_contains(touches_of("connector.class=${env:CLASS}\ntopic=t"), "unknowable:connector.class holds a reference");
    assert_contains(touches_of("topics=t"), "- topic=t");
}

static void a_sink_reads_its_topics_and_writes_its_dead_letters(void **state)
{
    (void)state;
    expect_touches("connector.class=FileStreamSink\ntopics= a , b\nerrors.deadletterqueue.topic.name= dlq ",
                   SINK " topic=a topic=b topic=dlq");
    expect_touches("connector.class=FileStreamSink\ntopics.regex=a.*",
                   SINK " any:all topics (topics.regex takes whatever fits)");
    expect_touches("connector.class=FileStreamSink\ntopics=a\ntopic.prefix=mine\ntransforms=r\ntransforms.r.type=RegexRouter",
                   SINK " topic=a");
    assert_contains(touches_of("connector.class=FileStreamSink\ntopics=a,${env:B}"), "any:all topics (topics holds");
    assert_contains(touches_of("connector.class=FileStreamSink\ntopics=a\nerrors.deadletterqueue.topic.name=${env:B}"),
                    "any:all topics (errors.deadletterqueue.topic.name holds");
}

static void a_source_writes_where_it_says_unless_it_may_say_more(void **state)
{
    (void)state;
#define FROM_FILE "connector.class=FileStreamSource\n"
    expect_touches(FROM_FILE "topic=a\noffsets.storage.topic=o\nerrors.deadletterqueue.topic.name=d\ntopic.creation.groups=g",
                   SOURCE " topic=a topic=o topic=d");
    expect_touches(FROM_FILE "topic=a\nmillrace.errors.deadletterqueue.topic.name= d\n"
                             "millrace.errors.deadletterqueue.topic.replication.factor=1", SOURCE " topic=a topic=d");
    expect_touches(FROM_FILE "topic=a\ntopics=b,c\nkafka.topic=d", SOURCE " topic=a topic=b topic=c topic=d");
    expect_touches(FROM_FILE "file=x", SOURCE " file=x any:all topics (connector.class is a source that names no topic)");
    expect_touches(FROM_FILE "topic=a\nTopic.Prefix=b", SOURCE " topic=a any:all topics (Topic.Prefix may name further topics)");
    assert_contains(touches_of(FROM_FILE "topic=a${env:B}"), "any:all topics (topic holds a reference)");
    assert_contains(touches_of(FROM_FILE "topic=a\noffsets.storage.topic=${env:B}"), "any:all topics (offsets.storage.topic");
}

static void a_transformation_that_may_reroute_opens_all_topics(void **state)
{
    (void)state;
    expect_touches(FROM_FILE "topic=a\ntransforms=c,h\ntransforms.c.type=Filter\n"
                   "transforms.h.type=org.apache.kafka.connect.transforms.HoistField$Value", SOURCE " topic=a");
    expect_touches(FROM_FILE "topic=a\ntransforms=r\ntransforms.r.type=RegexRouter",
                   SOURCE " topic=a any:all topics (transforms.r.type may change the topics of records)");
    expect_touches(FROM_FILE "topic=a\ntransforms=f , r\ntransforms.f.type=Filter\n"
                   "transforms.r.type=org.apache.kafka.connect.transforms.TimestampRouter",
                   SOURCE " topic=a any:all topics (transforms.r.type may change the topics of records)");
    assert_contains(touches_of(FROM_FILE "topic=a\ntransforms=x\ntransforms.x.type=NoSuch"), "any:");
    assert_contains(touches_of(FROM_FILE "topic=a\ntransforms=x"), "any:");
    assert_contains(touches_of(FROM_FILE "topic=a\ntransforms=${env:X}"), "any:all topics (transforms holds");
    assert_contains(touches_of(FROM_FILE "topic=a\ntransforms=x\ntransforms.x.type=${env:X}"), "any:");
}

static void files_are_those_of_the_file_connectors(void **state)
{
    (void)state;
    expect_touches("connector.class=FileStreamSink\ntopics=a\nfile= /data/x ", SINK " topic=a file=/data/x");
    expect_touches("connector.class=FileStreamSource\ntopic=a\nfile=/etc/shadow", SOURCE " topic=a file=/etc/shadow");
    expect_touches("connector.class=FileStreamSink\ntopics=a", SINK " topic=a");
    expect_touches("connector.class=FileStreamSink\ntopics=a\nfile= ", SINK " topic=a");
}

static void references_are_found_in_every_value(void **state)
{
    (void)state;
    expect_touches("connector.class=FileStreamSink\ntopics=a\nfile=${env:A}-${file:/etc/x:key}\nvalue.converter.z=${a:b:c:d}",
                   SINK " topic=a reference=env:A reference=file:/etc/x:key reference=a:b:c:d unknowable:file holds a reference");
    /* As they are resolved: the outer one ends with the first brace. */
    expect_touches("connector.class=FileStreamSink\ntopics=a\nfile=${vault:${env:A}:k}", SINK " topic=a reference=vault:${env:A unknowable:file holds a reference");
    expect_touches("connector.class=FileStreamSink\ntopics=a\nfile=$${env:A}}${nothing}", SINK " topic=a reference=env:A unknowable:file holds a reference");
}

static void groups_and_client_settings_are_found(void **state)
{
    (void)state;
    expect_touches("connector.class=FileStreamSink\ntopics=a\nconsumer.override.group.id=connect-b\n"
                   "consumer.override.client.id=c\nproducer.override.acks=1\nadmin.override.x=y\nConsumer.override.z=1",
                   SINK " topic=a group=connect-b override=consumer.override.client.id override=producer.override.acks "
                        "override=admin.override.x");
    assert_contains(touches_of("connector.class=FileStreamSink\ntopics=a\nconsumer.override.group.id=connect-${env:A}"),
                    "unknowable:consumer.override.group.id holds a reference");
}

static bool look(void *config)
{
    struct connector_touches *touches = connector_touches_create(loader, config);
    bool worked = touches != NULL;
    connector_touches_destroy(touches);
    return worked;
}

static void no_memory_is_no_permission(void **state)
{
    struct string_map *config = properties_of(
        "connector.class=FileStreamSource\ntopic=a\ntransforms=r\ntransforms.r.type=RegexRouter\nfile=${env:A}\n"
        "consumer.override.group.id=${env:B}\nproducer.override.acks=1\ntopics=b,c");
    (void)state;
    alloc_torture(look, config);
    string_map_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_is_known_by_its_whole_name),
        cmocka_unit_test(a_sink_reads_its_topics_and_writes_its_dead_letters),
        cmocka_unit_test(a_source_writes_where_it_says_unless_it_may_say_more),
        cmocka_unit_test(a_transformation_that_may_reroute_opens_all_topics),
        cmocka_unit_test(files_are_those_of_the_file_connectors),
        cmocka_unit_test(references_are_found_in_every_value),
        cmocka_unit_test(groups_and_client_settings_are_found),
        cmocka_unit_test(no_memory_is_no_permission),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
