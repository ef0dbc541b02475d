/* What fails is started again by itself, after a while, unless a record is at fault or a user has spoken. */
#include "rig.h"

#include "base/failure.h"

#define DELAY_MS 40

static int healing_setup(void **state)
{
    (void)state;
    rig_open(false, 0);
    rig.worker.restart = (struct restart_config){
        .policy = "on-failure", .delay_ms = DELAY_MS, .delay_max_ms = 1000, .budget = 5, .window_ms = 600000};
    rig_start();
    assert_int_equal(put("a", "one"), 201);
    expect("status a-0 RUNNING");
    return 0;
}

static int patient_setup(void **state)
{
    (void)state;
    rig_open(false, 0);
    rig.worker.restart = (struct restart_config){
        .policy = "on-failure", .delay_ms = 600000, .delay_max_ms = 600000, .budget = 5, .window_ms = 600000};
    rig_start();
    assert_int_equal(put("a", "one"), 201);
    expect("status a-0 RUNNING");
    return 0;
}

static void fail_task(enum failure_kind kind, int64_t offset)
{
    struct failure failure = {.kind = kind};

    if (offset >= 0)
        failure_add(&failure, failure_place("t", 0), offset, offset);
    rig.listener->on_failure(rig.listener_argument, "a", 0, &failure);
    rig_task("a", 0, TASK_FAILED, "it broke");
}

static size_t times_said(const char *text)
{
    size_t times = 0;

    mutex_lock(&rig.lock);
    for (const char *at = rig.log; (at = strstr(at, text)) != NULL; at++)
        times++;
    mutex_unlock(&rig.lock);
    return times;
}

static bool has_started_twice(void *argument)
{
    (void)argument;
    return times_said("task+ a-0\n") == 2;
}

static bool has_started_thrice(void *argument)
{
    (void)argument;
    return times_said("task+ a-0\n") == 3;
}

static bool has_started_four_times(void *argument)
{
    (void)argument;
    return times_said("task+ a-0\n") == 4;
}

static bool trace_says(void *words)
{
    struct status_view *view = status_store_view(rig.statuses, "a");
    bool does = view != NULL && view->task_count > 0 && view->tasks[0].status.trace != NULL &&
                strstr(view->tasks[0].status.trace, words) != NULL;

    status_view_destroy(view);
    return does;
}

static void assert_trace(const char *words)
{
    assert_true(eventually(5000, trace_says, (void *)(uintptr_t)words));
}

static void a_lost_connection_is_healed_and_announced(void **state)
{
    (void)state;
    fail_task(FAILURE_CONNECTION, -1);
    assert_true(eventually(5000, has_started_twice, NULL));
    expect_order("status a-0 FAILED safe | status a-0 RESTARTING | task+ a-0 | status a-0 RUNNING");
}

static void a_failed_record_stays_failed_and_says_why(void **state)
{
    (void)state;
    fail_task(FAILURE_RECORD, 7);
    expect("status a-0 FAILED safe");
    assert_trace("it broke\nNot started again by itself: a record is at fault");
    turn();
    assert_int_equal(1, times_said("task+ a-0\n"));
}

static void a_second_failure_at_the_same_records_stays_failed(void **state)
{
    (void)state;
    fail_task(FAILURE_PLUGIN, 7);
    assert_true(eventually(5000, has_started_twice, NULL));
    fail_task(FAILURE_PLUGIN, 7);
    assert_trace("Not started again by itself: it has failed at the same records before");
    assert_int_equal(2, times_said("task+ a-0\n"));
    /* A user may know better; then it is judged anew. */
    struct answer answer = {0};
    herder_restart_task(rig.herder, "a", 0, take_answer, &answer);
    assert_int_equal(204, answered(&answer));
    assert_true(eventually(5000, has_started_thrice, NULL));
    fail_task(FAILURE_PLUGIN, 7);
    assert_true(eventually(5000, has_started_four_times, NULL)); /* its trace stands for DELAY_MS only */
}

static void a_waiting_restart_says_when_in_the_trace(void **state)
{
    (void)state;
    fail_task(FAILURE_FENCED, -1);
    assert_trace("it broke\nWill be started again by itself at 20");
    assert_trace("(fenced; restart 1 without progress)");
}

static void a_pause_gives_the_waiting_up(void **state)
{
    (void)state;
    fail_task(FAILURE_CONNECTION, -1);
    assert_trace("started again");
    assert_int_equal(202, ask(herder_pause_connector, "a"));
    assert_int_equal(202, ask(herder_resume_connector, "a"));
    turn();
    assert_int_equal(1, times_said("task+ a-0\n"));
}

