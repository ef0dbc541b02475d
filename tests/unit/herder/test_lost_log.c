/* The config topic is not what it was: deleted, cut, created anew. Nothing that runs ends, nothing is cleared up, nobody hangs. */
#include "rig.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"

static int group_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig_start();
    return 0;
}

static void lead_beside_another(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, true}, {OTHER_URL, OTHER_BOOT, false}};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
}

static void other_introduces_itself(void)
{
    assert_int_equal(config_store_put_own_note(rig.configs,
                                               &(struct config_note_write){"millrace-member-" OTHER_URL,
                                                                           "{\"boot\":\"" OTHER_BOOT "\",\"drains\":true}"},
                                               INT64_MAX, NULL),
                     0);
}

static bool has_status(void *argument)
{
    struct status_view *view = status_store_view(rig.statuses, argument);
    bool has = view != NULL && view->connector != NULL;

    status_view_destroy(view);
    return has;
}

static bool has_no_status(void *argument)
{
    return !has_status(argument);
}

/* It wrote to the topic that was there before, and runs what that one held. */
static void beside_a_member_that_an_empty_topic_does_not_know_nothing_is_given_out(void **state)
{
    struct unit_status running = {UNIT_RUNNING, "other:8083", 3, NULL, NULL};

    (void)state;
    status_store_put_connector(rig.statuses, "old", &running, STATUS_CERTAIN);
    lead_beside_another();
    assert_int_equal(put("a", "1"), 201);
    turn();
    turn();
    expect_never("start a");
    assert_true(has_status("old"));
    other_introduces_itself(); /* it was restarted */
    expect("status a RUNNING");
    assert_true(eventually(5000, has_no_status, "old"));
}

static void nothing_moves_when_the_log_is_lost(void **state)
{
    (void)state;
    other_introduces_itself();
    lead_beside_another();
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    rig_set(&rig.log_is_lost, true);
    rig_log_clear();
    assert_int_equal(config_store_put_own_note(rig.configs,
                                               &(struct config_note_write){"millrace-member-" OTHER_URL,
                                                                           "{\"boot\":\"" OTHER_BOOT "\"}"},
                                               INT64_MAX, NULL),
                     0); /* would get a share */
    turn();
    turn();
    expect_never("a");
}

static void a_worker_whose_log_is_lost_refuses_to_drain_and_ends_without_waiting(void **state)
{
    struct answer answer = {0};
    int64_t before_ms;

    (void)state;
    other_introduces_itself();
    lead_beside_another();
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    rig_set(&rig.log_is_lost, true);
    herder_drain(rig.herder, true, take_answer, &answer);
    assert_int_equal(answered(&answer), 409);
    before_ms = eventually_now_ms();
    herder_stop(rig.herder, before_ms + 20000); /* the other would be waited for: it takes over nothing now */
    assert_true(eventually_now_ms() - before_ms < 10000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(beside_a_member_that_an_empty_topic_does_not_know_nothing_is_given_out),
        TEST(nothing_moves_when_the_log_is_lost),
        TEST(a_worker_whose_log_is_lost_refuses_to_drain_and_ends_without_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
