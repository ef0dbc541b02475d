/* The rules by which records of the config topic become a snapshot, one table row a rule. */
#include "store_test.h"

#include "base/string_map.h"
#include "store/config_listener.h"
#include "store/config_replay_internal.h"
#include "store/config_snapshot.h"
#include "support/alloc_torture.h"

#define ROW_RECORDS_MAX 12

#define CONNECTOR(name) {"connector-" name, "{\"properties\":{\"name\":\"" name "\"}}"}
#define TASK(name, n, v) {"task-" name "-" #n, "{\"properties\":{\"v\":\"" v "\"}}"}
#define COMMIT(name, n) {"commit-" name, "{\"tasks\":" #n "}"}
#define TARGET(name, s, s2) {"target-state-" name, "{\"state\":\"" s "\",\"state.v2\":\"" s2 "\"}"}

struct row {
    const char *rule;
    struct text_record records[ROW_RECORDS_MAX];
    const char *snapshot;   /* as describe() has it */
};

static void describe_connector(struct str_buffer *out, const struct config_snapshot *snapshot, const char *name)
{
    str_buffer_printf(out, " %s(%s", name, target_state_name(config_snapshot_target(snapshot, name)));
    uint32_t count = config_snapshot_task_count(snapshot, name);
    for (uint32_t i = 0; i < count; i++)
        str_buffer_printf(out, " %s", string_map_get(config_snapshot_task(snapshot, name, i), "v"));
    assert_null(config_snapshot_task(snapshot, name, count));
    if (config_snapshot_is_inconsistent(snapshot, name))
        str_buffer_append_text(out, " inconsistent");
    if (config_snapshot_applied(snapshot, name) != NULL)
        str_buffer_append_text(out, config_snapshot_applied(snapshot, name) == config_snapshot_config(snapshot, name)
                                        ? " applied"
                                        : " outdated");
    if (config_snapshot_task_generation(snapshot, name) >= 0)
        str_buffer_printf(out, " g%d", (int)config_snapshot_task_generation(snapshot, name));
    if (config_snapshot_needs_fencing(snapshot, name))
        str_buffer_append_text(out, " fence");
    if (config_snapshot_fenced_count(snapshot, name) >= 0)
        str_buffer_printf(out, " fenced%d", (int)config_snapshot_fenced_count(snapshot, name));
    str_buffer_append_char(out, ')');
}

static void describe(struct str_buffer *out, const struct config_snapshot *snapshot)
{
    str_buffer_printf(out, "%d", (int)config_snapshot_offset(snapshot));
    for (size_t i = 0; i < config_snapshot_connector_count(snapshot); i++)
        describe_connector(out, snapshot, config_snapshot_connector_at(snapshot, i));
    const struct session_key *key = config_snapshot_session_key(snapshot);
    if (key != NULL)
        str_buffer_printf(out, " key=%s,%s,%d", key->key, key->algorithm, (int)key->created_ms);
    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        assert_int_equal(note.size, strlen(note.text));
        str_buffer_printf(out, " %s=%s%s", note.key, note.text, note.is_overruled ? "!" : "");
    }
    if (config_snapshot_epoch(snapshot) > 0)
        str_buffer_printf(out, " e%d", (int)config_snapshot_epoch(snapshot));
}

