/* Validations: beside everything else, with a deadline, and without effect once that has passed. */
#include "rig.h"

#define HUNG 64

static void ask_validation(const char *class_name, herder_reply_fn *reply, void *argument)
{
    struct string_map *config = string_map_create();
    string_map_put(config, "name", "n");
    if (class_name != NULL)
        string_map_put(config, "connector.class", class_name);
    herder_validate(rig.herder, config, reply, argument);
    string_map_destroy(config);
}

static int short_setup(void **state)
{
    (void)state;
    rig_open(false, 300);
    rig_start();
    return 0;
}

static int unstarted_setup(void **state)
{
    (void)state;
    rig_open(false, 0);
    return 0;
}

static const struct connector_report *seen;
static void take_report(void *argument, const struct herder_reply *reply)
{
    seen = reply->report;
    take_answer(argument, reply);
}

static void a_validation_is_answered_with_its_report(void **state)
{
    struct answer answer = {0};
    (void)state;
    rig.finding = "something is wrong";
    ask_validation("Source", take_report, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_int_equal(seen->error_count, 1);
    rig.finding = NULL;
}

static void what_the_asker_did_wrong_is_400(void **state)
{
    struct answer answer = {0};
    (void)state;
    ask_validation(NULL, take_answer, &answer);
    assert_int_equal(answered(&answer), 400);
    assert_string_equal(answer.message, "Connector config {name=n} contains no connector type");
}

static void ask_try(const char *class_name, herder_reply_fn *reply, void *argument)
{
    struct string_map *config = string_map_create();
    if (class_name != NULL)
        string_map_put(config, "connector.class", class_name);
    const struct herder_try request = {.config = config, .records = "{}", .records_length = 3};
    herder_try(rig.herder, &request, reply, argument);
    string_map_destroy(config);
}

static void a_try_of_a_wrong_configuration_is_400(void **state)
{
    struct answer wrong = {0}, without = {0};
    (void)state;
    rig.finding = "something is wrong";
    ask_try("Source", take_answer, &wrong);
    assert_int_equal(answered(&wrong), 400);
    assert_non_null(strstr(wrong.message, "the configuration of the connector is not valid"));
    rig.finding = NULL;
    ask_try(NULL, take_answer, &without);
    assert_int_equal(answered(&without), 400);
    assert_non_null(strstr(without.message, "contains no connector type"));
}

static void a_try_that_hangs_is_answered_at_its_deadline(void **state)
{
    struct answer answer = {0};
    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_try("Source", take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "Request timed out. The worker was trying the configuration on records.");
    assert_int_equal(ask(herder_pause_connector, "nobody"), 404); /* and nobody else waits */
    rig.finding = "it has to end somehow";
    rig_set(&rig.validation_hangs, false);
    assert_true(eventually(10000, no_validation_is_inside, NULL));
    turn();
    assert_int_equal(answer.times, 1);
    rig.finding = NULL;
}

static bool a_try_is_taken(void *argument)
{
    struct answer answer = {0};
    (void)argument;
    ask_try("Source", take_answer, &answer);
    return answered(&answer) == 400;
}

static bool all_tries_hang(void *argument)
{
    (void)argument;
    return atomic_load(&rig.validations_inside) == HERDER_TRIES_MAX;
}

/* Each may take tens of megabytes. */
static void tries_at_once_are_few_and_validations_go_on(void **state)
{
    struct answer hung[HERDER_TRIES_MAX] = {0}, further = {0}, calm = {0};
    (void)state;
    rig_set(&rig.validation_hangs, true);
    for (size_t i = 0; i < HERDER_TRIES_MAX; i++)
        ask_try("Source", take_answer, &hung[i]);
    assert_true(eventually(10000, all_tries_hang, NULL));
    ask_try(RIG_CALM_CLASS, take_answer, &further);
    assert_int_equal(answered(&further), 503);
    assert_non_null(strstr(further.message, "try again in a moment"));
    ask_validation(RIG_CALM_CLASS, take_answer, &calm);
    assert_int_equal(answered(&calm), 200);
    rig.finding = "it has to end somehow";
    rig_set(&rig.validation_hangs, false);
    for (size_t i = 0; i < HERDER_TRIES_MAX; i++)
        assert_int_equal(answered(&hung[i]), 400);
    assert_true(eventually(10000, a_try_is_taken, NULL)); /* their places are given back a moment later */
    rig.finding = NULL;
}

static void secrets_of_a_try_are_nobodys(void **state)
{
    struct answer answer = {0};
    (void)state;
    rig.finding = "something is wrong";
    ask_try("Source", take_answer, &answer);
    assert_int_equal(answered(&answer), 400);
    assert_true(atomic_load(&rig.validation_was_trial));
    rig.finding = NULL;
}

static void before_the_start_nothing_is_validated(void **state)
{
    struct answer answer = {0};
    (void)state;
    ask_validation("Source", take_answer, &answer);
    assert_int_equal(answered(&answer), 503);
}

static bool all_were_answered(void *argument)
{
    struct answer *answers = argument;
    for (size_t i = 0; i < HUNG; i++)
        if (!was_answered(&answers[i]))
            return false;
    return true;
}

/* The rig's job pool has four threads. */
static void hung_validations_disturb_nobody(void **state)
{
    static struct answer answers[HUNG];
    struct answer calm = {0};
    (void)state;
    memset(answers, 0, sizeof(answers));
    assert_int_equal(put("here", "1"), 201);
    rig_set(&rig.validation_hangs, true);
    for (size_t i = 0; i < HUNG; i++)
        ask_validation("Source", take_answer, &answers[i]);
    ask_validation(RIG_CALM_CLASS, take_answer, &calm);
    assert_int_equal(answered(&calm), 200);
    assert_int_equal(ask(herder_pause_connector, "here"), 202);
    assert_int_equal(ask(delete_unguarded, "here"), 204);
    for (size_t i = 0; i < HUNG; i++)
        assert_false(was_answered(&answers[i]));
    rig_set(&rig.validation_hangs, false);
    assert_true(eventually(10000, all_were_answered, answers));
    for (size_t i = 0; i < HUNG; i++)
        assert_int_equal(answered(&answers[i]), 200);
}

static void a_validation_past_its_deadline_is_answered_once(void **state)
{
    struct answer answer = {0};
    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_validation("Source", take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "Request timed out. The worker was validating the configuration.");
    rig_set(&rig.validation_hangs, false);
    assert_true(eventually(10000, no_validation_is_inside, NULL));
    turn();
    assert_int_equal(answer.times, 1);
}

static void a_create_past_its_deadline_is_never_applied(void **state)
{
    struct answer answer;
    struct config_snapshot *snapshot;
    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 500);
    rig_set(&rig.validation_hangs, false);
    assert_true(eventually(10000, no_validation_is_inside, NULL)); /* what hung has returned */
    turn();
    snapshot = config_store_snapshot(rig.configs);
    assert_false(config_snapshot_has(snapshot, "a"));
    config_snapshot_drop(snapshot);
    expect_never("start a");
    assert_int_equal(answer.times, 1);
}

