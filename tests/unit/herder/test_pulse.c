/* What herder_take_pulse tells of the control thread and of the worker's place, without asking either. */
#include <sched.h>

#include "rig.h"

static int group_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig_start();
    return 0;
}

static void lead(void)
{
    static const struct membership_peer alone = {RIG_URL, RIG_BOOT, true};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, &alone, 1);
}

static bool stands(void *argument)
{
    struct herder_pulse pulse;

    herder_take_pulse(rig.herder, &pulse);
    return pulse.standing == *(enum herder_standing *)argument;
}

static void expect_standing(enum herder_standing standing)
{
    assert_true(eventually(5000, stands, &standing));
}

static bool is_late(void *argument)
{
    struct herder_pulse pulse;

    herder_take_pulse(rig.herder, &pulse);
    return pulse.late_ms >= *(int64_t *)argument;
}

static bool is_on_time(void *argument)
{
    struct herder_pulse pulse;

    (void)argument;
    herder_take_pulse(rig.herder, &pulse);
    return pulse.late_ms == 0;
}

/* A reply runs on the thread: one that does not return holds it. */
static void hold(void *argument, const struct herder_reply *reply)
{
    (void)reply;
    atomic_bool *is_open = argument;
    while (!atomic_load(is_open))
        sched_yield();
}

static void a_held_thread_is_late_and_one_that_waits_is_not(void **state)
{
    static atomic_bool is_open;
    int64_t wanted_ms = 60, waited_ms = 50;

    (void)state;
    lead();
    expect_standing(HERDER_STANDS_READY);
    assert_true(eventually(5000, is_on_time, NULL));
    assert_false(eventually(200, is_late, &waited_ms)); /* it has nothing to do */
    herder_ask_health(rig.herder, hold, &is_open);
    assert_true(eventually(5000, is_late, &wanted_ms));
    atomic_store(&is_open, true);
    assert_true(eventually(5000, is_on_time, NULL));
}

static void the_place_in_the_group_decides_whether_the_worker_is_ready(void **state)
{
    (void)state;
    expect_standing(HERDER_STANDS_JOINING);
    lead();
    expect_standing(HERDER_STANDS_READY);
    lease_set(&rig.lease, 1);
    expect_standing(HERDER_STANDS_UNLEASED);
    lease_set(&rig.lease, LEASE_FOR_EVER);
    expect_standing(HERDER_STANDS_READY);
    rig.group->on_lost(rig.group_argument, "away");
    expect_standing(HERDER_STANDS_ALONE);
}

static int unread_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    return 0;
}

static void while_the_topics_are_read_it_is_not_ready_however_long(void **state)
{
    int64_t some_ms = 50;
    struct string_map *config = string_map_create();

    (void)state;
    expect_standing(HERDER_STANDS_READING);
    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0); /* a post */
    string_map_destroy(config);
    assert_false(eventually(200, is_late, &some_ms)); /* there is no thread yet: nothing is late */
    rig_start();
    expect_standing(HERDER_STANDS_JOINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_held_thread_is_late_and_one_that_waits_is_not, group_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(the_place_in_the_group_decides_whether_the_worker_is_ready, group_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(while_the_topics_are_read_it_is_not_ready_however_long, unread_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
