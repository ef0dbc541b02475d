/* The leader cleans up statuses that nobody stands behind: never before whoever is still stopping has said its last word. */
#include "rig_cluster.h"

static int sweeping_setup(void **state)
{
    (void)state;
    rig_sweep_ms = 20;
    rig_open(true, 0);
    rig_sweep_ms = 0;
    rig_start();
    return 0;
}

static bool has_listed(void *argument)
{
    return atomic_load(&rig.listings) >= *(unsigned *)argument;
}

/* Whatever was to be swept when this was called has been. */
static void see_sweeps(void)
{
    unsigned target = atomic_load(&rig.listings) + 4; /* two of them may have begun before, or only look for strangers */

    assert_true(eventually(5000, has_listed, &target));
}

static bool status_is_gone(void *argument)
{
    const char *connector = argument;
    struct status_view *view = status_store_view(rig.statuses, connector);
    bool is_gone = view == NULL || (view->connector == NULL && view->task_count == 0);

    status_view_destroy(view);
    return is_gone;
}

static void put_stray_status(const char *connector)
{
    const struct unit_status status = {.state = UNIT_RUNNING, .worker_id = "other:8083", .generation = 7};

    status_store_put_task(rig.statuses, connector, 0, &status, STATUS_CERTAIN);
}

static void a_task_that_stops_slowly_says_so_before_it_is_swept(void **state)
{
    (void)state;
    rig_set_tasks(2, "1");
    lead_with(0);
    put("a", "1");
    expect("status a-1 RUNNING");
    rig_log_clear();
    rig_set(&rig.task_silent, true);
    rig_set_tasks(1, "1");
    put("a", "2");
    expect("task- a-1 leave");
    see_sweeps();
    expect_never("status a-1 DESTROYED");
    rig_set(&rig.task_silent, false);
    rig_task("a", 1, TASK_STOPPED, NULL);
    expect("status a-1 DESTROYED");
    expect_order("task- a-1 leave | status a-1 UNASSIGNED | status a-1 DESTROYED");
}

/* Of a connector that was deleted while another worker ran its task. */
static void lead_beside_one_that_stops(void)
{
    put_stray_status("gone");
    put_note("millrace-assignment-" OTHER_URL,
             "{\"epoch\":1,\"sequence\":1,\"boot\":\"" OTHER_BOOT "\",\"units\":{\"gone\":[0]}}");
    other_says("");
    lead_with(1);
    see_sweeps();
    assert_false(status_is_gone("gone"));
}

static void what_another_worker_has_stopped_without_a_word_is_swept_later(void **state)
{
    (void)state;
    lead_beside_one_that_stops();
    other_says(",\"as_of\":{\"epoch\":99,\"sequence\":1},\"stopped\":{\"gone\":{\"0\":\"stopped\"}}");
    assert_true(eventually(5000, status_is_gone, "gone"));
}

static void what_a_worker_held_that_has_left_is_swept_later(void **state)
{
    (void)state;
    lead_beside_one_that_stops();
    put_note("millrace-member-" OTHER_URL, NULL);
    rig.group->on_peers(rig.group_argument, 2, (const struct membership_peer[]){{RIG_URL, RIG_BOOT, true}}, 1);
    assert_true(eventually(5000, status_is_gone, "gone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_that_stops_slowly_says_so_before_it_is_swept, sweeping_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_another_worker_has_stopped_without_a_word_is_swept_later, sweeping_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_a_worker_held_that_has_left_is_swept_later, sweeping_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
