/* Changes of offsets by time, on trial, and the undo of the last one. */
#include "rig.h"

#include <millrace/arena.h>
#include <millrace/json.h>

#include "herder/offsets_internal.h"

#define T(p) "{\"kafka_topic\":\"t\",\"kafka_partition\":" #p "}"
#define ALL_OF_T "{\"kafka_topic\":\"t\"}"
#define AT(n) "{\"kafka_offset\":" #n "}"

static struct mr_arena *arena;

static void set_up_kind(bool is_sink, enum exactly_once_source exactly_once)
{
    arena = mr_arena_create(4u << 20);
    rig_open(false, 0);
    rig.worker.exactly_once_source = exactly_once;
    rig_set(&rig.is_sink, is_sink);
    rig_start();
    put("a", "1");
    expect("status a-0 RUNNING");
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a-0 DESTROYED");
    rig_log_clear();
}

static int set_up(void **state)
{
    (void)state;
    set_up_kind(true, EXACTLY_ONCE_DISABLED);
    return 0;
}

static int set_up_source(void **state)
{
    (void)state;
    set_up_kind(false, EXACTLY_ONCE_DISABLED);
    return 0;
}

static int set_up_exactly_once(void **state)
{
    (void)state;
    set_up_kind(false, EXACTLY_ONCE_ENABLED);
    return 0;
}

static int tear_down(void **state)
{
    rig_teardown(state);
    mr_arena_destroy(arena);
    return 0;
}

/* `json`: [partition, offset, partition, offset, …]; NULL: none */
static struct herder_offsets request_of(enum herder_offsets_verb verb, const char *json, struct offset_entry entries[8])
{
    const struct mr_value *all =
        json == NULL ? NULL : mr_json_read(arena, (struct mr_bytes){json, strlen(json)}, MR_JSON_COPY_TEXT | MR_JSON_WHOLE_TEXT, NULL);
    size_t count = all == NULL ? 0 : mr_array_count(all) / 2;

    assert_true(json == NULL || all != NULL);
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct offset_entry){mr_array_at(all, 2 * i), mr_array_at(all, 2 * i + 1)};
    return (struct herder_offsets){.verb = verb, .connector = "a", .changes = entries, .count = count};
}

static int alter(const char *json, struct answer *answer)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(HERDER_OFFSETS_ALTER, json, entries);

    *answer = (struct answer){0};
    herder_change_offsets(rig.herder, &request, take_answer, answer);
    return answered(answer);
}

static void try_it(enum herder_offsets_verb verb, const char *json, const char *expected)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(verb, json, entries);
    struct answer answer = {0};
    const char *shown;

    herder_try_offsets(rig.herder, &request, take_answer, &answer);
    if (answered(&answer) != 200)
        fail_msg("%d %s", answer.status, answer.message);
    shown = strstr(answer.json, "\"offsets\"");
    assert_non_null(strstr(answer.json, "{\"dry_run\":true,\"type\":\""));
    assert_non_null(shown);
    assert_string_equal(shown, expected);
}

static const char *refusal_of(enum herder_offsets_verb verb, const char *json, struct answer *answer)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(verb, json, entries);
    char *end, *start;

    *answer = (struct answer){0};
    herder_try_offsets(rig.herder, &request, take_answer, answer);
    assert_int_equal(answered(answer), 200);
    start = strstr(answer->json, "\"refused\":");
    end = strstr(answer->json, ",\"not_asked\"");
    assert_true(start != NULL && end != NULL);
    *end = '\0';
    return start + strlen("\"refused\":");
}

static int64_t committed(int32_t partition)
{
    for (size_t i = 0; i < rig.committed_count; i++)
        if (rig.committed[i].partition == partition)
            return rig.committed[i].offset;
    return -1;
}

/* ---- by time ---- */

static void a_time_becomes_the_offset_of_its_first_record(void **state)
{
    static const struct {
        const char *offset;
        int64_t expected;
    } cases[] = {
        {"{\"timestamp\":42000}", 42},
        {"{\"timestamp\":41001}", 42},
        {"{\"timestamp\":\"42000\"}", 42},
        {"{\"timestamp\":\"1970-01-01T00:00:42Z\"}", 42},
        {"{\"timestamp\":\"1970-01-01T01:00:41.5+01:00\"}", 42},
        {"{\"timestamp\":\"1970-01-01T00:30:43-0030\"}", 100},
        {"{\"timestamp\":\"1970-01-01\"}", 10},
        {"{\"timestamp\":9999999999999}", 100},
        {"{\"position\":\"earliest\"}", 10},
        {"{\"position\":\"latest\"}", 100},
        {"{\"kafka_offset\":7,\"timestamp\":42000}", 7},
    };
    char json[200];
    struct answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), "[" T(0) ",%s]", cases[i].offset);
        if (alter(json, &answer) != 200 || committed(0) != cases[i].expected)
            fail_msg("%s: %s %lld", json, answer.message, (long long)committed(0));
    }
}

