/* Members act; what the group and the leader say decides. */
#include "rig.h"

static int group_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig_start();
    return 0;
}

static int transaction_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig.worker.leader_fencing = LEADER_FENCING_TRANSACTION;
    rig_start();
    return 0;
}

static void put_note(const char *key, const char *text)
{
    assert_int_equal(
        config_store_put_own_note(rig.configs, &(struct config_note_write){key, text}, INT64_MAX, NULL), 0);
}

/* As another worker wrote them. */
static void put_tasks_with(const char *connector, size_t count, const char *value)
{
    struct string_map *config = string_map_create(), *tasks[4];

    string_map_put(config, "name", connector);
    assert_int_equal(config_store_put_connector(rig.configs, connector, config, NULL, INT64_MAX, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        tasks[i] = string_map_create();
        string_map_put(tasks[i], "v", value);
    }
    assert_int_equal(config_store_put_tasks(rig.configs, connector, (const struct string_map *const *)tasks, count, INT64_MAX,
                                            NULL),
                     0);
    for (size_t i = 0; i < count; i++)
        string_map_destroy(tasks[i]);
    string_map_destroy(config);
}

static void put_tasks_of(const char *connector, size_t count)
{
    put_tasks_with(connector, count, "1");
}

static bool own_record_says(const char *words)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool says = false;

    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        says = says || (strcmp(note.key, "millrace-member-" RIG_URL) == 0 && strstr(note.text, words) != NULL);
    }
    config_snapshot_drop(snapshot);
    return says;
}

static bool says_prepared(void *argument)
{
    (void)argument;
    return own_record_says("\"prepared\":{\"a\":[-1,0]}");
}

static bool says_stopped(void *argument)
{
    (void)argument;
    return own_record_says("\"stopped\":{\"a\":[0]}");
}

static bool has_introduced_itself(void *argument)
{
    (void)argument;
    return own_record_says(RIG_BOOT);
}

static void lead(void)
{
    static const struct membership_peer alone = {RIG_URL, RIG_BOOT, true};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, &alone, 1);
}

static void follow(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false}, {"http://other:8083/", "ffeeddcc00112233", true}};

    rig.group->on_following(rig.group_argument, "http://other:8083/");
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
}

static void requests_wait_while_the_group_is_joined(void **state)
{
    struct answer answer, health = {0};

    (void)state;
    assert_true(herder_is_ready(rig.herder)); /* what is read can be shown */
    ask_put("a", "1", true, &answer);
    herder_ask_health(rig.herder, take_answer, &health);
    assert_int_equal(answered(&health), 503);
    assert_false(was_answered(&answer));
    lead();
    assert_int_equal(answered(&answer), 201);
    expect("status a-0 RUNNING");
    health = (struct answer){0};
    herder_ask_health(rig.herder, take_answer, &health);
    assert_int_equal(answered(&health), 200);
}

static void a_request_waits_for_the_group_no_longer_than_another_worker_needs_to_take_over(void **state)
{
    struct answer answer;

    (void)state;
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 409);
    assert_non_null(strstr(answer.message, "this worker has not joined the group yet"));
    put_tasks_of("b", 1);
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"b\":[0]}}");
    follow();
    expect("status b-0 RUNNING"); /* who has work is not ended by that */
    rig_set(&rig.claim_is_denied, true);
    rig.group->on_leading(rig.group_argument);
    expect("claim transaction");
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 409);
    assert_non_null(strstr(answer.message, "still claiming and reading the internal topics: transactional id connect-cluster-g: denied"));
}

static void what_a_leader_began_before_it_was_cut_off_is_not_written_after(void **state)
{
    struct answer answer;

    (void)state;
    lead();
    turn();
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &answer);
    assert_true(eventually(5000, a_validation_is_inside, NULL));
    rig.group->on_lost(rig.group_argument, "the brokers were out of reach");
    lead();
    expect("claim generation");
    assert_int_equal(ask(herder_stop_connector, "none"), 404); /* it leads */
    rig_set(&rig.validation_hangs, false);
    assert_int_equal(answered(&answer), 409);
    expect_never("start a");
}

#define TOLD(sequence, what) \
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":" sequence ",\"boot\":\"" RIG_BOOT "\"," what "}")
#define PREPARING "\"preparing\":{\"a\":{\"-1\":\"1\",\"0\":\"1\"}}"

static bool says_prepared_no_more(void *argument)
{
    return !says_prepared(argument);
}

static void what_is_to_come_is_prepared_and_started_when_it_is_given(void **state)
{
    (void)state;
    TOLD("1", PREPARING);
    put_tasks_of("a", 2);
    follow();
    assert_true(eventually(5000, says_prepared, NULL));
    expect("prepare a-0");
    expect_never("a-1");
    expect_never("task+");
    expect_never("status");
    TOLD("2", "\"units\":{\"a\":[0]}");
    expect("status a-0 RUNNING");
    expect_never("unprepare");
    assert_true(eventually(5000, says_prepared_no_more, NULL)); /* its record follows the status */
}

