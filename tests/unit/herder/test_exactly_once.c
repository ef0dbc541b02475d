/* What tasks with exactly once ask of the cluster: rounds that shut out former tasks, and whose a task is. */
#include "rig.h"

#define OTHER_URL "http://other:8083/"

static void rounds_setup(bool in_group)
{
    rig_open(in_group, 0);
    rig.worker.exactly_once_source = EXACTLY_ONCE_ENABLED;
    rig_start();
}

static int alone_setup(void **state)
{
    (void)state;
    rounds_setup(false);
    return 0;
}

static int group_setup(void **state)
{
    (void)state;
    rounds_setup(true);
    return 0;
}

static void question(const char *connector, uint32_t task, enum task_question about)
{
    rig.listener->on_task_asks(rig.listener_argument, connector, task, about, 7);
}

static void set_tasks(unsigned tasks)
{
    mutex_lock(&rig.lock);
    rig.tasks = tasks;
    mutex_unlock(&rig.lock);
}

static int64_t fenced(const char *connector)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    int64_t count = config_snapshot_needs_fencing(snapshot, connector) ? -1 : config_snapshot_fenced_count(snapshot, connector);

    config_snapshot_drop(snapshot);
    return count;
}

/* A connector with so many tasks of which the last one runs; answers what was heard before are forgotten. */
static void have(const char *connector, const char *extra, unsigned tasks)
{
    char line[64];

    set_tasks(tasks);
    rig_log_clear();
    put(connector, extra);
    snprintf(line, sizeof(line), "status %s-%u RUNNING", connector, tasks - 1);
    expect(line);
}

static void ask_round(const char *connector)
{
    char line[64];

    question(connector, 0, TASK_ASKS_ROUND);
    snprintf(line, sizeof(line), "yes %s-0", connector);
    expect(line);
}

static void a_first_round_shuts_out_nobody_and_is_written_down(void **state)
{
    (void)state;
    have("a", "1", 3);
    assert_int_equal(fenced("a"), -1);
    ask_round("a");
    expect("shut out a 0");
    assert_int_equal(fenced("a"), 3);
}

static void what_is_written_down_is_answered_at_once(void **state)
{
    (void)state;
    have("a", "1", 3);
    ask_round("a");
    rig_log_clear();
    ask_round("a");
    expect_never("shut out");
}

static void the_next_commit_shuts_out_the_former_tasks(void **state)
{
    (void)state;
    have("a", "1", 3);
    ask_round("a");
    have("a", "2", 2);
    assert_int_equal(fenced("a"), -1);
    ask_round("a");
    expect("shut out a 3");
    assert_int_equal(fenced("a"), 2);
}

static void a_task_that_was_and_stays_alone_shuts_itself_out(void **state)
{
    (void)state;
    have("a", "1", 1);
    ask_round("a");
    have("a", "2", 1);
    ask_round("a");
    expect("shut out a 0");
    assert_int_equal(fenced("a"), 1);
}

static void each_commit_renews_every_task(void **state)
{
    (void)state;
    have("a", "1", 1);
    have("a", "2", 2);
    expect("task- a-0 stay");
    expect("task+ a-0");
}

static void what_fails_for_now_is_tried_again(void **state)
{
    (void)state;
    have("a", "1", 2);
    rig_set(&rig.shut_out_fails, true);
    question("a", 0, TASK_ASKS_ROUND);
    expect("shut out a 0");
    turn();
    rig_log_clear();
    expect("shut out a 0");
    expect_never("yes");
    assert_int_equal(fenced("a"), -1);
    rig_set(&rig.shut_out_fails, false);
    expect("yes a-0");
    assert_int_equal(fenced("a"), 2);
}

static void what_never_will_be_fails_the_task_in_words(void **state)
{
    (void)state;
    have("a", "1", 2);
    rig_set(&rig.shut_out_never, true);
    question("a", 1, TASK_ASKS_ROUND);
    expect("no a-1 The producers of former tasks cannot be shut out: no right to it");
    assert_int_equal(fenced("a"), -1);
}

static void a_round_that_newer_tasks_have_overtaken_writes_nothing(void **state)
{
    (void)state;
    have("a", "1", 2);
    rig_hang_shut_out("a");
    question("a", 0, TASK_ASKS_ROUND);
    expect("shut out a 0");
    have("a", "2", 3);
    rig_hang_shut_out(NULL);
    question("a", 2, TASK_ASKS_ROUND);
    expect("yes a-2");
    assert_int_equal(fenced("a"), 3);
}

/* Those of the newer ones may have begun. */
static void a_round_that_newer_tasks_have_overtaken_shuts_out_nobody_more(void **state)
{
    (void)state;
    have("a", "1", 2);
    ask_round("a");
    have("a", "2", 2);
    rig_hang_shut_out("a");
    question("a", 0, TASK_ASKS_ROUND);
    expect("shut out a 2");
    have("a", "3", 2);
    expect("shut out a no further: newer task configurations have come");
    rig_hang_shut_out(NULL);
    question("a", 1, TASK_ASKS_ROUND);
    expect("yes a-1");
}

