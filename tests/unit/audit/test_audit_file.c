/* The file: full and broken disks, rotation, limits, memory. */
#include "audit_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/thread.h"
#include "support/alloc_torture.h"

static atomic_int sync_error; /* of every fdatasync; 0: they work */
static atomic_int sync_count;
static atomic_bool sync_waits;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    sync_count++;
    while (sync_waits)
        usleep(1000);
    if (sync_error == 0)
        return __real_fdatasync(fd);
    errno = sync_error;
    return -1;
}

static int sync_count_before;

/* What is to reach the disk from here on waits in front of it. */
static void sync_hold(void)
{
    sync_count_before = sync_count;
    sync_waits = true;
}

static void expect_told_after_sync(struct record *record, struct asker *asker)
{
    await_lines(record->path, 1);
    while (sync_count == sync_count_before)
        usleep(1000);
    assert_int_equal(asker->told, 0);
    sync_waits = false;
    assert_true(eventually(SOON_MS, is_told, asker));
}

static void a_change_waits_until_its_line_is_on_the_disk(void **state)
{
    struct record record;
    struct asker asker = {0};
    (void)state;
    record_init(&record);
    sync_hold();
    audit_admit(record.audit, &CALL, NULL, on_admitted, &asker);
    expect_told_after_sync(&record, &asker);
    assert_non_null(asker.change);
    audit_change_end(asker.change, 204, NULL);
    record_release(&record);
}

static void a_look_at_records_waits_until_its_line_is_on_the_disk(void **state)
{
    struct record record;
    struct asker asker = {0};
    (void)state;
    record_init(&record);
    sync_hold();
    audit_admit_look(record.audit, LOOK, 2, on_admitted, &asker);
    expect_told_after_sync(&record, &asker);
    assert_string_equal(asker.why, "");
    record_close(&record);
    assert_int_equal(line_count(record.path), 1);
    json_t *line = line_of(record.path, 0);
    assert_member(line, "event", "records");
    assert_member(line, "who", "ada");
    assert_member(line, "topic", "orders");
    assert_null(json_object_get(line, "hash_before"));
    json_decref(line);
    record_release(&record);
}

static void nobody_looks_while_that_cannot_be_recorded(void **state)
{
    struct record record;
    struct asker asker;
    (void)state;
    record_init(&record);
    sync_error = ENOSPC;
    for (int i = 0; i < 2; i++) { /* tried; known */
        ask_to_look(record.audit, &asker);
        assert_non_null(strstr(asker.why, "The records are not shown: the audit record (millrace.audit.file) cannot be written: No space left"));
    }
    sync_error = 0;
    assert_true(eventually(SOON_MS, is_admitted_now, record.audit));
    ask_to_look(record.audit, &asker);
    assert_string_equal(asker.why, "");
    json_t *gap = line_of(record.path, 0);
    assert_member(gap, "event", "gap");
    json_decref(gap);
    record_release(&record);
}

static void a_record_that_cannot_be_synced_refuses_changes_until_it_can(void **state)
{
    struct record record;
    struct asker asker;
    char words[AUDIT_WORDS_SIZE];
    (void)state;
    record_init(&record);
    assert_true(is_admitted_now(record.audit));
    await_lines(record.path, 2);
    sync_error = EIO;
    ask_audit(record.audit, &asker);
    assert_null(asker.change);
    assert_non_null(strstr(asker.why, "millrace.audit.file"));
    assert_non_null(strstr(asker.why, "Input/output error"));
    assert_null(strstr(asker.why, record.path));
    assert_true(audit_is_failing(record.audit, words));
    assert_non_null(strstr(words, "Input/output error"));
    ask_audit(record.audit, &asker); /* at once: nobody tries for it */
    assert_null(asker.change);
    assert_int_equal(line_count(record.path), 2);
    audit_note(record.audit, "start", NULL, 0);
    sync_error = 0;
    await_lines(record.path, 4);
    assert_true(eventually(SOON_MS, is_admitted_now, record.audit));
    assert_false(audit_is_failing(record.audit, words));
    json_t *gap = line_of(record.path, 2), *kept = line_of(record.path, 3);
    assert_member(gap, "event", "gap");
    assert_member(gap, "reason", "Input/output error");
    assert_true(json_integer_value(json_object_get(gap, "refused_changes")) >= 2);
    assert_int_equal(json_integer_value(json_object_get(gap, "lost")), 0);
    assert_member(kept, "event", "start");
    json_decref(gap);
    json_decref(kept);
    record_release(&record);
}

