#include "base_test.h"

#include "base/fingerprint.h"
#include "base/string_map.h"
#include "support/alloc_torture.h"

static int with_map(void **state)
{
    *state = string_map_create();
    return *state == NULL;
}

static int without_map(void **state)
{
    string_map_destroy(*state);
    return 0;
}

static void order_of_insertion_is_kept(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "name", "jdbc");
    string_map_put(map, "connector.class", "X");
    string_map_put(map, "a", "1");
    string_map_put(map, "name", "other");
    assert_int_equal(string_map_count(map), 3);
    assert_string_equal(string_map_key(map, 0), "name");
    assert_string_equal(string_map_value(map, 0), "other");
    assert_string_equal(string_map_key(map, 2), "a");
}

static void null_is_a_value_and_not_an_absence(void **state)
{
    struct string_map *map = *state;
    string_map_put_null(map, "null");
    string_map_put(map, "also", NULL);
    assert_true(string_map_has(map, "null"));
    assert_true(string_map_has(map, "also"));
    assert_null(string_map_get(map, "null"));
    assert_false(string_map_has(map, "absent"));
    assert_null(string_map_get(map, "absent"));
    assert_string_equal(string_map_get_or(map, "null", "default"), "default");
    string_map_put(map, "null", "text");
    assert_string_equal(string_map_get(map, "null"), "text");
    string_map_put_null(map, "null");
    assert_null(string_map_get(map, "null"));
}

static void a_value_may_come_from_the_map_itself(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "a", "text");
    assert_true(string_map_put(map, "a", string_map_get(map, "a")));
    assert_true(string_map_put(map, "b", string_map_get(map, "a")));
    assert_string_equal(string_map_get(map, "a"), "text");
    assert_string_equal(string_map_get(map, "b"), "text");
}

static void many_keys_are_found_again(void **state)
{
    struct string_map *map = *state;
    char key[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_true(string_map_put(map, key, key + 1));
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_string_equal(string_map_get(map, key), key + 1);
        assert_string_equal(string_map_key(map, (size_t)i), key);
    }
}

static void a_removed_key_is_gone_and_the_rest_stays_in_order(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "a", "1");
    string_map_put(map, "b", "2");
    string_map_put(map, "c", "3");
    assert_true(string_map_remove(map, "b"));
    assert_false(string_map_remove(map, "b"));
    assert_false(string_map_has(map, "b"));
    assert_int_equal(string_map_count(map), 2);
    assert_string_equal(string_map_key(map, 1), "c");
    assert_string_equal(string_map_get(map, "c"), "3");
}

static void equality_minds_values_and_null_but_not_order(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "a", "1");
    string_map_put_null(map, "b");
    struct string_map *other = string_map_create();
    string_map_put_null(other, "b");
    string_map_put(other, "a", "1");
    assert_true(string_map_equals(map, other));
    string_map_put(other, "b", "");
    assert_false(string_map_equals(map, other));
    string_map_remove(other, "b");
    assert_false(string_map_equals(map, other));
    string_map_put_null(other, "c");
    assert_false(string_map_equals(map, other));
    assert_false(string_map_equals(map, NULL));
    assert_false(string_map_equals(NULL, map));
    assert_true(string_map_equals(NULL, NULL));
    string_map_destroy(other);
}

static void the_fingerprint_is_the_same_for_ever_in_any_order_and_tells_null_from_empty(void **state)
{
    struct string_map *map = *state, *other = string_map_create();
    char text[FINGERPRINT_SIZE], again[FINGERPRINT_SIZE];
    string_map_put(map, "a", "1");
    string_map_put(map, "b", "");
    string_map_put(other, "b", "");
    string_map_put(other, "a", "1");
    fingerprint(map, text);
    fingerprint(other, again);
    assert_string_equal(text, again);
    assert_string_equal(text, "d2891a9aa57bd618");
    string_map_put_null(other, "b");
    fingerprint(other, again);
    assert_string_not_equal(text, again);
    string_map_destroy(other);
}

static void a_copy_is_equal_and_independent(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "a", "1");
    string_map_put_null(map, "b");
    struct string_map *copy = string_map_copy(map);
    assert_true(string_map_equals(map, copy));
    string_map_put(copy, "a", "2");
    assert_string_equal(string_map_get(map, "a"), "1");
    string_map_destroy(copy);
}

static void a_prefix_selects_and_is_cut_off(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "producer.acks", "all");
    string_map_put(map, "producers.acks", "1");
    string_map_put(map, "producer.", "nothing left");
    string_map_put_null(map, "producer.linger.ms");
    struct string_map *part = string_map_with_prefix(map, "producer.");
    assert_int_equal(string_map_count(part), 2);
    assert_string_equal(string_map_get(part, "acks"), "all");
    assert_true(string_map_has(part, "linger.ms"));
    string_map_destroy(part);
}

static bool build_and_tear_down(void *argument)
{
    (void)argument;
    struct string_map *map = string_map_create(), *copy = NULL, *part = NULL;
    bool worked = map != NULL;
    char key[16];
    for (int i = 0; worked && i < 40; i++) {
        snprintf(key, sizeof(key), "p.%d", i);
        worked = string_map_put(map, key, "value") && string_map_put(map, key, "again");
    }
    worked = worked && (copy = string_map_copy(map)) != NULL && (part = string_map_with_prefix(map, "p.")) != NULL;
    string_map_destroy(part);
    string_map_destroy(copy);
    string_map_destroy(map);
    return worked;
}

static void no_memory_fails_cleanly(void **state)
{
    (void)state;
    alloc_torture(build_and_tear_down, NULL);
}

static void a_put_that_fails_changes_nothing(void **state)
{
    struct string_map *map = *state;
    string_map_put(map, "a", "1");
    for (int n = 0; n < 2; n++) {
        mem_watch_start(n);
        assert_false(string_map_put(map, "b", "2"));
        mem_watch_stop();
    }
    mem_watch_start(0);
    assert_false(string_map_put(map, "a", "2"));
    mem_watch_stop();
    assert_int_equal(string_map_count(map), 1);
    assert_string_equal(string_map_get(map, "a"), "1");
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, with_map, without_map)
RUN_TESTS(WITH_MAP(order_of_insertion_is_kept), WITH_MAP(null_is_a_value_and_not_an_absence),
          WITH_MAP(a_value_may_come_from_the_map_itself), WITH_MAP(many_keys_are_found_again),
          WITH_MAP(a_removed_key_is_gone_and_the_rest_stays_in_order),
          WITH_MAP(equality_minds_values_and_null_but_not_order), WITH_MAP(a_copy_is_equal_and_independent),
          WITH_MAP(the_fingerprint_is_the_same_for_ever_in_any_order_and_tells_null_from_empty),
          WITH_MAP(a_prefix_selects_and_is_cut_off), WITH_MAP(a_put_that_fails_changes_nothing),
          cmocka_unit_test(no_memory_fails_cleanly))
