/* Two workers with one URL: one of them ends, and a ghost does not count. */
#include "rig.h"

#include <unistd.h>

#include "coordination/process_identity.h"

#define RIVAL_BOOT "ffeeddcc00112233"

static const char *answering_boot; /* who answers at the URL; NULL: nobody */
static atomic_int asked;

static void answer_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    (void)argument, (void)deadline_ms;
    assert_string_equal(url, rig_url);
    atomic_fetch_add(&asked, 1);
    done(done_argument, answering_boot);
}

static int group_setup(void **state)
{
    static const struct leader_link link = {.ask_boot = answer_boot};

    (void)state;
    answering_boot = NULL;
    atomic_store(&asked, 0);
    rig_link = &link;
    rig_open(true, 0);
    rig_start();
    return 0;
}

static void follow_beside(const char *rival)
{
    const struct membership_peer peers[] = {
        {"http://other:8083/", "0000000000000001", true}, {rig_url, RIG_BOOT, false}, {rig_url, rival, false}};

    rig.group->on_following(rig.group_argument, "http://other:8083/");
    rig.group->on_peers(rig.group_argument, 1, peers, rival != NULL ? 3 : 2);
}

static void put_rival(const char *host, int64_t pid, int64_t started, const char *more)
{
    char text[400], key[100];

    snprintf(key, sizeof(key), "millrace-member-%s", rig_url);
    snprintf(text, sizeof(text), "{\"boot\":\"" RIVAL_BOOT "\",\"host\":\"%s\",\"pid\":%lld,\"started\":%lld%s}", host,
             (long long)pid, (long long)started, more);
    assert_int_equal(config_store_put_own_note(rig.configs, &(struct config_note_write){key, text}, INT64_MAX, NULL), 0);
}

static bool own_record_stands(void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool stands = false;

    (void)argument;
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++)
        stands = stands || strstr(config_snapshot_note_at(snapshot, i).text, "\"boot\":\"" RIG_BOOT) != NULL;
    config_snapshot_drop(snapshot);
    return stands;
}

static void assert_refused(void)
{
    assert_true(eventually(10000, rig_has_failed, NULL));
    assert_false(rig.failure_had_run);
    assert_non_null(strstr(rig.failure, "another worker of this cluster is reached at "));
    assert_non_null(strstr(rig.failure, rig_url));
    assert_false(own_record_stands(NULL));
}

static bool was_asked(void *argument)
{
    (void)argument;
    return atomic_load(&asked) > 0;
}

static void nothing_is_said_before_the_group_is_known(void **state)
{
    (void)state;
    rig.group->on_following(rig.group_argument, "http://other:8083/");
    turn();
    assert_false(own_record_stands(NULL));
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
    assert_false(was_asked(NULL));
}

static void who_comes_later_refuses(void **state)
{
    (void)state;
    answering_boot = RIVAL_BOOT;
    put_rival("elsewhere", 1, 1, "");
    follow_beside(RIVAL_BOOT);
    assert_refused();
}

static void a_ghost_of_this_machine_is_known_at_once(void **state)
{
    struct process_identity self;

    (void)state;
    process_identity_read(&self);
    put_rival(self.host, self.pid, self.started - 1, ""); /* such a process is no more */
    follow_beside(RIVAL_BOOT);
    assert_true(eventually(5000, own_record_stands, NULL));
    assert_false(was_asked(NULL));
}

static void a_living_process_of_this_machine_is_known_at_once(void **state)
{
    struct process_identity self;

    (void)state;
    answering_boot = RIG_BOOT;
    process_identity_read(&self);
    put_rival(self.host, self.pid, self.started, "");
    follow_beside(RIVAL_BOOT);
    assert_refused();
    assert_false(was_asked(NULL));
}

static void a_ghost_elsewhere_has_lost_its_address(void **state)
{
    (void)state;
    answering_boot = RIG_BOOT;
    put_rival("elsewhere", 1, 1, "");
    follow_beside(RIVAL_BOOT);
    assert_true(eventually(5000, own_record_stands, NULL));
    assert_false(rig_has_failed(NULL));
}

static void a_ghost_nobody_can_ask_is_waited_out(void **state)
{
    (void)state;
    follow_beside(RIVAL_BOOT);
    assert_true(eventually(5000, was_asked, NULL));
    turn();
    assert_false(own_record_stands(NULL));
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
}

static void who_outlives_its_session_is_alive(void **state)
{
    (void)state;
    put_rival("elsewhere", 1, 1, "");
    follow_beside(RIVAL_BOOT);
    assert_refused();
}

static void of_two_newcomers_one_stays(void **state)
{
    (void)state;
    follow_beside(RIVAL_BOOT); /* greater than ours, and without a record */
    assert_true(eventually(10000, own_record_stands, NULL));
    assert_false(rig_has_failed(NULL));
}

static void who_is_about_to_leave_is_waited_for(void **state)
{
    (void)state;
    answering_boot = RIG_BOOT; /* its REST has closed already, its tasks have not */
    put_rival("elsewhere", 1, 1, ",\"leaves\":true");
    follow_beside(RIVAL_BOOT);
    turn();
    assert_false(was_asked(NULL));
    assert_false(own_record_stands(NULL));
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
}

static void who_was_taken_for_a_ghost_ends(void **state)
{
    (void)state;
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
    turn();
    follow_beside(RIVAL_BOOT);
    turn();
    assert_false(rig_has_failed(NULL)); /* who comes later has to look */
    put_rival("elsewhere", 1, 1, "");
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_true(rig.failure_had_run);
    assert_non_null(strstr(rig.failure, "another worker has taken the place of this one"));
}

