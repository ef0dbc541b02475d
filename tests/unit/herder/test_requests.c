/* What REST asks: answered once, in order, in time, and with the words of the JVM worker. */
#include "rig.h"

static void creating_what_exists_is_refused(void **state)
{
    struct answer answer;

    (void)state;
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 201);
    assert_true(answer.created);
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 409);
    assert_string_equal(answer.message, "Connector a already exists");
    ask_put("a", "1", false, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_false(answer.created);
}

static void an_invalid_configuration_is_refused_before_existence_is_looked_at(void **state)
{
    struct answer answer;

    (void)state;
    put("a", "1");
    rig.finding = "Connector configuration is invalid and contains the following 1 error(s):\nno";
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 400);
    assert_string_equal(answer.message, rig.finding);
}

static void a_configuration_without_a_class_is_refused(void **state)
{
    struct answer answer = {0};
    struct string_map *config = string_map_create();

    (void)state;
    herder_put_connector(rig.herder, &(struct herder_put_connector){.name = "a", .config = config}, take_answer,
                         &answer);
    string_map_destroy(config);
    assert_int_equal(answered(&answer), 400);
    assert_string_equal(answer.message, "Connector config {name=a} contains no connector type");
}

static void a_configuration_that_finds_no_memory_is_refused(void **state)
{
    struct string_map *config = string_map_create();
    struct answer answer;

    (void)state;
    assert_true(string_map_put(config, "connector.class", "Source"));
    for (int64_t successes = 0; successes < 3; successes++) {
        answer = (struct answer){0};
        mem_watch_start(successes);
        herder_put_connector(rig.herder, &(struct herder_put_connector){.name = "a", .config = config}, take_answer,
                             &answer);
        mem_watch_stop();
        assert_int_equal(answered(&answer), 503);
    }
    string_map_destroy(config);
    assert_int_equal(put("a", "1"), 201);
}

static void unknown_connectors_and_tasks_are_named(void **state)
{
    struct answer answer = {0};

    (void)state;
    herder_delete_connector(rig.herder, "x", NULL, take_answer, &answer);
    assert_int_equal(answered(&answer), 404);
    assert_string_equal(answer.message, "Connector x not found");
    answer = (struct answer){0};
    herder_pause_connector(rig.herder, "x", take_answer, &answer);
    assert_int_equal(answered(&answer), 404);
    assert_string_equal(answer.message, "Unknown connector x");
    answer = (struct answer){0};
    herder_restart_connector(rig.herder, "x", false, false, take_answer, &answer);
    assert_int_equal(answered(&answer), 404);
    assert_string_equal(answer.message, "Unknown connector: x");
    put("a", "1");
    expect("status a-0 RUNNING");
    answer = (struct answer){0};
    herder_restart_task(rig.herder, "a", 7, take_answer, &answer);
    assert_int_equal(answered(&answer), 404);
    assert_string_equal(answer.message, "Unknown task: a-7");
}

static void a_plain_restart_waits_for_the_connector_alone(void **state)
{
    struct answer answer = {0};

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig_set(&rig.connector_silent, true);
    herder_restart_connector(rig.herder, "a", false, false, take_answer, &answer);
    expect("end a");
    rig_connector("a", CONNECTOR_ENDED, NULL);
    expect("start a STARTED");
    turn();
    assert_false(was_answered(&answer));
    rig_connector("a", CONNECTOR_RUNNING, NULL);
    assert_int_equal(answered(&answer), 204);
    expect_order("end a | status a UNASSIGNED | start a STARTED | status a RUNNING");
    expect_never("RESTARTING");
    expect_never("a-0");
}

static void a_plain_restart_whose_start_fails_says_so(void **state)
{
    struct answer answer = {0};

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_set(&rig.start_fails, true);
    herder_restart_connector(rig.herder, "a", false, false, take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "Failed to start connector: a");
}

static void a_restart_with_tasks_tells_what_it_restarts(void **state)
{
    struct answer answer = {0};

    (void)state;
    rig_set_tasks(2, "one");
    put("a", "1");
    expect("status a-1 RUNNING");
    rig_log_clear();
    herder_restart_connector(rig.herder, "a", true, false, take_answer, &answer);
    assert_int_equal(answered(&answer), 202);
    assert_true(answer.plan_connector);
    assert_int_equal(answer.plan_tasks, 2);
    expect("status a-0 RUNNING");
    expect("status a-1 RUNNING");
    expect("status a RUNNING");
    expect_order("status a UNASSIGNED | status a RESTARTING | start a STARTED | status a RUNNING");
    expect_order("status a-0 UNASSIGNED | status a-0 RESTARTING | task+ a-0 | status a-0 RUNNING");
}

static void say_answer(void *argument, const struct herder_reply *reply)
{
    rig_say("answer %d", reply->status);
    take_answer(argument, reply);
}

