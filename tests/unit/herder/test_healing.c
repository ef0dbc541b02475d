/* Task configurations that the config topic does not hold whole: a leader died between task records and commit, a commit of one that
 * slept came late, compaction took what stood before. Nobody helps. */
#include "rig.h"

static const struct membership_peer alone[] = {{RIG_URL, RIG_BOOT, true}};

static int group_setup(void **state)
{
    (void)state;
    rig_settle_timeout_ms = 300;
    rig_open(true, 0);
    rig_set_tasks(2, "one");
    rig_start();
    return 0;
}

static void lead(void)
{
    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, alone, 1);
}

/* As another worker wrote it; any key. */
static void put_record(const char *key, const char *text)
{
    assert_int_equal(
        config_store_put_own_note(rig.configs, &(struct config_note_write){key, text}, INT64_MAX, NULL), 0);
}

#define CONNECTOR_A "{\"properties\":{\"connector.class\":\"Source\",\"name\":\"a\"}}"
#define TASK(value) "{\"properties\":{\"task.class\":\"Task\",\"number\":\"0\",\"value\":\"" value "\"}}"

static bool is_whole(void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool is = config_snapshot_is_settled(snapshot, "a") && config_snapshot_task_count(snapshot, "a") == 2;

    for (uint32_t i = 0; is && i < 2; i++)
        is = strcmp(string_map_get(config_snapshot_task(snapshot, "a", i), "value"), argument) == 0;
    config_snapshot_drop(snapshot);
    return is;
}

static void assert_heals(void)
{
    assert_true(eventually(5000, is_whole, (void *)(uintptr_t) "one"));
    expect("status a-0 RUNNING");
    expect("status a-1 RUNNING");
}

static void tasks_without_a_commit_are_written_by_the_next_leader(void **state)
{
    (void)state;
    put_record("connector-a", CONNECTOR_A);
    put_record("task-a-0", TASK("one")); /* here the leader died */
    lead();
    assert_heals();
}

static void a_new_configuration_whose_tasks_lack_a_commit_is_put_through(void **state)
{
    (void)state;
    put_record("connector-a", CONNECTOR_A);
    put_record("task-a-0", TASK("before"));
    put_record("commit-a", "{\"tasks\":1}");
    put_record("connector-a", CONNECTOR_A);
    put_record("task-a-0", TASK("one"));
    put_record("task-a-1", TASK("one"));
    lead();
    assert_heals();
}

static bool is_inconsistent(void)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool is = config_snapshot_is_inconsistent(snapshot, "a");

    config_snapshot_drop(snapshot);
    return is;
}

static void a_commit_that_lacks_tasks_is_healed_by_the_next_leader(void **state)
{
    (void)state;
    put_record("connector-a", CONNECTOR_A);
    put_record("task-a-1", TASK("one")); /* task 0 was written again later, which has let compaction take the first */
    put_record("commit-a", "{\"tasks\":2}");
    put_record("task-a-0", TASK("one"));
    assert_true(is_inconsistent());
    lead();
    assert_heals();
}

/* Nothing else happens that would make anybody ask. */
static void a_late_commit_is_healed_while_the_connector_runs(void **state)
{
    (void)state;
    lead();
    assert_int_equal(put("a", "1"), 201);
    assert_heals();
    rig_log_clear();
    put_record("commit-a", "{\"tasks\":2}");
    assert_true(is_inconsistent());
    expect("configs a");
    assert_true(eventually(5000, is_whole, (void *)(uintptr_t) "one"));
    turn();
    expect_never("end a");
}

static void a_configuration_written_again_gets_a_commit_behind_it(void **state)
{
    (void)state;
    lead();
    assert_int_equal(put("a", "1"), 201);
    assert_heals();
    rig_log_clear();
    assert_int_equal(put("a", "1"), 200);
    assert_false(is_whole((void *)(uintptr_t) "one"));
    expect("status a RUNNING");
    assert_true(eventually(5000, is_whole, (void *)(uintptr_t) "one"));
    turn();
    expect_order("end a | start a STARTED | configs a | configs a");
    expect_never("task");
}

static void a_paused_connector_is_made_whole_when_it_is_resumed(void **state)
{
    (void)state;
    lead();
    assert_int_equal(put("a", "1"), 201);
    assert_heals();
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    assert_int_equal(put("a", "1"), 200);
    expect("target a PAUSED");
    rig_log_clear();
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    assert_true(eventually(5000, is_whole, (void *)(uintptr_t) "one"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(tasks_without_a_commit_are_written_by_the_next_leader),
        TEST(a_new_configuration_whose_tasks_lack_a_commit_is_put_through),
        TEST(a_commit_that_lacks_tasks_is_healed_by_the_next_leader),
        TEST(a_late_commit_is_healed_while_the_connector_runs),
        TEST(a_configuration_written_again_gets_a_commit_behind_it),
        TEST(a_paused_connector_is_made_whole_when_it_is_resumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