/* Room for some hundred bytes more: as a disk that fills in the midst of a line. */
static void a_full_disk_leaves_whole_lines_and_keeps_outcomes(void **state)
{
    struct record record;
    struct asker open, asker;
    struct stat now;
    struct rlimit before, small;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    record_init(&record);
    ask_audit(record.audit, &open);
    assert_non_null(open.change);
    assert_int_equal(stat(record.path, &now), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){(rlim_t)now.st_size + 100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ask_audit(record.audit, &asker);
    assert_null(asker.change);
    assert_non_null(strstr(asker.why, "File too large"));
    audit_change_end(open.change, 201, NULL);
    assert_int_equal(line_count(record.path), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    await_lines(record.path, 3);
    json_t *outcome = line_of(record.path, 2);
    assert_member(outcome, "event", "outcome");
    assert_int_equal(json_integer_value(json_object_get(outcome, "status")), 201);
    json_decref(outcome);
    record_release(&record);
}

static void a_device_that_is_full_is_a_full_disk(void **state)
{
    struct record record;
    struct asker asker;
    (void)state;
    record_init(&record);
    assert_true(is_admitted_now(record.audit));
    await_lines(record.path, 2);
    unlink(record.path);
    assert_int_equal(symlink("/dev/full", record.path), 0);
    ask_audit(record.audit, &asker);
    assert_null(asker.change);
    assert_non_null(strstr(asker.why, "No space left on device"));
    unlink(record.path);
    assert_true(eventually(SOON_MS, is_admitted_now, record.audit));
    json_t *gap = line_of(record.path, 0);
    assert_member(gap, "event", "gap");
    json_decref(gap);
    record_release(&record);
}

static void a_renamed_file_is_followed_by_a_new_one(void **state)
{
    struct record record;
    char rotated[160];
    struct stat status;
    (void)state;
    record_init(&record);
    assert_true(is_admitted_now(record.audit));
    await_lines(record.path, 2);
    snprintf(rotated, sizeof(rotated), "%s.1", record.path);
    assert_int_equal(rename(record.path, rotated), 0);
    assert_true(is_admitted_now(record.audit));
    await_lines(record.path, 2);
    assert_int_equal(line_count(rotated), 2);
    assert_int_equal(stat(record.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    record_release(&record);
}

static void a_torn_last_line_stays_apart(void **state)
{
    struct record record;
    char why[200];
    (void)state;
    record_init(&record);
    record_close(&record);
    FILE *file = fopen(record.path, "w");
    fputs("{\"torn\":", file);
    fclose(file);
    record_open(&record);
    audit_note(record.audit, "start", NULL, 0);
    await_lines(record.path, 2);
    char *text = file_read(record.path, RECORD_MAX, NULL, why, sizeof(why));
    assert_memory_equal(text, "{\"torn\":\n{\"time\"", 16);
    mem_free(text);
    record_release(&record);
}

static void a_file_has_one_writer(void **state)
{
    struct record record;
    struct mr_error *error = NULL;
    (void)state;
    record_init(&record);
    struct audit_setup setup = setup_of(&record);
    assert_null(audit_open(&setup, &error));
    assert_int_equal(mr_error_code(error), MR_ERR_CONFIG);
    assert_non_null(strstr(mr_error_message(error), "another process writes it"));
    mr_error_drop(error);
    error = NULL;
    setup.file = "/nowhere/audit.log";
    assert_null(audit_open(&setup, &error));
    assert_non_null(strstr(mr_error_message(error), "No such file or directory"));
    mr_error_drop(error);
    error = NULL;
    setup.file = record.folder;
    assert_null(audit_open(&setup, &error));
    mr_error_drop(error);
    record_release(&record);
}

static int64_t wall_now_ms(const struct clock *clock)
{
    (void)clock;
    return 1700000000000;
}
static const struct clock still = {.wall_ms = wall_now_ms};

/* In a second that does not end. */
static void open_in_still_second(struct record *record)
{
    record_init(record);
    record_close(record);
    struct audit_setup setup = setup_of(record);
    setup.clock = &still;
    record->audit = audit_open(&setup, NULL);
}

/* The n-th line from behind that has that text in that member; NULL: none. */
static json_t *refusal_of(const struct record *record, const char *member, const char *text)
{
    for (int i = line_count(record->path) - 1; i >= 0; i--) {
        json_t *line = line_of(record->path, i);
        const char *value = json_string_value(json_object_get(line, member));
        if (value != NULL && strcmp(value, text) == 0)
            return line;
        json_decref(line);
    }
    return NULL;
}

static int64_t count_of(const json_t *line)
{
    const json_t *count = json_object_get(line, "count");
    return count == NULL ? 1 : json_integer_value(count);
}

static int64_t refused_in_all(const struct record *record)
{
    int64_t sum = 0;
    for (int i = 0; i < line_count(record->path); i++) {
        json_t *line = line_of(record->path, i);
        sum += count_of(line);
        json_decref(line);
    }
    return sum;
}

static void refused_calls_beyond_the_limit_are_one_line_for_each_kind(void **state)
{
    struct record record;
    (void)state;
    open_in_still_second(&record);
    for (int i = 0; i < AUDIT_REFUSALS_PER_SECOND + 123; i++)
        audit_refused(record.audit, &CALL, i % 2 == 0 ? 401 : 403);
    record_close(&record);
    assert_int_equal(line_count(record.path), AUDIT_REFUSALS_PER_SECOND + 2);
    json_t *more = line_of(record.path, -1);
    assert_member(more, "event", "refused-more");
    assert_member(more, "who", "ada");
    assert_member(more, "address", "10.0.0.7");
    assert_member(more, "method", "PUT");
    assert_member(more, "route", "/connectors/files/config");
    assert_int_equal(json_integer_value(json_object_get(more, "status")), 403);
    assert_int_equal(count_of(more), 61);
    assert_null(json_object_get(more, "request"));
    json_decref(more);
    assert_int_equal(refused_in_all(&record), AUDIT_REFUSALS_PER_SECOND + 123);
    record_release(&record);
}

static void a_noisy_client_hides_nobody(void **state)
{
    struct audit_call noise = CALL, quiet = CALL;
    struct record record;
    char route[40];
    (void)state;
    open_in_still_second(&record);
    noise.address = "203.0.113.9";
    noise.user = NULL;
    noise.route = route;
    for (int i = 0; i < 20000; i++) {
        snprintf(route, sizeof(route), "/route-%d", i % 200);
        audit_refused(record.audit, &noise, 401);
    }
    quiet.request = "the-one-try";
    quiet.user = "eve";
    quiet.path = "/connectors/payroll";
    audit_refused(record.audit, &quiet, 403);
    record_close(&record);
    json_t *line = refusal_of(&record, "who", "eve");
    assert_non_null(line);
    assert_member(line, "event", "refused");
    assert_member(line, "request", "the-one-try");
    assert_member(line, "path", "/connectors/payroll");
    assert_member(line, "address", "10.0.0.7");
    json_decref(line);
    assert_int_equal(refused_in_all(&record), 20001);
    assert_true(line_count(record.path) < AUDIT_REFUSALS_PER_SECOND + 50); /* and its own lines have an end */
    record_release(&record);
}

/* Whoever has one host of IPv6 has an address for each call. */
static void all_addresses_of_an_ipv6_network_are_one_client(void **state)
{
    static const char *const USERS[] = {"ada", "eve"};
    struct audit_call call = CALL;
    struct record record;
    char address[40];
    (void)state;
    open_in_still_second(&record);
    call.address = address;
    call.user = NULL;
    for (int i = 0; i < 5000; i++) {
        snprintf(address, sizeof(address), "2001:db8:1:2::%x", i + 1);
        call.tried = USERS[i % 2];
        audit_refused(record.audit, &call, 401);
    }
    snprintf(address, sizeof(address), "2001:db8:1:3::1");
    audit_refused(record.audit, &call, 401);
    record_close(&record);
    assert_int_equal(line_count(record.path), AUDIT_REFUSALS_PER_SECOND + 32 + 2);
    json_t *rest = refusal_of(&record, "address", "2001:db8:1:2::/64"), *other = refusal_of(&record, "address", address);
    assert_non_null(rest);
    assert_member(rest, "route", NULL);
    assert_null(json_object_get(rest, "tried"));
    assert_int_equal(count_of(rest), 5000 - AUDIT_REFUSALS_PER_SECOND - 32);
    assert_non_null(other);
    json_decref(rest);
    json_decref(other);
    assert_int_equal(refused_in_all(&record), 5001);
    record_release(&record);
}

static void more_clients_than_can_be_told_apart_are_written_at_once(void **state)
{
    struct audit_call call = CALL;
    struct record record;
    char address[40];
    (void)state;
    open_in_still_second(&record);
    call.address = address;
    for (int i = 0; i < AUDIT_REFUSALS_PER_SECOND + 256 + 200; i++) {
        snprintf(address, sizeof(address), "10.1.%d.%d", i / 256, i % 256);
        audit_refused(record.audit, &call, 401);
        if (i == AUDIT_REFUSALS_PER_SECOND + 256 - 1)
            await_lines(record.path, AUDIT_REFUSALS_PER_SECOND + 256);
    }
    record_close(&record);
    assert_int_equal(line_count(record.path), AUDIT_REFUSALS_PER_SECOND + 256 + 200);
    json_t *line = refusal_of(&record, "address", address);
    assert_non_null(line);
    json_decref(line);
    record_release(&record);
}

static void lines_beyond_the_limit_are_counted_while_none_can_be_written(void **state)
{
    struct record record;
    struct asker asker;
    (void)state;
    record_init(&record);
    sync_error = ENOSPC;
    ask_audit(record.audit, &asker);
    assert_null(asker.change);
    for (int i = 0; i < AUDIT_NOTES_MAX + 10; i++)
        audit_note(record.audit, "secret", &(struct audit_pair){"keys", "k"}, 1);
    sync_error = 0;
    await_lines(record.path, AUDIT_NOTES_MAX + 1);
    json_t *gap = line_of(record.path, 0);
    assert_member(gap, "event", "gap");
    assert_int_equal(json_integer_value(json_object_get(gap, "lost")), 10);
    json_decref(gap);
    record_close(&record);
    assert_int_equal(line_count(record.path), AUDIT_NOTES_MAX + 1);
    record_release(&record);
}

static void changes_beyond_the_limit_are_refused_and_leave_room_when_they_end(void **state)
{
    static struct asker askers[AUDIT_CHANGES_MAX];
    struct record record;
    struct asker one_more;
    (void)state;
    record_init(&record);
    for (size_t i = 0; i < AUDIT_CHANGES_MAX; i++)
        audit_admit(record.audit, &CALL, NULL, on_admitted, &askers[i]);
    for (size_t i = 0; i < AUDIT_CHANGES_MAX; i++)
        assert_true(eventually(SOON_MS, is_told, &askers[i]));
    ask_audit(record.audit, &one_more);
    assert_null(one_more.change);
    assert_non_null(strstr(one_more.why, "too many changes"));
    ask_to_look(record.audit, &one_more);
    assert_non_null(strstr(one_more.why, "too many changes"));
    for (size_t i = 0; i < AUDIT_CHANGES_MAX; i++)
        audit_change_end(askers[i].change, 500, NULL);
    assert_true(eventually(SOON_MS, is_admitted_now, record.audit));
    record_release(&record);
}

static void a_look_has_ended_when_it_is_on_record(void **state)
{
    static struct asker askers[AUDIT_CHANGES_MAX];
    struct record record;
    struct asker asker;
    (void)state;
    record_init(&record);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < AUDIT_CHANGES_MAX; i++) {
            askers[i] = (struct asker){0};
            audit_admit_look(record.audit, LOOK, 2, on_admitted, &askers[i]);
        }
        for (size_t i = 0; i < AUDIT_CHANGES_MAX; i++) {
            assert_true(eventually(SOON_MS, is_told, &askers[i]));
            assert_string_equal(askers[i].why, "");
        }
    }
    ask_to_look(record.audit, &asker);
    assert_string_equal(asker.why, "");
    record_release(&record);
}

#define THREADS 8
#define EACH 50

static void *make_changes(void *argument)
{
    for (int i = 0; i < EACH; i++) {
        is_admitted_now(argument);
        audit_refused(argument, &CALL, 401);
    }
    return NULL;
}

static void many_threads_write_one_record(void **state)
{
    struct record record;
    pthread_t threads[THREADS];
    int intents = 0, outcomes = 0;
    (void)state;
    record_init(&record);
    for (int i = 0; i < THREADS; i++)
        assert_true(thread_start(&threads[i], &(struct thread_setup){.name = "t", .run = make_changes, .argument = record.audit}, NULL, 0));
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    record_close(&record);
    int64_t seq = 0;
    for (int i = 0, n = line_count(record.path); i < n; i += n / 20 + 1) { /* samples: each reads the file */
        json_t *line = line_of(record.path, i);
        assert_int_equal(json_integer_value(json_object_get(line, "seq")), i + 1);
        seq = i + 1;
        json_decref(line);
    }
    assert_true(seq > 0);
    char why[200], *text = file_read(record.path, RECORD_MAX, NULL, why, sizeof(why));
    for (const char *at = text; (at = strstr(at, "\"event\":\"")) != NULL; at++) {
        intents += strncmp(at + 9, "change\"", 7) == 0;
        outcomes += strncmp(at + 9, "outcome\"", 8) == 0;
    }
    mem_free(text);
    assert_int_equal(intents, THREADS * EACH);
    assert_int_equal(outcomes, THREADS * EACH);
    record_release(&record);
}

struct attempt {
    struct record *record;
};

static bool records_a_change(void *argument)
{
    struct record *record = argument;
    struct asker asker = {0};
    struct mr_error *error = NULL;
    struct audit_setup setup = setup_of(record);
    record->audit = audit_open(&setup, &error);
    mr_error_drop(error);
    if (record->audit == NULL)
        return false;
    ask_audit(record->audit, &asker);
    if (asker.change != NULL)
        audit_change_end(asker.change, 200, NULL);
    bool is_whole = asker.change != NULL;
    ask_to_look(record->audit, &asker);
    is_whole = is_whole && asker.why[0] == '\0';
    audit_refused(record->audit, &CALL, 403);
    audit_note(record->audit, "start", NULL, 0);
    record_close(record);
    return is_whole;
}

static void without_memory_a_change_is_refused_and_nothing_is_left(void **state)
{
    struct record record;
    (void)state;
    record_init(&record);
    record_close(&record);
    alloc_torture(records_a_change, &record);
    record_release(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_waits_until_its_line_is_on_the_disk),
        cmocka_unit_test(a_look_at_records_waits_until_its_line_is_on_the_disk),
        cmocka_unit_test(nobody_looks_while_that_cannot_be_recorded),
        cmocka_unit_test(a_look_has_ended_when_it_is_on_record),
        cmocka_unit_test(a_record_that_cannot_be_synced_refuses_changes_until_it_can),
        cmocka_unit_test(a_full_disk_leaves_whole_lines_and_keeps_outcomes),
        cmocka_unit_test(a_device_that_is_full_is_a_full_disk),
        cmocka_unit_test(a_renamed_file_is_followed_by_a_new_one),
        cmocka_unit_test(a_torn_last_line_stays_apart),
        cmocka_unit_test(a_file_has_one_writer),
        cmocka_unit_test(refused_calls_beyond_the_limit_are_one_line_for_each_kind),
        cmocka_unit_test(a_noisy_client_hides_nobody),
        cmocka_unit_test(all_addresses_of_an_ipv6_network_are_one_client),
        cmocka_unit_test(more_clients_than_can_be_told_apart_are_written_at_once),
        cmocka_unit_test(lines_beyond_the_limit_are_counted_while_none_can_be_written),
        cmocka_unit_test(changes_beyond_the_limit_are_refused_and_leave_room_when_they_end),
        cmocka_unit_test(many_threads_write_one_record),
        cmocka_unit_test(without_memory_a_change_is_refused_and_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
