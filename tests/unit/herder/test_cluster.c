/* One worker among others: what it shows of the cluster, and how it drains. */
#include <semaphore.h>

#include "coordination/process_identity.h"
#include "herder/cluster_internal.h"
#include "herder/cluster_view.h"
#include "rig.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"

static int group_setup(void **state)
{
    (void)state;
    rig_open(true, 0);
    rig.worker.placement_labels = "zone=a";
    rig_start();
    return 0;
}

static int impatient_setup(void **state)
{
    (void)state;
    rig_open(true, 300);
    rig_start();
    return 0;
}

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

static void put_note(const char *key, const char *text)
{
    assert_int_equal(
        config_store_put_own_note(rig.configs, &(struct config_note_write){key, text}, INT64_MAX, NULL), 0);
}

static void lead_with(size_t others)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, true}, {OTHER_URL, OTHER_BOOT, false}};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, peers, 1 + others);
}

static void follow(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false}, {OTHER_URL, OTHER_BOOT, true}};

    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
}

static void drain(bool drains, struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    herder_drain(rig.herder, drains, take_answer, answer);
}

static int drained(bool drains)
{
    struct answer answer;

    drain(drains, &answer);
    return answered(&answer);
}

static bool drain_is_known(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_known *own = cluster_picture_find(&view->picture, RIG_URL);
    bool is = own != NULL && own->has_member && own->member.drains;

    (void)argument;
    herder_cluster_view_destroy(view);
    return is;
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
    put_note("millrace-member-" OTHER_URL, "{\"boot\":\"" OTHER_BOOT "\",\"version\":\"9\",\"labels\":\"zone=a\"}");
    lead_with(1);
    put("a", "1");
    expect("status a RUNNING");
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

static void other_says(const char *more)
{
    char text[512];

    snprintf(text, sizeof(text), "{\"boot\":\"" OTHER_BOOT "\",\"version\":\"9\"%s}", more);
    put_note("millrace-member-" OTHER_URL, text);
}

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
    rig.worker.leader_fencing = LEADER_FENCING_TRANSACTION;
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
        TEST(who_is_there_and_who_leads_is_shown),
        TEST(the_only_worker_drains_and_goes_on_leading),
        TEST(a_follower_has_drained_when_the_leader_took_the_last_unit),
        cmocka_unit_test_setup_teardown(a_drain_that_takes_too_long_goes_on_after_its_answer, impatient_setup, rig_teardown),
        TEST(what_runs_elsewhere_meanwhile_is_not_said_to_be_unassigned),
        TEST(an_assignment_is_obeyed_also_when_it_comes_as_others_are_looked_for),
        TEST(a_drain_is_called_off),
        cmocka_unit_test_setup_teardown(a_wish_that_was_written_unknown_to_its_writer_is_taken_back, patient_setup, rig_teardown),
        TEST(a_drain_asked_before_the_group_is_joined_is_told_once_it_is),
        TEST(what_fits_nobody_is_unassigned_with_the_reason),
        TEST(what_one_member_has_proof_of_another_says_too_as_long_as_the_dead_one_is_counted),
        TEST(who_has_handed_over_and_left_is_not_taken_for_dead),
        TEST(nothing_goes_to_a_worker_that_does_not_even_say_it_was_asked),
        cmocka_unit_test_setup_teardown(who_does_not_acknowledge_in_time_gets_nothing_new, strict_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_cannot_write_its_acknowledgement_stops_and_leaves, strict_setup, rig_teardown),
        TEST(whoever_waits_for_a_drain_is_answered_at_the_end),
        TEST(who_is_to_end_while_it_catches_up_hands_over_afterwards),
        TEST(who_is_to_end_while_it_catches_up_without_a_lease_just_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
