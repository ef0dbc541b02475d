/* What each write appends, to the byte; turns, guards, and who is told what. */
#include "store_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/string_map.h"
#include "base/thread.h"
#include "store/config_listener.h"
#include "store/config_store_internal.h"
#include "support/alloc_torture.h"

/* A topic that writes down what is appended, and fails when told to. */
struct topic {
    struct config_store *store;
    struct str_buffer written;   /* "--" ends what one append brought */
    int64_t end;
    int appends_that_work;       /* negative: all */
};

static int topic_append(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                        struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    if (topic->appends_that_work == 0)
        return mr_error_set(error, MR_ERR_TIMEOUT, "no broker answers");
    topic->appends_that_work--;
    for (size_t i = 0; i < count; i++) {
        written_add(&topic->written, &records[i]);
        config_store_feed(topic->store, topic->end++, records[i].key, records[i].value);
    }
    str_buffer_append_text(&topic->written, "--\n");
    config_store_publish(topic->store);
    return 0;
}

static int topic_refresh(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    (void)argument;
    (void)deadline_ms;
    return mr_error_set(error, MR_ERR_TIMEOUT, "refresh was asked for");
}

static const struct config_log topic_log = {.append = topic_append, .refresh = topic_refresh};

static int with_topic(void **state)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    str_buffer_init(&topic->written, 1 << 20);
    topic->appends_that_work = -1;
    topic->store = config_store_create(&topic_log, topic, NULL);
    config_store_begin_telling(topic->store);
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

static struct string_map *map_of(const char *const *pairs)
{
    struct string_map *map = string_map_create();
    for (; pairs[0] != NULL; pairs += 2)
        string_map_put(map, pairs[0], pairs[1]);
    return map;
}

#define MAP(...) map_of((const char *const[]){__VA_ARGS__, NULL})

static void a_connector_is_written_in_its_own_order(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct string_map *map = MAP("connector.class", "lab.LabSource", "tasks.max", "2", "topic", "ta", "name", "src-a");
    assert_int_equal(config_store_put_connector(topic->store, "src-a", map, NULL, NEVER, &error), 0);
    assert_written(&topic->written,
                   "connector-src-a={\"properties\":{\"connector.class\":\"lab.LabSource\",\"tasks.max\":\"2\",\"topic\":"
                   "\"ta\",\"name\":\"src-a\"}}\n--\n");
    string_map_destroy(map);
}

static void texts_are_raw_utf8_with_jacksons_escapes(void **state)
{
    struct topic *topic = *state;
    struct string_map *map = MAP("k\"\\/", "\xC3\xA9 \xF0\x9F\x98\x80 \b\f\n\r\t\x01\x1F\x7F </script>", "p", "${file:/a:b}",
                                 "broken", "a\xFFz");
    string_map_put_null(map, "null");
    assert_int_equal(config_store_put_connector(topic->store, "f\xC3\xA9 \"q\"-7", map, NULL, NEVER, NULL), 0);
    assert_written(&topic->written,
                   "connector-f\xC3\xA9 \"q\"-7={\"properties\":{\"k\\\"\\\\/\":\"\xC3\xA9 \xF0\x9F\x98\x80 "
                   "\\b\\f\\n\\r\\t\\u0001\\u001F\x7F </script>\",\"p\":\"${file:/a:b}\",\"broken\":\"a\xEF\xBF\xBDz\","
                   "\"null\":null}}\n--\n");
    string_map_destroy(map);
}

static void an_initial_state_is_written_before_the_connector(void **state)
{
    struct topic *topic = *state;
    enum target_state stopped = TARGET_STOPPED;
    struct string_map *map = MAP("name", "a");
    assert_int_equal(config_store_put_connector(topic->store, "a", map, &stopped, NEVER, NULL), 0);
    assert_written(&topic->written, "target-state-a={\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}\n"
                                    "connector-a={\"properties\":{\"name\":\"a\"}}\n--\n");
    struct config_snapshot *snapshot = config_store_snapshot(topic->store);
    assert_int_equal(config_snapshot_target(snapshot, "a"), TARGET_STOPPED);
    config_snapshot_drop(snapshot);
    string_map_destroy(map);
}

