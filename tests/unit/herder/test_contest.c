/* Another worker writes as leader to the config topic in which this one leads: once it is overtaken, again and again it stands back. */
#include "base/log_sink.h"
#include "herder/cluster_internal.h"
#include "herder/cluster_view.h"
#include "rig.h"

#define OTHER_URL "http://other:8083/"
#define OTHER_BOOT "ffeeddcc00112233"

/* --- what is said ----------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    unsigned overtakings, contests; /* lines of either kind */
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *state, const struct log_line *line)
{
    (void)state;
    mutex_lock(&heard.lock);
    heard.overtakings += strstr(line->message, "has written as leader in epoch") != NULL;
    heard.contests += line->level == LOG_LEVEL_ERROR && strstr(line->message, "two groups must not share it") != NULL &&
                      strstr(line->message, OTHER_URL) != NULL;
    mutex_unlock(&heard.lock);
}

static unsigned count_of(const unsigned *lines)
{
    unsigned count;

    mutex_lock(&heard.lock);
    count = *lines;
    mutex_unlock(&heard.lock);
    return count;
}

static bool a_contest_was_told(void *argument)
{
    (void)argument;
    return count_of(&heard.contests) > 0;
}

/* --- who leads by the topic --------------------------------------------------------------------------------------------------- */

static const struct log_sink sink = {.write = hear};

static int leading_setup(void **state)
{
    static const struct membership_peer alone = {RIG_URL, RIG_BOOT, true};

    (void)state;
    heard.overtakings = heard.contests = 0;
    log_sink_set(&sink);
    rig_open(true, 0);
    rig_start();
    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, &alone, 1);
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    return 0;
}

static int teardown(void **state)
{
    rig_teardown(state);
    log_sink_set(NULL);
    return 0;
}

/* The epoch of the cluster record, if this leader wrote it; 0: another did. */
static uint64_t own_epoch(void)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_head *head = &view->picture.head;
    uint64_t epoch = view->picture.has_head && strcmp(head->leader, RIG_BOOT) == 0 ? head->stamp.epoch : 0;

    herder_cluster_view_destroy(view);
    return epoch;
}

static bool leads_in(void *argument)
{
    return own_epoch() == *(const uint64_t *)argument;
}

static void other_leads_in(uint64_t epoch)
{
    char text[256];

    snprintf(text, sizeof(text), "{\"epoch\":%llu,\"sequence\":1000,\"leader\":\"" OTHER_BOOT "\",\"leader_url\":\"" OTHER_URL "\"}",
             (unsigned long long)epoch);
    assert_int_equal(config_store_put_own_note(rig.configs, &(struct config_note_write){"millrace-cluster", text}, INT64_MAX, NULL), 0);
}

/* The other one writes `ahead` of this leader's epoch; it takes the next. */
static void be_overtaken(uint64_t ahead)
{
    uint64_t next = own_epoch() + ahead + 1;

    other_leads_in(next - 1);
    assert_true(eventually(5000, leads_in, &next));
}

/* By now it stands back. */
static void be_overtaken_too_often(void)
{
    be_overtaken(0);
    be_overtaken(0);
    assert_int_equal(count_of(&heard.contests), 0);
    other_leads_in(own_epoch());
    assert_true(eventually(5000, a_contest_was_told, NULL));
}

static void end_standing_back(struct herder *herder, struct herder_post *post)
{
    (void)post;
    herder->cluster->stands_back_until_ms = 0;
    herder->cluster->contest_began_ms = 0;
    assert_true(herder_timer_set(herder, &herder->cluster->balance_timer, herder_now_ms()));
}

/* --- the tests -------------------------------------------------------------------------------------------------------------- */

static void the_leader_goes_on_in_the_next_epoch_when_another_wrote_in_its_own(void **state)
{
    (void)state;
    be_overtaken(0);
    assert_int_equal(count_of(&heard.overtakings), 1);
    assert_int_equal(put("b", "1"), 201);
    expect("status b-0 RUNNING");
    expect_never("end a");
    assert_int_equal(count_of(&heard.contests), 0);
}

static void the_leader_goes_on_behind_a_later_epoch(void **state)
{
    (void)state;
    be_overtaken(7);
    assert_int_equal(count_of(&heard.overtakings), 1);
    assert_int_equal(put("b", "1"), 201);
    expect("status b-0 RUNNING");
}

static void whoever_is_overtaken_again_and_again_says_so_once_and_stands_back(void **state)
{
    (void)state;
    be_overtaken_too_often();
    assert_int_equal(put("b", "1"), 201); /* more to be given out, and more words of the other: they do not end it */
    turn();
    other_leads_in(100);
    turn();
    turn();
    expect_never("start b");
    expect_never("end a");
    assert_int_equal(own_epoch(), 0);
    assert_int_equal(count_of(&heard.contests), 1);
}

static void whoever_stood_back_goes_on_after_a_while(void **state)
{
    struct herder_post end = {.handle = end_standing_back};

    (void)state;
    be_overtaken_too_often();
    assert_int_equal(put("b", "1"), 201);
    turn();
    expect_never("start b");
    herder_post(rig.herder, &end);
    expect("status b-0 RUNNING");
}

static void whoever_begins_to_lead_anew_stands_back_no_longer(void **state)
{
    (void)state;
    be_overtaken_too_often();
    assert_int_equal(put("b", "1"), 201);
    rig.group->on_following(rig.group_argument, OTHER_URL);
    rig.group->on_leading(rig.group_argument);
    expect("status b-0 RUNNING");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, leading_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_leader_goes_on_in_the_next_epoch_when_another_wrote_in_its_own),
        TEST(the_leader_goes_on_behind_a_later_epoch),
        TEST(whoever_is_overtaken_again_and_again_says_so_once_and_stands_back),
        TEST(whoever_stood_back_goes_on_after_a_while),
        TEST(whoever_begins_to_lead_anew_stands_back_no_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