static void a_topic_alone_means_all_of_its_partitions_but_those_that_are_named(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(1) "," AT(50) "," ALL_OF_T ",{\"position\":\"latest\"}," ALL_OF_T ",{\"timestamp\":20000}]", &answer), 200);
    expect_order("seek t--1 20000 | alter 2 | commit a t-0 20 | commit a t-1 50");
    expect_never("seek t--1 -1");
}

static void what_is_no_time_or_no_partition_is_the_askers_fault(void **state)
{
    static const struct {
        const char *partition, *offset, *words;
    } cases[] = {
        {T(0), "{\"timestamp\":-1}", "is no time"},
        {T(0), "{\"timestamp\":1.5}", "is no time"},
        {T(0), "{\"timestamp\":null}", "is no time"},
        {T(0), "{\"timestamp\":\"yesterday\"}", "The 'timestamp' yesterday of t-0 is no time"},
        {T(0), "{\"timestamp\":\"2026-02-31\"}", "is no time"},
        {T(0), "{\"timestamp\":\"2026-01-31T12:00:00\"}", "ISO 8601 with its zone"},
        {T(0), "{\"timestamp\":\"2026-01-31T12:00:00+25:00\"}", "is no time"},
        {T(0), "{\"position\":\"end\"}", "The 'position' of t-0 is to be 'earliest' or 'latest'"},
        {T(0), "{\"position\":\"latest\",\"timestamp\":1}", "not by both"},
        {T(7), "{\"timestamp\":1}", "there is no partition t-7"},
        {T(-1), "{\"timestamp\":1}", "There is no partition t--1"},
        {"{\"kafka_topic\":\"t\",\"kafka_partition\":null}", "{\"timestamp\":1}", "may not be null"},
        {"{}", "{\"timestamp\":1}", "must contain the keys 'kafka_topic'"},
        {ALL_OF_T, AT(1), "must contain the keys 'kafka_topic' and 'kafka_partition'"},
        {ALL_OF_T, "null", "must contain the keys 'kafka_topic' and 'kafka_partition'"},
    };
    char json[300];
    struct answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(json, sizeof(json), "[%s,%s]", cases[i].partition, cases[i].offset);
        if (alter(json, &answer) != 400 || strstr(answer.message, cases[i].words) == NULL)
            fail_msg("%s: %d %s", json, answer.status, answer.message);
    }
    expect_never("alter 1");
}

static void offsets_of_a_source_are_never_taken_for_times(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[{\"file\":\"x\"},{\"timestamp\":\"whatever\"}]", &answer), 200);
    expect("alter 1");
}

/* ---- on trial ---- */

static void a_trial_shows_what_would_be_skipped_and_read_again_and_changes_nothing(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(0) "," AT(40) "]", &answer), 200);
    rig_log_clear();
    try_it(HERDER_OFFSETS_ALTER, "[" ALL_OF_T ",{\"timestamp\":30000}]",
           "\"offsets\":[{\"partition\":" T(0) ",\"before\":" AT(40) ",\"after\":" AT(30) ",\"skipped\":0,\"again\":10},"
           "{\"partition\":" T(1) ",\"before\":null,\"after\":" AT(30) ",\"skipped\":20,\"again\":0}],\"skipped\":20,\"again\":10}");
    try_it(HERDER_OFFSETS_RESET, NULL,
           "\"offsets\":[{\"partition\":" T(0) ",\"before\":" AT(40) ",\"after\":null,\"skipped\":0,\"again\":30}],\"skipped\":0,\"again\":30}");
    try_it(HERDER_OFFSETS_UNDO, NULL,
           "\"offsets\":[{\"partition\":" T(0) ",\"before\":" AT(40) ",\"after\":null,\"skipped\":0,\"again\":30}],\"skipped\":0,\"again\":30}");
    expect_never("alter 1");
    assert_int_equal(committed(0), 40);
}