static void a_round_that_hangs_holds_up_no_other(void **state)
{
    (void)state;
    have("a", "1", 1);
    have("b", "1", 1);
    rig_hang_shut_out("a");
    question("a", 0, TASK_ASKS_ROUND);
    expect("shut out a 0");
    ask_round("b");
    expect_never("yes a");
    rig_hang_shut_out(NULL);
    expect("yes a-0");
}

/* --- before it is created ---------------------------------------------------------------------------------------------------- */

static void who_begins_with_it_without_the_right_is_refused(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.shut_out_never, true);
    ask_put("a", "1", true, &answer);
    assert_int_equal(answered(&answer), 400);
    assert_string_equal(answer.message,
                        "Connector configuration is invalid: its exactly-once delivery needs transactions. no right to it");
    expect("shut out a 1");
}

static void brokers_that_say_nothing_keep_nobody_from_creating_it(void **state)
{
    (void)state;
    rig_set(&rig.shut_out_fails, true);
    assert_int_equal(put("a", "1"), 201);
}

static void who_has_it_already_is_not_shut_out_by_a_change(void **state)
{
    (void)state;
    have("a", "1", 1);
    have("a", "2", 1);
    expect_never("shut out");
}

static void sinks_need_no_transactions(void **state)
{
    (void)state;
    rig_set(&rig.is_sink, true);
    have("a", "1", 1);
    expect_never("shut out");
}

/* --- whose is it? ---------------------------------------------------------------------------------------------------------- */

static void whoever_is_the_one_to_run_is_told_so(void **state)
{
    (void)state;
    have("a", "1", 2);
    question("a", 1, TASK_ASKS_OWNER);
    expect("yes a-1");
    question("a", 0, TASK_ASKS_SUCCESSOR);
    expect("yes a-0");
}

static void who_is_stopped_hears_nothing(void **state)
{
    (void)state;
    have("a", "1", 1);
    rig_set(&rig.task_silent, true);
    ask(herder_stop_connector, "a");
    expect("task- a-0 leave");
    question("a", 0, TASK_ASKS_OWNER);
    question("a", 0, TASK_ASKS_SUCCESSOR);
    question("a", 0, TASK_ASKS_ROUND);
    turn();
    expect_never("yes");
    expect_never("no ");
    rig_task("a", 0, TASK_STOPPED, NULL);
}

static void unknown_ones_hear_nothing(void **state)
{
    (void)state;
    have("a", "1", 1);
    question("a", 5, TASK_ASKS_OWNER);
    question("b", 0, TASK_ASKS_ROUND);
    question("a", 0, TASK_ASKS_OWNER);
    expect("yes a-0");
    expect_never("yes b");
    expect_never("yes a-5");
}

/* --- over REST --------------------------------------------------------------------------------------------------------------- */

static void another_worker_hears_what_one_attempt_came_to(void **state)
{
    struct answer answer = {0};

    (void)state;
    have("a", "1", 2);
    rig_set(&rig.shut_out_fails, true);
    herder_fence_connector(rig.herder, "a", take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "no broker");
    rig_set(&rig.shut_out_fails, false);
    assert_int_equal(ask(herder_fence_connector, "a"), 204);
    assert_int_equal(fenced("a"), 2);
    assert_int_equal(ask(herder_fence_connector, "b"), 404);
    have("a", "2", 3);
    rig_set(&rig.shut_out_never, true);
    assert_int_equal(ask(herder_fence_connector, "a"), 501);
}

/* The next leader shuts out the same ones, and its tasks must not be shut out after that. */
static void who_leads_no_more_shuts_out_nobody_more(void **state)
{
    static const struct membership_peer alone = {RIG_URL, RIG_BOOT, true};
    struct answer answer = {0};

    (void)state;
    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, &alone, 1);
    have("a", "1", 2);
    assert_int_equal(ask(herder_fence_connector, "a"), 204);
    have("a", "2", 2);
    rig_hang_shut_out("a");
    herder_fence_connector(rig.herder, "a", take_answer, &answer);
    expect("shut out a 2");
    rig.group->on_following(rig.group_argument, OTHER_URL);
    expect("shut out a no further: this worker does not lead any more");
    assert_int_equal(answered(&answer), 409);
}

static void who_asks_at_the_end_is_answered(void **state)
{
    struct answer answer = {0};

    (void)state;
    have("a", "1", 1);
    rig_hang_shut_out("a");
    herder_fence_connector(rig.herder, "a", take_answer, &answer);
    question("a", 0, TASK_ASKS_ROUND);
    expect("shut out a 0");
    herder_stop(rig.herder, eventually_now_ms() + 1000);
    assert_int_equal(answered(&answer), 500);
}