static void a_restart_begins_after_its_answer(void **state)
{
    struct answer answer = {0};

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    herder_restart_connector(rig.herder, "a", true, false, say_answer, &answer);
    assert_int_equal(answered(&answer), 202);
    expect("status a-0 RUNNING");
    expect_order("answer 202 | end a | status a RESTARTING");
    expect_order("answer 202 | task- a-0 stay | status a-0 RESTARTING");
}

static void a_restart_that_others_asked_for_begins_at_once(void **state)
{
    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    rig_log_clear();
    assert_int_equal(config_store_put_restart(rig.configs, "a", true, false, INT64_MAX, NULL), 0);
    expect("status a-0 RESTARTING");
    expect("status a-0 RUNNING");
}

static int patch(const char *name, const char *option, const char *value, struct answer *answer)
{
    struct string_map *changes = string_map_create();

    *answer = (struct answer){0};
    assert_true(string_map_put(changes, option, value));
    herder_patch_connector(rig.herder, name, changes, NULL, take_answer, answer);
    string_map_destroy(changes);
    return answered(answer);
}

static const char *option_of(const char *name, const char *option, char *text, size_t size)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    const char *value = string_map_get(config_snapshot_config(snapshot, name), option);

    snprintf(text, size, "%s", value != NULL ? value : "(none)");
    config_snapshot_drop(snapshot);
    return text;
}

static void a_patch_changes_and_removes_options(void **state)
{
    struct answer answer;
    char text[64];

    (void)state;
    put("a", "1");
    assert_int_equal(patch("a", "extra", "2", &answer), 200);
    assert_string_equal(option_of("a", "extra", text, sizeof(text)), "2");
    assert_string_equal(option_of("a", "connector.class", text, sizeof(text)), "Source");
    assert_int_equal(patch("a", "extra", NULL, &answer), 200);
    assert_string_equal(option_of("a", "extra", text, sizeof(text)), "(none)");
    assert_int_equal(patch("a", "never.there", NULL, &answer), 200);
}

static void a_patch_that_makes_nonsense_changes_nothing(void **state)
{
    struct answer answer;
    char text[64];

    (void)state;
    assert_int_equal(patch("a", "extra", "2", &answer), 404);
    assert_string_equal(answer.message, "Connector a not found");
    put("a", "1");
    assert_int_equal(patch("a", "connector.class", NULL, &answer), 400);
    rig.finding = "no";
    assert_int_equal(patch("a", "extra", "2", &answer), 400);
    assert_string_equal(option_of("a", "extra", text, sizeof(text)), "1");
}

/* The first request of a herder: its entry, its deadline, each finds no memory in turn. */
static void a_request_that_finds_no_memory_anywhere_is_answered_all_the_same(void **state)
{
    struct answer answer = {0};
    int64_t successes = 0;

    (void)state;
    for (; answer.status != 404 && successes < 50; successes++) {
        answer = (struct answer){0};
        mem_watch_start(successes);
        herder_delete_connector(rig.herder, "x", NULL, take_answer, &answer);
        answered(&answer);
        mem_watch_stop();
        assert_true(answer.status == 503 || answer.status == 404);
    }
    assert_true(successes > 3 && successes < 50);
}

static void a_restart_of_what_failed_leaves_the_rest_alone(void **state)
{
    struct answer answer = {0};

    (void)state;
    rig_set_tasks(2, "one");
    put("a", "1");
    expect("status a-1 RUNNING");
    rig_task("a", 1, TASK_FAILED, "it broke");
    expect("status a-1 FAILED safe");
    rig_log_clear();
    herder_restart_connector(rig.herder, "a", true, true, take_answer, &answer);
    assert_int_equal(answered(&answer), 202);
    assert_false(answer.plan_connector);
    assert_int_equal(answer.plan_tasks, 1);
    assert_string_equal(answer.plan_trace, "it broke");
    expect("status a-1 RUNNING");
    expect_order("status a-1 RESTARTING | task+ a-1 | status a-1 RUNNING");
    expect_never("a-0");
    expect_never("start a");
}

static void a_restarted_task_of_a_paused_connector_comes_back_paused(void **state)
{
    struct answer answer = {0};

    (void)state;
    put("a", "1");
    expect("status a-0 RUNNING");
    ask(herder_pause_connector, "a");
    expect("status a-0 PAUSED");
    rig_log_clear();
    herder_restart_task(rig.herder, "a", 0, take_answer, &answer);
    assert_int_equal(answered(&answer), 204);
    expect("status a-0 PAUSED");
    expect_order("task- a-0 stay | status a-0 UNASSIGNED | task+ a-0 paused | status a-0 PAUSED");
}

static void a_failed_task_restarts_on_request(void **state)
{
    struct answer answer = {0};

    (void)state;
    rig_set(&rig.task_fails, true);
    put("a", "1");
    expect("status a-0 FAILED safe");
    rig_set(&rig.task_fails, false);
    herder_restart_task(rig.herder, "a", 0, take_answer, &answer);
    assert_int_equal(answered(&answer), 204);
    expect("status a-0 RUNNING");
}

