/* What the herder is told of the group, and how long the lease runs. The group member and the admin are fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "base/lease.h"
#include "base/log_sink.h"
#include "base/thread.h"
#include "coordination/membership.h"
#include "coordination/membership_listener.h"
#include "kafka/admin.h"
#include "kafka/group_member.h"
#include "support/eventually.h"

#define SESSION_MS 6000
#define URL "http://here:8083/"

static struct {
    const struct group_member_listener *group;
    void *group_argument;
    char client_id[256];
    int guarded, left, closed;
    bool guard_refuses;
    atomic_int opened;

    /* What the admin answers. */
    atomic_bool describe_fails, rebalancing, is_absent, ghost_left;
    const char *_Atomic leader_id;
    const char *_Atomic next_leader_id; /* before the answer is given the group is lost, and then joined with this one. NULL: not */
    atomic_int described;
    atomic_uint losses;

    /* What the herder heard. */
    atomic_int leading, following, lost, failed, peers;
    bool peers_are_right;
    char url[256], words[256];

    struct lease lease;
    struct membership *membership;
} fake;

/* --- fakes --------------------------------------------------------------------------------------------------------- */

struct group_member *__wrap_group_member_open(const struct group_member_setup *setup, struct mr_error **error);
struct group_member *__wrap_group_member_open(const struct group_member_setup *setup, struct mr_error **error)
{
    (void)error;
    fake.group = setup->listener;
    fake.group_argument = setup->argument;
    snprintf(fake.client_id, sizeof(fake.client_id), "%s", setup->client_id);
    fake.opened++;
    return (struct group_member *)&fake;
}

bool __wrap_group_member_leave(struct group_member *member, int64_t deadline_ms);
bool __wrap_group_member_leave(struct group_member *member, int64_t deadline_ms)
{
    (void)member, (void)deadline_ms;
    fake.left++;
    fake.group->on_revoked(fake.group_argument);
    return true;
}

void __wrap_group_member_close(struct group_member *member);
void __wrap_group_member_close(struct group_member *member)
{
    (void)member;
    fake.closed++;
}

int __wrap_group_member_guard(struct group_member *member, int64_t offset, const struct lease *lease,
                                int64_t deadline_ms, struct mr_error **error);
int __wrap_group_member_guard(struct group_member *member, int64_t offset, const struct lease *lease,
                                int64_t deadline_ms, struct mr_error **error)
{
    (void)member, (void)offset, (void)deadline_ms;
    assert_non_null(lease);
    fake.guarded++;
    return fake.guard_refuses ? mr_error_set(error, MR_ERR_CONFLICT, "stale") : 0;
}

uint64_t __wrap_group_member_epoch(const struct group_member *member);
uint64_t __wrap_group_member_epoch(const struct group_member *member)
{
    (void)member;
    return 7 + fake.losses;
}

int32_t __wrap_group_member_generation(const struct group_member *member);
int32_t __wrap_group_member_generation(const struct group_member *member)
{
    (void)member;
    return 42;
}

struct client_config;
struct client_config *__wrap_client_config_take(struct client_config *config);
struct client_config *__wrap_client_config_take(struct client_config *config)
{
    return config;
}

void __wrap_client_config_drop(struct client_config *config);
void __wrap_client_config_drop(struct client_config *config)
{
    (void)config;
}

static struct admin_member members[4];

int __wrap_admin_describe_group(struct admin *admin, const char *group, struct admin_group *described,
                                int64_t deadline_ms, struct mr_error **error);
int __wrap_admin_describe_group(struct admin *admin, const char *group, struct admin_group *described,
                                int64_t deadline_ms, struct mr_error **error)
{
    (void)admin, (void)group, (void)deadline_ms;
    fake.described++;
    if (fake.describe_fails)
        return mr_error_set(error, MR_ERR_TIMEOUT, "no answer");
    members[0] = (struct admin_member){.client_id = (char *)(uintptr_t) "http://idle:8083/#00112233aabbccdd"};
    if (atomic_load(&fake.ghost_left))
        members[0].client_id = (char *)(uintptr_t) "http://idle:8083/#ffffffffffffffff";
    members[1] =
        (struct admin_member){.client_id = (char *)(uintptr_t)fake.leader_id, .owns_partition_0 = true};
    members[2] = (struct admin_member){.client_id = (char *)(uintptr_t) "a console"};
    members[3] = (struct admin_member){.client_id = fake.client_id};
    *described = (struct admin_group){.state = (char *)(uintptr_t)(fake.rebalancing ? "PreparingRebalance" : "Stable"),
                                      .members = members,
                                      .member_count = fake.is_absent ? 3 : 4};
    if (fake.next_leader_id != NULL) {
        fake.losses++;
        fake.group->on_lost(fake.group_argument);
        fake.leader_id = fake.next_leader_id;
        fake.next_leader_id = NULL;
    }
    return 0;
}