static const struct row rows[] = {
    {"an empty topic has no offset", {{0}}, "-1"},
    {"1: what is not JSON does not move the offset", {CONNECTOR("a"), {"connector-b", "junk{"}}, "1 a(STARTED)"},
    {"1: unknown keys do", {CONNECTOR("a"), {"what-is-this", "{}"}, {"", "1"}}, "3 a(STARTED)"},
    {"1: JSON of the wrong kind does", {{"connector-a", "[]"}, {"connector-a", "{\"properties\":7}"}}, "2"},
    {"our own keys are kept as text, in the order of their keys",
     {{"millrace-member-b", "{\"boot\":\"x\"}"}, {"millrace-cluster", "{ \"epoch\" : 2 }"}},
     "2 millrace-cluster={ \"epoch\" : 2 } millrace-member-b={\"boot\":\"x\"} e2"},
    {"the newest counts, a tombstone removes",
     {{"millrace-a", "{}"}, {"millrace-b", "{}"}, {"millrace-a", "{\"n\":1}"}, {"millrace-b", NULL}},
     "4 millrace-a={\"n\":1}"},
    {"an epoch that is over does not count, and shows",
     {{"millrace-a", "{\"epoch\":3}"}, {"millrace-b", "{\"epoch\":4}"}, {"millrace-a", "{\"epoch\":3,\"x\":1}"},
      {"millrace-c", "{\"epoch\":2}"}, {"millrace-d", "{\"x\":1}"}},
     "5 millrace-a={\"epoch\":3}! millrace-b={\"epoch\":4} millrace-c=! millrace-d={\"x\":1} e4"},
    {"what is overruled is healed by the next record that counts",
     {{"millrace-b", "{\"epoch\":4}"}, {"millrace-c", "{\"epoch\":2}"}, {"millrace-c", "{\"epoch\":4}"}},
     "3 millrace-b={\"epoch\":4} millrace-c={\"epoch\":4} e4"},
    {"an epoch that is no number does not count", {{"millrace-b", "{\"epoch\":\"4\"}"}}, "1"},
    {"1: text behind the value is not looked at", {{"connector-a", "{\"properties\":{}} tail"}}, "1 a(STARTED)"},
    {"3: target-state- comes before connector-", {CONNECTOR("x"), TARGET("x", "PAUSED", "PAUSED")}, "2 x(PAUSED)"},
    {"3: session-key is a whole key",
     {{"session-key-2", "{\"key\":\"AA==\",\"algorithm\":\"A\",\"creation-timestamp\":1}"}},
     "1"},
    {"3: a connector may be called connector-", {CONNECTOR("connector-")}, "1 connector-(STARTED)"},
    {"4: names may hold dashes",
     {CONNECTOR("a-1"), TASK("a-1", 0, "t"), COMMIT("a-1", 1)},
     "3 a-1(STARTED t applied g0 fence)"},
    {"4: a task key without a number is ignored",
     {CONNECTOR("a"), {"task-a-", "{\"properties\":{}}"}, {"task-a-x", "{\"properties\":{}}"}, COMMIT("a", 0)},
     "4 a(STARTED applied fence)"},
    {"4: a task tombstone is ignored",
     {CONNECTOR("a"), TASK("a", 0, "t"), {"task-a-0", NULL}, COMMIT("a", 1)},
     "4 a(STARTED t applied g0 fence)"},
    {"4: tasks without a commit are not seen", {CONNECTOR("a"), TASK("a", 0, "t")}, "2 a(STARTED)"},
    {"5: tasks from before the configuration do not count for it",
     {CONNECTOR("a"), TASK("a", 0, "t"), CONNECTOR("a"), COMMIT("a", 1)},
     "4 a(STARTED inconsistent fence)"},
    {"5: a commit without a connector forgets",
     {TASK("a", 0, "t"), COMMIT("a", 1), CONNECTOR("a"), COMMIT("a", 1)},
     "4 a(STARTED inconsistent fence)"},
    {"5: a missing task makes it inconsistent",
     {CONNECTOR("a"), TASK("a", 1, "u"), COMMIT("a", 2)},
     "3 a(STARTED inconsistent fence)"},
    {"5: what was complete before is hidden then",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), TASK("a", 1, "u"), COMMIT("a", 2)},
     "5 a(STARTED inconsistent applied g0 fence)"},
    {"5: an incomplete commit drops what it saw",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 2), TASK("a", 1, "u"), COMMIT("a", 2)},
     "5 a(STARTED inconsistent fence)"},
    {"5: a complete commit heals",
     {CONNECTOR("a"), COMMIT("a", 1), TASK("a", 0, "t"), COMMIT("a", 1)},
     "4 a(STARTED t applied g0 fence)"},
    {"5: tasks beyond the count are fine",
     {CONNECTOR("a"), TASK("a", 1, "old"), TASK("a", 0, "t"), COMMIT("a", 1)},
     "4 a(STARTED t applied g0 fence)"},
    {"5: each complete commit is a generation",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), TASK("a", 0, "u"), COMMIT("a", 1)},
     "5 a(STARTED u applied g1 fence)"},
    {"5: the applied configuration is that of the commit",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), CONNECTOR("a")},
     "4 a(STARTED t outdated g0 fence)"},
    {"5: a commit that is no count is ignored",
     {CONNECTOR("a"), {"commit-a", "{\"tasks\":\"1\"}"}, {"commit-a", "{\"tasks\":-1}"}, {"commit-a", NULL}},
     "4 a(STARTED)"},
    {"6: no tasks are complete", {CONNECTOR("a"), COMMIT("a", 0)}, "2 a(STARTED applied fence)"},
    {"7: a fencing record settles it",
     {CONNECTOR("a"), COMMIT("a", 0), {"tasks-fencing-a", "{\"task-count\":2}"}},
     "3 a(STARTED applied fenced2)"},
    {"7: a later commit needs it again",
     {CONNECTOR("a"), {"tasks-fencing-a", "{\"task-count\":2}"}, COMMIT("a", 0)},
     "3 a(STARTED applied fence fenced2)"},
    {"8: a removal leaves nothing to be seen",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), {"connector-a", NULL}},
     "4"},
    {"8: nor to be found again",
     {CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), TASK("a", 0, "u"), {"connector-a", NULL}, CONNECTOR("a"),
      COMMIT("a", 1)},
     "7 a(STARTED inconsistent g0 fence)"},
    {"8: removing what is not there is fine", {{"connector-a", NULL}, {"target-state-a", NULL}}, "2"},
    {"11: a smaller commit hides the rest",
     {CONNECTOR("a"), TASK("a", 0, "t"), TASK("a", 1, "u"), COMMIT("a", 2), TASK("a", 0, "w"), COMMIT("a", 1)},
     "6 a(STARTED w applied g1 fence)"},

    {"target: stopped is known by v2", {CONNECTOR("a"), TARGET("a", "PAUSED", "STOPPED")}, "2 a(STOPPED)"},
    {"target: old workers write state alone",
     {CONNECTOR("a"), {"target-state-a", "{\"state\":\"PAUSED\"}"}},
     "2 a(PAUSED)"},
    {"target: a v2 that is no text is passed over",
     {CONNECTOR("a"), {"target-state-a", "{\"state\":\"PAUSED\",\"state.v2\":3}"}},
     "2 a(PAUSED)"},
    {"target: a null v2 as well",
     {CONNECTOR("a"), {"target-state-a", "{\"state\":\"PAUSED\",\"state.v2\":null}"}},
     "2 a(PAUSED)"},
    {"target: an unknown v2 drops the record",
     {CONNECTOR("a"), TARGET("a", "PAUSED", "PAUSED"), TARGET("a", "STARTED", "BOGUS")},
     "3 a(PAUSED)"},
    {"target: it may come before its connector", {TARGET("a", "PAUSED", "STOPPED"), CONNECTOR("a")}, "2 a(STOPPED)"},
    {"target: its tombstone means started",
     {CONNECTOR("a"), TARGET("a", "PAUSED", "PAUSED"), {"target-state-a", NULL}},
     "3 a(STARTED)"},
    {"target: it outlives the connector, its tombstone ends it",
     {CONNECTOR("a"), TARGET("a", "PAUSED", "PAUSED"), {"connector-a", NULL}, CONNECTOR("a"), {"connector-a", NULL},
      {"target-state-a", NULL}, CONNECTOR("a")},
     "7 a(STARTED)"},

    {"key: read, and replaced",
     {{"session-key", "{\"key\":\"AAEC\",\"algorithm\":\"HmacSHA256\",\"creation-timestamp\":5}"},
      {"session-key", "{\"key\":\"AwQF\",\"algorithm\":\"HmacSHA256\",\"creation-timestamp\":6}"}},
     "2 key=AwQF,HmacSHA256,6"},
    {"key: bad ones are passed over",
     {{"session-key", NULL},
      {"session-key", "{\"key\":\"?\",\"algorithm\":\"H\",\"creation-timestamp\":5}"},
      {"session-key", "{\"key\":\"AAEC\",\"creation-timestamp\":5}"},
      {"session-key", "{\"key\":\"AAEC\",\"algorithm\":\"H\",\"creation-timestamp\":\"5\"}"}},
     "4"},
    {"connectors come by name", {CONNECTOR("b"), CONNECTOR("c"), CONNECTOR("a")}, "3 a(STARTED) b(STARTED) c(STARTED)"},
};