static void a_hung_validation_does_not_hold_up_the_end(void **state)
{
    struct answer answer = {0};
    (void)state;
    rig_set(&rig.validation_hangs, true);
    ask_validation("Source", take_answer, &answer);
    assert_true(eventually(10000, a_validation_is_inside, NULL));
    int64_t before_ms = eventually_now_ms();
    assert_false(herder_stop(rig.herder, before_ms + 20000)); /* it must not be destroyed */
    assert_true(eventually_now_ms() - before_ms < 5000);
    rig_set(&rig.validation_hangs, false);
    assert_int_equal(answered(&answer), 200);
}

int main(void)
{
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_validation_is_answered_with_its_report, standalone_setup),
        TEST(what_the_asker_did_wrong_is_400, standalone_setup),
        TEST(a_try_of_a_wrong_configuration_is_400, standalone_setup),
        TEST(a_try_that_hangs_is_answered_at_its_deadline, short_setup),
        TEST(tries_at_once_are_few_and_validations_go_on, standalone_setup),
        TEST(secrets_of_a_try_are_nobodys, standalone_setup),
        TEST(before_the_start_nothing_is_validated, unstarted_setup),
        TEST(hung_validations_disturb_nobody, standalone_setup),
        TEST(a_validation_past_its_deadline_is_answered_once, short_setup),
        TEST(a_create_past_its_deadline_is_never_applied, short_setup),
        TEST(a_hung_validation_does_not_hold_up_the_end, standalone_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