void __wrap_admin_group_release(struct admin_group *group);
void __wrap_admin_group_release(struct admin_group *group)
{
    (void)group;
}

/* --- the herder's side ------------------------------------------------------------------------------------------------- */

static void on_leading(void *argument)
{
    (void)argument;
    assert_true(lease_is_valid(&fake.lease, NULL));
    fake.leading++;
}

static void on_following(void *argument, const char *url)
{
    (void)argument;
    snprintf(fake.url, sizeof(fake.url), "%s", url != NULL ? url : "");
    fake.following++;
}

static void on_lost(void *argument, const char *words)
{
    (void)argument, (void)words;
    assert_false(lease_is_valid(&fake.lease, NULL));
    fake.lost++;
}

static void on_failed(void *argument, const struct mr_error *error)
{
    (void)argument;
    snprintf(fake.words, sizeof(fake.words), "%s", mr_error_message(error));
    fake.failed++;
}

static void on_peers(void *argument, uint64_t epoch, const struct membership_peer *peers, size_t count)
{
    (void)argument;
    fake.peers_are_right = epoch == membership_epoch(fake.membership) && count == 3 && strcmp(peers[0].url, "http://idle:8083/") == 0 &&
                           strcmp(peers[0].boot_id, "00112233aabbccdd") == 0 && !peers[0].leads &&
                           strcmp(peers[1].url, "http://there:8083/") == 0 && peers[1].leads &&
                           strcmp(peers[2].url, URL) == 0 &&
                           strcmp(peers[2].boot_id, membership_boot_id(fake.membership)) == 0;
    fake.peers++;
}

static const struct membership_listener listener = {
    .on_leading = on_leading, .on_following = on_following, .on_peers = on_peers, .on_lost = on_lost, .on_failed = on_failed};

static const struct membership_setup setup = {.config_topic = "configs",
                                              .group_id = "connect",
                                              .worker_url = URL,
                                              .session_timeout_ms = SESSION_MS,
                                              .lease = &fake.lease,
                                              .listener = &listener};