static void replay_all(struct config_replay *replay, const struct text_record *records)
{
    for (int i = 0; i < ROW_RECORDS_MAX && records[i].key != NULL; i++)
        assert_true(config_replay_apply(replay, i, bytes_of_text(records[i].key), bytes_of_text(records[i].value)));
}

static void every_rule_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str_buffer shown;
        str_buffer_init(&shown, 10000);
        struct config_replay *replay = config_replay_create();
        replay_all(replay, rows[i].records);
        struct config_snapshot *snapshot = config_replay_snapshot(replay);
        config_replay_destroy(replay);
        describe(&shown, snapshot);
        config_snapshot_drop(snapshot);
        if (strcmp(str_buffer_text(&shown), rows[i].snapshot) != 0)
            fail_msg("%s: %s, not %s", rows[i].rule, str_buffer_text(&shown), rows[i].snapshot);
        str_buffer_release(&shown);
    }
}

static void it_is_known_whether_there_were_tasks_since_a_record_of_our_own(void **state)
{
    static const struct {
        struct text_record records[ROW_RECORDS_MAX];
        int tasks, note;
    } cases[] = {
        {{CONNECTOR("a"), {"millrace-x", "{}"}}, -1, 1},
        {{CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), COMMIT("a", 0), {"millrace-x", "{}"}}, 3, 4},
        {{CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), COMMIT("a", 0), {"millrace-x", "{}"}, COMMIT("a", 0)}, 3, 4},
        {{CONNECTOR("a"), COMMIT("a", 0), {"millrace-x", "{}"}, TASK("a", 0, "t"), COMMIT("a", 1)}, 4, 2},
        {{CONNECTOR("a"), {"millrace-x", "{}"}, COMMIT("a", 0)}, 2, 1}, /* whatever was before it is gone */
        {{CONNECTOR("a"), COMMIT("a", 0), {"millrace-x", "{}"}, COMMIT("a", 1), COMMIT("a", 0)}, 4, 2},
        {{{"millrace-y", "{\"epoch\":2}"}, {"millrace-x", "{\"epoch\":3}"}, {"millrace-x", "{\"epoch\":2}"}}, -1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_note note = {.offset = -2};
        struct config_replay *replay = config_replay_create();
        replay_all(replay, cases[i].records);
        struct config_snapshot *snapshot = config_replay_snapshot(replay);
        config_replay_destroy(replay);
        assert_true(config_snapshot_note_find(snapshot, "millrace-x", &note));
        assert_false(config_snapshot_note_find(snapshot, "millrace-z", &note));
        if (config_snapshot_tasks_offset(snapshot, "a") != cases[i].tasks || note.offset != cases[i].note)
            fail_msg("%zu: %d %d", i, (int)config_snapshot_tasks_offset(snapshot, "a"), (int)note.offset);
        config_snapshot_drop(snapshot);
    }
}

