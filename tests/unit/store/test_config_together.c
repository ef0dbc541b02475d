/* Changes that wait for the turn are written together, and each counts or fails for itself. */
#include "store_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "store/config_store_internal.h"
#include "support/alloc_torture.h"

/* A topic that writes down what is appended, and takes no record whose key is too_large. */
struct topic {
    struct config_store *store;
    struct str_buffer written; /* "--" ends what one append brought */
    int64_t end, deadline_ms;
    const char *too_large;
    bool is_silent;
    enum config_guard_moment refuses;
    int asked[4];
};

static bool has_key(const struct store_record *records, size_t count, const char *key)
{
    for (size_t i = 0; key != NULL && i < count; i++)
        if (records[i].key.size == strlen(key) && memcmp(records[i].key.data, key, strlen(key)) == 0)
            return true;
    return false;
}

static int topic_append(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                        struct mr_error **error)
{
    struct topic *topic = argument;
    topic->deadline_ms = deadline_ms;
    if (topic->is_silent)
        return mr_error_set(error, MR_ERR_TIMEOUT, "no broker answers");
    if (has_key(records, count, topic->too_large))
        return mr_error_set(error, MR_ERR_DATA, "a record is too large");
    for (size_t i = 0; i < count; i++) {
        str_buffer_append(&topic->written, (const char *)records[i].key.data, records[i].key.size);
        str_buffer_append_text(&topic->written, " ");
        config_store_feed(topic->store, topic->end++, records[i].key, records[i].value);
    }
    str_buffer_append_text(&topic->written, "--\n");
    config_store_publish(topic->store);
    return 0;
}

static int topic_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    (void)argument, (void)deadline_ms, (void)error;
    return 0;
}

static int topic_guard(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    topic->asked[moment]++;
    return moment == topic->refuses ? mr_error_set(error, MR_ERR_TIMEOUT, "worker b:8083 leads") : 0;
}

static const struct config_log topic_log = {.append = topic_append, .refresh = topic_refresh};

static int with_topic(void **state)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    str_buffer_init(&topic->written, 1 << 20);
    topic->refuses = CONFIG_GUARD_CLAIMED; /* none that is asked */
    topic->store = config_store_create(&topic_log, topic, NULL);
    config_store_begin_telling(topic->store);
    config_store_set_guard(topic->store, topic_guard, topic);
    *state = topic;
    return 0;
}

static int without_topic(void **state)
{
    struct topic *topic = *state;
    config_store_destroy(topic->store);
    str_buffer_release(&topic->written);
    free(topic);
    return 0;
}

static struct config_change *connector_change(const char *name)
{
    struct string_map *map = string_map_create();
    string_map_put(map, "name", name);
    struct config_change *change = config_change_of_connector(name, map, NULL);
    string_map_destroy(map);
    return change;
}

static struct config_change *enlisted(struct topic *topic, struct config_change *change)
{
    assert_non_null(change);
    config_store_enlist(topic->store, change, NEVER);
    return change;
}

static struct config_change *tasks_change(const char *name)
{
    struct string_map *map = string_map_create();
    string_map_put(map, "id", "0");
    struct config_change *change = config_change_of_tasks(name, (const struct string_map *const *)&map, 1);
    string_map_destroy(map);
    return change;
}

/* What becomes of an enlisted change: 0 or its error's code. */
static int settled(struct topic *topic, struct config_change *change)
{
    struct mr_error *error = NULL;
    int code = config_store_write(topic->store, change, &error) == 0 ? 0 : (int)mr_error_code(error);
    mr_error_drop(error);
    config_change_drop(change);
    return code;
}

static void what_waits_costs_one_question_and_one_append(void **state)
{
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, connector_change("a")), *b = enlisted(topic, connector_change("b")),
                         *c = enlisted(topic, config_change_of_removal("c"));
    assert_int_equal(settled(topic, b), 0);
    assert_written(&topic->written, "connector-a connector-b connector-c target-state-c --\n");
    assert_int_equal(settled(topic, a), 0);
    assert_int_equal(settled(topic, c), 0);
    assert_written(&topic->written, "");
    assert_int_equal(topic->asked[CONFIG_GUARD_BEFORE], 1);
    assert_int_equal(topic->asked[CONFIG_GUARD_BETWEEN], 0);
    assert_int_equal(topic->asked[CONFIG_GUARD_AFTER], 1);
}

