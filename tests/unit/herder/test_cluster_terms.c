/* One group has one set of topics, and one set of topics has one group: whoever comes later and has it otherwise ends. */
#include "base/log_sink.h"
#include "coordination/process_identity.h"
#include "rig_cluster.h"

#define GROUP ",\"group\":\"g\""
#define TOPICS ",\"offset_topic\":\"offsets\",\"status_topic\":\"statuses\""
#define OTHER_OFFSETS ",\"offset_topic\":\"offsets-2\",\"status_topic\":\"statuses\""
#define THIRD_URL "http://third:8083/"
#define THIRD_BOOT "ffeeddcc00112244"

static const char *answering_boot; /* at any URL; NULL: nobody */
static atomic_uint asked, errors, clashes;

static void answer_boot(void *argument, const char *url, int64_t deadline_ms, leader_link_boot_fn *done, void *done_argument)
{
    (void)argument, (void)url, (void)deadline_ms;
    atomic_fetch_add(&asked, 1);
    done(done_argument, answering_boot);
}

static void hear(void *state, const struct log_line *line)
{
    (void)state;
    if (line->level == LOG_LEVEL_ERROR && strstr(line->message, "two groups must not share them. This group goes on") != NULL)
        atomic_fetch_add(&errors, 1);
    if (line->level == LOG_LEVEL_WARN && strstr(line->message, "worker " OTHER_URL " has exactly.once.source.support=") != NULL)
        atomic_fetch_add(&clashes, 1);
}

static int setup(void **state)
{
    static const struct leader_link link = {.ask_boot = answer_boot};
    static const struct log_sink sink = {.write = hear};

    (void)state;
    answering_boot = NULL;
    atomic_store(&asked, 0);
    atomic_store(&errors, 0);
    atomic_store(&clashes, 0);
    log_sink_set(&sink);
    rig_link = &link;
    rig_open(true, 0);
    rig.worker.group_id = "g";
    rig.worker.config_topic.name = "configs";
    rig.worker.offset_topic.name = "offsets";
    rig.worker.status_topic.name = "statuses";
    return 0;
}

static int teardown(void **state)
{
    rig_teardown(state);
    log_sink_set(NULL);
    return 0;
}

static bool own_record_says(void *text)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    bool says = false;

    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        says = says || (strcmp(note.key, "millrace-member-" RIG_URL) == 0 && strstr(note.text, text) != NULL);
    }
    config_snapshot_drop(snapshot);
    return says;
}

/* --- topics ------------------------------------------------------------------------------------------------------------ */

static void a_member_says_its_group_and_its_topics(void **state)
{
    (void)state;
    other_says(GROUP TOPICS);
    rig_start();
    follow();
    assert_true(eventually(5000, own_record_says, GROUP TOPICS));
    turn();
    assert_false(rig_has_failed(NULL));
}

static void a_newcomer_with_other_topics_refuses_to_start(void **state)
{
    (void)state;
    other_says(GROUP OTHER_OFFSETS);
    rig_start();
    follow();
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_false(rig.failure_had_run);
    assert_non_null(strstr(rig.failure, "worker " OTHER_URL " has the same group.id and other topics: offset.storage.topic is offsets here "
                                        "and offsets-2 there; "));
    assert_false(own_record_says(""));
}

static void a_newcomer_that_would_lead_refuses_as_well(void **state)
{
    (void)state;
    other_says(GROUP ",\"offset_topic\":\"offsets\",\"status_topic\":\"statuses-2\"");
    rig_start();
    lead_with(1);
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_non_null(strstr(rig.failure, "status.storage.topic is statuses here and statuses-2 there"));
    assert_false(own_record_says(""));
}

static void whoever_has_left_may_have_had_other_topics(void **state)
{
    (void)state;
    other_says(GROUP OTHER_OFFSETS);
    rig_start();
    lead_with(0);
    assert_true(eventually(5000, own_record_says, TOPICS));
    assert_false(rig_has_failed(NULL));
}

static void who_says_no_topics_is_compared_with_nobody(void **state)
{
    (void)state;
    other_says("");
    rig_start();
    follow();
    assert_true(eventually(5000, own_record_says, TOPICS));
    assert_false(rig_has_failed(NULL));
}

static void of_two_that_could_not_know_the_one_that_follows_ends(void **state)
{
    (void)state;
    rig_start();
    follow();
    assert_true(eventually(5000, own_record_says, TOPICS));
    turn();
    other_says(GROUP OTHER_OFFSETS);
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_true(rig.failure_had_run);
}

static void of_two_that_could_not_know_the_one_that_leads_stays(void **state)
{
    (void)state;
    rig_start();
    lead_with(1);
    assert_true(eventually(5000, own_record_says, TOPICS));
    turn();
    other_says(GROUP OTHER_OFFSETS);
    turn();
    turn();
    assert_false(rig_has_failed(NULL));
}

