/* Units that have ended the process: once is told, twice is held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crash_file.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/ptr_array.h"
#include "base/string_map.h"
#include "executor/quarantine.h"

#define NOW_MS 1800000000000

struct place {
    char folder[64], path[96];
    struct string_map *config, *other;
};

static int with_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    snprintf(place->folder, sizeof(place->folder), "/tmp/millrace-quarantine-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof(place->path), "%s/crash", place->folder);
    place->config = string_map_create();
    place->other = string_map_create();
    assert_true(string_map_put(place->config, "a", "1") && string_map_put(place->config, "b", NULL));
    assert_true(string_map_put(place->other, "a", "1") && string_map_put(place->other, "b", ""));
    *state = place;
    return 0;
}

static int without_place(void **state)
{
    struct place *place = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    assert_int_equal(0, system(command));
    string_map_destroy(place->config);
    string_map_destroy(place->other);
    free(place);
    return 0;
}

static void append(const struct place *place, int64_t time_ms, const char *more)
{
    FILE *file = fopen(place->path, "a");

    assert_non_null(file);
    fprintf(file, "crash\ntime_ms: %lld\nsignal: SIGSEGV\nconnector: c\nclass: K\nfile: k.so\n%s\n", (long long)time_ms,
            more);
    fclose(file);
}

#define POLL_0 "task: 0\ncall: poll\ninside: yes\n"

static void assert_words(char *words, const char *expected)
{
    if (expected == NULL) {
        assert_null(words);
        return;
    }
    assert_non_null(words);
    if (strstr(words, expected) == NULL)
        fail_msg("'%s' is not in: %s", expected, words);
    mem_free(words);
}

/* One start of a worker: what keeps task 0 of "c" from starting (NULL: nothing), and what its status says. */
static void one_start(const struct place *place, int64_t now_ms, const struct string_map *config, const char *reason,
                      const char *note)
{
    struct quarantine *quarantine = quarantine_create(place->path, now_ms);

    assert_non_null(quarantine);
    assert_words(quarantine_reason(quarantine, "c", 0, config), reason);
    assert_words(quarantine_take_note(quarantine, "c", 0), note);
    assert_null(quarantine_take_note(quarantine, "c", 0));
    assert_null(quarantine_reason(quarantine, "c", 1, config));
    assert_null(quarantine_reason(quarantine, "c", QUARANTINE_CONNECTOR, config));
    assert_null(quarantine_reason(quarantine, "other", 0, config));
    quarantine_destroy(quarantine);
}

static void once_is_told_once(void **state)
{
    struct place *place = *state;

    append(place, NOW_MS, POLL_0);
    one_start(place, NOW_MS + 1000, place->config, NULL, "SIGSEGV inside poll of K (k.so)");
    one_start(place, NOW_MS + 2000, place->config, NULL, NULL);
}

static void twice_within_ten_minutes_is_held_for_ever(void **state)
{
    struct place *place = *state;

    append(place, NOW_MS, POLL_0);
    one_start(place, NOW_MS, place->config, NULL, "ended the former worker process");
    append(place, NOW_MS + QUARANTINE_WINDOW_MS - 1, POLL_0);
    one_start(place, NOW_MS + QUARANTINE_WINDOW_MS, place->config, "twice within ten minutes", "ended the former");
    one_start(place, NOW_MS + 100LL * QUARANTINE_WINDOW_MS, place->config, "twice within ten minutes", NULL);
}

static void twice_with_more_than_ten_minutes_between_is_not_held(void **state)
{
    struct place *place = *state;

    append(place, NOW_MS, POLL_0);
    one_start(place, NOW_MS, place->config, NULL, "ended the former");
    append(place, NOW_MS + QUARANTINE_WINDOW_MS, POLL_0);
    one_start(place, NOW_MS + QUARANTINE_WINDOW_MS, place->config, NULL, "ended the former");
}

static void another_configuration_starts(void **state)
{
    struct place *place = *state;

    append(place, NOW_MS, POLL_0);
    one_start(place, NOW_MS, place->config, NULL, "ended the former");
    append(place, NOW_MS + 1, POLL_0);
    one_start(place, NOW_MS + 2, place->config, "twice", "ended the former");
    one_start(place, NOW_MS + 3, place->other, NULL, NULL);
    one_start(place, NOW_MS + 4, place->config, NULL, NULL);
}

