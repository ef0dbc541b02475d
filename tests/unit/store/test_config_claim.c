/* Writes under a claim: which way they go, who is asked, and what is refused without one. */
#include "store_test.h"

#include "base/clock.h"
#include "base/string_map.h"
#include "store/config_listener.h"
#include "store/config_store_internal.h"

/* A topic that can be claimed; what is written under a claim ends with "==" instead of "--". */
struct topic {
    struct config_store *store;
    struct str_buffer written;
    int64_t end;
    bool is_claimed, is_denied, is_taken_over, is_too_small;
    bool renounces; /* in the middle of a write */
    int renounced, lost, asked_before, asked_after, asked_claimed;
};

static int write_down(struct topic *topic, const struct store_record *records, size_t count, const char *mark)
{
    for (size_t i = 0; i < count; i++) {
        written_add(&topic->written, &records[i]);
        config_store_feed(topic->store, topic->end++, records[i].key, records[i].value);
    }
    str_buffer_append_text(&topic->written, mark);
    config_store_publish(topic->store);
    return 0;
}

static int topic_append(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                        struct mr_error **error)
{
    (void)deadline_ms, (void)error;
    return write_down(argument, records, count, "--\n");
}

static int topic_append_claimed(void *argument, const struct store_record *records, size_t count, int64_t deadline_ms,
                                struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    assert_true(topic->is_claimed);
    if (topic->renounces)
        config_store_renounce(topic->store);
    if (topic->is_too_small)
        return mr_error_set(error, MR_ERR_DATA, "too large");
    if (!topic->is_taken_over)
        return write_down(topic, records, count, "==\n");
    topic->is_claimed = false;
    return mr_error_set(error, MR_ERR_CONFLICT, "taken over");
}

static int topic_claim(void *argument, int64_t deadline_ms, struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms;
    topic->is_claimed = false;
    if (topic->renounces)
        config_store_renounce(topic->store);
    if (topic->is_denied)
        return mr_error_set(error, MR_ERR_NOT_SUPPORTED, "not allowed");
    topic->is_claimed = true;
    return 0;
}

static bool topic_is_claimed(void *argument)
{
    return ((struct topic *)argument)->is_claimed;
}

static void topic_renounce(void *argument)
{
    struct topic *topic = argument;
    topic->is_claimed = false;
    topic->renounced++;
}

static const struct config_log topic_log = {.append = topic_append,
                                            .claim = topic_claim,
                                            .append_claimed = topic_append_claimed,
                                            .is_claimed = topic_is_claimed,
                                            .renounce = topic_renounce};

static int guard_ask(void *argument, enum config_guard_moment moment, int64_t deadline_ms, struct mr_error **error)
{
    struct topic *topic = argument;
    (void)deadline_ms, (void)error;
    topic->asked_before += moment == CONFIG_GUARD_BEFORE;
    topic->asked_after += moment == CONFIG_GUARD_AFTER;
    topic->asked_claimed += moment == CONFIG_GUARD_CLAIMED;
    return 0;
}

static void on_claim_lost(void *argument)
{
    ((struct topic *)argument)->lost++;
}

static const struct config_listener listener = {.claim_lost = on_claim_lost};

static int with_topic(void **state)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    str_buffer_init(&topic->written, 1 << 20);
    topic->store = config_store_create(&topic_log, topic, NULL);
    config_store_set_guard(topic->store, guard_ask, topic);
    config_store_set_listener(topic->store, &listener, topic);
    config_store_begin_telling(topic->store);
    *state = topic;
    return 0;
}

static int without_topic(void **state)
{
    struct topic *topic = *state;
    config_store_destroy(topic->store);
    str_buffer_release(&topic->written);
    free(topic);
    return 0;
}

static int restart(struct topic *topic, struct mr_error **error)
{
    return config_store_put_restart(topic->store, "a", true, false, NEVER, error);
}

#define RESTART "restart-connector-a={\"include-tasks\":true,\"only-failed\":false}\n"

static void the_leaders_writes_go_by_the_claim_and_others_do_not(void **state)
{
    struct topic *topic = *state;
    assert_int_equal(config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL), 0);
    assert_int_equal(restart(topic, NULL), 0);
    assert_int_equal(config_store_put_target(topic->store, "a", TARGET_PAUSED, NEVER, NULL), 0);
    assert_int_equal(
        config_store_put_own_note(topic->store, &(struct config_note_write){"millrace-member-x", "{}"}, NEVER, NULL), 0);
    assert_written(&topic->written, RESTART "==\ntarget-state-a={\"state\":\"PAUSED\",\"state.v2\":\"PAUSED\"}\n--\n"
                                            "millrace-member-x={}\n--\n");
    assert_int_equal(topic->asked_claimed, 1);
    assert_int_equal(topic->asked_before + topic->asked_after, 0);
}

