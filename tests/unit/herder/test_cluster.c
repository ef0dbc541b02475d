/* One worker among others: what it shows of the cluster, what it obeys, and what it does about those that do not answer. */
#include <semaphore.h>

#include "coordination/process_identity.h"
#include "rig_cluster.h"

/* Acknowledgements are due at once. */
static int strict_setup(void **state)
{
    (void)state;
    rig_rebalance_timeout_ms = 300;
    rig_open(true, 0);
    rig_rebalance_timeout_ms = 0;
    rig_start();
    return 0;
}

static void who_is_there_and_who_leads_is_shown(void **state)
{
    struct herder_cluster_view *view;
    const struct cluster_known *own, *other;

    (void)state;
    assert_true(herder_has_cluster(rig.herder));
    view = herder_cluster_view(rig.herder);
    assert_false(view->is_member);
    assert_int_equal(view->picture.known.count, 0);
    herder_cluster_view_destroy(view);
    lead_with(1);
    put("a", "1");
    expect("status a RUNNING"); /* before the other one has introduced itself: it could have been given the work */
    put_note("millrace-member-" OTHER_URL, "{\"boot\":\"" OTHER_BOOT "\",\"version\":\"9\",\"labels\":\"zone=a\"}");
    turn();
    view = herder_cluster_view(rig.herder);
    own = cluster_picture_find(&view->picture, RIG_URL);
    other = cluster_picture_find(&view->picture, OTHER_URL);
    assert_true(view->is_member);
    assert_string_equal(view->url, RIG_URL);
    assert_true(cluster_known_is_introduced(own));
    assert_true(cluster_known_is_introduced(other));
    assert_string_equal(other->member.labels, "zone=a");
    assert_true(cluster_picture_seat(&view->picture, RIG_URL, RIG_BOOT)->leads);
    assert_false(cluster_picture_seat(&view->picture, OTHER_URL, OTHER_BOOT)->leads);
    assert_string_equal(view->picture.head.leader_url, RIG_URL);
    assert_true(unit_map_has(&own->assignment.units, "a", UNIT_IS_CONNECTOR));
    herder_cluster_view_destroy(view);
}

/* Whoever gives it out holds the list against the order in which units are compared. */
static void work_is_given_out_whatever_the_connectors_are_called(void **state)
{
    static const char *const names[] = {"b", "a.b", "a", "B", "a-1", "ab", "\xc3\xa4", "a\x01"};

    (void)state;
    lead_with(0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        put(names[i], "1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[64];

        snprintf(line, sizeof(line), "status %s-0 RUNNING", names[i]);
        expect(line);
    }
}

static void what_runs_elsewhere_meanwhile_is_not_said_to_be_unassigned(void **state)
{
    struct string_map *config = string_map_create();

    (void)state;
    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    follow();
    expect("status a RUNNING");
    rig.group->on_lost(rig.group_argument, "frozen");
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":2,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{}}");
    put_note("millrace-assignment-" OTHER_URL, "{\"epoch\":2,\"sequence\":2,\"boot\":\"" OTHER_BOOT "\",\"units\":{\"a\":[-1]}}");
    follow();
    expect("end a");
    turn();
    expect_never("status a UNASSIGNED");
}

static void put_stopped(const char *name)
{
    const enum target_state stopped = TARGET_STOPPED;
    struct string_map *config = string_map_create();

    string_map_put(config, "name", name);
    assert_int_equal(config_store_put_connector(rig.configs, name, config, &stopped, INT64_MAX, NULL), 0);
    string_map_destroy(config);
}

static void what_is_stopped_stays_stopped_while_it_moves(void **state)
{
    (void)state;
    put_stopped("a");
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    follow();
    expect("status a STOPPED");
    put_note("millrace-assignment-" RIG_URL,
             "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT "\",\"units\":{},\"revoking\":{\"a\":{\"-1\":\"1.2 balance\"}}}");
    follow();
    expect("end a");
    turn();
    expect_never("status a UNASSIGNED");
}

/* --- what is read ------------------------------------------------------------------------------------------------------- */

struct gate {
    struct herder_post post;
    sem_t entered, opened;
};

static void pass_gate(struct herder *herder, struct herder_post *post)
{
    struct gate *gate = (struct gate *)post;

    (void)herder;
    sem_post(&gate->entered);
    while (sem_wait(&gate->opened) != 0)
        ;
}