static int set_up(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.leader_id = "http://there:8083/#0123456789abcdef";
    fake.membership = membership_create(&setup, NULL);
    assert_non_null(fake.membership);
    assert_int_equal(membership_start(fake.membership, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    membership_destroy(fake.membership);
    assert_int_equal(fake.closed, 1);
    return 0;
}

static void tick(int64_t acked_ms)
{
    fake.group->on_tick(fake.group_argument, acked_ms);
}

static void lead(void)
{
    fake.group->on_assigned(fake.group_argument, true);
    tick(clock_boottime_ms(NULL));
    assert_int_equal(fake.leading, 1);
}

static bool is_positive(void *argument)
{
    return atomic_load((atomic_int *)argument) > 0;
}

/* What was learnt is told with the next tick. */
static bool follows(void *argument)
{
    (void)argument;
    tick(clock_boottime_ms(NULL));
    return fake.following > 0;
}

/* --- tests -------------------------------------------------------------------------------------------------------------- */

static void a_member_is_known_by_its_url_and_its_boot(void **state)
{
    char url[64], boot[MEMBERSHIP_BOOT_ID_SIZE];

    (void)state;
    assert_true(membership_parse_client_id(fake.client_id, url, sizeof(url), boot, sizeof(boot)));
    assert_string_equal(url, URL);
    assert_string_equal(boot, membership_boot_id(fake.membership));
    assert_false(membership_parse_client_id("connect-127.0.0.1:8083", url, sizeof(url), boot, sizeof(boot)));
    assert_false(membership_parse_client_id("url#short", url, sizeof(url), boot, sizeof(boot)));
    assert_false(membership_parse_client_id(fake.client_id, url, 5, boot, sizeof(boot)));
}

static void leading_is_told_once_the_lease_runs(void **state)
{
    (void)state;
    fake.group->on_assigned(fake.group_argument, true);
    tick(0);
    assert_int_equal(fake.leading, 0);
    assert_false(membership_is_leading(fake.membership));
    tick(clock_boottime_ms(NULL));
    assert_int_equal(fake.leading, 1);
    assert_true(membership_is_leading(fake.membership));
    fake.group->on_assigned(fake.group_argument, true); /* another worker joined */
    tick(clock_boottime_ms(NULL));
    assert_int_equal(fake.leading, 1);
}

static void the_lease_ends_a_second_before_the_session(void **state)
{
    int64_t acked_ms = clock_boottime_ms(NULL);

    (void)state;
    lead();
    tick(acked_ms);
    assert_int_equal(atomic_load(&fake.lease.until_ms), acked_ms + SESSION_MS - LEASE_MARGIN_MS);
    tick(acked_ms - SESSION_MS); /* nothing was acknowledged for that long */
    assert_false(lease_is_valid(&fake.lease, NULL));
}

static void whoever_follows_has_a_lease_and_learns_who_leads(void **state)
{
    (void)state;
    fake.group->on_assigned(fake.group_argument, false);
    tick(0); /* joined, no heartbeat acknowledged yet */
    assert_false(lease_is_valid(&fake.lease, NULL));
    assert_true(eventually(5000, follows, NULL));
    assert_true(lease_is_valid(&fake.lease, NULL));
    assert_string_equal(fake.url, "http://there:8083/");
    assert_int_equal(fake.leading, 0);
    assert_int_equal(membership_guard(fake.membership, 0, INT64_MAX, NULL), -1);
    assert_int_equal(fake.guarded, 0);
}

static bool was_asked_twice(void *argument)
{
    (void)argument;
    return fake.described >= 2;
}

static void who_leads_is_asked_until_it_is_known(void **state)
{
    (void)state;
    fake.describe_fails = true;
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, was_asked_twice, NULL));
    fake.rebalancing = true;
    fake.describe_fails = false;
    fake.described = 0;
    assert_true(eventually(5000, was_asked_twice, NULL));
    tick(clock_boottime_ms(NULL));
    assert_int_equal(fake.following, 0);
    fake.rebalancing = false;
    assert_true(eventually(5000, follows, NULL));
}

static void a_new_leader_is_told_and_the_same_one_is_not(void **state)
{
    (void)state;
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, follows, NULL));
    fake.described = 0;
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, is_positive, &fake.described));
    fake.leader_id = "http://third:8083/#0123456789abcdef";
    fake.following = 0;
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, follows, NULL));
    assert_string_equal(fake.url, "http://third:8083/");
}

static bool has_joined_with_the_next(void *argument)
{
    (void)argument;
    return fake.next_leader_id == NULL;
}

static void who_led_before_a_loss_is_not_told_after_it(void **state)
{
    (void)state;
    fake.next_leader_id = "http://third:8083/#0123456789abcdef";
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, has_joined_with_the_next, NULL));
    assert_true(eventually(5000, was_asked_twice, NULL)); /* the first answer is dealt with */
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, follows, NULL));
    assert_string_equal(fake.url, "http://third:8083/");
    assert_int_equal(fake.following, 1);
}

static void whoever_is_there_is_told_after_each_change(void **state)
{
    (void)state;
    lead();
    assert_true(eventually(5000, is_positive, &fake.peers));
    assert_true(fake.peers_are_right);
    fake.peers = 0;
    fake.is_absent = true; /* the broker's list is older than our joining */
    fake.described = 0;
    fake.group->on_assigned(fake.group_argument, true);
    assert_true(eventually(5000, was_asked_twice, NULL));
    assert_int_equal(fake.peers, 0);
    fake.is_absent = false;
    assert_true(eventually(5000, is_positive, &fake.peers));
}