static void tasks_without_a_commit_are_known(void **state)
{
    static const struct {
        struct text_record records[ROW_RECORDS_MAX];
        bool awaits;
    } cases[] = {
        {{CONNECTOR("a"), TASK("a", 0, "t")}, true},
        {{CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1)}, false},
        {{CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 1), TASK("a", 0, "u")}, true},
        {{CONNECTOR("a"), TASK("a", 0, "t"), COMMIT("a", 2)}, false}, /* inconsistent, which is another thing */
        {{CONNECTOR("a"), TASK("a", 0, "t"), CONNECTOR("a")}, false},
        {{TASK("a", 0, "t"), CONNECTOR("a")}, false}, /* what compaction has left */
        {{CONNECTOR("a"), TASK("a", 0, "t"), {"connector-a", NULL}, CONNECTOR("a")}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_replay *replay = config_replay_create();
        replay_all(replay, cases[i].records);
        struct config_snapshot *snapshot = config_replay_snapshot(replay);
        config_replay_destroy(replay);
        if (config_snapshot_awaits_commit(snapshot, "a") != cases[i].awaits)
            fail_msg("%zu", i);
        config_snapshot_drop(snapshot);
    }
}

/* ---- what the listener is told ---- */

static struct str_buffer told;

static void tell(const char *what, const char *name)
{
    str_buffer_printf(&told, "%s %s;", what, name);
}