static void a_trial_of_a_source_shows_what_is_there(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[{\"f\":1},{\"at\":5}]", &answer), 200);
    try_it(HERDER_OFFSETS_ALTER, "[{\"f\":1},{\"at\":9},{\"f\":2},{\"at\":1}]",
           "\"offsets\":[{\"partition\":{\"f\":1},\"before\":{\"at\":5},\"after\":{\"at\":9}},"
           "{\"partition\":{\"f\":2},\"before\":null,\"after\":{\"at\":1}}]}");
    try_it(HERDER_OFFSETS_RESET, NULL, "\"offsets\":[{\"partition\":{\"f\":1},\"before\":{\"at\":5},\"after\":null}]}");
}

static void a_trial_says_what_would_refuse_the_change(void **state)
{
    struct answer answer;

    (void)state;
    assert_string_equal(refusal_of(HERDER_OFFSETS_ALTER, "[" T(0) "," AT(40) "]", &answer), "null");
    assert_string_equal(refusal_of(HERDER_OFFSETS_ALTER, "[" T(7) "," AT(40) "]", &answer), "\"There is no partition t-7\"");
    assert_string_equal(refusal_of(HERDER_OFFSETS_ALTER, "[" T(0) "," AT(-4) "]", &answer), "\"The offset of t-0 is negative\"");
    assert_non_null(strstr(refusal_of(HERDER_OFFSETS_UNDO, NULL, &answer), "There is nothing to undo"));
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    expect("status a-0 RUNNING");
    assert_non_null(strstr(refusal_of(HERDER_OFFSETS_ALTER, "[" T(0) "," AT(40) "]", &answer), "must be in the STOPPED state"));
}

static void a_trial_that_cannot_be_read_is_answered_like_the_change(void **state)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(HERDER_OFFSETS_ALTER, "[" T(0) ",{\"timestamp\":\"soon\"}]", entries);
    struct answer answer = {0};

    (void)state;
    herder_try_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 400);
    request.connector = "none";
    answer = (struct answer){0};
    herder_try_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 404);
    rig_set(&rig.group_fails, true);
    request = request_of(HERDER_OFFSETS_RESET, NULL, entries);
    answer = (struct answer){0};
    herder_try_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 500);
    assert_string_equal(answer.message, "no such cluster");
}

/* ---- back ---- */

static void the_last_change_is_undone_and_so_is_its_undo(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.alter_handles, true);
    assert_int_equal(alter("[" T(0) "," AT(40) "," T(1) "," AT(41) "]", &answer), 200);
    assert_int_equal(alter("[" T(0) "," AT(50) "]", &answer), 200);
    assert_int_equal(ask(undo_unguarded, "a"), 200);
    assert_int_equal(committed(0), 40);
    assert_int_equal(committed(1), 41);
    answer = (struct answer){0};
    undo_unguarded(rig.herder, "a", take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_string_equal(answer.message, "The offsets for this connector have been set back successfully");
    assert_int_equal(committed(0), 50);
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    assert_int_equal(committed(0), -1);
    assert_int_equal(ask(undo_unguarded, "a"), 200);
    assert_int_equal(committed(0), 50);
    assert_int_equal(committed(1), 41);
}

static size_t offsets_now(void)
{
    struct answer answer = {0};

    herder_read_offsets(rig.herder, "a", take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    return answer.offsets;
}

static void a_source_gets_back_what_it_had(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[{\"f\":1},{\"at\":5},{\"f\":2},{\"at\":6}]", &answer), 200);
    assert_int_equal(ask(reset_unguarded, "a"), 200);
    assert_int_equal(offsets_now(), 0);
    assert_int_equal(ask(undo_unguarded, "a"), 200);
    expect("alter 2");
    assert_int_equal(offsets_now(), 2);
}

static int undo(struct answer *answer)
{
    *answer = (struct answer){0};
    undo_unguarded(rig.herder, "a", take_answer, answer);
    return answered(answer);
}

static void nothing_is_undone_that_is_not_there(void **state)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(HERDER_OFFSETS_ALTER, "[" T(0) "," AT(60) "]", entries);
    struct answer answer;

    (void)state;
    assert_int_equal(undo(&answer), 409);
    assert_non_null(strstr(answer.message, "There is nothing to undo"));
    assert_int_equal(alter("[" T(0) "," AT(40) "]", &answer), 200);
    request.is_without_undo = true;
    answer = (struct answer){0};
    herder_change_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_int_equal(undo(&answer), 409);
    assert_int_equal(committed(0), 60);
}