/* The answer to who leads may be older than the lead of this worker. */
static void whoever_leads_by_now_is_not_told_to_follow(void **state)
{
    (void)state;
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, is_positive, &fake.described));
    lead();
    membership_destroy(fake.membership); /* joins whoever asked */
    assert_int_equal(fake.following, 0);
    fake.closed = 0;
    fake.membership = membership_create(&setup, NULL);
    assert_int_equal(membership_start(fake.membership, NULL), 0);
}

static bool has_joined(void *argument)
{
    (void)argument;
    return atomic_load(&fake.opened) > 0;
}

static void start_after(const char *predecessor)
{
    membership_destroy(fake.membership);
    fake.closed = 0;
    atomic_store(&fake.opened, 0);
    atomic_store(&fake.described, 0);
    fake.membership = membership_create(&setup, NULL);
    membership_wait_out(fake.membership, predecessor);
    assert_int_equal(membership_start(fake.membership, NULL), 0);
}

static void start_beside_a_ghost(void)
{
    start_after("00112233aabbccdd");
    assert_true(eventually(5000, is_positive, &fake.described));
    assert_int_equal(atomic_load(&fake.opened), 0);
}

static void a_group_is_joined_when_the_ghost_of_a_killed_predecessor_is_out_of_it(void **state)
{
    (void)state;
    start_beside_a_ghost();
    atomic_store(&fake.ghost_left, true);
    assert_true(eventually(5000, has_joined, NULL));
}

static void count_ghost_lines(void *count, const struct log_line *line)
{
    if (strstr(line->message, "was killed") != NULL)
        atomic_fetch_add((atomic_int *)count, 1);
}

static void only_a_ghost_that_was_seen_is_said_to_be_there(void **state)
{
    atomic_int lines = 0;

    (void)state;
    log_sink_set(&(struct log_sink){count_ghost_lines, &lines});
    start_after("eeeeeeeeeeeeeeee"); /* it has left in order */
    assert_true(eventually(5000, has_joined, NULL));
    assert_int_equal(atomic_load(&lines), 0);
    start_beside_a_ghost();
    assert_true(eventually(5000, is_positive, &lines));
    atomic_store(&fake.ghost_left, true);
    assert_true(eventually(5000, has_joined, NULL));
    assert_int_equal(atomic_load(&lines), 1);
    log_sink_set(NULL);
}

static void a_worker_that_waits_for_a_ghost_can_end(void **state)
{
    (void)state;
    start_beside_a_ghost();
    assert_true(membership_leave(fake.membership, INT64_MAX));
}

static void losing_the_partition_ends_the_lead_and_not_the_lease(void **state)
{
    (void)state;
    lead();
    fake.group->on_revoked(fake.group_argument);
    assert_int_equal(fake.following, 1);
    assert_int_equal(fake.lost, 0);
    assert_false(membership_is_leading(fake.membership));
    tick(clock_boottime_ms(NULL)); /* still a member */
    assert_int_equal(fake.leading, 1);
    assert_true(lease_is_valid(&fake.lease, NULL));
}

static void losing_the_group_ends_the_lease_at_once(void **state)
{
    (void)state;
    lead();
    fake.group->on_lost(fake.group_argument);
    assert_int_equal(fake.lost, 1);
    fake.group->on_lost(fake.group_argument); /* it had not joined again */
    assert_int_equal(fake.lost, 1);
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, follows, NULL));
    fake.group->on_lost(fake.group_argument);
    assert_int_equal(fake.lost, 2);
}

static void after_a_loss_the_lease_waits_until_it_is_known_what_is_still_ours(void **state)
{
    uint64_t losses;

    (void)state;
    lead();
    losses = membership_losses(fake.membership);
    fake.group->on_lost(fake.group_argument);
    fake.group->on_assigned(fake.group_argument, false);
    assert_true(eventually(5000, follows, NULL)); /* told: so that it is found out */
    tick(clock_boottime_ms(NULL));
    assert_false(lease_is_valid(&fake.lease, NULL));
    membership_resume(fake.membership, losses); /* found out before the loss */
    assert_false(lease_is_valid(&fake.lease, NULL));
    membership_resume(fake.membership, losses + 1);
    assert_true(lease_is_valid(&fake.lease, NULL));
    tick(clock_boottime_ms(NULL));
    assert_true(lease_is_valid(&fake.lease, NULL));
}