static void commits_follow_the_tasks_of_all(void **state)
{
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, tasks_change("a")), *b = enlisted(topic, connector_change("b")),
                         *c = enlisted(topic, tasks_change("c"));
    assert_int_equal(settled(topic, a), 0);
    assert_written(&topic->written, "task-a-0 task-c-0 --\ncommit-a connector-b commit-c --\n");
    assert_int_equal(topic->asked[CONFIG_GUARD_BETWEEN], 1);
    assert_int_equal(settled(topic, b), 0);
    assert_int_equal(settled(topic, c), 0);
}

static void what_any_worker_may_write_is_not_asked_for_with_what_a_leader_may(void **state)
{
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, connector_change("a"));
    assert_int_equal(config_store_put_target(topic->store, "x", TARGET_PAUSED, NEVER, NULL), 0);
    assert_written(&topic->written, "connector-a --\ntarget-state-x --\n");
    assert_int_equal(topic->asked[CONFIG_GUARD_BEFORE], 1);
    assert_int_equal(settled(topic, a), 0);
}

static const char *forbids(void *argument)
{
    return argument;
}

static void one_that_is_out_of_date_is_left_out(void **state)
{
    static char WORDS[] = "it has changed";
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, tasks_change("a")), *b = tasks_change("b"),
                         *c = enlisted(topic, connector_change("c"));
    config_change_set_condition(b, &(struct config_condition){forbids, WORDS, NULL});
    config_store_enlist(topic->store, b, NEVER);
    assert_int_equal(settled(topic, a), 0);
    assert_written(&topic->written, "task-a-0 --\ncommit-a connector-c --\n");
    assert_int_equal(settled(topic, b), MR_ERR_CONFLICT);
    assert_int_equal(settled(topic, c), 0);
}

static void a_refusal_is_everybodys(void **state)
{
    static const enum config_guard_moment MOMENTS[] = {CONFIG_GUARD_BEFORE, CONFIG_GUARD_AFTER};
    struct topic *topic = *state;
    for (size_t i = 0; i < 2; i++) {
        topic->refuses = MOMENTS[i];
        struct config_change *a = enlisted(topic, connector_change("a")), *b = enlisted(topic, connector_change("b"));
        assert_int_equal(settled(topic, a), MR_ERR_CONFLICT);
        assert_int_equal(settled(topic, b), MR_ERR_CONFLICT);
        assert_written(&topic->written, i == 0 ? "" : "connector-a connector-b --\n");
    }
    topic->is_silent = true;
    topic->refuses = CONFIG_GUARD_CLAIMED;
    struct config_change *a = enlisted(topic, connector_change("a")), *b = enlisted(topic, connector_change("b"));
    assert_int_equal(settled(topic, a), MR_ERR_TIMEOUT);
    assert_int_equal(settled(topic, b), MR_ERR_TIMEOUT);
}

static void one_that_is_too_large_fails_alone(void **state)
{
    struct topic *topic = *state;
    topic->too_large = "connector-b";
    struct config_change *a = enlisted(topic, connector_change("a")), *b = enlisted(topic, connector_change("b")),
                         *c = enlisted(topic, tasks_change("c"));
    assert_int_equal(settled(topic, a), 0);
    assert_int_equal(settled(topic, b), MR_ERR_DATA);
    assert_int_equal(settled(topic, c), 0);
    assert_written(&topic->written, "task-c-0 --\nconnector-a --\ntask-c-0 --\ncommit-c --\n");
}

static void a_withdrawn_change_is_never_written(void **state)
{
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, connector_change("a")), *b = enlisted(topic, connector_change("b")),
                         *c = connector_change("c");
    assert_true(config_store_withdraw(topic->store, b));
    assert_true(config_store_withdraw(topic->store, c)); /* was not even enlisted */
    config_store_enlist(topic->store, c, NEVER);
    assert_int_equal(settled(topic, a), 0);
    assert_written(&topic->written, "connector-a --\n");
    assert_int_equal(settled(topic, b), MR_ERR_TIMEOUT);
    config_change_drop(c);
    a = enlisted(topic, connector_change("a"));
    assert_int_equal(config_store_remove_connector(topic->store, "d", NEVER, NULL), 0);
    assert_false(config_store_withdraw(topic->store, a)); /* was written by the other one */
    assert_int_equal(settled(topic, a), 0);
}