/* --- exactly once --------------------------------------------------------------------------------------------------------- */

static bool has_clashed(void *unused)
{
    (void)unused;
    return atomic_load(&clashes) > 0;
}

static void meet(enum exactly_once_source own, const char *other)
{
    char more[100];

    rig.worker.exactly_once_source = own;
    rig_start();
    lead_with(1);
    assert_true(eventually(5000, own_record_says, TOPICS));
    turn();
    snprintf(more, sizeof(more), GROUP TOPICS "%s%s%s", other != NULL ? ",\"exactly_once\":\"" : "", other != NULL ? other : "",
             other != NULL ? "\"" : "");
    other_says(more);
    turn();
    other_says(more);
    turn();
}

static void enabled_beside_disabled_is_told_once(void **state)
{
    (void)state;
    meet(EXACTLY_ONCE_ENABLED, "disabled");
    assert_true(eventually(5000, has_clashed, NULL));
    turn();
    assert_int_equal(atomic_load(&clashes), 1);
    assert_true(own_record_says(",\"exactly_once\":\"enabled\""));
    assert_false(rig_has_failed(NULL));
}

static void disabled_beside_enabled_is_told_as_well(void **state)
{
    (void)state;
    meet(EXACTLY_ONCE_DISABLED, "enabled");
    assert_true(eventually(5000, has_clashed, NULL));
}

static void preparing_goes_with_both(void **state)
{
    (void)state;
    meet(EXACTLY_ONCE_PREPARING, "enabled");
    other_says(GROUP TOPICS ",\"exactly_once\":\"disabled\"");
    turn();
    assert_false(has_clashed(NULL));
}

static void who_does_not_say_how_sources_deliver_is_no_clash(void **state)
{
    (void)state;
    meet(EXACTLY_ONCE_ENABLED, NULL);
    assert_false(has_clashed(NULL));
}

/* --- groups, before it joins ---------------------------------------------------------------------------------------------- */

static void assert_start_is_refused(void)
{
    struct mr_error *error = NULL;

    assert_int_equal(herder_start(rig.herder, &error), -1);
    assert_non_null(strstr(mr_error_message(error), "group.id is g, but worker " OTHER_URL " of group other is alive and uses the same "
                                                    "config.storage.topic=configs"));
    assert_non_null(strstr(mr_error_message(error), "set group.id=other to join that one"));
    mr_error_drop(error);
    assert_false(own_record_says(""));
}

static void a_worker_of_another_group_that_answers_is_alive(void **state)
{
    (void)state;
    answering_boot = OTHER_BOOT;
    other_says(",\"group\":\"other\"");
    assert_start_is_refused();
}

static void put_other_of_this_machine(int64_t later)
{
    struct process_identity self;
    char more[300];

    process_identity_read(&self);
    snprintf(more, sizeof(more), ",\"group\":\"other\",\"host\":\"%s\",\"pid\":%lld,\"started\":%lld", self.host, (long long)self.pid,
             (long long)(self.started + later));
    other_says(more);
}

static void a_living_process_of_another_group_needs_no_question(void **state)
{
    (void)state;
    put_other_of_this_machine(0);
    assert_start_is_refused();
    assert_int_equal(atomic_load(&asked), 0);
}

static void a_group_that_has_ended_is_no_hindrance(void **state)
{
    (void)state;
    answering_boot = RIG_BOOT; /* we have its address now */
    put_other_of_this_machine(-1);
    put_note("millrace-member-" THIRD_URL, "{\"boot\":\"" THIRD_BOOT "\",\"group\":\"other\"}");
    put_note("millrace-cluster", "{\"epoch\":3,\"sequence\":1,\"leader\":\"" OTHER_BOOT "\",\"group\":\"other\"}");
    rig_start();
    assert_int_equal(atomic_load(&asked), 1);
    lead_with(0);
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    assert_false(rig_has_failed(NULL));
}

static void whoever_is_of_our_group_or_says_none_is_not_asked(void **state)
{
    (void)state;
    answering_boot = OTHER_BOOT;
    other_says(GROUP);
    put_note("millrace-member-" THIRD_URL, "{\"boot\":\"" OTHER_BOOT "\"}");
    rig_start();
    assert_int_equal(atomic_load(&asked), 0);
}

/* --- groups, while it leads -------------------------------------------------------------------------------------------------- */

static uint64_t epoch_of(const char *boot)
{
    struct herder_cluster_view *view = herder_cluster_view(rig.herder);
    const struct cluster_head *head = &view->picture.head;
    uint64_t epoch = view->picture.has_head && strcmp(head->leader, boot) == 0 ? head->stamp.epoch : 0;

    herder_cluster_view_destroy(view);
    return epoch;
}

