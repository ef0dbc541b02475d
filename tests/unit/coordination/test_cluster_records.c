/* The JSON that workers exchange: everything comes back, strange things are survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <millrace/error.h>

#include "base/mem.h"
#include "base/str_buffer.h"
#include "coordination/cluster_records.h"

static void fill_units(struct unit_map *map)
{
    assert_true(unit_map_put(map, "b \"quoted\"/é", 10, NULL));
    assert_true(unit_map_put(map, "b \"quoted\"/é", UNIT_IS_CONNECTOR, NULL));
    assert_true(unit_map_put(map, "a", 2, "3.12 balance"));
    assert_true(unit_map_put(map, "a", 0, NULL));
}

static void a_member_record_comes_back(void **state)
{
    struct cluster_member member, read;
    struct str_buffer text;

    (void)state;
    cluster_member_init(&member);
    cluster_member_init(&read);
    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    snprintf(member.boot, sizeof(member.boot), "0123456789abcdef");
    member.version = mem_strdup("1.2");
    member.host = mem_strdup("machine/4026531836");
    member.labels = mem_strdup("zone=a");
    member.group = mem_strdup("g");
    member.offset_topic = mem_strdup("offsets");
    member.exactly_once = mem_strdup("preparing");
    member.status_topic = mem_strdup("statuses");
    member.secret_mark = mem_strdup("12ab");
    member.pid = 77;
    member.started = 1234567;
    member.leaves = true;
    member.as_of = (struct cluster_stamp){3, 12};
    fill_units(&member.stopped);
    assert_true(ptr_array_push(&member.gone, mem_strdup("http://b:1/#0123456789abcdef")));
    assert_int_equal(cluster_member_encode(&member, &text, NULL), 0);
    assert_int_equal(cluster_member_decode(&read, text.data, text.length, NULL), 0);
    assert_string_equal(read.boot, member.boot);
    assert_string_equal(read.version, "1.2");
    assert_string_equal(read.host, member.host);
    assert_string_equal(read.labels, "zone=a");
    assert_string_equal(read.group, "g");
    assert_string_equal(read.offset_topic, "offsets");
    assert_string_equal(read.exactly_once, "preparing");
    assert_string_equal(read.status_topic, "statuses");
    assert_true(cluster_terms_differ(read.group, "h"));
    assert_false(cluster_terms_differ(read.group, "g") || cluster_terms_differ(read.group, NULL) || cluster_terms_differ(NULL, "g"));
    assert_true(cluster_member_shares_secret(&read, "12ab"));
    assert_false(cluster_member_shares_secret(&read, "12ac") || cluster_member_shares_secret(&read, NULL));
    assert_int_equal(read.pid, 77);
    assert_int_equal(read.started, 1234567);
    assert_true(read.leaves);
    assert_false(read.drains);
    assert_int_equal(cluster_stamp_compare(read.as_of, member.as_of), 0);
    assert_true(unit_map_equals(&read.stopped, &member.stopped));
    assert_int_equal(read.gone.count, 1);
    assert_string_equal(read.gone.items[0], "http://b:1/#0123456789abcdef");
    cluster_member_release(&member);
    cluster_member_release(&read);
    str_buffer_release(&text);
}

static void an_assignment_comes_back(void **state)
{
    struct cluster_assignment assignment, read;
    struct str_buffer text;

    (void)state;
    cluster_assignment_init(&assignment);
    cluster_assignment_init(&read);
    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    assignment.stamp = (struct cluster_stamp){7, 9};
    snprintf(assignment.leader, sizeof(assignment.leader), "1111111111111111");
    snprintf(assignment.boot, sizeof(assignment.boot), "2222222222222222");
    fill_units(&assignment.units);
    fill_units(&assignment.revoking);
    assert_true(unit_map_put(&assignment.preparing, "p", 1, "1795339477365"));
    assert_int_equal(cluster_assignment_encode(&assignment, &text, NULL), 0);
    assert_int_equal(cluster_assignment_decode(&read, text.data, text.length, NULL), 0);
    assert_int_equal(cluster_stamp_compare(read.stamp, assignment.stamp), 0);
    assert_string_equal(read.leader, assignment.leader);
    assert_string_equal(read.boot, assignment.boot);
    assert_true(unit_map_equals(&read.units, &assignment.units));
    assert_true(unit_map_equals(&read.revoking, &assignment.revoking));
    assert_true(unit_map_equals(&read.preparing, &assignment.preparing));
    cluster_assignment_release(&assignment);
    cluster_assignment_release(&read);
    str_buffer_release(&text);
}

static void a_cluster_record_comes_back(void **state)
{
    struct cluster_head head, read;
    struct str_buffer text;

    (void)state;
    cluster_head_init(&head);
    cluster_head_init(&read);
    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    head.stamp = (struct cluster_stamp){7, 9};
    head.leader_url = mem_strdup("http://a:8083/");
    head.group = mem_strdup("g");
    head.fencing = mem_strdup("generation");
    head.rebalance_reason = mem_strdup("b joined");
    head.rebalance_number = 4;
    head.rebalance_began_ms = 1795313956674;
    head.rebalance_took_ms = 250;
    head.rebalance_moves = 12;
    fill_units(&head.unassigned);
    fill_units(&head.away);
    fill_units(&head.absent);
    assert_int_equal(cluster_head_encode(&head, &text, NULL), 0);
    assert_int_equal(cluster_head_decode(&read, text.data, text.length, NULL), 0);
    assert_string_equal(read.leader_url, "http://a:8083/");
    assert_string_equal(read.fencing, "generation");
    assert_string_equal(read.group, "g");
    assert_string_equal(read.rebalance_reason, "b joined");
    assert_int_equal(read.rebalance_number, 4);
    assert_int_equal(read.rebalance_began_ms, 1795313956674);
    assert_int_equal(read.rebalance_took_ms, 250);
    assert_int_equal(read.rebalance_moves, 12);
    assert_true(unit_map_equals(&read.away, &head.away));
    cluster_head_release(&head);
    cluster_head_release(&read);
    str_buffer_release(&text);
}

#define MANY 2500 /* connectors with a task each */
#define TOPIC_TAKES 1000000 /* bytes of a record, by default */

