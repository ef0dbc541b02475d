/* Task configurations that were made from a configuration which is not the connector's any more. */
#include "base/fingerprint.h"
#include "rig.h"

#define OTHER_URL "http://other:8083/"

/* What went to the leader, and what it says. */
static struct {
    atomic_int calls;
    atomic_int status;
    char made_from[FINGERPRINT_SIZE];
} sent;

static void take_tasks(void *argument, const char *leader_url, const struct leader_link_tasks *tasks, int64_t deadline_ms,
                       leader_link_done_fn *done, void *done_argument)
{
    (void)argument, (void)deadline_ms;
    assert_string_equal(leader_url, OTHER_URL);
    mutex_lock(&rig.lock);
    snprintf(sent.made_from, sizeof(sent.made_from), "%s", tasks->made_from);
    mutex_unlock(&rig.lock);
    atomic_fetch_add(&sent.calls, 1);
    done(done_argument, atomic_load(&sent.status), "no");
}

static void answer_nobody(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    (void)argument, (void)url, (void)deadline_ms;
    done(done_argument, NULL);
}

static int cluster_setup(void **state)
{
    static const struct leader_link link = {.put_tasks = take_tasks, .ask_boot = answer_nobody};

    (void)state;
    atomic_store(&sent.calls, 0);
    sent.made_from[0] = '\0';
    atomic_store(&sent.status, 204);
    rig_link = &link;
    rig_open(true, 0);
    rig_link = NULL;
    rig_start();
    return 0;
}

static struct string_map *config_of(const char *extra)
{
    struct string_map *config = string_map_create();

    assert_true(string_map_put(config, "connector.class", "Source") && string_map_put(config, "extra", extra) &&
                string_map_put(config, "name", "a"));
    return config;
}

/* As whoever leads writes it. */
static void configure(const char *extra)
{
    struct string_map *config = config_of(extra);

    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
}

static int offer(const char *made_from)
{
    struct string_map *late = string_map_create();
    struct answer answer = {0};

    assert_true(string_map_put(late, "value", "late"));
    herder_put_task_configs(rig.herder, "a", (const struct string_map *const[]){late}, 1, made_from, take_answer, &answer);
    string_map_destroy(late);
    return answered(&answer);
}

static const char *stored(char value[16])
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    const struct string_map *task = config_snapshot_task(snapshot, "a", 0);

    snprintf(value, 16, "%s", task == NULL ? "(none)" : string_map_get_or(task, "value", "(none)"));
    config_snapshot_drop(snapshot);
    return value;
}

static void print_of(const char *extra, char print[FINGERPRINT_SIZE])
{
    struct string_map *config = config_of(extra);

    fingerprint(config, print);
    string_map_destroy(config);
}

static void tasks_of_a_former_configuration_are_refused_by_the_leader(void **state)
{
    char former[FINGERPRINT_SIZE], present[FINGERPRINT_SIZE], value[16];

    (void)state;
    print_of("1", former);
    print_of("2", present);
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    put("a", "2");
    expect("status a-0 RUNNING");
    assert_int_equal(offer(former), 409);
    assert_string_equal(stored(value), "one");
    assert_int_equal(offer(present), 204);
    assert_string_equal(stored(value), "late");
}

static void tasks_from_who_does_not_say_what_they_were_made_from_are_taken(void **state)
{
    char value[16];

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(offer(NULL), 204);
    assert_string_equal(stored(value), "late");
}

/* --- by whoever made them ------------------------------------------------------------------------------------------------ */

static bool was_sent(void *argument)
{
    char expected[FINGERPRINT_SIZE];
    bool was;

    print_of(argument, expected);
    mutex_lock(&rig.lock);
    was = strcmp(sent.made_from, expected) == 0;
    mutex_unlock(&rig.lock);
    return was;
}

static bool was_sent_again(void *argument)
{
    return atomic_load(&sent.calls) > *(int *)argument;
}

static void follow(void)
{
    configure("1");
    assert_int_equal(config_store_put_own_note(rig.configs,
                                               &(struct config_note_write){"millrace-assignment-" RIG_URL,
                                                                           "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT
                                                                           "\",\"units\":{\"a\":[-1]}}"},
                                               INT64_MAX, NULL),
                     0);
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1,
                        (const struct membership_peer[]){{RIG_URL, RIG_BOOT, false}, {OTHER_URL, "ffeeddcc00112233", true}}, 2);
}

static void what_the_leader_refuses_is_made_anew(void **state)
{
    int calls;

    (void)state;
    atomic_store(&sent.status, 409);
    follow();
    assert_true(eventually(5000, was_sent, "1"));
    calls = atomic_load(&sent.calls);
    assert_true(eventually(5000, was_sent_again, &calls));
    configure("2");
    assert_true(eventually(10000, was_sent, "2"));
}

static void what_was_made_before_a_new_configuration_is_not_sent(void **state)
{
    struct string_map *made = string_map_create();

    (void)state;
    rig_set(&rig.configs_silent, true);
    rig_set(&rig.connector_silent, true);
    follow();
    expect("start a STARTED");
    rig.listener->on_connector_state(rig.listener_argument, "a", CONNECTOR_RUNNING, NULL, "1.0");
    expect("configs a");
    rig_set(&rig.configs_silent, false);
    configure("2"); /* its end is not told: it goes on */
    rig.listener->on_task_configs(rig.listener_argument, "a", rig.configs_token, (struct string_map *[]){made}, 1, NULL, false);
    turn();
    assert_int_equal(atomic_load(&sent.calls), 0);
    expect("end a");
    rig_set(&rig.connector_silent, false);
    rig.listener->on_connector_state(rig.listener_argument, "a", CONNECTOR_ENDED, NULL, NULL);
    assert_true(eventually(5000, was_sent, "2"));
    assert_int_equal(atomic_load(&sent.calls), 1);
    string_map_destroy(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tasks_of_a_former_configuration_are_refused_by_the_leader, standalone_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(tasks_from_who_does_not_say_what_they_were_made_from_are_taken, standalone_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(what_the_leader_refuses_is_made_anew, cluster_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_was_made_before_a_new_configuration_is_not_sent, cluster_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
