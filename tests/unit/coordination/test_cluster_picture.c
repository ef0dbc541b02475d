/* Records and members put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "coordination/cluster_picture.h"
#include "support/alloc_torture.h"

#define A "http://a/"
#define B "http://b/"

static bool read_record(struct cluster_picture *picture, const char *key, const char *text)
{
    return cluster_picture_read(picture, key, text, strlen(text), false);
}

static struct cluster_known *known(const struct cluster_picture *picture, const char *url)
{
    struct cluster_known *found = cluster_picture_find(picture, url);

    assert_non_null(found);
    return found;
}

static void of_two_members_with_one_url_the_one_with_the_record_counts(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "1", false));
    assert_true(cluster_picture_add_seat(&picture, A, "2", true));
    assert_true(cluster_picture_settle(&picture));
    assert_string_equal(known(&picture, A)->boot, "1");
    assert_false(cluster_known_is_introduced(known(&picture, A)));
    assert_true(read_record(&picture, "millrace-member-" A, "{\"boot\":\"2\"}"));
    assert_true(cluster_picture_settle(&picture));
    assert_string_equal(known(&picture, A)->boot, "2");
    assert_true(cluster_known_is_introduced(known(&picture, A)));
    assert_true(cluster_picture_seat(&picture, A, "2")->leads);
    cluster_picture_release(&picture);
}

static void orders_for_another_run_are_none(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "2", false));
    assert_true(read_record(&picture, "millrace-assignment-" A, "{\"boot\":\"1\",\"units\":{\"c\":[0]},\"unfit\":true}"));
    assert_true(cluster_picture_settle(&picture));
    assert_true(known(&picture, A)->assignment.is_unfit);
    assert_false(cluster_known_has_orders(known(&picture, A)));
    cluster_picture_clear_seats(&picture);
    assert_true(cluster_picture_settle(&picture));
    assert_string_equal(known(&picture, A)->boot, ""); /* gone, but what it had is known */
    cluster_picture_release(&picture);
}

static void who_is_gone_is_what_a_member_says_of_one_run(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "1", true));
    assert_true(cluster_picture_add_seat(&picture, B, "2", false));
    assert_true(read_record(&picture, "millrace-member-" B, "{\"boot\":\"2\",\"gone\":[\"" A "x#1\",\"" A "#11\",\"" A "#1\"]}"));
    assert_true(cluster_picture_settle(&picture));
    assert_true(cluster_known_is_gone(&picture, known(&picture, A)));
    assert_false(cluster_known_is_gone(&picture, known(&picture, B)));
    cluster_picture_clear_seats(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "3", true)); /* started again */
    assert_true(cluster_picture_add_seat(&picture, B, "2", false));
    assert_true(cluster_picture_settle(&picture));
    assert_false(cluster_known_is_gone(&picture, known(&picture, A)));
    cluster_picture_clear_seats(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "1", true)); /* who says it is no member */
    assert_true(cluster_picture_settle(&picture));
    assert_false(cluster_known_is_gone(&picture, known(&picture, A)));
    cluster_picture_release(&picture);
}

static void the_dead_neither_hold_nor_take_over_anything(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(cluster_picture_add_seat(&picture, A, "1", true));
    assert_true(cluster_picture_add_seat(&picture, B, "2", false));
    assert_true(read_record(&picture, "millrace-assignment-" A, "{\"boot\":\"1\",\"units\":{\"c\":[0]}}"));
    assert_true(read_record(&picture, "millrace-member-" A, "{\"boot\":\"1\"}"));
    assert_true(read_record(&picture, "millrace-member-" B, "{\"boot\":\"2\"}"));
    assert_true(cluster_picture_settle(&picture));
    assert_true(cluster_known_is_at_work(&picture, known(&picture, A)));
    assert_true(cluster_known_takes_work(&picture, known(&picture, A)));
    assert_false(cluster_known_is_at_work(&picture, known(&picture, B)));
    assert_true(read_record(&picture, "millrace-member-" B, "{\"boot\":\"2\",\"leaves\":true,\"gone\":[\"" A "#1\"]}"));
    assert_false(cluster_known_is_at_work(&picture, known(&picture, A)));
    assert_false(cluster_known_takes_work(&picture, known(&picture, A)));
    assert_false(cluster_known_takes_work(&picture, known(&picture, B)));
    cluster_picture_release(&picture);
}

static void what_is_neither_member_nor_record_is_forgotten(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(cluster_picture_add_seat(&picture, B, "1", false));
    assert_true(read_record(&picture, "millrace-member-" A, "{\"boot\":\"2\"}"));
    assert_true(read_record(&picture, "millrace-cluster", "{\"epoch\":4}"));
    assert_true(read_record(&picture, "millrace-later", "{}"));
    assert_true(cluster_picture_settle(&picture));
    known(&picture, B)->is_unfit = true;
    assert_int_equal(picture.known.count, 2);
    assert_string_equal(((struct cluster_known *)picture.known.items[0])->url, A);
    assert_int_equal(picture.head.stamp.epoch, 4);
    cluster_picture_forget(&picture);
    assert_true(cluster_picture_settle(&picture));
    assert_null(cluster_picture_find(&picture, A));
    assert_true(known(&picture, B)->is_unfit); /* what a leader noted stays */
    assert_false(picture.has_head);
    cluster_picture_release(&picture);
}

static void what_cannot_be_read_is_as_if_it_was_not_there(void **state)
{
    struct cluster_picture picture;

    (void)state;
    cluster_picture_init(&picture);
    assert_true(read_record(&picture, "millrace-member-" A, "not JSON"));
    assert_true(read_record(&picture, "millrace-cluster", "[]"));
    assert_true(read_record(&picture, "millrace-cluster", ""));
    assert_true(cluster_picture_read(&picture, "millrace-assignment-" B, "", 0, true));
    assert_true(cluster_picture_settle(&picture));
    assert_null(cluster_picture_find(&picture, A));
    assert_true(known(&picture, B)->must_be_written);
    assert_false(picture.has_head);
    cluster_picture_release(&picture);
}

static bool put_together(void *argument)
{
    struct cluster_picture picture;
    bool worked;

    (void)argument;
    cluster_picture_init(&picture);
    worked = cluster_picture_add_seat(&picture, B, "1", false) && cluster_picture_add_seat(&picture, A, "2", true) &&
             read_record(&picture, "millrace-member-" A, "{\"boot\":\"2\",\"version\":\"1\",\"gone\":[\"x#1\"]}") &&
             read_record(&picture, "millrace-assignment-" A, "{\"boot\":\"2\",\"units\":{\"c\":[-1,0]}}") &&
             read_record(&picture, "millrace-cluster", "{\"epoch\":1,\"unassigned\":{\"c\":{\"1\":\"why\"}}}") &&
             cluster_picture_settle(&picture);
    cluster_picture_release(&picture);
    return worked;
}

static void memory_may_run_short_anywhere(void **state)
{
    (void)state;
    alloc_torture(put_together, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_members_with_one_url_the_one_with_the_record_counts),
        cmocka_unit_test(orders_for_another_run_are_none),
        cmocka_unit_test(who_is_gone_is_what_a_member_says_of_one_run),
        cmocka_unit_test(the_dead_neither_hold_nor_take_over_anything),
        cmocka_unit_test(what_is_neither_member_nor_record_is_forgotten),
        cmocka_unit_test(what_cannot_be_read_is_as_if_it_was_not_there),
        cmocka_unit_test(memory_may_run_short_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