/* What was lost with two workers, and waits for them. */
static void fill_head(struct cluster_head *head)
{
    for (size_t i = 0; i < MANY; i++)
        for (int32_t task = UNIT_IS_CONNECTOR; task < 1; task++) {
            char name[60], why[200], until[100], since[100];

            snprintf(name, sizeof(name), "a-connector-with-a-name-of-forty-bytes-%zu", 1000 + i);
            snprintf(why, sizeof(why), "waits for worker http://worker-%zu.connect.example.org:8083/ to come back "
                                       "(scheduled.rebalance.max.delay.ms)", i % 2);
            snprintf(until, sizeof(until), "1795313956674 http://worker-%zu.connect.example.org:8083/", i % 2);
            snprintf(since, sizeof(since), "%zu http://worker-%zu.connect.example.org:8083/", 1795313956674 + i / 100, i % 2);
            assert_true(unit_map_put(&head->unassigned, name, task, why));
            assert_true(unit_map_put(&head->absent, name, task, until));
            assert_true(unit_map_put(&head->away, name, task, since));
        }
}

static void thousands_of_units_without_a_worker_fit_one_record(void **state)
{
    struct cluster_head head, read;
    struct str_buffer text;

    (void)state;
    cluster_head_init(&head);
    cluster_head_init(&read);
    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    fill_head(&head);
    assert_int_equal(cluster_head_encode(&head, &text, NULL), 0);
    assert_true(text.length < TOPIC_TAKES);
    assert_int_equal(cluster_head_decode(&read, text.data, text.length, NULL), 0);
    assert_true(unit_map_equals(&read.unassigned, &head.unassigned));
    assert_true(unit_map_equals(&read.absent, &head.absent));
    assert_true(unit_map_equals(&read.away, &head.away));
    cluster_head_release(&head);
    cluster_head_release(&read);
    str_buffer_release(&text);
}

