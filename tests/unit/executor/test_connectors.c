/* Connector instances, run by an executor without a cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/executor_probe.h"

#define WORKER PROBE_WORKER "bootstrap.servers=127.0.0.1:1\n"

static int set_up(void **state)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    probe_open(probe, WORKER);
    *state = probe;
    return 0;
}

static int tear_down(void **state)
{
    probe_close(*state);
    free(*state);
    return 0;
}

static void a_connector_starts_pauses_resumes_and_ends(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "connector a RUNNING 1.5");
    executor_set_connector_target(probe->executor, "a", CONNECTOR_TARGET_PAUSED);
    probe_expect(probe, "connector a PAUSED");
    executor_set_connector_target(probe->executor, "a", CONNECTOR_TARGET_STARTED);
    probe_expect_times(probe, "connector a RUNNING", 2);
    executor_set_connector_target(probe->executor, "a", CONNECTOR_TARGET_STOPPED);
    probe_expect(probe, "connector a STOPPED");
    executor_end_connector(probe->executor, "a");
    probe_expect(probe, "connector a ENDED");
    probe_start_connector(probe, "a", "", CONNECTOR_TARGET_STARTED); /* the name is free */
    probe_expect_times(probe, "connector a RUNNING", 3);
}

static void one_that_is_created_paused_is_not_started(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "misbehave=start:fail\n", CONNECTOR_TARGET_PAUSED);
    probe_expect(probe, "connector a PAUSED");
    executor_request_task_configs(probe->executor, "a", 3);
    probe_expect(probe, "configs a 3: 0 java.lang.IllegalStateException: Connector a is not running");
    executor_set_connector_target(probe->executor, "a", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "start was told to fail");
    probe_expect(probe, "connector a FAILED");
}

static void task_configurations_are_made_ready_to_be_stored(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "tasks=2\ntasks.max=2\nsecret=${vault:db:password}\ntopics=x\n",
                          CONNECTOR_TARGET_STARTED);
    executor_request_task_configs(probe->executor, "a", 7);
    probe_expect(probe, "configs a 7: 2");
    pthread_mutex_lock(&probe->lock);
    assert_string_equal(string_map_get(probe->last_config, "task.class"), "org.acme.CountingSourceTask");
    assert_string_equal(string_map_get(probe->last_config, "secret"), "${vault:db:password}");
    assert_string_equal(string_map_get(probe->last_config, "topics"), "x");
    pthread_mutex_unlock(&probe->lock);
}

static void more_tasks_than_allowed_are_refused_unless_that_is_not_enforced(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "tasks=3\ntasks.max=2\n", CONNECTOR_TARGET_STARTED);
    executor_request_task_configs(probe->executor, "a", 1);
    probe_expect(probe, "configs a 1: 0 TOO MANY");
    probe_expect(probe, "has generated 3 tasks, which is greater than 2");
    probe_start_connector(probe, "b", "tasks=3\ntasks.max=2\ntasks.max.enforce=false\n", CONNECTOR_TARGET_STARTED);
    executor_request_task_configs(probe->executor, "b", 2);
    probe_expect(probe, "configs b 2: 3");
}

static void what_goes_wrong_at_the_start_is_told_in_words(void **state)
{
    struct probe *probe = *state;
    static const struct {
        const char *name, *text, *words;
    } cases[] = {
        {"unknown", "connector.class=Nope\n",
         "Failed to find any class that implements Connector and which name matches"},
        {"options", "limit=many\n", "Invalid value many for configuration limit: Not a number of type LONG"},
        {"framework", "tasks.max=0\n", "Invalid value 0 for configuration tasks.max: Value must be at least 1"},
        {"cannot-be-created", "", "create was told to fail"},
        {"start", "misbehave=start:fail\n", "start was told to fail"},
        {"vault", "secret=${vault:broken:password}\n", "Config provider vault could not resolve path 'broken'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char failed[128];
        probe_start_connector(probe, cases[i].name, cases[i].text, CONNECTOR_TARGET_STARTED);
        snprintf(failed, sizeof(failed), "connector %s FAILED", cases[i].name);
        probe_expect(probe, failed);
        probe_expect(probe, cases[i].words);
    }
}

static void a_connector_may_ask_and_may_fail_from_a_thread_of_its_own(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "misbehave=start:reconfigure\n", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "reconfiguration a");
    probe_start_connector(probe, "b", "misbehave=start:raise\n", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "connector b FAILED 1.5: org.apache.kafka.connect.errors.ConnectException: something happened "
                        "outside");
}