static void what_is_forgiven_starts_and_stays_forgiven(void **state)
{
    struct place *place = *state;
    struct quarantine *quarantine;

    append(place, NOW_MS, POLL_0);
    append(place, NOW_MS, POLL_0);
    quarantine = quarantine_create(place->path, NOW_MS);
    assert_false(quarantine_forgive(quarantine, "c", 1, false));
    assert_false(quarantine_forgive(quarantine, "c", QUARANTINE_CONNECTOR, false));
    assert_words(quarantine_reason(quarantine, "c", 0, place->config), "twice");
    assert_true(quarantine_forgive(quarantine, "c", QUARANTINE_CONNECTOR, true));
    quarantine_save(quarantine);
    assert_words(quarantine_reason(quarantine, "c", 0, place->config), NULL);
    quarantine_destroy(quarantine);
    one_start(place, NOW_MS, place->config, NULL, NULL);
}

static void others_are_not_blamed(void **state)
{
    static const char *const innocent[] = {
        "task: 0\ncall: poll\ninside: no\n",                  /* the worker itself */
        "task: 0\ncall: poll\ninside: yes\nsender: 1\n",      /* kill(1) */
        "task: 0\ncall: alter_offsets\ninside: yes\n", "call: validate\ninside: yes\n",
    };
    struct place *place = *state;

    for (size_t i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++) {
        append(place, NOW_MS, innocent[i]);
        append(place, NOW_MS, innocent[i]);
    }
    one_start(place, NOW_MS, place->config, NULL, NULL);
}

static void what_no_longer_matters_leaves_the_file(void **state)
{
    struct place *place = *state;
    struct ptr_array reports;
    char why[256];

    append(place, NOW_MS, "task: 0\ncall: poll\ninside: no\n");
    append(place, NOW_MS, POLL_0);
    one_start(place, NOW_MS, place->config, NULL, "ended the former");
    one_start(place, NOW_MS + QUARANTINE_WINDOW_MS, place->config, NULL, NULL);
    ptr_array_init(&reports, NULL);
    assert_true(crash_file_read(place->path, &reports, why, sizeof(why)));
    assert_int_equal(0, reports.count);
    ptr_array_release(&reports);
}

static void nobody_is_held_without_a_file_or_by_one_of_rubbish(void **state)
{
    struct place *place = *state;
    char why[256];

    one_start(place, NOW_MS, place->config, NULL, NULL);
    assert_true(file_replace(place->path, &(struct file_content){.bytes = "\0\0crash", .length = 7, .mode = 0600}, why,
                             sizeof(why)));
    one_start(place, NOW_MS, place->config, NULL, NULL);
    assert_null(quarantine_reason(NULL, "c", 0, place->config));
    assert_null(quarantine_take_note(NULL, "c", 0));
    assert_false(quarantine_forgive(NULL, "c", 0, true));
}

static void the_nth_allocation_that_fails_holds_or_frees_but_never_breaks(void **state)
{
    struct place *place = *state;

    append(place, NOW_MS, POLL_0);
    append(place, NOW_MS, POLL_0);
    bool was_refused = true;
    for (int64_t n = 0; was_refused; n++) {
        mem_watch_start(n);
        struct quarantine *quarantine = quarantine_create(place->path, NOW_MS);
        char *reason = quarantine_reason(quarantine, "c", 0, place->config);
        char *note = quarantine_take_note(quarantine, "c", 0);
        mem_free(reason);
        mem_free(note);
        quarantine_destroy(quarantine);
        was_refused = mem_failed() > 0;
        assert_int_equal(0, mem_live());
        mem_watch_stop();
    }
    one_start(place, NOW_MS, place->config, "twice", NULL);
}

/* --- in a cluster -------------------------------------------------------------------------------------------------------------- */

static void destroy_report(void *report)
{
    string_map_destroy(report);
}

/* What the cluster says: a crash of task 0 of "c" on that worker. */
static struct string_map *say(struct ptr_array *said, const char *worker, int64_t time_ms)
{
    struct string_map *report = string_map_create();
    char time[24];

    snprintf(time, sizeof(time), "%lld", (long long)time_ms);
    assert_true(string_map_put(report, "worker", worker) && string_map_put(report, "time_ms", time) &&
                string_map_put(report, "connector", "c") && string_map_put(report, "task", "0") &&
                string_map_put(report, "call", "poll") && string_map_put(report, "inside", "yes") &&
                string_map_put(report, "class", "K") && string_map_put(report, "signal", "SIGSEGV"));
    assert_true(ptr_array_push(said, report));
    return report;
}

