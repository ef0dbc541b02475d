/* topic_groups: which group a topic falls into, what it inherits, and what is refused (KIP-158). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/string_map.h"
#include "config/topic_groups.h"

static struct string_map *connector_of(const char *const *texts)
{
    struct string_map *map = string_map_create();
    assert_non_null(map);
    assert_true(string_map_put(map, "name", "src"));
    for (; *texts != NULL; texts += 2)
        assert_true(string_map_put(map, texts[0], texts[1]));
    return map;
}

static const char *const two_groups[] = {
    "topic.creation.groups", "compacted, wide, default",
    "topic.creation.default.partitions", "3",
    "topic.creation.default.replication.factor", "-1",
    "topic.creation.default.include", "[never looked at",
    "topic.creation.default.retention.ms", "1000",
    "topic.creation.compacted.include", "status.*, state-\\d+",
    "topic.creation.compacted.exclude", ".*-raw",
    "topic.creation.compacted.cleanup.policy", "compact",
    "topic.creation.compacted.replication.factor", "2",
    "topic.creation.wide.include", ".*-raw|big.*",
    "topic.creation.wide.partitions", "12",
    NULL,
};

static void assert_group(const struct topic_groups *groups, const char *topic, const char *name, int partitions, int factor)
{
    const struct topic_group *found = topic_groups_find(groups, topic);
    assert_string_equal(name, found->name);
    assert_int_equal(partitions, found->partitions);
    assert_int_equal(factor, found->replication_factor);
}

static void the_first_group_that_matches_the_whole_name_counts(void **state)
{
    (void)state;
    struct string_map *map = connector_of(two_groups);
    struct mr_error *error = NULL;
    struct topic_groups *groups = topic_groups_create(map, &error);
    assert_true(topic_groups_are_wished(map));
    if (groups == NULL)
        fail_msg("%s", mr_error_message(error));
    assert_group(groups, "status-eu", "compacted", 3, 2);
    assert_group(groups, "state-77", "compacted", 3, 2);
    assert_group(groups, "state-x", "default", 3, -1);
    assert_group(groups, "status-raw", "wide", 12, -1);
    assert_group(groups, "bigger", "wide", 12, -1);
    assert_group(groups, "my-status", "default", 3, -1);
    assert_group(groups, "", "default", 3, -1); /* also where a group excludes nothing at all */
    const struct topic_group *found = topic_groups_find(groups, "status");
    assert_int_equal(1, string_map_count(found->configs));
    assert_string_equal("compact", string_map_get(found->configs, "cleanup.policy"));
    assert_string_equal("1000", string_map_get(topic_groups_find(groups, "else")->configs, "retention.ms"));
    topic_groups_destroy(groups);
    string_map_destroy(map);
}

static void assert_refused(const char *const *texts, const char *words)
{
    struct string_map *map = connector_of(texts);
    struct mr_error *error = NULL;
    assert_null(topic_groups_create(map, &error));
    if (strstr(mr_error_message(error), words) == NULL)
        fail_msg("%s", mr_error_message(error));
    assert_int_equal(MR_ERR_CONFIG, mr_error_code(error));
    mr_error_drop(error);
    string_map_destroy(map);
}

static void wrong_options_are_refused_in_words(void **state)
{
    (void)state;
    assert_refused((const char *const[]){"topic.creation.groups", "a", NULL},
                   "Missing required configuration \"topic.creation.default.replication.factor\"");
    assert_refused((const char *const[]){"topic.creation.default.partitions", "0",
                                         "topic.creation.default.replication.factor", "1", NULL},
                   "Invalid value 0 for configuration topic.creation.default.partitions: Number of partitions must be "
                   "positive, or -1 to use the broker's default");
    assert_refused((const char *const[]){"topic.creation.default.partitions", "1",
                                         "topic.creation.default.replication.factor", "-2", NULL},
                   "Replication factor must be positive and not larger");
    assert_refused((const char *const[]){"topic.creation.default.partitions", "many",
                                         "topic.creation.default.replication.factor", "1", NULL},
                   "topic.creation.default.partitions: Not a number of type INT");
    assert_refused((const char *const[]){"topic.creation.default.partitions", "1",
                                         "topic.creation.default.replication.factor", "1", "topic.creation.groups", "g",
                                         "topic.creation.g.include", "ok, ([a-z", NULL},
                   "topic.creation.g.include: Syntax error in regular expression: ");
}

static void a_connector_without_such_options_wishes_for_nothing(void **state)
{
    (void)state;
    struct string_map *map = connector_of((const char *const[]){"topic", "t", NULL});
    assert_false(topic_groups_are_wished(map));
    string_map_destroy(map);
}

static void without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    struct string_map *map = connector_of(two_groups);
    struct topic_groups *groups = NULL;
    for (int64_t after = 0; groups == NULL; after++) {
        struct mr_error *error = NULL;
        mem_watch_start(after);
        groups = topic_groups_create(map, &error);
        mr_error_drop(error);
        topic_groups_destroy(groups);
        assert_int_equal(0, mem_live());
        mem_watch_stop();
    }
    string_map_destroy(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_group_that_matches_the_whole_name_counts),
        cmocka_unit_test(wrong_options_are_refused_in_words),
        cmocka_unit_test(a_connector_without_such_options_wishes_for_nothing),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