static void let_watch_be_due(struct herder *herder, struct herder_post *post)
{
    (void)post;
    assert_true(herder_timer_set(herder, &herder->cluster->watch_timer, herder_now_ms()));
}

static void an_assignment_is_obeyed_also_when_it_comes_as_others_are_looked_for(void **state)
{
    struct gate gate = {.post = {.handle = pass_gate}};
    struct herder_post due = {.handle = let_watch_be_due};
    struct string_map *config = string_map_create();

    (void)state;
    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    follow();
    turn();
    sem_init(&gate.entered, 0, 0);
    sem_init(&gate.opened, 0, 0);
    herder_post(rig.herder, &gate.post);
    while (sem_wait(&gate.entered) != 0)
        ;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    herder_post(rig.herder, &due); /* both in one turn */
    sem_post(&gate.opened);
    expect("status a RUNNING");
    sem_destroy(&gate.entered);
    sem_destroy(&gate.opened);
}

static void put_selecting(const char *name, const char *selector)
{
    struct answer answer = {0};
    struct string_map *config = string_map_create();
    int status;

    string_map_put(config, "connector.class", "Source");
    string_map_put(config, "name", name);
    string_map_put(config, CONNECTOR_SELECTOR, selector);
    herder_put_connector(rig.herder, &(struct herder_put_connector){.name = name, .config = config}, take_answer, &answer);
    status = answered(&answer);
    assert_int_equal(status, answer.created ? 201 : 200);
    string_map_destroy(config);
}

static bool says_why(void *argument)
{
    struct status_view *view = status_store_view(rig.statuses, "a");
    bool says = view->connector != NULL && view->connector->state == UNIT_UNASSIGNED && view->connector->trace != NULL &&
                strstr(view->connector->trace, CONNECTOR_SELECTOR) != NULL;

    (void)argument;
    status_view_destroy(view);
    return says;
}

static bool is_here(const struct unit_status *status, enum unit_state state)
{
    return status != NULL && status->state == state && strcmp(status->worker_id, "here:8083") == 0;
}

static bool all_of_a_is_here(void *argument)
{
    enum unit_state state = *(enum unit_state *)argument;
    struct status_view *view = status_store_view(rig.statuses, "a");
    bool is = is_here(view->connector, state) && is_here(status_view_task(view, 0), state);

    status_view_destroy(view);
    return is;
}

static void a_late_word_about_what_runs_here_is_put_right(void **state)
{
    enum unit_state running = UNIT_RUNNING, paused = UNIT_PAUSED;
    struct unit_status late = {.state = UNIT_UNASSIGNED, .worker_id = "other:8083"};

    (void)state;
    lead_with(0);
    put("a", "1");
    assert_true(eventually(5000, all_of_a_is_here, &running));
    __real_status_store_put_task(rig.statuses, "a", 0, &late, STATUS_CERTAIN);
    assert_true(eventually(10000, all_of_a_is_here, &running));
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    assert_true(eventually(5000, all_of_a_is_here, &paused));
    __real_status_store_put_connector(rig.statuses, "a", &late, STATUS_CERTAIN);
    assert_true(eventually(10000, all_of_a_is_here, &paused));
}

static void a_word_of_a_greater_generation_stands(void **state)
{
    enum unit_state running = UNIT_RUNNING;
    struct unit_status newer = {.state = UNIT_RUNNING, .worker_id = "other:8083", .generation = INT32_MAX};

    (void)state;
    lead_with(0);
    put("a", "1");
    assert_true(eventually(5000, all_of_a_is_here, &running));
    __real_status_store_put_task(rig.statuses, "a", 0, &newer, STATUS_CERTAIN);
    rig_log_clear();
    expect("status a-0 RUNNING safe");
    turn();
    assert_false(all_of_a_is_here(&running));
}

static void what_fits_nobody_is_unassigned_with_the_reason(void **state)
{
    (void)state;
    lead_with(0);
    put_selecting("a", "zone=b");
    assert_true(eventually(5000, says_why, NULL));
    expect_never("start a");
    rig_log_clear();
    put("b", "1");
    expect("status b RUNNING");
    expect_never("status a"); /* said once */
    put_selecting("a", "zone=a");
    expect("status a RUNNING");
}