static size_t settled(struct quarantine *quarantine, quarantine_config_fn *config_of, void *argument, int64_t now_ms)
{
    struct ptr_array ids;
    size_t count;

    ptr_array_init(&ids, mem_free);
    quarantine_list_settled(quarantine, now_ms, config_of, argument, &ids);
    count = ids.count;
    ptr_array_release(&ids);
    return count;
}

static size_t unsent(struct quarantine *quarantine)
{
    struct ptr_array reports;
    size_t count;

    ptr_array_init(&reports, destroy_report);
    quarantine_list_unsent(quarantine, &reports);
    count = reports.count;
    ptr_array_release(&reports);
    return count;
}

static const struct string_map *its_config(void *argument, const char *connector)
{
    assert_string_equal("c", connector);
    return argument;
}

struct cluster {
    struct quarantine *quarantine;
    struct ptr_array said;
};

static void cluster_open(struct cluster *cluster, const struct place *place)
{
    cluster->quarantine = quarantine_create(place->path, NOW_MS);
    ptr_array_init(&cluster->said, destroy_report);
}

static void cluster_hear(struct cluster *cluster)
{
    quarantine_hear(cluster->quarantine, &cluster->said, 10, NOW_MS + 10);
}

static void cluster_close(struct cluster *cluster)
{
    ptr_array_release(&cluster->said);
    quarantine_destroy(cluster->quarantine);
}

static void what_it_did_to_two_other_workers_holds_it_here(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    cluster_open(&cluster, place);
    say(&cluster.said, "a:1", NOW_MS);
    cluster_hear(&cluster);
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), NULL);
    say(&cluster.said, "b:1", NOW_MS + 5);
    cluster_hear(&cluster);
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), "The last time (worker b:1), at");
    assert_null(quarantine_reason(cluster.quarantine, "c", 1, place->config));
    assert_int_equal(0, settled(cluster.quarantine, NULL, NULL, NOW_MS));
    assert_int_equal(0, settled(cluster.quarantine, its_config, place->config, NOW_MS));
    cluster_close(&cluster);
    assert_int_equal(-1, access(place->path, F_OK)); /* it is no business of this worker's file */
}

static void what_it_did_elsewhere_is_told_once(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    cluster_open(&cluster, place);
    say(&cluster.said, "a:1", NOW_MS);
    cluster_hear(&cluster);
    cluster_hear(&cluster);
    assert_words(quarantine_take_note(cluster.quarantine, "c", 0), "ended a worker process (worker a:1) and was started");
    cluster_hear(&cluster);
    assert_null(quarantine_take_note(cluster.quarantine, "c", 0));
    cluster_close(&cluster);
}

static void a_crash_that_the_file_and_the_cluster_know_counts_once(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    append(place, NOW_MS, "worker: a:1\n" POLL_0);
    cluster_open(&cluster, place);
    assert_int_equal(1, unsent(cluster.quarantine));
    say(&cluster.said, "a:1", NOW_MS);
    cluster_hear(&cluster);
    assert_int_equal(0, unsent(cluster.quarantine));
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), NULL);
    assert_words(quarantine_take_note(cluster.quarantine, "c", 0), "ended the former worker process");
    quarantine_save(cluster.quarantine);
    assert_int_equal(-1, access(place->path, F_OK)); /* from now on the cluster's word counts */
    cluster_close(&cluster);
}

static void what_was_just_sent_outlives_a_snapshot_from_before(void **state)
{
    struct place *place = *state;
    struct cluster cluster;
    struct ptr_array reports;

    append(place, NOW_MS, "worker: a:1\n" POLL_0);
    append(place, NOW_MS + 1, "worker: a:1\n" POLL_0);
    cluster_open(&cluster, place);
    ptr_array_init(&reports, destroy_report);
    quarantine_list_unsent(cluster.quarantine, &reports);
    for (size_t i = 0; i < reports.count; i++)
        quarantine_set_sent(cluster.quarantine, ptr_array_at(&reports, i), 12);
    ptr_array_release(&reports);
    assert_int_equal(0, unsent(cluster.quarantine));
    quarantine_hear(cluster.quarantine, &cluster.said, 11, NOW_MS + 10);
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), "twice");
    quarantine_hear(cluster.quarantine, &cluster.said, 12, NOW_MS + 10); /* forgiven */
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), NULL);
    cluster_close(&cluster);
}