static void on_changed(void *argument, const char *name)
{
    (void)argument;
    tell("changed", name);
}

static void on_removed(void *argument, const char *name)
{
    (void)argument;
    tell("removed", name);
}

static void on_tasks(void *argument, const char *name)
{
    (void)argument;
    tell("tasks", name);
}

static void on_target(void *argument, const char *name)
{
    (void)argument;
    tell("target", name);
}

static void on_restart(void *argument, const char *name, bool include_tasks, bool only_failed)
{
    (void)argument;
    str_buffer_printf(&told, "restart %s %d %d;", name, include_tasks, only_failed);
}

static void on_key(void *argument)
{
    (void)argument;
    tell("key", "");
}

static void on_level(void *argument, const char *logger, const char *level)
{
    (void)argument;
    str_buffer_printf(&told, "level %s %s;", logger, level);
}

static const struct config_listener listener = {.connector_changed = on_changed,
                                                .connector_removed = on_removed,
                                                .tasks_changed = on_tasks,
                                                .target_state_changed = on_target,
                                                .restart_requested = on_restart,
                                                .session_key_changed = on_key,
                                                .logger_level_changed = on_level};

static const struct text_record history[ROW_RECORDS_MAX] = {
    CONNECTOR("a"),
    TASK("a", 0, "t"),
    COMMIT("a", 1),
    TARGET("a", "PAUSED", "PAUSED"),
    {"restart-connector-a", "{\"include-tasks\":true,\"only-failed\":false}"},
    {"logger-cluster-org.apache", "{\"level\":\"DEBUG\"}"},
    {"session-key", "{\"key\":\"AAEC\",\"algorithm\":\"H\",\"creation-timestamp\":5}"},
    {"connector-a", NULL},
};

static void history_is_not_told(void **state)
{
    (void)state;
    struct config_replay *replay = config_replay_create();
    str_buffer_init(&told, 10000);
    replay_all(replay, history);
    config_replay_tell(replay, &listener, NULL);
    assert_string_equal(str_buffer_text(&told), "");
    config_replay_begin_telling(replay);
    replay_all(replay, history);
    config_replay_tell(replay, &listener, NULL);
    assert_string_equal(str_buffer_text(&told), "changed a;tasks a;restart a 1 0;level org.apache DEBUG;key ;removed a;");
    str_buffer_clear(&told);
    config_replay_tell(replay, &listener, NULL);
    assert_string_equal(str_buffer_text(&told), "");
    config_replay_destroy(replay);
    str_buffer_release(&told);
}

static void a_target_state_is_told_only_when_it_changes_a_known_connector(void **state)
{
    static const struct text_record records[ROW_RECORDS_MAX] = {
        TARGET("a", "PAUSED", "PAUSED"), CONNECTOR("a"),        TARGET("a", "PAUSED", "PAUSED"),
        TARGET("a", "PAUSED", "STOPPED"), {"target-state-a", NULL}, TARGET("a", "STARTED", "STARTED"),
    };
    (void)state;
    struct config_replay *replay = config_replay_create();
    str_buffer_init(&told, 10000);
    config_replay_begin_telling(replay);
    replay_all(replay, records);
    config_replay_tell(replay, &listener, NULL);
    assert_string_equal(str_buffer_text(&told), "changed a;target a;");
    config_replay_destroy(replay);
    str_buffer_release(&told);
}

/* ---- sharing, sizes, memory ---- */

