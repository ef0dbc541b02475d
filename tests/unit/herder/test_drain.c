/* Work is handed over on request (a drain), and at the end. */
#include "rig_cluster.h"

static int impatient_setup(void **state)
{
    (void)state;
    rig_open(true, 300);
    rig_start();
    return 0;
}

/* Acknowledgements may take as long as they like. */
static int patient_setup(void **state)
{
    (void)state;
    rig_rebalance_timeout_ms = 60000;
    rig_open(true, 0);
    rig_rebalance_timeout_ms = 0;
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

static bool task_waits_for_a_worker(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const char *words = unit_map_text(&view->picture.head.unassigned, "a", 0);
    bool waits = words != NULL && strcmp(words, "no worker takes work now") == 0;

    (void)argument;
    herder_cluster_view_destroy(view);
    return waits;
}

static void the_only_worker_drains_and_goes_on_leading(void **state)
{
    (void)state;
    lead_with(0);
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(drained(true), 204);
    expect_order("task- a-0 stay");
    expect("end a");
    assert_true(task_waits_for_a_worker(NULL));
    rig_log_clear();
    assert_int_equal(put("b", "1"), 201);
    assert_int_equal(drained(true), 204);
    expect_never("start b");
    assert_int_equal(drained(false), 204);
    expect("status a-0 RUNNING");
    expect("status b RUNNING");
}

static void a_follower_has_drained_when_the_leader_took_the_last_unit(void **state)
{
    struct answer answer;

    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0]}}");
    follow();
    drain(true, &answer);
    assert_true(eventually(5000, drain_is_known, NULL));
    put_note("millrace-assignment-" RIG_URL,
             "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT "\",\"revoking\":{\"a\":{\"0\":\"1.2 drain\"}}}");
    turn();
    assert_false(was_answered(&answer));
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":3,\"boot\":\"" RIG_BOOT "\"}");
    assert_int_equal(answered(&answer), 204);
}

static void a_drain_that_takes_too_long_goes_on_after_its_answer(void **state)
{
    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0]}}");
    follow();
    assert_int_equal(drained(true), 202);
    assert_true(drain_is_known(NULL));
}

static void a_drain_is_called_off(void **state)
{
    struct answer answer;

    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0]}}");
    follow();
    drain(true, &answer);
    assert_true(eventually(5000, drain_is_known, NULL));
    assert_int_equal(drained(false), 204);
    assert_int_equal(answered(&answer), 409);
    assert_false(drain_is_known(NULL));
}

static void a_wish_that_was_written_unknown_to_its_writer_is_taken_back(void **state)
{
    struct answer answer;

    (void)state;
    follow();
    assert_int_equal(drained(false), 204);
    rig_set(&rig.own_notes_unanswered, true);
    drain(true, &answer);
    assert_true(eventually(5000, drain_is_known, NULL));
    assert_int_equal(drained(false), 204);
    assert_false(drain_is_known(NULL));
    assert_true(was_answered(&answer));
}

static void a_drain_asked_before_the_group_is_joined_is_told_once_it_is(void **state)
{
    struct answer answer;

    (void)state;
    drain(true, &answer);
    turn();
    assert_false(was_answered(&answer));
    follow();
    assert_int_equal(answered(&answer), 204);
}

static void whoever_waits_for_a_drain_is_answered_at_the_end(void **state)
{
    struct answer answer;

    (void)state;
    drain(true, &answer);
    turn();
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    assert_int_equal(answered(&answer), 500);
    assert_int_equal(drained(true), 503);
}

static void *stop_in_time(void *argument)
{
    herder_stop(rig.herder, eventually_now_ms() + 60000);
    atomic_store((atomic_bool *)argument, true);
    return NULL;
}

static bool wishes_to_leave(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool does = own != NULL && own->has_member && own->member.leaves;

    (void)argument;
    herder_cluster_view_destroy(view);
    return does;
}

/* Works beside another worker, is told to lead, and reads the topics for as long as the claim is refused. */
static void catch_up_while_working(void)
{
    struct string_map *config = string_map_create();

    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    other_says("");
    follow();
    expect("status a RUNNING");
    rig_set(&rig.claim_is_denied, true);
    rig.group->on_leading(rig.group_argument);
    expect("claim transaction");
}

static void who_is_to_end_while_it_catches_up_hands_over_afterwards(void **state)
{
    atomic_bool has_ended = false;
    pthread_t thread;

    (void)state;
    catch_up_while_working();
    assert_int_equal(pthread_create(&thread, NULL, stop_in_time, &has_ended), 0);
    rig_log_clear();
    expect("claim transaction"); /* again */
    assert_false(atomic_load(&has_ended));
    expect_never("executor stops");
    follow(); /* the catching up ends */
    assert_true(eventually(5000, wishes_to_leave, NULL));
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":2,\"sequence\":1,\"boot\":\"" RIG_BOOT "\"}");
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_order("end a | executor stops | leaves the group");
}

static void who_is_to_end_while_it_catches_up_without_a_lease_just_ends(void **state)
{
    int64_t begun_ms = eventually_now_ms();

    (void)state;
    catch_up_while_working();
    lease_set(&rig.lease, 1);
    herder_stop(rig.herder, begun_ms + 60000);
    assert_true(eventually_now_ms() - begun_ms < 30000); /* no hand-over is waited for */
    expect_order("executor stops | leaves the group");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_only_worker_drains_and_goes_on_leading),
        TEST(a_follower_has_drained_when_the_leader_took_the_last_unit),
        cmocka_unit_test_setup_teardown(a_drain_that_takes_too_long_goes_on_after_its_answer, impatient_setup, rig_teardown),
        TEST(a_drain_is_called_off),
        cmocka_unit_test_setup_teardown(a_wish_that_was_written_unknown_to_its_writer_is_taken_back, patient_setup, rig_teardown),
        TEST(a_drain_asked_before_the_group_is_joined_is_told_once_it_is),
        TEST(whoever_waits_for_a_drain_is_answered_at_the_end),
        cmocka_unit_test_setup_teardown(who_is_to_end_while_it_catches_up_hands_over_afterwards, transaction_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_is_to_end_while_it_catches_up_without_a_lease_just_ends, transaction_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