static void what_tasks_have_gone_on_from_is_not_undone(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(0) "," AT(40) "]", &answer), 200);
    assert_int_equal(ask(herder_stop_connector, "a"), 204); /* again, which changes nothing */
    assert_int_equal(undo(&answer), 200);
    assert_int_equal(ask(herder_resume_connector, "a"), 202);
    expect("status a-0 RUNNING");
    assert_int_equal(undo(&answer), 400);
    rig_log_clear();
    assert_int_equal(ask(herder_stop_connector, "a"), 204);
    expect("status a-0 DESTROYED");
    assert_int_equal(undo(&answer), 409);
    assert_non_null(strstr(answer.message, "its tasks have run since"));
    assert_int_equal(alter("[" T(0) "," AT(70) "]", &answer), 200);
    assert_int_equal(undo(&answer), 200);
}

static void a_connector_that_refuses_keeps_its_undo(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(0) "," AT(40) "]", &answer), 200);
    rig_set(&rig.alter_fails, true);
    assert_int_equal(alter("[" T(0) "," AT(50) "]", &answer), 500);
    assert_int_equal(undo(&answer), 500);
    assert_string_equal(answer.message, "not these offsets");
    rig_set(&rig.alter_fails, false);
    assert_int_equal(undo(&answer), 200);
    assert_int_equal(committed(0), -1);
}

static void former_tasks_with_exactly_once_are_shut_out_first(void **state)
{
    struct answer answer;

    (void)state;
    rig_set(&rig.shut_out_fails, true);
    assert_int_equal(alter("[{\"f\":1},{\"at\":5}]", &answer), 500);
    assert_string_equal(answer.message, "Failed to perform zombie fencing for source connector prior to modifying offsets: no broker");
    assert_int_equal(offsets_now(), 0);
    expect_never("alter 1");
    rig_set(&rig.shut_out_fails, false);
    rig_log_clear();
    assert_int_equal(alter("[{\"f\":1},{\"at\":5}]", &answer), 200);
    expect_order("shut out a 0 | alter 1");
    assert_int_equal(offsets_now(), 1);
    rig_log_clear();
    assert_int_equal(undo(&answer), 200); /* they were shut out already */
    expect("alter 1");
    expect_never("shut out a 0");
}

static void what_was_nothing_and_is_nothing_is_left_alone(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(0) ",null," T(1) "," AT(41) "]", &answer), 200);
    rig_log_clear();
    assert_int_equal(undo(&answer), 200);
    expect("forget a t-1");
    expect_never("forget a t-0");
}

static int normalise(const char *json)
{
    struct offset_entry entries[8];
    struct herder_offsets request = request_of(HERDER_OFFSETS_ALTER, json, entries);
    struct offset_list list = {0}, current = {0}, former = {0};
    struct mr_error *error = NULL;
    int status = 0;

    for (size_t i = 0; status == 0 && i < request.count; i++)
        status = offset_list_add(&list, entries[i].partition, entries[i].offset, &error);
    if (status == 0)
        status = sink_offsets_normalise(&list, NULL, NULL, &error);
    for (size_t i = 0; status == 0 && i < list.count; i++)
        status = offset_list_add(&current, list.entries[i].partition, list.entries[i].offset, &error);
    if (status == 0)
        status = sink_offsets_match(&former, &list, &current, &error);
    if (status == 0)
        assert_true(list.count == 2 && former.count == 2 && mr_value_equals(former.entries[1].offset, list.entries[1].offset));
    else
        assert_int_equal(mr_error_code(error), MR_ERR_NO_MEMORY);
    mr_error_drop(error);
    offset_list_release(&list);
    offset_list_release(&current);
    offset_list_release(&former);
    return status;
}

static void positions_without_memory_are_an_error(void **state)
{
    bool has_worked = false;

    (void)state;
    for (int64_t successes = 0; !has_worked; successes++) {
        mem_watch_start(successes);
        has_worked = normalise("[" ALL_OF_T ",{\"timestamp\":20000}," T(1) "," AT(3) "]") == 0;
        mem_watch_stop();
        assert_true(successes < 200);
    }
}

static size_t notes_now(void)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    size_t count = config_snapshot_note_count(snapshot);

    config_snapshot_drop(snapshot);
    return count;
}