static void what_did_not_change_is_shared(void **state)
{
    static const struct text_record before[ROW_RECORDS_MAX] = {CONNECTOR("a"), CONNECTOR("b"), TASK("b", 0, "t"),
                                                               COMMIT("b", 1)};
    static const struct text_record after[ROW_RECORDS_MAX] = {CONNECTOR("a"), TARGET("b", "PAUSED", "PAUSED")};
    (void)state;
    struct config_replay *replay = config_replay_create();
    replay_all(replay, before);
    struct config_snapshot *old = config_replay_snapshot(replay);
    const struct string_map *a = config_snapshot_config(old, "a"), *task = config_snapshot_task(old, "b", 0);
    replay_all(replay, after);
    struct config_snapshot *new = config_replay_snapshot(replay);
    assert_ptr_equal(config_snapshot_task(new, "b", 0), task);
    assert_ptr_not_equal(config_snapshot_config(new, "a"), a);
    assert_ptr_equal(config_snapshot_config(old, "a"), a);
    assert_int_equal(config_snapshot_target(old, "b"), TARGET_STARTED);
    assert_int_equal(config_snapshot_target(new, "b"), TARGET_PAUSED);
    config_replay_destroy(replay);
    config_snapshot_drop(old);
    assert_string_equal(string_map_get(config_snapshot_task(new, "b", 0), "v"), "t");
    config_snapshot_drop(new);
}

static void texts_numbers_and_nulls_are_taken_as_configuration(void **state)
{
    static const struct text_record records[ROW_RECORDS_MAX] = {
        {"connector-f\xC3\xA9 \"q\"-7",
         "{\"properties\":{\"z\":\"\\u00e9\\n/\",\"n\":null,\"i\":7,\"b\":true,\"f\":1.5}}"}};
    (void)state;
    struct config_replay *replay = config_replay_create();
    replay_all(replay, records);
    struct config_snapshot *snapshot = config_replay_snapshot(replay);
    const struct string_map *map = config_snapshot_config(snapshot, "f\xC3\xA9 \"q\"-7");
    assert_non_null(map);
    assert_string_equal(string_map_key(map, 0), "z");
    assert_string_equal(string_map_get(map, "z"), "\xC3\xA9\n/");
    assert_true(string_map_has(map, "n") && string_map_get(map, "n") == NULL);
    assert_string_equal(string_map_get(map, "i"), "7");
    assert_string_equal(string_map_get(map, "b"), "true");
    assert_string_equal(string_map_get(map, "f"), "1.5");
    config_snapshot_drop(snapshot);
    config_replay_destroy(replay);
}

static void what_cannot_be_held_is_ignored(void **state)
{
    static const struct text_record records[ROW_RECORDS_MAX] = {
        {"connector-nul", "{\"properties\":{\"a\":\"b\\u0000c\"}}"},
        {"connector-nested", "{\"properties\":{\"a\":{}}}"},
        {"connector-", "{\"properties\":{}}"},
        {"connector-\xFF", "{\"properties\":{}}"},
        {"task-a-99999999999", "{\"properties\":{}}"},
        {"task-a--", "{\"properties\":{}}"},
        {"task--1", "{\"properties\":{}}"},
    };
    (void)state;
    struct config_replay *replay = config_replay_create();
    replay_all(replay, records);
    struct config_snapshot *snapshot = config_replay_snapshot(replay);
    assert_int_equal(config_snapshot_connector_count(snapshot), 0);
    assert_int_equal(config_snapshot_offset(snapshot), 7);
    config_snapshot_drop(snapshot);
    config_replay_destroy(replay);
}

static bool replay_history(void *argument)
{
    (void)argument;
    struct config_replay *replay = config_replay_create();
    bool worked = replay != NULL;
    if (worked)
        config_replay_begin_telling(replay);
    for (int i = 0; worked && history[i].key != NULL; i++)
        worked = config_replay_apply(replay, i, bytes_of_text(history[i].key), bytes_of_text(history[i].value));
    struct config_snapshot *snapshot = worked ? config_replay_snapshot(replay) : NULL;
    worked = snapshot != NULL;
    config_snapshot_drop(snapshot);
    config_replay_destroy(replay);
    return worked;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    alloc_torture(replay_history, NULL);
}

RUN_TESTS(cmocka_unit_test(every_rule_holds),
          cmocka_unit_test(tasks_without_a_commit_are_known), cmocka_unit_test(it_is_known_whether_there_were_tasks_since_a_record_of_our_own), cmocka_unit_test(history_is_not_told),
          cmocka_unit_test(a_target_state_is_told_only_when_it_changes_a_known_connector),
          cmocka_unit_test(what_did_not_change_is_shared),
          cmocka_unit_test(texts_numbers_and_nulls_are_taken_as_configuration),
          cmocka_unit_test(what_cannot_be_held_is_ignored), cmocka_unit_test(without_memory_nothing_leaks))