static bool leads_by_the_topic(void *argument)
{
    (void)argument;
    return epoch_of(RIG_BOOT) > 0;
}

static void other_group_leads(uint64_t epoch, const char *boot)
{
    char text[300];

    snprintf(text, sizeof(text), "{\"epoch\":%llu,\"sequence\":1000,\"leader\":\"%s\",\"leader_url\":\"" OTHER_URL "\",\"group\":\"other\"}",
             (unsigned long long)epoch, boot);
    put_note("millrace-cluster", text);
}

static void lead(void)
{
    lead_with(0);
    assert_true(eventually(5000, leads_by_the_topic, NULL));
}

static void assert_ended_for_the_other(void)
{
    assert_true(eventually(5000, rig_has_failed, NULL));
    assert_non_null(strstr(rig.failure, "group.id is g, but worker " OTHER_URL " leads group other with the same internal topics"));
    turn();
    assert_int_equal(epoch_of(RIG_BOOT), 0);
}

static void whoever_took_the_place_of_a_leader_that_writes_on_ends(void **state)
{
    (void)state;
    other_group_leads(3, OTHER_BOOT);
    rig_start();
    lead();
    other_group_leads(epoch_of(RIG_BOOT), OTHER_BOOT);
    assert_ended_for_the_other();
    assert_int_equal(put("a", "1"), 409);
}

static void whoever_finds_a_leader_that_began_after_its_own_start_writes_nothing(void **state)
{
    (void)state;
    rig_start();
    other_group_leads(3, OTHER_BOOT);
    lead_with(0);
    assert_ended_for_the_other();
    assert_int_equal(epoch_of(OTHER_BOOT), 3);
}

static void assert_goes_on(void)
{
    for (unsigned i = 0; i < 5; i++) {
        other_group_leads(epoch_of(RIG_BOOT), OTHER_BOOT);
        assert_true(eventually(5000, leads_by_the_topic, NULL));
    }
    assert_int_equal(put("a", "1"), 201);
    expect("status a-0 RUNNING");
    assert_false(rig_has_failed(NULL));
    assert_int_equal(atomic_load(&errors), 1);
}

static void the_group_that_was_there_goes_on_however_often_it_is_overtaken(void **state)
{
    (void)state;
    put_note("millrace-cluster", "{\"epoch\":3,\"sequence\":1,\"leader\":\"" THIRD_BOOT "\"" GROUP "}");
    rig_start();
    lead();
    assert_goes_on();
}

static void have_led_for_long(struct herder *herder, struct herder_post *post)
{
    (void)post;
    herder->cluster->lead_began_ms = herder_now_ms() - 60000;
}

static void so_does_whoever_has_led_for_long_when_the_other_comes(void **state)
{
    struct herder_post post = {.handle = have_led_for_long};

    (void)state;
    rig_start();
    lead();
    herder_post(rig.herder, &post);
    turn();
    assert_goes_on();
}

static void of_two_that_began_together_whoever_is_overtaken_thrice_ends(void **state)
{
    (void)state;
    rig_start();
    lead();
    for (unsigned i = 0; i < 2; i++) {
        other_group_leads(epoch_of(RIG_BOOT), OTHER_BOOT);
        assert_true(eventually(5000, leads_by_the_topic, NULL));
    }
    assert_false(rig_has_failed(NULL));
    other_group_leads(epoch_of(RIG_BOOT), OTHER_BOOT);
    assert_ended_for_the_other();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_member_says_its_group_and_its_topics),
        TEST(a_newcomer_with_other_topics_refuses_to_start),
        TEST(a_newcomer_that_would_lead_refuses_as_well),
        TEST(whoever_has_left_may_have_had_other_topics),
        TEST(who_says_no_topics_is_compared_with_nobody),
        TEST(of_two_that_could_not_know_the_one_that_follows_ends),
        TEST(of_two_that_could_not_know_the_one_that_leads_stays),
        TEST(enabled_beside_disabled_is_told_once),
        TEST(disabled_beside_enabled_is_told_as_well),
        TEST(preparing_goes_with_both),
        TEST(who_does_not_say_how_sources_deliver_is_no_clash),
        TEST(a_worker_of_another_group_that_answers_is_alive),
        TEST(a_living_process_of_another_group_needs_no_question),
        TEST(a_group_that_has_ended_is_no_hindrance),
        TEST(whoever_is_of_our_group_or_says_none_is_not_asked),
        TEST(whoever_took_the_place_of_a_leader_that_writes_on_ends),
        TEST(whoever_finds_a_leader_that_began_after_its_own_start_writes_nothing),
        TEST(the_group_that_was_there_goes_on_however_often_it_is_overtaken),
        TEST(so_does_whoever_has_led_for_long_when_the_other_comes),
        TEST(of_two_that_began_together_whoever_is_overtaken_thrice_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