static void tasks_and_their_commit_are_one_transaction(void **state)
{
    struct topic *topic = *state;
    struct string_map *task = string_map_create();
    string_map_put(task, "id", "0");
    config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL);
    assert_int_equal(config_store_put_tasks(topic->store, "a", (const struct string_map *const *)&task, 1, NEVER, NULL), 0);
    assert_written(&topic->written, "task-a-0={\"properties\":{\"id\":\"0\"}}\ncommit-a={\"tasks\":1}\n==\n");
    string_map_destroy(task);
}

static void a_claim_that_is_taken_over_is_told_and_ends_writing(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL);
    topic->is_taken_over = true;
    assert_int_equal(restart(topic, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "taken over");
    assert_int_equal(topic->lost, 1);
    assert_int_equal(restart(topic, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "does not lead");
    assert_int_equal(topic->lost, 1);
    topic->is_taken_over = false;
    assert_int_equal(config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL), 0);
    assert_int_equal(restart(topic, NULL), 0);
    assert_written(&topic->written, RESTART "==\n");
}

static void a_write_that_fails_alone_keeps_the_claim(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL);
    topic->is_too_small = true;
    assert_int_equal(restart(topic, &error), -1);
    assert_error(&error, MR_ERR_DATA, "too large");
    topic->is_too_small = false;
    assert_int_equal(restart(topic, NULL), 0);
    assert_int_equal(topic->lost, 0);
}

static void who_leads_no_more_may_not_write(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    config_store_renounce(topic->store);   /* nothing is claimed: the guard is asked */
    assert_int_equal(restart(topic, NULL), 0);
    config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL);
    config_store_renounce(topic->store);
    assert_false(topic->is_claimed);
    assert_int_equal(restart(topic, &error), -1);
    assert_error(&error, MR_ERR_CONFLICT, "does not lead");
    assert_int_equal(topic->lost, 0);
    assert_int_equal(config_store_put_target(topic->store, "a", TARGET_PAUSED, NEVER, NULL), 0);
}

static void a_write_under_way_is_not_cut_by_who_renounces(void **state)
{
    struct topic *topic = *state;
    config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL);
    topic->renounces = true;
    assert_int_equal(restart(topic, NULL), 0);
    assert_written(&topic->written, RESTART "==\n");
    assert_int_equal(topic->renounced, 1);
    assert_int_equal(restart(topic, NULL), -1);
}

static void who_renounces_while_it_claims_holds_nothing(void **state)
{
    struct topic *topic = *state;
    topic->renounces = true;
    assert_int_equal(config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, NULL), 0);
    assert_false(topic->is_claimed);
    assert_int_equal(restart(topic, NULL), -1);
}

static void a_claim_that_is_denied_leaves_nothing_to_write_by_until_the_other_kind_is_taken(void **state)
{
    struct topic *topic = *state;
    struct mr_error *error = NULL;
    topic->is_denied = true;
    assert_int_equal(config_store_claim(topic->store, CONFIG_FENCING_TRANSACTION, NEVER, &error), -1);
    assert_error(&error, MR_ERR_NOT_SUPPORTED, "not allowed");
    assert_int_equal(restart(topic, NULL), -1);
    assert_int_equal(config_store_claim(topic->store, CONFIG_FENCING_GENERATION, NEVER, NULL), 0);
    assert_int_equal(restart(topic, NULL), 0);
    assert_written(&topic->written, RESTART "--\n");
    assert_int_equal(topic->asked_before, 1);
    assert_int_equal(topic->asked_after, 1);
}

static void what_nobody_else_writes_needs_no_claim(void **state)
{
    struct config_store *store = memory_config_store_create(NULL);
    (void)state;
    assert_int_equal(config_store_claim(store, CONFIG_FENCING_TRANSACTION, NEVER, NULL), 0);
    assert_int_equal(config_store_put_restart(store, "a", true, false, NEVER, NULL), 0);
    config_store_renounce(store);
    assert_int_equal(config_store_put_restart(store, "a", true, false, NEVER, NULL), 0);
    config_store_destroy(store);
}

#define ON_TOPIC(test) cmocka_unit_test_setup_teardown(test, with_topic, without_topic)

RUN_TESTS(ON_TOPIC(the_leaders_writes_go_by_the_claim_and_others_do_not), ON_TOPIC(tasks_and_their_commit_are_one_transaction),
          ON_TOPIC(a_claim_that_is_taken_over_is_told_and_ends_writing), ON_TOPIC(a_write_that_fails_alone_keeps_the_claim),
          ON_TOPIC(who_leads_no_more_may_not_write), ON_TOPIC(a_write_under_way_is_not_cut_by_who_renounces),
          ON_TOPIC(who_renounces_while_it_claims_holds_nothing),
          ON_TOPIC(a_claim_that_is_denied_leaves_nothing_to_write_by_until_the_other_kind_is_taken),
          cmocka_unit_test(what_nobody_else_writes_needs_no_claim))