/* A machine of its own: nobody else has seen the process end. */
static int restart_setup(void **state)
{
    static const struct leader_link link = {.ask_boot = answer_boot};
    struct process_identity self;

    (void)state;
    answering_boot = NULL;
    rig_link = &link;
    process_identity_read(&self);
    rig_open(true, 0);
    put_rival(self.host, self.pid, self.started - 1, ",\"labels\":\"zone=a\",\"gone\":[\"http://x/#1\"]");
    rig_start();
    return 0;
}

static bool is_said_to_be_gone(void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool is_said = false;

    (void)argument;
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        const char *text = config_snapshot_note_at(snapshot, i).text;

        is_said = is_said || (strstr(text, "\"boot\":\"" RIVAL_BOOT) != NULL && strstr(text, "\"" RIG_URL "#" RIVAL_BOOT "\"") != NULL &&
                              strstr(text, "\"http://x/#1\"") != NULL && strstr(text, "zone=a") != NULL);
    }
    config_snapshot_drop(snapshot);
    return is_said;
}

static void what_ran_here_before_is_said_to_be_gone_before_we_join(void **state)
{
    (void)state;
    expect("waits out " RIVAL_BOOT);
    assert_true(eventually(5000, is_said_to_be_gone, NULL));
    assert_false(own_record_stands(NULL));
    follow_beside(RIVAL_BOOT);
    assert_true(eventually(5000, own_record_stands, NULL));
    turn();
    assert_false(is_said_to_be_gone(NULL));
}

/* In another container, say: its process cannot be looked for. */
static int restart_elsewhere_as(const char *answering, const char *more)
{
    static const struct leader_link link = {.ask_boot = answer_boot};

    answering_boot = answering;
    atomic_store(&asked, 0);
    rig_link = &link;
    rig_open(true, 0);
    put_rival("elsewhere", 1, 1, more);
    rig_start();
    return 0;
}

#define REMEMBERED ",\"labels\":\"zone=a\",\"gone\":[\"http://x/#1\"]"

static int answered_setup(void **state)
{
    (void)state;
    return restart_elsewhere_as(RIG_BOOT, REMEMBERED);
}

static int unanswered_setup(void **state)
{
    (void)state;
    return restart_elsewhere_as(NULL, REMEMBERED);
}

static int leaving_setup(void **state)
{
    (void)state;
    return restart_elsewhere_as(RIG_BOOT, REMEMBERED ",\"leaves\":true");
}

/* Each machine reaches itself there: that we answer says nothing of another one's worker. */
static int local_setup(void **state)
{
    (void)state;
    rig_url = "http://localhost:8083/";
    return restart_elsewhere_as(RIG_BOOT, REMEMBERED);
}

static int local_teardown(void **state)
{
    int status = rig_teardown(state);

    rig_url = RIG_URL;
    return status;
}

static void whom_a_local_name_leads_to_is_not_taken_for_the_one_before(void **state)
{
    (void)state;
    turn();
    assert_int_equal(atomic_load(&asked), 0);
    expect_never("waits out");
}

static void of_two_machines_that_say_localhost_the_later_refuses(void **state)
{
    (void)state;
    follow_beside(RIVAL_BOOT);
    assert_true(eventually(5000, was_asked, NULL)); /* and answered, by itself */
    turn();
    assert_false(own_record_stands(NULL));
    assert_refused();
}

static void who_is_not_proven_dead_is_not_said_to_be_gone(void **state)
{
    (void)state;
    turn();
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
    expect_never("waits out");
}

static void who_is_said_to_be_gone_by_a_successor_ends(void **state)
{
    (void)state;
    follow_beside(NULL);
    assert_true(eventually(5000, own_record_stands, NULL));
    turn();
    assert_int_equal(config_store_put_own_note(rig.configs,
                                               &(struct config_note_write){"millrace-member-" RIG_URL,
                                                                           "{\"boot\":\"" RIG_BOOT "\",\"gone\":[\"" RIG_URL
                                                                           "#" RIG_BOOT "\"]}"},
                                               INT64_MAX, NULL),
                     0);
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_non_null(strstr(rig.failure, "another worker has taken the place of this one"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_said_before_the_group_is_known),
        TEST(who_comes_later_refuses),
        TEST(a_ghost_of_this_machine_is_known_at_once),
        TEST(a_living_process_of_this_machine_is_known_at_once),
        TEST(a_ghost_elsewhere_has_lost_its_address),
        TEST(a_ghost_nobody_can_ask_is_waited_out),
        TEST(who_outlives_its_session_is_alive),
        TEST(of_two_newcomers_one_stays),
        TEST(who_is_about_to_leave_is_waited_for),
        TEST(who_was_taken_for_a_ghost_ends),
        cmocka_unit_test_setup_teardown(what_ran_here_before_is_said_to_be_gone_before_we_join, restart_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_ran_here_before_is_said_to_be_gone_before_we_join, answered_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_is_not_proven_dead_is_not_said_to_be_gone, unanswered_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_is_not_proven_dead_is_not_said_to_be_gone, leaving_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(whom_a_local_name_leads_to_is_not_taken_for_the_one_before, local_setup, local_teardown),
        cmocka_unit_test_setup_teardown(of_two_machines_that_say_localhost_the_later_refuses, local_setup, local_teardown),
        TEST(who_is_said_to_be_gone_by_a_successor_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