/* --- who does not answer ------------------------------------------------------------------------------------------------ */

static bool other_is(bool (*fact)(const struct cluster_assignment *))
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *other = cluster_picture_find(&view->picture, OTHER_URL);
    bool is = other != NULL && other->has_assignment && fact(&other->assignment);

    herder_cluster_view_destroy(view);
    return is;
}

static bool unfit(const struct cluster_assignment *assignment)
{
    return assignment->is_unfit && assignment->preparing.count == 0;
}

static bool fit(const struct cluster_assignment *assignment)
{
    return !assignment->is_unfit;
}

static bool to_prepare(const struct cluster_assignment *assignment)
{
    return assignment->preparing.count > 0;
}

static bool other_is_unfit(void *argument)
{
    (void)argument;
    return other_is(unfit);
}

static bool other_is_fit(void *argument)
{
    (void)argument;
    return other_is(fit);
}

static bool other_has_to_prepare(void *argument)
{
    (void)argument;
    return other_is(to_prepare);
}

static bool own_says_who_is_dead(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool says = own != NULL && own->has_member && own->member.gone.count == 1 &&
                strcmp(own->member.gone.items[0], argument) == 0;

    herder_cluster_view_destroy(view);
    return says;
}

static bool own_says_nobody_is_dead(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool says = own != NULL && own->has_member && own->member.gone.count == 0;

    (void)argument;
    herder_cluster_view_destroy(view);
    return says;
}

static void what_one_member_has_proof_of_another_says_too_as_long_as_the_dead_one_is_counted(void **state)
{
    static const struct membership_peer peers[] = {
        {RIG_URL, RIG_BOOT, false}, {OTHER_URL, OTHER_BOOT, true}, {"http://dead:8083/", "00000000000000aa", false}};

    (void)state;
    other_says(",\"gone\":[\"http://dead:8083/#00000000000000aa\",\"http://left:8083/#00000000000000bb\"]");
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 3);
    assert_true(eventually(5000, own_says_who_is_dead, "http://dead:8083/#00000000000000aa"));
    rig.group->on_peers(rig.group_argument, 1, (const struct membership_peer[]){peers[0], {OTHER_URL, "00000000000000cc", true}, peers[2]},
                        3); /* whoever had the proof has ended; its word counts no more */
    turn();
    assert_true(own_says_who_is_dead("http://dead:8083/#00000000000000aa"));
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
    assert_true(eventually(5000, own_says_nobody_is_dead, NULL));
}

/* Of a process of this machine that is no more. */
static void put_ended(const char *url, const char *boot, const char *more)
{
    struct process_identity self;
    char key[64], text[300];

    process_identity_read(&self);
    snprintf(key, sizeof(key), "millrace-member-%s", url);
    snprintf(text, sizeof(text), "{\"boot\":\"%s\",\"host\":\"%s\",\"pid\":%lld,\"started\":%lld%s}", boot, self.host,
             (long long)self.pid, (long long)self.started - 1, more);
    put_note(key, text);
}

static void who_has_handed_over_and_left_is_not_taken_for_dead(void **state)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false},
                                                   {OTHER_URL, OTHER_BOOT, true},
                                                   {"http://dead:8083/", "00000000000000aa", false},
                                                   {"http://left:8083/", "00000000000000bb", false}};

    (void)state;
    put_ended("http://left:8083/", "00000000000000bb", ",\"leaves\":true");
    put_ended("http://dead:8083/", "00000000000000aa", ",\"leaves\":true"); /* in the middle of it */
    put_note("millrace-assignment-http://dead:8083/",
             "{\"epoch\":1,\"sequence\":1,\"boot\":\"00000000000000aa\",\"units\":{\"a\":[0]}}");
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 4);
    assert_true(eventually(5000, own_says_who_is_dead, "http://dead:8083/#00000000000000aa"));
}

/* Comes before the living by its URL. */
#define DEAD_URL "http://dead:8083/"
#define DEAD_BOOT "00000000000000aa"

