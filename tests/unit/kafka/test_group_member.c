/* group_member on the mock cluster: joining, leading, the lease, the guard, leaving, losing the brokers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
#define HEARTBEAT 12   /* ApiKey */

struct seen {
    struct group_member *member;
    atomic_int assigned, revoked, lost, failed, ticks;
    atomic_int lost_when_assigned;
    atomic_bool leads;
    atomic_bool is_to_hold, is_held;   /* its thread, in a tick */
};

/* The members' witnesses outlive a test that fails, so that its members can be closed. */
struct fixture {
    struct mock mock;
    struct graveyard *graveyard;
    struct seen one, other;
};

static void on_assigned(void *argument, bool owns_partition_0)
{
    struct seen *seen = argument;
    seen->leads = owns_partition_0;
    seen->lost_when_assigned = (int)seen->lost;
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
    struct seen *seen = argument;
    (void)acked_ms;
    seen->ticks++;
    while (seen->is_to_hold) {
        seen->is_held = true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static const struct group_member_listener listener = {on_assigned, on_revoked, on_lost, on_failed, on_tick};

static int set_up(void **state)
{
    static struct fixture fixture;
    mock_open(&fixture.mock);
    rd_kafka_mock_topic_create(fixture.mock.cluster, "config", 1, 1);
    fixture.graveyard = graveyard_create(NULL);
    fixture.one = (struct seen){0};
    fixture.other = (struct seen){0};
    *state = &fixture;
    return 0;
}

static void close_member(struct seen *seen)
{
    seen->is_to_hold = false;
    group_member_close(seen->member);
    seen->member = NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close_member(&fixture->one);
    close_member(&fixture->other);
    graveyard_destroy(fixture->graveyard, deadline_after_ms(SOON_MS));
    mock_close(&fixture->mock);
    return 0;
}

static struct seen *open_member(struct fixture *fixture, struct seen *seen, const char *client_id, const char *lines)
{
    struct mr_error *error = NULL;
    struct client_config *config = mock_config(&fixture->mock, CLIENT_MEMBER, "workers", lines);
    seen->member = group_member_open(
        &(struct group_member_setup){.config = config, .graveyard = fixture->graveyard, .topic = "config",
                                     .client_id = client_id, .listener = &listener, .argument = seen}, &error);
    client_config_drop(config);
    if (seen->member == NULL)
        fail_msg("%s", mr_error_message(error));
    return seen;
}

#define MEMBER_LINES MOCK_SESSION_LINE "heartbeat.interval.ms=100"
#define SLOW_MEMBER_LINES MOCK_SESSION_LINE "heartbeat.interval.ms=500"

static struct seen *open_one(struct fixture *fixture)
{
    return open_member(fixture, &fixture->one, "a", MEMBER_LINES);
}

static struct seen *open_other(struct fixture *fixture)
{
    return open_member(fixture, &fixture->other, "b", MEMBER_LINES);
}

static void leave_and_close(struct seen *seen)
{
    assert_true(group_member_leave(seen->member, deadline_after_ms(SOON_MS)));
    close_member(seen);
}

static bool is_leading(void *argument)
{
    struct seen *seen = argument;
    return seen->leads && group_member_acked_ms(seen->member) > 0;
}

static bool is_joining(void *argument)
{
    struct seen *seen = argument;
    return heartbeat_clock_is_joining(seen->member->clock);
}

struct settling {
    struct seen *one, *other;
    int64_t since_ms;   /* each of them has its part since then; 0: not yet */
};

/* A heartbeat that was sent since then has a good answer: no late word of a former generation is under way. */
static bool have_settled(void *argument)
{
    struct settling *settling = argument;
    struct seen *one = settling->one, *other = settling->other;
    if (one->assigned == 0 || other->assigned == 0 || is_joining(one) || is_joining(other) || one->leads == other->leads)
        settling->since_ms = 0;
    else if (settling->since_ms == 0)
        settling->since_ms = clock_boottime_ms(NULL);
    return settling->since_ms != 0 && group_member_acked_ms(one->member) > settling->since_ms &&
           group_member_acked_ms(other->member) > settling->since_ms;
}

/* Returns the leader. It need not be who led before: an old mock refuses a heartbeat that was under way in a rebalance,
 * so that this member has to come anew, after the other one. */
static struct seen *settle(struct fixture *fixture, struct seen **follower)
{
    struct settling settling = {&fixture->one, &fixture->other, 0};
    assert_true(eventually(SOON_MS, have_settled, &settling));
    *follower = fixture->one.leads ? &fixture->other : &fixture->one;
    return fixture->one.leads ? &fixture->one : &fixture->other;
}

static void a_member_alone_leads_and_its_lease_moves_on(void **state)
{
    struct fixture *fixture = *state;
    struct seen *seen = open_one(fixture);
    char id[256];
    assert_true(eventually(SOON_MS, is_leading, seen));
    assert_true(group_member_owns_partition_0(seen->member));
    assert_true(group_member_id(seen->member, id, sizeof id) > 0);
    assert_true(group_member_epoch(seen->member) > 0);
    int64_t first_ms = group_member_acked_ms(seen->member);
    assert_true(first_ms <= clock_boottime_ms(NULL));
    for (int64_t until = eventually_now_ms() + SOON_MS; group_member_acked_ms(seen->member) <= first_ms;)
        assert_true(eventually_now_ms() < until);
    assert_true(group_member_leave(seen->member, deadline_after_ms(SOON_MS)));
    assert_int_equal(seen->revoked, 1);
    assert_int_equal(group_member_acked_ms(seen->member), 0);
    assert_int_equal(group_member_id(seen->member, id, sizeof id), 0);
    close_member(seen);
    assert_int_equal(seen->failed + seen->lost, 0);
    assert_true(seen->ticks > 0);
}

static void the_guard_lets_the_leader_pass_alone(void **state)
{
    struct fixture *fixture = *state;
    struct seen *seen = open_one(fixture);
    struct mr_error *error = NULL;
    assert_int_equal(group_member_guard(seen->member, 5, NULL, deadline_after_ms(SOON_MS), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_clear(&error);
    assert_true(eventually(SOON_MS, is_leading, seen));
    if (group_member_guard(seen->member, 5, NULL, deadline_after_ms(SOON_MS), &error) != 0)
        fail_msg("%s", mr_error_message(error));
    assert_true(group_member_leave(seen->member, deadline_after_ms(SOON_MS)));
    assert_int_equal(group_member_guard(seen->member, 6, NULL, deadline_after_ms(SOON_MS), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_CONFLICT);
    mr_error_drop(error);
    close_member(seen);
}

static void who_leaves_hands_over(void **state)
{
    struct fixture *fixture = *state;
    struct seen *follower;
    assert_true(eventually(SOON_MS, is_leading, open_one(fixture)));
    open_other(fixture);
    struct seen *leader = settle(fixture, &follower);
    leave_and_close(leader);
    assert_true(eventually(SOON_MS, is_leading, follower));
    leave_and_close(follower);
}

/* The mock's group waits for nearly a session when a member comes. */
static void while_the_group_rebalances_the_lease_is_enough(void **state)
{
    struct fixture *fixture = *state;
    struct seen *one = open_one(fixture), *follower;
    struct lease good = {LEASE_FOR_EVER}, over = {1};
    struct mr_error *error = NULL;
    assert_true(eventually(SOON_MS, is_leading, one));
    open_other(fixture);
    assert_true(eventually(SOON_MS, is_joining, one));
    assert_int_equal(group_member_guard(one->member, 5, &good, deadline_after_ms(SOON_MS), &error), 0);
    assert_true(is_joining(one));
    assert_int_equal(group_member_guard(one->member, 6, &over, deadline_after_ms(100), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    assert_int_equal(group_member_guard(one->member, 7, NULL, deadline_after_ms(100), &error), -1);
    assert_int_equal(mr_error_code(error), MR_ERR_TIMEOUT);
    mr_error_clear(&error);
    assert_true(is_joining(one));
    struct seen *leader = settle(fixture, &follower);
    assert_int_equal(group_member_guard(leader->member, 8, NULL, deadline_after_ms(SOON_MS), &error), 0);
    leave_and_close(follower);
    leave_and_close(leader);
}

static bool has_lost(void *argument)
{
    struct seen *seen = argument;
    return seen->lost > 0 && group_member_acked_ms(seen->member) == 0;
}

static void without_brokers_the_membership_is_lost_and_found_again(void **state)
{
    struct fixture *fixture = *state;
    struct seen *seen = open_one(fixture);
    assert_true(eventually(SOON_MS, is_leading, seen));
    int64_t acked_ms = group_member_acked_ms(seen->member);
    rd_kafka_mock_broker_set_down(fixture->mock.cluster, 1);
    assert_true(eventually(SOON_MS, has_lost, seen));
    assert_false(seen->leads);
    assert_true(clock_boottime_ms(NULL) - acked_ms >= MOCK_SESSION_MS - 1000);
    rd_kafka_mock_broker_set_up(fixture->mock.cluster, 1);
    assert_true(eventually(SOON_MS, is_leading, seen));
    leave_and_close(seen);
}

#ifdef MOCK_FIRST_REBALANCE_MS
#define SLOW_REBALANCE_MS 1200

/* Longer than its deadline: else the next member would wait for the session of a dead one. */
static void a_member_that_is_just_let_in_leaves_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_group_initial_rebalance_delay_ms(fixture->mock.cluster, SLOW_REBALANCE_MS);
    struct seen *seen = open_one(fixture);
    assert_true(eventually(SOON_MS, is_joining, seen));
    assert_true(group_member_leave(seen->member, deadline_after_ms(100)));
    assert_int_equal(seen->assigned - seen->revoked, 0);
    assert_false(is_joining(seen));
    close_member(seen);
}

static void a_member_that_nobody_answers_leaves_in_vain_but_in_time(void **state)
{
    struct fixture *fixture = *state;
    rd_kafka_mock_group_initial_rebalance_delay_ms(fixture->mock.cluster, 20 * MOCK_SESSION_MS);
    struct seen *seen = open_one(fixture);
    assert_true(eventually(SOON_MS, is_joining, seen));
    int64_t begun_ms = eventually_now_ms();
    assert_false(group_member_leave(seen->member, deadline_after_ms(100)));
    assert_true(eventually_now_ms() - begun_ms < MOCK_SESSION_MS + 3000);
    close_member(seen);
}

static bool is_held(void *argument)
{
    return ((struct seen *)argument)->is_held;
}

/* A member, and what it had; librdkafka is asked, as the member's thread may be held. */
struct former {
    struct seen *seen;
    char id[256];
    int assigned;
};

static void note_former(struct former *former, struct seen *seen)
{
    former->seen = seen;
    former->assigned = seen->assigned;
    assert_true(group_member_id(seen->member, former->id, sizeof former->id) > 0);
}

/* To have another id, or at least to be without the former one. */
static bool has_other_id(const struct former *former, bool may_be_none)
{
    rd_kafka_t *rk = former->seen->member->rk;
    char *id = rd_kafka_memberid(rk);
    bool has = id == NULL || *id == '\0' ? may_be_none : strcmp(id, former->id) != 0;
    rd_kafka_mem_free(rk, id);
    return has;
}

static bool one_is_out(void *argument)
{
    const struct former *both = argument;
    return has_other_id(&both[0], true) || has_other_id(&both[1], true);
}

static bool waits_for_its_assignment(void *argument)
{
    const struct former *former = argument;
    return has_other_id(former, false) && rd_kafka_queue_length(former->seen->member->queue) > 0;
}

static bool was_assigned_anew(void *argument)
{
    const struct former *former = argument;
    return former->seen->assigned > former->assigned;
}

/* Holds the follower's thread and has the group drop one of the two; false: it was the leader. */
static bool drop_a_held_follower(struct fixture *fixture, struct former former[2])
{
    struct seen *follower;
    note_former(&former[1], settle(fixture, &follower));
    note_former(&former[0], follower);
    follower->is_held = false;
    follower->is_to_hold = true;
    assert_true(eventually(SOON_MS, is_held, follower));
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, HEARTBEAT, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    assert_true(eventually(SOON_MS, one_is_out, former));
    bool has_dropped_it = has_other_id(&former[0], true);
    follower->is_to_hold = has_dropped_it;
    return has_dropped_it;
}

/* A follower has no partitions that could be revoked; its thread may have slept meanwhile, as in a frozen process. Whose
 * heartbeat comes next is not ours to say: most are the quick one's. */
static void who_was_out_of_the_group_for_a_moment_has_lost_it(void **state)
{
    struct fixture *fixture = *state;
    struct former former[2];
    assert_true(eventually(SOON_MS, is_leading, open_member(fixture, &fixture->one, "a", SLOW_MEMBER_LINES)));
    open_other(fixture);
    while (!drop_a_held_follower(fixture, former))
        continue;
    struct seen *follower = former[0].seen;
    int lost = follower->lost;
    assert_true(eventually(SOON_MS, waits_for_its_assignment, &former[0]));
    follower->is_to_hold = false;
    assert_true(eventually(SOON_MS, was_assigned_anew, &former[0]));
    assert_int_equal(follower->lost_when_assigned, lost + 1);
}
#endif

static void closing_without_leaving_is_quick(void **state)
{
    struct fixture *fixture = *state;
    struct seen *seen = open_one(fixture);
    int64_t start_ms = eventually_now_ms();
    close_member(seen);
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
        TEST(who_was_out_of_the_group_for_a_moment_has_lost_it),
#endif
        TEST(closing_without_leaving_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
