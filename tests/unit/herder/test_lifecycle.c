/* What follows from a record of the config topic: commands to the executor and records in the status topic. */
#include "rig.h"

static void a_new_connector_starts_and_gets_its_tasks(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    expect_order("start a STARTED | status a RUNNING | configs a | task+ a-0 | status a-0 RUNNING");
}

static void pause_and_resume_keep_the_instances(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    expect("status a-0 PAUSED");
    expect("status a PAUSED");
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    expect("status a-0 RUNNING");
    expect("configs a");
    expect_order("target a PAUSED | target a STARTED | status a RUNNING | configs a");
    expect_never("task+");
    expect_never("UNASSIGNED");
}

static void a_stop_takes_the_tasks_away_and_a_resume_makes_them_anew(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a STOPPED");
    expect("status a-0 DESTROYED");
    expect_order("task- a-0 leave | status a-0 UNASSIGNED | status a-0 DESTROYED");
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    expect("status a-0 RUNNING");
    expect_order("target a STOPPED | target a STARTED | configs a | task+ a-0");
}

static bool no_status_is_left(void *argument)
{
    struct status_view *view = status_store_view(rig.statuses, argument);
    bool none = view->connector == NULL && view->task_count == 0;

    status_view_destroy(view);
    return none;
}

static void a_deletion_stops_everything_and_leaves_no_status(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(ask(delete_unguarded, "a"), 204);
    expect("status a UNASSIGNED");
    expect_order("task- a-0 leave | status a-0 UNASSIGNED");
    assert_true(eventually(5000, no_status_is_left, (void *)(uintptr_t) "a"));
    assert_int_equal(ask(delete_unguarded, "a"), 404);
    rig_log_clear();
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
}

static void a_connector_created_anew_does_not_inherit_running_tasks(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_set(&rig.task_silent, true);
    assert_int_equal(ask(delete_unguarded, "a"), 204);
    expect("task- a-0 leave");
    rig_log_clear();
    assert_int_equal(put("a", "1"), 201);
    turn();
    expect_never("start a");
    rig_set(&rig.task_silent, false);
    rig_task("a", 0, TASK_STOPPED, NULL);
    expect("status a-0 RUNNING");
    expect_order("start a STARTED | task+ a-0");
}

static void the_same_configuration_again_restarts_the_connector_alone(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    assert_int_equal(put("a", "1"), 200);
    expect("configs a");
    turn();
    expect_order("end a | status a UNASSIGNED | start a STARTED | status a RUNNING | configs a");
    expect_never("a-0");
}

static void a_new_configuration_restarts_the_tasks_too(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    assert_int_equal(put("a", "2"), 200);
    expect("task+ a-0");
    expect_order("end a | start a STARTED | configs a | task- a-0 stay | status a-0 UNASSIGNED | task+ a-0");
}

static void put_topics(const char *name, const char *topics)
{
    struct answer answer = {0};
    struct string_map *config = string_map_create();

    string_map_put(config, "connector.class", "Sink");
    string_map_put(config, "topics", topics);
    herder_put_connector(rig.herder, &(struct herder_put_connector){.name = name, .config = config}, take_answer,
                         &answer);
    string_map_destroy(config);
    answered(&answer);
}

static void tasks_leave_their_group_before_they_subscribe_to_other_topics(void **state)
{
    (void)state;
    put_topics("a", "one");
    expect("status a-0 RUNNING");
    rig_log_clear();
    put_topics("a", "one,two");
    expect("task+ a-0");
    expect_order("task- a-0 leave | task+ a-0");
}

static void tasks_that_did_not_change_go_on_when_others_come_or_go(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig_set_tasks(3, "one");
    rig.listener->on_reconfiguration(rig.listener_argument, "a");
    expect("status a-2 RUNNING");
    expect_never("a-0");
    rig_log_clear();
    rig_set_tasks(1, "one");
    rig.listener->on_reconfiguration(rig.listener_argument, "a");
    expect("status a-1 DESTROYED");
    expect("status a-2 DESTROYED");
    expect_order("task- a-1 leave | status a-1 DESTROYED");
    expect_never("a-0");
}

static void a_task_whose_configuration_changed_restarts(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig_set_tasks(1, "two");
    rig.listener->on_reconfiguration(rig.listener_argument, "a");
    expect("task+ a-0");
    expect_order("configs a | task- a-0 stay | task+ a-0");
    expect_never("end a");
}

static void configurations_that_are_stored_already_are_not_written(void **state)
{
    struct config_snapshot *before, *after;

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    before = config_store_snapshot(rig.configs);
    rig_log_clear();
    rig.listener->on_reconfiguration(rig.listener_argument, "a");
    expect("configs a");
    turn();
    after = config_store_snapshot(rig.configs);
    assert_int_equal(config_snapshot_offset(before), config_snapshot_offset(after));
    config_snapshot_drop(before);
    config_snapshot_drop(after);
}

static void task_configurations_that_fail_are_asked_for_again(void **state)
{
    (void)state;
    rig_set(&rig.configs_fail, true);
    put("a", "1");
    expect("configs a");
    rig_log_clear();
    expect("configs a"); /* 250 ms later */
    rig_set(&rig.configs_fail, false);
    expect("status a-0 RUNNING");
    expect_never("FAILED");
}

static void a_worker_may_end_while_a_connector_waits_to_be_asked_again(void **state)
{
    (void)state;
    rig_set(&rig.configs_fail, true);
    put("a", "1");
    expect("configs a");
    turn();
    /* The teardown ends it with the timer set. */
}