static void a_deletion_takes_the_undo_along(void **state)
{
    struct answer answer;

    (void)state;
    assert_int_equal(alter("[" T(0) "," AT(40) "]", &answer), 200);
    assert_int_equal(notes_now(), 1);
    assert_int_equal(ask(delete_unguarded, "a"), 204);
    assert_int_equal(notes_now(), 0);
}

static int count_partition(void *argument, const struct mr_value *partition)
{
    assert_non_null(mr_map_get(partition, "kafka_topic"));
    ++*(size_t *)argument;
    return 0;
}

static int refuse_partition(void *argument, const struct mr_value *partition)
{
    (void)argument, (void)partition;
    return -1;
}

static void it_is_known_before_what_an_undo_would_set(void **state)
{
    struct answer answer;
    size_t count = 0;

    (void)state;
    assert_int_equal(herder_each_undone(rig.herder, "a", refuse_partition, NULL), 0);
    assert_int_equal(alter("[" T(0) "," AT(40) "," T(1) "," AT(41) "]", &answer), 200);
    assert_int_equal(herder_each_undone(rig.herder, "a", count_partition, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(herder_each_undone(rig.herder, "a", refuse_partition, NULL), -1);
    assert_int_equal(herder_each_undone(rig.herder, "none", refuse_partition, NULL), 0);
}

static void more_than_a_record_may_have_is_refused_unless_it_is_wanted(void **state)
{
    static char text[OFFSET_UNDO_MAX + 1];
    struct mr_value *partition = mr_map_create(arena, 1);
    struct offset_entry entry = {partition, NULL};
    struct herder_offsets request = {.verb = HERDER_OFFSETS_ALTER, .connector = "a", .changes = &entry, .count = 1};
    struct answer answer = {0};

    (void)state;
    memset(text, 'x', OFFSET_UNDO_MAX);
    assert_int_equal(mr_map_put_text(arena, partition, "f", mr_string(arena, text)), 0);
    entry.offset = mr_json_read(arena, (struct mr_bytes){"{\"at\":1}", 8}, MR_JSON_COPY_TEXT, NULL);
    herder_change_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 400);
    assert_non_null(strstr(answer.message, "add ?undo=false"));
    assert_int_equal(offsets_now(), 0);
    answer = (struct answer){0};
    herder_try_offsets(rig.herder, &(struct herder_offsets){.verb = HERDER_OFFSETS_ALTER, .connector = "a", .changes = &entry, .count = 1},
                       take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_non_null(strstr(answer.json, "more than the record for an undo may have"));
    request.is_without_undo = true;
    answer = (struct answer){0};
    herder_change_offsets(rig.herder, &request, take_answer, &answer);
    assert_int_equal(answered(&answer), 200);
    assert_int_equal(offsets_now(), 1);
}

int main(void)
{
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_time_becomes_the_offset_of_its_first_record, set_up),
        TEST(a_topic_alone_means_all_of_its_partitions_but_those_that_are_named, set_up),
        TEST(what_is_no_time_or_no_partition_is_the_askers_fault, set_up),
        TEST(offsets_of_a_source_are_never_taken_for_times, set_up_source),
        TEST(a_trial_shows_what_would_be_skipped_and_read_again_and_changes_nothing, set_up),
        TEST(a_trial_of_a_source_shows_what_is_there, set_up_source),
        TEST(a_trial_says_what_would_refuse_the_change, set_up),
        TEST(a_trial_that_cannot_be_read_is_answered_like_the_change, set_up),
        TEST(the_last_change_is_undone_and_so_is_its_undo, set_up),
        TEST(a_source_gets_back_what_it_had, set_up_source),
        TEST(nothing_is_undone_that_is_not_there, set_up),
        TEST(what_tasks_have_gone_on_from_is_not_undone, set_up),
        TEST(a_connector_that_refuses_keeps_its_undo, set_up),
        TEST(former_tasks_with_exactly_once_are_shut_out_first, set_up_exactly_once),
        TEST(what_was_nothing_and_is_nothing_is_left_alone, set_up),
        TEST(positions_without_memory_are_an_error, set_up),
        TEST(a_deletion_takes_the_undo_along, set_up),
        TEST(it_is_known_before_what_an_undo_would_set, set_up),
        TEST(more_than_a_record_may_have_is_refused_unless_it_is_wanted, set_up_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
