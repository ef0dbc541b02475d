/* Which members of a sink's group are places kept for tasks of ours, and how they are given up. The consumers are fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <millrace/error.h>
#include <string.h>

#include "base/thread.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "take_over/ghosts.h"

#define MEMBERS 4

/* A consumer is its place in here plus one. */
static struct {
    int opened, in, left, stayed;
    int left_before_all_were_in;
    bool refuses_last;
    char instances[MEMBERS][64];
} fake;

struct consumer *__wrap_consumer_open(const struct consumer_setup *setup, struct mr_error **error);
struct consumer *__wrap_consumer_open(const struct consumer_setup *setup, struct mr_error **error)
{
    (void)error;
    strncpy(fake.instances[fake.opened], setup->instance_id, sizeof(fake.instances[0]) - 1);
    fake.opened++;
    return (struct consumer *)(intptr_t)fake.opened;
}

int __wrap_consumer_subscribe(struct consumer *consumer, const struct consumer_subscription *subscription, struct mr_error **error);
int __wrap_consumer_subscribe(struct consumer *consumer, const struct consumer_subscription *subscription, struct mr_error **error)
{
    (void)consumer, (void)error;
    assert_int_equal(1, subscription->topic_count);
    return 0;
}

/* One look tells that it is in, the next nothing. */
void __wrap_consumer_next_event(struct consumer *consumer, struct consumer_event *event);
void __wrap_consumer_next_event(struct consumer *consumer, struct consumer_event *event)
{
    static bool is_told;
    bool is_refused = fake.refuses_last && (intptr_t)consumer == fake.opened;
    *event = (struct consumer_event){.kind = is_told ? CONSUMER_NONE : is_refused ? CONSUMER_FAILED : CONSUMER_ASSIGNED};
    fake.in += event->kind == CONSUMER_ASSIGNED;
    is_told = !is_told;
}

void __wrap_consumer_close(struct consumer *consumer, enum consumer_close_mode mode, int64_t deadline_ms);
void __wrap_consumer_close(struct consumer *consumer, enum consumer_close_mode mode, int64_t deadline_ms)
{
    (void)consumer, (void)deadline_ms;
    fake.left += mode == CONSUMER_CLOSE_LEAVE;
    fake.stayed += mode == CONSUMER_CLOSE_STAY;
    fake.left_before_all_were_in += fake.in + fake.refuses_last < fake.opened;
}

static struct admin_member members[MEMBERS] = {
    {.instance_id = "connect-a-0-0123abcd"},
    {.instance_id = "connect-a-0"},          /* somebody's own */
    {.instance_id = NULL},                   /* a JVM worker's task */
    {.instance_id = "connect-a-11-ffffffff"},
};
static const struct admin_group group = {.members = members, .member_count = MEMBERS};

static int lay(struct mr_error **error)
{
    static const char *const topics[] = {"t"};
    return ghosts_lay(&(struct ghosts_setup){.group = "connect-a", .topics = topics, .topic_count = 1, .deadline_ms = deadline_after_ms(5000)},
                      &group, error);
}

static int begin(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    return 0;
}

static void only_instance_ids_of_our_making_count(void **state)
{
    (void)state;
    assert_int_equal(2, ghosts_count(&group, "connect-a"));
    assert_int_equal(0, ghosts_count(&group, "connect"));
    assert_int_equal(0, ghosts_count(&group, "connect-a-0"));
}

static void all_are_in_before_one_leaves(void **state)
{
    (void)state;
    assert_int_equal(2, lay(NULL));
    assert_int_equal(2, fake.opened);
    assert_string_equal("connect-a-0-0123abcd", fake.instances[0]);
    assert_string_equal("connect-a-11-ffffffff", fake.instances[1]);
    assert_int_equal(2, fake.left);
    assert_int_equal(0, fake.left_before_all_were_in);
}

static void one_that_is_refused_keeps_its_place_and_the_others_leave(void **state)
{
    (void)state;
    fake.refuses_last = true;
    assert_int_equal(1, lay(NULL));
    assert_int_equal(1, fake.left);
    assert_int_equal(1, fake.stayed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_instance_ids_of_our_making_count, begin),
        cmocka_unit_test_setup(all_are_in_before_one_leaves, begin),
        cmocka_unit_test_setup(one_that_is_refused_keeps_its_place_and_the_others_leave, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