static void tasks_are_read_back_before_their_commit(void **state)
{
    struct topic *topic = *state;
    struct string_map *map = MAP("name", "a");
    struct string_map *tasks[] = {MAP("id", "0"), MAP("id", "1")};
    assert_int_equal(config_store_put_connector(topic->store, "a", map, NULL, NEVER, NULL), 0);
    str_buffer_clear(&topic->written);
    assert_int_equal(config_store_put_tasks(topic->store, "a", (const struct string_map *const *)tasks, 2, NEVER, NULL),
                     0);
    assert_written(&topic->written, "task-a-0={\"properties\":{\"id\":\"0\"}}\ntask-a-1={\"properties\":{\"id\":\"1\"}}\n"
                                    "--\ncommit-a={\"tasks\":2}\n--\n");
    struct config_snapshot *snapshot = config_store_snapshot(topic->store);
    assert_int_equal(config_snapshot_task_count(snapshot, "a"), 2);
    config_snapshot_drop(snapshot);
    assert_int_equal(config_store_put_tasks(topic->store, "a", NULL, 0, NEVER, NULL), 0);
    assert_written(&topic->written, "commit-a={\"tasks\":0}\n--\n");
    string_map_destroy(map);
    string_map_destroy(tasks[0]);
    string_map_destroy(tasks[1]);
}

static void no_commit_follows_tasks_that_failed(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct string_map *task = MAP("id", "0");
    topic->appends_that_work = 0;
    assert_int_equal(config_store_put_tasks(topic->store, "a", (const struct string_map *const *)&task, 1, NEVER, &error),
                     -1);
    assert_error(&error, MR_ERR_TIMEOUT, "no broker answers");
    assert_written(&topic->written, "");
    string_map_destroy(task);
}

static void the_small_records_are_exact(void **state)
{
    struct topic *topic = *state;
    struct config_store *store = topic->store;
    struct session_key key = {"k5tDrt4sfVFJ1XeRZVmQtceUnUJGRZ6MZ1CRPE+K+Mk=", "HmacSHA256", 1795313956674};
    assert_int_equal(config_store_put_target(store, "a", TARGET_STARTED, NEVER, NULL), 0);
    assert_int_equal(config_store_put_target(store, "a", TARGET_PAUSED, NEVER, NULL), 0);
    assert_int_equal(config_store_put_restart(store, "a", true, false, NEVER, NULL), 0);
    assert_int_equal(config_store_put_fenced_count(store, "a", 2, NULL, NEVER, NULL), 0);
    assert_int_equal(config_store_put_session_key(store, &key, NEVER, NULL), 0);
    assert_int_equal(config_store_put_logger_level(store, "org.apache", "DEBUG", NEVER, NULL), 0);
    assert_int_equal(config_store_remove_connector(store, "a", NEVER, NULL), 0);
    assert_written(&topic->written,
                   "target-state-a={\"state\":\"STARTED\",\"state.v2\":\"STARTED\"}\n--\n"
                   "target-state-a={\"state\":\"PAUSED\",\"state.v2\":\"PAUSED\"}\n--\n"
                   "restart-connector-a={\"include-tasks\":true,\"only-failed\":false}\n--\n"
                   "tasks-fencing-a={\"task-count\":2}\n--\n"
                   "session-key={\"key\":\"k5tDrt4sfVFJ1XeRZVmQtceUnUJGRZ6MZ1CRPE+K+Mk=\",\"algorithm\":\"HmacSHA256\","
                   "\"creation-timestamp\":1795313956674}\n--\n"
                   "logger-cluster-org.apache={\"level\":\"DEBUG\"}\n--\n"
                   "connector-a=~\ntarget-state-a=~\n--\n");
    struct config_snapshot *snapshot = config_store_snapshot(store);
    assert_string_equal(config_snapshot_session_key(snapshot)->key, key.key);
    config_snapshot_drop(snapshot);
}

/* ---- guards ---- */

struct guard {
    enum config_guard_moment refuses;
    int asked_before, asked_between, asked_after;
};

static int guard_ask(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct guard *guard = argument;
    (void)deadline_ms;
    guard->asked_before += moment == CONFIG_GUARD_BEFORE;
    guard->asked_between += moment == CONFIG_GUARD_BETWEEN;
    guard->asked_after += moment == CONFIG_GUARD_AFTER;
    if (moment != guard->refuses)
        return 0;
    return mr_error_set(error, MR_ERR_TIMEOUT, "worker b:8083 leads");
}

static const char *forbids(void *argument)
{
    return *(bool *)argument ? NULL : "it is out of date";
}

