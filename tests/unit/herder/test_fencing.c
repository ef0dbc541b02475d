/* How a leader shuts out a former one: what it takes, says, and does when the brokers refuse. */
#include "herder/cluster_view.h"
#include "herder/cluster_internal.h"
#include "rig.h"
#include "store/config_listener.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"

static void open_rig(enum leader_fencing fencing, enum exactly_once_source exactly_once)
{
    rig_open(true, 0);
    rig.worker.leader_fencing = fencing;
    rig.worker.exactly_once_source = exactly_once;
}

static int auto_setup(void **state)
{
    (void)state;
    open_rig(LEADER_FENCING_AUTO, EXACTLY_ONCE_DISABLED);
    rig_start();
    return 0;
}

static int preparing_setup(void **state)
{
    (void)state;
    open_rig(LEADER_FENCING_AUTO, EXACTLY_ONCE_PREPARING);
    rig_start();
    return 0;
}

static int transaction_setup(void **state)
{
    (void)state;
    open_rig(LEADER_FENCING_TRANSACTION, EXACTLY_ONCE_DISABLED);
    rig_start();
    return 0;
}

static void lead(void)
{
    static const struct membership_peer alone = {RIG_URL, RIG_BOOT, true};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, &alone, 1);
}

static void follow(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, false}, {OTHER_URL, OTHER_BOOT, true}};

    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_peers(rig.group_argument, 1, peers, 2);
}

static void give_work(void)
{
    assert_int_equal(config_store_put_own_note(
                         rig.configs,
                         &(struct config_note_write){"millrace-assignment-" RIG_URL,
                                                     "{\"epoch\":1,\"sequence\":1,\"boot\":\"" RIG_BOOT "\",\"units\":{}}"},
                         INT64_MAX, NULL),
                     0);
}

static bool record_says(void *argument)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    bool says = view->picture.has_head && strcmp(view->picture.head.fencing, argument) == 0;

    herder_cluster_view_destroy(view);
    return says;
}

static void by_itself_a_leader_fences_by_generation(void **state)
{
    (void)state;
    lead();
    assert_true(eventually(5000, record_says, "generation"));
    expect("claim generation");
    expect_never("claim transaction");
}

static void with_exactly_once_it_takes_transactions(void **state)
{
    (void)state;
    lead();
    assert_true(eventually(5000, record_says, "transaction"));
    expect_never("claim generation");
    assert_int_equal(put("a", "1"), 201);
}

static void where_transactions_are_denied_it_does_without(void **state)
{
    (void)state;
    rig_set(&rig.claim_is_denied, true);
    lead();
    assert_true(eventually(5000, record_says, "generation"));
    expect_order("claim transaction | claim generation");
    assert_int_equal(put("a", "1"), 201);
}

static void who_insists_on_transactions_ends_before_it_began(void **state)
{
    (void)state;
    rig_set(&rig.claim_is_denied, true);
    lead();
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_non_null(strstr(rig.failure, "millrace.leader.fencing=transaction: "));
    assert_non_null(strstr(rig.failure, "transactional id connect-cluster-g: denied"));
    assert_non_null(strstr(rig.failure, "set millrace.leader.fencing=generation"));
    assert_false(rig.failure_had_run);
    expect_never("claim generation");
}

static void who_has_work_keeps_it_and_tries_again(void **state)
{
    (void)state;
    give_work();
    follow();
    turn();
    rig_set(&rig.claim_is_denied, true);
    lead();
    expect("claim transaction");
    rig_log_clear();
    expect("claim transaction"); /* again */
    assert_string_equal(rig.failure, "");
    rig_set(&rig.claim_is_denied, false);
    assert_true(eventually(5000, record_says, "transaction"));
}

/* A zombie would shut out the rightful leader. */
static void whom_the_group_does_not_back_claims_nothing(void **state)
{
    (void)state;
    rig_set(&rig.guard_refuses, true);
    rig.group->on_leading(rig.group_argument);
    rig.group->on_following(rig.group_argument, OTHER_URL);
    turn();
    expect_never("claim");
}

/* After an outage of the brokers: the lease is given back only to who has read the topics, and who leads claims before that. */
static void whom_the_group_backs_leads_again_although_the_lease_was_lost(void **state)
{
    (void)state;
    lead();
    assert_true(eventually(5000, record_says, "transaction"));
    lease_set(&rig.lease, 0);
    atomic_store(&rig.losses, 1);
    rig.group->on_lost(rig.group_argument, "the brokers were away");
    rig_log_clear();
    rig.group->on_leading(rig.group_argument);
    expect("lease back after 1");
    expect_order("claim transaction | lease back after 1");
}

static void a_leader_that_is_shut_out_asks_the_group_and_claims_anew(void **state)
{
    struct answer answer;

    (void)state;
    lead();
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig_set(&rig.guard_refuses, true);
    herder_config_listener.claim_lost(rig.herder);
    ask_put("b", "1", true, &answer);
    turn();
    expect_never("claim");
    rig_set(&rig.guard_refuses, false);
    expect("claim transaction");
    assert_int_equal(answered(&answer), 201);
    expect_never("task- a-0");
    expect_never("status a FAILED");
}

static void a_leader_that_was_replaced_follows(void **state)
{
    (void)state;
    lead();
    assert_int_equal(put("a", "1"), 201);
    rig_set(&rig.guard_refuses, true);
    rig_log_clear();
    herder_config_listener.claim_lost(rig.herder);
    follow();
    assert_int_equal(put("b", "1"), 409);
    expect_never("claim");
}

static void put_head(const char *leader, const char *fencing)
{
    char text[200];

    snprintf(text, sizeof(text), "{\"epoch\":1,\"sequence\":1,\"leader\":\"%s\",\"leader_url\":\"" OTHER_URL "\",\"fencing\":\"%s\"}",
             leader, fencing);
    assert_int_equal(config_store_put_own_note(rig.configs, &(struct config_note_write){"millrace-cluster", text}, INT64_MAX, NULL), 0);
    turn();
}

static void who_follows_warns_of_another_setting_but_not_of_a_former_leaders(void **state)
{
    (void)state;
    follow();
    put_head("0123456789abcdef", "generation");
    assert_false(rig.herder->cluster->fencing_told);
    put_head(OTHER_BOOT, "generation");
    assert_true(rig.herder->cluster->fencing_told);
    put_head(OTHER_BOOT, "transaction");
    assert_false(rig.herder->cluster->fencing_told);
}

#define IN_GROUP(test, setup) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(by_itself_a_leader_fences_by_generation, auto_setup),
        IN_GROUP(with_exactly_once_it_takes_transactions, preparing_setup),
        IN_GROUP(where_transactions_are_denied_it_does_without, preparing_setup),
        IN_GROUP(who_insists_on_transactions_ends_before_it_began, transaction_setup),
        IN_GROUP(who_has_work_keeps_it_and_tries_again, transaction_setup),
        IN_GROUP(whom_the_group_does_not_back_claims_nothing, transaction_setup),
        IN_GROUP(whom_the_group_backs_leads_again_although_the_lease_was_lost, transaction_setup),
        IN_GROUP(a_leader_that_is_shut_out_asks_the_group_and_claims_anew, transaction_setup),
        IN_GROUP(a_leader_that_was_replaced_follows, transaction_setup),
        IN_GROUP(who_follows_warns_of_another_setting_but_not_of_a_former_leaders, transaction_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
