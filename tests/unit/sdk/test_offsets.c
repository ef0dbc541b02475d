/* Offsets of a sink task, and the offsets a user wants to set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdk/collect.h"
#include "support/alloc_torture.h"

static int with_offsets(void **state)
{
    *state = offsets_create();
    return *state == NULL;
}

static int without_offsets(void **state)
{
    offsets_destroy(*state);
    return 0;
}

static void absent_partitions_have_no_offset(void **state)
{
    struct mr_offsets *offsets = *state;
    assert_int_equal(mr_offsets_get(offsets, "t", 0), -1);
    mr_offsets_remove(offsets, "t", 0);
    assert_int_equal(mr_offsets_put(offsets, "t", 1, 5), 0);
    assert_int_equal(mr_offsets_get(offsets, "t", 0), -1);
    assert_int_equal(mr_offsets_get(offsets, "u", 1), -1);
    assert_false(offsets_has(offsets, "t", 0));
    assert_true(offsets_has(offsets, "t", 1));
}

static void putting_again_replaces(void **state)
{
    struct mr_offsets *offsets = *state;
    assert_int_equal(mr_offsets_put(offsets, "t", 0, 5), 0);
    assert_int_equal(mr_offsets_put(offsets, "t", 0, 3), 0);
    assert_int_equal(mr_offsets_count(offsets), 1);
    assert_string_equal(mr_offsets_topic(offsets, 0), "t");
    assert_int_equal(mr_offsets_partition(offsets, 0), 0);
    assert_int_equal(mr_offsets_offset(offsets, 0), 3);
}

static void past_the_end_there_is_nothing(void **state)
{
    struct mr_offsets *offsets = *state;
    struct mr_offset_changes *changes = offset_changes_create();
    assert_int_equal(mr_offsets_put(offsets, "t", 0, 5), 0);
    for (size_t index = 1; index != 0; index *= 2) {
        assert_null(mr_offsets_topic(offsets, index));
        assert_int_equal(mr_offsets_partition(offsets, index), -1);
        assert_int_equal(mr_offsets_offset(offsets, index), -1);
        assert_null(mr_offset_changes_partition(changes, index));
        assert_null(mr_offset_changes_offset(changes, index));
    }
    offset_changes_destroy(changes);
}

static void a_task_may_remove_while_it_walks_backwards(void **state)
{
    struct mr_offsets *offsets = *state;
    for (int32_t i = 0; i < 100; i++)
        assert_int_equal(mr_offsets_put(offsets, "t", i, i), 0);
    for (size_t i = mr_offsets_count(offsets); i-- > 0;) {
        if (mr_offsets_partition(offsets, i) % 2 == 0)
            mr_offsets_remove(offsets, mr_offsets_topic(offsets, i), mr_offsets_partition(offsets, i));
    }
    assert_int_equal(mr_offsets_count(offsets), 50);
    for (int32_t i = 0; i < 100; i++)
        assert_int_equal(mr_offsets_get(offsets, "t", i), i % 2 == 0 ? -1 : i);
}

/* The same steps on a plain table must give the same answers. */
static void it_behaves_as_a_table_does(void **state)
{
    struct mr_offsets *offsets = *state;
    enum { TOPICS = 7, PARTITIONS = 40 };
    static int64_t table[TOPICS][PARTITIONS];
    size_t count = 0;
    memset(table, 0xff, sizeof(table));
    unsigned seed = 42;
    for (int step = 0; step < 200000; step++) {
        int topic = rand_r(&seed) % TOPICS, partition = rand_r(&seed) % PARTITIONS;
        char name[16];
        snprintf(name, sizeof(name), "topic-%d", topic);
        int64_t *cell = &table[topic][partition];
        if (rand_r(&seed) % 2 == 0) {
            count += *cell < 0;
            *cell = step;
            assert_int_equal(mr_offsets_put(offsets, name, partition, step), 0);
        } else {
            count -= *cell >= 0;
            *cell = -1;
            mr_offsets_remove(offsets, name, partition);
        }
        assert_int_equal(mr_offsets_count(offsets), count);
        topic = rand_r(&seed) % TOPICS;
        snprintf(name, sizeof(name), "topic-%d", topic);
        assert_int_equal(mr_offsets_get(offsets, name, partition), table[topic][partition]);
    }
    for (size_t i = 0; i < mr_offsets_count(offsets); i++) {
        int topic = mr_offsets_topic(offsets, i)[6] - '0';
        assert_int_equal(mr_offsets_offset(offsets, i), table[topic][mr_offsets_partition(offsets, i)]);
    }
}