static void what_the_dying_process_said_itself_counts_as_long_as_the_cluster_has_it(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    append(place, NOW_MS, "worker: a:1\nsent: yes\n" POLL_0);
    append(place, NOW_MS + 1, "worker: a:1\nsent: yes\n" POLL_0);
    cluster_open(&cluster, place);
    assert_int_equal(0, unsent(cluster.quarantine));
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), "twice");
    cluster_hear(&cluster); /* forgiven meanwhile */
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), NULL);
    assert_null(quarantine_take_note(cluster.quarantine, "c", 0));
    cluster_close(&cluster);
}

static void what_is_forgiven_here_stays_so_until_the_cluster_has_forgotten_it(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    cluster_open(&cluster, place);
    say(&cluster.said, "a:1", NOW_MS);
    say(&cluster.said, "b:1", NOW_MS);
    cluster_hear(&cluster);
    assert_true(quarantine_forgive(cluster.quarantine, "c", 0, false));
    cluster_hear(&cluster);
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), NULL);
    assert_null(quarantine_take_note(cluster.quarantine, "c", 0));
    assert_false(quarantine_forgive(cluster.quarantine, "c", 0, true));
    assert_int_equal(2, settled(cluster.quarantine, NULL, NULL, NOW_MS));
    ptr_array_clear(&cluster.said);
    cluster_hear(&cluster);
    assert_int_equal(0, settled(cluster.quarantine, NULL, NULL, NOW_MS));
    cluster_close(&cluster);
}

static void the_leader_removes_what_is_over(void **state)
{
    struct place *place = *state;
    struct cluster cluster;

    cluster_open(&cluster, place);
    assert_true(quarantine_report_seal(say(&cluster.said, "a:1", NOW_MS), place->config));
    cluster_hear(&cluster);
    assert_int_equal(0, settled(cluster.quarantine, its_config, place->config, NOW_MS));
    assert_int_equal(1, settled(cluster.quarantine, its_config, place->other, NOW_MS)); /* configured anew */
    assert_int_equal(1, settled(cluster.quarantine, its_config, NULL, NOW_MS));         /* deleted */
    assert_int_equal(1, settled(cluster.quarantine, its_config, place->config, NOW_MS + QUARANTINE_WINDOW_MS));
    assert_true(quarantine_report_seal(say(&cluster.said, "b:1", NOW_MS), place->config));
    cluster_hear(&cluster);
    assert_int_equal(0, settled(cluster.quarantine, its_config, place->config, NOW_MS + QUARANTINE_WINDOW_MS)); /* held */
    assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->other), NULL);
    assert_int_equal(2, settled(cluster.quarantine, NULL, NULL, NOW_MS));
    cluster_close(&cluster);
}

static void the_nth_allocation_that_fails_while_hearing_is_made_good_later(void **state)
{
    struct place *place = *state;
    struct cluster cluster;
    bool was_refused = true;

    append(place, NOW_MS, "worker: a:1\n" POLL_0);
    for (int64_t n = 0; was_refused; n++) {
        cluster_open(&cluster, place);
        say(&cluster.said, "a:1", NOW_MS);
        say(&cluster.said, "b:1", NOW_MS);
        mem_watch_start(n);
        cluster_hear(&cluster);
        (void)unsent(cluster.quarantine);
        (void)settled(cluster.quarantine, NULL, NULL, NOW_MS);
        was_refused = mem_failed() > 0;
        mem_watch_stop();
        cluster_hear(&cluster);
        assert_words(quarantine_reason(cluster.quarantine, "c", 0, place->config), "twice");
        cluster_close(&cluster);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_place, without_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(once_is_told_once),
        TEST(twice_within_ten_minutes_is_held_for_ever),
        TEST(twice_with_more_than_ten_minutes_between_is_not_held),
        TEST(another_configuration_starts),
        TEST(what_is_forgiven_starts_and_stays_forgiven),
        TEST(others_are_not_blamed),
        TEST(what_no_longer_matters_leaves_the_file),
        TEST(nobody_is_held_without_a_file_or_by_one_of_rubbish),
        TEST(the_nth_allocation_that_fails_holds_or_frees_but_never_breaks),
        TEST(what_it_did_to_two_other_workers_holds_it_here),
        TEST(what_it_did_elsewhere_is_told_once),
        TEST(a_crash_that_the_file_and_the_cluster_know_counts_once),
        TEST(what_was_just_sent_outlives_a_snapshot_from_before),
        TEST(what_the_dying_process_said_itself_counts_as_long_as_the_cluster_has_it),
        TEST(what_is_forgiven_here_stays_so_until_the_cluster_has_forgotten_it),
        TEST(the_leader_removes_what_is_over),
        TEST(the_nth_allocation_that_fails_while_hearing_is_made_good_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