static void too_many_tasks_fail_the_connector_and_are_not_asked_for_again(void **state)
{
    (void)state;
    rig_set(&rig.has_too_many, true);
    put("a", "1");
    expect("status a FAILED safe");
    rig_log_clear();
    rig_set(&rig.has_too_many, false);
    turn();
    expect_never("configs");
    assert_int_equal(put("a", "2"), 200);
    expect("status a-0 RUNNING");
}

static void a_connector_that_does_not_start_is_failed_and_others_go_on(void **state)
{
    (void)state;
    rig_set(&rig.start_fails, true);
    assert_int_equal(put("a", "1"), 201);
    expect("status a FAILED safe");
    rig_set(&rig.start_fails, false);
    assert_int_equal(put("b", "1"), 201);
    expect("status b-0 RUNNING");
    rig_log_clear();
    ask(herder_pause_connector, "a");
    ask(herder_resume_connector, "a");
    turn();
    expect_never("start a");
    assert_int_equal(put("a", "2"), 200);
    expect("status a-0 RUNNING");
}

static void a_failed_connector_can_be_stopped(void **state)
{
    (void)state;
    rig_set(&rig.start_fails, true);
    put("a", "1");
    expect("status a FAILED safe");
    rig_set(&rig.start_fails, false);
    rig_log_clear();
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a STOPPED");
    expect_never("status a UNASSIGNED");
}

static void a_failed_task_stays_failed_until_its_configuration_changes(void **state)
{
    (void)state;
    rig_set(&rig.task_fails, true);
    put("a", "1");
    expect("status a-0 FAILED safe");
    rig_set(&rig.task_fails, false);
    rig_log_clear();
    ask(herder_pause_connector, "a");
    ask(herder_resume_connector, "a");
    put("a", "1");
    expect("status a RUNNING");
    turn();
    expect_never("a-0");
    put("a", "2");
    expect("status a-0 RUNNING");
}

static void a_connector_created_paused_has_no_tasks_until_it_is_resumed(void **state)
{
    struct answer answer = {0};
    struct string_map *config = string_map_create();

    (void)state;
    string_map_put(config, "connector.class", "Source");
    herder_put_connector(
        rig.herder,
        &(struct herder_put_connector){.name = "a", .config = config, .initial_state = HERDER_INITIAL_PAUSED},
        take_answer, &answer);
    string_map_destroy(config);
    assert_int_equal(answered(&answer), 201);
    expect("status a PAUSED");
    turn();
    expect_never("configs");
    ask(herder_resume_connector, "a");
    expect("status a-0 RUNNING");
}

static void a_command_is_not_repeated_while_its_answer_is_awaited(void **state)
{
    (void)state;
    rig_set(&rig.connector_silent, true);
    put("a", "1");
    expect("start a STARTED");
    rig_log_clear();
    ask(herder_pause_connector, "a");
    turn();
    expect_never("target a");
    rig_set(&rig.connector_silent, false);
    rig_connector("a", CONNECTOR_RUNNING, NULL);
    expect("status a PAUSED");
    expect_order("status a RUNNING | target a PAUSED");
}

static void a_start_that_hangs_keeps_nobody_from_an_end(void **state)
{
    (void)state;
    rig_set(&rig.connector_silent, true);
    put("a", "1");
    expect("start a STARTED");
    rig_log_clear();
    put("a", "2");
    expect("end a");
    rig_log_clear();
    put("a", "3");
    turn();
    expect_never("end a"); /* not again */
    rig_connector("a", CONNECTOR_RUNNING, NULL);
    rig_connector("a", CONNECTOR_ENDED, NULL);
    expect("start a STARTED");
    expect_order("status a UNASSIGNED | start a STARTED");
    expect_never("status a RUNNING");
    assert_int_equal(ask(delete_unguarded, "a"), 204);
    expect("end a");
    rig_connector("a", CONNECTOR_ENDED, NULL);
    assert_true(eventually(5000, no_status_is_left, (void *)(uintptr_t) "a"));
}

static void a_graceful_stop_leaves_unassigned_behind(void **state)
{
    struct status_view *view;

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_set(&rig.start_fails, true);
    put("b", "1");
    expect("status b FAILED safe");
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    expect("status b UNASSIGNED safe");
    view = status_store_view(rig.statuses, "b");
    assert_int_equal(view->connector->state, UNIT_UNASSIGNED);
    status_view_destroy(view);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, standalone_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_connector_starts_and_gets_its_tasks),
        TEST(pause_and_resume_keep_the_instances),
        TEST(a_stop_takes_the_tasks_away_and_a_resume_makes_them_anew),
        TEST(a_deletion_stops_everything_and_leaves_no_status),
        TEST(a_connector_created_anew_does_not_inherit_running_tasks),
        TEST(the_same_configuration_again_restarts_the_connector_alone),
        TEST(a_new_configuration_restarts_the_tasks_too),
        TEST(tasks_leave_their_group_before_they_subscribe_to_other_topics),
        TEST(tasks_that_did_not_change_go_on_when_others_come_or_go),
        TEST(a_task_whose_configuration_changed_restarts),
        TEST(configurations_that_are_stored_already_are_not_written),
        TEST(task_configurations_that_fail_are_asked_for_again),
        TEST(a_worker_may_end_while_a_connector_waits_to_be_asked_again),
        TEST(too_many_tasks_fail_the_connector_and_are_not_asked_for_again),
        TEST(a_connector_that_does_not_start_is_failed_and_others_go_on),
        TEST(a_failed_connector_can_be_stopped),
        TEST(a_failed_task_stays_failed_until_its_configuration_changes),
        TEST(a_connector_created_paused_has_no_tasks_until_it_is_resumed),
        TEST(a_command_is_not_repeated_while_its_answer_is_awaited),
        TEST(a_start_that_hangs_keeps_nobody_from_an_end),
        TEST(a_graceful_stop_leaves_unassigned_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
