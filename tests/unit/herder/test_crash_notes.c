/* What workers tell each other of units that ended one of them. */
#include <unistd.h>

#include "base/clock.h"
#include "executor/quarantine.h"
#include "rig.h"

#define NOTE "millrace-crash-"

static char folder[64], path[96];

static int group_setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/millrace-crash-notes-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/crash", folder);
    return 0;
}

static int group_teardown(void **state)
{
    rig_teardown(state);
    quarantine_destroy(rig_quarantine);
    rig_quarantine = NULL;
    unlink(path);
    rmdir(folder);
    return 0;
}

static void begin(void)
{
    rig_quarantine = quarantine_create(path, clock_wall_ms(NULL));
    assert_non_null(rig_quarantine);
    rig_open(true, 0);
    rig_start();
}

static void lead(void)
{
    static const struct membership_peer peers[] = {{RIG_URL, RIG_BOOT, true}};

    rig.group->on_leading(rig.group_argument);
    rig.group->on_peers(rig.group_argument, 1, peers, 1);
}

static struct string_map *crash(const char *worker, const char *connector)
{
    struct string_map *report = string_map_create();
    char now[24];

    snprintf(now, sizeof(now), "%lld", (long long)clock_wall_ms(NULL));
    assert_true(string_map_put(report, "worker", worker) && string_map_put(report, "time_ms", now) &&
                string_map_put(report, "connector", connector) && string_map_put(report, "task", "0") &&
                string_map_put(report, "call", "poll") && string_map_put(report, "inside", "yes"));
    return report;
}

static void tell(const char *worker, const char *connector)
{
    struct string_map *report = crash(worker, connector);

    assert_int_equal(0, herder_tell_crash(rig.herder, report, INT64_MAX, NULL));
    string_map_destroy(report);
}

struct wish {
    size_t count;
    const char *text; /* in one of them; NULL: whatever */
};

static bool there_are(void *argument)
{
    const struct wish *wish = argument;
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    size_t count = 0;
    bool has_text = wish->text == NULL;

    for (size_t i = 0; i < config_snapshot_note_count(snapshot); i++) {
        struct config_note note = config_snapshot_note_at(snapshot, i);

        if (strncmp(note.key, NOTE, strlen(NOTE)) != 0)
            continue;
        count++;
        has_text = has_text || strstr(note.text, wish->text) != NULL;
    }
    config_snapshot_drop(snapshot);
    return count == wish->count && has_text;
}

static void expect_notes(size_t count, const char *text)
{
    assert_true(eventually(5000, there_are, &(struct wish){count, text}));
}

static bool is_held(void *argument)
{
    struct config_snapshot *snapshot = config_store_snapshot(rig.configs);
    char *reason = quarantine_reason(rig_quarantine, "a", 0, config_snapshot_config(snapshot, "a"));
    bool is = reason != NULL;

    (void)argument;
    config_snapshot_drop(snapshot);
    mem_free(reason);
    return is;
}

static void what_two_workers_say_holds_the_unit_until_it_is_restarted(void **state)
{
    struct answer answer = {0};

    (void)state;
    begin();
    lead();
    put("a", "1");
    expect("status a-0 RUNNING");
    tell("b:1", "a");
    expect_notes(1, "\"config\":\"");
    assert_false(is_held(NULL));
    tell("c:1", "a");
    assert_true(eventually(5000, is_held, NULL));
    assert_true(quarantine_forgive(rig_quarantine, "a", 0, false)); /* as the executor does, which is a fake here */
    herder_restart_task(rig.herder, "a", 0, take_answer, &answer);
    assert_int_equal(204, answered(&answer));
    assert_false(is_held(NULL));
    expect_notes(0, NULL);
}

static void what_only_the_file_knows_is_said_to_all(void **state)
{
    FILE *file = fopen(path, "w");
    struct string_map *config = string_map_create();

    (void)state;
    assert_non_null(file);
    assert_true(string_map_put(config, "connector.class", "Source") && string_map_put(config, "name", "a"));
    fprintf(file, "crash\ntime_ms: %lld\nworker: here:8083\nconnector: a\ntask: 0\ncall: poll\ninside: yes\n\n",
            (long long)clock_wall_ms(NULL));
    fclose(file);
    begin();
    assert_int_equal(0, config_store_put_connector(rig.configs, "a", config, NULL, INT64_MAX, NULL));
    lead();
    expect_notes(1, "\"worker\":\"here:8083\"");
    string_map_destroy(config);
}

static void what_is_held_against_a_connector_that_is_gone_is_removed(void **state)
{
    (void)state;
    begin();
    tell("b:1", "a");
    expect_notes(1, "\"connector\":\"a\"");
    lead();
    expect_notes(0, NULL);
}

static void what_is_no_report_harms_nobody(void **state)
{
    (void)state;
    begin();
    lead();
    assert_int_equal(0, config_store_put_own_note(rig.configs, &(struct config_note_write){NOTE "x@1", "[]"}, INT64_MAX, NULL));
    put("a", "1");
    expect("status a-0 RUNNING");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, group_setup, group_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_two_workers_say_holds_the_unit_until_it_is_restarted),
        TEST(what_only_the_file_knows_is_said_to_all),
        TEST(what_is_held_against_a_connector_that_is_gone_is_removed),
        TEST(what_is_no_report_harms_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