static bool commit_again(void *argument)
{
    struct mr_offsets *offsets = argument;
    mr_offsets_clear(offsets);
    bool worked = true;
    for (int32_t i = 0; i < 1000; i++)
        worked = mr_offsets_put(offsets, i % 2 == 0 ? "even" : "odd", i, i) == 0 && worked;
    return worked;
}

static void a_commit_after_the_first_allocates_nothing(void **state)
{
    assert_true(commit_again(*state));
    mem_watch_start(0);
    bool worked = commit_again(*state);
    mem_watch_stop();
    assert_true(worked);
}

static void topics_of_long_ago_are_forgotten(void **state)
{
    struct mr_offsets *offsets = *state;
    for (int i = 0; i < 2 * OFFSETS_TOPICS_KEPT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(mr_offsets_put(offsets, name, 0, i), 0);
    }
    mr_offsets_clear(offsets);
    assert_int_equal(mr_offsets_get(offsets, "t7", 0), -1);
    assert_int_equal(mr_offsets_put(offsets, "t7", 0, 1), 0);
    assert_int_equal(mr_offsets_get(offsets, "t7", 0), 1);
}

static void offsets_of_another_are_taken_over(void **state)
{
    struct mr_offsets *offsets = *state, *other = offsets_create();
    assert_int_equal(mr_offsets_put(offsets, "a", 0, 1), 0);
    assert_int_equal(mr_offsets_put(other, "a", 0, 2), 0);
    assert_int_equal(mr_offsets_put(other, "b", 1, 3), 0);
    assert_int_equal(offsets_put_all(offsets, other), 0);
    offsets_destroy(other);
    assert_int_equal(mr_offsets_get(offsets, "a", 0), 2);
    assert_int_equal(mr_offsets_get(offsets, "b", 1), 3);
}

static bool fill(void *argument)
{
    (void)argument;
    struct mr_offsets *offsets = offsets_create();
    if (offsets == NULL)
        return false;
    bool worked = true;
    for (int32_t i = 0; i < 50; i++) {
        bool put = mr_offsets_put(offsets, i < 25 ? "a" : "b", i, i) == 0;
        assert_int_equal(offsets_has(offsets, i < 25 ? "a" : "b", i), put);
        worked = worked && put;
    }
    assert_int_equal(offsets_failed(offsets), !worked);
    mr_offsets_clear(offsets);
    assert_false(offsets_failed(offsets));
    offsets_destroy(offsets);
    return worked;
}

static void filling_survives_every_failing_allocation(void **state)
{
    (void)state;
    alloc_torture(fill, NULL);
}

static void changes_are_pairs_and_null_removes(void **state)
{
    (void)state;
    struct mr_arena *arena = mr_arena_create(1 << 20);
    struct mr_offset_changes *changes = offset_changes_create();
    const struct mr_value *partition = mr_string(arena, "p"), *offset = mr_int64(arena, 7);
    for (int i = 0; i < 20; i++)
        assert_int_equal(offset_changes_add(changes, partition, i % 2 == 0 ? offset : NULL), 0);
    assert_int_equal(mr_offset_changes_count(changes), 20);
    assert_ptr_equal(mr_offset_changes_partition(changes, 19), partition);
    assert_ptr_equal(mr_offset_changes_offset(changes, 18), offset);
    assert_true(mr_value_is_null(mr_offset_changes_offset(changes, 19)));
    offset_changes_destroy(changes);
    mr_arena_destroy(arena);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, with_offsets, without_offsets)
    const struct CMUnitTest tests[] = {
        WITH(absent_partitions_have_no_offset),
        WITH(putting_again_replaces),
        WITH(past_the_end_there_is_nothing),
        WITH(a_task_may_remove_while_it_walks_backwards),
        WITH(it_behaves_as_a_table_does),
        WITH(a_commit_after_the_first_allocates_nothing),
        WITH(topics_of_long_ago_are_forgotten),
        WITH(offsets_of_another_are_taken_over),
        cmocka_unit_test(filling_survives_every_failing_allocation),
        cmocka_unit_test(changes_are_pairs_and_null_removes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