static void one_with_little_time_does_not_end_that_of_others(void **state)
{
    struct topic *topic = *state;
    struct config_change *a = enlisted(topic, connector_change("a")), *b = connector_change("b"),
                         *c = enlisted(topic, connector_change("c")), *d = connector_change("d");
    int64_t now_ms = clock_monotonic_ms(NULL);
    assert_int_equal(settled(topic, a), 0);
    assert_written(&topic->written, "connector-a connector-c --\n");
    assert_true(topic->deadline_ms >= now_ms + CONFIG_WRITE_TIMEOUT_MS);
    config_store_enlist(topic->store, b, now_ms + 5000);
    config_store_enlist(topic->store, d, NEVER);
    assert_int_equal(settled(topic, d), 0);
    assert_written(&topic->written, "connector-b --\nconnector-d --\n");
    assert_int_equal(settled(topic, b), 0);
    assert_int_equal(settled(topic, c), 0);
}

/* ---- many threads ---- */

#define WRITERS 4
#define WRITES 100

static void *write_many(void *argument)
{
    static atomic_int names;
    char name[20];
    snprintf(name, sizeof(name), "c%d", atomic_fetch_add(&names, 1));
    for (int i = 0; i < WRITES; i++) {
        struct config_change *mine = connector_change(name), *other = tasks_change(name);
        config_store_enlist(argument, mine, NEVER);
        config_store_enlist(argument, other, NEVER);
        if (config_store_write(argument, other, NULL) != 0)
            abort();
        if (i % 2 == 0 && config_store_withdraw(argument, mine))
            abort(); /* it stands before the other one */
        config_change_drop(mine);
        config_change_drop(other);
    }
    return NULL;
}

static void many_threads_write_for_each_other(void **state)
{
    (void)state;
    struct config_store *store = memory_config_store_create(NULL);
    pthread_t writers[WRITERS];
    char why[100];
    for (int i = 0; i < WRITERS; i++)
        thread_start(&writers[i], &(struct thread_setup){"writer", write_many, store, 0}, why, sizeof(why));
    for (int i = 0; i < WRITERS; i++)
        thread_join(writers[i]);
    struct config_snapshot *snapshot = config_store_snapshot(store);
    assert_int_equal(config_snapshot_connector_count(snapshot), WRITERS);
    assert_int_equal(config_snapshot_offset(snapshot), WRITERS * WRITES * 3);
    config_snapshot_drop(snapshot);
    config_store_destroy(store);
}

static bool write_two(void *argument)
{
    (void)argument;
    struct config_store *store = memory_config_store_create(NULL);
    struct string_map *map = store != NULL ? string_map_create() : NULL;
    struct config_change *a = map != NULL ? config_change_of_connector("a", map, NULL) : NULL;
    struct config_change *b = a != NULL ? config_change_of_removal("b") : NULL;
    bool worked = b != NULL;
    if (worked) {
        config_store_enlist(store, a, NEVER);
        config_store_enlist(store, b, NEVER);
        worked = config_store_write(store, a, NULL) == 0;
        worked = config_store_write(store, b, NULL) == 0 && worked;
    }
    config_change_drop(a);
    config_change_drop(b);
    string_map_destroy(map);
    config_store_destroy(store);
    return worked;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    alloc_torture(write_two, NULL);
}

#define ON_TOPIC(test) cmocka_unit_test_setup_teardown(test, with_topic, without_topic)

RUN_TESTS(ON_TOPIC(what_waits_costs_one_question_and_one_append), ON_TOPIC(commits_follow_the_tasks_of_all),
          ON_TOPIC(what_any_worker_may_write_is_not_asked_for_with_what_a_leader_may),
          ON_TOPIC(one_that_is_out_of_date_is_left_out), ON_TOPIC(a_refusal_is_everybodys),
          ON_TOPIC(one_that_is_too_large_fails_alone), ON_TOPIC(a_withdrawn_change_is_never_written),
          ON_TOPIC(one_with_little_time_does_not_end_that_of_others), cmocka_unit_test(many_threads_write_for_each_other),
          cmocka_unit_test(without_memory_nothing_leaks))