static void requests_for_one_connector_keep_their_order(void **state)
{
    struct answer first, second = {0}, third = {0}, other;

    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &first);
    herder_pause_connector(rig.herder, "a", take_answer, &second);
    herder_delete_connector(rig.herder, "a", NULL, take_answer, &third);
    assert_int_equal(ask(delete_unguarded, "b"), 404); /* another connector does not wait */
    ask_put("b", "1", true, &other);
    assert_false(was_answered(&second));
    rig_set(&rig.validation_hangs, false);
    assert_int_equal(answered(&first), 201);
    assert_int_equal(answered(&second), 202);
    assert_int_equal(answered(&third), 204);
    assert_int_equal(answered(&other), 201);
}

static int short_setup(void **state)
{
    (void)state;
    rig_open(false, 200);
    rig_start();
    return 0;
}

static bool no_job_is_inside(void *argument)
{
    struct job_pool_counts counts = job_pool_count(rig.jobs);

    (void)argument;
    return counts.waiting + counts.running + counts.written_off == 0;
}

static void a_request_past_its_deadline_is_answered_and_never_applied(void **state)
{
    struct config_snapshot *snapshot;
    struct answer answer, behind = {0};

    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &answer);
    herder_pause_connector(rig.herder, "a", take_answer, &behind);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "Request timed out. The worker was validating the configuration.");
    answered(&behind);
    rig_set(&rig.validation_hangs, false);
    assert_true(eventually(5000, no_job_is_inside, NULL)); /* what hung has returned */
    turn();
    snapshot = config_store_snapshot(rig.configs);
    assert_false(config_snapshot_has(snapshot, "a"));
    config_snapshot_drop(snapshot);
    expect_never("start a");
}

static void a_stop_answers_whatever_waits(void **state)
{
    struct answer first, second = {0};

    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &first);
    herder_pause_connector(rig.herder, "a", take_answer, &second);
    turn();
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    assert_int_equal(answered(&first), 500);
    assert_int_equal(answered(&second), 500);
    assert_string_equal(first.message, "Worker is shutting down");
    assert_string_equal(second.message, "Worker is shutting down");
    assert_int_equal(ask(delete_unguarded, "a"), 503);
}

static int unstarted_setup(void **state)
{
    (void)state;
    rig_open(false, 0);
    return 0;
}

static void before_the_start_everything_is_answered_503(void **state)
{
    (void)state;
    assert_false(herder_is_ready(rig.herder));
    assert_int_equal(put("a", "1"), 503);
    assert_int_equal(ask(herder_pause_connector, "a"), 503);
    struct answer answer = {0};
    herder_ask_health(rig.herder, take_answer, &answer);
    assert_int_equal(answered(&answer), 503);
    rig_start();
    assert_int_equal(put("a", "1"), 201);
}

static struct answer flood[HERDER_QUEUE_MAX + 1];

static void too_many_waiting_requests_are_refused_at_once(void **state)
{
    struct answer first;

    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &first);
    for (size_t i = 0; i < HERDER_QUEUE_MAX - 1; i++)
        herder_pause_connector(rig.herder, "a", take_answer, &flood[i]);
    assert_int_equal(ask(herder_pause_connector, "a"), 503);
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    for (size_t i = 0; i < HERDER_QUEUE_MAX - 1; i++)
        assert_int_equal(flood[i].times, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, standalone_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(creating_what_exists_is_refused),
        TEST(an_invalid_configuration_is_refused_before_existence_is_looked_at),
        TEST(a_configuration_without_a_class_is_refused),
        TEST(a_configuration_that_finds_no_memory_is_refused),
        TEST(unknown_connectors_and_tasks_are_named),
        TEST(a_plain_restart_waits_for_the_connector_alone),
        TEST(a_plain_restart_whose_start_fails_says_so),
        TEST(a_restart_with_tasks_tells_what_it_restarts),
        TEST(a_restart_begins_after_its_answer),
        TEST(a_restart_that_others_asked_for_begins_at_once),
        TEST(a_patch_changes_and_removes_options),
        TEST(a_patch_that_makes_nonsense_changes_nothing),
        TEST(a_request_that_finds_no_memory_anywhere_is_answered_all_the_same),
        TEST(a_restart_of_what_failed_leaves_the_rest_alone),
        TEST(a_restarted_task_of_a_paused_connector_comes_back_paused),
        TEST(a_failed_task_restarts_on_request),
        TEST(requests_for_one_connector_keep_their_order),
        cmocka_unit_test_setup_teardown(a_request_past_its_deadline_is_answered_and_never_applied, short_setup,
                                        rig_teardown),
        TEST(a_stop_answers_whatever_waits),
        cmocka_unit_test_setup_teardown(before_the_start_everything_is_answered_503, unstarted_setup, rig_teardown),
        TEST(too_many_waiting_requests_are_refused_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