static void follow_beside_a_dead_one(void)
{
    static const struct membership_peer peers[] = {
        {RIG_URL, RIG_BOOT, false}, {OTHER_URL, OTHER_BOOT, true}, {DEAD_URL, DEAD_BOOT, false}};

    put_note("millrace-assignment-" DEAD_URL,
             "{\"epoch\":1,\"sequence\":1,\"boot\":\"" DEAD_BOOT "\",\"units\":{\"a\":[-1,0]}}");
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 3);
}

static int restarted(const char *name)
{
    struct answer answer = {0};

    herder_restart_connector(rig.herder, name, false, false, take_answer, &answer);
    return answered(&answer);
}

static void requests_go_to_the_heir_of_a_dead_worker_while_that_is_still_counted(void **state)
{
    struct string_map *config = string_map_create();

    (void)state;
    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    other_says("");
    follow_beside_a_dead_one();
    expect("status a RUNNING");
    assert_int_equal(restarted("a"), 409); /* as far as is known it is at the other */
    other_says(",\"gone\":[\"" DEAD_URL "#" DEAD_BOOT "\"]");
    turn();
    assert_int_equal(restarted("a"), 204);
}

/* It is asked of the next owner: here nothing would ever tell that it has restarted. */
static void a_restart_of_what_moves_away_meanwhile_is_passed_on(void **state)
{
    struct string_map *config = string_map_create();
    struct answer answer = {0}, of_task = {0};

    (void)state;
    string_map_put(config, "name", "a");
    assert_int_equal(config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL), 0);
    string_map_destroy(config);
    other_says("");
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[-1]}}");
    follow();
    expect("status a RUNNING");
    rig_set(&rig.connector_silent, true);
    herder_restart_connector(rig.herder, "a", false, false, take_answer, &answer);
    expect("end a");
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT "\",\"units\":{}}");
    put_note("millrace-assignment-" OTHER_URL, "{\"epoch\":1,\"sequence\":3,\"boot\":\"" OTHER_BOOT "\",\"units\":{\"a\":[-1]}}");
    turn();
    assert_int_equal(answered(&answer), 409);
    assert_non_null(strstr(answer.message, OTHER_URL));
    rig_set(&rig.connector_silent, false);
    rig_connector("a", CONNECTOR_ENDED, NULL);
    herder_restart_task(rig.herder, "a", 0, take_answer, &of_task);
    assert_int_equal(answered(&of_task), 409);
}

static void who_is_to_end_does_not_wait_for_a_dead_worker_to_take_over(void **state)
{
    int64_t begun_ms;

    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0]}}");
    put_ended(OTHER_URL, OTHER_BOOT, "");
    follow();
    begun_ms = eventually_now_ms();
    herder_stop(rig.herder, begun_ms + 60000);
    assert_true(eventually_now_ms() - begun_ms < 30000);
    expect_order("executor stops | leaves the group");
}

static void nothing_goes_to_a_worker_that_does_not_even_say_it_was_asked(void **state)
{
    (void)state;
    rig_set_tasks(2, "1");
    lead_with(1);
    put("a", "1");
    expect("status a-1 RUNNING");
    other_says("");
    assert_true(eventually(5000, other_has_to_prepare, NULL));
    assert_true(eventually(5000, other_is_unfit, NULL));
    expect_never("task-");
    other_says(",\"as_of\":{\"epoch\":99,\"sequence\":1}"); /* it was frozen, and is back */
    assert_true(eventually(5000, other_is_fit, NULL));
    assert_true(eventually(5000, other_has_to_prepare, NULL));
    other_says(",\"as_of\":{\"epoch\":99,\"sequence\":1},\"prepared\":{\"a\":[-1,0,1]}");
    expect_never("end a");
    assert_true(eventually(5000, has_said, (void *)"task- a-1 stay") || has_said((void *)"task- a-0 stay"));
}

static void who_does_not_acknowledge_in_time_gets_nothing_new(void **state)
{
    (void)state;
    put_note("millrace-assignment-" OTHER_URL,
             "{\"epoch\":1,\"sequence\":1,\"boot\":\"" OTHER_BOOT "\",\"units\":{\"gone\":[0]}}");
    other_says("");
    lead_with(1);
    assert_true(eventually(5000, other_is_unfit, NULL));
    rig_set_tasks(4, "1");
    put("a", "1");
    expect("status a-3 RUNNING"); /* all here */
    other_says(",\"as_of\":{\"epoch\":99,\"sequence\":1},\"stopped\":{\"gone\":{\"0\":\"abandoned\"}}");
    assert_true(eventually(5000, other_is_fit, NULL));
    assert_true(eventually(5000, other_has_to_prepare, NULL));
}