static void a_new_configuration_starts_at_once(void **state)
{
    (void)state;
    fail_task(FAILURE_CONNECTION, -1);
    assert_trace("started again");
    rig_set_tasks(1, "two");
    assert_int_equal(put("a", "two"), 200);
    assert_true(eventually(5000, has_started_twice, NULL));
}

static void put_with_policy(const char *policy)
{
    struct string_map *config = string_map_create();
    struct answer answer = {0};

    string_map_put(config, "connector.class", "Source");
    string_map_put(config, "name", "a");
    string_map_put(config, CONNECTOR_RESTART_POLICY, policy);
    herder_put_connector(rig.herder, &(struct herder_put_connector){.name = "a", .config = config}, take_answer, &answer);
    assert_int_equal(200, answered(&answer));
    string_map_destroy(config);
}

static void a_connector_may_have_another_policy_than_the_worker(void **state)
{
    (void)state;
    put_with_policy("never");
    turn();
    size_t starts = times_said("task+ a-0\n");
    fail_task(FAILURE_CONNECTION, -1);
    assert_trace("it broke");
    turn();
    assert_false(trace_says((void *)(uintptr_t) "by itself"));
    assert_int_equal(starts, times_said("task+ a-0\n"));
}

static void what_stalls_is_shown_and_started_anew(void **state)
{
    (void)state;
    rig.listener->on_task_stall(rig.listener_argument, "a", 0, TASK_STALL_CALL, "it has been inside put for 300 s", false);
    expect("task- a-0 stay");
    assert_true(eventually(5000, has_started_twice, NULL));
    expect_order("task+ a-0 | status a-0 RUNNING | status a-0 RUNNING | task- a-0 | status a-0 RESTARTING | task+ a-0");
}

static void what_goes_on_is_left_alone(void **state)
{
    (void)state;
    rig.listener->on_task_stall(rig.listener_argument, "a", 0, TASK_STALL_COMMIT, "nothing was committed", false);
    assert_trace("nothing was committed");
    rig.listener->on_task_stall(rig.listener_argument, "a", 0, TASK_STALL_NONE, "it goes on", false);
    turn();
    assert_false(trace_says((void *)(uintptr_t) "nothing"));
    expect_never("task- a-0");
}

static void a_pause_of_what_stalled_stays_one(void **state)
{
    (void)state;
    rig.listener->on_task_stall(rig.listener_argument, "a", 0, TASK_STALL_COMMIT, "nothing was committed", false);
    assert_trace("nothing was committed");
    assert_int_equal(202, ask(herder_pause_connector, "a"));
    expect("pause a-0");
    rig_task("a", 0, TASK_PAUSED, NULL);
    rig.listener->on_task_stall(rig.listener_argument, "a", 0, TASK_STALL_NONE, "it goes on", false);
    turn();
    struct status_view *view = status_store_view(rig.statuses, "a");
    assert_int_equal(UNIT_PAUSED, view->tasks[0].status.state);
    status_view_destroy(view);
}

static bool connector_has_started_twice(void *argument)
{
    (void)argument;
    return times_said("start a STARTED\n") == 2;
}

static void a_connector_that_fails_is_healed_too(void **state)
{
    struct failure failure = {.kind = FAILURE_PLUGIN};

    (void)state;
    rig.listener->on_failure(rig.listener_argument, "a", -1, &failure);
    rig_connector("a", CONNECTOR_FAILED, "no database");
    assert_true(eventually(5000, connector_has_started_twice, NULL));
    expect_order("status a FAILED safe | status a RUNNING");
}

#define HEALING(test) cmocka_unit_test_setup_teardown(test, healing_setup, rig_teardown)
#define PATIENT(test) cmocka_unit_test_setup_teardown(test, patient_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEALING(a_lost_connection_is_healed_and_announced),
        HEALING(a_failed_record_stays_failed_and_says_why),
        HEALING(a_second_failure_at_the_same_records_stays_failed),
        PATIENT(a_waiting_restart_says_when_in_the_trace),
        PATIENT(a_pause_gives_the_waiting_up),
        PATIENT(a_new_configuration_starts_at_once),
        HEALING(a_connector_may_have_another_policy_than_the_worker),
        HEALING(what_stalls_is_shown_and_started_anew),
        PATIENT(what_goes_on_is_left_alone),
        PATIENT(a_pause_of_what_stalled_stays_one),
        HEALING(a_connector_that_fails_is_healed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