static void few_units_are_written_as_builds_read_them_that_share_no_texts(void **state)
{
    struct cluster_head head;
    struct str_buffer text;

    (void)state;
    cluster_head_init(&head);
    str_buffer_init(&text, CLUSTER_RECORD_MAX);
    assert_true(unit_map_put(&head.unassigned, "c", 0, "why") && unit_map_put(&head.unassigned, "c", 1, "why"));
    assert_int_equal(cluster_head_encode(&head, &text, NULL), 0);
    assert_non_null(strstr(str_buffer_text(&text), "{\"0\":\"why\",\"1\":\"why\"}"));
    assert_null(strstr(str_buffer_text(&text), "texts"));
    cluster_head_release(&head);
    str_buffer_release(&text);
}

static void what_refers_to_no_text_is_taken_as_it_is(void **state)
{
    static const char text[] = "{\"v\":1,\"texts\":[\"why\"],\"unassigned\":{\"c\":{\"0\":\"=0\",\"1\":\"=1\",\"2\":\"=x\",\"3\":\"=\"}}}";
    struct cluster_head read;

    (void)state;
    cluster_head_init(&read);
    assert_int_equal(cluster_head_decode(&read, text, sizeof(text) - 1, NULL), 0);
    assert_string_equal(unit_map_text(&read.unassigned, "c", 0), "why");
    assert_string_equal(unit_map_text(&read.unassigned, "c", 1), "=1");
    assert_string_equal(unit_map_text(&read.unassigned, "c", 2), "=x");
    assert_string_equal(unit_map_text(&read.unassigned, "c", 3), "=");
    cluster_head_release(&read);
}

static void a_later_builds_record_is_read_by_what_is_known(void **state)
{
    static const char text[] = "{\"v\":9,\"epoch\":2,\"sequence\":5,\"boot\":\"2222222222222222\",\"mood\":{\"x\":[1]},"
                               "\"units\":{\"c\":[0,1,\"?\",-7],\"d\":{\"1\":null,\"x\":\"y\",\"2\":5},\"e\":7},"
                               "\"revoking\":[1,2]}";
    struct cluster_assignment read;

    (void)state;
    cluster_assignment_init(&read);
    assert_int_equal(cluster_assignment_decode(&read, text, sizeof(text) - 1, NULL), 0);
    assert_int_equal(read.stamp.epoch, 2);
    assert_int_equal(read.units.count, 4);
    assert_true(unit_map_has(&read.units, "c", 1));
    assert_true(unit_map_has(&read.units, "d", 2));
    assert_int_equal(read.revoking.count, 0);
    cluster_assignment_release(&read);
}

static void what_is_no_record_is_refused(void **state)
{
    static const char *const texts[] = {"", "[]", "null", "{", "{\"epoch\":1}}", "7", "\"x\""};
    struct cluster_head head;

    (void)state;
    cluster_head_init(&head);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mr_error *error = NULL;

        assert_int_equal(cluster_head_decode(&head, texts[i], strlen(texts[i]), &error), -1);
        assert_non_null(error);
        mr_error_drop(error);
    }
    cluster_head_release(&head);
}

static void a_revocation_says_when_and_why(void **state)
{
    struct cluster_stamp stamp;
    const char *reason;

    (void)state;
    assert_true(cluster_revocation_parse("3.12 balance", &stamp, &reason));
    assert_int_equal(stamp.epoch, 3);
    assert_int_equal(stamp.sequence, 12);
    assert_string_equal(reason, "balance");
    assert_false(cluster_revocation_parse("soon", &stamp, &reason));
    assert_int_equal(stamp.epoch, 0);
    assert_false(cluster_revocation_parse(NULL, &stamp, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_record_comes_back),
        cmocka_unit_test(an_assignment_comes_back),
        cmocka_unit_test(a_cluster_record_comes_back),
        cmocka_unit_test(thousands_of_units_without_a_worker_fit_one_record),
        cmocka_unit_test(few_units_are_written_as_builds_read_them_that_share_no_texts),
        cmocka_unit_test(what_refers_to_no_text_is_taken_as_it_is),
        cmocka_unit_test(a_later_builds_record_is_read_by_what_is_known),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_revocation_says_when_and_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