static void what_was_prepared_and_does_not_come_leaves_no_trace(void **state)
{
    (void)state;
    TOLD("1", PREPARING);
    put_tasks_of("a", 1);
    follow();
    expect("prepare a-0");
    TOLD("2", "\"units\":{}");
    expect("unprepare a-0");
    expect_never("task+");
    expect_never("status");
    rig_log_clear();
    TOLD("3", PREPARING);
    expect("prepare a-0");
    put_tasks_with("a", 1, "2");
    expect("unprepare a-0");
    expect_order("unprepare a-0 | prepare a-0");
    expect_never("status");
}

static void what_cannot_be_prepared_holds_nobody_up(void **state)
{
    (void)state;
    rig_set(&rig.task_fails, true);
    TOLD("1", PREPARING);
    put_tasks_of("a", 1);
    follow();
    assert_true(eventually(5000, says_prepared, NULL));
    rig_set(&rig.task_fails, false);
    TOLD("2", "\"units\":{\"a\":[0]}");
    expect("status a-0 RUNNING");
}

static void a_follower_names_the_leader_and_runs_what_it_is_given(void **state)
{
    struct answer answer;

    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0]}}");
    put_tasks_of("a", 2);
    follow();
    expect("status a-0 RUNNING");
    turn();
    expect_never("start a");
    expect_never("task+ a-1");
    ask_put("b", "1", true, &answer);
    assert_int_equal(answered(&answer), 409);
    assert_non_null(strstr(answer.message, "http://other:8083/"));
    rig_log_clear();
    put_note("millrace-assignment-" RIG_URL,
             "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1,1]},\"revoking\":{\"a\":{\"0\":\"1.2 x\"}}}");
    expect("status a RUNNING");
    expect("status a-1 RUNNING");
    expect("status a-0 UNASSIGNED safe");
    expect_order("task- a-0 stay");
    assert_true(eventually(5000, says_stopped, NULL));
}

static void what_is_meant_for_a_former_run_is_not_obeyed(void **state)
{
    (void)state;
    put_note("millrace-assignment-" RIG_URL,
             "{\"epoch\":1,\"sequence\":1,\"boot\":\"ffffffffffffffff\",\"units\":{\"a\":[-1,0]}}");
    put_tasks_of("a", 1);
    follow();
    assert_true(eventually(5000, has_introduced_itself, NULL));
    turn();
    expect_never("start");
    expect_never("task+");
}

static void what_runs_is_suspended_out_of_the_group_and_goes_on_in_its_place(void **state)
{
    (void)state;
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig.group->on_lost(rig.group_argument, "the brokers were out of reach");
    assert_int_equal(put("a", "2"), 409);
    lead();
    put("b", "1");
    expect("status b-0 RUNNING");
    expect_never("task- a-0");
    expect_never("end a");
    expect_never("start a");
}

static bool refresh_has_failed(void *argument)
{
    (void)argument;
    return atomic_load(&rig.refreshes_failed) > 0;
}

static void without_memory_to_see_what_is_ours_the_topics_are_read_again(void **state)
{
    (void)state;
    TOLD("1", "\"units\":{\"a\":[0]}");
    put_tasks_of("a", 1);
    follow();
    expect("status a-0 RUNNING");
    atomic_store(&rig.losses, 1);
    rig.group->on_lost(rig.group_argument, "frozen");
    rig_set(&rig.refresh_fails, true);
    follow();
    assert_true(eventually(5000, refresh_has_failed, NULL));
    expect_never("lease back");
    rig_set(&rig.refresh_fails, false);
    expect("lease back after 1");
    assert_false(rig_has_failed(NULL));
}

static void what_others_run_by_now_does_nothing_more_when_the_lease_is_back(void **state)
{
    (void)state;
    TOLD("1", "\"units\":{\"a\":[0,1,2]}");
    put_tasks_of("a", 3);
    follow();
    expect("status a-2 RUNNING");
    rig_log_clear();
    atomic_store(&rig.losses, 3);
    rig.group->on_lost(rig.group_argument, "frozen");
    TOLD("2", "\"units\":{\"a\":[1]},\"revoking\":{\"a\":{\"2\":\"1.2 x\"}}");
    follow();
    expect("task- a-2 stay");
    expect_order("oust a-0 | lease back after 3 | task- a-0 stay");
    expect_never("oust a-1");
    expect_never("oust a-2");
    rig_log_clear();
    lead();
    follow(); /* the lead went over: nothing was lost */
    put_note("other", "{}");
    turn();
    expect_never("lease back");
}

static void an_answer_that_comes_while_nobody_leads_is_asked_for_again(void **state)
{
    (void)state;
    lead();
    rig_set(&rig.configs_silent, true);
    put("a", "1");
    expect("configs a");
    rig_set(&rig.connector_silent, true);
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    expect("target a PAUSED");
    rig.group->on_lost(rig.group_argument, "away");
    rig.listener->on_task_configs(rig.listener_argument, "a", rig.configs_token, NULL, 0, "too late", false);
    turn();
    lead();
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    rig_log_clear();
    rig_set(&rig.configs_silent, false);
    rig_set(&rig.connector_silent, false);
    rig_connector("a", CONNECTOR_ENDED, NULL);
    expect("status a-0 RUNNING");
    expect_order("start a STARTED | configs a | task+ a-0");
}