/* --- asked of the leader ------------------------------------------------------------------------------------------------------- */

static atomic_int leader_status, leader_calls;

static void answer_fence(void *argument, const char *leader_url, const char *connector, int64_t deadline_ms, leader_link_done_fn *done,
                         void *done_argument)
{
    (void)argument, (void)deadline_ms;
    assert_string_equal(leader_url, OTHER_URL);
    assert_string_equal(connector, "a");
    atomic_fetch_add(&leader_calls, 1);
    done(done_argument, atomic_load(&leader_status), atomic_load(&leader_status) == 204 ? NULL : "it says why");
}

static void take_tasks(void *argument, const char *leader_url, const struct leader_link_tasks *tasks, int64_t deadline_ms,
                       leader_link_done_fn *done, void *done_argument)
{
    (void)argument, (void)leader_url, (void)tasks, (void)deadline_ms;
    done(done_argument, 204, NULL);
}

static void answer_nobody(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    (void)argument, (void)url, (void)deadline_ms;
    done(done_argument, NULL);
}

static int follower_setup(void **state)
{
    static const struct leader_link link = {.put_tasks = take_tasks, .fence = answer_fence, .ask_boot = answer_nobody};

    (void)state;
    atomic_store(&leader_calls, 0);
    rig_link = &link;
    rounds_setup(true);
    rig_link = NULL;
    return 0;
}

static void store_connector(void)
{
    struct string_map *config = string_map_create(), *task = string_map_create();

    assert_true(string_map_put(config, "connector.class", "Source") && string_map_put(config, "name", "a") &&
                string_map_put(task, "task.class", "Task"));
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    assert_int_equal(config_store_put_tasks(rig.configs, "a", (const struct string_map *const[]){task}, 1, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    string_map_destroy(task);
}

static void run_task_as_follower(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false}, {OTHER_URL, "ffeeddcc00112233", true}};

    store_connector();
    assert_int_equal(config_store_put_own_note(rig.configs,
                                               &(struct config_note_write){"millrace-assignment-" RIG_URL,
                                                                           "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT
                                                                           "\",\"units\":{\"a\":[0]}}"},
                                               INT64_MAX, NULL),
                     0);
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
    expect("status a-0 RUNNING");
}

static bool was_asked_twice(void *argument)
{
    (void)argument;
    return atomic_load(&leader_calls) >= 2;
}

static void who_follows_asks_the_leader_until_it_is_done(void **state)
{
    (void)state;
    run_task_as_follower();
    atomic_store(&leader_status, 500);
    question("a", 0, TASK_ASKS_ROUND);
    assert_true(eventually(5000, was_asked_twice, NULL));
    expect_never("yes");
    atomic_store(&leader_status, 204);
    expect("yes a-0");
    expect_never("shut out");
}

static void what_the_leader_says_can_never_be_fails_the_task(void **state)
{
    (void)state;
    run_task_as_follower();
    atomic_store(&leader_status, 501);
    question("a", 0, TASK_ASKS_ROUND);
    expect("no a-0 The producers of former tasks cannot be shut out: it says why");
    assert_int_equal(ask(herder_fence_connector, "a"), 409);
}

int main(void)
{
#define ALONE(test) cmocka_unit_test_setup_teardown(test, alone_setup, rig_teardown)
#define FOLLOWING(test) cmocka_unit_test_setup_teardown(test, follower_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        ALONE(a_first_round_shuts_out_nobody_and_is_written_down),
        ALONE(what_is_written_down_is_answered_at_once),
        ALONE(the_next_commit_shuts_out_the_former_tasks),
        ALONE(a_task_that_was_and_stays_alone_shuts_itself_out),
        ALONE(each_commit_renews_every_task),
        ALONE(what_fails_for_now_is_tried_again),
        ALONE(what_never_will_be_fails_the_task_in_words),
        ALONE(a_round_that_newer_tasks_have_overtaken_writes_nothing),
        ALONE(a_round_that_newer_tasks_have_overtaken_shuts_out_nobody_more),
        ALONE(a_round_that_hangs_holds_up_no_other),
        ALONE(who_begins_with_it_without_the_right_is_refused),
        ALONE(brokers_that_say_nothing_keep_nobody_from_creating_it),
        ALONE(who_has_it_already_is_not_shut_out_by_a_change),
        ALONE(sinks_need_no_transactions),
        ALONE(whoever_is_the_one_to_run_is_told_so),
        ALONE(who_is_stopped_hears_nothing),
        ALONE(unknown_ones_hear_nothing),
        ALONE(another_worker_hears_what_one_attempt_came_to),
        cmocka_unit_test_setup_teardown(who_leads_no_more_shuts_out_nobody_more, group_setup, rig_teardown),
        ALONE(who_asks_at_the_end_is_answered),
        FOLLOWING(who_follows_asks_the_leader_until_it_is_done),
        FOLLOWING(what_the_leader_says_can_never_be_fails_the_task),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