static void a_failing_task_configs_answers_and_leaves_it_running(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "misbehave=task_configs:fail\n", CONNECTOR_TARGET_STARTED);
    executor_request_task_configs(probe->executor, "a", 5);
    probe_expect(probe,
                 "configs a 5: 0 org.apache.kafka.connect.errors.ConnectException: task_configs was told to fail");
    assert_false(probe_was_told(probe, "connector a FAILED"));
}

static void commands_to_nobody_tell_nothing_but_that_there_are_no_configurations(void **state)
{
    struct probe *probe = *state;
    executor_end_connector(probe->executor, "nobody");
    executor_set_connector_target(probe->executor, "nobody", CONNECTOR_TARGET_PAUSED);
    executor_stop_task(probe->executor, "nobody", 0, TASK_DEPARTURE_STAY, 0);
    executor_request_task_configs(probe->executor, "nobody", 1);
    probe_expect(probe, "configs nobody 1: 0 The connector does not run here");
    assert_false(probe_was_told(probe, "connector nobody"));
}

/* The deadline of an end is five seconds; the other connector does not notice. */
static void a_hung_stop_is_given_up_and_its_name_is_free(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "misbehave=stop:hang\n", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "connector a RUNNING");
    executor_end_connector(probe->executor, "a");
    executor_request_task_configs(probe->executor, "a", 9);
    probe_start_connector(probe, "b", "", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "connector b RUNNING");
    probe_expect(probe, "connector a ENDED");
    probe_start_connector(probe, "a", "", CONNECTOR_TARGET_STARTED);
    probe_expect_times(probe, "connector a RUNNING", 2);
    probe_release(probe);
    probe_expect(probe, "configs a 9: 0"); /* behind the hung call */
}

static void stopping_the_executor_ends_all_or_says_what_is_inside(void **state)
{
    struct probe *probe = *state;
    probe_start_connector(probe, "a", "", CONNECTOR_TARGET_STARTED);
    probe_start_connector(probe, "b", "misbehave=start:hang\n", CONNECTOR_TARGET_STARTED);
    probe_expect(probe, "connector a RUNNING");
    assert_false(executor_stop(probe->executor, deadline_after_ms(200)));
    probe_expect(probe, "connector a ENDED");
    struct mr_error *error = NULL;
    struct string_map *map = probe_connector(probe, "c", "");
    assert_int_equal(executor_start_connector(probe->executor, "c", map, CONNECTOR_TARGET_STARTED, &error), -1);
    assert_string_equal(mr_error_message(error), "The worker is shutting down");
    mr_error_drop(error);
    string_map_destroy(map);
}

#define WITH_EXECUTOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EXECUTOR(a_connector_starts_pauses_resumes_and_ends),
        WITH_EXECUTOR(one_that_is_created_paused_is_not_started),
        WITH_EXECUTOR(task_configurations_are_made_ready_to_be_stored),
        WITH_EXECUTOR(more_tasks_than_allowed_are_refused_unless_that_is_not_enforced),
        WITH_EXECUTOR(what_goes_wrong_at_the_start_is_told_in_words),
        WITH_EXECUTOR(a_connector_may_ask_and_may_fail_from_a_thread_of_its_own),
        WITH_EXECUTOR(a_failing_task_configs_answers_and_leaves_it_running),
        WITH_EXECUTOR(commands_to_nobody_tell_nothing_but_that_there_are_no_configurations),
        WITH_EXECUTOR(a_hung_stop_is_given_up_and_its_name_is_free),
        WITH_EXECUTOR(stopping_the_executor_ends_all_or_says_what_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