static void a_write_the_group_does_not_back_is_refused(void **state)
{
    (void)state;
    lead();
    rig_set(&rig.guard_refuses, true);
    assert_int_equal(put("a", "1"), 409);
    rig_set(&rig.guard_refuses, false);
    lease_set(&rig.lease, 0);
    assert_int_equal(put("a", "1"), 409);
    lease_set(&rig.lease, LEASE_FOR_EVER);
    assert_int_equal(put("a", "1"), 201);
}

static void tell_failure(void)
{
    struct mr_error *error = NULL;

    mr_error_set(&error, MR_ERR_CONFLICT, "a JVM worker is in the group");
    rig.group->on_failed(rig.group_argument, error);
    mr_error_drop(error);
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_string_equal(rig.failure, "a JVM worker is in the group");
}

static void a_group_of_others_ends_the_worker_before_it_began(void **state)
{
    (void)state;
    tell_failure();
    assert_false(rig.failure_had_run);
}

static void a_group_taken_over_by_others_ends_a_worker_that_had_run(void **state)
{
    (void)state;
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    tell_failure();
    assert_true(rig.failure_had_run);
}

static void a_new_leader_sweeps_up_statuses_of_what_is_gone(void **state)
{
    struct unit_status status = {.state = UNIT_RUNNING, .worker_id = "other:8083", .generation = 3};
    struct status_view *view;

    (void)state;
    __real_status_store_put_connector(rig.statuses, "gone", &status, STATUS_CERTAIN);
    __real_status_store_put_task(rig.statuses, "gone", 4, &status, STATUS_CERTAIN);
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    view = status_store_view(rig.statuses, "gone");
    assert_null(view->connector);
    assert_int_equal(view->task_count, 0);
    status_view_destroy(view);
}

static void leaving_comes_after_everything_has_stopped(void **state)
{
    (void)state;
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    expect_order("executor stops | leaves the group");
}

static int impatient_setup(void **state)
{
    (void)state;
    rig_open(true, 300);
    rig_start();
    return 0;
}

static void a_stop_that_was_not_written_in_time_gets_its_tasks_back(void **state)
{
    struct answer answer = {0};

    (void)state;
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    mutex_lock(&rig.lock);
    rig.guard_hangs = true;
    rig.guard_hangs_at = 2; /* after the empty list of tasks was written */
    mutex_unlock(&rig.lock);
    herder_stop_connector(rig.herder, "a", take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_non_null(strstr(answer.message, "Request timed out"));
    expect("task- a-0 leave");
    rig_set(&rig.guard_hangs, false);
    expect("status a-0 RUNNING");
    expect_order("status a-0 DESTROYED | task+ a-0 | status a-0 RUNNING");
}

static bool is_idle(void *argument)
{
    (void)argument;
    return herder_idle_worker_id(rig.herder) != NULL;
}

static void what_a_worker_that_leads_no_more_has_said_is_not_believed(void **state)
{
    (void)state;
    assert_string_equal(herder_idle_worker_id(rig.herder), "here:8083");
    lead();
    put("a", "1");
    assert_null(herder_idle_worker_id(rig.herder));
    rig.group->on_lost(rig.group_argument, "the brokers were out of reach");
    assert_true(eventually(5000, is_idle, NULL));
    lead();
    put("b", "1");
    assert_null(herder_idle_worker_id(rig.herder));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(requests_wait_while_the_group_is_joined),
        cmocka_unit_test_setup_teardown(a_request_waits_for_the_group_no_longer_than_another_worker_needs_to_take_over, transaction_setup, rig_teardown),
        TEST(what_a_leader_began_before_it_was_cut_off_is_not_written_after),
        TEST(what_is_to_come_is_prepared_and_started_when_it_is_given),
        TEST(what_was_prepared_and_does_not_come_leaves_no_trace),
        TEST(what_cannot_be_prepared_holds_nobody_up),
        TEST(a_follower_names_the_leader_and_runs_what_it_is_given),
        TEST(what_is_meant_for_a_former_run_is_not_obeyed),
        TEST(what_runs_is_suspended_out_of_the_group_and_goes_on_in_its_place),
        TEST(without_memory_to_see_what_is_ours_the_topics_are_read_again),
        TEST(what_others_run_by_now_does_nothing_more_when_the_lease_is_back),
        TEST(an_answer_that_comes_while_nobody_leads_is_asked_for_again),
        TEST(a_write_the_group_does_not_back_is_refused),
        TEST(a_group_of_others_ends_the_worker_before_it_began),
        TEST(a_group_taken_over_by_others_ends_a_worker_that_had_run),
        TEST(a_new_leader_sweeps_up_statuses_of_what_is_gone),
        TEST(leaving_comes_after_everything_has_stopped),
        cmocka_unit_test_setup_teardown(a_stop_that_was_not_written_in_time_gets_its_tasks_back, impatient_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(what_a_worker_that_leads_no_more_has_said_is_not_believed, group_setup,
                                        rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
