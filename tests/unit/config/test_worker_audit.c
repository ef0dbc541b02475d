/* millrace.audit.*: one place for the record, and a key that cannot be tried out. */
#include "config_room_test.h"

static void nothing_is_recorded_by_default(void **state)
{
    struct worker_config *worker = worker_of(MINIMAL);
    (void)state;
    assert_false(worker_config_is_audited(worker));
    assert_int_equal(worker->audit.topic_replication_factor, -1);
    worker_config_destroy(worker);
}

static void a_record_has_one_place(void **state)
{
    struct worker_config *worker = worker_of(MINIMAL "millrace.audit.file=/var/log/audit.log\n");
    (void)state;
    assert_true(worker_config_is_audited(worker));
    assert_string_equal(worker->audit.file, "/var/log/audit.log");
    worker_config_destroy(worker);
    worker = worker_of(MINIMAL "millrace.audit.topic=audit\nmillrace.audit.topic.replication.factor=3\n");
    assert_true(worker_config_is_audited(worker));
    assert_int_equal(worker->audit.topic_replication_factor, 3);
    worker_config_destroy(worker);
}

/* The mistake, "" when there is none; until the next call. */
static const char *mistake_of(const char *text)
{
    static char message[4096];
    struct mr_error *error = NULL;
    struct string_map *map = properties_of(text);
    struct worker_config *worker = worker_config_create(WORKER_DISTRIBUTED, map, &error);
    string_map_destroy(map);
    snprintf(message, sizeof(message), "%s", worker == NULL ? mr_error_message(error) : "");
    worker_config_destroy(worker);
    mr_error_drop(error);
    return message;
}

static void what_would_not_protect_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(mistake_of(MINIMAL "millrace.audit.file=a\nmillrace.audit.topic=b\n"), "one place"));
    const char *weak = mistake_of(MINIMAL "millrace.audit.hash.key=tooshort\n");
    assert_non_null(strstr(weak, "millrace.audit.hash.key has 8 bytes"));
    assert_null(strstr(weak, "tooshort"));
    assert_string_equal(mistake_of(MINIMAL "millrace.audit.hash.key=0123456789abcdef0123456789abcdef\n"), "");
    assert_non_null(strstr(mistake_of(MINIMAL "millrace.audit.flie=a\n"), "millrace.audit.flie"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_recorded_by_default),
        cmocka_unit_test(a_record_has_one_place),
        cmocka_unit_test(what_would_not_protect_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
