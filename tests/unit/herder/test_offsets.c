/* Offsets of source connectors, asked for and changed over REST; those of sinks are in test_sink_offsets.c. */
#include "rig.h"

#include <millrace/arena.h>
#include <millrace/json.h>

#include "base/secrets.h"

static struct mr_arena *arena;

static const struct mr_value *value(const char *json)
{
    const struct mr_value *value =
        mr_json_read(arena, (struct mr_bytes){json, strlen(json)}, MR_JSON_COPY_TEXT, NULL);

    assert_non_null(value);
    return value;
}

static int open_stopped(void **state, uint32_t request_timeout_ms)
{
    (void)state;
    arena = mr_arena_create(1u << 20);
    rig_open(false, request_timeout_ms);
    rig_start();
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a-0 DESTROYED");
    rig_log_clear();
    return 0;
}

static int set_up(void **state)
{
    return open_stopped(state, 0);
}

static int set_up_impatient(void **state)
{
    return open_stopped(state, 300);
}

static int tear_down(void **state)
{
    rig_teardown(state);
    mr_arena_destroy(arena);
    return 0;
}

static int alter(const char *name, const char *partition, const char *offset, struct answer *answer)
{
    struct offset_entry entry = {value(partition), value(offset)};

    *answer = (struct answer){0};
    alter_unguarded(rig.herder, name, &entry, 1, take_answer, answer);
    return answered(answer);
}

static size_t offsets_of(const char *name)
{
    struct answer answer = {0};

    herder_read_offsets(rig.herder, name, take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    return answer.offsets;
}

static void offsets_of_a_stopped_source_are_changed_and_read_back(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(offsets_of("a"), 0);
    rig_set(&rig.alter_handles, true);
    assert_int_equal(alter("a", "{\"f\":1}", "{\"at\":9}", &answer), 200);
    assert_string_equal(answer.message, "The offsets for this connector have been altered successfully");
    expect("alter 1");
    assert_int_equal(offsets_of("a"), 1);
    assert_int_equal(alter("a", "{\"f\":1}", "null", &answer), 200);
    assert_int_equal(offsets_of("a"), 0);
}

static void a_reset_forgets_every_partition(void **state)
{
    struct answer answer;

    (void)state;
    alter("a", "{\"f\":1}", "{\"at\":9}", &answer);
    alter("a", "{\"f\":2}", "{\"at\":9}", &answer);
    assert_non_null(strstr(answer.message, "Where the connector keeps offsets elsewhere too"));
    rig_log_clear();
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    expect("alter 2");
    assert_int_equal(offsets_of("a"), 0);
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    expect("alter 0");
}

static void offsets_of_what_is_not_stopped_stay(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(ask(herder_pause_connector, "a"), 202);
    assert_int_equal(alter("a", "{\"f\":1}", "{\"at\":9}", &answer), 400);
    assert_non_null(strstr(answer.message, "Connectors must be in the STOPPED state before"));
    assert_int_equal(ask(reset_unguarded, "a"), 400);
    assert_int_equal(alter("no", "{\"f\":1}", "{\"at\":9}", &answer), 404);
    assert_string_equal(answer.message, "Connector no not found");
    expect_never("alter");
}

static void a_connector_that_refuses_keeps_its_offsets(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.alter_fails, true);
    assert_int_equal(alter("a", "{\"f\":1}", "{\"at\":9}", &answer), 500);
    assert_string_equal(answer.message, "not these offsets");
    assert_int_equal(offsets_of("a"), 0);
    secrets_note("these offsets");
    assert_int_equal(alter("a", "{\"f\":1}", "{\"at\":9}", &answer), 500);
    assert_string_equal(answer.message, "not [hidden]");
    secrets_forget();
}

static void a_question_that_hangs_writes_nothing_later(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.alter_hangs, true);
    assert_int_equal(alter("a", "{\"f\":1}", "{\"at\":9}", &answer), 500);
    assert_non_null(strstr(answer.message, "Request timed out. The worker was asking the connector"));
    rig_set(&rig.alter_hangs, false);
    turn();
    assert_int_equal(ask(herder_resume_connector, "a"), 202); /* the next one's turn has come */
    expect("status a-0 RUNNING");
    assert_int_equal(offsets_of("a"), 0);
}

static void a_change_waits_until_the_last_task_has_stopped(void **state)
{
    struct answer answer = {0};

    (void)state;
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    expect("status a-0 RUNNING");
    rig_log_clear();
    rig_set(&rig.task_silent, true);
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("task- a-0 leave");
    reset_unguarded(rig.herder, "a", take_answer, &answer);
    turn();
    expect_never("alter");
    rig_task("a", 0, TASK_STOPPED, NULL);
    assert_int_equal(answered(&answer), 200);
    expect_order("status a-0 DESTROYED | alter 0");
}

static void a_change_that_finds_no_memory_is_refused(void **state)
{
    struct answer answer = {0};
    struct offset_entry entry = {value("{\"f\":1}"), value("{\"at\":9}")};

    (void)state;
    for (int64_t successes = 0; successes < 3; successes++) {
        answer = (struct answer){0};
        mem_watch_start(successes);
        alter_unguarded(rig.herder, "a", &entry, 1, take_answer, &answer);
        mem_watch_stop();
        assert_int_equal(answered(&answer), 503);
    }
    assert_int_equal(offsets_of("a"), 0);
}

static void a_reading_that_finds_no_memory_is_refused(void **state)
{
    struct answer answer;

    (void)state;
    for (int64_t successes = 0; successes < 2; successes++) {
        answer = (struct answer){0};
        mem_watch_start(successes);
        herder_read_offsets(rig.herder, "a", take_answer, &answer);
        mem_watch_stop();
        assert_int_equal(answered(&answer), 503);
    }
}

static bool has_level(void *argument)
{
    struct logger_view view;

    (void)argument;
    return log_logger_find("test.herder.level", &view) && view.level == LOG_LEVEL_ERROR;
}

static void a_level_for_the_cluster_comes_back_from_the_topic(void **state)
{
    struct answer answer = {0};

    (void)state;
    herder_set_logger_level(rig.herder, "test.herder.level", "ERROR", take_answer, &answer);
    assert_int_equal(answered(&answer), 204);
    assert_true(eventually(5000, has_level, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(offsets_of_a_stopped_source_are_changed_and_read_back),
        TEST(a_reset_forgets_every_partition),
        TEST(offsets_of_what_is_not_stopped_stay),
        TEST(a_connector_that_refuses_keeps_its_offsets),
        cmocka_unit_test_setup_teardown(a_question_that_hangs_writes_nothing_later, set_up_impatient, tear_down),
        TEST(a_change_waits_until_the_last_task_has_stopped),
        TEST(a_change_that_finds_no_memory_is_refused),
        TEST(a_reading_that_finds_no_memory_is_refused),
        TEST(a_level_for_the_cluster_comes_back_from_the_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