static bool has_failed(void *argument)
{
    bool has;

    (void)argument;
    mutex_lock(&rig.lock);
    has = strstr(rig.failure, "cannot write to the config topic") != NULL;
    mutex_unlock(&rig.lock);
    return has;
}

static void who_cannot_write_its_acknowledgement_stops_and_leaves(void **state)
{
    struct answer answer;
    int64_t begun_ms;

    (void)state;
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{\"a\":[0,1]}}");
    follow();
    other_says("");
    drain(true, &answer);
    assert_true(eventually(5000, drain_is_known, NULL));
    rig_set(&rig.own_notes_refused, true);
    put_note("millrace-assignment-" RIG_URL, "{\"epoch\":1,\"sequence\":2,\"boot\":\"" RIG_BOOT
                                             "\",\"units\":{\"a\":[1]},\"revoking\":{\"a\":{\"0\":\"1.2 drain\"}}}");
    assert_true(eventually(5000, has_failed, NULL));
    assert_true(rig.failure_had_run);
    begun_ms = eventually_now_ms();
    herder_stop(rig.herder, begun_ms + 60000);
    assert_true(eventually_now_ms() - begun_ms < 30000); /* nothing is left to be waited for */
    expect_order("executor stops | leaves the group");
}

static bool leader_has_failed(void *argument)
{
    bool has;

    (void)argument;
    mutex_lock(&rig.lock);
    has = strstr(rig.failure, "this worker leads, and may not write to the config topic") != NULL;
    mutex_unlock(&rig.lock);
    return has;
}

static bool a_second_has_passed(void *argument)
{
    return eventually_now_ms() >= *(int64_t *)argument + 1000;
}

static void a_leader_that_may_not_write_leaves_when_another_one_may_lead(void **state)
{
    int64_t since_ms;

    (void)state;
    lead_with(1);
    turn();
    rig_set(&rig.plans_unanswered, true);
    other_says("");
    since_ms = eventually_now_ms();
    assert_true(eventually(5000, a_second_has_passed, &since_ms));
    assert_false(leader_has_failed(NULL)); /* nobody else would be answered */
    rig_set(&rig.plans_refused, true);
    other_says(",\"drains\":true");
    rig_set(&rig.plans_unanswered, false);
    put("a", "1"); /* there is something to give out */
    since_ms = eventually_now_ms();
    assert_true(eventually(5000, a_second_has_passed, &since_ms));
    assert_false(leader_has_failed(NULL)); /* there is nobody else */
    other_says("");
    assert_true(eventually(5000, leader_has_failed, NULL));
    assert_true(rig.failure_had_run);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_is_there_and_who_leads_is_shown),
        TEST(work_is_given_out_whatever_the_connectors_are_called),
        TEST(what_runs_elsewhere_meanwhile_is_not_said_to_be_unassigned),
        TEST(what_is_stopped_stays_stopped_while_it_moves),
        TEST(an_assignment_is_obeyed_also_when_it_comes_as_others_are_looked_for),
        TEST(a_late_word_about_what_runs_here_is_put_right),
        TEST(a_word_of_a_greater_generation_stands),
        TEST(what_fits_nobody_is_unassigned_with_the_reason),
        TEST(what_one_member_has_proof_of_another_says_too_as_long_as_the_dead_one_is_counted),
        TEST(who_has_handed_over_and_left_is_not_taken_for_dead),
        TEST(requests_go_to_the_heir_of_a_dead_worker_while_that_is_still_counted),
        TEST(a_restart_of_what_moves_away_meanwhile_is_passed_on),
        TEST(who_is_to_end_does_not_wait_for_a_dead_worker_to_take_over),
        TEST(nothing_goes_to_a_worker_that_does_not_even_say_it_was_asked),
        cmocka_unit_test_setup_teardown(who_does_not_acknowledge_in_time_gets_nothing_new, strict_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_cannot_write_its_acknowledgement_stops_and_leaves, strict_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_leader_that_may_not_write_leaves_when_another_one_may_lead, strict_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