static void leaving_ends_the_lease_and_is_no_loss(void **state)
{
    (void)state;
    lead();
    assert_true(membership_leave(fake.membership, INT64_MAX));
    assert_int_equal(fake.left, 1);
    assert_int_equal(fake.lost, 0);
    assert_false(lease_is_valid(&fake.lease, NULL));
    tick(clock_boottime_ms(NULL));
    assert_false(lease_is_valid(&fake.lease, NULL));
}

static void the_guard_asks_the_broker(void **state)
{
    (void)state;
    lead();
    assert_int_equal(membership_guard(fake.membership, 0, INT64_MAX, NULL), 0);
    assert_int_equal(fake.guarded, 1);
    assert_int_equal(membership_generation(fake.membership), 42);
}

static void the_guard_takes_an_answer_that_is_new_enough(void **state)
{
    (void)state;
    lead();
    assert_int_equal(membership_guard(fake.membership, INT64_MAX, INT64_MAX, NULL), 0);
    assert_int_equal(fake.guarded, 1); /* there was none yet */
    assert_int_equal(membership_guard(fake.membership, INT64_MAX, INT64_MAX, NULL), 0);
    assert_int_equal(fake.guarded, 1);
    assert_int_equal(membership_guard(fake.membership, 0, INT64_MAX, NULL), 0);
    assert_int_equal(fake.guarded, 2);
}

static void the_guard_takes_no_answer_of_another_membership(void **state)
{
    (void)state;
    lead();
    assert_int_equal(membership_guard(fake.membership, 0, INT64_MAX, NULL), 0);
    fake.losses++;
    assert_int_equal(membership_guard(fake.membership, INT64_MAX, INT64_MAX, NULL), 0);
    assert_int_equal(fake.guarded, 2);
}

static void the_guard_takes_no_refusal_for_an_answer(void **state)
{
    struct mr_error *error = NULL;

    (void)state;
    lead();
    fake.guard_refuses = true;
    assert_int_equal(membership_guard(fake.membership, INT64_MAX, INT64_MAX, &error), -1);
    mr_error_clear(&error);
    assert_int_equal(membership_guard(fake.membership, INT64_MAX, INT64_MAX, &error), -1);
    mr_error_clear(&error);
    assert_int_equal(fake.guarded, 2);
}

static void a_group_of_another_kind_is_named(void **state)
{
    struct mr_error *error = NULL;

    (void)state;
    lead();
    mr_error_set(&error, MR_ERR_CONFLICT, "members of another kind are in it");
    fake.group->on_failed(fake.group_argument, error);
    mr_error_drop(error);
    assert_int_equal(fake.failed, 1);
    assert_non_null(strstr(fake.words, "group.id=connect"));
    assert_false(lease_is_valid(&fake.lease, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_member_is_known_by_its_url_and_its_boot),
        TEST(a_group_is_joined_when_the_ghost_of_a_killed_predecessor_is_out_of_it),
        TEST(only_a_ghost_that_was_seen_is_said_to_be_there),
        TEST(a_worker_that_waits_for_a_ghost_can_end),
        TEST(leading_is_told_once_the_lease_runs),
        TEST(the_lease_ends_a_second_before_the_session),
        TEST(whoever_follows_has_a_lease_and_learns_who_leads),
        TEST(who_leads_is_asked_until_it_is_known),
        TEST(a_new_leader_is_told_and_the_same_one_is_not),
        TEST(who_led_before_a_loss_is_not_told_after_it),
        TEST(whoever_is_there_is_told_after_each_change),
        TEST(whoever_leads_by_now_is_not_told_to_follow),
        TEST(losing_the_partition_ends_the_lead_and_not_the_lease),
        TEST(losing_the_group_ends_the_lease_at_once),
        TEST(after_a_loss_the_lease_waits_until_it_is_known_what_is_still_ours),
        TEST(leaving_ends_the_lease_and_is_no_loss),
        TEST(the_guard_asks_the_broker),
        TEST(the_guard_takes_an_answer_that_is_new_enough),
        TEST(the_guard_takes_no_answer_of_another_membership),
        TEST(the_guard_takes_no_refusal_for_an_answer),
        TEST(a_group_of_another_kind_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