static void what_is_out_of_date_when_its_turn_comes_is_not_written(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    bool is_so = false;
    struct config_condition condition = {.forbids = forbids, .argument = &is_so};
    struct config_note_write note = {"millrace-cluster", "{}"};

    assert_int_equal(config_store_put_notes(topic->store, &note, 1, &condition, NEVER, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "out of date");
    assert_written(&topic->written, "");
    is_so = true;
    assert_int_equal(config_store_put_notes(topic->store, &note, 1, &condition, NEVER, NULL), 0);
    assert_non_null(strstr(str_buffer_text(&topic->written), "millrace-cluster"));
}

static void a_refused_guard_writes_nothing(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct guard guard = {.refuses = CONFIG_GUARD_BEFORE};
    config_store_set_guard(topic->store, guard_ask, &guard);
    assert_int_equal(config_store_put_tasks(topic->store, "a", NULL, 0, NEVER, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "worker b:8083 leads");
    assert_written(&topic->written, "");
    assert_int_equal(guard.asked_before, 1);
    assert_int_equal(guard.asked_after, 0);
    assert_int_equal(config_store_put_target(topic->store, "a", TARGET_PAUSED, NEVER, NULL), 0);   /* any worker's */
    assert_int_equal(guard.asked_before, 1);
}

static void a_leader_that_slept_does_not_commit_its_tasks(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct guard guard = {.refuses = CONFIG_GUARD_BETWEEN};
    struct string_map *task = MAP("v", "1");
    config_store_set_guard(topic->store, guard_ask, &guard);
    assert_int_equal(config_store_put_tasks(topic->store, "a", (const struct string_map *const *)&task, 1, NEVER, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "the tasks were not committed");
    assert_written(&topic->written, "task-a-0={\"properties\":{\"v\":\"1\"}}\n--\n");
    assert_int_equal(guard.asked_after, 0);
    string_map_destroy(task);
    guard.refuses = CONFIG_GUARD_BEFORE;
    assert_int_equal(config_store_put_tasks(topic->store, "a", NULL, 0, NEVER, NULL), -1);
    assert_int_equal(guard.asked_between, 1);
}

static void a_guard_that_refuses_afterwards_is_told_to_the_writer(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct guard guard = {.refuses = CONFIG_GUARD_AFTER};
    config_store_set_guard(topic->store, guard_ask, &guard);
    assert_int_equal(config_store_put_restart(topic->store, "a", true, true, NEVER, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "may have been overtaken");
    assert_int_equal(guard.asked_before, 1);
    assert_int_equal(guard.asked_after, 1);
    config_store_set_guard(topic->store, NULL, NULL);
    assert_int_equal(config_store_put_restart(topic->store, "a", true, true, NEVER, NULL), 0);
}

/* ---- loss ---- */

static int lost_count;

static void on_lost(void *argument, const char *words)
{
    (void)argument;
    assert_string_equal(words, "it was cut");
    lost_count++;
}

static void a_lost_log_refuses_changes_and_keeps_its_snapshot(void **state)
{
    static const struct config_listener listener = {.log_lost = on_lost};
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    struct string_map *map = MAP("name", "a");
    config_store_set_listener(topic->store, &listener, NULL);
    assert_int_equal(config_store_put_connector(topic->store, "a", map, NULL, NEVER, NULL), 0);
    lost_count = 0;
    config_store_lose(topic->store, "it was cut");
    config_store_lose(topic->store, "it was cut again");
    assert_int_equal(lost_count, 1);
    assert_int_equal(config_store_put_target(topic->store, "a", TARGET_PAUSED, NEVER, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "it was cut");
    struct config_snapshot *snapshot = config_store_snapshot(topic->store);
    assert_true(config_snapshot_has(snapshot, "a"));
    config_snapshot_drop(snapshot);
    string_map_destroy(map);
}

static void refreshing_is_the_logs_business(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    assert_int_equal(config_store_refresh(topic->store, NEVER, &error), -1);
    assert_error(&error, MR_ERR_TIMEOUT, "refresh was asked for");
}

/* ---- the memory twin, many threads ---- */

static void on_changed(void *argument, const char *connector)
{
    /* The snapshot that shows it is published already. */
    struct config_snapshot *snapshot = config_store_snapshot(argument);
    assert_true(config_snapshot_has(snapshot, connector));
    config_snapshot_drop(snapshot);
}

static void what_is_told_can_be_seen(void **state)
{
    static const struct config_listener listener = {.connector_changed = on_changed};
    (void)state;
    struct config_store *store = memory_config_store_create(NULL);
    struct string_map *map = MAP("name", "a");
    config_store_set_listener(store, &listener, store);
    assert_int_equal(config_store_put_connector(store, "a", map, NULL, NEVER, NULL), 0);
    assert_int_equal(config_store_refresh(store, NEVER, NULL), 0);
    string_map_destroy(map);
    config_store_destroy(store);
}

#define WRITERS 3
#define WRITES 200

static atomic_bool writing;

static void *write_many(void *argument)
{
    static atomic_int names;
    char name[20];
    snprintf(name, sizeof(name), "c%d", atomic_fetch_add(&names, 1));
    struct string_map *map = MAP("name", name);
    for (int i = 0; i < WRITES; i++)
        if (config_store_put_connector(argument, name, map, NULL, NEVER, NULL) != 0)
            abort();
    string_map_destroy(map);
    return NULL;
}

static void *read_many(void *argument)
{
    while (atomic_load(&writing)) {
        struct config_snapshot *snapshot = config_store_snapshot(argument);
        for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++) {
            const char *name = config_snapshot_connector_at(snapshot, i);
            if (strcmp(string_map_get(config_snapshot_config(snapshot, name), "name"), name) != 0)
                abort();
        }
        config_snapshot_drop(snapshot);
    }
    return NULL;
}

static void many_threads_write_and_read(void **state)
{
    (void)state;
    struct config_store *store = memory_config_store_create(NULL);
    pthread_t writers[WRITERS], reader;
    char why[100];
    atomic_store(&writing, true);
    thread_start(&reader, &(struct thread_setup){"reader", read_many, store, 0}, why, sizeof(why));
    for (int i = 0; i < WRITERS; i++)
        thread_start(&writers[i], &(struct thread_setup){"writer", write_many, store, 0}, why, sizeof(why));
    for (int i = 0; i < WRITERS; i++)
        thread_join(writers[i]);
    atomic_store(&writing, false);
    thread_join(reader);
    struct config_snapshot *snapshot = config_store_snapshot(store);
    assert_int_equal(config_snapshot_connector_count(snapshot), WRITERS);
    assert_int_equal(config_snapshot_offset(snapshot), WRITERS * WRITES);
    config_snapshot_drop(snapshot);
    config_store_destroy(store);
}

/* The guard waits inside the turn; the second writer's time runs out meanwhile. */
static struct config_store *busy_store;

static int guard_write_too(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct mr_error *inner = NULL;
    (void)argument;
    (void)deadline_ms;
    (void)error;
    if (moment == CONFIG_GUARD_BEFORE) {
        assert_int_equal(config_store_put_target(busy_store, "b", TARGET_PAUSED, clock_monotonic_ms(NULL) + 5, &inner),
                         -1);
        assert_error(&inner, MR_ERR_TIMEOUT, "other writes");
    }
    return 0;
}

static void a_write_waits_for_its_turn_until_its_deadline(void **state)
{
    struct topic *topic = *state;
    busy_store = topic->store;
    config_store_set_guard(topic->store, guard_write_too, NULL);
    assert_int_equal(config_store_put_tasks(topic->store, "a", NULL, 0, NEVER, NULL), 0);
    assert_written(&topic->written, "commit-a={\"tasks\":0}\n--\n");
}

static struct string_map *torture_map;

static bool put_and_snapshot(void *argument)
{
    enum target_state paused = TARGET_PAUSED;
    (void)argument;
    struct config_store *store = memory_config_store_create(NULL);
    if (store == NULL)
        return false;
    bool worked =
        config_store_put_connector(store, "a", torture_map, &paused, NEVER, NULL) == 0 &&
        config_store_put_tasks(store, "a", (const struct string_map *const *)&torture_map, 1, NEVER, NULL) == 0 &&
        config_store_remove_connector(store, "a", NEVER, NULL) == 0;
    config_store_destroy(store);
    return worked;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    torture_map = MAP("name", "a", "tasks.max", "3");
    alloc_torture(put_and_snapshot, NULL);
    string_map_destroy(torture_map);
}

#define ON_TOPIC(test) cmocka_unit_test_setup_teardown(test, with_topic, without_topic)

RUN_TESTS(ON_TOPIC(a_connector_is_written_in_its_own_order), ON_TOPIC(texts_are_raw_utf8_with_jacksons_escapes),
          ON_TOPIC(an_initial_state_is_written_before_the_connector), ON_TOPIC(tasks_are_read_back_before_their_commit),
          ON_TOPIC(no_commit_follows_tasks_that_failed), ON_TOPIC(the_small_records_are_exact),
          ON_TOPIC(a_refused_guard_writes_nothing),
          ON_TOPIC(what_is_out_of_date_when_its_turn_comes_is_not_written), ON_TOPIC(a_leader_that_slept_does_not_commit_its_tasks), ON_TOPIC(a_guard_that_refuses_afterwards_is_told_to_the_writer),
          ON_TOPIC(a_lost_log_refuses_changes_and_keeps_its_snapshot), ON_TOPIC(refreshing_is_the_logs_business),
          ON_TOPIC(a_write_waits_for_its_turn_until_its_deadline), cmocka_unit_test(what_is_told_can_be_seen),
          cmocka_unit_test(many_threads_write_and_read), cmocka_unit_test(without_memory_nothing_leaks))
