/* ?millrace=true: what holds a task up, of tasks that this worker runs. */
#include "routes_test.h"

#include "base/clock.h"
#include "metrics/registry.h"
#include "metrics/task_metrics.h"

#define TASK "{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"h:1\",\"version\":\"1.0\",\"trace\":\"boom\""

static struct unit_metrics *unit;

static int set_up_counting(void **state)
{
    fixture_metrics = metrics_registry_create(&(struct metrics_registry_setup){.version = "0", .librdkafka_version = "0"});
    assert_non_null(fixture_metrics);
    return set_up(state);
}

static int tear_down_counting(void **state)
{
    tear_down(state);
    unit_metrics_drop(unit);
    unit = NULL;
    metrics_registry_destroy(fixture_metrics);
    fixture_metrics = NULL;
    return 0;
}

static void a_task_of_another_worker_has_none(void **state)
{
    expect(state, "GET /connectors/here/tasks/0/status?millrace=true", NULL, 200, TASK ",\"millrace\":null}");
    expect(state, "GET /connectors/here/tasks/0/status?millrace=false", NULL, 200, TASK "}");
    expect(state, "GET /connectors/here/tasks/0/status", NULL, 200, TASK "}");
}

static void a_task_that_nothing_holds_up(void **state)
{
    unit = metrics_registry_add_task(fixture_metrics, "here", 0);
    expect(state, "GET /connectors/here/tasks/0/status?millrace=true", NULL, 200,
           TASK ",\"millrace\":{\"stalled\":null,\"stalled_ms\":0,\"breaker\":\"closed\",\"put_failures\":0,\"put_retries\":0,"
                "\"put_again_ms\":0,\"rate_wait_ms\":0,\"restarts\":0,\"restart\":null,\"restart_ms\":0}}");
}

static void what_holds_it_up_is_shown(void **state)
{
    unit = metrics_registry_add_task(fixture_metrics, "here", 0);
    struct task_health *health = &unit_metrics_cells(unit)->health;
    health->stall = TASK_STALL_CALL;
    health->stalled_since_ms = clock_monotonic_ms(NULL) - 5000;
    health->breaker = TASK_BREAKER_OPEN;
    health->put_failures = 7;
    health->restarts = 2;
    health->restart_verdict = "waiting";
    health->restart_due_ms = clock_monotonic_ms(NULL) + 59999;
    const char *answer = ask(state, "GET /connectors/here/status?millrace=true", NULL)->body;
    assert_non_null(strstr(answer, "\"millrace\":{\"stalled\":\"call\",\"stalled_ms\":5"));
    assert_non_null(strstr(answer, "\"breaker\":\"open\",\"put_failures\":7"));
    assert_non_null(strstr(answer, "\"restarts\":2,\"restart\":\"waiting\",\"restart_ms\":5"));
}

#define COUNTING(test) cmocka_unit_test_setup_teardown(test, set_up_counting, tear_down_counting)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNTING(a_task_of_another_worker_has_none),
        COUNTING(a_task_that_nothing_holds_up),
        COUNTING(what_holds_it_up_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
