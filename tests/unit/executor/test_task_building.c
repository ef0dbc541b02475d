/* What can go wrong before a task runs, without a cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/executor_probe.h"

#define WORKER                                                                                                         \
    PROBE_WORKER "bootstrap.servers=127.0.0.1:1\nconnector.client.config.override.policy=None\n"                       \
                 "consumer.auto.offset.reset=none\n"

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

static void a_task_that_cannot_be_made_fails_in_words(void **state)
{
    struct probe *probe = *state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"connector.class=Nope\n", "Failed to find any class that implements Connector"},
        {"connector.plugin.version=9\n", "Plugin org.acme.CountingSourceConnector not found that matches"},
        {"limit=many\n", "configuration of task 0 is not valid: Invalid value many for configuration limit"},
        {"errors.tolerance=some\n", "Invalid value some for configuration errors.tolerance"},
        {"secret=${vault:broken:x}\n", "the vault is sealed"},
        {"key.converter=Nope\n", "Nope"},
        {"value.converter=org.apache.kafka.connect.storage.StringConverter\nvalue.converter.converter.encoding=EBCDIC-"
         "9\n",
         "EBCDIC-9"},
        {"transforms=t\ntransforms.t.type=Nope\n", "Nope"},
        {"transforms=t\ntransforms.t.type=org.apache.kafka.connect.transforms.HoistField$Value\n",
         "transforms.t.field"},
        {"producer.override.acks=1\n", "The 'None' policy does not allow 'acks' to be overridden"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[32], failed[64];
        snprintf(name, sizeof(name), "case%zu", i);
        snprintf(failed, sizeof(failed), "task case%zu-0 FAILED", i);
        probe_start_task(probe, name, cases[i].text, false);
        probe_expect(probe, failed);
        probe_expect(probe, cases[i].words);
    }
}

static void a_plugin_that_fails_at_the_start_fails_its_task(void **state)
{
    struct probe *probe = *state;
    probe_start_task(probe, "a", "misbehave=task.start:fail\n", false);
    probe_expect(probe,
                 "task a-0 FAILED 1.5: org.apache.kafka.connect.errors.ConnectException: task.start was told to");
    probe_start_task(probe, "a", "", true); /* the name is free */
    probe_expect(probe, "task a-0 PAUSED");
}

static void a_task_stopped_before_it_began_is_told_once(void **state)
{
    struct probe *probe = *state;
    for (int i = 0; i < 50; i++) {
        probe_start_task(probe, "a", "", true);
        executor_stop_task(probe->executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(10000));
        probe_expect_times(probe, "task a-0 STOPPED", 1);
        probe_forget(probe);
    }
}

static void a_prepared_task_goes_on_from_there(void **state)
{
    struct probe *probe = *state;
    probe_prepare_task(probe, "a", "misbehave=task.start:fail\n");
    probe_expect(probe, "prepared a-0");
    assert_false(probe_was_told(probe, "task a-0"));
    probe_start_task(probe, "a", "", true); /* what it was prepared with counts */
    probe_expect(probe, "task a-0 PAUSED");
    executor_set_task_paused(probe->executor, "a", 0, false);
    probe_expect(probe, "task a-0 FAILED 1.5: org.apache.kafka.connect.errors.ConnectException: task.start was told to");
}

static void a_prepared_task_that_is_dropped_is_never_told_of(void **state)
{
    struct probe *probe = *state;
    for (int i = 0; i < 50; i++) {
        probe_prepare_task(probe, "a", "misbehave=task.start:fail\n");
        if (i % 2 == 0)
            probe_expect(probe, "prepared a-0");
        executor_drop_prepared_task(probe->executor, "a", 0);
        if (i % 3 == 0)
            probe_prepare_task(probe, "a", ""); /* in the place of the other */
        probe_start_task(probe, "a", "", true);
        probe_expect(probe, "task a-0 PAUSED");
        executor_stop_task(probe->executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(10000));
        probe_expect_times(probe, "task a-0 STOPPED", 1);
        assert_false(probe_was_told(probe, "FAILED"));
        probe_forget(probe);
    }
}

static void a_task_may_be_started_while_it_is_prepared(void **state)
{
    struct probe *probe = *state;
    for (int i = 0; i < 50; i++) {
        probe_prepare_task(probe, "a", "");
        probe_start_task(probe, "a", "", true);
        probe_expect(probe, "task a-0 PAUSED");
        executor_stop_task(probe->executor, "a", 0, TASK_DEPARTURE_STAY, deadline_after_ms(10000));
        probe_expect_times(probe, "task a-0 STOPPED", 1);
        probe_forget(probe);
    }
}

static void what_cannot_be_prepared_says_why_when_it_is_started(void **state)
{
    struct probe *probe = *state;
    probe_prepare_task(probe, "a", "connector.class=Nope\n");
    probe_expect(probe, "prepared a-0"); /* as far as it goes */
    assert_false(probe_was_told(probe, "FAILED"));
    probe_start_task(probe, "a", "connector.class=Nope\n", false);
    probe_expect(probe, "task a-0 FAILED");
    probe_expect(probe, "Failed to find any class that implements Connector");
}

static void what_was_prepared_ends_with_the_executor(void **state)
{
    struct probe *probe = *state;
    probe_prepare_task(probe, "a", "");
    probe_prepare_task(probe, "b", "");
    probe_expect(probe, "prepared a-0");
}

static void a_name_too_long_for_a_task_is_refused(void **state)
{
    struct probe *probe = *state;
    struct mr_error *error = NULL;
    struct string_map *map = probe_map("connector.class=CountingSource\n");
    char name[1200];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct executor_task task = {.connector = name, .connector_config = map, .task_config = map};
    assert_int_equal(executor_start_task(probe->executor, &task, &error), -1);
    assert_non_null(strstr(mr_error_message(error), "is too long"));
    mr_error_drop(error);
    string_map_destroy(map);
}

#define WITH_EXECUTOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EXECUTOR(a_task_that_cannot_be_made_fails_in_words),
        WITH_EXECUTOR(a_plugin_that_fails_at_the_start_fails_its_task),
        WITH_EXECUTOR(a_task_stopped_before_it_began_is_told_once),
        WITH_EXECUTOR(a_prepared_task_goes_on_from_there),
        WITH_EXECUTOR(a_prepared_task_that_is_dropped_is_never_told_of),
        WITH_EXECUTOR(a_task_may_be_started_while_it_is_prepared),
        WITH_EXECUTOR(what_cannot_be_prepared_says_why_when_it_is_started),
        WITH_EXECUTOR(what_was_prepared_ends_with_the_executor),
        WITH_EXECUTOR(a_name_too_long_for_a_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
