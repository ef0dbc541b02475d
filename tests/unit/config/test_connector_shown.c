/* What those see who may not see passwords, and what becomes of it when they write it back. */
#include "config_room_test.h"

#include "base/mem.h"
#include "config/connector_shown.h"
#include "support/alloc_torture.h"

static struct loader *loader;

static int set_up(void **state)
{
    static const char path[] = MR_TEST_PLUGINS "/picky.so," MR_PLUGINS "/transforms.so";
    (void)state;
    loader = loader_create(&(struct loader_setup){.plugin_path = path, .host = loader_host()}, NULL);
    assert_non_null(loader);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loader_destroy(loader);
    return 0;
}

#define PICKY "connector.class=PickySource\n"

/* Of one option beside the class. */
static void expect_shown(const char *properties, const char *option, const char *value)
{
    struct string_map *config = properties_of(properties);
    struct string_map *shown = connector_shown_create(loader, config, config);
    assert_int_equal(string_map_count(shown), string_map_count(config));
    assert_string_equal(string_map_get(shown, option), value);
    string_map_destroy(shown);
    string_map_destroy(config);
}

static void passwords_are_hidden_wherever_one_is_declared(void **state)
{
    (void)state;
    expect_shown(PICKY "token=swordfish", "token", "[hidden]");
    expect_shown(PICKY "consumer.override.sasl.jaas.config=swordfish", "consumer.override.sasl.jaas.config", "[hidden]");
    expect_shown(PICKY "admin.override.ssl.key.password=swordfish", "admin.override.ssl.key.password", "[hidden]");
}

static void what_sounds_secret_or_is_not_declared_is_hidden(void **state)
{
    (void)state;
    expect_shown(PICKY "strange=swordfish", "strange", "[hidden]");
    expect_shown(PICKY "consumer.override.strange=swordfish", "consumer.override.strange", "[hidden]");
    expect_shown(PICKY "transforms=h\ntransforms.h.type=org.apache.kafka.connect.transforms.HoistField$Value\ntransforms.h.strange=x", "transforms.h.strange", "[hidden]");
    expect_shown("connector.class=NotThere\nurl=swordfish", "url", "[hidden]");
    expect_shown("url=swordfish", "url", "[hidden]");
}

static void what_is_declared_and_no_secret_is_shown(void **state)
{
    (void)state;
    expect_shown(PICKY "depth=3", "depth", "3");
    expect_shown(PICKY "tasks.max=3", "tasks.max", "3");
    expect_shown(PICKY "topics=a,b", "topics", "a,b");
    expect_shown(PICKY "topic.creation.default.partitions=3", "topic.creation.default.partitions", "3");
    expect_shown(PICKY "producer.override.acks=1", "producer.override.acks", "1");
    expect_shown(PICKY "transforms=h.i\ntransforms.h.i.type=org.apache.kafka.connect.transforms.HoistField$Value\n"
                 "transforms.h.i.field=x", "transforms.h.i.field", "x");
    expect_shown(PICKY "transforms=h\ntransforms.h.type=Filter\ntransforms.h.predicate=x", "transforms.h.predicate", "x");
}

static void references_are_shown_unless_something_stands_beside_them(void **state)
{
    (void)state;
    expect_shown(PICKY "token=${vault:a:b}", "token", "${vault:a:b}");
    expect_shown(PICKY "token=x${vault:a:b}", "token", "[hidden]");
    expect_shown(PICKY "token=${vault:a:b}x", "token", "[hidden]");
    expect_shown(PICKY "token=", "token", "");
}

static void tasks_are_judged_by_what_their_connector_declares(void **state)
{
    struct string_map *config = properties_of("connector.class=PickySource\n");
    struct string_map *task = properties_of("task.class=T\ntoken=swordfish\ndepth=3\npart=swordfish\n");
    (void)state;
    struct string_map *shown = connector_shown_create(loader, config, task);
    assert_string_equal(string_map_get(shown, "task.class"), "T");
    assert_string_equal(string_map_get(shown, "depth"), "3");
    assert_string_equal(string_map_get(shown, "token"), "[hidden]");
    assert_string_equal(string_map_get(shown, "part"), "[hidden]");
    string_map_destroy(shown);
    string_map_destroy(task);
    string_map_destroy(config);
}

static void what_was_hidden_is_kept_when_it_is_written_back(void **state)
{
    struct string_map *present = properties_of("a=1\nb=swordfish\nc=[hidden]\n");
    struct string_map *config = properties_of("a=2\nb=[hidden]\nc=[hidden]\n"), *other = properties_of("d=[hidden]\n");
    const char *missing = "";
    (void)state;
    assert_true(connector_shown_restore(config, present, &missing));
    assert_null(missing);
    assert_string_equal(string_map_get(config, "a"), "2");
    assert_string_equal(string_map_get(config, "b"), "swordfish");
    assert_string_equal(string_map_get(config, "c"), "[hidden]");
    assert_false(connector_shown_restore(other, present, &missing));
    assert_string_equal(missing, "d");
    assert_false(connector_shown_restore(other, NULL, &missing));
    assert_string_equal(missing, "d");
    string_map_destroy(present);
    string_map_destroy(config);
    string_map_destroy(other);
}

static bool show(void *config)
{
    struct string_map *shown = connector_shown_create(loader, config, config);
    bool worked = shown != NULL && strcmp(string_map_get(shown, "token"), "[hidden]") == 0;
    if (shown != NULL)
        assert_string_equal(string_map_get(shown, "token"), "[hidden]");
    string_map_destroy(shown);
    return worked;
}

static void no_memory_shows_nothing(void **state)
{
    struct string_map *config = properties_of(PICKY "token=x\ntransforms=h\ntransforms.h.type=Filter\ntransforms.h.z=x");
    (void)state;
    alloc_torture(show, config);
    string_map_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_hidden_wherever_one_is_declared),
        cmocka_unit_test(what_sounds_secret_or_is_not_declared_is_hidden),
        cmocka_unit_test(what_is_declared_and_no_secret_is_shown),
        cmocka_unit_test(references_are_shown_unless_something_stands_beside_them),
        cmocka_unit_test(tasks_are_judged_by_what_their_connector_declares),
        cmocka_unit_test(what_was_hidden_is_kept_when_it_is_written_back),
        cmocka_unit_test(no_memory_shows_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
