/* What the executor says of failures and of tasks that hang, beside words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/executor_probe.h"

#define WORKER PROBE_WORKER "bootstrap.servers=127.0.0.1:1\nmillrace.task.stall.ms=1000\n"

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

static void the_kind_of_a_connectors_failure_comes_before_it(void **state)
{
    struct probe *probe = *state;
    static const struct {
        const char *name, *text, *kind;
    } cases[] = {
        {"start", "misbehave=start:fail\n", "failure start -1: its plugin failed"},
        {"options", "limit=many\n", "failure options -1: refused as it is configured"},
        {"unknown", "connector.class=Nope\n", "failure unknown -1: refused as it is configured"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        probe_start_connector(probe, cases[i].name, cases[i].text, CONNECTOR_TARGET_STARTED);
        probe_expect(probe, "FAILED");
        probe_expect(probe, cases[i].kind);
        probe_forget(probe);
    }
}

static void a_task_that_cannot_be_made_says_of_what_kind_that_is(void **state)
{
    struct probe *probe = *state;
    probe_start_task(probe, "a", "limit=many\n", false);
    probe_expect(probe, "failure a 0: refused as it is configured");
    probe_expect(probe, "task a-0 FAILED");
}

/* There is no Kafka here. */
static void records_that_nobody_takes_are_told_and_so_is_a_pause(void **state)
{
    struct probe *probe = *state;
    probe_start_task(probe, "a", "", false);
    probe_expect(probe, "task a-0 RUNNING");
    probe_expect(probe, "stall a-0: records came, and for");
    executor_set_task_paused(probe->executor, "a", 0, true);
    probe_expect(probe, "stall a-0: it goes on");
}

#define WITH_EXECUTOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EXECUTOR(the_kind_of_a_connectors_failure_comes_before_it),
        WITH_EXECUTOR(a_task_that_cannot_be_made_says_of_what_kind_that_is),
        WITH_EXECUTOR(records_that_nobody_takes_are_told_and_so_is_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
