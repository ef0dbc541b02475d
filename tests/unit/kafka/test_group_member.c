/* group_member on the mock cluster: joining, leading, the lease, the guard, leaving, losing the brokers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/error.h>

#include "base/clock.h"
#include "base/lease.h"
#include "base/thread.h"
#include "kafka/graveyard.h"
#include "kafka/group_member_internal.h"
#include "kafka/heartbeat_clock_internal.h"
#include "mock.h"
#include "support/eventually.h"

#define SOON_MS 30000

struct seen {
    struct group_member *member;
    atomic_int assigned, revoked, lost, failed, ticks;
    atomic_bool leads;
};

struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
};

static void on_assigned(void *argument, bool owns_partition_0)
{
    struct seen *seen = argument;
    seen->leads = owns_partition_0;
    seen->assigned++;
}

static void on_revoked(void *argument)
{
    struct seen *seen = argument;
    seen->leads = false;
    seen->revoked++;
}

static void on_lost(void *argument)
{
    struct seen *seen = argument;
    seen->leads = false;
    seen->lost++;
}

static void on_failed(void *argument, const struct mr_error *error)
{
    (void)error;
    ((struct seen *)argument)->failed++;
}

static void on_tick(void *argument, int64_t acked_ms)
{
    (void)acked_ms;
    ((struct seen *)argument)->ticks++;
}

static const struct group_member_listener listener = {on_assigned, on_revoked, on_lost, on_failed, on_tick};

static int set_up(void **state)
{
    static struct fixture fixture;
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "config", 1, 1);
    fixture.graveyard = graveyard_create(NULL);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

static void open_member(struct fixture *fixture, struct seen *seen, const char *client_id)
{
    struct mr_error *error = NULL;
    struct client_config *config = mock_config(&fixture->mock, CLIENT_MEMBER, "workers",
                                               MOCK_SESSION_LINE "heartbeat.interval.ms=100");
    *seen = (struct seen){0};
    seen->member = group_member_open(
        &(struct group_member_setup){.config = config, .graveyard = fixture->graveyard, .topic = "config",
                                     .client_id = client_id, .listener = &listener, .argument = seen}, &error);
    if (seen->member == NULL)
        fail_msg("%s", mr_error_message(error));
    client_config_drop(config);
}

static bool is_leading(void *argument)
{
    struct seen *seen = argument;
    return seen->leads && group_member_acked_ms(seen->member) > 0;
}

static bool is_following(void *argument)
{
    struct seen *seen = argument;
    return seen->assigned > 0 && !seen->leads && group_member_acked_ms(seen->member) > 0;
}

static void a_member_alone_leads_and_its_lease_moves_on(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    char id[256];
    open_member(fixture, &seen, "http://127.0.0.1:8083#boot");
    assert_true(eventually(SOON_MS, is_leading, &seen));
    assert_true(group_member_owns_partition_0(seen.member));
    assert_true(group_member_id(seen.member, id, sizeof id) > 0);
    assert_true(group_member_epoch(seen.member) > 0);
    int64_t first_ms = group_member_acked_ms(seen.member);
    assert_true(first_ms <= clock_boottime_ms(NULL));
    for (int64_t until = eventually_now_ms() + SOON_MS; group_member_acked_ms(seen.member) <= first_ms;)
        assert_true(eventually_now_ms() < until);
    assert_true(group_member_leave(seen.member, deadline_after_ms(SOON_MS)));
    assert_int_equal(seen.revoked, 1);
    assert_int_equal(group_member_acked_ms(seen.member), 0);
    assert_int_equal(group_member_id(seen.member, id, sizeof id), 0);
    group_member_close(seen.member);
    assert_int_equal(seen.failed + seen.lost, 0);
    assert_true(seen.ticks > 0);
}

static void the_guard_lets_the_leader_pass_alone(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    struct mr_error *error = NULL;
    open_member(fixture, &seen, "a");
    assert_int_equal(group_member_guard(seen.member, 5, NULL, deadline_after_ms(SOON_MS), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_clear(&error);
    assert_true(eventually(SOON_MS, is_leading, &seen));
    if (group_member_guard(seen.member, 5, NULL, deadline_after_ms(SOON_MS), &error) != 0)
        fail_msg("%s", mr_error_message(error));
    assert_true(group_member_leave(seen.member, deadline_after_ms(SOON_MS)));
    assert_int_equal(group_member_guard(seen.member, 6, NULL, deadline_after_ms(SOON_MS), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_drop(error);
    group_member_close(seen.member);
}

static void who_leaves_hands_over(void **state)
{
    struct fixture *fixture = *state;
    struct seen one, other;
    open_member(fixture, &one, "a");
    assert_true(eventually(SOON_MS, is_leading, &one));
    open_member(fixture, &other, "b");
    assert_true(eventually(SOON_MS, is_following, &other));
    assert_true(one.leads);
    assert_true(group_member_leave(one.member, deadline_after_ms(SOON_MS)));
    assert_true(eventually(SOON_MS, is_leading, &other));
    group_member_close(one.member);
    assert_true(group_member_leave(other.member, deadline_after_ms(SOON_MS)));
    group_member_close(other.member);
}

static bool is_joining(void *argument)
{
    struct seen *seen = argument;
    return heartbeat_clock_is_joining(seen->member->clock);
}

/* The mock's group waits for nearly a session when a member comes. */
static void while_the_group_rebalances_the_lease_is_enough(void **state)
{
    struct fixture *fixture = *state;
    struct seen one, other;
    struct lease good = {LEASE_FOR_EVER}, over = {1};
    struct mr_error *error = NULL;
    open_member(fixture, &one, "a");
    assert_true(eventually(SOON_MS, is_leading, &one));
    open_member(fixture, &other, "b");
    assert_true(eventually(SOON_MS, is_joining, &one));
    assert_int_equal(group_member_guard(one.member, 5, &good, deadline_after_ms(SOON_MS), &error), 0);
    assert_true(is_joining(&one));
    assert_int_equal(group_member_guard(one.member, 6, &over, deadline_after_ms(100), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    assert_int_equal(group_member_guard(one.member, 7, NULL, deadline_after_ms(100), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    assert_true(is_joining(&one));
    assert_true(eventually(SOON_MS, is_following, &other));
    assert_int_equal(group_member_guard(one.member, 8, NULL, deadline_after_ms(SOON_MS), &error), 0);
    group_member_leave(other.member, deadline_after_ms(SOON_MS));
    group_member_close(other.member);
    group_member_leave(one.member, deadline_after_ms(SOON_MS));
    group_member_close(one.member);
}

static bool has_lost(void *argument)
{
    struct seen *seen = argument;
    return seen->lost > 0 && group_member_acked_ms(seen->member) == 0;
}

static void without_brokers_the_membership_is_lost_and_found_again(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    open_member(fixture, &seen, "a");
    assert_true(eventually(SOON_MS, is_leading, &seen));
    int64_t acked_ms = group_member_acked_ms(seen.member);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_true(eventually(SOON_MS, has_lost, &seen));
    assert_false(seen.leads);
    assert_true(clock_boottime_ms(NULL) - acked_ms >= MOCK_SESSION_MS - 1000);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_true(eventually(SOON_MS, is_leading, &seen));
    assert_true(group_member_leave(seen.member, deadline_after_ms(SOON_MS)));
    group_member_close(seen.member);
}

#ifdef MOCK_FIRST_REBALANCE_MS
#define SLOW_REBALANCE_MS 1200

/* Longer than its deadline: else the next member would wait for the session of a dead one. */
static void a_member_that_is_just_let_in_leaves_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    rd_kafka_mock_group_initial_rebalance_delay_ms(fixture->mock.cluster, SLOW_REBALANCE_MS);
    open_member(fixture, &seen, "a");
    assert_true(eventually(SOON_MS, is_joining, &seen));
    assert_true(group_member_leave(seen.member, deadline_after_ms(100)));
    assert_int_equal(seen.assigned - seen.revoked, 0);
    assert_false(is_joining(&seen));
    group_member_close(seen.member);
}

static void a_member_that_nobody_answers_leaves_in_vain_but_in_time(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    rd_kafka_mock_group_initial_rebalance_delay_ms(fixture->mock.cluster, 20 * MOCK_SESSION_MS);
    open_member(fixture, &seen, "a");
    assert_true(eventually(SOON_MS, is_joining, &seen));
    int64_t begun_ms = eventually_now_ms();
    assert_false(group_member_leave(seen.member, deadline_after_ms(100)));
    assert_true(eventually_now_ms() - begun_ms < MOCK_SESSION_MS + 3000);
    group_member_close(seen.member);
}
#endif

static void closing_without_leaving_is_quick(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen;
    open_member(fixture, &seen, "a");
    int64_t start_ms = eventually_now_ms();
    group_member_close(seen.member);
    assert_true(eventually_now_ms() - start_ms < 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_alone_leads_and_its_lease_moves_on),
        TEST(the_guard_lets_the_leader_pass_alone),
        TEST(while_the_group_rebalances_the_lease_is_enough),
        TEST(who_leaves_hands_over),
        TEST(without_brokers_the_membership_is_lost_and_found_again),
#ifdef MOCK_FIRST_REBALANCE_MS
        TEST(a_member_that_is_just_let_in_leaves_all_the_same),
        TEST(a_member_that_nobody_answers_leaves_in_vain_but_in_time),
#endif
        TEST(closing_without_leaving_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
